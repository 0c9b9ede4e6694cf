"""The record of the frontiers of a scenario, `bellqueue.frontier/1`, alone or as part of an analysis."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from ...model.games.frontier import Frontier
from ...model.games.frontiers import Frontiers
from ...model.queueing.pair_order import WithinPairOrder
from .bell_pairs import BellPairs, bell_pairs_at
from .every_classical import EveryClassical, Informed
from .percent import at_most
from .record import LEFT_OUT, Record


class FrontierPoint(Record):
    """A point on a frontier.

    Attributes:
        splitting_probability: p.
        waiting_time: Least W at that p, in units of time.
        baseline_throughput: τ(p), per unit of time.
        multiplier: μ, the waiting time saved per unit of p, of the edge that leaves the point towards larger p; 0 at
            the last point, null if there is none.
    """

    splitting_probability: float
    waiting_time: float
    baseline_throughput: float
    multiplier: float | None = None


class ClassicalProof(Record):
    """How the classical frontier was proved.

    Attributes:
        method: The method, in words.
        gap_relative: The largest share of W that is unproved; 0 means that the frontier recorded is exact, otherwise it
            is a proved lower bound.
        achieved: What the classical strategies found reach, if that is not the frontier itself.
    """

    method: str
    gap_relative: float
    achieved: list[FrontierPoint] = Field(default_factory=list)


class FrontierRecord(Record):
    """The frontiers of a scenario, and where entanglement helps, against memoryless routers unless stated otherwise.

    Attributes:
        title: Title of the scenario.
        types_a, types_b: Names of the routers' request types.
        load: ρ, the share of time that each server is busy with requests.
        within_pair_order: Which of two requests sent to the same server joins the queue first.
        unavoidable_waiting_time: W0, the mean waiting time if every pair is split, in units of time.
        weights: w(x,y): what sending a pair of types to the same server adds to W, in units of time; rows router A.
        classical: Points of the frontier of memoryless classical routers, p rising.
        quantum: Points of the frontier of entangled routers.
        communication: Points of the frontier of routers that know both types.
        advantage_ranges: Intervals of p in which entanglement waits less.
        least_visibility: Visibility from which entanglement waits less at some p; null if it never does.
        largest_advantage: The point where entanglement saves the largest share of waiting time at equal throughput;
            null if it saves nothing.
        largest_reduction_relative: That share; null if entanglement saves nothing.
        bell_pairs: Bell pairs needed at the p where one falls shortest; null if one is enough everywhere.
        classical_proof: How the classical frontier was proved; null in older records.
        quantum_gap_relative: The share of W by which the quantum frontier may lie below the strategies found; 0 if they
            are proved to be the best.
        every_classical: The bound on every classical router; null in records older than it.
        informed: Routers that know the past; left out unless asked for.
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
    quantum_gap_relative: float = 0.0
    every_classical: EveryClassical | None = None
    informed: Informed | None = LEFT_OUT

    @model_validator(mode="before")
    @classmethod
    def _without_rivals(cls, content: Any) -> Any:
        """Drop what older records say of routers that were searched for; no certificate ever rested on it."""
        return {k: v for k, v in content.items() if k != "wider_rivals"} if isinstance(content, dict) else content

    @property
    def reason_without_every_classical(self) -> str | None:
        """Why there is no bound on every classical router, if a reason is on record."""
        every = self.every_classical
        return every.status if every and not every.points else None

    @property
    def classical_caveat(self) -> str:
        """The warning that the classical frontier is not exact; empty if it is."""
        proof = self.classical_proof
        if proof is None or proof.gap_relative == 0:
            return ""
        return (
            f"The classical frontier is a proved lower bound ({proof.method}); the best classical strategies found lie "
            f"up to {at_most(proof.gap_relative)} above it. What beats it beats every memoryless classical strategy."
        )

    @property
    def caveats(self) -> str:
        """The warnings that either frontier is not exact; empty if both are."""
        if self.quantum_gap_relative == 0:
            return self.classical_caveat
        quantum = (
            "The quantum frontier is that of the strategies found; the best may wait up to "
            f"{at_most(self.quantum_gap_relative)} less."
        )
        return f"{self.classical_caveat} {quantum}".lstrip()


def frontier_record(title: str, frontiers: Frontiers) -> FrontierRecord:
    """Tabulate the frontiers of a workload."""
    workload = frontiers.workload
    ranges = frontiers.advantage_ranges()
    best = frontiers.largest_reduction() if ranges else None
    best = best if best and best.helps else None
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
        largest_advantage=_point(frontiers, best.splitting_probability) if best else None,
        largest_reduction_relative=best.waiting_time_reduction_relative if best else None,
        bell_pairs=bell_pairs_at(frontiers),
        classical_proof=ClassicalProof(
            method=frontiers.classical.method,
            gap_relative=frontiers.classical.gap,
            achieved=[] if frontiers.classical.exact else points(frontiers, frontiers.classical.achieved),
        ),
        quantum_gap_relative=frontiers.quantum.gap,
        every_classical=EveryClassical.of(frontiers),
    )


def _point(frontiers: Frontiers, p: float) -> FrontierPoint:
    """The point of the quantum frontier at p."""
    return FrontierPoint(
        splitting_probability=p,
        waiting_time=frontiers.waiting_time(p),
        baseline_throughput=float(frontiers.workload.baseline_throughput(p)),
        multiplier=frontiers.in_use.multiplier_at(p),
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
