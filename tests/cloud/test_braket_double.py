"""The unmodified Braket SDK finds in the double what it expects of the service."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from .braket_devices import ANKAA, FORTE, GARNET, SV1
from .braket_double import ACCOUNT, BUCKET, SECRET_KEY, BraketDouble
from .faults import PATIENCE, Fault

braket_aws = pytest.importorskip("braket.aws", reason="needs amazon-braket-sdk")
boto3, errors = pytest.importorskip("boto3"), pytest.importorskip("botocore.exceptions")
client_config = pytest.importorskip("botocore.config")
FOLDER = (BUCKET, "runs")


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[BraketDouble]:
    with BraketDouble(seed=7) as double:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        yield double


def session(region: str) -> Any:
    """A session as a program would make it, without retries that wait."""
    config = client_config.Config(connect_timeout=PATIENCE, read_timeout=PATIENCE, retries={"total_max_attempts": 1})
    return braket_aws.AwsSession(boto_session=boto3.Session(region_name=region), config=config)


def device(arn: str) -> Any:
    return braket_aws.AwsDevice(arn, aws_session=session(arn.split(":")[3] or "us-east-1"))


def circuit() -> Any:
    """X on qubit 0 and a third of a turn on qubit 2, measured the other way round."""
    from braket.circuits import Circuit

    return Circuit().x(0).ry(2, 2 * math.pi / 3).measure(2).measure(0)


def verbatim(angle: float, pair: tuple[int, int] = (9, 10)) -> Any:
    """X on the pair's first qubit by two native gates, `angle` on its second."""
    from braket.circuits import Circuit

    a, b = pair
    box = Circuit().prx(a, math.pi / 2, 0).prx(a, math.pi / 2, 0).prx(b, angle, 0).cz(a, b)
    return Circuit().add_verbatim_box(box).measure(a).measure(b)


def error_code(error: Any) -> str:
    return str(error.value.response["Error"]["Code"])


def test_devices_are_listed_in_their_regions(double: BraketDouble) -> None:
    found = braket_aws.AwsDevice.get_devices(aws_session=session("us-east-1"))
    assert [one.name for one in found] == ["Ankaa-3", "DM1", "Forte 1", "Garnet", "SV1"]
    assert {one["deviceName"] for one in session("eu-north-1").search_devices()} == {"SV1", "DM1", "Garnet"}


@pytest.mark.parametrize("arn", [GARNET, ANKAA])
def test_calibration_makes_one_pair_the_best_and_one_the_worst(double: BraketDouble, arn: str) -> None:
    known, standardized = double.devices[arn], device(arn).properties.standardized

    def product(name: str) -> float:
        """Fidelity of one two-qubit gate and of reading both qubits."""
        readout = [standardized.oneQubitProperties[qubit].oneQubitFidelity[1].fidelity for qubit in name.split("-")]
        return float(standardized.twoQubitProperties[name].twoQubitGateFidelity[0].fidelity * math.prod(readout))

    ranking = sorted(standardized.twoQubitProperties, key=product)
    assert {int(qubit) for qubit in ranking[-1].split("-")} == set(known.best or ())
    assert {int(qubit) for qubit in ranking[0].split("-")} == set(known.worst or ())
    assert known.couplings is not None
    assert len(ranking) == len(known.couplings) - 1


def test_results_are_those_of_the_circuit_by_ascending_qubit(double: BraketDouble) -> None:
    double.queue_polls = 3
    task = device(SV1).run(circuit(), FOLDER, shots=4000, poll_interval_seconds=0.001)
    assert [task.state() for _ in range(3)] == ["CREATED", "QUEUED", "RUNNING"]
    result = task.result()
    assert result.measured_qubits == [0, 2]
    assert (result.measurements == double.tasks[task.id].executables[0].measurements).all()
    ones = result.measurements.mean(axis=0)
    assert ones[0] == 1
    assert ones[1] == pytest.approx(0.75, abs=5 * math.sqrt(0.75 * 0.25 / 4000))  # sin²(π/3)


def test_columns_can_come_in_the_order_of_the_program(double: BraketDouble) -> None:
    double.measured_order = "written"
    result = device(SV1).run(circuit(), FOLDER, shots=50).result()
    assert result.measured_qubits == [2, 0]
    assert (result.measurements[:, 1] == 1).all()


def test_a_verbatim_box_runs_on_the_qubits_it_names(double: BraketDouble) -> None:
    result = device(GARNET).run(verbatim(0.0), FOLDER, shots=20, disable_qubit_rewiring=True).result()
    assert result.measured_qubits == [9, 10]
    assert result.measurement_counts == {"10": 20}


@pytest.mark.parametrize("wrong", ["not coupled", "not native", "no such qubit"])
def test_a_verbatim_box_the_device_cannot_run_is_refused(double: BraketDouble, wrong: str) -> None:
    from braket.circuits import Circuit

    box = {"not coupled": verbatim(0.0, (1, 3)), "no such qubit": verbatim(0.0, (20, 21))}.get(wrong)
    bad = box or Circuit().add_verbatim_box(Circuit().h(1)).measure(1)
    with pytest.raises(errors.ClientError) as error:
        device(GARNET).run(bad, FOLDER, shots=20, disable_qubit_rewiring=True)
    assert error_code(error) == "ValidationException"
    assert double.accepted == 0


def test_ions_give_a_histogram_and_no_shots(double: BraketDouble) -> None:
    from braket.circuits import Circuit

    box = Circuit().gpi(4, 0.0).gpi2(1, 0.0).zz(1, 4, math.pi / 2)
    program = Circuit().add_verbatim_box(box).measure(1).measure(4)
    result = device(FORTE).run(program, FOLDER, shots=100, disable_qubit_rewiring=True).result()
    assert not result.measurements_copied_from_device
    assert set(result.measurement_probabilities) == {"01", "11"}


def test_one_client_token_makes_one_task(double: BraketDouble) -> None:
    client = device(SV1)

    def force_token(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**params, "clientToken": "run-1"}

    client.aws_session.braket_client.meta.events.register("provide-client-params.braket.CreateQuantumTask", force_token)
    arns = {client.run(circuit(), FOLDER, shots=10).id for _ in range(2)}
    assert (len(arns), double.posts, double.accepted) == (1, 2, 1)
    with pytest.raises(errors.ClientError, match="other parameters"):
        client.run(circuit(), FOLDER, shots=11)


def test_a_lost_answer_leaves_a_task_that_its_tag_finds(double: BraketDouble) -> None:
    client = device(SV1)
    client.run(circuit(), FOLDER, shots=10, tags={"bellqueue": "other"})
    double.fail("POST", "/quantum-task$", Fault.drop("after"))
    with pytest.raises(errors.ConnectionClosedError):
        client.run(circuit(), FOLDER, shots=10, tags={"bellqueue": "mine"})
    rule = {"name": "tags:bellqueue", "operator": "EQUAL", "values": ["mine"]}
    (found,) = client.aws_session.braket_client.search_quantum_tasks(filters=[rule])["quantumTasks"]
    assert braket_aws.AwsQuantumTask(found["quantumTaskArn"], client.aws_session).state() == "COMPLETED"
    assert found["tags"] == {"bellqueue": "mine"}


def test_a_search_comes_in_pages_the_latest_first(double: BraketDouble) -> None:
    double.page = 2
    client = device(SV1)
    made = [client.run(circuit(), FOLDER, shots=1).id for _ in range(5)]
    rules = [
        {"name": "deviceArn", "operator": "EQUAL", "values": [SV1]},
        {"name": "createdAt", "operator": "GTE", "values": ["2020-01-01T00:00:00Z"]},
    ]
    pages = client.aws_session.braket_client.get_paginator("search_quantum_tasks").paginate(filters=rules)
    assert [[one["quantumTaskArn"] for one in page["quantumTasks"]] for page in pages] == [
        [made[4], made[3]],
        [made[2], made[1]],
        [made[0]],
    ]


def test_tags_are_told_where_they_cannot_be_searched_for(double: BraketDouble) -> None:
    double.tag_filters = False
    client = device(SV1)
    client.run(circuit(), FOLDER, shots=1, tags={"bellqueue": "mine"})
    search = client.aws_session.braket_client.search_quantum_tasks
    with pytest.raises(errors.ClientError) as error:
        search(filters=[{"name": "tags:bellqueue", "operator": "EQUAL", "values": ["mine"]}])
    assert error_code(error) == "ValidationException"
    assert [one["tags"] for one in search(filters=[])["quantumTasks"]] == [{"bellqueue": "mine"}]


def test_a_waiting_task_can_be_cancelled_and_a_finished_one_not(double: BraketDouble) -> None:
    double.queue_polls = 10**9
    task = device(SV1).run(circuit(), FOLDER, shots=10)
    assert [task.state() for _ in range(2)] == ["CREATED", "QUEUED"]
    task.cancel()
    assert task.state() == "CANCELLED"
    with pytest.raises(errors.ClientError) as error:
        task.cancel()
    assert error_code(error) == "ConflictException"


def test_a_failed_task_says_why(double: BraketDouble) -> None:
    double.outcome, double.failure_reason = "FAILED", "the fridge is warm"
    task = device(SV1).run(circuit(), FOLDER, shots=10)
    assert task.result() is None
    assert task.metadata()["failureReason"] == "the fridge is warm"


@pytest.mark.parametrize("layout", ["files", "inline"])
def test_a_program_set_returns_its_executables_in_order(double: BraketDouble, layout: Any) -> None:
    from braket.circuits import Circuit, FreeParameter
    from braket.program_sets import CircuitBinding, ProgramSet

    double.layout = layout
    turn = FreeParameter("turn")
    box = Circuit().prx(9, turn, 0.0).prx(10, 0.0, 0.0).cz(9, 10)
    template = Circuit().add_verbatim_box(box).measure(9).measure(10)
    entries = [CircuitBinding(template, input_sets={"turn": [0.0, math.pi, 0.0]}), verbatim(math.pi)]
    task = device(GARNET).run(ProgramSet(entries, shots_per_executable=6), FOLDER)
    counts = [[dict(run.counts) for run in entry.entries] for entry in task.result().entries]
    assert counts == [[{"00": 6}, {"10": 6}, {"00": 6}], [{"11": 6}]]
    assert task.metadata()["actionMetadata"]["executableCount"] == 4
    files = {key.removeprefix(f"{double.tasks[task.id].directory}/") for _, key in double.objects}
    assert files == ({"results.json"} if layout == "inline" else SET_FILES)


SET_FILES = {
    "results.json",
    "metadata.json",
    "programs/0/program.json",
    "programs/0/results.json",
    "programs/0/executables/0.json",
    "programs/0/executables/1.json",
    "programs/0/executables/2.json",
    "programs/1/program.json",
    "programs/1/results.json",
    "programs/1/executables/0.json",
}


def test_an_executable_that_failed_says_so_among_the_others(double: BraketDouble) -> None:
    from braket.program_sets import ProgramSet

    double.failed_executables = frozenset({1})
    entries = ProgramSet([verbatim(0.0), verbatim(0.0), verbatim(0.0)], shots_per_executable=5)
    result = device(GARNET).run(entries, FOLDER).result()
    assert [type(entry[0]).__name__ for entry in result.entries] == [
        "MeasuredEntry",
        "ProgramSetExecutableFailure",
        "MeasuredEntry",
    ]
    assert result.task_metadata.successfulShots == 10


def test_a_default_bucket_is_made_for_the_account(double: BraketDouble) -> None:
    for region in ("us-east-1", "eu-north-1", "eu-north-1"):
        bucket = session(region).default_bucket()
        assert bucket == f"amazon-braket-{region}-{ACCOUNT}"
        assert bucket in double.buckets


@pytest.mark.parametrize(
    ("code", "name"), [(429, "ThrottlingException"), (403, "AccessDeniedException"), (503, "InternalServiceException")]
)
def test_an_error_status_has_the_name_the_service_gives_it(double: BraketDouble, code: int, name: str) -> None:
    client = device(SV1)
    double.fail("POST", "/quantum-task$", Fault.status(code))
    with pytest.raises(errors.ClientError) as error:
        client.run(circuit(), FOLDER, shots=10)
    assert error_code(error) == name
    assert double.accepted == 0


def test_expired_and_unknown_credentials_are_refused(double: BraketDouble) -> None:
    client = session("us-east-1")
    double.token_expired = True
    with pytest.raises(errors.ClientError) as error:
        client.get_device(SV1)
    assert error_code(error) == "ExpiredTokenException"
    double.token_expired, double.access_key = False, "AKIAANOTHER"
    with pytest.raises(errors.ClientError) as error:
        client.get_device(SV1)
    assert error_code(error) == "UnrecognizedClientException"


def test_the_secret_key_is_never_sent(double: BraketDouble) -> None:
    device(SV1).run(circuit(), FOLDER, shots=10).result()
    sent = [json.dumps([*request.headers.items(), request.path, request.body.decode()]) for request in double.requests]
    assert len(sent) >= 4
    assert not any(SECRET_KEY in text for text in sent)


def test_the_same_seed_measures_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def shots() -> list[list[int]]:
        with BraketDouble(seed=3) as double:
            for name, value in double.environment().items():
                monkeypatch.setenv(name, value)
            client = device(SV1)
            return [client.run(circuit(), FOLDER, shots=40).result().measurements[:, 1].tolist() for _ in range(2)]

    first = shots()
    assert first == shots()
    assert first[0] != first[1]
