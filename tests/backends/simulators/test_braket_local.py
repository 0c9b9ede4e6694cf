"""Braket's local simulator: exact correlators, noise, bit order, seeds, and what happens without Braket."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bellqueue.backends import open_backend
from bellqueue.backends.simulators.braket_local import BraketLocalBackend
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.errors import BackendError
from bellqueue.model.trials import Sampling

ANGLES = tuple(Setting(0, 0, alpha, beta) for alpha in (0.0, 0.9, -2.0) for beta in (0.0, 0.4, 3.0))


def test_without_braket_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bellqueue.backends.registry.find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r'pip install "bellqueue\[braket\]"'):
        open_backend("braket-local")


@pytest.mark.parametrize(
    ("options", "slope", "offset"),
    [
        (None, 1.0, 0.0),
        ("visibility=0.9", 0.9, 0.0),
        ("visibility=0", 0.0, 0.0),
        ("readout=0.03", 0.94**2, 0.0),
        ("visibility=0.95,readout=0.01", 0.95 * 0.98**2, 0.0),
        ("readout_0to1=0.05", 0.95**2, 0.05**2),
        ("visibility=0.8,readout_0to1=0.02,readout_1to0=0.1", 0.8 * 0.88**2, 0.08**2),
    ],
)
def test_correlators_follow_the_closed_form(options: str | None, slope: float, offset: float) -> None:
    """E = v(1−ε₀−ε₁)²·cos(α−β) + (ε₁−ε₀)², exactly."""
    pytest.importorskip("braket")
    backend = BraketLocalBackend(options)
    tables = backend.probabilities(ANGLES)
    expected = slope * np.cos([setting.alpha - setting.beta for setting in ANGLES]) + offset
    assert np.einsum("nab,ab->n", tables, [[1, -1], [-1, 1]]) == pytest.approx(expected, abs=1e-10)
    assert backend.describe().predicted_visibility == pytest.approx(slope, abs=1e-15)


def test_uneven_readout_shows_in_the_marginals() -> None:
    pytest.importorskip("braket")
    tables = BraketLocalBackend("readout_0to1=0.02,readout_1to0=0.1").probabilities(ANGLES)
    assert tables.sum(axis=1)[:, 1] == pytest.approx(0.46, abs=1e-10)
    assert tables.sum(axis=2)[:, 1] == pytest.approx(0.46, abs=1e-10)


@pytest.mark.parametrize("spec", ["braket-local", "braket-local:visibility=0.9,readout=0.02"])
def test_samples_follow_the_closed_form(experiment: Any, spec: str) -> None:
    """Within z ≤ 4 at 100,000 trials."""
    pytest.importorskip("braket")
    slope = 1.0 if spec == "braket-local" else 0.9 * 0.96**2
    plan = experiment.plan(100_000)
    trials = experiment.run(open_backend(spec), plan)
    assert experiment.deviations(trials, slope * experiment.signs / np.sqrt(2)).max() < 4
    assert (2 * trials.x + trials.y).tolist() == plan.order.tolist()


def test_the_seed_fixes_the_trials(experiment: Any) -> None:
    pytest.importorskip("braket")
    plan = experiment.plan(2000)
    first, same, other = (experiment.run(open_backend("braket-local"), plan, seed) for seed in (1, 1, 2))
    assert first.a.tobytes() + first.b.tobytes() == same.a.tobytes() + same.b.tobytes()
    assert first.a.tobytes() != other.a.tobytes()


@pytest.mark.parametrize(("flipped", "outcome"), [(0, [1, 0]), (1, [0, 1])])
@pytest.mark.parametrize("spec", ["braket-local", "braket-local:readout_0to1=0,visibility=1"])
def test_bit_order(
    experiment: Any, monkeypatch: pytest.MonkeyPatch, spec: str, flipped: int, outcome: list[int]
) -> None:
    """With |10⟩ or |01⟩ in place of the Bell pair, A's bit is qubit 0's and B's is qubit 1's."""
    circuits = pytest.importorskip("braket.circuits")
    monkeypatch.setattr(
        "bellqueue.backends.simulators.braket_local.bell_circuit",
        lambda angles: circuits.Circuit().i(0).i(1).x(flipped),
    )
    plan = Schedule((Setting(0, 0, 0.0, 0.0),), np.zeros(20, dtype=np.int64), (1, 1), Sampling("fixed"))
    trials = experiment.run(open_backend(spec), plan)
    assert np.stack([trials.a, trials.b], axis=1).tolist() == [outcome] * 20


def test_asymmetric_readout_reads_each_basis_state_as_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    circuits = pytest.importorskip("braket.circuits")
    backend = BraketLocalBackend("readout_0to1=0.05,readout_1to0=0.2")
    monkeypatch.setattr(
        "bellqueue.backends.simulators.braket_local.bell_circuit", lambda angles: circuits.Circuit().i(0).x(1)
    )
    table = backend.probabilities([Setting(0, 0, 0.0, 0.0)])[0]
    assert table == pytest.approx(np.outer([0.95, 0.05], [0.2, 0.8]), abs=1e-10)
