"""Asking a provider: its failures in three kinds, a watchdog against stalls, and reads repeated with patience."""

from __future__ import annotations

import os
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass
from typing import TypeVar

from ...model.errors import BackendError, UnreachableError
from ..protocol import plain

Answer = TypeVar("Answer")
REQUESTS = 6  # one call of a client is at most about so many requests, each of which may take its time
CONNECT = 10.0  # seconds to open a connection
LONGEST_ANSWER = 86_400.0  # seconds; threads cannot wait for any number of them
TRIES = 5  # of a read
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two of them; each pause doubles the last


@dataclass(frozen=True)
class Patience:
    """How long to wait for a provider; from the environment, for networks slower than most.

    Attributes:
        answer: Seconds that one request may take (BELLQUEUE_TIMEOUT).
        settle: Seconds after a submission without an answer before a job that is not in the provider's lists counts
            as never accepted (BELLQUEUE_SETTLE).
    """

    answer: float = 60.0
    settle: float = 30.0

    @classmethod
    def from_environment(cls) -> Patience:
        """The defaults, or what the environment says.

        Raises:
            BackendError: a value is not a positive number.
        """
        return cls(_seconds("BELLQUEUE_TIMEOUT", cls.answer), _seconds("BELLQUEUE_SETTLE", cls.settle))


@dataclass(frozen=True)
class Provider:
    """A provider whose client is asked.

    Attributes:
        name: For messages.
        failure: Makes one of our errors of what the client raises, given what was being done and whether that creates
            something: without a clear refusal it may have happened.
    """

    name: str
    failure: Callable[[Exception, str, bool], BackendError]

    def ask(self, call: Callable[[], Answer], what: str, *, posts: bool = False) -> Answer:
        """The client's answer; its many kinds of failure become three.

        Args:
            call: What to ask.
            what: What is being done, for messages.
            posts: Whether the call creates something.

        Raises:
            RefusedError: the provider said no.
            UnreachableError: no usable answer.
            BackendError: the provider has no such thing.
        """
        what = f"{self.name}, {what}"
        try:
            with warnings.catch_warnings():  # meant for programmers; what concerns users is asked for
                warnings.simplefilter("ignore")
                return watched(call, REQUESTS * Patience.from_environment().answer, what)
        except BackendError:
            raise
        except Exception as error:
            failure = self.failure(error, what, posts)
            raise type(failure)(plain(str(failure))) from error


def watched(call: Callable[[], Answer], seconds: float, what: str) -> Answer:
    """The answer of a call, or UnreachableError after `seconds`; what the call raises is raised here.

    The call runs in another thread, because a socket without a timeout cannot be interrupted; a thread given up stays
    behind and ends with the process.

    Raises:
        UnreachableError: no answer in time.
    """
    try:
        worker = _idle.pop()  # without a look before it: another thread may take the last one meanwhile
    except IndexError:
        worker = _Worker()
    outcome: futures.Future[Answer] = futures.Future()
    worker.calls.put(lambda: _answer(outcome, call))
    # Not `result(timeout)`: its TimeoutError could not be told from one that the call itself raises.
    if not futures.wait([outcome], seconds).done:
        raise UnreachableError(f"{what}: no answer within {seconds:g} s; the connection stalls, try again later")
    _idle.append(worker)
    return outcome.result()


class _Worker:
    """A thread that makes calls and never ends before the process: Aer crashes after the end of a thread that was the
    first to use parts of Qiskit."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="bellqueue watched", daemon=True).start()

    def _work(self) -> None:
        while True:
            self.calls.get()()


_idle: list[_Worker] = []


def _answer(outcome: futures.Future[Answer], call: Callable[[], Answer]) -> None:
    """Make the call, and keep what comes of it for the caller's thread."""
    try:
        outcome.set_result(call())
    except BaseException as error:  # whatever it is, it belongs to the caller
        outcome.set_exception(error)


def read(call: Callable[[], Answer], say: Callable[[str], None]) -> Answer:
    """Repeat a call that changes nothing until the provider answers.

    Args:
        call: What to ask.
        say: Gets a line whenever a try has failed and another will follow.

    Raises:
        UnreachableError: the last try failed as well.
    """
    for pause in (min(2**done * FIRST_PAUSE, LONGEST_PAUSE) for done in range(TRIES - 1)):
        try:
            return call()
        except UnreachableError as error:
            say(f"{error}; trying again in {pause:.0f} s")
        time.sleep(pause)
    return call()


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, innermost last, even if a client hides them with `from None`."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= LONGEST_ANSWER:
        raise BackendError(
            f"{name}={text} is not a number of seconds above 0 and up to {LONGEST_ANSWER:g}; give one, or unset it"
        )
    return value
