"""Measurement strategies: unit vectors at both routers, or a mixture of two such sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measurements:
    """One quantum strategy: u_x for router A, shape (n_A, k), and v_y for router B, shape (n_B, k), unit rows."""

    u: Floats
    v: Floats

    @property
    def correlators(self) -> Floats:
        """c(x,y) = ⟨u_x, v_y⟩, shape (n_A, n_B)."""
        return np.clip(self.u @ self.v.T, -1.0, 1.0)

    def angles(self) -> tuple[Floats, Floats]:
        """α, shape (n_A,), and β, shape (n_B,), in radians, with c = cos(α_x − β_y); α of the first type is 0.

        Raises:
            ValueError: the vectors do not lie in a plane, so that one planar Bell measurement cannot reach them.
        """
        plane = np.linalg.svd(np.vstack([self.u, self.v]), full_matrices=False)[2][:2]
        if len(plane) < 2:
            plane = np.vstack([plane, np.zeros_like(plane)])
        u, v = self.u @ plane.T, self.v @ plane.T
        if min(np.linalg.norm(u, axis=1).min(), np.linalg.norm(v, axis=1).min()) < 1 - 1e-9:
            raise ValueError("the measurement vectors span more than a plane")
        alpha, beta = np.arctan2(u[:, 1], u[:, 0]), np.arctan2(v[:, 1], v[:, 0])
        return _wrap(alpha - alpha[0]), _wrap(beta - alpha[0])


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

    def split(self, visibility: float = 1.0) -> Floats:
        """s(x,y) = (1 − visibility·c(x,y))/2 on a Werner state of that visibility, shape (n_A, n_B)."""
        return np.asarray((1.0 - visibility * self.correlators) / 2)


def _wrap(angle: Floats) -> Floats:
    """Into (−π, π], tiny values to zero."""
    wrapped = np.pi - (np.pi - angle) % (2 * np.pi)
    return np.where(np.abs(wrapped) < 1e-12, 0.0, wrapped)
