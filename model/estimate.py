"""A number that is not known exactly: its estimate, and the limits between which it lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

Toward = Literal["nearest", "down", "up"]
_DIRECTIONS = {"nearest": ROUND_HALF_EVEN, "down": ROUND_FLOOR, "up": ROUND_CEILING}
_LARGEST = 1e15  # beyond, a float has no decimals


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

    def __post_init__(self) -> None:
        for name in ("estimate", "low", "high"):  # Python's own floats, whatever computed them
            object.__setattr__(self, name, float(getattr(self, name)))

    @classmethod
    def enclosing(cls, estimate: float, lows: ArrayLike, highs: ArrayLike) -> Estimate:
        """The estimate with the least of `lows` and the largest of `highs`, or itself where it lies beyond them."""
        return cls(estimate, min(float(np.min(lows)), estimate), max(float(np.max(highs)), estimate))


def rounded(value: float, decimals: int, toward: Toward = "nearest", *, percent: bool = False) -> str:
    """A number as text: estimates are rounded to nearest, lower limits down and upper limits up.

    What is rounded is the decimal number that Python and JSON show, so that a limit of 0.29 is 29 % and no less.

    Args:
        value: What to show; with `percent` a share of 1, shown as a number of hundredths.
        decimals: How many.
        toward: The direction.
        percent: Whether to multiply by 100. Defaults to False.
    """
    if not math.isfinite(value) or abs(value) >= _LARGEST:
        return f"{100 * value if percent else value:.6g}"
    number = Decimal(repr(float(value))).scaleb(2 if percent else 0)
    return f"{number.quantize(Decimal(1).scaleb(-decimals), _DIRECTIONS[toward]) + 0:f}"  # + 0 takes the sign off -0.0


def significant(value: float, digits: int, toward: Toward = "nearest") -> str:
    """A number to so many significant digits, rounded in the direction."""
    if value and math.isfinite(value):
        number = Decimal(repr(float(value)))
        value = float(number.quantize(Decimal(1).scaleb(number.adjusted() - digits + 1), _DIRECTIONS[toward]))
    return f"{value:.{digits}g}"


def above(value: float, floor: float, decimals: int, *, percent: bool = False) -> str:
    """A lower limit above `floor`, rounded down with as many decimals as keep it above; at most nine more."""
    scale = 100 if percent else 1
    for more in range(10):
        text = rounded(value, decimals + more, "down", percent=percent)
        if float(text) > scale * floor:
            break
    return text
