"""The cloud providers of the crash and fault matrices: how each is typed, faked and spoken to."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..scenarios import default_record
from .braket_devices import GARNET, devices
from .braket_double import SECRET_KEY, BraketDouble
from .faults import Double
from .ibm_double import IbmDouble

Ending = Literal["failed", "cancelled"]


class Service(ABC):
    """A double with what the matrices ask of any provider.

    Attributes:
        backend: What `--backend` takes.
        scenario: The scenario file's JSON; empty for the default one.
        submit, poll, result: Method and path of the requests that submit, poll and download.
        sign_in_words: What a refusal of credentials must contain.
    """

    backend: str
    scenario: str = ""
    submit: tuple[str, str]
    poll: tuple[str, str]
    result: tuple[str, str]
    sign_in_words: str

    def __init__(self, double: Double) -> None:
        self.double = double

    @abstractmethod
    def jobs(self) -> int:
        """How many jobs were accepted."""

    @abstractmethod
    def measured(self) -> NDArray[np.float64]:
        """alpha, beta, a, b of each trial of the only job, in the order of the program, shape (trials, 4)."""

    @abstractmethod
    def end_jobs(self, how: Ending, reason: str) -> None:
        """Let every job end so."""

    @abstractmethod
    def expire(self) -> None:
        """Accept no credentials issued so far."""

    @abstractmethod
    def renew(self) -> None:
        """Accept the user's credentials (again)."""

    @abstractmethod
    def secrets(self) -> set[str]:
        """What must never be written down."""

    def mistakes(self) -> list[str]:
        """What the client did that it must not do."""
        return []


class IbmService(Service):
    """IBM Quantum with the five qubits of Manila."""

    backend = "ibm:manila"
    submit, poll = ("POST", r"/jobs$"), ("GET", r"/jobs/[^/]+$")
    result = ("GET", r"/jobs/[^/]+/results$")
    sign_in_words = "does not accept the credentials"
    double: IbmDouble

    def __init__(self) -> None:
        super().__init__(IbmDouble(seed=3))

    def jobs(self) -> int:
        return len(self.double.accepted)

    def measured(self) -> NDArray[np.float64]:
        (job,) = self.double.accepted
        _, angles, shots, _ = job.sent  # columns: alpha, beta
        return np.column_stack([np.repeat(angles, shots, axis=0), job.bits.reshape(-1, 2)])

    def end_jobs(self, how: Ending, reason: str) -> None:
        self.double.outcome, self.double.reason = how, reason

    def expire(self) -> None:
        self.double.revoke_tokens()

    def renew(self) -> None:
        """Tokens are issued all the time."""

    def secrets(self) -> set[str]:
        sent = {request.headers.get("Authorization", "") for request in self.double.requests}
        return {self.double.api_key, *(each.removeprefix("Bearer ") for each in sent if each)}

    def mistakes(self) -> list[str]:
        return [f"the API key was sent with {request.path}" for request in self.double.leaks]


class BraketService(Service):
    """Amazon Braket with IQM's Garnet, whose program sets take all blocks of a run in one task."""

    backend = "braket:garnet"
    scenario = json.dumps(default_record(block=100))
    submit, poll = ("POST", r"/quantum-task$"), ("GET", r"/quantum-task/")
    result = ("GET", r"/tasks/[^/]+/results\.json$")
    sign_in_words = "token included in the request is"
    double: BraketDouble

    def __init__(self) -> None:
        super().__init__(BraketDouble(seed=3))
        (self._pair,) = (device.best for device in devices() if device.arn == GARNET)

    def jobs(self) -> int:
        return self.double.accepted

    def measured(self) -> NDArray[np.float64]:
        (task,) = self.double.tasks.values()
        assert self._pair is not None
        rows = []
        for run in task.executables:
            columns = run.measurements[:, [run.measured.index(qubit) for qubit in self._pair]]
            angles = [float(run.inputs[name]) for name in ("alpha", "beta")]
            rows.append(np.column_stack([np.tile(angles, (len(columns), 1)), columns]))
        return np.concatenate(rows)

    def end_jobs(self, how: Ending, reason: str) -> None:
        self.double.outcome = "FAILED" if how == "failed" else "CANCELLED"
        self.double.failure_reason = reason

    def expire(self) -> None:
        self.double.token_expired = True

    def renew(self) -> None:
        self.double.token_expired = False

    def secrets(self) -> set[str]:
        return {SECRET_KEY}


# Each makes a service with a double of its own; the names head the columns of the tables.
PROVIDERS: dict[str, Callable[[], Service]] = {"IBM Quantum": IbmService, "Amazon Braket": BraketService}
