"""What the report says beyond the certificate: simulated waits against closed forms, the same data the same record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.records.context_record import Context, MeasurementBases, WaitingTimes
from bellqueue.analysis.replay.context import MOST_PAIRS, wanted_pairs, with_context
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario

from tests.analysis.conftest import simulated
from tests.known import known
from tests.scenarios import IBM_GENEVA, default_record, dense
from tests.sketching import sketch, solving_once

SCENARIO = dense()
FRONTIERS = Frontiers(SCENARIO.workload())


@pytest.fixture(scope="module")
def context(hanoi: Analysis) -> Context:
    with solving_once():
        return known(with_context(hanoi, FRONTIERS).context)


@pytest.fixture
def waiting(context: Context) -> WaitingTimes:
    return known(context.waiting_times)


def test_simulated_waits_agree_with_the_queueing_formulas(hanoi: Analysis, waiting: WaitingTimes) -> None:
    rho = FRONTIERS.workload.load
    assert [each.routing for each in waiting.routings] == ["observed", "classical", "quantum"]
    for each in waiting.routings:
        error = (each.waiting_time.high - each.waiting_time.low) / 4
        assert each.waiting_time.estimate == pytest.approx(each.waiting_time_formula, abs=5 * error)
        # Poisson arrivals see time averages: a request waits not at all if it finds its server idle, and its partner
        # was sent elsewhere or stands behind it.
        none = (1 - rho) * (1 + each.splitting_probability) / 2
        assert each.cumulative[0] == pytest.approx(none, abs=0.004)
        assert each.splitting_probability == pytest.approx(hanoi.observed.splitting_probability.estimate, rel=1e-9)


def test_the_formula_means_are_those_of_the_record(hanoi: Analysis, waiting: WaitingTimes) -> None:
    observed, classical, quantum = (each.waiting_time_formula for each in waiting.routings)
    assert observed == pytest.approx(hanoi.observed.waiting_time.estimate, rel=1e-9)
    assert classical == pytest.approx(hanoi.classical.waiting_time_at_equal_throughput.estimate, rel=1e-9)
    assert quantum == pytest.approx(hanoi.quantum.waiting_time_at_equal_throughput.estimate, rel=1e-6)


def test_distributions_rise_from_no_wait_and_hold_their_percentiles(waiting: WaitingTimes) -> None:
    for each in waiting.routings:
        assert each.times[0] == 0
        assert len(each.times) == len(each.cumulative) <= 250
        assert np.all(np.diff(each.times) > 0)
        assert np.all(np.diff(each.cumulative) >= 0)
        assert 0 < each.cumulative[-1] < 1
        for point in each.percentiles:
            wait = point.waiting_time.estimate
            reached = max((c for t, c in zip(each.times, each.cumulative, strict=True) if t <= wait * 1.004), default=0)
            assert reached >= point.probability - 0.005
            assert point.waiting_time.low <= wait <= point.waiting_time.high


def test_the_context_follows_from_scenario_and_counts_alone(hanoi: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    sketch(monkeypatch.setattr)

    def made(**changed: Any) -> Context:
        return known(with_context(hanoi.model_copy(update=changed), Frontiers(SCENARIO.workload())).context)

    first = made()
    later = {"created": "2031-01-01T00:00:00+00:00", "content_hash": "0" * 64}
    assert made(provenance=hanoi.provenance.model_copy(update=later)) == first
    others = known(hanoi.measured).model_copy(update={"counts": IBM_GENEVA})
    assert known(made(measured=others).waiting_times).seed != known(first.waiting_times).seed


def test_bases_give_the_correlators_planned() -> None:
    strategy = FRONTIERS.operating_point(SCENARIO).strategy
    bases = MeasurementBases.of(strategy)
    found = sum(each.probability * np.cos(np.subtract.outer(each.alpha, each.beta)) for each in bases)
    assert np.asarray(found) == pytest.approx(strategy.correlators, abs=1e-9)


@pytest.mark.usefixtures("sketched")
def test_the_context_is_worked_out_once_and_keeps_the_bases(planned: Analysis) -> None:
    given = known(planned.context)
    assert given.by_visibility is None
    whole = with_context(planned)
    assert known(whole.context).bases == given.bases != []
    assert with_context(whole) is whole


@pytest.fixture
def one_other_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that do not look at how the advantage changes with the load."""
    monkeypatch.setattr("bellqueue.analysis.replay.context.LOADS", (0.3,))


@pytest.mark.usefixtures("one_other_load")
def test_the_visibilities_hold_the_one_observed_and_the_least_that_helps(hanoi: Analysis, geneva: Analysis) -> None:
    for analysis in (hanoi, geneva):
        shown = known(known(with_context(analysis, FRONTIERS).context).by_visibility).visibility
        assert shown[0] < min(analysis.visibility.estimate, FRONTIERS.least_visibility() or 1) < shown[-1] == 1


def test_the_load_of_the_scenario_is_among_the_loads(context: Context) -> None:
    by_load = known(context.by_load)
    at = int(np.abs(np.array(by_load.load) - FRONTIERS.workload.load).argmin())
    assert by_load.load[at] == pytest.approx(FRONTIERS.workload.load)
    assert by_load.ideal[at] == pytest.approx(known(context.by_visibility).reduction_relative[-1], rel=1e-6)
    assert all(noisy < ideal for noisy, ideal in zip(by_load.noisy, by_load.ideal, strict=True))


def test_the_simulation_is_longer_where_waits_are_alike_for_longer() -> None:
    record = default_record()
    for load, pairs in ((0.05, 200_000), (0.9, 200_000), (0.95, 800_000), (0.97, 2_222_222)):
        record["traffic"]["pair_rate"] = 0.02 * load / 0.05
        scenario = Scenario.parse(record)
        assert wanted_pairs(scenario.workload().load) == pytest.approx(pairs, abs=1)
    assert wanted_pairs(0.99) > MOST_PAIRS


@pytest.mark.usefixtures("coarse_bounds", "one_other_load")
def test_under_the_heaviest_load_no_simulation_is_shown() -> None:
    record = default_record()
    record["traffic"]["pair_rate"] = 0.396
    scenario = Scenario.parse(record)
    context = known(with_context(simulated(scenario, 2_000), Frontiers(scenario.workload())).context)
    assert context.waiting_times is None
    assert context.by_visibility
