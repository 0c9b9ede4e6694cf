"""What made-up devices answer, for the tests of certificates."""

from __future__ import annotations

from typing import Any

import numpy as np
from bellqueue.model.trials import Counts, Trials
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# All 16 deterministic strategies of two types a side, as products a_x b_y.
SIGNS = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
PRODUCTS = np.array([np.outer(a, b) for a in SIGNS for b in SIGNS])


def counts_of(together: Any, asked: Any) -> Counts:
    """Counts with a = b so many times of those asked for; A's outcome is always 0."""
    together, asked = np.asarray(together), np.asarray(asked)
    table = np.zeros((*asked.shape, 2, 2), dtype=np.int64)
    table[..., 0, 0], table[..., 0, 1] = together, asked - together
    return Counts(table)


def drawn_counts(rng: np.random.Generator, correlators: Floats, r: Floats, trials: int) -> Counts:
    """Fresh settings of independent trials."""
    asked = rng.multinomial(trials, r.ravel()).reshape(r.shape)
    return counts_of(rng.binomial(asked, (1 + correlators) / 2), asked)


def drawn_trials(correlators: Floats, r: Floats, trials: int, seed: int) -> Trials:
    """Fresh settings and unbiased outcomes of independent trials."""
    rng = np.random.default_rng(seed)
    x, y = np.divmod(rng.choice(r.size, trials, p=r.ravel()), r.shape[1])
    a = rng.integers(0, 2, trials)
    return Trials(x, y, a, a ^ (rng.random(trials) < (1 - correlators[x, y]) / 2), r.shape)
