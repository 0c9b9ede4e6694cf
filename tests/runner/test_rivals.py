"""Where entanglement stands: one scenario among its rivals, the map and its figure, and what is refused."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.report.figures.standing import standing_figure
from bellqueue.model.errors import BellqueueError
from bellqueue.model.rivals.standing import Cell, Margin, Standing
from bellqueue.model.scenario.file import Scenario
from bellqueue.runner.rivals.command import map_record, rivals_command
from bellqueue.runner.rivals.comparison import Comparison, Point, compare_rivals
from bellqueue.runner.rivals.tables import comparison_tables, map_tables
from rich.console import Console
from rich.progress import Progress

from tests.runner.conftest import Run
from tests.scenarios import default_record, heavy_scenario

KAPPA = 10.779  # of the supporting lines in MODEL §5


def scenario_at_p(scenario: Scenario, p: float) -> Scenario:
    return scenario.with_experiment(operating_point={"splitting_probability": p})


def compared(scenario: Scenario, visibility: float = 1.0) -> Comparison:
    return compare_rivals(scenario, visibility, None, 0, Progress(disable=True))


def shown(renderable: Any) -> str:
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    text = capture.get()
    assert max(len(line) for line in text.splitlines()) <= 80
    return text


@pytest.fixture(scope="module")
def default() -> Comparison:
    return compared(scenario_at_p(Scenario.default(), 0.4813), 0.95)


@pytest.fixture(scope="module")
def heavy() -> Comparison:
    return compared(scenario_at_p(heavy_scenario(), 0.3), 0.3)


@pytest.fixture(scope="module")
def unbounded() -> Comparison:
    record = heavy_scenario().record()
    record["traffic"]["pair_rate"] = 0.02  # load 0.09: one server can serve everybody
    return compared(Scenario.parse(record))


def test_the_default_scenario_stands_against_all_rivals(default: Comparison) -> None:
    ideal, noisy = default.points
    # MODEL §5: at this p the tangent has about the slope of its lines, and classical W is linear from 0.4 to 0.5.
    assert ideal.kappa == pytest.approx(KAPPA, rel=2e-3)
    throughput = ideal.baseline_throughput.estimate
    assert ideal.waiting_time.estimate == pytest.approx(-18.5041 + KAPPA * throughput, abs=2e-4)
    certified, asymmetric, clock = ideal.rivals
    classical = 0.66184 + (0.57171 - 0.66184) * (0.4813 - 0.4) / 0.1
    assert certified.waiting_time.estimate == pytest.approx(classical, abs=1e-5)
    saved = classical - ideal.waiting_time.estimate
    assert certified.reduction.estimate == pytest.approx(saved, abs=1e-5)
    assert certified.reduction_relative.estimate == pytest.approx(saved / classical, abs=2e-5)
    for rival, line in ((asymmetric, -18.4557), (clock, -18.4485)):
        assert line - 1e-3 + KAPPA * throughput <= rival.waiting_time.estimate <= classical + 1e-5
        assert rival.stands
    assert ideal.verdict == noisy.verdict == "against all"
    assert certified.waiting_time.low == certified.waiting_time.high
    assert clock.waiting_time.low < clock.waiting_time.estimate < clock.waiting_time.high
    assert noisy.waiting_time.estimate > ideal.waiting_time.estimate
    assert noisy.splitting_probability.estimate == pytest.approx(0.4813)


def test_the_scores_are_those_of_the_reference_lines(default: Comparison) -> None:
    point = default.points[0]
    shift = (point.kappa - KAPPA) * point.baseline_throughput.estimate
    scores = [point.score, *(rival.least_score for rival in point.rivals[1:])]
    for score, reference in zip(scores, (-18.5041, -18.4557, -18.4485), strict=True):  # MODEL §5
        assert score.estimate + shift == pytest.approx(reference, abs=2e-3)
    assert all(point.score.estimate < rival.least_score.low for rival in point.rivals)


def test_kappa_is_the_slope_of_the_quantum_frontier(heavy: Comparison) -> None:
    # MODEL §5: chords of the quantum frontier on either side of p = 0.3, waiting time over throughput.
    left, right = (44.93644 - 40.53399) / (3.33333 - 3.07692), (40.53399 - 37.08972) / (3.07692 - 2.85714)
    assert min(left, right) < heavy.points[0].kappa < max(left, right)


def test_in_heavy_traffic_the_advantage_stands_within_the_class_only(heavy: Comparison) -> None:
    (point,) = heavy.points
    certified, asymmetric, _ = point.rivals
    assert point.verdict == "within the class only"
    assert certified.waiting_time.estimate == pytest.approx(43.2625, abs=1e-4)
    assert asymmetric.waiting_time.estimate < 39.31  # MODEL §5, without time-sharing
    assert asymmetric.reduction.estimate < 0
    assert not asymmetric.stands
    search = heavy.wider_quantum
    assert search is not None
    assert search.score == pytest.approx(search.classical_score, abs=1e-4)
    assert search.classical_score < search.symmetric_score
    assert "no entanglement adds" in search.finding


def test_nothing_wider_is_found_by_default(default: Comparison) -> None:
    search = default.wider_quantum
    assert search is not None
    assert search.kappa == default.points[0].kappa
    assert search.score == pytest.approx(search.symmetric_score, abs=1e-6)
    assert search.symmetric_score == pytest.approx(default.points[0].score.estimate, abs=1e-6)
    assert "nothing lower" in search.finding


def test_an_unbounded_rival_is_flagged_and_json_holds_null(unbounded: Comparison) -> None:
    _, asymmetric, clock = unbounded.points[0].rivals
    assert asymmetric.unbounded
    assert clock.unbounded
    assert unbounded.points[0].verdict == "within the class only"
    assert unbounded.wider_quantum is None
    record = json.loads(json.dumps(unbounded.record(), allow_nan=False))
    assert record["points"][0]["rivals"][1]["least_score"]["estimate"] is None
    text = shown(comparison_tables(unbounded))
    assert "asymmetric*" in text
    assert "no bound" in text


def test_the_tables_fit_and_call_numbers_numerical(default: Comparison) -> None:
    text = " ".join(shown(comparison_tables(default)).split())
    assert "numerical, not part of the certificate" in text
    assert "stands: against all" in text
    assert "Visibility 0.95" in text
    assert f"{default.wider_quantum.starts if default.wider_quantum else 0} starts" in text
    assert f"κ = {default.points[0].kappa:.6g}" in text


def test_a_point_out_of_reach_is_told_and_left_out(heavy: Comparison) -> None:
    assert [point.name for point in heavy.points] == ["ideal"]
    assert heavy.absent[0].startswith("visibility 0.3: ")
    assert "out of reach" in heavy.absent[0]
    assert "out of reach" in " ".join(shown(comparison_tables(heavy)).split())


def test_an_observed_run_is_placed_with_its_limits(
    call: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    done = call("run", "--backend", "aer:visibility=0.98", "--shots", 8000, "--seed", 3, "--out", "run", "--no-rivals")
    assert done.returncode == 0
    analysis = json.loads((tmp_path / "run" / "analysis.json").read_text())
    rivals_command(None, tmp_path / "run", False, None, None, None, True)
    record = json.loads(capfd.readouterr().out)
    ideal, observed = record["points"]
    for name in ("splitting_probability", "waiting_time"):
        assert observed[name] == analysis["observed"][name]
    certified = observed["rivals"][0]
    assert certified["waiting_time"]["estimate"] == pytest.approx(
        analysis["classical"]["waiting_time_at_equal_throughput"]["estimate"]
    )
    saved = certified["reduction"]
    assert saved["low"] < saved["estimate"] < saved["high"]
    assert saved["estimate"] == pytest.approx(analysis["advantage"]["waiting_time_reduction"]["estimate"])
    assert saved["low"] <= analysis["advantage"]["waiting_time_reduction"]["low"]
    assert observed["visibility"] == pytest.approx(0.98, abs=0.02)
    assert observed["waiting_time"]["estimate"] > ideal["waiting_time"]["estimate"]
    with pytest.raises(BellqueueError, match="leave it out"):
        rivals_command(None, tmp_path / "run", True, None, None, None, False)


# --- The map -----------------------------------------------------------------------------------------------------


def standing(*margins: Margin) -> Standing:
    return Standing(1.0, 0.5, 1.0, 1.0, *margins)


def cells() -> list[Cell]:
    ahead, behind = Margin("by hand", 2.0, 0.123, 0.1, 0.15), Margin("by hand", 0.5, -0.456, -0.5, -0.4)
    endless = Margin("by hand", np.inf, 0.077, -np.inf, 0.08, unbounded=True)
    standings = [standing(ahead, ahead, ahead), standing(ahead, behind, ahead), standing(ahead, endless, ahead), None]
    places = [(0.1, 0.2), (0.1, 0.4), (0.5, 0.2), (0.5, 0.4)]
    return [Cell(*place, 0.01, 0.9, each, None) for place, each in zip(places, standings, strict=True)]


def test_the_map_draws_and_tabulates_every_verdict_with_its_margins() -> None:
    figure = standing_figure("By hand", cells(), 0.9, (0.3, 0.3))
    drawn = [text.get_text().replace("−", "-") for text in figure.axes[0].texts]
    assert drawn == ["all\n12.3 %\n12.3 %", "class\n12.3 %\n-45.6 %", "class\n12.3 %\n7.7 %*", "none"]
    assert [text.get_text() for text in figure.axes[1].texts] == ["none"] * 4
    own = figure.axes[0].lines[0]
    np.testing.assert_allclose(np.ravel(own.get_xydata()), 0.5)  # half-way between cells
    assert len(standing_figure("By hand", cells(), 1.0, (0.3, 0.9)).axes) == 1
    assert not standing_figure("By hand", cells(), 1.0, (0.3, 0.9)).axes[0].lines  # off the map
    text = shown(map_tables("By hand", 0.9, 0, (0.3, 0.3), cells()))
    for word in ("all", "class", "none", "12.3", "-45.6", "7.7*", "Visibility 0.9"):
        assert word in text
    record = map_record("By hand", 0.9, 0, (0.3, 0.3), cells())
    assert record["cells"][2]["ideal"]["asymmetric"]["waiting_time"] is None
    assert record["cells"][3]["ideal"] is None
    assert record["cells"][1]["verdict"] == {"ideal": "within the class only", "noisy": "none"}
    json.dumps(record, allow_nan=False)


def test_a_small_map_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "map.svg"
    rivals_command(Scenario.default(), None, True, None, 1, target, True, "0.05", "0.3, 0.1")
    record = json.loads(capsys.readouterr().out)
    assert [(cell["load"], cell["long_share"]) for cell in record["cells"]] == [(0.05, 0.1), (0.05, 0.3)]
    assert record["cells"][1]["verdict"]["ideal"] == "against all"
    assert record["cells"][1]["ideal"]["certified"]["relative"] == pytest.approx(0.150, abs=5e-4)  # MODEL §5
    assert record["own"] == pytest.approx({"load": 0.05, "long_share": 0.3})
    words = "".join(ElementTree.fromstring(target.read_text()).itertext())
    assert "15.0 %" in words
    assert "this scenario" in words


def three_types() -> Scenario:
    record = default_record()
    record["traffic"]["type"] = [
        {"name": name, "probability": share, "service": {"distribution": "exponential", "mean": 1.0}}
        for name, share in (("a", 0.2), ("b", 0.3), ("c", 0.5))
    ]
    return Scenario.parse(record)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scenario": three_types(), "map": True}, "exactly two types"),
        ({"map": True, "loads": "0.1,1.5"}, "--loads: '1.5'"),
        ({"map": True, "shares": "many"}, "--shares: 'many'"),
        ({"map": True, "plot": Path("map.jpeg")}, "must end in"),
        ({"map": True, "plot": Path("nowhere/map.png")}, "does not exist"),
        ({"plot": Path("map.png")}, "add --map"),
        ({"loads": "0.1"}, "add --map"),
        ({"visibility": 1.5}, "--visibility is 1.5"),
        ({"run_folder": Path("nowhere")}, "no such run folder"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    options: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given: dict[str, Any] = {"scenario": None, "run_folder": None, "map": False, "visibility": None, "seed": None}
    with pytest.raises(BellqueueError, match=words) as complaint:
        rivals_command(**{**given, "plot": None, "json": False, **options})
    assert "\n" not in str(complaint.value)
    assert not list(tmp_path.iterdir())


def test_points_hold_their_scores(default: Comparison, heavy: Comparison) -> None:
    points: list[Point] = [*default.points, *heavy.points]
    for point in points:
        expected = point.waiting_time.estimate - point.kappa * point.baseline_throughput.estimate
        assert point.score.estimate == pytest.approx(expected)
