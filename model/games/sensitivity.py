"""How the largest relative reduction of waiting time depends on the visibility of the Bell pairs and on the load.

White noise of visibility V draws every correlator towards 0, and with it each point (p, W) of the quantum frontier
towards that of uncorrelated outcomes, (½, (W₀ + W_together)/2), by the factor V.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..queueing.workload import Workload
from .frontier import Frontier
from .frontiers import Frontiers, share_saved
from .routing_game import Against, RoutingGame
from .values.classical_value import is_quick

Floats = NDArray[np.float64]

POINTS = 33  # of the quantum frontier at each load
_GRID = 601
NOTHING = 1e-9  # of the waiting time
_FEW = 16  # pairs of types up to which quantum games of any rank take no time to speak of


def reduction_by_visibility(
    frontiers: Frontiers, visibilities: Sequence[float], against: Against = "memoryless"
) -> Floats:
    """The largest share of a class's W over p that entanglement saves at each visibility, shape (k,); negative if none.

    Args:
        frontiers: Frontiers of the workload.
        visibilities: Werner visibilities, k of them.
        against: The class of classical routers. Defaults to memoryless ones.

    Raises:
        NoBoundError: there is no bound on every classical router.
    """
    curve, rival = frontiers.in_use.curve, frontiers.rival(against)
    return np.array([_largest(frontiers.workload, curve, rival, each) for each in visibilities])


def reduction_by_load(frontiers: Frontiers, loads: Sequence[float], visibilities: Sequence[float]) -> Floats:
    """The same at other loads, shape (loads, visibilities).

    Args:
        frontiers: Frontiers of the workload, whose rate of arrivals is changed until each load is reached.
        loads: ρ, each above 0 and below 1.
        visibilities: Werner visibilities.
    """
    workload = frontiers.workload
    reductions = []
    for load in loads:
        other = replace(workload, pair_rate=workload.pair_rate * load / workload.load)
        there = Frontiers(other, frontiers.bounds, frontiers.bell_pairs)
        points = there.in_use.sampled(POINTS)
        reductions.append(
            [
                _largest(other, points, there.classical, visibility)
                if points.splitting_probability.size == 1 or visibility == 0  # nothing to solve
                else _beyond_rounding(there.largest_reduction(visibility, points).waiting_time_reduction_relative)
                for visibility in visibilities
            ]
        )
    return np.array(reductions)


def is_quick_to_vary(workload: Workload) -> bool:
    """Whether the frontiers of such a workload are found at once, so that other loads can be tried."""
    few = workload.rank_two or math.prod(workload.shape) <= _FEW
    return not workload.knows_sizes and few and is_quick(RoutingGame(workload, float(workload.weights.mean())).xor)


def _largest(workload: Workload, curve: Frontier, classical: Frontier, visibility: float) -> float:
    """The largest reduction over points of a quantum frontier and the lines between them, which lie above it."""
    if curve.splitting_probability.size == 1:  # all pairs weigh the same: the frontier is the chord of its ends
        curve = Frontier(
            np.array([0.0, 1.0]), np.array([workload.together_waiting_time, workload.all_split_waiting_time])
        )
    ideal = np.union1d(np.linspace(0.0, 1.0, _GRID), curve.splitting_probability)
    middle = workload.uncorrelated_waiting_time
    noisy = middle + visibility * (curve.waiting_time_at(ideal) - middle)
    least = classical.waiting_time_at(0.5 + visibility * (ideal - 0.5))
    return _beyond_rounding(float(share_saved(workload, least, least - noisy).max()))


def _beyond_rounding(reduction: float) -> float:
    """0 for a reduction that is nothing but rounding."""
    return 0.0 if abs(reduction) < NOTHING else reduction
