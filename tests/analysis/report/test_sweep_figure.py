"""The map of a sweep: what is drawn where, and that odd grids are drawn at all."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.report.figures.drawing import svg_text
from bellqueue.analysis.report.figures.sweep import axis_label, sweep_figure
from bellqueue.model.sweep.grid import Sweep
from bellqueue.model.sweep.point import Outcome
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

LOADS = {"field": "load", "values": [0.6, 0.1, 0.2]}  # not in order
SHARES = {"field": "probability.long", "from": 0.1, "to": 0.4, "count": 4}
VISIBILITIES = {"field": "visibility", "from": 0.7, "to": 1.0, "count": 4}
INVALID = Outcome(status="invalid", reason="x")
NO_STATE = Outcome(status="computed", entanglement_helps=False, waiting_time_reduction_relative=0.0)


def helps(saved: float, least: float = 0.8) -> Outcome:
    return Outcome(
        status="computed", entanglement_helps=True, waiting_time_reduction_relative=saved, least_visibility=least
    )


def drawn(outcomes: Any, *axes: dict[str, Any], title: str = "A map") -> Figure:
    """The figure of a sweep whose outcomes are a function of the values at each point."""
    sweep = Sweep.parse({"title": title, "axis": list(axes)})
    figure = sweep_figure(sweep, [outcomes(*point.values) for point in sweep.points()])
    assert figure is not None
    return figure


def frames(figure: Figure) -> list[Axes]:
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def mesh_of(ax: Axes) -> QuadMesh:
    (mesh,) = (each for each in ax.collections if isinstance(each, QuadMesh))
    return mesh


def test_every_cell_has_the_colour_of_its_value_at_its_place() -> None:
    figure = drawn(lambda load, share: helps(load * share), LOADS, SHARES)
    (ax,) = frames(figure)
    shown = np.asarray(mesh_of(ax).get_array())
    assert shown == pytest.approx(
        100 * np.outer([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.6])
    )  # rising both ways, in per cent
    corners = np.asarray(mesh_of(ax).get_coordinates())
    assert corners[0, :, 0] == pytest.approx([0.05, 0.15, 0.4, 0.8])  # half-way between the loads
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Load ρ of each server", "Probability of type long")


def test_where_entanglement_does_not_help_is_hatched_and_has_no_colour() -> None:
    def outcome(load: float, share: float) -> Outcome:
        if load > 0.5:
            return INVALID
        return NO_STATE if share < 0.15 else helps(0.1, 0.7 + share * load)

    figure = drawn(outcome, LOADS, SHARES)
    (ax,) = frames(figure)
    coloured = np.isfinite(np.ma.filled(np.ma.asarray(mesh_of(ax).get_array()), np.nan))
    assert coloured.tolist() == [[False] * 3] + [[True, True, False]] * 3
    boxes: dict[str, list[float]] = {"////": [], "..": [], r"\\": []}
    for each in ax.patches:
        assert isinstance(each, Rectangle)
        boxes[str(each.get_hatch())].append(each.get_width())
    assert {hatch: len(each) for hatch, each in boxes.items()} == {"////": 1, "..": 4, r"\\": 3}
    assert boxes["////"] == pytest.approx([0.4 - 0.05])  # both loads in one piece
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {
        "least visibility that helps",
        "no advantage",
        "over memoryless routers only",
        "no result",
    }


def test_where_every_classical_router_is_beaten_nothing_is_hatched() -> None:
    """Of the four shares the last beats memoryless routers only."""

    def outcome(load: float, share: float) -> Outcome:
        return helps(0.1, 0.7).model_copy(update={"beats_every_classical": share < 0.35})

    figure = drawn(outcome, LOADS, SHARES)
    (ax,) = frames(figure)
    box = ax.patches[0]
    assert isinstance(box, Rectangle)
    assert {each.get_hatch() for each in ax.patches} == {r"\\"}
    assert box.get_hatch() == r"\\"
    assert box.get_y() < 0.4 < box.get_y() + box.get_height()


def test_contours_are_labelled_with_the_least_visibility() -> None:
    figure = drawn(lambda load, share: helps(0.1, 0.6 + share), LOADS, SHARES)
    (ax,) = frames(figure)
    labels = {text.get_text() for text in ax.texts}
    assert labels
    for label in labels:  # a level 0.6 + share lies at that share whatever the load
        assert any(text.get_position()[1] == pytest.approx(float(label) - 0.6, abs=1e-6) for text in ax.texts)


def test_where_the_visibility_is_an_axis_the_line_is_where_it_is_the_least() -> None:
    """Least visibility 0.7 + 0.3·load against V: a straight line through both."""
    figure = drawn(lambda load, v: helps(0.1, 0.7 + 0.3 * load), LOADS, VISIBILITIES)
    (ax,) = frames(figure)
    (line,) = (each for each in ax.collections if not isinstance(each, QuadMesh))
    corners = np.concatenate([np.asarray(path.vertices) for path in line.get_paths()])
    assert corners[:, 1] == pytest.approx(0.7 + 0.3 * corners[:, 0])
    assert not ax.texts


def test_one_axis_gives_curves_and_three_a_panel_for_each_value_of_the_first() -> None:
    curve = drawn(lambda load: helps(load) if load < 0.5 else NO_STATE, LOADS)
    upper, lower = curve.axes
    assert np.asarray(upper.lines[0].get_xydata())[:2] == pytest.approx(np.array([[0.1, 10], [0.2, 20]]))
    assert np.asarray(upper.lines[1].get_xydata()) == pytest.approx(np.array([[0.6, 0]]))
    assert lower.get_xlabel() == "Load ρ of each server"
    panels = frames(drawn(lambda v, load, share: helps(v * load), VISIBILITIES, LOADS, SHARES))
    assert [ax.get_title(loc="left") for ax in panels if ax.get_visible()] == [
        f"Visibility V: {v}" for v in ("0.7", "0.8", "0.9", "1")
    ]
    assert len({mesh_of(ax).get_clim() for ax in panels if ax.get_visible()}) == 1  # one scale of colours


@pytest.mark.parametrize(
    "axes",
    [
        [{"field": "load", "values": [0.5]}],
        [LOADS, {"field": "visibility", "values": [0.9]}],
        [{"field": "load", "values": [0.1, 0.1]}, SHARES],
        [{"field": "load", "from": 1e-6, "to": 0.9, "count": 5, "scale": "log"}, {**SHARES, "scale": "log"}],
        [{"field": "title", "values": ["$\\frac", "<b>&", "\x07"]}, SHARES],
        [{"field": "baseline.reward", "values": [{"kind": "power", "exponent": 2}, {"kind": "x" * 99}]}, LOADS],
        [{**LOADS, "group": "g"}, {**LOADS, "field": "visibility", "group": "g"}, SHARES],
        [{"field": "load", "from": -1, "to": 2, "count": 60}, {"field": "visibility", "from": 0, "to": 3, "count": 60}],
    ],
)
def test_odd_grids_are_drawn(axes: list[dict[str, Any]]) -> None:
    outcomes = itertools.cycle([helps(0.1), helps(0.0, 1.0), NO_STATE, INVALID])
    ElementTree.fromstring(svg_text(drawn(lambda *_: next(outcomes), *axes, title='Odd "& <title> $x_')))


@pytest.mark.parametrize("outcome", [helps(0.1), helps(0.0, 1.0), NO_STATE, INVALID], ids=lambda each: each.status)
@pytest.mark.parametrize("axes", [[LOADS], [LOADS, SHARES]])
def test_a_sweep_with_one_outcome_everywhere_is_drawn(axes: list[dict[str, Any]], outcome: Outcome) -> None:
    ElementTree.fromstring(svg_text(drawn(lambda *_: outcome, *axes)))


def test_what_a_figure_cannot_show_is_not_drawn() -> None:
    for axes in ([VISIBILITIES, LOADS, SHARES, {"field": "title", "values": ["a", "b"]}],
                 [{**VISIBILITIES, "count": 13}, LOADS, SHARES]):  # fmt: skip
        sweep = Sweep.parse({"axis": axes})
        assert sweep_figure(sweep, [NO_STATE] * sweep.size) is None


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("probability.a.b", "Probability of type a.b"),
        ("traffic.type.a.b.service.mean", "Mean service time of type a.b (units of time)"),
        ("traffic.type_b.long.probability", "Probability of type long"),
        ("traffic.joint", "traffic.joint"),
        ("baseline.reward.exponent", "Exponent k of the reward T = t^k"),
    ],
)
def test_axes_are_named_in_the_terms_of_the_field(field: str, label: str) -> None:
    assert axis_label(field) == label
