"""Certificates of published counts and of constructed devices."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from bellqueue.analysis.analyze import analyze
from bellqueue.analysis.certificate.certificate import CONDITIONAL, FRESH, certify
from bellqueue.analysis.certificate.diagnostics import chsh, log10_settings_p_value, no_signalling_test
from bellqueue.analysis.certificate.estimates import estimate_functional
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling
from scipy.optimize import minimize
from scipy.stats import binom, chi2_contingency

from tests.analysis.conftest import provenance, published
from tests.scenarios import IBM_GENEVA, IBM_HANOI, default_record, dense, heavy_scenario

from .devices import PRODUCTS, counts_of, drawn_counts

MULTIPLIER = 0.9013157894736843  # the flatter edge of the classical frontier at pair rate 0.02


def _counts(correlators: np.ndarray, trials: np.ndarray) -> Counts:
    """Counts with those correlators up to rounding, and even marginals."""
    together = np.round(trials * (1 + correlators) / 2).astype(int)
    split = trials - together
    table = np.empty((*trials.shape, 2, 2), dtype=int)
    table[..., 0, 0], table[..., 0, 1] = together // 2, split // 2
    table[..., 1, 1], table[..., 1, 0] = together - together // 2, split - split // 2
    return Counts(table)


@pytest.mark.parametrize("lacking", [(0, 1), (1, 1)])
def test_counts_without_one_pair_of_types_are_analyzed_and_prove_nothing(lacking: tuple[int, int]) -> None:
    """Of 2×2 settings classical routers meet any three; what the fourth would do is for no certificate to say."""
    table = np.array(IBM_HANOI)
    table[lacking] = 0
    found = published(table.tolist())
    assert not found.certificate.certified
    assert found.certificate.log10_p_value == 0.0
    assert found.certificate.excess.low <= 0 <= found.certificate.excess.high
    assert f"No trial was asked for of types ({lacking[0] + 1}, {lacking[1] + 1})" in found.certificate.assumption
    share = float(dense().workload().joint[lacking])
    p = found.observed.splitting_probability
    assert p.high - p.low >= share  # whatever its pairs do
    assert json.loads(found.to_json())["correlators"]["measured"][lacking[0]][lacking[1]] is None


def test_ibm_hanoi_is_certified_with_the_published_figures(hanoi: Analysis) -> None:
    assert hanoi.observed.splitting_probability.estimate == pytest.approx(0.505621, abs=1e-6)
    assert hanoi.observed.waiting_time.estimate == pytest.approx(0.497809, abs=1e-6)
    assert hanoi.observed.baseline_throughput.estimate == pytest.approx(1.76222, abs=1e-5)
    assert hanoi.classical.waiting_time_at_equal_throughput.estimate == pytest.approx(0.566644, abs=1e-6)
    assert hanoi.advantage.waiting_time_reduction_relative.estimate == pytest.approx(0.121, abs=5e-4)
    assert hanoi.certificate.certified
    assert -1740 < hanoi.certificate.log10_p_value < -1700  # the other way to compute it stands below
    assert hanoi.certificate.multiplier == pytest.approx(0.901316, abs=1e-6)
    assert hanoi.certificate.assumption == CONDITIONAL
    assert not hanoi.no_signalling.alarm
    assert hanoi.verdict[0].startswith(
        "CERTIFIED against memoryless classical routers only: at equal baseline throughput"
    )


def test_ibm_geneva_is_not_certified_and_its_alarm_comes_first(geneva: Analysis) -> None:
    assert geneva.observed.waiting_time.estimate == pytest.approx(0.591412, abs=1e-6)
    assert geneva.classical.waiting_time_at_equal_throughput.estimate == pytest.approx(0.538320, abs=1e-6)
    assert not geneva.certificate.certified
    assert geneva.no_signalling.alarm
    assert geneva.no_signalling.log10_p_value < -100
    assert geneva.verdict[0].startswith("NO-SIGNALLING ALARM")
    assert "NOT CERTIFIED" in geneva.verdict[0]


def test_the_alarm_also_stands_before_a_certified_verdict() -> None:
    table = np.array(IBM_HANOI)
    table[0, 0, 0, 0] += 4000
    table[0, 0, 1, 1] -= 4000  # A answers 0 more often when B's request is short; correlators unchanged
    found = published(table.tolist())
    assert found.certificate.certified
    assert found.verdict[0].startswith("NO-SIGNALLING ALARM")
    assert "CERTIFIED" in found.verdict[0]


def test_the_record_survives_json(hanoi: Analysis) -> None:
    assert Analysis.model_validate_json(hanoi.to_json()) == hanoi
    assert '"schema": "bellqueue.analysis/1"' in hanoi.to_json()


def test_heavy_traffic_is_certified_inside_its_class_too() -> None:
    scenario = heavy_scenario()
    frontiers = Frontiers(scenario.workload())
    strategy = frontiers.quantum.at_splitting_probability(0.3)
    counts = _counts(strategy.correlators, np.full((2, 2), 50_000))
    found = analyze(scenario, Sample(counts, Sampling("fixed")), provenance())
    assert found.certificate.certified
    assert found.observed.waiting_time.estimate == pytest.approx(40.534, abs=2e-3)
    assert found.classical.waiting_time_at_equal_throughput.estimate == pytest.approx(43.2625, abs=2e-2)


def test_fresh_settings_in_proportion_use_the_exact_binomial() -> None:
    frontiers = Frontiers(dense().workload())
    game = frontiers.game(MULTIPLIER)
    r = frontiers.game(MULTIPLIER).input_distribution
    trials = np.round(r * 20_000).astype(int)
    correlators = 0.97 * frontiers.quantum.at_multiplier(MULTIPLIER).correlators
    counts = _counts(correlators, trials)
    sample = Sample(counts, Sampling("random", r))
    found = certify([frontiers.game(MULTIPLIER)], sample, 1e-3)
    wins = int(np.where(game.matrix > 0, counts.together, counts.settings - counts.together).sum())
    weight = np.abs(game.matrix).sum()
    best = max(float((game.matrix * each).sum()) for each in PRODUCTS)
    chance = (1 + best / weight) / 2  # the best a classical player can win, listed out
    assert found.method == "exact binomial"
    assert found.assumption == FRESH
    assert found.log10_p_value * math.log(10) == pytest.approx(binom.logsf(wins - 1, counts.total, chance), rel=1e-6)
    constant = frontiers.game(MULTIPLIER).constant
    assert found.score == pytest.approx(constant + (game.matrix * counts.correlators).sum())
    assert found.classical_bound.high == pytest.approx(constant + best)


def test_realised_settings_are_taken_one_by_one() -> None:
    """The published counts, and counts in exact proportion: ln p by the primal problem, over both tables."""
    frontiers = Frontiers(dense().workload())
    game = frontiers.game(MULTIPLIER)
    for counts in (Counts(np.array(IBM_HANOI)), _counts(0.9 * np.sign(game.matrix), np.full((2, 2), 400))):
        found = certify([game], Sample(counts, Sampling("fixed")), 1e-3)
        assert found.method == "stratified Chernoff"
        expected = _least_divergence(game.matrix, counts, game.bound("memoryless").high)
        assert found.log10_p_value * math.log(10) == pytest.approx(-expected, rel=1e-6)


def _least_divergence(matrix: np.ndarray, counts: Counts, bound: float) -> float:
    """min Σ n KL(c′‖c) over Σ G c′ ≥ T and Σ G c ≤ bound, by a general solver."""
    n, g = counts.settings.ravel(), matrix.ravel()
    target = float((matrix * counts.correlators).sum())

    def divergence(both: np.ndarray) -> float:
        upper, lower = both[:4], both[4:]
        parts = [(1 + s * upper) / 2 * np.log((1 + s * upper) / (1 + s * lower)) for s in (1, -1)]
        return float((n * sum(parts)).sum() / n.sum())

    limits = [
        {"type": "ineq", "fun": lambda both: both[:4] @ g - target},
        {"type": "ineq", "fun": lambda both: bound - both[4:] @ g},
    ]
    start = np.concatenate([counts.correlators.ravel(), 0.9 * counts.correlators.ravel()])
    options = {"maxiter": 500, "ftol": 1e-15}
    found = minimize(
        divergence, start, bounds=[(-0.9999, 0.9999)] * 8, constraints=limits, method="SLSQP", options=options
    )
    assert found.success
    return float(found.fun * n.sum())


def test_blocks_lose_the_fresh_settings_assumption() -> None:
    frontiers = Frontiers(dense().workload())
    r = frontiers.game(MULTIPLIER).input_distribution
    counts = _counts(np.array([[0.7, -0.7], [-0.7, -0.7]]), np.round(r * 4000).astype(int))
    assert (
        certify([frontiers.game(MULTIPLIER)], Sample(counts, Sampling("random", r, 10)), 1e-3).assumption == CONDITIONAL
    )


def test_lost_trials_count_as_losses() -> None:
    frontiers = Frontiers(dense().workload())
    r = frontiers.game(MULTIPLIER).input_distribution
    counts = _counts(0.9 * np.array([[0.7, -0.7], [-0.7, -0.7]]), np.round(r * 4000).astype(int))
    whole = certify([frontiers.game(MULTIPLIER)], Sample(counts, Sampling("random", r)), 1e-3)
    lost = np.full((2, 2), 100)
    part = certify([frontiers.game(MULTIPLIER)], Sample(counts, Sampling("random", r, 1, lost)), 1e-3)
    assert part.trials == whole.trials + 400
    assert part.lost == 400
    assert part.log10_p_value > whole.log10_p_value
    assert part.excess.low < whole.excess.low
    assert part.excess.high >= whole.excess.high - 1e-12  # each lost trial might have been a win


def test_the_union_bound_multiplies_by_the_number_of_edges() -> None:
    frontiers = Frontiers(dense().workload())
    sample = Sample(Counts(np.array(IBM_HANOI)), Sampling("fixed"))
    edges = frontiers.classical.multipliers.tolist()
    one, all_edges = (
        certify([frontiers.game(each) for each in tried], sample, 1e-3) for tried in ([MULTIPLIER], edges)
    )
    assert all_edges.log10_p_value == pytest.approx(one.log10_p_value + math.log10(len(edges)), abs=1e-9)


def test_confidence_limits_cover_the_truth() -> None:
    """Fresh settings, i.i.d. trials: one-sided 95 % limits miss in at most 5 % of 2000 runs, within binomial error."""
    rng = np.random.default_rng(5)
    frontiers = Frontiers(dense().workload())
    r = frontiers.game(MULTIPLIER).input_distribution
    truth = 0.95 * frontiers.quantum.at_multiplier(MULTIPLIER).correlators
    functional = -frontiers.workload.joint / 2
    target = 0.5 + float((functional * truth).sum())
    low, high = 0, 0
    for _ in range(2000):
        sample = Sample(drawn_counts(rng, truth, r, 500), Sampling("random", r))
        found = estimate_functional(functional, 0.5, sample, math.log(0.05))
        low += found.low > target
        high += found.high < target
    assert max(low, high) <= binom.ppf(0.9999, 2000, 0.05)


def test_no_signalling_is_pearsons_chi_square_per_own_type() -> None:
    counts = Counts(np.array(IBM_GENEVA))
    statistic = sum(chi2_contingency(counts.table.sum(axis=3)[x], correction=False).statistic for x in range(2))
    found = no_signalling_test(counts)
    assert found.log10_p_value_a == pytest.approx(-statistic / 2 / math.log(10), rel=1e-9)  # χ² with two degrees


@pytest.mark.parametrize("tables", [500, pytest.param(4000, marks=pytest.mark.slow)])
def test_no_signalling_does_not_ring_without_cause(tables: int) -> None:
    rng = np.random.default_rng(11)
    probability = np.full((2, 2, 2, 2), 0.25) + 0.15 * np.array([[1, -1], [-1, 1]])
    rings = 0
    for _ in range(tables):
        table = np.array(
            [[rng.multinomial(500, probability[x, y].ravel()).reshape(2, 2) for y in (0, 1)] for x in (0, 1)]
        )
        rings += no_signalling_test(Counts(table)).log10_p_value < math.log10(0.05)
    assert rings <= binom.ppf(0.9999, tables, 0.05)


def test_chsh_of_the_published_counts() -> None:
    found = chsh(Sample(Counts(np.array(IBM_HANOI)), Sampling("fixed")), math.log(1e-3))
    e = Counts(np.array(IBM_HANOI)).correlators
    assert found is not None
    assert found.estimate == pytest.approx(e[0, 0] - e[0, 1] - e[1, 0] - e[1, 1])
    assert found.low < found.estimate < found.high < 2 * math.sqrt(2)


def test_settings_that_were_not_drawn_as_declared_lose_their_assumption() -> None:
    scenario = dense()
    declared = np.full((2, 2), 0.25)
    lie = Sample(Counts(np.array(IBM_HANOI)), Sampling("random", declared))
    assert log10_settings_p_value(lie) < -100
    found = analyze(scenario, lie, provenance())
    assert found.certificate.assumption == CONDITIONAL
    assert "SETTINGS ALARM" in found.verdict[0]


def test_one_trial_per_setting_is_too_few_but_no_error() -> None:
    found = published(counts_of(np.ones((2, 2)), np.ones((2, 2))).table.tolist())
    assert not found.certificate.certified
    assert found.observed.splitting_probability.low == pytest.approx(0.0, abs=1e-6)


@pytest.mark.slow
def test_the_confidence_region_covers_the_truth() -> None:
    """p and Δ both inside their ranges, and the relative gain inside its own, in 95 % of the runs at α = 5 %."""
    rng = np.random.default_rng(6)
    scenario = dense(significance=0.05)
    frontiers = Frontiers(scenario.workload())
    workload = frontiers.workload
    r = RoutingGame(workload, MULTIPLIER).input_distribution
    truth = 0.95 * frontiers.quantum.at_multiplier(MULTIPLIER).correlators
    p, waiting = workload.splitting_probability((1 - truth) / 2), workload.waiting_time((1 - truth) / 2)
    classical = float(frontiers.classical.waiting_time_at(p))
    runs, missed = 100, 0
    for _ in range(runs):
        sample = Sample(drawn_counts(rng, truth, r, 800), Sampling("fixed"))
        found = analyze(scenario, sample, provenance(), frontiers=frontiers)
        corners = found.confidence_region
        inside = corners[0].splitting_probability <= p <= corners[2].splitting_probability
        line = [corner.waiting_time + found.certificate.multiplier * corner.splitting_probability for corner in corners]
        inside &= min(line) <= waiting + found.certificate.multiplier * p <= max(line)
        relative = found.advantage.waiting_time_reduction_relative
        missed += not (inside and relative.low <= 1 - waiting / classical <= relative.high)
    assert missed <= binom.ppf(0.9999, runs, 0.05)


def test_a_pair_that_never_occurs_need_not_be_measured() -> None:
    record = default_record()
    for spec in record["traffic"]["type"]:
        del spec["probability"]
    record["traffic"]["joint"] = [[0.4, 0.3], [0.3, 0.0]]
    table = np.array(IBM_HANOI)
    table[1, 1] = 0
    found = analyze(Scenario.parse(record), Sample(Counts(table), Sampling("fixed")), provenance())
    assert found.chsh is None
    assert Analysis.model_validate_json(found.to_json()).certificate == found.certificate
