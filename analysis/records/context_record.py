"""What the record holds beyond the certificate for the report: bases, waiting times, sensitivity."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ...model.estimate import Estimate
from ...model.games.strategy import Strategy
from .record import LEFT_OUT, FiniteRecord

RoutingName = Literal["observed", "classical", "quantum", "menu", "informed"]
ROUTINGS: dict[RoutingName, str] = {  # what tables and figures call them
    "observed": "observed correlators",
    "classical": "best memoryless classical at equal throughput",
    "quantum": "ideal entanglement at equal throughput",
    "menu": "menu, with the outcomes measured",
    "informed": "best classical routers that know the past",
}


def _as_long(*columns: list[float]) -> None:
    if len({len(column) for column in columns}) > 1:
        raise ValueError("columns differ in length")


class MeasurementBases(FiniteRecord):
    """One component of the strategy measured, in a plane.

    Attributes:
        probability: Probability of this component; those of a strategy add up to 1.
        alpha: Angle of A's basis for each of its types, in radians.
        beta: Angle of B's basis for each of its types, in radians.
    """

    probability: float
    alpha: list[float]
    beta: list[float]

    @classmethod
    def of(cls, strategy: Strategy) -> list[MeasurementBases]:
        """The angles of every component; an empty list if a strategy is not planar."""
        if strategy.dimension > 2:
            return []
        angles = [part.angles() for part in strategy.components]
        return [
            cls(probability=weight, alpha=alpha.tolist(), beta=beta.tolist())
            for weight, (alpha, beta) in zip(strategy.mixture, angles, strict=True)
        ]


class WaitingPercentile(FiniteRecord):
    """The wait that a share of requests does not exceed, with the 95 % confidence interval of the simulation.

    Attributes:
        probability: The share of requests.
        waiting_time: The wait, in units of time.
    """

    probability: float
    waiting_time: Estimate


class SimulatedWaiting(FiniteRecord):
    """Waiting times under one routing.

    Attributes:
        routing: What routes the pairs: the correlators measured, the best classical or quantum strategy at the same
            splitting probability, a menu's outcomes as measured, or the best classical routers that know the past.
        splitting_probability: p, by the queueing formulas if they apply.
        waiting_time_formula: W by the formulas; left out if they do not apply.
        waiting_time: The simulated mean, with its 95 % confidence interval.
        percentiles: Percentiles of single requests' waits.
        times, cumulative: P(wait ≤ t) at rising t, from t = 0; of equal length.
    """

    routing: RoutingName
    splitting_probability: float
    waiting_time_formula: float | None = LEFT_OUT
    waiting_time: Estimate
    percentiles: list[WaitingPercentile]
    times: list[float] = Field(min_length=1)
    cumulative: list[float]

    @model_validator(mode="after")
    def _columns(self) -> SimulatedWaiting:
        _as_long(self.times, self.cumulative)
        return self


class WaitingTimes(FiniteRecord):
    """A simulation of the queues under several routings, all over the same arrivals.

    Attributes:
        pairs: Pairs of requests measured, after a warm-up.
        seed: Random seed of the simulation.
        routings: The observed one first.
    """

    pairs: int
    seed: int
    routings: list[SimulatedWaiting] = Field(min_length=1)

    @model_validator(mode="after")
    def _percentiles(self) -> WaitingTimes:
        if len({len(each.percentiles) for each in self.routings}) > 1:
            raise ValueError("routings differ in their percentiles")
        return self


class VisibilitySensitivity(FiniteRecord):
    """The largest relative reduction of waiting time that Bell pairs of each visibility reach.

    At equal throughput; negative if entanglement waits longer everywhere.

    Attributes:
        visibility: Visibilities of the Bell pairs, rising to 1.
        reduction_relative: Reduction against memoryless classical routers, as a share of their waiting time.
        every_classical: Reduction against every classical router; null if there is no bound on them, and in older
            records.
    """

    visibility: list[float] = Field(min_length=2)
    reduction_relative: list[float]
    every_classical: list[float] | None = None

    @model_validator(mode="after")
    def _columns(self) -> VisibilitySensitivity:
        _as_long(self.visibility, self.reduction_relative, self.every_classical or self.visibility)
        return self


class LoadSensitivity(FiniteRecord):
    """The largest relative reduction of waiting time at each load, if only the rate of arrivals changes.

    Attributes:
        load: Loads ρ of each server, rising.
        ideal: Reduction at visibility 1.
        noisy: Reduction at `visibility`.
        visibility: The one observed, at most 1.
    """

    load: list[float] = Field(min_length=1)
    ideal: list[float]
    noisy: list[float]
    visibility: float

    @model_validator(mode="after")
    def _columns(self) -> LoadSensitivity:
        _as_long(self.load, self.ideal, self.noisy)
        return self


class Context(FiniteRecord):
    """What the report shows beside the certificate; all but the bases is computed only for a report or a run's folder.

    Attributes:
        bases: Bases measured; empty unless they were planned with one Bell pair in a plane.
        waiting_times: Waiting times of single requests; None if a routing could not be simulated.
        by_visibility: Advantage at each visibility; None if the context has not been computed.
        by_load: Advantage at each load; None if the classical frontier takes long to find.
    """

    bases: list[MeasurementBases] = Field(default_factory=list)
    waiting_times: WaitingTimes | None = None
    by_visibility: VisibilitySensitivity | None = None
    by_load: LoadSensitivity | None = None
