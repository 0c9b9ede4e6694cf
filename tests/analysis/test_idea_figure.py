"""The picture of the idea: every number of the scenario, in words and in the drawing, whatever types are called."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.report.figures.chart import WIDTH
from bellqueue.analysis.report.figures.idea_figure import idea_figure
from bellqueue.analysis.report.figures.svg import text_width
from bellqueue.model.scenario.file import Scenario

from tests.analysis.conftest import HOSTILE_TYPES, simulated
from tests.scenarios import default_record


def _texts(analysis: Analysis) -> list[str]:
    return [str(element.text) for element in ElementTree.fromstring(idea_figure(analysis)).iter("text")]


def _description(analysis: Analysis) -> str:
    return str(next(ElementTree.fromstring(idea_figure(analysis)).iter("desc")).text)


def test_the_default_scenario_is_told_with_its_numbers(complete: Analysis) -> None:
    texts = _texts(complete)
    for told in (
        "Pairs of requests: 0.02 per unit of time", "short", "long", "70 %", "30 %", "takes 1", "takes 6", "Bell pair",
        "no messages", "busy 5 %", "an interruption costs 5 units of time",
    ):  # fmt: skip
        assert told in texts
        assert told in _description(complete) or told in ("no messages", "Bell pair", "busy 5 %")
    assert complete.planned
    assert f"price μ of a split: {complete.planned.certificate_multiplier:.4g} units of time" in texts
    assert f"observed: {100 * complete.observed.splitting_probability.estimate:.3g} % of pairs split" in texts


def test_bases_are_the_angles_planned(complete: Analysis) -> None:
    assert complete.context is not None
    (bases,) = complete.context.bases
    texts = _texts(complete)
    for angle in (*bases.alpha, *bases.beta):
        assert f"{math.degrees(angle) + 0.0:.1f}°".replace("-", "−") in texts
    ideal = complete.correlators.ideal
    assert ideal is not None
    assert math.cos(bases.alpha[1] - bases.beta[0]) == pytest.approx(ideal[1][0], abs=1e-9)


def test_without_a_plan_there_are_neither_bases_nor_a_price(hanoi: Analysis) -> None:
    texts = _texts(hanoi)
    assert not [text for text in texts if "°" in text or "price" in text]
    assert "short" in texts


def test_routers_may_differ_and_joint_tables_give_the_shares() -> None:
    record = default_record(operating_point={"splitting_probability": 0.5})
    for spec in record["traffic"]["type"]:
        del spec["probability"]
    exponential = {"distribution": "exponential", "mean": 2.0}
    record["traffic"]["type_b"] = [{"name": name, "service": exponential} for name in ("red", "green", "blue")]
    record["traffic"]["joint"] = [[0.4, 0.2, 0.05], [0.05, 0.2, 0.1]]
    texts = _texts(simulated(Scenario.parse(record), 1000))
    assert {"65 %", "35 %", "45 %", "40 %", "15 %", "red", "green", "blue", "takes ≈ 2"} <= set(texts)


@pytest.mark.parametrize("count", [1, 3, 4, 6, 7, 40])
def test_nothing_leaves_the_picture_however_many_types(count: int) -> None:
    record = default_record(operating_point={"splitting_probability": 0.5})
    service = {"distribution": "deterministic"}
    record["traffic"]["type"] = [
        {"name": f"a rather long name {index}", "probability": 1 / count, "service": {**service, "mean": 1.0 + index}}
        for index in range(count)
    ]
    record["traffic"]["pair_rate"] = 0.01
    root = ElementTree.fromstring(idea_figure(simulated(Scenario.parse(record), 1000)))
    height = float(root.attrib["viewBox"].split()[3])
    for text in root.iter("text"):
        x, y, width = float(text.attrib["x"]), float(text.attrib["y"]), text_width(str(text.text), 12.0)
        left = x - {"middle": width / 2, "end": width}.get(text.attrib.get("text-anchor", ""), 0.0)
        assert left >= -1
        assert left + width <= WIDTH + 12  # estimated generously
        assert 0 < y < height
    assert height < 620
    told = [str(text.text) for text in root.iter("text")]
    assert len([text for text in told if "more types" in text]) == (2 if count > 6 else 0)


def test_other_peoples_names_stay_names(hostile: Analysis) -> None:
    assert HOSTILE_TYPES[0] in _description(hostile)
    tags = {element.tag for element in ElementTree.fromstring(idea_figure(hostile)).iter()}
    assert tags <= {"svg", "title", "desc", "text", "path", "rect", "circle"}
