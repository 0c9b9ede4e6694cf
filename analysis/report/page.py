"""The report: one HTML file that a colleague can read without having run anything, and without a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ...model.estimate import rounded
from ...model.printable import printable
from ..certificate.certificate import EVERY_CLASSICAL
from ..records.analysis_record import Advantage, Analysis
from ..records.context_record import Context
from ..records.every_classical import AgainstEveryClassical
from ..records.percent import at_least, less_or_more
from .citation import methods_paragraph
from .downloads import downloads
from .figures.correlators import correlator_figure
from .figures.drawing import svg_text
from .figures.frontiers import frontier_figure
from .figures.sensitivity import load_figure, visibility_figure
from .frame import Headline, alarm_of, framed, reproduce
from .idea import idea_figure
from .tables.analysis import (
    advantage_sections,
    certificate_section,
    comparison_section,
    diagnostics_section,
    latency_section,
    pairs_section,
    waiting_decimals,
)
from .tables.context import load_section, visibility_section
from .tables.frontiers import bell_pairs_section, frontier_values_section
from .tables.section import NONE, Cell, Section, estimate_cell, log10_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_CORRELATOR_ROWS = 256  # type pairs listed one by one; more are in the figure and the data only


_CONTENTS = [
    ("experiment", "Experiment"),
    ("result", "Result"),
    ("rests", "What it rests on"),
    ("limits", "Limits"),
    ("waiting", "Waiting times"),
    ("sensitivity", "Sensitivity"),
    ("numbers", "Measurement"),
    ("methods", "Methods"),
    ("data", "Data and provenance"),
]  # anchor and name of each section

FIGURES: Mapping[str, Callable[[Analysis], Figure]] = {  # which a run's folder holds as well
    "frontier": lambda analysis: frontier_figure(analysis.frontiers, analysis),
    "correlators": correlator_figure,
}


def report_html(analysis: Analysis, drawn: Mapping[str, str] | None = None) -> str:
    """The report as one self-contained page: pictures, style, script and data inside it, no request to anywhere.

    Whatever the record holds is escaped; the same record gives the same text.

    Args:
        analysis: The analysis, with the context to show.
        drawn: `svg_text` of the `FIGURES`, if at hand.
    """
    wider, digits = analysis.every_classical, waiting_decimals(analysis)
    context = analysis.context or Context()
    visibility = context.by_visibility
    load = context.by_load if visibility else None
    most = max((each.probability for each in context.bases), default=1.0)
    return framed(
        "report.html.j2",
        analysis,
        _CONTENTS,
        figures=FIGURES,
        drawn=drawn,
        waiting=context.waiting_times,
        headline=_headline(analysis),
        numbers=_figure_numbers(context),
        tiles=_tiles(analysis),
        observed=estimate_cell(analysis.observed.waiting_time, decimals=digits),
        classical=estimate_cell(analysis.classical.waiting_time_at_equal_throughput, decimals=digits),
        wider=wider,
        wider_least=rounded(wider.waiting_time_at_equal_throughput.estimate, digits, "down") if wider else "",
        why_not=printable(analysis.frontiers.reason_without_every_classical or ""),
        quantum=estimate_cell(analysis.quantum.waiting_time_at_equal_throughput, decimals=digits),
        throughput=estimate_cell(analysis.observed.baseline_throughput),
        idea=idea_figure(analysis),
        bases=len(context.bases),
        mixed=most if most < 1 else None,
        frontier_values=frontier_values_section(analysis.frontiers),
        result_sections=[comparison_section(analysis), *advantage_sections(analysis)],
        by_visibility=svg_text(visibility_figure(analysis, visibility)) if visibility else None,
        by_load=svg_text(load_figure(analysis, load)) if load else None,
        sensitivity=[
            *([visibility_section(visibility)] if visibility else []),
            *([load_section(load)] if load else []),
        ],
        absent=_absent(analysis),
        sections=_sections(analysis),
        correlators=_correlators(analysis),
        pairs=len(analysis.frontiers.types_a) * len(analysis.frontiers.types_b),
        bell_pairs=analysis.scenario.get("experiment", {}).get("bell_pairs", 1),
        methods=methods_paragraph(analysis),
        files=downloads(analysis),
        reproduce=reproduce(analysis.provenance, counts=analysis.measured is not None),
    )


def _headline(analysis: Analysis) -> Headline:
    """Verdict, size and class, apart from any alarms at the beginning of the verdict's first sentence."""
    wider = analysis.every_classical
    first, alarm = printable(analysis.verdict[0]), alarm_of(analysis.warnings)
    alarm, answer = (alarm, first.removeprefix(alarm).strip()) if first.startswith(alarm) else ("", first)
    strong = analysis.certified_against == "every-classical"
    compared = EVERY_CLASSICAL if strong else printable(analysis.class_compared)
    advantage = wider if wider and strong else analysis.advantage
    share = advantage.waiting_time_reduction_relative
    reason = answer.partition(": ")[2].removeprefix(f"less waiting than {compared}: ") or answer
    reason = reason[:1].upper() + reason[1:]
    if analysis.certified_against:
        size = f"{at_least(share)} less waiting".lstrip()  # the least; what certifies is chosen for looking large
        weaker = "Certified against memoryless classical routers only"  # older records do not say so
        word = weaker if answer.lower().startswith(weaker.lower()) else "Certified"
        return Headline(alarm, word, size, f"{size} than {compared}", reason)
    size = f"{less_or_more(share.estimate)} waiting"
    best = f"the best {compared.removeprefix('every ')}"
    if analysis.frontiers.classical_caveat:
        best = f"the bound proved on {compared}"
    return Headline(alarm, "Not certified", size, f"{size} than {best}", reason)


def _tiles(analysis: Analysis) -> list[tuple[str, Cell, Cell, str]]:
    """The name of each class, the strong one first, the share and the time saved, and log₁₀ p."""
    classes: list[tuple[str, Advantage | AgainstEveryClassical, float]] = [
        ("memoryless classical routers", analysis.advantage, analysis.certificate.log10_p_value)
    ]
    if wider := analysis.every_classical:
        classes.insert(0, ("every classical router", wider, wider.log10_p_value))
    return [
        (
            name,
            estimate_cell(advantage.waiting_time_reduction_relative, percent=True),
            estimate_cell(advantage.waiting_time_reduction, decimals=waiting_decimals(analysis)),
            log10_text(log10_p),
        )
        for name, advantage, log10_p in classes
    ]


def _figure_numbers(context: Context) -> dict[str, int]:
    """The number of each figure that the record has."""
    optional = [
        ("waiting", context.waiting_times),
        ("by_visibility", context.by_visibility),
        ("by_load", context.by_visibility and context.by_load),
    ]
    shown = ["idea", "frontier", *(name for name, there in optional if there), "correlators"]
    return {name: number for number, name in enumerate(shown, start=1)}


def _absent(analysis: Analysis) -> dict[str, str]:
    """A sentence for each optional part of the page on why it is absent; shown only if it is."""
    record = "This record does not hold it; `bellqueue report` of the run's folder works it out."
    waiting = (
        f"At load {analysis.frontiers.load:.3g} queues grow too long for a simulation of the size that a report makes."
    )
    if analysis.context is None or analysis.context.by_visibility is None:
        waiting = record
    elif any(math.isnan(each) for row in analysis.correlators.measured for each in row):
        waiting = "A pair of types was never measured, so the queues cannot be simulated with these outcomes."
    return {
        "waiting": waiting,
        "by_visibility": record,
        "by_load": "How the advantage depends on the load is not shown: with this many types the classical frontier at "
        "every load takes too long to find. `bellqueue sweep` computes it.",
    }


def _sections(analysis: Analysis) -> list[Section]:
    return [
        certificate_section(analysis.certificate, analysis.every_classical),
        diagnostics_section(analysis),
        *([bell_pairs_section(analysis.bell_pairs)] if analysis.bell_pairs else []),
        *([latency_section(analysis.break_even)] if analysis.break_even else []),
        *([pairs_section(analysis.parallel, analysis.certificate)] if analysis.parallel else []),
    ]


def _correlators(analysis: Analysis) -> list[tuple[str, ...]]:
    """Rows of the table, their columns named in the template; none if there are too many to read."""
    record = analysis.correlators
    names_a, names_b = analysis.frontiers.types_a, analysis.frontiers.types_b
    drawn = analysis.measured.input_distribution if analysis.measured else None
    if len(names_a) * len(names_b) > MAX_CORRELATOR_ROWS:
        return []
    return [
        (
            name_a,
            name_b,
            NONE if drawn is None else f"{100 * drawn[x][y]:.3g} %",
            str(record.trials[x][y]),
            _with_error(record.measured[x][y], record.standard_error[x][y]),
            NONE if record.ideal is None else f"{record.ideal[x][y]:.4f}",
        )
        for x, name_a in enumerate(names_a)
        for y, name_b in enumerate(names_b)
    ]


def _with_error(value: float, error: float) -> str:
    """Value ± standard error, to two digits of the error."""
    if math.isnan(value):
        return "not measured"
    if error <= 0:
        return f"{value:.4f}"
    decimals = min(max(0, 1 - math.floor(math.log10(error))), 12)
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"
