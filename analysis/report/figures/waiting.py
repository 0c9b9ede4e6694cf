"""The figure of waiting times: their distribution under each routing, and its tail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ....model.queueing.simulation import SimulationResult, t_quantile
from ...menus.replay import MenuReplay
from ...records.context_record import ROUTINGS, SimulatedWaiting, WaitingTimes
from ...replay.replay import Replay, distribution_of
from .drawing import BLUE, GREEN, GREY, INK, ORANGE, describe, new_figure, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_Kind = Literal["observed", "classical", "quantum", "communication"]
_LEVELS = (0.5, 0.95, 0.99)
_LEAST_WAITS = 20  # beyond a wait that fewer exceeded, the tail is noise and is not drawn
_LINES: dict[_Kind, dict[str, Any]] = {
    "observed": {"color": ORANGE, "linewidth": 2.0},
    "classical": {"color": INK, "linewidth": 1.3, "linestyle": (0, (6, 1.6))},
    "quantum": {"color": BLUE, "linewidth": 1.5, "linestyle": (0, (2, 1.2))},
    "communication": {"color": GREEN, "linewidth": 1.5, "linestyle": (0, (1, 1.2))},
}
_LOOKS: dict[str, _Kind] = {"classical": "classical", "quantum": "quantum", "informed": "classical"}
_TIME = "Waiting time t (units of time)"


def waiting_figure(waiting: WaitingTimes, title: str) -> Figure:
    """Waiting times of single requests under the routings that an analysis compares, as its record keeps them.

    Args:
        waiting: The record.
        title: Title of the scenario.
    """
    return _figure([_recorded(each) for each in waiting.routings], title)


def replay_figure(replay: Replay | MenuReplay) -> Figure:
    """Waiting times of single requests when pairs are routed by recorded trials, and otherwise on the same arrivals."""
    routings: tuple[tuple[_Kind, str], ...] = (
        ("observed", "replayed trials"),
        ("classical", "best memoryless classical at equal throughput"),
        ("communication", "best with communication"),
    )
    if isinstance(replay, MenuReplay):
        routings = (
            ("observed", "replayed outcomes of the menu"),
            ("classical", "best classical routers that know the past"),
            ("quantum", "independent outcomes of the probabilities measured"),
        )
    results = zip(routings, replay.comparison.results, strict=True)
    return _figure([_simulated(kind, label, result) for (kind, label), result in results], replay.title)


@dataclass(frozen=True, eq=False)
class _Curve:
    """What one routing made of the arrivals."""

    kind: _Kind  # whose routing, and so its look
    label: str
    mean: float
    times: Floats  # rising from 0, shape (k,)
    cumulative: Floats  # P(wait ≤ t), shape (k,)
    half_width: Floats  # of its 95 % confidence band, 0 if it is not known, shape (k,)
    percentiles: Mapping[float, float]  # the wait that a share of requests does not exceed, by share
    least: float  # the smallest share of requests whose longer waits the data still show

    def exceeded_by(self, share: float) -> float:
        """The least wait that no more than such a share of requests exceeds."""
        place = int(np.searchsorted(self.cumulative, 1 - share))
        return float(self.times[min(place, self.times.size - 1)])


def _simulated(kind: _Kind, label: str, result: SimulationResult) -> _Curve:
    """Of a simulation, every wait."""
    waits = distribution_of(result)
    return _Curve(
        kind,
        label,
        result.waiting_time.estimate,
        waits.waiting_time,
        waits.cumulative,
        t_quantile(len(waits.counts) - 1) * waits.standard_error,
        dict(zip(_LEVELS, waits.quantile(_LEVELS).tolist(), strict=True)),
        _LEAST_WAITS / int(waits.counts.sum()),
    )


def _recorded(record: SimulatedWaiting) -> _Curve:
    """Of an analysis' record, which ends where the data do."""
    times, cumulative = np.array(record.times), np.array(record.cumulative)
    return _Curve(
        _LOOKS.get(record.routing, "observed"),
        ROUTINGS[record.routing],
        record.waiting_time.estimate,
        times,
        cumulative,
        np.zeros(times.size),
        {each.probability: each.waiting_time.estimate for each in record.percentiles},
        max(1 - float(cumulative[-1]), 1e-6),
    )


def _figure(curves: Sequence[_Curve], title: str) -> Figure:
    """Above, the share of requests that wait at most t; below, on a logarithmic scale, the share that wait longer.

    Shaded: 95 % confidence bands, if they are known. The upper panel ends where nearly all requests have been served,
    the lower one where the simulation has no more to say. The curves: the most important first.
    """
    with new_figure(7.2) as figure:
        whole, tail = figure.subplots(2, 1)
        _frame_whole(whole, curves)
        _frame_tail(tail, curves)
        for order, curve in enumerate(curves):
            _draw(whole, curve, len(curves) - order, survival=False)
            _draw(tail, curve, len(curves) - order, survival=True)
        handles, labels = whole.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=1)
    describe(figure, f"Distribution of waiting times: {title}", _description(curves))
    return figure


def _draw(ax: Axes, curve: _Curve, layer: int, survival: bool) -> None:
    """One curve, a staircase, with its confidence band."""
    shown = 1 - curve.cumulative if survival else curve.cumulative
    low, high = np.clip(shown - curve.half_width, 0.0, 1.0), np.clip(shown + curve.half_width, 0.0, 1.0)
    times, line = curve.times, _LINES[curve.kind]
    if survival:
        kept = shown >= curve.least * (1 - 1e-9)
        times, shown, low, high = times[kept], shown[kept], low[kept], high[kept]
        low = np.maximum(low, ax.get_ylim()[0] / 2)  # a logarithmic scale has no zero
    if curve.half_width.any():
        ax.fill_between(times, low, high, step="post", color=line["color"], alpha=0.2, linewidth=0, zorder=layer)
    ax.plot(times, shown, drawstyle="steps-post", label=_legend_line(curve), zorder=layer + 2, **line)


def _frame_whole(ax: Axes, curves: Sequence[_Curve]) -> None:
    """From the share that does not wait to all; in time to where one request in two hundred still waits."""
    start = min(float(curve.cumulative[0]) for curve in curves)
    margin = 0.05 * (1 - start) or 0.05
    ax.set(ylim=(max(start - 2 * margin, 0.0), 1 + margin), ylabel="Requests that wait at most t")
    ax.set_title("(a) the distribution")
    end = 1.06 * max(curve.exceeded_by(0.005) for curve in curves)
    _frame(ax, end, [level for level in _LEVELS if level > start])


def _frame_tail(ax: Axes, curves: Sequence[_Curve]) -> None:
    """Down to the least share that rests on enough waits."""
    least = min(curve.least for curve in curves)
    ax.set(yscale="log", ylim=(min(least, 1e-3) / 1.5, 1.0), ylabel="Requests that wait longer than t")
    shaded = "; shaded: 95 % confidence" if any(curve.half_width.any() for curve in curves) else ""
    ax.set_title(f"(b) the tail, logarithmic{shaded}")
    _frame(ax, 1.03 * max(curve.exceeded_by(least) for curve in curves), [1 - level for level in _LEVELS])


def _frame(ax: Axes, end: float, levels: Sequence[float]) -> None:
    """Times up to an end, shares in percent, and dotted lines at the levels."""
    end = end or 1.0  # if nobody waits
    ax.set(xlim=(-0.015 * end, end), xlabel=_TIME)
    ax.yaxis.set_major_formatter(percent)
    for level in levels:
        ax.axhline(level, color=GREY, linewidth=0.7, linestyle=":", zorder=0)


def _legend_line(curve: _Curve) -> str:
    waits = [f"{100 * share:g} % ≤ {curve.percentiles[share]:.3g}" for share in _LEVELS if share in curve.percentiles]
    return f"{curve.label}\nmean {curve.mean:.3g}; " + ", ".join(waits)


def _description(curves: Sequence[_Curve]) -> str:
    """What the figure shows, for those who do not see it."""
    lines = "; ".join(_legend_line(curve).replace("\n", ": ") for curve in curves)
    none = ", ".join(f"{curve.cumulative[0]:.3f}" for curve in curves)
    return (
        "Share of requests that wait at most, and on a logarithmic scale longer than, a time. "
        f"{lines}. Shares that do not wait at all: {none}."
    )
