"""The parametrised circuits for Qiskit, on one Bell pair or several, and their bit order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..model.games.strategy import bell_pairs_for
from .schedule import Setting
from .tsirelson import Router, angle_names, rotations

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

Integers = NDArray[np.int64]
Outcomes = NDArray[np.uint8]


def bell_circuit(measured: bool = True) -> QuantumCircuit:
    """|Φ+⟩, RY(−alpha) on A's qubit 0, RY(−beta) on B's qubit 1, then both measured: E = cos(alpha − beta).

    Args:
        measured: Whether the circuit ends in measurements; classical bit 0 is A's, 1 is B's.
    """
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

    circuit = QuantumCircuit(2, 2 if measured else 0, name="bell")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ry(-Parameter("alpha"), 0)
    circuit.ry(-Parameter("beta"), 1)
    if measured:
        circuit.measure([0, 1], [0, 1])
    return circuit


def tsirelson_circuit(dimension: int, measured: bool = True, chained: bool = False) -> QuantumCircuit:
    """⌊k/2⌋ Bell pairs, then what turns the measurements of k-dimensional vectors to the first qubits (MODEL §3).

    In a plane (k = 2) that is `bell_circuit`. A's first qubit is 0 and B's is 1, and they alone are measured; Bell pair
    j has qubits 2j and 2j+1.

    Args:
        dimension: k ≥ 2.
        measured: Whether the circuit ends in measurements; classical bit 0 is A's, 1 is B's.
        chained: Whether all gates are between neighbours of the chain …–A₂–A₁–B₁–B₂–…: every pair is then made by the
            first qubits and handed outwards.
    """
    from qiskit import QuantumCircuit

    pairs = bell_pairs_for(dimension)
    circuit = QuantumCircuit(2 * pairs, 2 if measured else 0, name="bell")
    for pair in reversed(range(pairs)):
        first = 0 if chained else 2 * pair
        circuit.h(first)
        circuit.cx(first, first + 1)
        for qubit in range(2, 2 * pair + 2) if chained else ():
            circuit.cx(qubit - 2, qubit)  # the outer qubit is still |0⟩: two gates exchange them
            circuit.cx(qubit, qubit - 2)
    _rotate(circuit, dimension, "a")
    _rotate(circuit, dimension, "b")
    if measured:
        circuit.measure([0, 1], [0, 1])
    return circuit


def _rotate(circuit: QuantumCircuit, dimension: int, router: Router) -> None:
    """Append the rotations of a router."""
    from qiskit.circuit import Parameter

    names = angle_names(dimension)
    own = [Parameter(name) for name in (names[: dimension - 1] if router == "a" else names[dimension - 1 :])]
    for rotation in rotations(dimension, router):
        qubits = [2 * pair + (router == "b") for pair in rotation.pairs]
        getattr(circuit, rotation.axis)(rotation.sign * own[rotation.angle], *qubits)


def angle_parameters(circuit: QuantumCircuit) -> tuple[Parameter, ...]:
    """The parameters of a circuit, transpiled or not: (alpha, beta), or all of A's and then all of B's."""
    named = {parameter.name: parameter for parameter in circuit.parameters}
    return tuple(named[name] for name in angle_names(len(named) // 2 + 1))


def outcomes_from_integers(values: NDArray[np.integer]) -> Outcomes:
    """Outcomes (a, b), shape (shots, 2), from classical registers read as integers: bit 0 is A's, bit 1 B's."""
    return np.stack([values & 1, (values >> 1) & 1], axis=-1).astype(np.uint8)


def outcomes_from_bitstrings(bitstrings: Iterable[str]) -> Outcomes:
    """Outcomes (a, b), shape (shots, 2), from Qiskit's bitstrings, whose last character is bit 0."""
    values = np.array([_value(bitstring) for bitstring in bitstrings], dtype=np.uint8)
    return outcomes_from_integers(values)


def table_from_counts(counts: Mapping[str, int]) -> Integers:
    """counts[a, b], shape (2, 2), from Qiskit's counts, keyed by bitstring (`01`) or hexadecimal (`0x1`)."""
    table = np.zeros((2, 2), dtype=np.int64)
    for key, count in counts.items():
        value = _value(key)
        table[value & 1, value >> 1] += count
    return table


def _value(key: str) -> int:
    return int(key, 16) if key.startswith("0x") else int(key, 2)


def bind(circuit: QuantumCircuit, settings: Sequence[Setting]) -> dict[Any, list[float]]:
    """The settings' angles as Aer's `parameter_binds` wants them: parameter → its value in each setting."""
    angles = zip(*(setting.angles for setting in settings), strict=True)
    return {parameter: list(values) for parameter, values in zip(angle_parameters(circuit), angles, strict=True)}
