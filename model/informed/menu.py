"""A menu: sets of measurement bases from which routers that know the past choose by the common state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_ENTRIES = 8


@dataclass(frozen=True, eq=False)
class Menu:
    """K sets of measurement bases.

    Attributes:
        u: Router A's unit vectors, shape (K, n_A, d).
        v: Router B's, shape (K, n_B, d).
    """

    u: Floats
    v: Floats

    def __len__(self) -> int:
        return len(self.u)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_A, n_B), the numbers of types."""
        return self.u.shape[1], self.v.shape[1]

    @property
    def correlators(self) -> Floats:
        """c(k,x,y) of perfect Bell pairs, shape (K, n_A, n_B)."""
        return np.clip(self.u @ self.v.swapaxes(1, 2), -1.0, 1.0)

    def split(self, visibility: float = 1.0) -> Floats:
        """P(a≠b | k,x,y) of Werner pairs, shape (K, n_A, n_B)."""
        return np.asarray((1 - visibility * self.correlators) / 2)
