"""The quantum bound closes on games that are hard on floating point, or its method says what stays open."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from bellqueue.analysis.verification.quantum import positive_definite, quantum_value
from bellqueue.model.games.frontier import QuantumFrontier
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.values import quantum_value as product
from bellqueue.model.games.values.classical_value import classical_optimum
from bellqueue.model.games.values.interior_point import central_point
from bellqueue.model.games.values.quantum_value import quantum_optimum
from bellqueue.model.games.values.xor_game import XorGame

from tests.model.nasty_games import nasty_game, nasty_workload

STALLED = [546, 1456, 2190, 3176]  # the ascent alone ends at a saddle and leaves 4e-5 to 3e-4 of Σ|G|
EVERY_DAY = [*range(40), *STALLED]
SLOW = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(40, 500)]
SCALES = [1.0, 1e-150, 1e150]


def _exact(game: XorGame) -> tuple[tuple[Fraction, ...], ...]:
    return tuple(tuple(Fraction(entry) for entry in row) for row in game.matrix.tolist())


@pytest.mark.parametrize("seed", [*EVERY_DAY, *SLOW])
def test_the_bound_closes_or_says_what_stays_open(seed: int) -> None:
    game = nasty_game(seed)
    found = quantum_optimum(game)
    total, width = float(np.abs(game.matrix).sum()), found.bound.high - found.bound.low
    assert width >= 0
    assert width <= 4 * game.slack + 1e-8 * total  # nothing is left but what cancelling terms lose to rounding
    assert width <= 1e-7 * total or "of Σ|G| open" in found.bound.method or found.bound.method == "zero game"
    assert classical_optimum(game).bound.low <= found.bound.high
    assert float((game.matrix * found.correlators).sum()) >= found.bound.low - game.slack


@pytest.mark.parametrize("seed", [*range(35), *STALLED])
def test_the_interval_agrees_with_a_dual_point_proved_in_exact_integers(seed: int) -> None:
    """The verifier shares no code with the product; its ascents may stall as well, but its bounds hold."""
    game = nasty_game(seed)
    bound, independent = quantum_optimum(game).bound, quantum_value(_exact(game))
    assert bound.low <= float(independent.high) + game.slack
    assert float(independent.low) <= bound.high + game.slack


@pytest.mark.parametrize("seed", STALLED)
def test_the_multipliers_of_the_central_path_are_feasible_in_exact_arithmetic(seed: int) -> None:
    game = nasty_game(seed)
    rows, total = game.shape[0], Fraction(float(np.abs(game.matrix).sum()))
    vectors, multipliers = central_point(game.matrix, 1e-12 * float(total))
    exact = [Fraction(each) * (1 + Fraction(1, 10**11)) for each in multipliers.tolist()]
    unit = 2**400
    block = [[0] * len(exact) for _ in exact]
    for i, value in enumerate(exact):
        block[i][i] = int(value * unit)
    for x, row in enumerate(_exact(game)):
        for y, entry in enumerate(row):
            block[x][rows + y] = block[rows + y][x] = -int(entry * unit)
    assert positive_definite(block)
    attained = float(np.sum(vectors[:rows] * (game.matrix @ vectors[rows:])))
    assert abs(float(sum(exact) / 2 / total) - attained / float(total)) < 1e-10
    bound = quantum_optimum(game).bound
    assert Fraction(bound.low) <= sum(exact) / 2
    assert bound.high - bound.low < 1e-9 * float(total)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("seed", range(8))
def test_the_central_path_ends_at_the_value_of_two_by_two_games(seed: int, scale: float) -> None:
    """β_Q is the greatest Σ_y |G(0,y) u₀ + G(1,y) u₁| over c = ⟨u₀,u₁⟩."""
    rng = np.random.default_rng(seed)
    table = rng.choice([-1.0, 1.0], size=(2, 2)) * 10.0 ** rng.uniform(-6, 0, size=(2, 2))
    c = np.concatenate([np.linspace(-1, 1, 200_001), [-1 + 1e-9, 1 - 1e-9]])[:, None]
    squares = table[0] ** 2 + table[1] ** 2 + 2 * table[0] * table[1] * c
    value = float(np.sqrt(np.maximum(squares, 0.0)).sum(axis=1).max())
    vectors, multipliers = central_point(scale * table, scale * 1e-13)
    assert float(multipliers.sum()) / 2 / scale == pytest.approx(value, rel=1e-8)
    assert float(np.sum(vectors[:2] * (table @ vectors[2:]))) == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize("seed", STALLED)
def test_a_stalled_ascent_says_so(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "MAX_INTERIOR", 0)
    assert "% of Σ|G| open" in quantum_optimum(nasty_game(seed)).bound.method


def test_a_frontier_of_stalled_ascents_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    workload, multiplier = nasty_workload(STALLED[0])
    closed, stalled = Frontiers(workload).quantum, QuantumFrontier(workload)
    closed.at_multiplier(multiplier)
    monkeypatch.setattr(product, "MAX_INTERIOR", 0)
    stalled.at_multiplier(multiplier)
    assert closed.gap == 0
    assert stalled.gap > 1e-9
