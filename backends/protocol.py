"""The two protocols of backends: a local one measures at once; a remote one takes jobs that outlive the process."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import ConfigDict, Field, field_validator

from ..circuits.schedule import Schedule
from ..model.errors import BackendError
from ..model.games.operating_point import OperatingPoint
from ..model.games.strategy import bell_pairs_for
from ..model.progress import Watch
from ..model.scenario.file import Scenario
from ..model.trials import Trials
from ..model.validation import Checked

State = Literal["queued", "running", "done", "failed", "cancelled"]

OTHER_SETTINGS = "the result is of other settings than the job's, or of the same in another order"
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def plain(text: str) -> str:
    """A provider's text in one line, without what would move a terminal's cursor, color it or turn its direction."""
    return " ".join(_CONTROL.sub(" ", _ESCAPE_SEQUENCE.sub("", text)).split())


class Description(Checked):
    """What a backend is and what its calibration predicts; a run's plan stores it, without the excluded fields.

    Attributes:
        name: The name a user types, options included.
        kind: `simulator` or `hardware`.
        device: The provider's own name.
        qubits: Number of qubits of the device.
        pair: The physical qubits the Bell pair will use, A's first; None for an abstract simulator.
        predicted_visibility: Werner visibility predicted from the calibration for that pair, or on average for all
            pairs; None if the calibration does not say.
        calibration: JSON-ready calibration data used, kept with every run.
        attachments: Texts by file name (the compiled circuit, the device's whole calibration), kept with every run.
        parallel: k, the Bell pairs measured in every shot (`Sampling.parallel`).
        pairs: The qubits of all these pairs, `pair` first; empty if k = 1. Also those of several Bell pairs that serve
            one pair of requests together; `pair` are then the qubits measured.
        dimension: The largest dimension of the vectors whose measurements it has circuits for (MODEL §3): 2 is one
            Bell pair in a plane, `Setting.alpha` and `beta` alone.
        locality: What a report must say in place of "both qubits are on one device"; its first sentence appears on the
            first screen. Left out of the plan if empty.
    """

    complaint = BackendError
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    kind: Literal["simulator", "hardware"]
    device: str
    qubits: int
    pair: tuple[int, int] | None = None
    predicted_visibility: float | None = None
    calibration: dict[str, Any] = Field(default={})
    attachments: dict[str, str] = Field(default={}, exclude=True)
    parallel: int = Field(default=1, exclude=True)
    pairs: tuple[tuple[int, int], ...] = ()
    dimension: int = Field(default=2, exclude=True)
    locality: str = Field(default="", exclude_if=lambda value: not value)

    @field_validator("name", "device")
    @classmethod
    def _plain(cls, text: str) -> str:
        return plain(text)


class Backend(Protocol):
    """A place where trials are measured; every backend is a LocalBackend or a RemoteBackend."""

    def describe(self, dimension: int = 2) -> Description:
        """What this backend is by today's calibration when it measures vectors of k dimensions.

        A backend without circuits for them describes itself as it is; its `Description.dimension` says so.

        Raises:
            BackendError: its qubits cannot do it.
        """
        ...


def description_for(backend: Backend, dimension: int) -> Description:
    """What the backend is when it measures vectors of k dimensions; call it before anything is submitted.

    Raises:
        BackendError: the backend has no circuit for them.
    """
    description = backend.describe(dimension)
    if dimension <= description.dimension:
        return description
    pairs = bell_pairs_for(dimension)
    needs = "bases that do not lie in a plane" if pairs == 1 else f"{pairs} Bell pairs for each pair of requests"
    fewer = ", or set bell_pairs = 1 in [experiment]" if description.dimension == 3 else ""
    has = "one Bell pair in a plane" if description.dimension == 2 else "one Bell pair"
    raise BackendError(
        f"{description.name}: the strategy needs {needs}, and this backend measures {has} only; "
        f"run it on aer, braket-local or a snapshot (fake:…){fewer}"
    )


@runtime_checkable
class LocalBackend(Backend, Protocol):
    """A backend that measures in this process, free of charge."""

    def measure(self, schedule: Schedule, seed: int, watch: Watch) -> Trials:
        """The trials of a schedule, in its order.

        Args:
            schedule: The settings and their order.
            seed: Makes simulators reproducible.
            watch: Called with what is being done, the trials done so far, and their total.

        Raises:
            BackendError: the schedule cannot be measured here, or measuring failed.
        """
        ...


@runtime_checkable
class PlansItself(Backend, Protocol):
    """A local backend that chooses how the routers of its scenario work; over a link, the best depends on its pairs."""

    def operating_point(self) -> OperatingPoint:
        """The operating point of the scenario that it serves.

        Raises:
            ScenarioError: there is no such point.
        """
        ...


@runtime_checkable
class ForScenario(Protocol):
    """What an adapter makes if its backend depends on the scenario, for example on the rate of requests."""

    def serving(self, scenario: Scenario) -> LocalBackend:
        """The backend for the requests of a scenario.

        Raises:
            BackendError: it cannot serve them.
        """
        ...


@dataclass(frozen=True)
class JobStatus:
    """How far a job is, with the provider's own words, if any."""

    state: State
    message: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", plain(self.message))


@dataclass(frozen=True)
class CostEstimate:
    """What a schedule will cost, estimated before anything is submitted.

    Attributes:
        shots: Executions of the circuit, all jobs together.
        tasks: Jobs at the provider.
        qpu_seconds: Time on the device that is billed; None if the provider does not bill by time.
        money: US dollars; None if the price is not known.
        basis: One line on the price: whose it is, its source and its date.
        notes: Lines to read before deciding: what makes it expensive, what the account has left.
        doubt: Why it may not run now, or may be refused; empty if nothing is known against it.
    """

    shots: int
    tasks: int
    qpu_seconds: float | None
    money: Decimal | None
    basis: str
    notes: tuple[str, ...] = ()
    doubt: str = ""

    def __post_init__(self) -> None:
        for name in ("basis", "doubt"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        object.__setattr__(self, "notes", tuple(map(plain, self.notes)))


@dataclass(frozen=True)
class Usage:
    """What the provider says a finished job used; None if it says nothing (yet).

    Attributes:
        qpu_seconds: Time billed.
        money: US dollars.
    """

    qpu_seconds: float | None = None
    money: Decimal | None = None

    @property
    def known(self) -> bool:
        """Whether it says anything, in numbers that are finite."""
        return any(value is not None and math.isfinite(value) for value in (self.qpu_seconds, self.money))


@runtime_checkable
class NamingOwner(Protocol):
    """A remote backend whose results say whose they are."""

    def owner(self, raw: bytes) -> str | None:
        """The key or the provider's id of the job that a downloaded result belongs to, or what follows the last slash
        of the id; None if it does not say."""
        ...


@runtime_checkable
class RemoteBackend(Backend, Protocol):
    """A backend whose jobs outlive the process that submits them, and may cost money.

    A schedule is first split into parts, one job each; `submit` then gets one part at a time, each under its own key.
    Every call but `parse` talks to the provider and may raise:

    - `UnreachableError`: no answer, or none that can be used; asking again later is safe, except after `submit`.
    - `RefusedError`: the provider said no, and nothing was created or changed.
    - any other BackendError: what its text says.

    A backend whose provider makes one job of a key, however often it is submitted, may say so: `idempotent = True`. An
    attempt that was lost is then submitted again under its own key. One whose results say whose they are is a
    `NamingOwner`.
    """

    def split(self, schedule: Schedule) -> Sequence[range]:
        """The trials of each job, consecutive and together all of the schedule.

        Raises:
            BackendError: the schedule cannot be measured here.
        """
        ...

    def estimate(self, schedule: Schedule) -> CostEstimate:
        """What the whole schedule will cost."""
        ...

    def submit(self, part: Schedule, key: str) -> str:
        """Submit a part under a unique key that travels with the job; returns the provider's id.

        It never tries twice by itself. If it raises UnreachableError, the job may exist: ask `find`.
        """
        ...

    def poll(self, job: str) -> JobStatus:
        """How far the job is."""
        ...

    def find(self, key: str) -> tuple[str, ...]:
        """Ids of the jobs submitted under a key, oldest first."""
        ...

    def cancel(self, job: str) -> None:
        """Stop a job that has not finished; one that has stays as it is."""
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


@runtime_checkable
class Advising(Protocol):
    """A remote backend that can say more about a cost just before somebody approves it."""

    def advise(self, part: Schedule, estimate: CostEstimate) -> CostEstimate:
        """The estimate with what the provider says about the account: what is left, which limits are set.

        Args:
            part: The first part to be submitted.
            estimate: Estimated cost of all parts.
        """
        ...
