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

Router = Literal["a", "b"]


@dataclass(frozen=True)
class Rotation:
    """A rotation of one router's qubits by a multiple of one of its angles.

    Attributes:
        axis: RY or RZ of a qubit, or RZZ of two: exp(−i·angle/2·P) of that Pauli operator P.
        pairs: The Bell pairs whose qubits it turns, 0-based.
        angle: Which of the router's angles, 0-based.
        sign: Its factor.
    """

    axis: Literal["ry", "rz", "rzz"]
    pairs: tuple[int, ...]
    angle: int
    sign: int


def rotations(dimension: int, router: Router) -> Iterator[Rotation]:
    """The rotations before the measurement of a router's first qubit, in time order: the last angle first.

    B measures the transposed operators, since ⟨Φ+|A⊗B|Φ+⟩ = tr(A Bᵀ)/2^m: γ_i with an odd number of Y change their
    sign, which turning its RZ and RZZ the other way does.

    Args:
        dimension: k ≥ 2, of the vectors.
        router: Whose.
    """
    last = bell_pairs_for(dimension) - 1
    for angle in reversed(range(dimension - 1)):
        pair = angle // 2
        turned = -1 if router == "a" else 1
        if angle % 2 == 0:
            yield Rotation("ry", (pair,), angle, -1)
        elif pair == last:
            yield Rotation("rz", (pair,), angle, turned)
        else:
            yield Rotation("rzz", (pair, pair + 1), angle, turned)


def angle_names(dimension: int) -> tuple[str, ...]:
    """Names of the parameters of a circuit, A's and then B's: `alpha`, `alpha2`, …, `beta`, `beta2`, …."""
    numbers = ["", *(str(number) for number in range(2, dimension))]
    return tuple(name + number for name in ("alpha", "beta") for number in numbers)
