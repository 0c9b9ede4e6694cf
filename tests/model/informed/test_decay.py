"""How fast workloads die out: closed forms, units, and a server that gets every request."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bellqueue.model.errors import NoBoundError
from bellqueue.model.informed.decay import decay_rate
from bellqueue.model.queueing.reward import PiecewiseLinearReward
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.workload import Workload

from tests.model.informed.workloads import exponential, fixed, light, single, tame

REWARD = PiecewiseLinearReward.setup(5.0)


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.45])
def test_two_exponential_services_have_the_root_of_a_cubic(rate: float) -> None:
    """E e^(θ·step) = λ/((λ+θ)(1−θ)²) = 1 leaves θ² − (2−λ)θ + 1 − 2λ = 0."""
    theta = (2 - rate - math.sqrt(rate**2 + 4 * rate)) / 2
    assert decay_rate(single(exponential(1.0), rate, REWARD)) == pytest.approx(theta, rel=1e-8)
    assert decay_rate(single(exponential(1.0), rate, REWARD)) <= theta


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("service", [fixed(1.0), exponential(1.0), Service("gamma", 1.0, 3.0)])
def test_the_unit_of_time_does_not_matter(service: Service, unit: float) -> None:
    scaled = single(Service(service.kind, unit, service.scv), 0.1 / unit, REWARD)
    assert decay_rate(scaled) * unit == pytest.approx(decay_rate(single(service, 0.1, REWARD)), rel=1e-8)


@pytest.mark.parametrize("load", [0.001, 0.3, 0.499])
@pytest.mark.parametrize("scv", [0.01, 1.5, 20.0, 300.0])
def test_the_rate_lies_below_the_pole_of_gamma_services(scv: float, load: float) -> None:
    """ln E e^(θ·step) is not above 0 there, and is just below it unless the pole is all that ends it."""
    theta = decay_rate(single(Service("gamma", 1.0, scv), load, REWARD))
    assert 0 < theta < 1 / scv
    drift = -2 / scv * math.log1p(-theta * scv) - math.log1p(theta / load)
    assert drift <= 0
    assert drift > -1e-6 * (1 + theta / load) or theta * scv > 1 - 1e-8


@pytest.mark.parametrize("workload", [light(0.1), tame(1), tame(4), single(exponential(1.0), 0.4, REWARD)])
def test_a_server_that_gets_every_request_has_no_more_work_than_that(workload: Workload) -> None:
    """P(workload > x) ≤ e^(−θx) just before an arrival; no router gives a server more."""
    theta, rng, replicas = decay_rate(workload), np.random.default_rng(5), 20_000
    cells = rng.choice(workload.joint.size, p=workload.joint.ravel(), size=(60, replicas))
    work = np.zeros(replicas)
    for types in cells:
        size = np.zeros(replicas)
        for cell in range(workload.joint.size):
            chosen = np.flatnonzero(types == cell)
            x, y = divmod(cell, workload.shape[1])
            size[chosen] += workload.services_a[x].sample(rng, len(chosen))
            size[chosen] += workload.services_b[y].sample(rng, len(chosen))
        work = np.maximum(work + size - rng.exponential(1 / workload.pair_rate, replicas), 0.0)
    for chance in (0.5, 0.1, 0.01):
        found = float((work > -math.log(chance) / theta).mean())
        assert found <= chance + 4 * math.sqrt(chance / replicas)
    assert (work > 0.2 / theta).any()


@pytest.mark.parametrize(
    ("workload", "says"),
    [
        (single(fixed(1.0), 0.5, REWARD), "one half"),
        (single(fixed(1.0), 0.5 - 1e-12, REWARD), "one half"),
        (single(Service("lognormal", 1.0, 0.5), 0.1, REWARD), "lognormal"),
    ],
)
def test_workloads_that_may_not_die_out_are_refused(workload: Workload, says: str) -> None:
    with pytest.raises(NoBoundError, match=says):
        decay_rate(workload)
