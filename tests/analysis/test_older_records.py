"""Records of earlier versions still open, and what is no longer computed is left out."""

from __future__ import annotations

import json
from pathlib import Path

from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.records.frontier_record import FrontierRecord
from bellqueue.analysis.report.page import report_html
from bellqueue.runner.experiment.folder import read_analysis

# As version 0.1.0 wrote it for the default scenario, with two of its 31 points.
RIVALS = json.loads("""[{
  "label": "asymmetric memoryless classical",
  "method": "found numerically, 60 starts for each of 32 supporting lines, mixtures of 16 deterministic router pairs",
  "points": [
    {"baseline_throughput": 1.7191910942683233, "waiting_time": 0.12105263157894733},
    {"baseline_throughput": 1.7728190611388683, "waiting_time": 0.6541918398104103}
  ],
  "unbounded": false,
  "waiting_time_at_equal_throughput": {"estimate": 0.4058536840, "low": 0.4058536840, "high": 0.4058536840}
}]""")


def test_a_record_with_searched_rivals_opens_and_reports_without_them(planned: Analysis, tmp_path: Path) -> None:
    content = json.loads(planned.to_json())
    content["frontiers"]["wider_rivals"] = RIVALS
    stored = tmp_path / "analysis.json"
    stored.write_text(json.dumps(content))
    opened = read_analysis(stored)
    assert opened.to_json() == planned.to_json()
    assert report_html(opened) == report_html(planned)
    assert FrontierRecord.model_validate_json(json.dumps(content["frontiers"])) == opened.frontiers
