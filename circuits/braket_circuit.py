"""The circuit for Amazon Braket, on one Bell pair or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..model.games.strategy import bell_pairs_for
from .tsirelson import rotations

if TYPE_CHECKING:
    from braket.circuits import Circuit, FreeParameter


def bell_circuit(angles: Sequence[float | FreeParameter]) -> Circuit:
    """⌊k/2⌋ Bell pairs, then what turns the measurements of k-dimensional vectors to qubits 0 and 1 (MODEL §3).

    In a plane (k = 2): |Φ+⟩, RY(−alpha) on A's qubit 0, RY(−beta) on B's qubit 1, so that E = cos(alpha − beta). A's
    first qubit is 0 and B's is 1; their outcomes are the routers'. Bell pair j has qubits 2j and 2j+1. Braket measures
    whatever it runs.

    Args:
        angles: All of A's and then all of B's, in radians (`Setting.angles`), or parameters.
    """
    from braket.circuits import Circuit

    dimension = len(angles) // 2 + 1
    circuit = Circuit()
    for pair in range(bell_pairs_for(dimension)):
        circuit.h(2 * pair).cnot(2 * pair, 2 * pair + 1)
    for rotation in rotations(dimension):
        gate = {"ry": circuit.ry, "rz": circuit.rz, "rzz": circuit.zz}[rotation.axis]
        gate(*rotation.qubits, rotation.sign * angles[rotation.angle])
    return circuit
