"""Where entanglement stands, as tables for a terminal: one scenario, and the map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...analysis.certificate.scores import Estimate
from ...analysis.report.tables.section import NONE, estimate_cell
from ...model.rivals.standing import Cell, Standing, verdict
from .comparison import NUMERICAL, Comparison, Point, WiderQuantum

_NAMES = "certified class", "asymmetric", "shared clock"  # in the order of a point's rivals


def comparison_tables(compared: Comparison) -> RenderableType:
    """One table for each point, what the wider search found, and what these figures are not."""
    heading = Text(f"{compared.title} (load {compared.load:.4g})", style="bold")
    parts: list[RenderableType] = [heading, Text()]
    for point in compared.points:
        parts += [Text(_point_told(point)), _point_table(point), Text()]
    for sentence in compared.absent:
        parts += [Text(sentence), Text()]
    parts += [Text(_search_told(compared.wider_quantum)), Text()]
    rivals = compared.points[0].rivals
    parts += [Text(f"{name}: {rival.label}; {rival.method}.") for name, rival in zip(_NAMES, rivals, strict=True)]
    if any(rival.unbounded for rival in rivals):
        parts.append(Text("* its throughput has no bound: a vanishing share of its time buys any."))
    limits = (
        "Limits are 95 % intervals of the simulation; at an observed point they hold for its waiting time and "
        "throughput, too, at the run's significance."
    )
    status = f"All but the first row is {compared.status}: a search may miss a better router. Seed {compared.seed}."
    return Group(*parts, Text(), Text(limits), Text(status))


def _point_told(point: Point) -> str:
    name = point.name if point.name != "observed" else f"observed, visibility {point.visibility:.4g}"
    return (
        f"{name.capitalize()}: p = {_short(point.splitting_probability)}, W = {_short(point.waiting_time)}, "
        f"τ = {_short(point.baseline_throughput)}, κ = {point.kappa:.6g}; stands: {point.verdict}"
    )


def _point_table(point: Point) -> Table:
    table = Table("", "W at equal τ", "saved", "saved, share", "least W − κτ", box=None, pad_edge=False)
    for name, rival in zip(_NAMES, point.rivals, strict=True):
        table.add_row(
            Text(f"{name}*" if rival.unbounded else name),
            _shown(rival.waiting_time),
            _shown(rival.reduction),
            _shown(rival.reduction_relative, percent=True),
            _shown(rival.least_score),
        )
    table.add_row(Text("entanglement"), _shown(point.waiting_time), "", "", "")
    return table


def _search_told(search: WiderQuantum | None) -> str:
    if search is None:
        return "Strategies that favour a server have no bound on their throughput here, classical or entangled."
    parts = ", ".join(
        f"{share:.4f} of entanglement sin 2θ = {entanglement:.4f}"
        for share, entanglement in zip(search.shares, search.entanglement, strict=True)
        if share > 1e-4
    )
    return (
        f"Any two-qubit state, measurement and bias, mixed with deterministic routers, at κ = {search.kappa:.6g} "
        f"({search.starts} starts, numerical): least W − κτ {search.score:.6g} at W = {search.waiting_time:.6g}, "
        f"τ = {search.baseline_throughput:.6g} ({parts or 'deterministic routers alone'}; bias {search.bias:.3f}); "
        f"label-symmetric Bell pairs {search.symmetric_score:.6g}, asymmetric classical {search.classical_score:.6g}: "
        f"{search.finding}."
    )


def map_tables(
    title: str, visibility: float, seed: int, own: tuple[float, float], cells: Sequence[Cell]
) -> RenderableType:
    """The map as a table, one more where the visibility is below 1."""
    parts: list[RenderableType] = [Text(title, style="bold"), Text()]
    parts += [_map_table("Ideal entanglement", [(cell, cell.ideal) for cell in cells]), Text()]
    if visibility < 1:
        parts += [_map_table(f"Visibility {visibility:g}", [(cell, cell.noisy) for cell in cells]), Text()]
    told = (
        "Cells: whether the advantage stands against all rivals, within the certified class only, or not at all; "
        "waiting time saved (%) against the certified class, where that is largest; against the best wider rival "
        f"there (* its throughput has no bound). The wider rivals are {NUMERICAL}. The scenario itself: load "
        f"{own[0]:.4g}, share {own[1]:.4g}. Seed {seed}."
    )
    return Group(*parts, Text(told))


def _map_table(title: str, entries: Sequence[tuple[Cell, Standing | None]]) -> Table:
    shares = list(dict.fromkeys(cell.long_share for cell, _ in entries))
    table = Table("load", *(f"{share:g}" for share in shares), box=None, pad_edge=False)
    table.title, table.title_justify = Text(f"{title}; across: share of long requests"), "left"
    words = {"against all": "all", "within the class only": "class", "none": "none"}
    for start in range(0, len(entries), len(shares)):
        row = entries[start : start + len(shares)]
        texts = ["\n".join([words[verdict(standing)], *_percentages(standing)]) for _, standing in row]
        table.add_row(f"{row[0][0].load:g}", *texts)
    return table


def _percentages(standing: Standing | None) -> list[str]:
    if standing is None:
        return []
    wider = min((standing.asymmetric, standing.shared_clock), key=lambda margin: margin.relative)
    mark = "*" if wider.unbounded else ""
    first, second = (f"{round(100 * share, 1) + 0.0:.1f}" for share in (standing.certified.relative, wider.relative))
    return [first, second + mark]


def _short(value: Estimate) -> str:
    return estimate_cell(value).value


def _shown(value: Estimate, *, percent: bool = False) -> Text:
    """An estimate over its limits, one a line so that five columns fit; a dash for what is infinite."""
    if not np.isfinite(value.estimate):
        return Text(NONE)
    cell = estimate_cell(value, percent=percent)
    low, _, high = cell.limits.removesuffix(" %").partition(" … ")
    unit = " %" if percent else ""
    return Text(f"{cell.value}\n≥ {low}{unit}\n≤ {high}{unit}" if cell.limits else cell.value)
