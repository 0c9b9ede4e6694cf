"""What is known about a link, as tables."""

from __future__ import annotations

from collections.abc import Callable

from ....model.estimate import Estimate
from ...records.link_record import OTHERS, LinkRecord, LinkSavingRecord
from ...records.percent import percent_text
from .section import NONE, Cell, Section, estimate_cell, section, two_columns

_PASSED = {True: "yes", False: "NO", None: "?"}
# Criteria whose values are times.
_TIMES = {"decision before light could bring a message", "a message takes longer than break-even"}
_RATE = "pairs faster than requests"


def time_text(value: float, unit: float | None) -> str:
    """A time in seconds if the unit is known, else in units of time."""
    if unit is None:
        return f"{short_number(value)} units"
    seconds = value * unit
    sizes = (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")
    size, name = next((each for each in sizes if abs(seconds) >= each[0]), (1e-9, "ns"))
    return f"{short_number(seconds / size)} {name}"


def rate_text(value: float, unit: float | None) -> str:
    """A rate per second if the unit is known, else per unit of time."""
    return f"{short_number(value)}/unit" if unit is None else f"{short_number(value / unit)}/s"


def short_number(value: float) -> str:
    """Three digits, without an exponent if there are not many zeros."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}".replace(",", " ") if 1000 <= abs(rounded) < 1e7 else f"{rounded:g}"


def criterion_texts(record: LinkRecord) -> list[tuple[str, str, str, str, str]]:
    """The name of each criterion, whether it is passed, and value, limit and margin with their units."""
    texts = []
    for each in record.criteria:
        value, needed = (_in_unit(record, each.name, number) for number in (each.value, each.needed))
        if each.passed is False and each.needed is None:
            needed = "none would do"
        margin = "" if each.margin is None else _in_unit(record, each.name, each.margin)
        texts.append((each.name, _PASSED[each.passed], value, needed, margin))
    return texts


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
    used, simulated = record.mean_visibility_when_used, record.simulated

    def row(name: str, formula: str, value: Estimate | None, decimals: int | None = None) -> tuple[str, str, Cell]:
        return name, formula, estimate_cell(value, decimals=decimals if brief else None) if value else Cell(NONE)

    def share(name: str, formula: float, value: Estimate) -> tuple[str, str, Cell]:
        return name, percent_text(formula), estimate_cell(value, percent=True, decimals=1 if brief else None)

    visibility = NONE if used is None else f"{used:.3f}"
    return [
        share("request pairs that use a Bell pair", record.availability, simulated.availability),
        row("  its visibility then (1 is perfect)", visibility, simulated.mean_visibility_when_used, 3),
        row("mean waiting time (units of time)", f"{record.waiting_time:.4g}", simulated.waiting_time),
        *(
            share(f"  saved against {name}", each.waiting_time_reduction_relative, each.simulated)
            for name, each in _savings(record)
        ),
        share("pairs sent to different servers", record.splitting_probability, simulated.splitting_probability),
        row("background work (per unit of time)", f"{record.baseline_throughput:.5g}", simulated.baseline_throughput),
    ]


def _savings(record: LinkRecord) -> list[tuple[str, LinkSavingRecord]]:
    """What the link saves against each class on which there is a bound, and the class's name."""
    every = [("any classical routers", record.every_classical)] if record.every_classical else []
    return [*every, ("memoryless ones", record.memoryless)]


def results_section(record: LinkRecord) -> Section:
    """By formula and by simulation."""
    rows: list[tuple[str, list[Cell | str]]] = [
        (name, [formula, cell]) for name, formula, cell in result_rows(record, brief=False)
    ]
    for name, each in _savings(record):
        alone = estimate_cell(each.simulated_without_pairs, percent=True)
        rows.append((f"  saved without Bell pairs, against {name}", [NONE, alone]))
    for name, each in _savings(record):
        gained = NONE if each.throughput_gain_relative is None else percent_text(each.throughput_gain_relative, 3)
        rows.append((f"background work gained, against {name}", [gained, NONE]))
    note = (
        "Limits are those of 95 %. Routers without Bell pairs split as often at the same times: what they save is due "
        "to the clock that the arrivals of Bell pairs are, and not to entanglement."
    )
    return section("What the link reaches", ("", "by formula", "simulated"), rows, note)


def _criteria(record: LinkRecord) -> Section:
    rows = ((name, texts) for name, *texts in criterion_texts(record))
    return section("What a deployment needs", ("", "passed", "has", "limit", "margin"), rows)


def least_texts(record: LinkRecord) -> list[tuple[str, str]]:
    """The least value of each figure that would suffice, with its unit."""
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
    return two_columns(
        f"Least of each figure that still saves waiting time against {OTHERS[record.against]}",
        least_texts(record) or [("no figure alone", NONE)],
        "All other figures are those of this link; of a figure that is missing here no value would do.",
    )


def _figures(record: LinkRecord) -> Section:
    rows = [
        (name.replace("_", " "), NONE if value is None else value if isinstance(value, str) else f"{value:.6g}")
        for name, value in record.link
    ]
    return two_columns("The link (times in units of time)", rows)
