"""IBM Quantum: the best pair of qubits by live calibration, one job of one parametrised circuit."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..circuits.plan import SamplingPlan
from ..circuits.qiskit_circuit import angle_parameters, outcomes_from_integers
from ..model.errors import BackendError, DataError, RefusedError
from ..model.trials import Trials
from .asking import Patience
from .cost import PriceTable, ibm_estimate, qpu_seconds
from .credentials import ibm_credentials
from .ibm_session import ask, plan_name, sign_in
from .local import parse_options, require
from .pairs import best_pairs, calibration_record, parse_pair
from .protocol import CostEstimate, Description, JobStatus, State, Usage

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

Answer = TypeVar("Answer")
Floats = NDArray[np.float64]

LEAST_BUSY = "least-busy"
ROWS = 1_000_000  # parameter rows in one job at most: some 16 MB before compression
STATES: dict[str, State] = {
    "INITIALIZING": "queued",
    "QUEUED": "queued",
    "RUNNING": "running",
    "DONE": "done",
    "ERROR": "failed",
    "CANCELLED": "cancelled",
}


class IbmBackend:
    """`ibm:fez`, `ibm:least-busy`, or with a forced pair `ibm:fez,pair=92-99`.

    Nothing is asked of the service before it is needed; parsing a stored result needs it never.
    """

    def __init__(self, argument: str | None = None) -> None:
        """Read the name.

        Args:
            argument: What follows the colon: the device's name, then options, separated by commas.

        Raises:
            BackendError: the name or an option is wrong, or a package is missing.
        """
        for module in ("qiskit_ibm_runtime", "qiskit_aer"):
            require("ibm", module, "install it with: pip install qiskit-ibm-runtime qiskit-aer")
        given, comma, options = (part.strip() for part in (argument or "").partition(","))
        if not given:
            raise BackendError("ibm needs a device, ibm:fez say, or ibm:least-busy; `bellqueue backends` lists yours")
        self._wanted = given if given == LEAST_BUSY or given.startswith("ibm_") else f"ibm_{given}"
        pair = parse_options(f"ibm:{given}", options, ("pair",))["pair"] if comma else None
        self._forced = parse_pair(f"ibm:{given}", pair) if pair else None
        self._seconds = Patience.from_environment().answer

    def describe(self) -> Description:
        """The pair chosen by the calibration of this moment, and what that promises."""
        best = self._models[0]
        pair = best.calibration.pair
        return Description(
            name=f"ibm:{self._device.name},pair={pair[0]}-{pair[1]}",
            kind="hardware",
            device=self._device.name,
            qubits=int(self._device.num_qubits),
            pair=pair,
            predicted_visibility=best.visibility,
            calibration={
                **calibration_record(self._device.name, self._properties, self._models),
                "rep_delay_us": 1e6 * self._rep_delay,
                "qiskit_ibm_runtime": version("qiskit-ibm-runtime"),
            },
            attachments={
                "circuit.qasm": self._qasm(),
                "properties.json": json.dumps(self._properties.to_dict(), default=str, indent=1) + "\n",
            },
        )

    def split(self, plan: SamplingPlan) -> tuple[range, ...]:
        """One job, unless it would have more than a million rows.

        Raises:
            BackendError: the last block would be shorter than the others.
        """
        shots, count = shots_per_row(plan), len(plan.order)
        if count % shots:
            raise BackendError(
                f"shots = {count} is no multiple of block = {shots}, and a job has the same shots in every row; "
                f"ask for {count - count % shots} or {count - count % shots + shots}"
            )
        step = ROWS * shots
        return tuple(range(start, min(start + step, count)) for start in range(0, count, step))

    def estimate(self, plan: SamplingPlan) -> CostEstimate:
        """QPU seconds from repetition delay and circuit length, money by the instance's plan."""
        count, jobs = len(plan.order), len(self.split(plan))
        duration = float(self._circuit.estimate_duration(self._device.target, unit="s"))
        seconds = qpu_seconds(count, self._rep_delay, duration, jobs)
        return ibm_estimate(shots=count, jobs=jobs, qpu_seconds=seconds, plan=self._plan)

    def submit(self, plan: SamplingPlan, key: str, seed: int | None) -> str:
        """Submit a part as one job with the key as its tag; `seed` does not apply to hardware.

        Raises:
            RefusedError: the service will not take it.
            UnreachableError: no usable answer; the job may exist.
        """
        from qiskit_ibm_runtime.executor_sampler import Sampler

        circuit, shots = self._circuit, shots_per_row(plan)
        sampler = Sampler(mode=self._device)
        sampler.options.environment.job_tags = [key]
        pub = (circuit, self._values(plan, shots))
        job = self._ask(lambda: sampler.run([pub], shots=shots), "submitting", posts=True)
        return str(job.job_id())

    def poll(self, job: str) -> JobStatus:
        """Where the job is, as the service says.

        Raises:
            BackendError: the job is unknown to this account.
        """
        handle = self._job(job)
        state = STATES[self._ask(handle.status, f"asking for job {job}")]
        message = (self._ask(handle.error_message, f"asking for job {job}") or "") if state == "failed" else ""
        return JobStatus(state, 0, 0, message.strip())

    def download(self, job: str) -> bytes:
        """The result of a finished job as the service sent it."""
        from qiskit_ibm_runtime.decoders.result_decoder import ResultDecoder

        class Untouched(ResultDecoder):  # type: ignore[misc]  # the client is untyped
            """Keeps the text."""

            @classmethod
            def decode(cls, data: Any) -> Any:
                return data

        handle = self._job(job)
        text = self._ask(lambda: handle.result(decoder=Untouched), f"downloading job {job}")
        return text.encode() if isinstance(text, str) else bytes(text or b"")

    def parse(self, raw: bytes, part: SamplingPlan) -> Trials:
        """The trials in a downloaded result.

        Raises:
            DataError: it is empty, truncated or not of this part.
        """
        shots = shots_per_row(part)
        rows = len(part.order) // shots
        bits = _outcome_integers(raw)
        if bits.shape != (rows, shots):
            raise DataError(f"the result has {bits.shape} outcomes, the job asked for ({rows}, {shots})")
        return part.in_order(outcomes_from_integers(bits.ravel()))

    def find(self, key: str) -> tuple[str, ...]:
        """Ids of the jobs that carry the key as a tag, oldest first."""
        jobs = self._ask(
            lambda: self._service.jobs(job_tags=[key], limit=None, descending=False), "looking for a job by its key"
        )
        return tuple(str(job.job_id()) for job in jobs)

    def cancel(self, job: str) -> None:
        """Ask the service to stop a job; one that has finished stays as it is."""
        from qiskit_ibm_runtime.exceptions import RuntimeInvalidStateError

        handle = self._job(job)

        def stop() -> None:
            try:
                handle.cancel()
            except RuntimeInvalidStateError:
                return  # it has finished already

        self._ask(stop, f"cancelling job {job}")

    def usage(self, job: str) -> Usage:
        """QPU seconds the service charged, once it has worked them out, and money by the instance's plan."""
        metrics = self._ask(self._job(job).metrics, f"asking for the usage of job {job}")
        usage = metrics.get("usage") or {}
        seconds = usage.get("qpu_charge_time_seconds", usage.get("quantum_seconds"))
        if usage.get("status", "pending") == "pending" or seconds is None:
            return Usage()
        price = PriceTable.load().ibm_second(self._plan)
        money = None if price is None else Decimal(str(seconds)) * price.usd_per_second
        return Usage(float(seconds), money)

    @cached_property
    def _service(self) -> Any:
        return sign_in(ibm_credentials(), self._seconds)

    @cached_property
    def _device(self) -> Any:
        service = self._service
        if self._wanted == LEAST_BUSY:
            return self._ask(lambda: service.least_busy(min_num_qubits=2, operational=True), "choosing a device")
        try:
            return self._ask(lambda: service.backend(self._wanted), f"opening {self._wanted}")
        except (BackendError, RefusedError) as error:
            if type(error) is not BackendError:
                raise
            names = self._ask(lambda: [device.name for device in service.backends()], "listing devices")
            raise BackendError(
                f"{self._wanted} is not among the devices of this account: {', '.join(sorted(names)) or 'none'}"
            ) from None

    @cached_property
    def _properties(self) -> Any:
        found = self._ask(lambda: self._device.properties(refresh=True), "reading the calibration")
        if found is None:
            raise BackendError(f"{self._device.name} states no calibration; choose another device")
        return found

    @cached_property
    def _models(self) -> Any:
        target = self._ask(lambda: self._device.target, "reading the device's gates")
        return best_pairs(f"ibm:{self._device.name}", target, self._properties, self._forced)

    @cached_property
    def _circuit(self) -> QuantumCircuit:
        """The chosen pair's circuit in native gates, on the device's own qubits."""
        from qiskit import QuantumCircuit

        best = self._models[0]
        wide = QuantumCircuit(self._device.num_qubits, 2, name="bell")
        return wide.compose(best.circuit, qubits=best.calibration.pair, clbits=[0, 1])

    @property
    def _rep_delay(self) -> float:
        """Seconds before each execution."""
        delay = getattr(self._device.configuration(), "default_rep_delay", None)
        return 250e-6 if delay is None else float(delay)

    @cached_property
    def _plan(self) -> str:
        return plan_name(self._service, self._seconds)

    def _values(self, plan: SamplingPlan, shots: int) -> dict[tuple[str, ...], Floats]:
        angles = np.array([[setting.alpha, setting.beta] for setting in plan.settings])
        names = tuple(parameter.name for parameter in angle_parameters(self._circuit))
        return {names: angles[plan.order[::shots]]}

    def _qasm(self) -> str:
        from qiskit import qasm3

        return str(qasm3.dumps(self._circuit))

    def _job(self, job: str) -> Any:
        from qiskit_ibm_runtime.exceptions import RuntimeJobNotFound

        service = self._service
        try:
            return self._ask(lambda: service.job(job), f"asking for job {job}")
        except BackendError as error:
            if isinstance(error.__cause__, RuntimeJobNotFound):
                raise BackendError(f"job {job} is unknown to this IBM Quantum account; check the instance") from None
            raise

    def _ask(self, call: Callable[[], Answer], what: str, *, posts: bool = False) -> Answer:
        return ask(call, self._seconds, f"IBM Quantum, {what}", posts=posts)


def shots_per_row(plan: SamplingPlan) -> int:
    """Trials of one row of parameters: the block of `random` settings, what all stretches of `fixed` ones share."""
    if plan.sampling.settings == "random":
        return plan.sampling.block
    return int(np.gcd.reduce([length for _, length in plan.runs(len(plan.order))]))


def _outcome_integers(raw: bytes) -> NDArray[np.int64]:
    """The classical register of every execution as an integer, shape (rows, shots)."""
    from qiskit_ibm_runtime.decoders.defaults import DEFAULT_DECODERS

    if not raw.strip():
        raise DataError("the result is empty")
    data: Any = raw.decode("utf-8", errors="replace")
    try:
        for decoder in DEFAULT_DECODERS["executor"]:
            if decoder.is_applicable(data):
                data = decoder.decode(data)
        (register,) = data[0].data.values()
        return np.asarray(register.array, dtype=np.int64)[..., -1]
    except Exception as error:  # whatever a damaged text makes the client's decoders stumble over
        raise DataError(f"the result cannot be read ({type(error).__name__}); it may be truncated") from error
