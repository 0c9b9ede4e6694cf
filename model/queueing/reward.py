"""Baseline rewards T(t): what an uninterrupted period of length t is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

Floats = NDArray[np.float64]


class Reward(Protocol):
    """A convex reward with T(0) = 0."""

    def __call__(self, period: Floats) -> Floats:
        """T(t) for each period t ≥ 0 (units of time), same shape."""
        ...

    def rate(self, interruption_rate: Floats) -> Floats:
        """Λ·E[T(I)] for I ~ Exp(Λ): reward per unit of idle time when interruptions come at rate Λ > 0."""
        ...

    def rate_slope(self, interruption_rate: Floats) -> Floats:
        """Derivative of `rate` with respect to Λ, same shape; never positive."""
        ...


@dataclass(frozen=True)
class PowerReward:
    """T(t) = t^k with k ≥ 1 (MODEL §1): Λ·E[T(I)] = Γ(1+k)·Λ^(1−k)."""

    exponent: float

    def __call__(self, period: Floats) -> Floats:
        return np.asarray(period**self.exponent)

    def rate(self, interruption_rate: Floats) -> Floats:
        return np.asarray(gamma(1.0 + self.exponent) * np.asarray(interruption_rate) ** (1.0 - self.exponent))

    def rate_slope(self, interruption_rate: Floats) -> Floats:
        factor = gamma(1.0 + self.exponent) * (1.0 - self.exponent)
        return np.asarray(factor * np.asarray(interruption_rate) ** -self.exponent)


@dataclass(frozen=True)
class WarmupReward:
    """T(t) = t − θ(1 − e^(−t/θ)): the baseline task warms up over the time θ after each interruption.

    Its slope 1 − e^(−t/θ) rises strictly and stays below 1, and Λ·E[T(I)] = 1/(1 + Λθ) (MODEL §1).

    Attributes:
        time: θ > 0 (units of time).
    """

    time: float

    def __call__(self, period: Floats) -> Floats:
        return np.asarray(period + self.time * np.expm1(-np.asarray(period) / self.time))

    def rate(self, interruption_rate: Floats) -> Floats:
        return np.asarray(1.0 / (1.0 + np.asarray(interruption_rate) * self.time))

    def rate_slope(self, interruption_rate: Floats) -> Floats:
        return np.asarray(-self.time / (1.0 + np.asarray(interruption_rate) * self.time) ** 2)


@dataclass(frozen=True)
class PiecewiseLinearReward:
    """T(t) = s₀·t + Σᵢ (sᵢ − sᵢ₋₁)·max(t − tᵢ, 0), slopes rising; the last one continues for ever.

    Since E[max(I − t, 0)] = e^(−Λt)/Λ, Λ·E[T(I)] = s₀ + Σᵢ (sᵢ − sᵢ₋₁)·e^(−Λtᵢ).
    A set-up time c after each interruption is the case s = (0, 1), t₁ = c.

    Attributes:
        slopes: s₀ ≤ s₁ ≤ …, one more than `knots`.
        knots: 0 < t₁ < t₂ < …, where the slope changes.
    """

    slopes: tuple[float, ...]
    knots: tuple[float, ...]

    @classmethod
    def setup(cls, setup_time: float) -> PiecewiseLinearReward:
        """T(t) = max(t − c, 0): the first c units of time of every period are lost."""
        return cls((0.0, 1.0), (setup_time,)) if setup_time > 0 else cls((1.0,), ())

    @classmethod
    def through(cls, points: tuple[tuple[float, float], ...]) -> PiecewiseLinearReward:
        """Through (t, T(t)) with t rising from (0, 0); the last slope is continued."""
        times, values = np.array(points).T
        slopes = np.diff(values) / np.diff(times)
        return cls(tuple(slopes.tolist()), tuple(times[1:-1].tolist()))

    def __call__(self, period: Floats) -> Floats:
        period = np.asarray(period, dtype=float)
        steps = np.diff(self.slopes)
        total = self.slopes[0] * period
        for knot, step in zip(self.knots, steps, strict=True):
            total = total + step * np.maximum(period - knot, 0.0)
        return np.asarray(total)

    def rate(self, interruption_rate: Floats) -> Floats:
        rates = np.asarray(interruption_rate, dtype=float)
        total = np.full(rates.shape, self.slopes[0])
        for knot, step in zip(self.knots, np.diff(self.slopes), strict=True):
            total = total + step * np.exp(-rates * knot)
        return total

    def rate_slope(self, interruption_rate: Floats) -> Floats:
        rates = np.asarray(interruption_rate, dtype=float)
        total = np.zeros(rates.shape)
        for knot, step in zip(self.knots, np.diff(self.slopes), strict=True):
            total = total - step * knot * np.exp(-rates * knot)
        return total
