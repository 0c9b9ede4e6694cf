"""Schedules of strategies and of menus: every setting has its own bases and its own share of the trials."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from bellqueue.circuits.schedule import Schedule, Setting, draw_schedule, menu_strategy
from bellqueue.model.games.strategy import Measurements, Strategy, vectors_of
from bellqueue.model.informed.menu import Menu
from bellqueue.model.trials import Sampling
from numpy.typing import NDArray
from scipy.stats import chisquare

ENTRIES, ROWS, COLUMNS, TRIALS = 3, 2, 4, 20_000


def a_menu(dimension: int = 2, entries: int = ENTRIES) -> Menu:
    vectors = np.random.default_rng(dimension).normal(size=(entries, ROWS + COLUMNS, dimension))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return Menu(vectors[:, :ROWS], vectors[:, ROWS:])


def shares(entries: int = ENTRIES) -> NDArray[np.float64]:
    """Uneven, one setting never."""
    table = np.random.default_rng(5).dirichlet(np.full(entries * ROWS * COLUMNS, 3.0)).reshape(entries * ROWS, COLUMNS)
    table[1, 2] = 0
    return np.asarray(table / table.sum())


def drawn(menu: Menu, rule: Literal["random", "fixed"], block: int = 1) -> Schedule:
    distribution = shares(len(menu))
    sampling = Sampling(rule, distribution, block)
    strategy = menu_strategy(menu, distribution)
    return draw_schedule(strategy, sampling, distribution, TRIALS, np.random.default_rng(4))


def ideal(setting: Setting) -> float:
    """⟨u, v⟩ of the vectors that the angles stand for."""
    u, v = (vectors_of(np.array([half]))[0] for half in np.split(np.array(setting.angles), 2))
    return float(u @ v)


@pytest.mark.parametrize("dimension", [2, 3, 5])
def test_every_setting_has_the_bases_of_its_entry(dimension: int) -> None:
    """Ideal correlators of the angles are ⟨u, v⟩ of that entry and those types, also once stored."""
    menu = a_menu(dimension)
    schedule = Schedule.from_bytes(drawn(menu, "random").to_bytes())
    assert schedule.shape == (ENTRIES * ROWS, COLUMNS)
    assert schedule.dimension == dimension
    assert len(schedule.settings) == ENTRIES * ROWS * COLUMNS - 1
    for setting in schedule.settings:
        entry, x = divmod(setting.x, ROWS)
        assert ideal(setting) == pytest.approx(menu.u[entry, x] @ menu.v[entry, setting.y], abs=1e-9)


def test_all_components_of_a_mixture_fit_the_same_circuit() -> None:
    parts = [Measurements(menu.u[0], menu.v[0]) for menu in (a_menu(2), a_menu(5))]
    r = np.full((ROWS, COLUMNS), 1 / (ROWS * COLUMNS))
    strategy, sampling = Strategy(tuple(parts), (0.5, 0.5)), Sampling("random", r)
    schedule = draw_schedule(strategy, sampling, r, 50, np.random.default_rng(1))
    assert {setting.dimension for setting in schedule.settings} == {5}
    for number, part in enumerate(parts):
        for setting in schedule.settings[r.size * number : r.size * (number + 1)]:
            assert ideal(setting) == pytest.approx(part.u[setting.x] @ part.v[setting.y], abs=1e-12)


@pytest.mark.parametrize("block", [1, 10])
def test_random_settings_come_as_often_as_declared(block: int) -> None:
    schedule, declared = drawn(a_menu(), "random", block), shares()
    blocks = schedule.order.reshape(-1, block)
    assert np.all(blocks == blocks[:, :1])
    counts = np.bincount(blocks[:, 0], minlength=len(schedule.settings))
    expected = [declared[setting.x, setting.y] for setting in schedule.settings]
    assert chisquare(counts, len(blocks) * np.array(expected)).pvalue > 1e-4
    assert (1, 2) not in {(setting.x, setting.y) for setting in schedule.settings}


def test_fixed_settings_have_their_share_to_within_one_trial() -> None:
    schedule, declared = drawn(a_menu(), "fixed"), shares()
    expected = [TRIALS * declared[setting.x, setting.y] for setting in schedule.settings]
    assert np.abs(schedule.shots - expected).max() < 1
    assert np.all(np.diff(schedule.order) >= 0)


def test_a_menu_of_one_entry_is_a_strategy() -> None:
    menu, distribution = a_menu(entries=1), shares(1)
    sampling = Sampling("random", distribution)
    alone = Strategy((Measurements(menu.u[0], menu.v[0]),), (1.0,))
    one, other = (
        draw_schedule(strategy, sampling, distribution, 100, np.random.default_rng(1))
        for strategy in (alone, menu_strategy(menu, distribution))
    )
    assert one.settings == other.settings
    np.testing.assert_array_equal(one.order, other.order)


def test_the_components_of_a_menu_have_its_entries_shares_of_the_trials() -> None:
    distribution = shares()
    expected = [distribution[first : first + ROWS].sum() for first in range(0, ENTRIES * ROWS, ROWS)]
    assert menu_strategy(a_menu(), distribution).mixture == pytest.approx(expected)
