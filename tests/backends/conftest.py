"""Plans to measure and a way to run them, for the tests of every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bellqueue.backends import LocalBackend, RemoteBackend
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.progress import unwatched
from bellqueue.model.trials import Sampling, Trials

ALPHA, BETA = (0.0, np.pi / 2), (np.pi / 4, -np.pi / 4)
CHSH = tuple(Setting(x, y, ALPHA[x], BETA[y]) for x in range(2) for y in range(2))


class Experiment:
    """The four CHSH settings in a drawn order, and what came of measuring them."""

    settings = CHSH
    signs = np.array([[1, 1], [1, -1]])

    def plan(self, trials: int, seed: int = 5) -> Schedule:
        order = np.random.default_rng(seed).choice(4, size=trials, p=[0.4, 0.3, 0.2, 0.1])
        return Schedule(CHSH, order, (2, 2), Sampling("random"))

    def run(self, backend: LocalBackend | RemoteBackend, schedule: Schedule, seed: int = 11) -> Trials:
        assert isinstance(backend, LocalBackend)
        return backend.measure(schedule, seed, unwatched)

    def deviations(self, trials: Trials, expected: np.ndarray) -> np.ndarray:
        """How many standard deviations each measured correlator lies from the expected one, shape (2, 2)."""
        counts = trials.counts()
        return np.asarray(np.abs(counts.correlators - expected) / np.sqrt((1 - expected**2) / counts.settings))


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    """The CHSH experiment."""
    return Experiment()


def basis_state(flipped: int) -> Any:
    """A parametrised Qiskit circuit that prepares |10⟩ (0 flipped) or |01⟩ in place of the Bell pair."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

    circuit = QuantumCircuit(2, 2)
    circuit.x(flipped)
    circuit.ry(Parameter("alpha"), 0)
    circuit.ry(Parameter("beta"), 1)
    circuit.measure([0, 1], [0, 1])
    return circuit
