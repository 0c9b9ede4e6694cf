"""The confidence region of an observed operating point, and what it saves against a class of classical routers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...model.estimate import Estimate
from ...model.games.frontiers import Frontiers, PointAdvantage, share_saved
from ...model.games.routing_game import Against
from .estimates import observed_point, score_excess
from .samples import Sample

Floats = NDArray[np.float64]

_GRID = 513  # points over the range of p; between neighbours the frontiers are all but linear


@dataclass(frozen=True, eq=False)
class ConfidenceRegion:
    """All points (p, Δ) with p and Δ in their ranges.

    At a splitting probability p the waiting time is line(p) − Δ, where line is the supporting line of the class's
    frontier at the certificate's μ, at or below the frontier. The six limits of p, W and Δ hold at a sixth
    of the significance each, so that all of them together hold at the whole.

    Attributes:
        frontiers: The scenario's frontiers.
        multiplier: μ > 0.
        splitting_probability, waiting_time: The operating point observed.
        excess: Δ with its range, in units of time.
        p: A grid over the range of p, with the vertices of the class's frontier inside it.
        line: The supporting line at each p.
        against: The class.
    """

    frontiers: Frontiers
    multiplier: float
    splitting_probability: Estimate
    waiting_time: Estimate
    excess: Estimate
    p: Floats
    line: Floats
    against: Against = "memoryless"

    @classmethod
    def of(
        cls,
        frontiers: Frontiers,
        sample: Sample,
        multiplier: float,
        significance: float,
        edges: int = 1,
        against: Against = "memoryless",
    ) -> ConfidenceRegion:
        """The region of a sample; limits of Δ at several multipliers, any of which might have been taken, share α.

        Raises:
            DataError: a pair of types was never measured, or a run that could stop had no fresh settings.
        """
        significance /= sample.choices
        sixth = math.log(significance / 6)
        p, waiting = observed_point(frontiers.workload, sample, sixth)
        ends = max(p.low, 0.0), min(p.high, 1.0)
        vertices = frontiers.rival(against).splitting_probability
        inside = vertices[(vertices > ends[0]) & (vertices < ends[1])]
        grid = np.unique(np.concatenate([np.linspace(*ends, _GRID), inside]))
        game = frontiers.game(multiplier)
        excess = score_excess(game, sample, sixth - math.log(edges), against)
        line = game.line(game.bound(against).high) - multiplier * grid
        return cls(frontiers, multiplier, p, waiting, excess, grid, line, against)

    def reduction(self) -> tuple[Estimate, Estimate]:
        """How far W lies below the frontier at p, and the share of it, over the region."""
        classical = self.frontiers.rival(self.against).waiting_time_at(self.p)
        own, workload = self._own, self.frontiers.workload
        above = classical - self.line
        most = classical - workload.all_split_waiting_time  # no memoryless routers wait less
        low, high = self.excess.low + above, np.minimum(self.excess.high + above, most)
        share = partial(share_saved, workload, classical)
        return (
            Estimate.enclosing(float(own.waiting_time_reduction), low, high),
            Estimate.enclosing(float(own.waiting_time_reduction_relative), share(low), share(high)),
        )

    def throughput_gain(self) -> Estimate:
        """The share by which the baseline throughput exceeds the classical frontier's at equal waiting time."""
        gain = float(self._own.throughput_gain_relative)
        return Estimate.enclosing(gain, self._gains(self.excess.low), self._gains(self.excess.high))

    @property
    def _own(self) -> PointAdvantage:
        p, waiting = self.splitting_probability.estimate, self.waiting_time.estimate
        return self.frontiers.advantage_at(p, waiting, self.against)

    def _gains(self, excess: float) -> Floats:
        """The gain over the range of p at one Δ; also where W passes a classical vertex, and the gain bends."""
        top = float(self.line[0]) + self.multiplier * float(self.p[0])
        bends = (top - excess - self.frontiers.rival(self.against).waiting_time) / self.multiplier
        p = np.concatenate([self.p, bends[(bends > self.p[0]) & (bends < self.p[-1])]])
        waiting = top - self.multiplier * p - excess
        return self.frontiers.advantage_at(p, waiting, self.against).throughput_gain_relative
