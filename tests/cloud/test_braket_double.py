"""The unmodified Braket SDK finds in the double what it expects of the service."""

from __future__ import annotations

import math
from typing import Any

import pytest

from .braket_devices import GARNET, SV1
from .braket_double import BUCKET, BraketDouble

braket_aws = pytest.importorskip("braket.aws", reason="needs amazon-braket-sdk")
errors = pytest.importorskip("botocore.exceptions")
FOLDER = (BUCKET, "runs")


def device(arn: str) -> Any:
    from bellqueue.backends.braket.session import region_of, sign_in

    return braket_aws.AwsDevice(arn, aws_session=sign_in(region_of(arn)))


def test_results_are_those_of_the_circuit_by_ascending_qubit(braket: BraketDouble) -> None:
    """X on qubit 0 and a third of a turn on qubit 2, measured the other way round."""
    from braket.circuits import Circuit

    braket.queue_polls = 3
    circuit = Circuit().x(0).ry(2, 2 * math.pi / 3).measure(2).measure(0)
    task = device(SV1).run(circuit, FOLDER, shots=4000, poll_interval_seconds=0.001)
    assert [task.state() for _ in range(3)] == ["CREATED", "QUEUED", "RUNNING"]
    result = task.result()
    assert result.measured_qubits == [0, 2]
    assert (result.measurements == braket.tasks[task.id].executables[0].measurements).all()
    ones = result.measurements.mean(axis=0)
    assert ones[0] == 1
    assert ones[1] == pytest.approx(0.75, abs=5 * math.sqrt(0.75 * 0.25 / 4000))  # sin²(π/3)


@pytest.mark.parametrize("wrong", ["not coupled", "not native", "no such qubit"])
def test_a_verbatim_box_the_device_cannot_run_is_refused(braket: BraketDouble, wrong: str) -> None:
    from braket.circuits import Circuit

    boxes = {
        "not coupled": Circuit().cz(1, 3),
        "not native": Circuit().h(1),
        "no such qubit": Circuit().cz(20, 21),
    }
    with pytest.raises(errors.ClientError, match=r"ValidationException.*(not coupled|not a native gate|has qubits)"):
        device(GARNET).run(Circuit().add_verbatim_box(boxes[wrong]), FOLDER, shots=20, disable_qubit_rewiring=True)
    assert braket.accepted == 0
