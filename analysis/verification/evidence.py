"""Counts with the rule of their settings, and what they say against a bound on a score (docs/model.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .tails import log_binomial_tail, log_chernoff_tail, log_largest_wealth, log_mixture

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BINARY = 1e-12  # relative spread of |G/r| up to which U counts as 0 or 1


@dataclass(frozen=True, eq=False)
class Evidence:
    """Counts with the rule their settings followed.

    Attributes:
        counts: counts[x, y, a, b].
        lost: Trials without an outcome, shape (n_A, n_B).
        drawn: r(x, y) if every trial had a setting of its own, drawn from it; else None.
        stopped: Whether the run could stop early.
        parallel: Bell pairs in every shot.
    """

    counts: Integers
    lost: Integers
    drawn: Floats | None
    stopped: bool
    parallel: int

    @cached_property
    def measured(self) -> Integers:
        """Trials with outcomes of each setting."""
        return np.asarray(self.counts.sum(axis=(2, 3)))

    @cached_property
    def trials(self) -> int:
        """N, lost ones included."""
        return int(self.measured.sum() + self.lost.sum())

    @cached_property
    def correlators(self) -> Floats:
        """(same − different)/n, NaN where nothing was measured."""
        same = self.counts[:, :, 0, 0] + self.counts[:, :, 1, 1]
        return np.asarray((2 * same - self.measured) / np.where(self.measured > 0, self.measured, np.nan))

    @property
    def distribution(self) -> Floats:
        """r(x, y) as drawn from, else as realised."""
        if self.drawn is not None:
            return self.drawn
        return np.asarray((self.measured + self.lost) / self.trials)


@dataclass(frozen=True, eq=False)
class Score:
    """ΣU of the score Σ G c, with U = (Z+z)/(2z), Z = (G/r)·(+1 if a=b else −1) and z = max|G/r|.

    Attributes:
        game: G, shape (n_A, n_B).
        evidence: The counts.
    """

    game: Floats
    evidence: Evidence

    @cached_property
    def ratios(self) -> Floats:
        """G/r, 0 where r is."""
        r = self.evidence.distribution
        return np.asarray(np.where(r > 0, self.game / np.where(r > 0, r, 1.0), 0.0))

    @property
    def measurable(self) -> bool:
        """Whether everything that G weighs could have been drawn; of realised settings any may be lacking."""
        drawn = self.evidence.drawn is not None
        return not (drawn and np.any((self.evidence.distribution <= 0) & (self.game != 0)))

    @cached_property
    def scale(self) -> float:
        """z."""
        return float(np.abs(self.ratios).max())

    @cached_property
    def binary(self) -> bool:
        """Whether |G/r| is the same for every setting."""
        sizes = np.abs(self.ratios[self.evidence.distribution > 0])
        return self.scale > 0 and bool(sizes.min() >= self.scale * (1 - _BINARY))

    @cached_property
    def values(self) -> list[float]:
        """U of a = b and of a ≠ b for each setting in turn."""
        unit = np.sign(self.ratios) if self.binary else self.ratios / self.scale
        values: list[float] = np.stack([(1 + unit) / 2, (1 - unit) / 2], axis=2).ravel().tolist()
        return values

    @cached_property
    def often(self) -> list[int]:
        """How often each of `values` came."""
        counts = self.evidence.counts
        together, apart = counts[:, :, 0, 0] + counts[:, :, 1, 1], counts[:, :, 0, 1] + counts[:, :, 1, 0]
        often: list[int] = np.stack([together, apart], axis=2).ravel().tolist()
        return often

    @cached_property
    def total(self) -> float:
        """ΣU; lost trials add nothing."""
        return math.fsum(value * count for value, count in zip(self.values, self.often, strict=True))

    def mean(self, value: float) -> float:
        """ω, the mean of U at a value of the score."""
        return min(max((value + self.scale) / (2 * self.scale), 0.0), 1.0)

    @cached_property
    def observed(self) -> float:
        """Σ G c; the mean of Z over all trials if a setting that G weighs brought no outcome."""
        value = weighted(self.game, self.evidence.correlators)
        return value if not math.isnan(value) else self.scale * (2 * self.total / self.evidence.trials - 1)

    def log_tail(self, bound: float) -> tuple[float, str]:
        """ln p of the number of trials fixed, against scores of at most `bound`, by the law of ΣU, and by which tail.

        Older records also test realised settings so; Hoeffding (1956) lets those use the binomial tail only from
        ΣU = Nω + 1 on.
        """
        evidence = self.evidence
        if self.scale == 0 or (omega := self.mean(bound)) >= 1:
            return 0.0, "no score exceeds the bound"
        if self.binary and (evidence.drawn is not None or self.total >= evidence.trials * omega + 1):
            tail = log_binomial_tail(evidence.trials, round(self.total), omega)
            return tail, "binomial tail summed term by term in 40 digits"
        return log_chernoff_tail(evidence.trials, self.total, omega), "−N·KL in 40 digits"

    def log_tail_of_shots(self, bound: float) -> float:
        """ln p of the mean over the Bell pairs of each shot: N/k values, none of them binary."""
        parallel = self.evidence.parallel
        return log_chernoff_tail(-(-self.evidence.trials // parallel), self.total / parallel, self.mean(bound))

    def log_wealth_of_shots(self, bound: float, codes: Integers) -> float:
        """ln of the largest value of the test martingale whose score is the mean over the Bell pairs of each shot."""
        parallel = self.evidence.parallel
        shots = np.array(self.values)[places_of(codes)].reshape(-1, parallel).mean(axis=1)
        means, places = np.unique(shots, return_inverse=True)
        lost = -(-int(self.evidence.lost.sum()) // parallel)
        return log_largest_wealth(means.tolist(), places.tolist(), lost, self.mean(bound))

    def log_wealth(self, bound: float, codes: Integers) -> float:
        """ln of the largest value of the mixture of stakes over the trials in order, lost ones first."""
        lost = int(self.evidence.lost.sum())
        return log_largest_wealth(self.values, places_of(codes).tolist(), lost, self.mean(bound))

    def log_mixture(self, bound: float) -> float:
        """ln of its last value, in any order."""
        return log_mixture(self.values, self.often, int(self.evidence.lost.sum()), self.mean(bound))


def places_of(codes: Integers) -> Integers:
    """2·(x·n_B + y) + (a≠b) of each trial."""
    return np.asarray(2 * (codes // 4) + ((codes // 2 ^ codes) & 1))


def weighted(table: Floats, correlators: Floats) -> float:
    """Σ A c over what A weighs; NaN if a correlator is lacking there."""
    return math.fsum((table * correlators)[table != 0].tolist())
