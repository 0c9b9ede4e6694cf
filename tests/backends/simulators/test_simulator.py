"""What all simulators share: the order of trials, pieces of work, progress, seeds, and the noise a user types."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from bellqueue.backends.protocol import Description
from bellqueue.backends.simulators.aer import AerBackend
from bellqueue.backends.simulators.simulator import Simulator, shuffled_outcomes
from bellqueue.backends.simulators.werner import WernerNoise
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.errors import BackendError
from bellqueue.model.progress import unwatched
from bellqueue.model.trials import Sampling


class Coins(Simulator):
    """Two fair coins; a setting of angle alpha > 0 always gives (1, 0) instead."""

    name = "coins"

    def __init__(self) -> None:
        self.calls: list[int] = []

    def describe(self, dimension: int = 2) -> Description:
        return Description(name=self.name, kind="simulator", device="coins", qubits=2)

    def sample(self, settings: Sequence[Setting], shots: np.ndarray, seed: int) -> list[np.ndarray]:
        self.calls.append(len(settings))
        assert shots.min() > 0
        rng = np.random.default_rng(seed)
        coins = [rng.integers(0, 2, size=(wanted, 2), dtype=np.uint8) for wanted in shots]
        return [np.full_like(c, [1, 0]) if s.alpha else c for s, c in zip(settings, coins, strict=True)]


def _plan(order: Sequence[int] | np.ndarray, settings: int, certain: Sequence[int] = ()) -> Schedule:
    bases = tuple(Setting(0, y, float(y in certain), 0.0) for y in range(settings))
    return Schedule(bases, np.array(order, dtype=np.int64), (1, settings), Sampling("random"))


def test_trials_come_in_the_order_of_the_schedule() -> None:
    order = np.random.default_rng(3).integers(0, 5, size=500)
    trials = Coins().measure(_plan(order, 6, certain=(1, 4)), 1, unwatched)
    assert trials.y.tolist() == order.tolist()
    certain = np.isin(order, (1, 4))
    assert (trials.a[certain] == 1).all()
    assert (trials.b[certain] == 0).all()
    assert 0.4 < trials.a[~certain].mean() < 0.6


def test_whoever_watches_sees_every_piece_up_to_the_last() -> None:
    seen: list[tuple[str, int, int]] = []
    backend = Coins()
    backend.measure(_plan([0, 1, 1, 2, 2, 2], 3), 1, lambda *progress: seen.append(progress))
    assert seen == [("measuring on coins", done, 6) for done in (1, 3, 6)]
    assert len(backend.calls) == 3


def test_many_settings_take_few_calls() -> None:
    backend = Coins()
    backend.measure(_plan(np.arange(4096) % 4000, 4096), 1, unwatched)
    assert sum(backend.calls) == 4000
    assert len(backend.calls) <= 40


def test_pieces_of_one_schedule_have_seeds_of_their_own() -> None:
    trials = Coins().measure(_plan(np.repeat([0, 1], 100), 2), 7, unwatched)
    assert trials.a[:100].tobytes() != trials.a[100:].tobytes()


def test_a_schedule_without_trials_and_a_negative_seed_are_refused() -> None:
    with pytest.raises(BackendError, match="no trials"):
        Coins().measure(_plan([], 1), 1, unwatched)
    with pytest.raises(BackendError, match="seed is -1"):
        Coins().measure(_plan([0], 1), -1, unwatched)


def test_shuffled_outcomes_keep_the_counts() -> None:
    table = np.array([[3, 5], [7, 11]])
    outcomes = shuffled_outcomes(table, 26, np.random.default_rng(0))
    back = np.zeros((2, 2), dtype=int)
    np.add.at(back, (outcomes[:, 0], outcomes[:, 1]), 1)
    assert back.tolist() == table.tolist()


def test_shuffled_outcomes_are_a_fair_choice() -> None:
    """Of 10 trials with 4 ones, the first of 5 chosen is a one with probability 0.4: z ≤ 4 over 4000 draws."""
    rng = np.random.default_rng(1)
    ones = sum(int(shuffled_outcomes(np.array([[6, 0], [0, 4]]), 5, rng)[0, 0]) for _ in range(4000))
    assert abs(ones / 4000 - 0.4) < 4 * np.sqrt(0.24 / 4000)


def test_symmetric_readout_is_both_directions() -> None:
    assert AerBackend("readout=0.03").noise == WernerNoise(1.0, 0.03, 0.03)
    assert AerBackend("readout_1to0=0.03").noise == WernerNoise(1.0, 0.0, 0.03)
    assert AerBackend("visibility=1,readout=0").noise.ideal
