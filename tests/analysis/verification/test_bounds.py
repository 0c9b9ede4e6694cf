"""The verification's own bounds against listing every strategy, Tsirelson's values and each other."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from bellqueue.analysis.verification import classical
from bellqueue.analysis.verification.classical import classical_value
from bellqueue.analysis.verification.game import Game, Matrix
from bellqueue.analysis.verification.quantum import positive_definite, quantum_value
from bellqueue.model.scenario.file import Scenario
from hypothesis import given
from hypothesis import strategies as st

from tests.scenarios import random_scenario


def game_of(scenario: Scenario) -> Game:
    return Game.of(scenario.record(), [])


def matrix(rows: list[list[float]]) -> Matrix:
    return tuple(tuple(Fraction(entry) for entry in row) for row in rows)


def best_of_all(game: Matrix) -> Fraction:
    """max Σ G a_x b_y over every pair of signings."""
    rows, columns = len(game), len(game[0])
    return max(
        sum((game[x][y] * a[x] * b[y] for x in range(rows) for y in range(columns)), Fraction(0))
        for a in itertools.product((1, -1), repeat=rows)
        for b in itertools.product((1, -1), repeat=columns)
    )


@pytest.mark.parametrize("seed", range(6))
def test_every_method_finds_the_best_of_all_strategies(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enumeration, the mixed-integer programme, and for independent types the sweep over cuts."""
    rng = np.random.default_rng(seed)
    game = game_of(random_scenario(rng, most=5, joint=seed % 2 == 0))
    multiplier = float(np.quantile([float(w) for row in game.weights for w in row], rng.uniform(0.2, 0.8)))
    best = best_of_all(game.at(multiplier))
    found = classical_value(game, multiplier, 10.0)
    assert "signings" in found.method
    assert found.low == best
    assert 0 <= found.high - float(best) < 1e-12
    monkeypatch.setattr(classical, "MAX_STEPS", 0)
    found = classical_value(game, multiplier, 10.0)
    assert ("pairs of cuts" if game.ordered else "HiGHS, solved") in found.method
    assert found.exact == game.ordered
    assert found.low == best
    assert found.high == pytest.approx(float(best), rel=1e-7)


def test_chunks_of_signings_are_all_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    game = game_of(random_scenario(np.random.default_rng(8), most=9, joint=True))
    whole = classical_value(game, 1.0, 1.0)
    monkeypatch.setattr(classical, "_CHUNK", 16)
    assert classical_value(game, 1.0, 1.0).low == whole.low


def test_a_programme_without_time_proves_little_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classical, "MAX_STEPS", 0)
    game = game_of(random_scenario(np.random.default_rng(3), most=6, joint=True))
    found = classical_value(game, 1.0, 0.0)
    assert "bound proved in 0 s" in found.method
    assert float(found.low) <= float(best_of_all(game.at(1.0))) <= found.high


CHSH = [[1, 1], [1, -1]]


@pytest.mark.parametrize(
    ("game", "value"),
    [
        (CHSH, 2 * math.sqrt(2)),
        # The chained game of n settings: 2n cos(π/2n).
        ([[1, 0, -1], [1, 1, 0], [0, 1, 1]], 6 * math.cos(math.pi / 6)),
        ([[2, 1], [1, 3]], 7.0),  # no sign in the way: classical is best
        ([[3, 0], [0, 0]], 3.0),
        ([[1, 1, 1], [1, -1, 0]], 1 + 2 * math.sqrt(2)),
    ],
)
def test_quantum_values_known_in_closed_form(game: list[list[float]], value: float) -> None:
    found = quantum_value(matrix(game))
    assert found.low <= value * (1 + 1e-12)
    assert found.high >= value * (1 - 1e-15)
    assert found.high - found.low < 1e-9
    assert "exact integers" in found.method


def test_large_games_are_bounded_by_eigenvalues() -> None:
    game = np.random.default_rng(1).normal(size=(30, 30))
    found = quantum_value(matrix(game.tolist()))
    assert "least eigenvalue" in found.method
    assert 0 <= found.high - found.low < 1e-8 * np.abs(game).sum()
    assert found.high <= 30 * np.linalg.norm(game, 2)  # √(n_A n_B)‖G‖


@given(st.lists(st.integers(-9, 9), min_size=16, max_size=16))
def test_a_matrix_of_integers_is_positive_definite_if_its_eigenvalues_are_positive(entries: list[int]) -> None:
    square = np.array(entries).reshape(4, 4)
    symmetric = square + square.T + 12 * np.eye(4, dtype=int)
    least = np.linalg.eigvalsh(symmetric)[0]
    if abs(least) > 1e-9:
        assert positive_definite(symmetric.tolist()) == (least > 0)
    assert not positive_definite([[1, 1], [1, 1]])  # singular
