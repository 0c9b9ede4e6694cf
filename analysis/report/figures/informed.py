"""The figure of routers that know the past: beside the frontiers of memoryless ones, and what they save by load."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ....model.informed.frontier import envelope
from ...records.every_classical import Informed, InformedLoad
from ...records.frontier_record import FrontierRecord
from ...records.printable import signs
from .drawing import BLUE, CURVES, GREY, INK, describe, log_ticks, new_figure, percent
from .frontier_curves import every_classical_curve, extent, frontier_curves
from .frontiers import THROUGHPUT, WAITING, draw_curves, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARGIN = 0.18  # around the points of panel (a), as a share of what they span
_LEAST = 0.1  # the same as a share of what the frontiers span, at least
_BELOW = 0.5  # shown below 0, as a share of the largest saving


def informed_figure(record: FrontierRecord, informed: Informed) -> Figure:
    """Routers that know both servers' past in the plane of throughput and waiting time, and what they save by load.

    Args:
        record: The frontiers.
        informed: What the record holds of these routers.
    """
    loads = informed.by_load or []
    with new_figure(11.2 if loads else 6.0) as figure:
        axes = figure.subplots(3 if loads else 1, 1, squeeze=False, height_ratios=[8, 5, 5] if loads else None)[:, 0]
        _draw_plane(axes[0], record, informed)
        legend(figure, axes[0])
        if loads:
            axes[0].set_title("(a) where the routers that know the past lie")
            _draw_savings(axes[1], record.load, loads, [(each.gain, each.memoryless_gain) for each in loads])
            axes[1].legend(
                title="(b) W − κτ saved against every classical router",
                title_fontsize=10,
                alignment="left",
                loc="lower left",
                bbox_to_anchor=(-0.17, 0.98),
                ncols=2,
                columnspacing=1.2,
                handlelength=2.4,
            )
            axes[1].set_ylabel("W − κτ (units of time)")
            # Entangled routers can do all that classical ones can: a simulated share below 0 is an error of the grid.
            shares = [
                (share if share > 0 else math.nan, each.memoryless_reduction_relative)
                for each in loads
                for share in [each.waiting_time_reduction_relative.estimate]
            ]
            _draw_savings(axes[2], record.load, loads, shares)
            axes[2].set(title="(c) share of W saved against it, at equal τ", ylabel="Share of W")
            axes[2].yaxis.set_major_formatter(percent)
    describe(figure, f"Routers that know the past: {record.title}", _description(informed, loads))
    return figure


def _draw_plane(ax: Axes, record: FrontierRecord, informed: Informed) -> None:
    """The routers that know the past, and the frontiers near them."""
    entangled = [(each.baseline_throughput, each.waiting_time) for each in informed.points]
    classical = [
        (each.classical_baseline_throughput, each.classical_waiting_time)
        for each in informed.points
        if each.classical_baseline_throughput and each.classical_waiting_time
    ]
    every = np.array([(tau.estimate, waiting.estimate) for tau, waiting in entangled + classical])
    low, high = extent(record)
    margin = np.maximum(_MARGIN * np.ptp(every, axis=0), _LEAST * (high - low))
    left, bottom = np.maximum(every.min(axis=0) - margin, 2 * low - high)  # unfinished routers may lie anywhere
    right, top = np.minimum(every.max(axis=0) + margin, 2 * high - low)
    # These κ give lines of their own, finer than the frontier where that was left coarse.
    lines = [(each.kappa, each.classical) for each in informed.points]
    lines += [(each.kappa, each.bound) for each in (record.every_classical.points if record.every_classical else ())]
    throughput = np.linspace(left, right, 201)
    bound = every_classical_curve(throughput, envelope(lines, throughput))
    draw_curves(ax, [bound, *(curve for curve in frontier_curves(record) if curve.kind != bound.kind)])
    for points, who, color, marker, size in (
        (every[len(entangled) :], "classical", INK, "^", 7.5),
        (every[: len(entangled)], "entangled", BLUE, "D", 5.5),
    ):
        if len(points):
            label = f"{who}, both servers' past known (simulated)"
            ax.plot(*points.T, marker, color=color, markersize=size, label=label, zorder=4)
    ax.set(xlabel=THROUGHPUT, ylabel=WAITING, xlim=(left, right), ylim=(max(bottom, 0.0), top))
    ax.locator_params(axis="x", nbins=6)


def _draw_savings(ax: Axes, own: float, loads: Sequence[InformedLoad], values: Sequence[tuple[float, float]]) -> None:
    """What either saves at each load, cut off far below 0."""
    load = [each.load for each in loads]
    informed, memoryless = zip(*values, strict=True)
    ax.plot(load, informed, "D-", color=BLUE, markersize=5, linewidth=1.4, label="entangled, past known")
    ax.plot(load, memoryless, "o", markersize=4, label="memoryless Bell pair", **CURVES["quantum"])
    ax.axvline(own, color=GREY, linewidth=0.9, linestyle=":", zorder=0)
    ax.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    saved = np.array(values)[~np.isnan(values)]
    scale = float(saved.max()) if saved.max() > 0 else float(np.abs(saved).max()) or 1.0
    top = 1.12 * scale if saved.max() > 0 else 0.2 * scale
    bottom = max(min(float(saved.min()), 0.0), -_BELOW * scale) - 0.06 * scale
    ax.set(xscale="log", xlabel=f"Load of each server ρ (dotted: here, {own:.3g})", ylim=(bottom, top))
    ax.yaxis.set_major_formatter(lambda value, _: signs(f"{value:.3g}"))
    log_ticks(ax.xaxis)


def _description(informed: Informed, loads: Sequence[InformedLoad]) -> str:
    """What the figure shows, for those who do not see it."""
    best = informed.best
    text = (
        f"Entangled routers that know both servers' past, at visibility {informed.visibility:.4g}: W − κτ is "
        f"{best.gain:.3g} less than with classical ones at most, at waiting time {best.waiting_time.estimate:.4g}."
    )
    for each in loads:
        text += (
            f" Load {each.load:g}: {each.gain:.3g} less, and {each.memoryless_gain:.3g} with a memoryless Bell pair."
        )
    return text
