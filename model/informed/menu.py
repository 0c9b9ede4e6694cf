"""A menu: sets of measurement bases from which routers that know the past choose by the common state.

Every state has an XOR game of its own, and a device measures few sets of bases. They are chosen as the centres of
clusters: each game takes the set that serves it best, and each set is the best for the sum of its games, weighted by
how often their states occur.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..games.values.quantum_value import normalise
from ..games.values.quantum_values import best_vectors
from .entangled import EntangledProcess
from .policy import folded, occupancy

Floats = NDArray[np.float64]

_STATES = 2000  # clustered: those that gain most
_ROUNDS = 30  # of assigning states and choosing sets anew
_LEAST_GAIN = 1e-3  # of all that is to be saved: less is not worth a further set of bases to be measured
_STILL = 1e-8  # largest change of a vector's entry


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


def choose_menus(process: EntangledProcess, potential: Floats, kappa: float, most: int) -> list[Menu]:
    """The best menus found of one entry, two, and so on; fewer than `most` where a further one gains hardly anything.

    Args:
        process: The process of entangled routers, at the visibility expected.
        potential: Potential of its best policy, shape (size, size).
        kappa: κ.
        most: Largest number of entries.
    """
    least, base, matrices, weights = _games(process, potential, kappa)
    if not len(least):
        return []
    own = (matrices * _correlators(*_best(matrices, process))).sum(axis=(1, 2))
    ideal = least - base + process.visibility * own
    scale = np.maximum(np.abs(matrices).sum(axis=(1, 2), keepdims=True), 1e-300)
    menus: list[Menu] = []
    u, v = (np.zeros((0, count, process.dimension)) for count in matrices.shape[1:])
    reached = np.zeros(len(least))  # what the menu so far saves at each state
    while len(menus) < most:
        # A further set starts as the best for what is still to be saved.
        open_gain = weights * np.maximum(ideal - reached, 0.0)
        if not open_gain.sum() > _LEAST_GAIN * max(float((weights * np.maximum(ideal, 0.0)).sum()), 1e-300):
            break
        first = _best((open_gain[:, None, None] * matrices / scale).sum(axis=0)[None], process)
        u, v = np.concatenate([u, first[0]]), np.concatenate([v, first[1]])
        for _ in range(_ROUNDS):
            gains = _gains(least, base, matrices, u, v, process.visibility)
            chosen = gains.argmax(axis=1)
            used = weights * (gains.max(axis=1) > 0)
            sums = np.array([((used * (chosen == k))[:, None, None] * matrices).sum(axis=0) for k in range(len(u))])
            empty = np.abs(sums).sum(axis=(1, 2)) == 0
            before = u, v
            u, v = _best(sums, process)
            u[empty], v[empty] = before[0][empty], before[1][empty]
            if float(np.abs(_correlators(u, v) - _correlators(*before)).max()) < 1e-6:
                break
        reached = np.maximum(_gains(least, base, matrices, u, v, process.visibility).max(axis=1), 0.0)
        menus.append(Menu(v, u) if process.swapped else Menu(u, v))
    return menus


def _games(process: EntangledProcess, potential: Floats, kappa: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Of the states that gain most: cost of the best maps, of uncorrelated outcomes, G, and how often they occur."""
    occurs = folded(occupancy(process.workload, process.policy(potential, kappa)))
    costs = process.costs(potential, kappa)
    parts = []
    for block in process.blocks():
        base, matrices = process.games(costs, block)
        least = np.broadcast_to(costs.least(block), base.shape)
        measured = process.measured(costs, block, least)[0]
        weights = occurs[block.rows, block.columns]
        gain = (weights * np.maximum(least - measured, 0.0)).ravel()
        kept = np.flatnonzero(gain > 0)
        parts.append((least.ravel()[kept], base.ravel()[kept], matrices[kept], weights.ravel()[kept], gain[kept]))
    least, base, matrices, weights, gain = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.argsort(-gain, kind="stable")[:_STATES]
    return least[order], base[order], matrices[order], weights[order]


def _best(matrices: Floats, process: EntangledProcess) -> tuple[Floats, Floats]:
    """u and v of the best measurements of each game, shapes (k, n_A, d) and (k, n_B, d)."""
    v = best_vectors(matrices, process.dimension, np.full(len(matrices), _STILL))
    return normalise(matrices @ v), v


def _correlators(u: Floats, v: Floats) -> Floats:
    return np.asarray(u @ v.swapaxes(1, 2))


def _gains(least: Floats, base: Floats, matrices: Floats, u: Floats, v: Floats, visibility: float) -> Floats:
    """What each set of bases saves at each state of the best maps, shape (states, K)."""
    score = np.einsum("nab,kab->nk", matrices, _correlators(u, v))
    return np.asarray((least - base)[:, None] + visibility * score)
