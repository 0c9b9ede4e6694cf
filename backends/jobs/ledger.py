"""The ledger of submitted runs: an SQLite file; every intent is committed before the act, every result kept raw."""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from ...model.errors import LedgerError
from ...model.printable import command_line
from ...model.suggestion import nearest
from ...model.validation import as_text
from ..accounts.redaction import redact
from ..protocol import plain
from .entries import JobEntry, JobState, RunEntry

_SURPLUS = "surplus job at the provider: "
BUSY = 60.0  # seconds to wait for another process's transaction

# Each script takes the database from version i to i + 1; none is ever edited once released.
# The index sees to it that at most one attempt at a part is on its way or done, whatever two processes do.
MIGRATIONS = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        created TEXT NOT NULL,
        backend TEXT NOT NULL,
        scenario TEXT NOT NULL,
        plan TEXT NOT NULL,
        sampling BLOB NOT NULL,
        attachments TEXT NOT NULL,
        folder TEXT NOT NULL,
        command TEXT NOT NULL,
        content_hash TEXT NOT NULL,
        parts TEXT NOT NULL,
        shots INTEGER NOT NULL,
        estimated_money TEXT,
        estimated_qpu_seconds REAL,
        estimate_basis TEXT NOT NULL,
        finished TEXT,
        closed TEXT
    ) STRICT;
    CREATE TABLE jobs (
        key TEXT PRIMARY KEY,
        run TEXT NOT NULL REFERENCES runs(id),
        part INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        first_trial INTEGER NOT NULL,
        end_trial INTEGER NOT NULL,
        content_hash TEXT NOT NULL,
        intended TEXT NOT NULL,
        id TEXT UNIQUE,
        state TEXT NOT NULL,
        message TEXT NOT NULL DEFAULT '',
        updated TEXT NOT NULL,
        used_qpu_seconds REAL,
        used_money TEXT,
        UNIQUE (run, part, attempt)
    ) STRICT;
    CREATE UNIQUE INDEX one_live_attempt ON jobs (run, part) WHERE state IN ('intended', 'submitted', 'stored');
    CREATE TABLE results (
        job TEXT NOT NULL REFERENCES jobs(key),
        sha256 TEXT NOT NULL,
        fetched TEXT NOT NULL,
        raw BLOB NOT NULL,
        unreadable TEXT,
        PRIMARY KEY (job, sha256)
    ) STRICT;
    CREATE TABLE events (
        at TEXT NOT NULL,
        run TEXT NOT NULL,
        job TEXT,
        what TEXT NOT NULL
    ) STRICT;
    """,
)


_Number = TypeVar("_Number", float, Decimal)


def default_ledger() -> Path:
    """`ledger.db` in the user's data folder, or what BELLQUEUE_LEDGER names."""
    named = os.environ.get("BELLQUEUE_LEDGER")
    return Path(named) if named else user_data_path("bellqueue") / "ledger.db"


class Ledger:
    """An open ledger. Several processes may have the same one open; every change is committed before it returns."""

    def __init__(self, path: Path, begin: bool = True) -> None:
        """Open a ledger, or begin one.

        Args:
            path: The file.
            begin: Whether to begin one if there is none.

        Raises:
            LedgerError: the file is no ledger, is of a newer version, or cannot be read or written.
        """
        self.path = path
        try:
            if path.is_file() and path.stat().st_size and not _is_database(path):
                raise LedgerError(f"{path}: is no ledger, nor any other database; choose another --ledger")
            if path.is_dir() or not (begin or path.is_file()):
                what = "is a folder" if path.is_dir() else "there is no ledger here; submit begins one"
                raise LedgerError(f"{path}: {what}, so choose another --ledger")
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._locks = path.with_name(path.name + ".locks")
            self._locks.mkdir(exist_ok=True, mode=0o700)
            self._database = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
            self._database.row_factory = sqlite3.Row
            # Two connections that turn to WAL at once fail instead of waiting, so they come one after the other.
            with FileLock(self._locks / "opening.lock", timeout=BUSY):
                # WAL lets readers and one writer work at once; FULL makes a commit outlive a power cut.
                for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                    self._database.execute(f"PRAGMA {pragma}")
                self._migrate()
        except (sqlite3.Error, OSError, Timeout) as error:
            raise LedgerError(f"{path}: cannot be used as a ledger: {error}; choose another --ledger") from None

    def command(self, *words: str) -> str:
        """A command about this ledger as it can be typed: with `--ledger` unless it is the default one."""
        return command_line(*words, *([] if self.path == default_ledger() else ["--ledger", self.path]))

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add_run(self, run: RunEntry) -> None:
        """Record a run, before anything of it is submitted.

        Raises:
            LedgerError: its id or its folder is taken.
        """
        with self._transaction() as database:
            taken = database.execute(
                "SELECT id FROM runs WHERE id = ? OR (folder = ? AND finished IS NULL)", (run.id, run.folder)
            ).fetchone()
            if taken:
                raise LedgerError(f"run {taken['id']} has that id or will write {run.folder}; choose another --out")
            names = [*RunEntry.__dataclass_fields__]
            values = [_stored(getattr(run, name)) for name in names]
            places = ", ".join("?" * len(names))
            database.execute(f"INSERT INTO runs ({', '.join(names)}) VALUES ({places})", values)
            _log(database, run.id, None, f"recorded: {run.shots} shots in {len(run.parts)} jobs for {run.backend}")

    def runs(self) -> tuple[RunEntry, ...]:
        """Every run, oldest first."""
        rows = self._query("SELECT * FROM runs ORDER BY rowid")
        return tuple(map(_run, rows))

    def run(self, name: str) -> RunEntry:
        """The run whose id is `name` or alone begins with it.

        Raises:
            LedgerError: there is none, or more than one.
        """
        as_text(name, "run", LedgerError, "20261128-4f1a2b")
        if not name.strip():
            raise LedgerError(f"the name of a run is empty; `{self.command('runs')}` lists them")
        known = [str(row["id"]) for row in self._query("SELECT id FROM runs ORDER BY rowid")]
        found = [name] if name in known else [each for each in known if each.startswith(name)]
        if len(found) == 1:
            return _run(*self._query("SELECT * FROM runs WHERE id = ?", *found))
        if found:
            raise LedgerError(f"{name!r} begins {len(found)} runs: {', '.join(found[:5])}; type more")
        near = nearest(name, known)
        hint = f"did you mean {near}? " if near else ""
        raise LedgerError(f"no run {name!r} in {self.path}; {hint}`{self.command('runs')}` lists them")

    def jobs(self, run: str) -> tuple[JobEntry, ...]:
        """Every attempt of a run, by part, then attempt."""
        rows = self._query("SELECT * FROM jobs WHERE run = ? ORDER BY part, attempt", run)
        return tuple(map(_job, rows))

    def intend(self, run: str, part: int, trials: range, content_hash: str) -> JobEntry:
        """Write down that a part is about to be submitted, under a new key.

        Raises:
            LedgerError: an earlier attempt at it may still bring its trials.
        """
        key = f"bellqueue-{secrets.token_hex(16)}"
        moment = _now()
        with self._transaction() as database:
            attempts = database.execute("SELECT count(*) FROM jobs WHERE run = ? AND part = ?", (run, part))
            attempt = attempts.fetchone()[0] + 1
            try:
                database.execute(
                    "INSERT INTO jobs (key, run, part, attempt, first_trial, end_trial, content_hash, intended, state,"
                    " updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'intended', ?)",
                    (key, run, part, attempt, trials.start, trials.stop, content_hash, moment, moment),
                )
            except sqlite3.IntegrityError:
                raise LedgerError(f"run {run}: part {part + 1} has a job already; it is not submitted again") from None
            _log(database, run, key, f"part {part + 1}, attempt {attempt}: about to submit")
        return self._job(key)

    def renew(self, key: str) -> JobEntry:
        """Write down that a lost attempt is about to be submitted again, under the key it had.

        Raises:
            LedgerError: another attempt at its part may still bring its trials.
        """
        return self._change(key, "intended", "about to submit again, under the same key", intended=_now(), message="")

    def accepted(self, key: str, job: str) -> JobEntry:
        """Note the provider's id of a job."""
        return self._change(key, "submitted", f"the provider calls it {job}", id=plain(job), message="")

    def settle(self, key: str, state: JobState, message: str = "") -> JobEntry:
        """Note the state of a job; only a change is written."""
        job = self._job(key)
        message = redact(plain(message))
        if (job.state, job.message) == (state, message):
            return job
        return self._change(key, state, f"{state}: {message}" if message else state, message=message)

    def used(self, key: str, qpu_seconds: float | None, money: Decimal | None) -> JobEntry:
        """Note what the provider says a job used; no number but a finite one gets in."""
        qpu_seconds, money = _finite(qpu_seconds), _finite(money)
        what = f"used {qpu_seconds} s, {money} USD"
        return self._change(key, None, what, used_qpu_seconds=qpu_seconds, used_money=_money_text(money))

    def store(self, key: str, raw: bytes) -> None:
        """Keep a result as it came, with its checksum; the same bytes a second time change nothing."""
        checksum = hashlib.sha256(raw).hexdigest()
        with self._transaction() as database:
            known = database.execute("SELECT 1 FROM results WHERE job = ? AND sha256 = ?", (key, checksum)).fetchone()
            if not known:
                values = (key, checksum, _now(), raw)
                database.execute("INSERT INTO results (job, sha256, fetched, raw) VALUES (?, ?, ?, ?)", values)
                _log(database, self._job(key).run, key, f"{len(raw)} bytes of result, SHA-256 {checksum}")

    def unreadable(self, key: str, raw: bytes, why: str) -> None:
        """Note that a stored result cannot be parsed; it stays, and the next fetch downloads again."""
        checksum = hashlib.sha256(raw).hexdigest()
        with self._transaction() as database:
            database.execute(
                "UPDATE results SET unreadable = ? WHERE job = ? AND sha256 = ?", (redact(why), key, checksum)
            )
            _log(database, self._job(key).run, key, f"result {checksum[:12]} cannot be read: {redact(why)}")

    def readable(self, key: str, raw: bytes) -> None:
        """Note that a stored result can be parsed, also one that could not be before.

        From now on it is the result: what else was stored for the job and never read (a process ended before) stays,
        but is not taken for it.
        """
        checksum = hashlib.sha256(raw).hexdigest()
        with self._transaction() as database:
            database.execute("UPDATE results SET unreadable = NULL WHERE job = ? AND sha256 = ?", (key, checksum))
            database.execute(
                "UPDATE results SET unreadable = ? WHERE job = ? AND sha256 <> ? AND unreadable IS NULL",
                ("superseded by one that was read", key, checksum),
            )

    def result(self, key: str) -> bytes | None:
        """The readable result of a job, or None.

        Raises:
            LedgerError: what is stored does not fit its checksum.
        """
        rows = self._query("SELECT * FROM results WHERE job = ? AND unreadable IS NULL ORDER BY rowid DESC", key)
        if not rows:
            return None
        raw = bytes(rows[0]["raw"])
        if hashlib.sha256(raw).hexdigest() != rows[0]["sha256"]:
            raise LedgerError(f"{self.path}: the result of job {key} does not fit its checksum; restore a backup")
        return raw

    def finish(self, run: str, folder: Path) -> None:
        """Note that a run's folder has been written."""
        with self._transaction() as database:
            database.execute("UPDATE runs SET finished = ?, folder = ? WHERE id = ?", (_now(), str(folder), run))
            _log(database, run, None, f"finished: {folder}")

    def close_run(self, run: str, closed: bool) -> None:
        """Note that nobody waits for a run any more, or that somebody does again."""
        with self._transaction() as database:
            database.execute("UPDATE runs SET closed = ? WHERE id = ?", (_now() if closed else None, run))
            _log(database, run, None, "closed" if closed else "taken up again")

    def note(self, run: str, job: str | None, what: str) -> None:
        """Add a line to the run's history."""
        with self._transaction() as database:
            _log(database, run, job, what)

    def note_surplus(self, run: str, job: str, identity: str) -> None:
        """Note a job at the provider that the run does not count, because its part has another."""
        self.note(run, job, f"{_SURPLUS}{identity}")

    def surplus(self, run: str) -> tuple[str, ...]:
        """The provider's ids of the jobs that the run has there and does not count."""
        counted = {job.id for job in self.jobs(run)}
        found = (what.removeprefix(_SURPLUS) for _, what in self.history(run) if what.startswith(_SURPLUS))
        return tuple(each for each in dict.fromkeys(found) if each not in counted)

    def history(self, run: str) -> tuple[tuple[str, str], ...]:
        """(moment, what happened), oldest first."""
        rows = self._query("SELECT at, what FROM events WHERE run = ? ORDER BY rowid", run)
        return tuple((row["at"], row["what"]) for row in rows)

    @contextmanager
    def hold(self, run: str, patience: float = 0.0, say: Callable[[str], None] = lambda line: None) -> Iterator[None]:
        """Work on a run alone; the operating system lets go when the process ends, however it ends.

        Args:
            run: The run's id.
            patience: Seconds to wait for another process.
            say: Gets a line if another process must be waited for.

        Raises:
            LedgerError: another process works on it.
        """
        self._locks.mkdir(exist_ok=True)
        lock = FileLock(self._locks / f"{run}.lock")
        try:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if patience <= 0:
                    raise
                say(f"another process is working on run {run}; waiting for it for up to {patience:.0f} s")
                lock.acquire(timeout=patience)
        except Timeout:
            raise LedgerError(f"another process is working on run {run}; wait for it, or stop it first") from None
        try:
            yield
        finally:
            lock.release()

    def _job(self, key: str) -> JobEntry:
        return _job(self._query("SELECT * FROM jobs WHERE key = ?", key)[0])

    def _change(self, key: str, state: JobState | None, what: str, **columns: str | float | None) -> JobEntry:
        values = {**columns, "updated": _now(), **({"state": state} if state else {})}
        with self._transaction() as database:
            assignments = ", ".join(f"{name} = ?" for name in values)
            database.execute(f"UPDATE jobs SET {assignments} WHERE key = ?", (*values.values(), key))
            _log(database, self._job(key).run, key, what)
        return self._job(key)

    def _query(self, sql: str, *values: str) -> list[sqlite3.Row]:
        try:
            return self._database.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise LedgerError(f"{self.path}: cannot be read: {error}") from None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in it or nothing; begins at once, so that two writers queue instead of colliding."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            if self._database.in_transaction:  # a commit that failed leaves it open
                self._database.execute("ROLLBACK")
            raise LedgerError(f"{self.path}: cannot be written: {error}; nothing was changed") from None

    def _migrate(self) -> None:
        if self._database.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
            return
        with self._transaction() as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                raise LedgerError(
                    f"{self.path}: is of version {version}, this bellqueue knows up to {len(MIGRATIONS)}; upgrade it"
                )
            for script in MIGRATIONS[version:]:
                for statement in script.split(";"):  # executescript would commit the transaction first
                    database.execute(statement)
            database.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _run(row: sqlite3.Row) -> RunEntry:
    values = {name: row[name] for name in RunEntry.__dataclass_fields__}
    parts = tuple(range(start, stop) for start, stop in json.loads(row["parts"]))
    return RunEntry(**{**values, "estimated_money": _money(row["estimated_money"]), "parts": parts})


def _job(row: sqlite3.Row) -> JobEntry:
    values = {name: row[name] for name in JobEntry.__dataclass_fields__ if name != "trials"}
    trials = range(row["first_trial"], row["end_trial"])
    used = {"used_qpu_seconds": _finite(row["used_qpu_seconds"]), "used_money": _money(row["used_money"])}
    return JobEntry(**{**values, "trials": trials, **used})


def _log(database: sqlite3.Connection, run: str, job: str | None, what: str) -> None:
    database.execute(
        "INSERT INTO events (at, run, job, what) VALUES (?, ?, ?, ?)", (_now(), run, job, redact(plain(what)))
    )


def _stored(value: object) -> object:
    if isinstance(value, tuple):
        return json.dumps([[trials.start, trials.stop] for trials in value])
    return _money_text(value) if isinstance(value, Decimal) else value


def _money_text(money: Decimal | None) -> str | None:
    return None if money is None else str(money)


def _money(text: str | None) -> Decimal | None:
    return None if text is None else _finite(Decimal(text))


def _finite(value: _Number | None) -> _Number | None:
    """The number, or None for one that is not finite; older versions wrote them down as they came."""
    return value if value is not None and math.isfinite(value) else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
