"""What stands beside the certificate, in figures and tables: values of frontiers, waiting times, sensitivity."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.records.context_record import Context, VisibilitySensitivity, WaitingTimes
from bellqueue.analysis.report.figures.drawing import svg_text
from bellqueue.analysis.report.figures.sensitivity import load_figure, visibility_figure
from bellqueue.analysis.report.figures.waiting import waiting_figure
from bellqueue.analysis.report.tables.context import waiting_section
from bellqueue.analysis.report.tables.frontiers import frontier_sections, frontier_values_section
from bellqueue.analysis.report.tables.section import Cell
from matplotlib.figure import Figure


@pytest.fixture
def context(complete: Analysis) -> Context:
    assert complete.context
    return complete.context


@pytest.fixture
def waiting(context: Context) -> WaitingTimes:
    assert context.waiting_times
    return context.waiting_times


@pytest.fixture
def by_visibility(context: Context) -> VisibilitySensitivity:
    assert context.by_visibility
    return context.by_visibility


def _labels(figure: Figure) -> list[str]:
    return [str(text.get_text()) for text in figure.legends[0].get_texts()]


def test_the_table_of_the_frontiers_holds_the_reference_values(complete: Analysis) -> None:
    rows = {
        name: [float(cell.value) for cell in cells] for name, cells in frontier_values_section(complete.frontiers).rows
    }
    # p, then τ, the bound on every classical router to the error of its grid, W of memoryless routers, W quantum.
    for p, throughput, every, classical, quantum in (
        ("0.4", 1.882931, 0.5512, 0.591667, 0.530448),
        ("0.5", 1.878229, 0.4663, 0.502885, 0.427857),
        ("0.6", 1.873539, 0.3816, 0.414103, 0.343725),
    ):
        assert [rows[p][0], *rows[p][2:4]] == pytest.approx([throughput, classical, quantum], rel=3e-5)
        assert every - 0.002 <= rows[p][1] <= every


def test_what_is_not_proved_of_the_quantum_frontier_is_said(complete: Analysis) -> None:
    record = complete.frontiers.model_copy(update={"quantum_gap_relative": 2e-4})
    assert ("not proved of the quantum frontier, at most", (Cell("0.02 % of W"),)) in frontier_sections(record)[0].rows
    assert "the best may wait up to 0.02 % less" in frontier_values_section(record).note
    assert complete.frontiers.quantum_gap_relative == 0
    assert "less" not in frontier_values_section(complete.frontiers).note


def test_the_table_of_frontiers_never_shows_entanglement_above_classical(complete: Analysis) -> None:
    for _, (_, every, classical, quantum, communication) in frontier_values_section(complete.frontiers).rows:
        assert float(communication.value) <= float(quantum.value) <= float(classical.value)
        assert float(every.value) <= float(classical.value)


def test_waiting_times_are_told_with_their_intervals(waiting: WaitingTimes) -> None:
    section = waiting_section(waiting)
    assert [name for name, _ in section.rows][-1] == "99 % wait at most"
    assert all(len(cells) == 3 for _, cells in section.rows)
    assert str(waiting.seed) in section.note


def test_the_waiting_figure_draws_the_distributions_recorded(waiting: WaitingTimes) -> None:
    figure = waiting_figure(waiting, "Waits")
    whole, tail = figure.axes
    for axes, upside_down in ((whole, False), (tail, True)):
        lines = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
        assert len(lines) == len(waiting.routings)
        for line, record in zip(lines, waiting.routings, strict=True):
            assert str(line.get_drawstyle()) == "steps-post"  # a staircase turns at the next place
            shown = np.asarray(line.get_ydata())
            expected = 1 - np.array(record.cumulative) if upside_down else np.array(record.cumulative)
            assert shown == pytest.approx(expected[: shown.size])
    percentiles = {each.probability: each.waiting_time.estimate for each in waiting.routings[0].percentiles}
    assert f"mean {waiting.routings[0].waiting_time.estimate:.3g}" in _labels(figure)[0]
    assert f"99 % ≤ {percentiles[0.99]:.3g}" in _labels(figure)[0]


def test_where_nobody_waits_the_distribution_is_still_drawn(waiting: WaitingTimes) -> None:
    nobody = [each.model_copy(update={"times": [0.0], "cumulative": [1.0]}) for each in waiting.routings]
    assert "nan" not in svg_text(waiting_figure(waiting.model_copy(update={"routings": nobody}), "Nobody waits"))


def test_an_observation_whose_bases_nobody_knows_is_not_drawn(
    complete: Analysis, by_visibility: VisibilitySensitivity
) -> None:
    assert "observed, against memoryless ones" in _labels(visibility_figure(complete, by_visibility))
    foreign = complete.model_copy(update={"planned": None})
    assert "observed, against memoryless ones" not in _labels(visibility_figure(foreign, by_visibility))


def test_the_visibility_figure_shows_the_point_observed_and_where_the_advantage_begins(
    complete: Analysis, by_visibility: VisibilitySensitivity
) -> None:
    (ax,) = visibility_figure(complete, by_visibility).axes
    (bars,) = ax.containers
    (point,) = bars[0].get_xydata()
    reduction = complete.advantage.waiting_time_reduction_relative
    assert point.tolist() == [complete.visibility.estimate, reduction.estimate]
    across, up = (each.get_segments()[0] for each in bars[2])
    assert across[:, 0] == pytest.approx([complete.visibility.low, complete.visibility.high])
    assert up[:, 1] == pytest.approx([reduction.low, reduction.high])
    least = complete.frontiers.least_visibility
    assert least
    assert [text.get_text() for text in ax.texts] == [f"advantage\nbeyond {least:.3f}"]


def test_a_score_that_no_bell_pair_has_is_not_called_a_visibility(complete: Analysis, context: Context) -> None:
    found = context.by_load
    assert found
    for estimate, visibility, told in ((0.9, 0.9, "0.900, as observed"), (-0.8, 0.0, "the nearest to -0.800 observed")):
        observed = complete.visibility.model_copy(update={"estimate": estimate})
        figure = load_figure(
            complete.model_copy(update={"visibility": observed}), found.model_copy(update={"visibility": visibility})
        )
        assert any(told in label for label in _labels(figure))
