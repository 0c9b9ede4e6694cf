"""What everyday commands compute: processor seconds of whole processes, beside importing the libraries they use."""

from __future__ import annotations

import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ._measure import Say, Section, Table, duration

NUMBERS = 'python -c "import scipy.optimize, pydantic, typer"'
DEVICES = 'python -c "import qiskit_aer, matplotlib.figure, scipy.optimize, pydantic, typer"'
HANOI = str(Path(__file__).resolve().parents[1] / "examples" / "ibm_hanoi.json")
MODULE = (sys.executable, "-m", "bellqueue")
ANALYZE = (*MODULE, "analyze", HANOI, "--scenario", "default")


def processor_seconds(command: Sequence[str], folder: str) -> float:
    """Processor seconds of a process and its children, from its start to its end.

    Raises:
        CalledProcessError: it failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(full: bool, say: Say) -> Section:
    """Each command several times, by turns."""
    commands = {
        NUMBERS: (sys.executable, *shlex.split(NUMBERS)[1:]),
        "bellqueue frontier": (*MODULE, "frontier"),
        "bellqueue analyze examples/ibm_hanoi.json --json": (*ANALYZE, "--json"),
        "bellqueue analyze examples/ibm_hanoi.json --report": (*ANALYZE, "--report", "report.html"),
        DEVICES: (sys.executable, *shlex.split(DEVICES)[1:]),
        "bellqueue run": (*MODULE, "run", "--seed", "2026"),
        "bellqueue plan --all": (*MODULE, "plan", "--all"),
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        for name, command in commands.items():
            say(name)
            processor_seconds(command, folder)  # compiled and cached files are there from now on
        for _ in range(9 if full else 3):
            for name, command in commands.items():
                taken[name].append(processor_seconds(command, folder))
    seconds = {name: statistics.median(each) for name, each in taken.items()}
    rows = []
    for name, each in seconds.items():
        base = NUMBERS if list(seconds).index(name) < list(seconds).index(DEVICES) else DEVICES
        rows.append((f"`{name}`", duration(each), f"{each / seconds[base]:.1f}×"))
    table = Table("Processor time of a whole process", ("command", "takes", "over its libraries' import"), rows)
    text = "On the default scenario, one thread; each beside importing what it cannot do without."
    return Section("Everyday commands", text, [table], [], ("numpy", "scipy", "qiskit-aer", "matplotlib"))
