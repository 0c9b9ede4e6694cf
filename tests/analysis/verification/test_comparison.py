"""A stored analysis against a fresh one: what differs is named, and what cannot be told is said."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from bellqueue.analysis.verification.comparison import compare
from bellqueue.analysis.verification.findings import FRESH, Findings, Row

RECORD: dict[str, Any] = {
    "observed": {"waiting_time": 0.4, "method": "tail"},
    "quantum": {"waiting_time": 0.3},
    "frontiers": {
        "quantum": [
            {"splitting_probability": p, "waiting_time": 1 - p, "baseline_throughput": 2 - p} for p in (0, 0.5, 1)
        ]
    },
    "certificate": {"score": 1.0, "certified": True},
    "measured": {"counts": [[1, 2], [3, 4]]},
    "provenance": {"bellqueue_version": "1", "libraries": {"numpy": "2.0"}, "seed": 3, "command": "run"},
}


CLAIMS: dict[str, Any] = {
    **RECORD,
    "certificate": {"certified": False, "log10_p_value": -2.0, "significance": 0.001, "excess_at_least": 0.02},
    "every_classical": None,
    "advantage": {
        "waiting_time_reduction": {"estimate": 0.03, "low": 0.02},
        "waiting_time_reduction_relative": {"estimate": 0.07, "low": 0.05},
    },
    "verdict": ["CERTIFIED against memoryless classical routers only: at least 5.3 % (99.9 % confidence)."],
}


def compared(change: Any, cut_off: bool = False, record: Any = RECORD) -> dict[str, Row]:
    """Rows by name after a change of the stored record."""
    stored = copy.deepcopy(record)
    change(stored)
    findings = Findings()
    compare(findings, stored, lambda: copy.deepcopy(record), 1.0, cut_off)
    return {row.what: row for row in findings.rows}


def test_what_agrees_is_one_row_that_names_the_fields() -> None:
    rows = compared(lambda _: None)
    assert rows.keys() == {FRESH}
    assert rows[FRESH].status == "OK"
    assert "not derived independently: frontier curves, advantages" in rows[FRESH].method


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda record: record["observed"].update(waiting_time=0.4 + 1e-8), "observed.waiting_time"),
        (lambda record: record["observed"].update(waiting_time=math.nan), "observed.waiting_time"),
        (lambda record: record["quantum"].update(waiting_time=0.3002), "quantum.waiting_time"),
        (lambda record: record["quantum"].update(waiting_time=[0.3]), "quantum.waiting_time"),
        (lambda record: record["frontiers"]["quantum"][1].update(waiting_time=0.501), "frontiers.quantum"),
        (lambda record: record["frontiers"]["quantum"][2].update(baseline_throughput=1.01), "frontiers.quantum"),
        (lambda record: record["frontiers"].update(quantum=[]), "frontiers.quantum"),
        (lambda record: record["certificate"].update(certified=1), "certificate.certified"),
        (lambda record: record["certificate"].pop("score"), "certificate.score"),
        (lambda record: record["provenance"].update(extra=1), "provenance.extra"),
        (lambda record: record["measured"]["counts"][1].reverse(), "measured.counts[1][0]"),
        (lambda record: record.update(measured=None), "measured"),
    ],
)
def test_what_was_changed_is_named(change: Any, what: str) -> None:
    assert compared(change)[what].status == "DIFFERS"


def test_rounding_and_the_place_of_the_run_are_no_differences() -> None:
    def elsewhere(record: dict[str, Any]) -> None:
        record["observed"]["waiting_time"] *= 1 + 1e-12
        record["quantum"]["waiting_time"] *= 1 + 1e-8  # found by an optimizer
        record["provenance"]["command"] = "another"

        record["frontiers"]["quantum"].pop(1)  # the rest still draws the same curve

    assert compared(elsewhere).keys() == {FRESH}


@pytest.mark.parametrize("made_with", ["numpy 1.0", "bellqueue 0.9"])
def test_other_versions_may_search_and_word_otherwise_but_not_count_otherwise(made_with: str) -> None:
    def older(record: dict[str, Any]) -> None:
        name, version = made_with.split()
        if name == "bellqueue":
            record["provenance"]["bellqueue_version"] = version
        else:
            record["provenance"]["libraries"][name] = version
        record["quantum"]["waiting_time"] = 0.31
        record["observed"] |= {"waiting_time": 0.41, "method": "another word"}
        del record["measured"]

    rows = compared(older)
    assert {what: row.status for what, row in rows.items() if what != FRESH} == {
        "quantum.waiting_time": "not checked",
        "observed.method": "not checked",
        "measured": "not checked",
        "observed.waiting_time": "DIFFERS",
    }
    assert made_with in rows["quantum.waiting_time"].method


def test_a_search_that_time_cut_off_is_not_held_against_what_rests_on_it() -> None:
    def hurried(record: dict[str, Any]) -> None:
        record["certificate"]["score"] = 1.1
        record["measured"]["counts"][0][0] = 9

    rows = compared(hurried, cut_off=True)
    assert rows["certificate.score"].status == "not checked"
    assert rows["measured.counts[0][0]"].status == "DIFFERS"


@pytest.mark.parametrize(
    ("part", "name", "more", "as_much", "less"),
    [
        ("certificate", "log10_p_value", -2.05, -2.015, -1.0),
        ("certificate", "excess_at_least", 0.0204, 0.0202, 0.01),
        ("every_classical", "certified", True, False, False),
        ("every_classical", "excess_at_least", 0.01, None, None),
        ("advantage", "waiting_time_reduction.low", 0.0204, 0.0202, 0.0),
        ("advantage", "waiting_time_reduction_relative.low", 0.051, 0.0506, -0.1),
    ],
)
def test_a_record_does_not_claim_more_than_a_fresh_analysis_whatever_was_cut_off(
    part: str, name: str, more: Any, as_much: Any, less: Any
) -> None:
    """A hundredth of what is saved is allowed, of log10 p a hundredth of it or 0.01, and any claim of less."""

    def claim(value: Any) -> dict[str, Row]:
        def change(record: dict[str, Any]) -> None:
            inner = record[part] = copy.deepcopy(record[part]) or {}
            *outer, last = name.split(".")
            for each in outer:
                inner = inner[each]
            inner[last] = value

        return compared(change, cut_off=True, record=CLAIMS)

    what = f"{part}.{name}"
    assert claim(more)[what].status == "DIFFERS"
    assert "claims more than a fresh analysis" in claim(more)[what].method
    for value in (as_much, less):
        assert {row.status for row in claim(value).values()} <= {"OK", "not checked"}


@pytest.mark.parametrize(("log10_p", "status"), [(-2.9995, "not checked"), (-2.9985, "DIFFERS")])
def test_what_is_certified_by_a_p_value_at_the_significance_cannot_be_told(log10_p: float, status: str) -> None:
    """log10 0.001 is −3."""
    record = {**CLAIMS, "certificate": {**CLAIMS["certificate"], "log10_p_value": log10_p}}
    rows = compared(lambda stored: stored["certificate"].update(certified=True), record=record)
    assert rows["certificate.certified"].status == status


@pytest.mark.parametrize(
    ("words", "status", "if_cut_off"),
    [
        ("CERTIFIED against memoryless classical routers only: 5.4% at least (99.9 % sure).", *["not checked"] * 2),
        ("CERTIFIED against memoryless classical routers only: at least 5.5 % (99.9 % sure).", *["DIFFERS"] * 2),
        ("CERTIFIED against memoryless classical routers only: at least 5 % (99.9 %).", "DIFFERS", "not checked"),
        ("CERTIFIED against memoryless classical routers only: by how much (99.9 %).", "DIFFERS", "not checked"),
        ("CERTIFIED: 9 % of 5.3 % (99.9 %).", *["DIFFERS"] * 2),
        ("CERTIFIED: at least 0.9 units of time (99.9 %).", *["DIFFERS"] * 2),
        ("CERTIFIED: at least 5.3 % (99.9 % confidence).", *["DIFFERS"] * 2),
        ("NOT CERTIFIED: at least 5.3 % (99.9 % confidence).", *["not checked"] * 2),
    ],
)
def test_a_verdict_may_be_worded_otherwise_but_names_the_same_sizes_and_no_wider_class(
    words: str, status: str, if_cut_off: str
) -> None:
    def older(record: dict[str, Any]) -> None:
        record["provenance"]["bellqueue_version"] = "0"
        record["verdict"] = [words]

    assert compared(older, record=CLAIMS)["verdict[0]"].status == status
    assert compared(older, cut_off=True, record=CLAIMS)["verdict[0]"].status == if_cut_off
