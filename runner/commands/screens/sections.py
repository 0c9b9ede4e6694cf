"""Sections of text as a terminal of any width shows them; where a table would break words, each row becomes lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ....analysis.menus.records import MenuAnalysis
from ....analysis.records.analysis_record import Analysis
from ....analysis.records.frontier_record import FrontierRecord
from ....analysis.records.printable import folded, signs
from ....analysis.report.tables.analysis import analysis_sections
from ....analysis.report.tables.frontiers import frontier_sections
from ....analysis.report.tables.menu import menu_sections
from ....analysis.report.tables.section import Cell, Section
from ....model.printable import printable

_UNLIMITED, _NARROW, _NAME = 10_000, 60, 16  # columns


def analysis_table(analysis: Analysis | MenuAnalysis) -> RenderableType:
    """The verdict in words, then the tables of numbers; legible at 80 columns and without colour."""
    first, *rest = (signs(printable(sentence)) for sentence in analysis.verdict)
    about = f"Scenario: {analysis.title}. Data: {analysis.provenance.source}."
    if said := analysis.provenance.described:
        about += f" Source as declared: {said}"
    last = rest[1:]
    if isinstance(analysis, MenuAnalysis):
        sections = menu_sections(analysis)
        last += [analysis.knows, analysis.shares, analysis.compared]
    else:
        sections = analysis_sections(analysis)
    return Group(titled_sections(first, [about], sections), *map(Text, last))


def frontier_table(record: FrontierRecord) -> RenderableType:
    """Where entanglement helps in a scenario, and the exact vertices of its classical frontier."""
    return titled_sections(printable(record.title), [], frontier_sections(record))


def titled_sections(title: str, about: Sequence[str], sections: Iterable[Section]) -> Group:
    """Sections below a title and sentences about them."""
    parts: list[RenderableType] = [Text(title, style="bold"), Text()]
    for sentence in about:
        parts += [Text(printable(sentence)), Text()]
    for section in sections:
        parts += shown_section(section)
    return Group(*parts)


def comparison_screen(section: Section) -> RenderableType:
    """A table of runs, whose names are folded: those of folders are long and have no spaces."""
    rows = tuple(("\n".join(folded(name, _NAME, 3)), cells) for name, cells in section.rows)
    return Group(*shown_section(replace(section, rows=rows)))


def shown_section(section: Section) -> list[RenderableType]:
    """As rich shows it; Text objects throughout, so that brackets in names are no markup."""
    pairs = section.columns == ("", "value")
    table = Table(title=Text(section.title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.show_header, table.show_edge = not pairs, False
    rows = [(name, *map(_in_pair if pairs else _in_column, cells)) for name, cells in section.rows]
    for at, column in enumerate(section.columns):
        lines = [column, *(line.replace(" %", "") for row in rows for line in row[at].splitlines())]
        whole = all(" " not in line for line in lines)  # rich would break such numbers before it breaks any words
        table.add_column(Text(column), overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*map(Text, row))
    return [Fitting(table), *([Text(signs(section.note))] if section.note else []), Text()]


def _in_pair(cell: Cell) -> str:
    return signs(f"{cell.value}  ({cell.limits})" if cell.limits else cell.value)


def _in_column(cell: Cell) -> str:
    """Limits under the estimate and set tight: four such columns fit into 80 characters."""
    return signs(f"{cell.value}\n{cell.limits}" if cell.limits else cell.value).replace(" … ", "…")


@dataclass(frozen=True, eq=False)
class Fitting:
    """A table, as it is or, where that would break words and numbers, with the cells of each row below its name."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wanted = Measurement.get(console, options.update(max_width=_UNLIMITED), self.table)
        # rich narrows the widest column first, whatever its words: with several it breaks some before it must.
        tight = options.max_width < _NARROW and len(self.table.columns) > 2 and wanted.maximum > options.max_width
        if tight or wanted.minimum > options.max_width:
            yield from self._stacked()
        else:
            yield self.table

    def _stacked(self) -> Iterator[RenderableType]:
        if self.table.title:
            yield self.table.title
        headings = [_plain(column.header) if self.table.show_header else "" for column in self.table.columns]
        for row in zip(*(column.cells for column in self.table.columns), strict=True):
            for place, (heading, cell) in enumerate(zip(headings, row, strict=True)):
                line = Text((f"{heading}: " if heading else "") + _plain(cell))
                yield Padding(line, (0, 0, 0, 4)) if place else line
        yield Text()  # as below a table


def _plain(cell: RenderableType) -> str:
    return " ".join((cell.plain if isinstance(cell, Text) else str(cell)).split("\n"))
