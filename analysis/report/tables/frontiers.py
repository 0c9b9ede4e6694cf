"""The numbers of a scenario's frontiers as sections of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....model.estimate import significant
from ....model.printable import printable
from ...records.bell_pairs import BellPairs
from ...records.every_classical import Informed
from ...records.frontier_record import FrontierPoint, FrontierRecord
from ...records.percent import at_most, percent_text, share_text
from .section import NONE, Row, Section, estimate_cell, section, two_columns

MAX_VERTICES = 12  # vertices of the classical frontier listed; the JSON record has them all
_EVERY = "every classical W at least"
MAX_MATRIX = 6  # types per router up to which weights are shown one by one


def frontier_sections(record: FrontierRecord) -> list[Section]:
    """What a scenario's frontiers say, and the first vertices of the classical one."""
    best = record.largest_advantage
    ranges = " and ".join(f"({low:.4g}, {high:.4g})" for low, high in record.advantage_ranges)
    rows: list[Row] = [
        ("load per server ρ", f"{record.load:.4g}"),
        ("order of a pair sent together", record.within_pair_order),
        ("least W of memoryless routers, all pairs split: W0", f"{record.unavoidable_waiting_time:.6g}"),
        *_weights(record),
        ("beyond memoryless routers for p in", ranges or "no range"),
    ]
    if best and record.largest_reduction_relative is not None:
        rows += [
            ("largest reduction against memoryless routers", percent_text(record.largest_reduction_relative, 2)),
            ("    at splitting probability p", f"{best.splitting_probability:.6g}"),
            ("    waiting time W there", f"{best.waiting_time:.6g}"),
            ("    baseline throughput τ there", f"{best.baseline_throughput:.6g}"),
        ]
    if record.least_visibility is not None:
        rows.append(("    least visibility that helps", f"{record.least_visibility:.4f}"))
    if record.quantum_gap_relative:
        rows.append(("not proved of the quantum frontier, at most", f"{at_most(record.quantum_gap_relative)} of W"))
    rows += [*_every_classical(record), *_informed(record)]
    several = [bell_pairs_section(record.bell_pairs)] if record.bell_pairs else []
    return [two_columns("Frontiers", rows), *several, *_past_known(record), _vertices(record)]


def _every_classical(record: FrontierRecord) -> list[Row]:
    """Where entanglement helps against every classical router that does not communicate."""
    every = record.every_classical
    if every is None:
        return []
    if not every.points:
        return [("every classical router (with memory)", every.status)]
    share, p = every.largest_reduction_relative, every.splitting_probability
    if share is None or p is None or every.least_visibility is None:
        return [("every classical router (with memory)", "entanglement is not proved to help against them")]
    return [
        ("largest reduction against every classical router", percent_text(share, 2)),
        ("    at splitting probability p", f"{p:.6g}"),
        ("    least visibility that helps", f"{every.least_visibility:.4f}"),
    ]


def _informed(record: FrontierRecord) -> list[Row]:
    """Where entanglement helps most if the routers know both servers' past."""
    if record.informed is None:
        return []
    best = record.informed.best
    if best.gain <= 0:
        late = "" if all(point.finished for point in record.informed.points) else " in the time allowed"
        return [("entangled and past known", f"no gain over classical ones was found{late}")]
    share = best.waiting_time_reduction_relative
    return [
        ("entangled and past known: W − κτ", f"{significant(best.gain, 3)} less than classical ones"),
        ("    waiting time W, simulated", estimate_cell(best.waiting_time)),
        ("    less than every classical router", percent_text(share) if share > 0 else "not proved on this grid"),
    ]


def _past_known(record: FrontierRecord) -> list[Section]:
    """Where both kinds of routers that know the past lie, and what they save at other loads."""
    if record.informed is None:
        return []
    rows = []
    for point in record.informed.points:
        classical = point.classical_waiting_time, point.classical_baseline_throughput
        values = point.waiting_time, point.baseline_throughput, *classical
        cells = [significant(each.estimate, 5) if each else NONE for each in values]
        rows.append((significant(point.kappa, 5), cells))
    columns = "κ", "W entangled", "τ entangled", "W classical", "τ classical"
    return [section("Both servers' past known, simulated", columns, rows), *_by_load(record.informed)]


def _by_load(informed: Informed) -> list[Section]:
    """What routers save at other loads with the past known, and what a memoryless Bell pair does."""
    if not informed.by_load:
        return []
    rows = [
        (
            f"{each.load:g}",
            (
                significant(each.gain, 3),
                _share(each.waiting_time_reduction_relative.estimate),
                significant(each.memoryless_gain, 3),
                _share(each.memoryless_reduction_relative),
            ),
        )
        for each in informed.by_load
    ]
    note = "κ is the slope at which memoryless entangled routers split half of the pairs. "
    note += f"Shares marked {NONE} are not proved."
    if not all(each.finished for each in informed.by_load):
        note += " Where time was over, too little is shown."
    columns = "load ρ", "W − κτ, past known", "share of W", "W − κτ, memoryless", "share of W"
    return [section("Saved against every classical router, by load", columns, rows, note)]


def _share(share: float) -> str:
    return percent_text(share) if share > 0 else NONE


def _weights(record: FrontierRecord) -> list[Row]:
    """The weights w(x,y), one row for each type of router A, or their range where there are many."""
    rows = record.weights
    if max(len(rows), len(rows[0])) > MAX_MATRIX:
        flat = [weight for row in rows for weight in row]
        return [("weights w (units of time)", f"{min(flat):.6g} … {max(flat):.6g} ({len(rows)}×{len(rows[0])} types)")]
    return [
        (f"weights w, A: {printable(name)}", ", ".join(f"{weight:.6g}" for weight in row))
        for name, row in zip(record.types_a, rows, strict=True)
    ]


def _vertices(record: FrontierRecord) -> Section:
    rows = [
        (
            f"{point.splitting_probability:.6g}",
            (
                f"{point.waiting_time:.6g}",
                f"{point.baseline_throughput:.6g}",
                NONE if point.multiplier is None else f"{point.multiplier:.6g}",
            ),
        )
        for point in record.classical[:MAX_VERTICES]
    ]
    columns = ("splitting probability p", "waiting time W", "throughput τ", "multiplier μ")
    hidden = len(record.classical) - MAX_VERTICES
    note = f"{hidden} more vertices are in the JSON record. " if hidden > 0 else ""
    kind = "proved lower bound" if record.classical_caveat else "exact"
    return section(f"Vertices of the classical frontier ({kind})", columns, rows, note + record.classical_caveat)


def frontier_values_section(record: FrontierRecord) -> Section:
    """W of the frontiers at eleven splitting probabilities."""
    probabilities = np.linspace(0, 1, 11).tolist()
    classical, quantum, communication = (
        _at(points, "waiting_time", probabilities)
        for points in (record.classical, record.quantum, record.communication)
    )
    quantum = list(map(min, classical, quantum))  # straight between its points, the curve may seem to lie above
    throughput = _at(record.quantum, "baseline_throughput", probabilities)
    columns = {
        "memoryless classical W": classical,
        "quantum W": quantum,
        "with communication W": communication,
    }
    bounds = ["memoryless classical W"] if record.classical_caveat else []  # lower limits are rounded down
    if record.every_classical and record.every_classical.points:
        columns = {_EVERY: record.every_classical.waiting_time_at(throughput).tolist(), **columns}
        bounds.append(_EVERY)
    texts = [
        [significant(value, 5, "down" if name in bounds else "nearest") for value in column]
        for name, column in columns.items()
    ]
    rows = zip(probabilities, [f"{value:.5g}" for value in throughput], *texts, strict=True)
    return section(
        "Values of the frontiers",
        ("splitting probability p", "throughput τ", *columns),
        ((f"{p:.1f}", cells) for p, *cells in rows),
        f"Least mean waiting time W in units of time. {record.caveats}".rstrip(),
    )


def _at(points: Sequence[FrontierPoint], name: str, probabilities: Sequence[float]) -> list[float]:
    """A column of a frontier between its points."""
    known = sorted((point.splitting_probability, float(getattr(point, name))) for point in points)
    values: list[float] = np.interp(probabilities, *np.array(known).T).tolist()
    return values


def bell_pairs_section(found: BellPairs) -> Section:
    """What one Bell pair, those in use and those of the best strategy reach."""
    in_use = ("in use", found.used, found.waiting_time_used, found.share_used)
    rows = [
        ("one alone", 1, found.waiting_time_one_pair, found.share_one_pair),
        *([in_use] if found.used > 1 else []),
        ("best entangled strategy", found.needed, found.waiting_time_best, None if found.share_used is None else 1.0),
    ]
    return section(
        f"Bell pairs for each pair of requests, at p = {found.splitting_probability:.4f}",
        ("", "Bell pairs", "W", "share of the advantage"),
        (
            (name, (f"{pairs}", f"{waiting:.6g}", NONE if share is None else share_text(share)))
            for name, pairs, waiting, share in rows
        ),
        f"{found.sentence()} Classical routers wait at least "
        f"{significant(found.waiting_time_classical, 6, 'down')} at that p.",
    )
