"""What routers that know both servers' past reach, classical and entangled, here and at other loads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from ..model.errors import NoBoundError
from ..model.estimate import Estimate
from ..model.games.frontiers import Frontiers, share_saved
from ..model.games.sensitivity import POINTS, is_quick_to_vary
from ..model.games.strategy import dimension_of
from ..model.informed.accrual import throughput_slope
from ..model.informed.bound import InformedBounds, Level, reason_not_computed
from ..model.informed.entangled import entangled_optima, simulate_policy
from ..model.informed.interpolated import InterpolatedProcess
from ..model.informed.policy import PastInformedPolicy, best_maps
from ..model.informed.simulation import SimulatedRouter
from ..model.progress import Watch
from ..model.queueing.workload import Workload
from .records.every_classical import Informed, InformedLoad, InformedPoint

_SHARE = 2e-3  # of the waiting time of pairs that all stay together: what the grid may cost
_SECONDS = 0.3  # of computing for the bound at each κ
_ITERATIONS = 300  # of value iteration for the bound that simulations are compared with
_OPEN = 0.1  # of what the grid may cost: what value iteration may leave open
_SPLITTING = (0.25, 0.5, 0.75)  # of memoryless routers whose slopes the κ are

LOADS = (0.005, 0.0125, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5)
_LOAD_SHARE, _LOAD_SECONDS = 4e-3, 0.1  # the same at each of these loads, at one κ
_FEW_PAIRS = 500_000  # simulated at each, and of classical routers
_FEW_TYPES = 6  # at both routers together: with more the loads take too long


def informed_record(frontiers: Frontiers, visibility: float, watch: Watch) -> Informed:
    """The best entangled routers that know the past, at the slopes of the frontier of memoryless ones.

    Raises:
        NoBoundError: there is no bound on classical routers that know the past, or it is beyond what is computed.
    """
    workload = frontiers.workload
    if reason := reason_not_computed(workload):
        raise NoBoundError(f"--informed: {reason}; leave it out to see the other frontiers")
    kappas = {_slope(frontiers, p) for p in _SPLITTING}
    bounds, solved = _solved(workload, kappas, _SHARE, _SECONDS)
    found: list[InformedPoint] = []
    watch("simulating entangled routers that know the past", 0, len(kappas))
    for optimum in entangled_optima(bounds, sorted(kappas), visibility, dimension_of(frontiers.bell_pairs)):
        simulated = simulate_policy(workload, optimum.policy)
        rival = _classical(bounds, optimum.kappa) if optimum.kappa in solved else None
        point = InformedPoint(
            kappa=optimum.kappa,
            classical=optimum.classical,
            entangled=optimum.entangled,
            waiting_time=simulated.waiting_time.plain,
            baseline_throughput=simulated.baseline_throughput.plain,
            splitting_probability=simulated.splitting_probability.plain,
            finished=optimum.finished,
            classical_waiting_time=None if rival is None else rival.waiting_time.plain,
            classical_baseline_throughput=None if rival is None else rival.baseline_throughput.plain,
        )
        found.append(point)
        watch("simulating entangled routers that know the past", len(found), len(kappas))
    grid = bounds.levels[1].process.grid
    return Informed(
        visibility=visibility,
        step=grid.step,
        largest_workload=grid.busy * grid.step,
        points=found,
        by_load=_by_load(frontiers, visibility, watch),
    )


def _slope(frontiers: Frontiers, splitting_probability: float) -> float:
    """κ = dW/dτ of memoryless entangled routers at p."""
    slope = throughput_slope(frontiers.workload, splitting_probability)
    return frontiers.in_use.multiplier_at(splitting_probability) / -slope


def _solved(
    workload: Workload, kappas: Collection[float], share: float, seconds: float
) -> tuple[InformedBounds, set[float]]:
    """V at each κ, on a grid coarse enough to be solved in so many seconds for each, and the κ at which it is."""
    tolerance = share * workload.together_waiting_time
    coarsest = min(workload.mean_a.min(), workload.mean_b.min())  # beyond, whole requests would be rounded away
    bounds = InformedBounds(workload, tolerance, seconds)
    while True:
        solved: set[float] = set()
        for kappa in sorted(kappas, reverse=True):  # the grid is chosen at the one that needs the finest
            bounds.at(kappa)
            level = bounds.levels[1]
            grid = level.process.grid
            if level.gap <= _OPEN * tolerance:
                solved.add(kappa)
            elif 2 * grid.step <= coarsest:
                break
        else:
            return bounds, solved
        largest = grid.busy * grid.step
        bounds = InformedBounds(workload, tolerance, seconds, step=2 * grid.step, largest_workload=largest)


def _classical(bounds: InformedBounds, kappa: float) -> SimulatedRouter:
    """The best classical routers found at a κ solved before, simulated as the entangled ones are."""
    level = bounds.levels[1]
    level.guess(kappa)
    never = np.full((*bounds.workload.shape, *level.potential.shape), np.nan)  # but beyond the largest workload
    policy = PastInformedPolicy(level.process.grid, *best_maps(level.process, level.potential, kappa), never)
    return simulate_policy(bounds.workload, policy, _FEW_PAIRS)


def _by_load(frontiers: Frontiers, visibility: float, watch: Watch) -> list[InformedLoad] | None:
    """The gain at each load, if the types are few."""
    workload = frontiers.workload
    if sum(workload.shape) > _FEW_TYPES or not is_quick_to_vary(workload):
        return None
    found: list[InformedLoad] = []
    for load in LOADS:
        watch("entangled routers that know the past at other loads", len(found), len(LOADS))
        other = replace(workload, pair_rate=workload.pair_rate * load / workload.load)
        there = Frontiers(other, frontiers.bounds, frontiers.bell_pairs)
        found.append(_at_load(load, there, visibility))
    return found


def _at_load(load: float, frontiers: Frontiers, visibility: float) -> InformedLoad:
    workload, kappa = frontiers.workload, _slope(frontiers, 0.5)
    bounds, solved = _solved(workload, [kappa], _LOAD_SHARE, _LOAD_SECONDS)
    (optimum,) = entangled_optima(bounds, [kappa], visibility, dimension_of(frontiers.bell_pairs))
    simulated = simulate_policy(workload, optimum.policy, _FEW_PAIRS)
    cost, throughput = simulated.cost(kappa).plain, simulated.baseline_throughput.estimate
    # Noise draws points towards that of uncorrelated outcomes.
    ideal, middle = frontiers.in_use.sampled(POINTS), workload.uncorrelated_waiting_time
    tau = workload.baseline_throughput(0.5 + visibility * (ideal.splitting_probability - 0.5))
    memoryless = middle + visibility * (ideal.waiting_time - middle) - kappa * tau
    least = int(memoryless.argmin())
    bound = max(optimum.classical, _bound(bounds, kappa))
    gained = bound - np.array([cost.estimate, cost.high, cost.low, memoryless[least]])
    waited = bound + kappa * np.array([*[throughput] * 3, tau[least]])
    *shares, memoryless_share = share_saved(workload, waited, gained).tolist()
    return InformedLoad(
        load=load,
        kappa=kappa,
        classical=optimum.classical,
        entangled=optimum.entangled,
        memoryless=float(memoryless[least]),
        waiting_time_reduction_relative=Estimate(*shares),
        memoryless_reduction_relative=memoryless_share,
        finished=kappa in solved,
    )


def _bound(bounds: InformedBounds, kappa: float) -> float:
    """V(κ) on the same grid without rounding: much closer to what true workloads allow, as simulated ones have it."""
    known = bounds.levels[1]
    level = Level(InterpolatedProcess(bounds.workload, known.process.grid))
    level.potential = known.potential
    level.solve(kappa, _OPEN * bounds.tolerance, _ITERATIONS)
    return level.value
