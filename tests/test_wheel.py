"""The wheel, installed into an empty environment outside the checkout, does the main job."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("src", "model", "circuits", "backends", "analysis", "runner", "pyproject.toml", "README.md", "LICENSE")


def _call(*command: str | Path, cwd: Path) -> str:
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_runs_the_main_job(tmp_path: Path) -> None:
    source, elsewhere = tmp_path / "source", tmp_path / "elsewhere"
    elsewhere.mkdir()
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    _call(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, source, cwd=elsewhere)
    (wheel,) = tmp_path.glob("bellqueue-*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    _call(python, "-m", "pip", "--disable-pip-version-check", "-q", "install", "-c", ROOT / "constraints.txt", wheel,
          cwd=elsewhere)  # fmt: skip
    bellqueue = tmp_path / "empty" / "bin" / "bellqueue"
    record = json.loads(_call(bellqueue, "run", "--seed", "1", "--json", "--out", "run", cwd=elsewhere))
    assert record["certificate"]["certified"]
    _call(bellqueue, "report", "run", cwd=elsewhere)
    assert (elsewhere / "run" / "report.html").stat().st_size > 10_000
    links = "from importlib import resources as r; print((r.files('bellqueue.model.link') / 'links.toml').read_text())"
    assert "[[link]]" in _call(python, "-c", links, cwd=elsewhere)
    for script in (
        "import bellqueue as bq, sys; bq.run; print(*sys.modules)",
        "import bellqueue.model, bellqueue.analysis, sys; print(*sys.modules)",
    ):
        loaded = {name.split(".")[0] for name in _call(python, "-c", script, cwd=elsewhere).split()}
        assert not loaded & {"qiskit", "qiskit_aer", "qiskit_ibm_runtime", "braket", "matplotlib"}, script
