"""The frontiers as they are drawn: curves in the plane of throughput and waiting time, and the gap of interest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....model.games.sensitivity import NOTHING
from ...records.analysis_record import Analysis
from ...records.frontier_record import FrontierPoint, FrontierRecord
from ...records.percent import less_or_more, percent_text

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A frontier as drawn, dense enough to show its bend.

    Attributes:
        kind: Which frontier it is, which decides its look: classical, quantum, communication or every-classical.
        throughput, waiting: τ and W along the curve, τ rising, shape (points,).
        label: Line in the legend.
        vertices: Indices of the points recorded.
    """

    kind: str
    throughput: Floats
    waiting: Floats
    label: str
    vertices: list[int]


@dataclass(frozen=True)
class Focus:
    """The gap at equal throughput that the figure is about, and the window around it.

    Attributes:
        throughput: τ at which the two are compared.
        classical: W of the frontier compared with there: every classical router's, or memoryless ones'.
        other: W observed there, or the quantum frontier's.
        label: The gap in words.
        window: (τ from, τ to, W from, W to).
    """

    throughput: float
    classical: float
    other: float
    label: str
    window: tuple[float, float, float, float]

    @classmethod
    def of(cls, record: FrontierRecord, analysis: Analysis | None) -> Focus | None:
        """The gap at the observed point, else at the largest advantage; None without either."""
        if analysis:
            point, classical = analysis.observed, analysis.classical.waiting_time_at_equal_throughput.estimate
            throughput, other = point.baseline_throughput.estimate, point.waiting_time.estimate
            seen = [(corner.baseline_throughput, corner.waiting_time) for corner in analysis.confidence_region]
            levels = [analysis.quantum.waiting_time.estimate]
        elif record.largest_advantage:
            throughput, other = record.largest_advantage.baseline_throughput, record.largest_advantage.waiting_time
            frontier = classical_curve(record)
            classical = float(np.interp(throughput, frontier.throughput, frontier.waiting))
            seen, levels = [], []
        else:
            return None
        seen += [(throughput, level) for level in (classical, other, *levels)]
        window, label = _window(record, throughput, seen), _gap_label(classical, other)
        every = record.every_classical
        least = float(every.waiting_time_at(throughput)) if every and every.points else 0.0
        if least > other:  # the stronger comparison
            label = f"{_share(least, other)} than\nevery classical router,\n{_share(classical, other)} than memoryless"
            classical = least
        return cls(throughput, classical, other, label, window)


def _gap_label(classical: float, other: float) -> str:
    gap = classical - other
    gap = 0.0 if abs(gap) < NOTHING * classical else gap
    word = "less" if gap >= 0 else "more"
    return f"{abs(gap):.4g} {word} waiting ({percent_text(abs(gap) / classical)})\nat equal throughput"


def _share(classical: float, other: float) -> str:
    return less_or_more((classical - other) / classical)


def _window(
    record: FrontierRecord, throughput: float, seen: Sequence[tuple[float, float]]
) -> tuple[float, float, float, float]:
    """Limits around what is to be seen, with both axes magnified alike so that frontiers keep their slope."""
    lowest, highest = extent(record)
    whole = highest - lowest
    points = np.array(seen)
    middle = np.array([throughput, (points[:, 1].min() + points[:, 1].max()) / 2])
    reach = float((np.abs(points - middle) / whole).max())
    # About twice what is to be seen, but at least 4 % of the frontiers and at most all of them.
    half = min(max(1.9 * reach, 0.02), 0.5) * whole
    low, high = middle - half, middle + half
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def extent(record: FrontierRecord) -> tuple[Floats, Floats]:
    """Least and greatest (τ, W) on the frontiers of memoryless routers, which share their ends."""
    ends = np.array([(point.baseline_throughput, point.waiting_time) for point in record.classical])
    return ends.min(axis=0), ends.max(axis=0)


def frontier_curves(record: FrontierRecord) -> list[Curve]:
    """Every curve, those compared last so that they lie on top."""
    return [
        _bent(record, record.communication, "communication", "with communication (both types known)"),
        *_every_classical(record),
        _curve(record.quantum, "quantum", "quantum (entanglement)"),
        classical_curve(record),
    ]


def classical_curve(record: FrontierRecord) -> Curve:
    """The classical frontier with its vertices."""
    kind = "proved bound" if record.classical_caveat else "exact"
    return _bent(record, record.classical, "classical", f"classical (memoryless, label-symmetric; {kind})")


def _every_classical(record: FrontierRecord) -> list[Curve]:
    """The bound on every classical router, if the record has one."""
    every = record.every_classical
    if every is None or not every.points:
        return []
    (low, _), (high, _) = extent(record)
    throughput = np.linspace(low, high, 201)
    return [every_classical_curve(throughput, every.waiting_time_at(throughput))]


def every_classical_curve(throughput: Floats, waiting: Floats) -> Curve:
    """The bound on every classical router, W at each τ."""
    return Curve("every-classical", throughput, waiting, "every classical router (any memory; proved bound)", [])


def _curve(points: Sequence[FrontierPoint], kind: str, label: str) -> Curve:
    """A curve through the points recorded."""
    throughput, waiting = np.array([(point.baseline_throughput, point.waiting_time) for point in points]).T
    order = np.argsort(throughput, kind="stable")
    return Curve(kind, throughput[order], waiting[order], label, list(range(order.size)))


def _bent(record: FrontierRecord, points: Sequence[FrontierPoint], kind: str, label: str) -> Curve:
    """A frontier refined between its vertices, where W is linear in p but τ is not."""
    corners = np.array([(point.splitting_probability, point.waiting_time) for point in points])
    p = np.unique(np.concatenate([corners[:, 0], np.linspace(corners[0, 0], corners[-1, 0], 201)]))[::-1]
    vertices = np.flatnonzero(np.isin(p, corners[:, 0])).tolist()
    return Curve(kind, _throughput(record, p), np.interp(p, *corners.T), label, vertices)


def _throughput(record: FrontierRecord, splitting_probability: Floats) -> Floats:
    """τ(p), interpolated between the many (p, τ) that the record holds."""
    known = sorted({(q.splitting_probability, q.baseline_throughput) for q in (*record.quantum, *record.classical)})
    p, throughput = np.array(known).T
    return np.asarray(np.interp(splitting_probability, p, throughput))
