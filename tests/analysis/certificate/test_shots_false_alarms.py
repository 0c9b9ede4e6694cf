"""Pairs of one shot that win or lose together do not certify: the verdict rests on whole shots."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.analysis.certificate.certificate import certify
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import BoundedGame
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Sampling, Trials
from scipy.stats import binom


def losing_together(game: BoundedGame, shots: int, parallel: int, rng: np.random.Generator) -> Trials:
    """A local model: each pair loses at the one setting that the others' settings name, so that all lose or none does.

    With settings numbered 0 to 3 a pair loses where the sum over its shot is 0 modulo 4. An XOR game of 2×2 settings
    whose signs have odd parity lets a deterministic strategy lose at any single one of them.
    """
    assert np.prod(np.sign(game.matrix)) == -1
    settings = rng.choice(4, size=(shots, parallel), p=game.input_distribution.ravel())
    wins = np.repeat(settings.sum(axis=1) % 4 != 0, parallel)
    drawn = settings.ravel()
    x, y = (drawn // 2).astype(np.uint8), (drawn % 2).astype(np.uint8)
    together = (np.sign(game.matrix)[x, y] > 0) == wins
    a = rng.integers(0, 2, len(drawn)).astype(np.uint8)
    return Trials(x, y, a, np.where(together, a, 1 - a).astype(np.uint8), game.matrix.shape)


@pytest.mark.parametrize(
    ("shots", "parallel", "runs"),
    [
        (200, 3, 300),
        *(pytest.param(shots, k, 2000, marks=pytest.mark.slow) for shots, k in ((300, 3), (200, 10), (100, 30))),
    ],
)
def test_pairs_that_win_or_lose_together_raise_no_false_alarm(shots: int, parallel: int, runs: int) -> None:
    """At most α within binomial error (one-sided 99.9 %), where all pairs as independent trials fail by far."""
    levels, rng = (0.05, 1e-3), np.random.default_rng(3)
    frontiers = Frontiers(Scenario.default().workload())
    game = frontiers.game(float(frontiers.classical.multipliers[-1]))
    r = game.input_distribution
    alarms, pooled = np.zeros(2, dtype=int), np.zeros(2, dtype=int)
    for _ in range(runs):
        trials = losing_together(game, shots, parallel, rng)
        sample = Sample(trials.counts(), Sampling("random", r, parallel=parallel))
        found = certify([game], sample, min(levels), trials)
        assert found.log10_p_value_pooled is not None
        alarms += found.log10_p_value <= np.log10(levels)
        pooled += found.log10_p_value_pooled <= np.log10(levels)
    most = binom.ppf(0.999, runs, levels)
    assert np.all(alarms <= most), alarms
    assert pooled[0] > most[0], pooled  # what the verdict must not rest on


def test_independent_pairs_lose_little() -> None:
    """Of three independent good pairs the shots' test keeps nine tenths of the evidence of as many single trials."""
    rng = np.random.default_rng(5)
    scenario = Scenario.default()
    frontiers = Frontiers.of(scenario)
    game = frontiers.game(float(frontiers.classical.multipliers[-1]))
    c = 0.95 * frontiers.operating_point(scenario).strategy.correlators
    r = game.input_distribution
    drawn = rng.choice(4, size=30_000, p=r.ravel())
    x, y = (drawn // 2).astype(np.uint8), (drawn % 2).astype(np.uint8)
    a = rng.integers(0, 2, len(drawn)).astype(np.uint8)
    b = np.where(rng.random(len(drawn)) < (1 + c[x, y]) / 2, a, 1 - a).astype(np.uint8)
    trials = Trials(x, y, a, b, r.shape)
    found = certify([game], Sample(trials.counts(), Sampling("random", r, parallel=3)), 1e-3, trials)
    assert found.log10_p_value_pooled is not None
    assert found.log10_p_value < 0.9 * found.log10_p_value_pooled < 0
    assert found.certified
