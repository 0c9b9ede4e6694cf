"""β_E, the score above which a strategy beats every classical router, and the frontier over p that it belongs to."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from bellqueue.model.errors import NoBoundError
from bellqueue.model.games import every_classical
from bellqueue.model.games.classical_frontier import classical_frontier
from bellqueue.model.games.every_classical import EveryClassicalCurve
from bellqueue.model.games.frontier import QuantumFrontier
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.informed.accrual import throughput_slope
from bellqueue.model.informed.bound import InformedBounds
from bellqueue.model.informed.frontier import every_classical_frontier
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.file import Scenario

from tests.model.informed.workloads import Floats, cost_of, light, light_exponential, unequal
from tests.scenarios import default_record, dense, heavy_scenario

# Of another program for the default scenario: p, τ, W of the quantum frontier, and the least W of every classical
# router at steps 0.125 and finer.
PUBLISHED = [
    (0.4, 1.882931, 0.530448, 0.5499, 0.5512),
    (0.5, 1.878229, 0.427857, 0.4650, 0.4663),
    (0.6, 1.873539, 0.343725, 0.3802, 0.3816),
]
CELL = 1 / 256  # of the grid of tangents


@pytest.fixture(scope="module")
def default() -> Frontiers:
    return Frontiers(Scenario.default().workload())


@pytest.fixture(scope="module")
def twice() -> Frontiers:
    return Frontiers(dense().workload())


def curve_of(workload: Workload, tolerance: float = 5e-3, seconds: float = 0.2) -> EveryClassicalCurve:
    """The frontier on a coarse grid: every grid proves a valid one."""
    return EveryClassicalCurve.of(workload, every_classical_frontier(InformedBounds(workload, tolerance, seconds), 12))


def some_splits(workload: Workload, multiplier: float, rng: np.random.Generator) -> list[Floats]:
    """Strategies s(x, y) of all kinds: any table at all, deterministic routers, and the best entangled ones."""
    anything = [rng.uniform(0, 1, workload.shape) ** rng.uniform(0.1, 3) for _ in range(200)]
    classical = [(1 - np.outer(*(rng.choice([-1, 1], size=count) for count in workload.shape))) / 2 for _ in range(20)]
    quantum = QuantumFrontier(workload)
    entangled = [quantum.at_multiplier(multiplier * share).split() for share in (0.5, 0.8, 1.0, 1.2, 2.0)]
    return [*anything, *classical, *entangled]


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(each, marks=pytest.mark.slow) for each in range(2, 8))])
def test_a_score_above_it_means_a_lower_cost_than_every_classical_router(seed: int) -> None:
    """For strategies classical or not: W − κτ − V(κ) ≤ β_E − S, by the closed formulas of W and τ."""
    rng = np.random.default_rng([seed, 3])
    workload = light() if seed == 0 else unequal(seed)
    multiplier = float(workload.weights.mean()) * rng.uniform(0.5, 1.2)
    game = RoutingGame(workload, multiplier)
    bound = curve_of(workload).score_bound(game)
    for split in some_splits(workload, multiplier, rng):
        score = float((game.matrix * (1 - 2 * split)).sum())
        excess = cost_of(workload, split, bound.kappa) - bound.bound
        assert excess <= bound.value - score + 1e-9 * workload.together_waiting_time


def test_equality_where_the_line_in_p_touches_the_one_in_tau() -> None:
    """At p = p₀ the score is short of β_E by exactly as much as W − κτ exceeds V(κ); at any other p by more."""
    workload, multiplier = light(), 0.85
    bound = curve_of(workload, 1e-3, 2.0).score_bound(RoutingGame(workload, multiplier))
    assert 0.3 < bound.splitting_probability < 0.8
    game, quantum = RoutingGame(workload, multiplier), QuantumFrontier(workload)
    for p, equal in ((bound.splitting_probability, True), (0.1, False), (0.9, False)):
        split = quantum.at_splitting_probability(p).split()
        score = float((game.matrix * (1 - 2 * split)).sum())
        short = bound.value - score - (cost_of(workload, split, bound.kappa) - bound.bound)
        assert (abs(short) <= 1e-9) if equal else (short > 1e-4)
        if equal:
            assert score > bound.value  # entanglement beats every classical router here


def test_it_is_the_least_that_the_lines_found_prove() -> None:
    """W0 + E[w] − const less the least W_E(τ(p)) + μp, here on a grid of p that is refined around its lowest point."""
    workload = light()
    curve = curve_of(workload)
    kappas, values = np.array([[bound.kappa, bound.value] for bound in curve.proved.bounds]).T
    for multiplier in (0.4, 0.85, 0.88, 1.3):
        game = RoutingGame(workload, multiplier)
        p = np.linspace(0, 1, 10_001)
        for _ in range(2):
            lines = values[:, None] + kappas[:, None] * workload.baseline_throughput(p) + multiplier * p
            least = lines.max(axis=0)
            lowest = p[least.argmin()]
            p = np.clip(np.linspace(lowest - 1e-4, lowest + 1e-4, 10_001), 0, 1)
        expected = workload.together_waiting_time - game.constant - float(least.min())
        assert curve.score_bound(game).value == pytest.approx(expected, abs=1e-7)


def test_it_is_never_below_the_memoryless_value(default: Frontiers, twice: Frontiers) -> None:
    """Memoryless routers are some of them; those that remember are better at most prices of splitting."""
    for frontiers in (default, twice):
        for multiplier in np.linspace(0.4, 3.4, 13).tolist():
            game = frontiers.game(multiplier)
            assert game.bound("every-classical").high >= game.bound("memoryless").high
            if 0.6 < multiplier < 1.2:
                assert game.bound("every-classical").high > game.bound("memoryless").high + 0.01


@pytest.mark.parametrize(
    "workload",
    [
        light(),
        light_exponential(),
        light(0.02),
        unequal(401),
        *(pytest.param(unequal(seed), marks=pytest.mark.slow) for seed in range(400, 412) if seed != 401),
    ],
)
def test_the_curve_over_p_lies_below_what_it_is_made_from_and_hardly_so(workload: Workload) -> None:
    """Below the proved envelope at τ(p) and every memoryless router; above it, but for the corners, to within 1e-5.

    Beside a corner of the envelope the tangents half a cell away are all there is: a quarter of a cell times the jump.
    """
    curve = curve_of(workload)
    p = np.linspace(0, 1, 1001)
    found = curve.waiting_time_at(p)
    proved = np.maximum(curve.proved.waiting_time_at(workload.baseline_throughput(p)), 0.0)
    rounding = 1e-12 * workload.together_waiting_time
    assert np.all(found <= proved + rounding)
    assert np.all(found <= classical_frontier(workload).waiting_time_at(p) + rounding)
    left = np.minimum(np.floor(p / CELL), 255) * CELL
    slopes = np.array([[throughput_slope(workload, each) for each in (low, low + CELL)] for low in left.tolist()])
    kappas = np.stack([curve.proved.kappa_at(workload.baseline_throughput(low)) for low in (left, left + CELL)], axis=1)
    jump = np.where(kappas[:, 0] > kappas[:, 1], -slopes[:, 0] * kappas[:, 0] + slopes[:, 1] * kappas[:, 1], 0.0)
    assert np.all(proved - found <= 1e-5 * proved + CELL / 4 * jump + 1e-6 * workload.together_waiting_time)
    assert np.all(np.diff(curve.multipliers) < 0)
    assert curve.splitting_probability[[0, -1]] == pytest.approx([0, 1])


def test_the_slope_of_the_envelope_is_the_kappa_of_its_line() -> None:
    proved = curve_of(light()).proved
    throughput = np.linspace(*proved.throughputs, 101)
    step = 1e-9
    rise = (proved.waiting_time_at(throughput + step) - proved.waiting_time_at(throughput - step)) / (2 * step)
    np.testing.assert_allclose(proved.kappa_at(throughput), rise, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("p", "throughput", "quantum", "coarse", "fine"), PUBLISHED)
def test_the_default_scenario_at_the_published_values(
    default: Frontiers, p: float, throughput: float, quantum: float, coarse: float, fine: float
) -> None:
    """No lower than at the coarse step. A bound at all: no higher than the finer step and as much again as between."""
    found = float(default.every_classical.waiting_time_at(p))
    assert coarse <= found <= fine + (fine - coarse)
    assert float(default.every_classical.proved.waiting_time_at(throughput)) == pytest.approx(found, abs=2e-5)
    saved = default.advantage_at(p, quantum, "every-classical")
    assert float(saved.waiting_time_reduction) == pytest.approx(found - quantum, abs=1e-12)
    assert float(saved.waiting_time_reduction_relative) == pytest.approx(1 - quantum / found, abs=1e-12)
    assert float(saved.throughput_gain_relative) > 0
    assert float(default.advantage_at(p, quantum).waiting_time_reduction) > float(saved.waiting_time_reduction)


def noisy_frontier(frontiers: Frontiers, visibility: float) -> tuple[Floats, Floats]:
    """p and W of the best entangled routers at multipliers close to each other, from hardly a split to hardly none."""
    workload = frontiers.workload
    weights = workload.weights
    splits = [
        frontiers.one_pair.at_multiplier(multiplier).split(visibility)
        for multiplier in np.geomspace(weights.min(), weights.max(), 601).tolist()
    ]
    p = np.array([workload.splitting_probability(split) for split in splits])
    assert np.abs(np.diff(p)).max() < 0.015
    return p, np.array([workload.waiting_time(split) for split in splits])


def test_the_largest_share_saved_is_no_smaller_than_anywhere_on_a_grid(default: Frontiers) -> None:
    for visibility in (1.0, 0.95):
        best = default.largest_reduction(visibility, against="every-classical")
        saved = best.waiting_time_reduction_relative
        assert 0 < saved < default.largest_reduction(visibility).waiting_time_reduction_relative
        p, waiting = noisy_frontier(default, visibility)
        share = 1 - waiting / default.every_classical.waiting_time_at(p)
        assert share.max() <= saved + 1e-6
        at = best.splitting_probability
        own = 1 - default.waiting_time(at, visibility) / float(default.every_classical.waiting_time_at(at))
        assert saved == pytest.approx(own, abs=1e-6)


def test_entanglement_beats_every_classical_router_above_the_least_visibility_and_not_below(default: Frontiers) -> None:
    """Along the whole frontier of noisy entangled routers, against the frontier over p."""
    memoryless, least = default.least_visibility(), default.least_visibility("every-classical")
    assert memoryless is not None
    assert least is not None
    assert memoryless < least < 1
    for visibility, helps in ((least + 0.002, True), (least - 0.002, False)):
        p, waiting = noisy_frontier(default, visibility)
        assert (default.every_classical.waiting_time_at(p) - waiting > 0).any() == helps


def test_twice_as_dense_traffic_takes_a_much_better_pair(default: Frontiers, twice: Frontiers) -> None:
    """Routers that remember gain from denser traffic: the same hardware may no longer be good enough."""
    once, less = (each.least_visibility("every-classical") for each in (default, twice))
    assert once is not None
    assert less is not None
    assert once < 0.9565 < less < 1


@pytest.mark.parametrize("rate", [0.3, pytest.param(0.36, marks=pytest.mark.slow)])
def test_in_dense_traffic_the_bound_says_next_to_nothing_and_memoryless_routers_are_aimed_at(
    rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At loads 0.75 and 0.9 it is nearly flat, or no time at all: no visibility is enough, and shares stay finite."""
    monkeypatch.setattr(every_classical, "SECONDS", 2.0)
    frontiers = Frontiers(light(rate))
    assert frontiers.reason_without_every_classical is None
    assert frontiers.least_visibility("every-classical") is None
    best = frontiers.largest_reduction(against="every-classical")
    assert not best.helps
    assert np.isfinite(best.waiting_time_reduction_relative)
    assert frontiers.operating_point(Scenario.default()).against == "memoryless"


def test_a_single_type_hides_nothing_and_no_visibility_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(every_classical, "SECONDS", 1.0)
    frontiers = Frontiers(unequal(407))
    assert frontiers.workload.shape == (1, 1)
    assert frontiers.least_visibility() is frontiers.least_visibility("every-classical") is None


def test_where_there_is_no_bound_the_reason_is_given_and_memoryless_routers_are_aimed_at() -> None:
    frontiers = Frontiers(heavy_scenario().workload())
    reason = frontiers.reason_without_every_classical
    assert reason is not None
    assert "slope" in reason
    assert frontiers.aim("every-classical") == "memoryless"
    assert frontiers.rival("memoryless") is frontiers.classical
    for _ in range(2):  # the second time from what is known
        with pytest.raises(NoBoundError):
            frontiers.rival("every-classical")
    with pytest.raises(NoBoundError):
        frontiers.game(10.0).bound("every-classical")


def test_a_limit_that_is_too_short_is_no_bound_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(every_classical, "SECONDS", 1e-3)
    reason = Frontiers(unequal(3)).reason_without_every_classical
    assert reason is not None
    assert "0.001 seconds" in reason


def test_the_class_asked_for_is_aimed_at_where_it_can_be(default: Frontiers) -> None:
    assert default.reason_without_every_classical is None
    assert (default.aim("every-classical"), default.aim("memoryless")) == ("every-classical", "memoryless")
    assert default.rival("every-classical") is default.every_classical
    points = [
        default.operating_point(Scenario.parse(default_record(**each))) for each in ({}, {"against": "memoryless"})
    ]
    assert [point.against for point in points] == ["every-classical", "memoryless"]


def test_the_operating_point_is_the_largest_share_saved_of_the_class_aimed_at(default: Frontiers) -> None:
    """With 200000 trials all of the frontier is within reach; with few only points whose information suffices are."""
    for against in ("every-classical", "memoryless"):
        scenario = Scenario.parse(default_record(against=against, shots=200_000))
        point = default.operating_point(scenario)
        best = default.largest_reduction(scenario.experiment.assumed_visibility, against=point.against)
        assert point.splitting_probability == pytest.approx(best.splitting_probability, abs=1e-4)
        slopes = default.rival(point.against).multipliers
        assert slopes.min() <= point.certificate_multiplier <= slopes.max()


def test_slopes_of_the_curve_fall_and_the_multiplier_at_p_is_one_of_them(default: Frontiers) -> None:
    """W_E falls by about μ per unit of p at p, by a difference over a few cells."""
    curve = default.every_classical
    multipliers = []
    for p in (0.2, 0.4, 0.6, 0.8):
        multiplier = default.classical_multiplier(p, 0.0, "every-classical")
        low, high = (float(curve.waiting_time_at(p + shift)) for shift in (-0.02, 0.02))
        assert multiplier == pytest.approx((low - high) / 0.04, rel=0.05)
        multipliers.append(multiplier)
    assert all(left > right for left, right in pairwise(multipliers))
