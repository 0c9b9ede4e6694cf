"""The fourth frontier: published values, what it must lie below, and its two readings."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.model.games.classical_frontier import classical_frontier
from bellqueue.model.informed.accrual import throughput_slope
from bellqueue.model.informed.bound import InformedBound, InformedBounds
from bellqueue.model.informed.frontier import EveryClassicalFrontier, every_classical_frontier
from bellqueue.model.informed.simulation import simulate_router
from bellqueue.model.queueing.reward import PiecewiseLinearReward

from tests.model.informed.policy import best_policy
from tests.model.informed.workloads import light, unequal

# τ and W of the envelope of all lines by another program, at step 0.125.
ENVELOPE = [(1.882931, 0.5499), (1.878229, 0.4650), (1.873539, 0.3802)]
DEVICES = [(0.5056, 1.87797, 0.4479), (0.5146, 1.87754, 0.4399), (0.4975, 1.87835, 0.4553)]


@pytest.fixture(scope="module")
def frontier() -> EveryClassicalFrontier:
    return every_classical_frontier(InformedBounds(light(), 1e-3, step=0.125))


@pytest.mark.parametrize(("throughput", "published"), ENVELOPE)
def test_the_envelope_is_that_of_the_other_program(
    frontier: EveryClassicalFrontier, throughput: float, published: float
) -> None:
    assert float(frontier.waiting_time_at(throughput)) == pytest.approx(published, abs=1e-4)


@pytest.mark.parametrize(("p", "throughput", "published"), DEVICES)
def test_the_lines_at_the_published_device_points(p: float, throughput: float, published: float) -> None:
    """μ = 0.9 gave the published lines; another κ proves more at the same throughput."""
    workload = light()
    bounds = InformedBounds(workload, 1e-4, step=0.25)
    kappa = -0.9 / throughput_slope(workload, p)
    line = bounds.at(kappa).value + kappa * throughput
    assert line == pytest.approx(published, abs=2e-4)
    assert float(every_classical_frontier(bounds, 12).waiting_time_at(throughput)) > line + 5e-3


def test_the_envelope_is_reached_by_sharing_time_between_two_simulated_policies(
    frontier: EveryClassicalFrontier,
) -> None:
    """Routers that know the past follow one policy, then another: a mixture lies on a chord above the frontier."""
    workload = light()
    bounds = InformedBounds(workload, 1e-3, step=0.125)
    rng = np.random.default_rng(5)
    ends = [simulate_router(workload, best_policy(bounds, kappa), 2_000_000, rng) for kappa in (17.9, 18.2)]
    (low, high), (least, most) = (
        [end.baseline_throughput.estimate for end in ends],
        [end.waiting_time.estimate for end in ends],
    )
    for throughput, _ in ENVELOPE:
        assert low < throughput < high
        chord = float(np.interp(throughput, [low, high], [least, most]))
        assert 0 <= chord - float(frontier.waiting_time_at(throughput)) <= 5e-3


def test_points_lie_on_the_frontier_and_each_on_its_own_line(frontier: EveryClassicalFrontier) -> None:
    assert len(frontier.points) >= 5
    for point in frontier.points:
        assert point.waiting_time == pytest.approx(point.bound + point.kappa * point.baseline_throughput)
        assert point.waiting_time == pytest.approx(float(frontier.waiting_time_at(point.baseline_throughput)))
    throughput = [point.baseline_throughput for point in frontier.points]
    assert throughput == sorted(throughput)
    assert [point.kappa for point in frontier.points] == sorted(point.kappa for point in frontier.points)


def test_the_entangled_point_of_the_default_is_better_than_every_classical_router(
    frontier: EveryClassicalFrontier,
) -> None:
    """The quantum frontier's published point at p = 0.5: W = 0.427857 at τ = 1.878229."""
    assert float(frontier.waiting_time_at(1.878229)) - 0.427857 > 0.0316
    # Waiting as long, every classical router has a throughput that is lower by 0.0016 at least.
    assert float(frontier.waiting_time_at(1.878229 - 0.0016)) > 0.427857


@pytest.mark.parametrize("tolerance", [0.1, pytest.param(5e-3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(each, marks=pytest.mark.slow) for each in range(12, 100))])
def test_memoryless_classical_strategies_lie_above_everywhere(seed: int, tolerance: float) -> None:
    """At every splitting probability, by the closed formulas of W and τ; so each V(κ) lies below their W − κτ."""
    workload = unequal(seed + 300)
    proved = every_classical_frontier(InformedBounds(workload, tolerance, 0.3), 12)
    memoryless = classical_frontier(workload)
    p = np.linspace(0, 1, 101)
    assert np.all(proved.waiting_time_at(workload.baseline_throughput(p)) <= memoryless.waiting_time_at(p) + 1e-12)


def test_lines_that_support_nothing_are_no_points() -> None:
    """Three lines, of which the middle one lies below the corner of the others."""
    bounds = tuple(
        InformedBound(kappa, value, 0.001, 0.5, 12.0, 0.01, True)
        for kappa, value in ((0.0, 0.0), (1.0, -1.2), (2.0, -2.0))
    )
    proved = EveryClassicalFrontier(bounds, (0.0, 2.0))
    assert [point.kappa for point in proved.points] == [0.0, 2.0]
    assert float(proved.waiting_time_at(1.0)) == 0.0
    assert float(proved.waiting_time_at(1.5)) == 1.0
    assert (proved.step, proved.largest_workload, proved.error_estimate) == (0.5, 12.0, 0.001)


def test_without_a_trade_off_there_is_no_frontier() -> None:
    with pytest.raises(ValueError, match="no trade-off"):
        every_classical_frontier(InformedBounds(light(reward=PiecewiseLinearReward((1.0,), ())), step=0.5))
