"""Checks beside every certificate: no-signalling, marginals, CHSH, inverted outcomes, settings as declared."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.estimate import Estimate
from ...model.trials import Counts
from .estimates import estimate_functional
from .samples import Sample
from .tails import log10_chi2_tail

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ALARM_P_VALUE = 1e-3
SETTINGS_ALARM = -6.0  # log₁₀ p below which settings cannot have been drawn as declared
CLEARLY = 0.1  # visibility of the wrong sign below which it can be a bias of the readout as well
MINIMUM_EXPECTED = 5.0  # cells below it make the χ² law unreliable; their tables are left out


@dataclass(frozen=True)
class NoSignalling:
    """Does A's outcome depend on B's request, or B's on A's?

    Attributes:
        p_value: The p-value of both directions together (Bonferroni); 0 if it underflows.
        log10_p_value: Its log₁₀.
        log10_p_value_a, log10_p_value_b: A's outcome against y, B's outcome against x (Pearson χ²).
        alarm: Whether p is below ALARM_P_VALUE.
    """

    p_value: float
    log10_p_value: float
    log10_p_value_a: float
    log10_p_value_b: float
    alarm: bool


def no_signalling_test(counts: Counts) -> NoSignalling:
    """Pearson χ² of each router's outcome against the other's request type, for every own type, added up."""
    a = log10_independence(counts.table.sum(axis=3))
    b = log10_independence(counts.table.sum(axis=2).transpose(1, 0, 2))
    both = min(0.0, math.log10(2) + min(a, b))
    return NoSignalling(float(10.0**both), both, a, b, both < math.log10(ALARM_P_VALUE))


def no_signalling_warning(test: NoSignalling) -> list[str]:
    """The alarm in words, if it rings."""
    if not test.alarm:
        return []
    return [
        "NO-SIGNALLING ALARM: one router's outcomes depend on the other's request "
        f"(log10 p = {test.log10_p_value:.1f}), which no Bell pair allows"
    ]


def log10_independence(tables: Integers) -> float:
    """log₁₀ p of independence of rows and columns in every table, tables[own type, other type, outcome] (Pearson χ²).

    Tables with too few trials for the χ² law are left out; where all are, p = 1.
    """
    statistic, freedom = 0.0, 0
    for table in tables:
        kept = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
        if min(kept.shape) < 2:
            continue
        expected = np.outer(kept.sum(axis=1), kept.sum(axis=0)) / kept.sum()
        if expected.min() < MINIMUM_EXPECTED:
            continue
        statistic += float(((kept - expected) ** 2 / expected).sum())
        freedom += (kept.shape[0] - 1) * (kept.shape[1] - 1)
    return log10_chi2_tail(statistic, freedom)


@dataclass(frozen=True)
class Marginals:
    """P(a=0|x), length n_A, and P(b=0|y), length n_B, averaged over the other's types as measured.

    Attributes:
        a: P(a=0|x) for each type of router A.
        b: P(b=0|y) for each type of router B.
    """

    a: tuple[float, ...]
    b: tuple[float, ...]


def marginals(counts: Counts) -> Marginals:
    """The raw marginals, before the shared flip makes them ½."""
    of_a, of_b = counts.table.sum(axis=(1, 3)), counts.table.sum(axis=(0, 2))
    zero_a, zero_b = (of[:, 0] / np.maximum(of.sum(axis=1), 1) for of in (of_a, of_b))
    return Marginals(tuple(zero_a.tolist()), tuple(zero_b.tolist()))


def chsh(sample: Sample, log_significance: float, ideal: Floats | None = None) -> Estimate | None:
    """CHSH S = ±c00 ±c01 ±c10 ±c11, an odd number of signs minus; None unless 2×2 settings were measured.

    Args:
        sample: The data.
        log_significance: ln α of each side; the limits hold together at 2α.
        ideal: Correlators planned, shape (2, 2), which fix the signs. Without them S is the largest of the eight
            patterns, any of which may be so by chance, so that the lower limit of each has an eighth of α.
    """
    if sample.counts.shape != (2, 2) or not sample.counts.settings.all():
        return None
    patterns = [
        sign * np.where(np.arange(4).reshape(2, 2) == odd, -1.0, 1.0) for odd in range(4) for sign in (1.0, -1.0)
    ]
    if ideal is not None:
        planned = max(patterns, key=lambda pattern: float((pattern * ideal).sum()))
        return estimate_functional(planned, 0.0, sample, log_significance)
    best = max(patterns, key=lambda pattern: float((pattern * sample.counts.correlators).sum()))
    found = estimate_functional(best, 0.0, sample, log_significance - math.log(8))
    highest = [estimate_functional(pattern, 0.0, sample, log_significance).high for pattern in patterns]
    return Estimate(found.estimate, found.low, max(found.estimate, *highest))


def log10_settings_p_value(sample: Sample) -> float:
    """log₁₀ p that settings drawn from the declared distribution come out as recorded (χ²); 0 if none was declared."""
    declared = sample.sampling.distribution
    if declared is None or sample.sampling.settings != "random":
        return 0.0
    units = sample.sampling.block
    expected = declared * sample.trials
    kept = expected / units >= MINIMUM_EXPECTED
    if int(kept.sum()) < 2:
        return 0.0
    observed = np.append(sample.asked[kept], sample.asked[~kept].sum())
    wanted = np.append(expected[kept], expected[~kept].sum())
    used = wanted > 0
    statistic = float((((observed - wanted) ** 2)[used] / wanted[used]).sum()) / units
    return log10_chi2_tail(statistic, int(used.sum()) - 1)


def trust_settings(sample: Sample) -> tuple[Sample, list[str]]:
    """Settings that do not look like their declared distribution lose the assumption that rests on it."""
    log10_p = log10_settings_p_value(sample)
    if log10_p >= SETTINGS_ALARM:
        return sample, []
    if sample.sampling.stopped:
        raise DataError(
            f"the settings were not drawn as declared (log10 p = {log10_p:.1f}), and of a run that could stop early "
            "nothing valid can be said without them"
        )
    return replace(sample, sampling=replace(sample.sampling, settings="fixed", distribution=None, block=1)), [
        f"SETTINGS ALARM: the settings were not drawn as declared (log10 p = {log10_p:.1f}); analyzed as fixed"
    ]


def opposite_warning(ideal: Floats, sample: Sample, significance: float) -> list[str]:
    """What to do if the outcomes of a plan have the opposite correlations, in one sentence; nothing if they have not.

    Args:
        ideal: Correlators of perfect pairs, over the settings of the sample.
        sample: The data.
        significance: α.
    """
    weights = ideal * (sample.counts.settings > 0)
    weights = weights / max(float((weights**2).sum()), np.finfo(float).tiny)
    visibility = estimate_functional(weights, 0.0, sample, math.log(significance))
    return [inverted_text(sample, visibility.estimate, planned=True)] if is_opposite(visibility) else []


def is_opposite(visibility: Estimate) -> bool:
    """Whether the correlations have the wrong sign beyond noise and what may be a bias of the readout."""
    return visibility.high < 0 and visibility.estimate <= -CLEARLY


def inverted_text(sample: Sample, visibility: float, planned: bool) -> str:
    """What to do about it."""
    opposite = f"INVERTED OUTCOMES: all correlations have the opposite sign (visibility {visibility:.2f})"
    if planned:
        return f"{opposite}: the device or its adapter swaps 0 and 1 at one router; correct that and run again"
    if sample.inverted:
        return f"{opposite}; leave out --invert {sample.inverted}"
    return (
        f"{opposite}; --invert b inverts router B's outcomes, and multiplies the p-value by 2 for choosing so after "
        "the data"
    )
