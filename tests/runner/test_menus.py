"""Runs of routers that know the past, from scenario to folder; their mathematics is made up (`tests/menus.py`)."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.menus.records import MenuAnalysis
from bellqueue.model.informed.grid import Grid
from bellqueue.model.informed.measured import MAPS, MeasuredPolicy
from bellqueue.runner.experiment.folder import RunFolder
from numpy.typing import NDArray

import bellqueue as bq
from tests.menus import ALPHA, BETA, ENTRIES, MENU, SHARES, fake, informed_scenario
from tests.runner.conftest import Run, check_refusal
from tests.runner.recorded_runs import edited

SHOTS = 2000
GRID = Grid.covering(1.0, 5.0, 12.0)

pytestmark = pytest.mark.usefixtures("menus")


def written(folder: Path, **experiment: Any) -> str:
    """A scenario file there."""
    (folder / "s.json").write_text(json.dumps(informed_scenario(**experiment).record()))
    return "s.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on ideal pairs, beside its scenario."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        fake(patch)
        bq.run(folder / written(folder), "aer", seed=1, out=folder / "run", progress=False)
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"


def rows(folder: Path) -> NDArray[np.int64]:
    """k, x, y, a, b of every trial, read by Python's own reader."""
    with (folder / "trials.csv").open() as file:
        header, *lines = csv.reader(file)
    assert header == ["k", "x", "y", "a", "b"]
    return np.array(lines, dtype=np.int64)


def test_the_folder_holds_plan_and_trials_of_every_entry(run: Path) -> None:
    """Asked for is what was measured, and on ideal pairs a≠b comes as often as the bases of that entry say."""
    plan, trials = json.loads((run / "plan.json").read_text()), rows(run)
    assert "planned" not in plan
    assert [entry["alpha"] for entry in plan["strategy"]] == pytest.approx(ALPHA)
    assert [entry["beta"] for entry in plan["strategy"]] == pytest.approx(BETA)
    assert [entry["probability"] for entry in plan["strategy"]] == pytest.approx(
        SHARES.reshape(ENTRIES, -1).sum(axis=1)
    )
    assert np.array(plan["input_distribution"]) == pytest.approx(SHARES)
    assert plan["menu"]["kappa"] == 40
    measured = np.zeros((ENTRIES, 2, 2), dtype=int)
    np.add.at(measured, tuple(trials[:, :3].T), 1)
    assert np.array(plan["asked"]).reshape(measured.shape).tolist() == measured.tolist()
    assert measured.sum() == SHOTS
    differ = np.zeros(measured.shape)
    np.add.at(differ, tuple(trials[:, :3].T), trials[:, 3] != trials[:, 4])
    perfect = (1 - np.cos(ALPHA[:, :, None] - BETA[:, None, :])) / 2
    assert np.abs(differ / measured - perfect).max() < 5 * (0.5 / np.sqrt(measured.min()))


def test_the_plans_bases_are_those_of_the_menu(run: Path) -> None:
    bases = RunFolder.open(run).plan().bases()
    assert bases.correlators == pytest.approx(MENU.correlators, abs=1e-12)


def test_a_forecast_is_made_from_the_devices_probabilities(call: Run, tmp_path: Path) -> None:
    """Werner pairs of visibility 0.8: P(a≠b) = (1 − 0.8·cos(α − β))/2 in the forecast that the plan keeps."""
    done = call("run", written(tmp_path), "--backend", "aer:visibility=0.8", "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    foreseen = json.loads(done.stdout)["planned"]["forecast"]["split"]
    expected = (1 - 0.8 * np.cos(ALPHA[:, :, None] - BETA[:, None, :])) / 2
    assert np.array(foreseen) == pytest.approx(expected.reshape(-1, 2))


def test_analyzing_again_finds_the_same(run: Path, call: Run) -> None:
    again = call("analyze", "run", "--json")
    assert again.returncode == 0, again.stderr
    stored, fresh = (json.loads(text) for text in ((run / "analysis.json").read_text(), again.stdout))
    assert stored["provenance"]["content_hash"] == fresh["provenance"]["content_hash"]
    assert stored["measured"] == fresh["measured"]
    assert isinstance(RunFolder.open(run).analysis(), MenuAnalysis)
    told = call("analyze", "run", "--require-advantage")
    assert (told.returncode, told.stdout.partition(":")[0]) == (0, "CERTIFIED")


def test_what_is_not_certified_exits_with_three(call: Run, tmp_path: Path) -> None:
    words = ("run", written(tmp_path), "--backend", "aer:visibility=0.3", "--out", "run", "--require-advantage")
    done = call(*words)
    assert done.returncode == 3
    assert done.stdout.startswith("NOT CERTIFIED")
    assert "not certified" in call("runs", ".").stdout


def test_lost_trials_are_counted_and_surplus_ones_refused(run: Path, call: Run) -> None:
    lines = (run / "trials.csv").read_text().splitlines(keepends=True)
    (run / "trials.csv").write_text("".join(lines[:-100]))
    found = json.loads(call("analyze", "run", "--json").stdout)
    assert (np.sum(found["measured"]["lost"]), found["certificate"]["trials"]) == (100, SHOTS)
    these = [line for line in lines if line.startswith("1,0,1,")]
    (run / "trials.csv").write_text("".join([*lines, these[0]]))
    check_refusal(call("analyze", "run"), f"run: trials.csv has {len(these) + 1} rows with k = 1, x = 0, y = 1,")


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("asked", lambda table: table[:-1], "for 2×2 types in each of 2 entries"),
        ("menu.tilts", lambda table: table[:2], "for 2×2 types in each of 2 entries"),
        ("strategy[1].alpha", [0.1], "for 2×2 types in each of 2 entries"),
        ("menu", None, "it has neither planned nor menu"),
        ("menu.kappa", 0.0, "menu.kappa is 0"),
    ],
)
def test_a_plan_that_was_changed_is_refused(run: Path, call: Run, place: str, value: Any, words: str) -> None:
    edited(run / "plan.json", place, value)
    check_refusal(call("analyze", "run"), words)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("analyze", "run", "--scenario", "default"), "run: the bases of this run were chosen for its own scenario"),
        (("analyze", "run", "--invert", "a"), "the plan of this run fixed before the data"),
        (("analyze", "run/trials.csv", "--scenario", "default"), "give the folder of their run"),
        (("analyze", "counts.json", "--scenario", "s.json"), "counts without the plan of a run cannot be analyzed"),
        (("sweep", "sweep.toml"), "sweep.toml: the scenario's routers know the past"),
        (
            ("link", "s.json", "--link", "rate=1,visibility=1,memory_time=9"),
            "links are assessed for memoryless routers",
        ),
        (("plan", "s.json", "--all"), "--all ranks devices for memoryless routers only"),
        (("run", "s.json", "--backend", "aer", "--until-certified"), 'stop = "certified" is not for routers that know'),
        (("run", "s.json", "--backend", "link:rate=1,visibility=1,memory_time=9"), "links are for memoryless routers"),
        (("plan", "s.json", "--backend", "link:rate=1,visibility=1,memory_time=9"), "links are for memoryless"),
    ],
)
def test_what_is_not_for_them_is_refused_in_a_line(
    run: Path, call: Run, words: tuple[str, ...], complaint: str
) -> None:
    (run.parent / "counts.json").write_text(
        json.dumps({"schema": "bellqueue.counts/1", "counts": [[[[5, 5], [5, 5]]] * 2] * 2})
    )
    (run.parent / "sweep.toml").write_text('scenario = "s.json"\n[[axis]]\nfield = "load"\nvalues = [0.1]\n')
    check_refusal(call(*words), complaint)


@pytest.mark.parametrize(
    ("experiment", "words"),
    [
        ({"settings": "fixed", "shots": 7}, "gives no trial to entry 1 of the menu with types (long, long)"),
        ({"block": 1000, "shots": 2000}, "in blocks of 1000 are 2 draws of settings, and none is of entry"),
    ],
)
def test_settings_without_a_trial_are_named(call: Run, tmp_path: Path, experiment: dict[str, Any], words: str) -> None:
    check_refusal(call("run", written(tmp_path, **experiment), "--backend", "aer"), words)


def test_a_forecast_says_go_or_what_would_change_it(call: Run, tmp_path: Path) -> None:
    scenario = written(tmp_path)
    go = call("plan", scenario, "--visibility", 0.95)
    assert go.returncode == 0, go.stderr
    assert go.stdout.startswith("GO: 2000 trials on a pair of visibility 0.95 certify against every classical\nrouter")
    assert go.stdout.endswith("\nGO.\n")
    few = call("plan", written(tmp_path, shots=500), "--visibility", 0.95, "--require-go")
    assert few.returncode == 3
    more = "More shots: 1500 trials certify with probability 95 % (run with --shots 1500)."
    assert more in " ".join(few.stdout.split())
    poor = json.loads(call("plan", scenario, "--visibility", 0.3, "--json", "--power", 0.8).stdout)
    assert poor["schema"] == "bellqueue.menu-forecast/1"
    assert poor["verdict"].startswith("NO-GO")
    assert poor["verdict"].endswith("no number of trials gives 80 %.")
    assert [entry["share"] for entry in poor["entries"]] == pytest.approx([0.5, 0.5])
    for screen in (go.stdout, few.stdout):
        assert len(screen.splitlines()) <= 30
        assert max(map(len, screen.splitlines())) <= 80
    whole = call("plan", written(tmp_path), "--visibility", 0.95, "--full").stdout
    assert "set 2: 50.0 % of the trials" in whole
    rows = [line for line in go.stdout.splitlines() if line[38:42].strip() != line[38:42] and "  " in line.strip()]
    assert len(rows) > 8
    assert set(rows) <= set(whole.splitlines())  # set in the same columns


def test_a_forced_pair_that_is_no_go_is_told_the_best(call: Run, tmp_path: Path) -> None:
    done = call("plan", written(tmp_path, shots=500), "--backend", "fake:torino,pair=0-1")
    assert done.returncode == 0, done.stderr
    assert "The device's best pair, 92–99 (--backend fake:torino)." in done.stdout


def test_python_returns_what_the_commands_print(tmp_path: Path) -> None:
    result = bq.run(informed_scenario(), "aer", seed=1, out=tmp_path / "run", progress=False)
    assert (result.certified, result.folder) == (True, tmp_path / "run")
    assert result.trials is not None
    assert len(result.trials) == SHOTS
    assert result.to_json() == (tmp_path / "run" / "analysis.json").read_text()
    assert repr(result).startswith("<MenuResult CERTIFIED: waiting time 0.05 against 0.75 every classical")
    assert len(repr(result).splitlines()) <= 4
    assert "<strong>CERTIFIED" in result._repr_html_()
    again = bq.analyze(tmp_path / "run", progress=False)
    assert (again.measured, again.trials) == (result.measured, None)
    assert bq.plan(informed_scenario(), visibility=0.95, progress=False).go
    assert len(bq.plot(result).axes) == 1


def test_runs_of_routers_that_know_the_past_compare_with_others(call: Run, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(informed_scenario().record()))
    for name, words in (("menu", ("s.json",)), ("plain", ())):
        assert call("run", *words, "--backend", "aer", "--shots", SHOTS, "--seed", 1, "--out", name).returncode == 0
    found = json.loads(call("compare", "menu", "menu/analysis.json", "plain", "--json").stdout)["runs"]
    menu, again, plain = found
    record = json.loads((tmp_path / "menu" / "analysis.json").read_text())
    assert menu["every_classical_reduction_relative"] == record["waiting_time_reduction_relative"] | {"high": None}
    (row, _) = csv.DictReader(io.StringIO(call("compare", "menu", "plain", "--csv").stdout))
    assert float(row["every_classical_reduction_relative_low"]) == record["waiting_time_reduction_relative"]["low"]
    assert row["every_classical_reduction_relative_high"] == ""  # no upper limit is claimed
    assert (menu["waiting_time_reduction_relative"], menu["chsh"]) == (None, None)
    assert again | {"name": ""} == menu | {"name": ""}
    assert plain["waiting_time_reduction_relative"] is not None
    shown = call("compare", "menu", "plain", "--out", "both.png")
    assert "The scenarios differ" in shown.stdout
    assert re.search(r"at least [−\d.]+ %", shown.stdout)
    assert plain["every_classical_reduction_relative"]["high"] is not None
    assert (tmp_path / "both.png").is_file()


def test_plans_of_memoryless_routers_do_not_name_a_menu(call: Run, tmp_path: Path) -> None:
    assert call("run", "--backend", "aer", "--shots", 200, "--seed", 1, "--out", "run").returncode == 0
    record = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert "menu" not in record
    edited(tmp_path / "run" / "plan.json", "menu", {"kappa": 1, "tilts": [], "centre": []})
    check_refusal(call("analyze", "run"), "it has planned and menu; keep one")


def test_outcomes_route_simulated_queues(run: Path, call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """By policies that always measure in the second entry, and that send all requests to one server."""
    zero = np.zeros((GRID.size, GRID.size), dtype=np.int64)
    maps, second = (MeasuredPolicy(GRID, zero, zero, zero + each) for each in (MAPS, 1))
    monkeypatch.setattr("bellqueue.analysis.menus.replay.policies", lambda *given: (second, maps))
    done = call("replay", "run", "--seed", 1, "--json", "--plot", "waits.svg")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["schema"], record["kappa"]) == ("bellqueue.menu-replay/1", 40)
    assert record["entry_shares"] == pytest.approx([0, 1])
    assert record["classical"]["splitting_probability"]["estimate"] == 0
    split = (1 - MENU.correlators[1]) / 2
    expected = float((informed_scenario().workload().joint * split).sum())
    found = record["recorded"]["splitting_probability"]
    assert abs(found["estimate"] - expected) < 5 * found["standard_error"]
    assert "by the recorded outcomes of the menu" in call("replay", "run", "--seed", 1).stdout
    assert "replayed outcomes of the menu" in (run.parent / "waits.svg").read_text()


def test_the_folder_holds_report_and_figures_and_all_numbers_are_shown(run: Path, call: Run) -> None:
    names = {path.name for path in run.iterdir()}
    assert {f"{name}.{kind}" for name in ("certificate", "outcomes") for kind in ("png", "svg")} <= names
    assert "Both routers know the two servers" in (run / "report.html").read_text()
    full = call("analyze", "run", "--full").stdout
    assert all(f"{entry}: {a}, {b}" in full for entry in (1, 2) for a in ("short", "long") for b in ("short", "long"))
