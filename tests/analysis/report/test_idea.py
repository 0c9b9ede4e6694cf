"""The picture of the idea: every number of the scenario, in words and in the drawing, whatever types are called."""

from __future__ import annotations

import math
import unicodedata
import xml.etree.ElementTree as ElementTree

import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.report.idea import idea_figure
from bellqueue.model.scenario.file import Scenario

from tests.analysis.conftest import HOSTILE_TYPES, simulated
from tests.scenarios import default_record

LATIN, JAPANESE = "a rather long name", "とても長い名前の要求"
WIDTH, LETTER = 360, 7.2  # pixels; of a letter about six tenths of its size, East Asian ones apart


def _texts(analysis: Analysis) -> list[str]:
    return [str(element.text) for element in ElementTree.fromstring(idea_figure(analysis)).iter("text")]


def _description(analysis: Analysis) -> str:
    return str(next(ElementTree.fromstring(idea_figure(analysis)).iter("desc")).text)


def test_the_default_scenario_is_told_with_its_numbers(complete: Analysis) -> None:
    texts = _texts(complete)
    for told in (
        "Pairs of requests: 0.01 per unit of time", "short", "long", "70 %", "30 %", "takes 1", "takes 6", "Bell pair",
        "no messages", "busy 2.5 %", "an interruption costs 5 units of time",
    ):  # fmt: skip
        assert told in texts
        assert told in _description(complete) or told in ("no messages", "Bell pair", "busy 2.5 %")
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


@pytest.mark.usefixtures("coarse_bounds")
@pytest.mark.parametrize(
    ("count", "name"),
    [
        (3, LATIN),
        (40, JAPANESE),
        *(
            pytest.param(count, name, marks=pytest.mark.slow)
            for count, name in ((1, LATIN), (1, JAPANESE), (3, JAPANESE), (4, LATIN), (4, JAPANESE), (40, LATIN))
        ),
    ],
)
def test_nothing_leaves_the_picture_however_many_types(count: int, name: str) -> None:
    record = default_record(operating_point={"splitting_probability": 0.5})
    service = {"distribution": "deterministic"}
    record["traffic"]["type"] = [
        {"name": f"{name} {index}", "probability": 1 / count, "service": {**service, "mean": 1.0 + index}}
        for index in range(count)
    ]
    record["traffic"]["pair_rate"] = 0.01
    root = ElementTree.fromstring(idea_figure(simulated(Scenario.parse(record), 1000)))
    height = float(root.attrib["viewBox"].split()[3])
    texts = _placed(root)
    for text, x, y in texts:
        words = str(text.text)
        width = LETTER * sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)
        left = x - {"middle": width / 2, "end": width}.get(text.attrib.get("text-anchor", ""), 0.0)
        assert left >= -1
        assert left + width <= WIDTH + 12  # estimated generously
        assert 0 < y < height
        if words.startswith(name[:4]):
            assert left + width <= (192 if x < 180 else WIDTH) - 40  # clear of the share on the same line
        if name == LATIN and words.startswith(("a rather", "name")):
            assert "…" not in words
    assert height < 680
    told = [f"{count - 3} more types" in str(text.text) for text, _, _ in texts]
    assert sum(told) == (2 if count > 3 else 0)


def _placed(
    root: ElementTree.Element, x: float = 0.0, y: float = 0.0
) -> list[tuple[ElementTree.Element, float, float]]:
    """Every text with its place in the picture."""
    found = []
    for child in root:
        if child.tag == "text":
            found.append((child, x + float(child.attrib["x"]), y + float(child.attrib["y"])))
        if child.tag == "g":
            dx, dy = map(float, child.attrib["transform"].removeprefix("translate(").rstrip(")").split())
            found += _placed(child, x + dx, y + dy)
    return found


def test_other_peoples_names_stay_names(hostile: Analysis) -> None:
    assert HOSTILE_TYPES[0] in _description(hostile)
    tags = {element.tag for element in ElementTree.fromstring(idea_figure(hostile)).iter()}
    assert tags <= {"svg", "g", "title", "desc", "text", "path", "rect", "circle"}
