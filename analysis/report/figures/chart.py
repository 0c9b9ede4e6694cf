"""One panel of a chart for the page: axes and marks without a colour of their own, which the style sheet gives.

Every mark has a class, and the style sheet its colour, dashes and width, so that light, dark and printed pages look
each as they should. Panels are as wide as a phone; wider pages put two of them side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from .svg import element, fitted, joined, path, picture, text_width, ticks

Floats = NDArray[np.float64]
Mark = Literal["circle", "square", "diamond"]

WIDTH = 360.0
TEXT = 12.0  # size of all text
_RIGHT = 12.0
_TOP = 26.0  # room for the name of the upward axis, which lies above the panel so that it reads like any line
_BOTTOM = 40.0


@dataclass(frozen=True)
class Scale:
    """From values to pixels.

    Attributes:
        low, high: Ends of the values.
        start, end: Their pixels.
        log: Whether the scale is logarithmic; low must then be above 0.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, values: ArrayLike) -> Floats:
        """Pixels of values, same shape."""
        given = np.asarray(values, dtype=float)
        low, high = self.low, self.high
        if self.log:
            given, low, high = np.log(np.maximum(given, self.low / 10)), np.log(low), np.log(high)
        return np.asarray(self.start + (given - low) / (high - low) * (self.end - self.start))

    def record(self) -> list[float | bool]:
        """For the script that reads values off the panel."""
        return [self.low, self.high, self.start, self.end, self.log]


@dataclass(frozen=True)
class Axis:
    """What an axis shows.

    Attributes:
        title: Its name, with the unit.
        low, high: Its ends.
        percent: Whether values are shares, shown in percent.
        log: Whether it is logarithmic.
    """

    title: str
    low: float
    high: float
    percent: bool = False
    log: bool = False

    def ticks(self, most: int) -> tuple[list[float], list[str]]:
        """Values and labels."""
        scale = 100.0 if self.percent else 1.0
        unit = "\N{NARROW NO-BREAK SPACE}%" if self.percent else ""
        if self.log:
            powers = np.arange(np.ceil(np.log10(self.low) - 1e-9), np.floor(np.log10(self.high) + 1e-9) + 1)
            values = (10.0**powers).tolist()
            return values, [f"{scale * value:g}{unit}" for value in values]
        values, labels = ticks(scale * self.low, scale * self.high, most)
        return [value / scale for value in values], [label + unit for label in labels]


class Panel:
    """Marks in a frame, in the order in which they are added.

    Args:
        name: Prefix of its ids.
        across, up: The axes.
        height: In pixels, at a width of WIDTH.
    """

    def __init__(self, name: str, across: Axis, up: Axis, height: float = 290.0) -> None:
        self.name, self.height = name, height
        self._axes = across, up
        labels = up.ticks(6)[1]
        self.left = 10 + max((text_width(label, TEXT) for label in labels), default=0.0)
        self.x = Scale(across.low, across.high, self.left, WIDTH - _RIGHT, across.log)
        self.y = Scale(up.low, up.high, height - _BOTTOM, _TOP, up.log)
        self._marks: list[Markup] = []

    def line(self, kind: str, x: ArrayLike, y: ArrayLike, *, step: bool = False) -> None:
        """A curve through points."""
        self._add("path", d=path(self.x.at(x), self.y.at(y), step=step), class_=f"line {kind}")

    def area(self, kind: str, x: ArrayLike, y: ArrayLike) -> None:
        """A filled polygon."""
        self._add("path", d=path(self.x.at(x), self.y.at(y), closed=True), class_=f"area {kind}")

    def marks(self, kind: str, x: ArrayLike, y: ArrayLike, mark: Mark = "circle", size: float = 4.0) -> None:
        """Points, `size` being their radius in pixels."""
        for a, b in zip(self.x.at(x).tolist(), self.y.at(y).tolist(), strict=True):
            self._marks.append(marker(kind, a, b, mark, size))

    def bar(self, kind: str, x: tuple[float, float], y: tuple[float, float]) -> None:
        """A straight stroke between two points, an error bar say."""
        (x0, x1), (y0, y1) = self.x.at(x).tolist(), self.y.at(y).tolist()
        self._add("path", d=f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}", class_=f"bar {kind}")

    def guide(self, *, x: float | None = None, y: float | None = None, kind: str = "guide") -> None:
        """A line right through the frame."""
        ends = (x, x) if x is not None else (self.x.low, self.x.high)
        heights = (y, y) if y is not None else (self.y.low, self.y.high)
        self.bar(kind, ends, heights)

    def note(self, x: float, y: float, *lines: str, anchor: str = "start") -> None:
        """Lines of text that begin at a place given in pixels."""
        for number, line in enumerate(lines):
            self._marks.append(text(x, y + number * (TEXT + 3), line, anchor=anchor, class_="note"))

    def add(self, mark: Markup) -> None:
        """Anything else, in pixels."""
        self._marks.append(mark)

    def picture(self, title: str, description: str) -> Markup:
        """The panel as an image."""
        clip = f"{self.name}-frame"
        frame = {"x": self.left, "y": _TOP, "width": self.x.end - self.left, "height": self.y.start - _TOP}
        return picture(
            self.name,
            (WIDTH, self.height),
            title,
            description,
            element("clipPath", element("rect", **frame), id=clip),
            self._scaffold,
            element("g", joined(self._marks), clip_path=f"url(#{clip})"),
        )

    @cached_property
    def _scaffold(self) -> Markup:
        """Grid, axes and their names."""
        across, up = self._axes
        parts: list[Markup] = []
        bottom = self.height - _BOTTOM
        values, labels = up.ticks(6)
        for value, label in zip(self.y.at(values).tolist(), labels, strict=True):
            parts.append(element("path", d=f"M{self.left:.1f} {value:.1f}H{self.x.end:.1f}", class_="grid"))
            parts.append(text(self.left - 6, value + 4, label, anchor="end"))
        values, labels = across.ticks(_most_across(across))
        for value, label in zip(self.x.at(values).tolist(), labels, strict=True):
            parts.append(element("path", d=f"M{value:.1f} {bottom:.1f}v4", class_="axis"))
            reach = text_width(label, TEXT) / 2
            parts.append(text(min(max(value, reach), WIDTH - reach), bottom + 17, label, anchor="middle"))
        parts.append(element("path", d=f"M{self.left:.1f} {bottom:.1f}H{self.x.end:.1f}", class_="axis"))
        parts.append(text(0.0, 12.0, fitted(up.title, WIDTH, TEXT), class_="name"))
        parts.append(text(self.x.end, self.height - 6, fitted(across.title, WIDTH, TEXT), anchor="end", class_="name"))
        return joined(parts)

    def _add(self, name: str, **attributes: Any) -> None:
        self._marks.append(element(name, **attributes))


def _most_across(axis: Axis) -> int:
    """As many labels as fit side by side."""
    widest = max(text_width(label, TEXT) for label in axis.ticks(6)[1] or [""])
    return int(min(max(300 // (widest + 14), 2), 6))


def text(x: float, y: float, words: str, *, anchor: str | None = None, class_: str | None = None) -> Markup:
    """Words at a place."""
    return element("text", words, x=float(x), y=float(y), text_anchor=anchor, class_=class_)


def marker(kind: str, x: float, y: float, mark: Mark, size: float) -> Markup:
    """One point."""
    if mark == "circle":
        return element("circle", cx=float(x), cy=float(y), r=float(size), class_=f"mark {kind}")
    if mark == "square":
        edges = {"width": 2.0 * size, "height": 2.0 * size}
        return element("rect", x=float(x - size), y=float(y - size), **edges, class_=f"mark {kind}")
    corners = path([x, x + size, x, x - size], [y - size, y, y + size, y], closed=True)
    return element("path", d=corners, class_=f"mark {kind}")


@dataclass(frozen=True)
class Key:
    """A line of the legend.

    Attributes:
        kind: The class of its marks.
        label: What they are.
        line: Whether they are a line.
        mark: Whether they are points.
        area: Whether they are a filled region.
    """

    kind: str
    label: str
    line: bool = True
    mark: Mark | None = None
    area: bool = False

    @property
    def sample(self) -> Markup:
        """How it looks."""
        parts = []
        if self.area:
            parts.append(element("path", d="M3 1H33V13H3Z", class_=f"area {self.kind}"))
        if self.line:
            parts.append(element("path", d="M0 7H36", class_=f"line {self.kind}"))
        if self.mark:
            parts.append(marker(self.kind, 18, 7, self.mark, 4))
        return element("svg", joined(parts), viewBox="0 0 36 14", class_="key", aria_hidden="true", focusable="false")


@dataclass(frozen=True)
class Series:
    """One curve's values where they can be read off.

    Attributes:
        kind: The class of its marks.
        label: What it is.
        values: At each place of the reading.
    """

    kind: str
    label: str
    values: Sequence[float]


@dataclass(frozen=True, eq=False)
class Reading:
    """What can be read off a figure, place by place, with a slider.

    Attributes:
        label: What the slider sets, with its unit.
        places: Its values, rising.
        start: Index of the first one shown.
        series: The curves.
        panels: The figure's panels.
        percent: Whether values of the curves, and of the places, are shares.
    """

    label: str
    places: Sequence[float]
    start: int
    series: Sequence[Series]
    panels: Sequence[Panel]
    percent: tuple[bool, bool] = (False, False)

    def record(self) -> dict[str, Any]:
        """For the page's script; seven significant digits are more than it shows."""
        return {
            "label": self.label,
            "start": self.start,
            "percent": list(self.percent),
            "x": [_seven(value) for value in self.places],
            "series": [
                {"kind": each.kind, "label": each.label, "y": [_seven(value) for value in each.values]}
                for each in self.series
            ],
            "panels": [{"id": each.name, "x": each.x.record(), "y": each.y.record()} for each in self.panels],
        }


@dataclass(frozen=True, eq=False)
class Chart:
    """A figure of the page: pictures side by side, their legend, and what can be read off them."""

    pictures: Sequence[tuple[str, Markup]]
    keys: Sequence[Key] = ()
    reading: Reading | None = None


def _seven(value: float) -> float | None:
    return float(f"{value:.7g}") if np.isfinite(value) else None
