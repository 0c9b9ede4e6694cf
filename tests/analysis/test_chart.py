"""Panels of the page: ticks that are round and inside, scales that hit their ends, text that fits, stairs that turn."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.report.figures.chart import WIDTH, Axis, Panel, Scale
from bellqueue.analysis.report.figures.correlator_chart import correlator_chart
from bellqueue.analysis.report.figures.frontier_chart import frontier_chart
from bellqueue.analysis.report.figures.sensitivity_chart import load_chart, visibility_chart
from bellqueue.analysis.report.figures.svg import element, fitted, path, text_width, ticks
from bellqueue.analysis.report.figures.waiting_chart import waiting_chart
from bellqueue.analysis.report.tables.context import waiting_section
from bellqueue.analysis.report.tables.frontiers import frontier_values_section
from hypothesis import given
from hypothesis import strategies as st

FLOATS = st.floats(-1e6, 1e6, allow_nan=False)


@given(FLOATS, st.floats(1e-6, 1e6), st.integers(2, 8))
def test_ticks_are_evenly_spaced_inside_and_not_too_many(low: float, span: float, most: int) -> None:
    high = low + span
    if not high > low:
        return
    values, labels = ticks(low, high, most)
    slack = 1e-6 * max(abs(low), abs(high), span)
    assert len(values) == len(labels) <= most + 1
    assert all(low - slack <= value <= high + slack for value in values)
    if len(values) > 2:
        assert np.diff(values) == pytest.approx(values[1] - values[0], rel=1e-6, abs=slack)


def test_labels_have_as_many_decimals_as_tell_them_apart() -> None:
    assert ticks(0, 1, 5)[1] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert ticks(-3, 12, 4)[1] == ["0", "5", "10"]
    assert ticks(0.25, 1.5, 6)[1] == ["0.25", "0.50", "0.75", "1.00", "1.25", "1.50"]
    assert ticks(-0.5, 0.5, 2)[1] == ["−0.5", "0.0", "0.5"]


@pytest.mark.parametrize("log", [False, True])
def test_scales_reach_their_ends_and_the_middle_between(log: bool) -> None:
    scale = Scale(0.01, 100.0, 250.0, 20.0, log)
    middle = 1.0 if log else 50.005
    assert scale.at([0.01, middle, 100.0]).tolist() == pytest.approx([250, 135, 20])


def test_a_staircase_turns_at_the_next_place() -> None:
    assert path([0, 10, 20], [5, 3, 1]) == "M0 5L10 3L20 1"
    assert path([0, 10, 20], [5, 3, 1], step=True) == "M0 5L10 5L10 3L20 3L20 1"
    assert path([0, 1, 1], [0, 0, 1], closed=True).endswith("Z")


@given(st.text(max_size=40), st.floats(10, 200))
def test_text_is_cut_until_it_fits(text: str, width: float) -> None:
    shown = fitted(text, width, 12.0)
    assert text_width(shown, 12.0) <= width or shown == "…"
    assert "\n" not in shown


def test_what_elements_hold_is_escaped() -> None:
    made = element("text", '<b> & "x"', data_name='"><script>', class_="soft", absent=None)
    assert made == '<text data-name="&#34;&gt;&lt;script&gt;" class="soft">&lt;b&gt; &amp; &#34;x&#34;</text>'


def test_a_panel_keeps_its_marks_inside_and_names_its_axes() -> None:
    panel = Panel("p", Axis("across (units)", 0, 10), Axis("up (units)", 1e-4, 1, percent=True, log=True))
    panel.line("quantum", [0, 5, 10], [1, 1e-2, 1e-9])
    root = ElementTree.fromstring(panel.picture("title", "what it shows"))
    texts = [element.text for element in root.iter("text")]
    assert {"across (units)", "up (units)", "0.01\N{NARROW NO-BREAK SPACE}%", "100\N{NARROW NO-BREAK SPACE}%"} <= set(
        texts
    )
    (group,) = (each for each in root.iter("g"))
    assert group.attrib["clip-path"] == "url(#p-frame)"
    frame = next(root.iter("rect")).attrib
    assert float(frame["x"]) + float(frame["width"]) < WIDTH


def test_no_mark_has_a_colour_of_its_own(complete: Analysis) -> None:
    for chart in (frontier_chart(complete), correlator_chart(complete)):
        for _, picture in chart.pictures:
            assert not re.search(r'(fill|stroke|style|color)="(?!none)', picture)


def test_the_frontier_panels_hold_the_observed_point(complete: Analysis) -> None:
    reading = frontier_chart(complete).reading
    assert reading is not None
    point = complete.observed
    for panel in reading.panels:
        x = float(panel.x.at(point.baseline_throughput.estimate))
        y = float(panel.y.at(point.waiting_time.estimate))
        assert panel.left < x < WIDTH
        assert 0 < y < panel.height
        drawn = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="4.5" class="mark observed"', panel.picture("", ""))
        assert [tuple(map(float, each)) for each in drawn] == [pytest.approx((x, y), abs=0.051)]


def test_the_table_of_the_frontiers_holds_the_reference_values(complete: Analysis) -> None:
    rows = {
        name: [float(cell.value) for cell in cells] for name, cells in frontier_values_section(complete.frontiers).rows
    }
    # MODEL §5: p, then τ, W classical, W quantum.
    for p, throughput, classical, quantum in (
        ("0.4", 1.771548, 0.66184, 0.60046),
        ("0.5", 1.762713, 0.57171, 0.49650),
        ("0.6", 1.753921, 0.48158, 0.41085),
    ):
        assert rows[p][:3] == pytest.approx([throughput, classical, quantum], rel=3e-5)


def test_waiting_times_are_told_with_their_intervals(complete: Analysis) -> None:
    assert complete.context is not None
    assert complete.context.waiting_times is not None
    section = waiting_section(complete.context.waiting_times)
    assert [name for name, _ in section.rows][-1] == "99 % wait at most"
    assert all(len(cells) == 3 for _, cells in section.rows)
    assert str(complete.context.waiting_times.seed) in section.note


def test_where_nobody_waits_the_distribution_is_still_drawn(complete: Analysis) -> None:
    assert complete.context
    waiting = complete.context.waiting_times
    assert waiting
    nobody = [each.model_copy(update={"times": [0.0], "cumulative": [1.0]}) for each in waiting.routings]
    chart = waiting_chart(waiting.model_copy(update={"routings": nobody}), "Nobody waits")
    assert all("nan" not in str(picture) for _, picture in chart.pictures)


def test_an_observation_whose_bases_nobody_knows_is_not_drawn(complete: Analysis) -> None:
    assert complete.context
    found = complete.context.by_visibility
    assert found
    assert any(key.kind == "observed" for key in visibility_chart(complete, found).keys)
    foreign = complete.model_copy(update={"planned": None})
    assert not any(key.kind == "observed" for key in visibility_chart(foreign, found).keys)


def test_a_score_that_no_bell_pair_has_is_not_called_a_visibility(complete: Analysis) -> None:
    assert complete.context
    found = complete.context.by_load
    assert found
    for estimate, visibility, told in ((0.9, 0.9, "0.900, as observed"), (-0.8, 0.0, "the nearest to -0.800 observed")):
        observed = complete.visibility.model_copy(update={"estimate": estimate})
        chart = load_chart(
            complete.model_copy(update={"visibility": observed}), found.model_copy(update={"visibility": visibility})
        )
        assert any(told in key.label for key in chart.keys)


def test_the_table_of_frontiers_never_shows_entanglement_above_classical(complete: Analysis) -> None:
    for _, (_, classical, quantum, communication) in frontier_values_section(complete.frontiers).rows:
        assert float(communication.value) <= float(quantum.value) <= float(classical.value)
