"""Rows of a verification: what was recorded, what was found by another method, and whether the two agree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["OK", "DIFFERS", "not checked"]
Shown = bool | int | float | str | None

RELATIVE = 1e-9  # of a value, or of the size of the terms that it is a difference of
EXACTLY = "exactly"
P_VALUE = "certificate.log10_p_value"
OUTSIDE = "no part of the certificate: "
_NAMED = 6  # rows that the summary names


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Row(_Record):
    """One thing that was looked at.

    Attributes:
        what: Its place in the record, or its file.
        recorded, recomputed: Both values; of a table, the entry where they differ most.
        method: How it was recomputed, or why it was not.
        tolerance: Up to which difference the two agree.
        status: OK, DIFFERS or not checked.
    """

    what: str
    recorded: Shown
    recomputed: Shown
    method: str
    tolerance: str
    status: Status


class Verification(_Record):
    """Everything that was looked at, `bellqueue.verification/1`.

    Attributes:
        source: The run folder or the record.
        verified: Whether all that was checked agrees.
        summary: The same in a sentence, with what differs.
        rows: In the order of the record.
    """

    schema_: Literal["bellqueue.verification/1"] = Field(default="bellqueue.verification/1", alias="schema")
    source: str
    verified: bool
    summary: str
    rows: list[Row]

    @classmethod
    def of(cls, source: str, rows: Sequence[Row]) -> Verification:
        """Sum up."""
        differing = [row.what for row in rows if row.status == "DIFFERS"]
        checked = sum(row.status != "not checked" for row in rows)
        skipped = [row.what for row in rows if row.status == "not checked" and not row.method.startswith(OUTSIDE)]
        rest = f"; not checked: {_listed(skipped)}" if skipped else ""
        if differing:
            summary = f"DIFFERS: {_listed(differing)} ({len(differing)} of {checked} checks){rest}."
        else:
            found = "bounds and record" if P_VALUE in skipped else "bounds, p-value and record"
            summary = f"VERIFIED: all {checked} checks of {found} agree{rest}."
        return cls(source=source, verified=not differing, summary=summary, rows=list(rows))


class Findings:
    """The rows so far."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def number(
        self,
        what: str,
        recorded: float | None,
        recomputed: float | None,
        method: str,
        *,
        scale: float = 0.0,
        relative: float = RELATIVE,
        absolute: float = 0.0,
    ) -> None:
        """Two numbers that must agree, or both be lacking.

        Args:
            what: Place in the record.
            recorded, recomputed: The numbers.
            method: How it was recomputed.
            scale: Size that the relative tolerance refers to where it exceeds the number itself.
            relative, absolute: Tolerances; they add up.
        """
        if recorded is None or recomputed is None:
            holds, tolerance = recorded is recomputed, EXACTLY
        else:
            allowed = absolute + relative * max(abs(recomputed), scale)
            holds = recorded == recomputed or abs(recorded - recomputed) <= allowed
            tolerance = f"{allowed:.1e}"
        self.claim(what, recorded, recomputed, method, holds, tolerance)

    def limits(self, what: str, recorded: Any, recomputed: Sequence[float], method: str, **tolerance: float) -> None:
        """An estimate and its two limits."""
        for name, value in zip(("estimate", "low", "high"), recomputed, strict=True):
            self.number(f"{what}.{name}", getattr(recorded, name), value, method, **tolerance)

    def table(self, what: str, recorded: Any, recomputed: Any, method: str, *, scale: float = 0.0) -> None:
        """Two nested lists of numbers that must agree entry by entry; NaN agrees with NaN."""
        first, second = dict(_entries(recorded)), dict(_entries(recomputed))
        if first.keys() != second.keys():
            self.claim(what, f"{len(first)} entries", f"{len(second)} entries", method, False, "same shape")
            return
        apart = {place: _distance(value, second[place]) for place, value in first.items()}
        worst = max(apart, key=lambda place: apart[place], default=())
        allowed = RELATIVE * max((abs(value) for value in second.values() if not math.isnan(value)), default=0.0)
        allowed = max(allowed, RELATIVE * scale)
        values = (first.get(worst), second.get(worst))
        self.claim(what + _place(worst), *values, method, apart.get(worst, 0.0) <= allowed, f"{allowed:.1e}")

    def same(self, what: str, recorded: Any, recomputed: Any, method: str) -> None:
        """Two values, or two records, that must be equal; of records the first entry that is not."""
        if not isinstance(recorded, dict | list) or not isinstance(recomputed, dict | list):
            holds = recorded == recomputed and isinstance(recorded, bool) == isinstance(recomputed, bool)
            self.claim(what, _shown(recorded), _shown(recomputed), method, holds)
            return
        first, second = dict(_leaves(recorded)), dict(_leaves(recomputed))
        places = [place for place in {**first, **second} if first.get(place, ...) != second.get(place, ...)]
        if not places:
            self.claim(what, f"{len(first)} values", f"{len(second)} values", method, True)
            return
        place = places[0]
        self.claim(what + place, _shown(first.get(place)), _shown(second.get(place)), method, False)

    def claim(
        self, what: str, recorded: Shown, recomputed: Shown, method: str, holds: bool, tolerance: str = EXACTLY
    ) -> None:
        """Anything that holds or does not."""
        status: Status = "OK" if holds else "DIFFERS"
        self.rows.append(_row(what, recorded, recomputed, method, tolerance, status))

    def unchecked(self, what: str, recorded: Any, why: str, recomputed: Shown = None) -> None:
        """What could not be checked, and why."""
        self.rows.append(_row(what, _shown(recorded), recomputed, why, "–", "not checked"))


def _listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _row(what: str, recorded: Shown, recomputed: Shown, method: str, tolerance: str, status: Status) -> Row:
    pair = (_finite(recorded), _finite(recomputed))
    return Row(what=what, recorded=pair[0], recomputed=pair[1], method=method, tolerance=tolerance, status=status)


def _finite(value: Shown) -> Shown:
    """JSON has neither NaN nor infinities."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _shown(value: Any) -> Shown:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _leaves(nested: Any, place: str = "") -> Iterable[tuple[str, Any]]:
    """Every value of nested lists and objects with its place."""
    if isinstance(nested, dict) and nested:
        for key, part in nested.items():
            yield from _leaves(part, f"{place}.{key}")
    elif isinstance(nested, list) and nested:
        for index, part in enumerate(nested):
            yield from _leaves(part, f"{place}[{index}]")
    else:
        yield place, nested


def _entries(nested: Any, place: tuple[int, ...] = ()) -> Iterable[tuple[tuple[int, ...], float]]:
    """Every number of nested lists with its place."""
    if isinstance(nested, list | tuple):
        for index, part in enumerate(nested):
            yield from _entries(part, (*place, index))
    else:
        yield place, math.nan if nested is None else float(nested)


def _distance(first: float, second: float) -> float:
    if math.isnan(first) or math.isnan(second):
        return 0.0 if math.isnan(first) and math.isnan(second) else math.inf
    return abs(first - second)


def _place(place: tuple[int, ...]) -> str:
    return "".join(f"[{index}]" for index in place)
