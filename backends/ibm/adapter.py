"""IBM Quantum: the best pair of qubits by live calibration, or several; each job is one parametrized circuit."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...circuits.schedule import Schedule, Setting
from ...model.errors import BackendError, DataError, UnreachableError
from ...model.suggestion import suggestion
from ...model.trials import Floats, Trials
from ...model.validation import is_number
from ..accounts.cost import PriceTable, ibm_estimate, qpu_seconds
from ..calibration.best_pair import PairModel, best_pairs, calibration_record
from ..calibration.parallel_pairs import (
    parallel_circuit,
    parallel_pairs,
    parallel_record,
    parameter_names,
)
from ..calibration.reading import unusable_pairs
from ..options import delay_text, parse_delay, parse_device, parse_pairs
from ..protocol import OTHER_SETTINGS, CostEstimate, Description, JobStatus, State, Usage, plain
from .advice import dear_delay, time_left
from .session import ask, device_names, mock_name, plan_name, sign_in, silent_instances

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

Outcomes = NDArray[np.uint8]

MARK = "bellqueue"
LEAST_BUSY = "least-busy"
SPATIAL = 3  # dimensions of the vectors that one Bell pair measures
USUAL_DELAY = 250e-6  # seconds before each shot if a device does not state its own
DRY_RUN = "bellqueue-dry-run"  # its tag: never that of a job whose results are fetched
EXECUTIONS = 10_000_000  # in one job at most, as IBM Quantum limits them
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

    `ibm:fez,pairs=3` measures three pairs in every shot, far enough apart that none touches another; `pair=` then
    forces the first, or, joined by `+`, several: `ibm:fez,pair=92-99+12-13,pairs=3`.

    `ibm:berlin,rep_delay=1ms` chooses the pause before each execution, which is billed.

    Nothing is asked of the service before it is needed; parsing a stored result needs it never.
    """

    def __init__(self, argument: str | None = None) -> None:
        """Read the name.

        Args:
            argument: What follows the colon: the device's name, then options, separated by commas.

        Raises:
            BackendError: the name or an option is wrong.
        """
        given, options = parse_device("ibm", argument, ("pair", "pairs", "rep_delay"))
        if not given:
            raise BackendError(
                "ibm needs a device, ibm:fez for example, or ibm:least-busy; `bellqueue backends` lists yours"
            )
        self._wanted = given
        self._parallel, self._forced = parse_pairs(f"ibm:{given}", options.get("pair"), options.get("pairs"))
        delay = options.get("rep_delay")
        self._asked_delay = None if delay is None else parse_delay(f"ibm:{given}", delay)

    def describe(self, dimension: int = 2) -> Description:
        """The pair or pairs chosen by the calibration of this moment, and what is predicted for them.

        Vectors of more than three dimensions need more than one Bell pair; for them the circuit is that for three.
        """
        from qiskit import qasm3

        measured, device = self._measured, self._device.name
        pairs = tuple(model.calibration.pair for model in measured)
        several = len(pairs) > 1
        record = (
            parallel_record(device, self._properties, measured)
            if several
            else calibration_record(device, self._properties, self._models)
        )
        named = "+".join(f"{a}-{b}" for a, b in pairs) + (f",pairs={len(pairs)}" if several else "")
        named += "" if self._asked_delay is None else f",rep_delay={delay_text(self._rep_delay)}"
        return Description(
            name=f"ibm:{device},pair={named}",
            kind="hardware",
            device=device,
            qubits=int(self._device.num_qubits),
            pair=pairs[0],
            predicted_visibility=float(np.mean([model.visibility for model in measured])),
            calibration={
                **record,
                "rep_delay_us": 1e6 * self._rep_delay,
                "qiskit_ibm_runtime": version("qiskit-ibm-runtime"),
            },
            attachments={
                "circuit.qasm": str(qasm3.dumps(self._circuit(min(dimension, SPATIAL)))),
                "properties.json": json.dumps(self._properties.to_dict(), default=str, indent=1) + "\n",
            },
            parallel=len(pairs),
            pairs=pairs if several else (),
            dimension=SPATIAL,
        )

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b) of raw outcomes by the live calibration, pairs averaged, shape (len(settings), 2, 2)."""
        return np.asarray(np.mean([model.predict(settings) for model in self._measured], axis=0))

    def split(self, schedule: Schedule) -> tuple[range, ...]:
        """One job, unless it would have more than a million rows or ten million executions.

        A job has one circuit, whatever the number of its rows, so a device's limit of circuits does not matter.

        Raises:
            BackendError: the last block would be shorter, a block is too long for a job, or the schedule is for another
                number of pairs.
        """
        count, pairs = len(schedule.order), schedule.sampling.parallel
        if pairs != self._parallel:
            raise BackendError(
                f"ibm: pairs={self._parallel} does not fit the schedule: the schedule has {pairs} to a shot and the "
                f"backend {self._parallel}; give the backend pairs={pairs}"
            )
        unit = pairs * (schedule.sampling.block if schedule.sampling.settings == "random" else 1)
        if count % unit:
            each = f"block = {unit}" if pairs == 1 else f"{unit}, the trials of pairs = {pairs} in a block of shots"
            raise BackendError(
                f"shots = {count} is no multiple of {each}, and a job has the same shots in every row; "
                f"ask for {max(count - count % unit, unit)} or {max(count - count % unit, unit) + unit}"
            )
        # Both limits in shots: that of the rows, which have `_row` shots each, and that of the executions.
        most, alike = min(ROWS // pairs * self._row(schedule), EXECUTIONS), shots_per_row(schedule)
        if alike > most:
            raise BackendError(
                f"ibm:{self._device.name}: one setting is to be measured {alike} times in a row, a job takes {most}; "
                'set a smaller block, or settings = "random" with block = 1, in [experiment]'
            )
        step = most // alike * alike * pairs
        return tuple(range(start, min(start + step, count)) for start in range(0, count, step))

    def estimate(self, schedule: Schedule) -> CostEstimate:
        """QPU seconds from repetition delay and circuit length, money by the instance's plan."""
        count, jobs = len(schedule.order) // schedule.sampling.parallel, len(self.split(schedule))
        duration = float(self._circuit(schedule.dimension).estimate_duration(self._device.target, unit="s"))
        seconds = qpu_seconds(count, self._rep_delay, duration, jobs)
        estimate = ibm_estimate(shots=count, jobs=jobs, qpu_seconds=seconds, plan=self._plan)
        shortest, longest = self._delay_range
        dear = dear_delay(count, seconds, self._rep_delay, max(USUAL_DELAY, shortest))
        settled = self._asked_delay is not None or not longest
        return replace(estimate, notes=() if settled or not dear else (dear,))

    def advise(self, part: Schedule, estimate: CostEstimate) -> CostEstimate:
        """With what the instance has left, the service's own estimate if it grants dry runs, and the pairs left out."""
        notes, doubt = list(estimate.notes), ""
        odd = "" if self._forced else unusable_pairs(self._device.target, self._properties)
        if odd:
            notes.append(f"{self._device.name}: {odd}")
        try:
            left, doubt = time_left(self._service, estimate.qpu_seconds or 0.0)
            notes += [*left, *self._dry_run(part)]
        except BackendError as error:
            notes.append(f"not known: {error}")
        return replace(estimate, notes=tuple(notes), doubt=doubt)

    def _dry_run(self, part: Schedule) -> list[str]:
        """A line with the service's own estimate for the first job; none for an instance without mock devices.

        A dry run makes a job of its own on the mock device, which uses no QPU and has a tag of its own.
        """
        if mock_name(self._device.name) not in device_names(self._service, mocks=True):
            return []
        job = self._run(part, DRY_RUN, dry_run=True)
        said = ask(lambda: job.usage_estimation, "asking for the dry run")["quantum_seconds"]
        result = "does not estimate the time" if said is None else f"estimates {float(said):.1f} s on the device"
        return [f"IBM Quantum's own dry run of the first job {result}"]

    def submit(self, part: Schedule, key: str) -> str:
        """Submit a part as one job with the key as its tag.

        Raises:
            RefusedError: the service will not take it.
            UnreachableError: no usable answer; the job may exist.
        """
        return str(self._run(part, key, dry_run=False).job_id())

    def _run(self, part: Schedule, tag: str, dry_run: bool) -> Any:
        """The job that the service makes of a part."""
        from qiskit_ibm_runtime.executor_sampler import Sampler

        circuit, shots = self._circuit(part.dimension), self._row(part)
        qubits = [list(model.calibration.pair) for model in self._measured]
        # The service hands it back with the result.
        circuit.metadata = {MARK: {"key": tag, "qubits": qubits, "settings": part.digest}}
        sampler = Sampler(mode=self._device)
        sampler.options.environment.job_tags = [tag]
        if self._asked_delay is not None:
            sampler.options.execution.rep_delay = self._rep_delay
        pub = (circuit, self._values(part, shots))
        what = "asking for a dry run" if dry_run else "submitting"
        return ask(lambda: sampler.run([pub], shots=shots, dry_run=dry_run), what, posts=True)

    def poll(self, job: str) -> JobStatus:
        """The state of the job, as the service gives it.

        Raises:
            BackendError: the job is unknown to this account.
        """
        handle = self._job(job)
        status = ask(handle.status, f"asking for job {job}")
        state = STATES.get(status)
        if state is None:
            raise BackendError(f"job {job}: the status {status!r} is not known here; upgrade bellqueue")
        message = ask(handle.error_message, f"asking for job {job}") if state == "failed" else None
        if state == "cancelled":
            message = getattr(handle, "_reason", None)  # by the user, or by the service: it says why
        return JobStatus(state, str(message or ""))

    def download(self, job: str) -> bytes:
        """The result of a finished job as the service sent it."""
        from qiskit_ibm_runtime.decoders.result_decoder import ResultDecoder

        class Untouched(ResultDecoder):  # type: ignore[misc]  # the client is untyped
            """Keeps the text."""

            @classmethod
            def decode(cls, data: Any) -> Any:
                return data

        handle = self._job(job)
        text = ask(lambda: handle.result(decoder=Untouched), f"downloading job {job}")
        return text.encode() if isinstance(text, str) else bytes(text or b"")

    def parse(self, raw: bytes, part: Schedule) -> Trials:
        """The trials in a downloaded result.

        Raises:
            DataError: it is empty, truncated or not of this part, its settings in their order, or its qubits.
        """
        alike, pairs = shots_per_row(part), part.sampling.parallel
        bits, mark = _decoded(raw)
        shots = bits.shape[1] if bits.ndim == 3 and bits.shape[1] and alike % bits.shape[1] == 0 else alike
        wanted = (len(part.order) // (shots * pairs), shots, 2 * pairs)
        if bits.shape != wanted:
            raise DataError(f"the result has (rows, shots, bits) = {bits.shape}, the job asked for {wanted}")
        if mark.get("settings", part.digest) != part.digest:
            raise DataError(OTHER_SETTINGS)
        forced = [list(pair) for pair in self._forced]
        if len(forced) == self._parallel and mark.get("qubits", forced) != forced:
            raise DataError(f"the result is of qubits {mark['qubits']}, the job asked for {forced}")
        return part.in_order(bits.reshape(-1, 2))

    def owner(self, raw: bytes) -> str | None:
        """The key of the job that a downloaded result says it is of."""
        try:
            key = _decoded(raw)[1].get("key")
        except DataError:  # `parse` says what is wrong with it
            return None
        return None if key is None else str(key)

    def find(self, key: str) -> tuple[str, ...]:
        """Ids of the jobs that carry the key as a tag, oldest first."""
        jobs = ask(
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

        ask(stop, f"cancelling job {job}")

    def usage(self, job: str) -> Usage:
        """QPU seconds that the service charged, if known yet, and money by the instance's plan."""
        handle = self._job(job)
        metrics = ask(handle.metrics, f"asking for the usage of job {job}")
        usage = metrics.get("usage") if isinstance(metrics, dict) else None
        if not isinstance(usage, dict) or usage.get("status", "pending") == "pending":
            return Usage()
        seconds: Any = usage.get("qpu_charge_time_seconds", usage.get("quantum_seconds"))
        if not is_number(seconds) or not 0 <= seconds < math.inf:
            return Usage()
        instance = ask(self._service.active_instance, "asking for the instance")  # the one that has the job
        price = PriceTable.load().ibm_second(plan_name(self._service, instance))
        money = None if price is None else Decimal(str(seconds)) * price.usd_per_second
        return Usage(float(seconds), money)

    @cached_property
    def _service(self) -> Any:
        return sign_in()

    @cached_property
    def _device(self) -> Any:
        service = self._service
        if self._wanted == LEAST_BUSY:
            least = 2 * self._parallel
            return ask(lambda: service.least_busy(min_num_qubits=least, operational=True), "choosing a device")
        names = device_names(service)
        name = next((each for each in (self._wanted, f"ibm_{self._wanted}") if each in names), None)
        if name is None:
            typed = sorted(plain(each.removeprefix("ibm_")) for each in names)
            hint = suggestion(self._wanted.removeprefix("ibm_"), typed) or ", which has none"
            if silent := "; ".join(silent_instances(service)):
                raise UnreachableError(f"ibm:{self._wanted} is not among the devices found{hint}; {silent}")
            raise BackendError(f"ibm:{self._wanted} is not among the devices of this account{hint}")
        return ask(lambda: service.backend(name), f"opening {name}")

    @cached_property
    def _properties(self) -> Any:
        found = ask(lambda: self._device.properties(refresh=True), "reading the calibration")
        if found is None:
            raise BackendError(f"{self._device.name} states no calibration; choose another device")
        return found

    @cached_property
    def _models(self) -> tuple[PairModel, ...]:
        """The pairs measured; if only one is measured, the next best after it."""
        target, name = ask(lambda: self._device.target, "reading the device's gates"), f"ibm:{self._device.name}"
        if self._parallel > 1:
            return parallel_pairs(name, target, self._properties, self._parallel, self._forced)
        return best_pairs(name, target, self._properties, self._forced[0] if self._forced else None)

    @property
    def _measured(self) -> tuple[PairModel, ...]:
        return self._models[: self._parallel]

    def _circuit(self, dimension: int) -> QuantumCircuit:
        """The circuit in native gates, on the device's own qubits."""
        return parallel_circuit(self._measured, int(self._device.num_qubits), dimension)

    @cached_property
    def _rep_delay(self) -> float:
        """Seconds before each execution.

        Raises:
            BackendError: the delay asked for is not one that the device offers.
        """
        if self._asked_delay is None:
            delay = getattr(self._device.configuration(), "default_rep_delay", None)
            return USUAL_DELAY if delay is None else float(delay)
        low, high = self._delay_range
        # A picosecond of tolerance: either end of the range may be typed, and rounding must not refuse it.
        if not high or not low - 1e-12 <= self._asked_delay <= high + 1e-12:
            offered = f"{delay_text(low)} to {delay_text(high)}" if high else "none but its default"
            raise BackendError(
                f"ibm:{self._device.name}: rep_delay={delay_text(self._asked_delay)} is not a delay that the device "
                f"offers; it offers {offered}"
            )
        return self._asked_delay

    @property
    def _delay_range(self) -> tuple[float, float]:
        """The shortest and the longest delay that may be chosen, in seconds; (0, 0) if none may."""
        configuration = self._device.configuration()
        offered = getattr(configuration, "rep_delay_range", None)
        if not offered or not getattr(configuration, "dynamic_reprate_enabled", False):
            return 0.0, 0.0
        return float(offered[0]), float(offered[1])

    @cached_property
    def _plan(self) -> str:
        return plan_name(self._service, self._device._instance)

    def _row(self, schedule: Schedule) -> int:
        """Shots of one row of parameters: as many of one setting as follow each other, in equal rows if too many."""
        alike, most = shots_per_row(schedule), getattr(self._device.configuration(), "max_shots", None) or EXECUTIONS
        return next(alike // rows for rows in range(1, alike + 1) if alike % rows == 0 and alike // rows <= most)

    def _values(self, part: Schedule, shots: int) -> dict[tuple[str, ...], Floats]:
        """The angles of every row: A's and B's of each pair in turn."""
        pairs = part.sampling.parallel
        angles = np.array([setting.angles for setting in part.settings])
        drawn = part.order.reshape(-1, shots, pairs)[:, 0]  # all shots of a row measure the same
        return {parameter_names(pairs, part.dimension): angles[drawn].reshape(-1, angles.shape[1] * pairs)}

    def _job(self, job: str) -> Any:
        from qiskit_ibm_runtime.exceptions import RuntimeJobNotFound

        service = self._service
        try:
            return ask(lambda: service.job(job), f"asking for job {job}")
        except BackendError as error:
            if isinstance(error.__cause__, RuntimeJobNotFound):
                raise BackendError(f"job {job} is unknown to this IBM Quantum account; check the instance") from None
            raise


def shots_per_row(schedule: Schedule) -> int:
    """Shots of one row of parameters: the block of `random` settings, a common divisor of `fixed` stretches."""
    if schedule.sampling.settings == "random":
        return schedule.sampling.block
    # All rows of a job have the same shots, so a row has as many as fit a whole number of times into every stretch.
    stretches = [length for _, length in schedule.runs(len(schedule.order))]
    return int(np.gcd.reduce(stretches)) // schedule.sampling.parallel


def _decoded(raw: bytes) -> tuple[Outcomes, dict[str, Any]]:
    """The bits of every execution, bit 0 first, shape (rows, shots, bits), and what `submit` marked the job with."""
    from qiskit_ibm_runtime.decoders.defaults import DEFAULT_DECODERS

    if not raw.strip():
        raise DataError("the result is empty")
    data: Any = raw.decode("utf-8", errors="replace")
    try:
        for decoder in DEFAULT_DECODERS["executor"]:
            if decoder.is_applicable(data):
                data = decoder.decode(data)
        (register,) = data[0].data.values()
        bits = np.asarray(register.to_bool_array(order="little"), dtype=np.uint8)
        return bits, dict(data[0].metadata.get("circuit_metadata", {}).get(MARK, {}))  # of older versions: unmarked
    except Exception as error:  # whatever a damaged text makes the client's decoders stumble over
        raise DataError(f"the result cannot be read ({type(error).__name__}); it may be truncated") from error
