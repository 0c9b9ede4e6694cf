"""Estimates, limits and p-values once more from the counts, by the definitions of MODEL §4."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .martingale import growth_of, log_wealth
from .tails import least_not_rejected, log10_chi2_tail, log_binomial_tail, log_chernoff_tail

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BINOMIAL, CHERNOFF, MARTINGALE = "exact binomial", "Chernoff–KL", "test martingale"
SETTINGS_ALARM = -6.0  # log₁₀ p below which settings cannot have been drawn as declared
ALARM = -3.0  # log₁₀ p of the alarms of no-signalling and crosstalk
_BINARY = 1e-9  # relative spread of |A/r| up to which U counts as 0 or 1
_EXPECTED = 5.0  # least expected count in a χ² cell
_TESTS_PER_COUPLE = 3  # of crosstalk: A's outcome, B's outcome, and whether they agree


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
        parallel: Pairs in every shot.
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

    @property
    def asked(self) -> Integers:
        return self.measured + self.lost

    @property
    def trials(self) -> int:
        return int(self.asked.sum())

    @cached_property
    def correlators(self) -> Floats:
        """(same − different)/n, NaN where nothing was measured."""
        different = self.measured - self.together
        with np.errstate(invalid="ignore"):
            return np.asarray((self.together - different) / np.where(self.measured > 0, self.measured, np.nan))

    @property
    def distribution(self) -> Floats:
        """r of fresh settings, else what was realised."""
        return self.declared if self.fresh and self.declared is not None else self.asked / self.trials

    def conditional(self) -> Evidence:
        """The same where nothing is to rest on the declaration."""
        return replace(self, declared=None, random=False, block=1)

    def of_pair(self, counts: Integers, asked: Integers) -> Evidence:
        """What one pair of each shot measured, of the trials it was asked for."""
        lost = np.maximum(asked - counts.sum(axis=(2, 3)), 0)
        return replace(self, counts=counts, lost=lost, parallel=1)

    def log10_settings_p_value(self) -> float:
        """log₁₀ p of the settings under their declaration (χ²), blocks counting once; 0 where there is none."""
        if self.declared is None or not self.random:
            return 0.0
        wanted, seen, rest = [], [], [0.0, 0.0]
        for r, count in zip(self.declared.ravel().tolist(), self.asked.ravel().tolist(), strict=True):
            expected = r * self.trials
            if expected / self.block >= _EXPECTED:
                wanted.append(expected)
                seen.append(float(count))
            else:
                rest = [rest[0] + expected, rest[1] + count]
        if len(wanted) < 2:
            return 0.0
        if rest[0] > 0:
            wanted.append(rest[0])
            seen.append(rest[1])
        statistic = math.fsum((a - b) ** 2 / b for a, b in zip(seen, wanted, strict=True)) / self.block
        return log10_chi2_tail(statistic, len(wanted) - 1)


@dataclass(frozen=True, eq=False)
class Score:
    """ΣU of a functional Σ A c, with U = (Z+z)/(2z), Z = (A/r)·(+1 if a=b else −1) and z = max|A/r|.

    Attributes:
        functional: A, shape (n_A, n_B).
        evidence: The counts.
    """

    functional: Floats
    evidence: Evidence

    @cached_property
    def ratios(self) -> Floats:
        """A/r, 0 where r is."""
        r = self.evidence.distribution
        return np.asarray(np.where(r > 0, self.functional / np.where(r > 0, r, 1.0), 0.0))

    @property
    def measurable(self) -> bool:
        """Whether everything that A weighs was, or could have been, asked for."""
        return not np.any((self.evidence.distribution <= 0) & (self.functional != 0))

    @cached_property
    def scale(self) -> float:
        """z."""
        return float(np.abs(self.ratios).max())

    @cached_property
    def binary(self) -> bool:
        """Whether |A/r| is the same for every setting."""
        sizes = np.abs(self.ratios[self.evidence.distribution > 0])
        return self.scale > 0 and bool(sizes.min() >= self.scale * (1 - _BINARY))

    @cached_property
    def scores(self) -> Floats:
        """U of a = b and of a ≠ b for each setting, shape (n_A, n_B, 2)."""
        unit = np.sign(self.ratios) if self.binary else self.ratios / self.scale
        return np.stack([(1 + unit) / 2, (1 - unit) / 2], axis=2)

    @cached_property
    def often(self) -> Integers:
        """How often each of `scores` came."""
        together = self.evidence.together
        return np.stack([together, self.evidence.measured - together], axis=2)

    @cached_property
    def total(self) -> float:
        """ΣU; lost trials add nothing."""
        return math.fsum((self.scores * self.often).ravel().tolist())

    def mean(self, value: float) -> float:
        """The mean of U at a value of the functional."""
        return (value + self.scale) / (2 * self.scale)

    def value(self, mean: float) -> float:
        return self.scale * (2 * mean - 1)

    @property
    def observed(self) -> float:
        return self.value(self.total / self.evidence.trials)

    def log_tail(self, bound: float) -> tuple[float, str]:
        """ln p of the number of trials fixed, against functionals of at most `bound`, and by which tail."""
        if self.scale == 0:
            return 0.0, CHERNOFF
        omega = min(max(self.mean(bound), 0.0), 1.0)
        if omega >= 1:
            return 0.0, BINOMIAL if self.binary else CHERNOFF
        return self._tail(self.total, omega)

    def log_tail_of_shots(self, bound: float) -> float:
        """ln p of the mean over the pairs of each shot: N/k values, none of them binary."""
        parallel = self.evidence.parallel
        omega = min(max(self.mean(bound), 0.0), 1.0)
        shots = -(-self.evidence.trials // parallel)
        return log_chernoff_tail(shots, self.total / parallel, omega) if omega < 1 else 0.0

    def limits(self, log_significance: float) -> tuple[float, float]:
        """One-sided limits of the functional; lost trials are losses below and wins above."""
        if self.scale == 0:
            return 0.0, 0.0
        misses = self.evidence.trials - self.total - int(self.evidence.lost.sum())
        if self.evidence.stopped:
            low = self._least_at_any_time(self.scores, log_significance)
            high = 1 - self._least_at_any_time(1 - self.scores, log_significance)
        else:
            low = self._least(self.total, log_significance)
            high = 1 - self._least(misses, log_significance)
        return self.value(low), self.value(high)

    def _tail(self, total: float, omega: float) -> tuple[float, str]:
        """Hoeffding (1956) lets realised settings use the binomial tail only from ΣU = Nω + 1 on."""
        evidence = self.evidence
        if self.binary and (evidence.fresh or total >= evidence.trials * omega + 1):
            return log_binomial_tail(evidence.trials, round(total), omega), BINOMIAL
        return log_chernoff_tail(evidence.trials, total, omega), CHERNOFF

    def _least(self, total: float, log_significance: float) -> float:
        mean = min(total / self.evidence.trials, 1.0)
        return least_not_rejected(lambda omega: self._tail(total, omega)[0] < log_significance, mean)

    def _least_at_any_time(self, scores: Floats, log_significance: float) -> float:
        growth = growth_of(scores.ravel().tolist(), self.often.ravel().tolist())
        trials = self.evidence.trials
        return least_not_rejected(lambda mean: log_wealth(growth, trials, mean) > -log_significance, 1.0)


def estimate(score: Score, constant: float, log_significance: float) -> tuple[float, float, float]:
    """const + Σ A c with one-sided limits at significance α on either side, which no correlators can exceed.

    Where a setting that A weighs brought no outcome the estimate is the mean of Z over all trials.
    """
    value = plug_in(score.functional, score.evidence.correlators)
    if math.isnan(value):
        value = score.observed
    low, high = score.limits(log_significance)
    reach = float(np.abs(score.functional).sum())
    return constant + value, constant + min(max(low, -reach), value), constant + max(min(high, reach), value)


def plug_in(functional: Floats, correlators: Floats) -> float:
    """Σ A c over what A weighs; NaN where a correlator is lacking."""
    pairs = zip(functional.ravel().tolist(), correlators.ravel().tolist(), strict=True)
    return math.fsum(weight * correlator for weight, correlator in pairs if weight != 0)


def log10_independence(tables: Sequence[Integers]) -> float:
    """log₁₀ p of independence of rows and columns in all tables together (Pearson's χ²), too thin ones left out."""
    statistic, freedom = 0.0, 0
    for table in tables:
        rows = [row for row in table.tolist() if sum(row) > 0]
        columns = [column for column in zip(*rows, strict=True) if sum(column) > 0]
        if len(rows) < 2 or len(columns) < 2:
            continue
        rows = list(zip(*columns, strict=True))
        count, by_row, by_column = sum(map(sum, rows)), list(map(sum, rows)), list(map(sum, columns))
        if min(by_row) * min(by_column) / count < _EXPECTED:
            continue
        for total, row in zip(by_row, rows, strict=True):
            for other, cell in zip(by_column, row, strict=True):
                expected = total * other / count
                statistic += (cell - expected) ** 2 / expected
        freedom += (len(rows) - 1) * (len(columns) - 1)
    return log10_chi2_tail(statistic, freedom)


def no_signalling(counts: Integers) -> tuple[float, float, float]:
    """log₁₀ p of A's outcome against y, of B's against x, and of both (Bonferroni)."""
    of_a = log10_independence(list(counts.sum(axis=3)))
    of_b = log10_independence(list(counts.sum(axis=2).transpose(1, 0, 2)))
    return of_a, of_b, min(0.0, math.log10(2) + min(of_a, of_b))


def crosstalk(codes: Integers, shape: tuple[int, int], parallel: int) -> tuple[float, int, int]:
    """log₁₀ p of the outcomes of each pair against the settings of each other (Bonferroni), and the worst couple.

    Args:
        codes: ((x·n_B + y)·2 + a)·2 + b of each trial, whole shots of `parallel` trials.
        shape: (n_A, n_B).
        parallel: k.
    """
    settings, a, b = codes // 4, codes // 2 % 2, codes % 2
    number, worst = math.prod(shape), (0.0, 1, 2)
    for source in range(parallel):
        for target in range(parallel):
            if source == target:
                continue
            own, other = settings[target::parallel], settings[source::parallel]
            first, second = a[target::parallel], b[target::parallel]
            tests = (
                (own // shape[1], shape[0], first),
                (own % shape[1], shape[1], second),
                (own, number, first ^ second),
            )
            for types, kinds, outcome in tests:
                if kinds * number * 2 > len(other):
                    continue
                table = np.zeros((kinds, number, 2), dtype=np.int64)
                np.add.at(table, (types, other, outcome), 1)
                found = (log10_independence(list(table)), source + 1, target + 1)
                worst = min(worst, found)
    return min(0.0, worst[0] + math.log10(_TESTS_PER_COUPLE * parallel * (parallel - 1))), worst[1], worst[2]
