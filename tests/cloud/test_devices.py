"""The list of cloud devices: what one region, instance, device or calibration spoils does not hide the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bellqueue.backends.cloud_devices import cloud_devices
from bellqueue.backends.ibm.adapter import IbmBackend
from bellqueue.backends.registry import BackendSummary
from bellqueue.model.errors import BackendError
from bellqueue.runner.commands import doctor

from .braket_devices import GARNET
from .braket_double import BraketDouble
from .faults import Answer, Fault
from .ibm_double import IbmDouble


@pytest.fixture
def ibm(ibm: IbmDouble) -> IbmDouble:
    """IBM Quantum with two devices of five qubits."""
    ibm.devices["ibm_lima"] = "lima"
    return ibm


def listed(provider: str) -> tuple[dict[str, BackendSummary], list[str]]:
    """The devices of a provider by name, and the lines said."""
    said: list[str] = []
    found = {each.name: each for each in cloud_devices(said.append) if each.name.startswith(provider)}
    return found, said


# --- regions and instances --------------------------------------------------------------------------------------


def test_a_region_that_refuses_hides_only_its_own_devices_and_is_said_once(braket: BraketDouble) -> None:
    everything, said = listed("braket")
    assert said == []
    braket.closed_regions = {"eu-north-1", "us-west-2"}  # Garnet and Emerald live in eu-north-1
    found, said = listed("braket")
    assert set(everything) - set(found) == {"braket:garnet"}
    (line,) = said
    assert line.startswith("Amazon Braket, listing devices in us-west-2, eu-north-1: ")
    assert "no access to Braket" in line


def test_a_service_that_does_not_answer_is_one_line(braket: BraketDouble) -> None:
    braket.fail("POST", "/devices$", Fault.status(503), times=None)
    found, said = listed("braket")
    assert [each.note for each in found.values()] == ["does not answer"]
    assert len(said) == 1
    assert "us-east-1" in said[0]
    assert "eu-north-1" in said[0]


def test_an_instance_that_refuses_does_not_hide_the_devices_of_another(
    ibm: IbmDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QISKIT_IBM_INSTANCE")
    ibm.closed_instances = ("department",)
    found, said = listed("ibm")
    assert set(found) == {"ibm:ibm_manila", "ibm:ibm_lima"}
    assert len(said) == 1
    assert "the instance department gives no list" in said[0]


def test_a_network_that_is_down_is_one_line_for_each_provider(
    ibm: IbmDouble, braket: BraketDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    ibm.stop()
    braket.stop()
    found, said = listed("")
    assert {name: each.note for name, each in found.items()} == {
        "ibm:…": "does not answer",
        "braket:…": "does not answer",
    }
    assert [line.partition(",")[0] for line in said] == ["IBM Quantum", "Amazon Braket"]
    assert said[0].startswith("IBM Quantum, signing in: no answer from 127.0.0.1 (Connection refused); check")
    assert all("\n" not in line for line in said)
    assert capsys.readouterr() == ("", "")


def test_doctor_tells_a_network_that_is_down_from_a_key_that_is_not_accepted(
    ibm: IbmDouble, braket: BraketDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def providers() -> dict[str, tuple[str, str]]:
        return {each.check: (each.state, each.found) for each in doctor._providers()}

    assert {state for state, _ in providers().values()} == {"ok"}
    braket.token_expired = True
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "not-the-right-key-at-all")
    assert {state for state, _ in providers().values()} == {"fail"}
    ibm.stop()
    braket.stop()
    found = providers()
    assert {state for state, _ in found.values()} == {"warn"}
    assert all("\n" not in text for _, text in found.values())


def test_an_unknown_aws_profile_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("braket.aws", reason="needs amazon-braket-sdk")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    _, said = listed("braket")
    assert len(said) == 1
    assert "(nobody) could not be found" in said[0]


# --- calibrations -----------------------------------------------------------------------------------------------


def qubit_value(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Another value of qubit 1."""

    def spoil(properties: dict[str, Any]) -> None:
        entries = properties["qubits"][1]
        for entry in [entry for entry in entries if entry["name"] == name]:
            entry["value"] = value

    return spoil


def gate_value(gate: str, qubits: list[int], name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Another value of a gate; None leaves it out."""

    def spoil(properties: dict[str, Any]) -> None:
        for each in properties["gates"]:
            if each["gate"] == gate and sorted(each["qubits"]) == qubits:
                each["parameters"] = [one for one in each["parameters"] if one["name"] != name or value is not None]
                for one in each["parameters"]:
                    if one["name"] == name:
                        one["value"] = value

    return spoil


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (qubit_value("T1", float("nan")), "T1 of qubit 1 is nan"),
        (qubit_value("T1", 0), "T1 of qubit 1 is 0"),
        (qubit_value("T2", -3.0), "T2 of qubit 1 is -3e-06"),
        (qubit_value("prob_meas1_prep0", -0.1), "readout error of qubit 1 is -0.1"),
        (qubit_value("prob_meas1_prep0", float("nan")), "readout error of qubit 1 is nan"),
        (gate_value("sx", [1], "gate_error", -1), "error of sx on qubit 1 is -1"),
        (gate_value("sx", [1], "gate_length", 0), "length of sx on qubit 1 is 0"),
        (gate_value("cx", [0, 1], "gate_error", float("nan")), "error of cx on 0-1 is nan"),
        (gate_value("cx", [0, 1], "gate_error", 0), "error of cx on 0-1 is 0"),
        (gate_value("cx", [0, 1], "gate_error", None), "error of cx on 0-1 is missing"),
    ],
)
def test_a_pair_with_an_impossible_value_is_skipped_and_said_once(ibm: IbmDouble, spoil: Any, told: str) -> None:
    ibm.devices = {"ibm_manila": "manila"}  # a line of five qubits
    ibm.spoil = spoil
    found, said = listed("ibm")
    (line,) = said
    assert line.startswith("ibm:ibm_manila: ")
    assert told in line
    assert "left out" in line
    pair, visibility = found["ibm:ibm_manila"].pair, found["ibm:ibm_manila"].predicted_visibility
    assert pair is not None
    assert set(pair) != {0, 1}
    assert visibility is not None
    assert 0 < visibility < 1
    with pytest.raises(BackendError, match="pair=0-1 cannot be used, "):
        IbmBackend("manila,pair=0-1").describe()


def test_a_device_whose_calibration_cannot_be_read_does_not_hide_the_others(ibm: IbmDouble) -> None:
    def spoil(properties: dict[str, Any]) -> None:
        if properties["backend_name"] == "ibm_lima":
            properties["qubits"] = "a mistake"

    ibm.spoil = spoil
    found, said = listed("ibm")
    assert set(found) == {"ibm:ibm_manila", "ibm:ibm_lima"}
    assert found["ibm:ibm_manila"].pair is not None
    assert (found["ibm:ibm_lima"].pair, found["ibm:ibm_lima"].status) == (None, "unknown")
    (line,) = said
    assert "asking for ibm:ibm_lima" in line


def spoil_garnet(double: BraketDouble, change: Callable[[dict[str, Any]], None]) -> None:
    capabilities = json.loads(double.devices[GARNET].capabilities)
    change(capabilities)
    double.devices[GARNET] = replace(double.devices[GARNET], capabilities=json.dumps(capabilities))


@pytest.mark.parametrize("value", [float("nan"), 0, -1e-6])
def test_a_braket_pair_with_an_impossible_time_is_skipped_and_said_once(braket: BraketDouble, value: float) -> None:
    best = braket.devices[GARNET].best
    assert best is not None

    def change(capabilities: dict[str, Any]) -> None:
        capabilities["standardized"]["oneQubitProperties"][str(best[0])]["T1"]["value"] = value

    spoil_garnet(braket, change)
    found, said = listed("braket")
    assert found["braket:garnet"].pair not in (None, best)
    (line,) = said
    assert line.startswith("braket:garnet: ")
    assert "T1 is " in line


@pytest.mark.parametrize(
    "change",
    [
        lambda capabilities: capabilities.pop("paradigm"),
        lambda capabilities: capabilities["standardized"].update(twoQubitProperties={"nine-ten": {}}),
        lambda capabilities: capabilities.clear(),
    ],
)
def test_malformed_capabilities_are_one_line_and_the_other_devices_are_listed(
    braket: BraketDouble, change: Any
) -> None:
    spoil_garnet(braket, change)
    found, said = listed("braket")
    assert {"braket:sv1", "braket:forte-1", "braket:ankaa-3", "braket:garnet"} <= set(found)
    garnet = found["braket:garnet"]
    assert (garnet.pair, garnet.status, garnet.price) == (None, "online", "$0.30/task + $0.00145/shot")
    (line,) = said
    assert "garnet" in line.lower()
    assert "\n" not in line


# --- names and texts --------------------------------------------------------------------------------------------


def test_a_device_that_is_not_called_ibm_something_can_be_named(ibm: IbmDouble) -> None:
    ibm.devices = {"ibm_manila": "manila", "test_eagle": "lima"}
    assert IbmBackend("test_eagle").describe().name.startswith("ibm:test_eagle,pair=")
    assert IbmBackend("manila").describe().device == "ibm_manila"


def test_what_a_provider_says_reaches_no_terminal_as_a_command(braket: BraketDouble) -> None:
    evil = "\x1b[2J\x1b]0;title\x07Ionic\x9b31m\u202e\r\n"
    for arn, device in braket.devices.items():
        braket.devices[arn] = replace(device, provider=evil)
    found, _ = listed("braket")
    assert all(each.note.isprintable() for each in found.values())
    assert "Ionic" in found["braket:garnet"].note
    braket.fail("POST", "/devices$", Fault.status(403), times=None)
    refusal = Answer.of_json({"message": evil}, 403, {"x-amzn-ErrorType": "AccessDeniedException"})
    braket.refusal = lambda code, message: refusal  # type: ignore[method-assign]
    _, said = listed("braket")
    assert said
    assert all(line.isprintable() for line in said)
