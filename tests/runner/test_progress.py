"""How far a command is: a bar that never stands full in a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from bellqueue.runner.commands import terminal
from bellqueue.runner.commands.terminal import Bar, Lines
from rich.console import Console
from rich.progress import Progress

from tests.runner.conftest import Run
from tests.runner.recorded_runs import write_run
from tests.scenarios import default_record


def test_a_full_bar_waits_for_what_comes_after() -> None:
    with Progress(console=Console(file=io.StringIO(), force_terminal=True), auto_refresh=False) as progress:
        bar = Bar(progress)
        shown = progress.tasks[0]
        bar("measuring", 3, 10)
        assert (shown.completed, shown.total) == (3, 10)
        bar("measuring", 10, 10)  # the trials are still to be put in order, written and analyzed
        assert shown.total is None
        bar("analyzing", 0, None)
        assert (shown.description, shown.total) == ("analyzing", None)


def test_quick_commands_print_nothing_and_long_ones_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines("preparing", 0, None)
    assert capsys.readouterr().err == ""
    lines.due()
    for done in (1, 2, 3):
        lines("measuring: log10 p -2", done, 9)
    lines.due()
    lines.due()
    lines("analyzing", 0, None)
    lines.end()
    lines("drawing", 0, None)
    assert capsys.readouterr().err.splitlines() == [
        "bellqueue: preparing",
        "bellqueue: measuring: log10 p −2: 1 of 9",
        "bellqueue: measuring: log10 p −2: 3 of 9",
        "bellqueue: analyzing",
    ]


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (["run", "--backend", "aer", "--shots", "500", "--seed", "1"], ["preparing", "measuring", "drawing"]),
        (["plan", "--visibility", "0.9"], ["planning"]),
        (["frontier"], ["frontiers", "bounding"]),
        (["verify", "run"], ["verifying"]),
        (["report", "run"], ["simulating", "drawing"]),
        pytest.param(["sweep", "loads.toml", "--workers", "1"], ["computing", "map"], marks=pytest.mark.slow),
    ],
    ids=lambda words: words[0],
)
def test_every_long_command_tells_its_steps_without_escapes(
    words: list[str], steps: list[str], call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Lines.__init__

    def at_once(lines: Lines) -> None:
        begun(lines)
        lines.due()

    monkeypatch.setattr(terminal.Lines, "__init__", at_once)
    write_run(tmp_path / "run", default_record(shots=500))
    (tmp_path / "loads.toml").write_text('[[axis]]\nfield = "load"\nvalues = [0.05]')
    done = call(*words)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("bellqueue: starting\n")
    assert all(step in done.stderr for step in steps), done.stderr
    assert not {"\r", "\x1b"} & set(done.stderr)
