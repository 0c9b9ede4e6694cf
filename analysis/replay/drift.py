"""Drift and memory of a device, from its trials in the order of execution.

Both tests condition on the settings and on how often each outcome came with each of them: if trials are independent and
of one behaviour, every order of a setting's outcomes is equally likely, however unevenly the settings were drawn.
A device that drifts also looks as if it remembered, since its neighbouring trials are alike; the reverse is rarer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...model.trials import Sampling, Trials
from ..certificate.diagnostics import ALARM_P_VALUE, MINIMUM_EXPECTED
from ..certificate.tails import log10_chi2_tail

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_LAGS = 10  # in shots
_LEAST_TRIALS = 500  # of one pair; below, the laws of large numbers that the memory test rests on are not to be trusted
_BLOCKS = (4, 20)  # fewest and most blocks of time
_PERMUTATIONS = (1999, 9999)  # fewest and most
_DRAWS = 2e7  # hypergeometric numbers worth drawing
_TYPE_GROUPS = 4  # of neighbouring types, for what the trial before asked
_OUTCOMES = ("a", "b", "a=b")


@dataclass(frozen=True)
class DriftTest:
    """Do the correlators change over the run?

    Attributes:
        log10_p_value: log₁₀ p of both tests below together (Bonferroni).
        alarm: Whether p is below ALARM_P_VALUE.
        log10_p_homogeneity: log₁₀ p of all blocks of time having the same share of a = b, added up over the settings.
        log10_p_trend: log₁₀ p of no common trend, in which all correlators weaken or strengthen in proportion.
        method: χ² and normal laws, or permutations where expected counts are too small for them.
        change: Change of the correlators from start to end along a straight line, as a share of themselves.
        change_error: Its standard error.
        course: Strength of the correlators in each block of time, 1 being that of the whole run.
        course_error: Its standard errors.
    """

    log10_p_value: float
    alarm: bool
    log10_p_homogeneity: float
    log10_p_trend: float
    method: Literal["chi-squared", "permutation"]
    change: float
    change_error: float
    course: tuple[float, ...]
    course_error: tuple[float, ...]


@dataclass(frozen=True)
class MemoryTest:
    """Do outcomes depend on what was asked and answered in trials before?

    Attributes:
        log10_p_value: log₁₀ p of all lags together (Bonferroni).
        alarm: Whether p is below ALARM_P_VALUE.
        log10_p_values: log₁₀ p of lags 1, 2, …, in shots.
        lag: The lag with the least p.
        pattern: Which outcome follows what most clearly at that lag, as "b after b".
        correlation: Its correlation coefficient, given the settings.
    """

    log10_p_value: float
    alarm: bool
    log10_p_values: tuple[float, ...]
    lag: int
    pattern: str
    correlation: float


def order_remark(sampling: Sampling) -> str | None:
    """What the order of these trials cannot tell; None where every trial had a fresh setting of its own."""
    if sampling.fresh:
        return None
    if sampling.settings == "fixed":
        how = "each setting was measured in a stretch of its own"
    elif sampling.block > 1:
        how = f"settings were drawn for blocks of {sampling.block} trials"
    else:
        how = "no distribution of settings was declared"
    return f"{how}: drift or memory from one setting to another cannot be told from the settings' own difference"


def drift_test(trials: Trials, parallel: int = 1, seed: int = 0) -> DriftTest | None:
    """Pearson χ² of homogeneity over blocks of time for every setting, added up, and a test of a common trend.

    Args:
        trials: Trials in the order of execution.
        parallel: Trials that share a shot, each on a pair of its own (`Sampling.parallel`); pairs are kept apart.
        seed: Seed of the permutations, if any.

    Returns:
        None where there is nothing to compare: no setting came in two blocks with both outcomes.
    """
    stratum, size = _strata(trials, parallel)
    together = stratum[trials.a == trials.b]
    blocks = _blocks(np.bincount(together, minlength=size.size), size)
    cell = stratum * blocks + np.arange(len(trials)) * blocks // len(trials)
    shown = np.bincount(cell, minlength=size.size * blocks).reshape(-1, blocks)
    agreed = np.bincount(cell[trials.a == trials.b], minlength=size.size * blocks).reshape(-1, blocks)
    table = _Blocks.of(shown, agreed)
    if not table.informative.any() or not table.strength.all():
        return None
    homogeneity, trend = table.statistics()
    method: Literal["chi-squared", "permutation"] = "chi-squared"
    if table.dense:
        log10_p = [log10_chi2_tail(homogeneity, table.freedom), log10_chi2_tail(trend, 1)]
    else:
        method = "permutation"
        log10_p = table.permuted(homogeneity, trend, np.random.default_rng(seed))
    both = min(0.0, math.log10(2) + min(log10_p))
    moment = float((table.correlator**2 * shown * table.time**2).sum())
    return DriftTest(
        log10_p_value=both,
        alarm=both < math.log10(ALARM_P_VALUE),
        log10_p_homogeneity=log10_p[0],
        log10_p_trend=log10_p[1],
        method=method,
        change=2 * float((table.correlator * table.time * table.deviation).sum()) / moment if moment else 0.0,
        change_error=2 * math.sqrt(table.trend_variance) / moment if moment else math.inf,
        course=tuple((1 + 2 * (table.correlator * table.deviation).sum(axis=0) / table.strength).tolist()),
        course_error=tuple(
            (2 * np.sqrt((table.correlator**2 * table.variance * shown).sum(axis=0)) / table.strength).tolist()
        ),
    )


def memory_test(trials: Trials, parallel: int = 1) -> MemoryTest | None:
    """Score test of outcomes given their settings against the outcomes and settings of the trial `lag` before.

    The residuals of a, b and a=b (as ±1, less their mean with the same setting) are multiplied with those of the
    earlier trial and with its types, types being grouped where there are many; their sums, whose covariance is known if
    trials are independent, give a χ² for each lag.

    Args:
        trials: Trials in the order of execution.
        parallel: Trials that share a shot, each on a pair of its own: each pair is followed by itself.

    Returns:
        None for fewer than 500 trials of a pair, or if no outcome ever varies.
    """
    if len(trials) < _LEAST_TRIALS * parallel:
        return None
    stratum, size = _strata(trials, parallel)
    a, b = 1.0 - 2.0 * trials.a, 1.0 - 2.0 * trials.b
    outcomes = _centred(np.column_stack([a, b, a * b]), stratum, size.size)
    covariance = _covariances(outcomes, stratum, size)
    if not covariance.any():
        return None
    types, names = _type_groups(trials)
    before = np.column_stack([outcomes, types])
    found = [_lagged(outcomes, before, stratum, covariance, lag * parallel) for lag in range(1, _LAGS + 1)]
    log10_p = [log10_chi2_tail(statistic, freedom) for statistic, freedom, _, _ in found]
    least = int(np.argmin(log10_p))
    _, _, place, correlation = found[least]
    every = min(0.0, math.log10(_LAGS) + log10_p[least])
    now, earlier = divmod(place, before.shape[1])
    return MemoryTest(
        log10_p_value=every,
        alarm=every < math.log10(ALARM_P_VALUE),
        log10_p_values=tuple(log10_p),
        lag=least + 1,
        pattern=f"{_OUTCOMES[now]} after {(*_OUTCOMES, *names)[earlier]}",
        correlation=correlation,
    )


def shuffled(trials: Trials, rng: np.random.Generator) -> Trials:
    """The same outcomes with the same settings, those of each setting in a random order: neither drift nor memory."""
    setting = trials.x.astype(np.int64) * trials.shape[1] + trials.y
    place = np.argsort(setting, kind="stable")
    drawn = np.lexsort((rng.random(len(trials)), setting))
    a, b = np.empty_like(trials.a), np.empty_like(trials.b)
    a[place], b[place] = trials.a[drawn], trials.b[drawn]
    return Trials(trials.x, trials.y, a, b, trials.shape)


def _blocks(agreed: Integers, size: Integers) -> int:
    """As many blocks of time as leave four settings of five with expected counts that the χ² law can bear.

    Depends on the totals alone, on which the tests condition.
    """
    rarer = np.minimum(agreed, size - agreed)
    rarer = rarer[rarer > 0]
    if not rarer.size:
        return _BLOCKS[0]
    # Half of the cells lie below their average: twice the count keeps them above what is needed.
    bearable = float(np.quantile(rarer, 0.2, method="lower")) / (2 * MINIMUM_EXPECTED)
    return int(np.clip(bearable, *_BLOCKS))


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Trials with a = b of each setting (and pair) in each block of time, against the setting's own share.

    Attributes:
        shown, agreed: Trials, and those with a = b, shape (S, B).
        deviation: `agreed` less what the setting's share of a = b gives, shape (S, B).
        variance: Variance of [a = b] in one trial of a setting, all orders being equally likely, shape (S, 1).
        correlator: c of each setting, shape (S, 1).
        time: Middle of the block, from 0 to 1, less its mean over the setting's trials, shape (S, B).
    """

    shown: Integers
    agreed: Integers
    deviation: Floats
    variance: Floats
    correlator: Floats
    time: Floats

    @classmethod
    def of(cls, shown: Integers, agreed: Integers) -> _Blocks:
        size = shown.sum(axis=1, keepdims=True)
        share = agreed.sum(axis=1, keepdims=True) / size
        middle = (np.arange(shown.shape[1]) + 0.5) / shown.shape[1]
        return cls(
            shown,
            agreed,
            agreed - shown * share,
            share * (1 - share) * size / np.maximum(size - 1, 1),
            2 * share - 1,
            middle - (shown @ middle)[:, None] / size,
        )

    @property
    def informative(self) -> NDArray[np.bool_]:
        """Settings that came in several blocks with both outcomes, shape (S,)."""
        return np.asarray((self.variance[:, 0] > 0) & ((self.shown > 0).sum(axis=1) > 1))

    @property
    def freedom(self) -> int:
        """Degrees of freedom of homogeneity."""
        return int(((self.shown > 0).sum(axis=1) - 1)[self.informative].sum())

    @property
    def dense(self) -> bool:
        """Whether the χ² law is good enough: expected counts of 5 in four cells of five, and of 1 in all (Cochran)."""
        share = (1 - np.abs(self.correlator)) / 2
        cells = self.informative[:, None] & (self.shown > 0)
        expected = (self.shown * share)[cells]
        return bool(np.mean(expected >= MINIMUM_EXPECTED) >= 0.8 and expected.min() >= 1)

    @property
    def strength(self) -> Floats:
        """Σ n c² over the settings of each block, shape (B,)."""
        return np.asarray((self.correlator**2 * self.shown).sum(axis=0))

    @property
    def trend_variance(self) -> float:
        """The variance of Σ c·time·deviation."""
        return float((self.correlator**2 * self.variance * self.shown * self.time**2).sum())

    def statistics(self) -> tuple[float, float]:
        """χ² of homogeneity, and of the trend with 1 degree of freedom."""
        scale, variance = self.shown * self.variance, self.trend_variance
        homogeneity = float((self.deviation**2 / np.where(scale > 0, scale, np.inf)).sum())
        score = float((self.correlator * self.time * self.deviation).sum())
        return homogeneity, score**2 / variance if variance > 0 else 0.0

    def permuted(self, homogeneity: float, trend: float, rng: np.random.Generator) -> list[float]:
        """log₁₀ p of both statistics among random orders of each setting's outcomes."""
        settings = np.flatnonzero(self.informative)
        draws = int(np.clip(_DRAWS / (settings.size * self.shown.shape[1]), *_PERMUTATIONS))
        total, score = np.zeros(draws), np.zeros(draws)
        for setting in settings:
            used = self.shown[setting] > 0
            shown, count = self.shown[setting, used], int(self.agreed[setting].sum())
            deviation = rng.multivariate_hypergeometric(shown, count, draws, "marginals") - shown * count / shown.sum()
            total += (deviation**2 / (shown * self.variance[setting])).sum(axis=1)
            score += deviation @ (self.correlator[setting] * self.time[setting, used])
        variance = self.trend_variance
        trends = score**2 / variance if variance > 0 else np.zeros(draws)
        pairs = ((total, homogeneity), (trends, trend))
        # A little below the observed value: equal tables must count as equal whatever the rounding.
        exceeding = [np.count_nonzero(drawn >= seen * (1 - 1e-9)) for drawn, seen in pairs]
        return [math.log10((1 + int(count)) / (1 + draws)) for count in exceeding]


def _lagged(
    outcomes: Floats, before: Floats, stratum: Integers, covariance: Floats, lag: int
) -> tuple[float, int, int, float]:
    """χ² of one lag with its degrees of freedom, the place of the clearest product, and its correlation.

    Args:
        outcomes: Residuals of a, b, a=b, shape (N, 3).
        before: What a trial leaves behind, shape (N, d).
        stratum: Setting and pair of each trial, shape (N,).
        covariance: Covariance of the residuals in each stratum, shape (S, 3, 3).
        lag: Lag, in trials.
    """
    here = stratum[lag:]
    left = _centred(before[:-lag], here, len(covariance))
    now = outcomes[lag:]
    product = (now.T @ left).ravel()
    width = left.shape[1]
    spread = np.empty((3, width, 3, width))
    for first in range(3):
        for second in range(first, 3):
            block = (left * covariance[here, first, second][:, None]).T @ left
            spread[first, :, second, :] = spread[second, :, first, :] = block
    matrix = spread.reshape(3 * width, 3 * width)
    scale = np.sqrt(np.diag(matrix))
    used = scale > 1e-9 * max(float(scale.max()), 1e-300)
    standard = np.zeros_like(product)
    standard[used] = product[used] / scale[used]
    # Residuals add up to 0 in every stratum: directions without variance are left out, and not counted.
    values, vectors = np.linalg.eigh(matrix[np.ix_(used, used)] / np.outer(scale[used], scale[used]))
    kept = values > 1e-8
    statistic = float(((vectors.T @ standard[used])[kept] ** 2 / values[kept]).sum())
    place = int(np.argmax(np.abs(standard)))
    row, column = divmod(place, width)
    norm = math.sqrt(float((now[:, row] ** 2).sum()) * float((left[:, column] ** 2).sum()))
    return statistic, int(kept.sum()), place, float(product[place]) / norm if norm else 0.0


def _covariances(outcomes: Floats, stratum: Integers, size: Integers) -> Floats:
    """Covariance of the residuals of a, b, a=b within each stratum, shape (S, 3, 3)."""
    found = np.empty((size.size, 3, 3))
    for first in range(3):
        for second in range(3):
            products = np.bincount(stratum, outcomes[:, first] * outcomes[:, second], minlength=size.size)
            found[:, first, second] = products / np.maximum(size - 1, 1)
    return found


def _type_groups(trials: Trials) -> tuple[Floats, tuple[str, ...]]:
    """Indicators of the groups of types at both routers, all but one of each, shape (N, g), and what they are."""
    columns, names = [], []
    for router, types, count in (("A", trials.x, trials.shape[0]), ("B", trials.y, trials.shape[1])):
        groups = min(count, _TYPE_GROUPS)
        group = types.astype(np.int64) * groups // count
        for index in range(1, groups):
            columns.append((group == index).astype(float))
            names.append(f"the type at {router}")
    return (np.column_stack(columns) if columns else np.zeros((len(trials), 0))), tuple(names)


def _strata(trials: Trials, parallel: int) -> tuple[Integers, Integers]:
    """Number of the pair and setting of each trial, shape (N,), and the trials of each of those that occur."""
    pair = np.arange(len(trials)) % parallel
    code = (pair * trials.shape[0] + trials.x) * trials.shape[1] + trials.y
    _, stratum, size = np.unique(code, return_inverse=True, return_counts=True)
    return stratum.astype(np.int64), size.astype(np.int64)


def _centred(values: Floats, stratum: Integers, strata: int) -> Floats:
    """Each column, shape (N, k), less its mean in the stratum."""
    size = np.maximum(np.bincount(stratum, minlength=strata), 1)
    means = np.column_stack([np.bincount(stratum, column, minlength=strata) / size for column in values.T])
    return np.asarray(values - means[stratum])
