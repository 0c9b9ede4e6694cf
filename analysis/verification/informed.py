"""The bound on every classical router again: value iteration over the whole grid, and β_E by plain formulas.

Nothing of the program's own process is used: the drift is summed step by step instead of by a recursion, both halves of
the symmetric grid are kept, and every pair of maps a(x), b(y) is tried. It serves few types of fixed service times.
"""

from __future__ import annotations

import math
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from .findings import RELATIVE, Findings, Json
from .game import Game

Floats = NDArray[np.float64]

_MOST_BITS = 8  # types of both routers together: all pairs of maps are tried
_MOST_LEVELS = 400
_SPAN = 1e-7  # to which the value of the grid is found, as a share of the largest cost
_ITERATIONS = 500
_NEAR = 1e-4  # steps in p over which κτ + μp must not fall


def check_every_classical(findings: Findings, game: Game, analysis: Json, scenario: Json, constant: float) -> None:
    """V(κ), the place where the lines touch, and β_E.

    Args:
        findings: Gets the rows.
        game: Of the scenario.
        analysis: The record, which has a verdict against every classical router.
        scenario: Of the run.
        constant: Σ π(w−μ)/2 at its multiplier.
    """
    claim = analysis["every_classical"]
    reward, rate = scenario["baseline"]["reward"], float(scenario["traffic"]["pair_rate"])
    kappa, bound, p, multiplier = (claim[name] for name in ("kappa", "bound", "splitting_probability", "multiplier"))
    _check_value(findings, game, analysis["frontiers"]["every_classical"], claim, reward, rate)

    def cost(at: float) -> float:
        return float(kappa) * throughput(reward, rate, float(game.load), at) + float(multiplier) * at

    around = [cost(min(max(p + step, 0.0), 1.0)) for step in (-_NEAR, _NEAR)]
    size = abs(cost(p)) * 1e-12
    least = min(around) >= cost(p) - size
    findings.claim("every_classical.splitting_probability", p, None, "κτ(p) + μp is least there", least, f"{size:.0e}")
    beta = float(game.together) - constant - cost(p) - bound
    memoryless = analysis["certificate"]["classical_bound"]["high"]
    if multiplier == analysis["certificate"]["multiplier"]:
        beta = max(beta, memoryless - constant)
    method = "W0 + E[w] − const − κτ(p₀) − μp₀ − V(κ), or β_C if that is larger"
    findings.number("every_classical.score_bound", claim["score_bound"], beta, method, RELATIVE * abs(bound))


def _check_value(findings: Findings, game: Game, grid: Json, claim: Json, reward: Json, rate: float) -> None:
    """No policy on the recorded grid, where everything is cheaper, costs less than V(κ)."""
    what, step, largest = "every_classical.bound", grid["step"], grid["largest_workload"]
    fixed = all(
        second == first**2 for router in (game.a, game.b) for first, second in zip(*router.moments, strict=True)
    )
    ages = {"setup": lambda: [reward["setup_time"]], "table": lambda: [point[0] for point in reward["points"][1:-1]]}
    if not fixed or reward["kind"] not in ages or sum(game.shape) > _MOST_BITS:
        told = "only for few types, fixed service times and piecewise-linear rewards; the value is taken as recorded"
        findings.unchecked(what, claim["bound"], told)
        return
    idle = math.ceil(max(ages[reward["kind"]](), default=0.0) / step)
    levels = np.arange(-idle, round(largest / step) + 1)
    if len(levels) > _MOST_LEVELS:
        findings.unchecked(what, claim["bound"], f"the grid of {len(levels)} levels takes too long here")
        return
    low, high = _value(game, reward, rate, step, levels, claim["kappa"])
    method = f"no policy of the process on its grid of step {step:g} costs less than {low:.9g}, value iteration"
    findings.claim(what, claim["bound"], high, method, claim["bound"] <= high, "none")


def _value(
    game: Game, reward: Json, rate: float, step: float, levels: NDArray[np.int64], kappa: float
) -> tuple[float, float]:
    """Limits of the least average cost on a grid of levels (in steps)."""
    zero, top = int(-levels[0]), len(levels) - 1
    work = np.maximum(levels, 0)
    gain = kappa * _accrued(reward, rate, np.array(levels * step, dtype=float))
    sizes = [
        [math.floor(float(mean) / step * (1 + 1e-12)) for mean in router.moments[0]] for router in (game.a, game.b)
    ]
    wait = work * step
    joint = np.array(game.joint, dtype=float)
    means = [[float(mean) for mean in router.moments[0]] for router in (game.a, game.b)]
    rows, columns = np.meshgrid(np.arange(len(levels)), np.arange(len(levels)), indexing="ij")

    def after(place: NDArray[np.int64], size: int) -> NDArray[np.int64]:
        return np.asarray(np.minimum(work[place] + size + zero, top))

    stay = math.exp(-rate * step)
    potential = np.zeros((len(levels), len(levels)))
    low, largest = -math.inf, float(wait.max() + 2 * gain.max())
    for _ in range(_ITERATIONS):
        drifted = np.zeros_like(potential)
        for steps in range(1, top):
            moved = np.maximum(np.arange(len(levels)) - steps, 0)
            drifted += (1 - stay) * stay ** (steps - 1) * potential[np.ix_(moved, moved)]
        drifted += stay ** (top - 1) * potential[0, 0]
        drifted -= gain[:, None] + gain
        costs = np.empty((2, 2, *joint.shape, *potential.shape))
        for x, y in np.ndindex(*joint.shape):
            first, second = sizes[0][x], sizes[1][y]
            partner = (means[0][x] + means[1][y]) / 4
            for a, b in product((0, 1), (0, 1)):
                if a == b:
                    place = rows if a == 0 else columns
                    both = np.minimum(after(place, first) + second, top)
                    there = drifted[both, columns] if a == 0 else drifted[rows, both]
                    cost = wait[place] + partner + there
                else:
                    onto, beside = (first, second) if a == 0 else (second, first)
                    there = drifted[after(rows, onto), after(columns, beside)]
                    cost = (wait[rows] + wait[columns]) / 2 + there
                costs[a, b, x, y] = joint[x, y] * cost
        best = np.full_like(potential, np.inf)
        for maps in product((0, 1), repeat=sum(joint.shape)):
            to, other = maps[: joint.shape[0]], maps[joint.shape[0] :]
            total = np.zeros_like(potential)
            for x, y in np.ndindex(*joint.shape):
                total += costs[to[x], other[y], x, y]
            np.minimum(best, total, out=best)
        change = best - potential
        low, high = float(change.min()), float(change.max())
        potential = best - best[0, 0]
        if high - low <= _SPAN * largest:
            break
    return low, high


def _slopes(reward: Json) -> tuple[list[float], list[float]]:
    """Slopes of a piecewise-linear reward, and the ages at which each begins."""
    if reward["kind"] == "setup":
        return [0.0, 1.0], [0.0, reward["setup_time"]]
    points = [(float(t), float(value)) for t, value in reward["points"]]
    slopes = [(v2 - v1) / (t2 - t1) for (t1, v1), (t2, v2) in pairwise(points)]
    return slopes, [t for t, _ in points[:-1]]


def _accrued(reward: Json, rate: float, levels: Floats) -> Floats:
    """λ times what a server of each level earns until the next pair."""
    slopes, ages = _slopes(reward)
    total, last = np.zeros(len(levels)), 0.0
    for slope, age in zip(slopes, ages, strict=True):
        total += (slope - last) * np.exp(-rate * np.maximum(levels + age, 0.0))
        last = slope
    return total


def throughput(reward: Json, rate: float, load: float, p: float) -> float:
    """τ(p) of both servers together, for rewards of bounded slope."""
    batches = rate * (1 + p) / 2
    if reward["kind"] == "warmup":
        return 2 * (1 - load) / (1 + batches * float(reward["time"]))
    slopes, ages = _slopes(reward)
    bends = np.diff([0.0, *slopes])
    return 2 * (1 - load) * float(sum(bend * math.exp(-batches * age) for bend, age in zip(bends, ages, strict=True)))
