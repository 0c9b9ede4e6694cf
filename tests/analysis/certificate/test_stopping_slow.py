"""Stopping early over long runs: no classical device is certified at any moment more often than α.

Adversaries of `test_false_alarms`, 2000 runs of 20000 trials each, looked at after every trial.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from bellqueue.analysis.certificate.bets import RunningBets, bettor_against
from bellqueue.analysis.certificate.certificate import first_guess
from bellqueue.analysis.certificate.stopping import Rounds, Standing, measure_in_rounds
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Sampling, Trials
from numpy.typing import NDArray
from scipy.stats import binom

from .test_false_alarms import Player, best_deterministic, drift, memory, shared_randomness

pytestmark = pytest.mark.slow

RUNS, TRIALS, ALPHA = 2000, 20_000, 0.05
CHUNK = 20  # runs at once: the adversary with memory weighs 16 strategies at every trial of each
ALLOWED = int(binom.ppf(0.9999, RUNS, ALPHA))
FRONTIERS = Frontiers(Scenario.default().workload())
MULTIPLIER = float(FRONTIERS.classical.multipliers[-1])
GAME = FRONTIERS.game(MULTIPLIER).matrix
R = FRONTIERS.game(MULTIPLIER).input_distribution
Integers = NDArray[np.int64]
Bits = NDArray[np.bool_]


def _played(player: Player, seed: int) -> Iterator[tuple[Integers, Integers, Bits]]:
    """Runs in chunks: x, y and whether the outcomes are equal, each of shape (CHUNK, TRIALS)."""
    rng = np.random.default_rng(seed)
    for _ in range(RUNS // CHUNK):
        drawn = rng.choice(4, size=(CHUNK, TRIALS), p=R.ravel())
        x, y = drawn // 2, drawn % 2
        yield x, y, player(rng, GAME, x, y) > 0


def _trials(x: Integers, y: Integers, equal: Bits) -> Trials:
    return Trials(x, y, np.zeros_like(x), np.where(equal, 0, 1), (2, 2))


def _ever(x: Integers, y: Integers, equal: Bits) -> bool:
    """Whether a run is certified at some moment."""
    bettor = bettor_against(FRONTIERS.game(MULTIPLIER), "memoryless")[0]
    stakes = RunningBets(bettor, first_guess(FRONTIERS.game(MULTIPLIER), None), R).update(_trials(x, y, equal))
    return bool(stakes.max() >= -math.log(ALPHA))


@pytest.mark.parametrize(("seed", "player"), [(0, best_deterministic), (1, drift), (2, memory)])
def test_nobody_is_certified_at_any_moment_more_often_than_alpha(seed: int, player: Player) -> None:
    """The best local strategy, one that drifts, and one that learns from all earlier settings."""
    certified = sum(_ever(*run) for chunk in _played(player, seed) for run in zip(*chunk, strict=True))
    assert certified <= ALLOWED


def test_a_measurement_in_rounds_stops_no_other_runs() -> None:
    """It looks at the end of each round only and asks for more, a lower limit above 0 at that moment."""
    stopped, crossing, others = 0, 0, 0
    for chunk in itertools.islice(_played(shared_randomness, 11), 20):
        for run in zip(*chunk, strict=True):
            ever = _ever(*run)
            crossing += ever
            if ever or others < 30:
                others += not ever
                stopped += _stops(_trials(*run), ever)
    assert crossing > 0
    assert stopped <= crossing <= binom.ppf(0.9999, 20 * CHUNK, ALPHA)
    assert others == 30


def _stops(trials: Trials, may: bool) -> bool:
    """Whether a measurement in rounds ends certified, which only a run that has crossed the boundary may."""

    def measured(part: range, seed: int) -> Trials:
        return trials[part.start : part.stop]

    seen: list[Standing] = []
    state = Rounds(FRONTIERS, Sampling("random", R), MULTIPLIER, ALPHA, TRIALS)
    measure_in_rounds(state, TRIALS, 0, measured, seen.append)
    certified = seen[-1].certified
    assert may or not certified
    return certified
