"""The best pair of qubits of a device by its calibration, and the exact noise model of that pair alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import exp, isfinite, pi
from typing import TYPE_CHECKING, Any

import numpy as np

from ...circuits.qiskit_circuit import bell_circuit
from ...circuits.schedule import Setting
from ...model.errors import BackendError
from ...model.trials import Floats
from ..options import Pair
from .noise_model import exact_probabilities, is_faulty, native_passes, noisy_simulator, reduced_target
from .prediction import AngleResponse

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target


CANDIDATES = 4  # pairs evaluated exactly: on every snapshot shipped the best is among the first by prediction
ONE_QUBIT_GATES = ("sx", "u2", "u3", "rx")  # which of them carries the errors of one-qubit rotations, first wins
ROTATIONS = 3  # one-qubit gates each qubit of the circuit goes through

# E over these settings gives the visibility by projection on cos(α−β); the first two of each α make CHSH.
_PROBES = tuple(
    Setting(0, 0, alpha, beta) for alpha in (0, pi / 2) for beta in (pi / 4, -pi / 4, 3 * pi / 4, -3 * pi / 4)
)


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
        up, down = self.readout_0to1, self.readout_1to0
        return np.array([[1 - up, up], [down, 1 - down]])

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
        errors contain relaxation; it counts by itself only where it exceeds what they admit.
        """
        two = 1 - max(self.gate_error * 4 / 3, self._relaxation_loss())
        one = (1 - 2 * self.a.gate_error) * (1 - 2 * self.b.gate_error)
        readout = 1.0
        for qubit in (self.a, self.b):
            readout *= 1 - qubit.readout_0to1 - qubit.readout_1to0
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
        kept = [1.0, 1.0]
        for qubit in (self.a, self.b):
            for which, time in enumerate((qubit.t1, qubit.t2)):
                kept[which] *= exp(-self.gate_duration / time)
        return 1 - sum(kept) / 2


@dataclass(frozen=True, eq=False)
class PairModel:
    """Two qubits of a device as a simulator of their own, qubit 0 being A's.

    Attributes:
        calibration: Its errors.
        passes: The pass manager that brings circuits into the pair's native gates.
        simulator: An AerSimulator with the noise of this pair only.
    """

    calibration: PairCalibration
    passes: Any
    simulator: Any
    _circuits: dict[int, QuantumCircuit] = field(default_factory=dict, init=False, repr=False)
    _responses: dict[int, AngleResponse] = field(default_factory=dict, init=False, repr=False)

    def circuit(self, dimension: int) -> QuantumCircuit:
        """The Bell circuit for vectors of 2 or 3 dimensions in the pair's native gates, its angles as parameters."""
        if dimension not in self._circuits:
            self._circuits[dimension] = self.passes.run(bell_circuit(dimension))
        return self._circuits[dimension]

    def probabilities(self, settings: Sequence[Setting]) -> Floats:
        """Exact P(a, b) of raw outcomes, readout errors included, shape (len(settings), 2, 2)."""
        readout = self.calibration.a.readout_matrix, self.calibration.b.readout_matrix
        return exact_probabilities(self.simulator, self.circuit(settings[0].dimension), settings, readout)

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """The same from a few settings, whose simulation is kept."""
        dimension = settings[0].dimension
        if dimension not in self._responses:
            self._responses[dimension] = AngleResponse.of(self.probabilities, dimension)
        return self._responses[dimension].probabilities(settings)

    @cached_property
    def visibility(self) -> float:
        """Werner visibility: E projected on cos(α−β)."""
        cosines = np.cos([setting.alpha - setting.beta for setting in _PROBES])
        return float(self._probe_correlators @ cosines / (cosines @ cosines))

    @cached_property
    def chsh(self) -> float:
        """S at α = 0, π/2 and β = ±π/4, at most 2√2."""
        e = self._probe_correlators.reshape(2, 4)
        return float(e[0, 0] + e[0, 1] + e[1, 0] - e[1, 1])

    def record(self) -> dict[str, Any]:
        """JSON-ready: the calibration, and what the exact noise model predicts."""
        return {
            **self.calibration.record(),
            "predicted_correlator_visibility": self.visibility,
            "predicted_chsh": self.chsh,
        }

    @cached_property
    def _probe_correlators(self) -> Floats:
        return np.asarray(np.einsum("nij,ij->n", self.probabilities(_PROBES), [[1, -1], [-1, 1]]))


def best_pairs(name: str, target: Target, properties: Any, forced: Pair | None = None) -> tuple[PairModel, ...]:
    """The most promising pairs of a device with their exact noise models, best CHSH S first.

    Args:
        forced: The pair to use, A's qubit first; then it is the only one.

    Raises:
        BackendError: no pair of qubits, or not the forced one, has working gates and a known readout error.
    """
    if forced is not None:
        return (pair_model(target, forced_calibration(name, target, properties, forced)),)
    ranked = ranked_calibrations(name, target, properties)
    models = [pair_model(target, calibration) for calibration in ranked[:CANDIDATES]]
    return tuple(sorted(models, key=lambda model: -model.chsh))


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


def calibration_record(device: str, properties: Any, models: Sequence[PairModel]) -> dict[str, Any]:
    """JSON-ready: the pair chosen, what is predicted for it, and the next best."""
    best, *others = models
    return {
        "device": device,
        "last_update_date": properties.last_update_date.isoformat(),
        **best.record(),
        "next_best_pairs": [
            {"pair": list(model.calibration.pair), "correlator_visibility": model.visibility, "chsh": model.chsh}
            for model in others
        ],
    }


def pair_calibrations(
    target: Target, properties: Any, unusable: dict[Pair, str] | None = None
) -> Iterator[PairCalibration]:
    """The calibration of every connected pair whose gates and readout work, A's qubit being the gate's first.

    A pair whose gate works in both directions comes twice; of two gates the one with the smaller error counts. A pair
    is left out if its gate or readout is marked faulty, or if a value of it is missing or impossible.

    Args:
        unusable: Gets, by pair, the value that is missing or impossible.
    """
    qubits: dict[int, QubitCalibration | None] = {}
    odd: dict[int, str] = {}
    for index in range(target.num_qubits):
        try:
            qubits[index] = _qubit_calibration(target, properties, index)
        except _OddError as error:
            odd[index] = str(error)
    best: dict[Pair, PairCalibration] = {}
    refused: dict[Pair, str] = {}
    for gate, pair, props in _two_qubit_gates(target):
        first, second = pair
        try:
            loss = _possible(props.error, f"error of {gate} on {first}-{second}")
            duration = _possible(props.duration, f"length of {gate} on {first}-{second}")
        except _OddError as error:
            refused[pair] = str(error)
            continue
        strange = odd.get(first) or odd.get(second)
        if strange:
            refused[pair] = strange
        elif (a := qubits[first]) and (b := qubits[second]) and not (pair in best and best[pair].gate_error <= loss):
            best[pair] = PairCalibration(a, b, gate, loss, duration)
    if unusable is not None:
        unusable |= {pair: why for pair, why in refused.items() if pair not in best}
    for pair in sorted(best):
        yield best[pair]


def unusable_pairs(target: Target, properties: Any) -> str:
    """One line on the pairs that are left out because a value of their calibration is missing or impossible, or ""."""
    found: dict[Pair, str] = {}
    for _ in pair_calibrations(target, properties, found):
        pass
    couples = {frozenset(pair) for pair in found}
    if not couples:
        return ""
    reasons = list(dict.fromkeys(found.values()))
    more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    are = "pair of qubits is" if len(couples) == 1 else "pairs of qubits are"
    return f"{len(couples)} {are} left out, since the calibration says: {', '.join(reasons[:3])}{more}"


def pair_model(target: Target, calibration: PairCalibration) -> PairModel:
    """The noise of one pair, reduced to two qubits; A's becomes 0."""
    reduced = reduced_target(target, calibration.pair, {frozenset(calibration.pair): calibration.gate})
    readout = calibration.a.readout_matrix, calibration.b.readout_matrix
    return PairModel(calibration, native_passes(reduced), noisy_simulator(reduced, readout))


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
    # Of a few hundred trials none may fail, so that one direction may be 0; both are not.
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
    unusable: dict[Pair, str] = {}
    calibrations = {each.pair: each for each in pair_calibrations(target, properties, unusable)}
    if forced in calibrations:
        return calibrations[forced]
    if forced[::-1] in calibrations:
        other = calibrations[forced[::-1]]
        return replace(other, a=other.b, b=other.a)
    last = target.num_qubits - 1
    if max(forced) > last:
        raise BackendError(f"{name}: pair={forced[0]}-{forced[1]} is not on the device; its qubits are 0…{last}")
    if why := unusable.get(forced) or unusable.get(forced[::-1]):
        raise BackendError(f"{name}: pair={forced[0]}-{forced[1]} cannot be used, {why}; choose another pair")
    choices = ", ".join(f"{a}-{b}" for a, b in sorted(calibrations) if {a, b} & set(forced)) or "none with these qubits"
    raise BackendError(f"{name}: pair={forced[0]}-{forced[1]} is not connected by a working gate; usable: {choices}")
