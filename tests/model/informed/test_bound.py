"""V(κ): published values, what it must lie below, how it grows with a finer grid, and where it is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from bellqueue.model.errors import NoBoundError
from bellqueue.model.informed.bound import InformedBounds, reason_not_computed
from bellqueue.model.queueing.reward import PiecewiseLinearReward, PowerReward, WarmupReward
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.workload import Workload
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.informed.light_traffic import light_traffic_bound
from tests.model.informed.workloads import exponential, fixed, light, light_exponential, of_types, single, unequal

STEPS = (0.5, 0.25, 0.125, 0.0625)
# Computed by another program before this one was written.
PUBLISHED = {
    18.119816: (-33.573828, -33.570340, -33.568646, -33.567798),
    19.166991: (-35.550603, -35.546966, -35.545200, -35.544323),
}


@pytest.mark.parametrize("kappa", PUBLISHED)
def test_the_published_values_of_fixed_sizes(kappa: float) -> None:
    values = [InformedBounds(light(), 1e-6, step=step, largest_workload=24.0).at(kappa).value for step in STEPS]
    assert values == pytest.approx(PUBLISHED[kappa], abs=1e-5)
    assert values == sorted(values)


@pytest.mark.parametrize(("step", "expected"), [(0.5, -35.6357), (0.25, -35.5895)])
def test_the_published_values_of_exponential_services(step: float, expected: float) -> None:
    bounds = InformedBounds(light_exponential(), 1e-3, step=step)
    assert bounds.at(19.166991).value == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(each, marks=pytest.mark.slow) for each in (0, 3, 4, 5))])
def test_the_bound_grows_as_the_step_shrinks_and_as_the_largest_workload_grows(seed: int) -> None:
    """Half a step rounds down to at least as high a level: every lower state is cheaper."""
    workload = unequal(seed)
    kappa = float(workload.weights.mean()) / (workload.pair_rate * 5)
    smallest = float(min(workload.mean_a.min(), workload.mean_b.min()))
    extent = 4 * float(max(workload.mean_a.max(), workload.mean_b.max()))
    values = [
        InformedBounds(workload, 1e-5, step=step, largest_workload=largest).at(kappa).value
        for step, largest in ((smallest, extent), (smallest / 2, extent), (smallest / 2, 2 * extent))
    ]
    assert values[0] <= values[1] + 1e-6
    assert values[1] <= values[2] + 1e-6


@pytest.mark.parametrize("tolerance", [5e-2, pytest.param(2e-3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(each, marks=pytest.mark.slow) for each in range(8, 20))])
def test_the_closed_form_for_light_traffic_lies_below_the_bound(seed: int, tolerance: float) -> None:
    """Two lower limits of the same number: the process is tight up to its error, the closed form is not."""
    workload = unequal(seed)
    bounds = InformedBounds(workload, tolerance, 2.0)
    for share in (0.5, 1.0, 2.0):
        kappa = share * float(workload.weights.mean()) / (workload.pair_rate * 5)
        bound = bounds.at(kappa)
        assert light_traffic_bound(workload, kappa) <= bound.value + 3 * bound.error_estimate + 1e-6


def test_as_traffic_vanishes_the_closed_form_and_the_bound_meet() -> None:
    kappas = {rate: 0.88 / (5 * rate) for rate in (0.01, 0.001, 0.0001)}
    gaps = [
        InformedBounds(light(rate), 5e-4).at(kappa).value - light_traffic_bound(light(rate), kappa)
        for rate, kappa in kappas.items()
    ]
    assert gaps[0] > gaps[1] > gaps[2] >= 0
    assert gaps[2] < 0.003


def test_with_one_type_the_bound_is_what_a_plain_rule_reaches() -> None:
    """Nothing is hidden then. At κ = 0 all pairs are split unless waiting behind the partner is as short."""
    workload = single(exponential(1.0), 1e-4, PiecewiseLinearReward.setup(2.0))
    value = InformedBounds(workload, 1e-4).at(0.0).value
    assert value == pytest.approx(0.0, abs=2e-4)
    assert value <= workload.all_split_waiting_time


@settings(max_examples=10, deadline=None)
@given(low=st.floats(5.0, 15.0), high=st.floats(20.0, 40.0), share=st.floats(0.1, 0.9))
def test_the_bound_is_concave_in_kappa_and_falls(low: float, high: float, share: float) -> None:
    """The least of linear functions of κ, each with slope −τ."""
    bounds = InformedBounds(light(), 1e-5, step=0.5)
    middle = low + share * (high - low)
    values = [bounds.at(kappa).value for kappa in (low, middle, high)]
    assert values[0] > values[1] > values[2]
    assert values[1] >= values[0] + share * (values[2] - values[0]) - 1e-6


def test_the_grid_is_chosen_by_the_error_it_costs() -> None:
    loose, tight = (InformedBounds(light(), tolerance).at(18.119816) for tolerance in (1e-2, 5e-4))
    assert loose.finished
    assert tight.finished
    assert (loose.tolerance, tight.tolerance) == (1e-2, 5e-4)
    assert tight.step < loose.step
    # The next two published values differ by half of the error of the first, so the limit is −33.56695.
    for bound in (loose, tight):
        assert 0 <= -33.56695 - bound.value <= bound.tolerance
        assert bound.error_estimate == pytest.approx(-33.56695 - bound.value, rel=0.2)


def test_too_little_time_leaves_a_coarser_grid_and_a_valid_bound() -> None:
    hurried = InformedBounds(light_exponential(), 1e-4, 1e-3).at(19.166991)
    assert not hurried.finished
    assert hurried.value < -35.5397  # a simulated policy of routers that know the past


def test_a_second_call_repeats_the_value() -> None:
    bounds = InformedBounds(light(), 1e-3)
    first = bounds.at(18.0)
    bounds.at(25.0)
    assert bounds.at(18.0) is first


def test_a_step_that_misses_a_size_by_rounding_alone_is_nudged() -> None:
    """0.7 is 7 steps of 0.1 but for rounding: 7·0.1 > 0.7 in floating point."""
    workload = single(fixed(0.7), 0.05, PiecewiseLinearReward.setup(2.0))
    nudged = InformedBounds(workload, 1e-6, step=0.1, largest_workload=8.0).at(5.0)
    assert nudged.step == pytest.approx(0.1, rel=1e-11)
    assert nudged.step < 0.1
    whole = InformedBounds(workload, 1e-6, step=0.0875, largest_workload=8.0).at(5.0)
    assert nudged.value == pytest.approx(whole.value, abs=5e-3)


def test_a_warm_up_lies_between_the_set_up_times_round_it() -> None:
    """T(t) = t − θ(1−e^(−t/θ)) is at least max(t − θ, 0) and at most t."""
    warm = InformedBounds(light(reward=WarmupReward(5.0)), 1e-2)
    cold = InformedBounds(light(), 1e-3)
    free = InformedBounds(light(reward=PiecewiseLinearReward((1.0,), ())), 1e-2)
    for kappa in (5.0, 19.166991):
        assert free.at(kappa).value <= warm.at(kappa).value <= cold.at(kappa).value


def test_shortest_first_lies_below_a_random_order() -> None:
    """Waiting for a partner is shorter and all else is the same."""
    shortest = InformedBounds(replace(light(), within_pair_order="shortest-first"), 1e-3)
    by_coin = InformedBounds(light(), 1e-3)
    assert shortest.at(18.0).value < by_coin.at(18.0).value


def bins(count: int) -> Workload:
    services = Service("exponential", 1.0, 1.0).bins(count)
    joint = np.full((count, count), 1 / count**2)
    return of_types(0.02, joint, services, services, PiecewiseLinearReward.setup(2.0), product=True)


def types(count_a: int, count_b: int) -> Workload:
    joint = np.full((count_a, count_b), 1 / (count_a * count_b))
    a, b = (tuple(fixed(1.0 + kind) for kind in range(count)) for count in (count_a, count_b))
    return of_types(0.001, joint, a, b, PiecewiseLinearReward.setup(2.0), product=True)


@pytest.mark.parametrize(
    ("workload", "reason"),
    [
        (light(reward=PowerReward(2.0)), "no such bound exists: .* grows without limit"),
        (light(0.3, PowerReward(2.0)), "not computed: the slope of this baseline reward has no largest value"),
        (bins(4), "not computed: the routers know exact sizes"),
        (types(11, 12), "not computed: 11 types at the router with fewer types; the bound takes at most 10"),
        (types(25, 2), "not computed: 25 types at one router; the bound takes at most 24"),
    ],
    ids=["light power", "heavy power", "sizes", "many types", "many at one router"],
)
def test_what_has_no_bound_is_refused_with_one_sentence(workload: Workload, reason: str) -> None:
    assert reason_not_computed(workload) is not None
    with pytest.raises(NoBoundError, match=reason):
        InformedBounds(workload)


def test_a_bound_for_many_types_at_one_router_is_computed() -> None:
    assert reason_not_computed(types(2, 24)) is None
    assert InformedBounds(types(2, 24), 0.05, 1.0).at(1.0).value < 0


@pytest.mark.parametrize("kappa", [-1.0, math.inf, math.nan])
def test_kappa_must_be_a_number_that_is_not_negative(kappa: float) -> None:
    with pytest.raises(ValueError, match="kappa"):
        InformedBounds(light(), step=0.5).at(kappa)
