"""The figure of several analyses beside each other: what each saves, with its limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....model.estimate import Estimate
from ...records.comparison import AtLeast, ComparedRun, Comparison
from ...records.percent import percent_text
from ...records.printable import short
from .drawing import GREY, INK, ORANGE, describe, error_bars, labelled_rows, new_figure, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EVERY, MEMORYLESS = "against every classical router", "against memoryless routers"
_APART = 0.14  # rows by which the two points of a run are off its own


def comparison_figure(comparison: Comparison) -> Figure:
    """A row for each run with its relative reduction of waiting time; filled markers are certified."""
    runs = comparison.runs
    with new_figure(1.6 + 0.42 * len(runs)) as figure:
        ax = figure.subplots()
        ax.axvline(0, color=GREY, linewidth=0.8, zorder=0)
        memoryless = [run.waiting_time_reduction_relative for run in runs]
        certified = [run.certified_against is not None for run in runs]
        _draw(ax, memoryless, certified, -_APART, (ORANGE, "o"), MEMORYLESS)
        if any(run.every_classical_reduction_relative for run in runs):
            every = [_drawn(run.every_classical_reduction_relative) for run in runs]
            certified = [run.certified_against == "every-classical" for run in runs]
            _draw(ax, every, certified, _APART, (INK, "s"), EVERY)
        labelled_rows(ax, [short(run.name, 20) for run in runs], None)
        ax.set_xlim(_limits(comparison))
        ax.set_xlabel("Waiting time saved at equal throughput", loc="right")  # room for long names
        ax.locator_params(axis="x", nbins=4)
        ax.xaxis.set_major_formatter(percent)
        figure.legend(loc="outside upper left", title="filled: certified", alignment="left")
    told = "; ".join(f"{run.name}: {_told(run)}{run.verdict}" for run in runs)
    describe(figure, "Runs compared", f"Relative reduction of waiting time, by estimate. {told}.")
    return figure


def _told(run: ComparedRun) -> str:
    """What a run saves, for readers who cannot see it."""
    shares = {EVERY: run.every_classical_reduction_relative, MEMORYLESS: run.waiting_time_reduction_relative}
    return "".join(f"{percent_text(share.estimate)} {over}, " for over, share in shares.items() if share)


def _limits(comparison: Comparison) -> tuple[float, float]:
    """Limits that hold every interval, and 0."""
    shown = [
        end
        for run in comparison.runs
        for each in (run.waiting_time_reduction_relative, _drawn(run.every_classical_reduction_relative))
        for end in ((each.low, each.high) if each else ())
    ]
    low, high = min(0.0, *shown), max(0.0, *shown)
    margin = 0.08 * (high - low) or 0.01
    return low - margin, high + margin


def _drawn(share: Estimate | AtLeast | None) -> Estimate | None:
    """What is drawn of a share; the bar of one without an upper limit ends at the estimate."""
    return Estimate(share.estimate, share.low, share.estimate) if isinstance(share, AtLeast) else share


def _draw(
    ax: Axes,
    values: Sequence[Estimate | None],
    certified: Sequence[bool],
    off: float,
    look: tuple[str, str],
    label: str,
) -> None:
    """One point for each run, with its limits; `look` is color and marker."""
    color, marker = look
    for filled in (True, False):
        shown = [(row, each) for row, each in enumerate(values) if each and certified[row] is filled]
        if not shown:
            continue
        ax.errorbar(
            [each.estimate for _, each in shown],
            [row + off for row, _ in shown],
            xerr=error_bars([each for _, each in shown]),
            fmt=marker,
            color=color,
            markerfacecolor=color if filled else "none",
            markersize=5,
            capsize=2,
            label=label if filled or not any(certified) else None,
        )
