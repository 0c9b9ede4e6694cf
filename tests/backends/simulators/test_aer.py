"""The Aer backend: correlators, noise, bit order and seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bellqueue.backends import open_backend
from bellqueue.backends.simulators.aer import AerBackend
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.progress import unwatched
from bellqueue.model.trials import Sampling

from tests.backends.conftest import basis_state


@pytest.mark.parametrize(
    ("spec", "slope", "offset"),
    [
        ("aer", 1.0, 0.0),
        ("aer:visibility=0.9", 0.9, 0.0),
        ("aer:readout=0.03", 0.94**2, 0.0),
        ("aer:visibility=0.95,readout=0.01", 0.95 * 0.98**2, 0.0),
        ("aer:visibility=0.8,readout_0to1=0.02,readout_1to0=0.1", 0.8 * 0.88**2, 0.08**2),
    ],
)
def test_correlators_follow_the_closed_form(experiment: Any, spec: str, slope: float, offset: float) -> None:
    """E = v(1−ε₀−ε₁)²·cos(α−β) + (ε₁−ε₀)², within z ≤ 4 at 200,000 trials."""
    backend = open_backend(spec)
    trials = experiment.run(backend, experiment.plan(200_000))
    expected = slope * experiment.signs / np.sqrt(2) + offset
    assert experiment.deviations(trials, expected).max() < 4
    description = backend.describe()
    assert description.name == spec
    assert description.predicted_visibility == pytest.approx(slope, abs=1e-15)


def test_uneven_readout_shows_in_the_marginals(experiment: Any) -> None:
    """A fair bit is read as 1 with probability (1 + ε₀ − ε₁)/2: z ≤ 4 at 200,000 trials."""
    trials = experiment.run(open_backend("aer:readout_0to1=0.02,readout_1to0=0.1"), experiment.plan(200_000))
    for column in (trials.a, trials.b):
        assert abs(column.mean() - 0.46) < 4 * np.sqrt(0.25 / 200_000)


def test_equal_angles_always_agree_and_opposite_ones_never() -> None:
    settings = (Setting(0, 0, 0.7, 0.7), Setting(0, 1, 0.7, 0.7 + np.pi))
    plan = Schedule(settings, np.arange(2000) % 2, (1, 2), Sampling("fixed"))
    backend = AerBackend()
    assert backend.measure(plan, 3, unwatched).counts().correlators.tolist() == [[1.0, -1.0]]


def test_the_order_of_settings_is_the_plans(experiment: Any) -> None:
    plan = experiment.plan(3000)
    trials = experiment.run(open_backend("aer"), plan)
    assert (2 * trials.x + trials.y).tolist() == plan.order.tolist()


def test_outcomes_of_one_setting_are_not_sorted(experiment: Any) -> None:
    """Neighbouring trials are independent: a lag-1 correlation within z ≤ 4."""
    a = 2.0 * experiment.run(open_backend("aer"), experiment.plan(50_000)).a - 1
    assert abs(np.mean(a[1:] * a[:-1])) < 4 / np.sqrt(50_000)


def test_settings_measured_in_one_call_are_independent() -> None:
    """64 settings share calls of the simulator; the same shot of two of them must not go together: z ≤ 4."""
    settings = tuple(Setting(0, y, 0.0, 0.0) for y in range(64))
    plan = Schedule(settings, np.repeat(np.arange(64), 1000), (1, 64), Sampling("fixed"))
    backend = AerBackend()
    means = (2.0 * backend.measure(plan, 3, unwatched).a - 1).reshape(64, 1000).mean(axis=1) * np.sqrt(1000)
    assert abs(np.mean(means**2) - 1) < 4 * np.sqrt(2 / 64)


def test_the_seed_fixes_the_trials(experiment: Any) -> None:
    plan = experiment.plan(5000)
    first, same, other = (
        experiment.run(open_backend("aer:visibility=0.9,readout=0.02"), plan, seed) for seed in (1, 1, 2)
    )
    assert first.a.tobytes() + first.b.tobytes() == same.a.tobytes() + same.b.tobytes()
    assert first.a.tobytes() != other.a.tobytes()


@pytest.mark.parametrize(("flipped", "outcome"), [(0, [1, 0]), (1, [0, 1])])
@pytest.mark.parametrize("spec", ["aer", "aer:visibility=1,readout=0"])
def test_bit_order(
    experiment: Any, monkeypatch: pytest.MonkeyPatch, spec: str, flipped: int, outcome: list[int]
) -> None:
    """With |10⟩ or |01⟩ in place of the Bell pair, A's bit is qubit 0's and B's is qubit 1's."""
    monkeypatch.setattr("bellqueue.backends.simulators.aer.bell_circuit", lambda k: basis_state(flipped))
    settings = (Setting(0, 0, 0.0, 0.0),)
    plan = Schedule(settings, np.zeros(20, dtype=np.int64), (1, 1), Sampling("fixed"))
    trials = experiment.run(open_backend(spec), plan)
    assert np.stack([trials.a, trials.b], axis=1).tolist() == [outcome] * 20
