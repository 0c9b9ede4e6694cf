"""The IBM adapter through the unmodified client against the double: what is sent, what comes back, what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from bellqueue.backends.ibm import adapter
from bellqueue.backends.ibm.adapter import IbmBackend
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.errors import BackendError, DataError, RefusedError, UnreachableError
from bellqueue.model.trials import Sampling, Trials

from .faults import Fault
from .ibm_double import IbmDouble
from .ibm_program import decode_program

ANGLES = ((0.0, math.pi / 4), (0.0, -math.pi / 4), (math.pi / 2, math.pi / 4), (math.pi / 2, 3.0))


@pytest.fixture
def double(ibm: IbmDouble) -> IbmDouble:
    return ibm


def plan(trials: int, rule: str = "random", block: int = 1) -> Schedule:
    """Four settings, drawn afresh for every block or one after the other."""
    settings = tuple(Setting(i // 2, i % 2, *angles) for i, angles in enumerate(ANGLES))
    if rule == "fixed":
        order = np.repeat(np.arange(4), [trials // 2, trials // 4, trials // 8, trials // 8])
        return Schedule(settings, order, (2, 2), Sampling("fixed", np.full((2, 2), 0.25)))
    drawn = np.random.default_rng(4).integers(4, size=trials // block)
    return Schedule(settings, np.repeat(drawn, block), (2, 2), Sampling("random", np.full((2, 2), 0.25), block))


def finished(backend: IbmBackend, part: Schedule, key: str = "bellqueue-key") -> str:
    job = backend.submit(part, key)
    while backend.poll(job).state in ("queued", "running"):
        pass
    return job


def outcomes_of_double(double: IbmDouble) -> np.ndarray:
    """Outcomes (a, b) of the first job in the order of execution; bit 0 of the register is A's."""
    (register,) = double.accepted[0].outcomes[0].values()
    return np.asarray(register, dtype=np.uint8).reshape(-1, 2)


@pytest.mark.parametrize(("rule", "block", "rows"), [("random", 1, 2000), ("random", 50, 40), ("fixed", 1, 8)])
def test_one_job_of_one_circuit_brings_the_trials_in_order(double: IbmDouble, rule: str, block: int, rows: int) -> None:
    backend, whole = IbmBackend("manila"), plan(2000, rule, block)
    assert backend.split(whole) == (range(2000),)
    job = finished(backend, whole)
    found: Trials = backend.parse(backend.download(job), whole)
    assert len(double.accepted) == 1
    (register,) = double.accepted[0].outcomes[0].values()
    assert np.asarray(register).shape[:2] == (rows, 2000 // rows)
    assert np.array_equal(np.stack([found.a, found.b], axis=1), outcomes_of_double(double))
    counts = found.counts()
    for (alpha, beta), observed, shots in zip(ANGLES, counts.correlators.ravel(), counts.settings.ravel(), strict=True):
        ideal = math.cos(alpha - beta)
        assert abs(observed - ideal) < 5 * math.sqrt((1 - ideal**2) / shots) + 1e-9


def test_the_pair_is_the_calibrations_best_and_the_name_states_it(double: IbmDouble) -> None:
    described = IbmBackend("manila").describe()
    assert described.pair is not None
    assert described.name == f"ibm:ibm_manila,pair={described.pair[0]}-{described.pair[1]}"
    again = IbmBackend(described.name.partition(":")[2]).describe()
    assert (again.name, again.predicted_visibility) == (described.name, described.predicted_visibility)
    assert described.kind == "hardware"
    assert f"q[{described.pair[0]}]" in described.attachments["circuit.qasm"]
    assert '"last_update_date"' in described.attachments["properties.json"]


def test_least_busy_takes_the_shorter_queue(double: IbmDouble) -> None:
    assert IbmBackend("least-busy").describe().device == "ibm_manila"


def test_seconds_and_money_by_hand(double: IbmDouble) -> None:
    """2 s for the job and, per shot, 250 µs of repetition delay and the circuit's microseconds; $1.60 a second."""
    estimate = IbmBackend("manila").estimate(plan(40000))
    assert estimate.tasks == 1
    assert estimate.shots == 40000
    assert estimate.qpu_seconds is not None
    assert 2 + 40000 * 250e-6 < estimate.qpu_seconds < 2 + 40000 * 260e-6
    assert estimate.money is not None
    assert float(estimate.money) == pytest.approx(1.60 * estimate.qpu_seconds)


def test_the_open_plan_is_free(double: IbmDouble) -> None:
    double.plan = "open"
    estimate = IbmBackend("manila").estimate(plan(4000))
    assert estimate.money == 0
    assert "open" in estimate.basis


def test_usage_is_what_the_service_charges_once_it_knows(double: IbmDouble) -> None:
    backend, part = IbmBackend("manila"), plan(200)
    double.usage_known = False
    job = finished(backend, part)
    assert backend.usage(job).qpu_seconds is None
    double.usage_known = True
    usage = backend.usage(job)
    assert usage.qpu_seconds is not None
    assert usage.money is not None
    assert float(usage.money) == pytest.approx(1.60 * usage.qpu_seconds)


def test_jobs_are_found_by_key_and_only_by_their_own(double: IbmDouble) -> None:
    backend = IbmBackend("manila")
    job = backend.submit(plan(100), "bellqueue-one")
    assert IbmBackend("manila").find("bellqueue-one") == (job,)
    assert backend.find("bellqueue-two") == ()


def test_a_504_after_acceptance_leaves_one_job_and_says_that_it_is_open(double: IbmDouble) -> None:
    backend = IbmBackend("manila")
    double.fail("POST", "/jobs$", Fault.status(504, before_acceptance=False))
    with pytest.raises(UnreachableError):
        backend.submit(plan(100), "bellqueue-one")
    assert len(double.accepted) == 1
    assert backend.find("bellqueue-one") == (double.accepted[0].id,)


@pytest.mark.parametrize("code", [400, 403, 409, 429])
def test_a_clear_no_is_a_refusal_and_makes_no_job(double: IbmDouble, code: int) -> None:
    backend = IbmBackend("manila")
    double.fail("POST", "/jobs$", Fault.status(code, before_acceptance=True))
    with pytest.raises(RefusedError):
        backend.submit(plan(100), "bellqueue-one")
    assert not double.accepted


def test_a_failed_job_says_why(double: IbmDouble) -> None:
    double.outcome, double.reason = "failed", "the fridge is warm"
    backend = IbmBackend("manila")
    job = finished(backend, plan(100))
    status = backend.poll(job)
    assert status.state == "failed"
    assert "the fridge is warm" in status.message


def test_cancelling_twice_and_after_the_end_is_no_error(double: IbmDouble) -> None:
    double.queue_polls = 1000
    backend = IbmBackend("manila")
    job = backend.submit(plan(100), "bellqueue-one")
    backend.cancel(job)
    assert backend.poll(job).state == "cancelled"
    backend.cancel(job)


def test_what_is_not_the_result_of_the_part_is_refused(double: IbmDouble) -> None:
    backend, part = IbmBackend("manila"), plan(200)
    raw = backend.download(finished(backend, part))
    for damaged in (b"", raw[: len(raw) // 2], b"{}", b"null", b'"text"'):
        with pytest.raises(DataError):
            backend.parse(damaged, part)
    with pytest.raises(DataError, match="the job asked for"):
        backend.parse(raw, replace(part, order=part.order[:100]))


def test_shots_that_do_not_fill_the_blocks_are_refused_with_the_remedy(double: IbmDouble) -> None:
    uneven = replace(plan(1000, "random", 50), order=plan(1000, "random", 50).order[:-10])
    with pytest.raises(BackendError, match="ask for 950 or 1000"):
        IbmBackend("manila").split(uneven)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("nosuch", "not among the devices of this account; valid: manila"),
        ("manilla", "not among the devices of this account; did you mean manila?"),
        ("manila,pair=0-4", "usable:"),
    ],
)
def test_wrong_names_are_told_in_one_line(double: IbmDouble, typed: str, told: str) -> None:
    with pytest.raises(BackendError, match=told):
        IbmBackend(typed).describe()


def test_a_wrong_key_is_refused_and_never_sent_in_place_of_a_token(
    double: IbmDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "not-the-right-key-at-all")
    with pytest.raises(RefusedError):
        IbmBackend("manila").describe()


def test_where_no_token_can_be_had_the_key_is_not_sent_instead(double: IbmDouble) -> None:
    double.token_lifetime = 5  # so short that the client asks for a new one at every call
    backend = IbmBackend("manila")
    backend.describe()
    double.fail("POST", "/identity/token", Fault.status(500, before_acceptance=True), times=None)
    with pytest.raises(BackendError):
        backend.submit(plan(100), "bellqueue-one")
    assert not double.leaks
    assert not double.accepted


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
def test_metrics_of_any_shape_say_nothing_or_a_number(double: IbmDouble, metrics: bytes) -> None:
    backend, part = IbmBackend("manila"), plan(100)
    job = finished(backend, part)
    double.metrics = metrics
    assert not backend.usage(job).known


@pytest.mark.parametrize("wrong", ["order", "qubits"])
def test_a_result_of_other_settings_or_qubits_is_refused(double: IbmDouble, wrong: str) -> None:
    backend, part = IbmBackend("manila"), plan(200)
    job = finished(backend, part, "bellqueue-own")
    raw = backend.download(job)
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
    double: IbmDouble, monkeypatch: pytest.MonkeyPatch
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
    job = finished(backend, whole.part(range(1000)))
    found = backend.parse(backend.download(job), whole.part(range(1000)))
    np.testing.assert_array_equal(np.stack([found.a, found.b], axis=1), outcomes_of_double(double))
    assert decode_program(double.accepted[-1].body["params"]).shots == 125
