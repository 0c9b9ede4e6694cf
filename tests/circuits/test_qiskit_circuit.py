"""The Qiskit Bell circuit: its correlator, and which bit is whose."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.circuits.qiskit_circuit import (
    angle_parameters,
    bell_circuit,
    outcomes_from_bitstrings,
    outcomes_from_integers,
    table_from_counts,
)

ANGLES = np.linspace(-3.5, 7.0, 13)


def test_the_correlator_is_the_cosine_of_the_difference_of_angles() -> None:
    from qiskit.quantum_info import Pauli, Statevector

    circuit = bell_circuit(measured=False)
    alpha, beta = angle_parameters(circuit)
    for a in ANGLES:
        for b in ANGLES:
            state = Statevector(circuit.assign_parameters({alpha: a, beta: b}))
            assert state.expectation_value(Pauli("ZZ")).real == pytest.approx(np.cos(a - b), abs=1e-10)
            assert state.expectation_value(Pauli("IZ")).real == pytest.approx(0, abs=1e-10)


def test_classical_bit_0_is_a_and_1_is_b() -> None:
    circuit = bell_circuit()
    measured = [(item.qubits[0], item.clbits[0]) for item in circuit.data if item.operation.name == "measure"]
    assert measured == list(zip(circuit.qubits, circuit.clbits, strict=True))


@pytest.mark.parametrize(("flipped", "outcome"), [(0, (1, 0)), (1, (0, 1))])
def test_a_flipped_qubit_is_read_as_its_owners_outcome(flipped: int, outcome: tuple[int, int]) -> None:
    from qiskit import QuantumCircuit
    from qiskit_aer import AerSimulator

    circuit = QuantumCircuit(2, 2)
    circuit.x(flipped)
    circuit.measure([0, 1], [0, 1])
    result = AerSimulator().run(circuit, shots=7, memory=True).result()
    assert outcomes_from_bitstrings(result.get_memory()).tolist() == [list(outcome)] * 7
    for counts in (result.get_counts(), result.data(0)["counts"]):
        table = table_from_counts(counts)
        assert table[outcome] == table.sum() == 7


def test_registers_read_as_integers_hold_a_in_the_lowest_bit() -> None:
    assert outcomes_from_integers(np.array([0, 1, 2, 3], dtype=np.uint8)).tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]


def test_the_bit_array_of_a_sampler_is_read_with_a_first() -> None:
    from qiskit.primitives import BitArray

    array = BitArray.from_samples(["01", "01", "10"], num_bits=2)
    assert outcomes_from_integers(array.array[:, 0]).tolist() == [[1, 0], [1, 0], [0, 1]]
