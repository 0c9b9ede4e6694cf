"""Drift and memory: devices without either raise no more alarms than stated, devices with one are found."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.analysis.replay.drift import drift_test, memory_test, order_remark, shuffled
from bellqueue.model.trials import Sampling, Trials
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from tests.known import known

CORRELATORS = np.array([[0.8, -0.6], [-0.7, -0.75]])
EVEN = np.full((2, 2), 0.25)
SKEWED = np.array([[0.62, 0.3], [0.07, 0.01]])


def answers(x: NDArray[np.int64], y: NDArray[np.int64], visibility: ArrayLike, rng: np.random.Generator) -> Trials:
    """A device without memory whose outcome a is biased towards 0."""
    a = (rng.random(x.size) < 0.4).astype(np.int64)
    differ = rng.random(x.size) < (1 - CORRELATORS[x, y] * np.asarray(visibility)) / 2
    return Trials(x, y, a, a ^ differ, (2, 2))


def device(seed: int, count: int, visibility: ArrayLike = 0.9, r: NDArray[np.float64] = EVEN) -> Trials:
    rng = np.random.default_rng([seed, 77])
    x, y = np.divmod(rng.choice(4, count, p=r.ravel()), 2)
    return answers(x, y, visibility, rng)


def forgetful(trials: Trials, probability: float, seed: int, shots: int = 1) -> Trials:
    """The same device, but now and then it repeats the outcomes of the trial `shots` before."""
    a, b = trials.a.copy(), trials.b.copy()
    for index in np.flatnonzero(np.random.default_rng(seed).random(len(trials)) < probability):
        if index >= shots:
            a[index], b[index] = a[index - shots], b[index - shots]
    return Trials(trials.x, trials.y, a, b, trials.shape)


def log10_p(trials: Trials, parallel: int = 1) -> tuple[float, float]:
    drift, memory = known(drift_test(trials, parallel)), known(memory_test(trials, parallel))
    return drift.log10_p_value, memory.log10_p_value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("r", "runs"), [pytest.param(EVEN, 500, id="even settings"), pytest.param(SKEWED, 150, id="unbalanced settings")]
)
def test_a_device_without_either_raises_one_alarm_in_a_hundred(r: NDArray[np.float64], runs: int) -> None:
    found = np.array([log10_p(device(seed, 1500, 0.6, r)) for seed in range(runs)])
    for level in (0.01, 0.1):
        assert np.all((found <= np.log10(level)).sum(axis=0) <= stats.binom.ppf(0.999, runs, level))
    assert np.all((found <= -1).sum(axis=0) >= 0.02 * runs)  # nor so far on the safe side that nothing is ever seen


def test_settings_may_change_as_they_like() -> None:
    # Early trials mostly ask one thing, late ones another with another correlator: the device itself never changes.
    rng = np.random.default_rng(3)
    late = rng.random(40_000) < np.linspace(0.02, 0.98, 40_000)
    x, y = late.astype(np.int64), rng.integers(0, 2, 40_000)
    assert min(log10_p(answers(x, y, 0.9, rng))) > -2


def test_a_decaying_visibility_is_found_with_its_size() -> None:
    trials = device(1, 40_000, np.linspace(0.95, 0.75, 40_000))
    found = known(drift_test(trials))
    assert found.alarm
    assert found.log10_p_value < -6
    assert abs(found.change - (0.75 - 0.95) / 0.85) < 4 * found.change_error
    middles = (np.arange(len(found.course)) + 0.5) / len(found.course)
    expected = (0.95 - 0.2 * middles) / 0.85
    assert np.all(np.abs(np.array(found.course) - expected) < 4.5 * np.array(found.course_error))
    assert log10_p(shuffled(trials, np.random.default_rng(1)))[0] > -2


def test_a_drift_without_a_trend_is_found() -> None:
    wave = 0.8 + 0.12 * np.cos(np.linspace(0, 2 * np.pi, 40_000))
    found = known(drift_test(device(2, 40_000, wave)))
    assert found.alarm
    assert found.log10_p_trend > -2
    assert found.log10_p_homogeneity < -3


@pytest.mark.parametrize("lag", [1, 4])
def test_a_device_that_repeats_itself_is_found_with_its_lag(lag: int) -> None:
    trials = forgetful(device(4, 40_000), 0.1, seed=5, shots=lag)
    found = known(memory_test(trials))
    assert found.alarm
    assert found.log10_p_value < -6
    assert found.lag == lag
    assert found.pattern in ("a after a", "b after b", "a=b after a=b")
    assert found.correlation == pytest.approx(0.1, abs=0.03)
    drift, memory = log10_p(shuffled(trials, np.random.default_rng(2)))
    assert min(drift, memory) > -2


def test_what_was_asked_before_is_found_to_matter() -> None:
    trials = device(6, 20_000)
    b = trials.b.copy()
    hit = np.flatnonzero((trials.y[:-1] == 1) & (np.random.default_rng(1).random(19_999) < 0.1)) + 1
    b[hit] = 0
    found = known(memory_test(Trials(trials.x, trials.y, trials.a, b, trials.shape)))
    assert found.alarm
    assert (found.lag, found.pattern) == (1, "b after the type at B")


def test_homogeneity_of_one_setting_is_pearsons() -> None:
    rng = np.random.default_rng(8)
    none = np.zeros(6_000, dtype=np.int64)
    trials = Trials(none, none, none, (rng.random(6_000) < np.linspace(0.2, 0.24, 6_000)).astype(np.int64), (1, 1))
    found = known(drift_test(trials))
    table = np.array([np.bincount(part, minlength=2) for part in np.split(trials.b, len(found.course))])
    pearson = stats.chi2_contingency(table, correction=False)
    exact = stats.chi2.logsf(pearson.statistic * (1 - 1 / 6_000), pearson.dof) / np.log(10)
    assert found.method == "chi-squared"
    assert found.log10_p_homogeneity == pytest.approx(exact, rel=1e-9)


def test_small_counts_are_judged_by_permutations() -> None:
    rng = np.random.default_rng(9)
    none = np.zeros(80, dtype=np.int64)
    b = np.zeros(80, dtype=np.int64)
    b[[0, 3, 7, 18, 19, 30]] = 1
    found = known(drift_test(Trials(none, none, none, b, (1, 1))))
    assert found.method == "permutation"
    blocks = len(found.course)

    def spread_of(bits: NDArray[np.int64]) -> float:
        return float((bits.reshape(blocks, -1).sum(axis=1) ** 2).sum())

    drawn = np.array([spread_of(rng.permutation(b)) for _ in range(20_000)])
    assert 10**found.log10_p_homogeneity == pytest.approx(np.mean(drawn >= spread_of(b)), abs=0.02)
    # All six among the first twenty: the share of orders that do that is counted exactly.
    b = np.sort(b)[::-1].copy()
    crowded = known(drift_test(Trials(none, none, none, b, (1, 1))))
    exact = blocks * stats.hypergeom.pmf(6, 80, 6, 80 // blocks)
    assert 10**crowded.log10_p_homogeneity == pytest.approx(exact, abs=6e-4)


def test_sparse_settings_raise_no_false_alarms_either() -> None:
    found = [known(drift_test(device(seed, 160, 0.95, SKEWED), seed=seed)) for seed in range(100)]
    assert {each.method for each in found} == {"permutation"}
    assert sum(each.log10_p_value <= -1 for each in found) <= stats.binom.ppf(0.999, 100, 0.1)


def test_pairs_that_share_a_shot_are_each_compared_with_themselves() -> None:
    good, bad = device(10, 20_000, 0.95), device(11, 20_000, 0.5)
    columns = {
        name: np.column_stack([getattr(good, name), getattr(bad, name)]).ravel() for name in ("x", "y", "a", "b")
    }
    woven = Trials(**columns, shape=(2, 2))
    assert min(log10_p(woven, parallel=2)) > -2
    found = known(memory_test(forgetful(woven, 0.1, seed=3, shots=2), parallel=2))
    assert found.alarm
    assert found.lag == 1  # one shot, two trials


def test_shuffling_keeps_every_count_and_every_setting_in_its_place() -> None:
    trials = device(12, 3_000)
    mixed = shuffled(trials, np.random.default_rng(4))
    assert np.array_equal(mixed.x, trials.x)
    assert np.array_equal(mixed.y, trials.y)
    assert np.array_equal(mixed.counts().table, trials.counts().table)
    assert not np.array_equal(mixed.a, trials.a)


def test_what_cannot_be_told_is_not_told() -> None:
    assert memory_test(device(13, 300)) is None
    none = np.zeros(5_000, dtype=np.int64)
    constant = Trials(none, none, none, none, (1, 1))
    assert drift_test(constant) is None
    assert memory_test(constant) is None
    assert order_remark(Sampling("random", EVEN)) is None
    assert "stretch" in str(order_remark(Sampling("fixed", EVEN)))
    assert "blocks of 50 trials" in str(order_remark(Sampling("random", EVEN, block=50)))


def test_stretches_of_one_setting_are_still_compared_with_themselves() -> None:
    x, y = np.divmod(np.repeat(np.arange(4), 10_000), 2)
    rng = np.random.default_rng(14)
    assert min(log10_p(answers(x, y, 0.9, rng))) > -2
    within = np.tile(np.linspace(0.95, 0.75, 10_000), 4)
    found = known(drift_test(answers(x, y, within, rng)))
    assert found.alarm
