"""What README.md and the example notebook show is what happens."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "examples" / "first_steps.ipynb"
SECONDS = 240  # for one cell of the notebook on a busy machine; it takes five


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the examples, and nothing else of the checkout."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)


def _section(heading: str) -> str:
    """A section of README.md."""
    text = (ROOT / "README.md").read_text("utf-8")
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _blocks(section: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def test_the_counts_of_a_real_device_as_readme_shows_them(checkout: Path) -> None:
    section = _section("Measured on a real quantum computer")
    commands, printed = _blocks(section)
    script = f'bellqueue() {{ "{sys.executable}" -m bellqueue "$@"; }}\nset -e\n{commands}'
    done = _run("bash", "-c", script, folder=checkout)
    assert done.returncode == 0, done.stderr
    # rich pads lines, so words are compared.
    assert done.stdout.split()[: len(printed.split())] == printed.split()
    words = " ".join(done.stdout.split())
    assert "log10 p -1100 " in words
    assert "CHSH S (classical at most 2, quantum at most 2.828) 2.768 " in words
    assert "(no alarm)" in words
    told = " ".join(section.split())
    # Each figure of the text, and the row of the tables it comes from.
    for figure, row in (
        ("0.4978", "waiting time W 0.4978 0.5666"),
        ("0.5666", "waiting time W 0.4978 0.5666"),
        ("180 000", "180000 (0 lost)"),
    ):
        assert figure in told
        assert row in words
    assert "Certified:" in (checkout / "hanoi.html").read_text("utf-8")


def test_the_python_of_readme_runs(checkout: Path) -> None:
    (code,) = _blocks(_section("In Python"), "python")
    done = _run(sys.executable, "-c", code, folder=checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (checkout / "frontier.png").stat().st_size > 10_000


def _outputs(cell: Any) -> dict[str, str]:
    """What a cell shows, by kind; errors and warnings are none of it."""
    assert all(each.output_type in ("execute_result", "display_data") for each in cell.outputs), cell.outputs
    return {kind: str(shown) for each in cell.outputs for kind, shown in each.data.items()}


def test_the_notebook_goes_from_nothing_to_a_certificate_and_a_picture(checkout: Path) -> None:
    content: Any = nbformat.reads(NOTEBOOK.read_text("utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    cells = [cell for cell in content.cells if cell.cell_type == "code"]
    assert 5 <= len(content.cells) <= 10
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)  # git keeps no outputs
    resources = {"metadata": {"path": str(checkout / "examples")}}
    NotebookClient(content, timeout=SECONDS, kernel_name="python3", resources=resources).execute()
    light, result, picture, hanoi, hanoi_picture = map(_outputs, cells)
    assert "largest reduction of waiting time" in light["text/html"]
    assert result["text/plain"].startswith("<Result CERTIFIED: ")
    assert result["text/html"].count("<table") == 1
    assert hanoi["text/plain"].startswith("<Result CERTIFIED: waiting time 0.4978 against 0.5666 classical")
    for shown in (picture, hanoi_picture):
        assert shown["image/png"].startswith("iVBORw0KGgo")  # a PNG in base64
