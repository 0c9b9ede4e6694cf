"""What `link` prints: whether the link suffices, on one screen, every table, or the published links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import shorten, wrap
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from ....analysis.records.link_record import LinkRecord
from ....analysis.records.printable import printable, signs
from ....analysis.report.tables.link import criterion_texts, least_texts, link_sections, result_rows
from ....analysis.report.tables.section import NONE, Cell, Section
from .first_screen import WIDTH
from .sections import shown_section

_NAME, _VALUE = 40, 12  # columns
# Criteria in words that need no paper.
_PLAIN = {
    "decision before light could bring a message": "decided before light brings a message",
    "a message takes longer than break-even": "a message takes too long to ask first",
    "fidelity when heralded": "fidelity of a Bell pair when heard of",
    "mean visibility when used": "its visibility when used",
    "trials while the surroundings stay the same": "request pairs while nothing changes",
}
_AT_MOST = {"decision before light could bring a message"}
_FIGURES = {
    "pairs_per_second": "pairs/s",
    "fidelity": "fidelity",
    "memory_seconds": "memory s",
    "distance_km": "km",
}


def link_lines(record: LinkRecord, ends: Sequence[str]) -> list[str]:
    """The verdict, formula beside simulation, what a deployment needs, and the least hardware."""
    name = f"; {record.link.name}" if record.link.name else ""
    lines = [*wrap(signs(record.verdict), WIDTH), ""]
    lines.append(shorten(printable(f"{record.title}{name}"), WIDTH, placeholder=" …"))
    lines.append(f"{'':{_NAME}}{'by formula':{_VALUE}}simulated (95 % limits)")
    for label, formula, cell in result_rows(record):
        simulated = f"{cell.value} ({cell.limits})" if cell.limits else cell.value
        lines.append(signs(f"{label:{_NAME}}{formula:{_VALUE}}{simulated}"))
    lines += ["", f"{'what a deployment needs':{_NAME}}{'':4}{'it has':{_VALUE}}{'limit':{_VALUE + 2}}margin"]
    for criterion, passed, value, needed, margin in criterion_texts(record):
        sign = ("< " if criterion in _AT_MOST else "> ") if needed[0].isdigit() else ""
        row = f"  {_PLAIN.get(criterion, criterion):{_NAME - 2}}{passed:4}{value:{_VALUE}}{sign + needed:{_VALUE + 2}}"
        lines.append(signs((row + margin).rstrip()))
    least = "; ".join(f"{name} {text}" for name, text in least_texts(record))
    lines += ["", *wrap(signs(f"Least that still saves, all else as it is: {least}."), WIDTH, subsequent_indent="  ")]
    lines += wrap("It rests on Poisson requests and Bell pairs, and pairs that fade exponentially to noise.", WIDTH)
    return [*lines, *ends]


def link_tables(record: LinkRecord) -> RenderableType:
    """Every table."""
    about = f"Scenario: {record.title}. Seed of the simulation: {record.provenance.seed}."
    parts: list[RenderableType] = [Text(signs(record.verdict), style="bold"), Text(), Text(printable(about)), Text()]
    for section in link_sections(record):
        parts += shown_section(section)
    return Group(*parts)


def published_table(links: Mapping[str, Mapping[str, Any]]) -> RenderableType:
    """The published links, with what their sources say."""
    rows = [
        (
            name,
            (
                *(Cell(f"{link[figure]:g}" if figure in link else NONE) for figure in _FIGURES),
                Cell(f"{link['platform']}, {link['year']}"),
                Cell(link["source"]),
            ),
        )
        for name, link in links.items()
    ]
    note = "– is not known: add what you assume, for example --link munich-atoms-2022,memory_seconds=1."
    columns = ("link", *_FIGURES.values(), "platform", "source")
    return Group(*shown_section(Section("Published links", columns, tuple(rows), note)))
