"""The menu that certifies soonest on a device: its bases, κ, the settings' distribution, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ...model.errors import ScenarioError
from ...model.informed.accrual import largest_kappa, throughput_slope
from ...model.informed.bound import Level
from ...model.informed.comparison import Comparison, comparison_grid
from ...model.informed.entangled import EntangledProcess, simulate_policy
from ...model.informed.measured import Limits
from ...model.informed.menu import Menu, choose_menus
from ...model.informed.process import InformedProcess
from ...model.progress import Watch, unwatched
from ...model.queueing.workload import Workload
from ...model.scenario.file import OperatingTarget, Scenario
from .certificate import fine_comparison
from .limits import PLANE_SHARE, MenuCounts, menu_limits
from .records import WITHOUT_POINT, MenuForecast, MenuPlan

Floats = NDArray[np.float64]
PredictMenu = Callable[[Menu], Floats]

PAIRS = 1_000_000  # simulated for W, τ and p
_ROUGH = 150  # levels of the grid on which menus and κ are chosen
_KAPPAS = 7
_DIMENSION = 2  # of the vectors: bases in a plane, which every backend measures
_FLOOR = 0.05  # of an even share, that every setting gets at least
_SURE = 8.0  # standard deviations beyond which nothing is told apart
_TRIES = 3  # of a number of trials
_MOST_TRIALS = 1e12


@dataclass(frozen=True, eq=False)
class MenuDesign:
    """A menu, and what a plan fixes of it.

    Attributes:
        menu: The bases.
        plan: What the plan keeps beside them.
        input_distribution: r(k,x,y) of the settings, K·n_A rows of n_B.
    """

    menu: Menu
    plan: MenuPlan
    input_distribution: Floats


def design_menu(
    scenario: Scenario, predict: PredictMenu | None, power: float = 0.95, watch: Watch = unwatched
) -> MenuDesign:
    """Choose menu, κ and settings of a scenario whose routers know the past.

    Args:
        scenario: What is asked.
        predict: P(a≠b | k,x,y) of a menu by the device's calibration, shape (K, n_A, n_B). None: Werner pairs of the
            visibility that the scenario assumes, and no forecast is kept.
        power: The probability of certifying that the forecast asks for.
        watch: Gets how far it is.

    Raises:
        NoBoundError: there is no bound on such routers for this workload, or it is beyond what is computed.
        ScenarioError: no game gains anything from entanglement.
    """
    spec = scenario.experiment
    workload = scenario.workload()
    expect = predict or (lambda menu: menu.split(spec.assumed_visibility))
    visibility = spec.assumed_visibility
    if predict is not None:
        visibility = _observed_visibility(workload, expect)
    kappas = _kappas(workload, spec.operating_point)
    helpful: list[_Rough] = []
    # Where this noise leaves no gain, the menu of perfect pairs is forecast, to show by how much it falls short.
    for assumed in dict.fromkeys((visibility, 1.0)):
        for done, kappa in enumerate(kappas):
            watch("choosing what a unit of throughput is worth", done, len(kappas))
            rough = _Rough.of(workload, kappa, assumed)
            helpful += [rough] if rough.gain > 0 else []
        if helpful:
            break
    else:
        where, change = "", "lighten the traffic, or make interruptions cost more"
        if isinstance(spec.operating_point, OperatingTarget):
            where, change = f" at multiplier {spec.operating_point.multiplier:g}", WITHOUT_POINT
        raise ScenarioError(
            f"{scenario.title}: even perfect Bell pairs are not found to gain anything for routers that know the past"
            f"{where}; {change}"
        )
    # The largest share of waiting first; should the shots not certify it, where most is gained in all.
    tried = [max(helpful, key=lambda each: each.share), max(helpful, key=lambda each: each.gain)]
    designs: list[tuple[MenuDesign, float]] = []
    for rough in dict.fromkeys(tried):
        candidates = []
        menus = choose_menus(rough.process, rough.potential, rough.kappa, spec.menu)
        for done, menu in enumerate(menus):
            watch("choosing the bases", done, len(menus))
            candidates.append(_Candidate(workload, rough.kappa, menu, expect(menu), spec.shots, spec.significance))
        best = min(candidates, key=lambda each: each.rough_trials(power))
        watch("foreseeing the certificate", 0, None)
        designs.append(best.design(power, keep=predict is not None, watch=watch))
        if designs[-1][1] >= power:
            break
    return max(designs, key=lambda each: each[1])[0]


def _kappas(workload: Workload, target: object) -> list[float]:
    """κ to choose from: the one asked for, or between the slopes dW/dτ of memoryless strategies."""
    if isinstance(target, OperatingTarget):
        assert target.multiplier is not None  # the scenario has seen to it
        return [target.multiplier / -throughput_slope(workload, 0.5)]
    most = largest_kappa(workload)
    if not math.isfinite(most):
        raise ScenarioError("throughput hardly falls with the splitting probability: there is no trade-off to certify")
    least = float(workload.weights[workload.joint > 0].min()) / -throughput_slope(workload, 0.0)
    return [float(kappa) for kappa in np.geomspace(least, most, _KAPPAS)]


def _observed_visibility(workload: Workload, expect: PredictMenu) -> float:
    """The share of ideal correlators that the device's calibration leaves, at the bases of one likely game."""
    kappa = _kappas(workload, None)[_KAPPAS // 2]
    process = EntangledProcess(workload, comparison_grid(workload, kappa, _ROUGH, rough=True), 1.0, _DIMENSION)
    menus = choose_menus(process, _solved(process, kappa).potential, kappa, 1)
    if not menus:
        return 1.0
    ideal = menus[0].correlators
    return float(np.clip(((1 - 2 * expect(menus[0])) * ideal).sum() / (ideal**2).sum(), 1e-3, 1.0))


def _solved(process: InformedProcess, kappa: float, start: Floats | None = None) -> Level:
    level = Level(process)
    if start is not None:
        level.potential = start
    level.solve(kappa, 1e-4 * process.workload.together_waiting_time, 5000)
    return level


@dataclass(frozen=True, eq=False)
class _Rough:
    """What entanglement gains at one κ, on a coarse grid that makes both kinds of routers alike cheaper."""

    kappa: float
    process: EntangledProcess
    potential: Floats
    gain: float
    share: float

    @classmethod
    def of(cls, workload: Workload, kappa: float, visibility: float) -> _Rough:
        grid = comparison_grid(workload, kappa, _ROUGH, rough=True)
        classical = _solved(InformedProcess(workload, grid), kappa)
        process = EntangledProcess(workload, grid, visibility, _DIMENSION)
        level = _solved(process, kappa, classical.potential)
        gain = classical.value - (level.value + level.gap)
        simulated = simulate_policy(workload, process.policy(level.potential, kappa), PAIRS // 5)
        least = classical.value + kappa * simulated.baseline_throughput.estimate
        return cls(kappa, process, level.potential, gain, gain / least if least > 0 else 0.0)


class _Candidate:
    """A menu at one κ: what its certificate depends on, and so how its settings should be drawn."""

    def __init__(
        self, workload: Workload, kappa: float, menu: Menu, split: Floats, shots: int, significance: float
    ) -> None:
        self.workload, self.kappa, self.menu, self.split = workload, kappa, menu, split
        self.shots, self.significance = shots, significance
        self.exact = Limits.exact(split)
        # Squared, in standard deviations: how far the limit of what the cost depends on lies above its estimate.
        self.reach_squared = -2 * math.log(PLANE_SHARE * significance / len(menu))
        self.reach = math.sqrt(self.reach_squared)
        rough = Comparison(workload, kappa, _ROUGH)
        rough.best_policy(self.exact)
        self.gain = rough.classical - rough.cost(self.exact)
        self.slopes = rough.slopes(split)
        if not self.slopes.any():  # at this noise no state is worth a measurement: as for perfect pairs
            rough.best_policy(Limits.exact(menu.split()))
            self.slopes = rough.slopes(split)
        self.spread = np.abs(self.slopes) * np.sqrt(np.clip(split * (1 - split), 1e-4, None))
        even = 1 / split.size
        share = self.spread / self.spread.sum() if self.spread.any() else np.full_like(split, even)
        self.distribution = np.maximum(share, _FLOOR * even)
        self.distribution /= self.distribution.sum()
        # Of the estimated cost after one trial.
        self.deviation = math.sqrt(float((self.spread**2 / self.distribution).sum()))

    def rough_trials(self, power: float) -> float:
        """About how many trials certify; the gain on a coarse grid is too small, alike for all menus."""
        gain = max(self.gain, 1e-9) if self.gain > 0 else 1e-9 * math.exp(self.gain)
        return ((self.reach + NormalDist().inv_cdf(power)) * self.deviation / gain) ** 2

    def tilts(self, shots: int) -> Floats:
        """t of the tests: the stakes that say most at the significance in so many trials, of each entry by itself."""
        variances = (self.spread**2 / self.distribution).sum(axis=(1, 2), keepdims=True)
        stakes = math.sqrt(self.reach_squared / shots)
        scale = np.where(variances > 0, stakes / np.sqrt(np.maximum(variances, 1e-300)), 0.0)
        return np.asarray(np.clip(-scale * self.slopes / self.distribution, -5.0, 5.0))

    def foreseen(self, comparison: Comparison, shots: int) -> tuple[float, float]:
        """The limit to be expected, and by how many standard deviations of the outcomes it lies below V(κ)."""
        deviation = self.deviation / math.sqrt(shots)
        if deviation == 0:  # no outcome matters
            return comparison.cost(self.exact), -_SURE
        tilts = self.tilts(shots)
        direction = self.slopes * self.split * (1 - self.split) / (self.distribution * shots * deviation)

        def margin(worse: float) -> float:
            """What is left if the outcomes cost so many standard deviations more than expected."""
            split = np.clip(self.split + worse * direction, 0.0, 1.0)
            counts = MenuCounts.expected(split, self.distribution, shots)
            limits = menu_limits(counts, tilts, self.split, self.significance, self.significance)
            return comparison.classical - comparison.cost(limits)

        expected = margin(0.0)
        there = min(max(expected / deviation, -_SURE), _SURE)
        # The limit is nearly linear in the outcomes: a secant through both finds where it meets V(κ).
        falls = expected - margin(there)
        sigmas = there * expected / falls if falls * there > 0 else there
        return comparison.classical - expected, min(max(sigmas, -_SURE), _SURE)

    def required_trials(self, comparison: Comparison, margin: float, power: float) -> int | None:
        """The least trials that certify with that power, to about a percent; None if no number does.

        The limit closes in on the cost, and the noise falls, with the square root of the trials.
        """
        if margin <= 0:
            return None
        wanted, reach = NormalDist().inv_cdf(power), self.reach
        trials = ((reach + wanted) * self.deviation / margin) ** 2
        for _ in range(_TRIES):
            if not trials < _MOST_TRIALS:
                return None
            sigmas = self.foreseen(comparison, max(math.ceil(trials), 1))[1]
            trials *= ((reach + wanted) / max(reach + sigmas, reach / 4)) ** 2
        return math.ceil(trials)

    def design(self, power: float, keep: bool, watch: Watch) -> tuple[MenuDesign, float]:
        """The design, and the probability that it certifies."""
        comparison, policy = fine_comparison(self.workload, self.kappa, self.split, watch)
        cost, classical = comparison.cost(self.exact), comparison.classical
        margin = classical - cost
        expected, sigmas = self.foreseen(comparison, self.shots)
        predicted_power = NormalDist().cdf(sigmas) if margin > 0 else 0.0
        simulated = simulate_policy(self.workload, policy.simulated(self.split), PAIRS)
        throughput = simulated.baseline_throughput.estimate
        least = classical + self.kappa * throughput
        rows = (-1, self.split.shape[2])
        forecast = MenuForecast(
            split=self.split.reshape(rows).tolist(),
            cost=cost,
            classical=classical,
            waiting_time=simulated.waiting_time.estimate,
            baseline_throughput=throughput,
            splitting_probability=simulated.splitting_probability.estimate,
            waiting_time_reduction_relative=margin / least if least > 0 else 0.0,
            expected_limit=expected,
            power=power,
            predicted_power=predicted_power,
            trials=self.required_trials(comparison, margin, power),
        )
        plan = MenuPlan(
            kappa=self.kappa,
            tilts=self.tilts(self.shots).reshape(rows).tolist(),
            centre=self.split.reshape(rows).tolist(),
            forecast=forecast if keep else None,
        )
        return MenuDesign(self.menu, plan, self.distribution.reshape(rows)), predicted_power
