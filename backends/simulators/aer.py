"""Qiskit Aer: ideal Bell pairs, or with white noise and readout errors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...circuits.qiskit_circuit import bell_circuit, bind, table_from_counts, tsirelson_circuit
from ...circuits.schedule import Setting
from ...model.errors import BackendError
from ...model.games.strategy import MAX_DIMENSION, bell_pairs_for
from ..calibration.prediction import werner_probabilities
from ..protocol import Description
from .local import Simulator, WernerNoise, parse_noise, require, shuffled_outcomes

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Outcomes = NDArray[np.uint8]


class AerBackend(Simulator):
    """`aer`, or `aer:visibility=0.95,readout=0.01`."""

    def __init__(self, argument: str | None = None) -> None:
        """Read the options; Aer itself is imported when the first job runs.

        Args:
            argument: What follows the colon, or None.

        Raises:
            BackendError: an option is wrong, or Aer is not installed.
        """
        super().__init__()
        self.noise = parse_noise("aer", argument)
        require("aer", "qiskit_aer", "install it with: pip install qiskit-aer")

    def describe(self) -> Description:
        """The noise asked for and the visibility it leaves in a plane."""
        return self.describe_for(2)

    def describe_for(self, dimension: int) -> Description:
        """The same where vectors of k dimensions are measured."""
        return Description(
            name=self.noise.name("aer"),
            kind="simulator",
            device="AerSimulator",
            qubits=2 * bell_pairs_for(dimension),
            predicted_visibility=self.noise.visibility_of(dimension),
            calibration={**self.noise.record(), "qiskit_aer": version("qiskit-aer")},
            dimension=MAX_DIMENSION,
        )

    def sample(self, settings: Sequence[Setting], shots: Integers, seed: int) -> list[Outcomes]:
        """Measure each setting (see `Simulator.sample`)."""
        return sample_aer(self._simulator, _circuit(settings[0].dimension), settings, shots, seed)

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b) of raw outcomes, shape (len(settings), 2, 2)."""
        return werner_probabilities(settings, self.noise.visibility, (self.noise.readout_0to1, self.noise.readout_1to0))

    @cached_property
    def _simulator(self) -> Any:
        from qiskit_aer import AerSimulator

        if self.noise.ideal:
            return AerSimulator(method="statevector")
        return AerSimulator(method="density_matrix", noise_model=_noise_model(self.noise))


def _circuit(dimension: int) -> QuantumCircuit:
    return bell_circuit() if dimension == 2 else tsirelson_circuit(dimension)


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
