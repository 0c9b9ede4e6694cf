"""The parametrised Bell circuit for Qiskit, and its bit order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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


def angle_parameters(circuit: QuantumCircuit) -> tuple[Parameter, Parameter]:
    """The parameters (alpha, beta) of a Bell circuit, transpiled or not."""
    named = {parameter.name: parameter for parameter in circuit.parameters}
    return named["alpha"], named["beta"]


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
