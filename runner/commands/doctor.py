"""`bellqueue doctor`: what of this installation works, and the remedy for what does not."""

from __future__ import annotations

import json as json_module
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...model.errors import BellqueueError, UnreachableError
from ...model.printable import command_line, quoted
from ..experiment.folder import ANALYSIS, RUNS, TRIALS, leftovers
from ..experiment.provenance import bellqueue_version, installed_version, library_versions
from .terminal import print_lines, print_record

if TYPE_CHECKING:
    from packaging.requirements import Requirement

SCHEMA = "bellqueue.doctor/1"
SHOTS = 100  # of each simulator
LEAST_AGREEMENT = 0.6  # of trials come out as planned; of a Bell pair about 0.85, of coins 0.5
LITTLE_SPACE, NO_SPACE = 1e9, 50e6  # bytes; a run of a million trials takes about 10 MB
LETTERS = "τρμβ–…≥×─"  # of tables and sentences
REINSTALL = "install it again in a new environment, with `make demo` in a checkout"

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        state: `fail` where something that a user needs does not work, `warn` where something they may want does not.
        found: What was found, in words; never a secret.
        remedy: What to do, or empty.
    """

    check: str
    state: State
    found: str
    remedy: str = ""

    def lines(self) -> list[str]:
        """For a terminal."""
        return [f"{self.state:4}  {self.check}: {self.found}", *([f"      → {self.remedy}"] if self.remedy else [])]


def doctor_command(json: bool, online: bool = False) -> bool:
    """Check everything, print each finding at once, and return whether nothing is broken."""
    findings = []
    for finding in examine(online):
        findings.append(finding)
        if not json:
            print_lines(*finding.lines(), flush=True)  # the simulators take seconds
    broken = [finding for finding in findings if finding.state == "fail"]
    if json:
        content = {"schema": SCHEMA, "healthy": not broken, "findings": [asdict(finding) for finding in findings]}
        print_record(json_module.dumps(content, indent=2, ensure_ascii=False))
    else:
        told = f"broken: {', '.join(finding.check for finding in broken)}" if broken else "Nothing is broken."
        print_lines("", told)
    return not broken


def examine(online: bool = False) -> Iterator[Finding]:
    """Every finding in turn; a check that breaks does not stop the others."""
    yield from _checked("bellqueue", _versions)
    yield from _checked("credentials", _credentials)
    if online:
        yield from _checked("providers", _providers)
    yield from _checked("aer", lambda: _simulator("aer"))
    yield from _checked("fake:torino", lambda: _simulator("fake:torino"))
    yield from _checked("link", lambda: _simulator("link", ":rate=1,fidelity=1,memory_time=1000"))
    if installed_version("amazon-braket-sdk"):
        yield from _checked("braket-local", lambda: _simulator("braket-local"))
    yield from _checked("run folder", _run_folder)
    yield from _checked("ledger", _ledger)
    yield from _checked("terminal", _terminal)


def _checked(check: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except BellqueueError as error:  # its text says what to do
        yield Finding(check, "fail", str(error))
    except Exception as error:  # a diagnosis reports whatever is wrong
        first = next(iter(str(error).splitlines()), "")
        yield Finding(check, "fail", f"{type(error).__name__}: {first}", REINSTALL)


def _versions() -> Iterator[Finding]:
    """bellqueue, Python, the libraries, and what each extra asks for."""
    from packaging.requirements import Requirement

    versions = library_versions()
    yield Finding("bellqueue", "ok", f"{bellqueue_version()}, Python {versions.pop('python')}")
    yield Finding("libraries", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))
    needed = [Requirement(text) for text in metadata.requires("bellqueue") or ()]
    for each in needed:
        if _asked_for(each, "") and not _fits(each):
            found = installed_version(each.name) or "not installed"
            remedy = f'pip install "{each.name}{each.specifier}"'
            yield Finding(each.name, "fail", f"{found}, needed is {each.specifier}", remedy)
    for extra in metadata.metadata("bellqueue").get_all("Provides-Extra") or ():
        if extra in ("all", "dev"):  # of others, and of developers
            continue
        own = [each for each in needed if _asked_for(each, extra) and not _asked_for(each, "")]
        lacking = [each.name for each in own if not _fits(each)]
        told = ", ".join(f"{each.name} {installed_version(each.name) or 'not installed'}" for each in own)
        if lacking:
            yield Finding(f"extra {extra}", "warn", told, f'if you want it: pip install "bellqueue[{extra}]"')
        else:
            yield Finding(f"extra {extra}", "ok", told)


def _asked_for(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _fits(requirement: Requirement) -> bool:
    """Whether what is installed satisfies a requirement; a release candidate was installed on purpose."""
    found = installed_version(requirement.name)
    return found is not None and requirement.specifier.contains(found, prereleases=True)


def _credentials() -> Iterator[Finding]:
    """Whether keys are there and private; only their places are printed."""
    from ...backends.accounts import credentials

    path = credentials.locate()
    have_ibm, have_braket = credentials.have_ibm(), credentials.have_braket()  # refuse a file that others may read
    file = f"{path}, read by you alone" if path else "no file; simulators need none, docs/hardware.md says how"
    yield Finding("credentials", "ok", file)
    if have_ibm:
        yield Finding("IBM Quantum", "ok", f"key found in {credentials.ibm_credentials().source}")
    if have_braket:
        yield Finding("Amazon Braket", "ok", f"key found in {credentials.braket_credentials().source}")


def _providers() -> Iterator[Finding]:
    """Whether the providers that there are keys for accept them; a network that is down is nobody's mistake."""
    from ...backends.accounts.credentials import have_braket, have_ibm
    from ...backends.braket import session as braket
    from ...backends.ibm import session as ibm
    from ...backends.registry import PROVIDERS

    known = {"IBM Quantum": have_ibm(), "Amazon Braket": have_braket()}
    for name, provider, sign_in in (
        ("IBM Quantum", "ibm", ibm.sign_in),
        ("Amazon Braket", "braket", lambda: braket.devices(lambda line: None)),
    ):
        if not known[name]:
            state: State = "ok" if any(known.values()) else "warn"  # most people have one account
            remedy = "" if state == "ok" else "docs/hardware.md says where a key is looked for"
            yield Finding(name, state, "not asked online, because there is no key", remedy)
            continue
        try:
            if lacking := PROVIDERS[provider].lacking:
                yield Finding(name, "warn", lacking)
            else:
                sign_in()
                yield Finding(name, "ok", "answers and accepts the key")
        except UnreachableError as error:
            yield Finding(name, "warn", str(error).removeprefix(f"{name}, "))
        except BellqueueError as error:
            yield Finding(
                name,
                "fail",
                str(error).removeprefix(f"{name}, "),
                "correct the key; docs/hardware.md says where it is looked for",
            )


def _simulator(name: str, options: str = "") -> Iterator[Finding]:
    """A short run by the whole pipeline."""
    from ...backends import LocalBackend, open_backend
    from ...model.progress import unwatched
    from ...model.scenario.file import Scenario
    from ..experiment.pipeline import measure
    from ..experiment.preparation import prepare_point

    scenario = Scenario.default().with_experiment(shots=SHOTS)
    backend = open_backend(name + options, scenario)
    assert isinstance(backend, LocalBackend)
    experiment = prepare_point(scenario, seed=1, backend=backend)
    trials = measure(experiment, backend, unwatched)
    wanted = experiment.point.strategy.correlators[trials.x, trials.y] > 0
    share = float(((trials.a == trials.b) == wanted).mean())
    told = f"{len(trials)} trials, {100 * share:.0f} % of them as the strategy wants"
    if len(trials) == SHOTS and share >= LEAST_AGREEMENT:
        yield Finding(name, "ok", told)
    else:
        yield Finding(name, "fail", f"{told}; a Bell pair gives more", REINSTALL)


def _run_folder() -> Iterator[Finding]:
    """Where runs go without --out, and the space there."""
    try:
        Path.cwd()
    except FileNotFoundError:
        yield Finding("run folder", "fail", "the folder you are in has been deleted", "go to another folder")
        return
    yield _writable("run folder", RUNS.absolute(), "go to a folder that you may write to, or name one with --out")
    free = shutil.disk_usage(_existing(RUNS.absolute())).free
    state: State = "fail" if free < NO_SPACE else "warn" if free < LITTLE_SPACE else "ok"
    remedy = "" if state == "ok" else "make room, or choose another disk with --out"
    yield Finding("disk", state, f"{free / 1e9:.1f} GB free", remedy)
    for draft in (*leftovers(Path()), *leftovers(RUNS)):
        yield Finding("leftovers", "warn", f"{draft}, of a command that was killed or is at work", _rescue(draft))


def _rescue(draft: Path) -> str:
    """What to type to save what a half-made folder or file holds, or to remove it."""
    from ..experiment.submission import JOBS

    own = quoted(str(draft))
    if (draft / JOBS).is_file():  # all of it is in the ledger
        return command_line("fetch", json_module.loads((draft / JOBS).read_text("utf-8"))["run"])
    if not (draft / TRIALS).is_file():
        return f"if none is at work: rm -r {own}"
    target = draft.with_name(draft.name.removeprefix(".").rsplit(".", 2)[0])
    record = quoted(str(target / ANALYSIS))
    again = f"{command_line('analyze', target, '--json')} > {record} && {command_line('report', target)}"
    return f"it has the trials of a run: mv {own} {quoted(str(target))} && {again}"


def _ledger() -> Iterator[Finding]:
    """Where submitted runs are written down."""
    from ...backends.jobs.ledger import Ledger, default_ledger

    path = default_ledger()
    yield _writable("ledger", path.parent.absolute(), "name another file in BELLQUEUE_LEDGER or with --ledger")
    if path.exists():
        with Ledger(path, begin=False) as ledger:
            runs = ledger.runs()
        waiting = sum(run.waiting for run in runs)
        yield Finding("submitted runs", "ok", f"{len(runs)} in {path.name}, {waiting} to be fetched")


def _terminal() -> Iterator[Finding]:
    """Whether the letters of the tables can be shown."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        LETTERS.encode(encoding)
    except UnicodeEncodeError:
        remedy = "for Greek letters instead of question marks: export PYTHONUTF8=1, or a locale such as C.UTF-8"
        yield Finding("terminal", "warn", f"encoding {encoding}", remedy)
    else:
        yield Finding("terminal", "ok", f"encoding {encoding}, {shutil.get_terminal_size().columns} columns")


def _writable(check: str, folder: Path, remedy: str) -> Finding:
    """Whether files can be written in a folder, or it can be made where it is not there yet."""
    place = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Finding(check, "fail", f"{place} cannot be written to: {error.strerror}", remedy)
    return Finding(check, "ok", f"{folder} can be written to" if place == folder else f"{folder} can be made")


def _existing(path: Path) -> Path:
    """The path, or the nearest above it that is there."""
    return next(each for each in (path, *path.parents) if each.exists())
