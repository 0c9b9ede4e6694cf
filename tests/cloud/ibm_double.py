"""A double of IBM Quantum on 127.0.0.1: IAM, Global Search, Global Catalog and the Runtime API.

It answers what the unmodified client of qiskit-ibm-runtime asks, in the shapes that client reads; the real service was
not consulted. Devices are the snapshots the client ships. Jobs are simulated with Aer, rows in order.
"""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from functools import cache, cached_property
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs

import numpy as np

from .faults import PATIENCE, Answer, Double, Request
from .ibm_program import Bits, Sent, decode_program, encode_result, not_supported, simulate

API = "/experimental/api/v1"  # "experimental" keeps the client from rewriting the host
PLANS = {"open": ("Open", "free"), "pay-as-you-go": ("Pay-As-You-Go", "paygo")}
FINISHED = ("Completed", "Failed", "Cancelled")

Outcome = Literal["completed", "failed", "cancelled"]
Query = Mapping[str, list[str]]


@dataclass
class Job:
    """A job that was accepted.

    Attributes:
        id: As told to the client.
        body: The JSON posted.
        backend: Device it was sent to.
        tags: As posted.
        created: When, in UTC.
        outcome: How it will end; taken from the double when the job came in.
        reason: Why, if it fails or is cancelled.
        status: Queued, Running, Completed, Failed or Cancelled.
        polls: How often its state was asked for.
        bits: Outcomes of the circuit's only register, shape (rows, shots, bits), bit 0 first; empty until completed.
        result: As sent; empty until completed.
    """

    id: str
    body: dict[str, Any]
    backend: str
    tags: list[str]
    created: datetime
    outcome: Outcome
    reason: str
    status: str = "Queued"
    polls: int = 0
    bits: Bits = field(default_factory=lambda: np.empty((0, 0, 0), dtype=bool))
    result: bytes = b""

    @cached_property
    def sent(self) -> Sent:
        """What it is to do."""
        return decode_program(self.body["params"])

    @property
    def executions(self) -> int:
        """Shots, all rows together."""
        return math.prod(self.bits.shape[:2])

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in FINISHED

    def described(self) -> dict[str, Any]:
        """As the Runtime API lists it."""
        state = {"status": self.status}
        if self.status in ("Failed", "Cancelled"):
            state["reason"] = self.reason
        return {
            "id": self.id,
            "backend": self.backend,
            "state": state,
            "status": self.status,
            "program": {"id": self.body["program_id"]},
            "created": self.created.isoformat().replace("+00:00", "Z"),
            "tags": self.tags,
            "private": self.body.get("private", False),
            "cost": self.body.get("cost", 10_000),
        }


class IbmDouble(Double):
    """IBM Quantum with one instance and a few devices.

    Attributes:
        accepted: Every job created, in order.
        leaks: Requests, other than those for a token, that carried the raw API key in a header.
        outcome, reason: How jobs accepted from now on end.
        queue_length: Jobs waiting at every device.
        operational: Whether the devices are up.
        plan: `open` or `pay-as-you-go`.
        token_lifetime: Of tokens issued from now on, in seconds.
        usage_known: Whether the time a finished job used has been worked out.
        closed_instances: Names of more instances of the account, which refuse every request.
        mocks: Whether dry runs are granted: each device has a mock of it, whose jobs go to `dry_runs`.
        dry_runs: Jobs of the mocks, in order.
        limit_seconds: Time that the open plan grants.
        configuration: What every device's configuration says instead of its snapshot's.
        spoil: Changes the calibration of a device before it is sent.
        metrics: What is answered instead of a job's metrics; None: these.
        noise: A qiskit_aer NoiseModel of all-qubit errors, or None; circuits are reduced to the qubits they use.
        api_key: The only key known.
    """

    def __init__(self, devices: Sequence[str] = ("manila",), seed: int = 11) -> None:
        """Prepare the service.

        Args:
            devices: Names of snapshots the client ships, `fez` becoming `ibm_fez`.
            seed: Random seed of all outcomes.
        """
        super().__init__()
        self.devices = {f"ibm_{name}": name for name in devices}
        self.api_key = "ibm-secret-key-0123456789abcdef"
        self.crn = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123456789abcdef:11111111-2222-3333::"
        self.accepted: list[Job] = []
        self.leaks: list[Request] = []
        self.queue_polls = 1
        self.outcome: Outcome = "completed"
        self.reason = "asked for by the test"
        self.queue_length = 0
        self.operational = True
        self.plan: Literal["open", "pay-as-you-go"] = "pay-as-you-go"
        self.token_lifetime = 3600
        self.usage_known = True
        self.closed_instances: tuple[str, ...] = ()
        self.mocks = False
        self.dry_runs: list[Job] = []
        self.limit_seconds = 600
        self.configuration: dict[str, Any] = {}
        self.spoil: Callable[[dict[str, Any]], object] = lambda properties: None
        self.metrics: bytes | None = None
        self.noise: Any = None
        self._rng = np.random.default_rng(seed)
        self._tokens: dict[str, float] = {}
        self._token_numbers = count()  # no two tokens of one second are equal

    def environment(self) -> dict[str, str]:
        """Variables that point the client here; HOME, where it looks for saved accounts, is left to the caller."""
        return {
            "IAM_URL": f"{self.url}/iam",
            "GLOBAL_SEARCH_URL": f"{self.url}/search",
            "GLOBAL_CATALOG_URL": f"{self.url}/catalog",
            "QISKIT_IBM_URL": f"{self.url}{API}",
            "QISKIT_IBM_TOKEN": self.api_key,
            "QISKIT_IBM_INSTANCE": self.crn,
            "NO_PROXY": "127.0.0.1",
            "BELLQUEUE_TIMEOUT": str(PATIENCE),
        }

    def revoke_tokens(self) -> None:
        """Refuse every token issued so far with 401."""
        with self.lock:
            self._tokens.clear()

    def refusal(self, code: int, message: str) -> Answer:
        """An error as the Runtime API words it."""
        return Answer.of_json({"errors": [{"code": code, "message": message}], "trace": "00000000"}, code)

    def answer(self, method: str, path: str, query: Query, headers: Message, body: bytes) -> Answer:
        """Act on a request to any of the four services."""
        if path == "/iam/identity/token":
            return self._issue_token(parse_qs(body.decode()))
        if any(self.api_key in value for value in headers.values()):
            self.leaks.append(Request(method, path, query, headers, body))
        if not self._authorized(headers.get("Authorization", "")):
            return self.refusal(401, "the token is unknown or has expired")
        parts = tuple(path.strip("/").split("/"))
        if path == "/search/v3/resources/search":
            open_one = self._instance()
            closed = [{**open_one, "name": name, "crn": f"{self.crn}{name}"} for name in self.closed_instances]
            return Answer.of_json({"items": [*closed, open_one], "limit": 100})
        if parts[0] == "catalog":
            return self._catalog_entry(parts[1])
        if not path.startswith(f"{API}/"):
            raise NotImplementedError(f"{method} {path}")
        if headers.get("Service-CRN") != self.crn:
            return self.refusal(403, f"no access to the instance {headers.get('Service-CRN')}")
        return self._runtime(method, parts[3:], query, body)

    def _issue_token(self, form: Mapping[str, list[str]]) -> Answer:
        if form.get("apikey") != [self.api_key]:
            return Answer.of_json(
                {"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found"}, 400
            )
        now = int(time.time())
        expiry = now + self.token_lifetime
        claims = {"iat": now, "exp": expiry, "jti": str(next(self._token_numbers))}
        token = f"{_base64url({'alg': 'none', 'typ': 'JWT'})}.{_base64url(claims)}."
        self._tokens[token] = expiry
        return Answer.of_json(
            {
                "access_token": token,
                "refresh_token": "not_supported",
                "token_type": "Bearer",
                "expires_in": self.token_lifetime,
                "expiration": expiry,
            }
        )

    def _authorized(self, authorization: str) -> bool:
        """Whether a request is let in; the raw key is, as the client relies on when it cannot get a token."""
        kind, _, secret = authorization.partition(" ")
        if kind == "apikey":
            return secret == self.api_key
        return kind == "Bearer" and time.time() < self._tokens.get(secret, 0)

    def _instance(self) -> dict[str, Any]:
        return {
            "crn": self.crn,
            "name": "loopback",
            "service_plan_unique_id": f"plan-{self.plan}",
            "tags": [],
            "doc": {"extensions": {"backends": list(self.devices)}},
        }

    def _catalog_entry(self, entry: str) -> Answer:
        display_name, pricing = PLANS[entry.removeprefix("plan-")]
        return Answer.of_json(
            {
                "id": entry,
                "overview_ui": {"en": {"display_name": display_name}},
                "metadata": {"pricing": {"type": pricing}},
            }
        )

    def _runtime(self, method: str, parts: tuple[str, ...], query: Query, body: bytes) -> Answer:
        match method, parts:
            case "GET", ("backends",):
                mocks = [self._device(name) | {"name": _mock(name), "class": "mock"} for name in self.devices]
                listed = [self._device(name) for name in self.devices]
                return Answer.of_json({"devices": [*(mocks if self.mocks else ()), *listed]})
            case "GET", ("backends", name, what):
                return self._backend(name, what)
            case "GET", ("instances", "usage"):
                return Answer.of_json(self._instance_usage())
            case "POST", ("jobs",):
                return self._accept(json.loads(body))
            case "GET", ("jobs",):
                return self._list(query)
            case _, ("jobs", job_id, *rest):
                job = next((job for job in (*self.accepted, *self.dry_runs) if job.id == job_id), None)
                if job is None:
                    return self.refusal(404, f"Job not found: {job_id}")
                return self._job(method, rest, job, query)
        raise NotImplementedError(f"{method} {'/'.join(parts)}")

    def _device(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "status": {"name": "online" if self.operational else "offline"},
            "qubits": snapshot(self.devices[name], "conf")["n_qubits"],
            "queue_length": self.queue_length,
        }

    def _backend(self, name: str, what: str) -> Answer:
        device = next((each for each in self.devices if name in (each, _mock(each))), None)
        if device is None:
            return self.refusal(404, f"Backend not found: {name}")
        if what == "status":
            status = "active" if self.operational else "maintenance"
            return Answer.of_json({"state": self.operational, "status": status, "length_queue": self.queue_length})
        kind: Literal["conf", "props"] = "conf" if what == "configuration" else "props"
        content = {**deepcopy(snapshot(self.devices[device], kind)), "backend_name": name}
        if kind == "conf":
            content |= self.configuration
        else:
            self.spoil(content)
        return Answer.of_json(content)

    def _instance_usage(self) -> dict[str, Any]:
        consumed = sum(self._seconds(job) for job in self.accepted if job.finished)
        usage = {"instance_id": self.crn, "plan_id": f"plan-{self.plan}", "usage_consumed_seconds": consumed}
        if self.plan == "open":
            reached = consumed >= self.limit_seconds
            usage |= {"usage_limit_seconds": self.limit_seconds, "usage_limit_reached": reached}
        return usage

    def _seconds(self, job: Job) -> int:
        """Time charged: two seconds and the repetition delay of each shot, as IBM tells users to estimate it."""
        chosen = job.body["params"].get("options", {}).get("rep_delay")
        configuration = snapshot(self.devices[job.backend], "conf") | self.configuration
        delay = configuration["default_rep_delay"] * 1e-6 if chosen is None else chosen
        return math.ceil(2 + delay * job.executions) if job.status == "Completed" else 0

    def _accept(self, body: dict[str, Any]) -> Answer:
        if body["program_id"] != "executor":
            raise NotImplementedError(f"the program {body['program_id']}")
        dry = self.mocks and body["backend"] in map(_mock, self.devices)
        if not dry and body["backend"] not in self.devices:
            return self.refusal(404, f"Backend not found: {body['backend']}")
        name = "d" + "".join(self._rng.choice(list("0123456789abcdefghijklmnopqrstuv"), 19))
        tags = body.get("tags", [])
        now = datetime.now(UTC)
        job = Job(name, body, body["backend"], tags, now, self.outcome, self.reason)
        (self.dry_runs if dry else self.accepted).append(job)
        return Answer.of_json({"id": name, "backend": body["backend"]})

    def _list(self, query: Query) -> Answer:
        if unknown := set(query) - {"tags", "limit", "offset", "sort", "exclude_params"}:
            raise NotImplementedError(f"listing jobs by {unknown}")
        found = [job for job in self.accepted if set(query.get("tags", [])) <= set(job.tags)]
        if query.get("sort") != ["ASC"]:
            found.reverse()
        limit, offset = (int(query.get(name, [default])[0]) for name, default in (("limit", "10"), ("offset", "0")))
        page = found[offset : offset + min(limit, 200)]
        return Answer.of_json({"jobs": [job.described() for job in page], "count": len(found)})

    def _job(self, method: str, rest: Sequence[str], job: Job, query: Query) -> Answer:
        match method, *rest:
            case ["GET"] if job in self.dry_runs:
                return Answer.of_json(job.described() | {"estimated_running_time_seconds": 12.5})
            case ["GET"]:
                self._advance(job)
                params = {} if query.get("exclude_params") == ["true"] else {"params": job.body["params"]}
                return Answer.of_json(job.described() | params)
            case ["GET", "results"] if job.status == "Completed":
                return Answer(200, job.result, {"Content-Type": "application/json"})
            case ["GET", "results"]:
                return Answer(200, job.reason.encode()) if job.finished else Answer(204)
            case ["GET", "metrics"]:
                told = {"timestamps": {"created": job.created.isoformat()}, "usage": self._usage(job)}
                return Answer.of_json(told) if self.metrics is None else Answer(200, self.metrics)
            case ["POST", "cancel"] if job.finished:
                return self.refusal(409, f"Job {job.id} has already finished")
            case ["POST", "cancel"]:
                job.status, job.reason = "Cancelled", "cancelled by the user"
                return Answer(204)
        raise NotImplementedError(f"{method} jobs/…/{'/'.join(rest)}")

    def _usage(self, job: Job) -> dict[str, Any]:
        if not (job.finished and self.usage_known):
            return {"status": "pending", "quantum_seconds": 0}  # a number, but not the one that will be billed
        seconds = self._seconds(job)
        return {"status": "done", "quantum_seconds": seconds, "qpu_charge_time_seconds": seconds}

    def _advance(self, job: Job) -> None:
        """Let a job come as far as it should have by this poll."""
        if job.finished:
            return
        job.polls += 1
        if job.polls <= self.queue_polls:
            job.status = "Running" if 1 < job.polls == self.queue_polls else "Queued"
        elif job.outcome == "completed":
            self._execute(job)
        else:
            job.status = job.outcome.capitalize()

    def _execute(self, job: Job) -> None:
        """Work a job's result out; a circuit the device cannot run makes it fail, as on the real service."""
        circuit, rows, shots, _ = job.sent
        for trouble in not_supported(circuit, snapshot(self.devices[job.backend], "conf")):
            job.status, job.reason = "Failed", trouble
            return
        job.bits = simulate(circuit, rows, shots, self.noise, self._rng)
        job.result = encode_result(job.bits, job.sent)
        job.status = "Completed"


@cache
def snapshot(device: str, kind: Literal["conf", "props"]) -> dict[str, Any]:
    """A device's configuration or calibration, from the files shipped with the client."""
    client = find_spec("qiskit_ibm_runtime")
    assert client is not None
    assert client.origin is not None
    path = Path(client.origin).parent / "fake_provider" / "backends" / device / f"{kind}_{device}.json"
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def _mock(device: str) -> str:
    return "mock_" + device.partition("_")[2]


def _base64url(content: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
