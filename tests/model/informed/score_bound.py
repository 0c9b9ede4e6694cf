"""β_E, the score of the routing game above which a strategy beats every classical router (every-classical §4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from bellqueue.model.games.routing_game import BoundedGame
from bellqueue.model.informed.accrual import throughput_slope
from bellqueue.model.informed.bound import InformedBound, InformedBounds
from bellqueue.model.queueing.workload import Workload

_ROUNDING = 64 * float(np.finfo(float).eps)  # slack per unit of the terms whose difference β_E is


@dataclass(frozen=True)
class ScoreBound:
    """β_E at one multiplier, and what it was computed from.

    Attributes:
        multiplier: μ, waiting time paid per unit of splitting probability.
        splitting_probability: p₀, where the line in p and that in τ touch.
        kappa: κ = μ/|τ′(p₀)|.
        informed: V(κ).
        memoryless: The upper end of β_C, the best score of memoryless classical routers.
        value: β_E, at least `memoryless`: a larger score Σ G c proves W − κτ < V(κ).
    """

    multiplier: float
    splitting_probability: float
    kappa: float
    informed: InformedBound
    memoryless: float
    value: float


def kappa_of(workload: Workload, splitting_probability: float, multiplier: float) -> float:
    """κ = μ/|τ′(p₀)|: what a unit of throughput is worth if a unit of splitting costs μ at p₀.

    Raises:
        ValueError: τ does not fall with p there, or μ is negative.
    """
    slope = throughput_slope(workload, splitting_probability)
    if not slope < 0:
        raise ValueError(f"throughput does not fall with the splitting probability at p = {splitting_probability:g}")
    if not 0 <= multiplier < math.inf:
        raise ValueError(f"the multiplier is {multiplier!r}; it must be at least 0 and finite")
    return multiplier / -slope


def score_bound(bounds: InformedBounds, game: BoundedGame, splitting_probability: float) -> ScoreBound:
    """β_E = W0 + E[w] − const − κτ(p₀) − μp₀ − V(κ), or the proved β_C if that is larger.

    τ is convex in p, so W − κτ of a memoryless strategy of score S is at most W0 + E[w] − const − S − κτ(p₀) − μp₀. A
    score above β_E therefore means less than V(κ), which no classical router without communication reaches.

    Args:
        bounds: V of the workload.
        game: The game at μ, of the same workload.
        splitting_probability: p₀, in [0, 1]; any is valid, and the expected p is the best.

    Raises:
        ValueError: τ does not fall with p at p₀, or μ is negative.
    """
    workload, multiplier = bounds.workload, game.multiplier
    kappa = kappa_of(workload, splitting_probability, multiplier)
    informed = bounds.at(kappa)
    terms = (
        workload.together_waiting_time,
        -game.constant,
        -kappa * float(workload.baseline_throughput(splitting_probability)),
        -multiplier * splitting_probability,
        -informed.value,
    )
    value = math.fsum(terms) + _ROUNDING * sum(abs(term) for term in terms)
    memoryless = game.bound("memoryless").high
    return ScoreBound(multiplier, splitting_probability, kappa, informed, memoryless, max(value, memoryless))
