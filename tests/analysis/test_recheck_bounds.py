"""The verification's own bounds against listing every strategy, Tsirelson's values and each other."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from bellqueue.analysis.verification import classical as recheck_classical
from bellqueue.analysis.verification.classical import answers, classical_value, score
from bellqueue.analysis.verification.frontier import classical_hull
from bellqueue.analysis.verification.model import Matrix, Model
from bellqueue.analysis.verification.quantum import positive_definite, quantum_value
from bellqueue.model.scenario.file import Scenario
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scenarios import brute_force_hull, default_record, random_scenario


def model_of(scenario: Scenario) -> Model:
    return Model.of(scenario.record(), "s")


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
    model = model_of(random_scenario(rng, most=5, joint=seed % 2 == 0))
    multiplier = float(np.quantile([float(w) for row in model.weights for w in row], rng.uniform(0.2, 0.8)))
    exact, _ = model.game(multiplier)
    best = best_of_all(exact)
    found = classical_value(model, multiplier, 10.0)
    assert "signings" in found.method
    assert found.low == best
    assert 0 <= found.high - float(best) < 1e-12
    monkeypatch.setattr(recheck_classical, "MAX_STEPS", 0)
    found = classical_value(model, multiplier, 10.0)
    assert ("pairs of cuts" if model.product else "HiGHS, solved") in found.method
    assert found.closed
    assert found.low == best == score(exact, found.signs)
    assert found.high == pytest.approx(float(best), rel=1e-7)
    b = answers(exact, found.signs)
    assert best == sum(exact[x][y] * found.signs[x] * b[y] for x in range(len(exact)) for y in range(len(b)))


def test_chunks_of_signings_are_all_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(random_scenario(np.random.default_rng(8), most=9, joint=True))
    whole = classical_value(model, 1.0, 1.0)
    monkeypatch.setattr(recheck_classical, "_CHUNK", 16)
    assert classical_value(model, 1.0, 1.0).low == whole.low


def test_a_programme_without_time_proves_little_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck_classical, "MAX_STEPS", 0)
    model = model_of(random_scenario(np.random.default_rng(3), most=6, joint=True))
    exact, _ = model.game(1.0)
    found = classical_value(model, 1.0, 0.0)
    assert not found.closed
    assert float(found.low) <= float(best_of_all(exact)) <= found.high


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_the_frontier_is_the_hull_of_every_strategy(seed: int) -> None:
    scenario = random_scenario(np.random.default_rng(seed), most=4)
    expected = np.array(brute_force_hull(scenario.workload()))
    hull = classical_hull(model_of(scenario))
    assert hull is not None
    # The listed hull has no vertex that stands out by less than 1e-11; ours may.
    for p, waiting in expected:
        assert hull.waiting_at(p) == pytest.approx(waiting, rel=1e-9)
    assert len(hull.p) >= len(expected)
    assert np.interp(hull.p, *expected.T) == pytest.approx(hull.waiting, rel=1e-9)


def test_both_ways_to_the_frontier_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    from bellqueue.analysis.verification import frontier as recheck_frontier

    for seed in range(4):
        model = model_of(random_scenario(np.random.default_rng(seed), most=6, joint=False))
        with monkeypatch.context() as patch:
            by_cuts = classical_hull(model)
            patch.setattr(recheck_frontier, "MAX_CUTS", 0)
            by_chords = classical_hull(model)
        assert by_cuts is not None
        assert by_chords is not None
        assert by_cuts.method != by_chords.method
        assert by_cuts.p == pytest.approx(by_chords.p, abs=1e-12)
        assert by_cuts.waiting == pytest.approx(by_chords.waiting, rel=1e-12)


def test_too_many_correlated_types_have_no_second_frontier() -> None:
    record = default_record()
    types = [
        {"name": f"type {i}", "service": {"distribution": "deterministic", "mean": 0.1 + 0.1 * i}} for i in range(25)
    ]
    table = np.random.default_rng(0).dirichlet(np.ones(625)).reshape(25, 25)
    record["traffic"] = {"pair_rate": 0.01, "type": types, "joint": (table / table.sum()).tolist()}
    assert classical_hull(Model.of(record, "s")) is None


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
    assert "exact integers" in found.method_high


def test_large_games_are_bounded_by_eigenvalues() -> None:
    game = np.random.default_rng(1).normal(size=(30, 30))
    found = quantum_value(matrix(game.tolist()))
    assert "least eigenvalue" in found.method_high
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
