"""The unmodified client of IBM Quantum finds in the double what it expects of the service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from .faults import Fault
from .ibm_double import IbmDouble


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[IbmDouble]:
    """IBM Quantum with the five qubits of Manila, where CX joins 0–1–2–3–4, and the 156 of Fez."""
    with IbmDouble(["manila", "fez"]) as service:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        yield service


def connect() -> Any:
    """A client that knows nothing but the environment."""
    from qiskit_ibm_runtime import QiskitRuntimeService

    return QiskitRuntimeService()


def rotation() -> QuantumCircuit:
    """On the qubits of Manila: qubit 3 turned by theta, qubit 1 flipped; bits 0, 1 and 2 read qubits 3, 2 and 1."""
    theta = Parameter("theta")
    circuit = QuantumCircuit(5, 3)
    circuit.sx(3)
    circuit.rz(theta, 3)
    circuit.sx(3)
    circuit.x(1)
    circuit.measure([3, 2, 1], [0, 1, 2])
    return circuit


def prepared_sampler(service: Any, tag: str) -> Any:
    from qiskit_ibm_runtime.executor_sampler import Sampler

    sampler = Sampler(mode=service.backend("ibm_manila"))
    sampler.options.environment.job_tags = [tag]
    return sampler


def submit(service: Any, *, rows: Any = (0.0,), shots: int = 1, tag: str = "t") -> Any:
    values = np.asarray(rows, dtype=float).reshape(-1, 1)
    return prepared_sampler(service, tag).run([(rotation(), values)], shots=shots)


def test_the_account_shows_the_plan_and_the_devices(double: IbmDouble) -> None:
    double.plan = "open"
    double.queue_length = 7
    service = connect()
    assert [(instance["plan"], instance["pricing_type"]) for instance in service.instances()] == [("open", "free")]
    fez = service.backend("ibm_fez")
    assert fez.num_qubits == 156
    assert fez.target.instruction_supported("cz", (0, 1))
    assert 0 < fez.properties().readout_error(0) < 1
    assert fez.status().pending_jobs == 7
    assert fez.configuration().default_rep_delay == pytest.approx(250e-6)
    assert {backend.name for backend in service.backends()} == {"ibm_manila", "ibm_fez"}
    assert not double.leaks


def test_rows_come_back_in_order_and_bits_in_place(double: IbmDouble) -> None:
    """SX·RZ(θ)·SX flips its qubit for θ = 0 and leaves it for θ = π; X always flips; an idle qubit reads 0."""
    flips = np.random.default_rng(5).integers(0, 2, 500)
    job = submit(connect(), rows=np.where(flips, 0.0, np.pi), shots=3)
    bits = job.result()[0].data.c.to_bool_array(order="little")
    assert bits.shape == (500, 3, 3)
    for shot in range(3):
        np.testing.assert_array_equal(bits[:, shot], np.column_stack([flips, 0 * flips, 0 * flips + 1]))
    (record,) = double.accepted
    np.testing.assert_array_equal(record.bits, bits)
    assert record.id == job.job_id()


def test_a_state_is_queued_then_running_then_done(double: IbmDouble) -> None:
    double.queue_polls = 3
    job = submit(connect())
    assert [job.status() for _ in range(4)] == ["QUEUED", "QUEUED", "RUNNING", "DONE"]


def test_another_client_finds_jobs_by_tag(double: IbmDouble) -> None:
    service = connect()
    job = submit(service, tag="mine")
    double.accepted += [replace(double.accepted[0], id=f"{job.job_id()}-{i}") for i in range(20)]
    submit(service, tag="other")
    found = connect().jobs(job_tags=["mine"], limit=None)  # the client asks for 20 at a time
    assert len(found) == 21
    assert [each.job_id() for each in found] == [each.id for each in reversed(double.accepted[:21])]


def test_a_job_fails_if_asked_to_or_if_the_device_cannot_run_it(double: IbmDouble) -> None:
    from qiskit_ibm_runtime import RuntimeJobFailureError

    service = connect()
    double.outcome, double.reason = "failed", "the fridge warmed up"
    with pytest.raises(RuntimeJobFailureError, match="the fridge warmed up"):
        submit(service).result()
    double.outcome = "completed"
    far = QuantumCircuit(5, 1)
    far.cx(0, 4)
    far.measure(4, 0)
    with pytest.raises(RuntimeJobFailureError, match=r"cx on qubits \(0, 4\) is not supported"):
        prepared_sampler(service, "t").run([far], shots=1).result()


def test_a_dropped_answer_leaves_a_job_that_can_be_found(double: IbmDouble) -> None:
    from qiskit_ibm_runtime.api.exceptions import RequestsApiError
    from qiskit_ibm_runtime.exceptions import IBMRuntimeError

    service = connect()
    for moment, jobs in (("before", 0), ("after", 1)):
        double.fail("POST", "/jobs$", Fault("drop", moment))  # type: ignore[arg-type]
        with pytest.raises((RequestsApiError, IBMRuntimeError), match="Remote end closed connection"):
            submit(service, tag=moment)
        assert len(service.jobs(job_tags=[moment])) == jobs
    double.wait_for("POST", "/jobs$", count=2)


def test_a_gateway_time_out_after_acceptance_makes_the_client_submit_twice(double: IbmDouble) -> None:
    double.fail("POST", "/jobs$", Fault.status(504, "after"))
    job = submit(connect())
    assert [record.id for record in double.accepted][1:] == [job.job_id()]


def test_expired_tokens_and_wrong_keys_are_refused(double: IbmDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    from qiskit_ibm_runtime.accounts.exceptions import InvalidAccountError
    from qiskit_ibm_runtime.exceptions import IBMNotAuthorizedError

    service = connect()
    double.revoke_tokens()
    with pytest.raises(IBMNotAuthorizedError):
        service.usage()
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "mistyped")
    with pytest.raises(InvalidAccountError):
        connect()


def test_a_raw_key_sent_for_want_of_a_token_is_noted(double: IbmDouble) -> None:
    double.token_lifetime = 5  # the client takes a new token when fewer than ten seconds are left
    service = connect()
    assert not double.leaks
    double.fail("POST", "/identity/token$", Fault.status(500), times=None)
    with pytest.warns(UserWarning, match="API Key will be used instead"):
        service.usage()
    assert [request.path for request in double.leaks] == ["/experimental/api/v1/instances/usage"]
