"""The data of a report as files inside the page itself, in links that work without a network."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...model.printable import printable
from ..menus.records import WITH_OUTCOME, MenuAnalysis
from ..menus.settings import settings
from ..records.analysis_record import Analysis, MeasuredCounts
from ..records.context_record import WaitingTimes

_FORMULA = ("=", "+", "-", "@")  # what makes a spreadsheet compute a cell instead of showing it
_LARGE = 250_000  # bytes beyond which a file is packed, so that pages of many types stay light


@dataclass(frozen=True)
class Download:
    """A file to download.

    Attributes:
        name: Name of the file.
        about: What is in it, in a few words.
        size: Size before it is packed, as text.
        link: The file as a data: URL.
    """

    name: str
    about: str
    size: str
    link: str


def downloads(analysis: Analysis) -> list[Download]:
    """Counts, correlators, frontiers and waiting times as CSV; counts, scenario and the whole record as JSON."""
    measured = analysis.measured
    counts = [
        _file("counts.csv", "how often outcomes a, b came for request types x, y", _counts(analysis, measured)),
        _file("counts.json", "the same, as bellqueue analyze reads it", _counts_json(analysis, measured)),
    ] if measured else []  # fmt: skip
    return [
        *counts,
        _file("correlators.csv", "measured and ideal, with errors and trials", _correlators(analysis)),
        _file("frontiers.csv", "every point of every curve", _frontiers(analysis)),
        *_rest(analysis, analysis.context.waiting_times if analysis.context else None),
    ]


def menu_downloads(analysis: MenuAnalysis) -> list[Download]:
    """Counts, probabilities and waiting times as CSV; scenario and the whole record as JSON."""
    rows = settings(analysis)
    columns = ("entry", "type_a", "type_b")
    names = [(row.entry, _name(row.type_a), _name(row.type_b)) for row in rows]
    tables = [cell for line in analysis.measured.counts for cell in line]
    counts = [
        (*name, a, b, table[a][b]) for name, table in zip(names, tables, strict=True) for a in (0, 1) for b in (0, 1)
    ]
    ends, of = ("estimate", "low", "high"), f" ({WITH_OUTCOME})" if analysis.lost else ""
    split = [
        (*name, *(_number(getattr(row.measured, end, None)) for end in ends), _number(row.ideal))
        for name, row in zip(names, rows, strict=True)
    ]
    return [
        _file(
            "counts.csv",
            "how often outcomes a, b came for entry and request types",
            _csv((*columns, "a", "b", "count"), counts),
        ),
        _file("outcomes.csv", f"P(a≠b) measured{of} with limits, and ideal", _csv((*columns, *ends, "ideal"), split)),
        *_rest(analysis, analysis.waiting_times),
    ]


def _rest(analysis: Analysis | MenuAnalysis, waiting: WaitingTimes | None) -> list[Download]:
    """Waiting times if there are any, scenario and record."""
    found = [_file("waiting-times.csv", "the distributions drawn above", _waiting(waiting))] if waiting else []
    scenario = json.dumps(analysis.scenario, indent=2, ensure_ascii=False) + "\n"
    record = analysis.model_dump_json(by_alias=True) + "\n"
    return [
        *found,
        _file("scenario.json", "what was asked, as bellqueue run reads it", scenario),
        _file("analysis.json", "the whole record; bellqueue report makes this page from it", record),
    ]


def _type_pairs(analysis: Analysis) -> Iterator[tuple[int, int, str, str]]:
    """Numbers and names of the types of every pair of requests."""
    for x, name_a in enumerate(analysis.frontiers.types_a):
        for y, name_b in enumerate(analysis.frontiers.types_b):
            yield x, y, _name(name_a), _name(name_b)


def _counts(analysis: Analysis, measured: MeasuredCounts) -> str:
    rows = (
        (name_a, name_b, x, y, a, b, measured.counts[x][y][a][b])
        for x, y, name_a, name_b in _type_pairs(analysis)
        for a in (0, 1)
        for b in (0, 1)
    )
    return _csv(("type_a", "type_b", "x", "y", "a", "b", "count"), rows)


def _counts_json(analysis: Analysis, measured: MeasuredCounts) -> str:
    """The file that `bellqueue analyze` reads; it cannot declare the settings of a run that could stop early."""
    declared = measured.settings == "random" and measured.input_distribution is not None and not measured.stopped
    said = analysis.provenance.described
    content = {
        "schema": "bellqueue.counts/1",
        **({"source": said} if said else {}),
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
    rows = []
    for x, y, *names in _type_pairs(analysis):
        ideal = None if record.ideal is None else record.ideal[x][y]
        numbers = map(_number, (record.measured[x][y], record.standard_error[x][y], ideal))
        rows.append((*names, record.trials[x][y], *numbers))
    return _csv(("type_a", "type_b", "trials", "measured", "standard_error", "ideal"), rows)


def _frontiers(analysis: Analysis) -> str:
    columns = ("splitting_probability", "baseline_throughput", "waiting_time")
    rows: list[Sequence[object]] = []
    for curve in ("classical", "quantum", "communication"):
        for point in getattr(analysis.frontiers, curve):
            rows.append((curve, *(_number(getattr(point, name)) for name in (*columns, "multiplier"))))
    rows.append(("observed", *(_number(getattr(analysis.observed, name).estimate) for name in columns), ""))
    return _csv(("curve", *columns, "multiplier"), rows)


def _waiting(waiting: WaitingTimes) -> str:
    rows = (
        (each.routing, _number(time), _number(share))
        for each in waiting.routings
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
    """Other people's text, quoted if a spreadsheet would take it for a formula."""
    shown = printable(text)
    return f"'{shown}" if shown.lstrip("\N{REPLACEMENT CHARACTER} ").startswith(_FORMULA) else shown


def _number(value: float | None) -> str:
    """Ten significant digits, more than any measurement has; the record has them all."""
    return "" if value is None or math.isnan(value) else f"{value:.10g}"


def _file(name: str, about: str, content: str) -> Download:
    """A file as it is or, if it is large, packed."""
    data = content.encode("utf-8", errors="replace")
    size = _size(len(data))
    kind = "application/json" if name.endswith(".json") else "text/csv"
    if len(data) > _LARGE:
        name, about, kind = f"{name}.gz", f"{about}; packed with gzip", "application/gzip"
        data = gzip.compress(data, mtime=0)
    return Download(name, about, size, f"data:{kind};base64,{base64.b64encode(data).decode()}")


def _size(count: int) -> str:
    return f"{count} B" if count < 1000 else f"{count / 1000:.0f} kB"
