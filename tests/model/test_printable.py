"""What others chose to call things, as one line that a terminal shows and a shell takes back."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest
from bellqueue.model.errors import DataError
from bellqueue.model.printable import command_line

PLAIN = ["mine.toml", "copy of dense", "it's", "$HOME", "naïve.toml", "κ.toml", "", "-x", "a\\b"]
ODD = [
    "e\x1b[31mvil\nx y",
    "t\x1b]0;pwned\x07.toml",
    os.fsdecode(b"run-\xff"),
    "a\tb",
    "it's\n\\",
    "\u202egnp.exe",
    "é\n1",
]


@pytest.mark.parametrize("name", [*PLAIN, *ODD], ids=ascii)
def test_a_shell_reads_the_name_back(name: str) -> None:
    """The shells are the judges: what they pass on must be the name, byte for byte."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    typed = command_line("verify", name, "--full")
    assert typed.isprintable()
    shown = subprocess.run(
        [bash, "-c", typed.replace("bellqueue", "printf '%s\\0'", 1)], capture_output=True, check=True
    ).stdout
    assert shown.split(b"\0") == [b"verify", os.fsencode(name), b"--full", b""]


def test_plain_names_are_quoted_as_usual_and_only_where_need_be() -> None:
    assert command_line("run", "mine.toml", "--seed", 1) == "bellqueue run mine.toml --seed 1"
    assert shlex.split(command_line("run", "copy of dense")) == ["bellqueue", "run", "copy of dense"]


def test_an_error_is_one_line_without_escapes_wherever_it_is_shown() -> None:
    assert str(DataError("e\x1b[31mvil\nx y: no such file")) == "e\N{REPLACEMENT CHARACTER}[31mvil x y: no such file"
