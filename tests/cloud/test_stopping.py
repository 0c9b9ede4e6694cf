"""Runs in the cloud that may stop early: round by round, and never a round more than is needed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bellqueue.model.scenario.file import Scenario
from qiskit_aer.noise import NoiseModel, depolarizing_error

from .account import bellqueue
from .ibm_double import IbmDouble

SUBMIT = ("--backend", "ibm:manila", "--shots", "15000", "--seed", "5", "--max-cost", "100", "--until-certified")


def memoryless() -> str:
    """A file here with the default scenario, whose plan aims at memoryless routers."""
    scenario = Scenario.default().with_experiment(against="memoryless")
    Path("memoryless.json").write_text(json.dumps(scenario.record()))
    return "memoryless.json"


def test_a_run_goes_on_until_every_classical_router_is_beaten(ibm: IbmDouble) -> None:
    """One round of 1000 trials beats memoryless routers; the plan aims higher."""
    code, out, err = bellqueue("run", *SUBMIT, "--poll", "0.1", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["every_classical"]["certified"]
    assert found["every_classical"]["method"] == "betting"
    assert found["every_classical"]["log10_p_value"] <= -3
    assert found["certificate"]["trials"] == 3000
    assert len(ibm.accepted) == 2


def test_a_good_device_stops_after_its_first_round(ibm: IbmDouble) -> None:
    code, out, err = bellqueue("run", memoryless(), *SUBMIT, "--poll", "0.1", "--json")
    assert code == 0, err
    certificate = json.loads(out)["certificate"]
    assert certificate["method"] == certificate["anytime_method"] == "prediction-based ratios"
    assert certificate["certified"]
    assert certificate["log10_p_value"] == certificate["log10_anytime_p_value"] <= -3
    assert certificate["trials"] == 1000
    assert certificate["excess_at_least"] > 0
    assert len(ibm.accepted) == 1


def test_no_round_is_bought_that_is_not_needed(ibm: IbmDouble) -> None:
    code, out, err = bellqueue("submit", memoryless(), *SUBMIT)
    assert code == 0, err
    assert "15000 shots in 4 jobs" in err  # 1000, 2000, 4000, 8000: the estimate is of all that may come
    run = out.split()[0]
    while "stored" not in bellqueue("status", run).out:
        pass
    code, _, err = bellqueue("submit", "--resume", run, "--max-cost", "100")
    assert code == 2
    assert "no more is needed" in err
    assert len(ibm.accepted) == 1
    assert bellqueue("fetch", run).code == 0


def test_a_poor_device_is_asked_round_by_round(ibm: IbmDouble) -> None:
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.6, 2), "cx")
    ibm.noise = noise
    code, out, err = bellqueue("submit", *SUBMIT)
    run = out.split()[0]
    code, _, err = bellqueue("fetch", run, "--wait", "--poll", "0.1")
    assert code == 4
    assert re.search(rf"1000 of at most 15000 trials.*\n.*the next round: bellqueue submit --resume {run}", err)
    assert bellqueue("submit", "--resume", run, "--max-cost", "100").code == 0
    assert [job.executions for job in ibm.accepted] == [1000, 0]  # the second has not been measured yet
    assert bellqueue("fetch", run, "--wait", "--poll", "0.1").code == 4
    code, out, err = bellqueue("fetch", run, "--accept-loss", "--json")
    certificate = json.loads(out)["certificate"]
    assert (certificate["trials"], certificate["lost"], certificate["certified"]) == (3000, 0, False)
    assert len(ibm.accepted) == 2
