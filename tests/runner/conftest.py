"""The command line, run as a user runs it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from bellqueue.runner.commands import terminal

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def check_refusal(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """A user's mistake is answered by exit code 2 and one line that holds certain words."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("bellqueue: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for each in words:
        assert each in done.stderr


@pytest.fixture(autouse=True)
def _sketched(sketched: None) -> None:
    """Only the tests marked `in_full` are about what `sketched` leaves out."""


@pytest.fixture(autouse=True)
def _kept(frontiers_kept: None) -> None:
    """The commands of a module solve each scenario once."""


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress comes after a second, which a busy machine takes for anything."""
    monkeypatch.setattr(terminal, "QUIET", threading.TIMEOUT_MAX)


@pytest.fixture
def bellqueue(tmp_path: Path) -> Run:
    """Runs `bellqueue ARGUMENTS` in an empty folder."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bellqueue", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)

    return run


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """The same inside this process, for many short calls."""
    from bellqueue.runner.commands.cli import main

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["bellqueue", *map(str, arguments)])
        capfd.readouterr()
        streams = sys.stdout, sys.stderr
        try:
            with pytest.raises(SystemExit) as end:
                main()
        finally:  # the program has put streams of its own in their place
            sys.stdout, sys.stderr = streams
        output = capfd.readouterr()
        return subprocess.CompletedProcess(sys.argv, int(end.value.code or 0), output.out, output.err)

    return run
