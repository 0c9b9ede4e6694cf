"""The circuits for Amazon Braket, on one Bell pair or several, and their bit order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..model.games.strategy import bell_pairs_for
from .tsirelson import Router, rotations

if TYPE_CHECKING:
    from braket.circuits import Circuit, FreeParameter

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Outcomes = NDArray[np.uint8]


def bell_circuit(
    alpha: float | FreeParameter | None = None,
    beta: float | FreeParameter | None = None,
    pair: tuple[int, int] = (0, 1),
) -> Circuit:
    """|Φ+⟩, RY(−alpha) on A's qubit, RY(−beta) on B's: E = cos(alpha − beta). Braket measures what it runs.

    Args:
        alpha, beta: Angles in radians; None leaves a FreeParameter of that name.
        pair: A's and B's qubit, A's the smaller: Braket orders outcomes by qubit.

    Raises:
        ValueError: A's qubit is not the smaller one.
    """
    from braket.circuits import Circuit, FreeParameter

    a, b = pair
    if a >= b:
        raise ValueError(f"qubits {pair} must ascend, because Braket orders outcomes by qubit")
    angle_a = FreeParameter("alpha") if alpha is None else alpha
    angle_b = FreeParameter("beta") if beta is None else beta
    return Circuit().h(a).cnot(a, b).ry(a, -1 * angle_a).ry(b, -1 * angle_b)


def tsirelson_circuit(angles: Sequence[float]) -> Circuit:
    """⌊k/2⌋ Bell pairs, then what turns the measurements of k-dimensional vectors to qubits 0 and 1 (MODEL §3).

    In a plane (k = 2) that is `bell_circuit`. A's first qubit is 0 and B's is 1; their outcomes are the routers'. Bell
    pair j has qubits 2j and 2j+1.

    Args:
        angles: All of A's and then all of B's, in radians (`Setting.angles`).
    """
    from braket.circuits import Circuit

    count = len(angles) // 2
    circuit = Circuit()
    for pair in range(bell_pairs_for(count + 1)):
        circuit.h(2 * pair).cnot(2 * pair, 2 * pair + 1)
    routers: tuple[tuple[Router, Sequence[float]], ...] = (("a", angles[:count]), ("b", angles[count:]))
    for side, (router, own) in enumerate(routers):
        for rotation in rotations(count + 1, router):
            gate = {"ry": circuit.ry, "rz": circuit.rz, "rzz": circuit.zz}[rotation.axis]
            gate(*(2 * pair + side for pair in rotation.pairs), rotation.sign * own[rotation.angle])
    return circuit


def outcomes_from_measurements(measurements: NDArray[np.integer]) -> Outcomes:
    """Outcomes (a, b), shape (shots, 2), from a task's `measurements`, whose columns are the qubits ascending."""
    return np.asarray(measurements, dtype=np.uint8)[:, :2]


def table_from_counts(counts: Mapping[str, int]) -> Integers:
    """counts[a, b], shape (2, 2), from Braket's bitstrings, whose first character is the first qubit."""
    table = np.zeros((2, 2), dtype=np.int64)
    for bits, count in counts.items():
        table[int(bits[0]), int(bits[1])] += count
    return table


def probabilities_from_vector(vector: Floats) -> Floats:
    """P(a, b), shape (2, 2), from Braket's `probability` result: the first qubit is the most significant bit."""
    return np.asarray(vector, dtype=np.float64).reshape(2, 2)
