"""Every interval of random games against brute force over all signs, and against a semidefinite solver."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.games.values import classical_value as classical_module
from bellqueue.model.games.values.classical_value import classical_optimum
from bellqueue.model.games.values.quantum_value import quantum_optimum
from bellqueue.model.games.values.xor_game import XorGame
from bellqueue.model.scenario.file import Scenario

from tests.model.small_games import by_signs
from tests.scenarios import random_scenario

SHAPES = ("product", "joint", "shortest first", "any", "branch and bound")
EVERYDAY, ALL = 20, 200


def _game(kind: str, seed: int) -> XorGame:
    """A routing game of a random scenario with 2–10 types a router, or any matrix with entries missing."""
    rng = np.random.default_rng([seed, SHAPES.index(kind)])
    if kind in ("any", "branch and bound"):
        shape = tuple(rng.integers(1 if kind == "any" else 3, 11, size=2))
        return XorGame(rng.normal(size=shape) * (rng.random(shape) < 0.8) + 1e-3)
    scenario = random_scenario(rng, most=10, joint=kind == "joint")
    if kind == "shortest first":
        record: dict[str, Any] = scenario.record()
        record["traffic"]["within_pair_order"] = "shortest-first"
        scenario = Scenario.parse(record)
    workload = scenario.workload()
    return RoutingGame(workload, float(rng.uniform(workload.weights.min(), workload.weights.max()))).xor


def _semidefinite(matrix: np.ndarray) -> tuple[float, float]:
    """β_Q by Clarabel, and how far its answer may be off: G scaled to Σ|G| = 1, its tolerances a hundredth of that."""
    rows, columns = matrix.shape
    scale = float(np.abs(matrix).sum())
    gram = cp.Variable((rows + columns, rows + columns), PSD=True)
    problem = cp.Problem(cp.Maximize(cp.sum(cp.multiply(matrix / scale, gram[:rows, rows:]))), [cp.diag(gram) == 1])
    tight = {"tol_gap_abs": 1e-9, "tol_gap_rel": 1e-9, "tol_feas": 1e-9}
    value = float(problem.solve(solver=cp.CLARABEL, **tight))
    assert problem.status == cp.OPTIMAL
    return scale * value, 1e-7 * scale


@pytest.mark.parametrize("games", [EVERYDAY, pytest.param(ALL, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", SHAPES)
def test_every_interval_holds_the_true_value(kind: str, games: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "branch and bound":
        monkeypatch.setattr(classical_module, "MAX_STEPS", 0)
    methods = set()
    for seed in range(games):
        game = _game(kind, seed)
        classical, optimum = classical_optimum(game).bound, quantum_optimum(game)
        quantum = optimum.bound
        methods.add(classical.method.split(",")[0])
        exact = by_signs(game.matrix)
        assert classical.low <= exact <= classical.high, (kind, seed)
        assert classical.high - classical.low <= 1e-8 * np.abs(game.matrix).sum(), (kind, seed)
        best, tolerance = _semidefinite(game.matrix)
        assert quantum.low - tolerance <= best <= quantum.high + tolerance, (kind, seed)
        assert quantum.high - quantum.low <= 1e-7 * quantum.high, (kind, seed)
        assert quantum.high >= exact, (kind, seed)
        assert kind != "product" or optimum.u.shape[1] == 2  # vectors in a plane are enough
    assert methods == {{"product": "threshold", "branch and bound": kind}.get(kind, "enumeration")}
