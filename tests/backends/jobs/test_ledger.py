"""The ledger: what it was told is on disk, once, for every process that looks."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bellqueue.backends.jobs.ledger import MIGRATIONS, Ledger, default_ledger
from bellqueue.model.errors import LedgerError

from .paper_provider import PARTS, RUN, entry

PROCESSES, RUNS = 4, 50
PATIENCE = 600.0  # seconds to wait for processes on a machine with much else to do


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger.db"


@pytest.fixture
def ledger(place: Path) -> Iterator[Ledger]:
    with Ledger(place) as opened:
        yield opened


def rows(place: Path, sql: str) -> list[tuple[object, ...]]:
    """What another connection, which knows nothing of the class, finds in the file."""
    with closing(sqlite3.connect(place)) as database:
        return database.execute(sql).fetchall()


@contextmanager
def python(script: str, *arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of its own that runs a script on an open `ledger`, and its first line; killed at the end."""
    begin = "import sys; from pathlib import Path; from bellqueue.backends.jobs.ledger import Ledger\n"
    command = [sys.executable, "-c", f"{begin}ledger = Ledger(Path(sys.argv[1]))\n{script}", *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


# --- what is written is what is read -----------------------------------------------------------------------------


def test_a_run_comes_back_as_it_was_given(ledger: Ledger, place: Path) -> None:
    run = entry()
    ledger.add_run(run)
    with Ledger(place) as other:
        assert other.run(run.id) == run
        assert other.runs() == (run,)
        assert other.jobs(run.id) == ()


def test_money_is_kept_to_the_last_digit(ledger: Ledger, place: Path) -> None:
    """A float would hold 17 digits; these have more."""
    money = Decimal("0.1000000000000000055511151231257827")
    ledger.add_run(entry(estimated_money=money))
    ledger.add_run(entry("unknown", estimated_money=None, estimated_qpu_seconds=None))
    key = ledger.intend(RUN, 0, PARTS[0], "hash").key
    ledger.used(key, 1.25, Decimal("3.30"))
    with Ledger(place) as other:
        assert str(other.run(RUN).estimated_money) == str(money)
        assert other.run("unknown").estimated_money is None
        (job,) = other.jobs(RUN)
        assert (str(job.used_money), job.used_qpu_seconds) == ("3.30", 1.25)


def test_usage_of_an_older_ledger_that_is_no_number_is_not_known(ledger: Ledger, place: Path) -> None:
    ledger.add_run(entry())
    key = ledger.intend(RUN, 0, PARTS[0], "c0ffee").key
    with closing(sqlite3.connect(place)) as database:
        database.execute("UPDATE jobs SET used_money = 'NaN', used_qpu_seconds = 9e999")
        database.commit()
    (job,) = ledger.jobs(RUN)
    assert (job.key, job.used_money, job.used_qpu_seconds) == (key, None, None)
    assert not job.usage_known


def test_an_attempt_goes_from_intent_to_result(ledger: Ledger) -> None:
    ledger.add_run(entry())
    job = ledger.intend(RUN, 1, PARTS[1], "hash")
    assert (job.state, job.id, job.part, job.attempt, job.trials) == ("intended", None, 1, 1, PARTS[1])
    assert job.live
    assert ledger.accepted(job.key, "provider-7").state == "submitted"
    ledger.store(job.key, b"result")
    stored = ledger.settle(job.key, "stored")
    assert (stored.id, stored.state, stored.live) == ("provider-7", "stored", True)
    assert ledger.result(job.key) == b"result"
    words = [what for _, what in ledger.history(RUN)]
    positions = [
        next(place for place, what in enumerate(words) if sign in what)
        for sign in ("recorded", "about to submit", "provider-7", "bytes of result", "stored")
    ]
    assert positions == sorted(positions)


@pytest.mark.parametrize("state", ["failed", "cancelled", "refused", "lost"])
def test_a_part_whose_job_came_to_nothing_may_be_tried_again_under_another_key(ledger: Ledger, state: str) -> None:
    ledger.add_run(entry())
    first = ledger.intend(RUN, 0, PARTS[0], "hash")
    ledger.settle(first.key, state, "why")  # type: ignore[arg-type]
    second = ledger.intend(RUN, 0, PARTS[0], "hash")
    assert (second.attempt, second.key == first.key) == (2, False)
    assert [(job.attempt, job.state) for job in ledger.jobs(RUN)] == [(1, state), (2, "intended")]


@pytest.mark.parametrize("state", ["intended", "submitted", "stored"])
def test_a_part_whose_trials_may_still_come_is_not_tried_again(ledger: Ledger, state: str) -> None:
    ledger.add_run(entry())
    ledger.settle(ledger.intend(RUN, 0, PARTS[0], "hash").key, state)  # type: ignore[arg-type]
    with pytest.raises(LedgerError, match="part 1 has a job already"):
        ledger.intend(RUN, 0, PARTS[0], "hash")
    assert len(ledger.jobs(RUN)) == 1


def test_a_lost_job_does_not_come_back_beside_a_live_one(ledger: Ledger) -> None:
    """The database itself refuses it, whatever the code above does."""
    ledger.add_run(entry())
    lost = ledger.intend(RUN, 0, PARTS[0], "hash")
    ledger.settle(lost.key, "lost")
    ledger.intend(RUN, 0, PARTS[0], "hash")
    with pytest.raises(LedgerError, match="nothing was changed"):
        ledger.accepted(lost.key, "provider-1")
    assert [job.state for job in ledger.jobs(RUN)] == ["lost", "intended"]


def test_only_a_change_is_written_down(ledger: Ledger) -> None:
    ledger.add_run(entry())
    key = ledger.intend(RUN, 0, PARTS[0], "hash").key
    ledger.settle(key, "submitted", "queued")
    before = ledger.history(RUN)
    for _ in range(5):
        ledger.settle(key, "submitted", "queued")
    assert ledger.history(RUN) == before


# --- names ------------------------------------------------------------------------------------------------------


def test_a_run_is_found_by_as_much_of_its_name_as_is_its_own(ledger: Ledger) -> None:
    for name in ("20260101-aaa", "20260101-aab", "20260102-aaa", "20260102-aaab"):
        ledger.add_run(entry(name))
    assert ledger.run("20260101-aab").id == "20260101-aab"
    assert ledger.run("20260101-aaa").id == "20260101-aaa"
    assert ledger.run("20260102-aaa").id == "20260102-aaa"  # whole, though another begins with it
    with pytest.raises(LedgerError, match="'20260101' begins 2 runs: 20260101-aaa, 20260101-aab; type more"):
        ledger.run("20260101")
    for unknown in ("20270101", "%", "2026____"):
        with pytest.raises(
            LedgerError, match=f"no run '{unknown}' in .*`bellqueue runs --ledger {ledger.path}` lists them"
        ):
            ledger.run(unknown)


def test_two_runs_cannot_share_a_name_or_a_folder_to_be_written(ledger: Ledger) -> None:
    ledger.add_run(entry("one"))
    with pytest.raises(LedgerError, match="choose another --out"):
        ledger.add_run(entry("one", folder="/runs/elsewhere"))
    with pytest.raises(LedgerError, match="choose another --out"):
        ledger.add_run(entry("two", folder="/runs/one"))
    assert [run.id for run in ledger.runs()] == ["one"]
    ledger.finish("one", Path("/runs/moved"))
    assert (ledger.run("one").folder, bool(ledger.run("one").finished)) == ("/runs/moved", True)
    ledger.add_run(entry("two", folder="/runs/one"))


# --- results ----------------------------------------------------------------------------------------------------


@pytest.fixture
def key(ledger: Ledger) -> str:
    """An attempt that has been accepted."""
    ledger.add_run(entry())
    job = ledger.intend(RUN, 0, PARTS[0], "hash")
    ledger.accepted(job.key, "provider-1")
    return job.key


@pytest.mark.parametrize("read_first", [False, True])
def test_what_was_read_is_the_result_whatever_else_came_in_the_same_millisecond(
    ledger: Ledger, key: str, read_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may end between a download and its reading: what it stored is never taken for the result later."""
    monkeypatch.setattr("bellqueue.backends.jobs.ledger._now", lambda: "2026-01-01T00:00:00.000+00:00")
    pieces = [b"half a res", b"a whole result", b"a third of"]
    for raw in reversed(pieces) if read_first else pieces:
        ledger.store(key, raw)
    ledger.readable(key, b"a whole result")
    assert ledger.result(key) == b"a whole result"
    ledger.store(key, b"never asked for")  # the latest, until something is read again
    ledger.readable(key, b"a whole result")
    assert ledger.result(key) == b"a whole result"


def test_a_result_is_kept_byte_for_byte_with_its_checksum(ledger: Ledger, key: str, place: Path) -> None:
    raw = bytes(range(256)) * 100
    assert ledger.result(key) is None
    ledger.store(key, raw)
    assert ledger.result(key) == raw
    assert rows(place, "SELECT job, sha256, raw FROM results") == [(key, hashlib.sha256(raw).hexdigest(), raw)]


def test_the_same_result_again_changes_nothing(ledger: Ledger, key: str, place: Path) -> None:
    ledger.store(key, b"result")
    before = rows(place, "SELECT * FROM results"), ledger.history(RUN)
    ledger.store(key, b"result")
    assert (rows(place, "SELECT * FROM results"), ledger.history(RUN)) == before


def test_a_result_that_was_tampered_with_is_not_given_out(ledger: Ledger, key: str, place: Path) -> None:
    ledger.store(key, b"outcomes 0101")
    with closing(sqlite3.connect(place, isolation_level=None)) as database:
        database.execute("UPDATE results SET raw = ?", (b"outcomes 1111",))
    with pytest.raises(LedgerError, match=f"the result of job {key} does not fit its checksum"):
        ledger.result(key)


def test_a_result_that_cannot_be_read_is_kept_and_not_given_out(ledger: Ledger, key: str, place: Path) -> None:
    ledger.store(key, b"half a res")
    ledger.unreadable(key, b"half a res", "truncated")
    assert ledger.result(key) is None
    ledger.store(key, b"a whole result")
    assert ledger.result(key) == b"a whole result"
    kept = rows(place, "SELECT raw, unreadable FROM results ORDER BY rowid")
    assert kept == [(b"half a res", "truncated"), (b"a whole result", None)]


def test_nothing_of_another_job_is_given_out(ledger: Ledger, key: str) -> None:
    other = ledger.intend(RUN, 1, PARTS[1], "hash").key
    ledger.store(key, b"result of the first")
    assert ledger.result(other) is None
    ledger.store(other, b"result of the first")  # equal bytes of two jobs are two results
    ledger.unreadable(key, b"result of the first", "why not")
    assert (ledger.result(key), ledger.result(other)) == (None, b"result of the first")


# --- opening ----------------------------------------------------------------------------------------------------


def snapshot(place: Path) -> list[str]:
    """Everything in a database as SQL."""
    with closing(sqlite3.connect(place)) as database:
        return [*database.iterdump(), str(database.execute("PRAGMA user_version").fetchone())]


def test_an_empty_file_becomes_a_ledger_of_the_current_version(place: Path) -> None:
    place.parent.mkdir()
    place.touch()
    Ledger(place).close()
    assert rows(place, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    tables = {name for (name,) in rows(place, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"runs", "jobs", "results", "events"}
    assert rows(place, "PRAGMA journal_mode") == [("wal",)]


def test_a_migration_is_all_or_nothing_and_takes_up_where_it_failed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second version is played: its script fails half way, then is right."""
    with Ledger(place) as ledger:
        ledger.add_run(entry())
    before = snapshot(place)
    module = "bellqueue.backends.jobs.ledger.MIGRATIONS"
    monkeypatch.setattr(module, (*MIGRATIONS, "CREATE TABLE more (a TEXT) STRICT; INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(LedgerError, match="nowhere"):
        Ledger(place)
    assert snapshot(place) == before
    monkeypatch.setattr(module, (*MIGRATIONS, "CREATE TABLE more (a TEXT) STRICT; INSERT INTO more VALUES ('x')"))
    with Ledger(place) as ledger:
        assert ledger.run(RUN) == entry()
    Ledger(place).close()
    assert rows(place, "SELECT a FROM more") == [("x",)]
    assert rows(place, "PRAGMA user_version") == [(len(MIGRATIONS) + 1,)]


def test_opening_again_changes_nothing(ledger: Ledger, place: Path) -> None:
    ledger.add_run(entry())
    ledger.intend(RUN, 0, PARTS[0], "hash")
    before = snapshot(place)
    for _ in range(3):
        Ledger(place).close()
    assert snapshot(place) == before


def test_a_ledger_of_a_later_version_is_left_alone(place: Path) -> None:
    Ledger(place).close()
    later = len(MIGRATIONS) + 1
    with closing(sqlite3.connect(place)) as database:
        database.execute(f"PRAGMA user_version = {later}")
    before = snapshot(place)
    with pytest.raises(LedgerError, match=f"is of version {later}, this bellqueue knows up to {later - 1}; upgrade it"):
        Ledger(place)
    assert snapshot(place) == before


def test_a_file_that_is_no_database_is_refused_in_one_line_and_left_alone(place: Path) -> None:
    place.parent.mkdir()
    place.write_text("dear diary, " * 1000)
    with pytest.raises(LedgerError, match=r"ledger\.db: is no ledger, nor any other database") as refusal:
        Ledger(place)
    assert "\n" not in str(refusal.value)
    assert place.read_text() == "dear diary, " * 1000


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match=r"cannot be used as a ledger: .*choose another --ledger"):
        Ledger(tmp_path / "file" / "ledger.db")
    with pytest.raises(LedgerError, match="choose another --ledger"):
        Ledger(tmp_path)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, to whom no folder is read-only; for other users nothing changes."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="POSIX file modes")
def test_a_read_only_folder_is_refused() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        with as_nobody():
            for place in (folder / "ledger.db", folder / "deeper" / "ledger.db"):
                with pytest.raises(LedgerError, match=r"cannot be (used as a ledger|written)") as refusal:
                    Ledger(place)
                assert "\n" not in str(refusal.value)
        assert not list(folder.iterdir())
        folder.chmod(0o755)


def test_the_environment_names_the_ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BELLQUEUE_LEDGER", str(tmp_path / "mine.db"))
    assert default_ledger() == tmp_path / "mine.db"
    monkeypatch.delenv("BELLQUEUE_LEDGER")
    assert default_ledger().name == "ledger.db"


@pytest.mark.skipif(os.name != "posix", reason="POSIX file modes")
def test_a_new_data_folder_is_the_users_alone(place: Path) -> None:
    Ledger(place).close()
    assert place.parent.stat().st_mode & 0o077 == 0


# --- several processes ------------------------------------------------------------------------------------------

INTEND = """
print(ledger.intend(sys.argv[2], 2, range(16, 24), "hash").key, flush=True)
sys.stdin.read()
"""

HOLD = """
with ledger.hold(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_an_intent_is_on_disk_before_it_is_returned_and_outlives_a_kill(ledger: Ledger, place: Path) -> None:
    ledger.add_run(entry())
    with python(INTEND, place, RUN) as (_, key):
        assert rows(place, "SELECT key, state FROM jobs") == [(key, "intended")]
    (job,) = ledger.jobs(RUN)
    assert (job.key, job.state, job.part, job.trials) == (key, "intended", 2, PARTS[2])
    assert rows(place, "PRAGMA integrity_check") == [("ok",)]


def test_a_run_is_worked_on_by_one_process_and_let_go_when_that_is_killed(ledger: Ledger, place: Path) -> None:
    ledger.add_run(entry())
    ledger.add_run(entry("another"))
    with python(HOLD, place, RUN) as (_, said):
        assert said == "held"
        for patience in (0.0, 0.1):
            with (
                pytest.raises(LedgerError, match="another process is working on run"),
                ledger.hold(RUN, patience),
            ):
                pass
        with ledger.hold("another"):
            pass
    for _ in range(2):  # again, because letting go is complete
        with ledger.hold(RUN):
            pass


def test_a_patient_process_gets_a_run_when_the_other_is_done(ledger: Ledger, place: Path) -> None:
    ledger.add_run(entry())
    with python(HOLD, place, RUN) as (process, said):
        assert said == "held"
        assert process.stdin is not None
        threading.Timer(0.2, process.stdin.close).start()
        with ledger.hold(RUN, patience=PATIENCE):
            assert process.wait(PATIENCE) == 0


def in_processes(work: Callable[..., None], what: object) -> list[Any]:
    """Several processes that do `work(what, number, barrier)`, all ended."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # imported once for all of them
    start = context.Barrier(PROCESSES)
    processes = [context.Process(target=work, args=(what, number, start)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return processes


def see_through(place: Path, worker: int, start: object) -> None:
    """Open the ledger at the same moment as the others, see one's own runs through, and compete for a shared one."""
    start.wait(PATIENCE)  # type: ignore[attr-defined]
    with Ledger(place) as ledger:
        for number in range(worker, RUNS, PROCESSES):
            run = entry(f"run-{number:02}")
            ledger.add_run(run)
            for part, trials in enumerate(run.parts):
                if (number + part) % 3 == 0:
                    ledger.settle(ledger.intend(run.id, part, trials, "hash").key, "failed", "try again")
                job = ledger.intend(run.id, part, trials, "hash")
                ledger.accepted(job.key, f"{run.id}/{part}")
                raw = f"result of {run.id}/{part}".encode()
                ledger.store(job.key, raw)
                ledger.store(job.key, raw)
                ledger.settle(job.key, "stored")
                ledger.used(job.key, 1.5, Decimal("0.10"))
            ledger.finish(run.id, Path(run.folder))
        for part, trials in enumerate(entry("shared").parts):
            with suppress(LedgerError):  # another was faster
                job = ledger.intend("shared", part, trials, "hash")
                ledger.accepted(job.key, f"shared/{part} by {worker}")
            with suppress(LedgerError), ledger.hold("shared"):
                ledger.note("shared", None, f"worker {worker} begins alone")
                ledger.note("shared", None, f"worker {worker} ends alone")


def test_four_processes_write_fifty_runs_into_one_ledger(place: Path) -> None:
    with Ledger(place) as ledger:
        ledger.add_run(entry("shared"))
    processes = in_processes(see_through, place)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    with Ledger(place) as ledger:
        assert {run.id for run in ledger.runs()} == {"shared", *(f"run-{number:02}" for number in range(RUNS))}
        for number in range(RUNS):
            run = ledger.run(f"run-{number:02}")
            assert run.finished
            jobs = ledger.jobs(run.id)
            live = [job for job in jobs if job.live]
            assert [(job.part, job.trials, job.id) for job in live] == [
                (part, trials, f"{run.id}/{part}") for part, trials in enumerate(run.parts)
            ]
            assert [job.part for job in jobs if not job.live] == [part for part in range(3) if (number + part) % 3 == 0]
            assert all(ledger.result(job.key) == f"result of {job.id}".encode() for job in live)
            assert sum(job.used_money or 0 for job in live) == Decimal("0.30")
        shared = ledger.jobs("shared")
        assert [(job.part, job.attempt, job.state) for job in shared] == [
            (part, 1, "submitted") for part in range(len(PARTS))
        ]
        alone = [what.split() for _, what in ledger.history("shared") if what.endswith("alone")]
        assert alone
        assert [(worker, what) for _, worker, what, _ in alone] == [
            (worker, what) for _, worker, _, _ in alone[::2] for what in ("begins", "ends")
        ]
        assert len({job.key for run in ledger.runs() for job in ledger.jobs(run.id)}) == 3 + 3 * RUNS + RUNS
    assert rows(place, "PRAGMA integrity_check") == [("ok",)]
    assert rows(place, "PRAGMA foreign_key_check") == []
    assert rows(place, "SELECT count(*) FROM results") == [(3 * RUNS,)]


def open_and_add(places: list[Path], worker: int, start: object) -> None:
    """Begin each ledger at the same moment as the others; fail at the end, so that nobody waits for ever."""
    failures = []
    for place in places:
        start.wait(PATIENCE)  # type: ignore[attr-defined]
        try:
            with Ledger(place) as ledger:
                ledger.add_run(entry(f"run-{worker}"))
        except LedgerError as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup("some ledgers could not be begun", failures)


@pytest.mark.parametrize("turns", [8, pytest.param(30, marks=pytest.mark.slow)])
def test_a_ledger_may_be_begun_by_several_processes_at_once(tmp_path: Path, turns: int) -> None:
    """Whoever comes first makes the tables; nobody fails, and nobody's run is missing."""
    places = [tmp_path / str(turn) / "ledger.db" for turn in range(turns)]
    processes = in_processes(open_and_add, places)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    for place in places:
        assert rows(place, "SELECT count(*) FROM runs") == [(PROCESSES,)]
