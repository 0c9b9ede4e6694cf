"""How many dimensions an optimum needs, and what fewer reach: closed forms, and searches of another kind."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from bellqueue.model.games.dimension import in_few_dimensions, largest_dimension, optimum_within
from bellqueue.model.games.strategy import Floats, Measurements
from bellqueue.model.games.values.classical_value import classical_optimum
from bellqueue.model.games.values.quantum_value import quantum_optimum
from bellqueue.model.games.values.xor_game import XorGame
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.small_games import by_quasi_newton

CHSH = np.array([[1.0, 1.0], [1.0, -1.0]])


def chsh_of_all_pairs(count: int) -> Floats:
    """A CHSH game between every two of A's inputs, each with two inputs of B's own: shape (n, n(n−1))."""
    columns = []
    for first, second in combinations(range(count), 2):
        for sign in (1.0, -1.0):
            column = np.zeros(count)
            column[[first, second]] = 1.0, sign
            columns.append(column)
    return np.array(columns).T


def test_four_inputs_that_play_chsh_in_pairs_need_four_dimensions() -> None:
    """Two vectors at angle θ score 2√(1+|sin θ|), so that all four should be orthogonal.

    √(1+√(1−t)) falls with t = cos²θ and is concave, and the mean of t over the pairs of four lines in three dimensions
    is at least 1/9 (Welch), which the diagonals of a cube reach: 12·√(1+√(8/9)).
    """
    game = XorGame(chsh_of_all_pairs(4))
    best, solid = optimum_within(game), optimum_within(game, 3)
    assert best.u.shape[1] == 4
    assert best.bound.low == pytest.approx(12 * np.sqrt(2), rel=1e-9)
    assert best.bound.high == pytest.approx(12 * np.sqrt(2), rel=1e-9)
    assert solid.u.shape[1] == 3
    assert float((game.matrix * solid.correlators).sum()) == pytest.approx(12 * np.sqrt(1 + np.sqrt(8 / 9)), rel=1e-9)
    assert "not proved" in solid.bound.method
    assert solid.bound.high == best.bound.high


def test_a_sum_of_separate_chsh_games_needs_no_more_than_a_plane() -> None:
    """Their relative orientation is free, so that the ascent finds optima of more dimensions: they are brought down."""
    matrix = np.kron(np.eye(4), CHSH)
    game = XorGame(matrix)
    found = quantum_optimum(game)
    assert Measurements(found.u, found.v).reduced().dimension > 2
    best = optimum_within(game, 2)
    assert best.u.shape[1] == 2
    assert float((matrix * best.correlators).sum()) == pytest.approx(8 * np.sqrt(2), rel=1e-10)
    assert best.bound.high - best.bound.low < 1e-8


@pytest.mark.parametrize(
    ("shape", "dimension"),
    [((2, 2), 2), ((1, 9), 1), ((3, 3), 2), ((3, 4), 3), ((3, 20), 3), ((4, 6), 3), ((4, 7), 4), ((5, 6), 4)],
)
def test_the_largest_dimension_is_the_last_within_the_number_of_inputs(shape: tuple[int, int], dimension: int) -> None:
    """k(k+1)/2 ≤ n_A + n_B − 1, and both routers' vectors span the same."""
    assert largest_dimension(shape) == dimension


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0.2, 1.0), st.integers(0, 2**32 - 1))
@settings(max_examples=80)
def test_an_optimum_fits_into_the_largest_dimension_and_keeps_its_score(
    rows: int, columns: int, filled: float, seed: int
) -> None:
    """Also of games with repeated and empty rows, whose optima are anything but unique."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, columns)) * (rng.random((rows, columns)) < filled)
    matrix = matrix[rng.integers(0, rows, rows)]
    game = XorGame(matrix)
    found = quantum_optimum(game)
    few = in_few_dimensions(game, Measurements(found.u, found.v))
    assert few.dimension <= largest_dimension((rows, columns))
    assert np.linalg.norm(few.u, axis=1) == pytest.approx(np.ones(rows), abs=1e-12)
    scale = np.abs(matrix).sum() + 1e-12
    assert (matrix * few.correlators).sum() >= (matrix * found.correlators).sum() - 1e-8 * scale


@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_more_dimensions_never_score_less(rows: int, columns: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).normal(size=(rows, columns))
    game = XorGame(matrix)
    scores = [float((matrix * optimum_within(game, k).correlators).sum()) for k in (2, 3, None)]
    slack = 1e-7 * np.abs(matrix).sum()
    assert classical_optimum(game).bound.low - slack <= scores[0] <= scores[1] + slack <= scores[2] + 2 * slack
    assert scores[2] <= quantum_optimum(game).bound.high


@pytest.mark.parametrize("seed", range(3))
def test_no_search_of_another_kind_finds_more_in_few_dimensions(seed: int) -> None:
    """In a plane, where local optima abound."""
    matrix = np.random.default_rng(seed).normal(size=(8, 8))
    found = optimum_within(XorGame(matrix), 2)
    assert float((matrix * found.correlators).sum()) >= by_quasi_newton(matrix, 2, 30) - 1e-7
