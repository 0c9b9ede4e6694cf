"""Names that are no valid UTF-8, names too long for any file, and a full disk: one line and an exit code."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bellqueue.model.errors import BellqueueError
from bellqueue.runner import commands
from bellqueue.runner.commands.terminal import Screen
from rich.text import Text

import bellqueue as bq
from tests.runner.conftest import Run, check_refusal
from tests.runner.recorded_runs import write_run
from tests.scenarios import IBM_HANOI, default_record

ODD = os.fsdecode(b"run-\xff")
LONG = "x" * 300


def test_a_folder_whose_name_is_not_utf8_is_a_folder(call: Run, tmp_path: Path) -> None:
    done = call("run", "--backend", "aer", "--shots", 200, "--seed", 1, "--out", ODD)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ODD / "report.html").is_file()
    for words in (["analyze", ODD, "--json"], ["verify", ODD, "--json"], ["compare", ODD, ODD, "--json"]):
        done = call(*words)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)
    assert "\N{REPLACEMENT CHARACTER}" in call("compare", ODD, ODD, "--csv").stdout
    assert call("report", ODD).returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--backend", "aer", "--shots", 200, "--out", LONG],
        ["run", LONG],
        ["analyze", LONG],
        ["analyze", "run", "--report", f"{LONG}.html"],
        ["report", LONG],
        ["report", "run", "--out", LONG],
        ["verify", LONG],
        ["replay", LONG],
        ["compare", "run", LONG],
        ["compare", "run", "run", "--out", f"{LONG}.png"],
        ["frontier", "--plot", f"{LONG}.png"],
        ["sweep", LONG],
    ],
    ids=lambda words: " ".join(str(word)[:9] for word in words),
)
def test_a_name_that_no_file_can_have_is_refused_in_one_line(words: list[object], call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "run", default_record(shots=300))
    check_refusal(call(*words), "File name too long")


def test_in_python_it_is_an_error_of_ours(tmp_path: Path) -> None:
    for wrong in (
        lambda: bq.analyze(LONG, "default"),
        lambda: bq.compare([LONG, LONG]),
        lambda: bq.run(backend="aer", shots=100, out=tmp_path / LONG),
    ):
        with pytest.raises(BellqueueError, match="File name too long"):
            wrong()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("words", [["--version"], ["backends", "--offline", "--json"]])
def test_a_full_disk_below_the_output_is_said_in_one_line(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "bellqueue", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=900, check=False)
    assert done.returncode == 2
    said = "standard output: cannot be written: No space left on device; make room, or send it elsewhere"
    assert done.stderr == f"bellqueue: {said}\n"


def test_a_lack_of_memory_is_said_in_one_line(call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As numpy says it of an array that does not fit."""

    def too_large(*_: object) -> None:
        raise MemoryError("Unable to allocate 20.0 PiB for an array")

    monkeypatch.setattr("bellqueue.model.games.frontiers.Frontiers.of", too_large)
    check_refusal(call("frontier"), "not enough memory (Unable to allocate 20.0 PiB for an array); choose fewer types")


HANOI = {"schema": "bellqueue.counts/1", "counts": IBM_HANOI}
EVIL = "e\x1b[31mvil\x07\u202e\nx y"


@pytest.mark.parametrize(
    "words",
    [
        ["plan", f"{EVIL}.json", "--visibility", 0.9],
        ["plan", f"{EVIL}.json", "--visibility", 0.9, "--full"],
        ["plan", f"no {EVIL}.toml"],
        ["run", f"{EVIL}.json", "--backend", "aer", "--shots", 200, "--out", f"new {EVIL}"],
        ["run", f"{EVIL}.json", "--backend", "aer", "--shots", 200, "--out", f"new {EVIL}", "--full"],
        ["run", "--backend", EVIL],
        ["run", "--out", EVIL],
        ["submit", f"{EVIL}.json", "--backend", "aer"],
        ["analyze", EVIL],
        ["analyze", EVIL, "--full"],
        ["analyze", EVIL, "--report", f"{EVIL}.html"],
        ["analyze", f"no {EVIL}"],
        ["verify", EVIL],
        ["report", EVIL],
        ["compare", EVIL, EVIL, "--out", f"{EVIL}.png"],
        ["replay", EVIL, "--pairs", 1000, "--plot", f"{EVIL}.png"],
        ["frontier", f"{EVIL}.json", "--plot", f"{EVIL}.png"],
        ["runs", "."],
        ["runs", f"no {EVIL}"],
        ["status", "--ledger", f"no {EVIL}.db"],
        ["sweep", f"{EVIL}.toml", "--workers", 1],
        [EVIL],
        ["run", f"--{EVIL}"],
    ],
    ids=ascii,
)
def test_what_others_named_cannot_write_to_the_terminal(words: list[object], call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / EVIL, default_record(shots=300) | {"title": f"A title {EVIL}"})
    (tmp_path / f"{EVIL}.json").write_text(json.dumps(default_record() | {"title": f"A title {EVIL}"}))
    (tmp_path / f"{EVIL}.toml").write_text('[[axis]]\nfield = "load"\nvalues = [0.5]')
    done = call(*words)
    told = (done.stdout + done.stderr).splitlines()
    assert "x y" in " ".join(told)
    assert [line for line in told if not line.isprintable()] == []
    assert not any(line.startswith("x y") for line in told)


def test_a_table_keeps_its_own_styles_and_no_escape_of_what_it_holds() -> None:
    screen = Screen(file=io.StringIO(), force_terminal=True, color_system="standard", width=80)
    screen.print(Text("e\x1b[31mvil", style="bold"))
    assert isinstance(screen.file, io.StringIO)
    assert screen.file.getvalue() == "\x1b[1me\N{REPLACEMENT CHARACTER}[31mvil\x1b[0m\n"


def test_commands_print_by_the_functions_of_the_terminal_alone() -> None:
    """Whatever else prints may let through what others named; the rest is help, version and the last line of all."""
    found = [
        (path.name, line.strip())
        for path in sorted(Path(commands.__file__).parent.rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"(?<![\w.])(print|Console|sys\.std(out|err)\.write)\(", line) and path.name != "terminal.py"
    ]
    assert found == [
        ("cli.py", "print(context.get_help())"),
        ("cli.py", 'print(f"bellqueue: {printable(message)}", file=sys.stderr)'),
        ("options.py", 'print(f"bellqueue {bellqueue_version()}")'),
    ]


def _link(place: Path) -> None:
    (place / "lnk").symlink_to("lnk")


def _compressed(place: Path) -> None:
    (place / "c.json").write_bytes(gzip.compress(json.dumps(HANOI).encode()))


def _long_number(place: Path) -> None:
    (place / "c.json").write_text(f'{{"schema": "bellqueue.counts/1", "counts": {"1" * 5001}}}')


def _no_scenario(place: Path) -> None:
    write_run(place / "run", default_record(shots=300))
    (place / "run" / "scenario.json").unlink()
    (place / "run" / "scenario.json").mkdir()


COUNTS = ["analyze", "c.json", "--scenario", "default"]


@pytest.mark.parametrize(
    ("made", "words", "said"),
    [
        (
            _link,
            ["analyze", "lnk"],
            "lnk: is a link to lnk, where nothing is; give a counts JSON, a trials CSV or a run's",
        ),
        (_link, ["compare", "lnk", "lnk"], "lnk: is a link to lnk, where nothing is; give a run's folder,"),
        (_link, ["verify", "lnk"], "lnk: cannot be read: Too many levels of symbolic links"),
        (_link, ["replay", "lnk"], "lnk: is a link to lnk, where nothing is; give the folder that"),
        (_compressed, COUNTS, "c.json: is compressed (gzip); unpack it first: gunzip c.json"),
        (_long_number, COUNTS, "c.json: not valid JSON: a number in it has more than 4300 digits; correct it"),
        (_no_scenario, ["analyze", "run"], "run/scenario.json: is not a regular file; restore the run's own"),
    ],
)
def test_a_complaint_about_a_file_says_what_helps(
    made: Callable[[Path], None], words: list[str], said: str, call: Run, tmp_path: Path
) -> None:
    made(tmp_path)
    check_refusal(call(*words), said)


def test_only_files_of_the_kind_that_is_wanted_are_proposed(call: Run, tmp_path: Path) -> None:
    (tmp_path / "hanoi.json").write_text(json.dumps(HANOI))
    for name in ("runs.html", "runs.toml", "hanoy.html", "shares.png"):
        (tmp_path / name).touch()
    write_run(tmp_path / "run-one", default_record(shots=300))
    give = "; give a table of input_distribution by types"
    data = ["analyze", "hanoi.json", "--scenario", "default", "--settings", "random", "--input-distribution"]
    check_refusal(call(*data, "share"), f"share: no such file{give}")
    check_refusal(call("analyze", "hanoy", "--scenario", "default"), "did you mean hanoi.json?")
    check_refusal(call("replay", "run"), "did you mean run-one?")
    check_refusal(call("plan", "run.tml"), "did you mean runs.toml?")
