"""The map of where the advantage stands, drawn: load against share of long requests, a panel for each visibility."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ....model.rivals.standing import Cell, Standing, Verdict, verdict
from ...records.printable import printable
from .drawing import figure_style, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["save", "standing_figure"]

_CELL = (0.74, 0.58)  # inches
# Okabe–Ito colours, from dark to light so that greyscale keeps their order; a hatch and a word tell them apart alone.
_LOOKS: dict[Verdict, tuple[str, str, str, str]] = {
    "against all": ("#0072B2", "#FFFFFF", "", "all"),
    "within the class only": ("#F0C660", "#000000", "////", "class"),
    "none": ("#FFFFFF", "#000000", "", "none"),
}
_HATCH = "#D9A520"


def standing_figure(title: str, cells: Sequence[Cell], visibility: float, own: tuple[float, float]) -> Figure:
    """Cells coloured and labelled by verdict, with the waiting time saved; the scenario's own place is marked.

    Args:
        title: Of the scenario.
        cells: Of a full grid, all shares at the first load, then at the next.
        visibility: Of the second panel; at 1 there is only the ideal one.
        own: Load and share of long requests of the scenario itself.
    """
    from matplotlib.figure import Figure

    loads, shares = (
        list(dict.fromkeys(values)) for values in zip(*((c.load, c.long_share) for c in cells), strict=True)
    )
    panels = [("Ideal entanglement", [cell.ideal for cell in cells])]
    if visibility < 1:
        panels.append((f"Visibility {visibility:g}", [cell.noisy for cell in cells]))
    size = max(4.8, 1.0 + _CELL[0] * len(shares)), 1.7 + len(panels) * (0.9 + _CELL[1] * len(loads))
    with figure_style():
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
        for index, (ax, (name, standings)) in enumerate(zip(axes, panels, strict=True)):
            mark = f"({'ab'[index]}) " if len(panels) > 1 else ""
            ax.set_title(f"{mark}{name}")
            _draw_cells(ax, standings, len(shares))
            _draw_axes(ax, loads, shares)
            _draw_own(ax, loads, shares, own)
        _legend(figure, axes[0])
    figure.set_label(f"{printable(f'Where the advantage stands: {title}')}\n{_description(panels, own)}")
    return figure


def _draw_cells(ax: Axes, standings: Sequence[Standing | None], columns: int) -> None:
    from matplotlib.patches import Rectangle

    for index, standing in enumerate(standings):
        row, column = divmod(index, columns)
        face, ink, hatch, word = _LOOKS[verdict(standing)]
        ax.add_patch(
            Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=face, hatch=hatch, edgecolor=_HATCH, linewidth=0)
        )
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#666666", linewidth=0.6))
        ax.text(
            column,
            row,
            "\n".join([word, *_margins(standing)]),
            ha="center",
            va="center",
            fontsize=7.5,
            color=ink,
            linespacing=1.15,
            bbox={"facecolor": face, "edgecolor": "none", "pad": 1.0},
        )


def _margins(standing: Standing | None) -> list[str]:
    """Waiting time saved in per cent, against the class and against the best wider rival."""
    if standing is None:
        return []
    wider = min((standing.asymmetric, standing.shared_clock), key=lambda margin: margin.relative)
    mark = "*" if wider.unbounded else ""
    shares = standing.certified.relative, wider.relative
    first, second = (f"{round(100 * share, 1) + 0.0:.1f} %".replace("-", "−") for share in shares)
    return [first, second + mark]


def _draw_axes(ax: Axes, loads: Sequence[float], shares: Sequence[float]) -> None:
    ax.set(
        xlim=(-0.5, len(shares) - 0.5),
        ylim=(-0.5, len(loads) - 0.5),
        xlabel="Probability of a long request",
        ylabel="Load ρ of each server",
    )
    ax.set_xticks(range(len(shares)), [f"{share:g}" for share in shares])
    ax.set_yticks(range(len(loads)), [f"{load:g}" for load in loads])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _draw_own(ax: Axes, loads: Sequence[float], shares: Sequence[float], own: tuple[float, float]) -> None:
    """The scenario's own place, between cells where its values lie between theirs; not drawn off the map."""
    load, share = own
    if not (loads[0] <= load <= loads[-1] and shares[0] <= share <= shares[-1]):
        return
    across, up = float(np.interp(share, shares, range(len(shares)))), float(np.interp(load, loads, range(len(loads))))
    ax.plot(
        [across],
        [up],
        "s",
        markersize=34,
        markerfacecolor="none",
        markeredgecolor="#000000",
        markeredgewidth=2.2,
        label="this scenario",
        clip_on=False,
    )


def _legend(figure: Figure, ax: Axes) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    words: dict[Verdict, str] = {
        "against all": "all: waits less than every rival",
        "within the class only": "class: within the certified class only",
        "none": "none: no advantage",
    }
    handles: list[Patch | Line2D] = [
        Patch(facecolor=_LOOKS[each][0], hatch=_LOOKS[each][2], edgecolor=_HATCH if _LOOKS[each][2] else "#666666")
        for each in words
    ]
    labels = list(words.values())
    if ax.lines:
        handles.append(Line2D([], [], linestyle="", marker="s", markersize=9, markerfacecolor="none", color="#000000"))
        labels.append("this scenario")
    title = (
        "Waiting time saved at equal throughput: first against the certified class,\n"
        "then against the best wider rival (numerical; * unbounded throughput)"
    )
    figure.legend(handles, labels, title=title, loc="outside upper left", ncols=2, alignment="left", title_fontsize=9)


def _description(panels: Sequence[tuple[str, Sequence[Standing | None]]], own: tuple[float, float]) -> str:
    """What the figure shows, for those who do not see it."""
    told = []
    for name, standings in panels:
        counts = {each: sum(verdict(standing) == each for standing in standings) for each in _LOOKS}
        told.append(f"{name}: " + ", ".join(f"{count} cells {each}" for each, count in counts.items()) + ".")
    return " ".join([*told, f"The scenario itself has load {own[0]:.4g} and share of long requests {own[1]:.4g}."])
