"""A provider in memory that fails on demand, and the run and the schedule that it is given."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np
from bellqueue.backends.jobs.entries import RunEntry
from bellqueue.backends.protocol import CostEstimate, Description, JobStatus, RemoteBackend, State, Usage
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.errors import DataError, UnreachableError
from bellqueue.model.trials import Sampling, Trials

RUN = "20260101-abc123"
TRIALS = 24
PARTS = (range(0, 8), range(8, 16), range(16, 24))
OUTAGE = UnreachableError("the line is down")


@dataclass
class Job:
    """What the provider has of a job."""

    id: str
    key: str
    raw: bytes
    state: State = "queued"


@dataclass
class Provider(RemoteBackend):
    """A provider in memory whose outcomes are a function of the setting alone, and that fails on demand.

    Attributes:
        jobs: What was accepted, in order.
        calls: How often each method was called.
        refusals: For the next submissions, in order: (whether the job is accepted all the same, what is raised);
            None for one that goes well.
        outages: Of each method, how many of the next calls find nobody.
        hidden: How many of the next calls of `find` see nothing, as if lists lagged behind.
        spoilt: Of each job, what its next downloads bring instead of the result.
        pending: Whether usage is not known yet.
        illiterate: How many of the next results `parse` cannot make sense of.
    """

    jobs: list[Job] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    refusals: list[tuple[bool, BaseException] | None] = field(default_factory=list)
    outages: Counter[str] = field(default_factory=Counter)
    hidden: int = 0
    spoilt: dict[str, list[bytes]] = field(default_factory=dict)
    pending: bool = False
    illiterate: int = 0

    def describe(self, dimension: int = 2) -> Description:
        return Description(name="paper", kind="hardware", device="paper", qubits=2)

    def split(self, schedule: Schedule) -> tuple[range, ...]:
        return PARTS

    def estimate(self, schedule: Schedule) -> CostEstimate:
        return CostEstimate(len(schedule.order), len(PARTS), None, None, "no price")

    def submit(self, part: Schedule, key: str) -> str:
        self.calls["submit"] += 1
        fault = self.refusals.pop(0) if self.refusals else None
        if fault and not fault[0]:
            raise fault[1]
        job = self.accept(part, key)
        if fault:
            raise fault[1]
        return job.id

    def accept(self, plan: Schedule, key: str) -> Job:
        """Take a job on, whatever is answered."""
        outcomes = [[index, *outcome(index)] for index in plan.order.tolist()]
        job = Job(f"job-{len(self.jobs) + 1}", key, json.dumps(outcomes).encode())
        self.jobs.append(job)
        return job

    def poll(self, job: str) -> JobStatus:
        self._ask("poll")
        return JobStatus(self.job(job).state, "the provider's words")

    def find(self, key: str) -> tuple[str, ...]:
        self._ask("find")
        if self.hidden:
            self.hidden -= 1
            return ()
        return tuple(job.id for job in self.jobs if job.key == key)

    def cancel(self, job: str) -> None:
        self._ask("cancel")
        if self.job(job).state == "queued":
            self.job(job).state = "cancelled"

    def download(self, job: str) -> bytes:
        self._ask("download")
        spoilt = self.spoilt.get(job)
        return spoilt.pop(0) if spoilt else self.job(job).raw

    def parse(self, raw: bytes, part: Schedule) -> Trials:
        if self.illiterate:
            self.illiterate -= 1
            raise DataError("the result is in an unknown form")
        try:
            outcomes = np.array(json.loads(raw))
        except ValueError:
            raise DataError("the result is truncated") from None
        if outcomes[:, 0].tolist() != part.order.tolist():
            raise DataError("the result is of another part")
        return part.in_order(outcomes[:, 1:].astype(np.uint8))

    def usage(self, job: str) -> Usage:
        self._ask("usage")
        return Usage() if self.pending else Usage(2.5, Decimal("0.10"))

    def job(self, name: str) -> Job:
        return next(job for job in self.jobs if job.id == name)

    def end(self, state: State, *names: str) -> None:
        """Let jobs end so; without names all that have not ended."""
        for job in self.jobs:
            if job.id in names or (not names and job.state == "queued"):
                job.state = state

    def _ask(self, what: str) -> None:
        self.calls[what] += 1
        if self.outages[what]:
            self.outages[what] -= 1
            raise OUTAGE


def entry(name: str = RUN, **changes: object) -> RunEntry:
    """A run of three parts that nothing has happened to, with some fields replaced."""
    run = RunEntry(
        id=name,
        created=f"2026-01-01T00:00:00.000+00:00 {name}",
        backend="paper:device",
        scenario="{}",
        plan="{}",
        sampling=b"\x00\xff settings",
        attachments="{}",
        folder=f"/runs/{name}",
        command="bellqueue submit",
        content_hash="c0ffee",
        parts=PARTS,
        shots=TRIALS,
        estimated_money=Decimal("12.345678901234567890123456789"),
        estimated_qpu_seconds=7.716,
        estimate_basis="a price",
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def outcome(index: int) -> tuple[int, int]:
    """The two bits of a setting."""
    return index // 4 % 2, index // 8 % 2


def plan() -> Schedule:
    """Every trial has a setting of its own, so a trial in the wrong place is seen."""
    settings = tuple(Setting(index % 2, index // 2 % 2, float(index), -float(index)) for index in range(TRIALS))
    order = np.random.default_rng(4).permutation(TRIALS)
    return Schedule(settings, order, (2, 2), Sampling("random"))


def assert_measured(trials: Trials, *parts: range) -> None:
    """The trials are those of the parts, in order."""
    indices = [int(index) for part in parts for index in plan().order[part.start : part.stop]]
    expected = [(index % 2, index // 2 % 2, *outcome(index)) for index in indices]
    assert list(zip(*(getattr(trials, name).tolist() for name in "xyab"), strict=True)) == expected
