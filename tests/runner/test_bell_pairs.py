"""A run that needs two Bell pairs for each pair of requests, from the file to the report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.model.errors import DataError
from bellqueue.model.games.dimension import optimum_within
from bellqueue.model.games.routing_game import RoutingGame
from bellqueue.model.games.values.classical_value import classical_optimum
from bellqueue.runner.experiment.folder import RunFolder
from bellqueue.runner.experiment.plan_record import PlanRecord

from tests.runner.conftest import Run, check_refusal
from tests.runner.test_first_screen import check
from tests.scenarios import default_record, two_pairs_scenario

EXAMPLE = Path(__file__).parents[2] / "examples" / "two_bell_pairs.toml"
MULTIPLIER = 2.65


def _words(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example's run is kept, once there is one."""
    return tmp_path_factory.mktemp("two_bell_pairs") / "run"


@pytest.fixture
def run(call: Run, tmp_path: Path, measured: Path) -> Path:
    """The example on `aer`, 60,000 trials, as a copy that a test may change."""
    if not measured.exists():
        done = call("run", EXAMPLE, "--backend", "aer", "--shots", 60_000, "--seed", 5, "--out", measured)
        assert done.returncode == 0, done.stderr
    shutil.copytree(measured, tmp_path / "run")
    return tmp_path / "run"


def test_two_bell_pairs_reach_what_they_promise_and_are_certified(run: Path, call: Run) -> None:
    """Correlators of the trials against ⟨u,v⟩ of an independent optimum, each within z ≤ 4; their score within 3.5."""
    analysis = json.loads((run / "analysis.json").read_text())
    assert analysis["certificate"]["certified"]
    plan = json.loads((run / "plan.json").read_text())
    assert plan["backend"]["qubits"] == 4
    assert np.array(plan["strategy"][0]["more_alpha"]).shape == (4, 2)
    workload = two_pairs_scenario().workload()
    measured, trials = (np.array(analysis["correlators"][name], dtype=float) for name in ("measured", "trials"))
    ideal = np.array(analysis["correlators"]["ideal"])
    seen = trials > 0
    z = (measured - ideal)[seen] / np.sqrt((1 - ideal[seen] ** 2) / trials[seen])
    assert np.abs(z).max() < 4
    game = RoutingGame(workload, plan["planned"]["certificate_multiplier"]).matrix
    error = np.sqrt((game[seen] ** 2 * (1 - ideal[seen] ** 2) / trials[seen]).sum())
    assert abs((game[seen] * (measured - ideal)[seen]).sum()) < 3.5 * error

    told = analysis["bell_pairs"]
    assert (told["needed"], told["dimension"], told["used"]) == (2, 4, 2)
    assert told["share_one_pair"] == pytest.approx(0.934, abs=1e-3)
    assert told["share_used"] == pytest.approx(1, abs=1e-8)
    assert told["waiting_time_used"] == pytest.approx(plan["planned"]["waiting_time"], rel=1e-9)
    sentence = (
        "The best entangled strategy needs 2 Bell pairs for each pair of requests (rank 4); "
        "one alone reaches 93.4 % of its advantage"
    )
    assert sentence in _words((run / "report.html").read_text())
    assert "share up to 2 Bell pairs" in _words((run / "report.html").read_text())
    shown = call("analyze", "run").stdout
    assert sentence in _words(shown)
    check(shown.splitlines())
    weak = "CERTIFIED against memoryless classical routers only: "
    assert shown.startswith("CERTIFIED: " if analysis["every_classical"]["certified"] else weak)


def test_the_stored_run_is_read_as_it_was_written(run: Path) -> None:
    """The plan's angles give the correlators planned; a record older than the field loads; missing angles are told."""
    folder = RunFolder.open(run)
    plan = folder.plan()
    plan.check(folder.scenario().content_hash(), (4, 7))
    analysis = folder.analysis()
    assert isinstance(analysis, Analysis)
    ideal = np.array(analysis.correlators.ideal)
    assert plan.operating_point().strategy.correlators == pytest.approx(ideal, abs=1e-12)
    assert plan.operating_point().strategy.dimension == 4
    content = json.loads((run / "analysis.json").read_text())
    del content["bell_pairs"], content["frontiers"]["bell_pairs"]
    assert Analysis.model_validate(content).bell_pairs is None
    damages: tuple[Callable[[Any], Any], ...] = (
        lambda part: part["more_alpha"].pop(),
        lambda part: part["more_beta"][2].pop(),
        lambda part: part.pop("more_alpha"),
    )
    for damage in damages:
        content = json.loads((run / "plan.json").read_text())
        damage(content["strategy"][0])
        with pytest.raises(DataError, match="angles must be for 4×7 types") as refusal:
            PlanRecord.model_validate(content).check(plan.scenario_hash, (4, 7))
        assert "\n" not in str(refusal.value)


def test_the_run_is_rechecked_by_other_means(run: Path, call: Run) -> None:
    """Its correlators from the angles of its plan, too; an angle changed afterwards is told."""
    done = call("verify", "run")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("VERIFIED: all ")
    assert call("verify", "run/analysis.json").returncode == 0
    content = json.loads((run / "plan.json").read_text())
    content["strategy"][0]["more_beta"][3][1] += 0.01
    (run / "plan.json").write_text(json.dumps(content))
    changed = call("verify", "run")
    assert changed.returncode != 0
    assert "correlators.ideal" in changed.stdout


def test_a_planar_plan_has_no_new_field(call: Run, tmp_path: Path) -> None:
    call("run", "--backend", "aer", "--shots", 500, "--seed", 1, "--out", "run")
    content = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert set(content["strategy"][0]) == {"probability", "alpha", "beta"}
    assert json.loads((tmp_path / "run" / "analysis.json").read_text())["bell_pairs"] is None
    assert "bell_pairs" not in (tmp_path / "run" / "scenario.json").read_text()


def test_one_bell_pair_tells_what_it_falls_short_of(call: Run, tmp_path: Path) -> None:
    record = two_pairs_scenario(bell_pairs=1, shots=2000).record()
    (tmp_path / "one.json").write_text(json.dumps(record))
    found = json.loads(call("run", "one.json", "--backend", "aer", "--seed", 1, "--json").stdout)
    told = found["bell_pairs"]
    assert (told["needed"], told["used"]) == (2, 1)
    assert told["waiting_time_used"] == told["waiting_time_one_pair"] > told["waiting_time_best"] + 9e-4
    frontier = call("frontier", "one.json").stdout
    assert "one alone reaches 93.3 % of its advantage" in _words(frontier)
    assert "in use" not in frontier


@pytest.mark.slow
def test_plan_says_where_the_noise_of_two_pairs_costs_more_than_they_bring(call: Run, tmp_path: Path) -> None:
    """On ideal pairs two are better; on the snapshot of ibm_torino one is, by ten two-qubit gates."""
    shutil.copy(EXAMPLE, tmp_path / "two.toml")  # whose name stands in the command proposed
    shown = call("plan", "two.toml", "--backend", "fake:torino").stdout
    check(shown.splitlines())
    noisy = _words(shown)
    assert "one alone reaches 93.4 % of its advantage" in noisy
    assert "one Bell pair alone saves" in noisy
    assert "set bell_pairs = 1 in [experiment]" in noisy
    assert "alone saves" not in _words(call("plan", "two.toml", "--backend", "aer").stdout)


@pytest.mark.parametrize("value", [0, 4, -1, 1.5, "two", [1]])
def test_another_number_of_bell_pairs_is_refused(call: Run, tmp_path: Path, value: Any) -> None:
    (tmp_path / "s.json").write_text(json.dumps(default_record(bell_pairs=value)))
    check_refusal(call("frontier", "s.json"), "experiment.bell_pairs")


@pytest.mark.slow
def test_a_million_trials_score_more_than_was_found_for_one_pair(call: Run, tmp_path: Path) -> None:
    """The lower limit of Δ at 99.9 % against Δ of the best strategy found on one pair, at the same multiplier."""
    call("run", EXAMPLE, "--backend", "aer", "--shots", 1_000_000, "--seed", 7, "--out", "run")
    certificate = json.loads((tmp_path / "run" / "analysis.json").read_text())["certificate"]
    one = two_pairs_scenario(bell_pairs=1)
    game = RoutingGame(one.workload(), certificate["multiplier"]).xor
    alone = optimum_within(game, 3).bound.low - classical_optimum(game).bound.high
    assert certificate["excess"]["low"] > alone
