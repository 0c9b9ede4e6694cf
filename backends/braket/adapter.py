"""Amazon Braket: gate-model QPUs, in native gates on the best pair of their calibration, and managed simulators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from ...circuits.braket_circuit import bell_circuit
from ...circuits.braket_native import native_bell_circuit
from ...circuits.schedule import Schedule, Setting
from ...model.errors import BackendError, DataError, RefusedError, UnreachableError
from ...model.trials import Floats, Trials
from ..accounts.cost import braket_estimate, exact_dollars
from ..accounts.credentials import braket_credentials
from ..calibration.prediction import werner_probabilities
from ..options import parse_device, parse_pair
from ..protocol import OTHER_SETTINGS, CostEstimate, Description, JobStatus, State, Usage
from . import results as braket_results
from .best_pair import BraketPair, braket_pairs
from .session import ask, find_device, region_of, sign_in, spending_limits

TAG = "bellqueue"
SETTINGS = "bellqueue-settings"  # the tag with the digest of a part
PROGRAM_SET = "braket.ir.openqasm.program_set"
STATES: dict[str, State] = {
    "CREATED": "queued",
    "QUEUED": "queued",
    "RUNNING": "running",
    "CANCELLING": "running",
    "COMPLETED": "done",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
}


class BraketBackend:
    """`braket:garnet`, `braket:sv1`, `braket:<arn>`, or with a forced pair `braket:garnet,pair=9-10`.

    Nothing is asked of the service before it is needed; parsing a stored result needs it never.
    """

    idempotent = True  # the key is the client token, under which a task is created once

    def __init__(self, argument: str | None = None) -> None:
        """Read the name.

        Args:
            argument: What follows the first colon: ARN or name, then options, separated by commas.

        Raises:
            BackendError: the name or an option is wrong.
        """
        self._typed, options = parse_device("braket", argument, ("pair",))
        if not self._typed:
            raise BackendError("braket needs a device, braket:garnet or braket:sv1; `bellqueue backends` lists yours")
        forced = sorted(parse_pair(f"braket:{self._typed}", options["pair"])) if options else None
        self._forced = (forced[0], forced[1]) if forced else None

    def describe(self, dimension: int = 2) -> Description:
        """The pair chosen by the calibration of this moment, and what is predicted for it; in a plane alone."""
        best, pair = self._best, self._pair
        record = {} if best is None else best.record()
        return Description(
            name=f"braket:{self._arn}" + (f",pair={pair[0]}-{pair[1]}" if pair else ""),
            kind="hardware" if self._is_qpu else "simulator",
            device=str(self._device.name),
            qubits=int(self._properties.paradigm.qubitCount),
            pair=pair,
            predicted_visibility=best.predicted_visibility if best else 1.0,
            calibration={
                "device": self._arn,
                "updated": str(self._properties.service.updatedAt),
                **record,
                "next_best_pairs": [other.record() for other in self._pairs[1:6]],
                "amazon_braket_sdk": version("amazon-braket-sdk"),
            },
            attachments={
                "circuit.qasm": self._circuit().to_ir("OPENQASM").source,
                "properties.json": self._properties.json(indent=1) + "\n",
            },
        )

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b) of a Werner pair with all losses of the pair in its visibility, shape (len(settings), 2, 2).

        Braket states each readout error as the mean of both directions, so nothing finer can be predicted.
        """
        return werner_probabilities(settings, self._best.predicted_visibility if self._best else 1.0)

    def split(self, schedule: Schedule) -> tuple[range, ...]:
        """One task for as many stretches of one setting as the device takes at once.

        Raises:
            BackendError: a stretch is shorter than the device's least number of shots.
        """
        least, most = self._shots
        tasks: list[list[int]] = []
        for _, shots in schedule.runs(most):
            if shots < least:
                raise BackendError(
                    f"{self._device.name} takes {least} to {most} shots of one setting, the schedule has {shots}; "
                    f"set block = {least} in [experiment] or more"
                )
            if tasks and self._fits(tasks[-1], shots):
                tasks[-1].append(shots)
            else:
                tasks.append([shots])
        ends = np.cumsum([sum(task) for task in tasks]).tolist()
        return tuple(range(start, stop) for start, stop in zip([0, *ends[:-1]], ends, strict=True))

    def estimate(self, schedule: Schedule) -> CostEstimate:
        """Price per task and per shot, or per minute of a simulator."""
        cost = self._properties.service.deviceCost
        return braket_estimate(tasks=len(self.split(schedule)), shots=len(schedule.order), device=self._arn, live=cost)

    def advise(self, part: Schedule, estimate: CostEstimate) -> CostEstimate:
        """With the spending limits that the account has set for the device, and the pairs left out."""
        if not self._is_qpu:
            return estimate
        notes, doubt = list(estimate.notes), ""
        if self.unusable:
            notes.append(f"{self._device.name}: {self.unusable}")
        try:
            for left, line in spending_limits(self._arn):
                notes.append(line)
                if estimate.money is not None and estimate.money > left:
                    doubt = f"this costs more than the {exact_dollars(left)} that the spending limit leaves"
        except BackendError as error:
            notes.append(f"spending limits are not known: {error}")
        return replace(estimate, notes=tuple(notes), doubt=doubt)

    def submit(self, part: Schedule, key: str) -> str:
        """Submit a part as one task, with the key as its client token and tag.

        Raises:
            RefusedError: the service will not take it.
            UnreachableError: no usable answer; the task may exist.
        """
        events = sign_in(self._region).braket_client.meta.events
        place = "provide-client-params.braket.CreateQuantumTask"
        sent: list[str] = []

        def with_token(params: Mapping[str, Any], **_: Any) -> dict[str, Any]:
            sent.append(key)
            return {**params, "clientToken": key}

        program, shots = self._program(part)
        device, bucket = self._device, self._bucket
        options = {"disable_qubit_rewiring": True} if self._pair and len(shots) == 1 else {}
        tags = {TAG: key, SETTINGS: part.digest}
        events.register(place, with_token, unique_id=key)
        try:
            # A client token set otherwise is dropped; with it, a request that comes twice makes one task.
            task = ask(
                lambda: device.run(program, bucket, shots=sum(shots), tags=tags, **options),
                "submitting",
                posts=True,
            )
        finally:
            events.unregister(place, with_token, unique_id=key)
        if not sent:
            raise UnreachableError("Amazon Braket, submitting: this version of the client sent no client token")
        return str(task.id)

    def poll(self, job: str) -> JobStatus:
        """The state of the task, as the service gives it."""
        task = self._task(job)
        state = STATES.get(task["status"])
        if state is None:
            raise BackendError(f"task {job}: the status {task['status']!r} is not known here; upgrade bellqueue")
        position = (task.get("queueInfo") or {}).get("position")
        if state in ("failed", "cancelled"):
            why = str(task.get("failureReason", "no reason given" if state == "failed" else ""))
            if self._has_outcomes(job, task):
                return JobStatus("done", f"{state} in part: {why}")
            return JobStatus(state, why)
        return JobStatus(state, f"position {position}" if position and position != "None" else "")

    def download(self, job: str) -> bytes:
        """The files of a finished task as the service left them, bundled."""
        task = self._task(job)
        where = sign_in(region_of(job))

        def read(name: str) -> str:
            key = f"{task['outputS3Directory']}/{name}"
            return str(where.retrieve_s3_object_body(task["outputS3Bucket"], key))

        return ask(lambda: braket_results.bundle(read, task.get("tags") or {}), f"downloading task {job}")

    def _has_outcomes(self, job: str, task: Mapping[str, Any]) -> bool:
        """Whether a program set that failed as a whole left outcomes of some of its executables."""
        if (task.get("actionMetadata") or {}).get("actionType") != PROGRAM_SET:
            return False
        try:
            found, _ = braket_results.outcomes(self.download(job), int(task["shots"]))
        except (RefusedError, DataError):  # there are no files, or none that can be read
            return False
        return any(map(len, found))

    def owner(self, raw: bytes) -> str | None:
        """The task that a downloaded result says it is of."""
        return braket_results.owner(raw)

    def parse(self, raw: bytes, part: Schedule) -> Trials:
        """The trials in a downloaded result; shots without an outcome are missing.

        Raises:
            DataError: it is empty, truncated or not of this part.
        """
        angles = np.array([setting.angles for setting in part.settings])[part.order]
        pair = self._forced or ((0, 1) if "/quantum-simulator/" in self._typed else None)
        found, shots = braket_results.outcomes(raw, len(part.order), angles, pair)
        if braket_results.tag(raw, SETTINGS) not in (None, part.digest):  # of one circuit, which states no angles
            raise DataError(OTHER_SETTINGS)
        # An executable with fewer outcomes than shots lacks the last ones.
        brought = np.concatenate([np.arange(shots) < len(each) for each in found])
        if not brought.any():
            raise DataError("the result has no outcomes")
        bits = np.zeros((len(part.order), 2), dtype=np.uint8)
        bits[brought] = np.concatenate(found)
        return part.in_order(bits)[brought]

    def find(self, key: str) -> tuple[str, ...]:
        """ARNs of the tasks that carry the key as a tag."""
        client = sign_in(self._region).braket_client
        by_tag = [{"name": f"tags:{TAG}", "operator": "EQUAL", "values": [key]}]
        by_device = [{"name": "deviceArn", "operator": "EQUAL", "values": [self._arn]}]

        def search() -> tuple[str, ...]:
            from botocore.exceptions import ClientError

            try:
                return _search(client, by_tag, key)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ValidationException":
                    raise
                return _search(client, by_device, key)  # a service that cannot filter by tag still shows them

        return ask(search, "looking for a task by its key")

    def cancel(self, job: str) -> None:
        """Ask the service to stop a task; one that has finished stays as it is."""
        client = sign_in(region_of(job)).braket_client

        def stop() -> None:
            from botocore.exceptions import ClientError

            try:
                client.cancel_quantum_task(quantumTaskArn=job)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConflictException":
                    raise

        ask(stop, f"cancelling task {job}")

    def usage(self, job: str) -> Usage:
        """What the shots the service counts cost at its listed price; Braket states no bill per task."""
        task = self._task(job)
        if not self._is_qpu:
            return Usage()
        capabilities = self._device.properties  # gone once the device is retired; then the listed price counts
        live = capabilities.service.deviceCost if capabilities else None
        return Usage(money=braket_estimate(tasks=1, shots=int(task["shots"]), device=self._arn, live=live).money)

    def queue(self) -> str | None:
        """Tasks waiting at the device, in the service's words."""
        depth = ask(self._device.queue_depth, f"asking for the queue of {self._arn}").quantum_tasks
        return next((str(count) for kind, count in depth.items() if "normal" in str(kind).lower()), None)

    @cached_property
    def _arn(self) -> str:
        return find_device(self._typed)

    @property
    def _is_qpu(self) -> bool:
        return "/qpu/" in self._arn

    @cached_property
    def _region(self) -> str:
        return region_of(self._arn)

    @cached_property
    def _device(self) -> Any:
        from braket.aws import AwsDevice

        where = sign_in(self._region)
        return ask(lambda: AwsDevice(self._arn, where), f"opening {self._arn}")

    @cached_property
    def _properties(self) -> Any:
        found = ask(lambda: self._device.properties, f"reading the capabilities of {self._arn}")
        if getattr(found, "service", None) is None or getattr(found, "paradigm", None) is None:
            remedy = "choose another device, or upgrade amazon-braket-schemas"
            raise BackendError(f"braket:{self._arn} states no capabilities that can be read; {remedy}")
        return found

    @property
    def unusable(self) -> str:
        """One line on the pairs left out because their calibration cannot be, or ""."""
        return "".join(self._pairs_and_odd[1])

    @property
    def _pairs(self) -> tuple[BraketPair, ...]:
        return self._pairs_and_odd[0]

    @cached_property
    def _pairs_and_odd(self) -> tuple[tuple[BraketPair, ...], list[str]]:
        unusable: list[str] = []
        if not self._is_qpu:
            return (), unusable
        name = f"braket:{self._device.name}"
        try:
            return braket_pairs(name, self._properties, self._forced, unusable), unusable
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problem = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
            raise BackendError(
                f"{name}: its calibration is in an unknown form ({problem}); choose another device"
            ) from None

    @property
    def _best(self) -> BraketPair | None:
        return self._pairs[0] if self._pairs else None

    @property
    def _pair(self) -> tuple[int, int] | None:
        """Physical qubits that the circuit names, or None if the service places it."""
        if self._forced:
            return self._forced
        return self._best.pair if self._best else None

    @cached_property
    def _shots(self) -> tuple[int, int]:
        least, most = self._properties.service.shotsRange
        return max(int(least), 1), int(most)

    @cached_property
    def _bucket(self) -> tuple[str, str]:
        """Bucket and prefix of the results, from the credentials file or else the account's default bucket."""
        given = braket_credentials().bucket
        if given:
            bucket, _, prefix = given.partition("/")
            return bucket, prefix.strip("/") or "tasks"
        where = sign_in(self._region)
        return str(ask(where.default_bucket, "finding the bucket for results")), "tasks"

    @cached_property
    def _sets(self) -> tuple[int, int] | None:
        """Most executables and shots of a program set, or None if the device takes no program sets."""
        action = {str(getattr(key, "value", key)): value for key, value in self._properties.action.items()}
        found = action.get(PROGRAM_SET)
        return None if found is None else (int(found.maximumExecutables), int(found.maximumTotalShots))

    def _fits(self, task: Sequence[int], shots: int) -> bool:
        """Whether a program set may have one more executable; all of them have the same shots."""
        if self._sets is None or task[0] != shots:
            return False
        return len(task) < self._sets[0] and sum(task) + shots <= self._sets[1]

    def _circuit(self, angles: Sequence[float] | None = None) -> Any:
        """The circuit at A's and B's angle, or with the parameters alpha and beta."""
        from braket.circuits import FreeParameter

        alpha, beta = angles or (FreeParameter("alpha"), FreeParameter("beta"))
        if self._pair is None:
            return bell_circuit((alpha, beta))
        gates = self._properties.paradigm.nativeGateSet
        try:
            return native_bell_circuit(gates, alpha, beta, self._pair, self._best.gate if self._best else None)
        except ValueError as error:
            raise BackendError(f"braket:{self._device.name}: {error}") from None

    def _program(self, part: Schedule) -> tuple[Any, list[int]]:
        """A part's circuit, or its program set, and the shots of each executable."""
        from braket.program_sets import CircuitBinding, ProgramSet

        runs = part.runs(self._shots[1])
        settings = [part.settings[index] for index, _ in runs]
        shots = [count for _, count in runs]
        if len(runs) == 1:
            return self._circuit(settings[0].angles), shots
        angles = {name: [getattr(setting, name) for setting in settings] for name in ("alpha", "beta")}
        return ProgramSet([CircuitBinding(self._circuit(), input_sets=angles)], shots[0]), shots

    def _task(self, job: str) -> dict[str, Any]:
        client = sign_in(region_of(job)).braket_client

        def get() -> dict[str, Any]:
            task = client.get_quantum_task(quantumTaskArn=job)
            return {**task, "status": task["status"]}  # of a damaged answer botocore makes a reply without status

        return ask(get, f"asking for task {job}")


def _search(client: Any, filters: list[dict[str, Any]], key: str) -> tuple[str, ...]:
    """ARNs of the tasks tagged with a key among those a filter lets through."""
    found = []
    for page in client.get_paginator("search_quantum_tasks").paginate(filters=filters):
        for task in page["quantumTasks"]:  # a damaged answer has no such key, and must not look like an empty list
            # A summary need not repeat the tags; and if the service cannot filter by them, it lists others' tasks.
            arn = str(task["quantumTaskArn"])
            tags = task.get("tags") or client.get_quantum_task(quantumTaskArn=arn).get("tags") or {}
            if tags.get(TAG) == key:
                found.append(arn)
    return tuple(found)
