"""The queueing model: load, waiting-time weights, mean waiting time and throughput ("MODEL §1" is docs/model.md)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .pair_order import WithinPairOrder, partner_waiting_time
from .reward import Reward
from .service import Service, moments

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Workload:
    """Poisson pairs of requests with joint types, two FCFS servers and a baseline reward.

    Attributes:
        pair_rate: λ, request pairs per unit of time.
        joint: π(x, y), shape (n_A, n_B), sums to 1.
        services_a, services_b: Service time of each type at router A and B.
        names_a, names_b: Names of the types.
        reward: T(t), what an uninterrupted baseline period is worth.
        product: Whether π is the product of its marginals.
        within_pair_order: Order in which the requests of a pair sent together join their queue.
    """

    pair_rate: float
    joint: Floats
    services_a: tuple[Service, ...]
    services_b: tuple[Service, ...]
    names_a: tuple[str, ...]
    names_b: tuple[str, ...]
    reward: Reward
    product: bool
    within_pair_order: WithinPairOrder = "random"

    @property
    def rank_two(self) -> bool:
        """Whether G has the two factors of MODEL §2, fact 1: types independent, and no order by size within a pair."""
        return self.product and self.within_pair_order == "random"

    @property
    def shape(self) -> tuple[int, int]:
        """(n_A, n_B): numbers of types at the two routers."""
        return len(self.services_a), len(self.services_b)

    @property
    def sizes_a(self) -> Service | None:
        """The whole law of router A's sizes if its types are the bins of one, else None.

        The router knows the size itself, so that strategies of bins are only some of its strategies.
        """
        return self.services_a[0].whole if self.services_a[0].size_known else None

    @property
    def sizes_b(self) -> Service | None:
        """The whole law of router B's sizes, likewise."""
        return self.services_b[0].whole if self.services_b[0].size_known else None

    @property
    def knows_sizes(self) -> bool:
        """Whether a router knows the size of its request, of which its types are only bins."""
        return self.sizes_a is not None or self.sizes_b is not None

    @cached_property
    def mean_a(self) -> Floats:
        """m_x, shape (n_A,)."""
        return moments(self.services_a, 1)

    @cached_property
    def mean_b(self) -> Floats:
        """n_y, shape (n_B,)."""
        return moments(self.services_b, 1)

    @cached_property
    def marginal_a(self) -> Floats:
        """π_A(x), shape (n_A,)."""
        return np.asarray(self.joint.sum(axis=1))

    @cached_property
    def marginal_b(self) -> Floats:
        """π_B(y), shape (n_B,)."""
        return np.asarray(self.joint.sum(axis=0))

    @cached_property
    def mean_service_time(self) -> float:
        """(E[m]+E[n])/2, of a request at either router (units of time)."""
        return float((self.marginal_a @ self.mean_a + self.marginal_b @ self.mean_b) / 2)

    @cached_property
    def load(self) -> float:
        """ρ = λ(E[m]+E[n])/2, the share of time each server is busy."""
        return self.pair_rate * self.mean_service_time

    @cached_property
    def all_split_waiting_time(self) -> float:
        """W0 = λ(E[m2]+E[n2]) / (4(1−ρ)): the mean waiting time when every pair is split.

        Memoryless, label-symmetric routers wait no less; routers that remember may (MODEL §1).
        """
        second = self.marginal_a @ moments(self.services_a, 2) + self.marginal_b @ moments(self.services_b, 2)
        return float(self.pair_rate * second / (4 * (1 - self.load)))

    @cached_property
    def partner_waiting_time(self) -> Floats:
        """d(x,y): what the two requests of a pair wait for each other if together, in sum, shape (n_A, n_B)."""
        return partner_waiting_time(self.services_a, self.services_b, self.within_pair_order)

    @property
    def crossing(self) -> float:
        """λ/(2(1−ρ)): what the product of two mean service times in one batch adds to the mean waiting time."""
        return self.pair_rate / (2 * (1 - self.load))

    @cached_property
    def weights(self) -> Floats:
        """w(x,y) = λ m_x n_y / (2(1−ρ)) + d(x,y)/2, shape (n_A, n_B): waiting time a pair costs if together.

        d is the `partner_waiting_time`.
        """
        crossing = self.pair_rate * np.outer(self.mean_a, self.mean_b) / (2 * (1 - self.load))
        return np.asarray(crossing + self.partner_waiting_time / 2)

    @cached_property
    def together_waiting_time(self) -> float:
        """W0 + E[w]: the mean waiting time when every pair stays together."""
        return self.all_split_waiting_time + float((self.joint * self.weights).sum())

    @property
    def uncorrelated_waiting_time(self) -> float:
        """(W0 + W_together)/2: the mean waiting time if the two decisions are uncorrelated, so that p = ½."""
        return (self.all_split_waiting_time + self.together_waiting_time) / 2

    def splitting_probability(self, split: ArrayLike) -> float:
        """p = Σ π(x,y) s(x,y) of a strategy s = P(a≠b|x,y), shape (n_A, n_B)."""
        return float((self.joint * np.asarray(split)).sum())

    def waiting_time(self, split: ArrayLike) -> float:
        """W = W0 + Σ π (1−s) w, the mean waiting time of a request under strategy s, shape (n_A, n_B)."""
        kept = 1.0 - np.asarray(split)
        return self.all_split_waiting_time + float((self.joint * kept * self.weights).sum())

    def baseline_throughput(self, splitting_probability: ArrayLike) -> Floats:
        """τ(p) = 2(1−ρ)·Λ·E[T(I)], I ~ Exp(Λ), Λ = λ(1+p)/2: both servers together, same shape as p."""
        batch_rate = self.pair_rate * (1.0 + np.asarray(splitting_probability, dtype=float)) / 2
        return np.asarray(2 * (1 - self.load) * self.reward.rate(batch_rate))
