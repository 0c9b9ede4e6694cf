"""Figures of an analysis: the frontiers with the observed point, the correlators; as files or as SVG for a page."""

from __future__ import annotations

import hashlib
import io
import unicodedata
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..model.errors import OutputError
from .record import Analysis, FrontierRecord, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

MAX_LABELLED_PAIRS = 16  # type pairs that still get a labelled row each; more become a map
_SUFFIXES = (".png", ".svg", ".pdf")
_SVG = "http://www.w3.org/2000/svg"
_WIDTH = 5.4  # inches: one journal column, and still legible at the width of a phone
_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "text.parse_math": False,  # titles and type names are other people's: a $ in one is a $
    "pdf.fonttype": 42,
    "svg.fonttype": "none",  # text stays text: searchable, selectable, and read aloud
    "svg.hashsalt": "bellqueue",
}

# Okabe–Ito colours. Line styles, widths and markers alone tell the curves apart in greyscale.
_BLACK, _BLUE, _SKY, _GREEN, _AMBER, _ORANGE, _PURPLE = (
    "#000000", "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7",
)  # fmt: skip
_RIVAL_LINES = ((_ORANGE, (0, (1, 1.4))), (_PURPLE, (0, (3, 1.2))), (_ORANGE, (0, (5, 1, 1, 1))))


@dataclass(frozen=True, eq=False)
class _Curve:
    """A frontier as drawn: in the plane of throughput and waiting time, dense enough to show its bend.

    Attributes:
        throughput, waiting: τ and W along the curve, shape (points,).
        label: Its line in the legend.
        line: Keywords of its line.
        vertices: Whether its own points are exact vertices, to be marked.
        corners: Those points, shape (2, vertices).
    """

    throughput: Floats
    waiting: Floats
    label: str
    line: dict[str, Any]
    vertices: bool
    corners: Floats


def frontier_figure(record: FrontierRecord, observed: Analysis | None = None) -> Figure:
    """The frontiers in the plane of baseline throughput (across) and mean waiting time (up); better is down right.

    Above, the whole curves; below, the neighbourhood of the observed point with its confidence region, or of the
    largest advantage where nothing was observed. Without either there is only the upper panel.

    Args:
        record: The frontiers.
        observed: The analysis whose observed point to draw.
    """
    from matplotlib.figure import Figure

    focus = _Focus.of(record, observed)
    with _style():
        figure = Figure(figsize=(_WIDTH, 7.6 if focus else 4.4), layout="constrained")
        axes = figure.subplots(2 if focus else 1, 1, squeeze=False, height_ratios=[4, 5] if focus else None)[:, 0]
        curves = _curves(record)
        for ax in axes:
            _draw_curves(ax, curves)
            if observed:
                _draw_observed(ax, observed)
            ax.set(xlabel="Baseline throughput τ (reward per unit of time)", ylabel="Mean waiting time W (units of time)")
        _frame_whole(axes[0], curves)
        if focus:
            _frame_focus(axes[0], axes[1], focus, curves)
        _legend(figure, axes[0])
    figure.set_label(f"Waiting time against baseline throughput: {record.title}\n{_frontier_description(record, observed)}")
    return figure


def correlator_figure(analysis: Analysis) -> Figure:
    """Measured correlators with standard errors, beside the ideal ones where the circuits are known.

    Up to MAX_LABELLED_PAIRS type pairs get a row each; more become a map over the types, with a scatter plot of
    measured against ideal.
    """
    from matplotlib.figure import Figure

    measured = np.array(analysis.correlators.measured, dtype=float)
    ideal = None if analysis.correlators.ideal is None else np.array(analysis.correlators.ideal, dtype=float)
    with _style():
        if measured.size <= MAX_LABELLED_PAIRS:
            figure = Figure(figsize=(_WIDTH, 1.5 + 0.34 * measured.size), layout="constrained")
            _draw_rows(figure, analysis, measured, ideal)
        else:
            figure = Figure(figsize=(_WIDTH, 4.6 if ideal is None else 8.6), layout="constrained")
            _draw_map(figure, analysis, measured, ideal)
    against = "measured alone" if ideal is None else "measured against ideal"
    figure.set_label(
        f"Correlators for each pair of request types, {against}: {analysis.title}\n"
        f"Correlators of {measured.shape[0]} by {measured.shape[1]} request types, {against}; from "
        f"{np.nanmin(measured):.3f} to {np.nanmax(measured):.3f}. All values are in the table of correlators."
    )
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as .png, .svg or .pdf; the same figure gives the same bytes.

    Raises:
        OutputError: another suffix, or the file cannot be written.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in _SUFFIXES:
        raise OutputError(f"{target}: figures are written as {', '.join(_SUFFIXES)}, not {suffix or 'without a suffix'}")
    content = _svg_file(figure) if suffix == ".svg" else _binary(figure, suffix)
    try:
        target.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror}") from None


def svg_text(figure: Figure) -> str:
    """The figure as one <svg> element to put into a page: no prolog, no style sheet, ids of its own.

    The first line of the figure's label is its <title>, the rest its <desc>. All ids start with a digest of the
    content, so that two figures on a page do not clash.
    """
    buffer = io.StringIO()
    _print(figure, buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = buffer.getvalue()
    root = ElementTree.fromstring(drawn)
    prefix = f"f{hashlib.sha256(drawn.encode()).hexdigest()[:10]}-"
    for element in root.iter():
        _make_local(element, prefix)
    for child in list(root):
        if child.tag == "metadata":
            root.remove(child)
    for definitions in root.iter("defs"):
        for style in definitions.findall("style"):
            definitions.remove(style)  # it would hold for the whole page; the root's own style replaces it
    title, _, description = str(figure.get_label()).partition("\n")
    for at, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, {"id": f"{prefix}{tag}"})
        element.text = printable(text)
        root.insert(at, element)
    root.attrib |= {
        "xmlns": _SVG,
        "role": "img",
        "aria-labelledby": f"{prefix}title {prefix}desc",
        "style": "stroke-linejoin: round; stroke-linecap: butt",
    }
    return ElementTree.tostring(root, encoding="unicode")


def printable(text: str) -> str:
    """The text on one line, control characters and lone surrogates replaced: XML and terminals cannot hold them."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cs", "Cn") or c in "\u2028\u2029" else c
                   for c in " ".join(text.split()))  # fmt: skip


@contextmanager
def _style() -> Iterator[None]:
    """matplotlib's own defaults and ours, whatever the user's matplotlibrc says."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)  # the browser has it
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def _print(figure: Figure, buffer: Any, **keywords: Any) -> None:
    with _style():
        figure.savefig(buffer, **keywords)


def _binary(figure: Figure, suffix: str) -> bytes:
    """PNG or PDF without dates or versions."""
    buffer = io.BytesIO()
    title = printable(str(figure.get_label()).partition("\n")[0])
    dated: dict[str, str | None] = {"CreationDate": None, "Producer": None, "Creator": "bellqueue", "Title": title}
    metadata = dated if suffix == ".pdf" else {"Software": None, "Title": title}
    _print(figure, buffer, format=suffix[1:], dpi=200, metadata=metadata)
    return buffer.getvalue()


def _svg_file(figure: Figure) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>\n{svg_text(figure)}\n'.encode()


def _make_local(element: ElementTree.Element, prefix: str) -> None:
    """Strip namespaces (xlink:href becomes href) and prefix ids and the references to them."""
    element.tag = str(element.tag).rpartition("}")[2]
    attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    if "id" in attributes:
        attributes["id"] = prefix + attributes["id"]
    for name, value in attributes.items():
        if name == "href" and value.startswith("#"):
            attributes[name] = f"#{prefix}{value[1:]}"
        elif "url(#" in value:
            attributes[name] = value.replace("url(#", f"url(#{prefix}")
    element.attrib = attributes


# --- The frontiers ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Focus:
    """The gap at equal throughput that the figure is about, and the window round it.

    Attributes:
        throughput: τ at which the two are compared.
        classical: W of the classical frontier there.
        other: W observed there, or the quantum frontier's.
        label: The gap in words.
        window: (τ from, τ to, W from, W to).
    """

    throughput: float
    classical: float
    other: float
    label: str
    window: tuple[float, float, float, float]

    @classmethod
    def of(cls, record: FrontierRecord, analysis: Analysis | None) -> _Focus | None:
        """Round the observed point; else round the largest advantage; else None."""
        if analysis:
            point = analysis.observed
            throughput, other = point.baseline_throughput.estimate, point.waiting_time.estimate
            seen = [(corner.baseline_throughput, corner.waiting_time) for corner in analysis.confidence_region]
            rivals = [rival.waiting_time_at_equal_throughput for rival in record.wider_rivals]
            levels = [analysis.quantum.waiting_time.estimate, *(rival.estimate for rival in rivals if rival)]
        elif record.largest_advantage:
            throughput, other = record.largest_advantage.baseline_throughput, record.largest_advantage.waiting_time
            seen, levels = [], []
        else:
            return None
        classical = float(_waiting_at(record, record.classical, throughput))
        seen += [(throughput, level) for level in (classical, other, *levels)]
        return cls(throughput, classical, other, _gap_label(classical, other), _window(record, throughput, seen))


def _gap_label(classical: float, other: float) -> str:
    gap = classical - other
    word = "less" if gap >= 0 else "more"
    return f"{abs(gap):.4g} {word} waiting ({abs(gap) / classical:.1%})\nat equal throughput"


def _window(
    record: FrontierRecord, throughput: float, seen: Sequence[tuple[float, float]]
) -> tuple[float, float, float, float]:
    """Limits round what is to be seen, with the two axes magnified alike so that frontiers keep their slope."""
    whole = np.array([(p.baseline_throughput, p.waiting_time) for p in (*record.classical, *record.communication)])
    extent = np.ptp(whole, axis=0)
    points = np.array(seen)
    middle = np.array([throughput, (points[:, 1].min() + points[:, 1].max()) / 2])
    reach = float((np.abs(points - middle) / extent).max())
    half = min(max(1.9 * reach, 0.02), 0.5) * extent
    low, high = middle - half, middle + half
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _curves(record: FrontierRecord) -> list[_Curve]:
    """Every curve with its style, those compared last so that they lie on top."""
    styled: list[tuple[Sequence[Point], str, dict[str, Any], bool]] = [
        (
            record.communication,
            "with communication (both types known)",
            {"color": _GREEN, "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 1.4},
            False,
        )
    ]
    for index, rival in enumerate(record.wider_rivals):
        colour, dashes = _RIVAL_LINES[index % len(_RIVAL_LINES)]
        label = f"numerical: {_short(rival.label, 46)}"
        styled.append((rival.points, label, {"color": colour, "linestyle": dashes, "linewidth": 1.6}, False))
    styled += [
        (record.quantum, "quantum (entanglement)", {"color": _BLUE, "linestyle": (0, (7, 2)), "linewidth": 2.0}, False),
        (record.classical, "classical (memoryless, label-symmetric)", {"color": _BLACK, "linewidth": 1.4}, True),
    ]
    return [_curve(record, *given) for given in styled if given[0]]


def _curve(record: FrontierRecord, points: Sequence[Point], label: str, line: dict[str, Any], exact: bool) -> _Curve:
    """Refined between its points: W is linear in p there, but τ is not."""
    corners = np.array([(point.baseline_throughput, point.waiting_time) for point in points]).T
    if not exact:
        order = np.argsort(corners[0], kind="stable")
        return _Curve(corners[0, order], corners[1, order], label, line, exact, corners)
    p = np.array([point.splitting_probability for point in points])
    dense = np.unique(np.concatenate([p, np.linspace(p[0], p[-1], 201)]))
    return _Curve(_throughput(record, dense), np.interp(dense, p, corners[1]), label, line, exact, corners)


def _throughput(record: FrontierRecord, splitting_probability: Floats) -> Floats:
    """τ(p), interpolated between the many (p, τ) that the record holds."""
    known = sorted({(q.splitting_probability, q.baseline_throughput) for q in (*record.quantum, *record.classical)})
    p, throughput = np.array(known).T
    return np.interp(splitting_probability, p, throughput)


def _waiting_at(record: FrontierRecord, points: Sequence[Point], throughput: float) -> float:
    """W of a frontier at that baseline throughput."""
    curve = _curve(record, points, "", {}, True)
    order = np.argsort(curve.throughput)
    return float(np.interp(throughput, curve.throughput[order], curve.waiting[order]))


def _draw_curves(ax: Axes, curves: Sequence[_Curve]) -> None:
    for curve in curves:
        ax.plot(curve.throughput, curve.waiting, label=curve.label, **curve.line)
        if curve.vertices:
            ax.plot(*curve.corners, "s", color=curve.line["color"], markersize=4.5, label="classical vertices (exact)")


def _draw_observed(ax: Axes, analysis: Analysis) -> None:
    """The observed point over its confidence region."""
    region = [(corner.baseline_throughput, corner.waiting_time) for corner in analysis.confidence_region]
    level = f"{100 * (1 - analysis.certificate.significance):.6g} %"
    ax.fill(
        *zip(*region, strict=True), facecolor=_AMBER, edgecolor=_ORANGE, alpha=0.55, label=f"confidence region ({level})"
    )
    point = analysis.observed
    ax.plot(
        [point.baseline_throughput.estimate],
        [point.waiting_time.estimate],
        "o",
        color=_AMBER,
        markeredgecolor=_BLACK,
        markersize=6,
        label="observed",
        zorder=5,
    )


def _frame_whole(ax: Axes, curves: Sequence[_Curve]) -> None:
    """Limits that hold every curve, and the arrow towards better."""
    throughput = np.concatenate([curve.throughput for curve in curves])
    waiting = np.concatenate([curve.waiting for curve in curves])
    ax.set_xlim(throughput.min() - 0.03 * np.ptp(throughput), throughput.max() + 0.03 * np.ptp(throughput))
    ax.set_ylim(waiting.min() - 0.05 * np.ptp(waiting), waiting.max() + 0.05 * np.ptp(waiting))
    ax.annotate(
        "better",
        xy=(0.97, 0.06),
        xytext=(0.83, 0.25),
        xycoords="axes fraction",
        textcoords="axes fraction",
        ha="center",
        arrowprops={"arrowstyle": "-|>", "color": "#444444"},
        color="#444444",
    )


def _frame_focus(whole: Axes, close: Axes, focus: _Focus, curves: Sequence[_Curve]) -> None:
    """The window in both panels, and the gap with its size in the lower one."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = focus.window
    whole.add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, edgecolor="#666666", linewidth=0.8))
    whole.set_title("(a) whole frontiers; the box is enlarged below")
    close.set_title("(b) enlarged: the comparison at equal throughput")
    close.set(xlim=(left, right), ylim=(bottom, top))
    close.annotate(
        "",
        xy=(focus.throughput, focus.other),
        xytext=(focus.throughput, focus.classical),
        arrowprops={"arrowstyle": "<->", "color": "#444444", "shrinkA": 0, "shrinkB": 0},
    )
    # Up left lies what every frontier beats, so nothing is ever drawn there.
    close.annotate(
        focus.label,
        xy=(focus.throughput, (focus.classical + focus.other) / 2),
        xytext=(0.03, 0.97),
        textcoords="axes fraction",
        va="top",
        arrowprops={"arrowstyle": "-", "color": "#888888", "linewidth": 0.7},
    )


def _legend(figure: Figure, ax: Axes) -> None:
    """One legend over both panels, the frontiers compared first."""
    handles, labels = ax.get_legend_handles_labels()
    first = ("observed", "confidence", "classical (", "classical v", "quantum", "numerical")
    ranked = sorted(
        zip(handles, labels, strict=True),
        key=lambda entry: next((at for at, start in enumerate(first) if entry[1].startswith(start)), len(first)),
    )
    figure.legend(*zip(*ranked, strict=True), loc="outside upper left", ncols=1)


def _frontier_description(record: FrontierRecord, analysis: Analysis | None) -> str:
    """What the figure shows, for those who do not see it."""
    curves = "classical, quantum and with communication"
    curves += "".join(f"; {rival.label} (numerical)" for rival in record.wider_rivals)
    text = f"Frontiers of least mean waiting time at each baseline throughput: {curves}. Lower right is better."
    if not analysis:
        return text
    observed, classical = analysis.observed.waiting_time, analysis.classical.waiting_time_at_equal_throughput
    return (
        f"{text} Observed: waiting time {observed.estimate:.4g} at throughput "
        f"{analysis.observed.baseline_throughput.estimate:.6g}, where the classical frontier needs "
        f"{classical.estimate:.4g} and the quantum frontier "
        f"{analysis.quantum.waiting_time_at_equal_throughput.estimate:.4g} units of time."
    )


# --- The correlators -------------------------------------------------------------------------------------------


def _draw_rows(figure: Figure, analysis: Analysis, measured: Floats, ideal: Floats | None) -> None:
    """One labelled row for each pair of types."""
    ax = figure.subplots()
    rows = np.arange(measured.size)
    names_a, names_b = analysis.frontiers.types_a, analysis.frontiers.types_b
    ax.set_yticks(rows, [f"{_short(a, 16)} · {_short(b, 16)}" for a in names_a for b in names_b])
    ax.set(ylim=(measured.size - 0.5, -0.5), xlim=(-1.05, 1.05), ylabel="type at router A · at router B")
    ax.set_xlabel("Correlator c = P(same server) − P(different servers)")
    for guide, style in ((-1, ":"), (0, "-"), (1, ":")):
        ax.axvline(guide, color="#888888", linewidth=0.8, linestyle=style, zorder=0)
    if ideal is not None:
        ax.plot(ideal.ravel(), rows, "D", markersize=8, markerfacecolor="none", markeredgecolor=_BLUE, label="ideal")
    ax.errorbar(
        measured.ravel(),
        rows,
        xerr=np.array(analysis.correlators.standard_error, dtype=float).ravel(),
        fmt="o",
        color=_ORANGE,
        ecolor=_BLACK,
        markersize=4,
        capsize=3,
        label="measured, ± one standard error",
    )
    figure.legend(loc="outside upper left", ncols=2)


def _draw_map(figure: Figure, analysis: Analysis, measured: Floats, ideal: Floats | None) -> None:
    """A map of the measured correlators, and measured against ideal below it."""
    axes = figure.subplots(1 if ideal is None else 2, 1, squeeze=False)[:, 0]
    image = axes[0].imshow(measured, cmap="PuOr", vmin=-1, vmax=1, interpolation="none", aspect="auto")
    axes[0].set(xlabel="type at router B (number)", ylabel="type at router A (number)")
    for axis, size in ((axes[0].xaxis, measured.shape[1]), (axes[0].yaxis, measured.shape[0])):
        ticks = np.unique(np.linspace(0, size - 1, min(size, 8)).round().astype(int))
        axis.set_ticks(ticks, [str(tick + 1) for tick in ticks])
    figure.colorbar(image, ax=axes[0], label="measured correlator c")
    if ideal is None:
        return
    axes[0].set_title("(a) measured, for each pair of types")
    axes[1].set_title("(b) measured against ideal, ± one standard error")
    axes[1].axline((0, 0), slope=1, color="#888888", linewidth=0.8)
    axes[1].errorbar(
        ideal.ravel(),
        measured.ravel(),
        yerr=np.array(analysis.correlators.standard_error, dtype=float).ravel(),
        fmt="o",
        color=_BLUE,
        ecolor=_SKY,
        markersize=2.5,
        elinewidth=0.7,
        rasterized=True,  # thousands of points: an image is smaller than their outlines
    )
    axes[1].set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xlabel="ideal correlator", ylabel="measured correlator")


def _short(text: str, length: int) -> str:
    """A name cut to a length that fits its place."""
    clean = printable(text)
    return clean if len(clean) <= length else f"{clean[: length - 1]}…"
