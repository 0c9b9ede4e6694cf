"""Qiskit Aer: ideal Bell pairs, or with white noise and readout errors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ...circuits.qiskit_circuit import bell_circuit, bind, table_from_counts
from ...circuits.schedule import Setting
from ...model.errors import BackendError
from ...model.trials import Integers
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
    """Measure each setting of a parametrised circuit in one call of an AerSimulator.

    Args:
        simulator: An AerSimulator.
        circuit: The settings' circuit in gates the simulator knows, with their angles as parameters.
        settings: Pairs of bases, all of one dimension.
        shots: Trials of each setting, shape (len(settings),).
        seed: Of the simulator and of the order of outcomes.

    Returns:
        For each setting the outcomes (a, b), shape (shots, 2).

    Raises:
        BackendError: Aer reports a failure.
    """
    # Aer takes one number of shots per call. Counts, expanded and shuffled, are much faster than its list of shots.
    result = simulator.run(
        circuit, parameter_binds=[bind(circuit, settings)], shots=int(shots.max()), seed_simulator=seed
    ).result()
    if not result.success:
        raise BackendError(f"the Aer simulator failed: {result.status}")
    rng = np.random.default_rng(seed)
    tables = (table_from_counts(result.data(index)["counts"]) for index in range(len(settings)))
    return [shuffled_outcomes(table, int(wanted), rng) for table, wanted in zip(tables, shots, strict=True)]


def _noise_model(noise: WernerNoise) -> Any:
    from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

    model = NoiseModel()
    # Every CX of the circuit completes a |Φ+⟩: depolarising it, ρ → vρ + (1−v)·1/4, gives the Werner state.
    model.add_all_qubit_quantum_error(depolarizing_error(1 - noise.visibility, 2), "cx")
    up, down = noise.readout_0to1, noise.readout_1to0
    model.add_all_qubit_readout_error(ReadoutError([[1 - up, up], [down, 1 - down]]))
    return model
