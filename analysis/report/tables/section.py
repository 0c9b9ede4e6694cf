"""The one shape in which records become text: sections of rows and cells, for terminal, notebook and report alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ....model.estimate import Estimate
from ...records.analysis_record import Visibility

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


def two_columns(title: str, rows: Sequence[tuple[str, Cell]], note: str = "") -> Section:
    """A section of names and values, which needs no headings."""
    return Section(title, ("", "value"), tuple((name, (cell,)) for name, cell in rows), note)


def estimate_cell(value: Estimate | Visibility, *, percent: bool = False) -> Cell:
    """An estimate with its limits, to two digits of the limits' half-width."""
    scale = 100.0 if percent else 1.0
    scaled = Estimate(scale * value.estimate, scale * value.low, scale * value.high)
    unit = " %" if percent else ""
    low, high = number_text(scaled.low, scaled), number_text(scaled.high, scaled)
    return Cell(number_text(scaled.estimate, scaled) + unit, f"{low} … {high}{unit}" if low != high else "")


def bound_text(low: float, high: float) -> str:
    """An interval that holds a bound: its ends, or its middle and half-width where they all but agree."""
    half = (high - low) / 2
    if half > 1e-5 * max(abs(low), abs(high)):
        return f"[{low:.6g}, {high:.6g}]"
    return f"{(low + high) / 2:.6g} ± {half:.1g}"


def number_text(value: float, interval: Estimate) -> str:
    """A number with as many decimals as its interval leaves certain."""
    if math.isnan(value):
        return NONE
    half = (interval.high - interval.low) / 2
    if not (math.isfinite(half) and half > 0) or abs(value) >= 1e9:
        return f"{value:.6g}"
    decimals = min(max(0, 1 - math.floor(math.log10(half))), 12)
    return f"{value:.{decimals}f}"


def share_beside(value: float, observed: Estimate) -> str:
    """A share in percent, with as many digits as the one observed has."""
    percent = Estimate(100 * observed.estimate, 100 * observed.low, 100 * observed.high)
    return f"{number_text(100 * value, percent)} %"
