"""What the commands share that submit runs which outlive the process, and fetch them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import typer

from ...backends.accounts.cost import dollars, parse_money
from ...backends.jobs.dispatch import Say
from ...backends.protocol import CostEstimate
from ...model.errors import BackendError, BellqueueError, LedgerError, UnreachableError
from ...model.progress import Watch
from ..experiment.approval import Approve, refuse_unapproved
from ..experiment.fetching import fetch_run
from ..experiment.submission import open_ledger
from .showing import show_analysis
from .terminal import Bar, print_lines, progress_bar, say


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
        jobs = f"{estimate.tasks} job{'s' if estimate.tasks != 1 else ''}"
        seconds = "" if estimate.qpu_seconds is None else f", about {estimate.qpu_seconds:.1f} s on the device"
        cost = f"estimated cost {dollars(estimate.money)}"
        notes = (f"({estimate.basis})", *estimate.notes)
        about = f"{backend}: {estimate.shots} shots in {jobs}{seconds}; {cost}"
        print_lines(about, *(f"  {note}" for note in notes), error=True)
        terminal = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
        refuse_unapproved(estimate, self.max_cost, self.max_qpu_seconds, terminal)
        if estimate.doubt and not (terminal or self.yes):
            raise BackendError(f"nothing was submitted: {estimate.doubt}; to submit all the same, give --yes")
        if estimate.doubt:
            print_lines(f"  {estimate.doubt}", error=True)
        if terminal and not self.yes and not typer.confirm("Submit?", err=True):
            raise BackendError("nothing was submitted")


def submit_command(submit: Callable[[Approve, Watch, Say], str], approval: Approval) -> str:
    """Submit what `submit` does, once it is approved; returns the run's id."""
    with progress_bar() as bar:
        name = submit(partial(approval.ask, bar), bar, say)
    print_lines(f"run {name} is submitted", error=True)
    return name


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
            say(f"no run in {book.path} waits to be fetched; `{book.command('runs')}` lists all, submit begins one")
            return True, True
        if out and len(runs) != 1:
            raise LedgerError(f"--out is for one run and {len(runs)} are to be fetched; name the run")
        complete, certified = True, True
        problems: list[str] = []
        outages = 0
        for run in runs:
            try:
                with progress_bar() as watch:
                    analysis = fetch_run(book, run, wait, poll, accept_loss, out, go_on, watch, say)
            except BellqueueError as error:
                if len(runs) == 1:
                    raise
                outages += isinstance(error, UnreachableError)
                problems.append(f"run {run.id}: {error}")
                continue
            if analysis is None:
                complete = False
            else:
                certified &= analysis.certificate.certified
                show_analysis(analysis, full, json, folder=Path(book.run(run.id).folder))
        if problems:
            raise (UnreachableError if outages == len(problems) else LedgerError)("; ".join(problems))
    return complete, complete and certified
