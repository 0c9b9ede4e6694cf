"""The bound on every classical router again: value iteration over the whole grid, and β_E by plain formulas.

Nothing of the program's own process is used: the drift is summed by doubling instead of by a recursion, both halves of
the symmetric grid are kept, and every pair of maps a(x), b(y) is tried. It serves few types of fixed service times.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from .findings import ONE_SIDED, RELATIVE, Findings, Json
from .game import Game, Router

Floats = NDArray[np.float64]
Worst = Callable[[Floats], Floats]

_MOST_BITS = 8  # types of both routers together: all pairs of maps are tried
_MOST_LEVELS = 400
_SPAN = 1e-7  # to which the value of the grid is found, as a share of the largest cost
_ITERATIONS = 500
_EXACT = 1e-12  # relative: a service time that close to a level is on it
_NEAR = 1e-4  # steps in p over which κτ + μp must not fall


def check_every_classical(findings: Findings, game: Game, analysis: Json, scenario: Json, constant: float) -> None:
    """V(κ), the place where the lines touch, and β_E.

    Args:
        findings: Gets the rows.
        game: Game of the scenario.
        analysis: The record, which has a verdict against every classical router.
        scenario: Record of the scenario.
        constant: Σ π(w−μ)/2 at its multiplier.
    """
    claim = analysis["every_classical"]
    reward, rate = scenario["baseline"]["reward"], float(scenario["traffic"]["pair_rate"])
    kappa, bound, p, multiplier = (claim[name] for name in ("kappa", "bound", "splitting_probability", "multiplier"))
    _check_value(findings, game, analysis["frontiers"]["every_classical"], claim, scenario)

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


def _check_value(findings: Findings, game: Game, grid: Json, claim: Json, scenario: Json) -> None:
    """No policy on the recorded grid, where everything is cheaper, costs less than V(κ)."""
    what, step, largest = "every_classical.bound", grid["step"], grid["largest_workload"]
    if not served(game, scenario):
        told = "only for few types, fixed service times and piecewise-linear rewards; the value is taken as recorded"
        findings.unchecked(what, claim["bound"], told)
        return
    process = Rounded(game, scenario, step, round(largest / step))
    if process.size > _MOST_LEVELS:
        findings.unchecked(what, claim["bound"], f"the grid of {process.size} levels takes too long here")
        return
    low, high, _ = process.value(claim["kappa"])
    method = f"no policy of the process on its grid of step {step:g} costs less than {low:.9g}, value iteration"
    findings.claim(what, claim["bound"], high, method, claim["bound"] <= high, ONE_SIDED)


@dataclass(frozen=True, eq=False)
class Rounded:
    """The process of routers that know the past, where everything is rounded to a grid: down, or all of it up.

    Levels are in steps; negative ones are idle ages, in which no reward changes beyond the oldest.

    Attributes:
        game: Game of the scenario.
        scenario: Its record.
        step: Step of the grid.
        busy: Levels of work.
        up: Whether levels after a drift and service times are rounded up. Down, workloads beyond the largest become
            the largest. Up, the routers act beyond it as at it, and the potential is continued as constant.
    """

    game: Game
    scenario: Json
    step: float
    busy: int
    up: bool = False

    @cached_property
    def idle(self) -> int:
        """Levels of idle age."""
        return math.ceil(oldest(self.scenario["baseline"]["reward"]) / self.step * (1 - _EXACT))

    @property
    def size(self) -> int:
        """Levels of a server."""
        return self.idle + self.busy + 1

    @property
    def rate(self) -> float:
        """λ."""
        return float(self.scenario["traffic"]["pair_rate"])

    @cached_property
    def steps(self) -> list[list[int]]:
        """Service times of each router's types."""

        def rounded(mean: float) -> int:
            return math.ceil(mean * (1 - _EXACT)) if self.up else math.floor(mean * (1 + _EXACT))

        return [[rounded(float(mean) / self.step) for mean in router.moments[0]] for router in self._routers]

    def value(
        self, kappa: float, worst: Worst | None = None, start: Floats | None = None
    ) -> tuple[float, float, Floats]:
        """Limits of the least average W − κτ, and the potential that they rest on.

        Args:
            kappa: κ.
            worst: If the routers may also measure: what each entry adds at most, shape (K, states), where splitting the
                types costs S − T more, shape (n_A, n_B, states).
            start: A potential to start from. Defaults to 0.
        """
        gain = kappa * self._earned
        potential = np.zeros((self.size, self.size)) if start is None else start
        before, low, high = potential, -math.inf, math.inf
        for _ in range(_ITERATIONS):
            best = self._step(potential, gain, worst)
            change = best - potential
            low, high, before = float(change.min()), float(change.max()), potential
            potential = best - best[0, 0]
            if high - low <= _SPAN * (self.busy * self.step + 2 * float(gain.max())):
                break
        return low, high, before

    @property
    def _routers(self) -> tuple[Router, Router]:
        return self.game.a, self.game.b

    @cached_property
    def _beyond(self) -> int:
        """Levels beyond the largest at which a jump may end."""
        return sum(map(max, self.steps)) if self.up else 0

    @cached_property
    def _earned(self) -> Floats:
        """λ times what a server of each level earns until the next pair."""
        levels = np.arange(-self.idle, self.busy + self._beyond + 1, dtype=float) * self.step
        return accrued(self.scenario["baseline"]["reward"], self.rate, levels)

    def _step(self, potential: Floats, gain: Floats, worst: Worst | None) -> Floats:
        """The least cost of a pair and what follows, at each state."""
        size, joint = self.size, np.array(self.game.joint, dtype=float)
        drifted = self._drifted(potential) - (gain[:, None] + gain)
        last, work = len(gain) - 1, np.maximum(np.arange(-self.idle, self.busy + 1), 0)
        rows, columns = np.arange(size)[:, None], np.arange(size)[None, :]
        at = work + self.idle
        wait = work * self.step
        shortest = self.scenario["traffic"].get("within_pair_order") == "shortest-first"
        costs = np.empty((2, 2, *joint.shape, size, size))
        for x, y in np.ndindex(*joint.shape):
            first, second = self.steps[0][x], self.steps[1][y]
            means = [float(router.moments[0][of]) for router, of in zip(self._routers, (x, y), strict=True)]
            partner = min(means) / 2 if shortest else sum(means) / 4
            both, own, other = (np.minimum(at + more, last) for more in (first + second, first, second))
            costs[0, 0, x, y] = (wait + partner)[:, None] + drifted[both[:, None], columns]
            costs[1, 1, x, y] = (wait + partner)[None, :] + drifted[rows, both[None, :]]
            apart = (wait[:, None] + wait) / 2
            costs[0, 1, x, y] = apart + drifted[np.ix_(own, other)]
            costs[1, 0, x, y] = apart + drifted[np.ix_(other, own)]
            costs[:, :, x, y] *= joint[x, y]
        best = np.full_like(potential, np.inf)
        for maps in product((0, 1), repeat=sum(joint.shape)):
            to, beside = maps[: joint.shape[0]], maps[joint.shape[0] :]
            total = sum(costs[to[x], beside[y], x, y] for x, y in np.ndindex(*joint.shape))
            np.minimum(best, total, out=best)
        if worst:
            together, apart = (costs[0, 0] + costs[1, 1]) / 2, (costs[0, 1] + costs[1, 0]) / 2
            added = worst((apart - together).reshape(*joint.shape, -1))
            np.minimum(best, together.sum(axis=(0, 1)) + added.min(axis=0).reshape(best.shape), out=best)
        return best

    def _drifted(self, potential: Floats) -> Floats:
        """The mean of the potential after the time until the next pair, Σ_k q(1−q)^k of it k steps down.

        Two terms together, shifted by two steps, make four, and so on; at least one step is taken if rounded down.
        """
        total = np.pad(potential, (0, self._beyond), mode="edge")
        places = np.arange(len(total))
        stay, shift = math.exp(-self.rate * self.step), 1
        oldest_both = float(potential[0, 0])
        if not self.up:
            moved = np.maximum(places - 1, 0)
            total = total[np.ix_(moved, moved)]
        total = (1 - stay) * total
        while shift < len(places):
            moved = np.maximum(places - shift, 0)
            total += stay**shift * total[np.ix_(moved, moved)]
            shift *= 2
        return np.asarray(total + stay**shift * oldest_both)


def served(game: Game, scenario: Json) -> bool:
    """Whether `Rounded` is for such a scenario."""
    fixed = all(
        second == first**2 for router in (game.a, game.b) for first, second in zip(*router.moments, strict=True)
    )
    return fixed and scenario["baseline"]["reward"]["kind"] in ("setup", "table") and sum(game.shape) <= _MOST_BITS


def oldest(reward: Json) -> float:
    """The idle age from which a piecewise-linear reward's slope is constant."""
    return float(max(_slopes(reward)[1]))


def _slopes(reward: Json) -> tuple[list[float], list[float]]:
    """Slopes of a piecewise-linear reward, and the ages at which each begins."""
    if reward["kind"] == "setup":
        return [0.0, 1.0], [0.0, reward["setup_time"]]
    points = [(float(t), float(value)) for t, value in reward["points"]]
    slopes = [(v2 - v1) / (t2 - t1) for (t1, v1), (t2, v2) in pairwise(points)]
    return slopes, [t for t, _ in points[:-1]]


def accrued(reward: Json, rate: float, levels: Floats) -> Floats:
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
