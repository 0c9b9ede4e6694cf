"""Outcomes recorded the wrong way round, and types in another order: what the analysis says, and what it costs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.model.errors import DataError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling
from bellqueue.runner.commands.verify_command import verify_path

import bellqueue as bq
from tests.analysis.certificate.test_beyond_quantum import box, drawn
from tests.scenarios import IBM_HANOI, default_record, dense, random_scenario

from .conftest import Run, check_refusal
from .recorded_runs import edited, write_run
from .test_verification import differing, row

NAMES = ["short", "long"]
HANOI = np.array(IBM_HANOI)
AS_PUBLISHED = HANOI[:, :, :, ::-1]  # IBM_HANOI has B's second outcome inverted


def analyzed(counts: Any, **arguments: Any) -> Analysis:
    return bq.analyze(counts, "default", progress=False, **arguments)


def ideal(visibility: float) -> Any:
    frontiers = Frontiers.of(Scenario.default())
    multiplier = float(frontiers.classical.multipliers[-1])
    return box(5000, visibility * frontiers.quantum.at_multiplier(multiplier).correlators)


def test_a_visibility_of_the_wrong_sign_gets_its_remedy(call: Run, tmp_path: Path) -> None:
    content = {"schema": "bellqueue.counts/1", "counts": ideal(-0.98).tolist()}
    (tmp_path / "c.json").write_text(json.dumps(content))
    done = call("analyze", "c.json", "--scenario", "default")
    told = " ".join(done.stdout.split())
    assert told.startswith("INVERTED OUTCOMES: all correlations have the opposite sign (visibility −0.98);")
    assert "; --invert b inverts router B's outcomes" in told
    assert "NOT CERTIFIED" in told
    mended = call("analyze", "c.json", "--scenario", "default", "--invert", "b")
    told = " ".join(mended.stdout.split())
    assert told.startswith("CERTIFIED: ")
    assert "Router B's outcomes were inverted after the data; the chance allows for that as well." in told
    record = json.loads(call("analyze", "c.json", "--scenario", "default", "--invert", "b", "--json").stdout)
    assert record["visibility"]["estimate"] == pytest.approx(0.98, abs=1e-3)
    assert record["warnings"] == []
    assert record["provenance"]["inverted"] == "b"
    assert record["provenance"]["command"] == "bellqueue analyze c.json --scenario default --invert b"
    assert record["measured"]["counts"] == content["counts"]  # as they were taken


@pytest.mark.parametrize("router", ["a", "b"])
def test_inverting_after_the_data_costs_a_factor_of_two(router: str) -> None:
    declared, chosen = analyzed(HANOI), analyzed(AS_PUBLISHED, invert=router)
    assert chosen.observed.waiting_time.estimate == pytest.approx(declared.observed.waiting_time.estimate)
    assert chosen.certificate.log10_p_value - declared.certificate.log10_p_value == pytest.approx(math.log10(2))
    assert chosen.every_classical
    assert declared.every_classical
    wider = chosen.every_classical.log10_p_value - declared.every_classical.log10_p_value
    assert wider == pytest.approx(math.log10(2))
    assert chosen.certificate.excess.low < declared.certificate.excess.low
    assert chosen.observed.splitting_probability.low < declared.observed.splitting_probability.low
    assert chosen.observed.waiting_time.high > declared.observed.waiting_time.high
    assert chosen.visibility.low < declared.visibility.low
    told = "union bound over 2 edges of the frontier, times 2 for the inversion chosen after the data"
    assert chosen.certificate.multiplier_origin == told
    assert f"The outcomes of router {router.upper()} were inverted after the data were taken" in chosen.verdict[3]


def test_limits_at_half_the_significance_are_those_of_the_inversion() -> None:
    scenario = Scenario.parse(default_record(significance=5e-4))
    declared, chosen = bq.analyze(HANOI, scenario, progress=False), analyzed(AS_PUBLISHED, invert="b")
    for part, other in (
        (chosen.certificate.excess, declared.certificate.excess),
        (chosen.observed.waiting_time, declared.observed.waiting_time),
        (chosen.advantage.waiting_time_reduction, declared.advantage.waiting_time_reduction),
    ):
        assert (part.low, part.high) == pytest.approx((other.low, other.high))


def test_what_was_inverted_in_vain_is_told_to_be_left_alone() -> None:
    found = analyzed(HANOI, invert="a")
    assert found.verdict[0].startswith("INVERTED OUTCOMES: ")
    assert "leave out --invert a" in found.verdict[0]


@pytest.mark.parametrize("invert", ["a", "b"])
def test_an_inverted_analysis_verifies_and_what_is_changed_in_it_is_found(invert: Any, tmp_path: Path) -> None:
    stored = tmp_path / "record.json"
    stored.write_text(analyzed(AS_PUBLISHED, invert=invert).to_json())
    found = verify_path(stored)
    assert found.verified, found.summary
    assert row(found, "certificate.log10_p_value").method.endswith(
        "times the 2 multipliers tried, times 2 for the inversion chosen after the data"
    )
    assert Analysis.model_validate_json(stored.read_text()).to_json() == stored.read_text()
    unpaid = json.loads(stored.read_text())["certificate"]["log10_p_value"] - math.log10(2)
    edited(stored, "certificate.log10_p_value", unpaid)
    assert not verify_path(stored).verified
    edited(stored, "certificate.log10_p_value", unpaid + math.log10(2))
    assert verify_path(stored).verified
    content = json.loads(stored.read_text())
    del content["provenance"]["inverted"]
    stored.write_text(json.dumps(content))
    named = {"certificate.log10_p_value", "certificate.score", "certificate.certified"}
    assert named <= differing(verify_path(stored))


@pytest.mark.parametrize("counts", [box(1000), AS_PUBLISHED, HANOI[::-1], HANOI[:, ::-1]])
def test_records_with_such_warnings_verify(counts: Any, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(analyzed(counts).to_json())
    found = verify_path(tmp_path / "record.json")
    assert found.verified, found.summary


def test_an_alarm_that_was_removed_is_found(tmp_path: Path) -> None:
    stored = tmp_path / "record.json"
    stored.write_text(analyzed(box(1000)).to_json())
    edited(stored, "beyond_quantum.alarm", False)
    assert differing(verify_path(stored)) == {"beyond_quantum.alarm"}


@pytest.mark.parametrize(
    ("given", "types"),
    [
        (HANOI[::-1, ::-1], '"types": ["long", "short"]'),
        (HANOI[:, ::-1], '"types": ["short", "long"], "types_b": ["long", "short"]'),
        (HANOI[::-1], '"types": ["long", "short"], "types_b": ["short", "long"]'),
    ],
)
@pytest.mark.parametrize("inverted", [False, True])
def test_types_in_another_order_are_found_and_the_remedy_works(given: Any, types: str, inverted: bool) -> None:
    counts = given[:, :, :, ::-1] if inverted else given
    found = analyzed(counts)
    assert not found.certificate.certified
    told = f"with {types} in a counts file{' and --invert b' if inverted else ''} they would beat memoryless"
    assert found.verdict[0].startswith("TYPES IN ANOTHER ORDER: the counts name no types; ")
    assert told in found.verdict[0]
    fields = json.loads(f"{{{types}}}")
    mended = analyzed({"counts": counts.tolist(), **fields}, invert="b" if inverted else None)
    assert mended.warnings == []
    assert mended.observed.waiting_time.estimate == pytest.approx(analyzed(HANOI).observed.waiting_time.estimate)
    assert mended.certificate.certified


def test_three_types_are_tried_in_all_orders() -> None:
    scenario = next(
        found
        for found in (random_scenario(np.random.default_rng(seed), most=3) for seed in range(200))
        if found.workload().shape == (3, 3) and Frontiers.of(found).least_visibility("memoryless") is not None
    )
    frontiers = Frontiers.of(scenario)
    best = frontiers.largest_reduction()
    c = frontiers.quantum.at_splitting_probability(best.splitting_probability).correlators
    right = box(10**7, c)
    assert bq.analyze(right, scenario, progress=False).certificate.certified
    found = bq.analyze(right[[1, 2, 0]][:, [0, 2, 1]], scenario, progress=False)
    assert "TYPES IN ANOTHER ORDER" in found.verdict[0]
    names_a, names_b = (list(names) for names in (scenario.workload().names_a, scenario.workload().names_b))
    in_file = [names_a[1], names_a[2], names_a[0]], [names_b[0], names_b[2], names_b[1]]
    assert json.dumps(in_file[0]) in found.verdict[0]
    assert json.dumps(in_file[1]) in found.verdict[0]


def test_named_types_are_left_in_their_order() -> None:
    found = analyzed({"counts": HANOI[::-1, ::-1].tolist(), "types": NAMES})
    assert found.warnings == []
    assert not found.certificate.certified


def test_noise_and_classical_answers_get_no_hint() -> None:
    rng = np.random.default_rng(5)
    biased = drawn(np.full((2, 2), 0.02), np.full((2, 2), 100_000), rng)
    assert analyzed(biased.table).visibility.high < 0  # a readout that prefers 0, and no more than that
    assert analyzed(biased.table).warnings == []
    for signs in np.ndindex(2, 2, 2):
        a, b = 1 - 2 * np.array([0, signs[0]]), 1 - 2 * np.array(signs[1:])
        warnings = analyzed(box(1000, np.outer(a, b).astype(float))).warnings
        assert not any("TYPES" in warning for warning in warnings)


def test_a_run_with_a_plan_refuses_the_choice(call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "run", default_record(shots=2000))
    words = "invert is for counts taken elsewhere; the plan of this run fixed"
    check_refusal(call("analyze", "run", "--invert", "b"), words)
    own = Scenario.load(tmp_path / "run" / "scenario.json")
    with pytest.raises(DataError, match="invert is for counts taken elsewhere"):
        bq.analyze(tmp_path / "run", own, invert="b", progress=False)
    elsewhere = bq.analyze(tmp_path / "run", dense(), invert="b", progress=False)  # its plan says nothing of that one
    assert elsewhere.provenance.inverted == "b"


def test_a_run_whose_device_swaps_its_outcomes_is_told_to_mend_the_device(tmp_path: Path) -> None:
    write_run(tmp_path / "run", default_record(shots=2000), visibility=-0.98)
    found = bq.analyze(tmp_path / "run", progress=False)
    assert found.verdict[0].startswith("INVERTED OUTCOMES: ")
    assert "the device or its adapter swaps 0 and 1 at one router; correct that and run again" in found.verdict[0]
    assert "--invert" not in found.verdict[0]


def test_wrong_routers_are_refused(call: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"invert is 'c'; it must be \"a\" or \"b\""):
        analyzed(HANOI, invert="c")
    with pytest.raises(DataError, match="inverted already"):
        Sample(Counts(HANOI), Sampling("fixed")).invert("a").invert("b")
    (tmp_path / "c.json").write_text(json.dumps({"schema": "bellqueue.counts/1", "counts": IBM_HANOI}))
    check_refusal(call("analyze", "c.json", "--scenario", "default", "--invert", "c"))


def test_records_of_before_open() -> None:
    content = json.loads(analyzed(HANOI).to_json())
    assert content["provenance"].pop("types_assumed")
    assert "inverted" not in content["provenance"]
    del content["beyond_quantum"]
    older = Analysis.model_validate(content)
    assert older.provenance.inverted is None
    assert json.loads(older.to_json()) == content
