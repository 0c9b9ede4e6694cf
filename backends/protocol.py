"""The protocol every backend meets, local or remote: describe, submit, poll, fetch, find, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..circuits.plan import SamplingPlan
from ..model.trials import Trials

State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Description:
    """What a backend is and what its calibration promises.

    Attributes:
        name: The name a user types, options included.
        kind: `simulator` or `hardware`.
        device: The provider's own name.
        qubits: Number of qubits of the device.
        pair: The physical qubits the Bell pair will use, A's first; None for an abstract simulator.
        predicted_visibility: Werner visibility the calibration promises for that pair; None if it does not say.
        calibration: JSON-ready calibration data used, kept with every run.
    """

    name: str
    kind: Literal["simulator", "hardware"]
    device: str
    qubits: int
    pair: tuple[int, int] | None = None
    predicted_visibility: float | None = None
    calibration: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JobStatus:
    """How far a job is.

    Attributes:
        state: Where it stands.
        done, total: Trials finished and asked for.
        message: The provider's own words, if any.
    """

    state: State
    done: int
    total: int
    message: str = ""

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "cancelled")


class Backend(Protocol):
    """Where trials are measured. Jobs are named by the provider's id, and found again by the submitter's key."""

    def describe(self) -> Description:
        """What this backend is; reads the calibration."""
        ...

    def submit(self, plan: SamplingPlan, key: str, seed: int | None) -> str:
        """Hand over a plan under a unique key; returns the job's id. `seed` makes simulators reproducible."""
        ...

    def poll(self, job: str) -> JobStatus:
        """How far the job is; a local backend does the next piece of work here."""
        ...

    def fetch(self, job: str) -> Trials:
        """The trials of a finished job, in the order of the plan.

        Raises:
            BackendError: the job is unknown, not done, failed or cancelled.
        """
        ...

    def find(self, key: str) -> tuple[str, ...]:
        """Ids of the jobs submitted under a key."""
        ...

    def cancel(self, job: str) -> None:
        """Stop a job that has not finished."""
        ...
