"""Stopping early over long runs: no classical device is certified at any moment more often than α.

Adversaries of `test_false_alarms`, 2000 runs of 20000 trials each, looked at after every trial.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from bellqueue.analysis.certificate.stopping import Rounds, Standing, measure_in_rounds
from bellqueue.model.trials import Sampling, Trials
from numpy.typing import NDArray
from scipy.stats import binom

from .test_false_alarms import (
    ALPHA,
    DEFAULT,
    EDGE,
    GAME,
    IN_PROPORTION,
    Player,
    drift,
    ever_certified,
    memory,
    shared_randomness,
)

pytestmark = pytest.mark.slow

RUNS, TRIALS = 2000, 20_000
CHUNK = 20  # runs at once: the adversary with memory weighs 16 strategies at every trial of each

Integers = NDArray[np.int64]


def _played(player: Player, seed: int) -> Iterator[tuple[Integers, Integers, Integers]]:
    """Runs in chunks: x, y and a·b as signs, each of shape (CHUNK, TRIALS)."""
    rng = np.random.default_rng(seed)
    for _ in range(RUNS // CHUNK):
        drawn = rng.choice(4, size=(CHUNK, TRIALS), p=IN_PROPORTION.ravel())
        x, y = drawn // 2, drawn % 2
        yield x, y, player(rng, GAME, x, y)


@pytest.mark.parametrize(("seed", "player"), [(1, drift), (2, memory)])
def test_nobody_is_certified_at_any_moment_more_often_than_alpha(seed: int, player: Player) -> None:
    """One that drifts, and one that learns from all earlier settings."""
    certified = sum(ever_certified(EDGE, "memoryless", IN_PROPORTION, chunk) for chunk in _played(player, seed))
    assert certified <= binom.ppf(0.9999, RUNS, ALPHA)


def test_a_measurement_in_rounds_stops_no_other_runs() -> None:
    """It looks at the end of each round only and asks for more, a lower limit above 0 at that moment."""
    stopped, crossing, others = 0, 0, 0
    for chunk in itertools.islice(_played(shared_randomness, 11), 20):
        for x, y, equal in zip(*chunk, strict=True):
            ever = ever_certified(EDGE, "memoryless", IN_PROPORTION, (x[None], y[None], equal[None])) > 0
            crossing += ever
            if ever or others < 30:
                others += not ever
                stopped += _stops(Trials(x, y, np.zeros_like(x), np.where(equal > 0, 0, 1), (2, 2)), ever)
    assert crossing > 0
    assert stopped <= crossing <= binom.ppf(0.9999, 20 * CHUNK, ALPHA)
    assert others == 30


def _stops(trials: Trials, may: bool) -> bool:
    """Whether a measurement in rounds ends certified, which only a run that has crossed the boundary may."""
    seen: list[Standing] = []
    state = Rounds(DEFAULT, Sampling("random", IN_PROPORTION), EDGE, ALPHA, TRIALS)
    measure_in_rounds(state, TRIALS, 0, lambda part, seed: trials[part.start : part.stop], seen.append)
    certified = seen[-1].certified
    assert may or not certified
    return certified
