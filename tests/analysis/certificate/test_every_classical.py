"""The verdict against every classical router without communication, beside that against memoryless ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.analyze import analyze
from bellqueue.analysis.certificate.certificate import certify
from bellqueue.analysis.certificate.region import ConfidenceRegion
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.model.errors import NoBoundError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling, Trials
from numpy.typing import NDArray
from scipy.stats import binom

from tests.analysis.conftest import provenance
from tests.scenarios import IBM_GENEVA, IBM_HANOI, heavy_scenario

from .devices import drawn_counts, drawn_trials

Floats = NDArray[np.float64]

DEFAULT = Scenario.default()
FRONTIERS = Frontiers(DEFAULT.workload())
# Of another program, for the default scenario.
JOINT = np.outer([0.7, 0.3], [0.7, 0.3])
WEIGHTS = np.array([[0.505128, 1.780769], [1.780769, 3.184615]])
UNAVOIDABLE = 0.0589744


def throughput(p: float) -> float:
    """τ of both servers: 2(1−ρ)e^(−Λc) with ρ = 0.025, c = 5 and Λ = 0.01·(1+p)/2; 1.878229 at p = ½."""
    return 1.95 * math.exp(-0.01 * (1 + p) / 2 * 5)


@pytest.fixture(scope="module")
def planned() -> tuple[Analysis, Trials, Floats]:
    """A planned run at visibility 0.95, its trials in order, and what its settings were drawn from."""
    point = FRONTIERS.operating_point(DEFAULT)
    r = FRONTIERS.game(point.certificate_multiplier).input_distribution
    trials = drawn_trials(0.95 * point.strategy.correlators, r, 20_000, 3)
    sample = Sample(trials.counts(), Sampling("random", r))
    return analyze(DEFAULT, sample, provenance(), point=point, trials=trials, frontiers=FRONTIERS), trials, r


def test_the_score_bound_is_what_its_line_proves(planned: tuple[Analysis, Trials, Floats]) -> None:
    """β_E = W0 + E[w] − const − κτ(p₀) − μp₀ − V(κ), with τ, W0 and w from elsewhere; κ = μ/|τ′(p₀)|."""
    found = planned[0].every_classical
    assert found is not None
    p, multiplier = found.splitting_probability, found.multiplier
    constant = float((JOINT * (WEIGHTS - multiplier)).sum()) / 2
    together = UNAVOIDABLE + float((JOINT * WEIGHTS).sum())
    expected = together - constant - found.kappa * throughput(p) - multiplier * p - found.bound
    assert found.score_bound == pytest.approx(expected, abs=3e-6)
    assert found.kappa == pytest.approx(multiplier / (0.025 * throughput(p)), rel=1e-3)
    # The line is a bound at p: no higher than what the finer step of the other program proves at 0.6.
    assert found.bound + found.kappa * 1.873539 <= 0.3816 + 0.0014


def test_the_p_value_is_the_binomial_tail_at_that_score(planned: tuple[Analysis, Trials, Floats]) -> None:
    analysis, trials, _ = planned
    found = analysis.every_classical
    assert found is not None
    game = -JOINT * (WEIGHTS - found.multiplier) / 2
    counts = trials.counts()
    wins = int(np.where(game > 0, counts.together, counts.settings - counts.together).sum())
    chance = (1 + found.score_bound / np.abs(game).sum()) / 2
    expected = float(binom.logsf(wins - 1, len(trials), chance)) / math.log(10)
    assert found.method == "exact binomial"
    assert found.log10_p_value == pytest.approx(expected, rel=1e-4)
    assert found.certified
    score = float((game * counts.correlators).sum())
    assert found.excess.estimate == pytest.approx(score - found.score_bound, abs=1e-5)
    assert 0 < found.excess.low < found.excess.estimate < found.excess.high


def test_it_is_the_stronger_verdict_and_names_what_it_beats(planned: tuple[Analysis, Trials, Floats]) -> None:
    analysis = planned[0]
    wider, weaker = analysis.every_classical, analysis.certificate
    assert wider is not None
    assert wider.multiplier == weaker.multiplier
    assert wider.edges == 1
    assert weaker.log10_p_value < wider.log10_p_value < -3
    assert wider.log10_anytime_p_value is not None
    assert weaker.log10_anytime_p_value is not None
    assert weaker.log10_anytime_p_value < wider.log10_anytime_p_value < -3
    saved, weakly = wider.waiting_time_reduction, analysis.advantage.waiting_time_reduction
    assert 0 < saved.low < saved.estimate < weakly.estimate
    p, waiting = (getattr(analysis.observed, name).estimate for name in ("splitting_probability", "waiting_time"))
    frontier = float(FRONTIERS.every_classical.waiting_time_at(p))
    assert wider.waiting_time_at_equal_throughput.estimate == pytest.approx(frontier, abs=1e-12)
    assert saved.estimate == pytest.approx(frontier - waiting, abs=1e-12)
    assert wider.waiting_time_reduction_relative.estimate == pytest.approx(1 - waiting / frontier, abs=1e-12)
    assert analysis.verdict[0].startswith("CERTIFIED: less waiting than every classical strategy without communication")
    assert "every memoryless, label-symmetric classical strategy" in analysis.verdict[1]
    assert Analysis.model_validate_json(analysis.to_json()) == analysis


@pytest.mark.parametrize("settings", ["random", "uneven", "fixed"])
@pytest.mark.parametrize("visibility", [0.7, 0.9, 1.0])
def test_beating_every_classical_router_is_never_easier(settings: str, visibility: float) -> None:
    """At one game and the same data the p-values, for a fixed number or at any time, are no smaller."""
    for seed, multiplier in enumerate((0.5, 0.75, 0.85, 1.0, 1.5)):
        game = FRONTIERS.game(multiplier)
        r = np.array([[0.4, 0.1], [0.3, 0.2]]) if settings == "uneven" else game.input_distribution
        trials = drawn_trials(visibility * FRONTIERS.quantum.at_multiplier(multiplier).correlators, r, 3_000, seed)
        sampling = Sampling("fixed") if settings == "fixed" else Sampling("random", r)
        both = [
            certify([game], Sample(trials.counts(), sampling), 1e-3, trials, against)
            for against in ("memoryless", "every-classical")
        ]
        assert both[0].log10_p_value <= both[1].log10_p_value
        assert both[0].excess.estimate >= both[1].excess.estimate
        assert both[0].score == pytest.approx(both[1].score)
        if settings == "fixed":
            assert both[1].log10_anytime_p_value is None
        else:
            assert both[0].log10_anytime_p_value is not None
            assert both[1].log10_anytime_p_value is not None
            assert both[0].log10_anytime_p_value <= both[1].log10_anytime_p_value


def test_ibm_hanoi_beats_every_classical_router_in_the_default_traffic() -> None:
    """W from the counts and the weights of elsewhere; three slopes were tried, and the p-value pays for them."""
    counts = Counts(np.array(IBM_HANOI))
    sample = Sample(counts, Sampling("fixed"))
    found = analyze(DEFAULT, sample, provenance(), frontiers=FRONTIERS)
    split = 1 - counts.together / counts.settings
    waiting = UNAVOIDABLE + float((JOINT * WEIGHTS * (1 - split)).sum())
    assert found.observed.waiting_time.estimate == pytest.approx(waiting, abs=1e-6)
    wider = found.every_classical
    assert wider is not None
    assert wider.certified
    assert wider.edges == 3
    assert wider.waiting_time_reduction_relative.low > 0
    alone = certify([FRONTIERS.game(wider.multiplier)], sample, 1e-3, against="every-classical")
    assert wider.log10_p_value == pytest.approx(alone.log10_p_value + math.log10(3), abs=1e-9)
    # W_E is convex: the coarse step's chord from 0.4 to 0.5 carried on lies below it, the finer step's from 0.5 to 0.6
    # above it, but for what a vanishing step would add.
    beyond = found.observed.splitting_probability.estimate - 0.5
    least = wider.waiting_time_at_equal_throughput.estimate
    assert 0.4650 - 0.849 * beyond <= least <= 0.4663 + 0.0014 - 0.847 * beyond


def test_ibm_geneva_beats_neither() -> None:
    counts = Sample(Counts(np.array(IBM_GENEVA)), Sampling("fixed"))
    found = analyze(DEFAULT, counts, provenance(), frontiers=FRONTIERS)
    assert found.every_classical is not None
    assert not found.every_classical.certified
    assert not found.certificate.certified


def test_between_the_two_frontiers_only_the_weaker_verdict_holds_and_says_why() -> None:
    point = FRONTIERS.operating_point(DEFAULT)
    r = FRONTIERS.game(point.certificate_multiplier).input_distribution
    memoryless, least = FRONTIERS.least_visibility(), FRONTIERS.least_visibility("every-classical")
    assert memoryless is not None
    assert least is not None
    trials = drawn_trials((least - 0.03) * point.strategy.correlators, r, 100_000, 8)
    sample = Sample(trials.counts(), Sampling("random", r))
    found = analyze(DEFAULT, sample, provenance(), point=point, frontiers=FRONTIERS)
    assert found.certificate.certified
    assert found.every_classical is not None
    assert not found.every_classical.certified
    assert found.every_classical.excess.high < 0
    assert found.verdict[0].startswith("CERTIFIED against memoryless classical routers only")
    assert "with memory they may wait as briefly, or less" in found.verdict[0]


def test_where_no_slope_is_largest_there_is_no_stronger_verdict_and_the_record_says_why() -> None:
    scenario = heavy_scenario()
    frontiers = Frontiers(scenario.workload())
    point = frontiers.operating_point(scenario)
    r = frontiers.game(point.certificate_multiplier).input_distribution
    sample = Sample(drawn_trials(point.strategy.correlators, r, 20_000, 2).counts(), Sampling("random", r))
    found = analyze(scenario, sample, provenance(), point=point, frontiers=frontiers)
    assert found.certificate.certified
    assert found.every_classical is None
    bound = found.frontiers.every_classical
    assert bound is not None
    assert bound.points == []
    assert "slope of this baseline reward has no largest value" in bound.status
    assert bound.least_visibility is bound.largest_reduction_relative is None
    assert found.verdict[0].startswith("CERTIFIED against memoryless classical routers only")
    assert bound.status in found.verdict[0]
    assert Analysis.model_validate_json(found.to_json()) == found
    with pytest.raises(NoBoundError):
        certify([frontiers.game(10.0)], sample, 1e-3, against="every-classical")


@pytest.mark.parametrize("multiplier", [0.75, 0.9])
@pytest.mark.parametrize("runs", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_confidence_region_against_every_classical_router_covers_the_truth(multiplier: float, runs: int) -> None:
    """What is saved, its share and the gain in throughput: each inside its limits in 95 % of the runs at α = 5 %."""
    rng = np.random.default_rng(6)
    workload = FRONTIERS.workload
    r = RoutingGame(workload, multiplier).input_distribution
    truth = 0.96 * FRONTIERS.quantum.at_multiplier(multiplier).correlators
    p, waiting = workload.splitting_probability((1 - truth) / 2), workload.waiting_time((1 - truth) / 2)
    values = FRONTIERS.advantage_at(p, waiting, "every-classical")
    missed = 0
    for _ in range(runs):
        sample = Sample(drawn_counts(rng, truth, r, 800), Sampling("random", r))
        region = ConfidenceRegion.of(FRONTIERS, sample, multiplier, 0.05, against="every-classical")
        limits: list[Any] = [*region.reduction(), region.throughput_gain()]
        missed += not all(each.low <= value <= each.high for each, value in zip(limits, values, strict=True))
    assert missed <= binom.ppf(0.9999, runs, 0.05)
