"""Backends, and the runs and jobs of the ledger, as tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from ....backends.accounts.cost import dollars
from ....backends.jobs.entries import JobEntry, RunEntry
from ....backends.jobs.ledger import Ledger
from ....backends.registry import BackendSummary
from .sections import Fitting


def backends_table(summaries: Sequence[BackendSummary]) -> RenderableType:
    """The devices that the accounts at hand reach, if any; then simulators, and what is missing."""
    cloud = Table("name", "status", "queue", "qubits", "best pair", "visibility", "price", box=None, pad_edge=False)
    local = Table("name", "qubits", "what it is", box=None, pad_edge=False)
    for each in summaries:
        if not each.status:
            qubits = "" if each.qubits is None else str(each.qubits)
            local.add_row(Text(each.name), qubits, Text(each.note))  # plain: [braket] is no markup
            continue
        pair = "" if each.pair is None else f"{each.pair[0]}–{each.pair[1]}"
        visibility = "" if each.predicted_visibility is None else f"{each.predicted_visibility:.3f}"
        texts = (each.name, each.status, each.queue, each.qubits, pair, visibility, each.price)
        cloud.add_row(*(Text("" if text is None else str(text)) for text in texts))
    return Group(*((Fitting(cloud), "") if cloud.rows else ()), Fitting(local))


def jobs_table(ledger: Ledger, runs: Sequence[RunEntry]) -> Table:
    """Every attempt of some runs: where it stands at the provider."""
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
            texts = (
                run.id,
                f"{lacking + 1}/{len(run.parts)}",
                "not submitted",
                "",
                "",
                _remedy(run),
            )
            table.add_row(*map(Text, texts))
    return table


def _remedy(run: RunEntry) -> str:
    stops = json.loads(run.plan).get("stop")
    return "only if the rounds before it do not suffice" if stops else f"bellqueue submit --resume {run.id}"


def runs_table(ledger: Ledger, runs: Sequence[RunEntry]) -> Table:
    """Every run on one line: what it is, how far it is, what it was to cost and did cost."""
    columns = ("backend", "shots", "jobs", "estimated", "used")
    titles = (Column("run", no_wrap=True), Column("created (UTC)", no_wrap=True), *columns)
    table = Table(*titles, box=None, pad_edge=False)
    for run in runs:
        jobs = ledger.jobs(run.id)
        state = "finished" if run.finished else "closed" if run.closed else _states(run, jobs)
        if surplus := len(ledger.surplus(run.id)):
            state += f", {surplus} surplus"
        cost = _amount(run.estimated_money, run.estimated_qpu_seconds)
        texts = (run.id, _moment(run.created)[:16], run.backend, str(run.shots), state, cost, _used(jobs))
        table.add_row(*(Text(text, overflow="fold") for text in texts))
    return table


def history_table(ledger: Ledger, run: RunEntry) -> Table:
    """Everything that happened to a run, oldest first."""
    table = Table("at (UTC)", Column(f"run {run.id}", overflow="fold"), box=None, pad_edge=False)
    for moment, what in ledger.history(run.id):
        table.add_row(_moment(moment), Text(what))
    return table


def _states(run: RunEntry, jobs: Sequence[JobEntry]) -> str:
    last: dict[int, str] = {
        job.part: job.state for job in sorted(jobs, key=lambda job: (job.part, job.live, job.attempt))
    }
    counts = Counter(last.values())
    if len(last) < len(run.parts):
        counts["not submitted"] = len(run.parts) - len(last)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _used(jobs: Sequence[JobEntry]) -> str:
    seconds = [job.used_qpu_seconds for job in jobs if job.used_qpu_seconds is not None]
    money = [job.used_money for job in jobs if job.used_money is not None]
    if not (seconds or money):
        return ""
    return _amount(sum(money, Decimal(0)) if money else None, sum(seconds) if seconds else None)


def _amount(money: Decimal | None, seconds: float | None) -> str:
    return dollars(money) + ("" if seconds is None else f", {seconds:.1f} s")


def _moment(text: str) -> str:
    return text[:19].replace("T", " ")
