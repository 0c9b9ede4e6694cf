"""What simulators without a memory share: they measure a schedule setting by setting, a few settings at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...circuits.schedule import Schedule, Setting
from ...model.errors import BackendError
from ...model.progress import Watch
from ...model.trials import Integers, Trials
from ..protocol import Description

Outcomes = NDArray[np.uint8]

PIECES = 32  # of a schedule at most: enough for a progress bar, too few for the cost of a simulator's start to show


class Simulator(ABC):
    """A simulator in this process.

    The simulators have no memory, so measuring setting by setting and laying the outcomes out in the schedule's order
    has the same law as measuring trial by trial in that order.

    Attributes:
        name: What a user types for it, options included.
    """

    name: str

    @abstractmethod
    def describe(self, dimension: int = 2) -> Description:
        """What this backend is when it measures vectors of k dimensions."""

    @abstractmethod
    def sample(self, settings: Sequence[Setting], shots: Integers, seed: int) -> list[Outcomes]:
        """Measure each setting.

        Args:
            settings: Pairs of bases.
            shots: Trials of each, at least 1, shape (len(settings),).
            seed: Below 2³¹; the outcomes depend on nothing else that is random.

        Returns:
            For each setting the outcomes (a, b), shape (shots, 2).
        """

    def measure(self, schedule: Schedule, seed: int, watch: Watch) -> Trials:
        """The trials of a schedule, in its order (see `LocalBackend.measure`).

        Raises:
            BackendError: the schedule has no trials, the seed is negative, or the simulator fails.
        """
        check_measurable(schedule, seed)
        what, shots = f"measuring on {self.name}", schedule.shots
        # Neighbours in this order have nearly equal shots, so that one call with the largest wastes next to nothing.
        used = np.argsort(shots, kind="stable")[np.count_nonzero(shots == 0) :]
        pieces = np.array_split(used, min(PIECES, len(used)))
        seeds = (np.random.SeedSequence(seed).generate_state(len(pieces)) >> 1).tolist()
        outcomes = [np.empty((0, 2), dtype=np.uint8) for _ in schedule.settings]
        done = 0
        for indices, own_seed in zip(pieces, seeds, strict=True):
            sampled = self.sample([schedule.settings[index] for index in indices], shots[indices], own_seed)
            for index, measured in zip(indices, sampled, strict=True):
                outcomes[index] = measured
            done += int(shots[indices].sum())
            watch(what, done, len(schedule.order))
        return schedule.trials(outcomes)


def check_measurable(schedule: Schedule, seed: int) -> None:
    """Refuse what no simulator can measure.

    Raises:
        BackendError: the schedule has no trials, or the seed is negative.
    """
    if not len(schedule.order):
        raise BackendError("the schedule has no trials; ask for at least one shot")
    if seed < 0:
        raise BackendError(f"seed is {seed}; it must be 0 or a positive whole number")


def shuffled_outcomes(table: NDArray[np.integer], shots: int, rng: np.random.Generator) -> Outcomes:
    """Outcomes (a, b), shape (shots, 2), in an order drawn at random from counts[a, b] of at least as many trials.

    Independent trials are exchangeable: given their counts every order is equally likely, and so is every choice of
    `shots` among them.
    """
    codes = np.repeat(np.arange(4, dtype=np.uint8), np.asarray(table).ravel())
    rng.shuffle(codes)
    codes = codes[:shots]
    return np.stack([codes >> 1, codes & 1], axis=1)
