"""What a deployment must pass."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from bellqueue.model.games.latency import LIGHT_IN_FIBRE
from bellqueue.model.link.criteria import Criterion, criteria, trials_required
from bellqueue.model.link.link import Link

from tests.model.link.links import PERFECT, operation

CLASSICAL, QUANTUM = 0.75, (2 + math.sqrt(2)) / 4  # chances to win CHSH
LINK = Link(0.1, 0.95, 1000.0, delay=0.02, distance_km=4.0, decision_time=1e-3, stationary_time=1e6)


def _of(link: Link, against: str = "every-classical", unit: float | None = 1e-3) -> dict[str, Criterion]:
    point = operation().best(link, against)  # type: ignore[arg-type]
    found = criteria(operation(), point, against, 1e-3, unit)  # type: ignore[arg-type]
    return {each.name: each for each in found}


@pytest.mark.parametrize(
    ("infidelity", "significance", "published"),
    [(0.0, 0.05, 34), (0.0, 0.001, 143), (0.061, 0.05, 65), (0.061, 0.001, 238)],
)
def test_the_published_numbers_of_chsh_trials(infidelity: float, significance: float, published: int) -> None:
    """Li et al., arXiv:2604.07451."""
    mean = 0.5 + (1 - infidelity) * (QUANTUM - 0.5)
    assert trials_required(CLASSICAL, mean, significance) == published


def test_the_published_threshold_of_infidelity() -> None:
    """1 − 1/√2 = 0.2929: beyond it no number of trials certifies."""
    for infidelity, certifies in ((0.29, True), (0.2928, True), (0.2930, False), (0.5, False)):
        mean = 0.5 + (1 - infidelity) * (QUANTUM - 0.5)
        assert (trials_required(CLASSICAL, mean, 0.05) is not None) == certifies


@pytest.mark.parametrize(("null", "mean", "significance"), [(0.5, 0.8, 0.01), (0.7, 0.9, 0.002), (0.75, 0.7501, 0.4)])
def test_trials_required_by_adding_up_chances(null: float, mean: float, significance: float) -> None:
    def tail(trials: int) -> float:
        wins = math.ceil(round(trials * mean, 9))
        return math.fsum(math.comb(trials, k) * null**k * (1 - null) ** (trials - k) for k in range(wins, trials + 1))

    found = trials_required(null, mean, significance)
    assert found is not None
    assert tail(found) <= significance
    assert all(tail(trials) > significance for trials in range(1, min(found, 300)))


def test_many_trials_follow_the_normal_law() -> None:
    found = trials_required(0.75, 0.7501, 0.05)
    assert found == pytest.approx(1.6449**2 * 0.75 * 0.25 / 1e-8, rel=5e-3)


def test_every_criterion_has_its_margin() -> None:
    for each in _of(LINK).values():
        assert each.passed is not None
        assert each.value is not None
        assert each.needed is not None
        assert each.margin is not None
        assert each.passed == (each.margin > 0)
        assert abs(each.margin) == pytest.approx(abs(each.value - each.needed))


def test_light_needs_a_hundredth_of_a_millisecond_for_four_kilometres() -> None:
    found = _of(LINK)["decision before light could bring a message"]
    assert found.needed == pytest.approx(0.013343, rel=1e-4)  # of a unit of 1 ms
    assert found.passed


def test_what_is_not_known_is_neither_passed_nor_failed() -> None:
    found = _of(Link(0.1, 0.95, 1000.0), unit=None)
    unknown = {name for name, each in found.items() if each.passed is None}
    assert unknown == {
        "decision before light could bring a message",
        "a message takes longer than break-even",
        "trials while the surroundings stay the same",
    }
    assert all(found[name].value is None and found[name].margin is None for name in unknown)


def test_distance_raises_the_delay_and_the_margin_over_break_even() -> None:
    found = []
    for distance in (1.0, 10.0, 100.0, 1000.0):
        delay = distance / LIGHT_IN_FIBRE / 1e-3
        found.append(_of(replace(LINK, distance_km=distance, delay=delay))["a message takes longer than break-even"])
    values, margins = ([getattr(each, name) for each in found] for name in ("value", "margin"))
    assert values == pytest.approx([0.005, 0.05, 0.5, 5.0])
    assert np.all(np.diff(margins) > 0)
    assert [each.passed for each in found] == [False, False, True, True]


@pytest.mark.parametrize("against", ["memoryless", "every-classical"])
@pytest.mark.parametrize("visibility", [0.75, 0.85, 0.88, 0.9, 0.93, 1.0])
def test_pairs_are_good_enough_exactly_if_something_is_saved(visibility: float, against: str) -> None:
    link = replace(LINK, visibility=visibility, detection_efficiency=0.99)
    saved = operation().saving(link, against) > 1e-9  # type: ignore[arg-type]
    found = _of(link, against)
    assert bool(found["mean visibility when used"].passed) == saved
    assert (found["trials while the surroundings stay the same"].needed is not None) == saved


@pytest.mark.parametrize("against", ["memoryless", "every-classical"])
def test_the_fidelity_needed_is_where_pairs_without_end_begin_to_win(against: str) -> None:
    losses = replace(PERFECT, detection_efficiency=0.98, measurement_fidelity=0.995)
    needed = _of(losses, against)["fidelity when heralded"].needed
    assert needed is not None
    for change, wins in ((2e-4, True), (-2e-4, False)):
        link = replace(losses, visibility=(4 * (needed + change) - 1) / 3)
        assert (operation().saving(link, against) > 1e-12) == wins  # type: ignore[arg-type]
