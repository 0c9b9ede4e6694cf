"""What `run`, `analyze`, `fetch` and `plan` print first of routers that know the past."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from textwrap import wrap

from ....analysis.certificate.certificate import FRESH
from ....analysis.menus.forecast import MenuForecastRecord
from ....analysis.menus.records import MenuAnalysis, counted_against
from ....analysis.records.percent import at_least, chance_text, percent_text
from ....analysis.records.printable import signs
from ....analysis.report.tables.menu import visibility_text
from ....model.estimate import rounded
from ....model.printable import printable
from .first_screen import (
    ALL_ALIKE,
    DRAWN_AFRESH,
    EVERY_CLASSICAL,
    LOCALITY,
    WIDTH,
    Row,
    line,
    rarity,
    screen,
    shown,
    waiting_less,
)
from .wording import cost_row, go_or_not, predicted_for, qubits_text

_KNOW = (
    "Both routers know both servers' past up to the last pair, and their own request.",
    "They share Bell pairs and random bits, and do not communicate.",
    "Compared with all classical routers that know as much and do not communicate.",
)


def menu_lines(analysis: MenuAnalysis, ends: Sequence[str]) -> list[str]:
    """The verdict, the numbers that matter, what it rests on, and where to read on."""
    certificate = analysis.certificate
    rests = DRAWN_AFRESH if certificate.assumption.startswith(FRESH) else ALL_ALIKE
    return screen(
        [*(f"{warning}." for warning in analysis.warnings), _verdict(analysis)],
        f"{analysis.title}; {analysis.provenance.source}",
        [*(line(*row) for row in _measured(analysis)), "(in brackets: 95 % limits of the simulation of the queues)"],
        [rests, LOCALITY.get(analysis.locality, analysis.locality), *_KNOW],
        ends,
    )


def menu_forecast_lines(record: MenuForecastRecord, full: bool, ends: Sequence[str], typed: str = "") -> list[str]:
    """Go or no-go, the numbers that matter, what would change it; with `full` also every set of bases."""
    rows, last = [line(*row) for row in _predicted(record)], go_or_not(record, typed)
    knows = "Both routers know the servers' past, as do those compared with."
    notes = [f"{predicted_for(record.device)} {knows}", *record.changes, *record.warnings]
    if not full:
        return screen([record.verdict], record.title, rows, notes, [*ends, last])
    bases = [
        f"set {number}: {100 * entry.share:.1f} % of the trials; angles of A {_degrees(entry.alpha)}; "
        f"of B {_degrees(entry.beta)}"
        for number, entry in enumerate(record.entries, 1)
    ]
    notes += [record.cost.basis] if record.cost else []
    blocks = (_wrapped([record.verdict]), _wrapped([record.title]), rows, _wrapped(bases), _wrapped(notes), [last])
    return [each for block in blocks for each in (*block, "")][:-1]


def _wrapped(sentences: Sequence[str]) -> list[str]:
    """Sentences on lines of a screen's width; rows of numbers and commands to type are none, and keep their spaces."""
    return [part for each in sentences for part in wrap(signs(printable(each)), WIDTH, subsequent_indent="  ")]


def _verdict(analysis: MenuAnalysis) -> str:
    certificate, share = analysis.certificate, analysis.waiting_time_reduction_relative
    if certificate.certified:
        return f"CERTIFIED: {waiting_less(share, EVERY_CLASSICAL, certificate.significance)}"
    start = f"NOT CERTIFIED: this does not show that requests wait less than with {EVERY_CLASSICAL}."
    if share.estimate <= 0:
        against = counted_against(analysis.lost)
        return f"{start} Even by estimate they save nothing, with {against} counted against them."
    saved = percent_text(share.estimate)
    return f"{start} They waited {saved} less, but that can be chance in {certificate.trials} trials."


def _measured(analysis: MenuAnalysis) -> Iterator[Row]:
    certificate, promised = analysis.certificate, analysis.planned.forecast
    yield "mean waiting time (units of time)", shown(analysis.waiting_time)
    yield "  with any classical routers, at least", rounded(analysis.classical_waiting_time, 4, "down")
    yield "    saved", _saved(analysis)
    if promised:
        yield "    saved, as the calibration predicted", percent_text(promised.waiting_time_reduction_relative)
    yield "background work done (per unit of time)", shown(analysis.baseline_throughput)
    yield "pairs sent to different servers", shown(analysis.splitting_probability, percent=True)
    number = len(analysis.entries)
    measured = f"{percent_text(1 - analysis.map_share)}, in {number} set{'s' * (number > 1)} of bases"
    yield "pairs that measure a Bell pair", measured if analysis.map_share < 1 else "none: classical maps do better"
    if analysis.lost:
        yield "visibility of trials with an outcome", f"{visibility_text(analysis.entries)} (1 is perfect)"
    else:
        yield "Bell pair visibility (1 is perfect)", visibility_text(analysis.entries)
    yield "chance with any classical routers", rarity(certificate.log10_p_value, certificate.significance)
    yield "trials", f"{certificate.trials}, {analysis.lost or 'none'} lost"


def _saved(analysis: MenuAnalysis) -> str:
    """By estimate, and at least if that says anything."""
    share = analysis.waiting_time_reduction_relative
    least = f", {at_least(share)}" if share.low > 0 else ""
    return f"{percent_text(share.estimate)} by estimate{least}"


def _predicted(record: MenuForecastRecord) -> Iterator[Row]:
    found, device = record.menu.forecast, record.device
    if found is not None:
        yield f"chance that {record.shots} trials certify", chance_text(found.predicted_power)
        needed = "no number is enough" if found.trials is None else f"{found.trials}"
        yield f"trials for a chance of {100 * found.power:g} %", needed
        yield "mean waiting time (units of time)", f"{found.waiting_time:.4g}"
        yield "  saved against any classical routers", percent_text(found.waiting_time_reduction_relative)
        yield "background work done (per unit of time)", f"{found.baseline_throughput:.4g}"
        yield "pairs sent to different servers", percent_text(found.splitting_probability)
        yield "waiting less κ times background work", f"{found.cost:.6g}"
        yield "  with any classical routers, at least", f"{found.classical:.6g}"
        yield "  that the run will certify on average", f"{found.expected_limit:.6g}"
        yield "κ, waiting paid per unit of work", f"{record.menu.kappa:.6g}"
        yield "sets of bases", f"{len(record.entries)}"
    if device.visibility is not None:
        yield "Bell pair visibility (1 is perfect)", f"{device.visibility:.3f}{qubits_text(device)}"
    if record.cost is not None:
        yield cost_row(record.cost)


def _degrees(angles: Sequence[float]) -> str:
    return ", ".join(f"{math.degrees(angle):.1f}°" for angle in angles)
