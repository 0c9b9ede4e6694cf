"""What the folder of a run of routers that know the past is good for: report, all numbers, replay."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bellqueue.model.informed.grid import Grid
from bellqueue.model.informed.measured import MAPS, MeasuredPolicy

from tests.menus import MENU, informed_scenario
from tests.runner.conftest import Run

GRID = Grid.covering(1.0, 5.0, 12.0)

pytestmark = pytest.mark.usefixtures("menus")


@pytest.fixture
def run(call: Run, tmp_path: Path) -> Path:
    """On ideal pairs."""
    (tmp_path / "s.json").write_text(json.dumps(informed_scenario().record()))
    assert call("run", "s.json", "--backend", "aer", "--seed", 1, "--out", "run").returncode == 0
    return tmp_path / "run"


def test_outcomes_route_simulated_queues(run: Path, call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """By policies that always measure in the second entry, and that send all requests to one server."""
    zero = np.zeros((GRID.size, GRID.size), dtype=np.int64)
    maps, second = (MeasuredPolicy(GRID, zero, zero, zero + each) for each in (MAPS, 1))
    monkeypatch.setattr("bellqueue.analysis.menus.replay.policies", lambda *given: (second, maps))
    done = call("replay", "run", "--seed", 1, "--json", "--plot", "waits.svg")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["schema"], record["kappa"]) == ("bellqueue.menu-replay/1", 40)
    assert record["entry_shares"] == pytest.approx([0, 1])
    assert record["classical"]["splitting_probability"]["estimate"] == 0
    split = (1 - MENU.correlators[1]) / 2
    expected = float((informed_scenario().workload().joint * split).sum())
    found = record["recorded"]["splitting_probability"]
    assert abs(found["estimate"] - expected) < 5 * found["standard_error"]
    assert "by the recorded outcomes of the menu" in call("replay", "run", "--seed", 1).stdout
    assert "replayed outcomes of the menu" in (run.parent / "waits.svg").read_text()


def test_the_folder_holds_report_and_figures_and_all_numbers_are_shown(run: Path, call: Run) -> None:
    names = {path.name for path in run.iterdir()}
    assert {f"{name}.{kind}" for name in ("certificate", "outcomes") for kind in ("png", "svg")} <= names
    assert "Both routers know the two servers" in (run / "report.html").read_text()
    full = call("analyze", "run", "--full").stdout
    assert all(f"{entry}: {a}, {b}" in full for entry in (1, 2) for a in ("short", "long") for b in ("short", "long"))
