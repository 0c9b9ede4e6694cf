"""What entanglement buys where a waiting time or a throughput is promised: the same promise kept by every router."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ...model.games.frontiers import Frontiers
from ...model.games.strategy import Strategy
from ...model.scenario.file import OperatingTarget
from .power import conditional_correlators

Floats = NDArray[np.float64]
Behaviour = Callable[[Strategy], Floats]


@dataclass(frozen=True)
class Reach:
    """What one kind of routers reaches where a promise is kept; None where it cannot keep it.

    Attributes:
        splitting_probability: p.
        waiting_time: Least W, in units of time.
        baseline_throughput: Most τ, per unit of time.
    """

    splitting_probability: float | None
    waiting_time: float | None
    baseline_throughput: float | None


@dataclass(frozen=True)
class Promise:
    """A waiting time or a splitting probability held by quantum, classical and communicating routers alike.

    Attributes:
        kind: What is held, and is the same for all.
        value: The value held; if the scenario promises nothing, the splitting probability predicted.
        promised: Whether the scenario promises it.
        quantum_ideal, quantum_predicted: The Bell pairs in use, without noise and at the noise predicted, each with the
            strategy that keeps the promise at that noise.
        classical: The best of the class certified against.
        communication: Routers that know both types at no delay.
    """

    kind: Literal["waiting_time", "splitting_probability"]
    value: float
    promised: bool
    quantum_ideal: Reach
    quantum_predicted: Reach
    classical: Reach
    communication: Reach


def promise_at(
    target: str | OperatingTarget, frontiers: Frontiers, behaviour: Behaviour, p: float, waiting: float
) -> Promise:
    """What the target holds for all; for a target that promises neither, the splitting probability predicted.

    Args:
        behaviour: P(a,b|x,y) of any strategy at the device's noise, shape (n_A, n_B, 2, 2).
        p, waiting: Splitting probability and W predicted of the scenario's own strategy.

    Raises:
        DataError: the behaviour is none.
    """
    pair, workload = frontiers.in_use, frontiers.workload

    asked = target if isinstance(target, OperatingTarget) else None

    def reach(p: float | None, waiting: float) -> Reach:
        if p is None:
            return Reach(None, None, None)
        return Reach(p, waiting, float(workload.baseline_throughput(p)))

    def noisy(strategy: Strategy) -> tuple[float, float]:
        split = (1 - conditional_correlators(behaviour(strategy), workload.shape)) / 2
        return workload.splitting_probability(split), workload.waiting_time(split)

    others = frontiers.classical, frontiers.communication
    if asked and asked.waiting_time is not None:
        held = asked.waiting_time
        ends = workload.all_split_waiting_time, workload.together_waiting_time
        found = _solve(lambda at: noisy(pair.at_waiting_time(at))[1] - held, *ends)
        kept = reach(None if found is None else noisy(pair.at_waiting_time(found))[0], held)
        ideal = reach(pair.splitting_probability_at(held), held)
        rest = [reach(float(each.splitting_probability_at(held)), held) for each in others]
        return Promise("waiting_time", held, True, ideal, kept, *rest)
    held, kept, promised = p, reach(p, waiting), False
    if asked and asked.splitting_probability is not None:
        held, promised = asked.splitting_probability, True
        found = _solve(lambda at: noisy(pair.at_splitting_probability(at))[0] - held, 0.0, 1.0)
        kept = reach(None, 0.0) if found is None else reach(held, noisy(pair.at_splitting_probability(found))[1])
    ideal = reach(held, pair.waiting_time_at(held))
    rest = [reach(held, float(each.waiting_time_at(held))) for each in others]
    return Promise("splitting_probability", held, promised, ideal, kept, *rest)


def _solve(excess: Callable[[float], float], low: float, high: float) -> float | None:
    """Where a rising function crosses 0; None if it does nowhere in between."""
    if not excess(low) <= 0 <= excess(high):
        return None
    return float(brentq(excess, low, high, xtol=1e-9 * (high - low)))
