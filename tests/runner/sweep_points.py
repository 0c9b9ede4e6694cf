"""Points whose computation stands still, or kills its process, when a test wants it to; found by worker processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from bellqueue.model.sweep.point import Outcome, PointTask, outcome_of

GATE = "BELLQUEUE_TEST_GATE"  # names the folder through which a test and its workers talk


class Gate:
    """A folder with two FIFOs: one says which process has reached the point to wait at, the other is never written."""

    def __init__(self, folder: Path) -> None:
        self._victim, self._entered = folder / "victim", folder / "entered"
        self.reached, self.never = folder / "reached", folder / "never"

    def lay(self, identity: str) -> None:
        """The point of that identity waits, the first time that it is computed."""
        self._victim.write_text(identity)
        os.mkfifo(self.reached)
        os.mkfifo(self.never)

    def stops(self, task: PointTask) -> bool:
        """Whether it is the point and the first time."""
        if task.identity != self._victim.read_text():
            return False
        try:
            os.close(os.open(self._entered, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


def instant(task: PointTask) -> Outcome:
    """An outcome that tells tasks apart and costs nothing."""
    workload = task.scenario().workload()
    return Outcome(status="computed", load=workload.load, pair_rate=workload.pair_rate)


def outcome_held_up(task: PointTask) -> Outcome:
    """The point at the gate says its process's id and waits until that process is killed."""
    gate = Gate(Path(os.environ[GATE]))
    if gate.stops(task):
        gate.reached.write_text(str(os.getpid()))
        gate.never.read_text()
    return outcome_of(task)


def outcome_killing_once(task: PointTask) -> Outcome:
    """The point at the gate kills its process, the first time."""
    if Gate(Path(os.environ[GATE])).stops(task):
        os.kill(os.getpid(), signal.SIGKILL)
    return instant(task)


def outcome_killing(task: PointTask) -> Outcome:
    """Every point kills its process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return instant(task)
