"""Devices of the Braket double: capabilities in the shape the service gives, with invented calibrations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

SV1 = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
GARNET = "arn:aws:braket:eu-north-1::device/qpu/iqm/Garnet"
FORTE = "arn:aws:braket:us-east-1::device/qpu/ionq/Forte-1"
ANKAA = "arn:aws:braket:us-west-1::device/qpu/rigetti/Ankaa-3"

Pair = tuple[int, int]
_SCHEMA = "braket.device_schema"
_PROGRAM = "braket.ir.openqasm.program"
_PROGRAM_SET = "braket.ir.openqasm.program_set"
_VERBATIM = ("start_verbatim_box", "end_verbatim_box")
_GATES = ("x", "y", "z", "h", "s", "si", "t", "ti", "rx", "ry", "rz", "cnot", "cz", "iswap", "swap", "xx", "yy", "zz")


@dataclass(frozen=True)
class BraketDevice:
    """One device.

    Attributes:
        arn: Its region is empty for simulators, which are offered in every region.
        name, provider, kind: As the service lists them.
        capabilities: The JSON of `deviceCapabilities`.
        gates: Native gates, in lower case; empty where there are none.
        couplings: Pairs that a two-qubit gate can act on, smaller qubit first; None if all can.
        qubits: The qubits there are.
        shots: Fewest and most shots of one circuit.
        program_set: Most executables and most shots of a program set; None if there are no program sets.
        histogram_only: Whether results hold probabilities and no single shots, as IonQ's do.
        best: The pair with the best calibration; None if all are alike.
    """

    arn: str
    name: str
    provider: str
    kind: Literal["QPU", "SIMULATOR"]
    capabilities: str
    gates: frozenset[str]
    couplings: frozenset[Pair] | None
    qubits: range
    shots: tuple[int, int]
    program_set: tuple[int, int] | None = None
    histogram_only: bool = False
    best: Pair | None = None

    @property
    def region(self) -> str:
        """Where it is; empty for simulators."""
        return self.arn.split(":")[3]


@cache
def devices() -> tuple[BraketDevice, ...]:
    """All devices."""
    return _simulator(), _garnet(), _forte(), _ankaa()


def _header(name: str, version: int = 1) -> dict[str, str]:
    return {"name": f"{_SCHEMA}.{name}", "version": str(version)}


def _service(shots: tuple[int, int], price: float, unit: str, place: str) -> dict[str, Any]:
    window = {"executionDay": "Everyday", "windowStartHour": "00:00:00", "windowEndHour": "23:59:59"}
    return {
        "braketSchemaHeader": _header("device_service_properties"),
        "executionWindows": [window],
        "shotsRange": list(shots),
        "deviceCost": {"price": price, "unit": unit},
        "deviceDocumentation": {"imageUrl": "", "summary": "an invented device", "externalDocumentationUrl": ""},
        "deviceLocation": place,
        "updatedAt": "2026-01-05T06:07:08+00:00",
        "getTaskPollIntervalMillis": 1,
    }


def _actions(operations: Sequence[str], shots: tuple[int, int], sets: tuple[int, int] | None) -> dict[str, Any]:
    verbatim = "start_verbatim_box" in operations
    actions: dict[str, Any] = {
        _PROGRAM: {
            "actionType": _PROGRAM,
            "version": ["1"],
            "supportedOperations": list(operations),
            "supportedPragmas": ["verbatim"] if verbatim else ["braket_unitary_matrix"],
            "maximumQubitArrays": 1,
            "maximumClassicalArrays": 1,
            "supportPhysicalQubits": verbatim,
            "supportsPartialVerbatimBox": False,
            "disabledQubitRewiringSupported": verbatim,
            "supportedResultTypes": [{"name": "Probability", "minShots": shots[0], "maxShots": shots[1]}],
        }
    }
    if sets is not None:
        actions[_PROGRAM_SET] = {
            "actionType": _PROGRAM_SET,
            "version": ["1"],
            "maximumExecutables": sets[0],
            "maximumTotalShots": sets[1],
        }
    return actions


def _paradigm(qubits: int, gates: Sequence[str], graph: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {
        "braketSchemaHeader": _header("gate_model_qpu_paradigm_properties"),
        "qubitCount": qubits,
        "nativeGateSet": list(gates),
        "connectivity": {"fullyConnected": not graph, "connectivityGraph": graph},
    }


def _lattice(rows: int, columns: int, first: int) -> frozenset[Pair]:
    """Couplings of a square lattice whose qubits are numbered along its rows."""
    right = {(q, q + 1) for q in range(first, first + rows * columns) if (q - first) % columns < columns - 1}
    down = {(q, q + columns) for q in range(first, first + (rows - 1) * columns)}
    return frozenset(right | down)


def _key(pair: Pair) -> str:
    """The service sorts a pair's qubits as texts: 10 comes before 9."""
    return "-".join(sorted(map(str, pair)))


@dataclass(frozen=True)
class _Lattice:
    """A lattice of qubits and what its calibration is to say.

    Attributes:
        couplings, qubits, best: As in `BraketDevice`.
        gate: Its two-qubit gate.
        one_qubit_method, two_qubit_method: How fidelities were measured.
        decoy: A pair with the very best gate, and one qubit that is hardly readable.
        uncalibrated: A coupling that the calibration leaves out.
        seed: Seed of the ordinary values.
    """

    couplings: frozenset[Pair]
    qubits: range
    gate: str
    one_qubit_method: str
    two_qubit_method: str
    best: Pair
    decoy: Pair
    uncalibrated: Pair
    seed: int

    def standardized(self) -> dict[str, Any]:
        """The calibration: ordinary values drawn at random, and the special pairs."""
        rng = np.random.default_rng(self.seed)
        singles = {str(qubit): self._single(qubit, rng) for qubit in self.qubits}
        pairs = {_key(pair): self._pair(pair, rng) for pair in sorted(self.couplings - {self.uncalibrated})}
        return {
            "braketSchemaHeader": _header("standardized_gate_model_qpu_device_properties"),
            "oneQubitProperties": singles,
            "twoQubitProperties": pairs,
        }

    def _single(self, qubit: int, rng: np.random.Generator) -> dict[str, Any]:
        gate, readout = rng.uniform(0.9975, 0.9985), rng.uniform(0.95, 0.97)
        t1, t2 = rng.uniform(3e-5, 4e-5), rng.uniform(1.5e-5, 2.5e-5)
        if qubit in self.best:
            gate, readout, t1, t2 = 0.9995, 0.99, 6e-5, 5e-5
        if qubit == self.decoy[1]:
            readout = 0.75
        return {
            "T1": {"value": t1, "standardError": t1 / 20, "unit": "S"},
            "T2": {"value": t2, "standardError": t2 / 20, "unit": "S"},
            "oneQubitFidelity": [
                {"fidelityType": {"name": self.one_qubit_method}, "fidelity": gate, "standardError": 2e-5},
                {"fidelityType": {"name": "READOUT"}, "fidelity": readout},
            ],
        }

    def _pair(self, pair: Pair, rng: np.random.Generator) -> dict[str, Any]:
        fidelity = {self.best: 0.995, self.decoy: 0.998}.get(pair, rng.uniform(0.97, 0.98))
        clifford = {
            "gateName": "Two_Qubit_Clifford",
            "fidelity": 0.9702,
            "standardError": 5.6e-4,
            "fidelityType": {"name": self.two_qubit_method},
        }
        gate = {"gateName": self.gate, "fidelity": fidelity, "fidelityType": {"name": self.two_qubit_method}}
        return {"twoQubitGateFidelity": [gate, clifford] if self.gate == "cz" else [gate]}


def _capabilities(schema: str, version: int = 1, **parts: Any) -> str:
    """The parts of a device's capabilities as one JSON text, which the SDK's schema of that name has checked."""
    from braket.schema_common import BraketSchemaBase

    content = {"braketSchemaHeader": _header(schema, version), "deviceParameters": {}, **parts}
    return str(BraketSchemaBase.parse_raw_schema(json.dumps(content)).json())


def _simulator() -> BraketDevice:
    shots = (0, 100_000)
    paradigm = {
        "braketSchemaHeader": _header("simulators.gate_model_simulator_paradigm_properties"),
        "qubitCount": 34,
    }
    capabilities = _capabilities(
        "simulators.gate_model_simulator_device_capabilities",
        service=_service(shots, 0.075, "minute", "any region"),
        action=_actions(_GATES, shots, None),
        paradigm=paradigm,
    )
    return BraketDevice(SV1, "SV1", "Amazon Braket", "SIMULATOR", capabilities, frozenset(), None, range(34), shots)


def _garnet() -> BraketDevice:
    """Qubits are numbered from 1, and the graph lists every coupling once, sorted as texts."""
    lattice = _Lattice(
        couplings=_lattice(4, 5, first=1),
        qubits=range(1, 21),
        gate="cz",
        one_qubit_method="SIMULTANEOUS_RANDOMIZED_BENCHMARKING",
        two_qubit_method="SIMULTANEOUS_INTERLEAVED_RANDOMIZED_BENCHMARKING",
        best=(9, 10),
        decoy=(17, 18),
        uncalibrated=(15, 20),
        seed=20,
    )
    graph: dict[str, list[str]] = {}
    for pair in sorted(lattice.couplings):
        smaller, larger = _key(pair).split("-")
        graph.setdefault(smaller, []).append(larger)
    shots, sets, gates = (1, 20_000), (500, 1_000_000), ("cz", "prx")
    capabilities = _capabilities(
        "iqm.iqm_device_capabilities",
        service=_service(shots, 0.00145, "shot", "Finland"),
        action=_actions((*_GATES, "prx", *_VERBATIM), shots, sets),
        paradigm=_paradigm(20, gates, graph),
        standardized=lattice.standardized(),
    )
    return _lattice_device(GARNET, "Garnet", "IQM", capabilities, lattice, gates, shots, sets)


def _ankaa() -> BraketDevice:
    """Qubits are numbered from 0, and the graph lists every coupling from both ends."""
    lattice = _Lattice(
        couplings=_lattice(3, 4, first=0),
        qubits=range(12),
        gate="ISWAP",
        one_qubit_method="RANDOMIZED_BENCHMARKING",
        two_qubit_method="INTERLEAVED_RANDOMIZED_BENCHMARKING",
        best=(5, 6),
        decoy=(8, 9),
        uncalibrated=(7, 11),
        seed=12,
    )
    graph: dict[str, list[str]] = {str(qubit): [] for qubit in lattice.qubits}
    for one, other in sorted(lattice.couplings):
        graph[str(one)].append(str(other))
        graph[str(other)].append(str(one))
    shots, sets, gates = (10, 50_000), (100, 100_000), ("rx", "rz", "iswap")
    capabilities = _capabilities(
        "rigetti.rigetti_device_capabilities",
        version=2,
        service=_service(shots, 0.0009, "shot", "California, USA"),
        action=_actions((*_GATES, *_VERBATIM), shots, sets),
        paradigm=_paradigm(12, gates, graph),
        standardized=lattice.standardized(),
    )
    return _lattice_device(ANKAA, "Ankaa-3", "Rigetti", capabilities, lattice, gates, shots, sets)


def _lattice_device(
    arn: str,
    name: str,
    provider: str,
    capabilities: str,
    lattice: _Lattice,
    gates: Sequence[str],
    shots: tuple[int, int],
    sets: tuple[int, int],
) -> BraketDevice:
    native, couplings, qubits = frozenset(gates), lattice.couplings, lattice.qubits
    return BraketDevice(
        arn, name, provider, "QPU", capabilities, native, couplings, qubits, shots, sets, best=lattice.best
    )


def _forte() -> BraketDevice:
    """All qubits are coupled, the calibration is one for all, and the native gates are in capitals."""
    shots, gates = (100, 5_000), ("GPI", "GPI2", "ZZ")
    debiasing = f"{_SCHEMA}.error_mitigation.debias.Debias"
    provider = {
        "braketSchemaHeader": _header("ionq.ionq_provider_properties"),
        "fidelity": {"1Q": {"mean": 0.9998}, "2Q": {"mean": 0.993}, "spam": {"mean": 0.9945}},
        "timing": {"T1": 100.0, "T2": 1.0, "1Q": 1.1e-4, "2Q": 9e-4, "readout": 2.5e-4, "reset": 5e-5},
        "errorMitigation": {debiasing: {"minimumShots": 2500}},
    }
    capabilities = _capabilities(
        "ionq.ionq_device_capabilities",
        service=_service(shots, 0.08, "shot", "Maryland, USA"),
        action=_actions((*_GATES, "gpi", "gpi2", *_VERBATIM), shots, None),
        paradigm=_paradigm(36, gates, {}),
        provider=provider,
    )
    native = frozenset(gate.lower() for gate in gates)
    return BraketDevice(
        FORTE, "Forte 1", "IonQ", "QPU", capabilities, native, None, range(36), shots, histogram_only=True
    )
