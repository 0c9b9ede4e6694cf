"""Coverage and width of every limit over 4000 experiments; `benchmarks/bench_coverage.py` makes the whole table."""

from __future__ import annotations

import pytest
from bellqueue.model.games.frontiers import Frontiers
from scipy.stats import binom

from benchmarks.bench_coverage import WIDEST, cases, missed

pytestmark = pytest.mark.slow

EXPERIMENTS = 4000


@pytest.fixture(scope="module")
def frontiers() -> dict[str, Frontiers]:
    return cases()


@pytest.mark.parametrize(
    ("types", "trials", "visibility"),
    [("two", 50, 0.75), ("two", 2000, 0.9), ("three", 200, 1.0), ("five", 2000, 0.8)],
)
def test_no_interval_misses_more_often_than_it_says(
    frontiers: dict[str, Frontiers], types: str, trials: int, visibility: float
) -> None:
    """p and W at a sixth of one in twenty on either side, Δ, visibility and S at a half."""
    found = missed(frontiers[types], visibility, trials, EXPERIMENTS, 2)
    assert set(found) >= {"p", "W", "Δ", "visibility"}
    for misses, level, width in found.values():
        assert misses <= binom.ppf(0.9999, EXPERIMENTS, level)
        assert width > 1
    if trials >= 2000:
        assert max(found["p"][2], found["W"][2]) <= WIDEST
