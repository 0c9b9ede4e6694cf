"""A stored analysis against a fresh one of the same data, field by field.

The fresh one is made outside this room by the program that made the stored one: it shows what was changed afterwards,
not whether the program is right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import numpy as np

from ...model.errors import BellqueueError
from .certificate import ANSWERS, PARTS, answer_of
from .findings import FRESH, MISSING, RELATIVE, Findings, Json, are_numbers, differences, near

# Relative tolerances of what an optimizer or a simulation found, which may be others if the libraries are. The table of
# the quantum frontier depends on what was solved before; the place of a maximum, which is flat there, is known worse
# than its height.
_CHORD, SEARCH = 1e-4, 1e-6
_SEARCHED = dict.fromkeys(("quantum", "break_even"), _CHORD) | dict.fromkeys(("bell_pairs", "context"), SEARCH)
_SEARCHED |= {
    f"frontiers.{name}": SEARCH
    for name in (
        "advantage_ranges", "least_visibility", "quantum_gap_relative", "bell_pairs", "largest_reduction_relative",
        "every_classical.least_visibility", "every_classical.largest_reduction_relative",
    )
} | {"frontiers.largest_advantage": _CHORD, "frontiers.every_classical.splitting_probability": _CHORD}  # fmt: skip
_ROUNDING = 1e-12  # of the waiting times: what rounding leaves of a difference
_CURVE = "frontiers.quantum"
# What says by which versions a record was made, rivals of older records, and the curve that is compared as one.
_OMITTED = frozenset(
    {"provenance.bellqueue_version", "provenance.libraries", "provenance.command", "frontiers.wider_rivals", _CURVE}
)
# What rests on no bound, and is the same however long a search for one took.
_WITHOUT_BOUND = frozenset(
    {"schema", "title", "class_compared", "locality", "observed", "no_signalling", "marginals", "chsh", "correlators"}
    | {"planned", "scenario", "provenance", "measured"}
)
# What older records lack.
_LATER = frozenset(
    {"context", "parallel", "break_even", "bell_pairs", "measured", "planned.predicted", "every_classical"}
    | {"beyond_quantum"}
    | {"planned.predicted.every_classical_reduction_relative"}
    | {f"certificate.{name}" for name in ("parallel", "log10_p_value_any_crosstalk", "log10_p_value_pooled")}
    | {
        f"frontiers.{name}"
        for name in ("within_pair_order", "bell_pairs", "classical_proof", "every_classical", "quantum_gap_relative")
    }
)


@dataclass(frozen=True)
class Claim:
    """A place of a record that must not claim more than a fresh analysis of the same data, whoever made it when.

    Attributes:
        sign: 1 if a larger number claims more, −1 if a smaller one does.
        gain: The gain of which it may claim a hundredth more; none of certificates and their p-values.
        simulated: The estimate whose limits say how far two simulations may be apart, if it is one.
    """

    sign: Literal[1, -1]
    gain: str = ""
    simulated: str = ""


_MORE = 0.01  # as a share; of log₁₀ p also as a number
_EQUAL = 1e-3  # of log₁₀ p, up to which it may lie on the other side of the significance
_GAINS = "waiting_time_reduction", "waiting_time_reduction_relative", "throughput_gain_relative"
_PLACES = {"certificate": "advantage", "every_classical": "every_classical"}  # of the gains of each part
_CLAIMS = (
    {f"{part}.certified": Claim(1) for part in PARTS}
    | {f"{part}.log10_{name}": Claim(-1) for part in PARTS for name in ("p_value", "anytime_p_value", "p_value_pooled")}
    | {"certificate.log10_p_value_any_crosstalk": Claim(-1)}
    | {
        f"{part}.{name}": Claim(1, f"{_PLACES[part]}.waiting_time_reduction.estimate")
        for part in PARTS
        for name in ("excess_at_least", "excess.low")
    }
    | {f"{place}.{gain}.low": Claim(1, f"{place}.{gain}.estimate") for place in _PLACES.values() for gain in _GAINS}
)
_NUMBER = r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_SIZE = re.compile(rf"{_NUMBER}\s?%|at least {_NUMBER} units of time")  # in the first line of a verdict

# What no other row derives, in words.
_COMPARED = (
    "frontier curves, advantages, no-signalling and other "
    "alarms, CHSH, visibility, single Bell pairs, simulated waiting times, all sentences"
)


def compare(
    findings: Findings,
    stored: Json,
    analyze: Callable[[], Json] | str,
    scale: float,
    cut_off: bool = False,
    also: Sequence[str] = (),
    searched: Mapping[str, float] = _SEARCHED,
    claims: Mapping[str, Claim] = _CLAIMS,
    derived: str = _COMPARED,
) -> None:
    """Compare all fields; those that differ get a row each, all others share one.

    Args:
        findings: Has the rows of what was derived independently, and gets these.
        stored: The JSON object of the stored analysis.
        analyze: Makes that of the fresh one; a text says why that cannot be.
        scale: Size of the waiting times.
        cut_off: Whether time cut off a search for the classical bound, so that another search may end elsewhere.
        also: What else of this record was not derived independently.
        searched: Relative tolerances of what was searched or simulated, by field.
        claims: What must not claim more than a fresh analysis, even if other versions may have searched otherwise or
            time cut off a search.
        derived: What no other row derives, in words.
    """
    if isinstance(analyze, str):
        findings.unchecked(FRESH, None, analyze)
        return
    try:
        fresh = analyze()
    except BellqueueError as error:
        findings.claim(FRESH, None, None, f"the files contradict each other: {error}", False)
        return
    omitted = _OMITTED | {row.what for row in findings.rows if row.status == "DIFFERS"}
    versions, known = _versions(stored, fresh), len(findings.rows)
    by = f"; the record was made with {versions}" if versions else ""
    for what in (each for each in claims if each not in omitted):
        _check_claim(findings, stored, fresh, what, claims[what], searched.get(what.split(".")[0], RELATIVE), scale, by)
    if "verdict[0]" not in omitted:
        _check_sizes(findings, stored, fresh, cut_off, by)
    omitted |= {row.what for row in findings.rows[known:]}
    for place, was, now in differences(stored, fresh, RELATIVE, _ROUNDING * scale):
        what = place.removeprefix(".")
        allowed = next((each for name, each in searched.items() if _within(what, [name])), None)
        if _within(what, omitted) or (allowed and are_numbers(was, now) and near(was, now, allowed, allowed * scale)):
            continue
        if was is MISSING and what in _LATER:
            findings.unchecked(what, None, "this older record does not hold it")
        elif versions and (allowed or isinstance(was, str)):
            findings.unchecked(what, was, f"made with {versions}, which may search or word it otherwise", now)
        elif cut_off and not _within(what, _WITHOUT_BOUND):
            findings.unchecked(what, was, "time cut off the search for the classical bound, here or there", now)
        else:
            tolerance = f"{allowed or RELATIVE:.0e}, relative"
            findings.claim(what, was, now, "a fresh analysis of the same data", False, tolerance)
    was, now = (record.get("frontiers", {}).get("quantum", []) for record in (stored, fresh))
    if not _same_curve(was, now, _CHORD * scale):
        points = f"{len(was)} points", f"{len(now)} points"
        if versions:
            findings.unchecked(_CURVE, points[0], f"made with {versions}, which may search otherwise", points[1])
        else:
            findings.claim(_CURVE, *points, "the curve of a fresh analysis", False, f"{_CHORD:.0e}, relative")
    method = f"compared with a fresh analysis, not derived independently: {', '.join([derived, *also])}"
    findings.claim(FRESH, None, None, method, True)


def _check_claim(
    findings: Findings, stored: Json, fresh: Json, what: str, claim: Claim, searched: float, scale: float, by: str
) -> None:
    """Add a row if the record claims more there, or says certified where p may lie on either side."""
    was, now = _at(stored, what), _at(fresh, what)
    method = f"claims more than a fresh analysis of the same data{by}"
    if isinstance(was, bool):
        log10_p = _at(fresh, what.replace("certified", "log10_p_value"))
        if not was or now:
            return
        if log10_p is not None and abs(log10_p - math.log10(fresh["certificate"]["significance"])) <= _EQUAL:
            findings.unchecked(what, was, "a fresh p-value equals the significance to three digits", now)
        else:
            findings.claim(what, was, now, method, False)
    elif was is not None:
        allowed = max(_MORE, _MORE * abs(now or 0.0))
        if claim.gain:
            allowed = _MORE * abs(_at(fresh, claim.gain) or 0.0) + searched * (max(abs(was), abs(now or 0.0)) + scale)
        if simulated := _at(fresh, claim.simulated):
            allowed += simulated["high"] - simulated["low"]
        if now is None or claim.sign * (was - now) > allowed:
            findings.claim(what, was, now, method, False, f"{allowed:.1e}")


def _check_sizes(findings: Findings, stored: Json, fresh: Json, cut_off: bool, by: str) -> None:
    """Add a row if the verdict's first line names another class of routers or other sizes than a fresh one."""
    was, now = (record.get("verdict", [""])[0] for record in (stored, fresh))
    sizes = [[next(filter(None, found)) for found in _SIZE.findall(text)] for text in (was, now)]
    pairs = [
        (float(first) - float(second), 10.0 ** int(Decimal(second).as_tuple().exponent) * (1 + RELATIVE))
        for first, second in zip(*map(reversed, sizes), strict=False)
    ]
    if cut_off:  # smaller ones claim less
        other = len(sizes[0]) > len(sizes[1]) or any(more > unit for more, unit in pairs)
    else:
        other = len(sizes[0]) != len(sizes[1]) or any(abs(more) > unit for more, unit in pairs)
    if other or ANSWERS.index(answer_of(was)) > ANSWERS.index(answer_of(now)):
        findings.claim("verdict[0]", was, now, f"its sizes or its class are not those of a fresh analysis{by}", False)


def _at(record: Json, place: str) -> Any:
    """What a record holds at a dotted place; None if it lacks it."""
    found: Any = record
    for name in place.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _same_curve(first: list[Json], second: list[Json], allowed: float) -> bool:
    """Whether the points of either curve lie on the other one."""
    if not first or not second:
        return first == second
    columns = ("splitting_probability", "waiting_time", "baseline_throughput")
    tables = [np.array([[point[name] for name in columns] for point in curve], float) for curve in (first, second)]
    return all(
        np.allclose(np.interp(one[:, 0], other[:, 0], other[:, column]), one[:, column], rtol=_CHORD, atol=allowed)
        for one, other in (tables, tables[::-1])
        for column in (1, 2)
    )


def _versions(stored: Json, fresh: Json) -> str:
    """Versions that made the record and are not those that make the fresh one."""
    was, now = (
        {"bellqueue": record["provenance"]["bellqueue_version"], **record["provenance"].get("libraries", {})}
        for record in (stored, fresh)
    )
    named = [name for name in ("bellqueue", "numpy", "scipy") if name in was]
    return ", ".join(f"{name} {was[name]}" for name in named if now.get(name, was[name]) != was[name])


def _within(place: str, names: Collection[str]) -> bool:
    """Whether a field is one of those, or lies in one of them."""
    return any(place == name or place.startswith((f"{name}.", f"{name}[")) for name in names)
