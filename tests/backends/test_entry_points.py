"""Adapters that other packages bring, with the example as the package."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tests.runner.conftest import Run, call

__all__ = ["call"]  # a fixture

EXAMPLE = Path(__file__).parents[2] / "examples" / "adapter"


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment in which the example package is installed: its module and its metadata on the path."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    metadata = tmp_path / "site" / "bellqueue_bench-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n")
    entries = project["entry-points"]["bellqueue.backends"] | {
        "aer": "bellqueue_bench:BenchBackend",
        "gone": "no_such:X",
    }
    lines = "\n".join(f"{name} = {value}" for name, value in entries.items())
    (metadata / "entry_points.txt").write_text(f"[bellqueue.backends]\n{lines}\n")
    path = os.pathsep.join([str(metadata.parent), str(EXAMPLE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "HOME": str(tmp_path)}


@pytest.fixture
def found(installed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in this process."""
    for folder in installed["PYTHONPATH"].split(os.pathsep)[1::-1]:
        monkeypatch.syspath_prepend(folder)


@pytest.mark.usefixtures("found", "sketched")
def test_an_installed_adapter_runs_the_experiment(call: Run) -> None:
    done = call("run", "--backend", "bench:visibility=0.95", "--shots", 4000, "--seed", 1, "--json")
    assert not done.returncode, done.stderr
    assert '"certified": true' in done.stdout
    assert '"device": "optical bench"' in done.stdout


def test_an_installed_adapter_is_listed_and_cannot_take_over_our_names(
    installed: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "bellqueue", "backends", "--offline"]
    listed = subprocess.run(command, cwd=tmp_path, env=installed, capture_output=True, text=True, check=True).stdout
    assert "bench" in listed
    assert "bellqueue-bench" in listed
    assert "Qiskit Aer" in listed


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        ("bench:visibility=2", "bench: 'visibility=2' is not an option"),
        ("gone", "gone: the adapter no_such:X cannot be loaded"),
        ("bnech", "did you mean bench?"),
    ],
)
@pytest.mark.usefixtures("found")
def test_what_is_wrong_with_an_adapter_is_told_in_one_line(call: Run, backend: str, told: str) -> None:
    done = call("run", "--backend", backend)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_example_measures_what_its_visibility_says() -> None:
    sys.path.insert(0, str(EXAMPLE))
    try:
        from bellqueue_bench import BenchBackend  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(EXAMPLE))
    backend = BenchBackend("visibility=0.8")
    rng = np.random.default_rng(5)
    outcomes = np.array([backend.coincidence(0.3, 1.0, rng) for _ in range(20000)])
    correlator = 1 - 2 * np.mean(outcomes[:, 0] != outcomes[:, 1])
    assert abs(correlator - 0.8 * np.cos(0.7)) < 4 / np.sqrt(20000)
