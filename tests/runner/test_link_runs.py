"""A run over a simulated link is kept, verified, replayed and compared like any other, and says what it rests on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bellqueue.backends import open_backend
from bellqueue.backends.protocol import LocalBackend
from bellqueue.model.progress import unwatched
from bellqueue.model.scenario.file import Scenario
from bellqueue.runner.defaults import backend_for
from bellqueue.runner.design.planning import _devices
from bellqueue.runner.experiment.execution import execute

import bellqueue as bq
from tests.model.link.links import LINK, with_link
from tests.runner.conftest import Run

SCENARIO = with_link(LINK).with_experiment(shots=2000)


@pytest.mark.parametrize("name", ["link", "aer:visibility=0.97"])
def test_a_run_is_verified_and_replayed_and_says_what_it_rests_on(name: str, call: Run, tmp_path: Path) -> None:
    run, backend = tmp_path / "run", open_backend(name, SCENARIO)
    assert isinstance(backend, LocalBackend)
    execute(SCENARIO, None, backend, 1, lambda _: run, unwatched, figures=False)
    verified = call("verify", str(run))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.splitlines()[-1].startswith("VERIFIED")
    replayed = call("replay", str(run), "--seed", "1", "--json")
    assert replayed.returncode == 0, replayed.stderr
    analysis = json.loads((run / "analysis.json").read_text("utf-8"))
    plan = json.loads((run / "plan.json").read_text("utf-8"))
    caveat = plan["backend"]["locality"]
    assert "get a Bell pair" in caveat
    assert analysis["verdict"][-1] == analysis["locality"] == analysis["provenance"]["locality"] == caveat
    assert plan["backend"]["calibration"]["availability"] == pytest.approx(0.9, abs=0.1)
    shown = call("analyze", str(run)).stdout
    assert f"{caveat.partition('. ')[0]}." in " ".join(shown.split())


def test_plans_of_other_backends_keep_their_bytes() -> None:
    description = open_backend("aer").describe()
    assert "locality" not in description.model_dump_json()


def test_a_scenario_runs_on_its_link_unless_told_otherwise() -> None:
    assert [backend_for(SCENARIO, typed) for typed in (None, "aer")] == ["link", "aer"]
    assert backend_for(Scenario.default(), None) == "fake:torino"
    assert bq.run(SCENARIO, seed=1).provenance.backend == "link"
    assert bq.plan(SCENARIO).device.name == "link"


def test_only_the_scenarios_own_link_is_ranked() -> None:
    def links(scenario: Scenario) -> list[str]:
        return [each.name for each in _devices(scenario, lambda line: None) if each.name.startswith("link")]

    assert links(SCENARIO) == ["link"]
    assert links(Scenario.default()) == []
