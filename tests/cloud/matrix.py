"""The matrix of crashes and the matrix of faults: every cell a real command line against a double, and its facts."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple, Self

import numpy as np
from bellqueue.runner.experiment.folder import RunFolder

from .faults import PATIENCE, Fault
from .killer import Launcher, settings
from .providers import PROVIDERS, Service

State = Literal["complete", "refused", "failed", "cancelled", "not submitted", "not recorded"]
SHOTS = "2000"
GIVE_UP = 15.0  # seconds to a stalled request; every other one of the command must be answered in that time
COMPLETE = ("analysis.json", "report.html", "jobs.json", "plan.json", "scenario.json", "calibration.json")
# Every line that may stand on stderr: the estimate, its basis, what was submitted, and bellqueue's own complaints.
LINES = re.compile(r"(bellqueue: |run \d{8}-\w+|  \(|ibm:|braket:).*|\s*")
RESUME = re.compile(r"bellqueue (submit --resume \d{8}-\w+)")


@dataclass(frozen=True, eq=False)
class Crash:
    """Where `bellqueue run` is killed, and what one `bellqueue fetch` must make of it.

    Attributes:
        name: For people.
        point: Of our own code (killer.POINTS), or
        stalled: `submit`, `poll` or `result`: the request in the middle of which the process dies,
        moment: `before` or `after` the service acted on it.
        state: What `fetch` must come to.
    """

    name: str
    point: str = ""
    stalled: str = ""
    moment: Literal["before", "after"] = "before"
    state: State = "complete"


@dataclass(frozen=True, eq=False)
class Break:
    """What goes wrong at the provider while `bellqueue run` goes on, and what must come of it.

    Attributes:
        name: For people.
        on: `submit`, `poll` or `result`: the requests that a fault befalls.
        fault, times: The fault, and how many requests it befalls; None: all.
        before: Arranges the double before the command starts.
        meanwhile: Goes on while the command runs.
        state: How it must end, in spite of it or because of it.
        jobs: At the provider, at the end.
        says: What stderr must contain.
        home: Whether `run` itself must bring the results home; if not, the `fetch` after it must.
        stubborn: Whether a fetch is tried before the provider is healed, too; it must say and end with the same.
    """

    name: str
    on: str = ""
    fault: Fault | None = None
    times: int | None = 1
    before: Callable[[Service], None] = lambda service: None
    meanwhile: Callable[[Service, Cell], None] = lambda service, cell: None
    state: State = "complete"
    jobs: int = 1
    says: str = ""
    home: bool = True
    stubborn: bool = False

    @property
    def given_up(self) -> bool:
        """Whether a request stalls until the client gives it up."""
        return self.fault is not None and self.fault.kind == "stall" and self.meanwhile is Break.meanwhile


class Outcome(NamedTuple):
    """What became of a cell.

    Attributes:
        happened: In a few words, for the table.
        wrong: Facts that do not hold.
    """

    happened: str
    wrong: list[str]


CRASHES = (
    Crash("before the run is recorded", "before the run is recorded", state="not recorded"),
    Crash("recorded, before the intent", "before the intent", state="not submitted"),
    Crash("after the intent, before the POST", "after the intent", state="not submitted"),
    Crash("during the POST, not acted upon", stalled="submit", state="not submitted"),
    Crash("accepted, no answer yet", stalled="submit", moment="after"),
    Crash("accepted and answered, id not stored", "before the id"),
    Crash("polling", stalled="poll"),
    Crash("downloading", stalled="result", moment="after"),
    Crash("storing the result, before the commit", "inside the transaction of the result"),
    Crash("result stored, not settled", "after the result"),
    Crash("analysing", "before the analysis"),
    Crash("folder renamed, not noted", "before the folder is noted"),
)


@dataclass
class Cell:
    """One command after another in a folder of its own, against one double.

    Attributes:
        service: The provider.
        folder: Holds home, ledger, run folders and the streams of the latest command.
        launcher: Starts the commands.
        patience: Seconds that a request may take.
        wrong: Facts found not to hold.
        said: What all commands wrote to stderr.
    """

    service: Service
    folder: Path
    launcher: Launcher
    patience: float = PATIENCE
    wrong: list[str] = field(default_factory=list)
    said: str = ""

    def start(self, *args: str, point: str = "") -> None:
        """Start a command."""
        environment = {
            **settings(),
            **self.service.double.environment(),
            "HOME": str(self.folder),
            "BELLQUEUE_LEDGER": str(self.ledger),
            "BELLQUEUE_SETTLE": "1",
            "BELLQUEUE_TIMEOUT": str(self.patience),
        }
        self.launcher.start(list(args), environment, self.folder, point)

    def run(self, point: str = "") -> None:
        """Start `bellqueue run`."""
        scenario = []
        if self.service.scenario:
            (self.folder / "asked.json").write_text(self.service.scenario)
            scenario = ["asked.json"]
        options = ["--backend", self.service.backend, "--shots", SHOTS, "--seed", "7", "--max-cost", "100"]
        self.start("run", *scenario, *options, "--poll", "0.2", point=point)

    def end(self) -> int:
        """Wait for the command to end; its exit code. Checks what it wrote."""
        code = self.launcher.wait()
        stderr = self.stderr()
        self.said += stderr
        # A killed process may have written half a line.
        lines = stderr.splitlines() if code >= 0 else stderr.splitlines()[:-1]
        self.check(not [line for line in lines if not LINES.fullmatch(line)], f"stderr is not plain: {stderr[-800:]!r}")
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        for secret in self.service.secrets():
            written = [path for path in files if secret.encode() in path.read_bytes()]
            self.check(not written, f"a secret is in {', '.join(path.name for path in written)}")
        return code

    def fetch(self, *names: str) -> int:
        """`bellqueue fetch`, to its end."""
        self.start("fetch", *names, "--wait", "--poll", "0.2")
        return self.end()

    def check(self, fact: bool, otherwise: str) -> None:
        """Note a fact that does not hold."""
        if not fact:
            self.wrong.append(otherwise)

    def stderr(self) -> str:
        """What the latest command wrote there so far."""
        path = self.folder / "stderr"
        return path.read_text("utf-8") if path.exists() else ""

    def wait_until_said(self, words: str, count: int) -> None:
        """Until the running command has said it so often.

        Raises:
            TimeoutError: it never does.
        """
        deadline = time.monotonic() + PATIENCE
        while self.stderr().count(words) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{words!r} was not said {count} times: {self.stderr()!r}")
            time.sleep(0.05)

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.db"

    def recorded(self) -> list[tuple[str, str]]:
        """(id, run folder) of every run, read without bellqueue."""
        with sqlite3.connect(self.ledger) as database:
            self.check(database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "the ledger is damaged")
            found: list[tuple[str, str]] = database.execute("SELECT id, folder FROM runs").fetchall()
        database.close()
        return found

    def check_complete(self) -> None:
        """Check that the only run has its folder, with every trial that the double measured, and is left alone."""
        runs = self.recorded()
        self.check(len(runs) == 1, f"{len(runs)} runs are recorded")
        name, place = runs[0]
        folder = Path(place)
        missing = [each for each in (*COMPLETE, "trials.csv") if not (folder / each).is_file()]
        self.check(not missing, f"{', '.join(missing)} missing in the run folder")
        if missing:
            return
        self._check_trials(folder)
        beside = [path.name for path in folder.parent.iterdir() if path != folder]
        self.check(not beside, f"left beside the run folder: {', '.join(beside)}")
        before = _digest(folder)
        self.check(self.fetch(name) == 0, f"a second fetch fails: {self.stderr()!r}")
        self.check(_digest(folder) == before, "a second fetch changed the run folder")

    def _check_trials(self, folder: Path) -> None:
        run = RunFolder.open(folder)
        (strategy,) = run.plan().strategy
        trials = run.trials((len(strategy.alpha), len(strategy.beta)))
        angles = np.column_stack([np.array(strategy.alpha)[trials.x], np.array(strategy.beta)[trials.y]])
        measured = self.service.measured()
        self.check(len(measured) == int(SHOTS) == len(trials), f"{len(trials)} trials, {len(measured)} were measured")
        if len(measured) == len(trials):
            outcomes = np.column_stack([trials.a, trials.b])
            self.check(bool(np.array_equal(outcomes, measured[:, 2:])), "the outcomes are not those measured, in order")
            self.check(bool(np.allclose(angles, measured[:, :2])), "the settings are not those measured, in order")


def _token_expires(service: Service, cell: Cell) -> None:
    service.double.wait_for(*service.poll)
    service.expire()
    service.double.released.set()


def _outage(service: Service, cell: Cell) -> None:
    service.double.wait_for(*service.poll)
    service.double.stop()
    cell.wait_until_said("trying again", 2)
    service.double.start()


def _slow_queue(service: Service) -> None:
    service.double.queue_polls = 15


NOT: State = "not submitted"
REASON = "the fridge warmed up"
KEPT = "what came is kept, and the next fetch asks again"
UNKNOWN = "looking whether the job was accepted"
BREAKS = (
    Break("500 on POST, before acceptance", "submit", Fault.status(500), state=NOT, jobs=0, says=UNKNOWN),
    Break("504 on POST, after acceptance", "submit", Fault.status(504, "after"), says=UNKNOWN),
    Break("POST drops, before acceptance", "submit", Fault("drop", "before"), state=NOT, jobs=0, says=UNKNOWN),
    Break("POST drops, after acceptance", "submit", Fault("drop", "after"), says=UNKNOWN),
    Break("POST stalls, before acceptance", "submit", Fault("stall", "before"), state=NOT, jobs=0, says=UNKNOWN),
    Break("POST stalls, after acceptance", "submit", Fault("stall", "after"), says=UNKNOWN),
    Break("401 on POST", "submit", Fault.status(401), state="refused", jobs=0),
    Break("403 on POST", "submit", Fault.status(403), state="refused", jobs=0, says="a fault that was asked for"),
    Break("429 on POST", "submit", Fault.status(429), state="refused", jobs=0, says="try again later"),
    Break("polling stalls", "poll", Fault("stall", "before"), says="trying again"),
    Break("429 on polling", "poll", Fault.status(429), says="trying again"),
    Break("503 on polling, twice", "poll", Fault.status(503), times=2, says="trying again"),
    Break("outage while polling", "poll", Fault("stall", "before"), meanwhile=_outage, says="trying again"),
    Break(
        "credentials expire while polling",
        "poll",
        Fault("stall", "before"),
        meanwhile=_token_expires,
        says="sign-in",
        home=False,
    ),
    Break("slow queue", before=_slow_queue),
    Break("download stalls", "result", Fault("stall", "after"), says="trying again"),
    Break("503 on download", "result", Fault.status(503), says="trying again"),
    Break("result truncated, once", "result", Fault("truncate")),
    Break("result empty, once", "result", Fault("empty")),
    Break("result cut off, once", "result", Fault("cut")),
    Break("result truncated, always", "result", Fault("truncate"), None, says=KEPT, home=False, stubborn=True),
    Break("job fails", before=lambda service: service.end_jobs("failed", REASON), state="failed", says=REASON),
    Break("job cancelled", before=lambda service: service.end_jobs("cancelled", REASON), state="cancelled"),
)


def run_crash(crash: Crash, provider: str, folder: Path, launcher: Launcher) -> Outcome:
    """Kill `bellqueue run`, heal the provider, fetch once, and look."""
    service = PROVIDERS[provider]()
    with service.double as double:
        cell = Cell(service, folder, launcher)
        if crash.stalled:
            method, path = getattr(service, crash.stalled)
            double.fail(method, path, Fault("stall", crash.moment))
        cell.run(crash.point)
        if crash.stalled:
            double.wait_for(method, path)
            launcher.kill()
        code = cell.end()
        cell.check(code == -9, f"run was not killed but ended with {code}: {cell.stderr()!r}")
        double.heal()
        return _conclude(cell, cell.fetch(), crash.state, jobs=int(crash.state == "complete"))


def run_break(broken: Break, provider: str, folder: Path, launcher: Launcher) -> Outcome:
    """Break the provider under `bellqueue run`, heal it, fetch once if that is needed, and look."""
    service = PROVIDERS[provider]()
    with service.double as double:
        cell = Cell(service, folder, launcher, GIVE_UP if broken.given_up else PATIENCE)
        broken.before(service)
        if broken.fault:
            method, path = getattr(service, broken.on)
            double.fail(method, path, broken.fault, broken.times)
        cell.run()
        broken.meanwhile(service, cell)
        code = cell.end()
        says = service.sign_in_words if broken.says == "sign-in" else broken.says
        cell.check(says in cell.said, f"{says!r} was not said: {cell.said[-800:]!r}")
        at_home = broken.home and broken.state == "complete"
        cell.check((code == 0) == at_home, f"run ended with {code}: {cell.said[-800:]!r}")
        if broken.stubborn:
            cell.check(cell.fetch() == code, f"fetch did not end like run: {cell.stderr()!r}")
            cell.check(says in cell.stderr(), f"{says!r} was not said: {cell.stderr()!r}")
        double.heal()
        if code != 0:
            service.renew()
            code = cell.fetch()
        return _conclude(cell, code, broken.state, broken.jobs)


def _conclude(cell: Cell, code: int, state: State, jobs: int) -> Outcome:
    """Check what `fetch`, or `run` where it sufficed, ended with; where nothing was submitted, do as it says."""
    cell.check((code == 0) == (state in ("complete", "not recorded")), f"fetch ended with {code}: {cell.stderr()!r}")
    happened = f"{state}, {cell.service.jobs()} job{'s' if cell.service.jobs() != 1 else ''}"
    if cell.service.jobs() != jobs:
        return Outcome(happened, [*cell.wrong, f"{cell.service.jobs()} jobs at the provider, {jobs} expected"])
    words = {"complete": "", "not recorded": "no run in ", "not submitted": "1 jobs brought nothing"}.get(state, state)
    cell.check(words in cell.stderr(), f"{words!r} was not said: {cell.stderr()!r}")
    told = RESUME.search(cell.stderr())
    if state == "complete":
        cell.check_complete()
    elif state == "not recorded":
        cell.check(not cell.recorded(), "there is a run after all")
    else:
        cell.check(told is not None, f"nothing says how to submit: {cell.stderr()!r}")
    if told and jobs == 0:
        cell.start(*told[1].split(), "--max-cost", "100")
        cell.check(cell.end() == 0, f"{told[0]} failed: {cell.stderr()!r}")
        cell.check(cell.fetch() == 0, f"fetch after {told[0]} failed: {cell.stderr()!r}")
        cell.check(cell.service.jobs() == 1, f"{cell.service.jobs()} jobs after {told[0]}")
        cell.check_complete()
        happened += ", told how; then complete"
    cell.wrong += cell.service.mistakes()
    return Outcome(happened, cell.wrong)


class Workers:
    """Several launchers, each running one cell at a time: a context manager, to be used by as many threads."""

    def __init__(self, number: int, *, fresh: bool) -> None:
        """Prepare a number of launchers; `fresh` as for each of them."""
        self._launchers = [Launcher(fresh=fresh) for _ in range(number)]
        self._stack = ExitStack()
        self._free: SimpleQueue[Launcher] = SimpleQueue()

    def __enter__(self) -> Self:
        for launcher in self._launchers:
            self._free.put(self._stack.enter_context(launcher))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, cell: Crash | Break, provider: str) -> Outcome:
        """What becomes of a cell; an exception is a fact that does not hold."""
        launcher = self._free.get()
        try:
            with TemporaryDirectory() as folder:
                if isinstance(cell, Crash):
                    return run_crash(cell, provider, Path(folder), launcher)
                return run_break(cell, provider, Path(folder), launcher)
        except Exception as error:  # a table shows the other cells all the same
            return Outcome(type(error).__name__, [*traceback.format_exception(error)])
        finally:
            launcher.stop()
            self._free.put(launcher)


def _digest(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}
