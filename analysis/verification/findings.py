"""Rows of a verification: what was recorded, what was found by another method, and whether the two agree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...model.validation import encodable

Status = Literal["OK", "DIFFERS", "not checked"]
Shown = bool | int | float | str | None
Json = dict[str, Any]

RELATIVE = 1e-9  # of a value, or of the size of the terms that it is a difference of
EXACTLY, ONE_SIDED = "exactly", "none"
P_VALUE = "certificate.log10_p_value"
FRESH = "fresh analysis"
MISSING = object()  # a key that one of two records lacks
_SHOWN = 60  # characters of what a row holds
_NAMED = 6  # rows that the summary names


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Row(_Record):
    """One thing that was looked at.

    Attributes:
        what: Its place in the record, or its file.
        recorded, recomputed: Both values; of a table, the first entry that differs.
        method: How it was recomputed, or why it was not.
        tolerance: Up to which difference the two agree; none where one only limits the other.
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
        verified: Whether all that was checked agrees, and nothing is lacking.
        summary: The same in a sentence, with what differs.
        rows: What was derived independently, then the comparison with a fresh analysis.
        lacking: What a certificate or its settings rest on and nothing could check; left out if there is none.
    """

    schema_: Literal["bellqueue.verification/1"] = Field(default="bellqueue.verification/1", alias="schema")
    source: str
    verified: bool
    summary: str
    rows: list[Row]
    lacking: list[str] = Field(default_factory=list, exclude_if=lambda value: not value)

    @classmethod
    def of(cls, source: str, findings: Findings) -> Verification:
        """Sum up."""
        rows, lacking = findings.rows, findings.lacking
        differing = [row.what for row in rows if row.status == "DIFFERS"]
        checked = sum(row.status != "not checked" for row in rows)
        skipped = [what for what in findings.skipped if what not in differing]
        rest = f"; not checked: {listed(skipped)}" if skipped else ""
        more = f"; {len(skipped)} not checked" if skipped else ""
        if differing:
            summary = f"DIFFERS: {listed(differing)} ({len(differing)} of {checked} checks{more})."
        elif lacking:
            remedies = " and ".join(dict.fromkeys(lacking.values()))
            summary = (
                f"INCOMPLETE: all {checked} checks that could be made agree, but {listed([*lacking])} could not be "
                f"checked; {remedies}."
            )
        else:
            found = "bounds and record" if P_VALUE in skipped else "bounds, p-value and record"
            summary = f"VERIFIED: all {checked} checks of {found} agree{rest}."
        verified = not (differing or lacking)
        return cls(source=encodable(source), verified=verified, summary=summary, rows=rows, lacking=[*lacking])


class Findings:
    """The rows so far.

    Attributes:
        rows: In the order of the checks.
        lacking: What could not be checked though the conclusion rests on it, each with its remedy.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.lacking: dict[str, str] = {}

    @property
    def skipped(self) -> list[str]:
        """What was not checked, each name once."""
        return [*dict.fromkeys(row.what for row in self.rows if row.status == "not checked")]

    def number(
        self, what: str, recorded: float | None, recomputed: float | None, method: str, absolute: float = 0.0
    ) -> None:
        """Two numbers that must agree up to `absolute` beside the relative tolerance, or both be lacking."""
        if recorded is None or recomputed is None:
            self.claim(what, recorded, recomputed, method, recorded is recomputed)
            return
        allowed = absolute + RELATIVE * abs(recomputed)
        self.claim(what, recorded, recomputed, method, near(recorded, recomputed, 0.0, allowed), f"{allowed:.1e}")

    def same(self, what: str, recorded: Any, recomputed: Any, method: str, absolute: float = 0.0) -> None:
        """Two values or records that must be equal, numbers up to `absolute`; the first entry that differs is named."""
        apart = next(differences(recorded, recomputed, 0.0, absolute), None)
        place, first, second = apart or ("", recorded, recomputed)
        tolerance = f"{absolute:.1e}" if absolute else EXACTLY
        self.claim(what + place, first, second, method, apart is None, tolerance)

    def claim(
        self, what: str, recorded: Any, recomputed: Any, method: str, holds: bool, tolerance: str = EXACTLY
    ) -> None:
        """Anything that holds or does not."""
        self._add(what, recorded, recomputed, method, tolerance, "OK" if holds else "DIFFERS")

    def unchecked(self, what: str, recorded: Any, why: str, recomputed: Any = None) -> None:
        """What could not be checked, and why."""
        self._add(what, recorded, recomputed, why, "–", "not checked")

    def require(self, names: Iterable[str], remedy: str) -> None:
        """What the conclusion rests on: it is incomplete if one of the rows was not checked."""
        skipped = self.skipped
        self.lacking |= {name: remedy for name in names if name in skipped}

    def _add(self, what: str, recorded: Any, recomputed: Any, method: str, tolerance: str, status: Status) -> None:
        pair = {"recorded": _shown(recorded), "recomputed": _shown(recomputed)}
        self.rows.append(Row(what=what, method=method, tolerance=tolerance, status=status, **pair))


def differences(
    first: Any, second: Any, relative: float, absolute: float, place: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """The values in which two nested records differ, each with its dotted place; MISSING where one lacks a key.

    Lists of different lengths differ as a whole. Numbers may differ by `absolute` + `relative` times the larger one.
    """
    if isinstance(first, dict) and isinstance(second, dict):
        for key in {**first, **second}:
            both = first.get(key, MISSING), second.get(key, MISSING)
            yield from differences(*both, relative, absolute, f"{place}.{key}")
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for index, both in enumerate(zip(first, second, strict=True)):
            yield from differences(*both, relative, absolute, f"{place}[{index}]")
    elif are_numbers(first, second):
        if not near(first, second, relative, absolute):
            yield place, first, second
    elif first != second or isinstance(first, bool) != isinstance(second, bool):
        yield place, first, second


def near(first: float, second: float, relative: float, absolute: float) -> bool:
    """Whether two numbers agree."""
    return first == second or abs(first - second) <= absolute + relative * max(abs(first), abs(second))


def are_numbers(*values: Any) -> bool:
    """Whether all of them are numbers."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _shown(value: Any) -> Shown:
    """A value as a row holds it: nested ones in short, and as a word what JSON has no number for."""
    if value is MISSING:
        return "missing"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
