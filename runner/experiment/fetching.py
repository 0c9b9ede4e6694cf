"""Fetching a submitted run: wait for its rounds, say what is missing, and make its folder."""

from __future__ import annotations

import time
from pathlib import Path

from ...backends.jobs.dispatch import Dispatch, Say
from ...backends.jobs.entries import JobEntry, RunEntry
from ...backends.jobs.ledger import BUSY, Ledger
from ...backends.jobs.provider_calls import FIRST_PAUSE
from ...backends.protocol import JobStatus
from ...model.errors import BellqueueError, DataError, LedgerError, UnreachableError
from ...model.progress import Watch
from .folder import AnyAnalysis, RunFolder
from .plan_record import PlanRecord
from .submission import (
    explaining_interrupts,
    finish_run,
    next_round_end,
    open_recorded,
    recorded_plan,
    round_end,
    standing_of,
)


def ask_quietly(book: Ledger, run: RunEntry, say: Say) -> None:
    """Bring a run's entries up to date; if a provider does not answer, say so and do not stop the others."""
    try:
        for problem in Dispatch(book, run, open_recorded(run), say).advance().values():
            say(problem)
    except BellqueueError as error:
        say(str(error))


def fetch_run(
    book: Ledger,
    run: RunEntry,
    wait: bool,
    poll: float,
    accept_loss: bool,
    out: Path | None,
    go_on: bool,
    watch: Watch,
    say: Say,
) -> AnyAnalysis | None:
    """A run's analysis, or None while it is still under way.

    Args:
        wait: Whether to wait until its jobs have ended.
        poll: Maximum time between status polls, in seconds.
        accept_loss: Whether trials of jobs without a result count as losses.
        out: Folder of the run; None: the one recorded.
        go_on: Whether the next round of a run that may stop early is submitted, which was approved with the whole.
        watch: Gets how far it is, in jobs.
        say: Gets a line about every hitch, and what is under way.

    Raises:
        BellqueueError: as things are there will be no result, or the folder cannot be written.
    """
    if run.finished and Path(run.folder).is_dir() and not out:
        if any(job.state == "stored" and not job.usage_known for job in book.jobs(run.id)):
            ask_quietly(book, run, say)
        return RunFolder.open(Path(run.folder)).analysis()
    dispatch, plan = Dispatch(book, run, open_recorded(run), say), recorded_plan(run)
    with explaining_interrupts(book, run.id, say):
        watch(f"run {run.id}", 0, len(run.parts))
        while True:
            end = round_end(run, plan, book.jobs(run.id))
            missing, stuck = _await_round(dispatch, run, end, wait, poll, watch, say)
            settled = _settled_round(run, plan, dispatch, end, accept_loss, say)
            if settled is not None:
                end = settled
                break
            live = [each for each in missing if isinstance(each, JobEntry) and each.live]
            under_way = [each for each in live if each.key not in stuck]
            if missing and not (accept_loss and not under_way):
                if stuck and not under_way:
                    raise DataError(f"{next(iter(stuck.values()))}; or count it as lost: --accept-loss")
                _explain(book, run, missing, end, say)
                return None
            if plan.stop is None or end == run.shots or accept_loss:
                break
            if not go_on:
                say(f"run {run.id}: not enough yet; the next round: {book.command('submit', '--resume', run.id)}")
                return None
            dispatch.submit(end=next_round_end(run, plan, end), patience=BUSY)
        if accept_loss and not any(job.state == "stored" for job in book.jobs(run.id)):
            book.close_run(run.id, True)
            raise LedgerError(
                f"run {run.id}: no trial has an outcome, so there is nothing to analyze; the run is closed, and "
                f"{book.command('submit', '--resume', run.id)} would take it up again"
            )
        watch("analyzing and writing", 0, None)
        return finish_run(book, run, dispatch, accept_loss=accept_loss, out=out, end=end)


def _settled_round(
    run: RunEntry, plan: PlanRecord, dispatch: Dispatch, end: int, accept_loss: bool, say: Say
) -> int | None:
    """Where a run that may stop early ends: after the first complete round at which its rule says enough.

    With `accept_loss` the last complete round is enough, whatever its rule says. None: the run continues.
    """
    if plan.stop is None:
        return None
    last = None
    finish = 0
    while finish < end:
        finish = next_round_end(run, plan, finish)
        if dispatch.missing(finish):
            break
        last = finish
        standing = standing_of(run, plan, dispatch, finish)
        if standing.stop:
            say(f"run {run.id}: {standing.line()}")
            return finish
    if last is not None:
        say(f"run {run.id}: {standing.line()}")
    return last if accept_loss else None


def _await_round(
    dispatch: Dispatch, run: RunEntry, end: int, wait: bool, poll: float, watch: Watch, say: Say
) -> tuple[tuple[JobEntry | range, ...], dict[str, str]]:
    """What is missing of the trials before `end` after one look, or, if the user waits, once all jobs have ended.

    Also, by key, what is wrong with jobs that will have no result as things are.
    """

    def show(_: str, status: JobStatus) -> None:
        stored = len(run.parts) - len(dispatch.missing())
        watch(f"run {run.id}: {status.state} {status.message}", stored, len(run.parts))

    pause, told = min(FIRST_PAUSE, poll), False
    stuck: dict[str, str] = {}
    while True:
        try:
            stuck = dispatch.advance(show, BUSY if wait else 0.0)
        except UnreachableError as error:
            if not wait:
                raise
            say(f"{error}; asking again in {pause:.0f} s")  # days in a queue outlast many a network
        missing = dispatch.missing(end)
        if not wait or not any(isinstance(each, JobEntry) and each.live and each.key not in stuck for each in missing):
            return missing, stuck
        if not told:
            count = sum(isinstance(each, JobEntry) and each.live for each in missing)
            say(f"run {run.id}: waiting for {count} job{'s' * (count != 1)} to end; Ctrl-C leaves them at the provider")
            told = True
        time.sleep(pause)
        pause = min(2 * pause, poll)


def _explain(book: Ledger, run: RunEntry, missing: tuple[JobEntry | range, ...], end: int, say: Say) -> None:
    """Say why a run, or its present round, is not complete, and what can be done.

    Raises:
        LedgerError: nothing more will come by itself.
    """
    waiting = [each for each in missing if isinstance(each, JobEntry) and each.live]
    ended = [each for each in missing if isinstance(each, range) or not each.live]
    for each in waiting:
        say(f"run {run.id}, part {each.part + 1}: {each.message or each.state}; fetch again later")
    if ended and not waiting:
        reasons = {_reason(each) for each in ended}
        parts = [part for part in run.parts if part.start < end]
        some = len(ended) < len(parts)
        instead = f", or count their trials as lost: {book.command('fetch', run.id, '--accept-loss')}" if some else ""
        raise LedgerError(
            f"run {run.id}: {len(ended)} of {len(parts)} jobs brought nothing ({'; '.join(sorted(reasons))}); "
            f"submit again with: {book.command('submit', '--resume', run.id)}{instead}, "
            f"or close it: {book.command('cancel', run.id)}"
        )


def _reason(each: JobEntry | range) -> str:
    if isinstance(each, range):
        return "not submitted"
    return f"{each.state}: {each.message}" if each.message else each.state
