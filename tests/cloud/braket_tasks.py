"""Tasks of the Braket double: what was posted is checked, measured on Braket's local simulator, and written out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .braket_devices import BraketDevice

Status = Literal["CREATED", "QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
Inputs = Mapping[str, Any]

PROGRAM = "braket.ir.openqasm.program"
PROGRAM_SET = "braket.ir.openqasm.program_set"
ERRORS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    409: "ConflictException",
    410: "DeviceRetiredException",
    424: "DeviceOfflineException",
    429: "ThrottlingException",
}
_MEASURE = re.compile(r"[^;{}\n]*\bmeasure\b[^;\n]*;")
_REGISTER = re.compile(r"\bqubit\[\d+\]\s+(\w+)\s*;")
_BOX = re.compile(r"#pragma braket verbatim\s*box\s*\{(.*?)\}", re.DOTALL)
_GATE = re.compile(r"\s*(?P<name>\w+)\s*(?:\((?P<angles>.*)\))?\s+(?P<qubits>[$\w\[\], ]+?)\s*\Z", re.DOTALL)


class RefusedError(Exception):
    """An error the service answers with; `code` is the name botocore will show."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.code = code or ERRORS.get(status, "InternalServiceException")


@dataclass(frozen=True)
class Executable:
    """One circuit that a task runs, and what was measured.

    Attributes:
        program: Index of its program in the program set; 0 of a single program.
        inputs_index: Index into the program's lists of inputs.
        source, inputs: The OpenQASM and its inputs.
        measured: Qubits of the columns of `measurements`, ascending.
        measurements: Shape (shots, len(measured)).
    """

    program: int
    inputs_index: int
    source: str
    inputs: Inputs
    measured: tuple[int, ...]
    measurements: NDArray[np.uint8]

    def histogram(self) -> dict[str, float]:
        """Relative frequencies by bitstring, the first measured qubit first."""
        rows, counts = np.unique(self.measurements, axis=0, return_counts=True)
        return {"".join(map(str, row)): count / len(self.measurements) for row, count in zip(rows, counts, strict=True)}


@dataclass
class Task:
    """A task that was accepted.

    Attributes:
        arn: Its name; the part behind the last slash is the last folder of its results.
        request: The request's JSON.
        region: Where it was created.
        executables: What it runs, in order.
        polls: GETs so far.
        status: As last told.
        reason: Why it failed.
        created, ended: ISO times.
    """

    arn: str
    request: Mapping[str, Any]
    region: str
    executables: tuple[Executable, ...]
    created: str
    polls: int = 0
    status: Status = "CREATED"
    reason: str = ""
    ended: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> str:
        """Where its results are in the bucket."""
        return f"{self.request['outputS3KeyPrefix']}/{self.arn.rsplit('/', 1)[1]}"

    @property
    def is_set(self) -> bool:
        """Whether it is a program set."""
        return schema_name(json.loads(self.request["action"])) == PROGRAM_SET


class Sampler:
    """Measures programs: exact probabilities from `braket.devices.LocalSimulator`, shots from a seeded generator."""

    def __init__(self, seed: int) -> None:
        from braket.devices import LocalSimulator

        self._simulator = LocalSimulator("braket_sv")
        self._rng = np.random.default_rng(seed)
        self._known: dict[tuple[str, str], tuple[tuple[int, ...], NDArray[np.float64]]] = {}

    def run(self, device: BraketDevice, action: Mapping[str, Any], shots: int) -> tuple[Executable, ...]:
        """Check an action as the service does when it is posted, and measure all of it.

        Raises:
            RefusedError: the device does not do that.
        """
        if schema_name(action) == PROGRAM:
            runs = [(0, 0, str(action["source"]), action.get("inputs") or {})]
        elif schema_name(action) == PROGRAM_SET and device.program_set is not None:
            runs = list(_expand(action["programs"]))
            most_executables, most_shots = device.program_set
            if len(runs) > most_executables or shots > most_shots or shots % len(runs):
                limits = f"at most {most_executables} executables and {most_shots} shots, the same for each"
                raise RefusedError(400, f"{len(runs)} executables and {shots} shots: {device.name} takes {limits}")
        else:
            raise RefusedError(400, f"{device.name} does not support {schema_name(action)}")
        fewest, most = device.shots
        each = shots // len(runs)
        if not max(fewest, 1) <= each <= most:
            raise RefusedError(400, f"{each} shots: {device.name} takes {fewest} to {most}")
        return tuple(self._measure(device, each, *run) for run in runs)

    def _measure(
        self, device: BraketDevice, shots: int, program: int, index: int, source: str, inputs: Inputs
    ) -> Executable:
        """Draw shots from the exact probabilities of a program."""
        _check_verbatim(device, source)
        same = source, json.dumps(inputs, sort_keys=True)
        try:
            if same not in self._known:
                self._known[same] = self._probabilities(source, inputs)
        except Exception as error:  # the interpreter raises whatever it likes on a program that is not valid
            raise RefusedError(400, f"The program is not valid: {error!r}") from error
        written, exact = self._known[same]
        measured = tuple(sorted(written))
        drawn = self._rng.choice(len(exact), size=shots, p=exact)
        columns = [(drawn >> (len(written) - 1 - written.index(qubit))) & 1 for qubit in measured]
        return Executable(program, index, source, inputs, measured, np.stack(columns, axis=1).astype(np.uint8))

    def _probabilities(self, source: str, inputs: Inputs) -> tuple[tuple[int, ...], NDArray[np.float64]]:
        """Qubits in the order they are measured, and the probabilities, the first qubit the most significant bit."""
        from braket.ir.openqasm import Program

        once = self._simulator.run(Program(source=source, inputs=inputs), shots=1).result()
        written = tuple(int(qubit) for qubit in once.measured_qubits)
        register = _REGISTER.search(source)
        targets = ", ".join(f"{register[1]}[{qubit}]" if register else f"${qubit}" for qubit in written)
        unmeasured = f"{_MEASURE.sub('', source)}\n#pragma braket result probability {targets}"
        values = self._simulator.run(Program(source=unmeasured, inputs=inputs), shots=0).result().values[0]
        exact = np.clip(np.asarray(values, dtype=np.float64), 0.0, None)
        return written, exact / exact.sum()


def _check_verbatim(device: BraketDevice, source: str) -> None:
    """Refuse verbatim boxes with other than native gates on physical, coupled qubits, as the service does."""
    for box in _BOX.findall(source):
        for statement in filter(str.strip, box.split(";")):
            gate = _GATE.match(statement)
            if gate is None or gate["name"].lower() not in device.gates:
                raise RefusedError(400, f"{statement.strip()!r} is not a native gate of {device.name}")
            if not all(re.fullmatch(r"\$\d+", name.strip()) for name in gate["qubits"].split(",")):
                raise RefusedError(400, f"{statement.strip()!r} in a verbatim box is not on physical qubits")
            qubits = sorted(int(name.strip()[1:]) for name in gate["qubits"].split(","))
            if not all(qubit in device.qubits for qubit in qubits):
                raise RefusedError(400, f"{statement.strip()!r}: {device.name} has qubits {device.qubits}")
            if len(qubits) == 2 and device.couplings is not None and tuple(qubits) not in device.couplings:
                raise RefusedError(400, f"{statement.strip()!r}: qubits {qubits} of {device.name} are not coupled")
            if gate["name"] == "rx" and device.provider == "Rigetti" and not _quarter_turns(gate["angles"]):
                raise RefusedError(400, f"{statement.strip()!r}: the angle of a native rx is a multiple of pi/2")


def _quarter_turns(angle: str) -> bool:
    try:
        quarters = float(angle) / (math.pi / 2)
    except ValueError:  # an input or an expression
        return False
    return math.isclose(quarters, round(quarters), abs_tol=1e-6)


def _expand(programs: Iterable[Mapping[str, Any]]) -> Iterable[tuple[int, int, str, Inputs]]:
    """The executables of a program set: program by program, and within each in the order of its inputs."""
    for number, program in enumerate(programs):
        inputs = program.get("inputs") or {}
        for index in range(len(next(iter(inputs.values()))) if inputs else 1):
            yield number, index, program["source"], {name: values[index] for name, values in inputs.items()}


def schema_name(content: Mapping[str, Any]) -> str:
    """What kind of thing it is; empty if it does not say."""
    return str(content.get("braketSchemaHeader", {}).get("name", ""))


def _head(name: str) -> dict[str, Any]:
    return {"braketSchemaHeader": {"name": f"braket.task_result.{name}", "version": "1"}}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def result_files(
    task: Task, *, histogram_only: bool, layout: Literal["files", "inline"], failed: frozenset[int], reason: str
) -> dict[str, str]:
    """What the service writes for a task, by name below its folder."""
    if not task.is_set:
        return {"results.json": json.dumps(_program_result(task, histogram_only))}
    results = [
        _failed_result(run, reason) if number in failed else _executable_result(run)
        for number, run in enumerate(task.executables)
    ]
    return _program_set_files(task, results, len(failed), inline=layout == "inline")


def _program_result(task: Task, histogram_only: bool) -> dict[str, Any]:
    """`results.json` of a single program."""
    (run,) = task.executables
    metadata = {
        **_head("task_metadata"),
        "id": task.arn,
        "shots": task.request["shots"],
        "deviceId": task.request["deviceArn"],
        "createdAt": task.created,
        "endedAt": task.ended,
        "status": task.status,
    }
    return {
        **_head("gate_model_task_result"),
        **_measured(run, histogram_only),
        "taskMetadata": metadata,
        "additionalMetadata": {"action": json.loads(task.request["action"])},
    }


def _measured(run: Executable, histogram_only: bool = False) -> dict[str, Any]:
    data: dict[str, Any] = {"measuredQubits": list(run.measured)}
    if histogram_only:
        return {**data, "measurementProbabilities": run.histogram()}
    return {**data, "measurements": run.measurements.tolist()}


def _executable_result(run: Executable) -> dict[str, Any]:
    head = _head("program_set_executable_result")
    return {**head, "inputsIndex": run.inputs_index, **_measured(run)}


def _failed_result(run: Executable, reason: str) -> dict[str, Any]:
    metadata = {"failureReason": reason, "retryable": True, "category": "DEVICE"}
    return {**_head("program_set_executable_failure"), "inputsIndex": run.inputs_index, "failureMetadata": metadata}


def _program_set_files(task: Task, results: list[dict[str, Any]], failed: int, *, inline: bool) -> dict[str, str]:
    """Results of a program set: one file, or one for each program and executable and for the metadata."""
    each = task.request["shots"] // len(results)
    programs = json.loads(task.request["action"])["programs"]
    of_program = [
        [result for run, result in zip(task.executables, results, strict=True) if run.program == number]
        for number in range(len(programs))
    ]
    metadata = {
        **_head("program_set_task_metadata"),
        "id": task.arn,
        "deviceId": task.request["deviceArn"],
        "requestedShots": task.request["shots"],
        "successfulShots": each * (len(results) - failed),
        "programMetadata": [
            {"executables": [result.get("failureMetadata", {}) for result in own]} for own in of_program
        ],
        "createdAt": task.created,
        "endedAt": task.ended,
        "status": task.status,
        "totalFailedExecutables": failed,
    }
    head = _head("program_set_task_result")
    bare = {**_head("program_result"), "additionalMetadata": {}}
    if inline:
        whole = [
            {**bare, "executableResults": own, "source": source}
            for own, source in zip(of_program, programs, strict=True)
        ]
        return {"results.json": json.dumps({**head, "programResults": whole, "taskMetadata": metadata})}
    files: dict[str, Any] = {"metadata.json": metadata}
    for number, (own, source) in enumerate(zip(of_program, programs, strict=True)):
        names = [f"executables/{index}.json" for index in range(len(own))]
        files[f"programs/{number}/program.json"] = source
        files[f"programs/{number}/results.json"] = {**bare, "executableResults": names, "source": "program.json"}
        files |= {f"programs/{number}/{name}": result for name, result in zip(names, own, strict=True)}
    files["results.json"] = {
        **head,
        "programResults": [f"programs/{number}/results.json" for number in range(len(programs))],
        "taskMetadata": "metadata.json",
        "s3Location": [task.request["outputS3Bucket"], task.directory],
    }
    return {name: json.dumps(content) for name, content in files.items()}
