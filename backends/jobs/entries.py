"""What the ledger holds: runs, and the attempts at their parts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

JobState = Literal["intended", "submitted", "stored", "failed", "cancelled", "refused", "lost"]


@dataclass(frozen=True)
class RunEntry:
    """One run in the ledger.

    Attributes:
        id: What a user types.
        created: UTC, ISO 8601.
        backend: What `open_backend` takes, options included.
        scenario, plan: The records of the run, JSON.
        sampling: The settings in their order, as `Schedule.to_bytes` gives them.
        attachments: JSON object of texts by file name.
        folder: Absolute path of the folder that the run will write.
        command: The command as typed.
        content_hash: SHA-256 of scenario, plan and sampling.
        parts: The trials of each job.
        shots: Number of trials.
        estimated_money, estimated_qpu_seconds, estimate_basis: The estimate before the first submission.
        finished: Time at which the folder was written; None before.
        closed: Time at which the user gave it up; None before.
    """

    id: str
    created: str
    backend: str
    scenario: str
    plan: str
    sampling: bytes
    attachments: str
    folder: str
    command: str
    content_hash: str
    parts: tuple[range, ...]
    shots: int
    estimated_money: Decimal | None
    estimated_qpu_seconds: float | None
    estimate_basis: str
    finished: str | None = None
    closed: str | None = None

    @property
    def waiting(self) -> bool:
        """Whether it is neither finished nor given up."""
        return self.finished is None and self.closed is None


@dataclass(frozen=True)
class JobEntry:
    """One attempt at one part of a run.

    Attributes:
        key: Unique to the attempt; it travels with the job to the provider.
        run: The run's id.
        part: Number of the part, from 0.
        attempt: Number of the attempt, from 1.
        trials: The trials of the schedule that it measures.
        content_hash: SHA-256 of the part.
        intended: Time at which it was written down, before the submission; UTC.
        id: The provider's id; None until the provider has answered or the job was found by its key.
        state: intended → submitted → stored, or how it ended instead.
        message: The provider's words.
        updated: Time of the last change; UTC.
        used_qpu_seconds, used_money: What the provider says it used.
    """

    key: str
    run: str
    part: int
    attempt: int
    trials: range
    content_hash: str
    intended: str
    id: str | None
    state: JobState
    message: str
    updated: str
    used_qpu_seconds: float | None
    used_money: Decimal | None

    @property
    def usage_known(self) -> bool:
        """Whether the provider has said what it used."""
        return self.used_qpu_seconds is not None or self.used_money is not None

    @property
    def live(self) -> bool:
        """Whether its trials are there or may still come."""
        return self.state in ("intended", "submitted", "stored")

    @property
    def age(self) -> float:
        """Seconds since it was intended; 0 if the clock has been set back since."""
        return max((datetime.now(UTC) - datetime.fromisoformat(self.intended)).total_seconds(), 0.0)
