"""The verification's own game against reference values and closed forms."""

from __future__ import annotations

from fractions import Fraction

import pytest
from bellqueue.analysis.verification.game import Game
from bellqueue.model.errors import DataError

from tests.scenarios import default_record, dense, heavy_scenario


def test_the_default_scenario_in_exact_numbers() -> None:
    """By hand: ρ = 0.01·2.5, W0 = λE[S²]/(2(1−ρ)) with E[S²] = 11.5, w = λ/(2(1−ρ))·mn + (m+n)/4."""
    game = Game.of(default_record(), [])
    assert game.load == Fraction(1, 40)
    assert game.unavoidable == Fraction(1, 100) * Fraction(23, 2) / (2 * Fraction(39, 40))
    rate = Fraction(1, 100) / (2 * Fraction(39, 40))
    mixed = 6 * rate + Fraction(7, 4)
    assert game.weights == ((rate + Fraction(1, 2), mixed), (mixed, 36 * rate + 3))


def test_twice_the_pair_rate_in_exact_numbers() -> None:
    """MODEL §5: ρ = 1/20, W0 = 0.1210526, w = [[0.510526, 1.813158], [1.813158, 3.378947]]."""
    game = Game.of(dense().record(), [])
    assert game.load == Fraction(1, 20)
    assert game.unavoidable == Fraction(23, 190)
    assert game.weights == (
        (Fraction(97, 190), Fraction(689, 380)),
        (Fraction(689, 380), Fraction(321, 95)),
    )


def test_the_heavy_scenario_in_exact_numbers() -> None:
    game = Game.of(heavy_scenario().record(), [])
    assert (game.load, game.unavoidable) == (Fraction(9, 10), Fraction(65, 2))
    assert game.weights == ((Fraction(3, 2), Fraction(41, 4)), (Fraction(41, 4), Fraction(68)))


def test_the_shorter_request_first_waits_for_half_of_the_shorter() -> None:
    """Of a pair together one request waits for the other: by a coin (m+n)/4 on average, shortest first min(m, n)/2."""
    record = default_record()
    record["traffic"]["within_pair_order"] = "shortest-first"
    shortest, by_coin = Game.of(record, []), Game.of(default_record(), [])
    means = (Fraction(1), Fraction(6))
    for x, m in enumerate(means):
        for y, n in enumerate(means):
            assert by_coin.weights[x][y] - shortest.weights[x][y] == (m + n) / 4 - min(m, n) / 2
    assert not shortest.ordered
    assert shortest.load == by_coin.load


def test_a_joint_table_that_is_a_product_counts_as_one() -> None:
    record = default_record()
    record["traffic"]["joint"] = [[0.49, 0.21], [0.21, 0.09]]
    assert Game.of(record, []).ordered
    record["traffic"]["joint"] = [[0.5, 0.2], [0.2, 0.1]]
    game = Game.of(record, [])
    assert not game.ordered
    assert game.joint == ((Fraction(1, 2), Fraction(1, 5)), (Fraction(1, 5), Fraction(1, 10)))


def test_sizes_have_the_moments_of_their_law_and_the_weights_of_the_record() -> None:
    """Gamma sizes of mean 2 and scv 3: ρ = λ·2, W0 = λ·2·4·4/(4(1−ρ)); a game of independent sizes is one of cuts."""
    record = default_record()
    sizes = {"distribution": "gamma", "mean": 2.0, "scv": 3.0, "bins": 2}
    record["traffic"] = {"pair_rate": 0.1, "sizes": sizes}
    game = Game.of(record, [[0.5, 1.5], [1.5, 4.5]])
    assert game.knows_sizes
    assert game.ordered
    assert (game.load, game.unavoidable) == (Fraction(1, 5), Fraction(1, 10) * 32 / 4 / Fraction(4, 5))
    assert game.saved == 2
    with pytest.raises(DataError, match=r"frontiers\.weights must have 2×2 entries"):
        Game.of(record, [[1.0]])
