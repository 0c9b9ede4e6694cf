"""What `plan` prints of routers that know the past, on one screen, and every number with `--full`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from textwrap import wrap

from ....analysis.menus.forecast import MenuForecastRecord
from ....analysis.records.percent import chance_text, percent_text
from ....analysis.records.printable import printable, signs
from .first_screen import WIDTH, Row, line, screen
from .wording import cost_row, go_or_not, predicted_for, qubits_text


def menu_forecast_lines(record: MenuForecastRecord, full: bool, ends: Sequence[str]) -> list[str]:
    """Go or no-go, the numbers that matter, what would change it; with `full` also every set of bases."""
    rows, last = [line(*row) for row in _rows(record)], go_or_not(record)
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
    blocks = ([record.verdict], [record.title], rows, bases, notes, [last])
    told = [each for block in blocks for each in (*block, "")][:-1]
    return [part for each in told for part in wrap(signs(printable(each)), WIDTH, subsequent_indent="  ") or [""]]


def _rows(record: MenuForecastRecord) -> Iterator[Row]:
    """What each number is, with the number."""
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
