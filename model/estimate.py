"""A number that is not known exactly: its estimate, and the limits between which it lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Estimate:
    """An estimate with its confidence limits.

    Attributes:
        estimate: Point estimate.
        low, high: Limits, low ≤ estimate ≤ high.
    """

    estimate: float
    low: float
    high: float

    @classmethod
    def enclosing(cls, estimate: float, lows: ArrayLike, highs: ArrayLike) -> Estimate:
        """The estimate with the least of `lows` and the largest of `highs`, or itself where it lies beyond them."""
        return cls(estimate, min(float(np.min(lows)), estimate), max(float(np.max(highs)), estimate))
