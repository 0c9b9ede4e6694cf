"""The figures of routers that know the past: where their certificate stands, and what was measured of the menu."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ....model.estimate import Estimate, significant
from ...menus.records import MenuAnalysis
from ...menus.settings import Setting, settings
from ...records.percent import confidence_text
from ...records.printable import short
from .drawing import BLUE, GREY, INK, ORANGE, describe, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_ROWS = 32  # settings that still get a labelled row each


def menu_certificate_figure(analysis: MenuAnalysis) -> Figure:
    """The point reached in the plane of throughput and waiting time, the bound on classical routers, and the limit.

    W − κτ is constant along lines of slope κ: below V(κ) + κτ no classical router gets, and below the line of the
    limit these routers are with the confidence asked for.
    """
    found, promised = analysis.certificate, analysis.planned.forecast
    throughput, waiting = analysis.baseline_throughput.estimate, analysis.waiting_time.estimate
    gaps = [found.classical - end for end in (found.cost.estimate, found.cost.high)]
    reach = max(*(abs(gap) for gap in gaps), 1e-6)
    if promised:
        throughput_off = promised.baseline_throughput - throughput
        reach = max(reach, abs(promised.waiting_time - waiting - found.kappa * throughput_off))
    width = 1.6 * reach / found.kappa if found.kappa else 0.1 * throughput
    tau = np.array([throughput - width, throughput + width])
    if promised:
        tau = np.array([min(tau[0], promised.baseline_throughput), max(tau[1], promised.baseline_throughput)])
    sure = confidence_text(1 - found.significance)
    with new_figure(4.6) as figure:
        ax = figure.subplots()
        bound, limit = found.classical + found.kappa * tau, found.cost.high + found.kappa * tau
        ax.plot(tau, bound, color=INK, linewidth=1.4, label="best that any classical routers may do")
        ax.plot(tau, limit, color=ORANGE, linewidth=1.2, linestyle=(0, (5, 2)), label=f"these routers at most ({sure})")
        if promised:
            point = [promised.baseline_throughput], [promised.waiting_time]
            ax.plot(*point, "D", color=BLUE, markerfacecolor="none", markersize=7, label="predicted")
        ax.errorbar(
            [throughput],
            [waiting],
            yerr=_ends([analysis.waiting_time]),
            fmt="o",
            color=ORANGE,
            markeredgecolor=INK,
            ecolor=INK,
            capsize=3,
            markersize=6,
            zorder=5,
            label="these routers, simulated with the outcomes measured",
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
        figure.legend(loc="outside upper left", ncols=2, title=f"limits: {sure} confidence, together", alignment="left")
    describe(
        figure,
        f"Pairs sent to different servers by entry of the menu and types: {analysis.title}",
        f"Measured with limits beside perfect Bell pairs, for {len(analysis.entries)} entries of the menu; all values "
        "are in the table or in the data to download.",
    )
    return figure


def _ends(found: Sequence[Estimate]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """How far the limits lie below and above the estimates, shape (2, k)."""
    return np.array([[each.estimate - each.low, each.high - each.estimate] for each in found]).T


def _draw_rows(figure: Figure, rows: Sequence[Setting]) -> None:
    ax = figure.subplots()
    ax.set_yticks(range(len(rows)), [f"{row.entry}: {short(row.type_a, 11)} · {short(row.type_b, 11)}" for row in rows])
    ax.set(ylim=(len(rows) - 0.5, -0.5), xlim=(-0.03, 1.03), ylabel="entry: types at A · B")
    ax.set_xlabel("P(a ≠ b), pairs sent to different servers", loc="right")  # room for long names
    for at in range(1, len(rows)):
        if rows[at].entry != rows[at - 1].entry:
            ax.axhline(at - 0.5, color=GREY, linewidth=0.7, linestyle=":", zorder=0)
    ideal = [row.ideal for row in rows]
    ax.plot(ideal, range(len(rows)), "D", markersize=8, markerfacecolor="none", color=BLUE, label="perfect pairs")
    known = [(at, row.measured) for at, row in enumerate(rows) if row.measured]
    if known:
        places, found = zip(*known, strict=True)
        middle = [each.estimate for each in found]
        ax.errorbar(
            middle, places, xerr=_ends(found), fmt="o", color=ORANGE, ecolor=INK, markersize=4, capsize=3,
            label="measured",
        )  # fmt: skip


def _draw_against(figure: Figure, rows: Sequence[Setting]) -> None:
    ax = figure.subplots()
    known = [(row.ideal, row.measured) for row in rows if row.measured]
    ax.axline((0, 0), slope=1, color=GREY, linewidth=0.8, label="as perfect pairs")
    if known:
        ideal, found = zip(*known, strict=True)
        middle = [each.estimate for each in found]
        ax.errorbar(
            ideal, middle, yerr=_ends(found), fmt="o", color=ORANGE, ecolor=INK, markersize=3, elinewidth=0.7,
            label="measured",
        )  # fmt: skip
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="P(a ≠ b) of perfect pairs", ylabel="P(a ≠ b) measured")
