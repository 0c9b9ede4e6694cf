"""The record of the frontiers of a scenario, `bellqueue.frontier/1`, alone or as part of an analysis."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...model.errors import NoBoundError
from ...model.games.frontier import Frontier
from ...model.games.operating_point import Frontiers
from ...model.informed.bound import SECONDS, TOLERANCE, InformedBounds
from ...model.informed.frontier import envelope, every_classical_frontier
from ...model.queueing.pair_order import WithinPairOrder
from ...model.queueing.workload import Workload
from .bell_pairs import BellPairs, bell_pairs_at

Floats = NDArray[np.float64]


class Record(BaseModel):
    """What the program writes: read again as strictly, and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FrontierPoint(Record):
    """A point on a frontier; `multiplier` belongs to the edge that leaves it towards larger p (0 at the last)."""

    splitting_probability: float
    waiting_time: float
    baseline_throughput: float
    multiplier: float | None = None


class ClassicalProof(Record):
    """How the classical frontier was proved.

    Attributes:
        method: In words.
        gap_relative: What is unproved of W, at most, as a share of it; the frontier recorded is then a proved lower
            bound, and 0 means that it is exact.
        achieved: What the classical strategies found reach, where that is not the frontier itself.
    """

    method: str
    gap_relative: float
    achieved: list[FrontierPoint] = []


class EveryClassicalPoint(Record):
    """A point on the bound, and the line through it: every classical router has W − κτ ≥ `bound`.

    Attributes:
        kappa: κ, waiting time paid per unit of baseline throughput.
        bound: V(κ), proved.
        baseline_throughput: τ.
        waiting_time: V(κ) + κτ.
    """

    kappa: float
    bound: float
    baseline_throughput: float
    waiting_time: float


class EveryClassical(Record):
    """What no classical router without communication passes, whatever it remembers.

    Attributes:
        status: One sentence: how tight the bound is, or why there is none.
        step: Of the grid on which it was computed; None where there is none.
        largest_workload: Of a server, on that grid; None where there is none.
        points: In the order of rising throughput; empty where there is none.
    """

    status: str
    step: float | None = None
    largest_workload: float | None = None
    points: list[EveryClassicalPoint] = []

    def waiting_time_at(self, baseline_throughput: ArrayLike) -> Floats:
        """The least W of every classical router at each τ, same shape; −∞ where there is no bound."""
        lines = [(point.kappa, point.bound) for point in self.points] or [(0.0, -np.inf)]
        return envelope(lines, baseline_throughput)


class FrontierRecord(Record):
    """The frontiers of a scenario, and where entanglement helps.

    `bell_pairs` is of the p at which one Bell pair falls shortest; None where one is enough everywhere.
    `every_classical` is None where it was not asked for. All else compares with memoryless classical routers.
    """

    schema_: Literal["bellqueue.frontier/1"] = Field(default="bellqueue.frontier/1", alias="schema")
    title: str
    types_a: list[str]
    types_b: list[str]
    load: float
    within_pair_order: WithinPairOrder = "random"
    unavoidable_waiting_time: float
    weights: list[list[float]]
    classical: list[FrontierPoint]
    quantum: list[FrontierPoint]
    communication: list[FrontierPoint]
    advantage_ranges: list[tuple[float, float]]
    least_visibility: float | None
    largest_advantage: FrontierPoint | None
    largest_reduction_relative: float | None
    bell_pairs: BellPairs | None = None
    classical_proof: ClassicalProof | None = None
    every_classical: EveryClassical | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_rivals(cls, content: Any) -> Any:
        """Drop what older records say of routers that were searched for; no certificate ever rested on it."""
        return {k: v for k, v in content.items() if k != "wider_rivals"} if isinstance(content, dict) else content

    @property
    def classical_caveat(self) -> str:
        """What to say where the classical frontier is not exact; else nothing."""
        proof = self.classical_proof
        if proof is None or proof.gap_relative == 0:
            return ""
        return (
            f"The classical frontier is a proved lower bound ({proof.method}); the best classical strategies found lie "
            f"up to {100 * proof.gap_relative:.2g} % above it. What beats it beats every classical strategy."
        )


def every_classical_record(workload: Workload) -> EveryClassical:
    """The bound on every classical router without communication, to 0.001 of waiting time if 10 seconds are enough."""
    try:
        # Half of the time goes to the choice of the grid.
        bounds = InformedBounds(workload, TOLERANCE, SECONDS / 2)
        found = every_classical_frontier(bounds, seconds=SECONDS)
    except NoBoundError as reason:
        return EveryClassical(status=str(reason))
    return EveryClassical(
        status=f"proved; a finer grid would raise the bound by at most about {found.error_estimate:.1g} "
        f"(tolerance {TOLERANCE:g}, limit {SECONDS:g} seconds)",
        step=found.step,
        largest_workload=found.largest_workload,
        points=[EveryClassicalPoint(**asdict(point)) for point in found.points],
    )


def frontier_record(title: str, frontiers: Frontiers, every_classical: EveryClassical | None = None) -> FrontierRecord:
    """Tabulate the frontiers of a workload, with the bound on every classical router if it is given."""
    workload = frontiers.workload
    ranges = frontiers.advantage_ranges()
    best = frontiers.largest_reduction() if ranges else None
    best = best if best and best.helps else None
    at = best.splitting_probability if best else None
    return FrontierRecord(
        title=title,
        types_a=list(workload.names_a),
        types_b=list(workload.names_b),
        load=workload.load,
        within_pair_order=workload.within_pair_order,
        unavoidable_waiting_time=workload.all_split_waiting_time,
        weights=workload.weights.tolist(),
        classical=points(frontiers, frontiers.classical),
        quantum=points(frontiers, frontiers.quantum.curve),
        communication=points(frontiers, frontiers.communication),
        advantage_ranges=ranges,
        least_visibility=frontiers.least_visibility(),
        largest_advantage=None
        if at is None
        else FrontierPoint(
            splitting_probability=at,
            waiting_time=frontiers.waiting_time(at),
            baseline_throughput=float(frontiers.workload.baseline_throughput(at)),
            multiplier=frontiers.in_use.multiplier_at(at),
        ),
        largest_reduction_relative=best.waiting_time_reduction_relative if best else None,
        bell_pairs=bell_pairs_at(frontiers),
        classical_proof=ClassicalProof(
            method=frontiers.classical.method,
            gap_relative=frontiers.classical.gap,
            achieved=[] if frontiers.classical.exact else points(frontiers, frontiers.classical.achieved),
        ),
        every_classical=every_classical,
    )


def points(frontiers: Frontiers, frontier: Frontier) -> list[FrontierPoint]:
    """A frontier's points with their baseline throughput."""
    throughput = frontiers.workload.baseline_throughput(frontier.splitting_probability)
    columns = np.column_stack(
        [frontier.splitting_probability, frontier.waiting_time, throughput, frontier.vertex_multipliers]
    )
    return [
        FrontierPoint(splitting_probability=p, waiting_time=w, baseline_throughput=t, multiplier=m)
        for p, w, t, m in columns.tolist()
    ]
