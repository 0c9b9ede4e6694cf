"""The link of a scenario, and how often and how well it serves requests."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bellqueue.model.errors import ScenarioError
from bellqueue.model.link import published
from bellqueue.model.link.link import (
    Link,
    availability,
    least_visibility_used,
    mean_visibility_when_used,
    used_visibility,
)
from bellqueue.model.scenario.fields import scenario_with
from bellqueue.model.scenario.file import Scenario
from scipy.linalg import expm

from tests.model.link.links import LINK, batched, random_link, slow_memory, with_link

PUBLISHED = {
    "ions": {"name": "ions", "pairs_per_second": 10, "fidelity": 0.97, "memory_seconds": 2, "distance_km": 4},
    "dark": {"name": "dark", "distance_km": 1},
    "photons": {"name": "photons", "pairs_per_second": 20000, "fidelity": 0.99},
}


@pytest.mark.parametrize(
    ("link", "shares"),
    [
        (Link(0.1, 0.95, 100.0), (0.821467, 0.729980)),
        (Link(0.01, 0.9, 50.0, delay=5.0), (0.028460, 0.022517)),
    ],
)
def test_closed_forms_meet_the_reference_values(link: Link, shares: tuple[float, float]) -> None:
    assert float(availability(link, 0.01, 0.768)) == pytest.approx(shares[0], abs=1e-6)
    assert float(used_visibility(link, 0.01, 0.768)) == pytest.approx(shares[1], abs=1e-6)


@pytest.mark.parametrize(
    ("buffer", "seed"), [(buffer, seed) for buffer, links in ((1, 20), (2, 5), (8, 5)) for seed in range(links)]
)
def test_closed_forms_meet_a_simulation_event_by_event(buffer: int, seed: int) -> None:
    rng = np.random.default_rng([15, buffer, seed])
    link = random_link(rng, buffer)
    least = float(rng.uniform(0.6, 0.8))
    used = slow_memory(link, 1.0, least, 12_000, rng)
    for values, formula in ((used > 0, availability(link, 1.0, least)), (used, used_visibility(link, 1.0, least))):
        mean, error = batched(np.asarray(values, dtype=float))
        assert abs(mean - float(formula)) <= 4 * error


@pytest.mark.parametrize("buffer", [1, 2, 8])
def test_buffers_follow_a_walk_that_is_killed_at_either_end(buffer: int) -> None:
    """Forward equations of the number of fresher pairs waiting, integrated by a matrix exponential."""
    link, pair_rate, least = Link(1.3, 0.95, 7.0, buffer, delay=0.2), 1.0, 0.7
    walk = (
        -(link.rate + pair_rate) * np.eye(buffer) + link.rate * np.eye(buffer, k=1) + pair_rate * np.eye(buffer, k=-1)
    )
    window = link.memory_time * math.log(link.visibility / least) - link.delay
    for decay, formula in ((0.0, availability), (1 / link.memory_time, used_visibility)):
        dying = walk - decay * np.eye(buffer)
        stayed = np.linalg.solve(dying, expm(window * dying) - np.eye(buffer))[0, 0]
        start = 1.0 if decay == 0 else link.visibility * math.exp(-link.delay * decay)
        assert float(formula(link, pair_rate, least)) == pytest.approx(link.rate * start * stayed, rel=1e-10)


def test_limits_of_the_closed_forms() -> None:
    link = Link(0.1, 0.95, 100.0, delay=1.0)
    for endless in (replace(link, rate=math.inf), replace(link, rate=1e14)):
        assert float(availability(endless, 0.01, 0.768)) == pytest.approx(1.0)
        assert float(mean_visibility_when_used(endless, 0.01, 0.768)) == pytest.approx(0.95 * math.exp(-0.01))
    kept = replace(link, memory_time=math.inf)
    assert float(availability(kept, 0.01, 0.768)) == pytest.approx(10 / 11)
    assert float(mean_visibility_when_used(kept, 0.01, 0.768)) == 0.95
    for lost in (replace(link, memory_time=0.0), replace(link, delay=1e9), replace(link, cutoff=1.0)):
        assert float(availability(lost, 0.01, 0.768)) == 0.0
        assert float(used_visibility(lost, 0.01, 0.768)) == 0.0
        assert math.isnan(float(mean_visibility_when_used(lost, 0.01, 0.768)))
    assert float(availability(replace(link, rate=1e-12), 0.01, 0.768)) == pytest.approx(0.0, abs=1e-9)


def test_a_cutoff_is_an_age_and_never_keeps_what_is_worse_than_the_fallback() -> None:
    link = Link(0.1, 0.95, 100.0, delay=1.0)
    lasting = 100 * math.log(0.95 / 0.768) - 1
    assert float(link.window(0.768)) == pytest.approx(lasting)
    assert float(replace(link, cutoff=5.0).window(0.768)) == pytest.approx(4.0)
    assert float(replace(link, cutoff=500.0).window(0.768)) == pytest.approx(lasting)


def test_a_pair_is_used_from_the_visibility_at_which_it_outscores_the_fallback() -> None:
    link = Link(1.0, 1.0, 10.0, measurement_fidelity=0.99, detection_efficiency=0.95)
    least = float(least_visibility_used(link, 0.75, 0.9))
    # Both detect, neither does, or one does and its partner's outcome is a fair coin.
    assert 0.95**2 * 0.98**2 * least * 0.9 + 0.05**2 * 0.75 == pytest.approx(0.75)
    assert float(least_visibility_used(Link(1.0, 1.0, 10.0), 0.75, 0.9)) == pytest.approx(0.75 / 0.9)
    assert float(least_visibility_used(replace(link, measurement_fidelity=0.5), 0.75, 0.9)) == math.inf


def test_figures_in_seconds_become_units_of_time() -> None:
    given = {
        "rate_per_second": 20.0,
        "visibility": 0.9,
        "memory_seconds": 3.0,
        "distance_km": 40.0,
        "stationary_seconds": 60.0,
        "decision_seconds": 1e-6,
    }
    link = Link.of(with_link(given, time_unit_seconds=1e-3))
    assert link.rate == pytest.approx(0.02)
    assert link.memory_time == pytest.approx(3000.0)
    assert link.delay == pytest.approx(0.2)  # 40 km at 2·10⁵ km/s are 0.2 ms
    assert link.stationary_time == pytest.approx(60_000.0)
    assert link.decision_time == pytest.approx(1e-3)
    assert link.fidelity == pytest.approx(0.925)
    assert Link.of(with_link()) == Link(0.1, pytest.approx((4 * 0.96 - 1) / 3), 1000.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"rate": -1.0}, "link.rate is -1.0; it must be positive"),
        ({"rate": "fast"}, "link.rate is 'fast'; it must be a number"),
        ({"rate": None}, "link: rate is missing; give rate or rate_per_second, or the name of a published link"),
        ({"memory_time": None}, "link: memory_time is missing; give memory_time or memory_seconds, or the name of a p"),
        ({"fidelity": None}, "link: fidelity is missing; give fidelity or visibility, or the name of a published link"),
        ({"visibility": 0.9}, "link: fidelity = 0.96 and visibility = 0.9 say the same thing twice; drop one"),
        ({"rate_per_second": 5.0}, "link: rate = 0.1 and rate_per_second = 5 say the same thing twice; drop one"),
        ({"fidelity": 1.2}, "link.fidelity is 1.2; it must be at most 1"),
        ({"fidelity": 0.2}, "link.fidelity is 0.2; it must be at least 0.25"),
        ({"buffer": 0}, "link.buffer is 0; it must be at least 1"),
        ({"buffer": 1.5}, "link.buffer is 1.5; it must be a whole number"),
        ({"detection_efficiency": 0.0}, "link.detection_efficiency is 0.0; it must be positive"),
        ({"measurement_fidelity": 0.4}, "link.measurement_fidelity is 0.4; it must be at least 0.5"),
        ({"cutoff": 0}, "link.cutoff is 0; it must be positive"),
        ({"fidelty": 0.9}, "link.fidelty: unknown key; did you mean fidelity?"),
        ({"distance_km": 5.0}, "link.distance_km is 5, but the scenario does not say how long its unit of time is"),
        ({"rate": None, "rate_per_second": 5.0}, "link.rate_per_second is 5, but the scenario does not say how"),
    ],
)
def test_a_wrong_link_gets_one_line(change: dict[str, Any], complaint: str) -> None:
    link = {key: value for key, value in (LINK | change).items() if value is not None}
    with pytest.raises(ScenarioError) as raised:
        with_link(link)
    assert str(raised.value).startswith(f"scenario: {complaint}")
    assert "\n" not in str(raised.value)


def test_a_link_serves_one_bell_pair_to_each_pair_of_requests() -> None:
    with pytest.raises(ScenarioError, match=r"bell_pairs is 2; with \[link\] each pair of requests uses one"):
        with_link().with_experiment(bell_pairs=2)


def test_a_scenario_without_a_link_has_none_to_assess() -> None:
    assert "link" not in Scenario.default().record()
    with pytest.raises(ScenarioError, match="link: is missing; describe the link under \\[link\\]"):
        Link.of(Scenario.default())


def test_a_link_is_kept_with_its_scenario_and_can_be_varied() -> None:
    scenario = with_link()
    assert Scenario.parse(scenario.record()).content_hash() == scenario.content_hash()
    assert scenario.content_hash() != Scenario.default().content_hash()
    assert Link.of(scenario_with(scenario, {"link.rate": 0.5})).rate == 0.5


@pytest.mark.parametrize("figure", ["distance_km", "decision_seconds", "stationary_seconds"])
def test_units_of_time_that_make_a_figure_overflow_are_refused(figure: str) -> None:
    with pytest.raises(ScenarioError, match=r"a figure overflows in units of time; choose traffic\.time_unit"):
        Link.of(with_link({**LINK, figure: 1e10}, time_unit_seconds=1e-305))


def test_a_named_link_has_the_published_figures_but_for_those_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "published_links", lambda: PUBLISHED)
    link = Link.of(with_link({"name": "ions"}, time_unit_seconds=0.1))
    assert link == Link(1.0, pytest.approx(0.96), 20.0, delay=2e-4, distance_km=4)  # type: ignore[arg-type]
    link = Link.of(with_link({"name": "ions", "rate": 3.0, "visibility": 0.9, "buffer": 4}, time_unit_seconds=0.1))
    assert (link.rate, link.visibility, link.buffer, link.memory_time) == (3.0, 0.9, 4, 20.0)


@pytest.mark.parametrize(
    ("name", "unit", "complaint"),
    [
        ("iosn", 1.0, "link.name: there is no published link 'iosn'; did you mean ions? (valid: ions, dark, photons)"),
        ("photons", 1.0, "link.memory_seconds is missing: the source of 'photons' has no such figure; add what you"),
        ("ions", None, "link.name is 'ions', whose rate_per_second is 10, but the scenario does not say how long"),
    ],
)
def test_a_named_link_that_is_not_known_well_enough_gets_one_line(
    name: str, unit: float | None, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "published_links", lambda: PUBLISHED)
    scenario = with_link({"name": name}, **({} if unit is None else {"time_unit_seconds": unit}))
    with pytest.raises(ScenarioError) as raised:
        Link.of(scenario)
    assert str(raised.value).startswith(complaint)
