"""Qiskit Aer: ideal Bell pairs, or with white noise and readout errors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ...circuits.qiskit_circuit import bell_circuit, table_from_counts
from ...circuits.schedule import Setting
from ...model.trials import Integers
from ..calibration.noise_model import run_bound
from ..calibration.prediction import readout_matrix
from .simulator import Outcomes, shuffled_outcomes
from .werner import WernerNoise, WernerSimulator

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


class AerBackend(WernerSimulator):
    """`aer`, or `aer:visibility=0.95,readout=0.01`."""

    _provider, _package, _device = "aer", "qiskit-aer", "AerSimulator"

    def sample(self, settings: Sequence[Setting], shots: Integers, seed: int) -> list[Outcomes]:
        """Measure each setting (see `Simulator.sample`)."""
        return sample_aer(self._simulator, bell_circuit(settings[0].dimension), settings, shots, seed)

    @cached_property
    def _simulator(self) -> Any:
        from qiskit_aer import AerSimulator

        if self.noise.ideal:
            return AerSimulator(method="statevector")
        return AerSimulator(method="density_matrix", noise_model=_noise_model(self.noise))


def sample_aer(
    simulator: Any, circuit: QuantumCircuit, settings: Sequence[Setting], shots: Integers, seed: int
) -> list[Outcomes]:
    """Outcomes (a, b) of each setting of a parametrised circuit, shape (shots, 2), from one call of an AerSimulator.

    Args:
        simulator, circuit, settings: See `run_bound`.
        shots: Trials of each setting, shape (len(settings),).
        seed: Random seed of the simulator and of the order of outcomes.

    Raises:
        BackendError: Aer reports a failure.
    """
    # Aer takes one number of shots per call. Counts, expanded and shuffled, are much faster than its list of shots.
    found = run_bound(simulator, circuit, settings, int(shots.max()), seed)
    rng = np.random.default_rng(seed)
    return [
        shuffled_outcomes(table_from_counts(each["counts"]), int(wanted), rng)
        for each, wanted in zip(found, shots, strict=True)
    ]


def _noise_model(noise: WernerNoise) -> Any:
    from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

    model = NoiseModel()
    # Every CX of the circuit completes a |Φ+⟩: depolarising it, ρ → vρ + (1−v)·1/4, gives the Werner state.
    model.add_all_qubit_quantum_error(depolarizing_error(1 - noise.visibility, 2), "cx")
    model.add_all_qubit_readout_error(ReadoutError(readout_matrix(*noise.readout)))
    return model
