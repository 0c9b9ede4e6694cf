"""The correlators on the page: a labelled row for each pair of types, or a map where there are many."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ...records.analysis_record import Analysis
from .chart import TEXT, WIDTH, Axis, Chart, Key, Panel, text
from .figures import MAX_LABELLED_PAIRS
from .svg import element, fitted, joined, picture

Floats = NDArray[np.float64]

_CORRELATOR = "Correlator c = P(same server) − P(different servers)"
_ROW = 22.0
_NAMES = 128.0  # pixels for the names of a pair of types
_LEVELS = 12  # shades of the map on each side of 0


def correlator_chart(analysis: Analysis) -> Chart:
    """Measured correlators with standard errors, beside the ideal ones where the circuits are known."""
    measured = np.array(analysis.correlators.measured, dtype=float)
    ideal = None if analysis.correlators.ideal is None else np.array(analysis.correlators.ideal, dtype=float)
    if measured.size <= MAX_LABELLED_PAIRS:
        return _rows(analysis, measured, ideal)
    return _map(analysis, measured, ideal)


def _description(analysis: Analysis, measured: Floats, ideal: Floats | None) -> tuple[str, str]:
    against = "measured alone" if ideal is None else "measured against ideal"
    return (
        f"Correlators for each pair of request types, {against}: {analysis.title}",
        f"Correlators of {measured.shape[0]} by {measured.shape[1]} request types, {against}; from "
        f"{np.nanmin(measured):.3f} to {np.nanmax(measured):.3f}. All values are in the table of correlators or, where "
        "there are too many, in the data to download.",
    )


def _rows(analysis: Analysis, measured: Floats, ideal: Floats | None) -> Chart:
    names_a, names_b = analysis.frontiers.types_a, analysis.frontiers.types_b
    errors = np.array(analysis.correlators.standard_error, dtype=float).ravel()
    height, bottom = 56 + _ROW * measured.size, 16 + _ROW * measured.size
    start, end = _NAMES + 14, WIDTH - 12

    def place(value: float) -> float:
        return start + (min(max(value, -1.0), 1.0) + 1) / 2 * (end - start)

    parts: list[Markup] = []
    for value in (-1.0, -0.5, 0.0, 0.5, 1.0):
        kind = "axis" if value == 0 else "grid"
        parts.append(element("path", d=f"M{place(value):.1f} 6V{bottom:.1f}", class_=kind))
        parts.append(text(place(value), bottom + 15, f"{value:g}".replace("-", "−"), anchor="middle"))
    parts.append(text(end, height - 4, _CORRELATOR, anchor="end", class_="name"))
    for row, (value, error) in enumerate(zip(measured.ravel().tolist(), errors.tolist(), strict=True)):
        y = 6 + _ROW * (row + 0.75)
        pair = (names_a[row // len(names_b)], names_b[row % len(names_b)])
        label = " · ".join(fitted(name, _NAMES / 2 - 8, TEXT) for name in pair)
        parts.append(text(_NAMES, y + 4, label, anchor="end"))
        if ideal is not None:
            x = place(float(ideal.ravel()[row]))
            corners = f"M{x:.1f} {y - 7:.1f}L{x + 7:.1f} {y:.1f}L{x:.1f} {y + 7:.1f}L{x - 7:.1f} {y:.1f}Z"
            parts.append(element("path", d=corners, class_="mark ideal"))
        if math.isnan(value):
            continue
        low, high = place(value - error), place(value + error)
        parts.append(element("path", d=f"M{low:.1f} {y:.1f}H{high:.1f}", class_="bar measured"))
        parts.append(element("circle", cx=place(value), cy=y, r=3.5, class_="mark measured"))
    keys = [Key("measured", "measured, ± one standard error", line=False, mark="circle")]
    if ideal is not None:
        keys.append(Key("ideal", "ideal, as planned", line=False, mark="diamond"))
    title, description = _description(analysis, measured, ideal)
    shown = picture("correlators", (WIDTH, height), title, description, joined(parts))
    return Chart((("", shown),), keys)


def _map(analysis: Analysis, measured: Floats, ideal: Floats | None) -> Chart:
    rows, columns = measured.shape
    title, description = _description(analysis, measured, ideal)
    left, top, side = 40.0, 26.0, WIDTH - 56
    height = top + side + 40
    parts: list[Markup] = [text(0.0, 12.0, "Type at router A (number)", class_="name")]
    parts.append(text(left + side, height - 6, "type at router B (number)", anchor="end", class_="name"))
    step = side / columns, side / rows
    places = f"translate({left:.1f} {top:.1f}) scale({step[0]:.4f} {step[1]:.4f})"
    parts.append(element("g", joined(_shades(measured)), transform=places))
    for count, along, at in ((columns, step[0], "x"), (rows, step[1], "y")):
        for tick in np.unique(np.linspace(0, count - 1, min(count, 6)).round().astype(int)).tolist():
            middle = (tick + 0.5) * along
            x, y, anchor = (
                (left + middle, top + side + 16, "middle") if at == "x" else (left - 6, top + middle + 4, "end")
            )
            parts.append(text(x, y, f"{tick + 1}", anchor=anchor))
    shown = picture("correlators", (WIDTH, height), title, description, joined(parts))
    keys = [
        Key("plus", "c = 1: always the same server", line=False, area=True),
        Key("minus", "c = −1: always different servers", line=False, area=True),
    ]
    if ideal is None:
        return Chart((("", shown),), keys)
    scatter = Panel("correlators-ideal", Axis("ideal correlator", -1.05, 1.05), Axis("measured", -1.05, 1.05), height)
    scatter.line("guide", [-1, 1], [-1, 1])
    known = ~np.isnan(measured)
    x, y = scatter.x.at(ideal[known]).tolist(), scatter.y.at(measured[known]).tolist()
    dots = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, y, strict=True))
    scatter.add(element("path", d=dots, class_="dots"))
    pictures = (
        ("(a) Measured, for each pair of types", shown),
        ("(b) Measured against ideal", scatter.picture(f"{title}: each pair of types a point", description)),
    )
    return Chart(pictures, keys)


def _shades(measured: Floats) -> list[Markup]:
    """The cells of each shade as one path in units of cells, neighbours in a row joined."""
    levels = np.where(np.isnan(measured), 0, np.rint(measured * _LEVELS)).astype(int)
    runs: dict[int, list[str]] = {}
    for y, row in enumerate(levels.tolist()):
        x = 0
        while x < len(row):
            end = x
            while end < len(row) and row[end] == row[x]:
                end += 1
            if row[x]:
                runs.setdefault(row[x], []).append(f"M{x} {y}h{end - x}v1H{x}Z")
            x = end
    return [
        element(
            "path",
            d="".join(cells),
            class_="plus" if level > 0 else "minus",
            fill_opacity=f"{abs(level) / _LEVELS:.2f}",
        )
        for level, cells in sorted(runs.items())
    ]
