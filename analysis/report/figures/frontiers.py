"""The figure of the frontiers: whole, and enlarged where the observed point is compared at equal throughput."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...records.analysis_record import Analysis
from ...records.frontier_record import FrontierRecord
from .drawing import CURVES, GREY, OBSERVED, ORANGE, describe, new_figure
from .frontier_curves import Curve, Focus, extent, frontier_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

THROUGHPUT = "Baseline throughput τ (reward per unit of time)"
WAITING = "Mean waiting time W (units of time)"
_MANY = 16  # vertices beyond which their marks would hide the line


def frontier_figure(record: FrontierRecord, observed: Analysis | None = None) -> Figure:
    """The frontiers in the plane of baseline throughput (across) and mean waiting time (up); better is down right.

    Above, the whole curves; below, the neighbourhood of the observed point with its confidence region, or of the
    largest advantage where nothing was observed. Without either there is only the upper panel.

    Args:
        record: The frontiers.
        observed: The analysis whose observed point to draw.
    """
    focus = Focus.of(record, observed)
    with new_figure(7.6 if focus else 4.4) as figure:
        axes = figure.subplots(2 if focus else 1, 1, squeeze=False, height_ratios=[4, 5] if focus else None)[:, 0]
        curves = frontier_curves(record)
        for ax in axes:
            draw_curves(ax, curves)
            if observed:
                _draw_observed(ax, observed)
            ax.set(xlabel=THROUGHPUT, ylabel=WAITING)
            ax.locator_params(axis="x", nbins=6)  # long numbers: more would run into each other
        _frame_whole(axes[0], record)
        if focus:
            _frame_focus(axes[0], axes[1], focus)
        legend(figure, axes[0])
    title = f"Waiting time against baseline throughput: {record.title}"
    describe(figure, title, _description(record, observed))
    return figure


def draw_curves(ax: Axes, curves: Sequence[Curve]) -> None:
    """Each in the look of its kind, with its label."""
    for curve in curves:
        line = dict(CURVES[curve.kind])
        if curve.kind == "classical":
            line |= {"markersize": 4.5 if len(curve.vertices) <= _MANY else 2, "markevery": curve.vertices}
        ax.plot(curve.throughput, curve.waiting, label=curve.label, **line)


def _draw_observed(ax: Axes, analysis: Analysis) -> None:
    """The observed point over its confidence region."""
    region = [(corner.baseline_throughput, corner.waiting_time) for corner in analysis.confidence_region]
    ax.fill(*zip(*region, strict=True), facecolor=ORANGE, edgecolor=ORANGE, alpha=0.3, label="its confidence region")
    point = analysis.observed
    place = [point.baseline_throughput.estimate], [point.waiting_time.estimate]
    ax.plot(*place, "o", label="observed", **OBSERVED)


def _frame_whole(ax: Axes, record: FrontierRecord) -> None:
    """Limits that hold the frontiers of memoryless routers, and the arrow towards better."""
    low, high = extent(record)
    margin = np.array([0.03, 0.05]) * (high - low)
    (left, bottom), (right, top) = low - margin, high + margin
    ax.set(xlim=(left, right), ylim=(bottom, top))
    # Up left lies what every frontier beats: nothing is drawn there that the arrow could cover.
    ax.annotate(
        "better",
        xy=(0.18, 0.66),
        xytext=(0.04, 0.9),
        xycoords="axes fraction",
        textcoords="axes fraction",
        arrowprops={"arrowstyle": "-|>", "color": GREY},
        color=GREY,
    )


def _frame_focus(whole: Axes, close: Axes, focus: Focus) -> None:
    """The window in both panels, and the gap with its size in the lower one."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = focus.window
    box = Rectangle((left, bottom), right - left, top - bottom, fill=False, edgecolor=GREY, linewidth=0.8)
    whole.add_patch(box)
    whole.set_title("(a) whole frontiers; the box is enlarged below")
    close.set_title("(b) enlarged: the comparison at equal throughput")
    close.set(xlim=(left, right), ylim=(bottom, top))
    close.annotate(
        "",
        xy=(focus.throughput, focus.other),
        xytext=(focus.throughput, focus.classical),
        arrowprops={"arrowstyle": "<->", "color": GREY, "shrinkA": 0, "shrinkB": 0},
    )
    close.annotate(
        focus.label,
        xy=(focus.throughput, max(focus.classical, focus.other)),
        xytext=(0.03, 0.97),
        textcoords="axes fraction",
        va="top",
        arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.7, "shrinkB": 3},
    )


def legend(figure: Figure, ax: Axes) -> None:
    """One legend over both panels, the frontiers compared first."""
    handles, labels = ax.get_legend_handles_labels()
    first = ("observed", "its confidence", "classical", "every classical", "quantum", "entangled")
    ranked = sorted(
        zip(handles, labels, strict=True),
        key=lambda entry: next((at for at, start in enumerate(first) if entry[1].startswith(start)), len(first)),
    )
    figure.legend(*zip(*ranked, strict=True), loc="outside upper left", ncols=1)


def _description(record: FrontierRecord, analysis: Analysis | None) -> str:
    """What the figure shows, for those who do not see it."""
    text = (
        "Frontiers of least mean waiting time at each baseline throughput: classical, quantum and with communication. "
        "Lower right is better."
    )
    if record.every_classical and record.every_classical.points:
        text += " A further curve is the proved least of every classical router that does not communicate."
    if not analysis:
        return text
    observed, classical = analysis.observed.waiting_time, analysis.classical.waiting_time_at_equal_throughput
    return (
        f"{text} Observed: waiting time {observed.estimate:.4g} at throughput "
        f"{analysis.observed.baseline_throughput.estimate:.6g}, where the classical frontier needs "
        f"{classical.estimate:.4g} and the quantum frontier "
        f"{analysis.quantum.waiting_time_at_equal_throughput.estimate:.4g} units of time."
    )
