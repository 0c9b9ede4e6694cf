"""Several pairs in every shot: what each number of the analysis holds against, shown by devices that try to cheat it.

The cheats play CHSH: a local strategy loses at exactly one of the four settings, whichever it likes, and wins ¾ of the
time where all are as likely. With crosstalk a pair may choose where it loses by what the others measure.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.analyze import analyze
from bellqueue.analysis.certificate.certificate import certify
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.certificate.scores import BoundedSum
from bellqueue.analysis.certificate.several_pairs import crosstalk_test, pair_samples
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.circuits.schedule import Schedule, draw_schedule
from bellqueue.model.errors import DataError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.operating_point import OperatingPoint
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Sampling, Trials
from bellqueue.runner.commands.screens.sections import analysis_table
from numpy.typing import NDArray
from rich.console import Console
from scipy.stats import binom

from tests.analysis.conftest import provenance

from .devices import PRODUCTS

RUNS, SHOTS, ALPHA = 2000, 100, 0.05
ALLOWED = int(binom.ppf(0.9999, RUNS, ALPHA))
CHSH, LOCAL = np.array([[1.0, 1.0], [1.0, -1.0]]), 2.0
UNIFORM = np.full((2, 2), 0.25)
Array = NDArray[Any]


# --- cheats -----------------------------------------------------------------------------------------------------


def conspirators(settings: Array) -> Array:
    """Every pair loses where the sum of all settings is 0 modulo 4: all lose at once, or none does.

    Whatever the others measure, each pair loses at exactly one of its own settings, so that its play is local.
    """
    return np.repeat(settings.sum(axis=-1, keepdims=True) % 4 != 0, settings.shape[-1], axis=-1)


def listener(settings: Array) -> Array:
    """The first pair knows what the second measures and loses where that equals its own; the others play by rote."""
    won = settings != 0
    won[..., 0] = settings[..., 0] != settings[..., 1]
    return np.asarray(won)


def rote(settings: Array) -> Array:
    """Every pair loses at setting 0: no crosstalk at all."""
    return np.asarray(settings != 0)


def bold(play: Any, settings: Array) -> Array:
    """Plays together until ahead by what the pooled test asks for, then every pair by rote, which swings less."""
    runs, shots, pairs = settings.shape
    total, won = np.zeros(runs), np.empty(settings.shape, dtype=bool)
    enough = 1.645 * math.sqrt(3 / 16 * pairs * shots)
    for shot in range(shots):
        ahead = total > 0.75 * pairs * shot + enough
        won[:, shot] = np.where(ahead[:, None], rote(settings[:, shot]), play(settings[:, shot]))
        total += won[:, shot].sum(axis=1)
    return won


def games(play: Any, pairs: int, seed: int, memory: bool) -> Array:
    """Who won in every run and shot, shape (RUNS, SHOTS, k)."""
    settings = np.random.default_rng(seed).integers(4, size=(RUNS, SHOTS, pairs))
    return bold(play, settings) if memory else play(settings)


def rejections(won: Array) -> dict[str, int]:
    """How many runs each of the tests rejects at α: pooled, over the shots, and the best pair's."""
    pairs = won.shape[2]
    rejected = {"pooled": 0, "shots": 0, "best pair": 0}
    for run in won:
        pooled = BoundedSum(run.size, float(run.sum()), 4.0, True)
        each = [BoundedSum(len(run), float(own.sum()), 4.0, True).log_tail(LOCAL)[0] for own in run.T]
        rejected["pooled"] += pooled.log_tail(LOCAL)[0] <= math.log(ALPHA)
        rejected["shots"] += pooled.log_tail_of_shots(LOCAL, pairs) <= math.log(ALPHA)
        rejected["best pair"] += min(each) + math.log(pairs) <= math.log(ALPHA)
    return rejected


def test_the_game_the_cheats_play_is_chsh() -> None:
    """ΣU of the package is the number of wins, and its ω is ¾."""
    trials = trials_of(np.array([[0, 1], [2, 3]]), np.array([[True, False], [True, True]]), np.random.default_rng(0))
    total = BoundedSum.of(CHSH, Sample(trials.counts(), Sampling("random", UNIFORM, parallel=2)))
    assert (total.trials, total.total, total.scale, total.binary) == (4, 3.0, 4.0, True)
    assert total.mean(LOCAL) == 0.75


@pytest.mark.parametrize("memory", [False, True], ids=["steady", "bold"])
@pytest.mark.parametrize("play", [rote, listener, conspirators])
@pytest.mark.parametrize("pairs", [2, 3])
def test_no_cheat_beats_the_p_value_for_any_crosstalk(pairs: int, play: Any, memory: bool) -> None:
    rejected = rejections(games(play, pairs, 5, memory))
    assert rejected["shots"] <= ALLOWED
    assert rejected["best pair"] <= ALLOWED


@pytest.mark.parametrize("memory", [False, True], ids=["steady", "bold"])
@pytest.mark.parametrize("play", [rote, listener])
def test_the_pooled_p_value_holds_without_crosstalk_and_where_it_runs_one_way(play: Any, memory: bool) -> None:
    """Where only one pair listens, trials can be put in an order in which every setting is fresh: the listener last."""
    assert rejections(games(play, 3, 6, memory))["pooled"] <= ALLOWED


@pytest.mark.parametrize("pairs", [2, 3, 4])
def test_pairs_that_listen_to_each_other_beat_the_pooled_p_value(pairs: int) -> None:
    """Wins come k at a time, so that N/k coins decide: the binomial law of N overrates them."""
    won = games(conspirators, pairs, 7, False)
    rejected = rejections(won)["pooled"]
    needed = min(wins for wins in range(SHOTS * pairs) if binom.sf(wins - 1, SHOTS * pairs, 0.75) <= ALPHA)
    exact = binom.sf(math.ceil(needed / pairs) - 1, SHOTS, 0.75)
    assert abs(rejected - RUNS * exact) < 5 * math.sqrt(RUNS * exact * (1 - exact))
    assert rejected > ALLOWED


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
    assert np.prod(np.sign(game.matrix)) == -1  # like CHSH: a local strategy may lose at any single setting
    alarms, pooled = np.zeros(2, dtype=int), np.zeros(2, dtype=int)
    for _ in range(runs):
        settings = rng.choice(4, size=(shots, parallel), p=r.ravel())
        trials = trials_of(settings, conspirators(settings), rng, game.matrix)
        sample = Sample(trials.counts(), Sampling("random", r, parallel=parallel))
        found = certify([game], sample, min(levels), trials)
        assert found.log10_p_value_pooled is not None
        alarms += found.log10_p_value <= np.log10(levels)
        pooled += found.log10_p_value_pooled <= np.log10(levels)
    most = binom.ppf(0.999, runs, levels)
    assert np.all(alarms <= most), alarms
    assert pooled[0] > most[0], pooled  # what the verdict must not rest on


# --- the alarm --------------------------------------------------------------------------------------------------


def trials_of(settings: Array, won: Array, rng: np.random.Generator, game: Array = CHSH) -> Trials:
    """Trials of a game like CHSH with those wins, the outcomes by themselves even; shapes (shots, k)."""
    x, y = (settings // 2).ravel(), (settings % 2).ravel()
    equal = (game[x, y] > 0) == won.ravel()
    a = rng.integers(2, size=x.size)
    return Trials(x, y, a, np.where(equal, a, 1 - a), (2, 2))


@pytest.mark.parametrize(("play", "target"), [(listener, {1}), (conspirators, {1, 2})])
def test_crosstalk_between_two_pairs_rings(play: Any, target: set[int]) -> None:
    rng = np.random.default_rng(8)
    settings = rng.integers(4, size=(2000, 2))
    found = crosstalk_test(trials_of(settings, play(settings), rng), 2)
    assert found.alarm
    assert found.target in target
    assert {found.source, found.target} == {1, 2}


def test_honest_pairs_seldom_ring() -> None:
    """At 10⁻³ no more often than that, within binomial error."""
    rng = np.random.default_rng(9)
    alarms = 0
    for _ in range(200):
        settings = rng.integers(4, size=(1000, 2))
        alarms += crosstalk_test(trials_of(settings, rng.random(settings.shape) < 0.85, rng), 2).alarm
    assert alarms <= binom.ppf(0.9999, 200, 1e-3)


def test_what_takes_three_pairs_is_not_found_and_does_no_harm() -> None:
    """Of three conspirators no two give themselves away; the p-value for any crosstalk is what protects."""
    rng = np.random.default_rng(10)
    settings = rng.integers(4, size=(2000, 3))
    assert not crosstalk_test(trials_of(settings, conspirators(settings), rng), 3).alarm


# --- the analysis -----------------------------------------------------------------------------------------------


class Run:
    """A planned run of the default scenario on Werner pairs."""

    def __init__(self, visibilities: tuple[float, ...], shots: int, seed: int = 1, **sampling: Any) -> None:
        scenario = Scenario.default()
        self.scenario, self.frontiers = scenario, Frontiers(scenario.workload())
        self.point: OperatingPoint = self.frontiers.operating_point(scenario)
        self.r = self.frontiers.game(self.point.certificate_multiplier).input_distribution
        pairs = len(visibilities)
        rng = np.random.default_rng(seed)
        self.sampling = Sampling("random", self.r, parallel=pairs, **sampling)
        self.plan: Schedule = draw_schedule(self.point.strategy, self.sampling, self.r, shots * pairs, rng)
        angles = np.array([[each.alpha, each.beta] for each in self.plan.settings])[self.plan.order]
        noise = np.tile(visibilities, shots)
        equal = rng.random(len(noise)) < (1 + noise * np.cos(angles[:, 0] - angles[:, 1])) / 2
        a = rng.integers(2, size=len(noise))
        self.trials = self.plan.in_order(np.stack([a, np.where(equal, a, 1 - a)], axis=1).astype(np.uint8))

    def analyze(self, trials: Trials | None = None, **changes: Any) -> Analysis:
        trials = trials or self.trials
        sample = Sample(trials.counts(), replace(self.sampling, **changes))
        qubits = [10 * pair + side for pair in range(self.sampling.parallel) for side in range(2)]
        return analyze(
            self.scenario,
            sample,
            provenance(qubits=qubits),
            point=self.point,
            trials=trials,
            frontiers=self.frontiers,
        )


@pytest.fixture(scope="module")
def three() -> Run:
    return Run((1.0, 0.97, 0.9), 5000)


@pytest.fixture(scope="module")
def analysis(three: Run) -> Analysis:
    return three.analyze()


def test_ideal_pairs_certify_together_and_one_by_one() -> None:
    found = Run((1.0, 1.0, 1.0), 4000).analyze()
    assert found.certificate.certified
    assert found.certificate.log10_p_value_pooled is not None
    assert found.certificate.log10_p_value_pooled < found.certificate.log10_p_value < -3
    assert found.parallel is not None
    assert all(pair.log10_p_value < -3 for pair in found.parallel.pairs)
    assert not found.parallel.crosstalk.alarm
    assert found.warnings == []


def test_independent_pairs_lose_little() -> None:
    """Of three independent good pairs the shots' test keeps nine tenths of the evidence of as many single trials."""
    found = Run((0.95, 0.95, 0.95), 10_000, seed=5).analyze().certificate
    assert found.log10_p_value_pooled is not None
    assert found.log10_p_value < 0.9 * found.log10_p_value_pooled < 0
    assert found.certified


def test_the_p_value_of_shots_by_hand(three: Run, analysis: Analysis) -> None:
    """1 over the largest mixture of stakes Π(1+κU)/(1+κω), U the mean over a shot, ω of 16 deterministic strategies.

    Odds κ+1 = e^t, t = 2^(n/3) for n = −30 … 9, with shares 1/(1 + (log₂(4t)/2)²).
    """
    matrix = three.frontiers.game(three.point.certificate_multiplier).matrix
    weights = matrix / three.r
    scale = np.abs(weights).max()
    sign = np.where(three.trials.a == three.trials.b, 1, -1)
    u = ((weights[three.trials.x, three.trials.y] * sign + scale) / (2 * scale)).reshape(-1, 3).mean(axis=1)
    omega = ((PRODUCTS * matrix).sum(axis=(1, 2)).max() + scale) / (2 * scale)
    tilts = 2.0 ** (np.arange(-30, 10) / 3)
    shares = 1 / (1 + (np.log2(4 * tilts) / 2) ** 2)
    odds = np.exp(tilts) - 1
    stakes = np.cumsum(np.log1p(odds[:, None] * u) - np.log1p(odds * omega)[:, None], axis=1)
    wealth = np.log((shares[:, None] / shares.sum() * np.exp(stakes)).sum(axis=0))
    found = analysis.certificate.log10_p_value
    assert found == pytest.approx(-wealth.max() / math.log(10), rel=1e-6)
    assert analysis.certificate.log10_anytime_p_value == found


def test_each_pair_is_what_its_trials_say_by_themselves(three: Run, analysis: Analysis) -> None:
    assert analysis.parallel is not None
    assert analysis.parallel.shots == 5000
    for number, pair in enumerate(analysis.parallel.pairs):
        lone = three.analyze(three.trials[number::3], parallel=1)
        assert pair.trials == 5000
        assert pair.qubits == (10 * number, 10 * number + 1)
        assert pair.log10_p_value == lone.certificate.log10_p_value
        assert pair.waiting_time.estimate == lone.observed.waiting_time.estimate
        assert pair.visibility.low == lone.visibility.low
        assert pair.chsh == lone.chsh
    best = min(pair.log10_p_value for pair in analysis.parallel.pairs)
    assert analysis.parallel.log10_p_value_best_pair == pytest.approx(best + math.log10(3))


def test_each_pair_shows_its_own_visibility(analysis: Analysis) -> None:
    assert analysis.parallel is not None
    for pair, visibility in zip(analysis.parallel.pairs, (1.0, 0.97, 0.9), strict=True):
        assert pair.visibility.low <= visibility <= pair.visibility.high + 1e-9
        assert abs(pair.visibility.estimate - visibility) < 5 / math.sqrt(5000)


def test_the_record_says_what_its_numbers_rest_on_and_comes_back(analysis: Analysis) -> None:
    assert "it holds whatever passes between them" in analysis.certificate.assumption
    number = f"{analysis.certificate.log10_p_value_pooled:.4g}"
    assert f"were all pairs independent trials, it would be log10 p = {number}" in analysis.certificate.assumption
    assert Analysis.model_validate_json(analysis.to_json()) == analysis


def test_the_tables_show_every_pair_at_80_columns(analysis: Analysis) -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(analysis_table(analysis))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert all(f"{number}: {10 * number - 10}-{10 * number - 9}" in text for number in (1, 2, 3))
    assert "log10 p, pairs pooled" in text
    assert max(map(len, text.splitlines())) <= 80


def test_one_pair_to_a_shot_leaves_the_record_as_it_was() -> None:
    found = Run((0.97,), 3000).analyze()
    assert found.parallel is None
    assert found.certificate.log10_p_value_pooled is None
    assert "pairs" not in found.certificate.assumption
    console = Console(file=io.StringIO(), width=80)
    console.print(analysis_table(found))
    assert isinstance(console.file, io.StringIO)
    assert "crosstalk" not in console.file.getvalue()


def test_an_alarm_leads_the_verdict(three: Run) -> None:
    """The second pair's outcomes are flipped wherever the first one's request at A is of the second type."""
    a = three.trials.a.copy()
    a[1::3] ^= (three.trials.x[::3] == 1).astype(a.dtype)
    found = three.analyze(replace(three.trials, a=a))
    assert found.parallel is not None
    assert (found.parallel.crosstalk.source, found.parallel.crosstalk.target) == (1, 2)
    assert found.verdict[0].startswith("CROSSTALK ALARM: the outcomes of pair 2 depend on the settings of pair 1")


def test_lost_shots_count_as_losses_of_every_pair(three: Run) -> None:
    rest = three.trials[: 3 * 4000]
    gone = [
        three.trials.of_pair(pair, 3).counts().settings - rest.of_pair(pair, 3).counts().settings for pair in range(3)
    ]
    found = three.analyze(rest, lost=np.sum(gone, axis=0), lost_by_pair=np.array(gone))
    assert found.certificate.lost == 3000
    assert found.parallel is not None
    assert [pair.lost for pair in found.parallel.pairs] == [1000] * 3
    assert found.parallel.shots == 5000
    # As if every lost trial had come out on the losing side.
    matrix = three.frontiers.game(three.point.certificate_multiplier).matrix
    b = three.trials.b.copy()
    lost = slice(3 * 4000, None)
    b[lost] = np.where(matrix > 0, 1, 0)[three.trials.x[lost], three.trials.y[lost]] ^ three.trials.a[lost]
    losing = three.analyze(replace(three.trials, b=b))
    assert losing.parallel is not None
    assert found.certificate.log10_p_value_pooled == losing.certificate.log10_p_value_pooled
    # Where they came is not known: they count as first, and the largest stake is no larger than if they came last.
    assert found.certificate.log10_p_value >= losing.certificate.log10_p_value
    for pair, same in zip(found.parallel.pairs, losing.parallel.pairs, strict=True):
        assert pair.log10_p_value == same.log10_p_value


def test_without_fresh_settings_there_is_no_such_p_value() -> None:
    found = Run((0.97, 0.97), 2000, block=10).analyze()
    assert found.certificate.log10_p_value_pooled is None
    assert "count as independent trials" in found.certificate.assumption
    assert found.parallel is not None


def test_trials_that_do_not_fill_their_shots_are_refused(three: Run) -> None:
    with pytest.raises(DataError, match="do not fill shots of 3 pairs"):
        pair_samples(Sample(three.trials.counts(), three.sampling), three.trials[:-1])


# --- the plan ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pairs", "block"), [(1, 1), (1, 7), (3, 1), (3, 5)])
def test_every_pair_has_settings_of_its_own_in_every_block_of_shots(pairs: int, block: int) -> None:
    run = Run((1.0,) * pairs, 700 * block, block=block)
    order = run.plan.order.reshape(-1, block, pairs)
    assert (order == order[:, :1]).all()
    for one in range(pairs):
        for other in range(one):  # two independent draws of four settings agree as often as Σr² says
            agree = (order[:, 0, one] == order[:, 0, other]).sum()
            share = float((run.r**2).sum())
            assert abs(agree - 700 * share) < 5 * math.sqrt(700 * share * (1 - share))


def test_fixed_settings_are_the_same_on_all_pairs_of_a_shot() -> None:
    point = Run((1.0,), 10)
    sampling = Sampling("fixed", point.r, parallel=3)
    plan = draw_schedule(point.point.strategy, sampling, point.r, 3000, np.random.default_rng(0))
    shots = plan.order.reshape(-1, 3)
    assert (shots == shots[:, :1]).all()
    assert np.abs(np.bincount(shots[:, 0], minlength=4) - 1000 * point.r.ravel()).max() < 1


def test_the_stored_plan_keeps_the_number_of_pairs(three: Run) -> None:
    back = Schedule.from_bytes(three.plan.to_bytes())
    assert back.sampling.parallel == 3
    assert np.array_equal(back.order, three.plan.order)
