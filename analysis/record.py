"""The record of an analysis, `bellqueue.analysis/1`: figures, table and report are made from it, and JSON holds it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..model.errors import ScenarioError
from ..model.frontier import Frontier
from ..model.operating import Frontiers, LargestAdvantage, OperatingPoint
from ..model.pair_order import WithinPairOrder
from ..model.rivals import RivalCurve
from .bell_pairs import BellPairs, bell_pairs_at
from .certificate import Certificate
from .diagnostics import Marginals, NoSignalling
from .functional import Estimate, Sample
from .parallel import ParallelPairs

# JSON has no NaN: what a pair of types that was never measured lacks is null there, and NaN again when read.
MaybeMeasured = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Point(_Record):
    """A point on a frontier; `multiplier` belongs to the edge that leaves it towards larger p (0 at the last)."""

    splitting_probability: float
    waiting_time: float
    baseline_throughput: float
    multiplier: float | None = None


class RivalPoint(_Record):
    """A corner of a wider rival's hull; time-sharing reaches the straight lines between corners."""

    baseline_throughput: float
    waiting_time: float


class WiderRival(_Record):
    """A wider rival of the class compared, found numerically and never part of the certificate.

    Attributes:
        unbounded: Whether its throughput has no bound (it may leave one server to the baseline task for ever).
        waiting_time_at_equal_throughput: What it needs at the observed baseline throughput, over that throughput's
            range; without an observed point, at the largest advantage. None where the rival cannot reach it.
    """

    label: str
    method: str
    points: list[RivalPoint]
    unbounded: bool = False
    waiting_time_at_equal_throughput: Estimate | None = None


class ClassicalProof(_Record):
    """How the classical frontier was proved.

    Attributes:
        method: In words.
        gap_relative: What is unproved of W, at most, as a share of it; the frontier recorded is then a proved lower
            bound, and 0 means that it is exact.
        achieved: What the classical strategies found reach, where that is not the frontier itself.
    """

    method: str
    gap_relative: float
    achieved: list[Point] = []


class FrontierRecord(_Record):
    """The three frontiers of a scenario, and where entanglement helps.

    `bell_pairs` is of the p at which one Bell pair falls shortest; None where one is enough everywhere.
    """

    schema_: Literal["bellqueue.frontier/1"] = Field(default="bellqueue.frontier/1", alias="schema")
    title: str
    types_a: list[str]
    types_b: list[str]
    load: float
    within_pair_order: WithinPairOrder = "random"
    unavoidable_waiting_time: float
    weights: list[list[float]]
    classical: list[Point]
    quantum: list[Point]
    communication: list[Point]
    advantage_ranges: list[tuple[float, float]]
    least_visibility: float | None
    largest_advantage: Point | None
    largest_reduction_relative: float | None
    wider_rivals: list[WiderRival] = []
    bell_pairs: BellPairs | None = None
    classical_proof: ClassicalProof | None = None

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


class PointEstimate(_Record):
    """The operating point of the measured correlators."""

    splitting_probability: Estimate
    waiting_time: Estimate
    baseline_throughput: Estimate


class FrontierComparison(PointEstimate):
    """The frontier's own point at the observed splitting probability, and the two comparisons.

    waiting_time_at_equal_throughput is the least W at the observed throughput,
    baseline_throughput_at_equal_waiting_time the most throughput at the observed W.
    """

    waiting_time_at_equal_throughput: Estimate
    baseline_throughput_at_equal_waiting_time: Estimate


class Advantage(_Record):
    """How much better than the classical frontier; limits at the certificate's significance."""

    waiting_time_reduction: Estimate
    waiting_time_reduction_relative: Estimate
    throughput_gain_relative: Estimate


class BreakEven(_Record):
    """One-way latencies beyond which entanglement waits less than routers that hold both requests until they agree.

    At the observed baseline throughput: of the quantum frontier, and of what was observed; 0 where talking never pays.
    Distances are along fibre, where the scenario says how long its unit of time is.
    """

    ideal: float
    observed: Estimate
    ideal_distance_km: float | None = None
    observed_distance_km: float | None = None


class Visibility(_Record):
    """The share of the ideal score that was observed."""

    estimate: float
    low: float
    high: float
    relative_to: str


class Correlators(_Record):
    """c(x,y) measured and, where the circuits are known, planned; rows are router A's types."""

    measured: list[list[MaybeMeasured]]
    standard_error: list[list[MaybeMeasured]]
    ideal: list[list[float]] | None
    trials: list[list[int]]


class Measured(_Record):
    """The counts with the rule their settings followed, as declared: what a p-value is recomputed from.

    Attributes:
        counts: counts[x][y][a][b].
        lost: Trials asked for that brought no outcome, rows router A.
        settings, input_distribution, block, stopped: See `Sampling`.
    """

    counts: list[list[list[list[int]]]]
    lost: list[list[int]]
    settings: Literal["random", "fixed"]
    input_distribution: list[list[float]] | None
    block: int
    stopped: bool

    @classmethod
    def of(cls, sample: Sample) -> Measured:
        """Record a sample."""
        sampling = sample.sampling
        return cls(
            counts=sample.counts.table.tolist(),
            lost=(sample.asked - sample.counts.settings).tolist(),
            settings=sampling.settings,
            input_distribution=None if sampling.distribution is None else sampling.distribution.tolist(),
            block=sampling.block,
            stopped=sampling.stopped,
        )


class Predicted(_Record):
    """What the device's calibration promised of a run before data were taken, at its strategy, multiplier and settings.

    Attributes:
        visibility: The share of the ideal score that the predicted noise leaves.
        waiting_time_reduction, waiting_time_reduction_relative: Against the classical frontier at equal throughput.
        throughput_gain_relative: Against it at equal waiting time.
        power: The probability of certifying that `trials` are for; None where nothing was designed.
        trials: The least that certify with that probability; None where no number does.
        predicted_power: The probability that the run's own trials certify.
        information_limit_ratio: `trials` over ln(1/α)/KL.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    visibility: float
    splitting_probability: float
    waiting_time: float
    baseline_throughput: float
    waiting_time_reduction: float
    waiting_time_reduction_relative: float
    throughput_gain_relative: float
    power: float | None
    trials: int | None
    predicted_power: float
    information_limit_ratio: float | None


class Planned(_Record):
    """What the plan fixed and predicted before data were taken: an `OperatingPoint` without its strategy.

    Attributes:
        predicted: The same run at the device's own noise; None where its calibration promises nothing.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    splitting_probability: float
    waiting_time: float
    baseline_throughput: float
    multiplier: float
    certificate_multiplier: Annotated[float, Field(ge=0, le=1e15)]
    assumed_visibility: float
    predicted: Predicted | None = None

    @classmethod
    def of(cls, point: OperatingPoint, predicted: Predicted | None = None) -> Planned:
        """Record an operating point, and what the device's noise makes of it."""
        fixed = {name: getattr(point, name) for name in cls.model_fields if name != "predicted"}
        return cls(**fixed, predicted=predicted)


class Provenance(_Record):
    """Where the numbers come from.

    Attributes:
        qubits: A's and B's; of several Bell pairs, those of each pair in turn.
        predicted_visibility: Of the pair, or on average over the pairs.
    """

    bellqueue_version: str
    libraries: dict[str, str] = {}
    created: str
    source: str
    command: str | None = None
    backend: str | None = None
    device: str | None = None
    qubits: list[int] | None = None
    predicted_visibility: float | None = None
    seed: int | None = None
    calibration: dict[str, Any] = {}
    scenario_hash: str
    content_hash: str


class Analysis(_Record):
    """Everything an analysis says.

    Attributes:
        verdict: Sentences, the first with its size, its class and any alarm.
        confidence_region: Corners (p, W) of the region that holds the observed point.
        warnings: Alarms that the verdict's first line carries.
        parallel: Each pair by itself where several were measured in every shot; else None.
        break_even: What routers that talk would have to be faster than; None in records older than it.
        bell_pairs: What fewer Bell pairs than the best strategy needs reach at the operating point planned, or observed
            where none was; None where one is enough, and in records older than it.
        measured: The raw counts; None in records older than it.
    """

    schema_: Literal["bellqueue.analysis/1"] = Field(default="bellqueue.analysis/1", alias="schema")
    title: str
    verdict: list[str]
    class_compared: str
    locality: str
    warnings: list[str]
    observed: PointEstimate
    classical: FrontierComparison
    quantum: FrontierComparison
    advantage: Advantage
    certificate: Certificate
    no_signalling: NoSignalling
    marginals: Marginals
    chsh: Estimate | None
    visibility: Visibility
    correlators: Correlators
    confidence_region: list[Point]
    planned: Planned | None
    frontiers: FrontierRecord
    scenario: dict[str, Any]
    provenance: Provenance
    parallel: ParallelPairs | None = None
    break_even: BreakEven | None = None
    bell_pairs: BellPairs | None = None
    measured: Measured | None = None

    def to_json(self) -> str:
        """The record as JSON text, keys in the order above."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


def frontier_record(
    title: str,
    frontiers: Frontiers,
    wider_rivals: Sequence[RivalCurve] = (),
    observed_throughput: Estimate | None = None,
) -> FrontierRecord:
    """Tabulate the frontiers of a workload, and the wider rivals beside an observed baseline throughput."""
    workload = frontiers.workload
    ranges = frontiers.advantage_ranges()
    best = _largest_advantage(frontiers) if ranges else None
    at = best.splitting_probability if best else None
    if observed_throughput is None and at is not None:
        throughput = float(workload.baseline_throughput(at))
        observed_throughput = Estimate(throughput, throughput, throughput)
    return FrontierRecord(
        title=title,
        types_a=list(workload.names_a),
        types_b=list(workload.names_b),
        load=workload.load,
        within_pair_order=workload.within_pair_order,
        unavoidable_waiting_time=workload.unavoidable_waiting_time,
        weights=workload.weights.tolist(),
        classical=points(frontiers, frontiers.classical),
        quantum=points(frontiers, frontiers.quantum.curve),
        communication=points(frontiers, frontiers.communication),
        advantage_ranges=ranges,
        least_visibility=frontiers.least_visibility(),
        largest_advantage=None
        if at is None
        else Point(
            splitting_probability=at,
            waiting_time=frontiers.waiting_time(at),
            baseline_throughput=float(frontiers.workload.baseline_throughput(at)),
            multiplier=frontiers.in_use.multiplier_at(at),
        ),
        largest_reduction_relative=best.waiting_time_reduction_relative if best else None,
        wider_rivals=[_rival(curve, observed_throughput) for curve in wider_rivals],
        bell_pairs=bell_pairs_at(frontiers),
        classical_proof=ClassicalProof(
            method=frontiers.classical.method,
            gap_relative=frontiers.classical.gap,
            achieved=[] if frontiers.classical.exact else points(frontiers, frontiers.classical.achieved),
        ),
    )


def _largest_advantage(frontiers: Frontiers) -> LargestAdvantage | None:
    try:
        return frontiers.largest_advantage()
    except ScenarioError:  # a reduction smaller than what it counts as one
        return None


def _rival(curve: RivalCurve, throughput: Estimate | None) -> WiderRival:
    needed = None
    if throughput is not None:
        waiting = curve.waiting_time_at([throughput.estimate, throughput.low, throughput.high]).tolist()
        needed = Estimate(*waiting) if np.all(np.isfinite(waiting)) else None
    return WiderRival(
        label=curve.label,
        method=curve.method,
        points=[
            RivalPoint(baseline_throughput=throughput, waiting_time=waiting)
            for throughput, waiting in np.column_stack(curve.hull).tolist()
        ],
        unbounded=curve.unbounded,
        waiting_time_at_equal_throughput=needed,
    )


def points(frontiers: Frontiers, frontier: Frontier) -> list[Point]:
    """A frontier's points with their baseline throughput."""
    throughput = frontiers.workload.baseline_throughput(frontier.splitting_probability)
    columns = np.column_stack(
        [frontier.splitting_probability, frontier.waiting_time, throughput, frontier.vertex_multipliers]
    )
    return [
        Point(splitting_probability=p, waiting_time=w, baseline_throughput=t, multiplier=m)
        for p, w, t, m in columns.tolist()
    ]
