"""The map of a sweep, drawn: curves along one axis, a heat map over two, small multiples of it over three."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ....model.estimate import rounded
from ....model.printable import printable
from ....model.scenario.fields import LOAD, PROBABILITY, VISIBILITY
from ....model.sweep.grid import Axis, Sweep, value_text
from ....model.sweep.point import Outcome
from .drawing import BLUE, GREY, ORANGE, describe, log_ticks, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure
    from matplotlib.patheffects import AbstractPathEffect

Floats = NDArray[np.float64]

MAX_PANELS = 12
_PANEL = 3.2  # inches
MAX_VECTOR_CELLS = 2500  # more become a picture inside the .svg
_COLOURS = "cividis"  # rises evenly in lightness, with and without colour blindness
_NONE, _INVALID = ("#FFFFFF", "////", "#909090"), ("#E4E4E4", "..", "#909090")  # face, hatch, its colour
_ONLY = "over memoryless routers only"
_WEAKLY = ("none", "\\\\", "#FFFFFF")
_SAVED = "Largest reduction against memoryless routers (%)"
_LEAST = "Least visibility that helps"
_LEVELS = 6
_WORDS = {
    LOAD: "Load ρ of each server",
    VISIBILITY: "Visibility V",
    "experiment.assumed_visibility": "Visibility V",
    "traffic.pair_rate": "Pair rate λ (pairs per unit of time)",
    "baseline.reward.setup_time": "Set-up time c (units of time)",
    "baseline.reward.exponent": "Exponent k of the reward T = t^k",
    "traffic.sizes.mean": "Mean service time (units of time)",
    "traffic.sizes.scv": "Squared coefficient of variation of the sizes",
    "traffic.sizes.bins": "Number of sizes told apart",
}


@dataclass(frozen=True, eq=False)
class _Direction:
    """A dimension of the grid as it is drawn, with n values."""

    label: str  # what it is, with its unit
    visibility: bool  # whether it is the visibility
    order: NDArray[np.intp]  # indices of the values as drawn, rising if they are numbers, shape (n,)
    position: Floats  # of each value, in that order, shape (n,)
    edge: Floats  # borders of the cells around them, shape (n+1,)
    names: tuple[str, ...] | None  # to write at each position; None for an axis of numbers
    log: bool


@dataclass(frozen=True, eq=False)
class _Grid:
    """Outcomes as arrays of the grid's shape."""

    saved: Floats  # relative reduction in per cent; NaN if entanglement does not help
    least: Floats  # least visibility; NaN if no state helps
    helps: NDArray[np.bool_]  # whether entanglement helps at the point's own visibility
    weakly: NDArray[np.bool_]  # whether it is proved to help against memoryless routers only
    computed: NDArray[np.bool_]  # whether there is a result at all

    def at(self, index: Any) -> _Grid:
        """The part of it that an index picks."""
        return _Grid(*(each[index] for each in vars(self).values()))


def sweep_figure(sweep: Sweep, outcomes: Sequence[Outcome]) -> Figure | None:
    """Where entanglement helps and by how much, along the first axis (across) and the second (up).

    Of three axes the first is that of the panels. Axes with one value, and all but the first of those that advance
    together, are not drawn.

    Args:
        sweep: The sweep.
        outcomes: One for each of its points, in their order.

    Returns:
        None where there are more axes, or more panels, than a figure can show.
    """
    axes = [axes[0] for axes in sweep.dimensions if len(axes[0].values) > 1] or [sweep.dimensions[0][0]]
    grid = _grid(outcomes, tuple(len(axis.values) for axis in axes))
    panels: list[tuple[str, _Grid]] = [("", grid)]
    if len(axes) == 3:
        first = axes.pop(0)
        panels = [(f"{axis_label(first.field)}: {_name(v)}", grid.at(i)) for i, v in enumerate(first.values)]
    if len(axes) > 2 or len(panels) > MAX_PANELS:
        return None
    columns = min(len(panels), 3)
    rows = math.ceil(len(panels) / columns)
    width, height = 1.4 + _PANEL * columns + (1.2 if columns == 1 else 0), 1.2 + _PANEL * rows
    with new_figure(height, width) if len(axes) == 2 else new_figure(5.0) as figure:
        if len(axes) == 1:
            _draw_curves(figure, _direction(axes[0]), grid)
        else:
            _draw_maps(figure, (rows, columns), panels, _direction(axes[0]), _direction(axes[1]))
        figure.suptitle(f"{printable(sweep.title)}\n{_fixed(sweep)}".strip(), x=0.02, ha="left", fontsize=10.5)
    describe(figure, sweep.title, _description(grid))
    return figure


def axis_label(field: str) -> str:
    """What a field is, in the terms of the field, with its unit."""
    if field in _WORDS:
        return _WORDS[field]
    parts = field.split(".")
    if field.startswith(f"{PROBABILITY}."):
        return printable(f"Probability of type {field.removeprefix(f'{PROBABILITY}.')}")
    if field.startswith("traffic.type") and len(parts) > 3:
        kind = field.split(".", 2)[2]
        for end, word in (
            (".probability", "Probability of type {}"),
            (".service.mean", "Mean service time of type {} (units of time)"),
            (".service.scv", "Squared coefficient of variation of type {}"),
        ):
            if kind.endswith(end):
                return printable(word.format(kind.removesuffix(end)))
    return printable(field)


def _fixed(sweep: Sweep) -> str:
    """What is the same everywhere: axes of one value, and the visibility unless it is an axis."""
    alone = [(axis_label(axes[0].field), axes[0].values[0]) for axes in sweep.dimensions if len(axes[0].values) == 1]
    if _WORDS[VISIBILITY] not in {axis_label(axis.field) for axis in sweep.axes}:
        alone.append((_WORDS[VISIBILITY], sweep.scenario.experiment.assumed_visibility))
    return "; ".join(f"{label}: {_name(value)}" for label, value in alone)


def _grid(outcomes: Sequence[Outcome], shape: tuple[int, ...]) -> _Grid:
    helps = np.array([outcome.entanglement_helps is True for outcome in outcomes])
    saved = np.array([100 * (outcome.waiting_time_reduction_relative or 0.0) for outcome in outcomes])
    least = np.array([np.nan if outcome.least_visibility is None else outcome.least_visibility for outcome in outcomes])
    computed = np.array([outcome.status == "computed" for outcome in outcomes])
    weakly = helps & np.array([not outcome.beats_every_classical for outcome in outcomes])
    shown = np.where(helps, saved, np.nan)
    return _Grid(*(each.reshape(shape) for each in (shown, least, helps, weakly, computed)))


def _direction(axis: Axis) -> _Direction:
    values, what = axis.values, (axis_label(axis.field), axis_label(axis.field) == _WORDS[VISIBILITY])
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if not numbers or len(set(values)) < len(values) or len(values) == 1:
        order = np.arange(len(values))
        edge = np.linspace(-0.5, len(values) - 0.5, len(values) + 1)
        return _Direction(*what, order, edge[1:] - 0.5, edge, tuple(map(_name, values)), False)
    order = np.argsort(values)
    position = np.asarray(values, dtype=float)[order]
    log = axis.scale == "log" and position[0] > 0
    stretched = np.log(position) if log else position
    middle = (stretched[1:] + stretched[:-1]) / 2
    edge = np.concatenate([[2 * stretched[0] - middle[0]], middle, [2 * stretched[-1] - middle[-1]]])
    edge = np.exp(edge) if log else edge
    if axis.field in (LOAD, VISIBILITY) or axis.field.startswith(f"{PROBABILITY}."):
        edge = np.clip(edge, min(0.0, position[0]), max(1.0, position[-1]))  # no cell reaches where there is nothing
    return _Direction(*what, order, position, edge, None, log)


def _draw_curves(figure: Figure, along: _Direction, grid: _Grid) -> None:
    """Reduction above, least visibility below; a cross where entanglement does not help."""
    upper, lower = figure.subplots(2, 1, sharex=True)
    part = grid.at(along.order)
    none = part.computed & ~part.helps
    upper.plot(along.position, part.saved, "o-", color=BLUE, markersize=4)
    upper.plot(along.position[none], np.zeros(none.sum()), "x", color=GREY, label="no advantage")
    if part.weakly.any():
        look = {"color": "white", "markeredgecolor": BLUE, "markersize": 6, "label": _ONLY}
        upper.plot(along.position[part.weakly], part.saved[part.weakly], "o", **look)
    upper.set(ylabel="Largest reduction against\nmemoryless routers (%)")
    upper.set_ylim(bottom=min(0.0, upper.get_ylim()[0]))
    lower.plot(along.position, part.least, "s--", color=ORANGE, markersize=4)
    lower.set(ylabel=_LEAST, xlabel=along.label)
    _ticks(lower, along, "x")
    if none.any() or part.weakly.any():
        upper.legend(loc="best")


def _draw_maps(
    figure: Figure, shape: tuple[int, int], panels: Sequence[tuple[str, _Grid]], across: _Direction, up: _Direction
) -> None:
    frames = figure.subplots(*shape, squeeze=False, sharex=True, sharey=True).ravel().tolist()
    finite = [part.saved[np.isfinite(part.saved)] for _, part in panels]
    most = max((float(each.max()) for each in finite if each.size), default=1.0) or 1.0
    for frame, (name, part) in zip(frames, panels, strict=False):
        mesh = _draw_map(frame, part, across, up, most)
        frame.set_title(name, fontsize=9)
    for frame in frames[len(panels) :]:
        frame.set_visible(False)
    for frame in frames[: len(panels)]:
        place = frame.get_subplotspec()
        if place.is_first_col():
            frame.set_ylabel(up.label)
        if place.is_last_row() or frames.index(frame) + shape[1] >= len(panels):
            frame.set_xlabel(across.label)
            frame.tick_params(labelbottom=True)
    figure.colorbar(mesh, ax=frames, label=_SAVED, fraction=0.05, pad=0.02)
    _legend(figure, [part for _, part in panels])


def _draw_map(frame: Axes, grid: _Grid, across: _Direction, up: _Direction, most: float) -> QuadMesh:
    """One heat map: across is the grid's first index."""
    part = grid.at(np.ix_(across.order, up.order))
    saved, least = part.saved.T, part.least.T
    shown, picture = np.ma.masked_invalid(saved), saved.size > MAX_VECTOR_CELLS
    mesh = frame.pcolormesh(across.edge, up.edge, shown, cmap=_COLOURS, vmin=0, vmax=most, rasterized=picture)
    for mask, look in ((part.computed & ~part.helps, _NONE), (part.weakly, _WEAKLY), (~part.computed, _INVALID)):
        _hatch(frame, mask.T, across, up, look)
    _draw_contours(frame, across, up, least)
    for direction, letter in ((across, "x"), (up, "y")):
        _ticks(frame, direction, letter)
    frame.set_xlim(across.edge[0], across.edge[-1])
    frame.set_ylim(up.edge[0], up.edge[-1])
    return mesh


def _hatch(
    frame: Axes, mask: NDArray[np.bool_], across: _Direction, up: _Direction, look: tuple[str, str, str]
) -> None:
    """Fill cells with one look, neighbours in a row in one piece."""
    from matplotlib.patches import Rectangle

    face, hatch, ink = look
    for row, cells in enumerate(mask):
        steps = np.flatnonzero(np.diff(np.concatenate([[False], cells, [False]])))
        for first, beyond in zip(steps[::2], steps[1::2], strict=True):
            corner, width = (across.edge[first], up.edge[row]), across.edge[beyond] - across.edge[first]
            height = up.edge[row + 1] - up.edge[row]
            frame.add_patch(Rectangle(corner, width, height, facecolor=face, hatch=hatch, edgecolor=ink, linewidth=0))


def _draw_contours(frame: Axes, across: _Direction, up: _Direction, least: Floats) -> None:
    """Lines of equal least visibility, labelled; if the visibility is an axis, the line on which it is the least.

    They are black with a white rim, and so show on any colour.
    """
    from matplotlib.patheffects import withStroke
    from matplotlib.ticker import MaxNLocator

    own = across.visibility or up.visibility
    if own:
        least = least - (across.position if across.visibility else up.position[:, None])
    known = least[np.isfinite(least)]
    if min(least.shape) < 2 or known.size < 4 or np.ptp(known) < 1e-6:
        return
    ticks = np.asarray(MaxNLocator(_LEVELS, steps=[1, 2, 5, 10]).tick_values(known.min(), known.max()))
    levels = [float(tick) for tick in ([0.0] if own else ticks) if known.min() < tick < known.max()]
    if not levels:
        return
    height = np.ma.masked_invalid(least)
    lines = frame.contour(across.position, up.position, height, levels, colors="black", linewidths=1)
    rim: list[AbstractPathEffect] = [withStroke(linewidth=2.6, foreground="white")]
    lines.set_path_effects(rim)
    if own:
        return
    digits = max(2, math.ceil(-math.log10(float(np.diff(ticks).min())) - 1e-9))
    for label in lines.clabel(fmt=f"%.{digits}f", fontsize=8):
        label.set_path_effects(rim)


def _ticks(frame: Axes, direction: _Direction, letter: str) -> None:
    axis = frame.xaxis if letter == "x" else frame.yaxis
    if direction.names is not None:
        axis.set_ticks(direction.position, direction.names)
    elif direction.log:
        (frame.set_xscale if letter == "x" else frame.set_yscale)("log")
        log_ticks(axis)


def _legend(figure: Figure, parts: Sequence[_Grid]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    looks = {
        "no advantage": (_NONE, any((part.computed & ~part.helps).any() for part in parts)),
        _ONLY: (_WEAKLY, any(part.weakly.any() for part in parts)),
        "no result": (_INVALID, any((~part.computed).any() for part in parts)),
    }
    handles: list[Any] = [Line2D([], [], color="black", linewidth=1, label=_LEAST.lower())]
    for name, ((face, hatch, ink), present) in looks.items():
        if present:
            own = BLUE if face == "none" else face  # lies over the colors of the map
            handles.append(Patch(facecolor=own, hatch=hatch, edgecolor=ink, label=name))
    figure.legend(handles=handles, loc="outside lower left", ncols=3)


def _name(value: Any) -> str:
    text = value_text(value)
    return printable(text if len(text) <= 24 else f"{text[:23]}…")


def _description(grid: _Grid) -> str:
    """What the figure shows, for those who do not see it."""
    text = f"Of {grid.helps.size} points entanglement helps at {grid.helps.sum()}"
    if grid.helps.any():
        text += f", by at most {rounded(float(np.nanmax(grid.saved)), 1, 'up')} % of the waiting time"
        text += f", and is proved to beat every classical router at {(grid.helps & ~grid.weakly).sum()} of them"
    return f"{text}; {(~grid.computed).sum()} points have no result."
