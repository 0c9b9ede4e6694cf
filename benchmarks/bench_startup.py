"""How long a command waits before anything happens: whole processes against Python itself and importing Qiskit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial

from ._measure import Claim, Say, Section, Table, duration, interleaved, measure_by, times

PYTHON, QISKIT = 'python -c "pass"', 'python -c "import qiskit"'
HELP, VERSION = "bellqueue --help", "bellqueue --version"
MODULE = (sys.executable, "-m", "bellqueue")
COMMANDS = {
    PYTHON: (sys.executable, "-c", "pass"),
    VERSION: (*MODULE, "--version"),
    HELP: (*MODULE, "--help"),
    QISKIT: (sys.executable, "-c", "import qiskit"),
}


def completed(command: Sequence[str]) -> int:
    """Run a command to its end; the length of what it printed.

    Raises:
        CalledProcessError: it failed.
    """
    return len(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def run(full: bool, say: Say) -> Section:
    """Each command many times, by turns."""
    say(", ".join(COMMANDS))
    measure_by("wall")  # the time is spent in other processes
    calls: dict[str, Callable[[], int]] = {name: partial(completed, command) for name, command in COMMANDS.items()}
    seconds = {name: timing.median for name, timing in interleaved(calls, 41 if full else 15).items()}
    rows = [
        (f"`{name}`", duration(taken), times(taken / seconds[PYTHON]), f"{taken / seconds[QISKIT]:.2f}×")
        for name, taken in seconds.items()
    ]
    table = Table("A whole process", ("command", "takes", "over Python alone", "over importing Qiskit"), rows)
    share = max(seconds[HELP], seconds[VERSION]) / seconds[QISKIT]
    claim = Claim(
        "`bellqueue --help` and `--version` end before Qiskit would have been imported",
        f"in {share:.2f} of that time, {times(max(seconds[HELP], seconds[VERSION]) / seconds[PYTHON])} Python alone",
        share < 1,
    )
    text = "Nothing heavy is imported before a command needs it. Whole processes, from their start to their end."
    return Section("Start-up", text, [table], [claim], ("qiskit", "typer"))
