"""The best pair of qubits of an Amazon Braket QPU, by the calibration in the device's properties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite, prod
from statistics import fmean
from typing import Any

from ...circuits.braket_native import entanglers
from ...model.errors import BackendError
from ..calibration.reading import left_out, not_connected

ROTATIONS = 2  # one-qubit pulses each qubit of a native Bell circuit goes through, give or take one

_ONE_QUBIT = ("RANDOMIZED_BENCHMARKING", "SIMULTANEOUS_RANDOMIZED_BENCHMARKING")  # fidelity types, first wins
_READOUT = "READOUT"
_READOUT_ERRORS = ("READOUT_ERROR_0_TO_1", "READOUT_ERROR_1_TO_0")  # of these the value is the error itself
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class BraketPair:
    """What a device's properties say of two connected qubits, or of any two of an all-to-all device.

    Tuples of two are in the order of `pair`.

    Attributes:
        pair: Physical qubits ascending; None if all pairs have the device's average calibration.
        gate: The two-qubit gate, in lower case.
        two_qubit_error, one_qubit_errors: Average infidelities of gates.
        readout_errors: Mean of P(read 1 | 0) and P(read 0 | 1).
        t1, t2: Relaxation and dephasing times in seconds; None if not given. The gates' errors contain them.
    """

    pair: tuple[int, int] | None
    gate: str
    two_qubit_error: float
    one_qubit_errors: tuple[float, float]
    readout_errors: tuple[float, float]
    t1: tuple[float | None, float | None]
    t2: tuple[float | None, float | None]

    @property
    def predicted_visibility(self) -> float:
        """Werner visibility as a product of the correlator's losses.

        An average infidelity e of a depolarised gate on n qubits scales correlators by 1 − e·2ⁿ/(2ⁿ−1), a readout
        error r by 1 − 2r.
        """
        gates = [(1 - 2 * error) ** ROTATIONS for error in self.one_qubit_errors]
        readout = [1 - 2 * error for error in self.readout_errors]
        return prod([1 - self.two_qubit_error * 4 / 3, *gates, *readout])

    @property
    def works(self) -> bool:
        """Whether no error is so large that nothing is left of the correlator, as after a failed calibration."""
        return self.two_qubit_error < 3 / 4 and max(self.one_qubit_errors + self.readout_errors) < 1 / 2

    @property
    def oddity(self) -> str | None:
        """The first error or time that is not above 0, which is impossible; None if there is none."""
        values = {
            f"error of {self.gate}": (self.two_qubit_error,),
            "error of a one-qubit gate": self.one_qubit_errors,
            "readout error": self.readout_errors,
            "T1": self.t1,
            "T2": self.t2,
        }
        odd = ((what, each) for what, some in values.items() for each in some if each is not None and not _can_be(each))
        return next((f"{what} is {value:.3g}" for what, value in odd), None)

    def record(self) -> dict[str, Any]:
        """JSON-ready, units in the names."""
        return {
            "pair": None if self.pair is None else list(self.pair),
            "two_qubit_gate": self.gate,
            "two_qubit_gate_error": self.two_qubit_error,
            "one_qubit_gate_errors": list(self.one_qubit_errors),
            "readout_errors": list(self.readout_errors),
            "t1_us": [None if time is None else time * 1e6 for time in self.t1],
            "t2_us": [None if time is None else time * 1e6 for time in self.t2],
            "predicted_visibility": self.predicted_visibility,
        }


@dataclass(frozen=True)
class _Qubit:
    gate_error: float
    readout_error: float
    t1: float | None
    t2: float | None


def braket_pairs(
    name: str, properties: Any, forced: tuple[int, int] | None = None, unusable: list[str] | None = None
) -> tuple[BraketPair, ...]:
    """The pairs that can run a native Bell circuit, highest predicted visibility first.

    A device that calibrates no single pairs, but connects every qubit to every other, yields one entry: its average,
    for any pair.

    Args:
        name: The device, for messages.
        properties: The device's capabilities as braket.device_schema parses them (`IqmDeviceCapabilities` and others).
        forced: The pair to use, in any order; then it is the only one.
        unusable: List that gets a line about pairs left out because a value of their calibration is impossible.

    Raises:
        BackendError: no pair, or not the forced one, is connected and calibrated in gates that make a Bell circuit.
    """
    try:
        gates = entanglers(properties.paradigm.nativeGateSet)
    except ValueError as error:
        raise BackendError(f"{name}: {error}") from error
    each_calibrated = hasattr(properties.standardized, "twoQubitProperties")
    pairs = [*(_calibrated_pairs(properties, gates) if each_calibrated else _average_pairs(properties, gates[0]))]
    odd = [f"{_label(pair.pair)}: {pair.oddity}" for pair in pairs if pair.oddity]
    if odd and unusable is not None:
        unusable.append(left_out(len(odd), odd))
    working = sorted(
        (pair for pair in pairs if pair.works and not pair.oddity),
        key=lambda each: (-each.predicted_visibility, each.pair or ()),
    )
    if not working:
        raise BackendError(
            f"{name} cannot make a Bell pair: its properties hold no connected qubits with a working calibration of "
            f"{' or '.join(gates)}, rotations and readout; choose another device or wait for its next calibration"
        )
    return tuple(working) if forced is None else (_forced_pair(name, properties, working, forced),)


def _forced_pair(name: str, properties: Any, working: Sequence[BraketPair], forced: tuple[int, int]) -> BraketPair:
    label = f"pair={forced[0]}-{forced[1]}"
    low, high = sorted(forced)
    qubits = _qubits(properties)
    if not {low, high} <= set(qubits):
        raise BackendError(f"{name}: {label} is not on the device; its qubits are {_spans(qubits)}")
    if working[0].pair is None and low != high:
        return replace(working[0], pair=(low, high))
    usable = sorted(each.pair for each in working if each.pair is not None)
    if (low, high) in usable:
        return next(each for each in working if each.pair == (low, high))
    raise not_connected(name, forced, usable)


def _calibrated_pairs(properties: Any, gates: Sequence[str]) -> Iterator[BraketPair]:
    """Pairs of a device that calibrates each: those connected, with every number needed."""
    edges = _edges(properties.paradigm.connectivity)
    qubits = {int(key): _qubit(values) for key, values in properties.standardized.oneQubitProperties.items()}
    for key, values in properties.standardized.twoQubitProperties.items():
        low, high = sorted(int(qubit) for qubit in key.split("-"))
        # Benchmarks of whole Cliffords may be listed beside the gate's own, which reads higher: the highest counts.
        fidelities = [(each.fidelity, each.gateName.lower()) for each in values.twoQubitGateFidelity]
        known = [entry for entry in fidelities if entry[1] in gates]
        fidelity, gate = max((each for each in known if _can_be(1 - each[0])), default=(known or [(0.0, "")])[0])
        a, b = qubits.get(low), qubits.get(high)
        if gate and a and b and (edges is None or (low, high) in edges):
            errors, readouts = (a.gate_error, b.gate_error), (a.readout_error, b.readout_error)
            yield BraketPair((low, high), gate, 1 - fidelity, errors, readouts, (a.t1, b.t1), (a.t2, b.t2))


def _average_pairs(properties: Any, gate: str) -> Iterator[BraketPair]:
    """A device's averages, for every pair at once if all are connected, else for each connected one."""
    standardized, provider = properties.standardized, properties.provider
    fidelity = getattr(provider, "fidelity", None) or {}
    timing = getattr(provider, "timing", None) or {}

    def average(field: str, key: str) -> float | None:
        """The average in the standardized properties, else in the provider's own."""
        listed = getattr(standardized, field, None)
        value = listed[0].fidelity if listed else (fidelity.get(key) or {}).get("mean")
        return None if value is None else float(value)

    two, readout = average("twoQubitGateFidelity", "2Q"), average("readoutFidelity", "spam")
    one = average("singleQubitFidelity", "1Q")
    if one is None:
        per_qubit = (getattr(standardized, "oneQubitProperties", None) or {}).values()
        known = [value for value in map(_gate_fidelity, per_qubit) if value is not None]
        one = fmean(known) if known else None
    if one is None or two is None or readout is None:
        return
    t1, t2 = (_seconds(getattr(standardized, field, None)) or timing.get(field) for field in ("T1", "T2"))
    pair = BraketPair(None, gate, 1 - two, (1 - one, 1 - one), (1 - readout, 1 - readout), (t1, t1), (t2, t2))
    edges = _edges(properties.paradigm.connectivity)
    yield from [pair] if edges is None else [replace(pair, pair=edge) for edge in edges]


def _qubit(values: Any) -> _Qubit | None:
    """One qubit's calibration, or None if its rotations or its readout have none."""
    fidelities = _by_type(values.oneQubitFidelity)
    gate = _gate_fidelity(values)
    if gate is None:
        return None
    if _READOUT in fidelities:
        readout_error = 1 - fidelities[_READOUT]
    elif all(name in fidelities for name in _READOUT_ERRORS):
        readout_error = fmean(fidelities[name] for name in _READOUT_ERRORS)
    else:
        return None
    return _Qubit(1 - gate, readout_error, _seconds(values.T1), _seconds(values.T2))


def _gate_fidelity(values: Any) -> float | None:
    fidelities = _by_type(values.oneQubitFidelity)
    return next((fidelities[name] for name in _ONE_QUBIT if name in fidelities), None)


def _by_type(fidelities: Iterable[Any]) -> dict[str, float]:
    """Fidelities by the name of their type, which the schema's third version makes an Enum and may leave out."""
    typed = [each for each in fidelities if each.fidelityType is not None]
    return {str(getattr(each.fidelityType.name, "value", each.fidelityType.name)): each.fidelity for each in typed}


def _seconds(time: Any) -> float | None:
    """A time with its unit, in seconds; None if it is not given, or in a unit that is not one of time."""
    if time is None:
        return None
    factor = _SECONDS.get(str(getattr(time.unit, "value", time.unit)).lower())
    return None if factor is None else time.value * factor


def _can_be(value: float) -> bool:
    """Whether an error, or a time, can have this value."""
    return isfinite(value) and value > 0


def _label(pair: tuple[int, int] | None) -> str:
    return "all" if pair is None else f"{pair[0]}-{pair[1]}"


def _edges(connectivity: Any) -> set[tuple[int, int]] | None:
    """Connected qubits, ascending; None if all are."""
    if connectivity.fullyConnected:
        return None
    graph = connectivity.connectivityGraph
    return {(min(a, b), max(a, b)) for key in graph for a, b in ((int(key), int(other)) for other in graph[key])}


def _qubits(properties: Any) -> list[int]:
    """The device's qubits, ascending; they may start at 1 and have gaps."""
    named = getattr(properties.standardized, "oneQubitProperties", None)
    return sorted(map(int, named)) if named else list(range(properties.paradigm.qubitCount))


def _spans(qubits: Sequence[int]) -> str:
    """Ascending numbers as runs: 0…3, 5, 7…9."""
    runs: list[list[int]] = []
    for qubit in qubits:
        if runs and qubit == runs[-1][-1] + 1:
            runs[-1].append(qubit)
        else:
            runs.append([qubit])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}…{run[-1]}" for run in runs)
