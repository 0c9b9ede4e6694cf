"""Games whose terms nearly cancel, rare types and means that almost agree, against arithmetic of sixty digits."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext

import numpy as np
import pytest
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.games.values.quantum_value import quantum_optimum
from bellqueue.model.games.values.rank_two import RankTwo
from bellqueue.model.games.values.xor_game import XorGame
from bellqueue.model.scenario.file import Scenario

from tests.scenarios import default_record

RATE = 0.02
CASES = [
    (1e-3, 6.0), (1e-5, 6.0), (1e-6, 6.0), (1e-9, 6.0), (0.3, 1.0001), (0.3, 1.00001), (0.3, 1.0000001),
    (0.01, 1.01), (0.01, 1.001), (0.3, 6.0),
]  # fmt: skip


def _scenario(long: float, mean: float, rate: float = RATE, short: float = 1.0) -> Scenario:
    record = default_record()
    record["traffic"]["pair_rate"] = rate
    record["traffic"]["type"] = [
        {"name": name, "probability": share, "service": {"distribution": "deterministic", "mean": each}}
        for name, share, each in (("short", 1 - long, short), ("long", long, mean))
    ]
    return Scenario.parse(record)


def _exact_game(long: float, mean: float, multiplier: float) -> list[list[Decimal]]:
    """G(x,y) = −π (w − μ)/2, in the precision of the context."""
    shares, means = [Decimal(1 - long), Decimal(long)], [Decimal(1), Decimal(mean)]
    rate, load = Decimal(RATE), Decimal(RATE) * sum(p * m for p, m in zip(shares, means, strict=True))
    return [
        [
            p * q * (Decimal(multiplier) - rate * m * n / (2 * (1 - load)) - (m + n) / 4) / 2
            for q, n in zip(shares, means, strict=True)
        ]
        for p, m in zip(shares, means, strict=True)
    ]


def _exact_value(game: list[list[Decimal]]) -> Decimal:
    """β_Q of a 2×2 game: the greatest Σ_y |G(0,y) u₀ + G(1,y) u₁| over c = ⟨u₀,u₁⟩, in which it is concave."""

    def value(c: Decimal) -> Decimal:
        return sum(
            ((g * g + h * h + 2 * g * h * c).max(Decimal(0)).sqrt() for g, h in zip(*game, strict=True)), Decimal(0)
        )

    low, high = Decimal(-1), Decimal(1)
    for _ in range(80):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (left, high) if value(left) < value(right) else (low, right)
    return value((low + high) / 2)


def _games(long: float, mean: float) -> Iterator[tuple[XorGame, list[list[Decimal]]]]:
    """The game at some multipliers, as the program has it and in sixty digits."""
    workload = _scenario(long, mean).workload()
    with localcontext() as context:
        context.prec = 60
        for share in np.linspace(0.02, 0.98, 7):
            multiplier = float(workload.weights.min() + share * np.ptp(workload.weights))
            yield RoutingGame(workload, multiplier).xor, _exact_game(long, mean, multiplier)


@pytest.mark.parametrize(("long", "mean"), CASES)
def test_the_interval_holds_the_value_where_terms_cancel(long: float, mean: float) -> None:
    for game, exact in _games(long, mean):
        bound = quantum_optimum(game).bound
        assert Decimal(bound.low) <= _exact_value(exact) <= Decimal(bound.high)
        assert bound.high - bound.low <= 1e-5 * bound.high


@pytest.mark.parametrize(("long", "mean"), CASES)
def test_the_scaled_norm_errs_by_no_more_than_its_terms_allow(long: float, mean: float) -> None:
    for game, exact in _games(long, mean):
        assert game.rank_two is not None
        rows, columns = (np.abs(np.array(exact, dtype=float)).sum(axis=axis) for axis in (1, 0))
        every = np.ones(2, bool)
        norm, terms = game.rank_two.scaled_norm(every, every, rows, columns)
        scale_a, scale_b = ([Decimal(float(each)).sqrt() for each in sums] for sums in (rows, columns))
        scaled = [[exact[x][y] / (scale_a[x] * scale_b[y]) for y in (0, 1)] for x in (0, 1)]
        assert abs(norm - np.linalg.norm(np.array(scaled, dtype=float), 2)) <= 16 * np.finfo(float).eps * terms


def test_a_rare_type_takes_nothing_from_the_frontiers() -> None:
    frontiers = Frontiers.of(_scenario(1.1153696319334301e-05, 2.5391888529300863, 0.001, 1.0740613302624458))
    p = frontiers.quantum.curve.splitting_probability
    assert np.all(frontiers.quantum.curve.waiting_time <= frontiers.classical.waiting_time_at(p) * (1 + 1e-9))


@pytest.mark.parametrize("count", [1, 2, 64, 65, 5000])
def test_the_scaled_norm_is_that_of_the_table(count: int) -> None:
    rng = np.random.default_rng(count)
    left, right = (np.column_stack([rng.random(n) + 0.1, rng.random(n)]) for n in (count, 7))
    core, lam, kap = rng.normal(size=(2, 2)), rng.random(count) + 0.1, rng.random(7) + 0.1
    factors = RankTwo(left, core, right)
    norm, terms = factors.scaled_norm(np.ones(count, bool), np.ones(7, bool), lam, kap)
    table = left @ core @ right.T / np.sqrt(np.outer(lam, kap))
    assert norm == pytest.approx(np.linalg.norm(table, 2), rel=1e-12)
    assert terms >= norm
