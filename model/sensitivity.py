"""How the largest relative reduction of waiting time depends on the visibility of the Bell pair and on the load.

White noise of visibility V draws every correlator towards 0, and with it each point (p, W) of the quantum frontier
towards that of uncorrelated outcomes, (½, (W₀ + W_together)/2), by the factor V.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .classical import classical_frontier
from .frontier import Frontier, QuantumFrontier, routing_game
from .game import is_quick
from .operating import Frontiers
from .workload import Workload

Floats = NDArray[np.float64]

POINTS = 33  # of the quantum frontier at each load: reductions right to a few ten-thousandths


def reduction_by_visibility(frontiers: Frontiers, visibilities: Sequence[float]) -> Floats:
    """The largest (W_C−W_Q)/W_C over p of one Bell pair at each visibility, shape (k,); negative where there is none.

    Args:
        frontiers: Of the workload.
        visibilities: Werner visibilities, k of them.
    """
    workload, curve = frontiers.workload, frontiers.one_pair.curve
    return np.array([_largest_reduction(workload, curve, frontiers.classical, each) for each in visibilities])


def reduction_by_load(workload: Workload, loads: Sequence[float], visibilities: Sequence[float]) -> Floats:
    """The same at other loads, shape (loads, visibilities).

    Args:
        workload: Gives types and service times; its rate of arrivals is changed until each load is reached.
        loads: ρ, each above 0 and below 1.
        visibilities: Werner visibilities.
    """
    reductions = []
    for load in loads:
        other = replace(workload, pair_rate=workload.pair_rate * load / workload.load)
        classical, curve = classical_frontier(other), QuantumFrontier(other, dimension=2).curve_of(POINTS)
        reductions.append([_largest_reduction(other, curve, classical, each) for each in visibilities])
    return np.array(reductions)


def is_quick_to_vary(workload: Workload) -> bool:
    """Whether the classical frontier of such a workload is found at once, so that other loads can be tried."""
    return not workload.knows_sizes and is_quick(routing_game(workload, float(workload.weights.mean())))


def _largest_reduction(workload: Workload, curve: Frontier, classical: Frontier, visibility: float) -> float:
    """Over the points of a quantum frontier, and the top of the parabola through the best three."""
    middle = (workload.unavoidable_waiting_time + workload.together_waiting_time) / 2
    p = 0.5 + visibility * (curve.splitting_probability - 0.5)
    waiting = middle + visibility * (curve.waiting_time - middle)
    reduction = 1 - waiting / classical.waiting_time_at(p)
    top = int(reduction.argmax())
    near = slice(top - 1, top + 2)
    inside = 0 < top < len(p) - 1
    vertices = classical.splitting_probability
    if not inside or np.any((vertices > p[top - 1]) & (vertices < p[top + 1])):  # the reduction has a kink there
        return float(reduction[top])
    return max(_parabola_top(p[near], reduction[near]), float(reduction[top]))


def _parabola_top(x: Floats, y: Floats) -> float:
    """The largest value of the parabola through three points of which the middle one is highest."""
    bend, slope, _ = np.polyfit(x - x[1], y - y[1], 2).tolist()
    return float(y[1]) - slope**2 / (4 * bend) if bend < 0 else float(y[1])
