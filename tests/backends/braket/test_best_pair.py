"""The best pair of a Braket QPU: which number of its properties counts, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

pytest.importorskip("braket")
from bellqueue.backends.braket.best_pair import braket_pairs
from bellqueue.circuits.braket_native import native_bell_circuit
from bellqueue.model.errors import BackendError

STANDARDIZED = "braket.device_schema.standardized_gate_model_qpu_device_properties"


def _capabilities(native: list[str], graph: dict[str, list[str]] | None, count: int, **rest: Any) -> dict[str, Any]:
    """What every QPU's capabilities have; no graph means that all qubits are connected."""
    return {
        "service": {"executionWindows": [], "shotsRange": [1, 20000]},
        "action": {
            "braket.ir.openqasm.program": {
                "actionType": "braket.ir.openqasm.program",
                "version": ["1"],
                "supportedOperations": [gate.lower() for gate in native],
                "supportedResultTypes": [{"name": "Probability", "minShots": 1, "maxShots": 20000}],
            }
        },
        "deviceParameters": {},
        "paradigm": {
            "qubitCount": count,
            "nativeGateSet": native,
            "connectivity": {"fullyConnected": graph is None, "connectivityGraph": graph or {}},
        },
        **rest,
    }


def _qubit(unit: str = "s", t1: float = 40e-6, t2: float = 20e-6, **fidelities: float) -> dict[str, Any]:
    return {
        "T1": {"value": t1, "unit": unit},
        "T2": {"value": t2, "unit": unit},
        "oneQubitFidelity": [{"fidelityType": {"name": name}, "fidelity": value} for name, value in fidelities.items()],
    }


def _gates(*entries: tuple[str, float]) -> dict[str, Any]:
    kind = {"name": "INTERLEAVED_RANDOMIZED_BENCHMARKING"}
    return {
        "twoQubitGateFidelity": [{"gateName": name, "fidelity": value, "fidelityType": kind} for name, value in entries]
    }


def _calibrated(qubits: dict[str, Any], pairs: dict[str, Any]) -> dict[str, Any]:
    header = {"name": STANDARDIZED, "version": "1"}
    return {"braketSchemaHeader": header, "oneQubitProperties": qubits, "twoQubitProperties": pairs}


def _iqm(qubits: dict[str, Any], pairs: dict[str, Any], graph: dict[str, list[str]] | None = None) -> Any:
    """By default the pairs calibrated are those connected, each named at its second qubit."""
    from braket.device_schema.iqm import IqmDeviceCapabilities

    if graph is None:
        graph = {}
        for key in pairs:
            low, high = key.split("-")
            graph.setdefault(high, []).append(low)
    standardized = _calibrated(qubits, pairs)
    return IqmDeviceCapabilities.parse_obj(_capabilities(["cz", "prx"], graph, len(qubits), standardized=standardized))


GOOD = _qubit(RANDOMIZED_BENCHMARKING=0.999, READOUT=0.98)
POOR = _qubit(RANDOMIZED_BENCHMARKING=0.99, READOUT=0.9)


def test_the_predicted_visibility_is_the_product_of_the_losses() -> None:
    qubits = {"3": _qubit(RANDOMIZED_BENCHMARKING=0.999, READOUT=0.98), "5": POOR}
    (pair,) = braket_pairs("garnet", _iqm(qubits, {"3-5": _gates(("CZ", 0.97))}))
    # 1 − 0.03·4/3, pulses at 1 − 2·0.001 and 1 − 2·0.01 twice each, readouts at 1 − 2·0.02 and 1 − 2·0.1.
    assert pair.predicted_visibility == pytest.approx(0.96 * 0.998**2 * 0.98**2 * 0.96 * 0.8, rel=1e-12)
    assert (pair.pair, pair.gate) == ((3, 5), "cz")
    record = json.loads(json.dumps(pair.record()))
    assert record["pair"] == [3, 5]
    assert record["two_qubit_gate_error"] == pytest.approx(0.03)
    assert record["one_qubit_gate_errors"] == pytest.approx([0.001, 0.01])
    assert record["readout_errors"] == pytest.approx([0.02, 0.1])
    assert record["t1_us"] == pytest.approx([40, 40])
    assert record["t2_us"] == pytest.approx([20, 20])


def test_an_emulator_of_the_device_finds_the_predicted_visibility() -> None:
    from braket.circuits import Circuit
    from braket.devices import LocalSimulator

    emulators = pytest.importorskip("braket.emulation.local_emulator", reason="older releases have none")

    properties = _iqm({"1": GOOD, "2": POOR}, {"1-2": _gates(("CZ", 0.97))})
    (pair,) = braket_pairs("garnet", properties)
    assert pair.pair is not None
    emulator = emulators.LocalEmulator.from_device_properties(properties)
    correlators = []
    for angle in (0.0, np.pi / 2):  # ⟨ZZ⟩ and ⟨XX⟩ of |Φ+⟩
        circuit = native_bell_circuit(["cz", "prx"], angle, angle, pair.pair)
        emulator.validate(circuit)
        noisy = emulator.noise_model.apply(circuit).instructions
        # Exact probabilities are to be had of circuits without measurements; their noise stands before them.
        bare = Circuit(
            [each for each in noisy if "Verbatim" not in each.operator.name and each.operator.name != "Measure"]
        )
        vector = LocalSimulator("braket_dm").run(bare.probability(list(pair.pair)), shots=0).result().values[0]
        correlators.append(vector @ [1, -1, -1, 1])
    # An error of a qubit's pulse before the two-qubit gate spoils only one of the two correlators.
    assert pair.predicted_visibility < np.mean(correlators) < pair.predicted_visibility + 0.001 + 0.01


def test_pairs_come_best_first() -> None:
    qubits = {"1": GOOD, "2": GOOD, "3": GOOD, "4": POOR}
    pairs = {"1-2": _gates(("CZ", 0.97)), "2-3": _gates(("CZ", 0.98)), "3-4": _gates(("CZ", 0.995))}
    ranked = braket_pairs("garnet", _iqm(qubits, pairs))
    assert [pair.pair for pair in ranked] == [(2, 3), (1, 2), (3, 4)]


def test_a_pair_lacking_calibration_or_connection_or_marked_faulty_is_passed_over() -> None:
    qubits = {
        "1": GOOD,
        "2": GOOD,
        "3": _qubit(RANDOMIZED_BENCHMARKING=0.999),
        "4": _qubit(READOUT=0.98),
        "5": _qubit(RANDOMIZED_BENCHMARKING=0.999, READOUT=0.5),
    }
    pairs = {key: _gates(("CZ", 0.99)) for key in ("1-2", "1-3", "1-4", "1-5", "1-9")}
    pairs |= {"2-1": _gates(("CZ", 0.0)), "2-3": _gates(), "2-4": _gates(("ECR", 0.99))}
    assert [pair.pair for pair in braket_pairs("garnet", _iqm(qubits, pairs))] == [(1, 2)]
    with pytest.raises(BackendError, match=r"garnet cannot make a Bell pair: .* of cz, rotations and readout; choose"):
        braket_pairs("garnet", _iqm(qubits, pairs, graph={"1": ["3", "4"]}))


def test_other_fidelity_types_stand_in_and_units_of_time_are_read() -> None:
    simultaneous = {"SIMULTANEOUS_RANDOMIZED_BENCHMARKING": 0.99}
    qubits = {
        "1": _qubit("us", 40.0, 20.0, **simultaneous, READOUT_ERROR_0_TO_1=0.01, READOUT_ERROR_1_TO_0=0.05),
        "2": _qubit("fortnights", 40.0, 20.0, RANDOMIZED_BENCHMARKING=0.999, **simultaneous, READOUT=0.98),
    }
    (pair,) = braket_pairs("garnet", _iqm(qubits, {"1-2": _gates(("CZ", 0.99))}))
    assert pair.one_qubit_errors == pytest.approx((0.01, 0.001))
    assert pair.readout_errors == pytest.approx((0.03, 0.02))
    assert pair.t1[0] == pytest.approx(40e-6)
    assert pair.t2[0] == pytest.approx(20e-6)
    assert (pair.t1[1], pair.t2[1]) == (None, None)


def test_a_pair_uses_the_better_of_its_native_gates() -> None:
    from braket.device_schema.rigetti.rigetti_device_capabilities_v2 import RigettiDeviceCapabilities

    pairs = {
        "0-1": _gates(("CZ", 0.95), ("ISWAP", 0.97), ("XY", 0.99)),
        "0-7": _gates(("ISWAP", 0.9), ("CZ", 0.96)),
        "1-7": _gates(("XY", 0.99)),
    }
    properties = RigettiDeviceCapabilities.parse_obj(
        _capabilities(
            ["rx", "rz", "cz", "iswap", "xy"],
            {"0": ["1", "7"], "1": ["0", "7"], "7": ["0", "1"]},
            3,
            standardized=_calibrated(dict.fromkeys(("0", "1", "7"), GOOD), pairs),
        )
    )
    ranked = braket_pairs("ankaa", properties)
    assert [(pair.pair, pair.gate) for pair in ranked] == [((0, 1), "iswap"), ((0, 7), "cz")]


def test_a_forced_pair_is_the_only_one_whatever_its_order() -> None:
    qubits = dict.fromkeys(("1", "2", "3", "5"), GOOD)
    properties = _iqm(qubits, {"1-2": _gates(("CZ", 0.97)), "2-3": _gates(("CZ", 0.98))})
    assert [pair.pair for pair in braket_pairs("garnet", properties, (2, 1))] == [(1, 2)]
    with pytest.raises(BackendError, match=r"^garnet: pair=3-1 is not connected by a working gate; usable: 1-2, 2-3$"):
        braket_pairs("garnet", properties, (3, 1))
    with pytest.raises(BackendError, match=r"pair=5-5 is not connected by a working gate; usable: none with these"):
        braket_pairs("garnet", properties, (5, 5))
    with pytest.raises(BackendError, match=r"^garnet: pair=1-4 is not on the device; its qubits are 1…3, 5$"):
        braket_pairs("garnet", properties, (1, 4))


def _ionq(**rest: Any) -> Any:
    from braket.device_schema.ionq import IonqDeviceCapabilities

    return IonqDeviceCapabilities.parse_obj(_capabilities(["GPI", "GPI2", "ZZ"], None, 36, **rest))


IONQ_PROVIDER = {
    "fidelity": {"1Q": {"mean": 0.9998}, "2Q": {"mean": 0.994}, "spam": {"mean": 0.995}},
    "timing": {"T1": 100.0, "T2": 1.0, "1Q": 1e-4, "2Q": 1e-3, "readout": 2e-4, "reset": 2e-5},
}


def test_an_all_to_all_device_predicts_one_visibility_for_any_pair() -> None:
    (average,) = braket_pairs("forte", _ionq(provider=IONQ_PROVIDER))
    assert (average.pair, average.gate, average.t1, average.t2) == (None, "zz", (100, 100), (1, 1))
    assert average.predicted_visibility == pytest.approx(0.992 * 0.9996**4 * 0.99**2, rel=1e-12)
    assert json.loads(json.dumps(average.record()))["pair"] is None
    (forced,) = braket_pairs("forte", _ionq(provider=IONQ_PROVIDER), (35, 4))
    assert forced.pair == (4, 35)
    assert forced.predicted_visibility == average.predicted_visibility
    with pytest.raises(BackendError, match=r"^forte: pair=4-36 is not on the device; its qubits are 0…35$"):
        braket_pairs("forte", _ionq(provider=IONQ_PROVIDER), (4, 36))
    with pytest.raises(BackendError, match=r"^forte: pair=4-4 is not connected"):
        braket_pairs("forte", _ionq(provider=IONQ_PROVIDER), (4, 4))


def test_standardized_averages_go_before_the_providers() -> None:
    benchmark = {"name": "RANDOMIZED_BENCHMARKING"}
    standardized = {
        "braketSchemaHeader": {"name": STANDARDIZED, "version": "3"},
        "oneQubitProperties": {
            str(qubit): {"oneQubitFidelity": [{"fidelityType": benchmark, "fidelity": value, "unit": "fraction"}]}
            for qubit, value in enumerate((0.999, 0.997))
        },
        "T2": {"value": 500.0, "unit": "ms"},
        "twoQubitGateFidelity": [{"fidelityType": benchmark, "fidelity": 0.97, "unit": "fraction"}],
        "readoutFidelity": [{"fidelity": 0.98, "unit": "fraction"}],
    }
    provider = {"fidelity": {}, "timing": {"T1": 100.0, "T2": 1.0}}
    (average,) = braket_pairs("forte", _ionq(provider=provider, standardized=standardized))
    assert average.predicted_visibility == pytest.approx(0.96 * 0.996**4 * 0.96**2, rel=1e-12)
    assert (average.t1, average.t2) == ((100, 100), (0.5, 0.5))


def test_averages_serve_every_connected_pair_of_a_device_that_is_not_all_to_all() -> None:
    from braket.device_schema.ionq import IonqDeviceCapabilities

    graph = {"0": ["1"], "2": ["1"]}
    properties = IonqDeviceCapabilities.parse_obj(
        _capabilities(["GPI", "GPI2", "MS"], graph, 3, provider=IONQ_PROVIDER)
    )
    assert [pair.pair for pair in braket_pairs("aria", properties)] == [(0, 1), (1, 2)]
    with pytest.raises(BackendError, match=r"pair=0-2 is not connected by a working gate; usable: 0-1, 1-2$"):
        braket_pairs("aria", properties, (0, 2))


def test_without_averages_or_known_gates_there_is_no_pair() -> None:
    from braket.device_schema.iqm import IqmDeviceCapabilities

    with pytest.raises(BackendError, match=r"^forte cannot make a Bell pair"):
        braket_pairs("forte", _ionq(provider={"fidelity": {"1Q": {"mean": 0.9998}}, "timing": {}}))
    with pytest.raises(BackendError, match=r"^forte cannot make a Bell pair"):
        braket_pairs("forte", _ionq())
    ecr = IqmDeviceCapabilities.parse_obj(_capabilities(["ecr", "rz"], None, 2))
    with pytest.raises(BackendError, match=r"^lucy: no Bell circuit is known in the native gates ecr, rz; supported"):
        braket_pairs("lucy", ecr)
