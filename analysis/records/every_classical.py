"""The records of the bound on every classical router that does not communicate: its frontier, and what beats it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from ...model.errors import NoBoundError
from ...model.estimate import Estimate
from ...model.games.every_classical import SECONDS
from ...model.games.frontiers import Frontiers
from ...model.informed.frontier import EveryClassicalPoint, envelope
from .record import Record

Floats = NDArray[np.float64]


class EveryClassical(Record):
    """What no classical router without communication passes, whatever it remembers.

    Attributes:
        status: One sentence: how tight the bound is, or why there is none.
        step: Of the finest grid on which it was computed, where entanglement comes near; None where there is none.
        largest_workload: Of a server, on that grid; None where there is none.
        points: In the order of rising throughput; empty where there is none.
        error_estimate: By how much a finer grid would raise the least W at most anywhere, by extrapolation.
        least_visibility: From which on entanglement beats every classical router somewhere; None if it does nowhere.
        largest_reduction_relative: The largest share of waiting time that it saves against them; None likewise.
        splitting_probability: Where it saves that share.
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
        """The least W of every classical router at each τ, same shape; −∞ where there is no bound."""
        lines = [(point.kappa, point.bound) for point in self.points] or [(0.0, -np.inf)]
        return envelope(lines, baseline_throughput)


class AgainstEveryClassical(Record):
    """The verdict against every classical router that does not communicate, beside that against memoryless ones.

    Attributes:
        waiting_time_at_equal_throughput: The least W that any of them can have at the observed throughput.
        waiting_time_reduction, waiting_time_reduction_relative: What was observed waits less than that.
        throughput_gain_relative: At equal waiting time.
        multiplier: μ of the certificate.
        edges: Multipliers tried; the p-value is multiplied by their number.
        splitting_probability: p₀, where the line in p touches that in τ.
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
