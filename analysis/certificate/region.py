"""The confidence region of an observed operating point, and what it saves against the classical frontier."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.estimate import Estimate
from ...model.games.frontiers import Frontiers
from .estimates import observed_point, score_excess
from .samples import Sample

Floats = NDArray[np.float64]

_GRID = 513  # points over the range of p; between neighbours the frontiers are all but linear


@dataclass(frozen=True, eq=False)
class ConfidenceRegion:
    """All points (p, Δ) with p and Δ in their ranges.

    At a splitting probability p the waiting time is line(p) − Δ, where line is the classical supporting line at the
    certificate's μ; the classical frontier lies at or above the line. The six limits of p, W and Δ hold at a sixth
    of the significance each, so that all of them together hold at the whole.

    Attributes:
        frontiers: The scenario's frontiers.
        multiplier: μ > 0.
        splitting_probability, waiting_time: As observed.
        excess: Δ with its range, in units of time.
        certain_excess: The lower limit of Δ alone, at the whole significance.
        p: A grid over the range of p, with the classical vertices inside it.
        line: The supporting line at each p.
    """

    frontiers: Frontiers
    multiplier: float
    splitting_probability: Estimate
    waiting_time: Estimate
    excess: Estimate
    certain_excess: float
    p: Floats
    line: Floats

    @classmethod
    def of(
        cls, frontiers: Frontiers, sample: Sample, multiplier: float, significance: float, edges: int = 1
    ) -> ConfidenceRegion:
        """The region of a sample; limits of Δ at several multipliers, any of which might have been taken, share α.

        Raises:
            DataError: a pair of types was never measured, or a run that could stop had no fresh settings.
        """
        sixth = math.log(significance / 6)
        p, waiting = observed_point(frontiers.workload, sample, sixth)
        ends = max(p.low, 0.0), min(p.high, 1.0)
        vertices = frontiers.classical.splitting_probability
        inside = vertices[(vertices > ends[0]) & (vertices < ends[1])]
        grid = np.unique(np.concatenate([np.linspace(*ends, _GRID), inside]))
        game = frontiers.game(multiplier)
        excess = score_excess(game, sample, sixth - math.log(edges))
        alone = score_excess(game, sample, math.log(significance) - math.log(edges))
        line = game.line(game.bound("memoryless").high) - multiplier * grid
        return cls(frontiers, multiplier, p, waiting, excess, alone.low, grid, line)

    def reduction(self) -> tuple[Estimate, Estimate]:
        """W_C(p) − W, whose lower limit is that of Δ at the whole significance, and the same over W_C(p)."""
        classical = self.frontiers.classical.waiting_time_at(self.p)
        above = classical - self.line
        most = classical - self.frontiers.workload.all_split_waiting_time  # no memoryless routers wait less
        low, high = self.excess.low + above, np.minimum(self.excess.high + above, most)
        own = self.frontiers.advantage_at(self.splitting_probability.estimate, self.waiting_time.estimate)
        return (
            Estimate.enclosing(float(own.waiting_time_reduction), self.certain_excess, high),
            Estimate.enclosing(float(own.waiting_time_reduction_relative), low / classical, high / classical),
        )

    def throughput_gain(self) -> Estimate:
        """By which share the baseline throughput exceeds that of the classical frontier at equal waiting time."""
        own = self.frontiers.advantage_at(self.splitting_probability.estimate, self.waiting_time.estimate)
        gain = float(own.throughput_gain_relative)
        return Estimate.enclosing(gain, self._gains(self.excess.low), self._gains(self.excess.high))

    def _gains(self, excess: float) -> Floats:
        """The gain over the range of p at one Δ; also where W passes a classical vertex, and the gain bends."""
        top = float(self.line[0]) + self.multiplier * float(self.p[0])
        bends = (top - excess - self.frontiers.classical.waiting_time) / self.multiplier
        p = np.concatenate([self.p, bends[(bends > self.p[0]) & (bends < self.p[-1])]])
        return self.frontiers.advantage_at(p, top - self.multiplier * p - excess).throughput_gain_relative
