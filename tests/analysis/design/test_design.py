"""Planned numbers of trials against simulated experiments, brute force and exact convolution."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.certificate.bets import RunningBets, bettor_on_score
from bellqueue.analysis.certificate.tails import log_binomial_tail
from bellqueue.analysis.design.design import Design, best_design, evaluate_design
from bellqueue.analysis.design.power import ScoreLaw
from bellqueue.model.errors import DataError, ScenarioError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Trials
from numpy.typing import NDArray
from scipy.stats import binom, norm

from tests.analysis.design.experiments import SIGNS, drawn, outcomes, passes, single_type, unbiased
from tests.known import known
from tests.scenarios import dense, heavy_scenario, random_scenario

Floats = NDArray[np.float64]

POWER, RUNS, CASES = 0.95, 300, 6
CHSH = np.array([[1.0, 1.0], [1.0, -1.0]]) / 4
EVEN = np.full((2, 2), 0.25)
DENSE, HEAVY = Frontiers(dense().workload()), Frontiers(heavy_scenario().workload())
EXACT = Frontiers(random_scenario(np.random.default_rng(104), 4).workload())  # 4×4, no setting below the floor
FLOORED = Frontiers(random_scenario(np.random.default_rng(102), 4).workload())  # 3×2, one setting below the floor


def _noisy(frontiers: Frontiers, visibility: float) -> Callable[[float], Floats]:
    """The correlators of the strategy at a multiplier on a Werner state."""
    return lambda multiplier: np.asarray(visibility * frontiers.one_pair.at_multiplier(multiplier).correlators)


def _certified(
    frontiers: Frontiers, design: Design, behaviour: Floats, trials: int, seed: int, runs: int = RUNS
) -> int:
    """How many simulated experiments the certificate itself passes."""
    rng = np.random.default_rng(seed)
    tables = drawn(design, behaviour, trials, runs, rng)
    if design.method == "exact binomial":
        return sum(passes(frontiers, design, table) for table in tables)
    bettor = bettor_on_score(frontiers.game(design.certificate_multiplier), design.against)
    certified = 0
    for table in tables:
        bets = RunningBets(bettor, 0.95 * _c(behaviour), np.array(design.input_distribution))
        bets.update(_in_some_order(outcomes(table), rng), table[..., 4])
        certified += bets.log_p_value <= math.log(design.significance)
    return certified


def _in_some_order(counts: Counts, rng: np.random.Generator) -> Trials:
    codes = rng.permutation(np.repeat(np.arange(counts.table.size), counts.table.ravel()))
    x, y, a, b = np.unravel_index(codes, counts.table.shape)
    return Trials(x, y, a, b, counts.shape)


def _c(behaviour: Floats) -> Floats:
    """Correlators of the trials that are not lost."""
    return np.asarray((behaviour * SIGNS).sum(axis=(2, 3)) / behaviour.sum(axis=(2, 3)))


def _case(name: str) -> tuple[Frontiers, Design, Floats]:
    """A planned experiment and the behaviour it was planned for."""
    if name == "uneven multiplier":
        behaviour = unbiased(0.95 * DENSE.one_pair.at_splitting_probability(0.55).correlators)
        return DENSE, evaluate_design(DENSE.game(0.8), behaviour, EVEN, 1e-6), behaviour
    frontiers, visibility, lost, significance = {
        "dense": (DENSE, 0.95, 0.0, 1e-6),
        "dense near its limit": (DENSE, 0.78, 0.0, 1e-3),
        "heavy with losses": (HEAVY, 0.98, 0.04, 1e-6),
        "four types": (EXACT, 0.96, 0.0, 1e-6),
        "below the floor": (FLOORED, 0.99, 0.0, 1e-6),
    }[name]
    correlators = _noisy(frontiers, visibility)
    design = best_design(frontiers, lambda at: unbiased(correlators(at), lost), significance, POWER)
    return frontiers, design, unbiased(correlators(known(design.strategy_multiplier)), lost)


NAMES = ["dense", "dense near its limit", "heavy with losses", "four types", "below the floor", "uneven multiplier"]


@pytest.fixture(scope="module")
def cases() -> list[tuple[Frontiers, Design, Floats]]:
    return [_case(name) for name in NAMES]


def test_the_cases_cover_both_tails(cases: list[tuple[Frontiers, Design, Floats]]) -> None:
    assert [design.method for _, design, _ in cases] == ["exact binomial"] * 4 + ["betting"] * 2


@pytest.mark.parametrize("runs", [60, pytest.param(RUNS, marks=pytest.mark.slow)])
def test_planned_trials_certify_as_often_as_asked(cases: list[tuple[Frontiers, Design, Floats]], runs: int) -> None:
    """One-sided, all six together at 99 %."""
    allowed = binom.ppf(0.01 / CASES, runs, POWER)
    for seed, (frontiers, design, behaviour) in enumerate(cases):
        assert _certified(frontiers, design, behaviour, known(design.trials), seed, runs) >= allowed, NAMES[seed]


@pytest.mark.slow
def test_a_tenth_fewer_trials_certify_less_often_than_asked(cases: list[tuple[Frontiers, Design, Floats]]) -> None:
    """The power falls to about 0.9, which 1800 experiments tell from 0.95 beyond five standard deviations."""
    passed = 0
    for seed, (frontiers, design, behaviour) in enumerate(cases):
        passed += _certified(frontiers, design, behaviour, int(0.9 * known(design.trials)), 100 + seed)
    assert passed < binom.ppf(1e-6, RUNS * CASES, POWER)


@pytest.mark.slow
def test_trials_planned_against_every_classical_router_certify_as_often_as_asked() -> None:
    """One-sided at 99 %, and a fifth fewer trials less often than asked: at the default pair rate, two devices."""
    default = Frontiers(Scenario.default().workload())
    fewer = 0
    for seed, (visibility, lost) in enumerate(((0.94, 0.0), (0.97, 0.02))):
        table = functools.partial(_lossy, _noisy(default, visibility), lost)
        design, weaker = (best_design(default, table, 1e-4, POWER, each) for each in ("every-classical", "memoryless"))
        assert (design.against, weaker.against) == ("every-classical", "memoryless")
        trials, behaviour = known(design.trials), table(known(design.strategy_multiplier))
        assert known(weaker.trials) < trials
        assert _certified(default, design, behaviour, trials, 200 + seed) >= binom.ppf(0.01 / 2, RUNS, POWER)
        fewer += _certified(default, design, behaviour, int(0.8 * trials), 300 + seed)
    assert fewer < binom.ppf(1e-6, 2 * RUNS, POWER)


def test_below_the_visibility_that_every_classical_router_takes_there_is_no_design_against_them() -> None:
    default = Frontiers(Scenario.default().workload())
    least = known(default.least_visibility("every-classical"))
    with pytest.raises(ScenarioError, match=rf"below visibility {least:.4f}.*better pair of qubits"):
        best_design(default, _noisy(default, least - 0.005), 1e-3, against="every-classical")
    assert best_design(default, _noisy(default, least + 0.005), 1e-3, against="every-classical").trials
    assert best_design(default, _noisy(default, least - 0.005), 1e-3).trials


def _lossy(correlators: Callable[[float], Floats], lost: float, multiplier: float) -> Floats:
    return unbiased(correlators(multiplier), lost)


def _brute_force(law: ScoreLaw, significance: float, power: float, most: int) -> int:
    """One more than the last N ≤ most at which certifying is too rare, every N tried."""
    last, needed = 0, 1
    for trials in range(1, most + 1):
        while needed <= trials and log_binomial_tail(trials, needed, law.null_mean) > math.log(significance):
            needed += 1
        if binom.sf(needed - 1, trials, law.mean) < power:
            last = trials
    return last + 1


@pytest.mark.parametrize(("significance", "power"), [(1e-6, 0.95), (1e-3, 0.9), (0.05, 0.5), (0.3, 0.05)])
@pytest.mark.parametrize("visibility", [1.0, 0.95])
def test_required_trials_is_the_last_tooth_of_the_saw(significance: float, power: float, visibility: float) -> None:
    law = ScoreLaw.of(CHSH, EVEN, visibility * np.sign(CHSH) / math.sqrt(2), 0.5)
    assert law.required_trials(significance, power) == _brute_force(law, significance, power, 2000)


def test_a_perfect_prediction_needs_the_trials_in_which_chance_never_wins_them_all() -> None:
    """q = 1 and ω = 3/4: N with (3/4)^N ≤ α."""
    law = ScoreLaw.of(CHSH, EVEN, np.sign(CHSH), 0.5)
    assert law.required_trials(1e-6, 0.95) == math.ceil(math.log(1e-6) / math.log(0.75))


def _simulated_power(law: ScoreLaw, trials: int, significance: float) -> float:
    """P[Σ ln e ≥ ln 1/α] over a million experiments."""
    counts = np.random.default_rng(trials).multinomial(trials, law.probabilities, size=10**6)
    return float((counts @ law.values >= -math.log(significance)).mean())


@pytest.mark.parametrize("trials", [300, 1000, 3000])
@pytest.mark.parametrize("visibility", [0.9, 0.97])
def test_power_of_uneven_settings_is_that_of_the_exact_convolution(trials: int, visibility: float) -> None:
    """U is 0, 1/6, 5/6 or 1, a lattice; 0.003 is half a lattice point."""
    law = ScoreLaw.of(CHSH, np.array([[0.3, 0.2], [0.3, 0.2]]), visibility * np.sign(CHSH) / math.sqrt(2), 0.5)
    assert not law.binary
    expected = _simulated_power(law, trials, 1e-4)
    assert law.power(trials, 1e-4) == pytest.approx(expected, abs=0.003)


def test_required_trials_of_uneven_settings_are_just_enough_by_simulation() -> None:
    law = ScoreLaw.of(CHSH, np.array([[0.3, 0.2], [0.3, 0.2]]), 0.95 * np.sign(CHSH) / math.sqrt(2), 0.5)
    trials = known(law.required_trials(1e-4, POWER))
    assert _simulated_power(law, trials, 1e-4) == pytest.approx(POWER, abs=0.003)
    assert _simulated_power(law, int(0.95 * trials), 1e-4) < POWER - 0.01


@pytest.mark.parametrize("deviations", [-2.0, -1e-3, 1e-6, 0.4, 3.0])
@pytest.mark.parametrize("trials", [10**8, 10**12, 10**15])
def test_power_of_very_many_trials_is_normal(trials: int, deviations: float) -> None:
    """Berry and Esseen: within about 1/√N of the normal law; the tilts here are as small as rounding."""
    values, probabilities = np.array([0.0, 0.3, 1.0]), np.array([0.2, 0.5, 0.3])
    mean = float(values @ probabilities)
    spread = float(np.sqrt((values - mean) ** 2 @ probabilities))
    law = ScoreLaw(values, probabilities, mean, 0.4, False, 0.1)
    reached = law._saddlepoint(trials, mean + deviations * spread / math.sqrt(trials))
    rounding = 1e-16 * math.sqrt(trials) / spread  # of the mean itself, in standard errors
    assert reached == pytest.approx(float(norm.sf(deviations)), abs=1 / math.sqrt(trials) + rounding)


@pytest.mark.parametrize(
    ("frontiers", "visibility"),
    [
        pytest.param(frontiers, visibility, id=f"{name}-{visibility}", marks=() if everyday else pytest.mark.slow)
        for visibility in (0.95, 0.85, 0.78)
        for name, frontiers in (("dense", DENSE), ("heavy", HEAVY))
        for everyday in [(name, visibility) in (("dense", 0.95), ("heavy", 0.78))]
    ],
)
def test_no_random_design_certifies_sooner(frontiers: Frontiers, visibility: float) -> None:
    """Fifty random multipliers and settings, half of them r ∝ |G|, each with the strategy best for its game."""
    rng = np.random.default_rng(8)
    predicted = _noisy(frontiers, visibility)
    best = known(best_design(frontiers, predicted, 1e-6).trials)
    edges, weights = frontiers.classical.multipliers, frontiers.workload.weights
    for index in range(50):
        multiplier = float(rng.choice(edges)) if index % 4 == 0 else float(rng.uniform(weights.min(), weights.max()))
        r = frontiers.game(multiplier).input_distribution
        r = r if index % 2 else rng.dirichlet(50 * r.ravel()).reshape(r.shape)
        other = evaluate_design(frontiers.game(multiplier), predicted(multiplier), r, 1e-6)
        assert other.trials is None or other.trials >= best


@pytest.mark.parametrize("frontiers", [DENSE, HEAVY, EXACT, FLOORED], ids=["dense", "heavy", "4×4", "3×2"])
def test_for_one_strategy_the_best_multiplier_is_an_edge_or_a_weight(frontiers: Frontiers) -> None:
    """No multiplier of a fine grid gains information faster than the best of the finite set, with r ∝ |G|."""
    workload = frontiers.workload
    for splitting_probability in (0.3, 0.5, 0.7):
        c = 0.995 * frontiers.one_pair.at_splitting_probability(splitting_probability).correlators

        def rate(multiplier: float, c: Floats = c) -> float:
            game = RoutingGame(workload, multiplier).matrix
            weight, bound = float(np.abs(game).sum()), frontiers.game(multiplier).bound("memoryless").high
            q, chance = (1 + float((game * c).sum()) / weight) / 2, (1 + bound / weight) / 2
            return q * math.log(q / chance) + (1 - q) * math.log((1 - q) / (1 - chance)) if q > chance else 0.0

        kinks = [*frontiers.classical.multipliers.tolist(), *workload.weights.ravel().tolist()]
        fine = np.linspace(workload.weights.min(), workload.weights.max(), 1003)[1:-1].tolist()
        assert max(map(rate, fine)) <= max(map(rate, kinks)) * (1 + 1e-9)


@pytest.mark.parametrize("visibility", [*(pytest.param(each, marks=pytest.mark.slow) for each in (0.95, 0.85)), 0.76])
@pytest.mark.parametrize("frontiers", [DENSE, HEAVY], ids=["dense", "heavy"])
def test_under_white_noise_the_game_is_played_at_its_own_edge(frontiers: Frontiers, visibility: float) -> None:
    best = best_design(frontiers, _noisy(frontiers, visibility), 1e-6)
    assert np.abs(frontiers.classical.multipliers - best.certificate_multiplier).min() < 1e-9
    assert best.strategy_multiplier == best.certificate_multiplier
    game = frontiers.game(best.certificate_multiplier).matrix
    score = visibility * frontiers.game(best.certificate_multiplier).bound("quantum").high / np.abs(game).sum()
    assert best.predicted_score_rate == pytest.approx((1 + score) / 2, rel=1e-8)


@pytest.mark.parametrize(
    "visibility", [1.0, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.9, 0.8)), 0.75]
)
def test_the_exact_certificate_stays_near_the_information_limit(visibility: float) -> None:
    """For normal scores the ratio is (z_α+z_β)²/(2 ln 1/α), 1.48; the Chernoff bound would cost 1.72."""
    normal = (norm.isf(1e-6) + norm.isf(0.05)) ** 2 / (2 * math.log(1e6))
    for frontiers in (DENSE, HEAVY):
        if visibility <= (frontiers.least_visibility() or 1.0):
            continue
        best = best_design(frontiers, _noisy(frontiers, visibility), 1e-6)
        assert best.method == "exact binomial"
        assert normal * 0.97 < known(best.trials) / known(best.information_limit_trials) < 1.6


def _naive(frontiers: Frontiers, visibility: float) -> Design:
    """Planned for the noiseless optimum."""
    p = frontiers.largest_advantage().splitting_probability
    multiplier = frontiers.one_pair.multiplier_at(p)
    game, occurring = frontiers.game(frontiers.classical_multiplier(p, multiplier)), frontiers.workload.joint > 0
    return evaluate_design(game, _noisy(frontiers, visibility)(multiplier), occurring / occurring.sum(), 1e-6)


def test_a_floor_below_rare_settings_costs_next_to_nothing() -> None:
    """r ∝ |G| makes every U binary; where the floor lifts a setting, bets that know r need hardly more trials."""
    predicted = _noisy(FLOORED, 0.99)
    floored = best_design(FLOORED, predicted, 1e-6)
    game = FLOORED.game(floored.certificate_multiplier)
    proportional = np.abs(game.matrix) / np.abs(game.matrix).sum()
    bare = evaluate_design(game, predicted(known(floored.strategy_multiplier)), proportional, 1e-6)
    assert (floored.method, bare.method) == ("betting", "exact binomial")
    assert known(bare.trials) < known(floored.trials) < 1.01 * known(bare.trials)


@pytest.mark.parametrize("visibility", [pytest.param(0.99, marks=pytest.mark.slow), 0.96])
def test_planning_for_the_noise_beats_planning_without(visibility: float) -> None:
    for frontiers in (DENSE, HEAVY, EXACT):
        best, naive = best_design(frontiers, _noisy(frontiers, visibility), 1e-6), _naive(frontiers, visibility)
        assert naive.method == "betting"
        assert known(best.trials) < known(naive.trials) / 1.2


def test_the_multiplier_chosen_follows_the_strategy() -> None:
    """Left of the frontier's vertex at p = 0.3 only the steep edge certifies, right of it only the flat one."""
    steep, flat = DENSE.classical.multipliers.tolist()
    assert DENSE.classical.splitting_probability == pytest.approx([0.0, 0.3, 1.0])
    for splitting_probability, own, other in ((0.15, steep, flat), (0.5, flat, steep)):
        c = DENSE.one_pair.at_splitting_probability(splitting_probability).correlators
        best = best_design(DENSE, c, 1e-3)
        assert best.certificate_multiplier == pytest.approx(own)
        assert best.strategy_multiplier is None
        r = DENSE.game(other).input_distribution
        assert evaluate_design(DENSE.game(other), c, r, 1e-3).trials is None


def test_lost_trials_lower_the_score_by_their_share() -> None:
    c = 0.95 * DENSE.one_pair.at_multiplier(0.9).correlators
    r = DENSE.game(0.9).input_distribution
    whole, lossy = (evaluate_design(DENSE.game(0.9), unbiased(c, lost), r, 1e-3) for lost in (0.0, 0.02))
    assert whole == evaluate_design(DENSE.game(0.9), c, r, 1e-3)
    assert lossy.predicted_score_rate == pytest.approx(0.98 * whole.predicted_score_rate)


def test_a_design_survives_json() -> None:
    best = best_design(DENSE, _noisy(DENSE, 0.9), 1e-3)
    record: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(best), allow_nan=False))
    rows = tuple(tuple(row) for row in record.pop("input_distribution"))
    assert Design(input_distribution=rows, **record) == best


def test_noise_below_the_least_visibility_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"below visibility 0\.7335.*better pair of qubits"):
        best_design(DENSE, _noisy(DENSE, 0.73), 1e-3)
    assert _naive(DENSE, 0.73).trials is None


def test_without_any_advantage_there_is_no_design() -> None:
    with pytest.raises(ScenarioError, match="at any visibility"):
        best_design(Frontiers(single_type().workload()), np.ones((1, 1)), 1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"game": DENSE.game(0.0)}, "multiplier = 0"),
        ({"predicted": np.full((2, 2), 1.1)}, "ranges from 1.1"),
        ({"predicted": np.full((2, 2), np.nan)}, "ranges from nan"),
        ({"predicted": np.ones((2, 3))}, r"shape \(2, 3\)"),
        ({"predicted": np.full((2, 2, 2, 2), 0.3)}, "sum to at most 1"),
    ],
)
def test_what_cannot_be_planned_is_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"predicted": np.ones((2, 2)), "game": DENSE.game(0.9), "distribution": EVEN}
    with pytest.raises(DataError, match=message):
        evaluate_design(**{**good, "significance": 1e-3, **change})
