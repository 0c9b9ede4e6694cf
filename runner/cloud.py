"""The commands for runs that outlive the process: submit, status, fetch, cancel, runs."""

from __future__ import annotations

import json as json_module
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from ..analysis.record import Analysis
from ..backends import open_backend
from ..backends.asking import FIRST_PAUSE
from ..backends.cost import dollars, parse_money
from ..backends.dispatch import Dispatch
from ..backends.entries import JobEntry, RunEntry
from ..backends.ledger import BUSY, Ledger, default_ledger
from ..backends.protocol import CostEstimate, JobStatus, RemoteBackend
from ..circuits.plan import SamplingPlan
from ..model.errors import BackendError, BellqueueError, DataError, LedgerError, UnreachableError
from ..model.scenario import Scenario
from .folder import REPORT, RunFolder, refuse_existing
from .plan_record import PlanRecord
from .submission import (
    asks,
    estimate_of,
    finish_run,
    jobs_record,
    next_round_end,
    plan_run,
    refuse_unapproved,
    round_end,
    standing_of,
)
from .tables import history_table, jobs_table, runs_table
from .terminal import print_whole, progress_bars, say, search_rivals, show_analysis

RUNS = Path("bellqueue-runs")


class Approval:
    """What may be spent, and whether to ask."""

    def __init__(self, max_cost: str | None, max_qpu_seconds: float | None, yes: bool) -> None:
        """Read the options.

        Raises:
            BackendError: `max_cost` is no amount of money.
        """
        self.max_cost: Decimal | None = parse_money(max_cost) if max_cost is not None else None
        self.max_qpu_seconds, self.yes = max_qpu_seconds, yes

    def ask(self, backend: str, estimate: CostEstimate) -> None:
        """Show the estimate; go on only if it is within the limits and, where someone can be asked, confirmed.

        Raises:
            BackendError: it is not; nothing has been submitted.
        """
        for line in estimate_lines(backend, estimate):
            print(line, file=sys.stderr)
        terminal = asks()
        refuse_unapproved(estimate, self.max_cost, self.max_qpu_seconds, terminal)
        if terminal and not self.yes and not typer.confirm("Submit?", err=True):
            raise BackendError("nothing was submitted")


def estimate_lines(backend: str, estimate: CostEstimate) -> Iterator[str]:
    """What a user should know before paying."""
    tasks = f"{estimate.tasks} job{'s' if estimate.tasks != 1 else ''}"
    seconds = "" if estimate.qpu_seconds is None else f", about {estimate.qpu_seconds:.1f} s on the device"
    yield f"{backend}: {estimate.shots} shots in {tasks}{seconds}; estimated cost {dollars(estimate.money)}"
    yield f"  ({estimate.basis})"


def submit_command(
    scenario: Scenario,
    source: Path | None,
    backend: RemoteBackend,
    seed: int | None,
    out: Path | None,
    ledger: Path | None,
    approval: Approval,
) -> str:
    """Estimate, ask, record, submit; returns the run's id."""
    words = ["bellqueue", "submit", *([str(source)] if source else [])]
    Ledger(ledger or default_ledger()).close()  # what cannot be recorded is not even estimated
    with progress_bars() as progress:
        progress.add_task("reading the calibration and planning", total=None)
        entry, estimate = plan_run(scenario, backend, seed, out, RUNS, "")
    refuse_existing(Path(entry.folder))
    entry = _with_command(entry, words)
    approval.ask(entry.backend, estimate)
    with Ledger(ledger or default_ledger()) as book:
        book.add_run(entry)
        _submit(Dispatch(book, entry, backend, say), entry, round_end(entry, _plan(entry), ()))
    return entry.id


def resume_command(name: str, ledger: Path | None, approval: Approval) -> str:
    """Submit the parts of a recorded run that have no job on its way."""
    with _opened(ledger) as book:
        entry = book.run(name)
        if entry.finished:
            raise LedgerError(f"run {entry.id} has finished; its folder is {entry.folder}")
        backend = _open(entry)
        dispatch = Dispatch(book, entry, backend, say)
        dispatch.reconcile()  # what is in doubt may have to be paid for, too
        plan = _plan(entry)
        end = round_end(entry, plan, book.jobs(entry.id))
        if entry.shots > end and not dispatch.missing(end):  # the round is complete: is another one needed?
            standing = standing_of(entry, plan, dispatch, end)
            if standing.decision.stop:
                raise LedgerError(
                    f"run {entry.id}: {standing.decision.reason}; no more is needed: bellqueue fetch {entry.id}"
                )
            end = next_round_end(entry, plan, end)
        missing = [each for each in dispatch.missing(end) if isinstance(each, range) or not each.live]
        if not missing:
            raise LedgerError(f"run {entry.id}: every job is on its way or done; bellqueue fetch {entry.id}")
        parts = tuple(each if isinstance(each, range) else each.trials for each in missing)
        approval.ask(entry.backend, estimate_of(backend, SamplingPlan.from_bytes(entry.sampling), parts))
        if entry.closed:
            book.close_run(entry.id, False)
        _submit(dispatch, entry, end, [entry.parts.index(part) for part in parts])
    return entry.id


def fetch_command(
    names: list[str],
    ledger: Path | None,
    wait: bool,
    poll: float,
    json: bool,
    rivals: bool,
    accept_loss: bool,
    out: Path | None,
    go_on: bool = False,
) -> tuple[bool, bool]:
    """Bring home what is finished; returns (every run is complete, every analysis certifies)."""
    with _opened(ledger) as book:
        runs = [book.run(name) for name in names] or [run for run in book.runs() if run.waiting]
        if json and len(runs) > 1:
            raise LedgerError(f"--json prints one record and {len(runs)} runs are to be fetched; name the run")
        if not runs:
            raise LedgerError(
                f"no run in {book.path} waits to be fetched; `bellqueue runs` lists all, submit begins one"
            )
        if out and len(runs) != 1:
            raise LedgerError(f"--out is for one run and {len(runs)} are to be fetched; name the run")
        complete, certified, problems = True, True, []
        for run in runs:
            try:
                analysis = _fetch_one(book, run, wait, poll, rivals, accept_loss, out, go_on)
            except BellqueueError as error:
                if len(runs) == 1:
                    raise
                problems.append(f"run {run.id}: {error}")
                continue
            if analysis is None:
                complete = False
            else:
                certified &= analysis.certificate.certified
                _show(book.run(run.id), analysis, json)
        if problems:
            raise LedgerError("; ".join(problems))
    return complete, complete and certified


def status_command(name: str | None, ledger: Path | None, watch: bool, poll: float, json: bool) -> None:
    """How far the jobs are, asked of the providers now; `watch` repeats until all have finished."""
    from rich.live import Live

    with _opened(ledger) as book:
        runs = [book.run(name)] if name else [run for run in book.runs() if run.waiting]

        def refresh() -> bool:
            for run in runs:
                if run.waiting:
                    _ask_quietly(book, run)
            return any(job.state in ("intended", "submitted") for run in runs for job in book.jobs(run.id))

        if json:
            refresh()
            print(json_module.dumps([jobs_record(book, run) for run in runs], indent=2))
            return
        if not runs:
            print(f"no run in {book.path} is under way; `bellqueue runs` lists all")
            return
        running = refresh()
        if not watch:
            print_whole(jobs_table(book, runs))
        else:
            with Live(jobs_table(book, runs), auto_refresh=False) as live:
                while running:
                    time.sleep(poll)
                    running = refresh()
                    live.update(jobs_table(book, runs), refresh=True)
        for run in runs:
            states = {job.state for job in book.jobs(run.id)}
            if run.waiting and "stored" in states and not states & {"intended", "submitted"}:
                print(f"finished at the provider: bellqueue fetch {run.id}")


def cancel_command(name: str, ledger: Path | None) -> None:
    """Ask the provider to stop a run's jobs."""
    with _opened(ledger) as book:
        run = book.run(name)
        under_way = [job for job in book.jobs(run.id) if job.state in ("intended", "submitted")]
        if run.finished and not under_way:
            raise LedgerError(f"run {run.id} has finished; its folder is {run.folder}")
        Dispatch(book, run, _open(run), say).cancel()
        print_whole(jobs_table(book, [run]))
        states = {job.state for job in book.jobs(run.id)}
        if not run.finished and not states & {"intended", "submitted"}:
            book.close_run(run.id, True)
            kept = f"bellqueue fetch {run.id} --accept-loss analyses what it has, " if "stored" in states else ""
            print(f"run {run.id} is closed; {kept}bellqueue submit --resume {run.id} would take it up again")


def runs_command(name: str | None, ledger: Path | None, json: bool) -> None:
    """Every run in the ledger, or the history of one; asks no provider."""
    with _opened(ledger) as book:
        runs = [book.run(name)] if name else list(book.runs())
        if json:
            places = [{"folder": run.folder, "finished": run.finished, "closed": run.closed} for run in runs]
            records = [jobs_record(book, run) | place for run, place in zip(runs, places, strict=True)]
            print(json_module.dumps(records, indent=2))
        elif name:
            Console().print(history_table(book, runs[0]))
        elif runs:
            print_whole(runs_table(book, runs))
        else:
            print(f"no run in {book.path} yet; `bellqueue submit` begins one")


@contextmanager
def told_how_to_return(run: str) -> Iterator[None]:
    """Where the user interrupts, say what goes on and how to come back."""
    try:
        yield
    except KeyboardInterrupt:
        print(
            f"\nbellqueue: run {run} goes on at the provider. Come back with: bellqueue fetch {run} --wait\n"
            f"bellqueue: stop it there with: bellqueue cancel {run}",
            file=sys.stderr,
        )
        raise


def _opened(ledger: Path | None) -> Ledger:
    """The ledger named, which must be there; the default one, which is begun by the first look at it."""
    return Ledger(ledger or default_ledger(), begin=ledger is None)


def _plan(entry: RunEntry) -> PlanRecord:
    return PlanRecord.model_validate_json(entry.plan)


def _submit(dispatch: Dispatch, entry: RunEntry, end: int, parts: list[int] | None = None) -> None:
    with told_how_to_return(entry.id), progress_bars() as progress:
        step = progress.add_task(f"submitting to {entry.backend}", total=len(entry.parts))
        dispatch.submit(lambda done: progress.update(step, completed=done), end, parts)
    print(f"run {entry.id} is submitted to {entry.backend}", file=sys.stderr)


def _fetch_one(
    book: Ledger,
    run: RunEntry,
    wait: bool,
    poll: float,
    rivals: bool,
    accept_loss: bool,
    out: Path | None,
    go_on: bool,
) -> Analysis | None:
    """A run's analysis, or None while it is still under way.

    Args:
        go_on: Whether the next round of a run that may stop early is submitted, which was approved with the whole.
    """
    if run.finished and Path(run.folder).is_dir() and not out:
        if any(job.state == "stored" and not job.usage_known for job in book.jobs(run.id)):
            _ask_quietly(book, run)
        return RunFolder.open(Path(run.folder)).analysis()
    dispatch, plan = Dispatch(book, run, _open(run), say), _plan(run)
    with told_how_to_return(run.id), progress_bars() as progress:
        step = progress.add_task(f"run {run.id}", total=len(run.parts))
        while True:
            end = round_end(run, plan, book.jobs(run.id))
            missing, stuck = _await_round(dispatch, run, end, wait, poll, progress, step)
            settled = _settled_round(book, run, plan, dispatch, end, accept_loss)
            if settled is not None:
                end = settled
                break
            live = [each for each in missing if isinstance(each, JobEntry) and each.live]
            under_way = [each for each in live if each.key not in stuck]
            if missing and not (accept_loss and not under_way):
                if stuck and not under_way:
                    raise DataError(f"{next(iter(stuck.values()))}; or count it as lost: --accept-loss")
                _explain(run, missing, end)
                return None
            if plan.stop is None or end == run.shots or accept_loss:
                break
            if not go_on:
                say(f"run {run.id}: not enough yet; the next round: bellqueue submit --resume {run.id}")
                return None
            dispatch.submit(end=next_round_end(run, plan, end), patience=BUSY)
        curves = search_rivals(Scenario.parse(json_module.loads(run.scenario)).workload(), progress) if rivals else ()
        progress.update(step, description="analysing and writing", total=None)
        return finish_run(book, run, dispatch, wider_rivals=curves, accept_loss=accept_loss, out=out, end=end)


def _settled_round(
    book: Ledger, run: RunEntry, plan: PlanRecord, dispatch: Dispatch, end: int, accept_loss: bool
) -> int | None:
    """Where a run that may stop early ends: after the first complete round at which its rule says enough.

    With `accept_loss` the last complete round is enough, whatever it says. None: it goes on.
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
        if standing.decision.stop:
            say(f"run {run.id}: {standing.line()}")
            return finish
    if last is not None:
        say(f"run {run.id}: {standing.line()}")
    return last if accept_loss else None


def _await_round(
    dispatch: Dispatch, run: RunEntry, end: int, wait: bool, poll: float, progress: Progress, step: TaskID
) -> tuple[tuple[JobEntry | range, ...], dict[str, str]]:
    """What is missing of the trials before `end` after one look, or, where the user waits, once all jobs have ended.

    With it, by key, what is wrong with jobs that will bring nothing as things stand.
    """

    def watch(_: str, status: JobStatus) -> None:
        stored = len(run.parts) - len(dispatch.missing())
        progress.update(step, description=f"run {run.id}: {status.state} {status.message}", completed=stored)

    pause = min(FIRST_PAUSE, poll)
    stuck: dict[str, str] = {}
    while True:
        try:
            stuck = dispatch.advance(watch, BUSY if wait else 0.0)
        except UnreachableError as error:
            if not wait:
                raise
            say(f"{error}; asking again")  # days in a queue outlast many a network
        missing = dispatch.missing(end)
        if not wait or not any(isinstance(each, JobEntry) and each.live and each.key not in stuck for each in missing):
            return missing, stuck
        time.sleep(pause)
        pause = min(2 * pause, poll)


def _explain(run: RunEntry, missing: tuple[JobEntry | range, ...], end: int) -> None:
    """Say why a run, or its present round, is not complete, and what can be done.

    Raises:
        LedgerError: nothing more will come by itself.
    """
    waiting = [each for each in missing if isinstance(each, JobEntry) and each.live]
    ended = [each for each in missing if isinstance(each, range) or not each.live]
    for each in waiting:
        print(f"run {run.id}, part {each.part + 1}: {each.message or each.state}; fetch again later", file=sys.stderr)
    if ended and not waiting:
        reasons = {_reason(each) for each in ended}
        parts = [part for part in run.parts if part.start < end]
        some = len(ended) < len(parts)
        instead = f", or count their trials as lost: bellqueue fetch {run.id} --accept-loss" if some else ""
        raise LedgerError(
            f"run {run.id}: {len(ended)} of {len(parts)} jobs brought nothing ({'; '.join(sorted(reasons))}); "
            f"submit again with: bellqueue submit --resume {run.id}{instead}, or close it: bellqueue cancel {run.id}"
        )


def _reason(each: JobEntry | range) -> str:
    if isinstance(each, range):
        return "not submitted"
    names = {"lost": "not submitted", "refused": "refused", "failed": "failed", "cancelled": "cancelled"}
    return f"{names.get(each.state, each.state)}: {each.message}" if each.message else names.get(each.state, each.state)


def _ask_quietly(book: Ledger, run: RunEntry) -> None:
    """Bring a run's entries up to date; a provider that does not answer is said and does not stop the others."""
    try:
        for problem in Dispatch(book, run, _open(run), say).advance().values():
            say(problem)
    except BellqueueError as error:
        say(str(error))


def _open(run: RunEntry) -> RemoteBackend:
    backend = open_backend(run.backend)
    if not isinstance(backend, RemoteBackend):
        raise LedgerError(f"run {run.id}: backend {run.backend} is no longer one that keeps jobs; restore its adapter")
    return backend


def _with_command(entry: RunEntry, words: list[str]) -> RunEntry:
    from dataclasses import replace

    plan = _plan(entry)
    words = [*words, "--backend", entry.backend, "--shots", str(entry.shots), "--seed", str(plan.seed)]
    return replace(entry, command=shlex.join([*words, *(["--until-certified"] if plan.stop else [])]))


def _show(run: RunEntry, analysis: Analysis, json: bool) -> None:
    show_analysis(analysis, json)
    if not json:
        print(f"\nrun folder: {run.folder}\nreport:     {Path(run.folder) / REPORT}")
