"""W_E(τ) carried into the plane (p, W), and β_E: the score above which a strategy beats every classical router.

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
from scipy.optimize import brentq, minimize_scalar

from ..errors import NoBoundError
from ..informed.accrual import throughput_slope
from ..informed.bound import InformedBounds
from ..informed.frontier import EveryClassicalFrontier, every_classical_frontier
from ..queueing.workload import Workload
from .chords import envelope
from .frontier import Frontier
from .routing_game import RoutingGame

Floats = NDArray[np.float64]

SECONDS = 10.0  # of computing for the whole frontier
_TRIES = (0.2, 1.0)  # seconds tried before, until it is fine enough or entanglement is far from it
SHARE = 1 / 60  # of what memoryless routers wait longer than entangled ones at most: the error that a grid may cost
_FIRST_SHARE = 0.125  # of the seconds, for choosing the grid; each further κ takes about a quarter of that
_TANGENTS = 257  # evenly spaced in p, beside those at the corners: between two the curve is straight to about 1e-6
_NOTHING = 1e-9  # of the waiting time: what rounding leaves of no advantage
_CORNER = 1e-7  # in p, on either side of a corner
_ROUNDING = 64 * float(np.finfo(float).eps)  # slack per unit of the terms whose difference β_E is
_KEPT = 16  # frontiers of workloads met last
_known: OrderedDict[tuple[object, ...], EveryClassicalFrontier | str] = OrderedDict()


@dataclass(frozen=True)
class ScoreBound:
    """β_E at one multiplier μ, and the line that proves it.

    Attributes:
        splitting_probability: p₀, where κτ(p) + μp is least: the line in p and that in τ touch.
        kappa: κ, waiting time paid per unit of baseline throughput.
        bound: V(κ).
        value: β_E: a larger score Σ G c proves W − κτ < V(κ).
    """

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
        fine = np.linspace(1.0, 0.0, 16 * _TANGENTS)
        corners = np.interp(proved.corners, workload.baseline_throughput(fine), fine)
        beside = np.concatenate([corners - _CORNER, corners + _CORNER])
        p = np.clip(np.concatenate([np.linspace(0.0, 1.0, _TANGENTS), beside]), 0.0, 1.0)
        throughput = workload.baseline_throughput(p)
        slopes = np.array([throughput_slope(workload, each) for each in p.tolist()])
        waiting = proved.waiting_time_at(throughput)
        multipliers = -slopes * proved.kappa_at(throughput)
        # No routers wait less than no time, which is what is proved where the lines fall below it.
        lines = np.append(multipliers, 0.0), np.append(waiting + multipliers * p, 0.0)
        return cls(*envelope(*lines), workload, proved)

    def error_near(self, points: Frontier) -> float:
        """What the grid may cost at most (units of time) where some points lie below this frontier, or would lie there.

        They count if they lie below it once it is raised by twice that cost; 0 if there are none.
        """
        errors = self.proved.errors_at(self.workload.baseline_throughput(points.splitting_probability))
        near = points.waiting_time < self.waiting_time_at(points.splitting_probability) + 2 * errors
        return float(errors[near].max(initial=0.0))

    def score_bound(self, game: RoutingGame) -> ScoreBound:
        """β_E = W0 + E[w] − const − κτ(p₀) − μp₀ − V(κ) at the κ where it is least.

        A strategy of score S has W = W0 + E[w] − const − S − μp. Above β_E that is less than V(κ) + κτ(p) at any p.
        The least cost of all routers is concave in κ, so that between two κ solved V is at least what lies straight
        between theirs.
        """
        multiplier, bounds = game.multiplier, self.proved.supporting
        kappas, values = np.array([[bound.kappa, bound.value] for bound in bounds]).T
        solved = [self._touching(*line, multiplier)[0] for line in zip(kappas.tolist(), values.tolist(), strict=True)]
        best = int(np.argmax(solved))
        kappa = float(kappas[best])
        around = float(kappas[max(best - 1, 0)]), float(kappas[min(best + 1, len(bounds) - 1)])
        found = minimize_scalar(
            lambda each: -self._touching(each, float(np.interp(each, kappas, values)), multiplier)[0],
            bounds=around,
            method="bounded",
            options={"xatol": 1e-9 * around[1]},
        )
        if -found.fun > solved[best]:
            kappa = float(found.x)
        bound = float(np.interp(kappa, kappas, values))
        least, p = self._touching(kappa, bound, multiplier)
        return ScoreBound(p, kappa, bound, game.line(0.0) - least)

    def _touching(self, kappa: float, bound: float, multiplier: float) -> tuple[float, float]:
        """The least V(κ) + κτ(p) + μp, rounded down, and the p where it is."""
        workload = self.workload

        def slope(p: float) -> float:
            return kappa * throughput_slope(workload, p) + multiplier

        p = 0.0 if slope(0.0) >= 0 else 1.0
        if slope(0.0) < 0 < slope(1.0):
            p = float(brentq(slope, 0.0, 1.0, xtol=1e-12))
            short = abs(slope(p))  # a convex function falls short of its value here by no more
        else:
            short = 0.0
        terms = bound, kappa * float(workload.baseline_throughput(p)), multiplier * p
        scale = workload.together_waiting_time + sum(abs(term) for term in terms)
        return math.fsum(terms) - short - _ROUNDING * scale, p


def every_classical_curve(workload: Workload, quantum: Frontier, saved: float) -> EveryClassicalCurve:
    """The fourth frontier of a workload; those of the workloads met last are kept.

    Args:
        workload: The queueing model.
        quantum: Points that entanglement reaches. The frontier is left coarse where they do not come near.
        saved: What they save of memoryless routers' waiting time at most (units of time). A sixtieth of it is what
            the grid may cost, which is a thirtieth of the advantage where half of that is left against every classical
            router.

    Raises:
        NoBoundError: there is no such bound, or it takes longer than 10 seconds.
    """
    tolerance = SHARE * max(saved, 0.1 * workload.all_split_waiting_time)
    wanted = quantum if saved > _NOTHING * workload.together_waiting_time else None
    reached = workload.baseline_throughput(quantum.splitting_probability[::-1]), quantum.waiting_time[::-1]
    laws = workload.services_a, workload.services_b, workload.reward, workload.within_pair_order
    tables = [table.tobytes() for table in (workload.joint, *reached)]
    key = (workload.pair_rate, workload.shape, *tables, *laws, tolerance, SECONDS, wanted is None)
    if key not in _known:
        try:
            _known[key] = _proved(workload, wanted, reached, tolerance)
        except NoBoundError as reason:
            _known[key] = str(reason)
        if len(_known) > _KEPT:
            _known.popitem(last=False)
    found = _known[key]
    if isinstance(found, str):
        raise NoBoundError(found)
    return EveryClassicalCurve.of(workload, found)


def _proved(
    workload: Workload, wanted: Frontier | None, reached: tuple[Floats, Floats], tolerance: float
) -> EveryClassicalFrontier:
    """The envelope on the coarsest grid tried that is fine enough where the points wanted are near it."""
    found = None
    for seconds in (*(each for each in _TRIES if each < SECONDS), SECONDS):
        bounds = InformedBounds(workload, tolerance, _FIRST_SHARE * seconds)
        try:
            found = every_classical_frontier(bounds, seconds=seconds, reached=reached, coarse=found)
        except NoBoundError:
            if seconds == SECONDS and found is None:
                raise
            continue  # more time may do
        if wanted is None or EveryClassicalCurve.of(workload, found).error_near(wanted) <= tolerance:
            break
    assert found is not None  # or the last try raised
    return found
