"""The figure of a replay: the distribution of waiting times under each routing, and its tail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ....model.queueing.simulation import t_quantile
from ....model.queueing.waiting import WaitingDistribution
from ...records.printable import printable
from .drawing import figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_WIDTH = 4.8  # inches: one journal column
_LEVELS = (0.5, 0.95, 0.99)
_LEAST_WAITS = 20  # beyond a wait that fewer exceeded, the tail is noise and is not drawn
# Okabe–Ito colours; dashes and widths alone tell the curves apart in greyscale.
_LINES: tuple[dict[str, Any], ...] = (
    {"color": "#D55E00", "linewidth": 2.0},
    {"color": "#000000", "linewidth": 1.3, "linestyle": (0, (6, 1.6))},
    {"color": "#009E73", "linewidth": 1.5, "linestyle": (0, (1, 1.2))},
)
_TIME = "Waiting time t (units of time)"


@dataclass(frozen=True, eq=False)
class WaitingCurve:
    """What one routing made of the arrivals.

    Attributes:
        label: Its line in the legend.
        mean: Mean waiting time.
        distribution: Of all waiting times.
    """

    label: str
    mean: float
    distribution: WaitingDistribution


def waiting_figure(curves: Sequence[WaitingCurve], title: str) -> Figure:
    """Above, the share of requests that wait at most t; below, on a logarithmic scale, the share that wait longer.

    Shaded: 95 % confidence bands. The upper panel ends where nearly all requests have been served, the lower one where
    the simulation has no more to say.

    Args:
        curves: At most three, the most important first.
        title: Of the scenario.
    """
    from matplotlib.figure import Figure

    if not 1 <= len(curves) <= len(_LINES):
        raise ValueError(f"{len(curves)} curves; the figure has styles for 1 to {len(_LINES)}")
    with figure_style():
        figure = Figure(figsize=(_WIDTH, 7.2), layout="constrained")
        whole, tail = figure.subplots(2, 1)
        _frame_whole(whole, curves)
        _frame_tail(tail, curves)
        for order, (curve, line) in enumerate(zip(curves, _LINES, strict=False)):
            _draw(whole, curve, line, len(curves) - order, survival=False)
            _draw(tail, curve, line, len(curves) - order, survival=True)
        handles, labels = whole.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=1)
    figure.set_label(f"{printable(f'Distribution of waiting times: {title}')}\n{_description(curves)}")
    return figure


def _draw(ax: Axes, curve: WaitingCurve, line: dict[str, Any], layer: int, survival: bool) -> None:
    """One curve, a staircase, with its confidence band."""
    distribution = curve.distribution
    reach = t_quantile(len(distribution.counts) - 1) * distribution.standard_error
    shown = 1 - distribution.cumulative if survival else distribution.cumulative
    low, high = np.clip(shown - reach, 0.0, 1.0), np.clip(shown + reach, 0.0, 1.0)
    times = distribution.waiting_time
    if survival:
        kept = shown * distribution.counts.sum() >= _LEAST_WAITS
        times, shown, low, high = times[kept], shown[kept], low[kept], high[kept]
        low = np.maximum(low, ax.get_ylim()[0] / 2)  # a logarithmic scale has no zero
    ax.fill_between(times, low, high, step="post", color=line["color"], alpha=0.2, linewidth=0, zorder=layer)
    ax.plot(times, shown, drawstyle="steps-post", label=_legend_line(curve), zorder=layer + 2, **line)


def _frame_whole(ax: Axes, curves: Sequence[WaitingCurve]) -> None:
    """From the share that does not wait to all; in time to where one request in two hundred still waits."""
    end = 1.06 * max(float(curve.distribution.quantile(0.995)) for curve in curves) or 1.0
    start = min(float(curve.distribution.cumulative[0]) for curve in curves)
    margin = 0.05 * (1 - start)
    ax.set(xlim=(-0.015 * end, end), ylim=(max(start - 2 * margin, 0.0), 1 + margin))
    ax.set(xlabel=_TIME, ylabel="Requests that wait at most t")
    ax.set_title("(a) the distribution")
    ax.yaxis.set_major_formatter(_percent)
    _guides(ax, [level for level in _LEVELS if level > start])


def _frame_tail(ax: Axes, curves: Sequence[WaitingCurve]) -> None:
    """Down to the least share that rests on enough waits."""
    total = max(int(curve.distribution.counts.sum()) for curve in curves)
    floor = min(_LEAST_WAITS / total, 1e-3)
    end = 1.03 * max(float(curve.distribution.quantile(1 - _LEAST_WAITS / total)) for curve in curves) or 1.0
    ax.set(yscale="log", xlim=(-0.015 * end, end), ylim=(floor / 1.5, 1.0))
    ax.set(xlabel=_TIME, ylabel="Requests that wait longer than t")
    ax.set_title("(b) the tail on a logarithmic scale; shaded: 95 % confidence")
    ax.yaxis.set_major_formatter(_percent)
    _guides(ax, [1 - level for level in _LEVELS])


def _guides(ax: Axes, levels: Sequence[float]) -> None:
    for level in levels:
        ax.axhline(level, color="#888888", linewidth=0.7, linestyle=":", zorder=0)


def _percent(share: float, _: float) -> str:
    return f"{100 * share:g} %"


def _legend_line(curve: WaitingCurve) -> str:
    middle, late, last = curve.distribution.quantile(_LEVELS).tolist()
    return f"{curve.label}\nmean {curve.mean:.3g}; half wait ≤ {middle:.3g}, 95 % ≤ {late:.3g}, 99 % ≤ {last:.3g}"


def _description(curves: Sequence[WaitingCurve]) -> str:
    """What the figure shows, for those who do not see it."""
    lines = "; ".join(_legend_line(curve).replace("\n", ": ") for curve in curves)
    none = ", ".join(f"{curve.distribution.cumulative[0]:.3f}" for curve in curves)
    return (
        "Share of requests that wait at most, and on a logarithmic scale longer than, a time. "
        f"{lines}. Shares that do not wait at all: {none}."
    )
