"""What is known about a link, as tables."""

from __future__ import annotations

from collections.abc import Callable

from ....model.estimate import Estimate
from ...records.link_record import OTHERS, LinkRecord
from ...records.percent import percent_text
from .section import NONE, Cell, Section, certain_decimals, estimate_cell, two_columns

PASSED = {True: "yes", False: "NO", None: "?"}
# Criteria whose values are times.
_TIMES = {"decision before light could bring a message", "a message takes longer than break-even"}
_RATE = "pairs faster than requests"


def time_text(value: float, unit: float | None) -> str:
    """A time in seconds if the unit is known, else in units of time."""
    if unit is None:
        return f"{short_number(value)} units"
    seconds = value * unit
    for size, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(seconds) >= size:
            return f"{short_number(seconds / size)} {name}"
    return f"{short_number(seconds / 1e-9)} ns"


def rate_text(value: float, unit: float | None) -> str:
    """A rate per second if the unit is known, else per unit of time."""
    return f"{short_number(value)}/unit" if unit is None else f"{short_number(value / unit)}/s"


def short_number(value: float) -> str:
    """Three digits, without an exponent if there are not many zeros."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}".replace(",", " ") if 1000 <= abs(rounded) < 1e7 else f"{rounded:g}"


def criterion_texts(record: LinkRecord) -> list[tuple[str, str, str, str, str]]:
    """The name of each criterion, whether it is passed, and value, limit and margin with their units."""
    return [
        (
            each.name,
            PASSED[each.passed],
            _in_unit(record, each.name, each.value),
            "none would do"
            if each.passed is False and each.needed is None
            else _in_unit(record, each.name, each.needed),
            "" if each.margin is None else _in_unit(record, each.name, each.margin),
        )
        for each in record.criteria
    ]


def _in_unit(record: LinkRecord, name: str, value: float | None) -> str:
    if value is None:
        return "unknown"
    if name in _TIMES:
        return time_text(value, record.time_unit_seconds)
    if name == _RATE:
        return rate_text(value, record.time_unit_seconds)
    return f"{value:.4g}" if abs(value) <= 1 else f"{value:.0f}"


def link_sections(record: LinkRecord) -> list[Section]:
    """Results, criteria, the least hardware and the link itself."""
    return [results_section(record), _criteria(record), _least(record), _figures(record)]


def result_rows(record: LinkRecord, *, brief: bool) -> list[tuple[str, str, Cell]]:
    """What the link reaches: the name of a number, its value by formula, and as simulated.

    Args:
        record: What is known about the link.
        brief: Whether to leave out digits that nobody needs first.
    """
    visibility, simulated = record.mean_visibility_when_used, record.simulated
    shares = [("request pairs that use a Bell pair", record.availability, simulated.availability)]
    split = ("pairs sent to different servers", record.splitting_probability, simulated.splitting_probability)
    savings = (("any classical routers", record.every_classical), ("memoryless ones", record.memoryless))
    saved = [(f"  saved against {n}", e.waiting_time_reduction_relative, e.simulated) for n, e in savings if e]
    rows: list[tuple[str, str, Estimate | None, bool, int]] = [
        *((name, percent_text(value), estimate, True, 1) for name, value, estimate in shares),
        (
            "  its visibility then (1 is perfect)",
            NONE if visibility is None else f"{visibility:.3f}",
            simulated.mean_visibility_when_used,
            False,
            3,
        ),
        (
            "mean waiting time (units of time)",
            f"{record.waiting_time:.4g}",
            simulated.waiting_time,
            False,
            max(certain_decimals(simulated.waiting_time) or 0, 0),
        ),
        *((name, percent_text(value), estimate, True, 1) for name, value, estimate in (*saved, split)),
        (
            "background work (per unit of time)",
            f"{record.baseline_throughput:.5g}",
            simulated.baseline_throughput,
            False,
            max(certain_decimals(simulated.baseline_throughput) or 0, 0),
        ),
    ]
    return [
        (name, formula, _cell(value, percent, decimals if brief else None))
        for name, formula, value, percent, decimals in rows
    ]


def results_section(record: LinkRecord) -> Section:
    """By formula and by simulation."""
    saved = [(record.memoryless, "memoryless ones")]
    if record.every_classical:
        saved.insert(0, (record.every_classical, "any classical routers"))
    rows = [(name, (Cell(formula), cell)) for name, formula, cell in result_rows(record, brief=False)]
    rows += [
        (f"  saved without Bell pairs, against {name}", (Cell(NONE), _cell(each.simulated_without_pairs, True)))
        for each, name in saved
    ]
    rows += [
        (f"background work gained, against {name}", (_share(each.throughput_gain_relative), Cell(NONE)))
        for each, name in saved
    ]
    note = (
        "Limits are those of 95 %. Routers without Bell pairs split as often at the same times: what they save is due "
    )
    note += "to the clock that the arrivals of Bell pairs are, and not to entanglement."
    return Section("What the link reaches", ("", "by formula", "simulated"), tuple(rows), note)


def _criteria(record: LinkRecord) -> Section:
    rows = tuple((name, tuple(map(Cell, texts))) for name, *texts in criterion_texts(record))
    return Section("What a deployment needs", ("", "passed", "has", "limit", "margin"), rows)


def least_texts(record: LinkRecord) -> list[tuple[str, str]]:
    """The least value of each figure that would do, with its unit."""
    least, unit = record.least, record.time_unit_seconds
    values: list[tuple[str, float | None, Callable[[float], str]]] = [
        ("rate", least.rate, lambda value: rate_text(value, unit)),
        ("fidelity", least.fidelity, "{:.3f}".format),
        ("memory", least.memory_time, lambda value: time_text(value, unit)),
        ("detection efficiency", least.detection_efficiency, "{:.3f}".format),
        ("measurement fidelity", least.measurement_fidelity, "{:.3f}".format),
    ]
    found = [(name, written(value) if value else "any") for name, value, written in values if value is not None]
    if least.distance_km:
        near, far = least.distance_km
        found.append(("distance", f"{short_number(near)} {'or more' if far is None else f'to {short_number(far)}'} km"))
    return found


def _least(record: LinkRecord) -> Section:
    rows = [(name, Cell(text)) for name, text in least_texts(record)] or [("no figure alone", Cell(NONE))]
    title = f"Least of each figure that still saves waiting time against {OTHERS[record.against]}"
    return two_columns(
        title, rows, "All other figures are those of this link; of a figure that is missing here no value would do."
    )


def _figures(record: LinkRecord) -> Section:
    link = record.link
    rows = [
        (name.replace("_", " "), Cell(NONE if value is None else value if isinstance(value, str) else f"{value:.6g}"))
        for name, value in ((name, getattr(link, name)) for name in type(link).model_fields)
    ]
    return two_columns("The link (times in units of time)", rows)


def _cell(value: Estimate | None, percent: bool, decimals: int | None = None) -> Cell:
    return Cell(NONE) if value is None else estimate_cell(value, percent=percent, decimals=decimals)


def _share(value: float | None) -> Cell:
    return Cell(NONE if value is None else percent_text(value, 3))
