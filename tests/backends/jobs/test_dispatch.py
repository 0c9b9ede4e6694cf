"""Seeing a run through with a provider that fails in every way the protocol allows: each part once, all in order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import pytest
from bellqueue.backends.jobs import dispatch, entries, provider_calls
from bellqueue.backends.jobs import ledger as ledgers
from bellqueue.backends.jobs.dispatch import DOWNLOADS, Dispatch
from bellqueue.backends.jobs.entries import JobEntry
from bellqueue.backends.jobs.ledger import Ledger
from bellqueue.backends.jobs.provider_calls import Patience
from bellqueue.backends.protocol import State, Usage
from bellqueue.circuits.schedule import Schedule
from bellqueue.model.errors import BackendError, LedgerError, RefusedError, UnreachableError

from .paper_provider import OUTAGE, PARTS, RUN, Job, Provider, assert_measured, entry, plan


class Clock:
    """A clock that only waiting moves: no test depends on how fast the machine is."""

    def __init__(self) -> None:
        self.waited = 0.0

    def monotonic(self) -> float:
        return self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of everything that waits for the provider, or asks how old a job is."""
    made = Clock()
    begun = datetime.now(UTC)

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(begun.timestamp() + made.waited, tz)

    for module in (dispatch, provider_calls):
        monkeypatch.setattr(module, "time", made)
    for module in (entries, ledgers):
        monkeypatch.setattr(module, "datetime", Stopped)
    for name in ("BELLQUEUE_SETTLE", "BELLQUEUE_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    return made


class Case:
    """A run in a ledger, its provider, and the lines that a user has been shown."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.provider = ledger, Provider()
        self.said: list[str] = []

    def again(self) -> Dispatch:
        """The run joined with its provider, as each new process joins them."""
        return Dispatch(self.ledger, self.ledger.run(RUN), self.provider, self.said.append)

    def jobs(self) -> tuple[JobEntry, ...]:
        """Every attempt."""
        return self.ledger.jobs(RUN)

    def states(self) -> list[tuple[int, int, str]]:
        """(part, attempt, state) of every attempt."""
        return [(job.part, job.attempt, job.state) for job in self.jobs()]

    def missing(self) -> list[Any]:
        """Of each part that lacks its result: its trials, or how its last attempt stands."""
        found = self.again().missing()
        return [each if isinstance(each, range) else (each.part, each.attempt, each.state) for each in found]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    monkeypatch.setenv("BELLQUEUE_LEDGER", str(tmp_path / "ledger.db"))  # so that commands need not name it
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.add_run(entry(sampling=plan().to_bytes()))
        yield Case(ledger)


# --- the ordinary course ----------------------------------------------------------------------------------------


def test_a_run_goes_out_in_parts_and_comes_home_in_order(case: Case) -> None:
    done: list[int] = []
    case.again().submit(done.append)
    assert done == [1, 2, 3]
    assert [job.key for job in case.provider.jobs] == [job.key for job in case.jobs()]
    assert len({job.key for job in case.provider.jobs}) == 3
    case.again().advance()
    assert case.states() == [(0, 1, "submitted"), (1, 1, "submitted"), (2, 1, "submitted")]
    case.provider.end("done", "job-3", "job-1")  # in another order than they were submitted
    case.again().advance()
    assert case.missing() == [(1, 1, "submitted")]
    assert_measured(case.again().trials(), PARTS[0], PARTS[2])
    case.provider.end("done")
    case.again().advance()
    assert case.missing() == []
    assert_measured(case.again().trials(), *PARTS)
    assert case.said == []


def test_what_is_submitted_or_stored_is_never_submitted_again(case: Case) -> None:
    for _ in range(3):
        case.again().submit()
    case.provider.end("done")
    case.again().advance()
    case.again().submit()
    assert case.provider.calls["submit"] == 3
    case.again().advance()
    assert case.provider.calls["download"] == 3


def test_watchers_see_every_job(case: Case) -> None:
    case.again().submit()
    case.provider.end("done", "job-1")
    seen: list[tuple[str, str]] = []
    case.again().advance(lambda key, status: seen.append((key, status.state)))
    assert seen == [(job.key, state) for job, state in zip(case.jobs(), ("done", "queued", "queued"), strict=True)]


def test_parts_never_submitted_are_missing_as_their_trials(case: Case) -> None:
    assert case.missing() == list(PARTS)
    with pytest.raises(LedgerError, match=f"run {RUN} has no results yet"):
        case.again().trials()
    case.provider.refusals = [None, (False, RefusedError("the queue is full"))]
    with pytest.raises(RefusedError):
        case.again().submit()
    assert case.missing() == [(0, 1, "submitted"), (1, 1, "refused"), PARTS[2]]


def test_a_run_is_worked_on_alone(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLQUEUE_TIMEOUT", "0.1")  # so long `cancel` waits for the other process
    with case.ledger.hold(RUN):
        for act in (case.again().submit, case.again().advance, case.again().cancel):
            with pytest.raises(LedgerError, match="another process is working on run"):
                act()
    assert not case.provider.calls


# --- submissions that are refused or in doubt -------------------------------------------------------------------


@pytest.mark.parametrize("error", [RefusedError("no more jobs today"), BackendError("no such device")])
def test_a_refused_part_ends_the_submission_and_resuming_sends_only_what_lacks(case: Case, error: BackendError) -> None:
    case.provider.refusals = [None, (False, error)]
    with pytest.raises(type(error), match=str(error)):
        case.again().submit()
    assert case.states() == [(0, 1, "submitted"), (1, 1, "refused")]
    assert case.jobs()[1].message == str(error)
    case.again().submit()
    assert case.states() == [(0, 1, "submitted"), (1, 1, "refused"), (1, 2, "submitted"), (2, 1, "submitted")]
    assert len(case.provider.jobs) == 3
    case.provider.end("done")
    case.again().advance()
    assert_measured(case.again().trials(), *PARTS)


def test_a_job_accepted_without_an_answer_is_found_and_the_submission_goes_on(case: Case) -> None:
    case.provider.refusals = [None, (True, OUTAGE)]
    case.provider.hidden = 2  # lists lag behind
    case.again().submit()
    assert (case.provider.calls["submit"], len(case.provider.jobs)) == (3, 3)
    assert [job.id for job in case.jobs()] == ["job-1", "job-2", "job-3"]
    assert {job.state for job in case.jobs()} == {"submitted"}


def test_a_job_never_accepted_is_lost_and_the_user_told_how_to_go_on(case: Case) -> None:
    case.provider.refusals = [None, (False, OUTAGE)]
    with pytest.raises(UnreachableError, match="no job of part 2 of 3 has appeared: the line is down; ") as failure:
        case.again().submit()
    assert f"bellqueue submit --resume {RUN}" in str(failure.value)
    assert case.states() == [(0, 1, "submitted"), (1, 1, "lost")]
    assert case.provider.calls["submit"] == 2  # the submission itself is not repeated, and part 3 is not begun
    assert any("looking whether the job was accepted" in line for line in case.said)
    case.again().submit()
    assert case.states() == [(0, 1, "submitted"), (1, 1, "lost"), (1, 2, "submitted"), (2, 1, "submitted")]
    assert len(case.provider.jobs) == 3


def test_the_time_to_settle_begins_when_the_submission_has_failed(case: Case, clock: Clock) -> None:
    """A submission that stalls longer than lists lag behind must not use up the time left for looking."""
    ordinary = case.provider.accept

    def slow(plan: Schedule, key: str) -> Job:
        clock.sleep(2 * Patience().settle)
        return ordinary(plan, key)

    case.provider.accept = slow  # type: ignore[method-assign]
    case.provider.refusals = [(True, OUTAGE)]
    case.provider.hidden = 20
    case.again().submit()
    assert [job.state for job in case.jobs()] == ["submitted"] * 3
    assert len(case.provider.jobs) == 3


def test_a_job_in_doubt_stays_so_while_the_provider_is_down_and_is_not_sent_again(case: Case) -> None:
    case.provider.refusals = [(True, OUTAGE)]
    case.provider.outages["find"] = 10**6
    for _ in range(2):
        with pytest.raises(UnreachableError, match="the line is down"):
            case.again().submit()
    assert case.states() == [(0, 1, "intended")]
    assert case.missing() == [(0, 1, "intended"), PARTS[1], PARTS[2]]
    assert case.provider.calls["submit"] == 1
    case.provider.outages.clear()
    case.again().submit()
    assert case.states() == [(0, 1, "submitted"), (1, 1, "submitted"), (2, 1, "submitted")]
    assert len(case.provider.jobs) == 3


@pytest.mark.parametrize("accepted", [True, False])
def test_a_process_stopped_between_intent_and_answer_is_made_up_for(case: Case, accepted: bool) -> None:
    case.provider.refusals = [None, (accepted, KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        case.again().submit()
    assert case.states() == [(0, 1, "submitted"), (1, 1, "intended")]
    case.again().submit()
    second = [(1, 1, "submitted")] if accepted else [(1, 1, "lost"), (1, 2, "submitted")]
    assert case.states() == [(0, 1, "submitted"), *second, (2, 1, "submitted")]
    assert len(case.provider.jobs) == 3
    case.provider.end("done")
    case.again().advance()
    assert_measured(case.again().trials(), *PARTS)


def test_a_lost_job_that_turns_up_is_taken_instead_of_a_new_one(case: Case) -> None:
    case.provider.refusals = [(False, OUTAGE)]
    with pytest.raises(UnreachableError):
        case.again().submit()
    case.provider.accept(plan().part(PARTS[0]), case.jobs()[0].key)
    case.again().submit()
    (first, *others) = case.jobs()
    assert (first.state, first.id, first.attempt) == ("submitted", "job-1", 1)
    assert "lists no job" not in first.message
    assert [job.part for job in others] == [1, 2]
    assert len(case.provider.jobs) == 3


def test_a_lost_job_that_turns_up_beside_another_is_reported_once_and_never_counted(case: Case) -> None:
    case.provider.refusals = [(False, OUTAGE)]
    with pytest.raises(UnreachableError):
        case.again().submit()
    case.again().submit()
    late = case.provider.accept(plan().part(PARTS[0]), case.jobs()[0].key)
    case.provider.end("done")
    for _ in range(3):
        case.again().advance()
    assert_measured(case.again().trials(), *PARTS)
    assert late.id not in {job.id for job in case.jobs()}
    assert case.states() == [(0, 1, "lost"), (0, 2, "stored"), (1, 1, "stored"), (2, 1, "stored")]
    assert len([line for line in case.said if f"surplus job {late.id} for part 1; cancel it there" in line]) == 1
    assert len([what for _, what in case.ledger.history(RUN) if f"surplus job at the provider: {late.id}" in what]) == 1


def test_two_jobs_under_one_key_count_once(case: Case) -> None:
    """As a client makes them that repeats a submission by itself."""
    case.provider.refusals = [(True, OUTAGE)]
    ordinary = case.provider.accept

    def twice(plan: Schedule, key: str) -> Job:
        ordinary(plan, key)
        return ordinary(plan, key)

    case.provider.accept = twice  # type: ignore[method-assign]
    case.again().submit()
    assert [job.id for job in case.jobs()] == ["job-1", "job-4", "job-6"]
    assert any("surplus job job-2 for part 1; cancel it there" in line for line in case.said)
    case.provider.end("done")
    case.again().advance()
    assert_measured(case.again().trials(), *PARTS)


def test_a_part_found_again_is_no_failure_whatever_became_of_a_later_part(case: Case) -> None:
    """Part 1 failed and part 3 was lost; now part 1 is sent again, accepted, and only the answer is missing."""
    case.provider.refusals = [None, None, (False, OUTAGE)]
    with pytest.raises(UnreachableError):
        case.again().submit()
    case.provider.end("failed", "job-1")
    case.again().advance()
    assert case.states() == [(0, 1, "failed"), (1, 1, "submitted"), (2, 1, "lost")]
    case.provider.refusals = [(True, OUTAGE)]
    case.again().submit()
    assert [job.part for job in case.jobs() if job.state == "submitted"] == [0, 1, 2]
    assert len(case.provider.jobs) == 4


def test_a_refusal_in_the_middle_names_the_run_what_is_under_way_and_how_to_go_on(case: Case) -> None:
    case.provider.refusals = [None, None, (False, RefusedError("429, too many"))]
    with pytest.raises(RefusedError) as failure:
        case.again().submit()
    assert str(failure.value) == (
        "part 3 of 3 was not submitted: 429, too many; under way or done: part 1 (job-1), part 2 (job-2): "
        f"bellqueue fetch {RUN}; submit what is missing with: bellqueue submit --resume {RUN}"
    )


def test_a_provider_that_makes_one_job_of_a_key_gets_the_lost_key_again(case: Case) -> None:
    """So the job that turns up late is the one that is submitted, and nothing is paid twice."""
    case.provider.idempotent = True  # type: ignore[attr-defined]
    case.provider.refusals = [(True, OUTAGE)]
    case.provider.hidden = 10**6
    with pytest.raises(UnreachableError, match="no job of part 1 of 3 has appeared"):
        case.again().submit()
    assert case.states() == [(0, 1, "lost")]
    keys = {job.key: job for job in case.provider.jobs}
    ordinary = case.provider.accept
    case.provider.accept = lambda plan, key: keys[key] if key in keys else ordinary(plan, key)  # type: ignore[method-assign]
    case.again().submit()
    assert case.states() == [(0, 1, "submitted"), (1, 1, "submitted"), (2, 1, "submitted")]
    assert [job.id for job in case.jobs()] == ["job-1", "job-2", "job-3"]


def test_one_job_listed_twice_is_one_job(case: Case) -> None:
    """Nor is another part's job the surplus of a part that was refused, whatever the provider lists."""
    case.provider.refusals = [(True, OUTAGE), None, (False, RefusedError("full"))]
    ordinary = case.provider.find
    case.provider.find = lambda key: 2 * ordinary(key)  # type: ignore[method-assign]
    with pytest.raises(RefusedError):
        case.again().submit()
    case.provider.find = lambda key: ("job-1", "job-2")  # type: ignore[method-assign]
    case.again().advance()
    assert [job.id for job in case.jobs()] == ["job-1", "job-2", None]
    assert not any("cancel" in line for line in case.said)
    assert case.ledger.surplus(RUN) == ()


@pytest.mark.parametrize("moment", ["found", "counted"])
def test_of_two_jobs_under_one_key_the_one_that_still_lives_counts(case: Case, moment: str) -> None:
    case.provider.refusals = [(True, KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        case.again().submit()
    case.provider.accept(plan().part(PARTS[0]), case.jobs()[0].key)
    if moment == "counted":
        case.again().reconcile()
        assert case.ledger.surplus(RUN) == ("job-2",)
    case.provider.end("failed", "job-1")
    case.again().advance()
    assert case.jobs()[0].id == "job-2"
    assert not any("surplus job job-2" in line for line in case.said if moment == "found")
    assert "job-2" not in case.ledger.surplus(RUN)
    case.provider.end("done")
    case.again().advance()
    assert_measured(case.again().trials(), PARTS[0])


def test_a_clock_set_back_does_not_make_the_search_for_a_job_endless(case: Case, clock: Clock) -> None:
    case.provider.refusals = [(False, KeyboardInterrupt())]
    clock.waited = 1e6
    with pytest.raises(KeyboardInterrupt):
        case.again().submit()
    clock.waited = 0.0
    case.again().advance()
    assert clock.waited <= Patience().settle + 1
    assert case.states() == [(0, 1, "lost")]
    assert case.said[0] == "part 1: looking for its job at the provider for up to 30 s"


def test_a_ledger_that_cannot_note_an_accepted_job_leaves_its_id_and_the_way_to_fetch_it(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = LedgerError("ledger.db: cannot be written: database or disk is full; nothing was changed")
    ordinary = case.ledger.accepted

    def accepted(key: str, job: str) -> JobEntry:
        if job == "job-2":
            raise full
        return ordinary(key, job)

    monkeypatch.setattr(case.ledger, "accepted", accepted)
    with pytest.raises(LedgerError) as failure:
        case.again().submit()
    assert "accepted part 2 of 3 as job job-2, but ledger.db: cannot be written" in str(failure.value)
    assert f"done: part 1 (job-1): bellqueue fetch {RUN}; make room, then it is found by: bell" in str(failure.value)
    monkeypatch.undo()
    case.again().submit()
    assert [job.id for job in case.jobs()] == ["job-1", "job-2", "job-3"]


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("intend", "part 1 of 3 was not submitted: full; submit what is missing"),
        ("note", "full; whether part 1 of 3 was"),
    ],
)
def test_a_full_disk_before_the_answer_says_what_is_known(
    case: Case, monkeypatch: pytest.MonkeyPatch, method: str, told: str
) -> None:
    def full(*_: object) -> None:
        raise LedgerError("full")

    case.provider.refusals = [(True, OUTAGE)]
    with monkeypatch.context() as patch:
        patch.setattr(case.ledger, method, full)
        with pytest.raises(LedgerError, match=told):
            case.again().submit()
    case.again().submit()
    assert len(case.provider.jobs) == 3


# --- jobs that end badly ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_part_that_came_to_nothing_is_sent_again_alone_and_takes_its_place(case: Case, state: State) -> None:
    case.again().submit()
    case.provider.end(state, "job-2")
    case.provider.end("done", "job-1", "job-3")
    case.again().advance()
    assert case.missing() == [(1, 1, state)]
    assert case.jobs()[1].message == "the provider's words"
    assert_measured(case.again().trials(), PARTS[0], PARTS[2])
    case.again().submit()
    assert case.provider.calls["submit"] == 4
    assert case.missing() == [(1, 2, "submitted")]
    case.provider.end("done")
    case.again().advance()
    assert case.missing() == []
    assert_measured(case.again().trials(), *PARTS)


def test_cancelling_stops_what_has_not_ended_and_leaves_the_rest(case: Case) -> None:
    case.again().submit()
    case.provider.end("done", "job-1")
    case.again().cancel()
    assert case.states() == [(0, 1, "stored"), (1, 1, "cancelled"), (2, 1, "cancelled")]
    assert_measured(case.again().trials(), PARTS[0])
    case.again().cancel()
    assert case.provider.calls["cancel"] == 3


# --- results ----------------------------------------------------------------------------------------------------


def kept(case: Case) -> int:
    """How many results the ledger keeps, readable or not."""
    return len([what for _, what in case.ledger.history(RUN) if "bytes of result" in what])


def test_a_result_that_cannot_be_read_is_asked_for_so_often_in_a_pass_and_kept(case: Case) -> None:
    case.again().submit()
    case.provider.end("done")
    whole = case.provider.job("job-1").raw
    case.provider.spoilt["job-1"] = [whole[:length] for length in range(2 * DOWNLOADS)]
    stuck = case.again().advance()
    assert ["what came is kept, and the next fetch asks again" in problem for problem in stuck.values()] == [True]
    assert case.provider.calls["download"] == DOWNLOADS + 2
    assert kept(case) == DOWNLOADS + 2
    assert case.missing() == [(0, 1, "submitted")]
    assert "cannot be read" in case.jobs()[0].message
    assert_measured(case.again().trials(), PARTS[1], PARTS[2])
    case.provider.spoilt["job-1"] = [whole[:10]]
    case.again().advance()
    assert case.provider.calls["download"] == DOWNLOADS + 4
    assert_measured(case.again().trials(), *PARTS)


def test_the_result_of_another_part_is_not_taken(case: Case) -> None:
    case.again().submit()
    case.provider.end("done")
    case.provider.spoilt["job-1"] = [case.provider.job("job-2").raw]
    case.again().advance()
    assert_measured(case.again().trials(), *PARTS)


def test_the_same_bytes_count_once_they_can_be_read(case: Case) -> None:
    """A later version of the parser makes sense of what an earlier one could not."""
    case.again().submit()
    case.provider.end("done")
    case.provider.illiterate = 3 * DOWNLOADS
    assert len(case.again().advance()) == 3
    assert len(case.missing()) == 3
    case.again().advance()
    assert case.missing() == []
    assert_measured(case.again().trials(), *PARTS)


def test_a_process_stopped_between_download_and_reading_loses_nothing(case: Case) -> None:
    case.again().submit()
    case.provider.end("done")
    first = case.jobs()[0]
    case.ledger.store(first.key, b"[[0, 1")  # never looked at: the process ended here
    case.again().advance()
    assert_measured(case.again().trials(), *PARTS)


def test_a_stored_result_that_is_gone_is_told(case: Case) -> None:
    case.again().submit()
    key = case.jobs()[0].key
    case.ledger.settle(key, "stored")
    with pytest.raises(LedgerError, match=f"the result of job {key} is gone"):
        case.again().trials()


def used(case: Case) -> list[tuple[float | None, Decimal | None]]:
    return [(job.used_qpu_seconds, job.used_money) for job in case.jobs()]


def test_usage_is_asked_for_until_it_is_known_and_not_longer(case: Case) -> None:
    case.again().submit()
    case.provider.end("done")
    case.provider.pending = True
    case.again().advance()
    assert used(case) == [(None, None)] * 3
    assert case.missing() == []  # the trials do not wait for the bill
    case.provider.pending = False
    for _ in range(3):
        case.again().advance()
    assert used(case) == [(2.5, Decimal("0.10"))] * 3
    assert case.provider.calls["usage"] == 6


@pytest.mark.parametrize(
    "usage",
    [Usage(float("nan"), Decimal("nan")), Usage(float("inf")), None, [], OUTAGE, AttributeError("none"), KeyError(1)],
    ids=repr,
)
def test_no_answer_about_usage_holds_up_a_result_or_gets_into_the_ledger(case: Case, usage: Any) -> None:
    def asked(job: str) -> Any:
        if isinstance(usage, Exception):
            raise usage
        return usage

    case.provider.usage = asked  # type: ignore[method-assign]
    case.again().submit()
    case.provider.end("done")
    assert case.again().advance() == {}
    assert_measured(case.again().trials(), *PARTS)
    assert used(case) == [(None, None)] * 3


def test_a_result_that_names_another_job_is_kept_and_never_taken(case: Case) -> None:
    owners = ["somebody-else"] * DOWNLOADS + ["job-1"]
    case.provider.owner = lambda raw: owners.pop(0) if owners else None  # type: ignore[attr-defined]
    case.again().submit()
    case.provider.end("done", "job-1")
    (problem,) = case.again().advance().values()
    assert "the result is that of somebody-else" in problem
    assert kept(case) == 1
    assert case.missing()[0] == (0, 1, "submitted")
    assert case.again().advance() == {}
    assert_measured(case.again().trials(), PARTS[0])


# --- reads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["poll", "download"])
def test_reads_are_repeated(case: Case, what: str) -> None:
    case.again().submit()
    case.provider.end("done")
    case.provider.outages[what] = 3
    case.again().advance()
    assert case.provider.calls[what] == 6
    assert len([line for line in case.said if "trying again" in line]) == 3
    assert_measured(case.again().trials(), *PARTS)


def test_reads_are_not_repeated_for_ever_and_what_was_stored_stays(case: Case) -> None:
    case.again().submit()
    case.provider.end("done", "job-1")
    case.again().advance()
    case.provider.end("done")
    case.provider.outages["poll"] = 10**6
    with pytest.raises(UnreachableError, match="the line is down"):
        case.again().advance()
    assert case.states() == [(0, 1, "stored"), (1, 1, "submitted"), (2, 1, "submitted")]
    assert_measured(case.again().trials(), PARTS[0])


def test_a_live_attempt_stands_for_its_part(case: Case) -> None:
    """A lost first attempt that turns up after a second one has failed is the live one, though it is the older."""
    case.provider.refusals = [(False, OUTAGE)]
    with pytest.raises(UnreachableError):
        case.again().submit()
    case.again().submit()
    case.provider.end("failed", "job-1")
    case.again().advance()
    case.provider.accept(plan().part(PARTS[0]), case.jobs()[0].key)
    case.again().advance()
    assert case.missing()[0] == (0, 1, "submitted")
    assert all(isinstance(each, JobEntry) for each in case.again().missing())
