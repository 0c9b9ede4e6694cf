"""SVG text: elements with their attributes escaped, coordinates to a tenth of a pixel, text cut to its place."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import ArrayLike

from ...records.printable import printable

_WIDE = 1.0  # of the font size, East Asian letters
_LETTER = 0.6  # of the font size, on average in the sans-serif fonts of today's systems


def element(name: str, *content: str | Markup, **attributes: object) -> Markup:
    """<name …>content</name>; content and values are escaped unless they are Markup, `_` in names becomes `-`.

    `class_` stands for class; attributes that are None are left out.
    """
    given = "".join(
        f' {key.removesuffix("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(escape(part) for part in content)
    return Markup(f"<{name}{given}>{inside}</{name}>") if content else Markup(f"<{name}{given}/>")


def picture(name: str, size: tuple[float, float], title: str, description: str, *content: Markup) -> Markup:
    """An <svg> that is one image to those who do not see it, told by its title and description.

    Args:
        name: Prefix of its ids, unlike that of any other picture of the page.
        size: Width and height of its coordinates.
        title, description: What it is, and what it shows.
        content: Its elements.
    """
    ids = f"{name}-title", f"{name}-desc"
    return element(
        "svg",
        element("title", printable(title), id=ids[0]),
        element("desc", printable(description), id=ids[1]),
        *content,
        id=name,
        viewBox=f"0 0 {_text(size[0])} {_text(size[1])}",
        role="img",
        aria_labelledby=f"{ids[0]} {ids[1]}",
    )


def path(x: ArrayLike, y: ArrayLike, *, closed: bool = False, step: bool = False) -> str:
    """The `d` of a line through points; with `step` a staircase that turns at each next x."""
    across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if step:
        across, up = np.repeat(across, 2)[1:], np.repeat(up, 2)[:-1]
    points = [f"{_text(a)} {_text(b)}" for a, b in zip(across.tolist(), up.tolist(), strict=True)]
    kept = [point for at, point in enumerate(points) if at == 0 or point != points[at - 1]]
    return "M" + "L".join(kept) + ("Z" if closed else "")


def fitted(text: str, width: float, size: float) -> str:
    """The text on one line, cut where it would be wider than `width` at a font of that size."""
    clean = printable(text)
    if text_width(clean, size) <= width:
        return clean
    while clean and text_width(clean + "…", size) > width:
        clean = clean[:-1]
    return clean.rstrip() + "…"


def text_width(text: str, size: float) -> float:
    """About how wide a text is."""
    return size * sum(_WIDE if unicodedata.east_asian_width(letter) in "WF" else _LETTER for letter in text)


def ticks(low: float, high: float, most: int) -> tuple[list[float], list[str]]:
    """Round numbers in [low, high], at most so many, with as many decimals as their step needs."""
    span = high - low
    if not (np.isfinite(span) and span > 0):
        return [low], [f"{low:.4g}"]
    power = 10.0 ** np.floor(np.log10(span / most))
    step = next(power * share for share in (1, 2, 2.5, 5, 10) if span / (power * share) <= most)
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    values = [float(step * index) for index in range(first, last + 1)]
    decimals = max(0, int(np.ceil(-np.log10(step) - 1e-9)) + (round(step / power, 1) == 2.5))
    if max(abs(low), abs(high)) >= 1e6 or decimals > 7:
        return values, [f"{value:.4g}" for value in values]
    return values, [f"{value + 0.0:.{decimals}f}".replace("-", "−") for value in values]


def _text(value: object) -> str:
    """A number to a tenth of a pixel; anything else as it is."""
    if isinstance(value, float):
        text = f"{value:.1f}"
        return text.removesuffix(".0") if text != "-0.0" else "0"
    return str(value)


def joined(parts: Sequence[Markup]) -> Markup:
    """Elements one after the other."""
    return Markup("").join(parts)
