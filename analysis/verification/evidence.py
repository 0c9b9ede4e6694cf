"""Counts with the rule of their settings, and what they say against a bound on a score (docs/model.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .tails import growth_of, least_not_rejected, log_binomial_tail, log_chernoff_tail, log_wealth

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BINOMIAL, CHERNOFF, MARTINGALE = "exact binomial", "Chernoff–KL", "test martingale"
_BINARY = 1e-9  # relative spread of |G/r| up to which U counts as 0 or 1


@dataclass(frozen=True, eq=False)
class Evidence:
    """Counts with the rule their settings followed.

    Attributes:
        counts: counts[x, y, a, b].
        lost: Trials without an outcome, shape (n_A, n_B).
        declared: r(x, y), or None.
        random: Whether settings were declared random.
        block: Trials to a drawn setting.
        stopped: Whether the run could stop early.
        parallel: Bell pairs in every shot.
    """

    counts: Integers
    lost: Integers
    declared: Floats | None
    random: bool
    block: int
    stopped: bool
    parallel: int

    @property
    def fresh(self) -> bool:
        """Whether every trial had a setting of its own, drawn from a declared distribution."""
        return self.random and self.declared is not None and self.block == 1

    @cached_property
    def measured(self) -> Integers:
        """Trials with outcomes of each setting."""
        return np.asarray(self.counts.sum(axis=(2, 3)))

    @cached_property
    def together(self) -> Integers:
        """Those with a = b."""
        return np.asarray(self.counts[:, :, 0, 0] + self.counts[:, :, 1, 1])

    @cached_property
    def trials(self) -> int:
        """N, lost ones included."""
        return int(self.measured.sum() + self.lost.sum())

    @cached_property
    def correlators(self) -> Floats:
        """(same − different)/n, NaN where nothing was measured."""
        with np.errstate(invalid="ignore"):
            return np.asarray((2 * self.together - self.measured) / np.where(self.measured > 0, self.measured, np.nan))

    @property
    def distribution(self) -> Floats:
        """r of fresh settings, else what was realised."""
        if self.fresh and self.declared is not None:
            return self.declared
        return np.asarray((self.measured + self.lost) / self.trials)

    def conditional(self) -> Evidence:
        """The same where nothing is to rest on the declaration."""
        return replace(self, declared=None, random=False, block=1)


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
        """Whether everything that G weighs was, or could have been, asked for."""
        return not np.any((self.evidence.distribution <= 0) & (self.game != 0))

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
        together = self.evidence.together
        often: list[int] = np.stack([together, self.evidence.measured - together], axis=2).ravel().tolist()
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
        """Σ G c; the mean of Z over all trials where a setting that G weighs brought no outcome."""
        value = weighted(self.game, self.evidence.correlators)
        return value if not math.isnan(value) else self.scale * (2 * self.total / self.evidence.trials - 1)

    def log_tail(self, bound: float) -> tuple[float, str]:
        """ln p of the number of trials fixed, against scores of at most `bound`, and by which tail."""
        if self.scale == 0:
            return 0.0, CHERNOFF
        omega = self.mean(bound)
        if omega >= 1:
            return 0.0, BINOMIAL if self.binary else CHERNOFF
        return self._tail(omega)

    def log_tail_of_shots(self, bound: float) -> float:
        """ln p of the mean over the Bell pairs of each shot: N/k values, none of them binary."""
        parallel, omega = self.evidence.parallel, self.mean(bound)
        shots = -(-self.evidence.trials // parallel)
        return log_chernoff_tail(shots, self.total / parallel, omega) if omega < 1 else 0.0

    def log_last_wealth(self, omega: float) -> float:
        """ln of the last value of the test martingale against that mean of U, in whatever order the trials came."""
        return log_wealth(growth_of(self.values, self.often), self.evidence.trials, omega)

    def low(self, log_significance: float) -> float:
        """One-sided lower limit of Σ G c; lost trials are losses."""
        if self.scale == 0:
            return 0.0
        if self.evidence.stopped:
            growth = growth_of(self.values, self.often)
            trials = self.evidence.trials
            mean = least_not_rejected(lambda omega: log_wealth(growth, trials, omega) > -log_significance, 1.0)
        else:
            most = min(self.total / self.evidence.trials, 1.0)
            mean = least_not_rejected(lambda omega: self._tail(omega)[0] < log_significance, most)
        # No correlators give less than −Σ|G|.
        return min(max(self.scale * (2 * mean - 1), -float(np.abs(self.game).sum())), self.observed)

    def _tail(self, omega: float) -> tuple[float, str]:
        """Hoeffding (1956) lets realised settings use the binomial tail only from ΣU = Nω + 1 on."""
        evidence = self.evidence
        if self.binary and (evidence.fresh or self.total >= evidence.trials * omega + 1):
            return log_binomial_tail(evidence.trials, round(self.total), omega), BINOMIAL
        return log_chernoff_tail(evidence.trials, self.total, omega), CHERNOFF


def weighted(weights: Floats, correlators: Floats) -> float:
    """Σ G c over what G weighs; NaN where a correlator is lacking."""
    pairs = zip(weights.ravel().tolist(), correlators.ravel().tolist(), strict=True)
    return math.fsum(weight * correlator for weight, correlator in pairs if weight != 0)
