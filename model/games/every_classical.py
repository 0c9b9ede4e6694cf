"""The fourth frontier in the plane (p, W), and β_E: the score above which a strategy beats every classical router.

τ is convex in p, so each line W = V(κ) + κτ(p) is a convex curve in p, and so is their envelope W_E(τ(p)). Its tangents
bound the same routers a little less tightly, and make of it a frontier like that of memoryless routers: one that a
multiplier touches (every-classical §4).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ..errors import NoBoundError
from ..informed.accrual import throughput_slope
from ..informed.bound import InformedBound, InformedBounds
from ..informed.frontier import EveryClassicalFrontier, every_classical_frontier
from ..queueing.workload import Workload
from .chords import envelope
from .frontier import Frontier
from .routing_game import RoutingGame

Floats = NDArray[np.float64]

SECONDS = 10.0  # of computing for the whole frontier
_TRIES = (0.02, 0.1, 1.0)  # shares of them, tried until the frontier is fine enough or entanglement is far from it
SHARE = 0.025  # of what memoryless routers wait longer than entangled ones at most: the error that a grid may cost
_FIRST_SHARE = 0.125  # of the seconds, for choosing the grid; each further κ takes about a quarter of that
_TANGENTS = 257  # evenly spaced in p; between two of them the curve is straight to about 1e-7 of its height
_ROUNDING = 64 * float(np.finfo(float).eps)  # slack per unit of the terms whose difference β_E is
_KEPT = 16  # frontiers of workloads met last
_known: OrderedDict[tuple[object, ...], EveryClassicalFrontier | str] = OrderedDict()


@dataclass(frozen=True)
class ScoreBound:
    """β_E at one multiplier, and the line that proves it.

    Attributes:
        multiplier: μ, waiting time paid per unit of splitting probability.
        splitting_probability: p₀, where κτ(p) + μp is least: the line in p and that in τ touch.
        kappa: κ, waiting time paid per unit of baseline throughput.
        bound: V(κ).
        value: β_E: a larger score Σ G c proves W − κτ < V(κ).
    """

    multiplier: float
    splitting_probability: float
    kappa: float
    bound: float
    value: float


@dataclass(frozen=True, eq=False)
class EveryClassicalCurve(Frontier):
    """W_E over p, by its tangents: at the same baseline throughput no classical router waits less.

    Attributes:
        workload: The queueing model.
        proved: The envelope over τ that it is made from.
    """

    workload: Workload
    proved: EveryClassicalFrontier

    @classmethod
    def of(cls, workload: Workload, proved: EveryClassicalFrontier) -> EveryClassicalCurve:
        """Lay tangents at even distances in p."""
        p = np.linspace(0.0, 1.0, _TANGENTS)
        throughput = workload.baseline_throughput(p)
        slopes = np.array([throughput_slope(workload, each) for each in p.tolist()])
        waiting = proved.waiting_time_at(throughput)
        multipliers = -slopes * proved.kappa_at(throughput)
        # No routers wait less than no time, which is what is proved where the lines fall below it.
        lines = np.append(multipliers, 0.0), np.append(waiting + multipliers * p, 0.0)
        return cls(*envelope(*lines), workload, proved)

    def is_near(self, points: Frontier) -> bool:
        """Whether some points would lie below this frontier if it were raised by twice what its grid may cost."""
        raised = self.waiting_time_at(points.splitting_probability) + 2 * self.proved.error_estimate
        return bool(np.any(points.waiting_time < raised))

    def score_bound(self, game: RoutingGame) -> ScoreBound:
        """β_E = W0 + E[w] − const − κτ(p₀) − μp₀ − V(κ) at the κ, of those solved, where it is least.

        A strategy of score S has W = W0 + E[w] − const − S − μp. Above β_E that is less than V(κ) + κτ(p) at any p.
        """
        multiplier = game.multiplier
        touching = [self._touching(bound, multiplier) for bound in self.proved.bounds]
        best = max(range(len(touching)), key=lambda index: touching[index][0])
        (least, p), bound = touching[best], self.proved.bounds[best]
        return ScoreBound(multiplier, p, bound.kappa, bound.value, game.line(0.0) - least)

    def _touching(self, bound: InformedBound, multiplier: float) -> tuple[float, float]:
        """The least V(κ) + κτ(p) + μp, rounded down, and the p where it is."""
        kappa, workload = bound.kappa, self.workload

        def slope(p: float) -> float:
            return kappa * throughput_slope(workload, p) + multiplier

        p = 0.0 if slope(0.0) >= 0 else 1.0
        if slope(0.0) < 0 < slope(1.0):
            p = float(brentq(slope, 0.0, 1.0, xtol=1e-12))
            short = abs(slope(p))  # a convex function falls short of its value here by no more
        else:
            short = 0.0
        terms = bound.value, kappa * float(workload.baseline_throughput(p)), multiplier * p
        scale = workload.together_waiting_time + sum(abs(term) for term in terms)
        return math.fsum(terms) - short - _ROUNDING * scale, p


def every_classical_curve(workload: Workload, quantum: Frontier, saved: float) -> EveryClassicalCurve:
    """The fourth frontier of a workload; those of the workloads met last are kept.

    Args:
        workload: The queueing model.
        quantum: Points that entanglement reaches. Where they do not come near, the frontier is left coarse.
        saved: What they save of memoryless routers' waiting time at most (units of time). A fortieth of it is what the
            grid may cost, which is a twentieth of the advantage where half of that is left against every classical
            router.

    Raises:
        NoBoundError: there is no such bound, or it takes longer than 10 seconds.
    """
    tolerance = SHARE * max(saved, 0.1 * workload.all_split_waiting_time)
    for share in _TRIES:
        try:
            found = _curve(workload, tolerance, share * SECONDS)
        except NoBoundError:
            if share == _TRIES[-1]:
                raise
            continue  # more time may do
        if found.proved.error_estimate <= tolerance or not found.is_near(quantum):
            break
    return found


def _curve(workload: Workload, tolerance: float, seconds: float) -> EveryClassicalCurve:
    laws = workload.services_a, workload.services_b, workload.reward, workload.within_pair_order
    key = (workload.pair_rate, workload.joint.tobytes(), workload.joint.shape, *laws, tolerance, seconds)
    if key not in _known:
        try:
            bounds = InformedBounds(workload, tolerance, _FIRST_SHARE * seconds)
            _known[key] = every_classical_frontier(bounds, seconds=seconds)
        except NoBoundError as reason:
            _known[key] = str(reason)
        if len(_known) > _KEPT:
            _known.popitem(last=False)
    found = _known[key]
    if isinstance(found, str):
        raise NoBoundError(found)
    return EveryClassicalCurve.of(workload, found)
