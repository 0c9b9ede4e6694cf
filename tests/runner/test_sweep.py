"""`bellqueue sweep`: table and map, going on where it was stopped, and whatever dies or is refused on the way."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bellqueue.model.errors import OutputError, SweepError
from bellqueue.model.sweep.grid import Sweep
from bellqueue.model.sweep.point import Outcome, PointTask
from bellqueue.runner.sweep import computing as sweep_module
from bellqueue.runner.sweep import folder as sweep_folder
from bellqueue.runner.sweep.computing import compute_sweep
from bellqueue.runner.sweep.folder import JOURNAL, RECORD, SweepFolder, open_sweep_folder
from bellqueue.runner.sweep.table import column_names, csv_text

from tests.runner.conftest import Run, check_refusal
from tests.runner.sweep_points import GATE, Gate, instant, outcome_killing, outcome_killing_once

ROOT = Path(__file__).parent.parent.parent
SWEEP = """
title = "Load and size mix"
[[axis]]
field = "load"
values = [0.2, 1.2]
[[axis]]
field = "probability.long"
from = 0.3
to = 0.6
count = 2
"""


@pytest.fixture(autouse=True)
def _kept() -> None:
    """Nothing is: a point solved after others would differ in its last digits from one solved alone."""


def loads(*values: float) -> Sweep:
    return Sweep.parse({"axis": [{"field": "load", "values": list(values)}]})


def identities(sweep: Sweep) -> list[str]:
    return [point.task.identity for point in sweep.points() if point.task]


def journal(folder: Path) -> list[str]:
    return [json.loads(line)["point"] for line in (folder / JOURNAL).read_text().splitlines()]


def table(sweep: Sweep, path: Path) -> str:
    with open_sweep_folder(path, sweep) as folder:
        rows = [
            (point, folder.outcomes[point.task.identity] if point.task else Outcome(status="invalid"))
            for point in sweep.points()
        ]
    return csv_text(sweep, rows)


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """No processes, for tests in which they do not matter."""
    monkeypatch.setattr(sweep_module, "local_pool", lambda _: ThreadPoolExecutor(1))


class Counted:
    """Points computed at once and without physics; `seen` are their identities, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, task: PointTask) -> Outcome:
        self.seen.append(task.identity)
        return instant(task)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> list[str]:
    """The identities of the points that the command computes, in order."""
    counted = Counted()
    monkeypatch.setattr(sweep_module, "outcome_of", counted)
    return counted.seen


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if not path.name.startswith(".")
    }


def test_two_runs_are_the_same_to_the_byte_and_a_finished_one_is_left_alone(call: Run, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SWEEP)
    done = call("sweep", "s.toml", "--workers", 2, "--format", "parquet")
    assert done.returncode == 0, done.stderr
    assert "4 points (2 computed now); entanglement helps at 2" in done.stdout
    assert re.search(r"largest advantage: \d\.\d % less waiting, at load = 0\.2, probability\.long = 0\.3", done.stdout)
    assert "invalid: 2 of the points, the first because the load is 1.2" in done.stdout
    (first,) = (tmp_path / "bellqueue-sweeps").iterdir()
    before = files(first)
    assert sorted(before) == ["map.png", "map.svg", "points.jsonl", "rows.csv", "rows.parquet", "sweep.json"]

    again = call("sweep", "s.toml", "--format", "parquet")
    assert "(0 computed now)" in again.stdout
    assert files(first) == before

    assert call("sweep", "s.toml", "--out", "other", "--workers", 1, "--format", "parquet").returncode == 0
    others = files(tmp_path / "other")
    assert {name: others[name][0] for name in others if name != JOURNAL} == {
        name: before[name][0] for name in before if name != JOURNAL
    }  # the journal alone holds the points as they came

    rows = list(csv.DictReader((first / "rows.csv").open(encoding="utf-8")))
    assert [(row["axis.load"], row["axis.probability.long"], row["status"]) for row in rows] == [
        (load, share, "invalid" if load == "1.2" else "computed") for load in ("0.2", "1.2") for share in ("0.3", "0.6")
    ]
    assert float(rows[0]["pair_rate"]) == pytest.approx(0.08)
    assert rows[-1]["reason"].startswith("the load is 1.2")
    assert not any(rows[-1][name] for name in column_names(Sweep.load(tmp_path / "s.toml"))[4:])
    _assert_parquet_equals(first / "rows.parquet", rows)


@pytest.mark.usefixtures("one_thread")
def test_the_largest_advantage_is_that_of_the_reference_table(call: Run, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('[[axis]]\nfield = "load"\nvalues = [0.05, 0.6]\n')
    done = call("sweep", "s.toml", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "largest advantage: 15.0 % less waiting, at load = 0.05" in done.stdout  # MODEL §5
    rows = list(csv.DictReader((tmp_path / "out" / "rows.csv").open(encoding="utf-8")))
    assert float(rows[0]["pair_rate"]) == pytest.approx(0.02)
    assert float(rows[0]["waiting_time_reduction_relative"]) == pytest.approx(0.1497, abs=5e-5)


def _assert_parquet_equals(path: Path, rows: list[dict[str, str]]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    read = parquet.read_table(path)
    assert read.column_names == list(rows[0])
    for row, told in zip(read.to_pylist(), rows, strict=True):
        for name, value in row.items():
            text = told[name]
            if isinstance(value, bool):
                assert text == str(value).lower()
            elif isinstance(value, float | int):
                assert float(text) == value  # exactly: the CSV can be read back without loss
            else:
                assert text == (value or "")


@pytest.mark.usefixtures("one_thread")
def test_points_that_coincide_are_computed_once(tmp_path: Path) -> None:
    sweep, counted = loads(0.1, 0.2, 0.1, 0.2, 0.1), Counted()
    with open_sweep_folder(tmp_path / "out", sweep) as folder:
        points, number = compute_sweep(sweep, folder, function=counted)
    assert number == len(counted.seen) == 2
    assert len(points) == 5
    assert [row.split(",")[5] for row in table(sweep, tmp_path / "out").splitlines()[1:]] == [
        "0.1", "0.2", "0.1", "0.2", "0.1",
    ]  # fmt: skip


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("kept", [0, 1, -1, None], ids=["between lines", "one byte", "all but the newline", "zeros"])
def test_a_killed_sweep_goes_on_with_what_is_missing(kept: int | None, tmp_path: Path) -> None:
    """Killed while the third line was being written: its point and those after it are missing, and nothing else."""
    sweep, counted = loads(0.1, 0.2, 0.3, 0.4), Counted()
    wanted = identities(sweep)
    with open_sweep_folder(tmp_path, sweep) as folder:
        compute_sweep(sweep, folder, function=counted)
    assert counted.seen == wanted
    whole, lines = table(sweep, tmp_path), (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    torn = b"\0\0\0" if kept is None else lines[2][:kept]
    (tmp_path / JOURNAL).write_bytes(b"".join(lines[:2]) + torn)
    counted.seen.clear()
    with open_sweep_folder(tmp_path, sweep) as folder:
        assert compute_sweep(sweep, folder, function=counted)[1] == 2
    assert counted.seen == wanted[2:]
    assert journal(tmp_path) == wanted
    assert table(sweep, tmp_path) == whole


def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(
    call: Run, tmp_path: Path, computed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.toml").write_text('[[axis]]\nfield = "load"\nvalues = [0.1, 0.2, 0.3, 0.4]\n')
    add = SweepFolder.add

    def add_and_interrupt(self: SweepFolder, identity: str, outcome: Outcome) -> None:
        add(self, identity, outcome)
        if len(self.outcomes) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(SweepFolder, "add", add_and_interrupt)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a test runner may ignore it
        done = call("sweep", "s.toml", "--out", "my out")
        signal.signal(signal.SIGINT, before)
    assert done.returncode == 130
    assert done.stderr.strip() == (
        "bellqueue: interrupted; what is finished is kept in my out, resume with: bellqueue sweep s.toml --out 'my out'"
    )
    assert sorted(files(tmp_path / "my out")) == [JOURNAL, RECORD]
    finished = journal(tmp_path / "my out")
    assert len(finished) >= 2
    computed.clear()
    assert call("sweep", "s.toml", "--out", "my out").returncode == 0
    assert computed == identities(Sweep.load(tmp_path / "s.toml"))[len(finished) :]


def test_a_damaged_line_is_named(tmp_path: Path, call: Run, computed: list[str]) -> None:
    (tmp_path / "s.toml").write_text('[[axis]]\nfield = "load"\nvalues = [0.1, 0.2]\n')
    call("sweep", "s.toml", "--out", "out")
    path = tmp_path / "out" / JOURNAL
    path.write_bytes(path.read_bytes().replace(b'"computed"', b'"dreamt"', 1))
    done = call("sweep", "s.toml", "--out", "out")
    assert done.returncode == 2
    assert re.match(r"bellqueue: .*points.jsonl: line 1 is damaged \(outcome.status: .*; remove that line", done.stderr)


@pytest.mark.usefixtures("one_thread")
def test_a_folder_of_another_sweep_or_of_anything_else_is_refused(tmp_path: Path) -> None:
    with open_sweep_folder(tmp_path / "mine", loads(0.1)) as folder:
        compute_sweep(loads(0.1), folder, function=instant)
    before = files(tmp_path / "mine")
    with pytest.raises(SweepError, match="holds another sweep"), open_sweep_folder(tmp_path / "mine", loads(0.2)):
        pass
    assert files(tmp_path / "mine") == before
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.tex").write_text("x")
    with pytest.raises(OutputError, match=r"thesis\.tex"), open_sweep_folder(tmp_path / "notes", loads(0.1)):
        pass
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["thesis.tex"]
    (tmp_path / "mine" / RECORD).write_text("[1]")
    with pytest.raises(SweepError, match="is no record of a sweep"), open_sweep_folder(tmp_path / "mine", loads(0.1)):
        pass


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    with (
        open_sweep_folder(tmp_path, loads(0.1)),
        pytest.raises(SweepError, match="another process"),
        open_sweep_folder(tmp_path, loads(0.1)),
    ):
        pass


@pytest.mark.usefixtures("one_thread")
def test_one_table_does_not_mix_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = loads(0.1, 0.2)

    def compute(limit: int) -> None:
        with open_sweep_folder(tmp_path, sweep) as folder:

            def stop(what: str, done: int, total: int | None) -> None:
                if what == "computing the points" and done == limit:
                    raise KeyboardInterrupt

            compute_sweep(sweep, folder, function=instant, watch=stop)

    with pytest.raises(KeyboardInterrupt):
        compute(1)
    with monkeypatch.context() as patch:
        patch.setattr(sweep_folder, "numerical_versions", lambda: {"bellqueue": "9", "numpy": "9", "scipy": "9"})
        with pytest.raises(SweepError, match="must not mix"):
            compute(3)
    compute(3)
    monkeypatch.setattr(sweep_folder, "numerical_versions", lambda: {"bellqueue": "9", "numpy": "9", "scipy": "9"})
    compute(3)  # nothing is missing, so nothing is mixed


def test_a_worker_that_dies_loses_and_doubles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = loads(0.1, 0.2, 0.3, 0.4)
    wanted = identities(sweep)
    said: list[str] = []
    Gate(tmp_path).lay(wanted[2])
    monkeypatch.setenv(GATE, str(tmp_path))
    with open_sweep_folder(tmp_path / "out", sweep) as folder:
        compute_sweep(sweep, folder, workers=1, function=outcome_killing_once, say=said.append)
    assert "a worker process died" in said[0]
    assert sorted(journal(tmp_path / "out")) == sorted(wanted)
    monkeypatch.setattr(sweep_module, "local_pool", lambda _: ThreadPoolExecutor(1))
    with open_sweep_folder(tmp_path / "serial", sweep) as folder:
        compute_sweep(sweep, folder, function=instant)
    assert table(sweep, tmp_path / "out") == table(sweep, tmp_path / "serial")


def test_workers_that_die_again_and_again_end_the_sweep(tmp_path: Path) -> None:
    sweep = loads(0.1)
    with (
        open_sweep_folder(tmp_path, sweep) as folder,
        pytest.raises(SweepError, match="worker processes die; 1 of 1 points are missing"),
    ):
        compute_sweep(sweep, folder, workers=1, function=outcome_killing)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.toml"], "missing.toml: no such file; give a sweep file"),
        (["."], "is a folder"),
        (["bad.toml"], "nearest: load"),
        (["s.toml", "--out", "s.toml"], "s.toml: cannot be written"),
        (["s.toml", "--workers", "0"], "workers"),
        (["s.toml", "--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "leave it out with --scheduler"),
        (["s.toml", "--scheduler", "localhost"], "'localhost': is no address"),
        (["s.toml", "--scheduler", ""], "is no address"),
        (["s.toml", "--format", "xls"], "format"),
        ([], "SWEEP"),
    ],
)
def test_wrong_arguments_are_answered_in_one_line(arguments: list[str], words: str, call: Run, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SWEEP)
    (tmp_path / "bad.toml").write_text(SWEEP.replace('"load"', '"laod"'))
    check_refusal(call("sweep", *arguments), words)
    assert {path.name for path in tmp_path.iterdir()} == {"s.toml", "bad.toml"}


@pytest.mark.parametrize(
    ("module", "option", "extra"),
    [
        ("distributed", "--scheduler=tcp://127.0.0.1:1", "dask"),
        ("pyarrow", "--format=parquet", "parquet"),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(
    module: str, option: str, extra: str, call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.toml").write_text(SWEEP)
    monkeypatch.setitem(sys.modules, module, None)
    done = call("sweep", "s.toml", option, "--out", "out")
    check_refusal(done, f'install it with: pip install "bellqueue[{extra}]"')


def test_an_axis_that_changes_nothing_is_said(call: Run, tmp_path: Path, computed: list[str]) -> None:
    (tmp_path / "s.toml").write_text('[[axis]]\nfield = "experiment.shots"\nvalues = [10, 20]\n')
    done = call("sweep", "s.toml", "--json")
    assert done.stderr == "bellqueue: axis experiment.shots: nothing that is computed depends on it\n"
    assert len(computed) == 1
    assert json.loads(done.stdout)["summary"]["computed"] == 2


def test_every_column_is_documented() -> None:
    described = (ROOT / "docs" / "sweep.md").read_text("utf-8")
    for name in column_names(loads(0.1))[1:]:
        assert f"| `{name}` |" in described, name


def test_the_example_can_be_read() -> None:
    example = Sweep.load(ROOT / "examples" / "sweep.toml")
    assert all(point.task for point in example.points())
