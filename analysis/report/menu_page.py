"""The report of routers that know the past: one HTML file, like that of other runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ...model.estimate import rounded
from ..menus.records import AT_WORST, WITH_OUTCOME, MenuAnalysis, counted_against
from ..records.percent import at_least, confidence_text, estimate_of, less_or_more, percent_text
from .citation import menu_methods
from .downloads import menu_downloads
from .figures.menu import MAX_ROWS, menu_certificate_figure, outcomes_figure
from .frame import Headline, alarm_of, framed, reproduce
from .tables.menu import (
    entries_section,
    menu_certificate_section,
    menu_diagnostics_section,
    outcomes_section,
    proved,
    reached_section,
)
from .tables.section import estimate_cell, log10_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MENU_FIGURES: Mapping[str, Callable[[MenuAnalysis], Figure]] = {  # which a run's folder holds as well
    "certificate": menu_certificate_figure,
    "outcomes": outcomes_figure,
}


def menu_report_html(analysis: MenuAnalysis, drawn: Mapping[str, str] | None = None) -> str:
    """The report as one self-contained page; the same record gives the same text.

    Args:
        analysis: What to show.
        drawn: `svg_text` of the figures of `MENU_FIGURES`, if at hand.
    """
    waiting, outcomes, number = analysis.waiting_times, outcomes_section(analysis), len(analysis.entries)
    contents = [
        ("experiment", "Experiment"),
        ("result", "Result"),
        ("rests", "What it rests on"),
        ("limits", "Limits"),
        ("menu", "Menu"),
        *([("waiting", "Waiting times")] if waiting else []),
        ("methods", "Methods"),
        ("data", "Data and provenance"),
    ]
    return framed(
        "menu.html.j2",
        analysis,
        contents,
        figures=MENU_FIGURES,
        drawn=drawn,
        waiting=waiting,
        files=menu_downloads(analysis),
        headline=_headline(analysis),
        log10_p=log10_text(analysis.certificate.log10_p_value),
        share=proved(analysis.waiting_time_reduction_relative, percent=True),
        saved=proved(analysis.waiting_time_reduction),
        waiting_time=estimate_cell(analysis.waiting_time),
        throughput=estimate_cell(analysis.baseline_throughput),
        least=rounded(analysis.classical_waiting_time, 4, "down"),
        lost_counted=f", {AT_WORST}" if analysis.lost else "",
        with_outcome=f" {WITH_OUTCOME}" if analysis.lost else "",
        measuring=percent_text(1 - analysis.map_share),
        sets=f"{number} set{'s' * (number > 1)} of bases",
        reached=reached_section(analysis),
        certificate_table=menu_certificate_section(analysis),
        entries=entries_section(analysis),
        outcomes=outcomes,
        many=len(outcomes.rows) > MAX_ROWS,
        diagnostics=menu_diagnostics_section(analysis),
        methods=menu_methods(analysis),
        reproduce=reproduce(analysis.provenance, counts=False),
    )


def _headline(analysis: MenuAnalysis) -> Headline:
    certificate, share = analysis.certificate, analysis.waiting_time_reduction_relative
    if certificate.certified:
        size = f"{at_least(share)} less waiting".lstrip()
        reason = (
            f"With the same baseline throughput a request waits that much less than with any classical routers that do "
            f"not communicate, whatever they remember and although they are told the servers' states as well "
            f"({confidence_text(1 - certificate.significance)} confidence; {estimate_of(share)})."
        )
        word, rest = "Certified", f"{size} than every classical router"
    else:
        size, than = f"{less_or_more(share.estimate)} waiting", " than the best classical routers may do"
        reason = f"By estimate only: within {certificate.trials} trials this may be chance."
        if share.estimate <= 0:
            size, than = "no waiting saved", ""
            against = counted_against(analysis.lost)
            reason = f"Not even by estimate, at equal throughput and with {against} counted against the routers."
        word, rest = "Not certified", size + than
    return Headline(alarm_of(analysis.warnings), word, size, rest, reason)
