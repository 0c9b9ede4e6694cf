"""The parametrised circuits for Qiskit, on one Bell pair or several, and their bit order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model.games.strategy import bell_pairs_for
from ..model.trials import Integers
from .schedule import Setting
from .tsirelson import angle_names, rotations

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter


def bell_circuit(dimension: int = 2, chained: bool = False) -> QuantumCircuit:
    """⌊k/2⌋ Bell pairs, then what turns the measurements of k-dimensional vectors to the first qubits (MODEL §3).

    In a plane (k = 2): |Φ+⟩, RY(−alpha) on A's qubit 0, RY(−beta) on B's qubit 1, so that E = cos(alpha − beta). A's
    first qubit is 0 and B's is 1, and they alone are measured, into classical bits 0 and 1; Bell pair j has qubits 2j
    and 2j+1.

    Args:
        dimension: k ≥ 2. Defaults to bases in a plane.
        chained: Whether all gates are between neighbours of the chain …–A₂–A₁–B₁–B₂–…: every pair is then made by the
            first qubits and handed outwards. Defaults to any two qubits.
    """
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

    pairs = bell_pairs_for(dimension)
    circuit = QuantumCircuit(2 * pairs, 2, name="bell")
    for pair in reversed(range(pairs)):
        first = 0 if chained else 2 * pair
        circuit.h(first)
        circuit.cx(first, first + 1)
        for qubit in range(2, 2 * pair + 2) if chained else ():
            circuit.cx(qubit - 2, qubit)  # the outer qubit is still |0⟩: two gates exchange them
            circuit.cx(qubit, qubit - 2)
    angles = [Parameter(name) for name in angle_names(dimension)]
    for rotation in rotations(dimension):
        getattr(circuit, rotation.axis)(rotation.sign * angles[rotation.angle], *rotation.qubits)
    circuit.measure([0, 1], [0, 1])
    return circuit


def angle_parameters(circuit: QuantumCircuit) -> tuple[Parameter, ...]:
    """The parameters of a circuit, transpiled or not: (alpha, beta), or all of A's and then all of B's."""
    named = {parameter.name: parameter for parameter in circuit.parameters}
    return tuple(named[name] for name in angle_names(len(named) // 2 + 1))


def table_from_counts(counts: Mapping[str, int]) -> Integers:
    """counts[a, b], shape (2, 2), from Qiskit's counts, keyed by bitstring (`01`) or hexadecimal (`0x1`)."""
    table = np.zeros((2, 2), dtype=np.int64)
    for key, count in counts.items():
        value = int(key, 16) if key.startswith("0x") else int(key, 2)
        table[value & 1, value >> 1] += count  # the last character is bit 0, A's
    return table


def bind(circuit: QuantumCircuit, settings: Sequence[Setting]) -> dict[Any, list[float]]:
    """The settings' angles as Aer's `parameter_binds` wants them: parameter → its value in each setting."""
    angles = zip(*(setting.angles for setting in settings), strict=True)
    return {parameter: list(values) for parameter, values in zip(angle_parameters(circuit), angles, strict=True)}
