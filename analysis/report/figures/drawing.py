"""How figures are drawn and written: one style, reproducible files, SVG to put into a page."""

from __future__ import annotations

import hashlib
import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....model.errors import OutputError
from ....model.estimate import Estimate
from ....model.printable import printable
from ....model.writing import check_writable_file, write_bytes
from ...records.analysis_record import Visibility
from ...records.printable import signs
from .style import figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_SUFFIXES = (".png", ".svg", ".pdf")
WIDTH = 4.6  # inches: one journal column, and still legible on a phone
# Okabe–Ito colours. Line styles, widths and markers alone tell curves apart in greyscale; on the page the style sheet
# puts a variable in the place of each of these (report.css), so that light, dark and print have their own.
INK, GREY, BLUE, GREEN, ORANGE = "#000000", "#666666", "#0072B2", "#009E73", "#D55E00"
CURVES: dict[str, dict[str, Any]] = {  # the look of each frontier, in every figure
    "classical": {"color": INK, "linewidth": 1.4, "marker": "s"},
    "quantum": {"color": BLUE, "linestyle": (0, (7, 2)), "linewidth": 2.0},
    "every-classical": {"color": INK, "linestyle": (0, (1, 1.5)), "linewidth": 1.4},
    "communication": {"color": GREEN, "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 1.4},
}
OBSERVED: dict[str, Any] = {"color": ORANGE, "markeredgecolor": INK, "markersize": 6, "zorder": 5}
_FAMILY = "DejaVu Sans, Verdana, Arial, sans-serif"
_SVG = "http://www.w3.org/2000/svg"


@contextmanager
def new_figure(height: float, width: float = WIDTH) -> Iterator[Figure]:
    """A figure in our style, its sides in inches, which notebooks show without pyplot."""
    from .shown_figure import ShownFigure

    with figure_style():
        yield ShownFigure(figsize=(width, height), layout="constrained")


def describe(figure: Figure, title: str, description: str) -> None:
    """Give a figure a title and a description, for readers who cannot see it."""
    figure.set_label(f"{printable(title)}\n{signs(printable(description))}")


def percent(share: float, _: float) -> str:
    """The label of a tick in percent."""
    return signs(f"{100 * share:g} %")


def error_bars(found: Sequence[Estimate | Visibility]) -> NDArray[np.float64]:
    """How far the limits lie below and above the estimates, shape (2, k)."""
    return np.array([[each.estimate - each.low, each.high - each.estimate] for each in found]).T


def labelled_rows(ax: Axes, names: Sequence[str], ideal: tuple[str, ArrayLike] | None) -> None:
    """A row with a name for each value, the first on top; what was planned as open diamonds, with their label."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    if ideal:
        label, values = ideal
        ax.plot(values, range(len(names)), "D", markersize=8, markerfacecolor="none", color=BLUE, label=label)


def log_ticks(axis: Axis) -> None:
    """Plain numbers at 1, 2 and 5 of each decade of a logarithmic axis."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as .png, .svg or .pdf; the same figure gives the same bytes.

    Raises:
        OutputError: another suffix, or the file cannot be written.
    """
    target = Path(path)
    write_bytes(target, figure_bytes(figure, check_suffix(target)))


def check_figure_file(path: Path) -> None:
    """Refuse a place where no figure can be written, before any work is done for it.

    Raises:
        OutputError: its suffix is none of ours, or as in `check_writable_file`.
    """
    check_suffix(path)
    check_writable_file(path)


def check_suffix(target: Path) -> str:
    """The suffix of a figure's file.

    Raises:
        OutputError: it is none of ours.
    """
    suffix = target.suffix.lower()
    if suffix not in _SUFFIXES:
        raise OutputError(f"{target}: the name of a figure must end in {' or '.join(_SUFFIXES)}")
    return suffix


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """The figure as a file of that suffix, .png, .svg or .pdf; the same figure gives the same bytes."""
    return svg_file(svg_text(figure)).encode() if suffix == ".svg" else _binary(figure, suffix)


def svg_text(figure: Figure) -> str:
    """The figure as one <svg> element to put into a page: no prolog, no style of its own but attributes, own ids.

    What `describe` said becomes its <title> and <desc>. All ids start with a digest of the content, so that two figures
    on a page do not clash. Colours are attributes, which any style sheet outranks.
    """
    buffer = io.StringIO()
    _print(figure, buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = buffer.getvalue()
    root = ElementTree.fromstring(drawn)
    prefix = f"f{hashlib.sha256(drawn.encode()).hexdigest()[:10]}-"
    for element in root.iter():
        _make_local(element, prefix)
    _remove_page_wide(root)
    title, _, description = str(figure.get_label()).partition("\n")
    for at, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, {"id": f"{prefix}{tag}"})
        element.text = text
        root.insert(at, element)
    root.attrib |= {"xmlns": _SVG, "role": "img", "aria-labelledby": f"{prefix}title {prefix}desc"}
    return ElementTree.tostring(root, encoding="unicode")


def svg_file(drawn: str) -> str:
    """A file of its own of what `svg_text` gave."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n{drawn}\n'


def _print(figure: Figure, buffer: Any, **keywords: Any) -> None:
    with figure_style():
        figure.savefig(buffer, dpi=200, **keywords)
    figure.set_layout_engine("none")  # its parts stay where this layout put them


def _binary(figure: Figure, suffix: str) -> bytes:
    """PNG or PDF without dates or versions."""
    buffer = io.BytesIO()
    title = printable(str(figure.get_label()).partition("\n")[0])
    dated: dict[str, str | None] = {"CreationDate": None, "Producer": None, "Creator": "bellqueue", "Title": title}
    metadata = dated if suffix == ".pdf" else {"Software": None, "Title": title}
    _print(figure, buffer, format=suffix[1:], facecolor="white", metadata=metadata)
    return buffer.getvalue()


def _make_local(element: ElementTree.Element, prefix: str) -> None:
    """Strip namespaces (xlink:href becomes href), prefix ids and the references to them, turn styles into attributes.

    The page's policy allows no style attribute; attributes say the same, and a style sheet may overrule them.
    """
    element.tag = str(element.tag).rpartition("}")[2]
    attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    for declaration in attributes.pop("style", "").split(";"):
        name, _, value = declaration.partition(":")
        if value and name.strip() != "font-family":  # set once at the root
            attributes[name.strip()] = value.strip()
    if "image-rendering" in attributes:
        attributes["image-rendering"] = "optimizeSpeed"  # SVG's own word for sharp pixels
    if "id" in attributes:
        attributes["id"] = prefix + attributes["id"]
    for name, value in attributes.items():
        if name == "href" and value.startswith("#"):
            attributes[name] = f"#{prefix}{value[1:]}"
        elif "url(#" in value:
            attributes[name] = value.replace("url(#", f"url(#{prefix}")
    element.attrib = attributes


def _remove_page_wide(root: ElementTree.Element) -> None:
    """Drop the metadata, and the style sheet, which would hold for the whole page; the root says the same."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):
                parent.remove(child)
    root.attrib |= {"stroke-linejoin": "round", "stroke-linecap": "butt", "font-family": _FAMILY}
