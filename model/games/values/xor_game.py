"""Weighted XOR games: a matrix G, in which correlators c(x,y) score Σ G c, and intervals that hold a value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .rank_two import RankTwo

Floats = NDArray[np.float64]

ROUNDING = 16 * np.finfo(float).eps  # slack per summed term, for bounds that must survive rounding
CLOSED_GAP = 1e-9  # relative gap at which a value counts as closed


@dataclass(frozen=True)
class Bound:
    """A number known to lie in [low, high], and how that is known.

    Attributes:
        low, high: The ends of the interval.
        method: How it was proved, in words.
    """

    low: float
    high: float
    method: str

    def __post_init__(self) -> None:
        for name in ("low", "high"):  # Python's own floats, whatever computed them
            object.__setattr__(self, name, float(getattr(self, name)))
        if not self.low <= self.high:
            raise ValueError(f"empty interval: low {self.low!r} > high {self.high!r}")


class XorGame:
    """A weighted XOR game: G, shape (n_A, n_B), as a table or by its factors, which may be too large for a table.

    Args:
        matrix: G; None if it is given by its factors.
        rank_two: Its factors if the types are independent (MODEL §2, fact 1), else None.
        magnitude: Sum of the absolute values that G was computed from; above Σ|G| where they cancel.
    """

    def __init__(self, matrix: Floats | None, rank_two: RankTwo | None = None, magnitude: float = 0.0) -> None:
        if matrix is None and rank_two is None:
            raise ValueError("a game needs its matrix or its factors")
        self._matrix = matrix
        self.rank_two = rank_two
        self._magnitude = magnitude

    @classmethod
    def of_factors(cls, left: Floats, core: Floats, right: Floats, magnitude: float = 0.0) -> XorGame:
        """G = left · core · rightᵀ, with left = D_A [1 m], shape (n_A, 2), core (2, 2) and right = D_B [1 n] (n_B, 2).

        Raises:
            ValueError: a first column that is not positive, or shapes that do not fit.
        """
        return cls(None, RankTwo(left, core, right), magnitude)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_A, n_B)."""
        if self._matrix is None:
            assert self.rank_two is not None  # one of the two is given
            return self.rank_two.shape
        return self._matrix.shape[0], self._matrix.shape[1]

    @property
    def matrix(self) -> Floats:
        """G as a table; for a game given by its factors it is made when asked for."""
        if self._matrix is None:
            assert self.rank_two is not None  # one of the two is given
            self._matrix = self.rank_two.left @ self.rank_two.core @ self.rank_two.right.T
        return self._matrix

    def times(self, v: Floats) -> Floats:
        """G v, for v of shape (n_B,) or (n_B, k)."""
        return np.asarray(self.matrix @ v if self.rank_two is None else self.rank_two.times(v))

    def transposed_times(self, u: Floats) -> Floats:
        """Gᵀ u, for u of shape (n_A,) or (n_A, k)."""
        return np.asarray(self.matrix.T @ u if self.rank_two is None else self.rank_two.transposed.times(u))

    @cached_property
    def row_sums(self) -> Floats:
        """Σ_y |G(x,y)|, shape (n_A,)."""
        return np.abs(self.matrix).sum(axis=1) if self.rank_two is None else self.rank_two.row_sums

    @cached_property
    def column_sums(self) -> Floats:
        """Σ_x |G(x,y)|, shape (n_B,)."""
        return np.abs(self.matrix).sum(axis=0) if self.rank_two is None else self.rank_two.transposed.row_sums

    @cached_property
    def slack(self) -> float:
        """A bound on the rounding error of any signed sum of G, and of the terms that G was computed from.

        A sum over rows of sums over columns errs by at most (n_A + n_B) roundings of the terms it adds.
        """
        magnitude = max(self._magnitude, float(self.row_sums.sum()))
        if self.rank_two is not None:
            magnitude = max(magnitude, self.rank_two.magnitude)
        return float(ROUNDING * sum(self.shape) * magnitude)

    @property
    def is_zero(self) -> bool:
        """Whether G is nothing but rounding error."""
        return float(self.row_sums.sum()) <= self.slack
