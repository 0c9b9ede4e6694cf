"""Tables for terminals of any width: where one is too narrow for whole words, line stands under line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_UNLIMITED, _NARROW = 10_000, 60  # columns


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
