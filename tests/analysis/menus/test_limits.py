"""Limits of a menu's outcome probabilities hold whatever the device remembers: by enumeration, and in experiments."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.menus.limits import PLANE_SHARE, MenuCounts, menu_limits
from bellqueue.model.informed.measured import Limits
from scipy.stats import binom

Floats = np.ndarray[Any, np.dtype[np.float64]]
Past = tuple[tuple[int, int], ...]  # settings and outcomes so far
SHAPE = (2, 1, 2)  # entries and types: settings 0 and 1 are of the first entry
DISTRIBUTION = np.array([0.4, 0.2, 0.3, 0.1])
TILTS = np.array([1.5, -1.0, 0.8, 0.0])
CENTRE = np.array([0.3, 0.7, 0.5, 0.9])
SPLIT, TOGETHER, LOST = 0, 1, 2
LEVEL = 0.3  # high, for a few trials to be able to miss it


def limits_of(counts: Floats, distribution: Floats, level: float = LEVEL, declared: float = LEVEL) -> Limits:
    """The limits from counts by outcome and setting."""
    tables = [np.reshape(each, SHAPE) for each in (*counts, distribution)]
    return menu_limits(MenuCounts(*tables), TILTS.reshape(SHAPE), CENTRE.reshape(SHAPE), level, declared)


def hold(limits: Limits, split: Floats) -> bool:
    split = split.reshape(SHAPE)
    inside = (limits.low <= split + 1e-12).all() and (split <= limits.high + 1e-12).all()
    return bool(inside and ((limits.normal * split).sum(axis=(1, 2)) <= limits.bound + 1e-12).all())


def steady(past: Past) -> Floats:
    return np.array([0.3, 0.6, 0.9, 0.5])


def fickle(past: Past) -> Floats:
    """The opposite of what came last, at the setting that came last; all settings else are a fair coin."""
    found = np.full(4, 0.5)
    if past and past[-1][1] != LOST:
        found[past[-1][0]] = 0.95 if past[-1][1] == TOGETHER else 0.05
    return found


def gambler(past: Past) -> Floats:
    """Risks all until the tests have won a little, and then nothing."""
    won = sum((outcome == SPLIT) == (TILTS[setting] > 0) for setting, outcome in past)
    return (TILTS > 0).astype(float) if 2 * won > len(past) else np.full(4, 0.5)


def honest(past: Past, outcome: int) -> float:
    return 0.0


def vain(past: Past, outcome: int) -> float:
    """The chance to lose a trial: two in three of those that came out split."""
    return 2 / 3 if outcome == SPLIT else 0.0


@pytest.mark.parametrize("loses", [honest, vain])
@pytest.mark.parametrize("device", [steady, fickle, gambler])
def test_all_sequences_of_few_trials_miss_no_more_often_than_allowed(
    device: Callable[[Past], Floats], loses: Callable[[Past, int], float]
) -> None:
    """Every setting drawn, every outcome, and every loss, with its probability; the limits hold for the average.

    What a test has won, by the bound of its half-space, is 1 on average, or less if trials were lost.
    """
    trials, missed, total, won = 3 if loses is vain else 4, 0.0, 0.0, 0.0
    tests = np.where([True, True, False, False], TILTS, 0.0)  # of the first entry
    together, apart = np.exp(-tests * CENTRE), np.exp(tests * (1 - CENTRE))
    known: dict[bytes, Limits] = {}
    one = list(product(range(4), (SPLIT, TOGETHER), (False, True) if loses is vain else (False,)))
    for sequence in product(one, repeat=trials):
        past: Past = ()
        chance, expected, average, counts = 1.0, 1.0, np.zeros(4), np.zeros((3, 4))
        for setting, outcome, lost in sequence:
            split = device(past)
            average += split / trials
            expected *= DISTRIBUTION @ (split * apart + (1 - split) * together)
            chance *= DISTRIBUTION[setting] * (split[setting] if outcome == SPLIT else 1 - split[setting])
            losing = loses(past, outcome)
            chance *= losing if lost else 1 - losing
            if chance == 0:
                break
            counts[LOST if lost else outcome, setting] += 1
            past += ((setting, LOST if lost else outcome),)
        else:
            key = counts.tobytes()
            if key not in known:
                known[key] = limits_of(counts, DISTRIBUTION)
            total += chance
            missed += chance * (not hold(known[key], average))
            won += chance * float(DISTRIBUTION @ together - known[key].bound[0]) ** trials / expected
    won *= SHAPE[0] / (PLANE_SHARE * LEVEL)
    assert total == pytest.approx(1.0)
    assert missed <= LEVEL
    assert won == pytest.approx(1.0) if loses is honest else 0.2 < won < 1.0


def test_a_lost_trial_counts_as_what_its_test_pays_less_for() -> None:
    """3 trials of 10 came out split, 5 did not, and 2 were lost: at worst 3 in 10 are split, or 5 in 10.

    A test that pays both alike leaves open what is worse: then it is the outcome less expected.
    """
    tilts, centre = np.array([[[0.7, -0.7, 0.0], [0.0, 0.0, 0.7]]]), np.array([[[0.2, 0.8, 0.9], [0.1, 0.5, 0.5]]])
    one = np.ones(tilts.shape)
    counts = MenuCounts(3 * one, 5 * one, 2 * one, one / 6)
    np.testing.assert_array_equal(counts.worst(tilts, centre), [[[0.3, 0.5, 0.3], [0.5, 0.375, 0.3]]])
    np.testing.assert_array_equal(counts.estimated, 0.375 * one)
    none = MenuCounts(0 * one, 0 * one, 2 * one, one / 6)
    np.testing.assert_array_equal(none.worst(tilts, centre), [[[0, 1, 0], [1, 0.5, 0]]])


def test_the_worst_estimate_lies_within_the_limits_and_is_the_usual_one_if_nothing_was_lost() -> None:
    """A mean payment is at least the exponential of the mean logarithm (Jensen), so that its half-space holds it.

    Whatever else the lost trials were lies no nearer to the bound.
    """
    rng = np.random.default_rng(3)
    tilts, centre = TILTS.reshape(SHAPE), CENTRE.reshape(SHAPE)
    for _ in range(100):
        table = rng.integers(0, 60, size=(3, 4)).astype(float) + 1
        realised = table.sum(axis=0) / table.sum()
        counts = MenuCounts(*(np.reshape(each, SHAPE) for each in (*table, realised)))
        limits, worst = limits_of(table, realised, level=0.99), counts.worst(tilts, centre)
        assert hold(limits, worst)
        other = (counts.split + counts.lost * rng.random(SHAPE)) / (counts.split + counts.together + counts.lost)
        assert ((limits.normal * other).sum(axis=(1, 2)) <= (limits.normal * worst).sum(axis=(1, 2)) + 1e-12).all()
        whole = replace(counts, lost=np.zeros(SHAPE))
        np.testing.assert_array_equal(whole.worst(tilts, centre), whole.estimated)


@pytest.mark.parametrize("split", [[0.3, 0.6, 0.9, 0.5], [0.5, 0.5, 0.5, 0.5], [0.9, 0.1, 0.95, 0.05]])
@pytest.mark.parametrize("asked", [(5, 3, 4, 2), (9, 1, 2, 0), (2, 8, 0, 6)])
def test_fixed_settings_miss_no_more_often_than_allowed(asked: tuple[int, ...], split: list[float]) -> None:
    """All numbers of outcomes by the binomial law. Settings that nobody asked for may have any probability."""
    missed = 0.0
    for counts in product(*(range(each + 1) for each in asked)):
        chance = math.prod(binom.pmf(counts, asked, split))
        table = np.array([counts, np.subtract(asked, counts), [0, 0, 0, 0]], dtype=float)
        limits = limits_of(table, np.array(asked) / sum(asked))
        missed += chance * (not hold(limits, np.array(split)))
    assert missed <= LEVEL
    never = np.reshape(np.equal(asked, 0), SHAPE)
    assert (limits.low[never] == 0).all()
    assert (limits.high[never] == 1).all()


def test_smaller_significance_means_wider_limits() -> None:
    """Else the smallest at which something is certified were no p-value."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        counts = rng.integers(0, 60, size=(3, 4)).astype(float)
        counts[LOST] //= 20
        wide, narrow = (limits_of(counts, DISTRIBUTION, level, 0.01) for level in (1e-6, 0.05))
        assert (wide.bound > narrow.bound).all()
        np.testing.assert_array_equal(wide.normal, narrow.normal)
        assert (wide.low <= narrow.low).all()
        assert (wide.high >= narrow.high).all()


def test_the_declared_direction_is_known_as_well_as_stakes_allow() -> None:
    """With the best stake a test leaves √(2 ln 1/δ) standard deviations of the estimate, however many settings."""
    split, trials, level = np.array([[[0.2, 0.8], [0.7, 0.4]]]), 1e6, 1e-3
    distribution, weight = np.array([[[0.4, 0.3], [0.2, 0.1]]]), np.array([[[1.0, -2.0], [0.5, 1.5]]])
    deviation = math.sqrt(float((weight**2 * split * (1 - split) / distribution).sum()) / trials)
    reach = math.sqrt(2 * math.log(1 / (PLANE_SHARE * level)))
    tilts = reach / (trials * deviation) * weight / distribution
    limits = menu_limits(MenuCounts.expected(split, distribution, trials), tilts, split, level, level)
    scale = -float((limits.normal * weight).sum() / (weight**2).sum())
    np.testing.assert_allclose(limits.normal, -scale * weight, rtol=0.01)
    left = (float(limits.bound[0]) - float((limits.normal * split).sum())) / scale
    assert left == pytest.approx(reach * deviation, rel=0.01)


EXPERIMENTS = 4000
TRIALS = 300


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["independent", "drifting", "remembering", "gambling", "losing", "fixed"])
def test_limits_miss_in_no_more_experiments_than_they_say(kind: str) -> None:
    level, rng = 0.05, np.random.default_rng(8)
    settings = rng.choice(4, size=(TRIALS, EXPERIMENTS), p=DISTRIBUTION)
    if kind == "fixed":
        settings = np.broadcast_to(np.arange(TRIALS)[:, None] % 4, settings.shape)
    everyone, ahead = np.arange(EXPERIMENTS), np.zeros(EXPERIMENTS)
    counts, average = np.zeros((3, 4, EXPERIMENTS)), np.zeros((4, EXPERIMENTS))
    for trial, setting in enumerate(settings):
        split = np.broadcast_to(CENTRE[:, None], average.shape).copy()
        if kind == "drifting":
            split[:] = 0.5 + 0.45 * math.sin(trial / 30)
        elif kind == "remembering" and trial:
            split[settings[trial - 1], everyone] = 0.05
            split[:, ahead > 0] = 1 - split[:, ahead > 0]
        elif kind == "gambling":
            split[:] = np.where(ahead > 3.0, TILTS[:, None] > 0, 0.5)
        apart = rng.random(EXPERIMENTS) < split[setting, everyone]
        lost = (kind == "losing") & apart & (rng.random(EXPERIMENTS) < 0.3)
        counts[np.where(lost, LOST, np.where(apart, SPLIT, TOGETHER)), setting, everyone] += 1
        average += split / TRIALS
        # What the first entry's test has won of a bet against the probabilities played.
        tilt = np.where(setting < 2, TILTS[setting], 0.0)
        tests = np.where(np.arange(4) < 2, TILTS, 0.0)[:, None]
        mean = (DISTRIBUTION[:, None] * (1 + split * (np.exp(tests) - 1)) * np.exp(-tests * CENTRE[:, None])).sum(0)
        ahead += tilt * (apart - CENTRE[setting]) - np.log(mean)
    realised = np.full(4, 0.25) if kind == "fixed" else DISTRIBUTION
    limits = [limits_of(counts[:, :, each], realised, level, level) for each in range(EXPERIMENTS)]
    missed = sum(not hold(found, split) for found, split in zip(limits, average.T, strict=True))
    assert missed <= binom.ppf(0.9999, EXPERIMENTS, level)
