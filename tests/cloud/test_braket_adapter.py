"""The Braket adapter through the unmodified SDK against the double: what is sent, what comes back, what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from bellqueue.backends.braket.adapter import BraketBackend
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.errors import BackendError, DataError, RefusedError
from bellqueue.model.trials import Sampling, Trials

from .braket_devices import ANKAA, FORTE, GARNET, SV1
from .braket_double import BraketDouble
from .faults import Fault

pytest.importorskip("braket.aws", reason="needs amazon-braket-sdk")

ANGLES = ((0.0, math.pi / 4), (0.0, -math.pi / 4), (math.pi / 2, math.pi / 4), (math.pi / 2, 3.0))


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[BraketDouble]:
    from bellqueue.backends.braket.session import sign_in

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    sign_in.cache_clear()
    with BraketDouble(seed=11) as double:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        yield double
    sign_in.cache_clear()


def plan(trials: int, rule: str = "random", block: int = 1, seed: int = 4) -> Schedule:
    """Four settings, drawn afresh for every block or one after the other."""
    settings = tuple(Setting(i // 2, i % 2, *angles) for i, angles in enumerate(ANGLES))
    rng = np.random.default_rng(seed)
    if rule == "random":
        order = np.repeat(rng.integers(4, size=-(-trials // block)), block)[:trials]
        return Schedule(settings, order, (2, 2), Sampling("random", np.full((2, 2), 0.25), block))
    counts = [trials // 2, trials // 4, trials // 8, trials - trials // 2 - trials // 4 - trials // 8]
    return Schedule(settings, np.repeat(np.arange(4), counts), (2, 2), Sampling("fixed", np.full((2, 2), 0.25)))


def measure(backend: BraketBackend, whole: Schedule) -> Trials:
    """Submit every part, download, parse, join."""
    joined: Trials | None = None
    for number, trials in enumerate(backend.split(whole)):
        part = whole.part(trials)
        job = backend.submit(part, f"key-{number}")
        while backend.poll(job).state in ("queued", "running"):
            pass
        found = backend.parse(backend.download(job), part)
        joined = found if joined is None else joined + found
    assert joined is not None
    return joined


def as_measured(double: BraketDouble) -> np.ndarray:
    """Outcomes (a, b) of everything the double measured, in the order of submission, A's the smaller qubit."""
    columns = []
    for task in double.tasks.values():
        for executable in task.executables:
            columns.append(executable.measurements[:, np.argsort(executable.measured)])
    return np.concatenate(columns)


@pytest.mark.parametrize(
    ("device", "rule", "block", "trials"),
    [
        ("sv1", "fixed", 1, 4000),
        ("garnet", "random", 1, 150),
        ("garnet", "random", 50, 1000),
        ("garnet", "fixed", 1, 4000),
        ("ankaa-3", "random", 100, 1000),
    ],
)
def test_trials_are_what_the_device_measured_in_order(
    double: BraketDouble, device: str, rule: str, block: int, trials: int
) -> None:
    whole = plan(trials, rule, block)
    found = measure(BraketBackend(device), whole)
    assert np.array_equal(np.stack([found.a, found.b], axis=1), as_measured(double))
    correlators = found.counts().correlators
    for (alpha, beta), observed, shots in zip(
        ANGLES, correlators.ravel(), found.counts().settings.ravel(), strict=True
    ):
        ideal = math.cos(alpha - beta)
        assert abs(observed - ideal) < 5 * math.sqrt((1 - ideal**2) / shots) + 1e-9


def test_columns_in_the_order_of_the_program_are_put_right(double: BraketDouble) -> None:
    double.measured_order = "written"
    found = measure(BraketBackend("garnet"), plan(1000, "random", 50))
    assert np.array_equal(np.stack([found.a, found.b], axis=1), as_measured(double))


def test_inline_results_are_read_like_files(double: BraketDouble) -> None:
    double.layout = "inline"
    found = measure(BraketBackend("ankaa-3"), plan(1000, "random", 50))
    assert np.array_equal(np.stack([found.a, found.b], axis=1), as_measured(double))


def test_a_device_that_tells_only_frequencies_gives_the_right_counts(double: BraketDouble) -> None:
    whole = plan(1000, "fixed")
    found = measure(BraketBackend("forte"), whole)
    table = np.zeros((2, 2, 2, 2), dtype=int)
    for task, setting in zip(double.tasks.values(), whole.settings, strict=True):
        for a, b in task.executables[0].measurements:
            table[setting.x, setting.y, a, b] += 1
    assert np.array_equal(found.counts().table, table)


def test_the_best_pair_is_chosen_and_named_so_that_another_process_uses_the_same(double: BraketDouble) -> None:
    described = BraketBackend("garnet").describe()
    assert described.pair == double.devices[GARNET].best
    assert described.name == f"braket:{GARNET},pair=9-10"
    again = BraketBackend(described.name.partition(":")[2]).describe()
    assert (again.pair, again.name) == (described.pair, described.name)
    assert "#pragma braket verbatim" in described.attachments["circuit.qasm"]
    assert "oneQubitProperties" in described.attachments["properties.json"]


def test_a_forced_pair_is_used(double: BraketDouble) -> None:
    backend = BraketBackend("ankaa-3,pair=1-0")
    assert backend.describe().pair == (0, 1)
    backend.submit(plan(100, "random", 100), "key")
    (task,) = double.tasks.values()
    assert set(task.executables[0].measured) == {0, 1}


# Tasks by hand: the double's SV1 takes 100000 shots at once, Garnet 20000 in program sets of at most 100 executables
# and so on; the numbers stand in tests/cloud/braket_devices.py and are repeated here as what a user reads there.
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
    double: BraketDouble, device: str, rule: str, block: int, trials: int, tasks: int, money: Decimal
) -> None:
    backend = BraketBackend(device)
    whole = plan(trials, rule, block)
    estimate = backend.estimate(whole)
    assert (estimate.tasks, estimate.shots, estimate.money) == (tasks, trials, money)
    parts = backend.split(whole)
    assert [trial for part in parts for trial in part] == list(range(trials))


def test_more_shots_than_the_device_takes_at_once_are_split_and_merged(double: BraketDouble) -> None:
    most = double.devices[FORTE].shots[1]
    whole = plan(2 * most + 1000, "fixed")
    parts = BraketBackend("forte").split(whole)
    assert max(len(part) for part in parts) <= most
    assert len(parts) == 5  # the first setting has half of the trials, one more than fits; the other three fit
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]


def test_the_key_is_tag_and_client_token_so_that_a_submission_that_comes_twice_makes_one_task(
    double: BraketDouble,
) -> None:
    backend = BraketBackend("sv1")
    part = plan(100, "fixed").part(range(50))
    first = backend.submit(part, "one-key")
    assert backend.submit(part, "one-key") == first
    assert double.accepted == 1
    assert backend.find("one-key") == (first,)
    assert backend.find("another-key") == ()


def test_tasks_are_found_where_the_service_cannot_filter_by_tag(double: BraketDouble) -> None:
    double.tag_filters = False
    backend = BraketBackend("sv1")
    job = backend.submit(plan(100, "fixed").part(range(50)), "one-key")
    assert backend.find("one-key") == (job,)
    assert backend.find("another-key") == ()


@pytest.mark.parametrize("fault", [Fault.truncate(), Fault.empty()])
def test_a_damaged_list_of_tasks_is_not_taken_for_an_empty_one(double: BraketDouble, fault: Fault) -> None:
    backend = BraketBackend("sv1")
    backend.submit(plan(100, "fixed").part(range(50)), "one-key")
    double.fail("POST", "/quantum-tasks", fault)
    with pytest.raises(BackendError):
        backend.find("one-key")


def test_shots_that_failed_are_missing_and_not_invented(double: BraketDouble) -> None:
    backend = BraketBackend("garnet")
    double.failed_executables = frozenset({1})
    whole = plan(200, "random", 50)
    found = measure(backend, whole)
    assert len(found) == 150
    assert np.array_equal(found.x, np.delete(whole.in_order(np.zeros((200, 2), np.uint8)).x, np.s_[50:100]))


@pytest.mark.parametrize("layout", ["files", "inline"])
def test_a_program_set_that_failed_in_part_brings_what_it_has(
    double: BraketDouble, layout: Literal["files", "inline"]
) -> None:
    backend, whole = BraketBackend("garnet"), plan(200, "random", 50)
    double.layout, double.outcome, double.failed_executables = layout, "FAILED", frozenset({0, 2, 3})
    found = measure(backend, whole)
    assert np.array_equal(np.stack([found.a, found.b], axis=1), as_measured(double)[50:100])
    double.failed_executables = frozenset()  # then all fail
    status = backend.poll(backend.submit(whole, "another"))
    assert (status.state, status.message) == ("failed", "the qubits are being recalibrated")


@pytest.mark.parametrize("layout", ["files", "inline"])
def test_a_result_says_whose_it_is_and_another_ones_is_refused(
    double: BraketDouble, layout: Literal["files", "inline"]
) -> None:
    backend, part = BraketBackend("garnet"), plan(200, "random", 50)
    double.layout = layout
    job = backend.submit(part, "key")
    assert backend.poll(job).state == "done"
    raw = backend.download(job)
    assert job.endswith(str(backend.owner(raw)))
    assert len(backend.parse(raw, part)) == 200
    with pytest.raises(DataError, match="of other settings than the job's, or of the same in another order"):
        backend.parse(raw, replace(part, order=(part.order + 1) % 4))
    a, b = backend.describe().pair or (0, 0)
    assert len(BraketBackend(f"garnet,pair={a}-{b}").parse(raw, part)) == 200
    with pytest.raises(DataError, match=rf"of qubits \[{a}, {b}\], the job asked for \[1, 99\]"):
        BraketBackend("garnet,pair=1-99").parse(raw, part)


def test_executables_are_put_in_the_order_of_their_inputs(double: BraketDouble) -> None:
    double.layout = "inline"
    backend, part = BraketBackend("garnet"), plan(200, "random", 50)
    job = backend.submit(part, "key")
    assert backend.poll(job).state == "done"
    files = json.loads(backend.download(job))
    results = json.loads(files["results.json"])
    executables = results["programResults"][0]["executableResults"]
    executables.reverse()
    found = backend.parse(json.dumps({"results.json": json.dumps(results)}).encode(), part)
    assert np.array_equal(np.stack([found.a, found.b], axis=1), as_measured(double))
    executables[0]["inputsIndex"] = executables[1]["inputsIndex"]
    with pytest.raises(DataError, match="the executables have the inputs"):
        backend.parse(json.dumps({"results.json": json.dumps(results)}).encode(), part)


def test_a_device_whose_capabilities_are_gone_still_has_its_tasks_paid_for(
    double: BraketDouble, monkeypatch: pytest.MonkeyPatch
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
def test_a_task_of_one_circuit_is_of_the_settings_that_it_was_submitted_with(double: BraketDouble, device: str) -> None:
    backend = BraketBackend(device)
    part, other = (plan(100, "fixed").part(range(start, start + 25)) for start in (0, 75))
    job = backend.submit(part, "key")
    while backend.poll(job).state in ("queued", "running"):
        pass
    raw = backend.download(job)
    assert len(backend.parse(raw, part)) == 25
    with pytest.raises(DataError, match="other settings than the job's"):
        backend.parse(raw, other)


def test_what_is_not_the_result_of_the_part_is_refused(double: BraketDouble) -> None:
    backend = BraketBackend("sv1")
    part = plan(100, "fixed").part(range(50))
    job = backend.submit(part, "key")
    while backend.poll(job).state in ("queued", "running"):
        pass
    raw = backend.download(job)
    for damaged in (b"", raw[: len(raw) // 2], b"{}", b"[]", raw.replace(b"measuredQubits", b"measuredQubit_")):
        with pytest.raises(DataError):
            backend.parse(damaged, part)
    with pytest.raises(DataError, match="50 outcomes, 20 shots"):
        backend.parse(raw, replace(part, order=part.order[:20]))


def test_too_few_shots_of_one_setting_are_refused_with_the_remedy(double: BraketDouble) -> None:
    least = double.devices[FORTE].shots[0]
    if least < 2:
        pytest.skip("the double's device takes single shots")
    with pytest.raises(BackendError, match=f"set block = {least}"):
        BraketBackend("forte").split(plan(1000))


@pytest.mark.parametrize(
    ("typed", "told"),
    [("nosuch", "no device is called 'nosuch'"), ("garnett", "did you mean garnet"), ("garnet,pair=1-20", "pair=1-20")],
)
def test_wrong_names_are_told_in_one_line(double: BraketDouble, typed: str, told: str) -> None:
    with pytest.raises(BackendError, match=told):
        BraketBackend(typed).describe()


def test_wrong_keys_are_refused(double: BraketDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG0000000000")
    with pytest.raises(RefusedError):
        BraketBackend("sv1").describe()


def test_names_are_short_forms_of_the_devices(double: BraketDouble) -> None:
    arns = {typed: BraketBackend(typed).describe().calibration["device"] for typed in ("SV1", "forte", "ankaa")}
    assert arns == {"SV1": SV1, "forte": FORTE, "ankaa": ANKAA}


def test_a_task_of_somebody_else_is_never_taken_for_ours(double: BraketDouble) -> None:
    """Where the service cannot filter by tag it lists the tasks of everybody on the device."""
    from bellqueue.backends.braket.session import sign_in
    from braket.aws import AwsDevice
    from braket.circuits import Circuit

    double.tag_filters = False
    AwsDevice(SV1, aws_session=sign_in("us-east-1")).run(Circuit().h(0).cnot(0, 1), shots=50)
    assert double.accepted == 1
    assert BraketBackend("sv1").find("bellqueue-never-submitted") == ()


def test_a_stretch_cut_to_the_devices_shots_is_read_as_it_was_cut(double: BraketDouble) -> None:
    """One setting with twice the shots a device takes at once goes as two executables of one program set."""
    most = double.devices[GARNET].shots[1]
    whole = plan(2 * most, "random", 2 * most)
    backend = BraketBackend("garnet")
    assert backend.split(whole) == (range(2 * most),)
    found = measure(backend, whole)
    assert len(next(iter(double.tasks.values())).executables) == 2
    assert np.array_equal(np.stack([found.a, found.b], axis=1), as_measured(double))
