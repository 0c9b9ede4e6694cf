"""How long single requests wait, on the page: the distribution and its tail under each routing, and their table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...records.context_record import RoutingName, SimulatedWaiting, WaitingTimes
from .chart import Axis, Chart, Key, Panel, Reading, Series

Floats = NDArray[np.float64]

LABELS: dict[RoutingName, str] = {
    "observed": "observed correlators",
    "classical": "best classical at equal throughput",
    "quantum": "ideal entanglement at equal throughput",
}
_TIME = "Waiting time t (units of time)"
_PLACES = 100
_SHOWN = 0.995  # share of requests that the first panel follows


def waiting_chart(waiting: WaitingTimes, title: str) -> Chart:
    """Left the share of requests that wait at most t, right, on a logarithmic scale, the share that wait longer."""
    end = max(_quantile(each, _SHOWN) for each in waiting.routings) * 1.06 or 1.0
    longest = max(each.times[-1] for each in waiting.routings) * 1.03 or 1.0
    none = min(*(each.cumulative[0] for each in waiting.routings), 0.999)
    floor = min(min(1 - each.cumulative[-1] for each in waiting.routings), 1e-3)
    floor = max(floor, 1e-6)
    whole = Panel(
        "waiting-whole",
        Axis(_TIME, 0.0, end),
        Axis("Requests that wait at most t", max(none - 0.1 * (1 - none), 0.0), 1.0 + 0.04 * (1 - none), percent=True),
    )
    tail = Panel(
        "waiting-tail",
        Axis(_TIME, 0.0, longest),
        Axis("Requests that wait longer than t", floor / 1.5, 1.0, percent=True, log=True),
    )
    for each in reversed(waiting.routings):
        times, cumulative = np.array(each.times), np.array(each.cumulative)
        kind = f"{each.routing} step"
        whole.line(kind, np.append(times, longest), np.append(cumulative, cumulative[-1]), step=True)
        kept = cumulative < 1
        tail.line(kind, times[kept], 1 - cumulative[kept], step=True)
    name = f"Distribution of waiting times: {title}"
    described = _description(waiting)
    return Chart(
        (
            ("(a) The distribution", whole.picture(name, described)),
            ("(b) Its tail, on a logarithmic scale", tail.picture(f"{name}, the tail", described)),
        ),
        [Key(f"{each.routing} step", LABELS[each.routing]) for each in waiting.routings],
        _reading(waiting, end, whole),
    )


def _reading(waiting: WaitingTimes, end: float, panel: Panel) -> Reading:
    places = np.linspace(0.0, end, _PLACES)
    series = [Series(f"{each.routing} step", LABELS[each.routing], _at(each, places)) for each in waiting.routings]
    mean = waiting.routings[0].waiting_time_formula
    start = int(np.abs(places - mean).argmin())
    return Reading("Waiting time t", places.tolist(), start, series, [panel], percent=(False, True))


def _at(each: SimulatedWaiting, places: Floats) -> list[float]:
    """P(wait ≤ t) of a staircase."""
    position = np.searchsorted(each.times, places, side="right") - 1
    return [float(each.cumulative[at]) for at in position.tolist()]


def _quantile(each: SimulatedWaiting, share: float) -> float:
    """The least t kept that so many requests do not exceed."""
    return each.times[min(int(np.searchsorted(each.cumulative, share)), len(each.times) - 1)]


def _description(waiting: WaitingTimes) -> str:
    """What the figure shows, for those who do not see it."""

    def told(each: SimulatedWaiting) -> str:
        waits = ", ".join(
            f"{100 * point.probability:g} % wait at most {point.waiting_time.estimate:.3g}"
            for point in each.percentiles
        )
        return f"{LABELS[each.routing]}: mean {each.waiting_time.estimate:.3g}, {waits}"

    routings: Sequence[str] = [told(each) for each in waiting.routings]
    return f"Share of requests that wait at most, and longer than, a time. {'; '.join(routings)}."
