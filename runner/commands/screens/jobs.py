"""Backends, and the runs and jobs of the ledger, as tables."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from ....backends.jobs.entries import JobEntry, RunEntry
from ....backends.jobs.ledger import Ledger
from ....backends.protocol import plain
from ....backends.registry import BackendSummary
from ...experiment.local_runs import LocalRun
from .sections import Fitting
from .wording import amount, pair_text

ACCOUNTS = (
    *("run", "created", "provider", "device", "backend", "state", "shots", "jobs", "jobs_billed", "estimated_cost"),
    *("estimated_qpu_seconds", "billed_cost", "billed_qpu_seconds", "currency", "finished", "folder"),
)


def backends_table(summaries: Sequence[BackendSummary]) -> RenderableType:
    """The devices that the accounts at hand reach, if any; then simulators, and what is missing."""
    cloud = Table("name", "status", "queue", "qubits", "best pair", "visibility", "price", box=None, pad_edge=False)
    local = Table("name", "qubits", "what it is", box=None, pad_edge=False)
    for each in summaries:
        if not each.status:
            qubits = "" if each.qubits is None else str(each.qubits)
            local.add_row(Text(each.name), qubits, Text(each.note))  # plain: [braket] is no markup
            continue
        visibility = "" if each.predicted_visibility is None else f"{each.predicted_visibility:.3f}"
        texts = (each.name, each.status, each.queue, each.qubits, pair_text(each.pair), visibility, each.price)
        cloud.add_row(*(Text("" if text is None else str(text)) for text in texts))
    return Group(*((Fitting(cloud), "") if cloud.rows else ()), Fitting(local))


def jobs_table(ledger: Ledger, runs: Sequence[RunEntry]) -> Table:
    """Every attempt of some runs, with its state at the provider."""
    table = Table(
        Column("run", no_wrap=True),
        "part",
        "state",
        Column("job", overflow="fold"),
        "since (UTC)",
        Column("message", overflow="fold"),
        box=None,
        pad_edge=False,
    )
    for run in runs:
        jobs = ledger.jobs(run.id)
        for job in jobs:
            part = f"{job.part + 1}/{len(run.parts)}" + (f" attempt {job.attempt}" if job.attempt > 1 else "")
            table.add_row(*map(Text, (run.id, part, job.state, job.id or "", _moment(job.updated), job.message)))
        for lacking in sorted(set(range(len(run.parts))) - {job.part for job in jobs}):
            texts = (run.id, f"{lacking + 1}/{len(run.parts)}", "not submitted", "", "", _remedy(ledger, run))
            table.add_row(*map(Text, texts))
    return table


def _remedy(ledger: Ledger, run: RunEntry) -> str:
    stops = json.loads(run.plan).get("stop")
    return "only if the rounds before it do not suffice" if stops else ledger.command("submit", "--resume", run.id)


def runs_table(ledger: Ledger, runs: Sequence[RunEntry]) -> Table:
    """Every run on one line: what it is, how far it is, what it was to cost and did cost."""
    columns = ("backend", "shots", "jobs", "estimated", "used")
    titles = (Column("run", no_wrap=True), Column("created (UTC)", no_wrap=True), *columns)
    table = Table(*titles, box=None, pad_edge=False)
    for run in runs:
        jobs = ledger.jobs(run.id)
        state = _state(run, jobs)
        if surplus := len(ledger.surplus(run.id)):
            state += f", {surplus} surplus"
        cost = amount(run.estimated_money, run.estimated_qpu_seconds)
        texts = (run.id, _moment(run.created)[:16], run.backend, str(run.shots), state, cost, _used(jobs))
        table.add_row(*(Text(text, overflow="fold") for text in texts))
    return table


def runs_csv(ledger: Ledger, runs: Sequence[RunEntry]) -> str:
    """The same for accounting (RFC 4180): amounts to the last digit, and an empty field for what is not known."""
    text = io.StringIO()
    table = csv.DictWriter(text, ACCOUNTS)
    table.writeheader()
    for run in runs:
        jobs = ledger.jobs(run.id)
        money, seconds = _billed(jobs)
        row = {
            "run": run.id,
            "created": run.created,
            "provider": run.backend.partition(":")[0],
            "device": json.loads(run.plan)["backend"]["device"],
            "backend": run.backend,
            "state": _state(run, jobs),
            "shots": run.shots,
            "jobs": len(jobs),
            "jobs_billed": sum(job.usage_known for job in jobs),
            "estimated_cost": _digits(run.estimated_money),
            "estimated_qpu_seconds": _digits(run.estimated_qpu_seconds),
            "billed_cost": _digits(money),
            "billed_qpu_seconds": _digits(seconds),
            "currency": "USD",
            "finished": run.finished,
            "folder": run.folder,
        }
        table.writerow(row)
    return text.getvalue()


def local_runs_table(runs: Sequence[LocalRun]) -> Table:
    """Run folders, a line each: when, on what, and the verdict."""
    titles = ("created (UTC)", "kind", "device", "trials", "verdict", "run folder")
    table = Table(*(Column(title, no_wrap=True) for title in titles), box=None, pad_edge=False)
    for run in runs:
        shots = "" if run.shots is None else str(run.shots)
        texts = (_moment(run.created)[:16], run.kind, run.device, shots, run.verdict, run.folder)
        table.add_row(*(Text(plain(text)) for text in texts))
    return table


def history_table(ledger: Ledger, run: RunEntry) -> Table:
    """Everything that happened to a run, oldest first."""
    table = Table("at (UTC)", Column(f"run {run.id}", overflow="fold"), box=None, pad_edge=False)
    for moment, what in ledger.history(run.id):
        table.add_row(_moment(moment), Text(what))
    return table


def _state(run: RunEntry, jobs: Sequence[JobEntry]) -> str:
    return "finished" if run.finished else "closed" if run.closed else _states(run, jobs)


def _states(run: RunEntry, jobs: Sequence[JobEntry]) -> str:
    last: dict[int, str] = {
        job.part: job.state for job in sorted(jobs, key=lambda job: (job.part, job.live, job.attempt))
    }
    counts = Counter(last.values())
    if len(last) < len(run.parts):
        counts["not submitted"] = len(run.parts) - len(last)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _used(jobs: Sequence[JobEntry]) -> str:
    money, seconds = _billed(jobs)
    return "" if money is None and seconds is None else amount(money, seconds)


def _billed(jobs: Sequence[JobEntry]) -> tuple[Decimal | None, float | None]:
    """Money and seconds of the jobs whose usage is known; None if that of none is."""
    seconds = [job.used_qpu_seconds for job in jobs if job.used_qpu_seconds is not None]
    money = [job.used_money for job in jobs if job.used_money is not None]
    return sum(money, Decimal(0)) if money else None, sum(seconds) if seconds else None


def _digits(number: Decimal | float | None) -> str:
    """Without an exponent; empty for what is not known or no number."""
    if number is None or not Decimal(number).is_finite():
        return ""
    return f"{Decimal(str(number)).normalize():f}"


def _moment(text: str) -> str:
    return text[:19].replace("T", " ")
