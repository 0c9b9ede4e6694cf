"""Stopping rules, the rounds between which they look, and what stopping early may and may not do to false alarms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from bellqueue.analysis.certificate.martingale import RunningMartingale, log_anytime_p_values
from bellqueue.analysis.certificate.stopping import (
    Decision,
    FirstOf,
    FixedNumber,
    Progress,
    StoppingRule,
    WhenCertified,
    WhenHopeless,
    WhenPrecise,
    require_fresh,
    rounds,
)
from bellqueue.model.errors import DataError, ScenarioError
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binom

CHSH = 0.75  # the best classical chance of winning the CHSH game
RULES: list[StoppingRule] = [FixedNumber(), WhenCertified(1e-3), WhenHopeless(1e-3), WhenPrecise(0.02)]


def _progress(
    trials: int, log_p_value: float = 0.0, *, budget: int = 1000, share: float = 0.8, width: float = math.inf
) -> Progress:
    return Progress(trials, budget, log_p_value, share * trials, CHSH, width)


def _run(rule: StoppingRule, scores: np.ndarray, first: int = 20) -> tuple[Decision, Progress]:
    """Take rounds until the rule says stop."""
    running, budget = RunningMartingale(CHSH), len(scores)
    for taken in rounds(budget, first):
        running.update(scores[taken.start : taken.stop])
        total = float(scores[: taken.stop].sum())
        progress = Progress(taken.stop, budget, running.log_p_value, total, CHSH)
        decision = rule.decide(progress)
        if decision.stop:
            break
    return decision, progress


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


@pytest.mark.parametrize(("budget", "first", "growth"), [(0, 1, 2), (10, 0, 2), (10, 1, 0.9), (10, 1, math.nan)])
def test_rounds_that_cannot_be_are_refused(budget: int, first: int, growth: float) -> None:
    with pytest.raises(ScenarioError, match="rounds:"):
        rounds(budget, first, growth)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_every_rule_stops_at_the_budget_and_not_at_the_start(rule: StoppingRule) -> None:
    assert rule.decide(_progress(1000)) == Decision(True, "the budget of 1000 trials is used")
    assert not rule.decide(_progress(0)).stop
    assert not rule.decide(_progress(20)).stop


def test_a_fixed_number_never_stops_before() -> None:
    assert not FixedNumber().decide(_progress(999, -1e6, width=0.0)).stop


def test_certified_means_a_p_value_of_at_most_alpha() -> None:
    rule = WhenCertified(1e-3)
    assert not rule.decide(_progress(500, math.log(1.001e-3))).stop
    assert rule.decide(_progress(500, math.log(0.999e-3))).stop
    assert rule.decide(_progress(1000, -50.0)).reason.startswith("certified")


def test_precise_means_no_wider_than_asked() -> None:
    rule = WhenPrecise(0.02)
    assert not rule.decide(_progress(500, width=0.021)).stop
    assert rule.decide(_progress(500, width=0.02)).stop


def test_the_first_of_several_rules_decides() -> None:
    rule = FirstOf((WhenCertified(1e-3), WhenPrecise(0.02)))
    assert rule.decide(_progress(500, -10.0, width=0.5)).reason.startswith("certified")
    assert rule.decide(_progress(500, 0.0, width=0.01)).reason.startswith("interval")
    going = rule.decide(_progress(500))
    assert not going.stop
    assert going.reason == "not certified yet; interval of the relative reduction is inf wide"


@pytest.mark.parametrize("share", [0.7, 0.75, 0.8, 0.85])
@pytest.mark.parametrize("trials", [50, 200, 600])
def test_the_predicted_chance_is_that_of_the_beta_binomial_law(share: float, trials: int) -> None:
    """Listed out: the whole ΣU from which on Chernoff's bound certifies, and the chance of that many wins."""
    budget, won = 1000, round(share * trials)
    totals = np.arange(751, 1000)
    mean = totals / budget
    divergence = mean * np.log(mean / CHSH) + (1 - mean) * np.log((1 - mean) / (1 - CHSH))
    needed = int(totals[budget * divergence >= -math.log(1e-3)][0])
    exact = betabinom.sf(needed - won - 1, budget - trials, won + 0.5, trials - won + 0.5)
    found = WhenHopeless(1e-3).predicted_chance(Progress(trials, budget, 0.0, float(won), CHSH))
    assert found == pytest.approx(float(exact), abs=0.03)


def test_what_cannot_be_reached_any_more_has_no_chance() -> None:
    rule = WhenHopeless(1e-3)
    assert rule.predicted_chance(Progress(900, 1000, 0.0, 600.0, CHSH)) == 0.0
    assert rule.predicted_chance(Progress(0, 10, 0.0, 0.0, CHSH)) == 0.0  # ten wins in a row are no proof
    assert rule.predicted_chance(Progress(0, 1000, 0.0, 0.0, 1.0)) == 0.0  # nothing can be refuted
    assert not rule.decide(Progress(900, 1000, math.log(1e-4), 600.0, CHSH)).stop  # certified long ago


def test_a_classical_device_is_given_up_and_an_entangled_one_is_not() -> None:
    rng = np.random.default_rng(1)
    rule = FirstOf((WhenCertified(1e-3), WhenHopeless(1e-3)))
    spent, lost = [], 0
    for _ in range(200):
        decision, progress = _run(rule, (rng.random(2000) < 0.74).astype(float))
        spent.append(progress.trials)
        decision, _ = _run(rule, (rng.random(2000) < 0.83).astype(float))
        lost += not decision.reason.startswith("certified")
    assert np.median(spent) < 1500
    assert lost <= 10


def test_stopping_when_certified_does_not_add_false_alarms() -> None:
    """2000 classical runs that would like to stop on a high: the chance drops to a coin's after a lucky start."""
    rng = np.random.default_rng(2)
    runs, trials, alpha = 2000, 300, 0.05
    scores, lead = np.empty((runs, trials)), np.zeros(runs)
    for at in range(trials):
        chance = np.where(lead > 3, 0.5, CHSH)
        scores[:, at] = rng.random(runs) < chance
        lead += scores[:, at] - CHSH
    rule = WhenCertified(alpha)
    stopped = sum(_run(rule, run, first=10)[0].reason.startswith("certified") for run in scores)
    ever = sum(log_anytime_p_values(run, CHSH)[-1] <= math.log(alpha) for run in scores)
    assert stopped == ever <= binom.ppf(0.9999, runs, alpha)


def test_why_blocks_are_refused() -> None:
    """A classical device that remembers the setting wins all but the first trial of a block, and seems certified."""
    rng = np.random.default_rng(3)
    scores = np.where(np.arange(300) % 10 == 0, rng.random(300) < CHSH, 1.0).astype(float)
    assert log_anytime_p_values(scores, CHSH)[-1] < math.log(1e-6)
    require_fresh("random", 1)
    with pytest.raises(ScenarioError, match=r"experiment\.block = 10: .*remembers"):
        require_fresh("random", 10)
    with pytest.raises(ScenarioError, match=r"experiment\.settings = fixed: .*schedule"):
        require_fresh("fixed", 1)


def test_progress_and_rules_that_cannot_be_are_refused() -> None:
    for wrong in ((1001, 1000, 5.0, 0.75), (0, 0, 0.0, 0.75), (10, 20, 11.0, 0.75), (10, 20, 5.0, 0.0)):
        with pytest.raises(DataError):
            Progress(wrong[0], wrong[1], 0.0, wrong[2], wrong[3])
    for level in (0.0, 1.0, math.nan):
        with pytest.raises(ScenarioError):
            WhenCertified(level)
        with pytest.raises(ScenarioError):
            WhenHopeless(1e-3, level)
    with pytest.raises(ScenarioError):
        WhenPrecise(0.0)
    with pytest.raises(ScenarioError):
        FirstOf(())
