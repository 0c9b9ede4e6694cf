"""The figures of what the advantage depends on: the visibility of the Bell pairs, and the load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...records.analysis_record import Analysis
from ...records.context_record import LoadSensitivity, VisibilitySensitivity
from .drawing import CURVES, GREY, OBSERVED, ORANGE, describe, error_bars, new_figure, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 3.9  # inches
_REDUCTION = "Largest reduction of mean waiting time"


def visibility_figure(analysis: Analysis, found: VisibilitySensitivity) -> Figure:
    """The largest reduction at each visibility, with the observed point and where the advantage begins."""
    visibility, reduction = analysis.visibility, analysis.advantage.waiting_time_reduction_relative
    wider = found.every_classical
    several = (
        analysis.frontiers.bell_pairs is not None
    )  # the least visibility over all strategies is then not on this curve
    least = None if several else analysis.frontiers.least_visibility
    told = (
        f"Largest relative reduction of waiting time against visibility from {found.visibility[0]:.3g} to 1, where it "
        f"is {100 * found.reduction_relative[-1]:.3g} %."
    )
    with new_figure(_HEIGHT) as figure:
        ax = figure.subplots()
        _frame(ax, "Visibility", [*found.reduction_relative, reduction.estimate])
        ax.set_xlim(found.visibility[0], max(found.visibility[-1], min(visibility.estimate, 1.1)))
        if least is not None:
            _mark(ax, least, f"advantage\nbeyond {least:.3f}")
            told += f" There is an advantage beyond visibility {least:.4f}."
        label = "saved against memoryless routers"
        ax.plot(found.visibility, found.reduction_relative, label=label, **CURVES["quantum"])
        if wider is not None:
            label = "saved against every classical router"
            ax.plot(found.visibility, wider, label=label, **CURVES["every-classical"] | {"linewidth": 1.6})
            told += f" Against every classical router it is {100 * wider[-1]:.3g} % there."
        if analysis.planned:  # without a plan the bases are not known, nor therefore the visibility
            ax.errorbar(
                [visibility.estimate],
                [reduction.estimate],
                xerr=error_bars([visibility]),
                yerr=error_bars([reduction]),
                fmt="o",
                label="observed, against memoryless ones",
                **OBSERVED,
            )
            told += f" Observed: visibility {visibility.estimate:.4f}, reduction {100 * reduction.estimate:.3g} %."
        figure.legend(loc="outside upper left")
    describe(figure, f"Advantage against visibility: {analysis.title}", told)
    return figure


def load_figure(analysis: Analysis, found: LoadSensitivity) -> Figure:
    """The largest reduction at each load, ideal and at the visibility observed, with this scenario's load marked."""
    own = analysis.frontiers.load
    with new_figure(_HEIGHT) as figure:
        ax = figure.subplots()
        _frame(ax, "Load of each server ρ", [*found.ideal, *found.noisy])
        ax.set_xlim(0, 1)
        _mark(ax, own, f"this scenario: {own:.3g}")
        ax.plot(found.load, found.ideal, label="ideal entanglement", **CURVES["quantum"])
        noisy = f"visibility {found.visibility:.3f}, {_known(analysis, found.visibility)}"
        ax.plot(found.load, found.noisy, "o-", color=ORANGE, markersize=3, linewidth=1.4, label=noisy)
        figure.legend(loc="outside upper left")
    describe(
        figure,
        f"Advantage against load: {analysis.title}",
        f"Largest relative reduction of waiting time at loads from {found.load[0]:.3g} to {found.load[-1]:.3g}: ideal "
        f"from {100 * found.ideal[0]:.3g} to {100 * found.ideal[-1]:.3g} %, at visibility {found.visibility:.3f} from "
        f"{100 * found.noisy[0]:.3g} to {100 * found.noisy[-1]:.3g} %. This scenario's load is {own:.3g}.",
    )
    return figure


def _known(analysis: Analysis, visibility: float) -> str:
    """Where the visibility of a curve comes from."""
    estimate = analysis.visibility.estimate
    if not np.isclose(estimate, visibility, atol=1e-6):  # a score above or below what Bell pairs can have
        return f"the nearest to {estimate:.3f} observed"
    return "as observed" if analysis.planned else "the least that fits the counts"


def _frame(ax: Axes, across: str, values: Sequence[float]) -> None:
    """Axes that hold the values and 0; what lies far below 0 is not of interest."""
    top = max(*values, 1e-4)
    bottom = max(min(*values, 0.0), -0.6 * top)
    margin = 0.06 * (top - bottom)
    ax.set(xlabel=across, ylabel=_REDUCTION, ylim=(bottom - margin, top + 2 * margin))
    ax.yaxis.set_major_formatter(percent)
    ax.axhline(0, color=GREY, linewidth=0.8, zorder=0)


def _mark(ax: Axes, place: float, words: str) -> None:
    """A line right through the frame, with words on the side that has room."""
    low, high = ax.get_xlim()
    left = place < (low + high) / 2
    ax.axvline(place, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    ax.annotate(
        words,
        (place, 1),
        xycoords=ax.get_xaxis_transform(),
        xytext=(4 if left else -4, -2),
        textcoords="offset points",
        ha="left" if left else "right",
        va="top",
    )
