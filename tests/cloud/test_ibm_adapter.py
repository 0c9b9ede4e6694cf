"""The IBM adapter through the unmodified client against the double: what is sent, what comes back, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bellqueue.backends.ibm import adapter
from bellqueue.backends.ibm.adapter import IbmBackend
from bellqueue.model.errors import BackendError, DataError, RefusedError, UnreachableError

from .faults import Fault
from .ibm_double import IbmDouble
from .plans import assert_ideal, finished, measured, outcomes, plan


@pytest.mark.parametrize(("rule", "block", "rows"), [("random", 1, 2000), ("random", 50, 40), ("fixed", 1, 8)])
def test_one_job_of_one_circuit_brings_the_trials_in_order(ibm: IbmDouble, rule: str, block: int, rows: int) -> None:
    backend, whole = IbmBackend("manila"), plan(2000, rule, block)
    assert backend.split(whole) == (range(2000),)
    found = measured(backend, whole)
    (job,) = ibm.accepted
    assert job.bits.shape[:2] == (rows, 2000 // rows)
    assert np.array_equal(outcomes(found), job.bits.reshape(-1, 2))
    assert_ideal(found)


def test_the_pair_is_the_calibrations_best_and_the_name_states_it(ibm: IbmDouble) -> None:
    described = IbmBackend("manila").describe()
    assert described.pair is not None
    assert described.name == f"ibm:ibm_manila,pair={described.pair[0]}-{described.pair[1]}"
    again = IbmBackend(described.name.partition(":")[2]).describe()
    assert (again.name, again.predicted_visibility) == (described.name, described.predicted_visibility)
    assert described.kind == "hardware"
    assert f"q[{described.pair[0]}]" in described.attachments["circuit.qasm"]
    assert '"last_update_date"' in described.attachments["properties.json"]


def test_least_busy_takes_the_shorter_queue(ibm: IbmDouble) -> None:
    assert IbmBackend("least-busy").describe().device == "ibm_manila"


def test_seconds_and_money_by_hand(ibm: IbmDouble) -> None:
    """2 s for the job and, per shot, 250 µs of repetition delay and the circuit's microseconds; $1.60 a second."""
    estimate = IbmBackend("manila").estimate(plan(40000))
    assert (estimate.tasks, estimate.shots) == (1, 40000)
    assert estimate.qpu_seconds is not None
    assert 2 + 40000 * 250e-6 < estimate.qpu_seconds < 2 + 40000 * 260e-6
    assert estimate.money is not None
    assert float(estimate.money) == pytest.approx(1.60 * estimate.qpu_seconds)


def test_a_504_after_acceptance_leaves_one_job_and_says_that_it_is_open(ibm: IbmDouble) -> None:
    backend = IbmBackend("manila")
    ibm.fail("POST", "/jobs$", Fault.status(504, "after"))
    with pytest.raises(UnreachableError):
        backend.submit(plan(100), "bellqueue-one")
    (job,) = ibm.accepted
    assert IbmBackend("manila").find("bellqueue-one") == (job.id,)
    assert backend.find("bellqueue-two") == ()


@pytest.mark.parametrize("code", [400, 403, 409, 429])
def test_a_clear_no_is_a_refusal_and_makes_no_job(ibm: IbmDouble, code: int) -> None:
    backend = IbmBackend("manila")
    ibm.fail("POST", "/jobs$", Fault.status(code))
    with pytest.raises(RefusedError):
        backend.submit(plan(100), "bellqueue-one")
    assert not ibm.accepted


def test_cancelling_twice_and_after_the_end_is_no_error(ibm: IbmDouble) -> None:
    backend = IbmBackend("manila")
    backend.cancel(finished(backend, plan(100)))
    ibm.queue_polls = 1000
    job = backend.submit(plan(100), "bellqueue-one")
    for _ in range(2):
        backend.cancel(job)
        assert backend.poll(job).state == "cancelled"


def test_what_is_not_the_result_of_the_part_is_refused(ibm: IbmDouble) -> None:
    backend, part = IbmBackend("manila"), plan(200)
    raw = backend.download(finished(backend, part))
    for damaged in (b"", raw[: len(raw) // 2], b"{}", b"null", b'"text"'):
        with pytest.raises(DataError):
            backend.parse(damaged, part)
    with pytest.raises(DataError, match="the job asked for"):
        backend.parse(raw, replace(part, order=part.order[:100]))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("manilla", "not among the devices of this account; did you mean manila?"),
        ("manila,pair=0-4", "usable:"),
    ],
)
def test_wrong_names_are_told_in_one_line(ibm: IbmDouble, typed: str, told: str) -> None:
    with pytest.raises(BackendError, match=told):
        IbmBackend(typed).describe()


def test_a_wrong_key_is_refused_and_never_sent_in_place_of_a_token(
    ibm: IbmDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "not-the-right-key-at-all")
    with pytest.raises(RefusedError):
        IbmBackend("manila").describe()


def test_where_no_token_can_be_had_the_key_is_not_sent_instead(ibm: IbmDouble) -> None:
    ibm.token_lifetime = 5  # so short that the client asks for a new one at every call
    backend = IbmBackend("manila")
    backend.describe()
    ibm.fail("POST", "/identity/token", Fault.status(500), times=None)
    with pytest.raises(BackendError):
        backend.submit(plan(100), "bellqueue-one")
    assert not ibm.leaks
    assert not ibm.accepted


@pytest.mark.parametrize(
    "metrics",
    [
        b"null",
        b"[]",
        b'"soon"',
        b'{"usage": "none"}',
        b'{"usage": {"status": "done", "qpu_charge_time_seconds": "3"}}',
        b'{"usage": {"status": "done", "qpu_charge_time_seconds": NaN}}',
        b'{"usage": {"status": "done", "qpu_charge_time_seconds": -1}}',
    ],
    ids=bytes.decode,
)
def test_metrics_of_any_shape_say_nothing_or_a_number(ibm: IbmDouble, metrics: bytes) -> None:
    backend, part = IbmBackend("manila"), plan(100)
    job = finished(backend, part)
    ibm.metrics = metrics
    assert not backend.usage(job).known


@pytest.mark.parametrize("wrong", ["order", "qubits"])
def test_a_result_of_other_settings_or_qubits_is_refused(ibm: IbmDouble, wrong: str) -> None:
    backend, part = IbmBackend("manila"), plan(200)
    raw = backend.download(finished(backend, part, "bellqueue-own"))
    assert backend.owner(raw) == "bellqueue-own"
    a, b = backend.describe().pair or (0, 0)
    recorded = IbmBackend(f"manila,pair={a}-{b}")
    assert len(recorded.parse(raw, part)) == 200
    if wrong == "order":
        with pytest.raises(DataError, match="of other settings than the job's, or of the same in another order"):
            recorded.parse(raw, replace(part, order=part.order[::-1]))
    else:
        with pytest.raises(DataError, match=rf"of qubits \[\[{a}, {b}\]\], the job asked for \[\[{b}, {a}\]\]"):
            IbmBackend(f"manila,pair={b}-{a}").parse(raw, part)


def test_executions_of_a_job_and_of_a_row_keep_within_the_limits(
    ibm: IbmDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Manila takes 100000 shots of one row; a job of the service 10 million, here 1000."""
    backend, whole = IbmBackend("manila"), plan(2000, "random", 500)
    assert backend.split(plan(12_000_000, "random", 1_000_000)) == (range(10_000_000), range(10_000_000, 12_000_000))
    assert backend._row(plan(4_000_000, "random", 1_000_000)) == 100_000
    monkeypatch.setattr(adapter, "EXECUTIONS", 1000)
    assert backend.split(whole) == (range(1000), range(1000, 2000))
    with pytest.raises(BackendError, match="one setting is to be measured 2000 times in a row, a job takes 1000; set"):
        backend.split(plan(4000, "random", 2000))
    monkeypatch.setattr(backend._device.configuration(), "max_shots", 200)  # a block of 500 has rows of 125
    found = measured(backend, whole.part(range(1000)))
    (job,) = ibm.accepted
    np.testing.assert_array_equal(outcomes(found), job.bits.reshape(-1, 2))
    assert job.sent.shots == 125
