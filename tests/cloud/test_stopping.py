"""Runs in the cloud that may stop early: round by round, and never a round more than is needed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bellqueue.model.scenario.file import Scenario
from qiskit_aer.noise import NoiseModel, depolarizing_error

from .ibm_double import IbmDouble

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IbmDouble]:
    for name, value in {"HOME": tmp_path, "BELLQUEUE_LEDGER": tmp_path / "ledger.db", "BELLQUEUE_SETTLE": 1}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(tmp_path)
    with IbmDouble(("manila",), seed=3) as double:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        yield double


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    from bellqueue.runner.commands.cli import main

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bellqueue", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        told = capfd.readouterr()
        return int(end.value.code or 0), told.out, told.err

    return run


SUBMIT = ("--backend", "ibm:manila", "--shots", "15000", "--seed", "5", "--max-cost", "100", "--until-certified")


def memoryless() -> str:
    """A file here with the default scenario, whose plan aims at memoryless routers."""
    scenario = Scenario.default().with_experiment(against="memoryless")
    Path("memoryless.json").write_text(json.dumps(scenario.record()))
    return "memoryless.json"


def test_a_run_goes_on_until_every_classical_router_is_beaten(double: IbmDouble, call: Call) -> None:
    """One round of 1000 trials beats memoryless routers; the plan aims higher."""
    code, out, err = call("run", *SUBMIT, "--poll", "0.1", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["every_classical"]["certified"]
    assert found["every_classical"]["method"] == "betting"
    assert found["every_classical"]["log10_p_value"] <= -3
    assert found["certificate"]["trials"] == 3000
    assert len(double.accepted) == 2


def test_a_good_device_stops_after_its_first_round(double: IbmDouble, call: Call) -> None:
    code, out, err = call("run", memoryless(), *SUBMIT, "--poll", "0.1", "--json")
    assert code == 0, err
    certificate = json.loads(out)["certificate"]
    assert certificate["method"] == certificate["anytime_method"] == "prediction-based ratios"
    assert certificate["certified"]
    assert certificate["log10_p_value"] == certificate["log10_anytime_p_value"] <= -3
    assert certificate["trials"] == 1000
    assert certificate["excess_at_least"] > 0
    assert len(double.accepted) == 1


def test_no_round_is_bought_that_is_not_needed(double: IbmDouble, call: Call) -> None:
    code, out, err = call("submit", memoryless(), *SUBMIT)
    assert code == 0, err
    assert "15000 shots in 4 jobs" in err  # 1000, 2000, 4000, 8000: the estimate is of all that may come
    run = out.split()[0]
    while "stored" not in call("status", run)[1]:
        pass
    code, _, err = call("submit", "--resume", run, "--max-cost", "100")
    assert code == 2
    assert "no more is needed" in err
    assert len(double.accepted) == 1
    assert call("fetch", run)[0] == 0


def test_a_poor_device_is_asked_round_by_round(double: IbmDouble, call: Call) -> None:
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.6, 2), "cx")
    double._noise = noise
    code, out, err = call("submit", *SUBMIT)
    run = out.split()[0]
    code, _, err = call("fetch", run, "--wait", "--poll", "0.1")
    assert code == 4
    assert re.search(rf"1000 of at most 15000 trials.*\n.*the next round: bellqueue submit --resume {run}", err)
    assert call("submit", "--resume", run, "--max-cost", "100")[0] == 0
    assert [len(job.outcomes[0]["c"]) for job in double.accepted if job.outcomes] == [1000]
    assert call("fetch", run, "--wait", "--poll", "0.1")[0] == 4
    code, out, err = call("fetch", run, "--accept-loss", "--json")
    certificate = json.loads(out)["certificate"]
    assert (certificate["trials"], certificate["lost"], certificate["certified"]) == (3000, 0, False)
    assert len(double.accepted) == 2
