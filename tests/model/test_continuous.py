"""Bounds over routers that know exact sizes, against thresholds by quadrature, fine cuts and their own frontiers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bellqueue.model.games.binning import binning_error
from bellqueue.model.games.classical_frontier import classical_frontier
from bellqueue.model.games.exact_sizes import ContinuousGame
from bellqueue.model.games.frontier import QuantumFrontier
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.games.values.classical_value import classical_optimum
from bellqueue.model.games.values.quantum_value import quantum_optimum
from bellqueue.model.games.values.xor_game import XorGame
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.file import Scenario
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import minimize

from tests.scenarios import default_record

LAWS: dict[str, tuple[dict[str, Any], Any]] = {
    "exponential": ({"distribution": "exponential", "mean": 1.0}, stats.expon()),
    "gamma": ({"distribution": "gamma", "mean": 2.0, "scv": 0.5}, stats.gamma(2.0, scale=1.0)),
    "bursty": ({"distribution": "gamma", "mean": 1.0, "scv": 4.0}, stats.gamma(0.25, scale=4.0)),
    "lognormal": (
        {"distribution": "lognormal", "mean": 1.0, "scv": 3.0},
        stats.lognorm(np.sqrt(np.log(4.0)), scale=0.5),
    ),
}
MULTIPLIERS = (0.2, 0.7, 2.0)
EVERY_DAY = ("exponential", "bursty")
BY_LAW = pytest.mark.parametrize(
    "law", [pytest.param(each, marks=() if each in EVERY_DAY else pytest.mark.slow) for each in LAWS]
)


TYPES_B = [
    {"name": name, "probability": share, "service": {"distribution": "deterministic", "mean": mean}}
    for name, share, mean in (("s", 0.6, 0.5), ("m", 0.3, 2.0), ("l", 0.1, 7.0))
]
SHORTEST_FIRST: dict[str, Any] = {"within_pair_order": "shortest-first"}


def _workload(law: str, bins: int = 16, **traffic: Any) -> Workload:
    """With fields of [traffic] replaced."""
    traffic = {"pair_rate": 0.15, "sizes": {**LAWS[law][0], "bins": bins}, **traffic}
    return Scenario.parse({**default_record(), "traffic": traffic}).workload()


def _core(workload: Workload, multiplier: float) -> np.ndarray:
    """(μ − w)/2 of sizes s and t as a form in (1, s) and (1, t), from w = λst/(2(1−ρ)) + (s+t)/4."""
    crossing = workload.pair_rate / (2 * (1 - workload.load))
    return -np.array([[-multiplier, 0.25], [0.25, crossing]]) / 2


def _by_quadrature(law: str, workload: Workload, multiplier: float) -> float:
    """The best pair of thresholds (s below a cut: −1) for sizes of that law at both routers, by numerical integrals."""
    density, core = LAWS[law][1], _core(workload, multiplier)

    def vector(log_cut: float) -> np.ndarray:
        cut = float(np.exp(log_cut))
        above = cut * float(density.sf(cut)) + quad(density.sf, cut, np.inf, epsabs=1e-12)[0]
        return np.array([2 * density.sf(cut) - 1, 2 * above - density.mean()])

    cuts = np.log(density.isf([*np.linspace(0.999, 0.02, 40), *0.5 ** np.arange(6, 30)]))
    grid = np.array([vector(cut) for cut in cuts])
    scores = grid @ core @ grid.T
    first, second = np.unravel_index(int(np.abs(scores).argmax()), scores.shape)
    sign = float(np.sign(scores[first, second]))
    found = minimize(
        lambda at: -sign * float(vector(at[0]) @ core @ vector(at[1])),
        [cuts[first], cuts[second]],
        method="Nelder-Mead",
        options={"xatol": 1e-5, "fatol": 1e-11},
    )
    all_one = np.array([1.0, density.mean()])
    alone = np.abs(np.vstack([grid, all_one]) @ core @ all_one).max()
    return float(max(-found.fun, alone))


@pytest.mark.parametrize("multiplier", [0.7, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.2, 2.0))])
@BY_LAW
def test_the_best_thresholds_by_quadrature_lie_in_the_interval(law: str, multiplier: float) -> None:
    workload = _workload(law)
    bound = ContinuousGame(workload).classical_bound(multiplier)
    expected = _by_quadrature(law, workload, multiplier)
    assert bound.low <= expected + 1e-8
    assert expected <= bound.high
    assert bound.high - bound.low <= 1e-5 * bound.high


def _fine_game(law: str, workload: Workload, multiplier: float, cells: int, *, types_b: bool) -> XorGame:
    """The game of that many sizes at the means of equal-probability cells, by the quantile function of scipy."""
    inside = (np.arange(cells * 16) + 0.5) / (cells * 16)
    means = LAWS[law][1].ppf(inside).reshape(cells, 16).mean(axis=1)
    means *= LAWS[law][1].mean() / means.mean()
    left = np.column_stack([np.full(cells, 1 / cells), means / cells])
    right = np.column_stack([workload.marginal_b, workload.marginal_b * workload.mean_b]) if types_b else left
    return XorGame.of_factors(left, _core(workload, multiplier), right)


@pytest.mark.parametrize("types_b", [False, True], ids=["both know sizes", "B knows types"])
@BY_LAW
def test_a_fine_cut_comes_close_from_below(law: str, types_b: bool) -> None:
    more: dict[str, Any] = {"type_b": TYPES_B} if types_b else {}
    workload = _workload(law, **more)
    game = ContinuousGame(workload)
    for multiplier in MULTIPLIERS:
        fine = _fine_game(law, workload, multiplier, 20_000, types_b=types_b)
        classical, quantum = classical_optimum(fine).bound, quantum_optimum(fine).bound
        bound, high = game.classical_bound(multiplier), game.quantum_high(multiplier)
        assert classical.low <= bound.high
        assert classical.high == pytest.approx(bound.low, rel=3e-4)  # the cells' own error, largest in heavy tails
        assert quantum.low <= high
        assert quantum.high == pytest.approx(high, rel=1e-3)


@BY_LAW
def test_what_bins_reach_lies_between_the_proved_frontier_and_their_own(law: str) -> None:
    workload = _workload(law)
    frontier = classical_frontier(workload)
    p = np.linspace(0, 1, 301)
    proved, achieved, tables = (
        curve.waiting_time_at(p) for curve in (frontier, frontier.achieved, frontier.strategies)
    )
    assert np.all(proved <= achieved + 1e-12)
    assert np.all(achieved <= tables * (1 + 2e-5))  # both are polygons: where tables are optimal they touch
    assert 0 < frontier.gap < 1e-4
    assert np.all(achieved - proved <= frontier.gap * achieved + 1e-12)
    assert frontier.method == "threshold on the exact size"


def test_intervals_of_the_games_hold_the_values_of_bins() -> None:
    workload = _workload("lognormal", bins=64)
    frontiers = Frontiers(workload)
    for multiplier in frontiers.classical.multipliers[::40].tolist():
        game = RoutingGame(workload, multiplier).xor
        assert classical_optimum(game).bound.low <= frontiers.game(multiplier).bound("memoryless").high
        bound = frontiers.game(multiplier).bound("quantum")
        assert bound.low <= quantum_optimum(game).bound.high <= bound.high
    for p in (0.3, 0.5, 0.8):
        best = QuantumFrontier(workload).waiting_time_at(p)
        inside = any(low < p < high for low, high in frontiers.advantage_ranges())
        assert inside == (best < float(frontiers.classical.waiting_time_at(p)))


def test_knowing_sizes_helps_classical_routers_and_the_certificate_counts_it() -> None:
    coarse = _workload("exponential", bins=4)
    services = tuple(replace(service, size_known=False) for service in coarse.services_a)  # the same at B
    binned = classical_frontier(replace(coarse, services_a=services, services_b=services))
    proved = classical_frontier(coarse)
    p = np.linspace(0.05, 0.95, 50)
    assert np.all(proved.waiting_time_at(p) <= binned.waiting_time_at(p))
    assert float((binned.waiting_time_at(p) - proved.waiting_time_at(p)).max()) > 0.01
    multiplier = float(binned.multipliers[2])
    bound = Frontiers(coarse).game(multiplier).bound("memoryless")
    assert bound.high > classical_optimum(RoutingGame(coarse, multiplier).xor).bound.high


@pytest.mark.parametrize("law", LAWS)
def test_finer_bins_stay_within_the_error_of_coarse_ones(law: str) -> None:
    """Shortest first: a strategy of eighteen bins is one of the sizes, and within what six bins are widened to."""
    coarse, fine = (_workload(law, bins, **SHORTEST_FIRST) for bins in (6, 18))
    frontiers = Frontiers(coarse)
    assert binning_error(fine) < binning_error(coarse)
    finer = classical_frontier(fine).strategies
    p = np.linspace(0, 1, 101)
    assert np.all(frontiers.classical.waiting_time_at(p) <= finer.waiting_time_at(p) + 1e-12)
    for multiplier in MULTIPLIERS:
        game = RoutingGame(fine, multiplier).xor
        assert classical_optimum(game).bound.high <= frontiers.game(multiplier).bound("memoryless").high
        assert quantum_optimum(game).bound.low <= frontiers.game(multiplier).bound("quantum").high
        assert classical_optimum(game).bound.high >= frontiers.game(multiplier).bound("memoryless").low


def test_mean_deviation_of_a_bin_by_quadrature() -> None:
    for law, (_, density) in LAWS.items():
        service = _workload(law, bins=5).services_a[3]
        centre = quad(density.ppf, 0.6, 0.8)[0] / 0.2
        expected = quad(lambda u, centre=centre, density=density: abs(density.ppf(u) - centre), 0.6, 0.8)[0] / 0.2
        assert service.mean_deviation() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("bins", [2, 8, pytest.param(24, marks=pytest.mark.slow)])
def test_bins_however_coarse_prove_that_nobody_waits_less_than_unavoidable(bins: int) -> None:
    workload = _workload("exponential", bins, pair_rate=0.02, **SHORTEST_FIRST)
    frontier = classical_frontier(workload)
    p = np.linspace(0, 1, 101)
    proved = frontier.waiting_time_at(p)
    assert np.all(proved >= workload.all_split_waiting_time * (1 - 1e-12))
    assert np.all(proved <= frontier.achieved.waiting_time_at(p) * (1 + 1e-12))
    assert proved[-1] == pytest.approx(workload.all_split_waiting_time, rel=1e-12)
    assert np.all(np.diff(frontier.multipliers) <= 1e-12)
    assert np.all(np.signbit(frontier.multipliers) == 0)
    top = workload.together_waiting_time
    for multiplier, bound in frontier.bounds.items():  # β_C proves the line W + μp ≥ top − const − β_C
        line = top - RoutingGame(workload, multiplier).constant - bound.high - multiplier * p
        assert np.all(line <= proved + 1e-12)
