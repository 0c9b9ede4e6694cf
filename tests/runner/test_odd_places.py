"""Names that are no valid UTF-8, names too long for any file, and a full disk: one line and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bellqueue.model.errors import BellqueueError

import bellqueue as bq
from tests.runner.conftest import Run, check_refusal
from tests.runner.recorded_runs import write_run
from tests.scenarios import default_record

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
