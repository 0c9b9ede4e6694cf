"""Forecasts against simulated runs, other ways to the same number, and the limits of what can be certified."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.design.design import best_design, evaluate_design
from bellqueue.analysis.design.forecast import (
    Forecast,
    expected_point,
    forecast,
    foresee,
    landing_of,
    plan_design,
    strategy_visibility,
    sufficient_visibility,
)
from bellqueue.model.errors import ScenarioError
from bellqueue.model.estimate import Estimate
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.strategy import Strategy
from bellqueue.model.scenario.file import Scenario
from numpy.typing import NDArray

from tests.analysis.design.experiments import single_type, unbiased
from tests.known import known
from tests.scenarios import default_record, dense, heavy_scenario, random_scenario

Floats = NDArray[np.float64]
DENSE = dense(against="memoryless")
FRONTIERS = Frontiers(DENSE.workload())
POINT = FRONTIERS.operating_point(DENSE)


def _scenario(**experiment: Any) -> Scenario:
    return dense(against="memoryless", **experiment)


def _werner(visibility: float) -> Callable[[Strategy], Floats]:
    """P(a,b|x,y) on a Werner state."""
    return lambda strategy: unbiased(visibility * strategy.correlators)


def _forecast(visibility: float, **experiment: Any) -> Forecast:
    scenario = _scenario(**experiment)
    return forecast(scenario, FRONTIERS, FRONTIERS.operating_point(scenario), _werner(visibility))


@pytest.mark.parametrize("target", [0.662, 0.3], ids=["on an edge", "at a vertex"])
def test_95_percent_of_simulated_runs_land_in_the_limits(target: float) -> None:
    """4,000 runs of 3,000 trials, each estimated from its own counts."""
    workload, runs, shots = FRONTIERS.workload, 4000, 3000
    c = FRONTIERS.one_pair.at_splitting_probability(target).correlators * 0.97
    r = np.array([[0.3, 0.25], [0.25, 0.2]])
    rng = np.random.default_rng(3)
    asked = rng.multinomial(shots, r.ravel(), size=runs).reshape(runs, 2, 2)
    split = rng.binomial(asked, (1 - c) / 2) / asked
    p = (workload.joint * split).sum(axis=(1, 2))
    waiting = workload.together_waiting_time - (workload.joint * workload.weights * split).sum(axis=(1, 2))
    expected = expected_point(FRONTIERS, landing_of(FRONTIERS, c, r, shots))
    classical = FRONTIERS.classical.waiting_time_at(p)
    tau = workload.baseline_throughput
    gain = tau(p) / tau(FRONTIERS.classical.splitting_probability_at(waiting)) - 1

    def share(limits: Estimate, values: Floats) -> float:
        return float(np.mean((limits.low <= values) & (values <= limits.high)))

    for limits, values in (
        (expected.splitting_probability, p),
        (expected.waiting_time, waiting),
        (expected.baseline_throughput, tau(p)),
        (expected.waiting_time_reduction, classical - waiting),
        (expected.waiting_time_reduction_relative, 1 - waiting / classical),
        (expected.throughput_gain_relative, gain),
    ):
        assert share(limits, values) == pytest.approx(0.95, abs=0.015)


def test_a_strategy_is_certified_above_its_least_visibility_and_not_below() -> None:
    least = known(strategy_visibility(FRONTIERS, POINT.strategy))
    assert best_design(FRONTIERS, (least + 1e-4) * POINT.strategy.correlators, 1e-3).trials
    with pytest.raises(ScenarioError):
        best_design(FRONTIERS, (least - 1e-4) * POINT.strategy.correlators, 1e-3)


def test_the_best_strategy_needs_the_least_visibility_of_the_scenario() -> None:
    edge = float(FRONTIERS.classical.multipliers[-1])
    assert strategy_visibility(FRONTIERS, FRONTIERS.one_pair.at_multiplier(edge)) == pytest.approx(
        FRONTIERS.least_visibility(), rel=1e-6
    )
    together = FRONTIERS.one_pair.at_splitting_probability(0.0)
    assert strategy_visibility(FRONTIERS, together) is None


def test_from_the_sufficient_visibility_on_the_shots_are_enough() -> None:
    enough = known(sufficient_visibility(DENSE.experiment, FRONTIERS, POINT))
    assert best_design(FRONTIERS, enough * POINT.strategy.correlators, 1e-3).trials == pytest.approx(40_000, rel=0.05)
    assert _forecast(enough + 1e-6).go
    assert not _forecast(enough - 1e-3).go
    assert sufficient_visibility(_scenario(shots=100).experiment, FRONTIERS, POINT) is None


def test_a_go_agrees_with_the_plan_it_rests_on() -> None:
    found = _forecast(0.95)
    correlators = 0.95 * POINT.strategy.correlators
    best = best_design(FRONTIERS, correlators, 1e-3)
    trials = known(best.trials)
    assert found.go
    assert found.remedies is None
    design = known(found.design)
    assert (design.trials, design.certificate_multiplier) == (trials, best.certificate_multiplier)
    assert found.visibility == pytest.approx(0.95)
    assert found.information_limit_ratio == pytest.approx(trials / known(best.information_limit_trials))
    p = FRONTIERS.workload.splitting_probability(POINT.strategy.split())
    game = FRONTIERS.game(FRONTIERS.classical_multiplier(p, POINT.multiplier))
    assert found.naive_trials == evaluate_design(game, correlators, np.full((2, 2), 1 / 4), 1e-3).trials
    free = best_design(FRONTIERS, lambda at: 0.95 * FRONTIERS.one_pair.at_multiplier(at).correlators, 1e-3)
    assert (found.free_trials, found.free_multiplier) == (free.trials, free.strategy_multiplier)
    assert not _forecast(0.95, shots=trials - 50).go
    assert _forecast(0.95, shots=trials).go


def test_a_promised_waiting_time_at_noise_is_met_by_the_strategy_planned_for_that_noise() -> None:
    """The operating point of a scenario that assumes the visibility is another way to the same p."""
    promise = _forecast(0.9, operating_point={"waiting_time": 0.5}).promise
    planned = FRONTIERS.operating_point(_scenario(operating_point={"waiting_time": 0.5}, assumed_visibility=0.9))
    assert (promise.kind, promise.value, promise.promised) == ("waiting_time", 0.5, True)
    assert promise.quantum_predicted.splitting_probability == pytest.approx(planned.splitting_probability, abs=1e-6)
    assert promise.quantum_predicted.baseline_throughput == pytest.approx(planned.baseline_throughput, rel=1e-6)
    # MODEL §5: the flat edge of the classical frontier runs from (0.3, W) with slope 0.901316.
    classical = FRONTIERS.classical
    p = float(classical.splitting_probability[1] + (classical.waiting_time[1] - 0.5) / 0.9013157894736843)
    assert promise.classical.splitting_probability == pytest.approx(p)
    order = [
        reach.splitting_probability
        for reach in (promise.communication, promise.quantum_ideal, promise.quantum_predicted, promise.classical)
    ]
    assert order == sorted(order, key=lambda value: value or 0.0)


def test_a_promised_splitting_probability_at_noise_likewise() -> None:
    promise = _forecast(0.9, operating_point={"splitting_probability": 0.6}).promise
    assert promise.quantum_predicted.waiting_time == pytest.approx(FRONTIERS.waiting_time(0.6, 0.9), abs=1e-6)
    assert promise.quantum_ideal.waiting_time == pytest.approx(FRONTIERS.waiting_time(0.6), abs=1e-9)


def test_a_promise_that_noise_puts_out_of_reach_is_not_kept() -> None:
    waiting = 1.02 * FRONTIERS.workload.all_split_waiting_time
    reach = _forecast(0.9, operating_point={"waiting_time": waiting}).promise.quantum_predicted
    assert (reach.splitting_probability, reach.waiting_time, reach.baseline_throughput) == (None, None, None)


def test_break_even_is_the_waiting_time_above_communication_and_none_behind_the_silent_routers() -> None:
    found = _forecast(0.95)
    p, waiting = found.expected.splitting_probability.estimate, found.expected.waiting_time.estimate
    assert found.latency_predicted == pytest.approx(waiting - float(FRONTIERS.communication.waiting_time_at(p)))
    assert _forecast(0.6).latency_predicted is None


def test_settings_that_are_not_fresh_keep_the_points_multiplier_and_pay_for_the_weaker_tail() -> None:
    fresh, fixed = known(_forecast(0.9).design), known(_forecast(0.9, settings="fixed").design)
    assert fixed.method == "stratified Chernoff"
    assert fixed.certificate_multiplier == POINT.certificate_multiplier
    assert known(fixed.trials) > 1.1 * known(fresh.trials)


def test_noise_that_nothing_certifies_leaves_the_run_its_noiseless_design() -> None:
    predicted = _werner(0.6)(POINT.strategy)
    design = known(plan_design(DENSE.experiment, FRONTIERS, POINT, predicted))
    assert (design.trials, design.certificate_multiplier) == (None, POINT.certificate_multiplier)
    assert foresee(DENSE.experiment, FRONTIERS, POINT, predicted, design).predicted_power < 1e-3
    found = _forecast(0.6)
    assert not found.go
    assert found.design is None
    remedies = known(found.remedies)
    assert remedies.trials is remedies.multiplier is None


def test_a_game_without_weight_is_a_no_go_and_no_error() -> None:
    scenario = single_type(operating_point={"splitting_probability": 0.5})
    found = _planned(scenario, 1.0)[1]
    assert not found.go
    remedies = known(found.remedies)
    assert remedies.least_visibility is remedies.least_visibility_anywhere is None


def test_where_types_are_too_many_the_points_own_multiplier_is_kept() -> None:
    record = default_record()
    record["traffic"] = {"pair_rate": 0.3, "sizes": {"distribution": "gamma", "scv": 3.0, "mean": 1.0, "bins": 66}}
    scenario = Scenario.parse(record)
    frontiers = Frontiers(scenario.workload())
    point = frontiers.operating_point(scenario)
    design = known(plan_design(scenario.experiment, frontiers, point, 0.97 * point.strategy.correlators))
    assert design.trials
    assert design.certificate_multiplier == point.certificate_multiplier


def test_at_a_vertex_the_plan_takes_the_edge_that_certifies_sooner() -> None:
    """There the noiseless rule takes the slope between two edges, at which the strategy beats nothing."""
    scenario = random_scenario(np.random.default_rng(104), 4)
    frontiers = Frontiers(scenario.workload())
    vertex = float(frontiers.classical.splitting_probability[3])
    point = frontiers.operating_point(scenario.with_experiment(operating_point={"splitting_probability": vertex}))
    correlators = point.strategy.correlators
    design = known(plan_design(scenario.experiment, frontiers, point, correlators))
    assert np.abs(frontiers.classical.multipliers - design.certificate_multiplier).min() < 1e-9
    r = frontiers.game(point.certificate_multiplier).input_distribution
    own = evaluate_design(frontiers.game(point.certificate_multiplier), correlators, r, 1e-3)
    assert own.trials is None or own.trials > known(design.trials)


# The class of classical routers that a plan aims at.


def _planned(scenario: Scenario, visibility: float) -> tuple[Frontiers, Forecast]:
    frontiers = Frontiers(scenario.workload())
    return frontiers, forecast(scenario, frontiers, frontiers.operating_point(scenario), _werner(visibility))


def test_the_default_scenario_is_planned_against_every_classical_router() -> None:
    scenario = Scenario.default()
    frontiers, found = _planned(scenario, 0.95)
    point = frontiers.operating_point(scenario)
    assert (point.against, found.against, found.why_memoryless) == ("every-classical", "every-classical", None)
    assert found.go
    design = known(found.design)
    assert design.against == "every-classical"
    correlators = 0.95 * point.strategy.correlators
    best = best_design(frontiers, correlators, 1e-3, against="every-classical")
    assert (design.trials, design.certificate_multiplier) == (best.trials, best.certificate_multiplier)
    workload = frontiers.workload
    p, waiting = workload.splitting_probability((1 - correlators) / 2), workload.waiting_time((1 - correlators) / 2)
    share = known(found.every_classical).waiting_time_reduction_relative
    assert share.estimate == pytest.approx(1 - waiting / float(frontiers.every_classical.waiting_time_at(p)))
    assert 0 < share.low < share.estimate < found.expected.waiting_time_reduction_relative.estimate


def test_a_scenario_may_ask_for_memoryless_routers_only() -> None:
    _, found = _planned(Scenario.default().with_experiment(against="memoryless"), 0.95)
    assert (found.against, found.why_memoryless) == ("memoryless", None)
    assert known(found.design).against == "memoryless"
    assert found.every_classical  # what is foreseen against the others is told all the same


@pytest.mark.parametrize("assumed", [1.0, 0.9565])
def test_at_twice_the_pair_rate_a_good_pair_is_planned_against_memoryless_routers(assumed: float) -> None:
    """The sentence names the visibility from which on the point planned lies below W_E, if there is one."""
    frontiers, found = _planned(dense(assumed_visibility=assumed), 0.9565)
    assert found.against == "memoryless"
    assert found.go
    assert known(found.design).against == "memoryless"
    why = known(found.why_memoryless)
    named = re.findall(r"visibility above (0\.\d{4}) at this operating point", why)
    cases = [(float(named[0]) + 0.001, True), (float(named[0]) - 0.001, False)] if named else [(1.0, False)]
    assert named or "no entangled pair, however good, is proved to beat every classical router at this operating" in why
    strategy = frontiers.operating_point(dense(assumed_visibility=assumed)).strategy
    for visibility, helps in cases:
        split = strategy.split(visibility)
        p, waiting = frontiers.workload.splitting_probability(split), frontiers.workload.waiting_time(split)
        assert (waiting < float(frontiers.every_classical.waiting_time_at(p))) is helps


def test_noise_that_only_memoryless_routers_lose_to_is_planned_against_them() -> None:
    """The operating point was chosen for every classical router; the multiplier is then that of a memoryless edge."""
    frontiers, found = _planned(Scenario.default(), 0.83)
    assert found.against == "memoryless"
    assert found.why_memoryless
    design = known(found.design)
    assert design.against == "memoryless"
    assert np.abs(frontiers.classical.multipliers - design.certificate_multiplier).min() < 1e-9
    assert known(found.every_classical).waiting_time_reduction.estimate < 0


def test_without_a_bound_on_every_classical_router_the_plan_says_why() -> None:
    _, found = _planned(heavy_scenario(), 0.98)
    assert found.against == "memoryless"
    assert found.every_classical is None
    assert "slope of this baseline reward has no largest value" in known(found.why_memoryless)
