"""Whether a link suffices, and the least hardware that would do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bellqueue.model.errors import ScenarioError
from bellqueue.model.games.routing_game import Against
from bellqueue.model.link.assessment import LinkAssessment, assess, simulated_saving
from bellqueue.model.link.least import PARAMETERS, least_hardware, varied
from bellqueue.model.link.link import Link
from bellqueue.model.link.simulation import simulate_link
from bellqueue.model.scenario.fields import scenario_with

from tests.model.link.links import LINK, heavy_with_link, operation, with_link

PAIRS = 40_000
UNIT = 1e-3


@pytest.fixture(scope="module")
def assessment() -> LinkAssessment:
    return assess(with_link({**LINK, "distance_km": 50.0}, time_unit_seconds=UNIT), pairs=PAIRS, seed=3)


def test_formula_and_simulation_agree(assessment: LinkAssessment) -> None:
    simulated, point = assessment.simulated, assessment.point
    for found, expected in (
        (simulated.availability, point.availability),
        (simulated.mean_visibility_when_used, point.mean_visibility_when_used),
        (simulated.queues.splitting_probability, point.splitting_probability),
        (simulated.queues.waiting_time, point.waiting_time),
    ):
        assert found is not None
        assert abs(found.estimate - expected) <= 4 * found.standard_error
    assert assessment.against == "every-classical"
    assert assessment.every_classical is not None
    for each in (assessment.memoryless, assessment.every_classical):
        # The clock adds something to what the formula knows; entanglement adds the rest.
        assert each.simulated.estimate >= each.waiting_time_reduction_relative - 4 * each.simulated.standard_error
        assert each.simulated.estimate > each.simulated_without_pairs.estimate
    assert (
        assessment.every_classical.waiting_time_reduction_relative
        < assessment.memoryless.waiting_time_reduction_relative
    )
    assert assessment.every_classical.simulated_without_pairs.low < 0


def test_the_clock_alone_beats_memoryless_routers_in_heavy_traffic() -> None:
    found = assess(heavy_with_link(), pairs=PAIRS, seed=1)
    assert found.every_classical is None
    assert found.reason_without_every_classical is not None
    assert found.memoryless.simulated_without_pairs.low > 0


@pytest.mark.parametrize("against", ["memoryless", "every-classical"])
def test_the_error_of_a_simulated_saving_is_that_of_repetitions(against: Against) -> None:
    frontiers, point = operation().frontiers, operation().best(Link(0.1, 0.96, 1000.0), "memoryless")
    control = operation().without_pairs(point)
    found = []
    for seed in range(30):
        run = simulate_link(frontiers.workload, point, control, np.random.default_rng(seed), 10_000)
        found.append(simulated_saving(frontiers, run.queues, against))
    spread = np.std([each.estimate for each in found], ddof=1)
    told = np.sqrt(np.mean([each.standard_error**2 for each in found]))
    assert 0.6 < spread / told < 1.6  # of 30 repetitions: beyond 3.5 standard deviations


def test_a_seed_gives_the_same_assessment() -> None:
    first, again, other = (assess(with_link(), pairs=5_000, seed=seed) for seed in (1, 1, 2))
    assert first.simulated.availability == again.simulated.availability != other.simulated.availability
    assert first.simulated.queues.waiting_time == again.simulated.queues.waiting_time
    assert first.criteria == again.criteria
    assert first.least == again.least


@pytest.mark.parametrize("against", ["memoryless", "every-classical"])
def test_the_least_of_each_figure_is_where_savings_begin(assessment: LinkAssessment, against: str) -> None:
    least = least_hardware(assessment.operation, assessment.link, against, UNIT)  # type: ignore[arg-type]
    for name in PARAMETERS:
        value = getattr(least, name)
        if name == "distance_km":
            assert 0 < value[0] < value[1] < math.inf
            wins = {0.999 * value[1]: True, 1.001 * value[1]: False}
        elif value == 0:  # against memoryless routers any pair that is good enough saves something
            assert (name, against) == ("rate", "memoryless")
            continue
        else:
            wins = {1.001 * value: True, 0.999 * value: False}
        for tried, expected in wins.items():
            link = varied(assessment.link, name, tried, UNIT)
            assert (assessment.operation.saving(link, against) > 1e-12) == expected  # type: ignore[arg-type]


def test_distances_scale_with_the_unit_of_time_however_short_it_is() -> None:
    link = Link(0.1, 0.96, 1000.0)
    usual, tiny = (least_hardware(operation(), link, "every-classical", unit).distance_km for unit in (1e-3, 1e-203))
    assert usual is not None
    assert tiny == pytest.approx([1e-200 * each for each in usual], rel=1e-6, abs=0)


def test_no_value_is_enough_where_the_rest_is_too_poor() -> None:
    least = least_hardware(operation(), Link(0.1, 0.6, 1000.0), "every-classical", UNIT)
    assert least.fidelity is not None
    assert (least.rate, least.memory_time, least.detection_efficiency, least.distance_km) == (None, None, None, None)


def test_a_message_over_the_least_distance_takes_as_long_as_break_even(assessment: LinkAssessment) -> None:
    least = assessment.least.distance_km
    assert least is not None
    for distance, passed in ((1.001 * least[0], True), (0.999 * least[0], False)):
        there = assess(scenario_with(assessment.scenario, {"link.distance_km": distance}), pairs=2_000, seed=1)
        found = {each.name: each for each in there.criteria}["a message takes longer than break-even"]
        assert found.passed == passed


def test_a_map_has_the_saving_of_each_link(assessment: LinkAssessment) -> None:
    rates, fidelities = [0.01, 0.1, 1.0], [0.9, 0.96]
    found = assessment.map("rate", "fidelity", rates, fidelities)
    assert found.saving.shape == (2, 3)
    for row, fidelity in enumerate(fidelities):
        for column, rate in enumerate(rates):
            scenario = scenario_with(assessment.scenario, {"link.rate": rate, "link.fidelity": fidelity})
            expected = assessment.operation.saving(Link.of(scenario), "every-classical")
            assert found.saving[row, column] == pytest.approx(expected)
    assert np.all(np.diff(found.saving, axis=0) > 0)


def test_a_map_lies_around_the_link_unless_values_are_given(assessment: LinkAssessment) -> None:
    found = assessment.map("memory_time", "distance_km", y=[50.0], against="memoryless")
    assert found.saving.shape == (1, 41)
    assert found.x[20] == pytest.approx(1000.0)
    assert found.saving[0, 20] == pytest.approx(assessment.memoryless.waiting_time_reduction_relative, abs=5e-3)
    with pytest.raises(ScenarioError, match=r"link\.memory: a link has no such figure"):
        assessment.map("memory", "rate")


@pytest.mark.parametrize(
    ("parameter", "value", "unit", "complaint"),
    [
        ("rat", 1.0, UNIT, "link.rat: a link has no such figure that could be varied; did you mean rate?"),
        ("fidelity", 1.5, UNIT, "link.fidelity is 1.5; it must lie between 0.25 and 1"),
        ("rate", math.nan, UNIT, "link.rate is nan; it must lie between 0 and inf"),
        ("distance_km", 1.0, None, "link.distance_km cannot be varied, for the scenario does not say how lon"),
    ],
)
def test_a_figure_that_cannot_be_varied_gets_one_line(
    parameter: str, value: float, unit: float | None, complaint: str
) -> None:
    with pytest.raises(ScenarioError) as raised:
        varied(Link(0.1, 0.9, 100.0), parameter, value, unit)
    assert str(raised.value).startswith(complaint)


def test_progress_is_told(assessment: LinkAssessment) -> None:
    seen: list[tuple[str, int, int | None]] = []
    assess(assessment.scenario, pairs=20_000, seed=1, watch=lambda *each: seen.append(each))
    simulating = [(done, total) for what, done, total in seen if what == "simulating pairs of requests"]
    assert simulating[-1] == (21_000, 21_000)
