"""Games of rank two, G = L C Rᵀ: what independent types make of the routing game, in O(n log n) (MODEL §2, fact 1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

_BLOCK = 64  # rows that are made a triangle at a time


@dataclass(frozen=True, eq=False)
class RankTwo:
    """The factors of G = left · core · rightᵀ, with left = D_A [1 m] and right = D_B [1 n].

    Attributes:
        left: shape (n_A, 2), first column > 0.
        core: shape (2, 2).
        right: shape (n_B, 2), first column > 0.
    """

    left: Floats
    core: Floats
    right: Floats

    def __post_init__(self) -> None:
        shapes = self.left.shape[1:], self.core.shape, self.right.shape[1:]
        if shapes != ((2,), (2, 2), (2,)) or not (np.all(self.left[:, 0] > 0) and np.all(self.right[:, 0] > 0)):
            raise ValueError("factors must have shapes (n_A, 2), (2, 2), (n_B, 2), their first columns positive")

    @property
    def shape(self) -> tuple[int, int]:
        """(n_A, n_B)."""
        return len(self.left), len(self.right)

    @property
    def magnitude(self) -> float:
        """Sum of the absolute values of all the products that G is made of."""
        return float(self.row_magnitudes.sum())

    @cached_property
    def row_magnitudes(self) -> Floats:
        """The same of each row of G, shape (n_A,)."""
        return np.asarray(np.abs(self.left) @ (np.abs(self.core) @ np.abs(self.right).sum(axis=0)))

    @cached_property
    def transposed(self) -> RankTwo:
        """The factors of Gᵀ."""
        return RankTwo(self.right, self.core.T, self.left)

    def times(self, v: Floats) -> Floats:
        """G v, for v of shape (n_B,) or (n_B, k), in O(n k)."""
        return np.asarray(self.left @ (self.core @ (self.right.T @ v)))

    @cached_property
    def row_sums(self) -> Floats:
        """Σ_y |G(x,y)|, shape (n_A,)."""
        return self._sums_over_b(self.left @ self.core)

    def best_threshold(self) -> Floats:
        """Signs a, shape (n_A,), of a best cut on A's mean service time; each cut is worth Σ_y |Σ_x G a_x|."""
        order = np.argsort(self.left[:, 1] / self.left[:, 0], kind="stable")
        prefix = np.vstack([np.zeros(2), np.cumsum(self.left[order], axis=0)])
        values = self._sums_over_b((prefix[-1] - 2 * prefix) @ self.core)  # cut k: the first k types get −1
        a = np.empty(len(self.left))
        a[order] = np.where(np.arange(len(self.left)) < int(values.argmax()), -1.0, 1.0)
        return a

    def scaled_norm(self, rows: Booleans, columns: Booleans, lam: Floats, kap: Floats) -> tuple[float, float]:
        """θ = ‖Λ^−½ G K^−½‖ over the rows and columns chosen, and the terms it is made of times the roundings of each.

        The norm of a 2×2 matrix, made from triangles: eigenvalues of products of squares would lose twice the digits
        where terms cancel (rare types, means that almost agree).
        """
        left = self.left[rows] / np.sqrt(lam)[:, None]
        right = self.right[columns] / np.sqrt(kap)[:, None]
        (triangle_a, roundings_a), (triangle_b, roundings_b) = _triangle(left), _triangle(right)
        terms = np.linalg.norm(left, axis=0) @ np.abs(self.core) @ np.linalg.norm(right, axis=0)
        norm = float(np.linalg.norm(triangle_a @ self.core @ triangle_b.T, 2))
        return norm, float(terms) * (roundings_a + roundings_b)

    @cached_property
    def _sorted_b(self) -> tuple[Floats, Floats]:
        """B's mean service times ascending, shape (n_B,), and the sums of `right` below each, shape (n_B + 1, 2)."""
        ratio = self.right[:, 1] / self.right[:, 0]
        order = np.argsort(ratio, kind="stable")
        return ratio[order], np.vstack([np.zeros(2), np.cumsum(self.right[order], axis=0)])

    def _sums_over_b(self, normals: Floats) -> Floats:
        """Σ_y |⟨normal, right_y⟩| of each normal, shape (k, 2) → (k,): the sign changes once along B's sorted types."""
        ratio, sums = self._sorted_b
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.nan_to_num(-normals[:, 0] / normals[:, 1], nan=0.0)
        crossing = np.searchsorted(ratio, root)
        return np.asarray(np.abs(np.sum((sums[-1] - 2 * sums[crossing]) * normals, axis=1)))


def _triangle(matrix: Floats) -> tuple[Floats, int]:
    """R of matrix = Q R, shape (n, 2) → (2, 2), and how often a column is rounded: O(log n) times, block by block."""
    roundings = 2
    while len(matrix) > _BLOCK:
        blocks = np.vstack([matrix, np.zeros((-len(matrix) % _BLOCK, 2))]).reshape(-1, _BLOCK, 2)
        matrix = np.asarray(np.linalg.qr(blocks, mode="r")).reshape(-1, 2)
        roundings += _BLOCK
    return np.asarray(np.linalg.qr(matrix, mode="r")), roundings + len(matrix)
