"""`compare` and `bq.compare`: runs beside each other as a table, a figure, CSV and JSON, all with the same numbers."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from bellqueue.analysis.records.comparison import Comparison
from bellqueue.analysis.records.printable import signs
from bellqueue.analysis.report.tables.comparison import comparison_table
from bellqueue.model.estimate import Estimate

import bellqueue as bq
from tests.runner.conftest import Run, check_refusal
from tests.runner.recorded_runs import write_run
from tests.scenarios import IBM_HANOI, default_record


@pytest.fixture
def runs(tmp_path: Path) -> None:
    """A run of good pairs, one of bad ones, and counts taken elsewhere."""
    write_run(tmp_path / "good", default_record(shots=4000), visibility=0.99)
    write_run(tmp_path / "bad", default_record(shots=4000), visibility=0.5)
    (tmp_path / "hanoi.json").write_text(json.dumps({"schema": "bellqueue.counts/1", "counts": IBM_HANOI}))


@pytest.mark.usefixtures("runs")
def test_table_figure_csv_json_and_python_say_the_same(call: Run, tmp_path: Path) -> None:
    words = ["compare", "good", "bad", "hanoi.json", "--scenario", "default"]
    told = json.loads(call(*words, "--json").stdout)
    stored = [json.loads((tmp_path / name / "analysis.json").read_text()) for name in ("good", "bad")]
    for run, analysis in zip(told["runs"], stored, strict=False):
        assert run["waiting_time"] == analysis["observed"]["waiting_time"]
        assert run["waiting_time_reduction_relative"] == analysis["advantage"]["waiting_time_reduction_relative"]
        assert run["chsh"] == analysis["chsh"]
    assert [run["certified_against"] is not None for run in told["runs"]] == [True, False, True]
    assert told["runs"][2]["trials"] == 180_000

    rows = list(csv.DictReader(io.StringIO(call(*words, "--csv").stdout)))
    assert [row["name"] for row in rows] == ["good", "bad", "hanoi.json"]
    for name in ("waiting_time", "waiting_time_reduction_relative", "chsh"):
        assert [float(row[f"{name}_low"]) for row in rows] == [run[name]["low"] for run in told["runs"]]

    done = call(*words, "--out", "compared.svg")
    assert done.returncode == 0, done.stderr
    assert "not certified" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "hanoi.json" in (tmp_path / "compared.svg").read_text()

    found = bq.compare([tmp_path / "good", tmp_path / "bad" / "analysis.json"])
    assert found.runs[0].model_dump(mode="json") == told["runs"][0]
    assert "good: certified" in repr(found)
    assert "<td" in found._repr_html_()


def test_a_share_without_limits_has_no_more_digits_than_others(tmp_path: Path) -> None:
    write_run(tmp_path / "run", default_record(shots=500))
    found = bq.compare([tmp_path / "run", tmp_path / "run"])
    for share, shown in ((-0.00144656, "−0.14 %"), (-0.00017196, "−0.017 %"), (0.0, "0 %")):
        bare = Estimate(share, share, share)
        runs = [run.model_copy(update={"every_classical_reduction_relative": bare}) for run in found.runs]
        (_, cells), _ = comparison_table(found.model_copy(update={"runs": runs})).rows
        assert shown == signs(cells[3].value)


@pytest.mark.usefixtures("runs")
def test_python_and_the_command_compare_with_the_same_class(call: Run, tmp_path: Path) -> None:
    shown = call("compare", "good", "bad").stdout
    found = bq.compare([tmp_path / "good", tmp_path / "bad"])
    assert "against every classical router." in " ".join(shown.split())
    lines = repr(found).splitlines()
    assert lines[0] == "<Comparison of waiting time saved against every classical router:"
    for name, line in zip(("good", "bad"), lines[1:], strict=True):
        record = json.loads((tmp_path / name / "analysis.json").read_text())
        stored = record["every_classical"]["waiting_time_reduction_relative"]["estimate"]
        (saved,) = re.findall(rf"{name} .*?([−\d.]+) %", shown)
        assert float(saved.replace("−", "-")) == pytest.approx(100 * stored, abs=0.5)
        assert f"; {saved} % (" in line
    unbounded = [run.model_copy(update={"every_classical_reduction_relative": None}) for run in found.runs[1:]]
    weaker = found.model_copy(update={"runs": [found.runs[0], *unbounded]})
    assert repr(weaker).startswith("<Comparison of waiting time saved against memoryless classical routers:")


@pytest.mark.usefixtures("runs")
def test_results_are_drawn_beside_each_other_and_names_are_told_apart(tmp_path: Path) -> None:
    good, bad = (bq.analyze(tmp_path / name) for name in ("good", "bad"))
    figure = bq.plot([good, bad])
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(set(labels)) == 2
    assert Comparison.of([("same", good), ("same", bad)]).runs[1].name == "same (2)"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["good"], "two or more runs"),
        (["good", "nowhere"], "nowhere: no such file or folder"),
        (["good", "hanoi.json"], "--scenario"),
        (["good", "bad", "--out", "figure.gif"], ".png or .svg"),
        (["good", "bad", "--csv", "--json"], "give one of them"),
    ],
)
@pytest.mark.usefixtures("runs")
def test_what_cannot_be_compared_is_told_in_one_line(words: list[str], message: str, call: Run) -> None:
    check_refusal(call("compare", *words), message)
