"""Tables of an analysis as text, for the terminal and the report alike."""

from __future__ import annotations

from dataclasses import dataclass

NONE = "–"


@dataclass(frozen=True)
class Cell:
    """One value as text.

    Attributes:
        value: The estimate, or words.
        limits: Its confidence limits, or empty.
    """

    value: str
    limits: str = ""


@dataclass(frozen=True)
class Section:
    """A table of an analysis, for the terminal and the report alike.

    Attributes:
        title: What it is about.
        columns: Headings; the first is that of the row names.
        rows: The name of each row, with unit, and its cells: one fewer than there are columns.
        note: What the table leaves open, in a sentence.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    note: str = ""
