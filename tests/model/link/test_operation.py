"""What routers reach over a link by formula: its limits, and that no other choice does better."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bellqueue.model.errors import ScenarioError
from bellqueue.model.games.routing_game import Against
from bellqueue.model.link.link import Link, availability, used_visibility
from bellqueue.model.link.operation import LinkPoint
from bellqueue.model.scenario.file import Scenario

from tests.model.link.links import PERFECT, operation, with_link

CLASSES: tuple[Against, ...] = ("memoryless", "every-classical")
GOOD = Link(0.1, 0.96, 500.0, delay=1.0)


def _correlators(point: LinkPoint) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Averaged over all request pairs: entangled, both undetected or without a pair, or one undetected (none)."""
    link = point.link
    efficiency, readout = link.detection_efficiency, 2 * link.measurement_fidelity - 1
    fallback = sum(each.probability * np.outer(each.a, each.b) for each in point.fallback)
    if point.availability == 0:
        return np.asarray(fallback)
    used = efficiency**2 * readout**2 * point.mean_visibility_when_used * point.correlators
    used = used + (1 - efficiency) ** 2 * fallback
    return np.asarray(point.availability * used + (1 - point.availability) * fallback)


@pytest.mark.parametrize("against", CLASSES)
@pytest.mark.parametrize("visibility", [1.0, 0.9])
def test_pairs_without_end_give_the_plain_quantum_point(against: Against, visibility: float) -> None:
    plain = operation().frontiers.largest_reduction(visibility, against=against)
    for link in (replace(PERFECT, visibility=visibility), Link(1e13, visibility, 1e16)):
        point = operation().best(link, against)
        assert point.availability == pytest.approx(1.0)
        assert point.splitting_probability == pytest.approx(plain.splitting_probability, abs=2e-4)
        found = operation().frontiers.advantage_at(point.splitting_probability, point.waiting_time, against)
        assert float(found.waiting_time_reduction_relative) == pytest.approx(
            plain.waiting_time_reduction_relative, abs=1e-7
        )


@pytest.mark.parametrize("link", [Link(1e-15, 0.98, 500.0), Link(0.1, 0.98, 0.0), Link(0.1, 0.98, 1e-12, delay=1.0)])
def test_without_pairs_or_memory_routers_are_classical(link: Link) -> None:
    point = operation().best(link, "memoryless")
    rival = operation().frontiers.classical
    assert point.availability == pytest.approx(0.0, abs=1e-9)
    assert point.waiting_time == pytest.approx(float(rival.waiting_time_at(point.splitting_probability)), rel=1e-9)
    assert operation().saving(link, "memoryless") == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    "link",
    [GOOD, replace(GOOD, buffer=4), replace(GOOD, detection_efficiency=0.97, measurement_fidelity=0.99), Link(1, 1, 9)],
)
def test_a_point_has_what_its_correlators_say(link: Link) -> None:
    point, workload = operation().best(link, "memoryless"), operation().workload
    split = (1 - _correlators(point)) / 2
    assert point.splitting_probability == pytest.approx(workload.splitting_probability(split))
    assert point.waiting_time == pytest.approx(workload.waiting_time(split))
    assert point.baseline_throughput == pytest.approx(float(workload.baseline_throughput(point.splitting_probability)))


@pytest.mark.parametrize("against", CLASSES)
@pytest.mark.parametrize("seed", range(6))
def test_no_other_choice_saves_more(against: Against, seed: int) -> None:
    """Random measurements, classical maps and ages up to which pairs are used."""
    rng = np.random.default_rng([7, seed])
    link = Link(float(rng.uniform(0.02, 1)), float(rng.uniform(0.9, 1)), float(rng.uniform(50, 900)), delay=0.5)
    op = operation()
    best, rate = op.saving(link, against), op.workload.pair_rate
    angles = rng.uniform(-math.pi, math.pi, (300, 4))
    around = op.best(link, against)
    for index, (first, second, third, last) in enumerate(angles):
        correlators = np.cos(np.subtract.outer([first, second], [third, last]))
        if index % 2:  # near the best measurements
            correlators = op.frontiers.one_pair.at_multiplier(around.multiplier * rng.uniform(0.7, 1.3)).correlators
        fallback = np.outer(rng.choice([-1, 1], 2), rng.choice([-1, 1], 2))
        limited = replace(link, cutoff=float(rng.exponential(100)) + link.delay)
        used, share = used_visibility(limited, rate, 0.01), availability(limited, rate, 0.01)
        split = (1 - used * correlators - (1 - share) * fallback) / 2
        p, waiting = op.workload.splitting_probability(split), op.workload.waiting_time(split)
        found = op.frontiers.advantage_at(p, waiting, against)
        assert float(found.waiting_time_reduction_relative) <= best + 2e-5


@pytest.mark.parametrize("against", CLASSES)
@pytest.mark.parametrize(
    ("name", "values", "sign"),
    [
        ("rate", np.geomspace(1e-3, 10, 9), 1),
        ("visibility", np.linspace(0.7, 1, 9), 1),
        ("memory_time", np.geomspace(1, 1e5, 9), 1),
        ("detection_efficiency", np.linspace(0.9, 1, 9), 1),
        ("measurement_fidelity", np.linspace(0.9, 1, 9), 1),
        ("buffer", (1, 2, 3, 8, 64), 1),
        ("cutoff", np.linspace(1.5, 200, 9), 1),
        ("delay", np.linspace(0, 200, 9), -1),
    ],
)
def test_better_hardware_never_saves_less(name: str, values: Any, sign: int, against: Against) -> None:
    savings = [operation().saving(replace(GOOD, **{name: value}), against) for value in values]
    assert np.all(sign * np.diff(savings) >= -1e-5)
    assert sign * (savings[-1] - savings[0]) > 3e-4


@pytest.mark.parametrize(("field", "value"), [("splitting_probability", 0.55), ("waiting_time", 0.4)])
def test_a_target_of_the_experiment_is_met(field: str, value: float) -> None:
    scenario = with_link().with_experiment(operating_point={field: value})
    assert getattr(operation().point(GOOD, scenario), field) == pytest.approx(value, abs=1e-4)


def test_a_multiplier_of_the_experiment_is_used() -> None:
    scenario = with_link().with_experiment(operating_point={"multiplier": 0.85})
    assert operation().point(GOOD, scenario).multiplier == pytest.approx(0.85)


def test_a_target_out_of_reach_gets_one_line() -> None:
    scenario = with_link().with_experiment(operating_point={"waiting_time": 50.0})
    with pytest.raises(ScenarioError, match=r"operating_point.waiting_time = 50 is out of reach of this link"):
        operation().point(GOOD, scenario)


def test_where_every_classical_router_wins_the_memoryless_class_is_aimed_at() -> None:
    noisy = replace(GOOD, visibility=0.84)
    assert operation().saving(noisy, "every-classical") <= 0 < operation().saving(noisy, "memoryless")
    point, expected = operation().point(noisy, Scenario.default()), operation().best(noisy, "memoryless")
    assert point.waiting_time == expected.waiting_time


@pytest.mark.parametrize("against", CLASSES)
def test_the_least_visibility_of_a_plain_link_is_that_of_the_frontiers(against: Against) -> None:
    expected = operation().frontiers.least_visibility(against)
    assert operation().least_heralded_visibility(PERFECT, against) == pytest.approx(expected, abs=1e-4)
