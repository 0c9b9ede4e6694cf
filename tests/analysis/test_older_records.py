"""Records of earlier versions still open, and what is no longer computed is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.records.frontier_record import FrontierRecord
from bellqueue.analysis.report.page import report_html
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.operating_point import PlannedPoint
from bellqueue.model.scenario.file import Scenario
from bellqueue.runner.experiment.folder import read_analysis
from bellqueue.runner.experiment.plan_record import PlanRecord

import bellqueue
from tests.runner.recorded_runs import edited, write_run
from tests.scenarios import default_record, dense

# As version 0.1.0 wrote it for the default scenario, with two of its 31 points.
RIVALS = json.loads("""[{
  "label": "asymmetric memoryless classical",
  "method": "found numerically, 60 starts for each of 32 supporting lines, mixtures of 16 deterministic router pairs",
  "points": [
    {"baseline_throughput": 1.7191910942683233, "waiting_time": 0.12105263157894733},
    {"baseline_throughput": 1.7728190611388683, "waiting_time": 0.6541918398104103}
  ],
  "unbounded": false,
  "waiting_time_at_equal_throughput": {"estimate": 0.4058536840, "low": 0.4058536840, "high": 0.4058536840}
}]""")


def _opened(content: dict[str, Any], stored: Path) -> Analysis:
    """A record of this content, read as commands read it."""
    stored.write_text(json.dumps(content))
    opened = read_analysis(stored)
    assert isinstance(opened, Analysis)
    return opened


@pytest.mark.usefixtures("without_ink")
def test_a_record_with_searched_rivals_opens_and_reports_without_them(planned: Analysis, tmp_path: Path) -> None:
    content = json.loads(planned.to_json())
    content["frontiers"]["wider_rivals"] = RIVALS
    opened = _opened(content, tmp_path / "analysis.json")
    assert opened.to_json() == planned.to_json()
    assert report_html(opened) == report_html(planned)
    assert FrontierRecord.model_validate_json(json.dumps(content["frontiers"])) == opened.frontiers


def test_a_scenario_of_before_the_class_could_be_chosen_keeps_its_hash() -> None:
    """SHA-256 of the default scenario at pair rate 0.02 as versions without the field took it."""
    before = "cb531901bad0e1c3f76adeb1830c038e05bb693f5c0e599f6533484a5cac3010"
    record = dense().record()
    assert "against" not in record["experiment"]
    assert Scenario.parse(record).content_hash() == before
    record["experiment"]["against"] = "every-classical"
    spelt_out = Scenario.parse(record)
    assert spelt_out.content_hash() == before
    assert spelt_out == dense()
    record["experiment"]["against"] = "memoryless"
    other = Scenario.parse(record)
    assert other.content_hash() != before
    assert Scenario.parse(other.record()) == other


def test_the_default_with_its_class_spelt_out_is_the_default() -> None:
    assert Scenario.parse(default_record(against="every-classical")).content_hash() == Scenario.default().content_hash()


def test_a_plan_against_memoryless_routers_is_written_as_before() -> None:
    point = Frontiers(dense().workload()).operating_point(dense(against="memoryless"))
    plain = PlannedPoint.model_validate(point.model_dump(include=set(PlannedPoint.model_fields)))
    content = plain.model_dump_json()
    assert "against" not in content
    assert PlannedPoint.model_validate_json(content) == plain
    aimed = plain.model_copy(update={"against": "every-classical"})
    assert PlannedPoint.model_validate_json(aimed.model_dump_json()) == aimed


def test_a_run_of_before_opens_and_is_analysed_as_it_was_planned(tmp_path: Path) -> None:
    """Neither its scenario nor its plan knows of classes; nothing of either is changed by being read.

    Such a run is made from one that asks for memoryless routers by leaving that out of its scenario.
    """
    folder = tmp_path / "old"
    write_run(folder, dense(against="memoryless", shots=4_000).record())
    scenario = Scenario.load(folder / "scenario.json")
    asked = scenario.record()
    del asked["experiment"]["against"]
    (folder / "scenario.json").write_text(json.dumps(asked))
    edited(folder / "plan.json", "scenario_hash", Scenario.parse(asked).content_hash())
    stored = (folder / "plan.json").read_text()
    assert "against" not in stored
    plan = PlanRecord.model_validate_json(stored)
    assert plan.planned_point().against == "memoryless"
    assert json.loads(plan.model_dump_json(by_alias=True)) == json.loads(stored)
    again = bellqueue.analyze(folder, progress=False)
    known = json.loads((folder / "analysis.json").read_text())
    assert again.certificate.log10_p_value == known["certificate"]["log10_p_value"]
    assert again.certificate.certified


@pytest.mark.usefixtures("without_ink")
def test_an_analysis_without_the_stronger_verdict_opens_and_reports(planned: Analysis, tmp_path: Path) -> None:
    content = json.loads(planned.to_json())
    del content["every_classical"], content["frontiers"]["every_classical"], content["planned"]["against"]
    opened = _opened(content, tmp_path / "analysis.json")
    assert opened.every_classical is None
    assert opened.frontiers.every_classical is None
    assert opened.planned
    assert opened.planned.against == "memoryless"
    assert opened.certificate == planned.certificate
    assert report_html(opened) != report_html(planned)
