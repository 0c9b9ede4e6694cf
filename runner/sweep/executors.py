"""Where many small computations run: a pool of processes here, or a Dask cluster, behind `concurrent.futures`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import wait
from typing import Any, TypeVar

from ...model.errors import SweepError
from ..experiment.provenance import numerical_versions

_EXAMPLE = "give the one that `dask scheduler` prints, tcp://127.0.0.1:8786 say"
CONNECTING = 10.0  # seconds until a scheduler that does not answer is called unreachable

Task = TypeVar("Task")
Result = TypeVar("Result")
OpenExecutor = Callable[[], AbstractContextManager[Executor]]


def compute_all(
    tasks: Mapping[str, Task],
    function: Callable[[Task], Result],
    open_executor: OpenExecutor,
    collect: Callable[[str, Result], None],
    warn: Callable[[str], None],
) -> None:
    """Compute every task once and hand over each result as soon as it is there, in whatever order.

    Where an executor's process dies, what was not handed over is computed on a fresh executor, once.

    Args:
        tasks: The tasks, each by a name of its own.
        function: Computes one; found by its module on the other side.
        open_executor: Gives an executor for the time of a `with` block.
        collect: Gets each name once with its result; called in this thread.
        warn: Gets a line about what went wrong and was mended.

    Raises:
        SweepError: processes died in the second executor, too, or there is nothing left to compute on.
    """
    missing = dict(tasks)
    for last in (False, True):
        with open_executor() as executor:
            futures: dict[Future[Result], str] = {}
            with contextlib.suppress(BrokenExecutor):  # those submitted before will say so
                for name, task in missing.items():
                    futures[executor.submit(function, task)] = name
            for future in as_completed(futures):
                try:
                    result = future.result()
                except BrokenExecutor:
                    continue
                name = futures[future]
                del missing[name]
                collect(name, result)
        if not missing:
            return
        if not last:
            warn(f"a worker process died; computing what is missing, {len(missing)} of {len(tasks)} points, once more")
    raise SweepError(
        f"worker processes die; {len(missing)} of {len(tasks)} points are missing; give it fewer --workers "
        "or more memory and run the same command again"
    )


@contextmanager
def local_pool(workers: int) -> Iterator[Executor]:
    """A pool of fresh processes on this machine, stopped when the block ends by an exception such as Ctrl-C."""
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_start_worker)
    try:
        with _interrupts_held_back():
            pool.submit(os.getpid)  # the first task starts all processes
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise
    pool.shutdown()


def check_address(address: str) -> None:
    """Refuse what cannot be the address of a scheduler.

    Raises:
        SweepError: it is none.
    """
    if not re.fullmatch(r"(tcp|tls|ws|wss)://[^/\s]+:\d{1,5}", address):
        raise SweepError(f"--scheduler {address!r}: is no address; {_EXAMPLE}")


@contextmanager
def dask_cluster(address: str, warn: Callable[[str], None]) -> Iterator[Executor]:
    """The workers of a running Dask scheduler, which itself does again what a lost worker had.

    Raises:
        SweepError: Dask is not installed, no scheduler answers, its workers have not this version of bellqueue, or
            they are lost for good.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise SweepError('--scheduler needs Dask; install it with: pip install "bellqueue[dask]"') from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # the errors below say the same in one line
    try:
        client = Client(address, timeout=CONNECTING, set_as_default=False)
    except (OSError, ValueError) as error:
        why = str(error) or type(error).__name__
        raise SweepError(f"--scheduler {address}: no Dask scheduler answers there ({why}); {_EXAMPLE}") from None
    place, again = f"--scheduler {address}", "what is finished is kept, run the same command again"
    try:
        if not client.scheduler_info()["workers"]:
            warn(f"{place}: no worker is connected yet; waiting for one")
            client.wait_for_workers(1)
        _check_workers(client.run(numerical_versions, on_error="return"), place)
        yield _DaskExecutor(client)
    except KilledWorker:
        raise SweepError(f"{place}: a point has cost several workers their lives; see their logs; {again}") from None
    except ImportError as error:
        raise SweepError(f"{place}: a worker lacks a package: {error}; install bellqueue there") from None
    except (CancelledError, asyncio.CancelledError, OSError):
        raise SweepError(f"{place}: the scheduler is gone, and the points it had with it; {again}") from None
    finally:
        client.close()


class _DaskExecutor(Executor):
    """A client's cluster as an executor.

    Unlike the one that a client offers itself, it has an answer to every future even if the scheduler dies while a
    result is on its way; with that one `as_completed` would wait for ever. Closing the client cancels what is left.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand a task to the scheduler."""
        here: Future[Any] = Future()
        here.set_running_or_notify_cancel()
        there = self._client.submit(fn, *args, **kwargs, pure=False)
        self._client.loop.add_callback(_settle, there, here)
        return here


async def _settle(there: Any, here: Future[Any]) -> None:
    """Wait in the client's own thread, which ends with it, for what became of a task."""
    try:
        here.set_result(await there)
    except BaseException as error:  # raised again where the result is awaited
        here.set_exception(error)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_workers(answers: Mapping[str, object], place: str) -> None:
    """Other versions may compute other numbers, and one table must not mix them."""
    ours = numerical_versions()
    for worker, theirs in answers.items():
        if theirs != ours:
            told = "no bellqueue" if isinstance(theirs, Exception) else theirs
            raise SweepError(f"{place}: worker {worker} has {told}, here is {ours}; install the same there")


def _start_worker() -> None:
    """In a new worker process, before anything heavy is imported."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # small matrices: threads only fight each other
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Processes started meanwhile never see Ctrl-C, not even before they can ignore it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
