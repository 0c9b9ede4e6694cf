"""Designs of menus: what they foresee against simulated experiments, and the noise at which they give up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.menus.certificate import fine_comparison
from bellqueue.analysis.menus.design import MenuDesign, design_menu
from bellqueue.analysis.menus.limits import MenuCounts, menu_limits
from bellqueue.model.errors import NoBoundError, ScenarioError
from bellqueue.model.informed.comparison import Comparison
from bellqueue.model.informed.measured import Limits
from bellqueue.model.scenario.file import Scenario

from tests.known import known

Floats = np.ndarray[Any, np.dtype[np.float64]]


def at(load: float, shots: int = 20_000, **experiment: Any) -> Scenario:
    """The default scenario at another load, with a trade-off of its own, so that none needs to be searched."""
    record = Scenario.default().record()
    record["traffic"]["pair_rate"] = load / 2.5
    own = {"shots": shots, "routers": "past-informed", "operating_point": {"multiplier": 0.9}}
    record["experiment"] |= own | experiment
    return Scenario.parse(record)


def designed(scenario: Scenario, visibility: float) -> MenuDesign:
    return design_menu(scenario, lambda menu: menu.split(visibility))


def drawn(design: MenuDesign, shots: int, split: Floats, rng: np.random.Generator) -> MenuCounts:
    """Counts of an experiment with outcomes of those probabilities."""
    distribution = design.input_distribution.reshape(split.shape)
    asked = rng.multinomial(shots, distribution.ravel()).reshape(split.shape)
    apart = rng.binomial(asked, split)
    lost = np.zeros(split.shape)
    return MenuCounts(apart.astype(float), (asked - apart).astype(float), lost, distribution)


def certifies(design: MenuDesign, comparison: Comparison, counts: MenuCounts, significance: float) -> bool:
    """Whether the upper limit at the significance lies below V(κ), as an analysis decides it."""
    tilts, centre = (np.array(table).reshape(counts.split.shape) for table in (design.plan.tilts, design.plan.centre))
    comparison.best_policy(Limits.exact(counts.estimated))
    limits = menu_limits(counts, tilts, centre, significance, significance)
    return comparison.cost(limits) < comparison.classical


@pytest.mark.slow
def test_the_power_foreseen_is_true() -> None:
    shots = 900  # for which the plan foresees neither success nor failure for certain
    scenario = at(0.05, shots)
    design = designed(scenario, 0.9565)
    forecast = known(design.plan.forecast)
    split = np.array(forecast.split).reshape(-1, *scenario.workload().shape)
    comparison, _ = fine_comparison(scenario.workload(), design.plan.kappa, split)
    rng = np.random.default_rng(11)
    runs = 200
    found = sum(certifies(design, comparison, drawn(design, shots, split, rng), 1e-3) for _ in range(runs))
    power = forecast.predicted_power
    assert 0.1 < power < 0.98, "the plan is nearly certain, and the experiments would say little"
    assert abs(found / runs - power) <= 4 * np.sqrt(power * (1 - power) / runs) + 0.02  # it is worked out to 2 %


@pytest.fixture(scope="module")
def planned() -> MenuDesign:
    return designed(at(0.025), 0.9565)


@pytest.mark.slow
def test_the_trials_foreseen_give_about_the_power_asked_for(planned: MenuDesign) -> None:
    first = known(planned.plan.forecast)
    again = known(designed(at(0.025, known(first.trials)), 0.9565).plan.forecast)
    assert again.predicted_power == pytest.approx(first.power, abs=0.04)


@pytest.mark.slow
def test_a_trade_off_is_found_where_none_is_asked_for() -> None:
    design = designed(at(0.025, menu=1, operating_point="largest-advantage"), 0.9565)
    forecast = known(design.plan.forecast)
    assert 0.07 < forecast.waiting_time_reduction_relative < 0.12  # 10.0 % by frontier --informed, at κ half-way


def test_every_setting_is_drawn(planned: MenuDesign) -> None:
    assert planned.input_distribution.sum() == pytest.approx(1)
    assert planned.input_distribution.min() > 0
    assert len(planned.menu) <= 8


def test_without_any_gain_the_forecast_is_a_no_and_says_by_how_much() -> None:
    design = designed(at(0.05, menu=1), 0.7)
    forecast = known(design.plan.forecast)
    assert forecast.cost >= forecast.classical
    assert (forecast.predicted_power, forecast.trials, forecast.go) == (0.0, None, False)
    assert len(design.menu) == 1


@pytest.mark.parametrize(
    ("change", "refusal", "said"),
    [
        ({"reward": {"kind": "power", "exponent": 2.0}}, NoBoundError, "no such bound exists"),
        ({"service": {"distribution": "lognormal", "mean": 6.0, "scv": 0.5}}, NoBoundError, "exponential moments"),
        ({"load": 0.6}, NoBoundError, "below one half"),
        ({"multiplier": 0.0}, ScenarioError, r"at multiplier 0; leave experiment\.operating_point out"),
        ({"types": 1}, ScenarioError, "even perfect Bell pairs are not found to gain anything"),
    ],
)
def test_what_cannot_be_bounded_or_gains_nothing_is_refused_in_a_line(
    change: dict[str, Any], refusal: type[Exception], said: str
) -> None:
    record = at(change.get("load", 0.05), menu=1).record()
    record["baseline"]["reward"] = change.get("reward", record["baseline"]["reward"])
    record["traffic"]["type"][1]["service"] = change.get("service", record["traffic"]["type"][1]["service"])
    record["experiment"]["operating_point"] = {"multiplier": change.get("multiplier", 0.9)}
    if "types" in change:
        record["traffic"]["type"] = [dict(record["traffic"]["type"][0], probability=1.0)]
    with pytest.raises(refusal, match=said):
        designed(Scenario.parse(record), 0.95)
