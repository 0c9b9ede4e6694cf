"""Some qubits of a device as a simulator of their own: their gates, their errors, their readout, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...circuits.qiskit_circuit import bind
from ...circuits.schedule import Setting
from ...model.errors import BackendError
from ...model.trials import Floats

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target


FAULTY = 1.0  # the error IBM reports for a gate whose calibration failed


def is_faulty(props: Any) -> bool:
    """Whether a gate, or a readout, is marked as one whose calibration failed."""
    return props.error is not None and props.error >= FAULTY


def works(props: Any) -> bool:
    """Whether the calibration of a gate, or of a readout, is known and has not failed."""
    return props is not None and props.error is not None and 0 <= props.error < FAULTY


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
    """The pass manager that brings circuits into a target's native gates, every qubit staying where it is."""
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


def exact_probabilities(
    simulator: Any, circuit: QuantumCircuit, settings: Sequence[Setting], readout: Sequence[Floats]
) -> Floats:
    """Exact P(a, b) of raw outcomes, readout errors included, shape (len(settings), 2, 2).

    Args:
        simulator: As `noisy_simulator` makes it.
        circuit: The settings' circuit, which ends by measuring A's qubit 0 and B's qubit 1.
        settings: Pairs of bases, all of one dimension.
        readout: P(read j | i) of A's and of B's qubit, shape (2, 2).

    Raises:
        BackendError: Aer reports a failure.
    """
    bare = circuit.remove_final_measurements(inplace=False)
    bare.save_probabilities([0, 1])
    result = simulator.run(bare, parameter_binds=[bind(bare, settings)], shots=1).result()
    if not result.success:
        raise BackendError(f"the Aer simulator failed: {result.status}")
    # Qiskit's first qubit is the least significant bit, so reshaping yields (b, a).
    ideal = [np.reshape(result.data(index)["probabilities"], (2, 2)).T for index in range(len(settings))]
    return np.asarray(np.einsum("nab,ai,bj->nij", np.array(ideal), *readout))
