"""`bellqueue runs`: the ledger for accounting, and the run folders that are there."""

from __future__ import annotations

import csv
import io
import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bellqueue.backends.jobs.entries import RunEntry
from bellqueue.backends.jobs.ledger import Ledger
from bellqueue.runner.experiment.folder import of_one_run

from ..scenarios import default_record, dense
from .conftest import Run, check_refusal
from .recorded_runs import write_run


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BELLQUEUE_LEDGER", str(tmp_path / "ledger.db"))
    return tmp_path / "ledger.db"


def entry(name: str, device: str, money: str | None, seconds: float | None) -> RunEntry:
    """A run of two jobs."""
    return RunEntry(
        id=name,
        created="2026-11-28T12:00:00+00:00",
        backend=f"ibm:{device}",
        scenario="{}",
        plan=json.dumps({"backend": {"device": device}}),
        sampling=b"",
        attachments="{}",
        folder=f"/somewhere/{name}",
        command="",
        content_hash="0",
        parts=(range(500), range(500, 1000)),
        shots=1000,
        estimated_money=None if money is None else Decimal(money),
        estimated_qpu_seconds=seconds,
        estimate_basis="",
    )


def test_accounting_gets_every_run_with_exact_amounts_and_nothing_for_what_is_not_known(call: Run, book: Path) -> None:
    with Ledger(book) as ledger:
        ledger.add_run(entry("20261128-aaaaaa", 'ibm_"fez", old', "3.2000001", 2.25))
        first, second = (ledger.intend("20261128-aaaaaa", part, range(1), "0") for part in (0, 1))
        for job in (first, second):
            ledger.accepted(job.key, f"job-{job.part}")
            ledger.settle(job.key, "stored")
        ledger.used(first.key, 1e-7, Decimal("1.6"))
        ledger.add_run(entry("20261128-bbbbbb", "ibm_fez", None, float("nan")))
    done = call("runs", "--csv")
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.split("\r\n")
    assert lines[-1] == ""
    assert len(lines) == 3
    assert "nan" not in done.stdout.lower()
    first_row, second_row = csv.DictReader(io.StringIO(done.stdout, newline=""))
    assert list(first_row) == head.split(",")
    assert first_row["provider"] == "ibm"
    assert first_row["device"] == 'ibm_"fez", old'
    assert (first_row["run"], first_row["state"], first_row["shots"]) == ("20261128-aaaaaa", "2 stored", "1000")
    assert (first_row["estimated_cost"], first_row["estimated_qpu_seconds"]) == ("3.2000001", "2.25")
    assert (first_row["billed_cost"], first_row["billed_qpu_seconds"]) == ("1.6", "0.0000001")
    assert (first_row["jobs"], first_row["jobs_billed"], first_row["currency"]) == ("2", "1", "USD")
    assert second_row["state"] == "2 not submitted"
    unknown = ("estimated_cost", "estimated_qpu_seconds", "billed_cost", "billed_qpu_seconds", "finished")
    assert {second_row[name] for name in unknown} == {""}


def test_an_empty_ledger_is_a_table_with_its_head_alone(call: Run, book: Path) -> None:
    assert call("runs", "--csv").stdout.count("\r\n") == 1


@pytest.mark.parametrize("options", [("--csv", "--json"), (".", "--csv")])
def test_what_does_not_go_together_is_refused(call: Run, book: Path, options: tuple[str, ...]) -> None:
    check_refusal(call("runs", *options))


def test_run_folders_are_listed_with_their_verdict_and_broken_ones_as_that(
    call: Run, book: Path, tmp_path: Path
) -> None:
    """2000 trials at visibility 1 certify with near certainty, and 50 at visibility 0 do not."""
    runs = tmp_path / "bellqueue-runs"
    runs.mkdir()
    write_run(runs / "good", default_record(shots=2000), visibility=1.0)
    write_run(runs / "poor", default_record(shots=50), visibility=0.0)
    write_run(runs / "cut", default_record(shots=50))
    (runs / "cut" / "analysis.json").unlink()
    (runs / "broken").mkdir()
    (runs / "broken" / "plan.json").write_text('{"backend": ')
    (runs / "no-run").mkdir()
    (runs / ".poor.abc.partial").mkdir()
    (runs / ".poor.abc.partial" / "plan.json").write_text("{}")
    listed = call("runs", "bellqueue-runs", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    found = {Path(each["folder"]).name: each for each in json.loads(listed.stdout)}
    assert {name: each["verdict"] for name, each in found.items()} == {
        "good": "certified",
        "poor": "not certified",
        "cut": "not analyzed",
        "broken": "plan.json cannot be read",
    }
    assert (found["good"]["kind"], found["good"]["device"], found["good"]["shots"]) == ("hardware", "pairs", 2000)
    shown = call("runs").stdout
    assert all(f"bellqueue-runs/{name}" in shown for name in found)
    (line,) = (line for line in shown.splitlines() if line.rstrip().endswith("bellqueue-runs/good"))
    assert "hardware" in line
    assert "  certified" in line
    assert call("runs", "bellqueue-runs/poor").stdout.count("bellqueue-runs/") == 1
    assert "no run folder in bellqueue-runs/no-run" in call("runs", "bellqueue-runs/no-run").stdout


def test_the_analysis_of_another_run_is_refused_until_it_is_made_again(call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "own", default_record(shots=50), visibility=0.0)
    write_run(tmp_path / "other", dense(shots=2000).record(), visibility=1.0)
    own = tmp_path / "own" / "analysis.json"
    shutil.copy(tmp_path / "other" / "analysis.json", own)
    again = "bellqueue analyze own --json > own/analysis.json"
    for command in (("report", "own"), ("compare", "own", "other")):
        check_refusal(call(*command), "own/analysis.json: belongs to another run", again)
    assert not (tmp_path / "own" / "report.html").exists()
    assert "analysis.json is of another run" in call("runs", "own").stdout
    assert call("verify", "own").returncode == 5  # says itself what differs
    own.write_text(call("analyze", "own", "--json").stdout)
    assert "not certified" in call("compare", "own", "other").stdout


PLANNED = {"scenario_hash": "ab", "created": "today"}
PLAIN, MENU = "bellqueue.analysis/1", "bellqueue.menu-analysis/1"


@pytest.mark.parametrize(
    ("plan", "schema", "origin", "one"),
    [
        (PLANNED, PLAIN, PLANNED, True),
        (PLANNED, PLAIN, PLANNED | {"scenario_hash": "cd"}, False),
        (PLANNED, PLAIN, PLANNED | {"created": "yesterday"}, False),
        (PLANNED, PLAIN, {"created": "today"}, True),
        (PLANNED, PLAIN, {"created": "yesterday"}, False),
        (PLANNED, MENU, PLANNED, False),
        (PLANNED | {"menu": {"kappa": 1.0}}, MENU, PLANNED, True),
        (PLANNED | {"menu": {"kappa": 1.0}}, PLAIN, PLANNED, False),
    ],
)
def test_plan_and_analysis_are_of_one_run_if_nothing_both_hold_differs(
    plan: dict[str, Any], schema: str, origin: dict[str, str], one: bool
) -> None:
    assert of_one_run(plan, {"schema": schema, "provenance": origin}) is one
