"""Routing rules that the simulation can drive: what every one offers, strategies and recorded trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..trials import Trials
from .arrivals import Arrivals, Bits, Integers, random_bits

Floats = NDArray[np.float64]
Decide = Callable[[Arrivals], tuple[Bits, Bits]]

_PROBABILITY_BITS = 62  # resolution of a random splitting decision; 1 must still fit in an int64


class Routing(Protocol):
    """A rule that sends the two requests of each pair to servers 0 and 1.

    It sees all that comes with a pair, so that it may go by the types, by the time, or by the work left at the servers.
    """

    @property
    def capacity(self) -> int | None:
        """The most pairs that a run can ever serve; None if there is no limit."""
        ...

    def start(self, rng: np.random.Generator) -> Decide:
        """Begin a run, which draws from `rng` alone.

        Returns:
            A function from the next pairs to their servers a, b, shape (k,); shorter than k if the rule is exhausted
            after that many. It keeps count of the pairs it has seen.
        """
        ...


@dataclass(frozen=True, eq=False)
class SplittingRouting:
    """Any memoryless, label-symmetric strategy: split with probability s(x,y), then the shared fair flip.

    Attributes:
        split: s(x,y) = P(a≠b | x,y), shape (n_A, n_B).
    """

    split: Floats
    capacity: ClassVar[None] = None

    def __post_init__(self) -> None:
        if not np.all((self.split >= 0) & (self.split <= 1)):
            raise ValueError("splitting probabilities must lie in [0, 1]")

    def start(self, rng: np.random.Generator) -> Decide:
        width = self.split.shape[1]
        threshold = np.rint(self.split.ravel() * 2.0**_PROBABILITY_BITS).astype(np.int64)

        def decide(arrivals: Arrivals) -> tuple[Bits, Bits]:
            raw = random_bits(rng, arrivals.x.size)  # the last bit is the flip, those before it decide the split
            a = (raw & 1).astype(bool)
            split = raw >> (63 - _PROBABILITY_BITS) < threshold.take(arrivals.x * width + arrivals.y)
            return a, a ^ split

        return decide


@dataclass(frozen=True, eq=False)
class ReplayRouting:
    """Recorded trials: each pair takes the next unused outcome of its own setting, then the shared fair flip.

    Attributes:
        trials: What was measured; the outcomes of each setting are used in the order of execution.
        cycle: Whether a setting whose outcomes are used up begins again; otherwise the run ends there.
    """

    trials: Trials
    cycle: bool = False

    @property
    def capacity(self) -> int | None:
        """All trials, which are served only if the traffic happens to ask for every one of them."""
        return None if self.cycle else len(self.trials)

    @cached_property
    def _recorded(self) -> tuple[Bits, Bits, Integers, Integers]:
        """Outcomes a and b sorted by setting, where each setting starts, and how many it has."""
        n_a, n_b = self.trials.shape
        setting = self.trials.x.astype(np.int64) * n_b + self.trials.y
        order = np.argsort(setting, kind="stable")
        count = np.bincount(setting, minlength=n_a * n_b)
        return self.trials.a[order].astype(bool), self.trials.b[order].astype(bool), np.cumsum(count) - count, count

    def start(self, rng: np.random.Generator) -> Decide:
        recorded_a, recorded_b, first, count = self._recorded
        used = np.zeros_like(count)

        def decide(arrivals: Arrivals) -> tuple[Bits, Bits]:
            setting = arrivals.x * self.trials.shape[1] + arrivals.y
            position = used.take(setting) + _rank(setting, count.size)
            if self.cycle:
                self._check_measured(setting)
                position %= count.take(setting)
            else:
                over = np.flatnonzero(position >= count.take(setting))
                setting = setting[: over[0]] if over.size else setting
                position = position[: setting.size]
            used[:] += np.bincount(setting, minlength=count.size)
            index = first.take(setting) + position
            return flipped(recorded_a.take(index), recorded_b.take(index), rng)

        return decide

    def _check_measured(self, setting: Integers) -> None:
        """Raise DataError if the traffic asks for a setting that was never measured."""
        missing = setting[self._recorded[3].take(setting) == 0]
        if missing.size:
            x, y = divmod(int(missing[0]), self.trials.shape[1])
            raise DataError(f"trials: the setting x = {x}, y = {y} occurs in the traffic but was never measured")


def flipped(a: Bits, b: Bits, rng: np.random.Generator) -> tuple[Bits, Bits]:
    """Both decisions after the shared fair flip."""
    flip = (random_bits(rng, a.size) & 1).astype(bool)
    return a ^ flip, b ^ flip


def _rank(setting: Integers, settings: int) -> Integers:
    """How many earlier entries equal each entry, same shape."""
    order = np.argsort(setting, kind="stable")
    count = np.bincount(setting, minlength=settings)
    rank = np.empty_like(setting)
    rank[order] = np.arange(setting.size) - np.repeat(np.cumsum(count) - count, count)
    return rank
