"""The report: one HTML file that a colleague can read without having run anything, and without a network."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from .bell_pairs import bell_pairs_section
from .drawing import printable, scrub, svg_text
from .figures import correlator_figure, frontier_figure
from .record import Analysis, WiderRival
from .table import (
    NONE,
    Section,
    advantage_section,
    certificate_section,
    comparison_section,
    diagnostics_section,
    estimate_cell,
    latency_section,
    pairs_section,
)

MAX_CORRELATOR_ROWS = 256  # type pairs listed one by one; beyond, the figure shows them and the JSON record has them


@dataclass(frozen=True)
class _Correlator:
    """One row of the table of correlators, as text."""

    type_a: str
    type_b: str
    trials: str
    measured: str
    ideal: str


def report_html(analysis: Analysis) -> str:
    """The report as one self-contained page: inline figures and style, no script, no request to anywhere.

    Whatever the record holds is escaped; the same record gives the same text.
    """
    alarm, answer = _headline(analysis)
    page = _template().render(
        analysis=analysis,
        alarm=alarm,
        answer=answer,
        saved=estimate_cell(analysis.advantage.waiting_time_reduction),
        saved_relative=estimate_cell(analysis.advantage.waiting_time_reduction_relative, percent=True),
        observed=estimate_cell(analysis.observed.waiting_time),
        classical=estimate_cell(analysis.classical.waiting_time_at_equal_throughput),
        quantum=estimate_cell(analysis.quantum.waiting_time_at_equal_throughput),
        throughput=estimate_cell(analysis.observed.baseline_throughput),
        rival_sentences=_rival_sentences(analysis),
        rival_ahead=any(not _waits_less(analysis, rival) for rival in analysis.frontiers.wider_rivals),
        frontier_svg=Markup(svg_text(frontier_figure(analysis.frontiers, analysis))),  # escaped as XML already
        correlator_svg=Markup(svg_text(correlator_figure(analysis))),
        sections=_sections(analysis),
        correlators=_correlators(analysis),
        bell_pairs=analysis.scenario.get("experiment", {}).get("bell_pairs", 1),
        pairs=len(analysis.frontiers.types_a) * len(analysis.frontiers.types_b),
        provenance=_provenance(analysis),
        calibration=_json(analysis.provenance.calibration) if analysis.provenance.calibration else "",
        scenario=_json(analysis.scenario),
    )
    return scrub(page)


def _template() -> Template:
    source = resources.files(__package__).joinpath("templates", "report.html.j2").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)


def _headline(analysis: Analysis) -> tuple[str, str]:
    """The verdict's first sentence, the alarms that lead it apart from the answer."""
    first = printable(analysis.verdict[0])
    alarm = " ".join(f"{printable(warning)}." for warning in analysis.warnings)
    return (alarm, first.removeprefix(alarm).strip()) if first.startswith(alarm) else ("", first)


def _sections(analysis: Analysis) -> list[Section]:
    several = [pairs_section(analysis.parallel, analysis.certificate)] if analysis.parallel else []
    return [
        comparison_section(analysis),
        advantage_section(analysis),
        *([bell_pairs_section(analysis.bell_pairs)] if analysis.bell_pairs else []),
        *([latency_section(analysis.break_even)] if analysis.break_even else []),
        certificate_section(analysis.certificate),
        diagnostics_section(analysis),
        *several,
    ]


def _rival_sentences(analysis: Analysis) -> list[str]:
    """For every wider rival: what it needs at the observed throughput, which waits less, and how it was found."""
    sentences = []
    for rival in analysis.frontiers.wider_rivals:
        needed = rival.waiting_time_at_equal_throughput
        label, method = printable(rival.label), printable(rival.method)
        if needed is None:
            sentences.append(f"Numerical, {label}: no value at the observed throughput. Method: {method}.")
            continue
        relation = "no less than this rival: the advantage does not stand against it"
        if _waits_less(analysis, rival):
            relation = "less than this rival"
        cell = estimate_cell(needed)
        told = f"Numerical, {label}: needs {cell.value} ({cell.limits or 'no interval'}) units of time"
        sentences.append(f"{told}; the observed point waits {relation}. Method: {method}.")
    return sentences


def _waits_less(analysis: Analysis, rival: WiderRival) -> bool:
    """Whether the observed point waits less than the rival at equal throughput, as far as is known."""
    needed = rival.waiting_time_at_equal_throughput
    return needed is None or analysis.observed.waiting_time.estimate < needed.estimate


def _correlators(analysis: Analysis) -> list[_Correlator]:
    """Rows of the table, or none where there are too many to read."""
    record = analysis.correlators
    names_a, names_b = analysis.frontiers.types_a, analysis.frontiers.types_b
    if len(names_a) * len(names_b) > MAX_CORRELATOR_ROWS:
        return []
    return [
        _Correlator(
            name_a,
            name_b,
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


def _provenance(analysis: Analysis) -> list[tuple[str, str]]:
    """Name and value of everything known about where the numbers come from."""
    origin = analysis.provenance
    known = [
        ("Data", origin.source),
        ("Analysed", origin.created),
        ("Backend", origin.backend),
        ("Device", origin.device),
        ("Qubits", None if origin.qubits is None else ", ".join(str(qubit) for qubit in origin.qubits)),
        ("Seed", None if origin.seed is None else str(origin.seed)),
        ("bellqueue version", origin.bellqueue_version),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in sorted(origin.libraries.items())) or None),
        ("Scenario (SHA-256)", origin.scenario_hash),
        ("Content (SHA-256)", origin.content_hash),
    ]
    return [(name, value) for name, value in known if value is not None]


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)
