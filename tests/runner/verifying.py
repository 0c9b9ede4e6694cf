"""What the tests of `verify` share: changes to the files of a run, and the rows that name them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bellqueue.analysis.verification.findings import Row, Verification

from .recorded_runs import edited

Change = Callable[[Path], Any]


def in_file(name: str, what: str, value: Any) -> Change:
    """Changes what stands at a place, written as rows name it, such as "entries[0].split"."""
    place = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", what)]
    return lambda folder: edited(folder / name, *place, value=value)


def in_analysis(what: str, value: Any) -> Change:
    return in_file("analysis.json", what, value)


def in_plan(what: str, value: Any) -> Change:
    return in_file("plan.json", what, value)


def in_trials(change: Callable[[list[str]], list[str]]) -> Change:
    """Changes the lines of the trials, the header among them."""

    def changed(folder: Path) -> None:
        lines = (folder / "trials.csv").read_text().splitlines()
        (folder / "trials.csv").write_text("\n".join(change(lines)) + "\n")

    return changed


def marked(found: Verification, status: str) -> set[str]:
    return {row.what for row in found.rows if row.status == status}


def row(found: Verification, what: str) -> Row:
    return next(row for row in found.rows if row.what == what)
