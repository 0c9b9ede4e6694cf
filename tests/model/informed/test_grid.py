"""Rounding down to the grid: sizes and levels never rise, and masses are those of the law."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.model.informed.grid import Grid, Jump, nudged, well_placed, whole_steps
from bellqueue.model.queueing.service import Service
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

LAWS = [
    (Service("exponential", 2.0, 1.0), stats.expon(scale=2.0)),
    (Service("gamma", 1.5, 0.4), stats.gamma(2.5, scale=0.6)),
    (Service("lognormal", 1.5, 0.7), stats.lognorm(np.sqrt(np.log1p(0.7)), scale=1.5 / np.sqrt(1.7))),
]


@pytest.mark.parametrize(("service", "law"), LAWS, ids=lambda each: getattr(each, "kind", ""))
def test_a_jump_has_the_law_of_the_floored_service_time(service: Service, law: stats.rv_continuous) -> None:
    grid = Grid(0.25, 4, 40)
    jump = Jump(service, grid)(np.eye(grid.busy + 1))
    for start in (0, 7, 39, 40):
        steps = grid.busy - start
        expected = np.zeros(grid.busy + 1)
        edges = np.arange(steps + 1) * grid.step
        expected[start : grid.busy] = np.diff(law.cdf(edges))
        expected[grid.busy] = law.sf(edges[-1])
        np.testing.assert_allclose(jump[start], expected, atol=1e-13)


def test_a_fixed_size_is_a_shift_that_ends_at_the_largest_workload() -> None:
    grid = Grid(0.5, 2, 8)
    values = np.arange(9.0)[:, None]
    assert Jump(Service("deterministic", 1.7), grid)(values).ravel().tolist() == [3, 4, 5, 6, 7, 8, 8, 8, 8]


@given(size=st.floats(1e-3, 1e3), step=st.floats(1e-3, 10.0))
def test_whole_steps_never_exceed_the_size(size: float, step: float) -> None:
    count = whole_steps(size, step)
    assert count * step <= size < (count + 1) * step


def test_the_grid_covers_what_it_should() -> None:
    grid = Grid.covering(0.3, 5.0, 7.0)
    assert grid.levels[0] <= -5.0 < grid.levels[1]
    assert grid.levels[-2] < 7.0 <= grid.levels[-1]
    assert grid.levels.size == grid.size
    assert grid.workloads[0] == 0.0


def test_interpolation_is_exact_for_linear_functions_inside() -> None:
    coarse, fine = Grid.covering(0.5, 3.0, 6.0), Grid.covering(0.25, 3.0, 8.0)
    values = coarse.interpolation(fine) @ (2.0 + 3.0 * coarse.levels)
    np.testing.assert_allclose(values, 2.0 + 3.0 * np.minimum(fine.levels, 6.0), atol=1e-12)


@given(sizes=st.lists(st.floats(0.1, 20.0), max_size=4), step=st.floats(0.05, 2.0))
def test_a_well_placed_step_is_of_the_size_asked_for(sizes: list[float], step: float) -> None:
    placed = well_placed(step, np.array(sizes), np.full(len(sizes), 0.5))
    assert step / 2 < placed <= step
    assert 0 <= placed - nudged(placed, np.array(sizes)) < 1e-11 * placed


def test_steps_on_which_the_sizes_lie_are_found_and_kept() -> None:
    assert well_placed(0.25, np.array([1.0, 6.0]), np.array([0.7, 0.3])) == 0.25
    assert well_placed(0.3, np.array([1.0, 1.5]), np.array([0.5, 0.5])) == pytest.approx(0.25)
    assert well_placed(0.3, np.array([]), np.array([])) == 0.3
