"""Games that are hard on floating point: rare types, means far apart or almost equal, one type against many."""

from __future__ import annotations

import numpy as np
from bellqueue.model.games.classical_frontier import classical_frontier
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.games.values.xor_game import XorGame
from bellqueue.model.queueing.reward import PowerReward
from bellqueue.model.queueing.workload import Workload

from tests.model.informed.workloads import fixed, of_types

SHAPES = [(2, 6), (6, 6), (6, 2), (2, 2), (1, 5)]
KINDS = ["rare", "rare and far apart", "equal", "almost equal", "joint", "joint and far apart", "signs"]


def nasty_game(seed: int) -> XorGame:
    """The game of that seed: shape and kind in turn, everything else drawn; three kinds have any rank."""
    rng, shape, kind = _drawn(seed)
    if kind == "signs":
        return XorGame(rng.choice([-1.0, 1.0], size=shape) * _rare(rng, shape))
    return RoutingGame(*nasty_workload(seed)).xor


def nasty_workload(seed: int) -> tuple[Workload, float]:
    """The workload and the multiplier of that seed's game, unless it is of random signs."""
    rng, shape, kind = _drawn(seed)
    workload = _workload(rng, shape, kind)
    return workload, _multiplier(rng, workload)


def _drawn(seed: int) -> tuple[np.random.Generator, tuple[int, int], str]:
    shape, kind = SHAPES[seed % len(SHAPES)], KINDS[seed // len(SHAPES) % len(KINDS)]
    return np.random.default_rng([seed, 602]), shape, kind


def _workload(rng: np.random.Generator, shape: tuple[int, int], kind: str) -> Workload:
    rank_two = "joint" not in kind
    if rank_two:
        joint = np.outer(*(_rare(rng, count) if "rare" in kind else rng.dirichlet(np.ones(count)) for count in shape))
    else:
        joint = _rare(rng, shape)
    means = [_means(rng, count, kind) for count in shape]
    load = float(joint.sum(axis=1) @ means[0] + joint.sum(axis=0) @ means[1]) / 2
    a, b = (tuple(map(fixed, each.tolist())) for each in means)
    return of_types(float(rng.uniform(0.01, 0.9)) / load, joint, a, b, PowerReward(2.0), product=rank_two)


def _rare(rng: np.random.Generator, shape: int | tuple[int, int]) -> np.ndarray:
    """Probabilities down to 1e-9 of the largest."""
    drawn = 10.0 ** rng.uniform(-9, 0, size=shape)
    return np.asarray(drawn / drawn.sum())


def _means(rng: np.random.Generator, count: int, kind: str) -> np.ndarray:
    if "equal" in kind:
        pair = np.append(1.0, rng.choice([1.0, 10.0 ** rng.uniform(-3, 3)]))  # one size or two
        nearly = 10.0 ** rng.uniform(-12, -3) * rng.random(count) if kind == "almost equal" else 0.0
        return np.asarray(rng.choice(pair, size=count) * (1 + nearly))
    spread = 3.0 if "far apart" in kind else 0.5
    return np.asarray(10.0 ** rng.uniform(-spread, spread, size=count))


def _multiplier(rng: np.random.Generator, workload: Workload) -> float:
    """An edge's of the classical frontier, the weight of a pair of types, or one between the weights."""
    weights = workload.weights
    way = rng.integers(3)
    if way == 0:
        return float(rng.choice(classical_frontier(workload).multipliers))
    if way == 1:
        return float(rng.choice(weights.ravel()))
    return float(np.exp(rng.uniform(*np.log([weights.min(), weights.max()]))))
