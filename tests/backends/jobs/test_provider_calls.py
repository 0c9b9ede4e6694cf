"""Waiting for a provider: an answer, an error or silence comes back in time, and only reads are repeated."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest
from bellqueue.backends.jobs import provider_calls
from bellqueue.backends.jobs.provider_calls import Patience, read, watched
from bellqueue.model.errors import BackendError, RefusedError, UnreachableError

SHORT, LONG = 0.05, 600.0  # one always runs out; the other never does, however busy the machine is


@pytest.fixture
def stalled() -> Iterator[Callable[[], str]]:
    """A call that answers only when the test is over."""
    released = threading.Event()

    def call() -> str:
        released.wait()
        return "too late"

    yield call
    released.set()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between reads, in seconds, which none of them takes."""
    slept: list[float] = []
    monkeypatch.setattr("bellqueue.backends.jobs.provider_calls.time.sleep", slept.append)
    return slept


def failing(times: int, error: Exception) -> tuple[Callable[[], int], list[int]]:
    """A call that fails so often and then answers 7, and a list that grows with each call."""
    calls: list[int] = []

    def call() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return 7

    return call, calls


def test_an_answer_comes_back_from_another_thread() -> None:
    assert watched(threading.get_ident, LONG, "asking") != threading.get_ident()
    assert watched(lambda: None, LONG, "asking") is None


@pytest.mark.parametrize(
    "error", [ValueError("wrong"), RefusedError("no"), SystemExit(3), KeyboardInterrupt(), TimeoutError()]
)
def test_an_error_comes_back_as_it_was(error: BaseException) -> None:
    def call() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        watched(call, LONG, "asking")
    assert raised.value is error


def test_silence_becomes_an_error_that_says_what_was_asked(stalled: Callable[[], str]) -> None:
    with pytest.raises(UnreachableError, match=r"submitting: no answer within 0\.05 s; .*try again later"):
        watched(stalled, SHORT, "submitting")


def test_a_stalled_call_does_not_hold_up_the_next(stalled: Callable[[], str]) -> None:
    for _ in range(3):
        with pytest.raises(UnreachableError):
            watched(stalled, SHORT, "asking")
    assert watched(lambda: "at once", LONG, "asking") == "at once"


def test_a_late_answer_is_nobody_elses() -> None:
    """The answer of a call given up must not be taken for that of a later one."""
    released, done = threading.Event(), threading.Event()

    def late() -> str:
        released.wait()
        done.set()
        return "late"

    with pytest.raises(UnreachableError):
        watched(late, SHORT, "asking")
    released.set()
    assert done.wait(LONG)
    assert [watched(lambda n=n: str(n), LONG, "asking") for n in range(5)] == list("01234")  # type: ignore[misc]


def test_calls_of_several_threads_do_not_mix() -> None:
    wrong: list[tuple[int, int]] = []

    def work(number: int) -> None:
        for turn in range(50):
            asked = number * 1000 + turn
            got = watched(lambda asked=asked: asked, LONG, "asking")  # type: ignore[misc]
            if got != asked:
                wrong.append((asked, got))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_idle_thread_that_another_caller_takes_first_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    class Emptied(list[object]):
        """Idle threads of which the last is taken between a look at the list and the grasp."""

        def __bool__(self) -> bool:
            return True

    monkeypatch.setattr(provider_calls, "_idle", Emptied())
    assert watched(lambda: "answer", LONG, "asking") == "answer"


def test_threads_are_used_again() -> None:
    watched(lambda: None, LONG, "asking")
    before = threading.active_count()
    for _ in range(20):
        watched(lambda: None, LONG, "asking")
    assert threading.active_count() == before


def test_a_read_is_repeated_until_it_answers_and_says_so(pauses: list[float]) -> None:
    call, calls = failing(3, UnreachableError("the line is down"))
    said: list[str] = []
    assert read(call, said.append) == 7
    assert len(calls) == 4
    assert said == [f"the line is down; trying again in {pause} s" for pause in (1, 2, 4)]


@pytest.mark.parametrize("tries", [1, 3])
def test_a_read_gives_up_after_so_many_tries(pauses: list[float], monkeypatch: pytest.MonkeyPatch, tries: int) -> None:
    monkeypatch.setattr(provider_calls, "TRIES", tries)
    call, calls = failing(100, UnreachableError("the line is down"))
    said: list[str] = []
    with pytest.raises(UnreachableError, match="the line is down"):
        read(call, said.append)
    assert len(calls) == tries
    assert len(said) == tries - 1  # the last failure is raised, not announced


@pytest.mark.parametrize("error", [RefusedError("no"), BackendError("unknown job"), ValueError("a bug")])
def test_only_silence_is_asked_again(error: Exception) -> None:
    call, calls = failing(100, error)
    with pytest.raises(type(error)):
        read(call, pytest.fail)
    assert len(calls) == 1


def test_pauses_double_up_to_the_longest(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_calls, "TRIES", 9)
    call, _ = failing(8, UnreachableError("down"))
    assert read(call, lambda line: None) == 7
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


NAMES = ("BELLQUEUE_TIMEOUT", "BELLQUEUE_SETTLE")


@pytest.mark.parametrize(
    ("name", "text"), list(itertools.product(NAMES, ["soon", "0", "-3", "nan", "inf", "1 minute", "1e300"]))
)
def test_a_patience_that_is_none_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(BackendError, match=f"{name}={text} ") as refusal:
        Patience.from_environment()
    assert "\n" not in str(refusal.value)


def test_patience_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    assert Patience.from_environment() == Patience()
    monkeypatch.setenv("BELLQUEUE_TIMEOUT", "7.5")
    monkeypatch.setenv("BELLQUEUE_SETTLE", "2")
    assert Patience.from_environment() == Patience(answer=7.5, settle=2.0)
