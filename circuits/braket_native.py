"""The Bell circuit in the native gates of Amazon Braket's QPUs, to be run verbatim on physical qubits.

Every device has a pulse R(π/2, φ), a quarter turn about the axis of azimuth φ on the equator. It takes |0⟩ to the
equator's azimuth φ − π/2, and before a measurement of Z it selects the observable cos a·X + sin a·Y of azimuth
a = φ + π/2. One such pulse to prepare each qubit, the device's own two-qubit gate, and observables of the resulting
maximally entangled state chosen for E = cos(alpha − beta): nothing is left to a compiler, and all angles are affine in
alpha and beta, so that they may stay parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from braket.circuits import Circuit

Angle = Any  # a float, or Braket's FreeParameter or FreeParameterExpression, which does the same arithmetic
Gates = tuple[tuple[str, tuple[Angle, ...]], ...]  # names in Braket's Circuit, with their angles, in time order


@dataclass(frozen=True)
class _OneQubitGates:
    """One-qubit operations in native gates, up to Z rotations of |0⟩ and before the measurement.

    Attributes:
        prepare: Azimuth φ of a pulse's axis → R(π/2, φ), acting on |0⟩.
        equator: φ → R(π/2, φ), right before the measurement.
        meridian: θ → RY(−θ), right before the measurement: cos θ·Z + sin θ·X.
    """

    prepare: Callable[[float], Gates]
    equator: Callable[[Angle], Gates]
    meridian: Callable[[Angle], Gates]


@dataclass(frozen=True)
class _Entangler:
    """How a two-qubit gate makes E = cos(alpha − beta) out of |00⟩.

    Attributes:
        angles: The gate's own.
        prepare: φ of A's and of B's pulse before the gate; None if it entangles |00⟩ itself.
        equator_a: A's pulse before the measurement has φ = slope·alpha + offset.
        equator_b: B's likewise, in beta; None if B measures cos(beta)·Z + sin(beta)·X.
    """

    angles: tuple[float, ...]
    prepare: tuple[float, float] | None
    equator_a: tuple[int, float]
    equator_b: tuple[int, float] | None


# Before `cz` A is +X and B is +Y: X⊗Z and −Y⊗X are 1. Before `iswap` and `zz` both are +X: Y⊗Z and X⊗X are 1.
# `ms` and `xx` yield |00⟩ − i|11⟩, whose equatorial observables of azimuths a and b have E = cos(a + b + π/2).
_ENTANGLERS = {
    "cz": _Entangler((), (pi / 2, pi), (-1, -pi / 2), None),
    "iswap": _Entangler((), (pi / 2, pi / 2), (-1, 0.0), None),
    "zz": _Entangler((pi / 2,), (pi / 2, pi / 2), (-1, 0.0), None),
    "ms": _Entangler((0.0, 0.0, pi / 2), None, (1, -pi / 2), (-1, -pi)),
    "xx": _Entangler((pi / 2,), None, (1, -pi / 2), (-1, -pi)),
}


def _prx(phi: Angle) -> Gates:
    return (("prx", (pi / 2, phi)),)


def _gpi2(phi: Angle) -> Gates:
    return (("gpi2", (phi,)),)


_QUARTER = ("rx", (pi / 2,))  # Rigetti calibrates rx at multiples of π/2 alone; rz of any angle is exact

_ONE_QUBIT_GATES = {
    ("prx",): _OneQubitGates(_prx, _prx, lambda theta: (("prx", (-1 * theta, pi / 2)),)),
    ("rx", "rz"): _OneQubitGates(
        lambda phi: (_QUARTER, ("rz", (phi,))),
        lambda phi: (("rz", (-1 * phi,)), _QUARTER),
        lambda theta: (_QUARTER, ("rz", (pi - theta,)), _QUARTER),
    ),
    ("gpi2",): _OneQubitGates(_gpi2, _gpi2, lambda theta: (*_gpi2(0.0), *_gpi2(theta - pi))),
}


def entanglers(native_gates: Sequence[str]) -> tuple[str, ...]:
    """The two-qubit gates of a device that `native_bell_circuit` can use, in lower case.

    Args:
        native_gates: The device's `nativeGateSet`, in capitals or not.

    Raises:
        ValueError: there is none, or none of the sets of one-qubit gates is complete.
    """
    native = {gate.lower() for gate in native_gates}
    usable = tuple(gate for gate in _ENTANGLERS if gate in native)
    if not usable or not any(native.issuperset(gates) for gates in _ONE_QUBIT_GATES):
        one = " or ".join("+".join(gates) for gates in _ONE_QUBIT_GATES)
        raise ValueError(
            f"no Bell circuit is known in the native gates {', '.join(native_gates) or '(none)'}; "
            f"supported: {one}, with {', '.join(_ENTANGLERS)}"
        )
    return usable


def native_bell_circuit(
    native_gates: Sequence[str], alpha: Angle, beta: Angle, pair: tuple[int, int], entangler: str | None = None
) -> Circuit:
    """A verbatim box of native gates, then A's and B's measurement: P(a, b) = (1 ± cos(alpha − beta))/4.

    The statistics are those of |Φ+⟩ after RY(−alpha) on A's qubit and RY(−beta) on B's. Run it with
    `disable_qubit_rewiring=True`.

    Args:
        native_gates: The device's `nativeGateSet`, in capitals or not.
        alpha, beta: Angles in radians, or parameters.
        pair: A's and B's physical qubit, in any order.
        entangler: The two-qubit gate to use. Defaults to the first of `entanglers(native_gates)`.

    Raises:
        ValueError: the circuit is not known in these gates, or the qubits are not two.
    """
    from braket.circuits import Circuit

    if pair[0] == pair[1]:
        raise ValueError(f"qubits {pair} must differ")
    usable = entanglers(native_gates)
    gate = usable[0] if entangler is None else entangler.lower()
    if gate not in usable:
        raise ValueError(f"no Bell circuit with the native gate {entangler!r}; usable here: {', '.join(usable)}")
    recipe = _ENTANGLERS[gate]
    native = {name.lower() for name in native_gates}
    one = next(each for gates, each in _ONE_QUBIT_GATES.items() if native.issuperset(gates))

    box = Circuit()
    if recipe.prepare is not None:
        for qubit, phi in zip(pair, recipe.prepare, strict=True):
            _append(box, one.prepare(phi), qubit)
    _append(box, ((gate, recipe.angles),), *pair)
    _append(box, one.equator(_affine(recipe.equator_a, alpha)), pair[0])
    measure_b = one.meridian(beta) if recipe.equator_b is None else one.equator(_affine(recipe.equator_b, beta))
    _append(box, measure_b, pair[1])
    # Left alone, a circuit with a verbatim box measures its qubits in the order they first occur, not ascending.
    return Circuit().add_verbatim_box(box).measure(pair[0]).measure(pair[1])


def _affine(line: tuple[int, float], angle: Angle) -> Angle:
    slope, offset = line
    return slope * angle + offset


def _append(circuit: Circuit, gates: Gates, *qubits: int) -> None:
    for name, angles in gates:
        getattr(circuit, name)(*qubits, *angles)
