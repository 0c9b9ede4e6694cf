"""Measurement strategies: unit vectors at both routers, or mixtures of two such sets, and the angles of their bases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..scenario.file import MAX_BELL_PAIRS

Floats = NDArray[np.float64]

MAX_DIMENSION = 2 * MAX_BELL_PAIRS + 1  # of the vectors they reach
_LOST = 1e-9  # of the length of a vector, that a smaller dimension may leave out


@dataclass(frozen=True, eq=False)
class Measurements:
    """One quantum strategy: u_x for router A, shape (n_A, k), and v_y for router B, shape (n_B, k), unit rows."""

    u: Floats
    v: Floats

    @property
    def correlators(self) -> Floats:
        """c(x,y) = ⟨u_x, v_y⟩, shape (n_A, n_B)."""
        return np.clip(self.u @ self.v.T, -1.0, 1.0)

    @property
    def dimension(self) -> int:
        """k, the length of the vectors; `reduced` leaves no more than they span."""
        return int(self.u.shape[1])

    def reduced(self) -> Measurements:
        """The same vectors in coordinates of what they span, the longest axis first.

        Noise costs the later axes more where they need several Bell pairs (MODEL §3).
        """
        axes = np.linalg.svd(np.vstack([self.u, self.v]), full_matrices=False)[2]
        u, v = self.u @ axes.T, self.v @ axes.T
        lengths = np.sqrt(np.minimum.reduce([*np.cumsum(u**2, axis=1), *np.cumsum(v**2, axis=1)]))
        kept = 1 + int(np.argmax(lengths >= 1 - _LOST))
        u, v = u[:, :kept], v[:, :kept]
        return Measurements(u / np.linalg.norm(u, axis=1, keepdims=True), v / np.linalg.norm(v, axis=1, keepdims=True))

    def angles(self) -> tuple[Floats, Floats]:
        """α, shape (n_A,), and β, shape (n_B,), in radians, with c = cos(α_x − β_y); α of the first type is 0.

        Raises:
            ValueError: the vectors do not lie in a plane, so that one planar Bell measurement cannot reach them.
        """
        plane = np.linalg.svd(np.vstack([self.u, self.v]), full_matrices=False)[2][:2]
        if len(plane) < 2:
            plane = np.vstack([plane, np.zeros_like(plane)])
        u, v = self.u @ plane.T, self.v @ plane.T
        if min(np.linalg.norm(u, axis=1).min(), np.linalg.norm(v, axis=1).min()) < 1 - _LOST:
            raise ValueError("the measurement vectors span more than a plane")
        alpha, beta = np.arctan2(u[:, 1], u[:, 0]), np.arctan2(v[:, 1], v[:, 0])
        return _wrap(alpha - alpha[0]), _wrap(beta - alpha[0])

    def bases(self, dimension: int | None = None) -> tuple[Floats, Floats]:
        """The angles of every basis, shapes (n_A, k−1) and (n_B, k−1): hyperspherical coordinates of the vectors.

        In a plane they are `angles`. Vectors that span less than the dimension asked for get angles 0 for the rest.

        Args:
            dimension: k, at least 2 and what the vectors span, which is the default.

        Raises:
            ValueError: the vectors span more.
        """
        own = self.reduced()
        spanned = max(2, own.dimension)
        wanted = dimension or spanned
        if wanted < spanned:
            raise ValueError(f"the measurement vectors span {spanned} dimensions, not {wanted}")
        if spanned == 2:
            alpha, beta = (each[:, None] for each in self.angles())
        else:
            alpha, beta = hyperspherical_angles(own.u), hyperspherical_angles(own.v)
        rest = ((0, 0), (0, wanted - spanned))
        return np.pad(alpha, rest), np.pad(beta, rest)


@dataclass(frozen=True, eq=False)
class Strategy:
    """A mixture of measurement strategies, chosen for each pair by shared randomness.

    Attributes:
        components: One, or the two ends of a flat piece of the frontier.
        mixture: Their probabilities, same length, sum 1.
    """

    components: tuple[Measurements, ...]
    mixture: tuple[float, ...]

    @property
    def correlators(self) -> Floats:
        """c(x,y) of the mixture, shape (n_A, n_B)."""
        parts = [weight * part.correlators for weight, part in zip(self.mixture, self.components, strict=True)]
        return np.asarray(np.sum(parts, axis=0))

    @property
    def dimension(self) -> int:
        """k, the most that the vectors of a component span, and at least a plane."""
        return max(2, *(part.reduced().dimension for part in self.components))

    @property
    def bell_pairs(self) -> int:
        """Bell pairs it needs for each pair of requests."""
        return bell_pairs_for(self.dimension)

    def split(self, visibility: float = 1.0) -> Floats:
        """s(x,y) = (1 − visibility·c(x,y))/2 on a Werner state of that visibility, shape (n_A, n_B)."""
        return np.asarray((1.0 - visibility * self.correlators) / 2)


def bell_pairs_for(dimension: int) -> int:
    """⌊k/2⌋, and at least one: the Bell pairs on which vectors of k dimensions can be measured (Tsirelson 1987)."""
    return max(1, dimension // 2)


def dimension_of(bell_pairs: int) -> int:
    """2m+1: the most dimensions Tsirelson's construction has on m Bell pairs; of one pair no measurement has more."""
    return 2 * bell_pairs + 1


def hyperspherical_angles(vectors: Floats) -> Floats:
    """θ with r_1 = cos θ_1, r_2 = sin θ_1 cos θ_2, …, r_k = sin θ_1 ⋯ sin θ_{k−1}; shape (n, k) → (n, k−1).

    All lie in [0, π] but the last, which lies in (−π, π].
    """
    tails = np.sqrt(np.cumsum(vectors[:, ::-1] ** 2, axis=1))[:, ::-1]
    angles = np.arctan2(tails[:, 1:], vectors[:, :-1])
    angles[:, -1] = np.arctan2(vectors[:, -1], vectors[:, -2])
    return np.asarray(angles)


def vectors_of(angles: Floats) -> Floats:
    """The unit vectors of hyperspherical angles; shape (n, k−1) → (n, k)."""
    sines = np.cumprod(np.sin(angles), axis=1)
    cosines = np.cos(angles)
    return np.column_stack([cosines[:, 0], sines[:, :-1] * cosines[:, 1:], sines[:, -1]])


def _wrap(angle: Floats) -> Floats:
    """Into (−π, π], tiny values to zero."""
    wrapped = np.pi - (np.pi - angle) % (2 * np.pi)
    return np.where(np.abs(wrapped) < 1e-12, 0.0, wrapped)
