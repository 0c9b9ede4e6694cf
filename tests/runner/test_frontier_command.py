"""What `bellqueue frontier` shows of the bound on every classical router."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis import informed
from bellqueue.analysis.records.every_classical import Informed
from bellqueue.analysis.records.frontier_record import FrontierRecord
from bellqueue.analysis.report.figures.frontier_curves import frontier_curves
from bellqueue.analysis.report.tables.frontiers import frontier_sections
from bellqueue.analysis.report.tables.section import Cell
from bellqueue.model.games.frontiers import Frontiers

import bellqueue as bq
from tests.model.informed.workloads import light
from tests.runner.conftest import Run
from tests.scenarios import default_record

pytestmark = pytest.mark.in_full

# Of another program, which bounds by one line where this one takes the envelope of several.
LINES = [(1.882931, 0.5458), (1.878229, 0.4595), (1.873539, 0.3758)]


def frontier(call: Run, folder: Path, **changes: object) -> Any:
    """The record of the default scenario with other `traffic` or `baseline` fields."""
    record = default_record()
    for section, values in changes.items():
        record[section].update(values)
    (folder / "s.json").write_text(json.dumps(record))
    done = call("frontier", "s.json", "--json")
    assert done.returncode == 0, done.stderr
    return FrontierRecord.model_validate_json(done.stdout)


def test_the_least_waiting_time_of_every_classical_router_agrees_with_published_values(
    call: Run, tmp_path: Path
) -> None:
    record = frontier(call, tmp_path)
    every = record.every_classical
    assert every.status.startswith("proved")
    assert 0 < every.step <= 0.125
    assert every.largest_workload >= 12
    for throughput, published in LINES:
        assert published - 1e-3 <= float(every.waiting_time_at(throughput)) <= published + 7e-3
    for point in every.points:
        assert point.waiting_time == pytest.approx(point.bound + point.kappa * point.baseline_throughput)
        # No classical router lies below, and the memoryless ones are among them.
        throughput, waiting = np.array([(each.baseline_throughput, each.waiting_time) for each in record.classical]).T
        assert point.waiting_time <= np.interp(point.baseline_throughput, throughput[::-1], waiting[::-1])
    rows = {name.strip(): cells[0].value for name, cells in frontier_sections(record)[0].rows}
    share, p = every.largest_reduction_relative, every.splitting_probability
    assert rows["largest reduction against every classical router"] == f"{100 * share:.2f} %"
    # Of an ideal pair at that p, and of the bound at the same throughput.
    quantum, memoryless = (
        np.array([(each.splitting_probability, each.waiting_time, each.baseline_throughput) for each in curve]).T
        for curve in (record.quantum, record.classical)
    )
    waiting = np.interp(p, quantum[0], quantum[1])
    least = float(every.waiting_time_at(np.interp(p, quantum[0], quantum[2])))
    assert share == pytest.approx(1 - waiting / least, abs=1e-3)
    assert share < 1 - waiting / np.interp(p, memoryless[0], memoryless[1])


def test_at_denser_traffic_the_bound_meets_the_curve_of_a_pair_in_record_and_figure(call: Run, tmp_path: Path) -> None:
    record = frontier(call, tmp_path, traffic={"pair_rate": 0.02})
    every, best = record.every_classical, record.largest_advantage
    assert len(every.points) >= 5
    # Routers that remember one request reach this in an event-driven simulation.
    assert float(every.waiting_time_at(1.7483)) < 0.3687
    least = float(every.waiting_time_at(best.baseline_throughput))
    # At this load the bound meets the curve of an ideal Bell pair.
    assert least == pytest.approx(best.waiting_time, abs=3e-3)
    curves = {curve.kind: curve for curve in frontier_curves(record)}
    drawn = curves["every-classical"]
    np.testing.assert_allclose(drawn.waiting, every.waiting_time_at(drawn.throughput))
    older = record.model_copy(update={"every_classical": None})
    assert "every-classical" not in {curve.kind for curve in frontier_curves(older)}


def test_a_power_reward_has_no_bound_and_the_status_says_why(call: Run, tmp_path: Path) -> None:
    record = frontier(call, tmp_path, baseline={"reward": {"kind": "power", "exponent": 2.0}})
    every = record.every_classical
    assert every.points == []
    assert every.step is None
    assert every.status.startswith("no such bound exists: one server can take every request")
    assert "no such bound exists" in " ".join(call("frontier", "s.json").stdout.split())


def test_informed_adds_entangled_routers_that_know_the_past_as_in_python(
    call: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(informed, "LOADS", (0.0125,))
    done = call("frontier", "--informed", "--visibility", "0.9565", "--json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)["informed"]
    assert content["visibility"] == 0.9565
    names = [
        "kappa",
        "classical",
        "entangled",
        "waiting_time",
        "baseline_throughput",
        "splitting_probability",
        "finished",
        "classical_waiting_time",
        "classical_baseline_throughput",
    ]
    assert [list(point) for point in content["points"]] == [names] * 3
    found: Any = bq.frontiers(informed=True, visibility=0.9565, progress=False)
    assert found.informed.model_dump(mode="json") == content
    best = found.informed.best
    assert best.gain > 0.02
    # The policy on true workloads beats the least W − κτ of every classical router.
    assert best.waiting_time.high - best.kappa * best.baseline_throughput.low < best.classical
    # The best classical policy lies just above the proved line, so that no finer grid could prove much more.
    reached = best.classical_waiting_time.high - best.kappa * best.classical_baseline_throughput.low
    assert best.classical - 1e-3 < reached < best.classical + 2e-2
    rows = {name.strip(): cells[0].value for name, cells in frontier_sections(found)[0].rows}
    assert rows["entangled and past known: W − κτ"] == f"{best.gain:.3g} less than classical ones"
    assert rows["less than every classical router"] == f"{100 * best.waiting_time_reduction_relative:.1f} %"
    (known,) = (section for section in frontier_sections(found) if section.title.startswith("Both servers"))
    values = (
        best.waiting_time,
        best.baseline_throughput,
        best.classical_waiting_time,
        best.classical_baseline_throughput,
    )
    cells = dict(known.rows)[f"{best.kappa:.5g}"]
    assert [float(cell.value) for cell in cells] == pytest.approx([each.estimate for each in values], rel=1e-4)


def test_what_is_saved_at_other_loads_agrees_with_published_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informed, "LOADS", (0.0125, 0.025))
    monkeypatch.setattr(informed, "_SPLITTING", (0.5,))
    found: Any = informed.informed_record(Frontiers.of(bq.Scenario.default()), 1.0, lambda *_: None)
    (point,), (lighter, own) = found.points, found.by_load
    assert (lighter.load, own.load) == (0.0125, 0.025)
    assert own.kappa == pytest.approx(point.kappa, rel=1e-9)
    # At κ = 19.1670 another program found −35.5506 and −35.6112.
    assert own.gain == pytest.approx(35.6112 - 35.5506, abs=2e-3)
    # At p = ½, where κ is their slope, the memoryless pair has this W and τ.
    assert own.memoryless == pytest.approx(0.427857 - own.kappa * 1.878229, abs=2e-4)
    assert own.memoryless_gain < own.gain < lighter.gain
    for each in found.by_load:
        share = each.waiting_time_reduction_relative
        assert each.finished
        assert 0 < each.memoryless_reduction_relative < share.low < share.high < share.low + 0.01
    assert own.waiting_time_reduction_relative.estimate == pytest.approx(
        point.waiting_time_reduction_relative, abs=6e-3
    )
    text = {name: [cell.value for cell in cells] for name, cells in _by_load_rows(found)}
    assert text["0.025"][0] == f"{own.gain:.3g}"
    assert text["0.0125"][3] == f"{100 * lighter.memoryless_reduction_relative:.1f} %"


def _by_load_rows(found: Informed) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    record = bq.frontiers(progress=False).model_copy(update={"informed": found})
    (section,) = (section for section in frontier_sections(record) if section.title.endswith("by load"))
    return section.rows


def test_heavy_traffic_gets_a_grid_that_can_be_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a load of 0.4 another program found −1.2251 for classical and −1.2271 for entangled routers."""
    monkeypatch.setattr(informed, "LOADS", ())
    monkeypatch.setattr(informed, "_SPLITTING", (0.5, 0.75))
    workload = light(0.16)
    found = informed.informed_record(Frontiers(workload), 1.0, lambda *_: None)
    assert found.by_load == []
    for point in found.points:
        assert point.gain == pytest.approx(1.2271 - 1.2251, abs=1e-3)
        assert point.waiting_time.low - point.kappa * point.baseline_throughput.high > point.entangled
    # The frontier's own bound is a line of the same routers, on another grid.
    assert found.step <= 1.0


def test_records_without_other_loads_open(tmp_path: Path) -> None:
    older = {"visibility": 1.0, "step": 0.5, "largest_workload": 12.0, "points": []}
    assert json.loads(Informed.model_validate(older).model_dump_json()) == older


def test_without_informed_the_record_does_not_name_it(tmp_path: Path) -> None:
    record = bq.frontiers(progress=False)
    assert "informed" not in json.loads(record.model_dump_json(by_alias=True))
    assert not any("past" in name for name, _ in frontier_sections(record)[0].rows)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"visibility": 0.9}, "add --informed"),
        ({"informed": True, "visibility": 0}, "--visibility 0 is out of range; it must be above 0 and at most 1"),
        ({"informed": True, "visibility": float("nan")}, "--visibility nan is out of range"),
        ({"informed": True, "visibility": "x"}, "is out of range"),
    ],
)
def test_a_visibility_that_makes_no_sense_is_refused(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(bq.BellqueueError, match=complaint):
        bq.frontiers(progress=False, **arguments)


def test_where_no_bound_exists_informed_is_refused_with_the_reason(tmp_path: Path) -> None:
    record = default_record()
    record["baseline"] = {"reward": {"kind": "power", "exponent": 2.0}}
    (tmp_path / "s.json").write_text(json.dumps(record))
    with pytest.raises(bq.BellqueueError, match=r"--informed: no such bound exists.*leave it out"):
        bq.frontiers(tmp_path / "s.json", informed=True, progress=False)
