"""Service-time distributions: moments, sampling, and exact cuts into equal-probability bins."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Kind = Literal["deterministic", "exponential", "gamma", "lognormal"]


@dataclass(frozen=True)
class Service:
    """The service time of one request type, or of one quantile bin of a size distribution.

    Attributes:
        kind: Family of the whole distribution.
        mean: Mean of the whole distribution (units of time).
        scv: Squared coefficient of variation of the whole distribution (0 if deterministic, 1 if exponential).
        lower, upper: The quantile range kept; (0, 1) keeps everything.
        size_known: Whether the exact service time of each request is known when it arrives, not its law alone.
    """

    kind: Kind
    mean: float
    scv: float = 0.0
    lower: float = 0.0
    upper: float = 1.0
    size_known: bool = False

    def moment(self, order: Literal[1, 2]) -> float:
        """E[S^order] given that S lies in the quantile range (units of time to that order)."""
        if self.kind == "deterministic":
            return self.mean**order
        if (self.lower, self.upper) == (0.0, 1.0):
            return self.mean if order == 1 else self.mean**2 * (1.0 + self.scv)
        below = self._partial_moment(order, self.upper) - self._partial_moment(order, self.lower)
        return below / (self.upper - self.lower)

    def sample(self, rng: np.random.Generator, size: int) -> Floats:
        """Draw `size` independent service times, shape (size,)."""
        if self.kind == "deterministic":
            return np.full(size, self.mean)
        if (self.lower, self.upper) != (0.0, 1.0):
            return self.quantile(rng.uniform(self.lower, self.upper, size))
        if self.kind == "lognormal":
            log_mean, log_sd = self._log_parameters()
            return rng.lognormal(log_mean, log_sd, size)
        shape = self.gamma_shape()
        return rng.gamma(shape, self.mean / shape, size)

    def quantile(self, probability: Floats) -> Floats:
        """Inverse distribution function of the whole distribution, same shape as `probability`."""
        if self.kind == "deterministic":
            return np.full(np.shape(probability), self.mean)
        if self.kind == "lognormal":
            log_mean, log_sd = self._log_parameters()
            return np.asarray(np.exp(log_mean + log_sd * special.ndtri(probability)))
        shape = self.gamma_shape()
        return np.asarray(special.gammaincinv(shape, probability) * self.mean / shape)

    def survival(self, time: Floats) -> Floats:
        """P(S > t) given that S lies in the quantile range, same shape as `time`, which is ≥ 0."""
        if self.kind == "deterministic":
            return np.asarray(self.mean > time, dtype=float)
        if self.kind == "lognormal":
            log_mean, log_sd = self._log_parameters()
            with np.errstate(divide="ignore"):
                standard = (np.log(time) - log_mean) / log_sd
            below, above = special.ndtr(standard), special.ndtr(-standard)
        else:
            shape = self.gamma_shape()
            below, above = (tail(shape, time * shape / self.mean) for tail in (special.gammainc, special.gammaincc))
        kept = above if self.upper == 1.0 else self.upper - below
        return np.asarray(np.clip(kept / (self.upper - self.lower), 0.0, 1.0))

    @property
    def whole(self) -> Service:
        """The whole distribution that a bin was cut from."""
        return Service(self.kind, self.mean, self.scv)

    def mean_deviation(self) -> float:
        """E|S − E[S]| given that S lies in the quantile range (units of time)."""
        if self.kind == "deterministic":
            return 0.0
        centre = self.moment(1)
        low, middle = self.quantile(np.array(self.lower)), np.array(centre)
        below, work = (float(np.diff(self.partial_moment(order, np.stack([low, middle])))[0]) for order in (0, 1))
        return max(2 * (centre * below - work), 0.0) / (self.upper - self.lower)

    def bins(self, count: int) -> tuple[Service, ...]:
        """Cut into `count` bins of equal probability by the known size; their moments are exact conditional moments."""
        edges = [i / count for i in range(count + 1)]
        return tuple(
            Service(self.kind, self.mean, self.scv, low, high, size_known=True)
            for low, high in itertools.pairwise(edges)
        )

    def gamma_shape(self) -> float:
        """Shape of the gamma law; kind must be exponential or gamma."""
        return 1.0 if self.kind == "exponential" else 1.0 / self.scv

    def _log_parameters(self) -> tuple[float, float]:
        variance = math.log1p(self.scv)
        return math.log(self.mean) - variance / 2, math.sqrt(variance)

    def partial_moment(self, order: int, point: Floats) -> Floats:
        """E[S^order; S ≤ point] of the whole distribution, same shape as `point`, by its size-biased law.

        Args:
            order: 0 (the distribution function), 1, 2, ….
            point: Sizes, infinity included.
        """
        if self.kind == "deterministic":
            return np.where(point >= self.mean, self.mean**order, 0.0)
        if self.kind == "lognormal":
            log_mean, log_sd = self._log_parameters()
            whole = math.exp(order * log_mean + (order * log_sd) ** 2 / 2)
            with np.errstate(divide="ignore"):
                return np.asarray(whole * special.ndtr((np.log(point) - log_mean) / log_sd - order * log_sd))
        shape = self.gamma_shape()
        whole = (self.mean / shape) ** order * math.prod(shape + i for i in range(order))
        return np.asarray(whole * special.gammainc(shape + order, point * shape / self.mean))

    def _partial_moment(self, order: int, probability: float) -> float:
        """E[S^order; S ≤ quantile(probability)]."""
        if probability in (0.0, 1.0):
            return probability * (self.mean if order == 1 else self.mean**2 * (1.0 + self.scv))
        return float(self.partial_moment(order, self.quantile(np.array(probability))))


def moments(services: tuple[Service, ...], order: Literal[1, 2]) -> Floats:
    """E[S^order] of each service time, shape (n,)."""
    return np.array([service.moment(order) for service in services])
