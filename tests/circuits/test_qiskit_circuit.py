"""The Qiskit Bell circuit: its correlator, and which bit is whose."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.circuits.qiskit_circuit import (
    angle_parameters,
    bell_circuit,
    table_from_counts,
)

ANGLES = np.linspace(-3.5, 7.0, 13)


def test_the_correlator_is_the_cosine_of_the_difference_of_angles() -> None:
    from qiskit.quantum_info import Pauli, Statevector

    circuit = bell_circuit().remove_final_measurements(inplace=False)
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
    result = AerSimulator().run(circuit, shots=7).result()
    for counts in (result.get_counts(), result.data(0)["counts"]):
        table = table_from_counts(counts)
        assert table[outcome] == table.sum() == 7
