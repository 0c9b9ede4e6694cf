"""The whole path, as a user takes it."""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.backends import RemoteBackend, open_backend
from bellqueue.circuits.schedule import Schedule
from bellqueue.model.errors import OutputError, ScenarioError
from bellqueue.model.progress import unwatched
from bellqueue.model.scenario.file import Scenario
from bellqueue.runner.experiment.execution import Executed, execute
from bellqueue.runner.experiment.folder import RunFolder, free_place, new_run_folder
from bellqueue.runner.experiment.plan_record import PlanRecord
from bellqueue.runner.experiment.preparation import prepare_point

from tests.runner.conftest import Run, check_refusal
from tests.runner.recorded_runs import write_run
from tests.scenarios import IBM_GENEVA, IBM_HANOI, default_record, dense

FILES = {
    "scenario.json", "plan.json", "calibration.json", "trials.csv", "analysis.json", "report.html",
    "frontier.png", "frontier.svg", "correlators.png", "correlators.svg",
}  # fmt: skip


def _write_counts(path: Path, counts: object) -> None:
    content = {"schema": "bellqueue.counts/1", "types": ["short", "long"], "settings": "fixed", "counts": counts}
    path.write_text(json.dumps(content))


def test_run_writes_a_whole_folder_and_says_the_verdict(bellqueue: Run, call: Run, tmp_path: Path) -> None:
    done = bellqueue("run", "--backend", "aer:visibility=0.97", "--seed", 3, "--out", "here/run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("CERTIFIED: with the same background work done, requests wait at least ")
    run = tmp_path / "here" / "run"
    assert {path.name for path in run.iterdir()} == FILES
    assert {path.name for path in (tmp_path / "here").iterdir()} == {"run"}
    plan, analysis = (json.loads((run / name).read_text()) for name in ("plan.json", "analysis.json"))
    with (run / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == plan["shots"] == 40000
    drawn = np.zeros((2, 2), dtype=int)
    for row in rows:
        drawn[int(row["x"]), int(row["y"])] += 1
    assert drawn.tolist() == plan["asked"] == analysis["correlators"]["trials"]
    assert analysis["planned"] == plan["planned"]
    assert analysis["certificate"]["multiplier"] == plan["planned"]["certificate_multiplier"]
    assert analysis["provenance"]["seed"] == 3
    check_refusal(call("run", "--backend", "aer", "--out", "here/run"), "exists already")
    assert json.loads((run / "plan.json").read_text()) == plan


def test_blocks_measure_every_pair_of_types_or_the_run_is_refused() -> None:
    """Of 8 blocks some seeds leave a pair of types out; the order of the other seeds is numpy's own draw of it."""
    scenario = Scenario.parse(default_record(block=100, shots=800))
    refusals = []
    for seed in range(8):
        try:
            found = prepare_point(scenario, seed)
        except ScenarioError as error:
            refusals.append((seed, str(error)))
            continue
        assert found.schedule.sampling.distribution is not None
        law = np.array([found.schedule.sampling.distribution[each.x, each.y] for each in found.schedule.settings])
        drawn = np.random.default_rng([seed, 1]).choice(len(law), size=8, p=law / law.sum())
        assert found.schedule.order.tolist() == np.repeat(drawn, 100).tolist()
        assert set(drawn.tolist()) == {0, 1, 2, 3}
    assert 0 < len(refusals) < 8
    for seed, told in refusals:
        assert re.search(rf"8 draws of settings, and with seed {seed} none is of types \(\w+, \w+\); leave", told)
    for _ in range(5):
        assert set(prepare_point(scenario).schedule.order.tolist()) == {0, 1, 2, 3}
    with pytest.raises(ScenarioError, match=r"are 3 draws of settings, and none is of types .*ask for more shots"):
        prepare_point(scenario.with_experiment(shots=300))
    with pytest.raises(ScenarioError, match=r"experiment.shots = 2 gives no trial to types \(short, short\)"):
        prepare_point(Scenario.parse(default_record(settings="fixed", shots=2)))
    assert (
        len(prepare_point(scenario.with_experiment(block=1, shots=3), 1).schedule.unmeasured) > 0
    )  # the certificate allows


def test_an_older_run_without_one_pair_of_types_is_still_analyzed_and_verified(
    call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Schedule, "unmeasured", ())  # nothing was refused then
    write_run(tmp_path / "old", default_record(block=100, shots=800), 2)
    assert 0 in np.array(json.loads((tmp_path / "old" / "plan.json").read_text())["asked"])
    analyzed = call("analyze", "old", "--json")
    assert json.loads(analyzed.stdout)["certificate"]["log10_p_value"] == 0.0
    assert call("verify", "old").returncode == 0
    assert call("report", "old").returncode == 0


def test_the_same_seed_gives_the_same_trials(call: Run, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        call("run", "--backend", "aer", "--shots", 500, "--seed", seed, "--out", name, "--json")
    first, second, third = ((tmp_path / name / "trials.csv").read_bytes() for name in "abc")
    assert first == second != third


def test_json_alone_on_stdout_and_analysis_of_the_folder_agrees(
    call: Run, tmp_path: Path, known_frontiers: dict[str, Any]
) -> None:
    done = call("run", "--backend", "aer", "--shots", 3000, "--seed", 1, "--out", "run", "--json")
    record = json.loads(done.stdout)
    assert done.stderr == ""
    known_frontiers.clear()
    again = json.loads(call("analyze", "run", "--json").stdout)
    for key in ("observed", "classical", "advantage", "certificate", "no_signalling", "chsh", "visibility"):
        assert again[key] == record[key]
    for key, value in record["quantum"].items():
        assert again["quantum"][key] == pytest.approx(value, rel=1e-12)  # solved from another start
    assert record["certificate"]["method"] == "exact binomial"
    assert "drawn afresh" in record["certificate"]["assumption"]
    # The same trials as a stranger's CSV: nothing was declared, so they are analyzed as fixed, with the union bound.
    (tmp_path / "s.json").write_text(json.dumps(default_record()))
    foreign = json.loads(call("analyze", "run/trials.csv", "--scenario", "s.json", "--json").stdout)
    assert foreign["observed"]["waiting_time"]["estimate"] == record["observed"]["waiting_time"]["estimate"]
    assert foreign["certificate"]["edges"] == 2
    assert "Conditional" in foreign["certificate"]["assumption"]


def test_published_counts_through_the_command_line(call: Run, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(dense().record()))
    _write_counts(tmp_path / "hanoi.json", IBM_HANOI)
    _write_counts(tmp_path / "geneva.json", IBM_GENEVA)
    done = call(
        "analyze", "hanoi.json", "--scenario", "s.json", "--json", "--require-advantage",
        "--report", "hanoi.html",
    )  # fmt: skip
    assert done.returncode == 0
    record = json.loads(done.stdout)
    assert record["observed"]["waiting_time"]["estimate"] == pytest.approx(0.497809, abs=1e-6)
    assert record["classical"]["waiting_time_at_equal_throughput"]["estimate"] == pytest.approx(0.566644, abs=1e-6)
    assert record["certificate"]["log10_p_value"] < -1000
    assert "Certified against memoryless classical routers only, at least 11.5" in (tmp_path / "hanoi.html").read_text(
        "utf-8"
    )
    other = call("analyze", "geneva.json", "--scenario", "s.json", "--require-advantage")
    assert other.returncode == 3
    assert other.stdout.lstrip(" ╭─╮│\n").startswith("NO-SIGNALLING ALARM")
    assert call("analyze", "geneva.json", "--scenario", "s.json").returncode == 0


@pytest.mark.parametrize(
    "device", ["torino", *(pytest.param(each, marks=pytest.mark.slow) for each in ("marrakesh", "fez"))]
)
def test_devices_of_today_are_certified(device: str, call: Run) -> None:
    done = call("run", "--backend", f"fake:{device}", "--seed", 7, "--json")
    record = json.loads(done.stdout)
    assert record["certificate"]["trials"] == 40000
    assert record["certificate"]["significance"] == 1e-3
    assert record["certificate"]["certified"]
    assert not record["no_signalling"]["alarm"]


def test_fixed_settings_and_mixed_operating_points_run(call: Run, tmp_path: Path) -> None:
    record = default_record(settings="fixed", shots=4001, operating_point={"splitting_probability": 0.62})
    (tmp_path / "s.json").write_text(json.dumps(record))
    found = json.loads(call("run", "s.json", "--backend", "aer", "--json", "--seed", 5).stdout)
    assert found["certificate"]["trials"] == 4001
    assert "Conditional" in found["certificate"]["assumption"]
    interval = found["observed"]["splitting_probability"]
    assert interval["low"] < 0.62 < interval["high"]


def test_known_sizes_run_through(call: Run, tmp_path: Path) -> None:
    record = default_record(shots=20000)
    sizes = {"distribution": "gamma", "mean": 2.0, "scv": 3.0, "bins": 12}
    record["traffic"] = {"pair_rate": 0.05, "sizes": sizes}
    (tmp_path / "s.json").write_text(json.dumps(record))
    found = json.loads(call("run", "s.json", "--backend", "aer", "--json", "--seed", 5).stdout)
    assert len(found["correlators"]["measured"]) == 12
    point = found["planned"]
    assert found["observed"]["waiting_time"]["low"] < point["waiting_time"] < found["observed"]["waiting_time"]["high"]


@pytest.mark.parametrize(("visibility", "certified"), [(0.95, True), (0.8, False)])  # 0.844 is the least that helps
def test_a_pair_that_joins_shorter_request_first(visibility: float, certified: bool, call: Run, tmp_path: Path) -> None:
    record = dense(against="memoryless").record()
    record["traffic"]["within_pair_order"] = "shortest-first"
    (tmp_path / "s.json").write_text(json.dumps(record))
    backend = f"aer:visibility={visibility}"
    found = json.loads(call("run", "s.json", "--backend", backend, "--json", "--seed", 5, "--out", "r").stdout)
    # By hand: w = 0.02·m·n/1.9 + min(m, n)/2, and the edge from nothing split to the two long requests split, p = 0.3.
    weights = np.array([[0.02, 0.12], [0.12, 0.72]]) / 1.9 + [[0.5, 0.5], [0.5, 3.0]]
    together = np.outer([0.7, 0.3], [0.7, 0.3]) * (1 + np.array(found["correlators"]["measured"])) / 2
    p, waiting = 1 - together.sum(), 0.23 / 1.9 + (together * weights).sum()
    assert found["observed"]["splitting_probability"]["estimate"] == pytest.approx(p, abs=1e-9)
    assert found["observed"]["waiting_time"]["estimate"] == pytest.approx(waiting, abs=1e-9)
    classical = 0.23 / 1.9 + np.interp(p, [0, 0.3, 1], [0.790789, 0.368421, 0])
    assert found["classical"]["waiting_time_at_equal_throughput"]["estimate"] == pytest.approx(classical, abs=1e-5)
    assert found["certificate"]["certified"] is certified is bool(waiting < classical)
    assert (found["frontiers"]["least_visibility"] < visibility) is certified
    assert not list((tmp_path / "r").glob("*.svg")) + list((tmp_path / "r").glob("*.html"))  # JSON was asked for
    call("report", "r")
    page = " ".join((tmp_path / "r" / "report.html").read_text().split())
    assert "the shorter of the two requests joins the queue first" in page
    assert "fair coin decides which" not in page
    assert "shortest-first" in call("frontier", "s.json").stdout


def test_replay_reproduces_the_formula(call: Run) -> None:
    call("run", "--backend", "aer:visibility=0.95", "--shots", 40000, "--seed", 2, "--out", "run")
    done = call("replay", "run", "--pairs", 400000, "--seed", 4, "--json")
    record = json.loads(done.stdout)
    for name in ("waiting_time", "splitting_probability", "baseline_throughput"):
        found, formula = record["replayed"][name], record["formula"][name]
        assert abs(found["estimate"] - formula) < 4 * found["standard_error"]
    assert record["cycled"]
    assert record["waiting_time_reduction"]["low"] > 0
    assert "wait less by" in " ".join(call("replay", "run", "--seed", 4).stdout.split())


def test_report_is_written_again_from_the_record(call: Run, tmp_path: Path) -> None:
    call("run", "--backend", "aer", "--shots", 500, "--seed", 1, "--out", "run")
    before = (tmp_path / "run" / "report.html").read_text()
    (tmp_path / "run" / "report.html").unlink()
    assert call("report", "run").returncode == 0
    assert (tmp_path / "run" / "report.html").read_text() == before


def test_a_report_is_made_again_from_its_record_alone(call: Run, tmp_path: Path) -> None:
    _write_counts(tmp_path / "c.json", IBM_HANOI)
    done = call("analyze", "c.json", "--scenario", "default", "--json", "--report", "first.html")
    (tmp_path / "analysis.json").write_text(done.stdout)
    again = call("report", "analysis.json")
    assert again.returncode == 0, again.stderr
    first, second = ((tmp_path / name).read_text() for name in ("first.html", "analysis.html"))
    assert first == second
    assert "How long single requests wait" in first


def test_frontier_record_holds_what_it_promises(call: Run) -> None:
    record = json.loads(call("frontier", "--json").stdout)
    assert record["load"] == pytest.approx(0.025)
    assert record["weights"][1][1] == pytest.approx(3 + 0.36 / 1.95, abs=1e-9)  # by hand: λmn/(2(1−ρ)) + m/2
    assert [point["splitting_probability"] for point in record["classical"]] == pytest.approx([0, 0.3, 1])
    assert len(record["quantum"]) >= 200
    keys = {"splitting_probability", "waiting_time", "baseline_throughput", "multiplier"}
    for name in ("classical", "quantum", "communication"):
        assert all(set(point) == keys for point in record[name])


def test_a_damaged_run_folder_answers_in_one_line(call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "run", default_record(shots=500))
    for name, text in (("plan.json", "{"), ("trials.csv", "x,y,a,b\n0,0,"), ("scenario.json", "{}")):
        whole = (tmp_path / "run" / name).read_text()
        (tmp_path / "run" / name).write_text(text)
        check_refusal(call("analyze", "run"), name)
        (tmp_path / "run" / name).write_text(whole)


def test_lost_trials_count_as_losses_and_extra_ones_are_refused(call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "run", default_record(shots=2000))
    trials = tmp_path / "run" / "trials.csv"
    lines = trials.read_text().splitlines()
    whole = json.loads(call("analyze", "run", "--json").stdout)["certificate"]
    trials.write_text("\n".join(lines[:-300]) + "\n")
    fewer = json.loads(call("analyze", "run", "--json").stdout)
    assert fewer["certificate"]["lost"] == 300
    assert fewer["certificate"]["trials"] == 2000
    assert fewer["certificate"]["log10_p_value"] > whole["log10_p_value"]
    assert "300 of 2000 trials were lost" in fewer["verdict"][0]
    trials.write_text("\n".join([*lines, lines[-1]]) + "\n")
    x, y = lines[-1].split(",")[:2]
    check_refusal(
        call("analyze", "run"), "run: trials.csv has ", f" rows with x = {x}, y = {y}, but the plan asked for"
    )


def test_a_run_that_breaks_leaves_no_folder(tmp_path: Path) -> None:
    def break_off() -> None:
        with new_run_folder(tmp_path / "run") as folder:
            (folder / "plan.json").write_text("{}")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert os.listdir(tmp_path) == []


def test_two_runs_at_once_both_get_a_folder(tmp_path: Path) -> None:
    wanted = tmp_path / "run"
    with new_run_folder(wanted, lambda: free_place(wanted)) as late, new_run_folder(wanted) as early:
        (early / "plan.json").write_text("early")
        (late / "plan.json").write_text("late")
    assert {path.name: (path / "plan.json").read_text() for path in tmp_path.iterdir()} == {
        "run": "early",
        "run-2": "late",
    }


def test_what_comes_to_a_place_that_was_asked_for_costs_no_run(tmp_path: Path) -> None:
    wanted = tmp_path / "run"

    def measure() -> None:
        with new_run_folder(wanted) as folder:
            (folder / "plan.json").write_text("measured")
            wanted.write_text("something else")

    with pytest.raises(OutputError, match=r"kept in .*run-2"):
        measure()
    assert wanted.read_text() == "something else"
    assert (tmp_path / "run-2" / "plan.json").read_text() == "measured"


def test_runs_of_the_same_second_are_both_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def both_at_once(_: PlanRecord) -> Path:
        return free_place(Path("bellqueue-runs", "run"))

    scenario, opened = Scenario.default().with_experiment(shots=200), open_backend("aer:visibility=0.95")
    assert not isinstance(opened, RemoteBackend)
    monkeypatch.chdir(tmp_path)
    done: list[Executed] = []

    def first_planned(plan: PlanRecord) -> Path:
        """Between the plan of the first run and its end the second is measured whole."""
        if not done:
            place = both_at_once(plan)
            done.append(execute(scenario, "", opened, 2, both_at_once, unwatched, False))
            return place
        return both_at_once(plan)

    done.append(execute(scenario, "", opened, 1, first_planned, unwatched, False))
    assert [each.folder and each.folder.name for each in done] == ["run", "run-2"]
    assert [RunFolder.open(each.folder).plan().seed for each in done if each.folder] == [2, 1]


def _scenario_of(traffic: object, **experiment: object) -> str:
    return json.dumps({**default_record(shots=2000, **experiment), "traffic": traffic})


def _spec(name: str, mean: float, probability: float | None = None) -> dict[str, object]:
    spec: dict[str, object] = {"name": name, "service": {"distribution": "exponential", "mean": mean}}
    return spec if probability is None else {**spec, "probability": probability}


@pytest.mark.parametrize(
    "traffic",
    [
        {"pair_rate": 0.1, "type": [_spec("only", 1.0, 1.0)]},
        {"pair_rate": 0.1, "type": [_spec("a", 1.0, 0.3), _spec("b", 1.0, 0.7)]},
        {"pair_rate": 0.1, "type": [_spec("a", 1.0), _spec("b", 1.0)], "joint": [[0.5, 0.0], [0.2, 0.3]]},
        {"pair_rate": 0.1, "type": [_spec("a", 1.0, 0.3), _spec("b", 2.0, 0.7)], "type_b": [_spec("only", 1.0, 1.0)]},
    ],
    ids=["one type", "equal means", "equal means, joint", "2×1"],
)
def test_scenarios_without_anything_to_win(traffic: object, call: Run, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(_scenario_of(traffic, operating_point={"splitting_probability": 0.5}))
    done = call("run", "s.json", "--backend", "aer", "--seed", 1, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    assert not json.loads(done.stdout)["certificate"]["certified"]
    assert call("frontier", "s.json").returncode == 0
    (tmp_path / "s.json").write_text(_scenario_of(traffic))
    check_refusal(call("run", "s.json", "--backend", "aer"), "no advantage")


def test_many_sizes_with_rare_settings_keep_their_answer(call: Run, tmp_path: Path) -> None:
    traffic = {"pair_rate": 0.2, "sizes": {"distribution": "exponential", "mean": 1.0, "bins": 12}}
    (tmp_path / "s.json").write_text(_scenario_of(traffic))
    done = call("run", "s.json", "--backend", "aer", "--seed", 1, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert min(min(row) for row in record["correlators"]["trials"]) == 0
    observed, planned = record["observed"]["waiting_time"], record["planned"]["waiting_time"]
    assert observed["low"] < planned < observed["high"]


def test_against_another_scenario_losses_and_names_still_count(call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "run", default_record(shots=4000))
    renamed = {**default_record(), "title": "Another title"}
    (tmp_path / "renamed.json").write_text(json.dumps(renamed))
    reordered = default_record()
    reordered["traffic"]["type"].reverse()
    (tmp_path / "reordered.json").write_text(json.dumps(reordered))
    own, other, turned = (
        json.loads(call("analyze", "run", *extra, "--json").stdout)
        for extra in ((), ("--scenario", "renamed.json"), ("--scenario", "reordered.json"))
    )
    for record in (other, turned):
        assert record["observed"]["waiting_time"]["estimate"] == pytest.approx(
            own["observed"]["waiting_time"]["estimate"]
        )
        assert record["certificate"]["edges"] == 2
    trials = tmp_path / "run" / "trials.csv"
    lines = trials.read_text().splitlines()
    trials.write_text("\n".join(lines[:1000]) + "\n")
    fewer = json.loads(call("analyze", "run", "--scenario", "renamed.json", "--json").stdout)
    assert fewer["certificate"]["lost"] == 4000 - 999
    strangers = default_record()
    strangers["traffic"]["type"][0]["name"] = "stranger"
    (tmp_path / "strangers.json").write_text(json.dumps(strangers))
    check_refusal(call("analyze", "run", "--scenario", "strangers.json"), "stranger")


def test_a_scenario_or_plan_changed_after_the_run_is_refused(call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "run", default_record(shots=500))
    scenario, plan = tmp_path / "run" / "scenario.json", tmp_path / "run" / "plan.json"
    kept = scenario.read_text()
    scenario.write_text(kept.replace("0.001", "0.4"))
    check_refusal(call("analyze", "run"), "changed since the run")
    scenario.write_text(kept)
    whole = json.loads(plan.read_text())
    for key, value in (
        ("strategy", []),
        ("asked", [[500]]),
        ("block", 0),
        ("planned", {**whole["planned"], "certificate_multiplier": 1e308}),
        ("planned", {**whole["planned"], "splitting_probability": float("nan")}),
        ("input_distribution", [[1.0], [0.0, 0.0]]),
        ("strategy", [{"probability": 1.0, "alpha": [0.0], "beta": [0.0, 1.0]}]),
    ):
        plan.write_text(json.dumps({**whole, key: value}))
        check_refusal(call("analyze", "run"), "plan.json")


def test_replay_of_little_or_of_pairs_that_never_occur(call: Run, tmp_path: Path) -> None:
    traffic = {"pair_rate": 0.02, "type": [_spec("a", 1.0), _spec("b", 6.0)], "joint": [[0.5, 0.0], [0.2, 0.3]]}
    (tmp_path / "s.json").write_text(_scenario_of(traffic, operating_point={"splitting_probability": 0.5}))
    call("run", "s.json", "--backend", "aer", "--seed", 1, "--out", "run", "--json")
    assert call("replay", "run", "--pairs", 5000, "--seed", 1).returncode == 0
    write_run(tmp_path / "small", default_record(shots=40))
    check_refusal(call("replay", "small"), "--pairs")


@pytest.mark.slow
def test_a_menu_on_good_pairs_is_certified_and_plain_noise_is_not(call: Run, tmp_path: Path) -> None:
    """Sizes 1 and 10 at load 0.2, whose menus gain a percent on good pairs; noise has none to give."""
    record = default_record(routers="past-informed", shots=20_000)
    record["traffic"]["pair_rate"] = 0.2 / 3.7
    record["traffic"]["type"][1]["service"]["mean"] = 10.0
    record["baseline"]["reward"]["setup_time"] = 30.0
    (tmp_path / "s.json").write_text(json.dumps(record))
    done = call("run", "s.json", "--backend", "aer:visibility=0.97", "--seed", 1, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["certificate"]["certified"]
    assert found["planned"]["forecast"]["predicted_power"] > 0.99
    lines = (tmp_path / "run" / "trials.csv").read_text().splitlines()
    outcomes = np.random.default_rng(1).integers(0, 2, len(lines)).tolist()
    noise = [f"{line[:-1]}{bit}" for line, bit in zip(lines[1:], outcomes, strict=False)]
    (tmp_path / "run" / "trials.csv").write_text("\n".join([lines[0], *noise]) + "\n")
    again = json.loads(call("analyze", "run", "--json").stdout)
    assert not again["certificate"]["certified"]
    assert again["certificate"]["log10_p_value"] > -3
