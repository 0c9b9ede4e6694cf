"""What `link` prints: whether the link suffices, on one screen, every table, or the published links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import shorten, wrap
from typing import Any

from rich.console import RenderableType

from ....analysis.records.link_record import LinkRecord
from ....analysis.records.printable import signs
from ....analysis.report.tables.link import criterion_texts, least_texts, link_sections, result_rows
from ....analysis.report.tables.section import NONE
from ....model.printable import printable
from .first_screen import WIDTH
from .sections import titled_sections

_NAME, _PASSED, _VALUE = 39, 5, 12  # columns
# Criteria in words that need no paper.
_PLAIN = {
    "decision before light could bring a message": "decided before light brings word",
    "a message takes longer than break-even": "too far apart to ask first",
    "fidelity when heralded": "fidelity of a new Bell pair",
    "mean visibility when used": "its visibility when used",
    "trials while the surroundings stay the same": "request pairs while nothing changes",
}
_WHOLE = "\N{NO-BREAK SPACE}"
_AT_MOST = {"decision before light could bring a message"}
_RESTS = "Model: requests and Bell pairs come at random (Poisson), pairs fade to noise."
_FIGURES = {"pairs_per_second": 6, "fidelity": 7, "memory_seconds": 5, "distance_km": 6}  # and their columns


def link_lines(record: LinkRecord, ends: Sequence[str]) -> list[str]:
    """The verdict, formula beside simulation, what a deployment needs, and the least hardware."""
    name = f"; {record.link.name}" if record.link.name else ""
    lines = [*_wrapped(record.verdict.replace(" %", f"{_WHOLE}%")), ""]
    lines.append(shorten(printable(f"{record.title}{name}"), WIDTH, placeholder=" …"))
    lines.append(f"{'':{_NAME}}{'by formula':{_VALUE}}simulated (95 % limits)")
    for label, formula, cell in result_rows(record, brief=True):
        simulated = f"{cell.value} ({cell.limits})" if cell.limits else cell.value
        lines.append(signs(f"{label:{_NAME}}{formula:{_VALUE}}{simulated}"))
    lines += ["", f"{'what a deployment needs':{_NAME + _PASSED}}{'it has':{_VALUE}}{'limit':{_VALUE}}margin"]
    for criterion, passed, value, needed, margin in criterion_texts(record):
        sign = ("< " if criterion in _AT_MOST else "> ") if needed[0].isdigit() else ""
        plain = f"  {_PLAIN.get(criterion, criterion)}"
        row = f"{plain:{_NAME}}{passed:{_PASSED}}{value:{_VALUE}}{sign + needed:{_VALUE}}{margin}"
        lines.append(signs(row.rstrip()))
    found = [f"any {name}" if text == "any" else f"{name} {text}" for name, text in least_texts(record)]
    least = "; ".join(found).replace(" ", _WHOLE).replace(f";{_WHOLE}", "; ") or "no figure alone would do"
    lines += ["", *_wrapped(f"Least that saves, all else as it is: {least}.")]
    if record.reason_without_every_classical:
        lines += _wrapped(f"Only memoryless routers are compared: {record.reason_without_every_classical}.")
    return [*lines, _RESTS, *ends]


def _wrapped(text: str) -> list[str]:
    """On lines of a screen; what hangs together stays on one."""
    lines = wrap(signs(text), WIDTH, subsequent_indent="  " if text.startswith(("Least", "Only")) else "")
    return [line.replace(_WHOLE, " ") for line in lines]


def link_tables(record: LinkRecord) -> RenderableType:
    """Every table."""
    about = [f"Scenario: {record.title}. Seed of the simulation: {record.provenance.seed}."]
    if record.reason_without_every_classical:
        about.append(f"Only memoryless routers are compared: {record.reason_without_every_classical}.")
    return titled_sections(signs(record.verdict), about, link_sections(record))


def published_lines(links: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The published links, with what their sources say."""
    yield "Published links: Bell pairs per s, fidelity F, memory in s, km between the nodes"
    yield f"{'link':23}{_columns(('per s', 'F', 'mem.', 'km'))} source"
    for name, link in links.items():
        figures = [f"{link[figure]:g}" if figure in link else NONE for figure in _FIGURES]
        yield f"{name:23}{_columns(figures)} {link['source']}"
    yield f"{NONE} is not known; add what you assume: --link munich-atoms-2022,memory_seconds=1"


def _columns(texts: Sequence[str]) -> str:
    return "".join(f"{text:>{width}}" for text, width in zip(texts, _FIGURES.values(), strict=True))
