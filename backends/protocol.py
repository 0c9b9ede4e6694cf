"""The protocol every backend meets: describe, submit, poll, find, cancel; then fetch, or download and parse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable

from ..circuits.schedule import Schedule
from ..model.errors import BackendError
from ..model.games.strategy import bell_pairs_for
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
        predicted_visibility: Werner visibility the calibration promises for that pair, or on average for all pairs;
            None if it does not say.
        calibration: JSON-ready calibration data used, kept with every run.
        attachments: Texts by file name (the compiled circuit, the device's whole calibration), kept with every run.
        parallel: k, the Bell pairs measured in every shot (`Sampling.parallel`).
        pairs: The qubits of all of them, `pair` first; empty if k = 1. Of several Bell pairs that serve one pair of
            requests together, likewise; `pair` are then the qubits measured.
        dimension: Of the vectors whose measurements it has circuits for (MODEL §3), at most: 2 is one Bell pair in a
            plane, `Setting.alpha` and `beta` alone.
    """

    name: str
    kind: Literal["simulator", "hardware"]
    device: str
    qubits: int
    pair: tuple[int, int] | None = None
    predicted_visibility: float | None = None
    calibration: Mapping[str, Any] = field(default_factory=dict)
    attachments: Mapping[str, str] = field(default_factory=dict)
    parallel: int = 1
    pairs: tuple[tuple[int, int], ...] = ()
    dimension: int = 2


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
    """Where trials are measured; every one is a LocalBackend or a RemoteBackend.

    Jobs are named by the provider's id, and found again by the submitter's key.
    """

    def describe(self) -> Description:
        """What this backend is; reads the calibration."""
        ...

    def submit(self, plan: Schedule, key: str, seed: int | None) -> str:
        """Hand over a plan under a unique key; returns the job's id. `seed` makes simulators reproducible."""
        ...

    def poll(self, job: str) -> JobStatus:
        """How far the job is; a local backend does the next piece of work here."""
        ...

    def find(self, key: str) -> tuple[str, ...]:
        """Ids of the jobs submitted under a key."""
        ...

    def cancel(self, job: str) -> None:
        """Stop a job that has not finished; one that has stays as it is."""
        ...


@runtime_checkable
class LocalBackend(Backend, Protocol):
    """A backend whose jobs live and end in this process."""

    def fetch(self, job: str) -> Trials:
        """The trials of a finished job, in the order of the plan.

        Raises:
            BackendError: the job is unknown, not done, failed or cancelled.
        """
        ...


@runtime_checkable
class Adapting(Protocol):
    """A backend whose circuit, and so its choice of qubits, depends on the dimension of the vectors measured."""

    def describe_for(self, dimension: int) -> Description:
        """What the backend is when it measures vectors of k dimensions.

        Raises:
            BackendError: it cannot.
        """
        ...


def description_for(backend: Backend, dimension: int) -> Description:
    """What the backend is when it measures vectors of k dimensions; asked before anything is submitted.

    Raises:
        BackendError: it has no circuit for them.
    """
    if dimension > 2 and isinstance(backend, Adapting):
        return backend.describe_for(dimension)
    description = backend.describe()
    refuse_dimension(description, dimension)
    return description


def refuse_dimension(description: Description, dimension: int) -> None:
    """Refuse vectors of more dimensions than a backend has circuits for.

    Raises:
        BackendError: there are more.
    """
    if dimension <= description.dimension:
        return
    pairs = bell_pairs_for(dimension)
    needs = "bases that do not lie in a plane" if pairs == 1 else f"{pairs} Bell pairs for each pair of requests"
    fewer = ", or set bell_pairs = 1 in [experiment]" if description.dimension == 3 else ""
    has = "one Bell pair in a plane" if description.dimension == 2 else "one Bell pair"
    raise BackendError(
        f"{description.name}: the strategy needs {needs}, and this backend measures {has} only; "
        f"run it on aer, braket-local or a snapshot (fake:…){fewer}"
    )


@dataclass(frozen=True)
class CostEstimate:
    """What a plan will take, worked out before anything is submitted.

    Attributes:
        shots: Executions of the circuit, all jobs together.
        tasks: Jobs at the provider.
        qpu_seconds: Time on the device that is billed; None where the provider does not bill by time.
        money: US dollars; None where the price is not known.
        basis: One line: which price, from where, of which date.
    """

    shots: int
    tasks: int
    qpu_seconds: float | None
    money: Decimal | None
    basis: str


@dataclass(frozen=True)
class Usage:
    """What the provider says a finished job used; None where it says nothing (yet).

    Attributes:
        qpu_seconds: Time billed.
        money: US dollars.
    """

    qpu_seconds: float | None = None
    money: Decimal | None = None


@runtime_checkable
class RemoteBackend(Backend, Protocol):
    """A backend whose jobs outlive the process that submits them, and may cost money.

    A plan is first split into parts, one job each; `submit` then gets one part at a time, each under its own key.
    Every call but `parse` talks to the provider and may raise:

    - `UnreachableError`: no answer, or none that can be used; asking again later is safe, except after `submit`.
    - `RefusedError`: the provider said no, and nothing was created or changed.
    - any other BackendError: what its text says.

    `submit` never tries twice by itself. Where it raises UnreachableError the job may exist: `find` tells.
    """

    def split(self, plan: Schedule) -> Sequence[range]:
        """The trials of each job, consecutive and together all of the plan.

        Raises:
            BackendError: the plan cannot be measured here.
        """
        ...

    def estimate(self, plan: Schedule) -> CostEstimate:
        """What the whole plan will take."""
        ...

    def download(self, job: str) -> bytes:
        """The result of a finished job as the provider gave it, unparsed."""
        ...

    def parse(self, raw: bytes, part: Schedule) -> Trials:
        """The trials in a downloaded result, in the order of the part; needs no network.

        Raises:
            DataError: the result is truncated, empty or not of this part.
        """
        ...

    def usage(self, job: str) -> Usage:
        """What a finished job used."""
        ...
