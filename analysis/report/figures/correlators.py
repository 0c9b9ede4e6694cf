"""The figure of the correlators: a labelled row for each pair of types, or a map if there are many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...records.analysis_record import Analysis
from ...records.printable import short
from .drawing import BLUE, GREY, INK, ORANGE, describe, labelled_rows, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

MAX_LABELLED_PAIRS = 16  # type pairs that still get a labelled row each; more become a map
MAX_NAMED_TYPES = 12  # of a router, whose names still fit along the map; more are numbered


def correlator_figure(analysis: Analysis) -> Figure:
    """Measured correlators with standard errors, beside the ideal ones if the circuits are known.

    Up to MAX_LABELLED_PAIRS type pairs get a row each; more become a map over the types, with a scatter plot of
    measured against ideal.
    """
    measured = np.array(analysis.correlators.measured, dtype=float)
    ideal = None if analysis.correlators.ideal is None else np.array(analysis.correlators.ideal, dtype=float)
    few = measured.size <= MAX_LABELLED_PAIRS
    named = 0.0 if max(measured.shape) > MAX_NAMED_TYPES else 0.6  # inches for names below the map
    with new_figure(1.5 + 0.34 * measured.size if few else named + (4.4 if ideal is None else 8.2)) as figure:
        (_draw_rows if few else _draw_map)(figure, analysis, measured, ideal)
    against = "measured alone" if ideal is None else "measured against ideal"
    describe(
        figure,
        f"Correlators for each pair of request types, {against}: {analysis.title}",
        f"Correlators of {measured.shape[0]} by {measured.shape[1]} request types, {against}; from "
        f"{np.nanmin(measured):.3f} to {np.nanmax(measured):.3f}. All values are in the table of correlators or, if "
        "there are too many, in the data to download.",
    )
    return figure


def _draw_rows(figure: Figure, analysis: Analysis, measured: Floats, ideal: Floats | None) -> None:
    """One labelled row for each pair of types."""
    ax = figure.subplots()
    ax.set(xlim=(-1.05, 1.05), xticks=[-1, -0.5, 0, 0.5, 1], ylabel="type at router A · at router B")
    ax.set_xlabel("Correlator c = P(same server) − P(different servers)", loc="right")  # room for long names
    for guide, style in ((-1, ":"), (0, "-"), (1, ":")):
        ax.axvline(guide, color=GREY, linewidth=0.8, linestyle=style, zorder=0)
    frontiers = analysis.frontiers
    names = [f"{short(a, 12)} · {short(b, 12)}" for a in frontiers.types_a for b in frontiers.types_b]
    labelled_rows(ax, names, None if ideal is None else ("ideal", ideal.ravel()))
    ax.errorbar(
        measured.ravel(),
        range(measured.size),
        xerr=np.array(analysis.correlators.standard_error, dtype=float).ravel(),
        fmt="o",
        color=ORANGE,
        ecolor=INK,
        markersize=4,
        capsize=3,
        label="measured, ± one standard error",
    )
    figure.legend(loc="outside upper left", ncols=2)


def _draw_map(figure: Figure, analysis: Analysis, measured: Floats, ideal: Floats | None) -> None:
    """A map of the measured correlators, transparent at 0, and below it measured against ideal."""
    from matplotlib.colors import LinearSegmentedColormap

    axes = figure.subplots(1 if ideal is None else 2, 1, squeeze=False)[:, 0]
    stops = [(0, ORANGE), (0.5, f"{ORANGE}00"), (0.5, f"{BLUE}00"), (1, BLUE)]
    shades = LinearSegmentedColormap.from_list("correlator", stops)
    image = axes[0].imshow(measured, cmap=shades, vmin=-1, vmax=1, interpolation="none", aspect="auto")
    named = max(measured.shape) <= MAX_NAMED_TYPES
    counted = "" if named else " (number)"
    axes[0].set(xlabel=f"type at router B{counted}", ylabel=f"type at router A{counted}")
    frontiers = analysis.frontiers
    for axis, names in ((axes[0].xaxis, frontiers.types_b), (axes[0].yaxis, frontiers.types_a)):
        size = len(names)
        ticks = np.arange(size) if named else np.unique(np.linspace(0, size - 1, min(size, 8)).round().astype(int))
        axis.set_ticks(ticks, [short(names[tick], 14) if named else str(tick + 1) for tick in ticks])
    if named:
        axes[0].tick_params(axis="x", labelrotation=90)
    figure.colorbar(image, ax=axes[0], label="measured correlator c")
    if ideal is None:
        return
    axes[0].set_title("(a) measured, for each pair of types")
    axes[1].set_title("(b) against ideal, ± one standard error")
    axes[1].axline((0, 0), slope=1, color=GREY, linewidth=0.8)
    axes[1].errorbar(
        ideal.ravel(),
        measured.ravel(),
        yerr=np.array(analysis.correlators.standard_error, dtype=float).ravel(),
        fmt="o",
        color=BLUE,
        ecolor=f"{BLUE}80",
        markersize=2.5,
        elinewidth=0.7,
        rasterized=True,  # thousands of points: an image is smaller than their outlines
    )
    axes[1].set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xlabel="ideal correlator", ylabel="measured correlator")
