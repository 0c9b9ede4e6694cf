"""Waiting times of single requests and what the advantage depends on, as sections of text."""

from __future__ import annotations

from ...records.context_record import ROUTINGS, LoadSensitivity, VisibilitySensitivity, WaitingTimes
from ...records.percent import percent_text
from .section import Cell, Section, estimate_cell


def waiting_section(waiting: WaitingTimes) -> Section:
    """Mean and percentiles under each routing."""
    percents = [each.probability for each in waiting.routings[0].percentiles]
    formulas = [each.waiting_time_formula for each in waiting.routings if each.waiting_time_formula is not None]
    rows = [("mean, by the formulas", [Cell(f"{each:#.4g}") for each in formulas])] if formulas else []
    rows.append(("mean, simulated", [estimate_cell(each.waiting_time) for each in waiting.routings]))
    rows.append(("do not wait at all", [Cell(percent_text(each.cumulative[0], 2)) for each in waiting.routings]))
    for index, share in enumerate(percents):
        cells = [estimate_cell(each.percentiles[index].waiting_time) for each in waiting.routings]
        rows.append((f"{100 * share:g} % wait at most", cells))
    return Section(
        "Waiting time of a request (units of time)",
        ("", *(ROUTINGS[each.routing] for each in waiting.routings)),
        tuple((name, tuple(cells)) for name, cells in rows),
        f"Simulated over the same {waiting.pairs} pairs of requests, with 95 % confidence intervals of the simulation "
        f"alone (seed {waiting.seed}; percentiles are rounded to 0.4 %). Whether a pair is split is drawn by the "
        "probabilities measured: what the order of the trials does to the queues is asked by bellqueue replay.",
    )


def visibility_section(found: VisibilitySensitivity) -> Section:
    """Every fourth of the visibilities, 1 among them."""
    columns = [found.reduction_relative, *([found.every_classical] if found.every_classical else [])]
    wider = ("against every classical router",) if found.every_classical else ()
    rows = list(zip(found.visibility, *columns, strict=True))[::-4][::-1]
    return Section(
        "Largest reduction of waiting time by visibility",
        ("visibility", "against memoryless routers", *wider),
        tuple((f"{visibility:.4f}", tuple(map(_share, reductions))) for visibility, *reductions in rows),
    )


def load_section(found: LoadSensitivity) -> Section:
    """Every load."""
    return Section(
        "Largest reduction of waiting time by load",
        ("load ρ", "ideal", f"visibility {found.visibility:.4f}"),
        tuple(
            (f"{load:.3g}", (_share(ideal), _share(noisy)))
            for load, ideal, noisy in zip(found.load, found.ideal, found.noisy, strict=True)
        ),
    )


def _share(reduction: float) -> Cell:
    return Cell(percent_text(reduction, 2))
