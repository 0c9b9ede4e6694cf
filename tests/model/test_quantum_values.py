"""Many games at once: the values of games solved alone, of closed forms, and of the strategies given with them."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.model.games.values.anderson import fixed_point, fixed_points
from bellqueue.model.games.values.quantum_value import normalise, quantum_optimum
from bellqueue.model.games.values.quantum_values import quantum_optima
from bellqueue.model.games.values.xor_game import XorGame

TSIRELSON = np.array([[1.0, 1.0], [1.0, -1.0]])


@pytest.mark.parametrize(("shape", "dimension"), [((2, 2), 2), ((2, 5), 4), ((4, 3), 5), ((6, 6), 6)])
def test_each_has_the_value_it_has_alone(shape: tuple[int, int], dimension: int) -> None:
    matrices = np.random.default_rng(3).normal(size=(12, *shape))
    together = quantum_optima(matrices, np.zeros(12), dimension)
    for matrix, found in zip(matrices, together, strict=True):
        assert found is not None
        alone = quantum_optimum(XorGame(matrix)).bound
        assert found.bound.low == pytest.approx(alone.low, rel=1e-8)
        assert found.bound.high >= alone.low  # both intervals hold the same value
        assert found.bound.low <= alone.high
        np.testing.assert_allclose(np.linalg.norm(found.u, axis=1), 1)
        assert float((matrix * found.correlators).sum()) >= found.bound.low


def test_the_interval_of_chsh_holds_tsirelson_s_bound() -> None:
    (found,) = quantum_optima(TSIRELSON[None], np.zeros(1), 2)
    assert found is not None
    assert found.bound.low <= 2 * np.sqrt(2) <= found.bound.high
    assert found.bound.high - found.bound.low < 1e-8


@pytest.mark.parametrize("row", [[1.0, 2.0], [-3.0, 1e-3]])
def test_where_two_types_agree_the_value_is_classical(row: list[float]) -> None:
    """Both rows alike: Σ|G| is reached without entanglement, at an end of the interval of u₀·u₁."""
    (found,) = quantum_optima(np.array([[row, row]]), np.zeros(1), 2)
    assert found is not None
    assert found.bound.low == pytest.approx(2 * np.abs(row).sum())


def test_what_the_others_are_makes_no_difference() -> None:
    matrices = np.random.default_rng(5).normal(size=(9, 3, 3))
    together = quantum_optima(matrices, np.zeros(9), 4)
    for place in (0, 4, 8):
        (alone,) = quantum_optima(matrices[place : place + 1], np.zeros(1), 4)
        both = together[place]
        assert alone is not None
        assert both is not None
        assert alone.bound == both.bound


def test_a_type_that_never_occurs_is_left_to_the_single_game() -> None:
    matrices = np.array([[[1.0, 0.0], [2.0, 0.0]], TSIRELSON])
    alone, together = quantum_optima(matrices, np.zeros(2), 2)
    assert alone is None
    assert together is not None


def test_fixed_points_are_those_found_one_by_one() -> None:
    rng = np.random.default_rng(7)
    maps, start = rng.normal(size=(5, 3, 3)), normalise(rng.normal(size=(5, 3, 2)))
    symmetric = maps @ maps.swapaxes(1, 2)

    def step(points: np.ndarray, at: np.ndarray) -> np.ndarray:
        return normalise(symmetric[at] @ points)

    def one_map(matrix: np.ndarray, first: np.ndarray) -> np.ndarray:
        return fixed_point(lambda point: normalise(matrix @ point), first, normalise, tolerance=1e-12)

    found = fixed_points(step, start, normalise, np.full(5, 1e-12), 500)
    for matrix, first, end in zip(symmetric, start, found, strict=True):
        alone = one_map(matrix, first)
        np.testing.assert_allclose(end @ end.T, alone @ alone.T, atol=1e-8)  # up to a rotation
