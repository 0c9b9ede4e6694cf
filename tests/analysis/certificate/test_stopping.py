"""The rounds of a run that may stop early, and what stopping early may and may not do to false alarms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from bellqueue.analysis.certificate.martingale import RunningMartingale
from bellqueue.analysis.certificate.scores import trial_scores
from bellqueue.analysis.certificate.stopping import Rounds, Standing, measure_in_rounds, rounds
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import Against
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Sampling, Trials
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

CHSH = 0.75  # the best classical chance of winning the CHSH game


def _certified_at_a_look(scores: np.ndarray, first: int, alpha: float) -> bool:
    """Take rounds until the p-value is at most α at the end of one."""
    running = RunningMartingale(CHSH)
    for taken in rounds(len(scores), first):
        running.update(scores[taken.start : taken.stop])
        if running.log_p_value <= math.log(alpha):
            return True
    return False


@given(st.integers(1, 10**6), st.integers(1, 10**5), st.floats(1.2, 4))
def test_rounds_partition_the_budget(budget: int, first: int, growth: float) -> None:
    found = rounds(budget, first, growth)
    assert found[0].start == 0
    assert found[-1].stop == budget
    assert all(left.stop == right.start for left, right in itertools.pairwise(found))
    assert all(len(part) > 0 for part in found)


@given(st.integers(1, 10**6), st.integers(1, 1000), st.floats(1.2, 4))
def test_rounds_grow_and_leave_no_scrap(budget: int, first: int, growth: float) -> None:
    lengths = [len(part) for part in rounds(budget, first, growth)]
    for at, length in enumerate(lengths[:-1]):
        assert length == pytest.approx(first * growth**at, abs=0.51)
    if len(lengths) > 1:
        assert lengths[-1] >= lengths[-2] / 2
        assert lengths[-1] <= 1.5 * first * growth ** (len(lengths) - 1) + 1


def test_rounds_by_hand() -> None:
    assert rounds(1000, 100, 2) == (range(0, 100), range(100, 300), range(300, 700), range(700, 1000))
    assert rounds(800, 100, 2) == (range(0, 100), range(100, 300), range(300, 800))  # 100 left join the last
    assert rounds(300, 100, 1) == (range(0, 100), range(100, 200), range(200, 300))
    assert rounds(50, 100) == (range(0, 50),)


def test_stopping_when_certified_does_not_add_false_alarms() -> None:
    """2000 classical runs that would like to stop on a high: the chance drops to a coin's after a lucky start."""
    rng = np.random.default_rng(2)
    runs, trials, alpha = 2000, 300, 0.05
    scores, lead = np.empty((runs, trials)), np.zeros(runs)
    for at in range(trials):
        chance = np.where(lead > 3, 0.5, CHSH)
        scores[:, at] = rng.random(runs) < chance
        lead += scores[:, at] - CHSH
    stopped = sum(_certified_at_a_look(run, 10, alpha) for run in scores)
    ever = sum(RunningMartingale(CHSH).update(run)[-1] <= math.log(alpha) for run in scores)
    assert stopped == ever <= binom.ppf(0.9999, runs, alpha)


def test_why_blocks_are_refused() -> None:
    """A classical device that remembers the setting wins all but the first trial of a block, and seems certified."""
    rng = np.random.default_rng(3)
    scores = np.where(np.arange(300) % 10 == 0, rng.random(300) < CHSH, 1.0).astype(float)
    assert RunningMartingale(CHSH).update(scores)[-1] < math.log(1e-6)


# Against every classical router.


@pytest.fixture(scope="module")
def frontiers() -> Frontiers:
    return Frontiers(Scenario.default().workload())


def _drawn(frontiers: Frontiers, multiplier: float, correlators: np.ndarray, count: int, seed: int) -> Trials:
    """Fresh settings in proportion to the game, unbiased outcomes."""
    rng = np.random.default_rng(seed)
    x, y = np.divmod(rng.choice(4, count, p=frontiers.game(multiplier).input_distribution.ravel()), 2)
    a = rng.integers(0, 2, count)
    return Trials(x, y, a, a ^ (rng.random(count) < (1 - correlators[x, y]) / 2), (2, 2))


def _measured(frontiers: Frontiers, multiplier: float, against: Against, trials: Trials) -> list[Standing]:
    """Where things stood after every round."""
    sampling = Sampling("random", frontiers.game(multiplier).input_distribution)
    state, seen = Rounds(frontiers, sampling, multiplier, 1e-3, len(trials), against), list[Standing]()
    measure_in_rounds(state, len(trials), 0, lambda part, seed: trials[part.start : part.stop], seen.append)
    return seen


def _limit(frontiers: Frontiers, multiplier: float) -> np.ndarray:
    """The correlators of the best entangled device with as much noise as leaves it exactly β_E."""
    game, best = frontiers.game(multiplier), frontiers.quantum.at_multiplier(multiplier).correlators
    return np.asarray(best * game.bound("every-classical").high / float((game.matrix * best).sum()))


def test_a_bell_pair_stops_early_and_later_than_against_memoryless_routers(frontiers: Frontiers) -> None:
    """The p-value is that of a martingale at β_E, and what is saved is above 0 when it stops."""
    multiplier = frontiers.classical_multiplier(0.6, 0.0, "every-classical")
    game = frontiers.game(multiplier)
    trials = _drawn(frontiers, multiplier, 0.97 * frontiers.quantum.at_multiplier(multiplier).correlators, 60_000, 4)
    wide, narrow = (_measured(frontiers, multiplier, each, trials) for each in ("every-classical", "memoryless"))
    assert wide[-1].certified
    assert narrow[-1].certified
    assert narrow[-1].trials < wide[-1].trials < 30_000
    assert 0 < wide[-1].waiting_time_reduction.low < wide[-1].waiting_time_reduction.estimate
    assert not any(standing.certified for standing in wide[:-1])
    taken = wide[-1].trials
    chance = (1 + game.bound("every-classical").high / np.abs(game.matrix).sum()) / 2
    scores = trial_scores(game.matrix, game.input_distribution, trials[:taken])
    expected = RunningMartingale(chance).update(scores)[-1] / math.log(10)
    assert wide[-1].log10_p_value == pytest.approx(expected, rel=1e-9)
    c = trials[:taken].counts().correlators
    p, waiting = frontiers.workload.splitting_probability((1 - c) / 2), frontiers.workload.waiting_time((1 - c) / 2)
    saved = float(frontiers.every_classical.waiting_time_at(p)) - waiting
    assert wide[-1].waiting_time_reduction.estimate == pytest.approx(saved, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_at_the_limit_of_every_classical_router_only_the_weaker_certificate_stops(
    frontiers: Frontiers, seed: int
) -> None:
    """At α = 0.001 one such run in a thousand may be certified, and the looks in between add nothing to that."""
    multiplier = frontiers.classical_multiplier(0.6, 0.0, "every-classical")
    trials = _drawn(frontiers, multiplier, _limit(frontiers, multiplier), 20_000, seed)
    wide, narrow = (_measured(frontiers, multiplier, each, trials) for each in ("every-classical", "memoryless"))
    assert narrow[-1].certified
    assert narrow[-1].trials < 20_000
    assert not any(standing.certified for standing in wide)
    assert wide[-1].trials == 20_000
