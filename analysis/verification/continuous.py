"""Bounds once more for routers that know exact sizes of independent requests, not only their bins (MODEL §2).

Both routers cut at a threshold, since for any strategy of the one the best sign of the other is that of an affine
function of the size.

- Classical: for a threshold t at router B the other's best score is h(t) = E|c₀ + c₁s|, c = core·∫sign(t − s)(1, s)dF.
  Between two thresholds h exceeds the mean of its ends by at most what the requests between them can add. Intervals
  that may hold more than the best threshold found are halved until none does.
- Quantum: vectors found by ascent on the nodes of a quadrature give λ(s) = |A + sB| and κ(t) likewise. Any such pair
  proves β_Q ≤ max(1, θ)·½(∫λ + ∫κ), with θ² the largest eigenvalue of ∫(1,s)ᵀ(1,s)/λ · core · ∫(1,t)ᵀ(1,t)/κ · coreᵀ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .model import Model
from .order import Known

Floats = NDArray[np.float64]

_FIRST = 256  # thresholds at first, evenly spread over the nodes of a quadrature
_MOST = 2**18  # thresholds at most
_ROUNDS = 5000  # of the ascent at most
_LOOK = 50  # of them between two looks at its dual
_CLOSED = 1e-10


@dataclass(frozen=True, eq=False)
class SizesGame:
    """The game at one multiplier, with a router that knows sizes as B.

    Attributes:
        core: −½[[−μ, ¼], [¼, λ/(2(1−ρ))]].
        other: What router A knows; its types' probabilities where it knows types.
        shares: Probabilities of A's types, shape (n_A,).
        sizes: What router B knows, a law of sizes.
    """

    core: Floats
    other: Known
    shares: Floats
    sizes: Known

    @classmethod
    def of(cls, model: Model, multiplier: float) -> SizesGame:
        """The game of a model of independent requests in which a router knows sizes."""
        core = -np.array([[-multiplier, 0.25], [0.25, float(model.crossing)]]) / 2
        if model.known_b.law is not None:
            return cls(core, model.known_a, np.array(model.margins[0]), model.known_b)
        return cls(core, model.known_b, np.array(model.margins[1]), model.known_a)  # the core is symmetric

    def support(self, normals: Floats) -> Floats:
        """h(c) = E|c₀ + c₁s| over A's requests, c of shape (2, k) → (k,)."""
        constant, slope = normals
        if self.other.law is None:
            means = np.array([float(mean) for mean in self.other.means])
            return np.asarray(self.shares @ np.abs(constant + np.outer(means, slope)))
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.nan_to_num(-constant / slope, nan=-1.0, posinf=-1.0, neginf=-1.0)
        bent = np.abs(slope) * self.other.law.deviation(np.maximum(root, 0.0))
        return np.asarray(np.where(root > 0, bent, np.abs(constant + slope * self.other.law.mean)))

    def classical(self, precision: float) -> tuple[float, float]:
        """β_C: the best pair of thresholds found, and what no other exceeds.

        Args:
            precision: How far apart the two may be.
        """
        law = self.sizes.law
        assert law is not None  # B is the router that knows sizes
        nodes = law.nodes[0]
        logs = np.log(nodes[1 :: max(len(nodes) // _FIRST, 1)])
        beyond, work = np.hstack([[[1.0], [law.mean]], law.above(logs), [[0.0], [0.0]]])
        logs = np.concatenate([[-np.inf], logs, [np.inf]])
        value = self._at(beyond, work, law.mean)
        each = self.support(self.core)  # h of the two columns of the core
        while True:
            passed = np.abs(np.diff(beyond)), np.abs(np.diff(work))
            # Each request that changes sides changes c by 2·core·(1, s), and h by at most h of that; of its two ends
            # the interval may take the nearer.
            ceiling = (value[:-1] + value[1:]) / 2 + each[0] * passed[0] + each[1] * passed[1]
            best = float(value.max())
            open_ = np.flatnonzero(ceiling > best + precision)
            if not open_.size or len(value) > _MOST:
                return best, max(best, float(ceiling.max()))
            middle = self._between(logs[open_], logs[open_ + 1])
            more = law.above(middle)
            logs = np.insert(logs, open_ + 1, middle)
            beyond, work = np.insert(beyond, open_ + 1, more[0]), np.insert(work, open_ + 1, more[1])
            value = np.insert(value, open_ + 1, self._at(more[0], more[1], law.mean))

    def _at(self, beyond: Floats, work: Floats, mean: float) -> Floats:
        """h at thresholds beyond which lie those shares of requests and of work."""
        return self.support(self.core @ np.array([2 * beyond - 1, 2 * work - mean]))

    @staticmethod
    def _between(low: Floats, high: Floats) -> Floats:
        """A point inside each interval of ln s, also of those without an end."""
        low = np.where(np.isinf(low), high - 2.0, low)
        return np.asarray(np.where(np.isinf(high), low + 1.0, (low + high) / 2))

    def quantum(self) -> tuple[float, float]:
        """β_Q: what vectors found reach, and what their dual proves."""
        (sizes_a, shares_a), (sizes_b, shares_b) = self._quadrature(self.other), self._quadrature(self.sizes)
        rows_a, rows_b = (np.column_stack([np.ones_like(sizes), sizes]) for sizes in (sizes_a, sizes_b))
        vectors = np.random.default_rng(0).normal(size=(len(sizes_b), 2))
        state = rows_b.T @ (shares_b[:, None] * _unit(vectors))
        low, high = -np.inf, np.inf
        for round_ in range(_ROUNDS):
            pull_a = rows_a @ (self.core @ state)
            inner = rows_a.T @ (shares_a[:, None] * _unit(pull_a))
            pull_b = rows_b @ (self.core.T @ inner)
            if round_ % _LOOK == _LOOK - 1:
                lam, kap = (np.linalg.norm(pull, axis=1) for pull in (pull_a, pull_b))
                low = max(low, float(shares_b @ kap))
                high = min(high, self._dual((rows_a, shares_a, lam), (rows_b, shares_b, kap)))
                if high - low <= _CLOSED * abs(high):
                    break
            state = rows_b.T @ (shares_b[:, None] * _unit(pull_b))
        return low, high

    def _dual(self, first: tuple[Floats, Floats, Floats], second: tuple[Floats, Floats, Floats]) -> float:
        total, inner = 0.0, []
        for rows, shares, lengths in (first, second):
            raised = np.maximum(lengths, 1e-12 * float(shares @ lengths))
            total += float(shares @ raised)
            inner.append(rows.T @ (rows * (shares / raised)[:, None]))
        squared = np.linalg.eigvals(inner[0] @ self.core @ inner[1] @ self.core.T)
        return max(1.0, float(np.sqrt(np.abs(squared).max()))) * total / 2

    def _quadrature(self, known: Known) -> tuple[Floats, Floats]:
        if known.law is not None:
            return known.law.nodes
        return np.array([float(mean) for mean in known.means]), self.shares


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0))
