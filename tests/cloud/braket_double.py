"""Amazon Braket on 127.0.0.1, with the S3 and STS it needs: measures what is posted, on Braket's local simulator."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.message import Message
from typing import Any, Literal
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from .braket_devices import BraketDevice, devices
from .braket_tasks import PROGRAM, PROGRAM_SET, RefusedError, Sampler, Task, now, result_files
from .faults import PATIENCE, Answer, Double

ACCOUNT = "123456789012"
ACCESS_KEY = "AKIADOUBLEDOUBLE0000"
SECRET_KEY = "not-a-secret-but-must-never-be-sent"
BUCKET = "amazon-braket-of-the-double"  # exists from the start
_FINAL = ("COMPLETED", "FAILED", "CANCELLED")
_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


class BraketDouble(Double):
    """Braket, S3 and STS on one port. Set the attributes before or between requests.

    Attributes:
        devices: What there is, by ARN.
        device_status: ONLINE, OFFLINE or RETIRED by ARN.
        accepted: Tasks created: a request with a client token seen before creates none.
        tasks: The tasks by ARN, in the order of their creation.
        outcome: What tasks come to.
        failure_reason: Of a failed task.
        failed_executables: Indices of executables that fail in a program set; of one that fails, all if there are none.
        layout: Results of program sets in many files, or all in `results.json`.
        token_expired: Whether credentials have expired.
        tag_filters: Whether a search can filter by `tags:<key>`, which the service's model does not mention.
        tags_listed: Whether a search tells the tags of what it finds.
        limits: Spending limits, as the service lists them.
        closed_regions: Regions whose service refuses the account.
        page: Most tasks in one answer of a search.
        buckets: Names of S3 buckets.
        objects: S3 objects by bucket and key.
    """

    def __init__(self, seed: int = 1) -> None:
        super().__init__()
        self._sampler = Sampler(seed)
        self._tokens: dict[str, tuple[Mapping[str, Any], str]] = {}
        self.devices: dict[str, BraketDevice] = {device.arn: device for device in devices()}
        self.device_status = dict.fromkeys(self.devices, "ONLINE")
        self.accepted = 0
        self.tasks: dict[str, Task] = {}
        self.outcome: Literal["COMPLETED", "FAILED", "CANCELLED"] = "COMPLETED"
        self.failure_reason = "the qubits are being recalibrated"
        self.failed_executables: frozenset[int] = frozenset()
        self.layout: Literal["files", "inline"] = "files"
        self.token_expired = False
        self.tag_filters = self.tags_listed = True
        self.limits: list[dict[str, Any]] = []
        self.closed_regions: set[str] = set()
        self.page = 100
        self.buckets = {BUCKET}
        self.objects: dict[tuple[str, str], bytes] = {}

    def environment(self) -> dict[str, str]:
        """Variables that point the unmodified client here, and away from any real credentials."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_BRAKET": self.url,
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ENDPOINT_URL_STS": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nonexistent/config",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
            "BELLQUEUE_TIMEOUT": str(PATIENCE),
        }

    def refusal(self, code: int, message: str) -> Answer:
        """A Braket error; S3 clients read its status."""
        return _refuse(RefusedError(code, message))

    def answer(self, method: str, path: str, query: Mapping[str, list[str]], headers: Message, body: bytes) -> Answer:
        """Act on a request of any of the three services; its signature names the service and the region."""
        scope = _SCOPE.search(headers.get("Authorization", ""))
        service = scope["service"] if scope else "braket"
        try:
            if scope is None:
                raise RefusedError(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
            if scope["key"] != ACCESS_KEY:
                message = "The security token included in the request is invalid."
                raise RefusedError(403, message, "UnrecognizedClientException")
            if self.token_expired:
                message = "The security token included in the request is expired"
                raise RefusedError(403, message, "ExpiredToken" + ("Exception" if service == "braket" else ""))
            if service == "s3":
                return self._s3(method, unquote(path), scope["region"])
            if service == "sts":
                return _caller(parse_qs(body.decode()))
            return self._braket(method, unquote(path), body, scope["region"])
        except RefusedError as refused:
            return _refuse(refused) if service == "braket" else _refuse_in_xml(refused, service)

    def _braket(self, method: str, path: str, body: bytes, region: str) -> Answer:
        content = json.loads(body) if body else {}
        if region in self.closed_regions:
            raise RefusedError(403, f"no access to Braket in {region}", "AccessDeniedException")
        match method, *path.strip("/").split("/", 1):
            case "GET", "device", arn:
                return Answer.of_json(self._describe(arn, region))
            case "POST", "devices":
                return Answer.of_json({"devices": [self._listed(device) for device in self._here(content, region)]})
            case "POST", "quantum-task":
                return Answer.of_json({"quantumTaskArn": self._create(content, region)}, 201)
            case "POST", "spending-limits":
                wanted = [arn for rule in content["filters"] for arn in rule["values"]]
                return Answer.of_json({"spendingLimits": [each for each in self.limits if each["deviceArn"] in wanted]})
            case "POST", "quantum-tasks":
                return Answer.of_json(self._search(content, region))
            case "GET", "quantum-task", arn:
                return Answer.of_json(self._poll(self._task(arn, region)))
            case "PUT", "quantum-task", rest if rest.endswith("/cancel"):
                return Answer.of_json(self._cancel(self._task(rest.removesuffix("/cancel"), region)))
        raise RefusedError(404, f"{method} {path} is not known")

    def _here(self, content: Mapping[str, Any], region: str) -> list[BraketDevice]:
        """Devices of a region that pass the filters (only `deviceArn` exists)."""
        wanted = [set(rule["values"]) for rule in content["filters"] if rule["name"] == "deviceArn"]
        local = [device for device in self.devices.values() if device.region in ("", region)]
        return [device for device in local if all(device.arn in arns for arns in wanted)]

    def _listed(self, device: BraketDevice) -> dict[str, Any]:
        return {
            "deviceArn": device.arn,
            "deviceName": device.name,
            "providerName": device.provider,
            "deviceType": device.kind,
            "deviceStatus": self.device_status[device.arn],
        }

    def _device(self, arn: str, region: str) -> BraketDevice:
        device = self.devices.get(arn)
        if device is None or device.region not in ("", region):
            raise RefusedError(404, f"Device {arn} does not exist in {region}")
        return device

    def _describe(self, arn: str, region: str) -> dict[str, Any]:
        device = self._device(arn, region)
        waiting = str(sum(task.status not in _FINAL for task in self.tasks.values()))
        queues = [
            {"queue": "QUANTUM_TASKS_QUEUE", "queueSize": waiting, "queuePriority": "Normal"},
            {"queue": "QUANTUM_TASKS_QUEUE", "queueSize": "0", "queuePriority": "Priority"},
            {"queue": "JOBS_QUEUE", "queueSize": "0"},
        ]
        return {**self._listed(device), "deviceCapabilities": device.capabilities, "deviceQueueInfo": queues}

    def _create(self, content: Mapping[str, Any], region: str) -> str:
        """The ARN of a new task, or of the one that this client token made before."""
        if not 1 <= len(content["clientToken"]) <= 64:
            raise RefusedError(400, "A client token has 1 to 64 characters")
        known, arn = self._tokens.get(content["clientToken"], (None, ""))
        if known is not None:
            if known != content:
                raise RefusedError(400, "The client token was used before with other parameters")
            return arn
        device = self._device(content["deviceArn"], region)
        if self.device_status[device.arn] != "ONLINE":
            retired = self.device_status[device.arn] == "RETIRED"
            raise RefusedError(410 if retired else 424, f"{device.name} is {self.device_status[device.arn]}")
        if content["outputS3Bucket"] not in self.buckets:
            raise RefusedError(400, f"The bucket {content['outputS3Bucket']} does not exist")
        executables = self._sampler.run(device, json.loads(content["action"]), content["shots"])
        self.accepted += 1
        arn = f"arn:aws:braket:{region}:{ACCOUNT}:quantum-task/00000000-0000-4000-8000-{self.accepted:012d}"
        tags = dict(content.get("tags", {}))
        self.tasks[arn] = Task(arn, content, region, executables, now(), tags=tags)
        self._tokens[content["clientToken"]] = (content, arn)
        return arn

    def _task(self, arn: str, region: str) -> Task:
        task = self.tasks.get(arn)
        if task is None or task.region != region:
            raise RefusedError(404, f"Quantum task {arn} does not exist in {region}")
        return task

    def _poll(self, task: Task) -> dict[str, Any]:
        task.polls += 1
        if task.status not in _FINAL:
            if task.polls > self.queue_polls:
                self._finish(task, self.outcome)
            elif task.polls == self.queue_polls > 1:
                task.status = "RUNNING"
            elif task.polls > 1 or self.queue_polls < 3:
                task.status = "QUEUED"
        position = "1" if task.status in ("CREATED", "QUEUED") else "None"
        counts = {
            "programCount": len({run.program for run in task.executables}),
            "executableCount": len(task.executables),
        }
        metadata = {"actionType": PROGRAM_SET, **counts} if task.is_set else {"actionType": PROGRAM}
        told = {
            **_summary(task),
            "deviceParameters": task.request.get("deviceParameters", "{}"),
            "actionMetadata": metadata,
            "queueInfo": {"queue": "QUANTUM_TASKS_QUEUE", "position": position, "queuePriority": "Normal"},
        }
        if task.status == "COMPLETED":
            told["numSuccessfulShots"] = task.request["shots"]
        return {**told, "failureReason": task.reason} if task.reason else told

    def _finish(self, task: Task, status: Literal["COMPLETED", "FAILED", "CANCELLED"]) -> None:
        task.status, task.ended = status, now()
        task.reason = self.failure_reason if status == "FAILED" else ""
        if status == "CANCELLED" or (status == "FAILED" and not task.is_set):
            return
        files = result_files(
            task,
            histogram_only=self.devices[task.request["deviceArn"]].histogram_only,
            layout=self.layout,
            failed=self.failed_executables or frozenset(range(len(task.executables)) if status == "FAILED" else ()),
            reason=self.failure_reason,
        )
        for name, content in files.items():
            self.objects[task.request["outputS3Bucket"], f"{task.directory}/{name}"] = content.encode()

    def _cancel(self, task: Task) -> dict[str, Any]:
        if task.status in _FINAL:
            raise RefusedError(409, f"Quantum task {task.arn} is already {task.status}")
        self._finish(task, "CANCELLED")
        return {"quantumTaskArn": task.arn, "cancellationStatus": "CANCELLING"}

    def _search(self, content: Mapping[str, Any], region: str) -> dict[str, Any]:
        """A page of the tasks that pass all filters, the latest first."""
        if not self.tag_filters and any(rule["name"].startswith("tags:") for rule in content["filters"]):
            raise RefusedError(400, "Filters are quantumTaskArn, deviceArn, jobArn, status and createdAt")
        found = [task for task in reversed(self.tasks.values()) if task.region == region]
        found = [task for task in found if all(_passes(task, rule) for rule in content["filters"])]
        start = int(content.get("nextToken", 0))
        end = start + min(content.get("maxResults", self.page), self.page)
        told = [_summary(task) for task in found[start:end]]
        if not self.tags_listed:
            told = [{**each, "tags": {}} for each in told]
        page: dict[str, Any] = {"quantumTasks": told}
        return {**page, "nextToken": str(end)} if end < len(found) else page

    def _s3(self, method: str, path: str, region: str) -> Answer:
        bucket, _, key = path.lstrip("/").partition("/")
        if method == "PUT":
            if bucket in self.buckets and region != "us-east-1":  # there alone it is no error to make it again
                raise RefusedError(409, "You own this bucket already", "BucketAlreadyOwnedByYou")
            self.buckets.add(bucket)
            return Answer(200, b"", {"Location": f"/{bucket}"})
        if bucket not in self.buckets:
            raise RefusedError(404, f"The bucket {bucket} does not exist", "NoSuchBucket")
        if (bucket, key) not in self.objects:
            raise RefusedError(404, f"The key {key} does not exist", "NoSuchKey")
        return Answer(200, self.objects[bucket, key], {"Content-Type": "application/json", "ETag": '"double"'})


def _summary(task: Task) -> dict[str, Any]:
    told = {
        "quantumTaskArn": task.arn,
        "status": task.status,
        "deviceArn": task.request["deviceArn"],
        "shots": task.request["shots"],
        "outputS3Bucket": task.request["outputS3Bucket"],
        "outputS3Directory": task.directory,
        "createdAt": task.created,
        "tags": task.tags,
    }
    return {**told, "endedAt": task.ended} if task.ended else told


def _passes(task: Task, rule: Mapping[str, Any]) -> bool:
    """Whether a task passes a filter of a search."""
    name, values, operator = rule["name"], rule["values"], rule["operator"]
    if operator == "EQUAL" and name.startswith("tags:"):
        return task.tags.get(name.removeprefix("tags:")) in values
    if operator == "EQUAL" and name in ("deviceArn", "quantumTaskArn", "status"):
        return _summary(task)[name] in values
    raise RefusedError(400, f"The filter {name} {operator} is not known")


def _refuse(refused: RefusedError) -> Answer:
    return Answer.of_json({"message": refused.message}, refused.status, {"x-amzn-ErrorType": refused.code})


def _refuse_in_xml(refused: RefusedError, service: str) -> Answer:
    text = f"<Code>{refused.code}</Code><Message>{escape(refused.message)}</Message>"
    answer = _xml(text, "Error") if service == "s3" else _xml(f"<Error>{text}</Error>", "ErrorResponse")
    return Answer(refused.status, answer.body, answer.headers)


def _caller(query: Mapping[str, list[str]]) -> Answer:
    """STS: who am I."""
    if query.get("Action") != ["GetCallerIdentity"]:
        raise RefusedError(400, f"The action {query.get('Action')} is not known", "InvalidAction")
    result = f"<Arn>arn:aws:iam::{ACCOUNT}:user/double</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>"
    return _xml(f"<GetCallerIdentityResult>{result}</GetCallerIdentityResult>", "GetCallerIdentityResponse")


def _xml(content: str, root: str) -> Answer:
    return Answer(200, f"<{root}>{content}</{root}>".encode(), {"Content-Type": "text/xml"})
