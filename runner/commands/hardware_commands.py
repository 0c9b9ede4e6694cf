"""The commands for runs that outlive the process: submit, status, fetch, cancel, runs."""

from __future__ import annotations

import json as json_module
import shlex
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import typer
from rich.console import Console

from ...analysis.records.analysis_record import Analysis
from ...backends.accounts.cost import dollars, parse_money
from ...backends.jobs.dispatch import Dispatch
from ...backends.jobs.entries import RunEntry
from ...backends.jobs.ledger import Ledger, default_ledger
from ...backends.protocol import CostEstimate, RemoteBackend
from ...backends.registry import open_backend
from ...circuits.schedule import Schedule
from ...model.errors import BackendError, BellqueueError, LedgerError
from ...model.scenario.file import Scenario
from ..experiment.fetching import ask_quietly, fetch_run, open_recorded, told_how_to_return
from ..experiment.folder import REPORT, refuse_existing
from ..experiment.submission import (
    asks,
    estimate_of,
    jobs_record,
    next_round_end,
    plan_run,
    recorded_plan,
    refuse_unapproved,
    round_end,
    standing_of,
)
from .completion import RUNS
from .tables import history_table, jobs_table, runs_table
from .terminal import print_whole, progress_bars, say, show_analysis


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


def open_remote(name: str) -> RemoteBackend:
    """The hardware or cloud simulator that a user names.

    Raises:
        BackendError: there is none of that name, or it works in this process.
    """
    backend = open_backend(name)
    if not isinstance(backend, RemoteBackend):
        raise BackendError(f"{name} works in this process and keeps no jobs; use: bellqueue run --backend {name}")
    return backend


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
        _submit(Dispatch(book, entry, backend, say), entry, round_end(entry, recorded_plan(entry), ()))
    return entry.id


def resume_command(name: str, ledger: Path | None, approval: Approval) -> str:
    """Submit the parts of a recorded run that have no job on its way."""
    with _opened(ledger) as book:
        entry = book.run(name)
        if entry.finished:
            raise LedgerError(f"run {entry.id} has finished; its folder is {entry.folder}")
        backend = open_recorded(entry)
        dispatch = Dispatch(book, entry, backend, say)
        dispatch.reconcile()  # what is in doubt may have to be paid for, too
        plan = recorded_plan(entry)
        end = round_end(entry, plan, book.jobs(entry.id))
        if entry.shots > end and not dispatch.missing(end):  # the round is complete: is another one needed?
            standing = standing_of(entry, plan, dispatch, end)
            if standing.stop:
                raise LedgerError(f"run {entry.id}: {standing.reason}; no more is needed: bellqueue fetch {entry.id}")
            end = next_round_end(entry, plan, end)
        missing = [each for each in dispatch.missing(end) if isinstance(each, range) or not each.live]
        if not missing:
            raise LedgerError(f"run {entry.id}: every job is on its way or done; bellqueue fetch {entry.id}")
        parts = tuple(each if isinstance(each, range) else each.trials for each in missing)
        approval.ask(entry.backend, estimate_of(backend, Schedule.from_bytes(entry.sampling), parts))
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
                analysis = fetch_run(book, run, wait, poll, accept_loss, out, go_on)
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
                    ask_quietly(book, run)
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
        Dispatch(book, run, open_recorded(run), say).cancel()
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


def _opened(ledger: Path | None) -> Ledger:
    """The ledger named, which must be there; the default one, which is begun by the first look at it."""
    return Ledger(ledger or default_ledger(), begin=ledger is None)


def _submit(dispatch: Dispatch, entry: RunEntry, end: int, parts: list[int] | None = None) -> None:
    with told_how_to_return(entry.id), progress_bars() as progress:
        step = progress.add_task(f"submitting to {entry.backend}", total=len(entry.parts))
        dispatch.submit(lambda done: progress.update(step, completed=done), end, parts)
    print(f"run {entry.id} is submitted to {entry.backend}", file=sys.stderr)


def _with_command(entry: RunEntry, words: list[str]) -> RunEntry:
    from dataclasses import replace

    plan = recorded_plan(entry)
    words = [*words, "--backend", entry.backend, "--shots", str(entry.shots), "--seed", str(plan.seed)]
    return replace(entry, command=shlex.join([*words, *(["--until-certified"] if plan.stop else [])]))


def _show(run: RunEntry, analysis: Analysis, json: bool) -> None:
    show_analysis(analysis, json)
    if not json:
        print(f"\nrun folder: {run.folder}\nreport:     {Path(run.folder) / REPORT}")
