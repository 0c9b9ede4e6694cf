"""Records as text: sections of rows and cells, the same for terminal, notebook and report."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ....model.estimate import Estimate, Toward, rounded, significant
from ...records.analysis_record import Visibility

NONE = "–"
_OUTWARD: tuple[Toward, Toward, Toward] = ("down", "nearest", "up")


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


Row = tuple[str, Cell | str]  # of two columns


def section(
    title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, Iterable[Cell | str]]], note: str = ""
) -> Section:
    """A section of cells; plain text is a cell without limits."""
    filled = ((name, tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells)) for name, cells in rows)
    return Section(title, columns, tuple(filled), note)


def two_columns(title: str, rows: Iterable[Row], note: str = "") -> Section:
    """A section of names and values, which needs no headings."""
    return section(title, ("", "value"), ((name, [cell]) for name, cell in rows), note)


def estimate_cell(value: Estimate | Visibility, *, percent: bool = False, decimals: int | None = None) -> Cell:
    """An estimate with its limits, rounded outward; to two digits of the limits' half-width if not to `decimals`."""
    unit = " %" if percent else ""
    low, middle, high = (
        number_text(each, value, toward, percent=percent, decimals=decimals)
        for each, toward in zip((value.low, value.estimate, value.high), _OUTWARD, strict=True)
    )
    return Cell(middle + unit, f"{low} … {high}{unit}" if value.low != value.high else "")


def bound_text(low: float, high: float) -> str:
    """An interval that holds a bound: its ends, or its middle and half-width if they all but agree."""
    half = (high - low) / 2
    if half > 1e-5 * max(abs(low), abs(high)):
        return f"[{significant(low, 6, 'down')}, {significant(high, 6, 'up')}]"
    middle = float(rounded((low + high) / 2, 1 - math.floor(math.log10(half)))) if half else low
    return f"{middle:.15g} ± {significant(max(high - middle, middle - low), 1, 'up')}"


def number_text(
    value: float,
    interval: Estimate | Visibility,
    toward: Toward = "nearest",
    *,
    percent: bool = False,
    decimals: int | None = None,
) -> str:
    """A number, or its percentage, with the decimals that its interval leaves certain or those asked for."""
    if math.isnan(value):
        return NONE
    certain = certain_decimals(interval, percent=percent)
    if certain is None or abs(value) >= 1e9:
        return f"{100 * value if percent else value:.6g}"
    return rounded(value, certain if decimals is None else decimals, toward, percent=percent)


def certain_decimals(interval: Estimate | Visibility, *, percent: bool = False) -> int | None:
    """Decimals that show two digits of an interval's half-width; None if it has no width."""
    half = (100 if percent else 1) * (interval.high - interval.low) / 2
    if not (math.isfinite(half) and half > 0):
        return None
    return min(max(0, 1 - math.floor(math.log10(half))), 12)


def share_beside(value: float, observed: Estimate) -> str:
    """A share in percent, with as many digits as the one observed has."""
    return f"{number_text(value, observed, percent=True)} %"


def log10_text(log10_p: float) -> str:
    """The logarithm of a p-value; -0.0 loses its sign."""
    return f"{log10_p + 0.0:.4g}"


def certified_text(certified: bool) -> str:
    """Whether an advantage is certified, in words."""
    return "certified" if certified else "not certified"


def alarm_text(alarm: bool) -> str:
    """Whether a test raises an alarm, in words."""
    return "ALARM" if alarm else "no alarm"
