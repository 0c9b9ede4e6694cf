"""The files inside a report: they hold the record's numbers, and the program reads them back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from bellqueue.analysis.analyze import analyze
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.records.counts_file import read_counts
from bellqueue.analysis.report.downloads import downloads
from bellqueue.model.scenario.file import Scenario

from tests.analysis.conftest import provenance, simulated
from tests.analysis.report.read_pages import unpacked
from tests.scenarios import IBM_HANOI, default_record, dense


def _files(analysis: Analysis) -> dict[str, str]:
    return {each.name: unpacked(each.name, each.link) for each in downloads(analysis)}


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_counts_are_those_published(hanoi: Analysis) -> None:
    rows = _rows(_files(hanoi)["counts.csv"])
    assert len(rows) == 16
    for row in rows:
        x, y, a, b = (int(row[name]) for name in "xyab")
        assert int(row["count"]) == IBM_HANOI[x][y][a][b]
        assert (row["type_a"], row["type_b"]) == (["short", "long"][x], ["short", "long"][y])


def test_the_counts_file_is_analysed_to_the_same_numbers(planned: Analysis, hanoi: Analysis, tmp_path: Path) -> None:
    for analysis, scenario in ((planned, Scenario.default()), (hanoi, dense())):
        target = tmp_path / "counts.json"
        target.write_text(_files(analysis)["counts.json"])
        sample = read_counts(target, scenario.workload())
        again = analyze(scenario, sample, provenance())
        assert again.observed.waiting_time.estimate == pytest.approx(analysis.observed.waiting_time.estimate, rel=1e-12)
        assert sample.random == (analysis is planned)


def test_the_record_is_the_record(complete: Analysis) -> None:
    assert Analysis.model_validate_json(_files(complete)["analysis.json"]).to_json() == complete.to_json()


def test_the_scenario_is_a_scenario(complete: Analysis, tmp_path: Path) -> None:
    target = tmp_path / "scenario.json"
    target.write_text(_files(complete)["scenario.json"])
    assert Scenario.load(target) == Scenario.default()


def test_frontiers_correlators_and_waits_hold_every_point(complete: Analysis) -> None:
    files = _files(complete)
    frontier = _rows(files["frontiers.csv"])
    for curve in ("classical", "quantum", "communication"):
        points = [row for row in frontier if row["curve"] == curve]
        expected = [point.waiting_time for point in getattr(complete.frontiers, curve)]
        assert [float(row["waiting_time"]) for row in points] == pytest.approx(expected, rel=1e-9)
    assert {row["curve"] for row in frontier} == {"classical", "quantum", "communication", "observed"}
    correlators = _rows(files["correlators.csv"])
    assert [float(row["measured"]) for row in correlators] == pytest.approx(
        [value for row in complete.correlators.measured for value in row], rel=1e-9
    )
    assert complete.context
    assert complete.context.waiting_times
    waits = [row for row in _rows(files["waiting-times.csv"]) if row["routing"] == "quantum"]
    assert [float(row["waiting_time"]) for row in waits] == complete.context.waiting_times.routings[2].times


def test_older_records_offer_what_they_hold(hanoi: Analysis) -> None:
    names = set(_files(hanoi.model_copy(update={"measured": None})))
    assert names == {"correlators.csv", "frontiers.csv", "scenario.json", "analysis.json"}


@pytest.mark.parametrize("before", ["", " ", "\u200f", "\u202e"])
def test_no_spreadsheet_takes_a_name_for_a_formula(before: str) -> None:
    record = default_record()
    record["traffic"]["type"][0]["name"] = f'{before}=HYPERLINK("http://example.invalid","x")'
    files = _files(simulated(Scenario.parse(record), 1000))
    for name in ("counts.csv", "correlators.csv"):
        assert not {"\u200f", "\u202e"} & set(files[name])
        for row in _rows(files[name]):
            assert not row["type_a"].lstrip(" \N{REPLACEMENT CHARACTER}").startswith("=")
    assert "=HYPERLINK" in json.loads(files["counts.json"])["types"][0]


def test_what_is_large_is_packed(many_types: Analysis) -> None:
    offered = downloads(many_types)
    assert {"analysis.json.gz", "counts.csv.gz"} <= {each.name for each in offered}
    assert all("packed with gzip" in each.about for each in offered if each.name.endswith(".gz"))
    assert Analysis.model_validate_json(_files(many_types)["analysis.json.gz"]).title == many_types.title
