"""Asymmetric memoryless classical routers: batch M/G/1 formulas and a global search, numerical and with no guarantee.

A router that may favour a server is a mixture, by shared randomness, of deterministic pairs of routers. Server i is
then an M/G/1 queue of batches: with g_i = P(a request of the pair comes to i), k_i = E[requests], and work of moments
e_i and q_i per pair, ρ_i = λe_i, V_i = λq_i/(2(1−ρ_i)) (Pollaczek–Khinchine), and

    W = ½[Σ_i k_i V_i + Σ π P(a=b|x,y) d(x,y)],   τ = Σ_i (1−ρ_i)·Λ_i E[T(I_i)],   I_i ~ Exp(Λ_i), Λ_i = λg_i.

with d(x,y) what the two wait for each other, (m_x+n_y)/2 in random order (see `pair_order`).
Both depend on the mixture through nine linear functionals; W − κτ is not convex in them, hence the many starts.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from ..queueing.workload import Workload

Floats = NDArray[np.float64]

MAX_EXHAUSTIVE = 64  # deterministic pairs up to which all of them are mixed
MAX_CUTS = 4  # beyond, thresholds at that many cuts a router
ITERATIONS = 250
POLISHED = 3  # best starts that are finished by sequential quadratic programming
_FULL = 1e-9  # a server with less slack than this counts as overloaded
_FACE = 1e-30  # least share while descending: from 0 there is no way back


@dataclass(frozen=True)
class RouterPair:
    """Deterministic routers.

    Attributes:
        a_of_x: Server (0 or 1) of each type at router A.
        b_of_y: Server of each type at router B.
    """

    a_of_x: tuple[int, ...]
    b_of_y: tuple[int, ...]

    def __str__(self) -> str:
        return f"(a={''.join(map(str, self.a_of_x))}, b={''.join(map(str, self.b_of_y))})"


def router_pairs(workload: Workload, limit: int = MAX_EXHAUSTIVE, cuts: int = MAX_CUTS) -> tuple[RouterPair, ...]:
    """All deterministic router pairs if there are at most `limit`; else all pairs of threshold routers.

    A threshold router sends the types of mean service time below a cut to one server and the rest to the other (or
    all to one); at most `cuts` cuts a router, evenly spaced in probability.
    """
    n_a, n_b = workload.shape
    if 2 ** (n_a + n_b) <= limit:
        rules_a, rules_b = (list(itertools.product((0, 1), repeat=count)) for count in (n_a, n_b))
    else:
        rules_a = _threshold_rules(workload.mean_a, workload.marginal_a, cuts)
        rules_b = _threshold_rules(workload.mean_b, workload.marginal_b, cuts)
    return tuple(RouterPair(a, b) for a in rules_a for b in rules_b)


def _threshold_rules(mean: Floats, probability: Floats, cuts: int) -> list[tuple[int, ...]]:
    order = np.argsort(mean, kind="stable")
    below = np.cumsum(probability[order])[:-1]
    wanted = np.arange(1, cuts + 1) / (cuts + 1)
    places = {int(np.abs(below - share).argmin()) + 1 for share in wanted} if below.size else set()
    rank = np.argsort(order)
    high = [(rank >= place).astype(int) for place in sorted({0} | places)]
    return [tuple(rule.tolist()) for upper in high for rule in (upper, 1 - upper)]


class AsymmetricModel:
    """W and τ of mixtures of deterministic router pairs, with their gradients.

    Args:
        workload: The queueing model.
        pairs: The router pairs that may be mixed, K of them.
    """

    def __init__(self, workload: Workload, pairs: tuple[RouterPair, ...]) -> None:
        self.workload = workload
        self.pairs = pairs
        a = np.array([pair.a_of_x for pair in pairs])[:, :, None] == np.array([0, 1])  # (K, n_A, 2)
        b = np.array([pair.b_of_y for pair in pairs])[:, :, None] == np.array([0, 1])
        marginal_a, marginal_b, joint = workload.marginal_a, workload.marginal_b, workload.joint
        mean_a, mean_b = workload.mean_a, workload.mean_b

        def alone(value_a: Floats, value_b: Floats) -> Floats:
            """E[Σ value of the requests that come to each server], shape (K, 2)."""
            weighted_a, weighted_b = marginal_a * value_a, marginal_b * value_b
            return np.asarray(np.einsum("x,kxi->ki", weighted_a, a) + np.einsum("y,kyi->ki", weighted_b, b))

        def both(value: Floats) -> Floats:
            """E[value(x,y); both requests come to the server], shape (K, 2)."""
            return np.asarray(np.einsum("xy,kxi,kyi->ki", joint * value, a, b, optimize=True))

        ones_a, ones_b, ones = np.ones_like(mean_a), np.ones_like(mean_b), np.ones_like(joint)
        self.requests = alone(ones_a, ones_b)
        self.visits = self.requests - both(ones)
        self.work = alone(mean_a, mean_b)
        self.second = alone(workload.second_a, workload.second_b) + 2 * both(np.outer(mean_a, mean_b))
        self.partner = both(workload.partner_waiting_time).sum(axis=1)

    @property
    def unbounded(self) -> bool:
        """Whether τ has no bound: one server can serve everybody, and an endless period is worth more than any."""
        return self._priceless and 2 * self.workload.load < 1

    @cached_property
    def _priceless(self) -> bool:
        """Whether the reward per unit of time grows without bound with the period."""
        with np.errstate(divide="ignore"):
            return not np.isfinite(self.workload.reward.rate(np.array(0.0)))

    def performance(self, mixture: ArrayLike) -> tuple[Floats, Floats]:
        """W and τ of mixtures, shape (…, K) → (…); W is infinite where a server is overloaded."""
        waiting, throughput, _, _ = self._evaluate(np.asarray(mixture, dtype=float))
        return waiting, throughput

    def score(self, mixture: Floats, kappa: Floats) -> tuple[Floats, Floats]:
        """W − κτ, shape (…), and its gradient in the mixture, shape (…, K)."""
        waiting, throughput, waiting_slope, throughput_slope = self._evaluate(mixture)
        return waiting - kappa * throughput, waiting_slope - kappa[..., None] * throughput_slope

    def _evaluate(self, mixture: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        rate = self.workload.pair_rate
        requests, second = mixture @ self.requests, mixture @ self.second
        slack = 1 - rate * (mixture @ self.work)
        overloaded = (slack < _FULL).any(axis=-1)
        slack = np.maximum(slack, _FULL)
        level = rate * second / (2 * slack)
        worth, worth_slope = self._worth(rate * (mixture @ self.visits))
        waiting = ((requests * level).sum(axis=-1) + mixture @ self.partner) / 2
        throughput = (slack * worth).sum(axis=-1)
        waiting_slope = (
            level @ self.requests.T
            + (requests * rate / (2 * slack)) @ self.second.T
            + (requests * level * rate / slack) @ self.work.T
            + self.partner
        ) / 2
        throughput_slope = rate * ((slack * worth_slope) @ self.visits.T - worth @ self.work.T)
        return np.where(overloaded, np.inf, waiting), throughput, waiting_slope, throughput_slope

    def _worth(self, batch_rate: Floats) -> tuple[Floats, Floats]:
        """Λ·E[T(I)] and its derivative in Λ by central differences, same shape as Λ."""
        # Near 0 nobody visits the server, and a power reward would overflow.
        floor = (1e-4 if self._priceless else 1e-9) * self.workload.pair_rate
        batch_rate = np.maximum(batch_rate, floor)
        step = np.maximum(1e-6 * batch_rate, floor / 2)
        reward = self.workload.reward
        slope = (reward.rate(batch_rate + step) - reward.rate(batch_rate - step)) / (2 * step)
        return reward.rate(batch_rate), np.asarray(slope)


def starts(model: AsymmetricModel, count: int, rng: np.random.Generator) -> Floats:
    """Random mixtures that overload no server, shape (count, K): a few pairs each, moved to the centre as needed."""
    size = len(model.pairs)
    mixtures = rng.dirichlet(np.full(size, 0.3), count)
    while np.isinf(overloaded := model.performance(mixtures)[0]).any():
        mixtures = np.where(np.isinf(overloaded)[:, None], (mixtures + 1 / size) / 2, mixtures)
    return np.asarray(mixtures)


def paired_starts(model: AsymmetricModel) -> Floats:
    """Every single router pair and every even mixture of two that overloads no server, shape (S, K)."""
    first, second = np.triu_indices(len(model.pairs))
    mixtures = np.zeros((first.size, len(model.pairs)))
    rows = np.arange(first.size)
    mixtures[rows, first] += 0.5
    mixtures[rows, second] += 0.5
    return mixtures[np.isfinite(model.performance(mixtures)[0])]


def descend(model: AsymmetricModel, kappa: Floats, mixtures: Floats) -> tuple[Floats, Floats]:
    """Lower W − κτ from every start at once by exponentiated gradients, each with a step of its own.

    Args:
        model: The routers.
        kappa: κ of each start, shape (S,).
        mixtures: Where they start, shape (S, K), no server overloaded.

    Returns:
        The mixtures reached, shape (S, K), and their W − κτ, shape (S,).
    """
    score, slope = model.score(mixtures, kappa)
    step = np.ones(len(mixtures))
    for _ in range(ITERATIONS):
        excess = slope - slope.min(axis=-1, keepdims=True)
        scale = np.maximum(excess.max(axis=-1), np.finfo(float).tiny)
        tried = np.maximum(mixtures * np.exp(-(step / scale)[:, None] * excess), _FACE)
        tried /= tried.sum(axis=-1, keepdims=True)
        tried_score, tried_slope = model.score(tried, kappa)
        better = tried_score <= score
        mixtures = np.where(better[:, None], tried, mixtures)
        slope = np.where(better[:, None], tried_slope, slope)
        score = np.where(better, tried_score, score)
        step = np.clip(step * np.where(better, 1.3, 0.4), 1e-8, 1e8)
    return mixtures, score


def polish(model: AsymmetricModel, kappa: float, mixture: Floats) -> tuple[Floats, float]:
    """The local optimum of W − κτ next to a mixture, shape (K,), by sequential quadratic programming, and its score."""
    weight = np.array(kappa)

    def score(point: Floats) -> tuple[float, Floats]:
        value, slope = model.score(point, weight)
        return (float(value) if np.isfinite(value) else 1e12), slope

    found = minimize(score, mixture, jac=True, method="SLSQP", **_simplex(mixture.size))
    point = _onto_simplex(found.x)
    before, after = (float(model.score(each, weight)[0]) for each in (mixture, point))
    return (point, after) if after < before else (mixture, before)


def least_at_throughput(model: AsymmetricModel, throughput: float, mixture: Floats) -> tuple[Floats, float]:
    """From one start, shape (K,), the mixture of least W with at least that τ, and its W (infinite if not found)."""

    def waiting(point: Floats) -> tuple[float, Floats]:
        value, slope = model.score(point, np.array(0.0))
        return (float(value) if np.isfinite(value) else 1e12), slope

    def surplus(point: Floats) -> float:
        return float(model.performance(point)[1]) - throughput

    def surplus_slope(point: Floats) -> Floats:
        return model.score(point, np.array(0.0))[1] - model.score(point, np.array(1.0))[1]

    options = _simplex(mixture.size)
    options["constraints"] = [options["constraints"], {"type": "ineq", "fun": surplus, "jac": surplus_slope}]
    found = minimize(waiting, mixture, jac=True, method="SLSQP", **options)
    point = _onto_simplex(found.x)
    enough = surplus(point) >= -1e-9 * abs(throughput)
    return point, float(model.performance(point)[0]) if enough else np.inf


def _simplex(size: int) -> dict[str, object]:
    """SLSQP's arguments that keep a mixture a mixture."""
    total = {"type": "eq", "fun": lambda point: point.sum() - 1, "jac": lambda point: np.ones(size)}
    return {"bounds": [(0.0, 1.0)] * size, "constraints": total, "options": {"ftol": 1e-13, "maxiter": 200}}


def _onto_simplex(point: Floats) -> Floats:
    clipped = np.clip(point, 0.0, 1.0)
    return np.asarray(clipped / clipped.sum())
