"""Tsirelson's circuits in both SDKs: E = ⟨u, v⟩ for any vectors, even marginals, and whose bit is which."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest
from bellqueue.circuits.qiskit_circuit import angle_parameters, bell_circuit, table_from_counts
from bellqueue.circuits.tsirelson import angle_names, rotations
from bellqueue.model.games.strategy import hyperspherical_angles

DIMENSIONS = range(2, 8)
SIGNS = np.array([[1, -1], [-1, 1]])
PAULI = {
    "I": np.eye(2, dtype=complex),
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]).astype(complex),
}


def _vectors(dimension: int, count: int = 3) -> list[tuple[np.ndarray, np.ndarray]]:
    """Random unit vectors, and two axes, the last and the first."""
    rng = np.random.default_rng(dimension)
    drawn = rng.normal(size=(count, 2, dimension))
    drawn /= np.linalg.norm(drawn, axis=2, keepdims=True)
    axes = np.eye(dimension)
    return [*((u, v) for u, v in drawn), (axes[-1], axes[-1]), (axes[0], -axes[0])]


def _angles(u: np.ndarray, v: np.ndarray) -> list[float]:
    return [float(angle) for each in (u, v) for angle in hyperspherical_angles(each[None])[0]]


def _pauli(letters: str) -> np.ndarray:
    return reduce(np.kron, [PAULI[letter] for letter in letters])


def _observables(dimension: int) -> list[np.ndarray]:
    """γ₁ … γ_k on ⌊k/2⌋ qubits, written out."""
    qubits = max(1, dimension // 2)
    strings = [("Y" * q + letter).ljust(qubits, "I") for q in range(qubits) for letter in "ZX"]
    return [_pauli(each) for each in [*strings, "Y" * qubits][:dimension]]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_rotations_turn_the_vectors_observable_to_the_first_qubits_z(dimension: int) -> None:
    """V†Z₁V = Σ u_i γ_i for A and Σ v_i γ_iᵀ for B, and the γ_i anticommute: in matrices, without any SDK."""
    qubits = max(1, dimension // 2)
    gammas = _observables(dimension)
    for index, first in enumerate(gammas):
        for second in gammas[:index]:
            assert np.abs(first @ second + second @ first).max() < 1e-12
    for u, _ in _vectors(dimension):
        angles = hyperspherical_angles(u[None])[0]
        for side in (0, 1):
            turn = np.eye(2**qubits, dtype=complex)
            for rotation in rotations(dimension):
                if rotation.qubits[0] % 2 != side:
                    continue
                letters = ["I"] * qubits
                for qubit in rotation.qubits:
                    letters[qubit // 2] = rotation.axis[1].upper()
                half = rotation.sign * angles[rotation.angle % (dimension - 1)] / 2
                turn = (np.cos(half) * np.eye(2**qubits) - 1j * np.sin(half) * _pauli("".join(letters))) @ turn
            measured = turn.conj().T @ _pauli("Z".ljust(qubits, "I")) @ turn
            wanted = sum(part * (gamma.T if side else gamma) for part, gamma in zip(u, gammas, strict=True))
            assert np.abs(measured - wanted).max() < 1e-10


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_correlator_is_the_inner_product_in_qiskit(dimension: int, chained: bool) -> None:
    from qiskit.quantum_info import Statevector

    circuit = bell_circuit(dimension, chained).remove_final_measurements(inplace=False)
    assert circuit.num_qubits == 2 * max(1, dimension // 2)
    for u, v in _vectors(dimension):
        bound = circuit.assign_parameters(dict(zip(angle_parameters(circuit), _angles(u, v), strict=True)))
        table = Statevector(bound).probabilities([0, 1]).reshape(2, 2).T
        assert (table * SIGNS).sum() == pytest.approx(u @ v, abs=1e-10)
        assert table.sum(axis=1) == pytest.approx([0.5, 0.5], abs=1e-10)
        assert table.sum(axis=0) == pytest.approx([0.5, 0.5], abs=1e-10)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_correlator_is_the_inner_product_in_braket(dimension: int) -> None:
    pytest.importorskip("braket")
    from bellqueue.circuits.braket_circuit import bell_circuit
    from braket.devices import LocalSimulator

    for u, v in _vectors(dimension, count=2):
        circuit = bell_circuit(_angles(u, v)).probability(target=[0, 1])
        table = np.reshape(LocalSimulator().run(circuit, shots=0).result().values[0], (2, 2))
        assert (table * SIGNS).sum() == pytest.approx(u @ v, abs=1e-10)
        assert table.sum(axis=1) == pytest.approx([0.5, 0.5], abs=1e-10)
        assert table.sum(axis=0) == pytest.approx([0.5, 0.5], abs=1e-10)


def _steps(circuit: Any) -> list[tuple[str, list[int], list[str]]]:
    """Gates with their qubits and angles, as text."""
    return [
        (
            step.operation.name,
            [circuit.find_bit(qubit).index for qubit in step.qubits],
            [str(angle) for angle in step.operation.params],
        )
        for step in circuit.data
    ]


def test_in_a_plane_each_router_turns_its_qubit_by_its_angle() -> None:
    """|Φ+⟩, RY(−alpha) on A's qubit 0, RY(−beta) on B's qubit 1, and both measured."""
    assert _steps(bell_circuit()) == [
        ("h", [0], []),
        ("cx", [0, 1], []),
        ("ry", [0], ["-alpha"]),
        ("ry", [1], ["-beta"]),
        ("measure", [0], []),
        ("measure", [1], []),
    ]


def test_one_pair_out_of_the_plane_has_one_rotation_more_at_each_router() -> None:
    steps = _steps(bell_circuit(3))
    assert [step for step in steps if 0 in step[1] and len(step[1]) == 1][1:-1] == [
        ("rz", [0], ["-alpha2"]),
        ("ry", [0], ["-alpha"]),
    ]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_gates_of_a_chain_are_between_neighbours(dimension: int) -> None:
    pairs = max(1, dimension // 2)
    chain = [*(2 * pair for pair in reversed(range(pairs))), *(2 * pair + 1 for pair in range(pairs))]
    for _, qubits, _ in _steps(bell_circuit(dimension, chained=True)):
        places = sorted(chain.index(qubit) for qubit in qubits)
        assert places == list(range(places[0], places[0] + len(places)))


def test_the_gates_of_a_chain_are_as_many_as_stated() -> None:
    """MODEL §3: 10 and 23 two-qubit gates, an RZZ being two."""
    counted = []
    for dimension in (5, 7):
        names = [name for name, qubits, _ in _steps(bell_circuit(dimension, chained=True)) if len(qubits) == 2]
        counted.append(names.count("cx") + 2 * names.count("rzz"))
    assert counted == [10, 23]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_two_first_qubits_alone_are_measured_a_into_bit_0(dimension: int) -> None:
    circuit = bell_circuit(dimension)
    measured = [(item.qubits[0], item.clbits[0]) for item in circuit.data if item.operation.name == "measure"]
    assert measured == list(zip(circuit.qubits[:2], circuit.clbits, strict=True))
    assert [parameter.name for parameter in angle_parameters(circuit)] == list(angle_names(dimension))


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


def test_in_brakets_circuit_angles_may_stay_parameters_and_each_router_turns_its_own_qubit() -> None:
    circuits = pytest.importorskip("braket.circuits")
    from bellqueue.circuits.braket_circuit import bell_circuit

    circuit = bell_circuit([circuits.FreeParameter(name) for name in angle_names(2)])
    assert {parameter.name for parameter in circuit.parameters} == {"alpha", "beta"}
    source = circuit.make_bound_circuit({"alpha": 0.5, "beta": 1.25}).to_ir("OPENQASM").source
    assert [line for line in source.splitlines() if line.startswith("ry")] == ["ry(-0.5) q[0];", "ry(-1.25) q[1];"]
