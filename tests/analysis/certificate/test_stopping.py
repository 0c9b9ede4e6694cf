"""The rounds of a run that may stop early, and what stopping early may and may not do to false alarms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from bellqueue.analysis.certificate.bets import RunningBets, bettor_against
from bellqueue.analysis.certificate.certificate import certify, first_guess
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.certificate.stopping import Rounds, Standing, measure_in_rounds, rounds
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import Against
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Sampling, Trials
from hypothesis import given
from hypothesis import strategies as st

from .devices import PRODUCTS, drawn_trials


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


def test_why_blocks_are_refused(frontiers: Frontiers) -> None:
    """A classical device that remembers the setting wins all but the first trial of a block, and seems certified."""
    multiplier = frontiers.classical_multiplier(0.6, 0.0)
    game = frontiers.game(multiplier)
    blocks = _drawn(frontiers, multiplier, np.sign(game.matrix), 30, 3)
    x, y = np.repeat(blocks.x, 10), np.repeat(blocks.y, 10)
    local = max(PRODUCTS, key=lambda each: float((each * game.matrix).sum()))
    equal = np.where(np.arange(300) % 10 == 0, local[x, y], game.matrix[x, y]) > 0
    trials = Trials(x, y, np.zeros_like(x), np.where(equal, 0, 1), (2, 2))
    bets = RunningBets(bettor_against(game, "memoryless")[0], first_guess(game, None), game.input_distribution)
    assert bets.update(trials).max() > math.log(1e6)


# Against every classical router.


@pytest.fixture(scope="module")
def frontiers() -> Frontiers:
    return Frontiers(Scenario.default().workload())


def _drawn(frontiers: Frontiers, multiplier: float, correlators: np.ndarray, count: int, seed: int) -> Trials:
    """Settings in proportion to the game."""
    return drawn_trials(correlators, frontiers.game(multiplier).input_distribution, count, seed)


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
    """The analysis of what was measured has the same p-value, and what is saved is above 0 when it stops."""
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
    stopped: list[tuple[Standing, Against]] = [(wide[-1], "every-classical"), (narrow[-1], "memoryless")]
    for standing, against in stopped:
        part = trials[: standing.trials]
        sample = Sample(part.counts(), Sampling("random", game.input_distribution, stopped=True))
        found = certify([game], sample, 1e-3, part, against)
        assert found.certified
        assert found.log10_p_value == pytest.approx(standing.log10_p_value, rel=1e-12)
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
