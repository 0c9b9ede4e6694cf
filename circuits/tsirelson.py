"""Tsirelson's construction, whatever the SDK: which rotations turn a vector's measurement into that of one qubit.

Each router holds m qubits, halves of m Bell pairs |Φ+⟩. The anticommuting observables γ₁ = Z₁, γ₂ = X₁, γ₃ = Y₁Z₂,
γ₄ = Y₁X₂, γ₅ = Y₁Y₂Z₃, …, γ_{2m+1} = Y₁⋯Y_m make A = Σ u_i γ_i an observable of outcomes ±1 for every unit vector u. A
product of neighbours γ_iγ_{i+1} is a Pauli operator on one qubit or on two neighbours, so that one rotation about it
turns their plane; k−1 rotations turn u to γ₁, and the outcome is that of the router's first qubit alone (MODEL §3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..model.games.strategy import bell_pairs_for


@dataclass(frozen=True)
class Rotation:
    """A rotation of one router's qubits by plus or minus one of its angles.

    Attributes:
        axis: RY or RZ of a qubit, or RZZ of two: exp(−i·angle/2·P) of that Pauli operator P.
        qubits: The qubits it turns; Bell pair j has A's qubit 2j and B's 2j+1.
        angle: Index of the angle in `Setting.angles`.
        sign: Factor of the angle.
    """

    axis: Literal["ry", "rz", "rzz"]
    qubits: tuple[int, ...]
    angle: int
    sign: int


def rotations(dimension: int) -> Iterator[Rotation]:
    """The rotations before qubits 0 and 1 are measured: A's, then B's, each in time order, the last angle first.

    B measures the transposed operators, since ⟨Φ+|A⊗B|Φ+⟩ = tr(A Bᵀ)/2^m: γ_i with an odd number of Y change their
    sign, which turning its RZ and RZZ the other way does.

    Args:
        dimension: k ≥ 2, of the vectors.
    """
    last = bell_pairs_for(dimension) - 1
    for side, turned in ((0, -1), (1, 1)):
        for number in reversed(range(dimension - 1)):
            pair, angle = number // 2, side * (dimension - 1) + number
            qubit = 2 * pair + side
            if number % 2 == 0:
                yield Rotation("ry", (qubit,), angle, -1)
            elif pair == last:
                yield Rotation("rz", (qubit,), angle, turned)
            else:
                yield Rotation("rzz", (qubit, qubit + 2), angle, turned)


def angle_names(dimension: int) -> tuple[str, ...]:
    """Names of the parameters of a circuit, A's and then B's: `alpha`, `alpha2`, …, `beta`, `beta2`, …."""
    numbers = ["", *(str(number) for number in range(2, dimension))]
    return tuple(name + number for name in ("alpha", "beta") for number in numbers)
