"""The run folders below a folder, each in a few words, read without trusting that they are whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...analysis.menus.records import MenuAnalysis
from ...model.errors import DataError
from ...model.validation import read_text
from .folder import ANALYSIS, PLAN, RECORD_BYTES, is_record, of_one_run

CERTIFIED, WEAKER, NOT_CERTIFIED = "certified", "memoryless only", "not certified"


@dataclass(frozen=True)
class LocalRun:
    """A run folder.

    Attributes:
        created: Time when it was planned, UTC, ISO 8601.
        kind: `simulator` or `hardware`.
        backend, device: What the user named, and the provider's own name.
        shots: Trials planned.
        verdict: Verdict in a few words: certified against every classical router, against memoryless ones only, or not.
    """

    folder: str
    created: str
    kind: str
    backend: str
    device: str
    shots: int | None
    verdict: str


def local_runs(folder: Path) -> list[LocalRun]:
    """The runs in a folder, or the one that it is, oldest first."""
    found = [folder] if (folder / PLAN).is_file() else [path.parent for path in folder.glob(f"*/{PLAN}")]
    visible = [path for path in found if not path.name.startswith(".")]  # others are being written
    return sorted(map(_look, visible), key=lambda run: (run.created, run.folder))


def _look(folder: Path) -> LocalRun:
    try:
        plan = _record(folder / PLAN)
        backend = plan["backend"]
        return LocalRun(
            folder=str(folder),
            created=str(plan["created"]),
            kind=str(backend["kind"]),
            backend=str(backend["name"]),
            device=str(backend["device"]),
            shots=int(plan["shots"]),
            verdict=_verdict(folder / ANALYSIS, plan),
        )
    except (DataError, ValueError, KeyError, TypeError, AttributeError):
        return LocalRun(str(folder), "", "", "", "", None, f"{PLAN} cannot be read")


def _verdict(path: Path, plan: Any) -> str:
    if not path.is_file():
        return "not analyzed"
    try:
        record = _record(path)
        certified, _ = record["certificate"]["certified"], record["schema"]
        if not of_one_run(plan, record):
            return f"{ANALYSIS} is of another run"
        if (record.get("every_classical") or {}).get("certified") or (certified and is_record(record, MenuAnalysis)):
            return CERTIFIED
        return WEAKER if certified else NOT_CERTIFIED
    except (DataError, ValueError, KeyError, TypeError, AttributeError):
        return f"{ANALYSIS} cannot be read"


def _record(path: Path) -> Any:
    return json.loads(read_text(path, DataError, RECORD_BYTES, "the record of a run"))
