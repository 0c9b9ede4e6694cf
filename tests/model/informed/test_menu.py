"""Menus against all bases on a grid of angles, on few states."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
from bellqueue.model.informed.bound import Level
from bellqueue.model.informed.entangled import EntangledProcess
from bellqueue.model.informed.grid import Grid
from bellqueue.model.informed.menu import Menu, _games, choose_menus
from bellqueue.model.informed.policy import folded
from bellqueue.model.queueing.reward import PiecewiseLinearReward
from bellqueue.model.queueing.workload import Workload

from tests.model.informed.workloads import Floats, fixed, light

KAPPA = 2.179987
VISIBILITY = 0.95


@cache
def solved() -> tuple[EntangledProcess, Floats]:
    """Sizes 1 and 10, where several games are worth a measurement."""
    sizes = (fixed(1.0), fixed(10.0))
    workload = replace(light(0.1 / 3.7, PiecewiseLinearReward.setup(30.0)), services_a=sizes, services_b=sizes)
    return solve(workload)


def solve(workload: Workload) -> tuple[EntangledProcess, Floats]:
    process = EntangledProcess(workload, Grid(5.0, 6, 8), VISIBILITY, 2)
    level = Level(process)
    level.solve(KAPPA, 1e-4, 500)
    return process, level.potential


def saved(tables: Floats) -> Floats:
    """By the best entry of each menu at each state, or by the maps, weighted by how often the states occur.

    Takes the ideal correlators of the menus, shape (menus, K, n_A, n_B).
    """
    process, potential = solved()
    least, base, matrices, weights = _games(process, potential, KAPPA)
    scores = np.einsum("nab,mkab->nmk", matrices, tables).max(axis=2)
    return np.asarray(weights @ np.maximum((least - base)[:, None] + VISIBILITY * scores, 0.0))


def test_one_entry_saves_what_the_best_of_all_bases_does() -> None:
    """All angles in steps of an eighth of a right angle; A's first basis is where angles are counted from."""
    process, potential = solved()
    angles = np.arange(32) * np.pi / 16
    a, first, second = (each.ravel() for each in np.meshgrid(angles, angles, angles))
    u, v = np.stack([np.zeros_like(a), a], axis=1), np.stack([first, second], axis=1)
    tables = np.cos(u[:, :, None] - v[:, None, :])[:, None]
    best = max(float(saved(part).max()) for part in np.array_split(tables, 16))
    (menu,) = choose_menus(process, potential, KAPPA, 1)
    assert best > 0
    assert saved(menu.correlators[None])[0] >= 0.99 * best


def test_every_further_entry_saves_more_and_never_more_than_bases_of_each_state() -> None:
    process, potential = solved()
    menus = choose_menus(process, potential, KAPPA, 4)
    assert [len(menu) for menu in menus] == list(range(1, len(menus) + 1))
    assert len(menus) > 1
    found = [float(saved(menu.correlators[None])[0]) for menu in menus]
    assert all(more > less for less, more in pairwise(found))
    least, base, matrices, weights = _games(process, potential, KAPPA)
    angles = np.arange(64) * np.pi / 32
    ideal = 0.0
    for state in range(len(least)):  # at B's angles given, A's best reply is a vector's length
        first, second = np.meshgrid(angles, angles)
        each = [
            np.hypot(*(row[0] * of(first) + row[1] * of(second) for of in (np.cos, np.sin))) for row in matrices[state]
        ]
        best = float(sum(each).max())
        ideal += weights[state] * max(least[state] - base[state] + VISIBILITY * best, 0.0)
    assert found[-1] <= 1.01 * ideal
    assert found[-1] >= 0.8 * ideal


def test_menus_of_routers_exchanged_are_exchanged() -> None:
    """Router A with three types and B with two, or the other way round."""
    process, _ = solved()
    workload = process.workload
    joint = np.repeat(workload.joint, [1, 2], axis=0) / np.array([[1.0], [2.0], [2.0]])
    names = ("short", "long", "long too")
    sizes = (fixed(1.0), fixed(10.0), fixed(10.0))
    wide = replace(workload, joint=joint, services_a=sizes, names_a=names)
    tall = replace(workload, joint=joint.T, services_b=sizes, names_b=names)
    (one,), (other,) = (choose_menus(*solve(each), KAPPA, 1) for each in (wide, tall))
    assert (one.shape, other.shape) == ((3, 2), (2, 3))
    np.testing.assert_allclose(one.correlators, other.correlators.swapaxes(1, 2), atol=1e-3)


def test_what_perfect_pairs_cannot_improve_has_no_menu() -> None:
    process, potential = solved()
    blind = EntangledProcess(process.workload, process.grid, 0.3, 2)
    assert choose_menus(blind, potential, KAPPA, 3) == []


@pytest.mark.parametrize("visibility", [1.0, 0.8, 0.0])
def test_werner_pairs_split_by_their_correlators(visibility: float) -> None:
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, 2 * np.pi, (2, 3, 2))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    menu = Menu(vectors[0], vectors[1])
    for k, x, y in product(range(3), range(2), range(2)):
        expected = (1 - visibility * np.cos(angles[0, k, x] - angles[1, k, y])) / 2
        assert menu.split(visibility)[k, x, y] == pytest.approx(expected)


def test_a_mean_over_states_is_one_over_those_with_the_larger_workload_first() -> None:
    rng = np.random.default_rng(1)
    occurs, values = rng.random((2, 5, 5))
    alike = values + values.T  # the same with the servers exchanged
    assert (folded(occurs) * np.tril(alike)).sum() == pytest.approx((occurs * alike).sum(), rel=1e-14)
    assert not np.triu(folded(occurs), 1).any()
