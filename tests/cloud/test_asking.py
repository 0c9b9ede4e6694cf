"""What is chosen and shown before anything is paid: repetition delay, what is left, the service's own estimate."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from bellqueue.backends.braket.adapter import BraketBackend
from bellqueue.backends.ibm.adapter import IbmBackend
from bellqueue.model.errors import BackendError

from .account import Account
from .braket_devices import GARNET, SV1
from .braket_double import BraketDouble
from .faults import Fault
from .ibm_double import IbmDouble
from .plans import finished, plan

NIGHTHAWK = {"default_rep_delay": 4000.0, "rep_delay_range": [1000.0, 4000.0], "dynamic_reprate_enabled": True}  # µs
HERON = {"default_rep_delay": 250.0, "rep_delay_range": [0.0, 500.0], "dynamic_reprate_enabled": True}


# --- repetition delay -------------------------------------------------------------------------------------------


def test_a_long_default_delay_is_paid_for_and_named_with_what_it_costs(ibm: IbmDouble) -> None:
    """40000 × 4 ms are 160 s, and 40 s with the shortest delay; the circuits take microseconds, and a job 2 s."""
    ibm.configuration = NIGHTHAWK
    estimate = IbmBackend("manila,pair=0-1").estimate(plan(40000))
    assert estimate.qpu_seconds == pytest.approx(162, abs=0.5)
    (note,) = estimate.notes
    assert "160.0 s of the" in note
    assert "delay of 4ms per shot" in note
    assert "rep_delay=1ms" in note
    assert "42." in note


def test_a_chosen_delay_is_estimated_recorded_and_sent(ibm: IbmDouble) -> None:
    ibm.configuration = NIGHTHAWK
    backend = IbmBackend("manila,pair=0-1,rep_delay=1500us")
    estimate = backend.estimate(plan(40000))
    assert estimate.qpu_seconds == pytest.approx(62, abs=0.5)
    assert estimate.notes == ()
    described = backend.describe()
    assert described.name == "ibm:ibm_manila,pair=0-1,rep_delay=1.5ms"
    assert described.calibration["rep_delay_us"] == pytest.approx(1500)
    again = IbmBackend(described.name.partition(":")[2])
    job = finished(again, plan(1000))
    assert ibm.accepted[0].body["params"]["options"]["rep_delay"] == pytest.approx(1.5e-3)
    assert again.usage(job).qpu_seconds == math.ceil(2 + 1000 * 1.5e-3)


def test_a_usual_delay_and_one_without_a_choice_are_no_matter_for_a_note(ibm: IbmDouble) -> None:
    ibm.configuration = HERON
    assert IbmBackend("manila,pair=0-1").estimate(plan(40000)).notes == ()
    ibm.configuration = NIGHTHAWK | {"dynamic_reprate_enabled": False}  # dear, but there is no choice
    backend = IbmBackend("manila,pair=0-1")
    assert backend.estimate(plan(40000)).notes == ()
    assert "rep_delay" not in backend.describe().name
    backend.submit(plan(100), "bellqueue-key")
    assert ibm.accepted[0].body["params"]["options"].get("rep_delay") is None


@pytest.mark.parametrize(
    ("configuration", "typed", "told"),
    [
        (NIGHTHAWK, "250us", "rep_delay=250us is not a delay that the device offers; it offers 1ms to 4ms"),
        (NIGHTHAWK, "0.0041s", "rep_delay=4.1ms is not a delay that the device offers"),
        (HERON | {"dynamic_reprate_enabled": False}, "250us", "it offers none but its default"),
        (HERON | {"dynamic_reprate_enabled": False}, "0us", "it offers none but its default"),
        (HERON | {"rep_delay_range": None}, "250us", "it offers none but its default"),
        (HERON, "250", "rep_delay=250 is not a time; write rep_delay=250us"),
        (HERON, "-1ms", "is not a time"),
        (HERON, "nans", "is not a time"),
    ],
)
def test_a_delay_that_cannot_be_had_is_refused(ibm: IbmDouble, configuration: Any, typed: str, told: str) -> None:
    ibm.configuration = configuration
    with pytest.raises(BackendError) as refusal:
        IbmBackend(f"manila,pair=0-1,rep_delay={typed}").describe()
    assert told in str(refusal.value)


# --- what the account has left ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "shots", "note", "doubt"),
    [
        (600, 400, "this instance has 600 s left", ""),
        (600, 4_000_000, None, "this instance has 600 s left and this needs about 10"),
        (0, 400, None, "this instance has used up its time"),
    ],
)
def test_what_an_instance_has_left_is_said_before_anyone_decides(
    ibm: IbmDouble, limit: int, shots: int, note: str | None, doubt: str
) -> None:
    ibm.plan, ibm.limit_seconds = "open", limit
    backend = IbmBackend("manila,pair=0-1")
    part = plan(400)
    estimate = replace(backend.estimate(part), qpu_seconds=2 + shots * 250e-6)
    advised = backend.advise(part, estimate)
    assert advised.notes == (() if note is None else (note,))
    assert advised.doubt.startswith(doubt)
    assert bool(advised.doubt) == bool(doubt)
    assert replace(advised, notes=(), doubt="") == estimate


def test_a_used_up_instance_is_a_question_and_no_raw_warning(account: Account) -> None:
    account.double.plan, account.double.limit_seconds = "open", 0
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*(usage limit|more time available)")
        refused = account.call("submit", "--backend", "ibm:manila", "--shots", 100)
        assert refused.code == 2
        assert refused.err.splitlines()[-1].startswith("bellqueue: nothing was submitted: this instance has used up")
        assert account.double.accepted == []
        assert json.loads(account.call("runs", "--json").out) == []
        assert account.call("submit", "--backend", "ibm:manila", "--shots", 100, "--yes").code == 0
    assert len(account.double.accepted) == 1


def test_an_account_that_does_not_say_what_is_left_may_still_submit(ibm: IbmDouble) -> None:
    backend, part = IbmBackend("manila,pair=0-1"), plan(100)
    estimate = backend.estimate(part)
    ibm.fail("GET", "/instances/usage$", Fault.status(403), times=None)
    advised = backend.advise(part, estimate)
    assert advised.doubt == ""
    assert advised.notes[-1].startswith("not known: IBM Quantum, asking for the instance's usage")


def limit(spent: str, queued: str, days: int, arn: str = GARNET) -> dict[str, Any]:
    """A limit of $100 that began 30 days ago and ends in some days."""
    now = datetime.now(UTC)
    return {
        "spendingLimitArn": "arn:aws:braket:eu-north-1:0:spending-limit/a",
        "deviceArn": arn,
        "timePeriod": {
            "startAt": (now - timedelta(days=30)).timestamp(),
            "endAt": (now + timedelta(days=days)).timestamp(),
        },
        "spendingLimit": "100",
        "totalSpend": spent,
        "queuedSpend": queued,
        "createdAt": now.isoformat(),
        "updatedAt": now.isoformat(),
    }


@pytest.mark.parametrize(
    ("spent", "queued", "days", "left", "doubt"),
    [("37.20", "5", 3, "$57.80", False), ("99.50", "0", 3, "$0.50", True), ("120", "0", 3, "$0.00", True)],
)
def test_a_spending_limit_is_shown_with_what_it_leaves(
    braket: BraketDouble, spent: str, queued: str, days: int, left: str, doubt: bool
) -> None:
    braket.limits = [limit(spent, queued, days), limit("100", "0", -1), limit("100", "0", 3, arn=SV1)]
    backend, part = BraketBackend("garnet"), plan(1000, block=100)
    estimate = backend.estimate(part)
    assert estimate.money is not None
    assert Decimal("0.5") < estimate.money < Decimal("5")
    advised = backend.advise(part, estimate)
    (note,) = advised.notes  # the second is over, the third of another device
    end = datetime.fromtimestamp(braket.limits[0]["timePeriod"]["endAt"], UTC).date()
    assert note.startswith(f"spending limit of this device: {left} of $100.00 left until {end}")
    assert bool(advised.doubt) is doubt
    assert left in advised.doubt or not doubt


def test_limits_that_may_not_be_read_are_said_and_no_obstacle(braket: BraketDouble) -> None:
    braket.fail("POST", "/spending-limits$", Fault.status(403), times=None)
    backend, part = BraketBackend("garnet"), plan(1000, block=100)
    advised = backend.advise(part, backend.estimate(part))
    assert advised.doubt == ""
    assert advised.notes[0].startswith("spending limits are not known: Amazon Braket, reading spending limits: ")


# --- the service's own estimate ---------------------------------------------------------------------------------


def test_the_service_estimates_beside_us_if_it_grants_dry_runs(ibm: IbmDouble) -> None:
    ibm.mocks = True
    backend, part = IbmBackend("manila,pair=0-1"), plan(100)
    advised = backend.advise(part, backend.estimate(part))
    assert "IBM Quantum's own dry run of the first job estimates 12.5 s on the device" in advised.notes
    assert len(ibm.dry_runs) == 1
    assert ibm.accepted == []
    assert backend.find("bellqueue-key") == ()
    backend.submit(part, "bellqueue-key")
    assert [job.backend for job in ibm.accepted] == ["ibm_manila"]


def test_without_mock_devices_no_dry_run_is_asked_for(ibm: IbmDouble) -> None:
    backend, part = IbmBackend("manila,pair=0-1"), plan(100)
    backend.advise(part, backend.estimate(part))
    assert ibm.count("POST", "/jobs$") == 0


# --- the reason of an end ---------------------------------------------------------------------------------------


def test_amazons_reason_of_a_cancellation_is_kept(braket: BraketDouble) -> None:
    braket.outcome = "CANCELLED"
    backend, part = BraketBackend("garnet"), plan(1000, block=100)
    job = backend.submit(part, "bellqueue-key")
    assert (backend.poll(job).state, backend.poll(job).message) == ("cancelled", "")
    braket.tasks[job].reason = "the device was taken\n down"
    assert backend.poll(job).message == "the device was taken down"


def test_the_reason_of_a_cancellation_is_kept_and_shown_without_control_characters(account: Account) -> None:
    account.double.queue_polls = 0
    account.double.outcome, account.double.reason = "cancelled", "the \x1b[31mfridge\x1b[0m\nwarmed up"
    run = account.submit(shots=100).run
    fetched = account.call("fetch", run)
    assert fetched.code == 2
    assert "cancelled: the fridge warmed up" in fetched.err
    (job,) = account.record(run)["jobs"]
    assert job["message"] == "the fridge warmed up"
    assert "\x1b" not in account.call("runs", run).out
