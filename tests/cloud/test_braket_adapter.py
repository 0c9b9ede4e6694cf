"""The Braket adapter through the unmodified SDK against the double: what is sent, what comes back, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Literal

import numpy as np
import pytest
from bellqueue.backends.accounts.redaction import redact
from bellqueue.backends.braket.adapter import BraketBackend
from bellqueue.circuits.schedule import Schedule
from bellqueue.model.errors import BackendError, DataError, RefusedError, UnreachableError
from bellqueue.model.trials import Trials

from .braket_devices import ANKAA, FORTE, GARNET, SV1
from .braket_double import ACCOUNT, SECRET_KEY, BraketDouble
from .faults import Fault
from .plans import assert_ideal, finished, measured, outcomes, plan

pytest.importorskip("braket.aws", reason="needs amazon-braket-sdk")

CIRCUIT = plan(100, "fixed").part(range(50))  # 50 shots of one setting: a task of one circuit


def measured_in_parts(backend: BraketBackend, whole: Schedule) -> Trials:
    """The trials of every part, submitted one after the other."""
    parts = enumerate(backend.split(whole))
    return reduce(add, (measured(backend, whole.part(trials), f"key-{number}") for number, trials in parts))


def as_measured(braket: BraketDouble) -> np.ndarray:
    """Outcomes (a, b) of everything the double measured, in the order of submission; A's is the smaller qubit."""
    return np.concatenate([run.measurements for task in braket.tasks.values() for run in task.executables])


@pytest.mark.parametrize(
    ("device", "rule", "block", "trials"),
    [
        ("sv1", "fixed", 1, 4000),
        ("garnet", "random", 1, 60),
        ("garnet", "random", 50, 1000),
        ("garnet", "fixed", 1, 4000),
        ("ankaa-3", "random", 100, 1000),
    ],
)
def test_trials_are_what_the_device_measured_in_order(
    braket: BraketDouble, device: str, rule: str, block: int, trials: int
) -> None:
    whole = plan(trials, rule, block)
    found = measured_in_parts(BraketBackend(device), whole)
    assert np.array_equal(outcomes(found), as_measured(braket))
    assert_ideal(found)


def test_a_device_that_tells_only_frequencies_gives_the_right_counts(braket: BraketDouble) -> None:
    whole = plan(1000, "fixed")
    found = measured_in_parts(BraketBackend("forte"), whole)
    table = np.zeros((2, 2, 2, 2), dtype=int)
    for task, setting in zip(braket.tasks.values(), whole.settings, strict=True):
        for a, b in task.executables[0].measurements:
            table[setting.x, setting.y, a, b] += 1
    assert np.array_equal(found.counts().table, table)


def test_the_best_pair_is_chosen_and_named_so_that_another_process_uses_the_same(braket: BraketDouble) -> None:
    described = BraketBackend("garnet").describe()
    assert described.pair == braket.devices[GARNET].best
    assert described.name == f"braket:{GARNET},pair=9-10"
    again = BraketBackend(described.name.partition(":")[2]).describe()
    assert (again.pair, again.name) == (described.pair, described.name)
    assert "#pragma braket verbatim" in described.attachments["circuit.qasm"]
    assert "oneQubitProperties" in described.attachments["properties.json"]


def test_a_forced_pair_is_used(braket: BraketDouble) -> None:
    backend = BraketBackend("ankaa-3,pair=1-0")
    assert backend.describe().pair == (0, 1)
    backend.submit(plan(100, "random", 100), "key")
    (task,) = braket.tasks.values()
    assert set(task.executables[0].measured) == {0, 1}


# By hand from the limits and prices in tests/cloud/braket_devices.py.
@pytest.mark.parametrize(
    ("device", "rule", "block", "trials", "tasks", "money"),
    [
        ("sv1", "fixed", 1, 4000, 4, Decimal("0.015")),  # 4 tasks × 3 s × $0.075/60 s
        ("forte", "fixed", 1, 4000, 4, Decimal("321.20")),  # 4 × $0.30 + 4000 × $0.08
        ("forte", "random", 100, 4000, 40, Decimal("332")),  # 40 × $0.30 + 4000 × $0.08
        ("garnet", "fixed", 1, 4000, 3, Decimal("6.70")),  # 2000; 1000; 500 twice: 3 × $0.30 + 4000 × $0.00145
    ],
)
def test_tasks_and_cost_by_hand(
    braket: BraketDouble, device: str, rule: str, block: int, trials: int, tasks: int, money: Decimal
) -> None:
    backend = BraketBackend(device)
    whole = plan(trials, rule, block)
    estimate = backend.estimate(whole)
    assert (estimate.tasks, estimate.shots, estimate.money) == (tasks, trials, money)
    parts = backend.split(whole)
    assert [trial for part in parts for trial in part] == list(range(trials))


def test_more_shots_than_the_device_takes_at_once_are_split_and_merged(braket: BraketDouble) -> None:
    most = braket.devices[FORTE].shots[1]
    whole = plan(2 * most + 1000, "fixed")
    parts = BraketBackend("forte").split(whole)
    assert max(len(part) for part in parts) <= most
    assert len(parts) == 5  # the first setting has half of the trials, one more than fits; the other three fit
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]


def test_the_key_is_the_client_token_so_that_a_submission_that_comes_twice_makes_one_task(
    braket: BraketDouble,
) -> None:
    backend = BraketBackend("sv1")
    assert backend.submit(CIRCUIT, "one-key") == backend.submit(CIRCUIT, "one-key")
    assert braket.count("POST", "/quantum-task$") == 2
    assert braket.accepted == 1


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("filters", [True, False])
def test_tasks_are_found_by_their_key_on_every_page_even_if_the_service_cannot_filter_by_tag_or_lists_none(
    braket: BraketDouble, filters: bool, listed: bool
) -> None:
    backend = BraketBackend("sv1")
    first, *_ = [backend.submit(CIRCUIT, key) for key in ("one-key", "another-key", "a-third-key")]
    braket.tag_filters, braket.tags_listed, braket.page = filters, listed, 1
    assert backend.find("one-key") == (first,)
    assert backend.find("no-key") == ()


@pytest.mark.parametrize(
    ("code", "error"), [(400, RefusedError), (403, RefusedError), (429, RefusedError), (503, UnreachableError)]
)
def test_only_a_clear_no_is_a_refusal(braket: BraketDouble, code: int, error: type[BackendError]) -> None:
    backend = BraketBackend("sv1")
    braket.fail("POST", "/quantum-task$", Fault.status(code))
    with pytest.raises(BackendError) as failure:
        backend.submit(CIRCUIT, "one-key")
    assert type(failure.value) is error
    assert braket.accepted == 0


def test_cancelling_twice_and_after_the_end_is_no_error(braket: BraketDouble) -> None:
    backend = BraketBackend("sv1")
    backend.cancel(finished(backend, CIRCUIT, "one-key"))
    braket.queue_polls = 1000
    job = backend.submit(CIRCUIT, "another-key")
    for _ in range(2):
        backend.cancel(job)
        assert backend.poll(job).state == "cancelled"


@pytest.mark.parametrize("fault", [Fault("truncate"), Fault("empty")])
def test_a_damaged_list_of_tasks_is_not_taken_for_an_empty_one(braket: BraketDouble, fault: Fault) -> None:
    backend = BraketBackend("sv1")
    backend.submit(CIRCUIT, "one-key")
    braket.fail("POST", "/quantum-tasks", fault)
    with pytest.raises(BackendError):
        backend.find("one-key")


def test_shots_that_failed_are_missing_and_not_invented(braket: BraketDouble) -> None:
    backend = BraketBackend("garnet")
    braket.failed_executables = frozenset({1})
    whole = plan(200, "random", 50)
    found = measured_in_parts(backend, whole)
    assert len(found) == 150
    assert np.array_equal(found.x, np.delete(whole.in_order(np.zeros((200, 2), np.uint8)).x, np.s_[50:100]))


@pytest.mark.parametrize("layout", ["files", "inline"])
def test_a_program_set_that_failed_in_part_brings_what_it_has(
    braket: BraketDouble, layout: Literal["files", "inline"]
) -> None:
    backend, whole = BraketBackend("garnet"), plan(200, "random", 50)
    braket.layout, braket.outcome, braket.failed_executables = layout, "FAILED", frozenset({0, 2, 3})
    found = measured_in_parts(backend, whole)
    assert np.array_equal(outcomes(found), as_measured(braket)[50:100])
    braket.failed_executables = frozenset()  # then all fail
    status = backend.poll(backend.submit(whole, "another"))
    assert (status.state, status.message) == ("failed", "the qubits are being recalibrated")


@pytest.mark.parametrize("layout", ["files", "inline"])
def test_a_result_says_whose_it_is_and_another_ones_is_refused(
    braket: BraketDouble, layout: Literal["files", "inline"]
) -> None:
    backend, part = BraketBackend("garnet"), plan(200, "random", 50)
    braket.layout = layout
    job = finished(backend, part)
    raw = backend.download(job)
    assert len(json.loads(raw)) == (2 if layout == "inline" else 8)  # the tags are one, executables have a file each
    assert job.endswith(str(backend.owner(raw)))
    assert len(backend.parse(raw, part)) == 200
    with pytest.raises(DataError, match="of other settings than the job's, or of the same in another order"):
        backend.parse(raw, replace(part, order=(part.order + 1) % 4))
    a, b = backend.describe().pair or (0, 0)
    assert len(BraketBackend(f"garnet,pair={a}-{b}").parse(raw, part)) == 200
    with pytest.raises(DataError, match=rf"of qubits \[{a}, {b}\], the job asked for \[1, 99\]"):
        BraketBackend("garnet,pair=1-99").parse(raw, part)


def test_executables_are_put_in_the_order_of_their_inputs(braket: BraketDouble) -> None:
    braket.layout = "inline"
    backend, part = BraketBackend("garnet"), plan(200, "random", 50)
    files = json.loads(backend.download(finished(backend, part)))
    results = json.loads(files["results.json"])
    executables = results["programResults"][0]["executableResults"]
    executables.reverse()
    found = backend.parse(json.dumps({"results.json": json.dumps(results)}).encode(), part)
    assert np.array_equal(outcomes(found), as_measured(braket))
    executables[0]["inputsIndex"] = executables[1]["inputsIndex"]
    with pytest.raises(DataError, match="the executables have the inputs"):
        backend.parse(json.dumps({"results.json": json.dumps(results)}).encode(), part)


def test_a_device_whose_capabilities_are_gone_still_has_its_tasks_paid_for(
    braket: BraketDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, part = BraketBackend("garnet"), plan(200, "random", 50)
    job = backend.submit(part, "key")
    known = backend.usage(job)
    monkeypatch.setattr(type(backend._device), "properties", None)
    assert known.money is not None
    later = BraketBackend("garnet")
    assert later.usage(job).known
    with pytest.raises(BackendError, match="states no capabilities"):
        later.split(part)


@pytest.mark.parametrize("device", ["sv1", "garnet"])
def test_a_task_of_one_circuit_is_of_the_settings_that_it_was_submitted_with(braket: BraketDouble, device: str) -> None:
    backend = BraketBackend(device)
    part, other = (plan(100, "fixed").part(range(start, start + 25)) for start in (0, 75))
    raw = backend.download(finished(backend, part))
    assert len(backend.parse(raw, part)) == 25
    with pytest.raises(DataError, match="other settings than the job's"):
        backend.parse(raw, other)


def test_what_is_not_the_result_of_the_part_is_refused(braket: BraketDouble) -> None:
    backend = BraketBackend("sv1")
    raw = backend.download(finished(backend, CIRCUIT))
    for damaged in (b"", raw[: len(raw) // 2], b"{}", b"[]", raw.replace(b"measuredQubits", b"measuredQubit_")):
        with pytest.raises(DataError):
            backend.parse(damaged, CIRCUIT)
    with pytest.raises(DataError, match="50 outcomes, 20 shots"):
        backend.parse(raw, replace(CIRCUIT, order=CIRCUIT.order[:20]))


def test_too_few_shots_of_one_setting_are_refused_with_the_remedy(braket: BraketDouble) -> None:
    with pytest.raises(BackendError, match=r"takes 100 to 5000 shots .* set block = 100 "):
        BraketBackend("forte").split(plan(1000))


@pytest.mark.parametrize(
    ("typed", "told"),
    [("nosuch", "no device is called 'nosuch'"), ("garnett", "did you mean garnet"), ("garnet,pair=1-20", "pair=1-20")],
)
def test_wrong_names_are_told_in_one_line(braket: BraketDouble, typed: str, told: str) -> None:
    with pytest.raises(BackendError, match=told):
        BraketBackend(typed).describe()


def test_wrong_keys_are_refused(braket: BraketDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG0000000000")
    with pytest.raises(RefusedError):
        BraketBackend("sv1").describe()


def test_the_number_of_the_account_is_no_secret(braket: BraketDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of a single sign-on name the account; it is part of every task's name, which must stay readable."""
    session = "a-token-of-a-session-of-this-test"
    monkeypatch.setenv("AWS_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SESSION_TOKEN", session)
    job = BraketBackend("sv1").submit(CIRCUIT, "one-key")
    assert f":{ACCOUNT}:" in job
    assert redact(job) == job
    assert not any(secret in redact(secret) for secret in (SECRET_KEY, session))


def test_names_are_short_forms_of_the_devices(braket: BraketDouble) -> None:
    arns = {typed: BraketBackend(typed).describe().calibration["device"] for typed in ("SV1", "forte", "ankaa")}
    assert arns == {"SV1": SV1, "forte": FORTE, "ankaa": ANKAA}


def test_a_task_of_somebody_else_is_never_taken_for_ours(braket: BraketDouble) -> None:
    """Where the service cannot filter by tag it lists the tasks of everybody on the device."""
    from bellqueue.backends.braket.session import sign_in
    from braket.aws import AwsDevice
    from braket.circuits import Circuit

    braket.tag_filters = False
    AwsDevice(SV1, aws_session=sign_in("us-east-1")).run(Circuit().h(0).cnot(0, 1), shots=50)
    assert braket.accepted == 1
    assert BraketBackend("sv1").find("bellqueue-never-submitted") == ()


def test_a_stretch_cut_to_the_devices_shots_is_read_as_it_was_cut(braket: BraketDouble) -> None:
    """One setting with twice the shots a device takes at once goes as two executables of one program set."""
    most = braket.devices[GARNET].shots[1]
    whole = plan(2 * most, "random", 2 * most)
    backend = BraketBackend("garnet")
    assert backend.split(whole) == (range(2 * most),)
    found = measured_in_parts(backend, whole)
    assert len(next(iter(braket.tasks.values())).executables) == 2
    assert np.array_equal(outcomes(found), as_measured(braket))
