"""The record of an analysis, `bellqueue.analysis/1`, from which figures, tables and report are made."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from ...model.estimate import Estimate
from ...model.games.operating_point import OperatingPoint, PlannedPoint
from ...model.games.routing_game import Against
from ...model.games.strategy import Strategy
from ...model.trials import Counts, Router
from ...model.validation import encodable
from ..certificate.beyond_quantum import BeyondQuantum
from ..certificate.certificate import Certificate
from ..certificate.diagnostics import Marginals, NoSignalling
from ..certificate.samples import Sample
from ..certificate.several_pairs import ParallelPairs
from .bell_pairs import BellPairs
from .comparison import ComparedRun
from .context_record import Context
from .every_classical import AgainstEveryClassical
from .frontier_record import FrontierPoint, FrontierRecord
from .record import LEFT_OUT, FiniteRecord, Record

FileText = Annotated[str, BeforeValidator(encodable)]
# JSON has no NaN: what is missing of a pair of types that was never measured is null there, and NaN again when read.
MaybeMeasured = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]


class PointEstimate(Record):
    """The operating point of the measured correlators.

    Attributes:
        splitting_probability: p, the share of pairs of requests sent to different servers.
        waiting_time: W, the mean waiting time of a request, in units of time.
        baseline_throughput: τ, the background work done per unit of time.
    """

    splitting_probability: Estimate
    waiting_time: Estimate
    baseline_throughput: Estimate


class FrontierComparison(PointEstimate):
    """The frontier's own point at the observed splitting probability, and the two comparisons.

    Attributes:
        waiting_time_at_equal_throughput: The least W at the observed throughput, in units of time.
        baseline_throughput_at_equal_waiting_time: The most throughput τ at the observed W, per unit of time.
    """

    waiting_time_at_equal_throughput: Estimate
    baseline_throughput_at_equal_waiting_time: Estimate


class Advantage(Record):
    """How much better than the classical frontier; limits at the certificate's significance.

    Attributes:
        waiting_time_reduction: Waiting time saved at equal throughput, in units of time.
        waiting_time_reduction_relative: The same as a share of the classical waiting time.
        throughput_gain_relative: Throughput gained at equal waiting time, as a share of the classical throughput.
    """

    waiting_time_reduction: Estimate
    waiting_time_reduction_relative: Estimate
    throughput_gain_relative: Estimate


class BreakEven(Record):
    """One-way latencies beyond which entanglement waits less than routers that hold both requests until they agree.

    At the observed baseline throughput; 0 if talking never pays.

    Attributes:
        ideal: Break-even latency of the quantum frontier, in units of time.
        observed: Break-even latency of what was observed, in units of time.
        ideal_distance_km, observed_distance_km: The same as kilometres of fibre; null if the scenario does not say how
            long its unit of time is.
    """

    ideal: float
    observed: Estimate
    ideal_distance_km: float | None = None
    observed_distance_km: float | None = None


class Visibility(Record):
    """The share of the ideal score that was observed.

    With a plan it is the visibility of the pairs; without one the bases are not known, and it is the least visibility
    that fits the counts.

    Attributes:
        estimate: Observed score over the ideal one, both less that of uncorrelated outcomes; 1 is perfect.
        low, high: Its confidence limits.
        relative_to: What the ideal score is, in words.
    """

    estimate: float
    low: float
    high: float
    relative_to: str


class CorrelatorTable(Record):
    """c(x,y) as measured and, if the circuits are known, as planned; rows are router A's types.

    Attributes:
        measured: P(same server) − P(different servers), from −1 to 1; null if never measured.
        standard_error: One standard error of it; null if never measured.
        ideal: The correlators planned, with perfect Bell pairs; null without a plan.
        trials: Trials with an outcome.
    """

    measured: list[list[MaybeMeasured]]
    standard_error: list[list[MaybeMeasured]]
    ideal: list[list[float]] | None
    trials: list[list[int]]

    @classmethod
    def of(cls, counts: Counts, ideal: NDArray[np.float64] | None) -> CorrelatorTable:
        """Record measured counts beside the correlators planned, shape (n_A, n_B)."""
        measured, trials = counts.correlators, counts.settings
        return cls(
            measured=measured.tolist(),
            standard_error=np.sqrt((1 - measured**2) / np.maximum(trials, 1)).tolist(),
            ideal=None if ideal is None else ideal.tolist(),
            trials=trials.tolist(),
        )


class MeasuredCounts(Record):
    """The counts and the declared rule of their settings, from which a p-value can be recomputed.

    Attributes:
        counts: counts[x][y][a][b], before any outcomes were inverted (`provenance.inverted`).
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
    def of(cls, sample: Sample) -> MeasuredCounts:
        """Record a sample."""
        sampling = sample.sampling
        return cls(
            counts=sample.as_taken.table.tolist(),
            lost=(sample.asked - sample.counts.settings).tolist(),
            settings=sampling.settings,
            input_distribution=None if sampling.distribution is None else sampling.distribution.tolist(),
            block=sampling.block,
            stopped=sampling.stopped,
        )


class Predicted(FiniteRecord):
    """What was predicted of a run from the device's calibration, at its strategy, multiplier and settings.

    Attributes:
        splitting_probability: p.
        waiting_time: W, in units of time.
        baseline_throughput: τ, per unit of time.
        visibility: The share of the ideal score that the predicted noise leaves.
        waiting_time_reduction, waiting_time_reduction_relative: Time and share saved against memoryless classical
            routers at equal throughput.
        throughput_gain_relative: Throughput gained against them at equal waiting time.
        every_classical_reduction_relative: The share saved against every classical router at equal throughput; left out
            if there is no bound on them, and of older records.
        power: The probability of certifying that `trials` are for; None if nothing was designed.
        trials: The fewest trials that certify with that probability; None if no number does.
        predicted_power: The probability that the run's own trials certify.
        information_limit_ratio: `trials` over ln(1/α)/rate, the rate being that of the test used.
    """

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
    every_classical_reduction_relative: float | None = LEFT_OUT


class Planned(PlannedPoint):
    """What the plan fixed and predicted before data were taken.

    Attributes:
        predicted: The same run at the device's own noise; None if nothing was predicted.
    """

    predicted: Predicted | None = None

    @classmethod
    def of(cls, point: OperatingPoint, predicted: Predicted | None = None) -> Planned:
        """Record an operating point, and what was predicted there."""
        return cls(**point.model_dump(exclude={"strategy"}), predicted=predicted)

    def with_strategy(self, strategy: Strategy) -> OperatingPoint:
        """The operating point that was recorded."""
        return OperatingPoint(**self.model_dump(exclude={"predicted"}), strategy=strategy)


class Provenance(Record):
    """Where the numbers come from.

    Attributes:
        bellqueue_version: Version that made the analysis.
        libraries: Versions of the libraries that took part, by name.
        created: When the run was planned or the counts were analyzed, UTC.
        source: What was analyzed: a run and its backend, or a file.
        command: Command that reproduces it; null if there is none.
        backend: Backend that measured, as typed; null for counts taken elsewhere.
        device: The provider's name of the device; null if unknown.
        seed: Random seed of the settings' order and of simulators; null for counts taken elsewhere.
        calibration: What the device reported of itself before the run.
        scenario_hash: SHA-256 of the scenario.
        content_hash: SHA-256 of scenario, plan and trials, or of scenario and counts.
        qubits: A's and B's; with several Bell pairs, those of each pair in turn.
        predicted_visibility: Visibility predicted of the pair, or on average over the pairs.
        inverted: The router whose outcomes were inverted after the data were taken; left out if none was.
        types_assumed: Whether nothing named the types of the counts, so that they were taken to be in the scenario's
            order; left out if something did.
        locality: The backend's own statement in place of `LOOPHOLE`; left out if it has none.
        described: Where the counts come from, as their file says; left out if it says nothing.
    """

    bellqueue_version: str
    libraries: dict[str, str] = Field(default_factory=dict)
    created: str
    source: FileText
    command: FileText | None = None
    backend: str | None = None
    device: str | None = None
    qubits: list[int] | None = None
    predicted_visibility: float | None = None
    seed: int | None = None
    calibration: dict[str, Any] = Field(default_factory=dict)
    scenario_hash: str
    content_hash: str
    inverted: Router | None = LEFT_OUT
    types_assumed: bool = Field(default=False, exclude_if=lambda value: not value)
    locality: str | None = LEFT_OUT
    described: FileText | None = LEFT_OUT


class Analysis(Record):
    """Everything an analysis says.

    Attributes:
        title: Title of the scenario.
        class_compared: The memoryless classical routers compared with, in words.
        locality: What is known of a signal between the routers, in a sentence.
        observed: The operating point of the measured correlators.
        classical: The frontier of memoryless classical routers beside it.
        quantum: The frontier of ideal entanglement beside it.
        advantage: Advantage over memoryless classical routers.
        certificate: The test against memoryless classical routers.
        no_signalling: Whether one router's outcomes depend on the other's type.
        marginals: How often each outcome came.
        chsh: CHSH S; null unless each router has two types.
        visibility: The share of the ideal score that was observed.
        correlators: Correlator of each pair of types.
        planned: What was fixed and predicted before the data; null for counts taken elsewhere.
        frontiers: Frontiers of the scenario.
        scenario: The scenario with every default written out.
        provenance: Where the numbers come from.
        verdict: Sentences, the first with its size, its class and any alarm.
        confidence_region: Corners (p, W) of the region that holds the observed point.
        warnings: Alarms that the verdict's first line carries.
        context: What the report says beyond the certificate; None in older records.
        parallel: Each pair by itself if several were measured in every shot; else None.
        break_even: Latencies that routers which talk would have to beat; None in older records.
        bell_pairs: What fewer Bell pairs than the best strategy needs reach at the operating point planned or, without
            a plan, observed; None if one is enough, and in older records.
        measured: The raw counts; None in older records.
        every_classical: The verdict against every classical router; None if there is no bound on them
            (`frontiers.every_classical.status` says why), and in older records. All else compares with memoryless ones.
        beyond_quantum: Whether the correlations are stronger than anything quantum; left out if there was nothing to
            test, and of older records.
    """

    schema_: Literal["bellqueue.analysis/1"] = Field(default="bellqueue.analysis/1", alias="schema")
    title: str
    verdict: list[str] = Field(min_length=1)
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
    correlators: CorrelatorTable
    confidence_region: list[FrontierPoint] = Field(min_length=1)
    planned: Planned | None
    frontiers: FrontierRecord
    scenario: dict[str, Any]
    provenance: Provenance
    context: Context | None = None
    parallel: ParallelPairs | None = None
    break_even: BreakEven | None = None
    bell_pairs: BellPairs | None = None
    measured: MeasuredCounts | None = None
    every_classical: AgainstEveryClassical | None = None
    beyond_quantum: BeyondQuantum | None = LEFT_OUT

    @property
    def certified_against(self) -> Against | None:
        """The widest class of classical routers that the advantage is certified against; None if not certified."""
        if self.every_classical and self.every_classical.certified:
            return "every-classical"
        return "memoryless" if self.certificate.certified else None

    def as_compared(self, name: str) -> ComparedRun:
        """What is compared with other analyses."""
        wider, observed = self.every_classical, self.observed
        return ComparedRun(
            name=name,
            source=self.provenance.source,
            created=self.provenance.created,
            scenario_hash=self.provenance.scenario_hash,
            trials=self.certificate.trials,
            waiting_time=observed.waiting_time,
            splitting_probability=observed.splitting_probability,
            baseline_throughput=observed.baseline_throughput,
            waiting_time_reduction_relative=self.advantage.waiting_time_reduction_relative,
            every_classical_reduction_relative=wider.waiting_time_reduction_relative if wider else None,
            chsh=self.chsh,
            log10_p_value=self.certificate.log10_p_value,
            certified_against=self.certified_against,
            warnings=self.warnings,
        )

    @model_validator(mode="after")
    def _tables(self) -> Analysis:
        """Check that tables by types have as many rows and columns as there are types."""
        shape = len(self.frontiers.types_a), len(self.frontiers.types_b)
        tables: dict[str, list[list[Any]] | None] = {
            f"correlators.{name}": getattr(self.correlators, name) for name in CorrelatorTable.model_fields
        }
        if self.measured:
            tables["measured.counts"] = self.measured.counts
            tables["measured.input_distribution"] = self.measured.input_distribution
        if self.context and any((len(each.alpha), len(each.beta)) != shape for each in self.context.bases):
            raise ValueError(f"context.bases must have {shape[0]} and {shape[1]} angles, as there are types")
        for name, table in tables.items():
            if table is not None and [len(row) for row in table] != [shape[1]] * shape[0]:
                raise ValueError(f"{name} must be a table of {shape[0]}×{shape[1]}, as there are types")
        return self

    def to_json(self) -> str:
        """The record as JSON text, keys in the order above."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
