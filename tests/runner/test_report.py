"""The report of a record alone."""

from __future__ import annotations

import json
from pathlib import Path

from tests.scenarios import IBM_HANOI, default_record

from .conftest import Run


def test_a_report_is_made_again_from_its_record_alone(call: Run, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(default_record()))
    content = {"schema": "bellqueue.counts/1", "types": ["short", "long"], "settings": "fixed", "counts": IBM_HANOI}
    (tmp_path / "c.json").write_text(json.dumps(content))
    done = call("analyze", "c.json", "--scenario", "s.json", "--json", "--report", "first.html")
    (tmp_path / "analysis.json").write_text(done.stdout)
    again = call("report", "analysis.json")
    assert again.returncode == 0, again.stderr
    first, second = ((tmp_path / name).read_text() for name in ("first.html", "analysis.html"))
    assert first == second
    assert "How long single requests wait" in first
    (tmp_path / "broken.json").write_text("{}")
    refused = call("report", "broken.json")
    assert refused.returncode == 2
    assert refused.stderr.startswith("bellqueue: broken.json: ")
