"""Native-gate Bell circuits: exact statistics, nothing but native gates, and which bit is whose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("braket")
from bellqueue.circuits.braket_native import entanglers, native_bell_circuit

DEVICES = {
    "IQM": ["cz", "prx"],
    "Rigetti, iSWAP": ["rx", "rz", "iswap"],
    "Rigetti, CZ": ["rx", "rz", "cz"],
    "IonQ Aria": ["GPI", "GPI2", "MS"],
    "IonQ Forte": ["GPI", "GPI2", "ZZ"],
    "prx and xx": ["prx", "xx", "rz"],
}
ANGLES = np.random.default_rng(20).uniform(-7, 7, size=(12, 2))

X, Y, Z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])


def _rotation(generator: np.ndarray, angle: float) -> np.ndarray:
    """exp(−i·angle/2·generator), for a generator that squares to one."""
    return np.asarray(np.cos(angle / 2) * np.eye(len(generator)) - 1j * np.sin(angle / 2) * generator)


def _on_equator(phi: float) -> np.ndarray:
    return np.asarray(np.cos(phi) * X + np.sin(phi) * Y)


# The vendors' definitions as rotations about a generator, except for the permutation-like gates.
MATRICES: dict[str, Callable[..., np.ndarray]] = {
    "PRx": lambda theta, phi: _rotation(_on_equator(phi), theta),
    "Rx": lambda angle: _rotation(X, angle),
    "Rz": lambda angle: _rotation(Z, angle),
    "GPi2": lambda phi: _rotation(_on_equator(phi), np.pi / 2),
    "CZ": lambda: np.diag([1, 1, 1, -1]),
    "ISwap": lambda: np.array([[1, 0, 0, 0], [0, 0, 1j, 0], [0, 1j, 0, 0], [0, 0, 0, 1]]),
    "MS": lambda phi0, phi1, theta: _rotation(np.kron(_on_equator(phi0), _on_equator(phi1)), theta),
    "ZZ": lambda angle: _rotation(np.kron(Z, Z), angle),
    "XX": lambda angle: _rotation(np.kron(X, X), angle),
}


def _gates(circuit: Any) -> list[tuple[str, tuple[float, ...], tuple[int, ...]]]:
    """Name, angles and qubits of what stands in the verbatim box, which must be all there is but measurements."""
    names = [instruction.operator.name for instruction in circuit.instructions]
    assert names[0] == "StartVerbatimBox"
    assert names[-3:] == ["EndVerbatimBox", "Measure", "Measure"]
    return [
        (
            instruction.operator.name,
            tuple(getattr(instruction.operator, "parameters", ())),
            tuple(int(qubit) for qubit in instruction.target),
        )
        for instruction in circuit.instructions[1:-3]
    ]


def _by_matrices(circuit: Any, pair: tuple[int, int]) -> np.ndarray:
    """P(a, b) by multiplying matrices; A's qubit is the left factor."""
    state = np.array([1, 0, 0, 0], dtype=complex)
    for name, angles, qubits in _gates(circuit):
        matrix = MATRICES[name](*(float(angle) for angle in angles))
        if len(qubits) == 1:
            matrix = np.kron(matrix, np.eye(2)) if qubits[0] == pair[0] else np.kron(np.eye(2), matrix)
        else:
            assert qubits == pair
        state = matrix @ state
    return np.asarray(np.abs(state.reshape(2, 2)) ** 2)


def _by_simulator(circuit: Any, pair: tuple[int, int]) -> np.ndarray:
    """P(a, b) by Braket's simulator, which takes result types only of circuits without measurements."""
    from braket.circuits import Circuit
    from braket.devices import LocalSimulator

    bare = Circuit(circuit.instructions[1:-3]).probability(list(pair))
    return np.reshape(LocalSimulator().run(bare, shots=0).result().values[0], (2, 2))


@pytest.mark.parametrize("pair", [(0, 1), (3, 7), (7, 3)])
@pytest.mark.parametrize("native", DEVICES.values(), ids=DEVICES)
def test_the_statistics_are_those_of_the_bell_state(native: list[str], pair: tuple[int, int]) -> None:
    for alpha, beta in ANGLES:
        cosine = np.cos(alpha - beta)
        expected = np.array([[1 + cosine, 1 - cosine], [1 - cosine, 1 + cosine]]) / 4
        circuit = native_bell_circuit(native, alpha, beta, pair)
        np.testing.assert_allclose(_by_matrices(circuit, pair), expected, atol=1e-10)
    np.testing.assert_allclose(_by_simulator(circuit, pair), expected, atol=1e-10)


@pytest.mark.parametrize("native", DEVICES.values(), ids=DEVICES)
def test_only_native_gates_are_used_and_only_one_of_two_qubits(native: list[str]) -> None:
    gates = _gates(native_bell_circuit(native, 0.4, 2.1, (0, 1)))
    assert {name.lower() for name, _, _ in gates} <= {name.lower() for name in native}
    assert sum(len(qubits) == 2 for _, _, qubits in gates) == 1


@pytest.mark.parametrize("native", [["rx", "rz", "iswap"], ["rx", "rz", "cz"]])
def test_rigettis_x_rotations_are_multiples_of_a_quarter_turn(native: list[str]) -> None:
    for alpha, beta in ANGLES:
        turns = [
            angles[0] for name, angles, _ in _gates(native_bell_circuit(native, alpha, beta, (0, 1))) if name == "Rx"
        ]
        assert turns
        assert np.asarray(turns) / (np.pi / 2) == pytest.approx(np.round(np.asarray(turns) / (np.pi / 2)), abs=1e-12)


@pytest.mark.parametrize("native", DEVICES.values(), ids=DEVICES)
def test_angles_may_stay_parameters(native: list[str]) -> None:
    from braket.circuits import FreeParameter

    circuit = native_bell_circuit(native, FreeParameter("alpha"), FreeParameter("beta"), (0, 1))
    assert {parameter.name for parameter in circuit.parameters} == {"alpha", "beta"}
    bound = circuit.make_bound_circuit({"alpha": 0.3, "beta": 1.1})
    table = _by_simulator(bound, (0, 1))
    assert table == pytest.approx(_by_simulator(native_bell_circuit(native, 0.3, 1.1, (0, 1)), (0, 1)), abs=1e-10)
    assert table[0, 0] == pytest.approx((1 + np.cos(0.8)) / 4, abs=1e-10)


def test_the_box_names_physical_qubits_and_the_first_bit_is_as() -> None:
    from braket.circuits.serialization import IRType, OpenQASMSerializationProperties, QubitReferenceType

    physical = OpenQASMSerializationProperties(qubit_reference_type=QubitReferenceType.PHYSICAL)
    for pair in [(3, 7), (7, 3)]:
        source = native_bell_circuit(["prx", "cz"], 0.3, 1.1, pair).to_ir(IRType.OPENQASM, physical).source
        assert "#pragma braket verbatim" in source
        assert f"b[0] = measure ${pair[0]};" in source
        assert f"b[1] = measure ${pair[1]};" in source


@pytest.mark.parametrize("pair", [(3, 7), (7, 3)])
@pytest.mark.parametrize("owner", [0, 1])
def test_a_flipped_qubit_is_read_as_its_owners_outcome(pair: tuple[int, int], owner: int) -> None:
    from braket.circuits import Circuit
    from braket.devices import LocalSimulator

    circuit = Circuit().add_verbatim_box(Circuit().i(3).i(7).x(pair[owner]))
    for instruction in native_bell_circuit(["prx", "cz"], 0.3, 1.1, pair).instructions[-2:]:
        circuit.add_instruction(instruction)
    result = LocalSimulator().run(circuit, shots=5).result()
    columns = [result.measured_qubits.index(qubit) for qubit in pair]
    assert result.measurements[:, columns].tolist() == [[int(owner == 0), int(owner == 1)]] * 5


def test_of_several_two_qubit_gates_the_one_asked_for_is_used() -> None:
    native = ["rx", "rz", "cz", "ISWAP", "xy"]
    assert set(entanglers(native)) == {"cz", "iswap"}
    for entangler, name in (("CZ", "CZ"), ("iswap", "ISwap")):
        gates = _gates(native_bell_circuit(native, 0.3, 1.1, (0, 1), entangler))
        assert [gate for gate, _, qubits in gates if len(qubits) == 2] == [name]
    with pytest.raises(ValueError, match="native gate 'xy'; usable here: cz, iswap"):
        native_bell_circuit(native, 0.3, 1.1, (0, 1), "xy")


@pytest.mark.parametrize("native", [["ecr", "rz", "v", "x"], ["cz", "rx"], ["prx"], []])
def test_unknown_native_gates_are_refused_with_the_supported_ones(native: list[str]) -> None:
    with pytest.raises(ValueError, match=r"supported: prx or rx\+rz or gpi2, with cz, iswap, zz, ms, xx"):
        native_bell_circuit(native, 0.3, 1.1, (0, 1))


def test_a_qubit_is_not_its_own_partner() -> None:
    with pytest.raises(ValueError, match=r"qubits \(4, 4\) must differ"):
        native_bell_circuit(["prx", "cz"], 0.3, 1.1, (4, 4))
