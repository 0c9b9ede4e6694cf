"""The figures of routers that know the past: their certificate, and what was measured of the menu."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ....model.estimate import significant
from ...menus.records import WITH_OUTCOME, MenuAnalysis
from ...menus.settings import Setting, settings
from ...records.percent import confidence_text
from ...records.printable import short
from .drawing import BLUE, GREY, INK, OBSERVED, ORANGE, describe, error_bars, labelled_rows, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_ROWS = 32  # settings that still get a labelled row each


def menu_certificate_figure(analysis: MenuAnalysis) -> Figure:
    """The point reached in the plane of throughput and waiting time, the bound on classical routers, and the limit.

    W − κτ is constant along lines of slope κ: no classical router gets below V(κ) + κτ, and these routers are below the
    line of the limit with the confidence asked for.
    """
    found, predicted = analysis.certificate, analysis.planned.forecast
    throughput, waiting = analysis.baseline_throughput.estimate, analysis.waiting_time.estimate
    reach = max(*(abs(found.classical - end) for end in (found.cost.estimate, found.cost.high)), 1e-6)
    shown = [throughput]
    if predicted:
        shown.append(predicted.baseline_throughput)
        off = predicted.waiting_time - waiting - found.kappa * (predicted.baseline_throughput - throughput)
        reach = max(reach, abs(off))
    width = 1.6 * reach / found.kappa
    tau = np.array([min(throughput - width, *shown), max(throughput + width, *shown)])
    sure = confidence_text(1 - found.significance)
    with new_figure(4.6) as figure:
        ax = figure.subplots()
        bound, limit = found.classical + found.kappa * tau, found.cost.high + found.kappa * tau
        ax.plot(tau, bound, color=INK, linewidth=1.4, label="best that any classical routers may do")
        ax.plot(tau, limit, color=ORANGE, linewidth=1.2, linestyle=(0, (5, 2)), label=f"these routers at most ({sure})")
        if predicted:
            point = [predicted.baseline_throughput], [predicted.waiting_time]
            ax.plot(*point, "D", color=BLUE, markerfacecolor="none", markersize=7, label="predicted")
        ax.errorbar(
            [throughput],
            [waiting],
            yerr=error_bars([analysis.waiting_time]),
            fmt="o",
            ecolor=INK,
            capsize=3,
            label="these routers, simulated with the outcomes measured",
            **OBSERVED,
        )
        low, high = min(*bound, *limit, waiting), max(*bound, *limit, waiting)
        ax.fill_between(tau, bound, low - (high - low), color=INK, alpha=0.08, linewidth=0)
        ax.set(xlim=tuple(tau), ylim=(low - 0.05 * (high - low), high + 0.05 * (high - low)))
        ax.annotate("no classical router gets here", xy=(0.97, 0.05), xycoords="axes fraction", color=GREY, ha="right")
        _saved(ax, analysis)
        ax.set(xlabel="Baseline throughput τ (reward per unit of time)", ylabel="Mean waiting time W (units of time)")
        ax.locator_params(axis="x", nbins=5)
        figure.legend(loc="outside upper left")
    word = "certified" if found.certified else "not certified"
    describe(
        figure,
        f"Waiting time and throughput of routers that know the past: {analysis.title}",
        f"W = {waiting:.4g} at τ = {throughput:.5g}; classical routers wait at least "
        f"{analysis.classical_waiting_time:.4g} there. W − κτ is at most {found.cost.high:.6g} ({sure} confidence) "
        f"against at least {found.classical:.6g} for classical routers: {word}.",
    )
    return figure


def _saved(ax: Axes, analysis: MenuAnalysis) -> None:
    """The arrow from the bound to the point, with what is saved at equal throughput."""
    throughput, waiting = analysis.baseline_throughput.estimate, analysis.waiting_time.estimate
    saved = analysis.waiting_time_reduction
    if saved.estimate <= 0:
        return
    ends = (throughput, waiting), (throughput, analysis.classical_waiting_time)
    ax.annotate("", *ends, arrowprops={"arrowstyle": "<-", "color": GREY, "shrinkA": 0, "shrinkB": 6})
    least = f", at least {significant(saved.low, 3, 'down')}" if saved.low > 0 else ""
    told = f"saved at equal τ: {significant(saved.estimate, 3)}{least}"
    ax.annotate(told, xy=(0.97, 0.13), xycoords="axes fraction", color=GREY, ha="right")


def outcomes_figure(analysis: MenuAnalysis) -> Figure:
    """P(a≠b) of each setting of the menu with its limits, beside that of perfect Bell pairs.

    Up to MAX_ROWS settings get a labelled row each; more are drawn as measured against perfect.
    """
    rows = settings(analysis)
    few = len(rows) <= MAX_ROWS
    with new_figure(1.7 + 0.3 * len(rows) if few else 4.6) as figure:
        (_draw_rows if few else _draw_against)(figure, rows)
        sure = confidence_text(1 - analysis.certificate.significance)
        title = f"limits: {sure} confidence, together"
        if analysis.lost:
            title += f"; measured: {WITH_OUTCOME}"
        figure.legend(loc="outside upper left", ncols=2, title=title, alignment="left")
    describe(
        figure,
        f"Pairs sent to different servers by entry of the menu and types: {analysis.title}",
        f"Measured with limits beside perfect Bell pairs, for {len(analysis.entries)} entries of the menu; all values "
        "are in the table or in the data to download.",
    )
    return figure


def _draw_rows(figure: Figure, rows: Sequence[Setting]) -> None:
    ax = figure.subplots()
    ax.set(xlim=(-0.03, 1.03), ylabel="entry: types at A · B")
    ax.set_xlabel("P(a ≠ b), pairs sent to different servers", loc="right")  # room for long names
    for at, (above, below) in enumerate(itertools.pairwise(rows)):
        if above.entry != below.entry:
            ax.axhline(at + 0.5, color=GREY, linewidth=0.7, linestyle=":", zorder=0)
    names = [f"{row.entry}: {short(row.type_a, 11)} · {short(row.type_b, 11)}" for row in rows]
    labelled_rows(ax, names, ("perfect pairs", [row.ideal for row in rows]))
    places = [at for at, row in enumerate(rows) if row.measured]
    found = [row.measured for row in rows if row.measured]
    if found:
        middle = [each.estimate for each in found]
        ax.errorbar(
            middle, places, xerr=error_bars(found), fmt="o", color=ORANGE, ecolor=INK, markersize=4, capsize=3,
            label="measured",
        )  # fmt: skip


def _draw_against(figure: Figure, rows: Sequence[Setting]) -> None:
    ax = figure.subplots()
    ax.axline((0, 0), slope=1, color=GREY, linewidth=0.8, label="as perfect pairs")
    ideal = [row.ideal for row in rows if row.measured]
    found = [row.measured for row in rows if row.measured]
    if found:
        middle = [each.estimate for each in found]
        ax.errorbar(
            ideal, middle, yerr=error_bars(found), fmt="o", color=ORANGE, ecolor=INK, markersize=3, elinewidth=0.7,
            label="measured",
        )  # fmt: skip
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="P(a ≠ b) of perfect pairs", ylabel="P(a ≠ b) measured")
