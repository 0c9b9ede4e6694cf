"""What local simulators share: jobs in memory, done piece by piece, and the noise options a user may type."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from ...circuits.schedule import Schedule, Setting
from ...model.errors import BackendError
from ...model.suggestion import suggestion
from ...model.trials import Trials
from ..protocol import Description, JobStatus, State

Integers = NDArray[np.int64]
Outcomes = NDArray[np.uint8]

PIECES = 32  # of a job at most: enough for a progress bar, too few for the cost of starting a simulator to show
READOUT = ("readout", "readout_0to1", "readout_1to0")


@dataclass
class _Job:
    """A plan being worked off.

    Attributes:
        key: The submitter's.
        plan: What to measure.
        shots: Trials of each setting.
        pieces: Indices of the settings of each piece of work, with the seed of that piece.
        outcomes: For each setting its outcomes, shape (shots, 2), empty until measured.
        next: The piece to do next.
        cancelled: Whether the submitter gave it up.
    """

    key: str
    plan: Schedule
    shots: Integers
    pieces: list[tuple[Integers, int]]
    outcomes: list[Outcomes]
    next: int = 0
    cancelled: bool = False

    @property
    def state(self) -> State:
        if self.next == len(self.pieces):
            return "done"
        if self.cancelled:
            return "cancelled"
        return "running" if self.next else "queued"

    def status(self) -> JobStatus:
        return JobStatus(self.state, sum(map(len, self.outcomes)), len(self.plan.order))


class Simulator(ABC):
    """A simulator in this process. Jobs live as long as the object; each `poll` does one piece of work.

    The simulators have no memory, so measuring setting by setting and laying the outcomes out in the plan's order
    has the same law as measuring trial by trial in that order.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, _Job] = {}

    @abstractmethod
    def describe(self) -> Description:
        """What this backend is."""

    @abstractmethod
    def sample(self, settings: Sequence[Setting], shots: Integers, seed: int) -> list[Outcomes]:
        """Measure each setting.

        Args:
            settings: Pairs of bases.
            shots: Trials of each, at least 1, shape (len(settings),).
            seed: Below 2³¹; the outcomes depend on nothing else that is random.

        Returns:
            For each setting the outcomes (a, b), shape (shots, 2).
        """

    def submit(self, plan: Schedule, key: str, seed: int | None) -> str:
        """Take a plan in; nothing runs before the first `poll`.

        Raises:
            BackendError: the plan has no trials, or the seed is negative.
        """
        if not len(plan.order):
            raise BackendError("the plan has no trials; ask for at least one shot")
        if seed is not None and seed < 0:
            raise BackendError(f"seed is {seed}; it must be 0 or a positive whole number")
        shots = plan.shots
        # Neighbours in this order have nearly equal shots, so that one call with the largest wastes next to nothing.
        used = np.argsort(shots, kind="stable")[np.count_nonzero(shots == 0) :]
        indices = np.array_split(used, min(PIECES, len(used)))
        seeds = (np.random.SeedSequence(seed).generate_state(len(indices)) >> 1).tolist()
        earlier = len(self.find(key))
        job = f"local-{key}" if not earlier else f"local-{key}-{earlier + 1}"
        empty = [np.empty((0, 2), dtype=np.uint8) for _ in plan.settings]
        self._jobs[job] = _Job(key, plan, shots, list(zip(indices, seeds, strict=True)), empty)
        return job

    def poll(self, job: str) -> JobStatus:
        """Do the next piece of work, and say how far the job is.

        Raises:
            BackendError: the job is unknown, or the simulator fails.
        """
        record = self._job(job)
        if not record.status().finished:
            indices, seed = record.pieces[record.next]
            settings = [record.plan.settings[index] for index in indices]
            sampled = self.sample(settings, record.shots[indices], seed)
            for index, outcomes in zip(indices, sampled, strict=True):
                record.outcomes[index] = outcomes
            record.next += 1
        return record.status()

    def fetch(self, job: str) -> Trials:
        """The trials of a finished job, in the order of the plan.

        Raises:
            BackendError: the job is unknown, cancelled or not done.
        """
        record = self._job(job)
        status = record.status()
        if status.state == "cancelled":
            raise BackendError(f"job {job} was cancelled after {status.done} of {status.total} trials; submit it again")
        if status.state != "done":
            raise BackendError(f"job {job} has done {status.done} of {status.total} trials; poll it until it is done")
        return record.plan.trials(record.outcomes)

    def find(self, key: str) -> tuple[str, ...]:
        """Ids of the jobs submitted to this object under a key."""
        return tuple(job for job, record in self._jobs.items() if record.key == key)

    def cancel(self, job: str) -> None:
        """Stop a job; one that has finished stays as it is.

        Raises:
            BackendError: the job is unknown.
        """
        self._job(job).cancelled = True

    def _job(self, job: str) -> _Job:
        if job not in self._jobs:
            raise BackendError(
                f"job {job} is unknown to {self.describe().name}; "
                "jobs of a local simulator end with the process that submitted them: submit it again"
            )
        return self._jobs[job]


def shuffled_outcomes(table: NDArray[np.integer], shots: int, rng: np.random.Generator) -> Outcomes:
    """Outcomes (a, b), shape (shots, 2), in an order drawn at random from counts[a, b] of at least as many trials.

    Independent trials are exchangeable: given their counts every order is equally likely, and so is every choice of
    `shots` among them.
    """
    codes = np.repeat(np.arange(4, dtype=np.uint8), np.asarray(table).ravel())
    rng.shuffle(codes)
    codes = codes[:shots]
    return np.stack([codes >> 1, codes & 1], axis=1)


@dataclass(frozen=True)
class WernerNoise:
    """White noise on the Bell pair and errors of readout, the same on both qubits.

    Attributes:
        visibility: v of the Werner state v|Φ+⟩⟨Φ+| + (1−v)·1/4.
        readout_0to1, readout_1to0: P(read 1 | 0) and P(read 0 | 1).
        options: The options as typed, in order.
    """

    visibility: float = 1.0
    readout_0to1: float = 0.0
    readout_1to0: float = 0.0
    options: tuple[str, ...] = field(default=(), compare=False)

    @property
    def predicted_visibility(self) -> float:
        """dE/dcos(α−β) = v·(1 − P(1|0) − P(0|1))²."""
        return self.visibility * (1 - self.readout_0to1 - self.readout_1to0) ** 2

    def visibility_of(self, dimension: int) -> float | None:
        """The same for vectors of k dimensions; None where it depends on their direction: noise on several pairs.

        A component that takes q Bell pairs to measure keeps v^q of its correlation (`werner_probabilities`).
        """
        return self.predicted_visibility if dimension < 4 or self.visibility == 1 else None

    @property
    def correlator_offset(self) -> float:
        """What uneven readout adds to every correlator: (P(0|1) − P(1|0))²."""
        return (self.readout_1to0 - self.readout_0to1) ** 2

    @property
    def ideal(self) -> bool:
        """Whether there is no noise at all."""
        return self == WernerNoise()

    def name(self, provider: str) -> str:
        """What a user types to get it."""
        return ":".join([provider, ",".join(self.options)]) if self.options else provider

    def record(self) -> dict[str, float]:
        """JSON-ready: the parameters and what they promise."""
        return {
            "visibility": self.visibility,
            "readout_0to1": self.readout_0to1,
            "readout_1to0": self.readout_1to0,
            "predicted_visibility": self.predicted_visibility,
            "correlator_offset": self.correlator_offset,
        }


def parse_noise(provider: str, argument: str | None) -> WernerNoise:
    """Noise from `visibility=0.95,readout=0.01`, or `readout_0to1=…,readout_1to0=…`; None means ideal.

    Raises:
        BackendError: an option is unknown, doubled, contradictory, not a number or out of range.
    """
    if argument is None:
        return WernerNoise()
    given = parse_options(provider, argument, ("visibility", *READOUT))
    if "readout" in given and len(given.keys() & set(READOUT)) > 1:
        raise BackendError(f"{provider}: readout sets both directions; give it, or readout_0to1 and readout_1to0")
    both = given.get("readout", "0")
    up, down = (
        _number(provider, name if name in given else "readout", given.get(name, both), 0.5) for name in READOUT[1:]
    )
    return WernerNoise(
        visibility=_number(provider, "visibility", given.get("visibility", "1"), 1.0),
        readout_0to1=up,
        readout_1to0=down,
        options=tuple(f"{name}={value}" for name, value in given.items()),
    )


def parse_options(provider: str, text: str, allowed: Sequence[str]) -> dict[str, str]:
    """`name=value` pairs separated by commas.

    Raises:
        BackendError: an option is unknown, doubled or without a value.
    """
    options: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (name and equals and value):
            raise BackendError(
                f"{provider}: option {part.strip()!r} is not name=value; write {provider}:{allowed[0]}=…, "
                "several separated by commas, decimals with a point"
            )
        if name not in allowed:
            raise BackendError(f"{provider}: unknown option {name!r}{suggestion(name, allowed)}")
        if name in options:
            raise BackendError(f"{provider}: option {name} is given twice; give it once")
        options[name] = value
    return options


def require(backend: str, module: str, remedy: str) -> None:
    """See that a module can be imported, without importing it.

    Raises:
        BackendError: it is not installed.
    """
    if find_spec(module) is None:
        raise BackendError(f"{backend} needs {module}, which is not installed; {remedy}")


def _number(provider: str, name: str, text: str, limit: float) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BackendError(f"{provider}: {name}={text} is not a number; give one in 0…{limit:g}") from None
    if not (math.isfinite(value) and 0 <= value <= limit):
        raise BackendError(f"{provider}: {name}={text} is out of range; it must lie in 0…{limit:g}")
    return value
