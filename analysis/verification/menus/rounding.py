"""V(κ) and the limits of W − κτ with everything rounded down, or up (every-classical §2).

The routers act on the rounded levels, which both can compute, so that the least over maps and entries at each of them
is right. Rounding is coarser than the program's process between the points of a grid, and simpler.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..findings import Json
from ..game import Game
from ..informed import Rounded, accrued, oldest, served
from .limits import Limits

Floats = NDArray[np.float64]

LEVELS = 480  # of either server, about, for two types at each router
_BEYOND = 13.0  # e-foldings of the workloads' decay to the largest of the grid
_FINE = 512  # steps to the longest service time, to find that decay before the grid is chosen
_SAFE = 1 - 1e-9  # of a decay rate found by bisection
_HALVINGS = 60


@dataclass
class Rounding:
    """The two rounded processes of a scenario at one κ.

    Attributes:
        down, up: The processes.
        kappa: κ.
        decay: θ of the workloads of `up`.
    """

    down: Rounded
    up: Rounded
    kappa: float
    decay: float
    _last: Floats | None = None

    @classmethod
    def of(cls, game: Game, scenario: Json, kappa: float) -> Rounding | str:
        """On the finest grid that keeps it short, or a text that says why there is none."""
        if not served(game, scenario):
            return "only for few types, fixed service times and piecewise-linear rewards"
        sizes = [float(mean) for router in (game.a, game.b) for mean in router.moments[0] if mean > 0]
        oldest_age = oldest(scenario["baseline"]["reward"])
        fine = Rounded(game, scenario, max(sizes) / _FINE, 0, up=True)
        if (decay := _decay(fine)) is None:
            return "the load is too high: one server could not take all requests"
        pairs = 2 ** sum(game.shape) * math.prod(game.shape) / 64
        finest = (oldest_age + _BEYOND / decay) / (LEVELS / math.sqrt(pairs))
        marks = [mark for mark in (*sizes, oldest_age) if mark > 0]
        steps = [mark / count for mark in marks for count in range(1, math.ceil(mark / finest) + 1)]
        steps = [finest, *(step for step in steps if finest <= step <= 2 * finest)]
        step = min(
            steps, key=lambda each: (round(sum(abs(mark / each - round(mark / each)) for mark in marks), 6), each)
        )
        up = Rounded(game, scenario, step, 0, up=True)
        if (decay := _decay(up)) is None:
            return f"rounding at a step of {step:.4g} is too coarse at this load"
        up = replace(up, busy=math.ceil(_BEYOND / decay / step))
        return cls(replace(up, up=False), up, kappa, decay)

    def least(self, limits: Limits | None = None) -> float:
        """The least that W − κτ can be, at the worst outcomes within the limits if the routers measure."""
        low, _, self._last = self.down.value(self.kappa, limits.worst if limits else None, self._last)
        return low

    def most(self, limits: Limits | None = None) -> float:
        """The most that W − κτ of the best routers can be.

        The potential is continued as constant beyond the largest workload L. There W exceeds that at L by the excess,
        the baseline earns at most 2κλR(L) less, and what follows costs at most max h − min h more;
        P(work > L) ≤ e^(−θL) (Lundberg's inequality, every-classical §7).
        """
        _, high, potential = self.up.value(self.kappa, limits.worst if limits else None, self._last)
        self._last = potential
        largest = self.up.busy * self.up.step
        earned = float(accrued(self.up.scenario["baseline"]["reward"], self.up.rate, np.array([largest]))[0])
        span = float(potential.max() - potential.min())
        return high + math.exp(-self.decay * largest) * (1 / self.decay + 2 * self.kappa * earned + span)


def _decay(process: Rounded) -> float | None:
    """θ > 0 with E e^(θ(S_A + S_B − t)) ≤ 1 in the rounded-up process, by bisection; None if there is none."""
    joint, drift = np.array(process.game.joint, dtype=float), process.rate * process.step
    work = np.add.outer(*(np.array(steps, dtype=float) for steps in process.steps))

    def excess(theta: float) -> float:
        """Its logarithm, θ for each step: convex, and 0 at 0."""
        most = theta * float(work.max())
        brought = most + math.log(float((joint * np.exp(theta * work - most)).sum()))
        return brought + math.log(math.expm1(-drift) / math.expm1(-drift - theta))

    low = 1e-6 / float(work.max() + 1)
    if excess(low) >= 0:
        return None
    high = 2 * low
    while excess(high) < 0:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return low / process.step * _SAFE
