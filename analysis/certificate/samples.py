"""Counts with the rule their settings followed: all that the statistics need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.trials import Counts, Sampling

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Counts with the rule their settings followed.

    Attributes:
        counts: What was measured.
        sampling: How the settings came about.
    """

    counts: Counts
    sampling: Sampling

    def __post_init__(self) -> None:
        declared = self.sampling.distribution
        if declared is not None and declared.shape != self.counts.shape:
            raise DataError(f"input_distribution has shape {declared.shape}; the counts have {self.counts.shape} types")
        if self.random and declared is not None and np.any((declared <= 0) & (self.asked > 0)):
            x, y = (int(index) + 1 for index in np.argwhere((declared <= 0) & (self.asked > 0))[0])
            raise DataError(f"input_distribution gives types ({x}, {y}) probability 0, yet they were measured")

    @property
    def random(self) -> bool:
        """Whether settings were fresh for every trial; otherwise statistics condition on those realised."""
        return self.sampling.fresh

    @property
    def asked(self) -> NDArray[np.int64]:
        """Trials asked for with each setting, lost ones included, shape (n_A, n_B)."""
        lost = self.sampling.lost
        return self.counts.settings if lost is None else self.counts.settings + lost

    @property
    def trials(self) -> int:
        """N, lost trials included."""
        return int(self.asked.sum())

    @property
    def lost(self) -> int:
        """Trials without an outcome."""
        return self.trials - self.counts.total

    @property
    def distribution(self) -> Floats:
        """r(x,y): the declared distribution, or the frequencies realised, shape (n_A, n_B)."""
        if self.random and self.sampling.distribution is not None:
            return self.sampling.distribution
        return np.asarray(self.asked / self.trials)
