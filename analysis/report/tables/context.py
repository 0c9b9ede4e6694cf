"""Waiting times of single requests and what the advantage depends on, as sections of text."""

from __future__ import annotations

from ...records.context_record import ROUTINGS, LoadSensitivity, VisibilitySensitivity, WaitingTimes
from ...records.percent import percent_text
from .section import Cell, Section, estimate_cell, section


def waiting_section(waiting: WaitingTimes) -> Section:
    """Mean and percentiles under each routing."""
    formulas = [each.waiting_time_formula for each in waiting.routings if each.waiting_time_formula is not None]
    rows: list[tuple[str, list[Cell | str]]] = []
    if formulas:
        rows.append(("mean, by the formulas", [f"{each:#.4g}" for each in formulas]))
    rows += [
        ("mean, simulated", [estimate_cell(each.waiting_time) for each in waiting.routings]),
        ("do not wait at all", [percent_text(each.cumulative[0], 2) for each in waiting.routings]),
    ]
    for same in zip(*(each.percentiles for each in waiting.routings), strict=True):
        rows.append(
            (f"{100 * same[0].probability:g} % wait at most", [estimate_cell(each.waiting_time) for each in same])
        )
    return section(
        "Waiting time of a request (units of time)",
        ("", *(ROUTINGS[each.routing] for each in waiting.routings)),
        rows,
        f"Simulated over the same {waiting.pairs} pairs of requests, with 95 % confidence intervals of the simulation "
        f"alone (seed {waiting.seed}; percentiles are rounded to 0.4 %). Whether a pair is split is drawn by the "
        "probabilities measured: what the order of the trials does to the queues is asked by bellqueue replay.",
    )


def visibility_section(found: VisibilitySensitivity) -> Section:
    """The reduction at every fourth visibility, counted down from 1."""
    columns = [found.reduction_relative, *([found.every_classical] if found.every_classical else [])]
    wider = ("against every classical router",) if found.every_classical else ()
    rows = list(zip(found.visibility, *columns, strict=True))[::-4][::-1]
    return section(
        "Largest reduction of waiting time by visibility",
        ("visibility", "against memoryless routers", *wider),
        ((f"{visibility:.4f}", map(_share, reductions)) for visibility, *reductions in rows),
    )


def load_section(found: LoadSensitivity) -> Section:
    """The reduction at every load."""
    rows = zip(found.load, found.ideal, found.noisy, strict=True)
    return section(
        "Largest reduction of waiting time by load",
        ("load ρ", "ideal", f"visibility {found.visibility:.4f}"),
        ((f"{load:.3g}", map(_share, reductions)) for load, *reductions in rows),
    )


def _share(reduction: float) -> str:
    return percent_text(reduction, 2)
