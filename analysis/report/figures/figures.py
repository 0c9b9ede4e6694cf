"""Figures of an analysis: the frontiers with the observed point, and the correlators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...records.analysis_record import Analysis
from ...records.frontier_record import FrontierRecord
from ...records.printable import printable
from .drawing import figure_style, save, svg_text
from .frontier_curves import Curve, Focus, extent, frontier_curves, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["correlator_figure", "frontier_figure", "save", "svg_text"]

Floats = NDArray[np.float64]

MAX_LABELLED_PAIRS = 16  # type pairs that still get a labelled row each; more become a map
_WIDTH = 4.8  # inches: one journal column, and still legible at the width of a phone
_THROUGHPUT = "Baseline throughput τ (reward per unit of time)"
_WAITING = "Mean waiting time W (units of time)"

# Okabe–Ito colours. Line styles, widths and markers alone tell the curves apart in greyscale.
_BLACK, _BLUE, _SKY, _GREEN, _AMBER, _ORANGE = (
    "#000000", "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00",
)  # fmt: skip
_LINES: dict[str, dict[str, Any]] = {
    "classical": {"color": _BLACK, "linewidth": 1.4, "marker": "s"},
    "quantum": {"color": _BLUE, "linestyle": (0, (7, 2)), "linewidth": 2.0},
    "communication": {"color": _GREEN, "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 1.4},
}


def frontier_figure(record: FrontierRecord, observed: Analysis | None = None) -> Figure:
    """The frontiers in the plane of baseline throughput (across) and mean waiting time (up); better is down right.

    Above, the whole curves; below, the neighbourhood of the observed point with its confidence region, or of the
    largest advantage where nothing was observed. Without either there is only the upper panel.

    Args:
        record: The frontiers.
        observed: The analysis whose observed point to draw.
    """
    from .shown_figure import ShownFigure

    focus = Focus.of(record, observed)
    with figure_style():
        figure = ShownFigure(figsize=(_WIDTH, 7.6 if focus else 4.4), layout="constrained")
        axes = figure.subplots(2 if focus else 1, 1, squeeze=False, height_ratios=[4, 5] if focus else None)[:, 0]
        curves = frontier_curves(record)
        for ax in axes:
            _draw_curves(ax, curves)
            if observed:
                _draw_observed(ax, observed)
            ax.set(xlabel=_THROUGHPUT, ylabel=_WAITING)
            ax.locator_params(axis="x", nbins=6)  # long numbers: more would run into each other
        _frame_whole(axes[0], record)
        if focus:
            _frame_focus(axes[0], axes[1], focus)
        _legend(figure, axes[0])
    title = f"Waiting time against baseline throughput: {record.title}"
    figure.set_label(f"{printable(title)}\n{frontier_description(record, observed)}")
    return figure


def correlator_figure(analysis: Analysis) -> Figure:
    """Measured correlators with standard errors, beside the ideal ones where the circuits are known.

    Up to MAX_LABELLED_PAIRS type pairs get a row each; more become a map over the types, with a scatter plot of
    measured against ideal.
    """
    from .shown_figure import ShownFigure

    measured = np.array(analysis.correlators.measured, dtype=float)
    ideal = None if analysis.correlators.ideal is None else np.array(analysis.correlators.ideal, dtype=float)
    with figure_style():
        if measured.size <= MAX_LABELLED_PAIRS:
            figure = ShownFigure(figsize=(_WIDTH, 1.5 + 0.34 * measured.size), layout="constrained")
            _draw_rows(figure, analysis, measured, ideal)
        else:
            figure = ShownFigure(figsize=(_WIDTH, 4.6 if ideal is None else 8.6), layout="constrained")
            _draw_map(figure, analysis, measured, ideal)
    against = "measured alone" if ideal is None else "measured against ideal"
    title = f"Correlators for each pair of request types, {against}: {analysis.title}"
    figure.set_label(
        f"{printable(title)}\nCorrelators of {measured.shape[0]} by {measured.shape[1]} request types, {against}; from "
        f"{np.nanmin(measured):.3f} to {np.nanmax(measured):.3f}. All values are in the table of correlators."
    )
    return figure


# --- The frontiers ---------------------------------------------------------------------------------------------


def _draw_curves(ax: Axes, curves: Sequence[Curve]) -> None:
    for curve in curves:
        line = dict(_LINES[curve.kind])
        if curve.kind == "classical":
            line |= {"markersize": 4.5 if len(curve.vertices) <= 16 else 2, "markevery": curve.vertices}
        ax.plot(curve.throughput, curve.waiting, label=curve.label, **line)


def _draw_observed(ax: Axes, analysis: Analysis) -> None:
    """The observed point over its confidence region."""
    region = [(corner.baseline_throughput, corner.waiting_time) for corner in analysis.confidence_region]
    ax.fill(*zip(*region, strict=True), facecolor=_AMBER, edgecolor=_ORANGE, alpha=0.55, label="its confidence region")
    point = analysis.observed
    ax.plot(
        [point.baseline_throughput.estimate],
        [point.waiting_time.estimate],
        "o",
        color=_AMBER,
        markeredgecolor=_BLACK,
        markersize=6,
        label="observed",
        zorder=5,
    )


def _frame_whole(ax: Axes, record: FrontierRecord) -> None:
    """Limits that hold the three frontiers, and the arrow towards better."""
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
        arrowprops={"arrowstyle": "-|>", "color": "#444444"},
        color="#444444",
    )


def _frame_focus(whole: Axes, close: Axes, focus: Focus) -> None:
    """The window in both panels, and the gap with its size in the lower one."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = focus.window
    box = Rectangle((left, bottom), right - left, top - bottom, fill=False, edgecolor="#666666", linewidth=0.8)
    whole.add_patch(box)
    whole.set_title("(a) whole frontiers; the box is enlarged below")
    close.set_title("(b) enlarged: the comparison at equal throughput")
    close.set(xlim=(left, right), ylim=(bottom, top))
    close.annotate(
        "",
        xy=(focus.throughput, focus.other),
        xytext=(focus.throughput, focus.classical),
        arrowprops={"arrowstyle": "<->", "color": "#444444", "shrinkA": 0, "shrinkB": 0},
    )
    close.annotate(
        focus.label,
        xy=(focus.throughput, max(focus.classical, focus.other)),
        xytext=(0.03, 0.97),
        textcoords="axes fraction",
        va="top",
        arrowprops={"arrowstyle": "-", "color": "#888888", "linewidth": 0.7, "shrinkB": 3},
    )


def _legend(figure: Figure, ax: Axes) -> None:
    """One legend over both panels, the frontiers compared first."""
    handles, labels = ax.get_legend_handles_labels()
    first = ("observed", "its confidence", "classical", "quantum")
    ranked = sorted(
        zip(handles, labels, strict=True),
        key=lambda entry: next((at for at, start in enumerate(first) if entry[1].startswith(start)), len(first)),
    )
    figure.legend(*zip(*ranked, strict=True), loc="outside upper left", ncols=1)


def frontier_description(record: FrontierRecord, analysis: Analysis | None) -> str:
    """What the figure shows, for those who do not see it."""
    text = (
        "Frontiers of least mean waiting time at each baseline throughput: classical, quantum and with communication. "
        "Lower right is better."
    )
    if not analysis:
        return text
    observed, classical = analysis.observed.waiting_time, analysis.classical.waiting_time_at_equal_throughput
    return (
        f"{text} Observed: waiting time {observed.estimate:.4g} at throughput "
        f"{analysis.observed.baseline_throughput.estimate:.6g}, where the classical frontier needs "
        f"{classical.estimate:.4g} and the quantum frontier "
        f"{analysis.quantum.waiting_time_at_equal_throughput.estimate:.4g} units of time."
    )


# --- The correlators -------------------------------------------------------------------------------------------


def _draw_rows(figure: Figure, analysis: Analysis, measured: Floats, ideal: Floats | None) -> None:
    """One labelled row for each pair of types."""
    ax = figure.subplots()
    rows = np.arange(measured.size)
    names_a, names_b = analysis.frontiers.types_a, analysis.frontiers.types_b
    ax.set_yticks(rows, [f"{short(a, 12)} · {short(b, 12)}" for a in names_a for b in names_b])
    ax.set(ylim=(measured.size - 0.5, -0.5), xlim=(-1.05, 1.05), ylabel="type at router A · at router B")
    ax.set_xticks([-1, -0.5, 0, 0.5, 1])
    ax.set_xlabel("Correlator c = P(same server) − P(different servers)", loc="right")  # room for long names
    for guide, style in ((-1, ":"), (0, "-"), (1, ":")):
        ax.axvline(guide, color="#888888", linewidth=0.8, linestyle=style, zorder=0)
    if ideal is not None:
        ax.plot(ideal.ravel(), rows, "D", markersize=8, markerfacecolor="none", markeredgecolor=_BLUE, label="ideal")
    ax.errorbar(
        measured.ravel(),
        rows,
        xerr=np.array(analysis.correlators.standard_error, dtype=float).ravel(),
        fmt="o",
        color=_ORANGE,
        ecolor=_BLACK,
        markersize=4,
        capsize=3,
        label="measured, ± one standard error",
    )
    figure.legend(loc="outside upper left", ncols=2)


def _draw_map(figure: Figure, analysis: Analysis, measured: Floats, ideal: Floats | None) -> None:
    """A map of the measured correlators, and measured against ideal below it."""
    axes = figure.subplots(1 if ideal is None else 2, 1, squeeze=False)[:, 0]
    image = axes[0].imshow(measured, cmap="PuOr", vmin=-1, vmax=1, interpolation="none", aspect="auto")
    axes[0].set(xlabel="type at router B (number)", ylabel="type at router A (number)")
    for axis, size in ((axes[0].xaxis, measured.shape[1]), (axes[0].yaxis, measured.shape[0])):
        ticks = np.unique(np.linspace(0, size - 1, min(size, 8)).round().astype(int))
        axis.set_ticks(ticks, [str(tick + 1) for tick in ticks])
    figure.colorbar(image, ax=axes[0], label="measured correlator c")
    if ideal is None:
        return
    axes[0].set_title("(a) measured, for each pair of types")
    axes[1].set_title("(b) measured against ideal, ± one standard error")
    axes[1].axline((0, 0), slope=1, color="#888888", linewidth=0.8)
    axes[1].errorbar(
        ideal.ravel(),
        measured.ravel(),
        yerr=np.array(analysis.correlators.standard_error, dtype=float).ravel(),
        fmt="o",
        color=_BLUE,
        ecolor=_SKY,
        markersize=2.5,
        elinewidth=0.7,
        rasterized=True,  # thousands of points: an image is smaller than their outlines
    )
    axes[1].set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xlabel="ideal correlator", ylabel="measured correlator")
