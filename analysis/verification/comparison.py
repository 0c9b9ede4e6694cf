"""A stored analysis against a fresh one of the same data, field by field.

The fresh one is made outside this room by the program that made the stored one: it shows what was changed afterwards,
not whether the program is right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .findings import FRESH, MISSING, RELATIVE, Findings, differences, near, shown

# What says where and when a record was made, rivals of older records, and the curve that is compared as one.
_OMITTED = frozenset(
    {"provenance.bellqueue_version", "provenance.libraries", "provenance.command", "frontiers.wider_rivals"}
    | {"frontiers.quantum"}
)
# What an optimizer or a simulation found: no more digits than it has, and none where the libraries are others.
_SEARCHED = frozenset(
    {"quantum", "break_even", "bell_pairs", "context"}
    | {f"frontiers.{name}" for name in ("advantage_ranges", "least_visibility", "bell_pairs")}
    | {f"frontiers.{name}" for name in ("largest_advantage", "largest_reduction_relative")}
)
# Read off the quantum frontier's table, whose points depend on what was solved before.
_TABULATED = frozenset({"quantum", "break_even"})
_CHORD = 1e-4  # relative tolerance between the points of such tables
_SEARCH = 1e-6  # relative tolerance of those
_ROUNDING = 1e-12  # of the waiting times: what rounding leaves of a difference
# What rests on no bound, and is the same however long a search for one took.
_WITHOUT_BOUND = frozenset(
    {"schema", "title", "class_compared", "locality", "observed", "no_signalling", "marginals", "chsh", "correlators"}
    | {"planned", "scenario", "provenance", "measured"}
)


# What no other row derives, in words.
_COMPARED = (
    "frontier curves",
    "limits of the observed point",
    "advantages",
    "no-signalling and other alarms",
    "CHSH",
    "visibility",
    "single Bell pairs",
    "simulated waiting times",
    "all sentences",
)
# What older records lack.
_LATER = frozenset(
    {"context", "parallel", "break_even", "bell_pairs", "measured", "planned.predicted"}
    | {f"certificate.{name}" for name in ("parallel", "log10_p_value_any_crosstalk")}
    | {f"frontiers.{name}" for name in ("within_pair_order", "bell_pairs", "classical_proof")}
)


@dataclass(frozen=True)
class Fresh:
    """A fresh analysis to compare with.

    Attributes:
        record: Its JSON object; None if none could be made.
        why: Why none could be made.
        contradicted: Whether that is because the files contradict each other.
        without: Fields that it cannot tell, by dotted name.
    """

    record: dict[str, Any] | None
    why: str = ""
    contradicted: bool = False
    without: frozenset[str] = frozenset()


def compare(
    findings: Findings,
    stored: dict[str, Any],
    fresh: Fresh,
    scale: float,
    cut_off: bool = False,
    also: Sequence[str] = (),
) -> None:
    """Compare all fields; those that differ get a row each, all others share one that names them.

    Args:
        findings: Has the rows of what was derived independently, and gets these.
        stored: The JSON object of the stored analysis.
        fresh: What to compare it with.
        scale: Size of the waiting times.
        cut_off: Whether time cut off a search for the classical bound, so that another search may end elsewhere.
        also: What else was not derived independently of this record.
    """
    if fresh.record is None:
        if fresh.contradicted:
            findings.claim(FRESH, None, None, f"the files contradict each other: {fresh.why}", False)
        else:
            findings.unchecked(FRESH, None, fresh.why)
        return
    named = {row.what for row in findings.rows if row.status == "DIFFERS"}
    versions = _versions(stored, fresh.record)
    apart = 0
    for place, was, now in differences(stored, fresh.record, RELATIVE, _ROUNDING * scale):
        what = place.removeprefix(".")
        searched = _within(what, _SEARCHED)
        if _within(what, _OMITTED | fresh.without) or what in named:
            continue
        allowed = _CHORD if _within(what, _TABULATED) else _SEARCH
        if searched and _numbers(was, now) and near(was, now, allowed, allowed * scale):
            continue
        apart += 1
        if was is MISSING and what in _LATER:
            findings.unchecked(what, None, "this older record does not hold it")
        elif versions and (searched or isinstance(was, str)):
            findings.unchecked(what, was, f"made with {versions}, which may search or word it otherwise", shown(now))
        elif cut_off and not _within(what, _WITHOUT_BOUND):
            findings.unchecked(what, was, "time cut off the search for the classical bound, here or there", shown(now))
        else:
            tolerance = f"{allowed if searched else RELATIVE:.0e}, relative"
            findings.claim(what, shown(was), shown(now), "a fresh analysis of the same data", False, tolerance)
    was, now = (record.get("frontiers", {}).get("quantum", []) for record in (stored, fresh.record))
    if not _same_curve(was, now, _CHORD * scale):
        what, first, second = "frontiers.quantum", f"{len(was)} points", f"{len(now)} points"
        if versions:
            findings.unchecked(what, first, f"made with {versions}, which may search otherwise", second)
        else:
            findings.claim(what, first, second, "the curve of a fresh analysis", False, f"{_CHORD:.0e}, relative")
    total = sum(1 for what in _leaves(stored) if not _within(what, _OMITTED | fresh.without))
    method = f"compared with a fresh analysis, not derived independently: {', '.join([*_COMPARED, *also])}"
    findings.claim(FRESH, f"{total} values", f"{total - apart} agree", method, True)
    for name in sorted(fresh.without):
        findings.unchecked(name, None, "needs the trials in their order; give the run's folder")


def _same_curve(first: list[Any], second: list[Any], allowed: float) -> bool:
    """Whether the points of either curve lie on the other one."""
    if not first or not second:
        return first == second
    columns = ("splitting_probability", "waiting_time", "baseline_throughput")
    try:
        tables = [np.array([[point[name] for name in columns] for point in curve], float) for curve in (first, second)]
    except (KeyError, TypeError, ValueError):
        return False
    return all(
        np.allclose(np.interp(one[:, 0], other[:, 0], other[:, column]), one[:, column], rtol=_CHORD, atol=allowed)
        for one, other in (tables, tables[::-1])
        for column in (1, 2)
    )


def _versions(stored: dict[str, Any], fresh: dict[str, Any]) -> str:
    """Versions that made the record and are not those that make the fresh one."""

    def of(record: dict[str, Any]) -> dict[str, Any]:
        provenance = record["provenance"]
        return {"bellqueue": provenance.get("bellqueue_version"), **provenance.get("libraries", {})}

    here = of(fresh)
    others = {name: version for name, version in of(stored).items() if here.get(name, version) != version}
    return ", ".join(f"{name} {others[name]}" for name in ("bellqueue", "numpy", "scipy") if name in others)


def _within(place: str, names: Collection[str]) -> bool:
    """Whether a field is one of those, or lies in one of them."""
    return any(place == name or place.startswith((f"{name}.", f"{name}[")) for name in names)


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _leaves(nested: Any, place: str = "") -> Iterator[str]:
    """The place of every value of nested records."""
    if isinstance(nested, dict) and nested:
        for key, part in nested.items():
            yield from _leaves(part, f"{place}.{key}" if place else key)
    elif isinstance(nested, list) and nested:
        for index, part in enumerate(nested):
            yield from _leaves(part, f"{place}[{index}]")
    else:
        yield place
