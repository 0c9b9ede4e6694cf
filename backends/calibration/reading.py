"""What a device's calibration says of its qubits and of the pairs they form, and which of them work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from math import exp, isfinite, prod
from typing import TYPE_CHECKING, Any

from ...model.errors import BackendError
from ...model.trials import Floats
from ..options import Pair
from .prediction import readout_matrix

if TYPE_CHECKING:
    from qiskit.transpiler import Target

ONE_QUBIT_GATES = ("sx", "u2", "u3", "rx")  # which of them carries the errors of one-qubit rotations, first wins
ROTATIONS = 3  # one-qubit gates each qubit of the circuit goes through
FAULTY = 1.0  # the error IBM reports for a gate whose calibration failed


@dataclass(frozen=True)
class QubitCalibration:
    """What the calibration says of one qubit.

    Attributes:
        qubit: Physical index.
        gate: The one-qubit gate that rotations are made of.
        gate_error, gate_duration: Average infidelity, and seconds.
        readout_0to1, readout_1to0: P(read 1 | 0) and P(read 0 | 1).
        t1, t2: Relaxation and dephasing times in seconds.
    """

    qubit: int
    gate: str
    gate_error: float
    gate_duration: float
    readout_0to1: float
    readout_1to0: float
    t1: float
    t2: float

    @property
    def readout_matrix(self) -> Floats:
        """P(read j | i), shape (2, 2)."""
        return readout_matrix(self.readout_0to1, self.readout_1to0)

    def record(self) -> dict[str, Any]:
        """JSON-ready, units in the names."""
        return {
            "qubit": self.qubit,
            "one_qubit_gate": self.gate,
            "one_qubit_gate_error": self.gate_error,
            "one_qubit_gate_duration_ns": self.gate_duration * 1e9,
            "readout_0to1": self.readout_0to1,
            "readout_1to0": self.readout_1to0,
            "t1_us": self.t1 * 1e6,
            "t2_us": self.t2 * 1e6,
        }


@dataclass(frozen=True)
class PairCalibration:
    """What the calibration says of two connected qubits.

    Attributes:
        a, b: A's and B's qubit.
        gate: The two-qubit gate.
        gate_error, gate_duration: Average infidelity, and seconds.
    """

    a: QubitCalibration
    b: QubitCalibration
    gate: str
    gate_error: float
    gate_duration: float

    @property
    def pair(self) -> Pair:
        """Physical qubits, A's first."""
        return self.a.qubit, self.b.qubit

    @property
    def rough_visibility(self) -> float:
        """A product of the correlator's losses, to rank pairs by; the exact noise model has the last word.

        An average infidelity e of a depolarised gate on n qubits scales correlators by 1 − e·2ⁿ/(2ⁿ−1). The gates'
        errors contain relaxation, which counts by itself only if it exceeds them.
        """
        two = 1 - max(self.gate_error * 4 / 3, self._relaxation_loss())
        one = (1 - 2 * self.a.gate_error) * (1 - 2 * self.b.gate_error)
        readout = prod(1 - qubit.readout_0to1 - qubit.readout_1to0 for qubit in (self.a, self.b))
        return two * one**ROTATIONS * readout

    def record(self) -> dict[str, Any]:
        """JSON-ready, units in the names."""
        return {
            "pair": list(self.pair),
            "two_qubit_gate": self.gate,
            "two_qubit_gate_error": self.gate_error,
            "two_qubit_gate_duration_ns": self.gate_duration * 1e9,
            "qubit_a": self.a.record(),
            "qubit_b": self.b.record(),
        }

    def _relaxation_loss(self) -> float:
        """Loss of the mean of ⟨ZZ⟩ and ⟨XX⟩ of a Bell pair left alone for the two-qubit gate's duration."""
        zz, xx = (
            prod(exp(-self.gate_duration / time) for time in times)
            for times in ((self.a.t1, self.b.t1), (self.a.t2, self.b.t2))
        )
        return 1 - (zz + xx) / 2


def is_faulty(props: Any) -> bool:
    """Whether a gate, or a readout, is marked as one whose calibration failed."""
    return props.error is not None and props.error >= FAULTY


def works(props: Any) -> bool:
    """Whether the calibration of a gate, or of a readout, is known and has not failed."""
    return props is not None and props.error is not None and 0 <= props.error < FAULTY


def ranked_calibrations(name: str, target: Target, properties: Any) -> tuple[PairCalibration, ...]:
    """Every working pair once, in the better of its directions, the largest `rough_visibility` first.

    Raises:
        BackendError: no pair of qubits has working gates and a known readout error.
    """
    ranked: dict[frozenset[int], PairCalibration] = {}
    calibrations = pair_calibrations(target, properties)
    for calibration in sorted(calibrations, key=lambda each: (-each.rough_visibility, each.pair)):
        ranked.setdefault(frozenset(calibration.pair), calibration)  # the better of two directions
    if not ranked:
        faulty = "every pair has a gate or readout that is marked faulty or lacks a possible value"
        why = "it has one qubit" if target.num_qubits < 2 else faulty
        raise BackendError(f"{name} cannot make a Bell pair: {why}; choose another device")
    return tuple(ranked.values())


def pair_calibrations(target: Target, properties: Any) -> tuple[PairCalibration, ...]:
    """The calibration of every connected pair whose gates and readout work, A's qubit being the gate's first.

    A pair whose gate works in both directions comes twice; of two gates the one with the smaller error counts. A pair
    is left out if its gate or readout is marked faulty, or if a value of it is missing or impossible.
    """
    return tuple(_sorted_out(target, properties)[0].values())


def unusable_pairs(target: Target, properties: Any) -> str:
    """One line on the pairs that are left out because a value of their calibration is missing or impossible, or ""."""
    _, refused = _sorted_out(target, properties)
    return left_out(len({frozenset(pair) for pair in refused}), list(dict.fromkeys(refused.values())))


def left_out(count: int, reasons: Sequence[str]) -> str:
    """One line on so many pairs of qubits that are left out, with the first reasons; "" for none."""
    if not count:
        return ""
    more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    are = "pair of qubits is" if count == 1 else "pairs of qubits are"
    return f"{count} {are} left out, since the calibration says: {', '.join(reasons[:3])}{more}"


def _sorted_out(target: Target, properties: Any) -> tuple[dict[Pair, PairCalibration], dict[Pair, str]]:
    """The calibration of every usable pair, ascending, and what is missing or impossible in those of other pairs."""
    qubit = cache(partial(_qubit_calibration, target, properties))
    best: dict[Pair, PairCalibration] = {}
    refused: dict[Pair, str] = {}
    for gate, pair, props in _two_qubit_gates(target):
        where = f"{gate} on {pair[0]}-{pair[1]}"
        try:
            error = _possible(props.error, f"error of {where}")
            duration = _possible(props.duration, f"length of {where}")
            a, b = qubit(pair[0]), qubit(pair[1])
        except _OddError as odd:
            refused[pair] = str(odd)
            continue
        if a and b and not (pair in best and best[pair].gate_error <= error):
            best[pair] = PairCalibration(a, b, gate, error, duration)
    usable = {pair: best[pair] for pair in sorted(best)}
    return usable, {pair: why for pair, why in refused.items() if pair not in best}


def _two_qubit_gates(target: Target) -> Iterator[tuple[str, Pair, Any]]:
    """Entangling gates without parameters that are not marked faulty: name, physical qubits, properties."""
    from qiskit.circuit import Gate

    for name in target.operation_names:
        operation = target.operation_from_name(name)
        if isinstance(operation, Gate) and operation.num_qubits == 2 and not operation.params:
            for qubits, props in (target[name] or {}).items():
                if props is not None and not is_faulty(props):
                    yield name, qubits, props


class _OddError(ValueError):
    """A value of a calibration that is missing or impossible."""


def _possible(value: Any, what: str, least: float | None = None) -> float:
    """The value, which must be a finite number above 0, or of at least `least`.

    Raises:
        _OddError: it is not.
    """
    if value is None:
        raise _OddError(f"{what} is missing")
    number = float(value)
    if not isfinite(number) or (number <= 0 if least is None else number < least):
        raise _OddError(f"{what} is {number:g}")
    return number


def _qubit_calibration(target: Target, properties: Any, qubit: int) -> QubitCalibration | None:
    """What the calibration says of a qubit, or None if its rotations or its readout are marked faulty.

    Raises:
        _OddError: a value is missing or impossible.
    """
    gate = next((name for name in ONE_QUBIT_GATES if name in target.operation_names), "")
    props: Any = target[gate].get((qubit,)) if gate else None
    readout: Any = target["measure"].get((qubit,))
    if props is None or readout is None or is_faulty(props) or is_faulty(readout):
        return None
    values = properties.qubit_property(qubit)
    error = _possible(props.error, f"error of {gate} on qubit {qubit}")
    duration = _possible(props.duration, f"length of {gate} on qubit {qubit}")
    # The calibration takes a few hundred trials, of which none may fail: one direction may read 0, but not both.
    up, down = (
        _possible(values.get(key, (readout.error,))[0], f"readout error of qubit {qubit}", 0.0)
        for key in ("prob_meas1_prep0", "prob_meas0_prep1")
    )
    _possible(up + down, f"readout error of qubit {qubit}")
    if up + down >= 1:
        return None
    physical = target.qubit_properties[qubit]
    t1, t2 = (_possible(getattr(physical, name), f"{name.upper()} of qubit {qubit}") for name in ("t1", "t2"))
    return QubitCalibration(qubit, gate, error, duration, up, down, t1, t2)


def forced_calibration(name: str, target: Target, properties: Any, forced: Pair) -> PairCalibration:
    """The calibration of the pair a user asks for, A's qubit first.

    Raises:
        BackendError: it is not on the device, or not connected by a working gate.
    """
    calibrations, unusable = _sorted_out(target, properties)
    if forced in calibrations:
        return calibrations[forced]
    if forced[::-1] in calibrations:
        other = calibrations[forced[::-1]]
        return replace(other, a=other.b, b=other.a)
    asked, last = f"{name}: pair={forced[0]}-{forced[1]}", target.num_qubits - 1
    if max(forced) > last:
        raise BackendError(f"{asked} is not on the device; its qubits are 0…{last}")
    if why := unusable.get(forced) or unusable.get(forced[::-1]):
        raise BackendError(f"{asked} cannot be used, {why}; choose another pair")
    raise not_connected(name, forced, calibrations)


def not_connected(name: str, forced: Pair, usable: Iterable[Pair]) -> BackendError:
    """The error for a pair that no working gate connects, with the usable pairs of its qubits."""
    choices = ", ".join(f"{a}-{b}" for a, b in usable if {a, b} & set(forced)) or "none with these qubits"
    return BackendError(f"{name}: pair={forced[0]}-{forced[1]} is not connected by a working gate; usable: {choices}")
