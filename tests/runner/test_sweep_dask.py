"""A sweep on a real Dask scheduler with real workers, all on this machine; one worker is killed in the middle."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from bellqueue.model.errors import SweepError
from bellqueue.model.sweep.grid import Sweep
from bellqueue.model.sweep.point import outcome_of
from bellqueue.runner.experiment.provenance import numerical_versions
from bellqueue.runner.sweep import executors
from bellqueue.runner.sweep.computing import compute_sweep
from bellqueue.runner.sweep.executors import dask_cluster
from bellqueue.runner.sweep.folder import open_sweep_folder
from bellqueue.runner.sweep.table import csv_text

from tests.runner.sweep_points import GATE, Gate, outcome_held_up
from tests.runner.test_sweep import identities, journal
from tests.scenarios import heavy_scenario

distributed = pytest.importorskip("distributed")

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 600  # seconds after which a test that waits for something has failed
LOOPBACK = ("--host", "127.0.0.1", "--no-dashboard")
VICTIM = 3  # the point whose worker is killed


@pytest.fixture(autouse=True)
def _kept() -> None:
    """Nothing is: a point solved after others would differ in its last digits from one solved alone."""


def dask(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # workers find the points of the tests
    command = [sys.executable, "-m", "dask", *arguments, *LOOPBACK]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, **options)


@contextmanager
def running(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, and after the block no more of it."""
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def started_scheduler() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A scheduler that listens on a free port of the loopback, and its address."""
    with running(dask("scheduler", "--port", "0")) as scheduler:
        assert scheduler.stderr
        said = (re.search(r"tcp://127\.0\.0\.1:\d+", line) for line in scheduler.stderr)
        yield scheduler, next(found[0] for found in said if found)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler may take its time to answer."""
    monkeypatch.setattr(executors, "CONNECTING", PATIENCE)


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder through which workers started from here on can be held up."""
    monkeypatch.setenv(GATE, str(tmp_path))
    return tmp_path


@pytest.fixture
def cluster(gate: Path) -> Iterator[tuple[str, dict[int, subprocess.Popen[str]]]]:
    """Address of a scheduler, and two workers of one thread by their process ids."""
    with ExitStack() as stack:
        _, address = stack.enter_context(started_scheduler())
        workers = [
            stack.enter_context(running(dask("worker", address, "--no-nanny", "--nthreads", "1", cwd=gate)))
            for _ in range(2)
        ]
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=PATIENCE)
        yield address, {worker.pid: worker for worker in workers}


def test_a_killed_worker_loses_and_doubles_nothing(
    gate: Path, cluster: tuple[str, dict[int, subprocess.Popen[str]]]
) -> None:
    """One worker is held up at a point, the other goes on; then the first is killed with that point unfinished."""
    address, workers = cluster
    axis = {"field": "baseline.reward.exponent", "from": 1.5, "to": 4.5, "count": 7}
    sweep = Sweep.parse({"axis": [axis], "scenario": heavy_scenario().record()})
    wanted = identities(sweep)
    Gate(gate).lay(wanted[VICTIM])
    in_the_middle = threading.Event()
    failures: list[BaseException] = []
    with open_sweep_folder(gate / "out", sweep) as folder:

        def watch(what: str, done: int, total: int | None) -> None:
            if len(folder.outcomes) == VICTIM:
                in_the_middle.set()

        def compute() -> None:
            try:
                compute_sweep(sweep, folder, scheduler=address, function=outcome_held_up, watch=watch)
            except BaseException as failure:
                failures.append(failure)

        sweeping = threading.Thread(target=compute)
        sweeping.start()
        killed = _said(Gate(gate).reached)
        assert in_the_middle.wait(PATIENCE)
        before = journal(gate / "out")
        assert VICTIM <= len(before) < len(wanted)
        assert wanted[VICTIM] not in before
        os.kill(killed, signal.SIGKILL)
        sweeping.join(PATIENCE)
        assert not sweeping.is_alive()
        assert not failures
        rows = [(point, folder.outcomes[point.task.identity]) for point in sweep.points() if point.task]
    assert workers[killed].wait(PATIENCE) == -signal.SIGKILL
    assert sum(worker.poll() is None for worker in workers.values()) == 1  # the other one did the rest
    after = journal(gate / "out")
    assert after[: len(before)] == before
    assert sorted(after) == sorted(wanted)  # nothing is missing and nothing is there twice
    serial = [(point, outcome_of(point.task)) for point in sweep.points() if point.task]
    assert csv_text(sweep, rows) == csv_text(sweep, serial)


def _said(fifo: Path) -> int:
    """The process id that a worker writes into a FIFO."""
    descriptor = os.open(fifo, os.O_RDWR)  # for writing, too, so that opening does not wait
    try:
        ready, _, _ = select.select([descriptor], [], [], PATIENCE)
        assert ready, "no worker has reached the point"
        return int(os.read(descriptor, 100))
    finally:
        os.close(descriptor)


@pytest.mark.slow
def test_a_scheduler_that_dies_ends_the_sweep_in_one_line_and_keeps_what_is_finished(gate: Path) -> None:
    sweep = Sweep.parse({"axis": [{"field": "load", "values": [0.1, 0.2]}]})
    Gate(gate).lay(identities(sweep)[1])
    with ExitStack() as stack:
        scheduler, address = stack.enter_context(started_scheduler())
        stack.enter_context(running(dask("worker", address, "--no-nanny", "--nthreads", "1", cwd=gate)))

        def kill_after_the_first(what: str, done: int, total: int | None) -> None:
            if what == "computing the points" and done == 1:
                scheduler.kill()

        with (
            open_sweep_folder(gate / "out", sweep) as folder,
            pytest.raises(SweepError, match="the scheduler is gone"),
        ):
            compute_sweep(sweep, folder, scheduler=address, function=outcome_held_up, watch=kill_after_the_first)
    assert journal(gate / "out") == identities(sweep)[:1]


def test_where_no_scheduler_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "CONNECTING", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SweepError, match="no Dask scheduler answers there"), dask_cluster(address, print):
            pass


@pytest.mark.parametrize(
    ("answer", "told"),
    [(ModuleNotFoundError("bellqueue"), "has no bellqueue"), ({**numerical_versions(), "numpy": "1.0"}, "'1.0'")],
)
def test_workers_of_another_version_are_refused(answer: object, told: str) -> None:
    answers = {"tcp://10.0.0.1:1": numerical_versions(), "tcp://10.0.0.2:1": answer}
    with pytest.raises(SweepError, match=r"worker tcp://10\.0\.0\.2:1 has") as refused:
        executors._check_workers(answers, "--scheduler tcp://10.0.0.1:8786")
    assert told in str(refused.value)
