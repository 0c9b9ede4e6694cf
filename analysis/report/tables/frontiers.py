"""The numbers of a scenario's frontiers as sections of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....model.estimate import significant
from ...records.bell_pairs import BellPairs
from ...records.every_classical import Informed
from ...records.frontier_record import FrontierPoint, FrontierRecord
from ...records.percent import at_most, percent_text, share_text
from ...records.printable import printable
from .section import NONE, Cell, Section, estimate_cell, two_columns

MAX_VERTICES = 12  # vertices of the classical frontier listed; the JSON record has them all
MAX_MATRIX = 6  # types per router up to which weights are shown one by one


def frontier_sections(record: FrontierRecord) -> list[Section]:
    """What a scenario's frontiers say, and the first vertices of the classical one."""
    best = record.largest_advantage
    ranges = " and ".join(f"({low:.4g}, {high:.4g})" for low, high in record.advantage_ranges)
    rows = [
        ("load per server ρ", Cell(f"{record.load:.4g}")),
        ("order of a pair sent together", Cell(record.within_pair_order)),
        ("least W of memoryless routers, all pairs split: W0", Cell(f"{record.unavoidable_waiting_time:.6g}")),
        *_weights(record),
        ("beyond memoryless routers for p in", Cell(ranges or "no range")),
    ]
    if best and record.largest_reduction_relative is not None:
        rows += [
            ("largest reduction against memoryless routers", Cell(percent_text(record.largest_reduction_relative, 2))),
            ("    at splitting probability p", Cell(f"{best.splitting_probability:.6g}")),
            ("    waiting time W there", Cell(f"{best.waiting_time:.6g}")),
            ("    baseline throughput τ there", Cell(f"{best.baseline_throughput:.6g}")),
        ]
    if record.least_visibility is not None:
        rows.append(("    least visibility that helps", Cell(f"{record.least_visibility:.4f}")))
    if record.quantum_gap_relative:
        gap = f"{at_most(record.quantum_gap_relative)} of W"
        rows.append(("not proved of the quantum frontier, at most", Cell(gap)))
    rows += [*_every_classical(record), *_informed(record)]
    several = [bell_pairs_section(record.bell_pairs)] if record.bell_pairs else []
    return [two_columns("Frontiers", rows), *several, *_past_known(record), _vertices(record)]


def _every_classical(record: FrontierRecord) -> list[tuple[str, Cell]]:
    """Where entanglement helps against every classical router that does not communicate."""
    every = record.every_classical
    if every is None:
        return []
    if not every.points:
        return [("every classical router (with memory)", Cell(every.status))]
    share, p = every.largest_reduction_relative, every.splitting_probability
    if share is None or p is None or every.least_visibility is None:
        return [("every classical router (with memory)", Cell("entanglement is not proved to help against them"))]
    return [
        ("largest reduction against every classical router", Cell(percent_text(share, 2))),
        ("    at splitting probability p", Cell(f"{p:.6g}")),
        ("    least visibility that helps", Cell(f"{every.least_visibility:.4f}")),
    ]


def _informed(record: FrontierRecord) -> list[tuple[str, Cell]]:
    """Where entanglement helps most if the routers know both servers' past."""
    if record.informed is None:
        return []
    best = record.informed.best
    if best.gain <= 0:
        late = "" if all(point.finished for point in record.informed.points) else " in the time allowed"
        return [("entangled and past known", Cell(f"no gain over classical ones was found{late}"))]
    share = best.waiting_time_reduction_relative
    return [
        ("entangled and past known: W − κτ", Cell(f"{significant(best.gain, 3)} less than classical ones")),
        ("    waiting time W, simulated", estimate_cell(best.waiting_time)),
        (
            "    less than every classical router",
            Cell(percent_text(share, 1) if share > 0 else "not proved on this grid"),
        ),
    ]


def _past_known(record: FrontierRecord) -> list[Section]:
    """Where both kinds of routers that know the past lie, and what they save at other loads."""
    if record.informed is None:
        return []
    rows = []
    for point in record.informed.points:
        classical = point.classical_waiting_time, point.classical_baseline_throughput
        values = point.waiting_time, point.baseline_throughput, *classical
        cells = (Cell(significant(each.estimate, 5) if each else NONE) for each in values)
        rows.append((significant(point.kappa, 5), tuple(cells)))
    columns = "κ", "W entangled", "τ entangled", "W classical", "τ classical"
    return [Section("Both servers' past known, simulated", columns, tuple(rows)), *_by_load(record.informed)]


def _by_load(informed: Informed) -> list[Section]:
    """What routers save at other loads with the past known, and what a memoryless Bell pair does."""
    if not informed.by_load:
        return []
    rows = [
        (
            f"{each.load:g}",
            (
                Cell(significant(each.gain, 3)),
                Cell(_share(each.waiting_time_reduction_relative.estimate)),
                Cell(significant(each.memoryless_gain, 3)),
                Cell(_share(each.memoryless_reduction_relative)),
            ),
        )
        for each in informed.by_load
    ]
    note = "κ is the slope at which memoryless entangled routers split half of the pairs. "
    note += f"Shares marked {NONE} are not proved."
    if not all(each.finished for each in informed.by_load):
        note += " Where time was over, too little is shown."
    return [
        Section(
            "Saved against every classical router, by load",
            ("load ρ", "W − κτ, past known", "share of W", "W − κτ, memoryless", "share of W"),
            tuple(rows),
            note,
        )
    ]


def _share(share: float) -> str:
    return percent_text(share) if share > 0 else NONE


def _weights(record: FrontierRecord) -> list[tuple[str, Cell]]:
    """The weights w(x,y), one row for each type of router A, or their range where there are many."""
    rows = record.weights
    if max(len(rows), len(rows[0])) > MAX_MATRIX:
        flat = [weight for row in rows for weight in row]
        told = f"{min(flat):.6g} … {max(flat):.6g} ({len(rows)}×{len(rows[0])} types)"
        return [("weights w (units of time)", Cell(told))]
    return [
        (f"weights w, A: {printable(name)}", Cell(", ".join(f"{weight:.6g}" for weight in row)))
        for name, row in zip(record.types_a, rows, strict=True)
    ]


def _vertices(record: FrontierRecord) -> Section:
    rows = tuple(
        (
            f"{point.splitting_probability:.6g}",
            (
                Cell(f"{point.waiting_time:.6g}"),
                Cell(f"{point.baseline_throughput:.6g}"),
                Cell(NONE if point.multiplier is None else f"{point.multiplier:.6g}"),
            ),
        )
        for point in record.classical[:MAX_VERTICES]
    )
    columns = ("splitting probability p", "waiting time W", "throughput τ", "multiplier μ")
    hidden = len(record.classical) - MAX_VERTICES
    note = f"{hidden} more vertices are in the JSON record. " if hidden > 0 else ""
    kind = "proved lower bound" if record.classical_caveat else "exact"
    return Section(f"Vertices of the classical frontier ({kind})", columns, rows, note + record.classical_caveat)


def frontier_values_section(record: FrontierRecord) -> Section:
    """W of the frontiers at eleven splitting probabilities."""
    probabilities = np.linspace(0, 1, 11).tolist()
    columns = [
        _at(points, "waiting_time", probabilities)
        for points in (record.classical, record.quantum, record.communication)
    ]
    columns[1] = list(map(min, *columns[:2]))  # straight between its points, the curve may seem to lie above
    throughput = _at(record.quantum, "baseline_throughput", probabilities)
    every = record.every_classical
    if every and every.points:
        columns.insert(0, every.waiting_time_at(throughput).tolist())
    wider = ("every classical W at least",) if every and every.points else ()
    bounds = len(wider) + bool(record.classical_caveat)  # so many of the columns are lower limits
    texts = [
        [significant(value, 5, "down" if at < bounds else "nearest") for value in column]
        for at, column in enumerate(columns)
    ]
    rows = zip(probabilities, [f"{value:.5g}" for value in throughput], *texts, strict=True)
    return Section(
        "Values of the frontiers",
        (
            "splitting probability p",
            "throughput τ",
            *wider,
            "memoryless classical W",
            "quantum W",
            "with communication W",
        ),
        tuple((f"{p:.1f}", tuple(map(Cell, texts))) for p, *texts in rows),
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
    return Section(
        f"Bell pairs for each pair of requests, at p = {found.splitting_probability:.4f}",
        ("", "Bell pairs", "W", "share of the advantage"),
        tuple(
            (name, (Cell(f"{pairs}"), Cell(f"{waiting:.6g}"), Cell(NONE if share is None else share_text(share))))
            for name, pairs, waiting, share in rows
        ),
        f"{found.sentence()} Classical routers wait at least "
        f"{significant(found.waiting_time_classical, 6, 'down')} at that p.",
    )
