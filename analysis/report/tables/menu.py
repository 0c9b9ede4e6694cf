"""The numbers of routers that know the past, and of the menu they measured, as sections of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ....model.estimate import Estimate, rounded, significant
from ...menus.records import AT_WORST, WITH_OUTCOME, MenuAnalysis, MenuEntry
from ...menus.settings import settings
from ...records.comparison import AtLeast
from ...records.percent import chance_text, confidence_text, percent_text
from .context import waiting_section
from .section import (
    NONE,
    Cell,
    Row,
    Section,
    alarm_text,
    certified_text,
    estimate_cell,
    log10_text,
    section,
    two_columns,
)


def menu_sections(analysis: MenuAnalysis) -> list[Section]:
    """All numbers: what was reached, the certificate, every entry, waiting times and diagnostics."""
    waiting = [waiting_section(analysis.waiting_times)] if analysis.waiting_times else []
    return [
        reached_section(analysis),
        menu_certificate_section(analysis),
        entries_section(analysis),
        outcomes_section(analysis),
        *waiting,
        menu_diagnostics_section(analysis),
    ]


def reached_section(analysis: MenuAnalysis) -> Section:
    """What the routers reach with the outcomes measured, beside classical routers and what was predicted."""
    forecast, share = analysis.planned.forecast, analysis.waiting_time_reduction_relative
    sure = confidence_text(1 - analysis.certificate.significance)
    rows: list[tuple[str, Cell | str, str]] = [
        ("waiting time W (units of time)", estimate_cell(analysis.waiting_time), "waiting_time"),
        ("    of classical routers, at least", rounded(analysis.classical_waiting_time, 4, "down"), ""),
        ("W saved at equal τ", proved(analysis.waiting_time_reduction), ""),
        ("    the same, as a share", proved(share, percent=True), "waiting_time_reduction_relative"),
        ("τ gained at equal W", proved(analysis.throughput_gain), ""),
        ("throughput τ (per unit of time)", estimate_cell(analysis.baseline_throughput), "baseline_throughput"),
        ("splitting p", estimate_cell(analysis.splitting_probability), "splitting_probability"),
    ]
    counted = f", {AT_WORST}" if analysis.lost else ""
    title, note = (
        "Routers that know the past, with this menu",
        f"W, τ and p are simulated on workloads that are not rounded{counted}; their limits are those of the "
        f"simulation (95 %). What is saved or gained: by estimate, and at least, with {sure} confidence.",
    )
    if forecast is None:
        return two_columns(title, [(name, cell) for name, cell, _ in rows], note)

    def predicted(field: str) -> str:
        if not field:
            return NONE
        value = getattr(forecast, field)
        return percent_text(value, 2) if field.endswith("_relative") else f"{value:.4g}"

    columns = ("", "measured", "predicted")
    return section(title, columns, [(name, (cell, predicted(field))) for name, cell, field in rows], note)


def proved(value: Estimate | AtLeast, *, percent: bool = False) -> Cell:
    """An estimate with its lower limit; no upper one is claimed."""
    low = f"{rounded(value.low, 2, 'down', percent=True)} %" if percent else significant(value.low, 3, "down")
    middle = percent_text(value.estimate, 2) if percent else significant(value.estimate, 3)
    return Cell(middle, f"at least {low}")


def menu_certificate_section(analysis: MenuAnalysis) -> Section:
    """The test, with W − κτ beside the bound on every classical router."""
    found, planned = analysis.certificate, analysis.planned
    cost, digits = found.cost, cost_decimals(analysis)
    sure = f"{confidence_text(1 - found.significance)} confidence"
    rows: list[Row] = [
        ("result", certified_text(found.certified)),
        ("log10 p", Cell(log10_text(found.log10_p_value), f"significance {found.significance:g}")),
        ("κ, waiting paid per unit of throughput", f"{found.kappa:.6g}"),
        ("V(κ), least W − κτ of classical routers", rounded(found.classical, digits, "down")),
        ("W − κτ of the policy, by estimate", rounded(cost.estimate, digits)),
        ("W − κτ of the policy, at most", Cell(rounded(cost.high, digits, "up"), sure)),
    ]
    if planned.forecast:
        rows += [
            ("    the same, predicted", rounded(planned.forecast.expected_limit, digits, "up")),
            ("chance to certify, predicted", chance_text(planned.forecast.predicted_power)),
        ]
    rows += [
        ("trials, lost ones included", Cell(f"{found.trials}", f"{analysis.lost} lost")),
        ("grid of the bounds (units of time)", Cell(f"step {found.step:.4g}", f"up to {found.largest_workload:.4g}")),
        ("method", found.method),
    ]
    return two_columns("Certificate", rows, f"κ was fixed before the data. {found.assumption}")


def cost_decimals(analysis: MenuAnalysis) -> int:
    """Decimals that show by how much W − κτ lies below V(κ), and its limit below or above."""
    found = analysis.certificate
    gaps = [abs(found.classical - end) for end in (found.cost.estimate, found.cost.high) if found.classical != end]
    return min(max(1 - math.floor(math.log10(min(gaps, default=1.0))), 2), 9)


def entries_section(analysis: MenuAnalysis) -> Section:
    """Bases of each entry, and how often the routers measure in them."""
    rows = [
        (
            f"{number}",
            (
                percent_text(entry.share),
                NONE if entry.visibility is None else f"{entry.visibility:.4f}",
                _degrees(entry.alpha),
                _degrees(entry.beta),
            ),
        )
        for number, entry in enumerate(analysis.entries, start=1)
    ]
    maps = percent_text(analysis.map_share)
    return section(
        "The menu",
        ("entry", "pairs of requests", "visibility", "A's bases (°)", "B's bases (°)"),
        rows,
        f"An entry is a set of bases, one for each type, in their order. {maps} of the pairs follow classical maps."
        f"{_of_outcomes(' The visibility is that', analysis)}",
    )


def outcomes_section(analysis: MenuAnalysis) -> Section:
    """P(a≠b) of every setting, with its limits, beside that of perfect Bell pairs."""
    sure = confidence_text(1 - analysis.certificate.significance)
    return section(
        "Pairs sent to different servers, P(a≠b), by entry and types",
        ("entry: type at A, at B", "measured", "perfect pairs"),
        (
            (
                f"{each.entry}: {each.type_a}, {each.type_b}",
                (estimate_cell(each.measured) if each.measured else "not measured", f"{each.ideal:.4f}"),
            )
            for each in settings(analysis)
        ),
        f"The limits hold all together with {sure} confidence"
        f"{_of_outcomes(' and allow for lost trials. What was measured is the share', analysis) or '.'}",
    )


def _of_outcomes(what: str, analysis: MenuAnalysis) -> str:
    """The end of a note that says what a share is of, if trials were lost."""
    return f"{what} {WITH_OUTCOME}." if analysis.lost else ""


def visibility_text(entries: Sequence[MenuEntry]) -> str:
    """The least and the largest of the entries' visibilities."""
    known = [entry.visibility for entry in entries if entry.visibility is not None]
    if not known:
        return "not known"
    ends = f"{min(known):.3f}", f"{max(known):.3f}"
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def menu_diagnostics_section(analysis: MenuAnalysis) -> Section:
    """Checks beside the certificate, which never change it."""
    test = analysis.no_signalling
    rows: list[Row] = [("no-signalling test, log10 p", Cell(log10_text(test.log10_p_value), alarm_text(test.alarm)))]
    if beyond := analysis.beyond_quantum:
        share = Cell(f"{beyond.score_share.estimate:.4f}", f"{alarm_text(beyond.alarm)}, highest: entry {beyond.entry}")
        rows.append(("score over the quantum bound", share))
    for router, values in (("A", analysis.marginals.a), ("B", analysis.marginals.b)):
        rows.append((f"P(outcome 0) at router {router}, over all settings", f"{min(values):.4f} … {max(values):.4f}"))
    return two_columns("Diagnostics", rows, _of_outcomes("Shares are", analysis))


def _degrees(angles: Sequence[float]) -> str:
    return ", ".join(f"{math.degrees(angle):.1f}" for angle in angles)
