"""Routers that know the past in one history, pair by pair, so that outcomes of measurements come in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from math import ceil
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ...model.informed.measured import MAPS, MeasuredPolicy
from ...model.queueing.arrivals import Arrivals, Bits, random_bits
from ...model.trials import Trials

Floats = NDArray[np.float64]
Actions = NDArray[np.int32]

_MEASURED = 4  # actions below it are 2a + b; the others this much more than the setting to measure
_AT_ONCE = 1024  # independent outcomes of a setting drawn together


class Outcomes(Protocol):
    """Outcomes of the settings (k, x, y) of a menu."""

    @property
    def capacity(self) -> int | None:
        """How many there are; None if there is no limit."""
        ...

    def streams(self, rng: np.random.Generator) -> list[Iterator[int]]:
        """2a + b of setting (k·n_A + x)·n_B + y, one after the other, for each setting."""
        ...


@dataclass(frozen=True, eq=False)
class RecordedOutcomes:
    """What was measured, each setting's outcomes in the order of execution.

    Attributes:
        trials: Trials over K·n_A types of router A, entry by entry, and n_B of router B.
        again: Whether a setting whose outcomes are used up begins again; otherwise the run ends there.
    """

    trials: Trials
    again: bool = False

    @property
    def capacity(self) -> int | None:
        """None, since pairs that classical maps route need no outcome, unless outcomes can run out."""
        return None if self.again else len(self.trials)

    def streams(self, rng: np.random.Generator) -> list[Iterator[int]]:
        codes = 2 * self.trials.a.astype(np.int64) + self.trials.b
        parts = [codes[places].tolist() for places in self.trials.by_setting()]
        return [cycle(part) if self.again else iter(part) for part in parts]


@dataclass(frozen=True, eq=False)
class IndependentOutcomes:
    """Outcomes of known probabilities, independent of each other.

    Attributes:
        split: P(a≠b | k,x,y), shape (K·n_A, n_B).
    """

    split: Floats
    capacity: ClassVar[None] = None

    def streams(self, rng: np.random.Generator) -> list[Iterator[int]]:
        seeds = rng.integers(2**63, size=self.split.size).tolist()
        return [_independent(each, seed) for each, seed in zip(self.split.ravel().tolist(), seeds, strict=True)]


def _independent(split: float, seed: int) -> Iterator[int]:
    """0 and 0, or 0 and 1: the shared bit flips both."""
    rng = np.random.default_rng(seed)
    while True:
        yield from (rng.random(_AT_ONCE) < split).astype(np.int64).tolist()


@dataclass(frozen=True, eq=False)
class PastInformedRouting:
    """A policy of routers that know the past, for simulations whose arrivals several routings share.

    Attributes:
        policy: What they do by both levels rounded up to its grid.
        shape: (n_A, n_B), the numbers of types.
        outcomes: What is measured; a shared fair bit flips both outcomes. None: the policy follows maps everywhere.
    """

    policy: MeasuredPolicy
    shape: tuple[int, int]
    outcomes: Outcomes | None = None

    @property
    def capacity(self) -> int | None:
        """A number that says no more than whether the outcomes can run out."""
        return self.outcomes.capacity if self.outcomes else None

    @cached_property
    def actions(self) -> Actions:
        """What is done with requests of types (x, y) at each state, shape (n_A, n_B, size, size).

        2a + b sends them to servers a and b; anything larger is _MEASURED more than the setting to measure.
        """
        x, y = (np.arange(size)[:, None, None] for size in self.shape)
        maps = 2 * (self.policy.a >> x & 1)[:, None] + (self.policy.b >> y & 1)
        cells = np.arange(maps.shape[0] * maps.shape[1]).reshape(*self.shape, 1, 1)
        settings = self.policy.entries * cells.size + cells
        return np.where(self.policy.entries == MAPS, maps, settings + _MEASURED).astype(np.int32)

    def start(self, rng: np.random.Generator) -> History:
        """Begin a run; servers are empty at first."""
        return History(self, rng)


class History:
    """Both servers' levels, and the outcomes of each setting that are left."""

    def __init__(self, routing: PastInformedRouting, rng: np.random.Generator) -> None:
        self._routing = routing
        self._streams = routing.outcomes.streams(np.random.default_rng(rng.integers(2**63))) if routing.outcomes else []
        self._rng = rng
        # Indexing a memoryview is several times as fast as indexing an array.
        self._actions = routing.actions.ravel().data
        self._levels = 0.0, 0.0  # just after the latest pair: a workload, or minus the time without one

    def __call__(self, arrivals: Arrivals) -> tuple[Bits, Bits]:
        """The servers of the next pairs, of fewer if the outcomes of a setting run out."""
        grid, actions = self._routing.policy.grid, self._actions
        step, idle, most = grid.step, grid.idle, grid.size - 1
        states = grid.size**2
        cells = (arrivals.x * self._routing.shape[1] + arrivals.y) * states
        flips = 3 * (random_bits(self._rng, cells.size) & 1)
        columns = arrivals.gaps, cells, arrivals.service_a, arrivals.service_b, flips
        first, second = self._levels
        codes = []
        for gap, cell, size_a, size_b, flip in zip(*(column.tolist() for column in columns), strict=True):
            first -= gap
            second -= gap
            row, column = ceil(first / step) + idle, ceil(second / step) + idle
            row = 0 if row < 0 else most if row > most else row
            column = 0 if column < 0 else most if column > most else column
            code = actions[cell + row * grid.size + column]
            if code >= _MEASURED:
                code = next(self._streams[code - _MEASURED], -1)
                if code < 0:
                    break
                code ^= flip
            codes.append(code)
            if code & 2:
                second = size_a + (second if second > 0.0 else 0.0)
            else:
                first = size_a + (first if first > 0.0 else 0.0)
            if code & 1:
                second = size_b + (second if second > 0.0 else 0.0)
            else:
                first = size_b + (first if first > 0.0 else 0.0)
        self._levels = first, second
        decided = np.array(codes, dtype=np.int64)
        return (decided & 2).astype(bool), (decided & 1).astype(bool)
