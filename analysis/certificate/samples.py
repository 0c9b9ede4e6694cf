"""Counts with the rule their settings followed: all that the statistics need."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.trials import Counts, Router, Sampling

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Counts with the rule their settings followed.

    Attributes:
        counts: What was measured.
        sampling: How the settings came about.
        inverted: The router whose outcomes were inverted after the data were taken; None: none.
        types_assumed: Whether nothing named the types, so that they were taken to be in the scenario's order.
        source: Where the counts come from, in words; None if nothing says so.
    """

    counts: Counts
    sampling: Sampling
    inverted: Router | None = None
    types_assumed: bool = False
    source: str | None = None

    def __post_init__(self) -> None:
        declared = self.sampling.distribution
        if declared is not None and declared.shape != self.counts.shape:
            raise DataError(f"input_distribution has shape {declared.shape}; the counts have {self.counts.shape} types")
        if self.random and declared is not None and np.any((declared <= 0) & (self.asked > 0)):
            x, y = (int(index) + 1 for index in np.argwhere((declared <= 0) & (self.asked > 0))[0])
            raise DataError(
                f"input_distribution gives types ({x}, {y}), counted from 1, probability 0, yet they were measured"
            )

    def invert(self, router: Router | None) -> Sample:
        """The sample with a router's outcomes inverted, a choice that p-values and limits then pay for; None: as it is.

        Raises:
            DataError: outcomes were inverted already.
        """
        if router is None:
            return self
        if self.inverted:
            raise DataError(f"the outcomes of router {self.inverted.upper()} are inverted already; invert them once")
        return replace(self, counts=self.counts.inverted(router), inverted=router)

    @property
    def choices(self) -> int:
        """Ways to read the outcomes that the data chose from: p-values are multiplied, and levels divided, by it.

        To invert A's outcomes or B's is the same for every score, so that there are two.
        """
        return 2 if self.inverted else 1

    @property
    def as_taken(self) -> Counts:
        """The counts before any outcomes were inverted."""
        return self.counts.inverted(self.inverted) if self.inverted else self.counts

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
