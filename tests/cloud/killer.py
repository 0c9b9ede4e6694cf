"""The command line in processes of their own, which can be told to kill themselves at a point of bellqueue's own code.

`python -m tests.cloud.killer POINT -- ARGUMENTS…` is `bellqueue ARGUMENTS…` that dies by SIGKILL at that point. Only
functions of bellqueue are wrapped for it. `python -m tests.cloud.killer --serve` imports the clients once and forks a
process for every command, which saves the three seconds that each would import for; its reports are sketches.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from pathlib import Path
from threading import Timer
from typing import Any, Literal, Self

from ..sketching import sketch
from .faults import PATIENCE


@dataclass(frozen=True)
class Point:
    """Where a process dies.

    Attributes:
        module, name: A function of bellqueue, `Class.method` included.
        moment: Right before it is called, or right after it has returned.
        about: The call must have a text argument that contains this.
    """

    module: str
    name: str
    moment: Literal["before", "after"]
    about: str = ""

    def arm(self) -> None:
        """Wrap the function."""
        *owners, name = self.name.split(".")
        owner: Any = import_module(self.module)
        for each in owners:
            owner = getattr(owner, each)
        setattr(owner, name, self._wrap(getattr(owner, name)))

    def _wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            meant = any(self.about in each for each in args if isinstance(each, str)) or not self.about
            if meant and self.moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = function(*args, **kwargs)
            if meant:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return wrapped


LEDGER, SUBMISSION = "bellqueue.backends.jobs.ledger", "bellqueue.runner.experiment.submission"
POINTS = {
    "before the run is recorded": Point(LEDGER, "Ledger.add_run", "before"),
    "before the intent": Point(LEDGER, "Ledger.intend", "before"),
    "after the intent": Point(LEDGER, "Ledger.intend", "after"),
    "before the id": Point(LEDGER, "Ledger.accepted", "before"),
    "inside the transaction of the result": Point(LEDGER, "_log", "before", "bytes of result"),
    "after the result": Point(LEDGER, "Ledger.store", "after"),
    "before the analysis": Point(SUBMISSION, "analyze_run", "before"),
    "before the folder is noted": Point(LEDGER, "Ledger.finish", "before"),
}
# What a command would import by and by; each module only defines things.
HEAVY = (
    "bellqueue.runner.commands.hardware_commands",
    "bellqueue.runner.commands.showing",
    "bellqueue.runner.experiment.execution",
    "bellqueue.analysis.report.figures.frontiers",
    "bellqueue.analysis.report.page",
    "bellqueue.analysis.report.tables",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "qiskit.qasm3",
    "qiskit_ibm_runtime.decoders.defaults",
    "qiskit_ibm_runtime.executor_sampler",
    "braket.aws",
    "braket.program_sets",
)


def command(args: list[str], point: str) -> None:
    """Be `bellqueue ARGUMENTS…`, perhaps not to the end."""
    if point:
        POINTS[point].arm()
    sys.argv = ["bellqueue", *args]
    from bellqueue.runner.commands.cli import main

    main()


def serve() -> None:
    """Read one command a line (JSON: args, environment, folder, point) on stdin; answer its pid, then its exit code."""
    for module in HEAVY:
        import_module(module)
    sketch(setattr)
    from bellqueue.model.games.frontiers import Frontiers
    from bellqueue.model.scenario.file import Scenario

    assert Frontiers.of(Scenario.default()).every_classical  # which every command would compute anew
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(request)
        print(pid, file=answers, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _become(request: Mapping[str, Any]) -> None:
    """In a forked process: take over environment, folder and streams, run the command, end."""
    code: Any = 1
    try:
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        for number, name in enumerate((os.devnull, "stdout", "stderr")):
            opened = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(opened, number)
        command(request["args"], request["point"])
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # as the interpreter does it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


class Launcher:
    """Starts commands one after the other, each a process of its own: a context manager.

    `stdout` and `stderr` of a command become files of that name in its folder.
    """

    def __init__(self, *, fresh: bool) -> None:
        """Choose how.

        Args:
            fresh: Whether every command has an interpreter of its own, as a user's has, or is forked from one that has
                imported the clients.
        """
        self._fresh = fresh
        self._server: subprocess.Popen[str] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._home: tempfile.TemporaryDirectory[str] | None = None
        self.pid = 0
        self._running = False

    def __enter__(self) -> Self:
        if not self._fresh:
            self._home = tempfile.TemporaryDirectory()  # the clients look for saved accounts while they are imported
            # One thread of linear algebra: none but this one is there when a process is forked.
            environment = {**settings(), "HOME": self._home.name, "OPENBLAS_NUM_THREADS": "1"}
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.cloud.killer", "--serve"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._server and self._home:
            assert self._server.stdin
            self._server.stdin.close()
            self._server.wait(PATIENCE)
            assert self._server.stdout
            self._server.stdout.close()
            self._home.cleanup()

    def start(self, args: list[str], environment: Mapping[str, str], folder: Path, point: str = "") -> None:
        """Start `bellqueue ARGUMENTS…` in a folder; with a point, to die there."""
        self._running = True
        if self._server:
            request = {"args": args, "environment": dict(environment), "folder": str(folder), "point": point}
            assert self._server.stdin
            print(json.dumps(request), file=self._server.stdin, flush=True)
            self.pid = int(self._answer())
            return
        words = ["tests.cloud.killer", point, "--"] if point else ["bellqueue"]
        with (folder / "stdout").open("w") as out, (folder / "stderr").open("w") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *words, *args],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                text=True,
            )
        self.pid = self._process.pid

    def wait(self) -> int:
        """Its exit code, negative where a signal ended it; one that hangs is killed."""
        alarm = Timer(PATIENCE, self.kill)
        alarm.start()
        try:
            return self._process.wait() if self._process else int(self._answer())
        finally:
            alarm.cancel()
            self._running = False

    def stop(self) -> None:
        """Kill what still runs, after a test that gave up."""
        if self._running:
            self.kill()
            self.wait()

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)

    def _answer(self) -> str:
        assert self._server
        assert self._server.stdout
        return self._server.stdout.readline()


def settings() -> dict[str, str]:
    """What a command needs of this process's environment: where programs, modules and matplotlib's fonts are."""
    import matplotlib

    names = ("PATH", "PYTHONPATH", "LANG", "VIRTUAL_ENV")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    folder = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (kept.get("PYTHONPATH"), folder)))
    return {**kept, "PYTHONPATH": path, "MPLCONFIGDIR": matplotlib.get_configdir(), "OMP_NUM_THREADS": "1"}


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        command(sys.argv[3:], sys.argv[1])
