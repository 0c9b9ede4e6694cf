"""A sweep's folder: its record, and a journal to which every finished point is added at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from ...model.errors import OutputError, SweepError
from ...model.sweep.grid import Sweep
from ...model.sweep.point import Outcome
from ...model.validation import first_complaint, invalid, read_text
from ...model.writing import write_bytes
from ..experiment.provenance import numerical_versions

RECORD, JOURNAL = "sweep.json", "points.jsonl"
RECORD_SCHEMA = "bellqueue.sweep-record/1"
_LOCK = ".lock"
_RECORD_BYTES = 100_000_000


class _Line(BaseModel):
    """A line of the journal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    point: str
    outcome: Outcome


class SweepFolder:
    """The folder of a sweep, while no other process may write to it; see `open_sweep_folder`.

    Attributes:
        path: The folder.
        record: What sweep.json holds.
        outcomes: What is finished, by the identity of its task.
    """

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path = path
        self.record = record
        self.outcomes: dict[str, Outcome] = {}
        self._journal = path / JOURNAL
        self._read_journal()

    def add(self, identity: str, outcome: Outcome) -> None:
        """Append a finished point; it outlives whatever happens next.

        Raises:
            OutputError: it cannot be written.
        """
        line = _Line(point=identity, outcome=outcome).model_dump_json(exclude_none=True)
        try:
            with self._journal.open("ab") as file:
                file.write(f"{line}\n".encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{self._journal}: cannot be written: {error.strerror}") from None
        self.outcomes[identity] = outcome

    def check_versions(self) -> None:
        """Refuse to add to what other versions began.

        Raises:
            SweepError: they differ from those that began it.
        """
        begun, here = self.record["versions"], numerical_versions()
        if begun != here:
            raise SweepError(
                f"{self.path}: was begun with {begun}, here is {here}, and one table must not mix them; choose another "
                "--out, or go on with the versions that began it"
            )

    def finish(self, summary: dict[str, Any]) -> None:
        """Put the summary into the record."""
        self.record["summary"] = summary
        self.write(RECORD, record_json(self.record).encode())

    def write(self, name: str, content: bytes) -> None:
        """A file of the folder, whole or not at all; one that holds this content already is left as it is."""
        target = self.path / name
        if not target.is_file() or target.read_bytes() != content:
            write_bytes(target, content)

    def _read_journal(self) -> None:
        """Read what is finished; the last line, if the process was killed while writing it, is cut off."""
        if not self._journal.exists():
            return
        try:
            content = self._journal.read_bytes()
            *lines, torn = content.split(b"\n")
            if torn:
                os.truncate(self._journal, len(content) - len(torn))
        except OSError as error:
            raise SweepError(f"{self._journal}: cannot be read: {error.strerror}") from None
        for number, text in enumerate(lines, 1):
            try:
                line = _Line.model_validate_json(text)
            except ValidationError as error:
                raise SweepError(
                    f"{self._journal}: line {number} is damaged ({first_complaint(error)}); remove that line, and its "
                    "point is computed again"
                ) from None
            self.outcomes[line.point] = line.outcome


@contextmanager
def open_sweep_folder(path: Path, sweep: Sweep) -> Iterator[SweepFolder]:
    """A sweep's folder, new or begun before, for this process alone.

    Raises:
        OutputError: it cannot be written, or holds something else.
        SweepError: it is another sweep's or damaged, or another process is at work in it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        _record_of(path, sweep)  # refuses before anything is left in a folder of others
        lock = FileLock(path / _LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise SweepError(f"{path}: another process is computing this sweep; wait for it, or stop it first") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}; choose another --out") from None
    try:
        folder = SweepFolder(path, _record_of(path, sweep))
        folder.write(RECORD, record_json(folder.record).encode())
        yield folder
    finally:
        lock.release()


def record_json(record: dict[str, Any]) -> str:
    """The text of sweep.json."""
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _record_of(path: Path, sweep: Sweep) -> dict[str, Any]:
    """The record that a folder holds, or a new one for an empty folder."""
    source, content_hash = path / RECORD, sweep.content_hash()
    if not source.exists():
        others = sorted(each.name for each in path.iterdir() if not each.name.startswith("."))
        if others:
            raise OutputError(f"{path}: holds {others[0]}, but no {RECORD}, so it is no sweep's; choose another --out")
        return {
            "schema": RECORD_SCHEMA,
            "title": sweep.title,
            "content_hash": content_hash,
            "versions": numerical_versions(),
            "points": sweep.size,
            "sweep": sweep.record(),
            "summary": None,
        }
    try:
        record = json.loads(read_text(source, SweepError, _RECORD_BYTES, "the record of a sweep"))
    except (ValueError, RecursionError) as error:
        raise SweepError(f"{source}: {invalid('JSON', error)}; choose another --out") from None
    if not isinstance(record, dict) or record.get("schema") != RECORD_SCHEMA or "versions" not in record:
        raise SweepError(f"{source}: is no record of a sweep that this version reads; choose another --out")
    if record.get("content_hash") != content_hash:
        raise SweepError(
            f"{path}: holds another sweep ({str(record.get('content_hash'))[:12]}…, this one is {content_hash[:12]}…): "
            "its scenario, axes or title differ; choose another --out"
        )
    return record
