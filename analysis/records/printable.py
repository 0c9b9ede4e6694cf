"""Other people's text made fit to be shown: names and titles of scenarios, messages of providers."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from itertools import accumulate

from ...model.printable import printable

_SIGN = re.compile(r"(?<![\w.])-(?=[\d.]|inf\b)|(?<=\de)-(?=\d)")


def signs(text: str) -> str:
    """The text with true minus signs before its numbers, for people; JSON, CSV and what is to be typed keep hyphens."""
    return _SIGN.sub("\N{MINUS SIGN}", text)


def short(text: str, width: int) -> str:
    """The text on one line, cut where it would be wider than so many letters; East Asian ones count as two."""
    clean = printable(text)
    return clean if _fitting(clean, width) == len(clean) else clean[: _fitting(clean, width - 1)] + "…"


def folded(text: str, width: int, most: int) -> list[str]:
    """The text on at most so many lines of a width, broken at spaces where there are any; what is left over is cut."""
    rest = printable(text)
    lines: list[str] = []
    while len(lines) < most - 1 and (end := _fitting(rest, width)) < len(rest):
        space = rest.rfind(" ", 0, end + 1)
        end = space if space > 0 else end
        lines.append(rest[:end])
        rest = rest[end:].lstrip()
    return [*lines, short(rest, width)]


def _fitting(text: str, width: int) -> int:
    """How many letters of a text fit a width."""
    ends = accumulate(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
    return bisect_right(list(ends), width)
