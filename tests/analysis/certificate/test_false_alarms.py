"""Classical adversaries must not be certified more often than α, whatever they do inside the assumption recorded.

Every adversary plays 2000 experiments; at α = 0.05 at most 5 % may be certified, within binomial error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.certificate.certificate import smallest_log_p_value
from bellqueue.analysis.certificate.diagnostics import no_signalling_test
from bellqueue.analysis.certificate.martingale import RunningMartingale
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.certificate.scores import trial_scores
from bellqueue.model.errors import DataError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling, Trials
from numpy.typing import NDArray
from scipy.stats import binom

from tests.scenarios import heavy_scenario

RUNS, TRIALS, ALPHA = 2000, 300, 0.05
ALLOWED = int(binom.ppf(0.9999, RUNS, ALPHA))
DEFAULT, HEAVY = Frontiers(Scenario.default().workload()), Frontiers(heavy_scenario().workload())
# All 16 deterministic strategies of two types a side, as products a_x b_y.
SIGNS = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
PRODUCTS = np.array([np.outer(a, b) for a in SIGNS for b in SIGNS])

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


def _table(x: Array, y: Array, equal: Array, rng: np.random.Generator) -> Array:
    a = rng.integers(2, size=x.shape)
    b = np.where(equal > 0, a, 1 - a)
    return np.bincount(((x * 2 + y) * 2 + a) * 2 + b, minlength=16).reshape(2, 2, 2, 2)


def _certified(frontiers: Frontiers, tables: list[Array], sampling: Sampling, multipliers: list[float]) -> int:
    """How many of the experiments are certified; one that never measured some pair of types is refused."""
    games, certified = [frontiers.game(multiplier) for multiplier in multipliers], 0
    for table in tables:
        try:
            log_p = smallest_log_p_value(games, Sample(Counts(table), sampling))[1]
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


@pytest.mark.parametrize("frontiers", [DEFAULT, HEAVY], ids=["default", "heavy"])
@pytest.mark.parametrize("player", PLAYERS)
def test_fresh_settings_in_proportion_to_the_game(player: Player, frontiers: Frontiers) -> None:
    multiplier = float(frontiers.classical.multipliers[-1])
    r = frontiers.game(multiplier).input_distribution
    tables = _play(player, frontiers, multiplier, r, 1)
    assert _certified(frontiers, tables, Sampling("random", r), [multiplier]) <= ALLOWED


@pytest.mark.parametrize("player", PLAYERS)
def test_fresh_settings_from_any_other_distribution(player: Player) -> None:
    multiplier = float(DEFAULT.classical.multipliers[-1])
    r = np.array([[0.4, 0.1], [0.3, 0.2]])
    tables = _play(player, DEFAULT, multiplier, r, 2)
    assert _certified(DEFAULT, tables, Sampling("random", r), [multiplier]) <= ALLOWED


@pytest.mark.parametrize("player", [best_deterministic, shared_randomness])
def test_multiplier_chosen_after_the_fact(player: Player) -> None:
    """The best of all edges is taken on the same counts; the union bound pays for the choice."""
    r = np.full((2, 2), 0.25)
    edges = HEAVY.classical.multipliers.tolist()
    for played in edges:
        tables = _play(player, HEAVY, played, r, 3)
        assert _certified(HEAVY, tables, Sampling("random", r), edges) <= ALLOWED
        assert _certified(HEAVY, tables, Sampling("fixed"), edges) <= ALLOWED


@pytest.mark.parametrize("player", [best_deterministic, shared_randomness])
def test_distribution_taken_from_the_counts(player: Player) -> None:
    multiplier = float(DEFAULT.classical.multipliers[-1])
    tables = _play(player, DEFAULT, multiplier, DEFAULT.game(multiplier).input_distribution, 4)
    assert _certified(DEFAULT, tables, Sampling("fixed"), [multiplier]) <= ALLOWED


@pytest.mark.parametrize("player", [best_deterministic, shared_randomness])
@pytest.mark.parametrize("block", [5, 20])
def test_blocks_of_one_setting(player: Player, block: int) -> None:
    multiplier = float(DEFAULT.classical.multipliers[-1])
    r = DEFAULT.game(multiplier).input_distribution
    tables = _play(player, DEFAULT, multiplier, r, 5, block)
    assert _certified(DEFAULT, tables, Sampling("random", r, block), [multiplier]) <= ALLOWED


@pytest.mark.parametrize("shape", [(76, 75, 74, 75), (75, 75, 75, 75), (20, 130, 100, 50)])
def test_fixed_blocks_with_rounded_shots(shape: tuple[int, ...]) -> None:
    """Independent coins whose winning chances differ between settings but average to the classical value."""
    multiplier = float(DEFAULT.classical.multipliers[-1])
    matrix = DEFAULT.game(multiplier).matrix
    best = _best(matrix)
    correlators = np.mean(best, axis=0)
    rng = np.random.default_rng(6)
    settings = np.array(shape).reshape(2, 2)
    tables = []
    for _ in range(RUNS):
        together = rng.binomial(settings, (1 + correlators) / 2)
        table = np.zeros((2, 2, 2, 2), dtype=int)
        table[..., 0, 0], table[..., 0, 1] = together, settings - together
        tables.append(table)
    assert _certified(DEFAULT, tables, Sampling("fixed"), [multiplier]) <= ALLOWED


def test_biased_devices() -> None:
    """Outcomes of router A fixed at 0: marginals as asymmetric as can be, correlators still local."""
    multiplier = float(DEFAULT.classical.multipliers[-1])
    r = DEFAULT.game(multiplier).input_distribution
    rng = np.random.default_rng(7)
    x, y = _draw(rng, r)
    equal = shared_randomness(rng, DEFAULT.game(multiplier).matrix, x, y)
    tables = [
        np.bincount((x[run] * 2 + y[run]) * 4 + (equal[run] < 0), minlength=16).reshape(2, 2, 2, 2)
        for run in range(RUNS)
    ]
    assert _certified(DEFAULT, tables, Sampling("random", r), [multiplier]) <= ALLOWED


def test_a_device_whose_outcomes_leak_the_other_request_rings_the_alarm() -> None:
    """A answers y: a signal, visible in A's marginals. It gains nothing here, and the alarm rings in every run."""
    multiplier = float(DEFAULT.classical.multipliers[-1])
    r = DEFAULT.game(multiplier).input_distribution
    rng = np.random.default_rng(8)
    x, y = _draw(rng, r)
    equal = best_deterministic(rng, DEFAULT.game(multiplier).matrix, x, y)
    tables = []
    for run in range(200):
        a = y[run]
        b = np.where(equal[run] > 0, a, 1 - a)
        tables.append(np.bincount(((x[run] * 2 + y[run]) * 2 + a) * 2 + b, minlength=16).reshape(2, 2, 2, 2))
    assert all(no_signalling_test(Counts(table)).alarm for table in tables)
    assert _certified(DEFAULT, tables, Sampling("random", r), [multiplier]) <= ALLOWED * 200 // RUNS


def test_what_the_assumptions_are_for() -> None:
    """Outside its assumption each certificate can be beaten, which is why the record names it."""
    multiplier = float(DEFAULT.classical.multipliers[-1])
    matrix = DEFAULT.game(multiplier).matrix
    winning = np.where(matrix > 0, 1, -1)
    rng = np.random.default_rng(9)
    settings = np.full((2, 2), 75)
    table = np.zeros((2, 2, 2, 2), dtype=int)
    table[..., 0, 0], table[..., 0, 1] = np.where(winning > 0, settings, 0), np.where(winning > 0, 0, settings)
    # Fixed settings: a classical device that knows the schedule answers every block as it pleases.
    assert _certified(DEFAULT, [table], Sampling("fixed"), [multiplier]) == 1
    # Blocks: a classical device that remembers the last setting wins all but the first trial of each block.
    r = DEFAULT.game(multiplier).input_distribution
    x, y = _draw(rng, r, 10)
    first = np.arange(TRIALS) % 10 == 0
    equal = np.where(first, best_deterministic(rng, matrix, x, y), winning[x, y])
    tables = [_table(x[run], y[run], equal[run], rng) for run in range(20)]
    assert _certified(DEFAULT, tables, Sampling("random", r, 10), [multiplier]) == 20
    # Fresh settings: a device that communicates wins; the locality loophole is open on one chip.
    x, y = _draw(rng, r)
    tables = [_table(x[run], y[run], winning[x[run], y[run]], rng) for run in range(20)]
    assert _certified(DEFAULT, tables, Sampling("random", r), [multiplier]) == 20


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("r", [None, np.array([[0.4, 0.1], [0.3, 0.2]])], ids=["in proportion", "any"])
def test_the_martingale_at_any_time(player: Player, r: Array | None) -> None:
    """Certified at some moment of the run, looked at after every trial."""
    multiplier = float(DEFAULT.classical.multipliers[-1])
    matrix = DEFAULT.game(multiplier).matrix
    drawn = DEFAULT.game(multiplier).input_distribution if r is None else r
    scale = np.abs(matrix / drawn).max()
    bound = ((_best(matrix)[0] * matrix).sum() / scale + 1) / 2
    rng = np.random.default_rng(12)
    x, y = _draw(rng, drawn)
    equal = player(rng, matrix, x, y)
    certified = 0
    for run in range(RUNS):
        a = np.zeros(TRIALS, dtype=int)
        trials = Trials(x[run], y[run], a, np.where(equal[run] > 0, 0, 1), (2, 2))
        certified += RunningMartingale(bound).update(trial_scores(matrix, drawn, trials)).min() <= math.log(ALPHA)
    assert certified <= ALLOWED


def test_the_martingale_certifies_entanglement_and_never_rises() -> None:
    multiplier = float(DEFAULT.classical.multipliers[-1])
    matrix = DEFAULT.game(multiplier).matrix
    r = DEFAULT.game(multiplier).input_distribution
    correlators = 0.98 * DEFAULT.quantum.at_multiplier(multiplier).correlators
    rng = np.random.default_rng(13)
    drawn = rng.choice(4, size=20_000, p=r.ravel())
    x, y = drawn // 2, drawn % 2
    b = np.where(rng.random(x.shape) < (1 + correlators[x, y]) / 2, 0, 1)
    scores = trial_scores(matrix, r, Trials(x, y, np.zeros_like(x), b, (2, 2)))
    assert set(np.unique(scores)) == {0.0, 1.0}
    bound = ((_best(matrix)[0] * matrix).sum() / np.abs(matrix).sum() + 1) / 2
    log_p = RunningMartingale(bound).update(scores)
    assert np.all(np.diff(log_p) <= 0)
    win = scores.mean()
    information = win * math.log(win / bound) + (1 - win) * math.log((1 - win) / (1 - bound))
    assert log_p[-1] < -0.95 * information * len(scores)  # Kelly's growth rate is the relative entropy
    assert np.all(RunningMartingale(1.0).update(scores) == 0)


def test_entanglement_is_certified_where_the_adversaries_are_not() -> None:
    """The same number of trials and α: a Bell pair of visibility 0.98 is certified in most runs."""
    multiplier = float(DEFAULT.classical.multipliers[-1])
    r = DEFAULT.game(multiplier).input_distribution
    correlators = 0.98 * DEFAULT.quantum.at_multiplier(multiplier).correlators
    rng = np.random.default_rng(10)
    x, y = _draw(rng, r)
    equal = np.where(rng.random(x.shape) < (1 + correlators[x, y]) / 2, 1, -1)
    tables = [_table(x[run], y[run], equal[run], rng) for run in range(RUNS)]
    assert _certified(DEFAULT, tables, Sampling("random", r), [multiplier]) > 0.8 * RUNS
