"""The games that single states play, solved by other means: every pair of maps, a semidefinite program, qubit angles.

The states are those of random workloads, with the potential that value iteration leaves at a random κ.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from bellqueue.model.informed.accrual import throughput_slope
from bellqueue.model.informed.bound import InformedBounds
from bellqueue.model.informed.entangled import EntangledProcess, entangled_optima
from bellqueue.model.queueing.reward import PiecewiseLinearReward
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.workload import Workload
from scipy.optimize import minimize

from tests.model.informed.workloads import Floats, light, of_types

SHAPES = (2, 2), (2, 3), (3, 2), (3, 3)
SEEDS = range(8)  # two workloads of each shape
STATES = 25  # of each
VISIBILITY = 0.98


def random_workload(seed: int) -> Workload:
    """Short to long requests at either router, independent or with a joint table, and a set-up time."""
    rng = np.random.default_rng([seed, 7])
    shape = SHAPES[seed // 2]
    routers = []
    for count in shape:
        means = 7.0 ** (np.arange(count) / (count - 1)) * rng.uniform(0.8, 1.25, count)
        fixed = rng.random(count) < 0.7
        laws = [("deterministic", 0.0) if each else ("exponential", 1.0) for each in fixed]
        routers.append(tuple(Service(kind, mean, scv) for (kind, scv), mean in zip(laws, means.tolist(), strict=True)))  # type: ignore[arg-type]
    shares = [rng.dirichlet(np.full(count, 4.0)) for count in shape]
    joint = rng.dirichlet(np.full(shape[0] * shape[1], 4.0)).reshape(shape) if seed % 2 else np.outer(*shares)
    reward = PiecewiseLinearReward.setup(float(rng.uniform(3.0, 8.0)))
    workload = of_types(1.0, joint, routers[0], routers[1], reward, product=seed % 2 == 0)
    return replace(workload, pair_rate=float(rng.uniform(0.02, 0.2)) / workload.mean_service_time)


@dataclass(frozen=True, eq=False)
class Game:
    """A state's game: costs by type of A, type of B, server of A and of B, and what the code finds at that state."""

    cost: Floats
    measured: float
    step: float

    @property
    def by_maps(self) -> float:
        """The least cost of all pairs of maps."""
        first, second = self.cost.shape[:2]
        return min(
            float(sum(self.cost[x, y, a[x], b[y]] for x, y in np.ndindex(first, second)))
            for a in itertools.product((0, 1), repeat=first)
            for b in itertools.product((0, 1), repeat=second)
        )


def games(process: EntangledProcess, potential: Floats, kappa: float) -> dict[tuple[int, int], Game]:
    """Those of all states with u₀ ≥ u₁."""
    costs, step = process.costs(potential, kappa), process.step(potential, kappa)
    found = {}
    for block in process.blocks():
        measured = process.measured(costs, block)[0]
        choice = costs.choices(block).transpose(4, 5, 1, 3, 0, 2)  # state, types, servers
        for row, column in np.ndindex(measured.shape):
            place = block.rows.start + row, block.columns.start + column
            cost = choice[row, column].transpose(1, 0, 3, 2) if process.swapped else choice[row, column]
            found[place] = Game(cost, float(measured[row, column]), float(step[place]))
    return {(row, column): game for (row, column), game in found.items() if row >= column}


def largest_score(matrix: Floats) -> float:
    """max Σ G c over quantum correlators: min Σλ with diag(λ) − [[0, G], [Gᵀ, 0]]/2 positive, by a path of barriers.

    The inverse of that matrix, over the barrier's weight, is a feasible point of the other program: both values agree.
    """
    scale, first = float(np.abs(matrix).max()), len(matrix)
    size = sum(matrix.shape)
    whole = np.zeros((size, size))
    whole[:first, first:] = matrix / (2 * scale)
    whole += whole.T
    lam = np.full(size, 1.0 + float(np.abs(whole).sum()))
    for weight in 10.0 ** np.arange(0.0, 10.0, 0.5):
        for _ in range(30):
            inverse = np.linalg.inv(np.diag(lam) - whole)
            step = np.linalg.solve(inverse**2, np.diag(inverse) - weight)
            size_of_step = float(np.sqrt(step @ inverse**2 @ step))
            lam = lam + step / (1 + size_of_step)  # damped, so that it stays inside
            if size_of_step < 1e-7:
                break
    inverse = np.linalg.inv(np.diag(lam) - whole)
    root = np.sqrt(np.diag(inverse))
    low, high = float((whole * inverse / np.outer(root, root)).sum()), float(lam.sum())
    assert abs(high - low) < 1e-7 * size
    return scale * high


@cache
def sampled_games(seed: int) -> list[Game]:
    """Half of the states at random, half among those at which measurements beat the maps, if there are so many."""
    workload, rng = random_workload(seed), np.random.default_rng([seed, 8])
    kappa = float(rng.uniform(0.3, 0.9) * workload.weights.max()) / -throughput_slope(workload, 0.5)
    bounds = InformedBounds(workload, 2e-2, step=0.5, largest_workload=16.0)
    bounds.at(kappa)
    known = bounds.levels[1]
    process = EntangledProcess(workload, known.process.grid, VISIBILITY, 3)
    found = list(games(process, known.potential, kappa).values())
    order = [found[place] for place in rng.permutation(len(found))]
    gained = [game for game in order if game.measured <= game.step][: STATES // 2]
    return gained + [game for game in order if game not in gained][: STATES - len(gained)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_optimum_at_random_states_is_that_of_all_maps_and_of_a_semidefinite_program(seed: int) -> None:
    for game in sampled_games(seed):
        together = (game.cost[..., 0, 0] + game.cost[..., 1, 1]) / 2
        split = (game.cost[..., 0, 1] + game.cost[..., 1, 0]) / 2
        matrix = (split - together) / 2
        measured = float((together + split).sum()) / 2 - VISIBILITY * largest_score(matrix)
        tolerance = 1e-6 * float(np.abs(matrix).sum())
        assert game.measured == pytest.approx(measured, abs=tolerance)
        assert game.step == pytest.approx(min(measured, game.by_maps), abs=tolerance)


def test_measurements_win_at_some_of_these_states() -> None:
    every = [game for seed in SEEDS for game in sampled_games(seed)]
    assert len(every) == 200
    assert sum(game.step < game.by_maps - 1e-4 for game in every) >= 30


def qubit_costs(costs: Floats, angles: Floats) -> Floats:
    """The least cost of two types at either router, shape (k, 2, 2, 2, 2), if both measure a qubit: shape (k, n).

    By Jordan's lemma two measurements of two outcomes split into those of a qubit, so that no quantum strategy of any
    dimension costs less than the best of these, at some angle between the two measurements at each router.

    Args:
        costs: By type of A, type of B, server of A and of B.
        angles: Of A and of B, shape (2, n).
    """
    first, second = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    turned = np.cos(angles)[..., None, None] * first + np.sin(angles)[..., None, None] * second
    signs = np.stack([np.broadcast_to(first, turned.shape), turned], axis=1)  # router, type, angle
    outcomes = np.stack([np.eye(2) + signs, np.eye(2) - signs], axis=2) / 2  # router, type, server, angle
    pairs = np.einsum("xanij,ybnkl->xyabnikjl", *outcomes).reshape(16, -1)
    return np.asarray(np.linalg.eigvalsh((costs.reshape(-1, 16) @ pairs).reshape(-1, angles.shape[1], 4, 4))[..., 0])


def least_of_all_quantum_strategies(cost: Floats, start: Floats) -> float:
    """The same at the best angles, from those at which to start."""
    found = minimize(lambda at: float(qubit_costs(cost, at[:, None])[0, 0]), start, method="Nelder-Mead", tol=1e-9)
    return float(found.fun)


TRIED = np.array(np.meshgrid(*2 * [np.linspace(0, np.pi, 17)])).reshape(2, -1)


@pytest.mark.parametrize("tilt", [0.0, 0.5, 1.0])
def test_the_known_quantum_limit_of_tilted_chsh(tilt: float) -> None:
    """β⟨A₀⟩ + CHSH reaches √(8 + 2β²) (Acín, Massar and Pironio, Phys. Rev. Lett. 108, 100402, 2012)."""
    cost = np.zeros((2, 2, 2, 2))
    for x, y, a, b in np.ndindex(2, 2, 2, 2):
        cost[x, y, a, b] = -((-1.0) ** (a + b + x * y)) - (x == 0) * tilt * (-1.0) ** a / 2
    start = TRIED[:, int(qubit_costs(cost, TRIED).argmin())]
    assert least_of_all_quantum_strategies(cost, start) == pytest.approx(-np.sqrt(8 + 2 * tilt**2), abs=1e-8)


def step_of_all_quantum_strategies(process: EntangledProcess, potential: Floats, kappa: float) -> Floats:
    """The least cost at each state over all quantum strategies, those without shared fair bits among them."""
    found = games(process, potential, kappa)
    after = np.zeros_like(potential)
    places = list(found)
    step, costs = np.array([found[place].step for place in places]), np.array([found[place].cost for place in places])
    open_ = np.flatnonzero(costs.min(axis=(3, 4)).sum(axis=(1, 2)) < step - 1e-9)  # even with the types known to both
    tried = qubit_costs(costs[open_], TRIED)
    for at, row in zip(open_.tolist(), tried, strict=True):
        if row.min() < step[at] - 1e-6:
            start = TRIED[:, int(row.argmin())]
            step[at] = min(step[at], least_of_all_quantum_strategies(costs[at], start))
    for place, value in zip(places, step.tolist(), strict=True):
        after[place] = after[place[::-1]] = value
    return after


@pytest.mark.parametrize(("load", "entangled"), [(0.1, -8.5249), pytest.param(0.025, -35.6112, marks=pytest.mark.slow)])
def test_no_quantum_routers_that_know_the_past_save_much_more(load: float, entangled: float) -> None:
    """The bound of MacQueen, over all quantum strategies, lies within 1 % of what the ones found save."""
    workload = light(load / 2.5)
    kappa = 0.9 / -throughput_slope(workload, 0.5)
    bounds = InformedBounds(workload, 1e-3, step=0.5, largest_workload=24.0)
    (found,) = entangled_optima(bounds, [kappa], 1.0, 3)
    assert found.entangled == pytest.approx(entangled, abs=1e-4)
    process, potential = EntangledProcess(workload, found.policy.grid, 1.0, 3), bounds.levels[1].potential
    for any_strategy in (*[False] * 8, *[True] * 3):
        before = potential
        step = step_of_all_quantum_strategies if any_strategy else EntangledProcess.step
        potential = step(process, before, kappa)
        limit = float((potential - before).min())
        potential = potential - potential[0, 0]
    saved, most = found.classical - found.entangled, found.classical - limit
    assert saved < most < 1.01 * saved
