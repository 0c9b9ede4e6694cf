"""What is known about a link, as tables."""

from __future__ import annotations

from ....model.estimate import Estimate
from ...records.link_record import OTHERS, LinkRecord
from ...records.percent import percent_text
from .section import NONE, Cell, Section, estimate_cell, two_columns

PASSED = {True: "yes", False: "NO", None: "?"}
# Criteria whose values are times.
_TIMES = {"decision before light could bring a message", "a message takes longer than break-even"}
_RATE = "pairs faster than requests"


def time_text(value: float, unit: float | None) -> str:
    """A time in seconds if the unit is known, else in units of time."""
    return f"{value:.3g} units" if unit is None else f"{value * unit:.3g} s"


def rate_text(value: float, unit: float | None) -> str:
    """A rate per second if the unit is known, else per unit of time."""
    return f"{value:.3g} per unit" if unit is None else f"{value / unit:.3g} per second"


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
    return rate_text(value, record.time_unit_seconds) if name == _RATE else f"{value:.4g}"


def link_sections(record: LinkRecord) -> list[Section]:
    """Results, criteria, the least hardware and the link itself."""
    return [results_section(record), _criteria(record), _least(record), _figures(record)]


def result_rows(record: LinkRecord) -> list[tuple[str, str, Cell]]:
    """What the link reaches: the name of a number, its value by formula, and as simulated."""
    found, simulated = record, record.simulated
    rows = [
        ("request pairs that use a Bell pair", percent_text(found.availability), simulated.availability, True),
        (
            "  its visibility then (1 is perfect)",
            NONE if found.mean_visibility_when_used is None else f"{found.mean_visibility_when_used:.4f}",
            simulated.mean_visibility_when_used,
            False,
        ),
        (
            "pairs sent to different servers",
            percent_text(found.splitting_probability),
            simulated.splitting_probability,
            True,
        ),
        (
            "background work done (per unit of time)",
            f"{found.baseline_throughput:.5g}",
            simulated.baseline_throughput,
            False,
        ),
        ("mean waiting time (units of time)", f"{found.waiting_time:.4g}", simulated.waiting_time, False),
    ]
    savings = (("any classical routers", record.every_classical), ("memoryless ones", record.memoryless))
    rows += [
        (f"  saved against {name}", percent_text(each.waiting_time_reduction_relative), each.simulated, True)
        for name, each in savings
        if each
    ]
    return [(name, formula, _cell(value, percent)) for name, formula, value, percent in rows]


def results_section(record: LinkRecord) -> Section:
    """By formula and by simulation."""
    saved = [(record.memoryless, "memoryless ones")]
    if record.every_classical:
        saved.insert(0, (record.every_classical, "any classical routers"))
    rows = [(name, (Cell(formula), cell)) for name, formula, cell in result_rows(record)]
    rows += [
        (f"  saved without Bell pairs, against {name}", (Cell(NONE), _cell(each.simulated_without_pairs, True)))
        for each, name in saved
    ]
    rows += [
        (f"background work gained, against {name}", (Cell(percent_text(each.throughput_gain_relative, 3)), Cell(NONE)))
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
    """The least value of each figure, with its unit; the figures of which none would do are last."""
    least, unit = record.least, record.time_unit_seconds

    def text(value: float | None, written: str) -> str:
        return "none would do" if value is None else "any" if value == 0 else written

    found = [
        ("pairs", text(least.rate, rate_text(least.rate or 0, unit))),
        ("fidelity", text(least.fidelity, f"{least.fidelity or 0:.3f}")),
        ("memory", text(least.memory_time, time_text(least.memory_time or 0, unit))),
        ("detection efficiency", text(least.detection_efficiency, f"{least.detection_efficiency or 0:.3f}")),
        ("measurement fidelity", text(least.measurement_fidelity, f"{least.measurement_fidelity or 0:.3f}")),
    ]
    if least.distance_km:
        near, far = least.distance_km
        found.append(("distance", f"{near:.3g} km or more" if far is None else f"{near:.3g} to {far:.3g} km"))
    elif unit is not None:
        found.append(("distance", "none would do"))
    return found


def _least(record: LinkRecord) -> Section:
    rows = [(name, Cell(text)) for name, text in least_texts(record)]
    title = f"Least of each figure that still saves waiting time against {OTHERS[record.against]}"
    return two_columns(title, rows, "All other figures are those of this link.")


def _figures(record: LinkRecord) -> Section:
    link = record.link
    rows = [
        (name.replace("_", " "), Cell(NONE if value is None else value if isinstance(value, str) else f"{value:.6g}"))
        for name, value in ((name, getattr(link, name)) for name in type(link).model_fields)
    ]
    return two_columns("The link (times in units of time)", rows)


def _cell(value: Estimate | None, percent: bool) -> Cell:
    return Cell(NONE) if value is None else estimate_cell(value, percent=percent)
