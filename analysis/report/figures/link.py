"""The map of a link: what links save as two of their figures vary, where that ends, and published links."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ....model.errors import ScenarioError
from ....model.games.routing_game import Against
from ....model.link.assessment import LinkAssessment, LinkMap
from ....model.link.least import PARAMETERS
from ....model.link.published import published_links
from ....model.suggestion import suggestion
from ...records.percent import percent_text
from .drawing import INK, ORANGE, describe, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_SIZE = 6.4, 5.6  # inches
_POINTS = 61  # along each axis
_DECADES = 4.0  # around the link's own figure; published links farther off are not drawn
_LOG = {"rate", "memory_time", "distance_km"}
_IN_SECONDS = {"rate", "memory_time"}  # as published
_COLOURS = "cividis"
_WEAKLY = "#DDDDDD"
_GROUND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}  # a rim would turn text into paths
_EDGE = 1e-4  # share saved that counts as the edge: rounding blurs the line at 0
_CLASSES: dict[Against, str] = {"every-classical": "any classical routers", "memoryless": "memoryless routers"}
_EDGES: dict[Against, tuple[str, str]] = {
    "every-classical": ("solid", "from here on it beats any classical routers"),
    "memoryless": ("dashed", "from here on it beats routers that remember nothing"),
}
# Label with the unit known and with it unknown, and the field of a published link.
_WORDS = {
    "rate": ("Bell pairs per second", "Bell pairs per unit of time", "pairs_per_second"),
    "fidelity": ("Fidelity of a new Bell pair", "Fidelity of a new Bell pair", "fidelity"),
    "memory_time": ("Memory time (seconds)", "Memory time (units of time)", "memory_seconds"),
    "distance_km": ("Distance (km)", "Distance (km)", "distance_km"),
    "detection_efficiency": ("Detection efficiency", "Detection efficiency", ""),
    "measurement_fidelity": ("Measurement fidelity", "Measurement fidelity", ""),
}


@dataclass(frozen=True)
class _Axis:
    """A figure of links as an axis."""

    name: str
    scale: float  # drawn value per value of the model
    own: float | None  # the link's, as drawn; None if it is not known
    low: float  # ends, as drawn
    high: float

    @property
    def log(self) -> bool:
        """Whether the axis is logarithmic."""
        return self.name in _LOG

    def drawn(self) -> Floats:
        """Places along the axis, as drawn."""
        return (np.geomspace if self.log else np.linspace)(self.low, self.high, _POINTS)

    def values(self) -> list[float]:
        """The same as values of the model, clipped so that rounding leaves no range."""
        low, high = PARAMETERS[self.name]
        values: list[float] = np.clip(self.drawn() / self.scale, low, high).tolist()
        return values


def map_axes(over: str, time_unit_seconds: float | None) -> tuple[str, str]:
    """The two figures of a map, as typed.

    Raises:
        ScenarioError: there are not two, there is no such figure, or a distance means nothing without the unit of time.
    """
    names = [name.strip() for name in str(over).split(",")]
    for name in names:
        if name not in PARAMETERS:
            raise ScenarioError(f"--over: {name!r} is no figure of a link{suggestion(name, list(PARAMETERS))}")
    if len(names) != 2 or names[0] == names[1]:
        raise ScenarioError(f"--over {over}: a map has two different figures, for example rate,fidelity")
    if "distance_km" in names and time_unit_seconds is None:
        raise ScenarioError(
            "--over: distance_km needs to know how many seconds a unit of time lasts; give --time-unit SECONDS "
            "(time_unit in Python), or traffic.time_unit_seconds in the scenario"
        )
    return names[0], names[1]


def link_figure(found: LinkAssessment, axes: tuple[str, str]) -> Figure:
    """The share of waiting time saved against the class aimed at, over two figures of the link.

    Lines mark where the saving ends, against both classes of classical routers. Published links lie at their own two
    figures; all others are those of the link assessed.

    Args:
        found: What is known about the link.
        axes: What `map_axes` gave.
    """
    from matplotlib.ticker import NullFormatter

    published = _published(found, axes)
    across, up = (_axis(found, name, [each[at] for each in published.values()]) for at, name in enumerate(axes))
    classes: list[Against] = ["memoryless"] if found.every_classical is None else ["every-classical", "memoryless"]
    maps = {each: found.map(*axes, across.values(), up.values(), each) for each in classes}
    with new_figure(_SIZE[1], _SIZE[0]) as figure:
        ax = figure.subplots()
        ax.set(xscale="log" if across.log else "linear", yscale="log" if up.log else "linear")
        ax.set(xlim=(across.low, across.high), ylim=(up.low, up.high))
        known = found.scenario.traffic.time_unit_seconds is None
        ax.set(xlabel=_WORDS[across.name][known], ylabel=_WORDS[up.name][known])
        if found.against == "every-classical":
            weakly = maps["memoryless"].saving
            ax.contourf(across.drawn(), up.drawn(), weakly, levels=[_EDGE, 1.0], colors=[_WEAKLY])
        _fill(figure, ax, maps[found.against], across, up)
        for axis, drawn in ((ax.xaxis, across), (ax.yaxis, up)):
            if drawn.log:
                axis.set_major_formatter(_plain)
                axis.set_minor_formatter(NullFormatter())
        for each in maps.values():
            _edge(ax, each, across, up)
        names = _links(ax, found, published, across, up)
        look: Any = ax.get_legend_handles_labels()
        figure.legend(*look, loc="outside upper left", title=_title(found, maps[found.against]), alignment="left")
    most = float(maps[found.against].saving.max())
    saved = f"at most {percent_text(most)} of the waiting time is saved" if most > _EDGE else "nothing is saved"
    told = f"Over the map {saved}. Published links on it: {', '.join(names) or 'none'}."
    describe(figure, f"What links save: {found.scenario.title}", told)
    return figure


def _plain(value: float, _: float) -> str:
    """The label of a tick on a logarithmic axis."""
    return f"{value:g}" if 1e-4 < value < 1e6 else f"1e{round(math.log10(value))}"


def _title(found: LinkAssessment, shown: LinkMap) -> str:
    link = found.scenario.link
    title = f"Other figures as of {link.name if link and link.name else 'this link'}"
    if shown.saving.max() > _EDGE:
        return title
    return f"{title}; nothing here beats {_CLASSES[found.against]}"


def _published(found: LinkAssessment, axes: tuple[str, str]) -> dict[str, tuple[float, float]]:
    """Both figures, as drawn, of every published link that has them, except the one assessed."""
    if found.scenario.traffic.time_unit_seconds is None and _IN_SECONDS & set(axes):
        return {}
    first, second = (_WORDS[name][2] for name in axes)
    named = found.scenario.link.name if found.scenario.link else None
    return {
        name: (float(link[first]), float(link[second]))
        for name, link in published_links().items()
        if name != named and first in link and second in link
    }


def _axis(found: LinkAssessment, name: str, published: Sequence[float]) -> _Axis:
    """An axis with the link's own figure and, if they are not far off, the least that saves and published ones."""
    unit, link, rate = found.scenario.traffic.time_unit_seconds, found.link, found.operation.workload.pair_rate
    scale = {"rate": 1 / (unit or 1.0), "memory_time": unit or 1.0}.get(name, 1.0)
    own, least = getattr(link, name), getattr(found.least, name)
    own = None if own is None else own * scale
    ends = [each * scale for each in (least if isinstance(least, tuple) else (least,)) if each and math.isfinite(each)]
    if name not in _LOG:
        low, high = PARAMETERS[name]
        return _Axis(name, scale, own, max(low, min([0.9, own, *ends, *published]) - 0.04), high)
    middle = own or {"rate": rate * scale, "memory_time": scale / rate}.get(name, 1.0)
    wanted = [each for each in (*ends, *published) if abs(math.log10(each / middle)) <= _DECADES]
    return _Axis(name, scale, own, min([middle / 3, *wanted]) / 3, max([middle * 3, *wanted]) * 3)


def _fill(figure: Figure, ax: Axes, found: LinkMap, across: _Axis, up: _Axis) -> None:
    from matplotlib.ticker import MaxNLocator

    most = float(found.saving.max())
    if most <= _EDGE:
        return
    levels = [each for each in MaxNLocator(8).tick_values(0.0, 100 * most) if each > 0]
    shades = ax.contourf(across.drawn(), up.drawn(), 100 * found.saving, levels=[100 * _EDGE, *levels], cmap=_COLOURS)
    label = f"Waiting time saved against {_CLASSES[found.against]} (%)"
    figure.colorbar(shades, ax=ax, label=label, ticks=levels, fraction=0.05, pad=0.02)


def _edge(ax: Axes, found: LinkMap, across: _Axis, up: _Axis) -> None:
    style, label = _EDGES[found.against]
    if found.saving.min() < _EDGE < found.saving.max():
        line: dict[str, Any] = {"linestyles": style, "linewidths": 1.2}
        ax.contour(across.drawn(), up.drawn(), found.saving, levels=[_EDGE], colors=INK, **line)
        ax.plot([], [], color=INK, linestyle=style, linewidth=1.2, label=label)


def _links(
    ax: Axes, found: LinkAssessment, published: dict[str, tuple[float, float]], across: _Axis, up: _Axis
) -> list[str]:
    """Mark this link and the published ones that lie on the map; returns the names of the published ones."""
    this = (found.scenario.link and found.scenario.link.name) or "this link"
    placed = dict(published)
    if across.own is not None and up.own is not None:
        placed = {this: (across.own, up.own), **published}
    inside = {
        name: (x, y) for name, (x, y) in placed.items() if across.low <= x <= across.high and up.low <= y <= up.high
    }
    others = [name for name in inside if name != this]
    look: dict[str, Any] = {"markeredgecolor": INK, "linestyle": "none", "clip_on": False}
    if others:
        xs, ys = zip(*(inside[name] for name in others), strict=True)
        ax.plot(xs, ys, "o", color="white", markersize=5.5, label="published links", zorder=5, **look)
    if this in inside:
        ax.plot(*inside[this], "*", color=ORANGE, markersize=13, label="this link", zorder=6, **look)
    _name(ax, inside)
    return others


def _name(ax: Axes, points: dict[str, tuple[float, float]]) -> None:
    """Names beside points, each where it covers no point and no other name if there is room."""
    width, height = 72 * 0.75 * np.array(_SIZE)  # points; about what the layout leaves to the axes
    to_axes: Any = ax.transLimits.transform
    to_scale: Any = ax.transScale.transform
    at = {name: to_axes(to_scale(point)) * (width, height) for name, point in points.items()}
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in at.values()]
    for name, (x, y) in at.items():
        length, tall = 4.3 * len(name), 9.0
        places = [
            (x + (9 if side == "left" else -9 - length), y + off - tall / 2, side, off)
            for off in (0, 10, -10, 20, -20)
            for side in ("left", "right")
        ]
        fitting = [each for each in places if each[0] > 0 and each[0] + length < width + 20]
        free = [
            each
            for each in fitting
            if not any(
                each[0] < right and each[0] + length > left and each[1] < top and each[1] + tall > bottom
                for left, bottom, right, top in taken
            )
        ]
        left, bottom, side, off = (free or fitting or places)[0]
        taken.append((left, bottom, left + length, bottom + tall))
        offset = (9 if side == "left" else -9, off)
        text: dict[str, Any] = {"fontsize": 7.5, "zorder": 4, "annotation_clip": False, "bbox": _GROUND}
        ax.annotate(name, points[name], xytext=offset, textcoords="offset points", ha=side, va="center", **text)
