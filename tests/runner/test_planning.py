"""`bellqueue plan` as its reader sees it, and `run` on the same plan."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.design.records import ForecastRecord, RankingRecord
from bellqueue.analysis.records.analysis_record import Planned
from bellqueue.backends import BackendSummary, open_backend
from bellqueue.backends.calibration.prediction import predictor
from bellqueue.backends.protocol import Backend, CostEstimate, RemoteBackend
from bellqueue.backends.simulators.aer import AerBackend
from bellqueue.circuits.schedule import Schedule
from bellqueue.model.errors import BackendError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.progress import unwatched
from bellqueue.model.scenario.file import Scenario
from bellqueue.runner.commands import cli
from bellqueue.runner.commands.screens.plan import forecast_table, ranking_table
from bellqueue.runner.design import planning
from bellqueue.runner.design.planning import forecast_record, plan_scenario, rank
from bellqueue.runner.experiment.preparation import prepare_point
from bellqueue.runner.experiment.submission import plan_run
from rich.console import Console, RenderableType

from tests.known import known
from tests.model.link.links import with_link
from tests.runner.conftest import Run
from tests.scenarios import default_record, dense

DENSE = dense(against="memoryless")


def _shown(table: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=80)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    return " ".join(text.split())


def _at(visibility: float, power: float = 0.95, **experiment: Any) -> ForecastRecord:
    return forecast_record(dense(**{"against": "memoryless", **experiment}), None, visibility, power)


def _on(name: str) -> ForecastRecord:
    return forecast_record(DENSE, open_backend(name), None, 0.95, name)


def test_torinos_pair_0_1_is_a_no_go_that_names_the_visibility_and_the_pair_it_needs() -> None:
    record = _on("fake:torino,pair=0-1")
    remedies = known(record.forecast.remedies)
    least, enough = known(remedies.least_visibility), known(remedies.sufficient_visibility)
    assert not record.forecast.go
    assert known(record.device.visibility) < 0.66 < least < 0.78
    assert record.verdict.startswith("NO-GO: ")
    assert f"above {least:.4f}, and {record.forecast.visibility:.4f} is predicted" in record.verdict
    assert known(record.better_pair).pair == (92, 99)
    shown = _shown(forecast_table(record))
    assert shown.startswith("NO-GO: no number of trials on fake:torino,pair=0-1 certifies")
    assert "best pair, 92–99, visibility 0.9564" in shown
    assert f"from visibility {np.ceil(1000 * enough) / 1000:.3f} on, 40000 trials" in shown
    assert "classical routers wait less" in shown


def test_the_pair_proposed_keeps_the_other_options(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def opens(name: str, _: Scenario) -> Backend:
        opened.append(name)
        return open_backend("fake:torino")

    monkeypatch.setattr(planning, "open_backend", opens)
    typed = "ibm:torino,rep_delay=250,pair=0-1"
    record = forecast_record(DENSE, open_backend("fake:torino,pair=0-1"), None, 0.95, typed)
    assert [known(record.better_pair).name] == opened == ["ibm:torino,rep_delay=250"]


def test_torinos_pair_92_99_is_a_go() -> None:
    record = _on("fake:torino,pair=92-99")
    design = known(record.forecast.design)
    assert record.forecast.go
    assert record.changes == []
    assert known(design.trials) < 1500
    assert design.certificate_multiplier == pytest.approx(0.901316, abs=1e-6)
    assert record.device.chsh == pytest.approx(open_backend("fake:torino").describe().calibration["predicted_chsh"])
    shown = _shown(forecast_table(record))
    assert shown.startswith(
        "GO: 40000 trials on fake:torino,pair=92-99 certify against memoryless classical routers "
        "with probability over 99.9 %"
    )
    assert "hold both requests of every pair" in shown


def test_too_few_shots_are_a_no_go_that_says_how_many_are_enough() -> None:
    record = _at(0.9, shots=300)
    trials = known(known(record.forecast.remedies).trials)
    assert trials > 300
    aim = "certify against memoryless classical routers with probability"
    assert record.verdict.startswith(f"NO-GO: 300 trials on a pair of visibility 0.9 {aim}")
    assert any(f"run with --shots {trials}" in change for change in record.changes)
    assert _at(0.9, shots=trials).forecast.go


def test_another_operating_point_is_proposed_as_it_is_typed_and_is_then_a_go() -> None:
    record = _at(0.9, operating_point={"splitting_probability": 0.15})
    multiplier = known(known(record.forecast.remedies).multiplier)
    assert f"operating_point = {{ multiplier = {multiplier:.6g} }}" in " ".join(record.changes)
    assert _at(0.9, operating_point={"multiplier": multiplier}).forecast.go


def test_a_promise_that_the_planned_strategy_breaks_is_said_and_the_advice_keeps_it() -> None:
    broken = _at(0.9, operating_point={"waiting_time": 0.5})
    assert "set assumed_visibility = 0.900" in broken.warnings[0]
    kept = _at(0.9, operating_point={"waiting_time": 0.5}, assumed_visibility=0.9)
    assert kept.warnings == []
    assert kept.forecast.expected.waiting_time.estimate == pytest.approx(0.5, abs=1e-6)
    shown = _shown(forecast_table(broken))
    assert "at the promised waiting time W = 0.5" in shown


def test_break_even_is_a_distance_where_the_unit_of_time_is_known() -> None:
    record = default_record()
    record["traffic"]["time_unit_seconds"] = 1e-3
    found = forecast_record(Scenario.parse(record), None, 0.95, 0.95)
    # 200,000 km/s in glass: 200 km in a millisecond.
    assert found.distance_predicted_km == pytest.approx(200 * known(found.forecast.latency_predicted))
    assert _at(0.95).distance_predicted_km is None


class _Paid(AerBackend):
    """A cloud device as the protocol has it, with a price of its own."""

    def split(self, schedule: Schedule) -> Sequence[range]:
        return (range(len(schedule.order)),)

    def estimate(self, schedule: Schedule) -> CostEstimate:
        return CostEstimate(
            len(schedule.order), 1, 0.001 * len(schedule.order), Decimal(len(schedule.order)) / 100, "a test"
        )

    def never(self, *_: object) -> Any:
        """A plan submits nothing."""
        raise NotImplementedError

    submit = poll = find = cancel = download = parse = usage = never


def test_who_decides_about_money_reads_that_hardware_ignores_the_link() -> None:
    paid, told = _Paid("visibility=0.95"), "The scenario's [link] plays no part here"
    assert plan_run(with_link(), None, paid, 1, None)[1].notes[0].startswith(told)
    assert plan_run(DENSE, None, paid, 1, None)[1].notes == ()
    assert forecast_record(with_link(), paid, None, 0.95).warnings[0].startswith(told)


def test_the_cost_of_the_shots_and_of_those_needed_is_the_backends_own_estimate() -> None:
    paid = _Paid("visibility=0.95")
    assert isinstance(paid, RemoteBackend)
    record = forecast_record(DENSE, paid, None, 0.95)
    cost = known(record.cost)
    assert Decimal(known(cost.money_usd)) == 400
    assert cost.qpu_seconds == pytest.approx(40.0)
    assert known(record.cost_needed).shots == known(record.forecast.design).trials
    assert "cost of 40000 trials $400.00, 40.0 s" in _shown(forecast_table(record))
    assert _at(0.95).cost is None


def test_a_ranking_puts_the_soonest_first_and_keeps_the_reasons_of_those_that_fail() -> None:
    names = ["fake:lima", "aer:visibility=0.99", "aer:visibility=0.7", "fake:kyoto", "fake:nowhere", "aer"]
    devices = [BackendSummary(name, "simulator", 2, True, "") for name in names]
    devices.append(BackendSummary("ibm:…", "hardware", None, False, "no credentials"))
    done: list[str] = []
    record = rank(DENSE, devices, 0.95, lambda what, _done, _total: done.append(what))
    ranked = [each.device.name for each in record.ranked]
    assert ranked == ["aer", "aer:visibility=0.99", "fake:lima", "aer:visibility=0.7"]
    assert record.ranked[-1].trials is None
    assert record.ranked[0].device.chsh == pytest.approx(2 * np.sqrt(2))
    assert {each.name for each in record.failed} == {"fake:kyoto", "fake:nowhere", "ibm:…"}
    assert done == [*names, "ibm:…"]
    shown = _shown(ranking_table(record))
    assert shown.startswith("GO on 3 of 4 backends")
    assert "never" in shown
    assert "ibm:…: no credentials" in shown


def test_json_is_the_record_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    cli.plan(visibility=0.95, power=0.9, json=True)
    printed = capsys.readouterr().out
    record = ForecastRecord.model_validate_json(printed)
    assert json.loads(printed)["schema"] == "bellqueue.forecast/1"
    assert record.forecast.power == 0.9
    assert record.scenario == Scenario.default().record()
    cli.plan(visibility=0.7)
    assert capsys.readouterr().out.startswith("NO-GO")


@pytest.mark.parametrize(("visibility", "code"), [(0.95, 0), (0.7, 3)])
def test_a_script_can_require_a_go(visibility: float, code: int, call: Run) -> None:
    done = call("plan", "--visibility", visibility, "--require-go")
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith("NO-GO" if code else "GO")


def test_a_ranking_survives_json() -> None:
    record = rank(DENSE, [BackendSummary("aer", "simulator", 2, True, "")], 0.95, unwatched)
    assert RankingRecord.model_validate_json(record.model_dump_json(by_alias=True)) == record


@pytest.mark.parametrize(
    ("backend", "visibility", "power", "all_", "message"),
    [
        ("aer", 0.9, 0.95, False, "one of --backend, --visibility and --all"),
        ("aer", None, 0.95, True, "one of --backend, --visibility and --all"),
        (None, 1.2, 0.95, False, "--visibility 1.2 is out of range"),
        (None, float("nan"), 0.95, False, "--visibility nan is out of range"),
        (None, 0.9, 1.0, False, "--power 1 is out of range"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    backend: str | None, visibility: float | None, power: float, all_: bool, message: str
) -> None:
    with pytest.raises(BackendError, match=message):
        plan_scenario(DENSE, backend, visibility, all_, power, unwatched, print)


def test_a_run_takes_the_multiplier_and_settings_of_its_forecast() -> None:
    backend = open_backend("fake:torino")
    record = _on("fake:torino")
    experiment = prepare_point(DENSE, 1, predictor(backend))
    design, predicted = known(record.forecast.design), known(experiment.predicted)
    assert experiment.point.certificate_multiplier == design.certificate_multiplier == pytest.approx(0.901316, abs=1e-6)
    assert experiment.schedule.sampling.distribution == pytest.approx(np.array(design.input_distribution))
    assert predicted.trials == design.trials
    assert predicted.waiting_time == record.forecast.expected.waiting_time.estimate
    assert prepare_point(DENSE, 1).predicted is None


def test_fixed_settings_keep_the_noiseless_plan() -> None:
    scenario = Scenario.parse(default_record(settings="fixed"))
    predict = predictor(AerBackend("visibility=0.9"))
    with_, without = prepare_point(scenario, 1, predict), prepare_point(scenario, 1)
    assert with_.point.certificate_multiplier == without.point.certificate_multiplier
    assert (with_.schedule.order == without.schedule.order).all()
    assert with_.predicted


def test_records_from_before_predictions_are_still_read() -> None:
    planned = Planned.of(Frontiers(DENSE.workload()).operating_point(DENSE))
    old = planned.model_dump()
    del old["predicted"]
    assert Planned.model_validate(old) == planned


def test_a_runs_table_and_record_show_predicted_beside_observed(call: Run) -> None:
    arguments = ("run", "--backend", "aer:visibility=0.95", "--seed", 4)
    record = json.loads(call(*arguments, "--json").stdout)
    predicted = record["planned"]["predicted"]
    assert predicted["visibility"] == pytest.approx(0.95)
    observed = record["observed"]["waiting_time"]
    assert observed["low"] < predicted["waiting_time"] < observed["high"]
    shown = " ".join(call(*arguments, "--full").stdout.split())
    assert f"{predicted['trials']} needed" in shown
    assert "chance to certify certified over 99.9 %" in shown
    assert "Predicted from the device's calibration" in shown


@pytest.mark.parametrize("name", ["mine.json", "a lab's plans/mine.json"])
def test_every_command_that_is_proposed_is_about_what_was_given(name: str, call: Run, tmp_path: Path) -> None:
    """Typed as they stand they plan, run and show the same scenario and the same run."""
    scenario = tmp_path / name
    scenario.parent.mkdir(exist_ok=True)
    scenario.write_text(json.dumps(dense(against="memoryless", shots=20000).record() | {"title": "My own traffic"}))
    go, _, proposed = call("plan", name, "--backend", "aer").stdout.splitlines()[-1].partition(" ")
    assert (go, shlex.split(proposed)) == ("GO:", ["bellqueue", "run", name, "--backend", "aer"])
    done = call(*shlex.split(proposed)[1:], "--shots", 300, "--out", "a lab's run")
    assert "My own traffic" in done.stdout
    shown = call(*shlex.split(done.stdout.splitlines()[-1].removeprefix("all numbers: "))[1:])
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "My own traffic" in shown.stdout
    assert len(shown.stdout.splitlines()) > len(done.stdout.splitlines())
    hint = call("verify", "a lab's run").stdout.partition("Every row with its method: ")[2].splitlines()[0]
    assert shlex.split(hint) == ["bellqueue", "verify", "a lab's run", "--full"]
    refused = call("submit", name, "--backend", "aer").stderr.strip()
    assert shlex.split(refused.partition("use: ")[2]) == ["bellqueue", "run", name, "--backend", "aer"]
