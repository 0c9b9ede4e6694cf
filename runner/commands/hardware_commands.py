"""The commands for runs that outlive the process: submit, status, fetch, cancel, runs."""

from __future__ import annotations

import json as json_module
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

import typer
from rich.console import Console

from ...backends.accounts.cost import dollars, parse_money
from ...backends.jobs.dispatch import Dispatch
from ...backends.protocol import CostEstimate, RemoteBackend
from ...model.errors import BackendError, BellqueueError, LedgerError
from ...model.scenario.file import Scenario
from ..experiment.fetching import ask_quietly, fetch_run
from ..experiment.submission import (
    jobs_record,
    open_ledger,
    open_recorded,
    refuse_unapproved,
    resume_run,
    submit_run,
)
from .screens.analysis import show_analysis
from .screens.jobs import history_table, jobs_table, runs_table
from .terminal import Bar, print_whole, progress_bar, say


class Approval:
    """What may be spent, and whether to ask."""

    def __init__(self, max_cost: str | None, max_qpu_seconds: float | None, yes: bool) -> None:
        """Read the options.

        Raises:
            BackendError: `max_cost` is no amount of money.
        """
        self.max_cost: Decimal | None = parse_money(max_cost) if max_cost is not None else None
        self.max_qpu_seconds, self.yes = max_qpu_seconds, yes

    def ask(self, bar: Bar, backend: str, estimate: CostEstimate) -> None:
        """Show the estimate; return only if it is within the limits and, if someone can be asked, confirmed.

        Raises:
            BackendError: it is not; nothing has been submitted.
        """
        bar.hide()
        for line in estimate_lines(backend, estimate):
            print(line, file=sys.stderr)
        terminal = _can_ask()
        refuse_unapproved(estimate, self.max_cost, self.max_qpu_seconds, terminal)
        if terminal and not self.yes and not typer.confirm("Submit?", err=True):
            raise BackendError("nothing was submitted")


def _can_ask() -> bool:
    """Whether a person can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()


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
    with progress_bar() as bar:
        approve = partial(approval.ask, bar)
        name = submit_run(scenario, str(source or ""), backend, seed, out, ledger, approve, bar, say)
    print(f"run {name} is submitted", file=sys.stderr)
    return name


def resume_command(name: str, ledger: Path | None, approval: Approval) -> str:
    """Submit what a recorded run still lacks; returns the run's id."""
    with progress_bar() as bar:
        found = resume_run(name, ledger, partial(approval.ask, bar), bar, say)
    print(f"run {found} is submitted", file=sys.stderr)
    return found


def fetch_command(
    names: list[str],
    ledger: Path | None,
    wait: bool,
    poll: float,
    out: Path | None,
    accept_loss: bool,
    full: bool,
    json: bool,
    go_on: bool = False,
) -> tuple[bool, bool]:
    """Download what is finished; returns (every run is complete, every analysis certifies)."""
    with open_ledger(ledger) as book:
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
                with progress_bar() as watch:
                    analysis = fetch_run(book, run, wait, poll, accept_loss, out, go_on, watch, say)
            except BellqueueError as error:
                if len(runs) == 1:
                    raise
                problems.append(f"run {run.id}: {error}")
                continue
            if analysis is None:
                complete = False
            else:
                certified &= analysis.certificate.certified
                show_analysis(analysis, full, json, folder=Path(book.run(run.id).folder))
        if problems:
            raise LedgerError("; ".join(problems))
    return complete, complete and certified


def status_command(name: str | None, ledger: Path | None, watch: bool, poll: float, json: bool) -> None:
    """How far the jobs are, asked of the providers now; `watch` repeats until all have finished."""
    from rich.live import Live

    with open_ledger(ledger) as book:
        runs = [book.run(name)] if name else [run for run in book.runs() if run.waiting]

        def refresh() -> bool:
            for run in runs:
                if run.waiting:
                    ask_quietly(book, run, say)
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
    with open_ledger(ledger) as book:
        run = book.run(name)
        under_way = [job for job in book.jobs(run.id) if job.state in ("intended", "submitted")]
        if run.finished and not under_way:
            raise LedgerError(f"run {run.id} has finished; its folder is {run.folder}")
        Dispatch(book, run, open_recorded(run), say).cancel()
        print_whole(jobs_table(book, [run]))
        states = {job.state for job in book.jobs(run.id)}
        if not run.finished and not states & {"intended", "submitted"}:
            book.close_run(run.id, True)
            kept = f"bellqueue fetch {run.id} --accept-loss analyzes what it has, " if "stored" in states else ""
            print(f"run {run.id} is closed; {kept}bellqueue submit --resume {run.id} would take it up again")


def runs_command(name: str | None, ledger: Path | None, json: bool) -> None:
    """Every run in the ledger, or the history of one; asks no provider."""
    with open_ledger(ledger) as book:
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
