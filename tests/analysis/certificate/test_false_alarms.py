"""Classical adversaries must not be certified more often than α, whatever they do inside the assumption recorded.

Every adversary plays 2000 experiments; at α = 0.05 at most 5 % may be certified, within binomial error.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.certificate.bets import RunningBets, bettor_against
from bellqueue.analysis.certificate.certificate import first_guess, smallest_log_p_value
from bellqueue.analysis.certificate.diagnostics import no_signalling_test
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.model.errors import DataError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import Against
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling, Trials
from numpy.typing import NDArray
from scipy.stats import binom

from tests.scenarios import heavy_scenario

from .devices import PRODUCTS, counts_of

RUNS, TRIALS, ALPHA = 2000, 300, 0.05
ANY = np.array([[0.4, 0.1], [0.3, 0.2]])
SETTINGS = pytest.mark.parametrize(
    "r", [pytest.param(None, id="in proportion"), pytest.param(ANY, id="any", marks=pytest.mark.slow)]
)
ALLOWED = int(binom.ppf(0.9999, RUNS, ALPHA))
DEFAULT, HEAVY = Frontiers(Scenario.default().workload()), Frontiers(heavy_scenario().workload())
# The flattest edge of the default scenario's classical frontier, and settings in proportion to the game there.
EDGE = float(DEFAULT.classical.multipliers[-1])
GAME, IN_PROPORTION = DEFAULT.game(EDGE).matrix, DEFAULT.game(EDGE).input_distribution

Array = NDArray[Any]
Player = Callable[[np.random.Generator, Array, Array, Array], Array]


def _best(matrix: Array) -> Array:
    """Every deterministic strategy that reaches the classical value, listed out, shape (k, 2, 2)."""
    scores = (PRODUCTS * matrix).sum(axis=(1, 2))
    return np.asarray(PRODUCTS[scores > scores.max() - 1e-9])


def best_deterministic(rng: np.random.Generator, matrix: Array, x: Array, y: Array) -> Array:
    plays: Array = _best(matrix)[0][x, y]
    return plays


def shared_randomness(rng: np.random.Generator, matrix: Array, x: Array, y: Array) -> Array:
    best = _best(matrix)
    return np.asarray(best[rng.integers(len(best), size=x.shape), x, y])


def drift(rng: np.random.Generator, matrix: Array, x: Array, y: Array) -> Array:
    """The share of trials on the first of the best strategies falls from 1 to 0 in the course of the run."""
    best = _best(matrix)
    late = rng.random(x.shape) < np.arange(x.shape[1]) / x.shape[1]
    return np.asarray(best[np.where(late, len(best) - 1, 0), x, y])


def memory(rng: np.random.Generator, matrix: Array, x: Array, y: Array) -> Array:
    """Plays whichever of all 16 strategies would have scored most on the settings seen so far in this run."""
    weights = np.sign(matrix)
    gains = PRODUCTS[:, x, y] * weights[x, y]  # (16, runs, trials)
    before = np.cumsum(gains, axis=2) - gains
    choice = before.argmax(axis=0)
    return np.asarray(np.take_along_axis(PRODUCTS[:, x, y], choice[None], axis=0)[0])


def gambler(rng: np.random.Generator, matrix: Array, x: Array, y: Array) -> Array:
    """Best strategy while behind the classical mean, an even coin once ahead: tries to stop on a high."""
    plays = _best(matrix)[0][x, y]
    wins = np.sign(matrix)[x, y] * plays > 0
    share = (1 + np.abs((_best(matrix)[0] * matrix).sum()) / np.abs(matrix).sum()) / 2
    ahead = np.cumsum(wins, axis=1) - wins > share * np.arange(x.shape[1]) + 2
    return np.where(ahead, rng.choice([-1, 1], size=x.shape), plays)


PLAYERS = [best_deterministic, shared_randomness, drift, memory, gambler]
STEADY = pytest.mark.parametrize(
    "player", [pytest.param(best_deterministic, marks=pytest.mark.slow), shared_randomness]
)


def _table(x: Array, y: Array, equal: Array, rng: np.random.Generator) -> Array:
    a = rng.integers(2, size=x.shape)
    b = np.where(equal > 0, a, 1 - a)
    return np.bincount(((x * 2 + y) * 2 + a) * 2 + b, minlength=16).reshape(2, 2, 2, 2)


def _certified(
    frontiers: Frontiers,
    tables: list[Array],
    sampling: Sampling,
    multipliers: list[float],
    against: Against = "memoryless",
) -> int:
    """How many of the experiments are certified; one that never measured some pair of types is refused."""
    games, certified = [frontiers.game(multiplier) for multiplier in multipliers], 0
    for table in tables:
        try:
            log_p = smallest_log_p_value(games, Sample(Counts(table), sampling), against)[1]
        except DataError:
            continue
        certified += log_p <= math.log(ALPHA)
    return certified


def _draw(rng: np.random.Generator, r: Array, block: int = 1) -> tuple[Array, Array]:
    drawn = rng.choice(4, size=(RUNS, TRIALS // block), p=r.ravel()).repeat(block, axis=1)
    return drawn // 2, drawn % 2


def _play(player: Player, frontiers: Frontiers, multiplier: float, r: Array, seed: int, block: int = 1) -> list[Array]:
    rng = np.random.default_rng(seed)
    x, y = _draw(rng, r, block)
    equal = player(rng, frontiers.game(multiplier).matrix, x, y)
    return [_table(x[run], y[run], equal[run], rng) for run in range(RUNS)]


@pytest.mark.parametrize(
    "frontiers", [pytest.param(DEFAULT, id="default"), pytest.param(HEAVY, id="heavy", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("player", PLAYERS)
def test_fresh_settings_in_proportion_to_the_game(player: Player, frontiers: Frontiers) -> None:
    multiplier = float(frontiers.classical.multipliers[-1])
    r = frontiers.game(multiplier).input_distribution
    tables = _play(player, frontiers, multiplier, r, 1)
    assert _certified(frontiers, tables, Sampling("random", r), [multiplier]) <= ALLOWED


@pytest.mark.parametrize(
    "player", [pytest.param(each, marks=() if each is memory else pytest.mark.slow) for each in PLAYERS]
)
def test_fresh_settings_from_any_other_distribution(player: Player) -> None:
    tables = _play(player, DEFAULT, EDGE, ANY, 2)
    assert _certified(DEFAULT, tables, Sampling("random", ANY), [EDGE]) <= ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize("player", [best_deterministic, shared_randomness])
def test_multiplier_chosen_after_the_fact(player: Player) -> None:
    """The best of all edges is taken on the same counts; the union bound pays for the choice."""
    r = np.full((2, 2), 0.25)
    edges = HEAVY.classical.multipliers.tolist()
    for played in edges:
        tables = _play(player, HEAVY, played, r, 3)
        assert _certified(HEAVY, tables, Sampling("random", r), edges) <= ALLOWED
        assert _certified(HEAVY, tables, Sampling("fixed"), edges) <= ALLOWED


@STEADY
def test_distribution_taken_from_the_counts(player: Player) -> None:
    tables = _play(player, DEFAULT, EDGE, IN_PROPORTION, 4)
    assert _certified(DEFAULT, tables, Sampling("fixed"), [EDGE]) <= ALLOWED


@STEADY
@pytest.mark.parametrize("block", [pytest.param(5, marks=pytest.mark.slow), 20])
def test_blocks_of_one_setting(player: Player, block: int) -> None:
    tables = _play(player, DEFAULT, EDGE, IN_PROPORTION, 5, block)
    assert _certified(DEFAULT, tables, Sampling("random", IN_PROPORTION, block), [EDGE]) <= ALLOWED


@pytest.mark.parametrize("shape", [(76, 75, 74, 75), (75, 75, 75, 75), (20, 130, 100, 50)])
def test_fixed_blocks_with_rounded_shots(shape: tuple[int, ...]) -> None:
    """Independent coins whose winning chances differ between settings but average to the classical value."""
    correlators = np.mean(_best(GAME), axis=0)
    rng = np.random.default_rng(6)
    asked = np.array(shape).reshape(2, 2)
    tables = [counts_of(rng.binomial(asked, (1 + correlators) / 2), asked).table for _ in range(RUNS)]
    assert _certified(DEFAULT, tables, Sampling("fixed"), [EDGE]) <= ALLOWED


def test_biased_devices() -> None:
    """Outcomes of router A fixed at 0: marginals as asymmetric as can be, correlators still local."""
    rng = np.random.default_rng(7)
    x, y = _draw(rng, IN_PROPORTION)
    equal = shared_randomness(rng, GAME, x, y)
    tables = [
        np.bincount((x[run] * 2 + y[run]) * 4 + (equal[run] < 0), minlength=16).reshape(2, 2, 2, 2)
        for run in range(RUNS)
    ]
    assert _certified(DEFAULT, tables, Sampling("random", IN_PROPORTION), [EDGE]) <= ALLOWED


def test_a_device_whose_outcomes_leak_the_other_request_rings_the_alarm() -> None:
    """A answers y: a signal, visible in A's marginals. It gains nothing here, and the alarm rings in every run."""
    rng = np.random.default_rng(8)
    x, y = _draw(rng, IN_PROPORTION)
    equal = best_deterministic(rng, GAME, x, y)
    tables = []
    for run in range(200):
        a = y[run]
        b = np.where(equal[run] > 0, a, 1 - a)
        tables.append(np.bincount(((x[run] * 2 + y[run]) * 2 + a) * 2 + b, minlength=16).reshape(2, 2, 2, 2))
    assert all(no_signalling_test(Counts(table)).alarm for table in tables)
    assert _certified(DEFAULT, tables, Sampling("random", IN_PROPORTION), [EDGE]) <= ALLOWED * 200 // RUNS


def test_what_the_assumptions_are_for() -> None:
    """Outside its assumption each certificate can be beaten, which is why the record names it."""
    winning = np.where(GAME > 0, 1, -1)
    rng = np.random.default_rng(9)
    table = counts_of(np.where(winning > 0, 75, 0), np.full((2, 2), 75)).table
    # Fixed settings: a classical device that knows the schedule answers every block as it pleases.
    assert _certified(DEFAULT, [table], Sampling("fixed"), [EDGE]) == 1
    # Blocks: a classical device that remembers the last setting wins all but the first trial of each block.
    x, y = _draw(rng, IN_PROPORTION, 10)
    first = np.arange(TRIALS) % 10 == 0
    equal = np.where(first, best_deterministic(rng, GAME, x, y), winning[x, y])
    tables = [_table(x[run], y[run], equal[run], rng) for run in range(20)]
    assert _certified(DEFAULT, tables, Sampling("random", IN_PROPORTION, 10), [EDGE]) == 20
    # Fresh settings: a device that communicates wins; the locality loophole is open on one chip.
    x, y = _draw(rng, IN_PROPORTION)
    tables = [_table(x[run], y[run], winning[x[run], y[run]], rng) for run in range(20)]
    assert _certified(DEFAULT, tables, Sampling("random", IN_PROPORTION), [EDGE]) == 20


def ever_certified(multiplier: float, against: Against, drawn: Array, played: tuple[Array, ...]) -> int:
    """Runs certified at some moment, looked at after every trial, of x, y and whether outcomes are equal."""
    game = DEFAULT.game(multiplier)
    bettor, guess = bettor_against(game, against)[0], first_guess(game, None)
    certified = 0
    for x, y, equal in zip(*played, strict=True):
        trials = Trials(x, y, np.zeros_like(x), np.where(equal > 0, 0, 1), (2, 2))
        certified += RunningBets(bettor, guess, drawn).update(trials).max() >= -math.log(ALPHA)
    return certified


RUNS_AT_ANY_TIME = pytest.mark.parametrize("runs", [300, pytest.param(RUNS, marks=pytest.mark.slow)])
AT_ANY_TIME = [
    pytest.param(memory, None, 300, id="memory-in proportion"),
    *(pytest.param(each, ANY, RUNS, id=f"{each.__name__}-any", marks=pytest.mark.slow) for each in PLAYERS),
]


@pytest.mark.parametrize(("player", "r", "runs"), AT_ANY_TIME)
def test_the_bets_at_any_time(player: Player, r: Array | None, runs: int) -> None:
    drawn = IN_PROPORTION if r is None else r
    rng = np.random.default_rng(12)
    x, y = (each[:runs] for each in _draw(rng, drawn))
    equal = player(rng, GAME, x, y)
    assert ever_certified(EDGE, "memoryless", drawn, (x, y, equal)) <= binom.ppf(0.9999, runs, ALPHA)


def test_entanglement_is_certified_where_the_adversaries_are_not() -> None:
    """The same number of trials and α: a Bell pair of visibility 0.98 is certified in most runs."""
    correlators = 0.98 * DEFAULT.quantum.at_multiplier(EDGE).correlators
    rng = np.random.default_rng(10)
    x, y = _draw(rng, IN_PROPORTION)
    equal = np.where(rng.random(x.shape) < (1 + correlators[x, y]) / 2, 1, -1)
    tables = [_table(x[run], y[run], equal[run], rng) for run in range(RUNS)]
    assert _certified(DEFAULT, tables, Sampling("random", IN_PROPORTION), [EDGE]) > 0.8 * RUNS


# Against every classical router. What the best of them score is not known, only that it is no more than β_E; the worst
# that can be tried scores exactly that, at every trial whatever came before.

ALLOWED_WIDER = int(binom.ppf(0.999, RUNS, ALPHA))


@functools.cache
def _price() -> float:
    """μ that the default scenario's plan would take at p = 0.6."""
    return DEFAULT.classical_multiplier(0.6, 0.0, "every-classical")


@functools.cache
def _at_the_bound() -> Array:
    """Correlators of three devices that score exactly β_E, shape (3, 2, 2).

    The best entangled one with noise; the best deterministic one with a share that wins always; and one that wins
    always with one pair of types at a time and is an even coin otherwise, as far as it goes.
    """
    game = DEFAULT.game(_price())
    matrix, bound = game.matrix, game.bound("every-classical").high
    entangled = DEFAULT.quantum.at_multiplier(_price()).correlators
    noisy = entangled * bound / float((entangled * matrix).sum())
    best, always = _best(matrix)[0], np.sign(matrix)
    low, high = float((best * matrix).sum()), float(np.abs(matrix).sum())
    lucky = best + (always - best) * (bound - low) / (high - low)
    uneven, left = np.zeros((2, 2)), bound
    for place in np.argsort(-np.abs(matrix), axis=None):
        x, y = divmod(int(place), 2)
        share = min(1.0, left / abs(float(matrix[x, y])))
        uneven[x, y], left = share * always[x, y], left - share * abs(float(matrix[x, y]))
    tables = np.array([noisy, lucky, uneven])
    assert (tables * matrix).sum(axis=(1, 2)) == pytest.approx(bound, abs=1e-12)
    assert np.abs(tables).max() <= 1
    return tables


def _coins(rng: np.random.Generator, correlators: Array) -> Array:
    return np.where(rng.random(correlators.shape) < (1 + correlators) / 2, 1, -1)


def noise(rng: np.random.Generator, matrix: Array, x: Array, y: Array) -> Array:
    return _coins(rng, _at_the_bound()[0, x, y])


def drift_at_the_bound(rng: np.random.Generator, matrix: Array, x: Array, y: Array) -> Array:
    """From the first device to the third in the course of the run."""
    first, _, last = _at_the_bound()
    late = np.arange(x.shape[1]) / x.shape[1]
    return _coins(rng, (1 - late) * first[x, y] + late * last[x, y])


def _with_memory(rng: np.random.Generator, x: Array, y: Array, choose: Callable[[Array, int, Array], Array]) -> Array:
    """Trial by trial: `choose` gives each run's table from its lead over β_E so far and the setting before."""
    tables = np.concatenate([_at_the_bound(), np.zeros((1, 2, 2))])  # the last one is an even coin
    matrix = DEFAULT.game(_price()).matrix
    chance = (1 + DEFAULT.game(_price()).bound("every-classical").high / np.abs(matrix).sum()) / 2
    lead, before, equal = np.zeros(len(x)), np.zeros(len(x), dtype=int), np.empty_like(x)
    for at in range(x.shape[1]):
        now = tables[choose(lead, at, before), x[:, at], y[:, at]]
        equal[:, at] = _coins(rng, now)
        lead += (np.sign(matrix)[x[:, at], y[:, at]] * equal[:, at] > 0) - chance
        before = 2 * x[:, at] + y[:, at]
    return equal


def memory_at_the_bound(rng: np.random.Generator, matrix: Array, x: Array, y: Array) -> Array:
    """The device changes with the last pair of types and with being ahead or behind; its mean score never does."""
    return _with_memory(rng, x, y, lambda lead, at, before: np.where(lead > 1, 0, np.where(before == 0, 1, 2)))


def gambler_at_the_bound(rng: np.random.Generator, matrix: Array, x: Array, y: Array) -> Array:
    """The most uneven device while behind, an even coin once ahead: tries to stop on a high."""
    return _with_memory(rng, x, y, lambda lead, at, before: np.where(lead > 4, 3, 2))


WIDER = [noise, drift_at_the_bound, memory_at_the_bound, gambler_at_the_bound]


def _drawn_from(r: Array | None) -> Array:
    return DEFAULT.game(_price()).input_distribution if r is None else r


@pytest.mark.parametrize("player", WIDER)
@SETTINGS
def test_the_best_score_of_any_classical_router_is_not_certified_against_them(player: Player, r: Array | None) -> None:
    drawn = _drawn_from(r)
    tables = _play(player, DEFAULT, _price(), drawn, 14)
    sampling = Sampling("random", drawn)
    assert _certified(DEFAULT, tables, sampling, [_price()], "every-classical") <= ALLOWED_WIDER


@RUNS_AT_ANY_TIME
@pytest.mark.parametrize("player", WIDER)
@SETTINGS
def test_nor_at_any_time(player: Player, r: Array | None, runs: int) -> None:
    drawn = _drawn_from(r)
    rng = np.random.default_rng(15)
    x, y = (each[:runs] for each in _draw(rng, drawn))
    equal = player(rng, DEFAULT.game(_price()).matrix, x, y)
    certified = ever_certified(_price(), "every-classical", drawn, (x, y, equal))
    assert certified <= binom.ppf(0.9999, runs, ALPHA)


def test_those_adversaries_are_as_strong_as_may_be() -> None:
    """At β_E nearly α of the runs are certified; many more are against memoryless routers, and of a Bell pair's.

    So a bound that is not much too low would already break the limits above.
    """
    drawn = _drawn_from(None)
    sampling = Sampling("random", drawn)
    tables = _play(noise, DEFAULT, _price(), drawn, 14)
    assert _certified(DEFAULT, tables, sampling, [_price()], "every-classical") > ALPHA * RUNS / 2
    assert _certified(DEFAULT, tables, sampling, [_price()]) > 3 * ALLOWED_WIDER
    rng = np.random.default_rng(16)
    x, y = _draw(rng, drawn)
    equal = _coins(rng, DEFAULT.quantum.at_multiplier(_price()).correlators[x, y])
    bell = [_table(x[run], y[run], equal[run], rng) for run in range(RUNS)]
    assert _certified(DEFAULT, bell, sampling, [_price()], "every-classical") > 3 * ALLOWED_WIDER


@pytest.mark.slow
@pytest.mark.parametrize("player", [noise, drift_at_the_bound])
def test_nor_where_the_multiplier_is_chosen_among_three_after_the_fact(player: Player) -> None:
    """As for counts that nobody planned; the union bound pays for the choice."""
    tried = [DEFAULT.classical_multiplier(p, 0.0, "every-classical") for p in (0.25, 0.6, 0.75)]
    drawn = _drawn_from(ANY)
    tables = _play(player, DEFAULT, _price(), drawn, 17)
    for sampling in (Sampling("random", drawn), Sampling("fixed")):
        assert _certified(DEFAULT, tables, sampling, tried, "every-classical") <= ALLOWED_WIDER
