"""The frontiers on the page: whole, and enlarged where the observed point is compared at equal throughput."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...records.analysis_record import Analysis
from .chart import Axis, Chart, Key, Panel, Reading, Series, text
from .figures import frontier_description
from .frontier_curves import Curve, Focus, extent, frontier_curves
from .svg import element

Floats = NDArray[np.float64]

_THROUGHPUT = "Baseline throughput τ (reward per unit of time)"
_WAITING = "Mean waiting time W (units of time)"
_PLACES = 121  # throughputs at which values can be read off
_MANY = 16  # vertices beyond which their marks would hide the line


def frontier_chart(analysis: Analysis) -> Chart:
    """Both panels, their legend, and the waiting times at each throughput."""
    record = analysis.frontiers
    curves = frontier_curves(record)
    focus = Focus.of(record, analysis)
    assert focus is not None  # there is an observed point
    low, high = extent(record)
    margin = np.array([0.03, 0.05]) * (high - low)
    (left, bottom), (right, top) = (low - margin).tolist(), (high + margin).tolist()
    whole = Panel("frontier-whole", Axis(_THROUGHPUT, left, right), Axis(_WAITING, bottom, top))
    from_x, to_x, from_y, to_y = focus.window
    close = Panel("frontier-close", Axis(_THROUGHPUT, from_x, to_x), Axis(_WAITING, from_y, to_y))
    for panel in (whole, close):
        _draw(panel, curves, analysis)
    _draw_window(whole, focus)
    _draw_gap(close, focus)
    title = f"Waiting time against baseline throughput: {record.title}"
    described = frontier_description(record, analysis)
    return Chart(
        (
            ("(a) The whole frontiers", whole.picture(title, described)),
            ("(b) The box of (a), enlarged", close.picture(f"{title}, enlarged", described)),
        ),
        _keys(curves),
        _reading(curves, focus, (whole, close), extent(record)),
    )


def _draw(panel: Panel, curves: Sequence[Curve], analysis: Analysis) -> None:
    for curve in curves:
        panel.line(curve.kind, curve.throughput, curve.waiting)
        if curve.kind == "classical":
            size = 3.2 if len(curve.vertices) <= _MANY else 1.6
            panel.marks(curve.kind, curve.throughput[curve.vertices], curve.waiting[curve.vertices], "square", size)
    region = [(corner.baseline_throughput, corner.waiting_time) for corner in analysis.confidence_region]
    panel.area("observed", *zip(*region, strict=True))
    point = analysis.observed
    panel.marks("observed", [point.baseline_throughput.estimate], [point.waiting_time.estimate], "circle", 4.5)


def _draw_window(panel: Panel, focus: Focus) -> None:
    """The box that the other panel enlarges, and the way to better."""
    from_x, to_x, from_y, to_y = focus.window
    corners = panel.x.at([from_x, to_x, to_x, from_x]), panel.y.at([from_y, from_y, to_y, to_y])
    (x0, x1, *_), (y0, _, y1, _) = (each.tolist() for each in corners)
    panel.add(element("path", d=f"M{x0:.1f} {y0:.1f}H{x1:.1f}V{y1:.1f}H{x0:.1f}Z", class_="box"))
    # Up left lies what every frontier beats: nothing is drawn there that the arrow could cover.
    x, y = panel.left + 16, panel.y.end + 18
    panel.add(text(x, y, "better", class_="note"))
    panel.add(element("path", d=f"M{x + 14:.1f} {y + 7:.1f}l22 26m-2 -10l2 10l-10 -3", class_="arrow"))


def _draw_gap(panel: Panel, focus: Focus) -> None:
    """The double arrow of the comparison with its size in words."""
    x = float(panel.x.at(focus.throughput))
    ends = sorted(panel.y.at([focus.classical, focus.other]).tolist())
    head = 4.0 if ends[1] - ends[0] > 14 else 0.0
    tips = f"m-{head} {head}l{head} -{head}l{head} {head}", f"m-{head} -{head}l{head} {head}l{head} -{head}"
    arrow = f"M{x:.1f} {ends[0]:.1f}V{ends[1]:.1f}M{x:.1f} {ends[0]:.1f}{tips[0]}M{x:.1f} {ends[1]:.1f}{tips[1]}"
    panel.add(element("path", d=arrow, class_="arrow"))
    lines = focus.label.split("\n")
    panel.note(panel.left + 8, panel.y.end + 16, *lines)


def _keys(curves: Sequence[Curve]) -> list[Key]:
    """The observed point first, then what it is compared with."""
    keys = [Key("observed", "observed, over its confidence region", line=False, mark="circle", area=True)]
    for curve in reversed(curves):
        keys.append(Key(curve.kind, curve.label, mark="square" if curve.kind == "classical" else None))
    return keys


def _reading(curves: Sequence[Curve], focus: Focus, panels: Sequence[Panel], ends: tuple[Floats, Floats]) -> Reading:
    """W of every curve over the throughputs that the frontiers span, those of the close-up among them."""
    low, high = float(ends[0][0]), float(ends[1][0])
    near = np.clip(np.linspace(focus.window[0], focus.window[1], _PLACES // 2), low, high)
    places = np.union1d(np.linspace(low, high, _PLACES // 2), np.append(near, focus.throughput))
    series = []
    for curve in reversed(curves):
        values = np.interp(places, curve.throughput, curve.waiting, left=np.nan, right=np.nan)
        series.append(Series(curve.kind, curve.label, values.tolist()))
    start = int(np.abs(places - focus.throughput).argmin())
    return Reading("Baseline throughput τ", places.tolist(), start, series, panels)
