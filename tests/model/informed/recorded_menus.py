"""A menu of two sets of bases, policies that use it, and outcomes of it, made up for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from bellqueue.model.informed.bound import Level
from bellqueue.model.informed.grid import Grid
from bellqueue.model.informed.measured import MAPS, Limits, MeasuredPolicy, MeasuredProcess
from bellqueue.model.informed.menu import Menu
from bellqueue.model.informed.policy import best_maps
from bellqueue.model.informed.process import InformedProcess
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.trials import Trials

Floats = np.ndarray[Any, np.dtype[np.float64]]


def two_entries() -> Menu:
    """Bases for two types at either router that prefer to split all pairs but two short requests, entry 1 above all if
    A's request is short."""
    turns = np.pi / 12 * np.array([[[0, 18], [3, 9]], [[0, 18], [2, 10]]])  # of A's and of B's bases, entry by entry
    u, v = np.moveaxis(np.stack([np.cos(turns), np.sin(turns)], axis=-1), 1, 0)
    return Menu(u, v)


def policies(workload: Workload, split: Floats, kappa: float) -> tuple[MeasuredPolicy, MeasuredPolicy, float]:
    """The best policies found with a menu and without one on a coarse grid, and V(κ) there."""
    grid = Grid.covering(0.5, 5.0, 24.0)
    process, without = MeasuredProcess(workload, grid, Limits.exact(split)), InformedProcess(workload, grid)
    found = []
    for each in (process, without):
        level = Level(each)
        level.solve(kappa, 1e-4, 2000)
        found.append(level)
    a, b = best_maps(without, found[1].potential, kappa)
    classical = MeasuredPolicy(grid, a, b, np.full(a.shape, MAPS))
    return process.best_policy(found[0].potential, kappa), classical, found[1].value


def measured(menu: Menu, count: int, seed: int, visibility: Floats | float = 1.0) -> Trials:
    """Outcomes of settings drawn evenly, each of its own visibility."""
    rng = np.random.default_rng([seed, 8])
    rows, columns = len(menu) * menu.shape[0], menu.shape[1]
    x, y = rng.integers(rows, size=count), rng.integers(columns, size=count)
    a = rng.integers(2, size=count)
    correlators = menu.correlators.reshape(rows, columns)[x, y] * visibility
    return Trials(x, y, a, a ^ (rng.random(count) < (1 - correlators) / 2), (rows, columns))
