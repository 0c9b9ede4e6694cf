"""Some qubits of a device as a simulator of their own: their gates, their errors, their readout, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...circuits.qiskit_circuit import bell_circuit, bind
from ...circuits.schedule import Setting
from ...model.errors import BackendError
from ...model.trials import Floats
from ..options import Pair
from .reading import PairCalibration, works

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target


class QubitsModel:
    """Some qubits of a device as a simulator of their own.

    Attributes:
        qubits: Physical indices of A's and B's qubit of each Bell pair in turn: their order in the circuit. The first
            two are measured.
        couples: The calibration of all neighbours among them that share a gate.
        simulator: An AerSimulator with the noise of these qubits only.
    """

    def __init__(self, target: Target, qubits: Sequence[int], couples: Sequence[PairCalibration]) -> None:
        self.qubits, self.couples = tuple(qubits), tuple(couples)
        reduced = reduced_target(target, qubits, {frozenset(each.pair): each.gate for each in couples})
        known = {qubit.qubit: qubit for each in couples for qubit in (each.a, each.b)}
        self._readout = [known[qubit].readout_matrix for qubit in self.qubits[:2]]
        self._passes = native_passes(reduced)
        self._circuits: dict[int, QuantumCircuit] = {}
        self.simulator = noisy_simulator(reduced, self._readout)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The qubits of each Bell pair, A's first; those of the first pair are measured."""
        return tuple(zip(self.qubits[::2], self.qubits[1::2], strict=True))

    def circuit(self, dimension: int) -> QuantumCircuit:
        """The Bell circuit for vectors of k dimensions in the qubits' native gates, its angles as parameters."""
        if dimension not in self._circuits:
            chained = len(self.qubits) > 2
            self._circuits[dimension] = self._passes.run(bell_circuit(dimension, chained=chained))
        return self._circuits[dimension]

    def probabilities(self, settings: Sequence[Setting]) -> Floats:
        """Exact P(a, b) of raw outcomes, readout errors included, shape (len(settings), 2, 2).

        Raises:
            BackendError: Aer reports a failure.
        """
        bare = self.circuit(settings[0].dimension).remove_final_measurements(inplace=False)
        bare.save_probabilities([0, 1])
        found = run_bound(self.simulator, bare, settings, shots=1, seed=0)
        # Qiskit's first qubit is the least significant bit, so reshaping yields (b, a).
        ideal = np.array([np.reshape(each["probabilities"], (2, 2)).T for each in found])
        return np.asarray(np.einsum("nab,ai,bj->nij", ideal, *self._readout))

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """The same; a subclass may know a faster way."""
        return self.probabilities(settings)


def reduced_target(target: Target, qubits: Sequence[int], gates: Mapping[frozenset[int], str]) -> Target:
    """The device's target cut down to some qubits: gates, directions, errors and durations.

    Args:
        target: The device's.
        qubits: Physical, in the order of their new indices.
        gates: The two-qubit gate of every couple of them that may have one; others could be worse.
    """
    from qiskit.circuit import Gate
    from qiskit.transpiler import Target

    place = {qubit: index for index, qubit in enumerate(qubits)}
    properties = [target.qubit_properties[qubit] for qubit in qubits]
    reduced = Target(num_qubits=len(qubits), dt=target.dt, qubit_properties=properties)
    for name in target.operation_names:
        operation = target.operation_from_name(name)
        couples = name in gates.values()
        # `id` is an idle slot, not a rotation.
        wanted = couples or name == "measure" or (isinstance(operation, Gate) and operation.num_qubits == 1)
        if not wanted or name == "id":
            continue
        entries = {
            tuple(place[qubit] for qubit in physical): props
            for physical, props in target[name].items()
            if place.keys() >= set(physical)
            and works(props)
            and (not couples or gates.get(frozenset(physical)) == name)
        }
        if entries:
            reduced.add_instruction(operation, entries, name=name)
    return reduced


def native_passes(reduced: Target) -> Any:
    """The pass manager that translates circuits to a target's native gates and leaves every qubit in its place."""
    if reduced.num_qubits == 2:
        return _two_qubit_passes(reduced)
    from qiskit.transpiler import generate_preset_pass_manager

    return generate_preset_pass_manager(
        optimization_level=3, target=reduced, initial_layout=list(range(reduced.num_qubits)), seed_transpiler=0
    )


def _two_qubit_passes(reduced: Target) -> Any:
    """The same for circuits with one two-qubit gate, in which nothing can be saved but one-qubit gates.

    Qiskit's preset pass managers import the plugins of all packages installed, which takes most of a second.
    """
    from qiskit.circuit.equivalence_library import SessionEquivalenceLibrary
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import (
        BasisTranslator,
        GateDirection,
        Optimize1qGatesDecomposition,
        UnrollCustomDefinitions,
    )

    translated = BasisTranslator(SessionEquivalenceLibrary, list(reduced.operation_names), target=reduced)
    return PassManager(
        [
            UnrollCustomDefinitions(SessionEquivalenceLibrary, target=reduced),
            translated,
            GateDirection(None, target=reduced),
            translated,
            Optimize1qGatesDecomposition(target=reduced),
        ]
    )


def noisy_simulator(reduced: Target, readout: Sequence[Floats]) -> Any:
    """An AerSimulator with a target's gate errors and with readout errors P(read j | i) of its first qubits."""
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel, ReadoutError
    from qiskit_aer.noise.device.models import basic_device_gate_errors

    noise = NoiseModel(basis_gates=list(reduced.operation_names))
    for gate, qubits, error in basic_device_gate_errors(target=reduced):
        noise.add_quantum_error(error, gate, qubits)
    for index, matrix in enumerate(readout):
        noise.add_readout_error(ReadoutError(matrix), [index])
    return AerSimulator(method="density_matrix", noise_model=noise)


def run_bound(simulator: Any, circuit: QuantumCircuit, settings: Sequence[Setting], shots: int, seed: int) -> list[Any]:
    """What an AerSimulator finds for each setting of a parametrised circuit, in one call.

    Args:
        simulator: The AerSimulator.
        circuit: The settings' circuit in gates the simulator knows, with their angles as parameters.
        settings: Pairs of bases, all of one dimension.
        shots: Trials of each setting.
        seed: Random seed of the simulator.

    Raises:
        BackendError: Aer reports a failure.
    """
    result = simulator.run(
        circuit, parameter_binds=[bind(circuit, settings)], shots=shots, seed_simulator=seed
    ).result()
    if not result.success:
        raise BackendError(f"the Aer simulator failed: {result.status}")
    return [result.data(index) for index in range(len(settings))]
