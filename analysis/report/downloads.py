"""The data of a report as files inside the page itself: links that hold what they offer, and work without a network."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..records.analysis_record import Analysis, MeasuredCounts
from ..records.printable import printable

_FORMULA = ("=", "+", "-", "@")  # what makes a spreadsheet compute a cell instead of showing it


_LARGE = 250_000  # bytes beyond which a file is packed, so that pages of many types stay light


@dataclass(frozen=True)
class Download:
    """A file to download.

    Attributes:
        name: Of the file.
        about: What is in it, in a few words.
        size: In bytes, as text.
        link: A data: URL.
    """

    name: str
    about: str
    size: str
    link: str


def downloads(analysis: Analysis) -> list[Download]:
    """Counts, correlators, frontiers and waiting times as CSV; counts, scenario and the whole record as JSON."""
    found = [_file("correlators.csv", "measured and ideal, with errors and trials", _correlators(analysis))]
    if analysis.measured:
        about = "how often outcomes a, b came for request types x, y"
        found.insert(0, _file("counts.csv", about, _counts(analysis, analysis.measured)))
        found.insert(
            1,
            _file("counts.json", "the same, as bellqueue analyze reads it", _counts_json(analysis, analysis.measured)),
        )
    found.append(_file("frontiers.csv", "every point of every curve", _frontiers(analysis)))
    if analysis.context and analysis.context.waiting_times:
        found.append(_file("waiting-times.csv", "the distributions drawn above", _waiting(analysis)))
    scenario = json.dumps(analysis.scenario, indent=2, ensure_ascii=False) + "\n"
    found.append(_file("scenario.json", "what was asked, as bellqueue run reads it", scenario))
    record = analysis.model_dump_json(by_alias=True) + "\n"
    found.append(_file("analysis.json", "the whole record; bellqueue report makes this page from it", record))
    return found


def _counts(analysis: Analysis, measured: MeasuredCounts) -> str:
    names_a, names_b = analysis.frontiers.types_a, analysis.frontiers.types_b
    rows = (
        (_name(names_a[x]), _name(names_b[y]), x, y, a, b, measured.counts[x][y][a][b])
        for x in range(len(names_a))
        for y in range(len(names_b))
        for a in (0, 1)
        for b in (0, 1)
    )
    return _csv(("type_a", "type_b", "x", "y", "a", "b", "count"), rows)


def _counts_json(analysis: Analysis, measured: MeasuredCounts) -> str:
    """What `bellqueue analyze` reads; settings of a run that could stop early cannot be declared again."""
    declared = measured.settings == "random" and measured.input_distribution is not None and not measured.stopped
    content = {
        "schema": "bellqueue.counts/1",
        "types": analysis.frontiers.types_a,
        "types_b": analysis.frontiers.types_b,
        "settings": "random" if declared else "fixed",
        **({"input_distribution": measured.input_distribution, "block": measured.block} if declared else {}),
        "counts": measured.counts,
        "lost": measured.lost,
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def _correlators(analysis: Analysis) -> str:
    record = analysis.correlators
    names_a, names_b = analysis.frontiers.types_a, analysis.frontiers.types_b
    rows = (
        (
            _name(names_a[x]),
            _name(names_b[y]),
            record.trials[x][y],
            _number(record.measured[x][y]),
            _number(record.standard_error[x][y]),
            "" if record.ideal is None else _number(record.ideal[x][y]),
        )
        for x in range(len(names_a))
        for y in range(len(names_b))
    )
    return _csv(("type_a", "type_b", "trials", "measured", "standard_error", "ideal"), rows)


def _frontiers(analysis: Analysis) -> str:
    record = analysis.frontiers
    rows: list[Sequence[object]] = []
    for curve in ("classical", "quantum", "communication"):
        for point in getattr(record, curve):
            p, multiplier = _number(point.splitting_probability), _number(point.multiplier)
            rows.append((curve, p, _number(point.baseline_throughput), _number(point.waiting_time), multiplier))
    point = analysis.observed
    rows.append(
        (
            "observed",
            _number(point.splitting_probability.estimate),
            _number(point.baseline_throughput.estimate),
            _number(point.waiting_time.estimate),
            "",
        )
    )
    header = ("curve", "splitting_probability", "baseline_throughput", "waiting_time", "multiplier")
    return _csv(header, rows)


def _waiting(analysis: Analysis) -> str:
    assert analysis.context is not None  # the caller has looked
    assert analysis.context.waiting_times is not None
    rows = (
        (each.routing, _number(time), _number(share))
        for each in analysis.context.waiting_times.routings
        for time, share in zip(each.times, each.cumulative, strict=True)
    )
    return _csv(("routing", "waiting_time", "probability_at_most"), rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def _name(text: str) -> str:
    """Other people's text, which no spreadsheet is to take for a formula."""
    shown = printable(text)
    return f"'{shown}" if shown.lstrip("\N{REPLACEMENT CHARACTER} ").startswith(_FORMULA) else shown


def _number(value: float | None) -> str:
    """To ten significant digits, which no measurement has; the record has them all."""
    return "" if value is None or math.isnan(value) else f"{value:.10g}"


def _file(name: str, about: str, content: str) -> Download:
    """As it is or, where it is large, packed."""
    data = content.encode("utf-8", errors="replace")
    size = _size(len(data))
    kind = "application/json" if name.endswith(".json") else "text/csv"
    if len(data) > _LARGE:
        name, about, kind = f"{name}.gz", f"{about}; packed with gzip", "application/gzip"
        data = gzip.compress(data, mtime=0)
    return Download(name, about, size, f"data:{kind};base64,{base64.b64encode(data).decode()}")


def _size(count: int) -> str:
    return f"{count} B" if count < 1000 else f"{count / 1000:.0f} kB"
