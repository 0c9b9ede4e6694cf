"""The certificate of a menu: its p-value is that of the limits, and no classical device is certified too often."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.menus.analyze import analyze_menu
from bellqueue.analysis.menus.certificate import MOST, MenuTest, menu_test
from bellqueue.analysis.menus.limits import PLANE_SHARE, MenuCounts, menu_limits
from bellqueue.analysis.menus.records import MenuPlan
from bellqueue.model.errors import DataError
from bellqueue.model.informed.comparison import Comparison
from bellqueue.model.informed.measured import Limits
from bellqueue.model.informed.menu import Menu
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Router, Sampling
from scipy.stats import binom

from tests.analysis.conftest import provenance
from tests.model.informed.workloads import light
from tests.scenarios import default_record

Floats = np.ndarray[Any, np.dtype[np.float64]]
KAPPA = 19.166991
LEVELS = 40  # of the grid: coarse, so that the margin is smaller and the tests are quick
BELL = np.array([[[0.1464, 0.8536], [0.8536, 0.8536]]])  # P(a≠b) of a perfect pair: two short requests stay together
EVEN = np.full((1, 2, 2), 0.25)


def classical_tables() -> list[Floats]:
    """P(a≠b | x,y) of all deterministic devices; shared randomness only mixes them."""
    found = {
        tuple(float(a >> x & 1 != b >> y & 1) for x in (0, 1) for y in (0, 1)) for a, b in product(range(4), repeat=2)
    }
    return [np.reshape(each, (1, 2, 2)) for each in sorted(found)]


def with_policy(split: Floats) -> Comparison:
    """The comparison whose policy is the best with these probabilities."""
    comparison = Comparison(light(), KAPPA, LEVELS)
    comparison.best_policy(Limits.exact(split))
    return comparison


@cache
def tilts(trials: int, level: float) -> Floats:
    """The stakes that say most about the cost, were the pairs perfect."""
    slopes = with_policy(BELL).slopes(BELL)
    deviation = math.sqrt(float((slopes**2 * BELL * (1 - BELL) / EVEN).sum()) / trials)
    return np.asarray(-math.sqrt(-2 * math.log(PLANE_SHARE * level)) / (trials * deviation) * slopes / EVEN)


def limits_of(counts: MenuCounts, level: float) -> Callable[[float], Limits]:
    stakes = tilts(round(counts.trials), level)
    return lambda log_significance: menu_limits(counts, stakes, BELL, math.exp(log_significance), level)


def analyzed(split: Floats, trials: int, level: float = 1e-3) -> tuple[MenuTest, Comparison, Callable[[float], Limits]]:
    counts = MenuCounts.expected(split, EVEN, trials)
    limits = limits_of(counts, level)
    comparison = with_policy(counts.estimated)
    return menu_test(comparison, counts.estimated, limits, math.log(level)), comparison, limits


def test_no_classical_device_costs_less_than_its_bound_however_well_it_is_known() -> None:
    tables = classical_tables()
    assert len(tables) == 8
    for split in tables:
        comparison = with_policy(split)
        assert comparison.cost(Limits.exact(split)) > comparison.classical
    comparison = with_policy(BELL)
    assert comparison.cost(Limits.exact(BELL)) < comparison.classical - 0.02


def test_the_p_value_is_the_significance_at_which_the_limit_meets_the_bound() -> None:
    found, comparison, limits = analyzed(BELL, 30_000)
    assert found.log_p_value < math.log(1e-3)
    assert found.estimate < found.limit < comparison.classical
    assert comparison.cost(limits(found.log_p_value)) < comparison.classical
    assert comparison.cost(limits(1.03 * found.log_p_value)) > comparison.classical


def test_a_p_value_above_the_significance_comes_with_a_limit_above_the_bound() -> None:
    found, comparison, limits = analyzed(BELL, 200)
    assert math.log(1e-3) < found.log_p_value < 0
    assert found.limit > comparison.classical > found.estimate
    assert comparison.cost(limits(found.log_p_value)) < comparison.classical


def test_more_trials_prove_more_until_numbers_end() -> None:
    few, many, countless = (analyzed(BELL, trials)[0].log_p_value for trials in (3_000, 30_000, 10**10))
    assert 0 > few > many > countless >= -MOST


def test_what_is_no_better_than_classical_has_p_value_1() -> None:
    for split in (classical_tables()[0], np.full((1, 2, 2), 0.5)):
        found, comparison, _ = analyzed(split, 100_000)
        assert found.log_p_value == 0.0
        assert found.limit > comparison.classical


@pytest.mark.parametrize(
    ("sampling", "inverted"),
    [
        (Sampling("random", EVEN[0], stopped=True), None),
        (Sampling("random", EVEN[0], parallel=2), None),
        (Sampling("random", EVEN[0]), "a"),
    ],
)
def test_trials_for_which_the_limits_do_not_hold_are_refused(sampling: Sampling, inverted: Router | None) -> None:
    scenario = Scenario.parse(default_record())
    angle = np.array([[[0.0, np.pi / 2]], [[np.pi / 4, -np.pi / 4]]])
    u, v = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    plan = MenuPlan(kappa=KAPPA, tilts=[[0.0, 0.0]] * 2, centre=[[0.5, 0.5]] * 2)
    sample = Sample(Counts(np.full((2, 2, 2, 2), 50)), sampling).invert(inverted)
    with pytest.raises(DataError, match="fixed beforehand"):
        analyze_menu(scenario, Menu(u, v), plan, sample, provenance())


@pytest.mark.slow
@pytest.mark.parametrize(("trials", "level", "mixed"), [(300, 0.05, True), (2000, 0.05, True), (20_000, 1e-3, False)])
def test_the_best_classical_device_is_certified_no_more_often_than_the_significance(
    trials: int, level: float, mixed: bool
) -> None:
    """In 1000 runs, settings drawn afresh: with the answers that lose least, or a fair coin between the best two.

    The coin is shared. It costs hardly more, and its outcomes vary, by luck towards better ones.
    """
    comparison = with_policy(BELL)
    slopes = comparison.slopes(BELL)
    best = sorted(classical_tables(), key=lambda split: float((slopes * split).sum()))
    played = (best[0] + best[1]) / 2 if mixed else best[0]
    assert comparison.cost(Limits.exact(played)) >= comparison.classical
    rng = np.random.default_rng([trials, round(1 / level)])
    certified = 0
    for _ in range(1000):
        asked = rng.multinomial(trials, EVEN.ravel()).reshape(EVEN.shape)
        apart = rng.binomial(asked, played).astype(float)
        counts = MenuCounts(apart, asked - apart, np.zeros(asked.shape), EVEN)
        limits = limits_of(counts, level)(math.log(level))
        certified += comparison.cost(limits) < comparison.classical
    assert certified <= binom.ppf(0.9999, 1000, level)
