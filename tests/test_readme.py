"""What README.md and the example notebook show is what happens."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs.pages import Shown, missing_line
from tests.runner.conftest import Run, call

__all__ = ["call"]  # a fixture

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "examples" / "first_steps.ipynb"
SECONDS = 240  # for one cell of the notebook on a busy machine; it takes five


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the examples, and nothing else of the checkout."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def _section(heading: str) -> str:
    """A section of README.md."""
    text = (ROOT / "README.md").read_text("utf-8")
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _blocks(section: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def _shown(section: str, output: str) -> str:
    """What a command prints, if the last block of the section shows it; `...` stands for lines left out."""
    lines = [None if line == "..." else line for line in _blocks(section)[-1].splitlines()]
    assert missing_line(Shown(("bellqueue",), tuple(lines)), output) is None
    return " ".join(output.split())


def _first_screen(section: str, command: str, folder: Path) -> str:
    """What a shell shows of a command."""
    script = f'bellqueue() {{ "{sys.executable}" -m bellqueue "$@"; }}\nset -e\n{command}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=os.environ | {"COLUMNS": "80"}, capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return _shown(section, done.stdout)


def test_the_answer_of_the_demo_as_readme_shows_it(checkout: Path) -> None:
    (command,) = re.findall(r"^demo:.*\n\t\$\(BIN\)/(bellqueue run .*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    section = _section("What the answer means")
    words = _first_screen(section, command, checkout)
    assert "40 000 trials on a snapshot of the device ibm_torino" in section
    assert "trials 40000, none lost" in words
    assert "run on fake:torino" in words


@pytest.mark.usefixtures("solved_once", "frontiers_kept")
def test_the_counts_of_a_real_device_as_readme_shows_them(
    checkout: Path, call: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    section = _section("Measured on a real quantum computer")
    command = _blocks(section)[0].strip()
    done = call(*shlex.split(command)[1:])
    assert done.returncode == 0, done.stderr
    words = _shown(section, done.stdout)
    assert "180 000" in section
    assert "trials 180000, none declared lost" in words
    assert "with memoryless classical routers 0.49789 " in words
    assert "mean waiting time (units of time) 0.42874 " in words
    assert "chance with any classical routers under 1 in 10^450" in words
    assert "chance with memoryless classical routers under 1 in 10^1868" in words
    full = call(*shlex.split(command)[1:], "--full")
    assert full.returncode == 0, full.stderr
    tables = " ".join(full.stdout.split())
    assert "log10 p −1869 " in tables
    assert "CHSH S (classical at most 2, quantum at most 2.828) 2.768 (2.737 … 2.796)" in tables
    assert "(no alarm)" in tables
    assert "waiting time W 0.42874 0.49789" in tables
    assert "Certified:" in (checkout / "hanoi.html").read_text("utf-8")


def test_every_link_of_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text("utf-8"))
    assert len(links) > 15
    assert [link for link in links if not link.startswith("https://") and not (ROOT / link).exists()] == []


def test_the_python_of_readme_runs(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (code,) = _blocks(_section("In Python"), "python")
    monkeypatch.chdir(checkout)
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    assert capfd.readouterr() == ("", "")
    assert (checkout / "frontier.png").stat().st_size > 10_000


def _outputs(cell: Any) -> dict[str, str]:
    """What a cell shows, by kind; errors and warnings are none of it."""
    assert all(each.output_type in ("execute_result", "display_data") for each in cell.outputs), cell.outputs
    return {kind: str(shown) for each in cell.outputs for kind, shown in each.data.items()}


@pytest.mark.slow
def test_the_notebook_goes_from_nothing_to_a_certificate_and_a_picture(checkout: Path) -> None:
    content: Any = nbformat.reads(NOTEBOOK.read_text("utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    cells = [cell for cell in content.cells if cell.cell_type == "code"]
    assert 5 <= len(content.cells) <= 10
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)  # git keeps no outputs
    resources = {"metadata": {"path": str(checkout / "examples")}}
    NotebookClient(content, timeout=SECONDS, kernel_name="python3", resources=resources).execute()
    light, result, picture, hanoi, hanoi_picture = map(_outputs, cells)
    assert "largest reduction against every classical router" in light["text/html"]
    assert result["text/plain"].startswith("<Result CERTIFIED: ")
    assert result["text/html"].count("<table") == 1
    assert hanoi["text/plain"].startswith("<Result CERTIFIED: waiting time 0.4287 against 0.4611 every classical")
    for shown in (picture, hanoi_picture):
        assert shown["image/png"].startswith("iVBORw0KGgo")  # a PNG in base64
