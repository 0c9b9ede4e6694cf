"""The bound on every classical router as records: its frontier, what beats it, and routers that know the past."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from ...model.errors import NoBoundError
from ...model.estimate import Estimate
from ...model.games.every_classical import SECONDS
from ...model.games.frontiers import Frontiers
from ...model.informed.frontier import EveryClassicalPoint, envelope
from .record import LEFT_OUT, Record

Floats = NDArray[np.float64]


class EveryClassical(Record):
    """The bound that no classical router without communication passes, whatever it remembers.

    Attributes:
        status: One sentence on how tight the bound is, or why there is none.
        step: Step of the finest grid on which it was computed, near what entanglement reaches; None without a bound.
        largest_workload: Largest workload of a server on that grid; None without a bound.
        points: Points of the bound, throughput rising; empty without a bound.
        error_estimate: The most by which a finer grid would raise the least W, by extrapolation.
        least_visibility: Visibility from which entanglement beats every classical router somewhere; None if it never
            does.
        largest_reduction_relative: The largest share of waiting time that it saves against them; None if it saves none.
        splitting_probability: p at which it saves that share.
    """

    status: str
    step: float | None = None
    largest_workload: float | None = None
    points: list[EveryClassicalPoint] = Field(default_factory=list)
    error_estimate: float | None = None
    least_visibility: float | None = None
    largest_reduction_relative: float | None = None
    splitting_probability: float | None = None

    @classmethod
    def of(cls, frontiers: Frontiers) -> EveryClassical:
        """Tabulate the bound of a workload."""
        try:
            found = frontiers.every_classical.proved
        except NoBoundError as reason:
            return cls(status=str(reason))
        least = frontiers.least_visibility("every-classical")
        best = None if least is None else frontiers.largest_reduction(against="every-classical")
        best = best if best and best.helps else None
        near = frontiers.every_classical.error_near(frontiers.in_use.curve)
        return cls(
            status=f"proved; a finer grid would raise the bound by at most about {near or found.error_estimate:.1g} "
            f"{'where entanglement comes near it ' if near else ''}"
            f"(tolerance {found.bounds[-1].tolerance:.1g}, limit {SECONDS:g} seconds)",
            step=found.step,
            largest_workload=found.largest_workload,
            points=list(found.points),
            error_estimate=found.error_estimate,
            least_visibility=least,
            largest_reduction_relative=best.waiting_time_reduction_relative if best else None,
            splitting_probability=best.splitting_probability if best else None,
        )

    def waiting_time_at(self, baseline_throughput: ArrayLike) -> Floats:
        """The least W of every classical router at each τ, same shape; −∞ without a bound."""
        lines = [(point.kappa, point.bound) for point in self.points] or [(0.0, -np.inf)]
        return envelope(lines, baseline_throughput)


class AgainstEveryClassical(Record):
    """The verdict against every classical router that does not communicate, beside that against memoryless ones.

    Attributes:
        waiting_time_at_equal_throughput: The least W that any of them can have at the observed throughput.
        waiting_time_reduction, waiting_time_reduction_relative: By how much what was observed waits less than that.
        throughput_gain_relative: Throughput gained at equal waiting time.
        multiplier: μ of the certificate.
        edges: Multipliers tried; the p-value is multiplied by their number.
        splitting_probability: p₀, at which the line in p touches that in τ.
        kappa, bound: κ, and V(κ), the least W − κτ of every classical router.
        score_bound: β_E: a score above it has a smaller W − κτ.
        excess: The observed score less β_E.
        log10_p_value, log10_anytime_p_value, log10_p_value_pooled, method, excess_at_least, anytime_method: See
            `Certificate`.
        certified: Whether p ≤ α.
    """

    waiting_time_at_equal_throughput: Estimate
    waiting_time_reduction: Estimate
    waiting_time_reduction_relative: Estimate
    throughput_gain_relative: Estimate
    multiplier: float
    edges: int
    splitting_probability: float
    kappa: float
    bound: float
    score_bound: float
    excess: Estimate
    log10_p_value: float
    log10_anytime_p_value: float | None
    log10_p_value_pooled: float | None
    method: str
    certified: bool
    excess_at_least: float | None = None
    anytime_method: str | None = None

    @property
    def p_value(self) -> float:
        """The p-value; 0.0 where it is too small for a float, see `log10_p_value`."""
        return float(10.0**self.log10_p_value)


class InformedPoint(Record):
    """The best routers that know both servers' past, at one κ.

    Attributes:
        kappa: κ, waiting time paid per unit of baseline throughput.
        classical: The least W − κτ of classical routers that know the past, and so a lower limit for every classical
            router, in units of time.
        entangled: W − κτ of entangled ones, on the same grid.
        waiting_time: W of the entangled ones, simulated on workloads that are not rounded, with 95 % limits.
        baseline_throughput: Their τ, likewise.
        splitting_probability: Their p, likewise.
        finished: Whether the grid is as fine, and value iteration as exact, as wanted; if not, time was over.
        classical_waiting_time, classical_baseline_throughput: W and τ of the best classical ones; left out of older
            records, and if time was over before they were found.
    """

    kappa: float
    classical: float
    entangled: float
    waiting_time: Estimate
    baseline_throughput: Estimate
    splitting_probability: Estimate
    finished: bool
    classical_waiting_time: Estimate | None = LEFT_OUT
    classical_baseline_throughput: Estimate | None = LEFT_OUT

    @property
    def gain(self) -> float:
        """By how much W − κτ of the entangled ones is less, on the same grid."""
        return self.classical - self.entangled

    @property
    def waiting_time_reduction_relative(self) -> float:
        """What the entangled ones save of the least W of every classical router at their τ, by the line of κ."""
        least = self.classical + self.kappa * self.baseline_throughput.estimate
        return 1 - self.waiting_time.estimate / least if least > 0 else -math.inf


class InformedLoad(Record):
    """The same at another load, at the κ at which memoryless entangled routers would split half of the pairs.

    Shares are of the least W of every classical router at the same baseline throughput, by the line of κ.

    Attributes:
        load: ρ, by another rate of arrivals.
        kappa: κ there.
        classical: The least W − κτ of classical routers that know the past, in units of time.
        entangled: W − κτ of entangled ones, on the same grid.
        memoryless: W − κτ of memoryless entangled routers, by their formulas.
        waiting_time_reduction_relative: Share of W that the entangled ones save, simulated, with 95 % limits.
        memoryless_reduction_relative: Share of W that the memoryless ones save, negative if they wait longer.
        finished: Whether value iteration is as exact as wanted; if not, time was over, and the gain may be larger.
    """

    load: float
    kappa: float
    classical: float
    entangled: float
    memoryless: float
    waiting_time_reduction_relative: Estimate
    memoryless_reduction_relative: float
    finished: bool

    @property
    def gain(self) -> float:
        """By how much W − κτ of the entangled ones is less, on the same grid."""
        return self.classical - self.entangled

    @property
    def memoryless_gain(self) -> float:
        """By how much that of the memoryless ones is less than the bound; negative if it is more."""
        return self.classical - self.memoryless


class Informed(Record):
    """Routers that both know the two servers' past, and lack only the type of each other's present request.

    Attributes:
        visibility: Visibility of the Bell pairs.
        step: Step of the grid of workloads, in units of time.
        largest_workload: The workload on the grid that represents all larger ones, in units of time.
        points: One point for each κ, rising.
        by_load: The gain at other loads, rising; left out of older records, and if it would take long.
    """

    visibility: float
    step: float
    largest_workload: float
    points: list[InformedPoint]
    by_load: list[InformedLoad] | None = LEFT_OUT

    @property
    def best(self) -> InformedPoint:
        """The point at which entanglement saves the largest share of waiting time, if it saves any at all."""
        return max(self.points, key=lambda point: (point.gain > 0, point.waiting_time_reduction_relative))
