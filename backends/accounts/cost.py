"""What a schedule will cost at a provider: the dated price table, the arithmetic in Decimal, and a user's limits."""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from functools import cache
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict

from ...model.errors import BackendError
from ..protocol import CostEstimate

SECONDS_PER_SUB_JOB = Decimal(2)  # IBM's overhead for each, whatever it measures
CENT = Decimal("0.01")


class _Price(BaseModel):
    """A published price, with the day on which its source stated it and the address of the source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: datetime.date
    source: str

    @property
    def cited(self) -> str:
        """Source and date, for people."""
        return f"{self.source}, {self.date.isoformat()}"


class IbmPrice(_Price):
    """What one IBM Quantum plan charges for a second on the device.

    Attributes:
        plan: Name of the plan.
        names: Other names it goes by.
        usd_per_second: US dollars per QPU second.
        allowance_seconds: QPU seconds included per `allowance_days`; None if every second is paid for.
        allowance_days: Length of the rolling window of the allowance.
        note: What to bear in mind with this price; may be empty.
    """

    plan: str
    names: tuple[str, ...] = ()
    usd_per_second: Decimal
    allowance_seconds: Decimal | None = None
    allowance_days: int | None = None
    note: str = ""


class BraketPrice(_Price):
    """What Amazon Braket charges for a device: per task and shot for a QPU, per minute for a simulator.

    Attributes:
        name: Maker and device.
        devices: Last parts of the ARNs, and names, it is found by.
        usd_per_task, usd_per_shot: US dollars; None for a simulator.
        usd_per_minute: US dollars per minute of simulation; None for a QPU.
        minimum_seconds: Shortest time billed per task; None for a QPU.
    """

    name: str
    devices: tuple[str, ...] = ()
    usd_per_task: Decimal | None = None
    usd_per_shot: Decimal | None = None
    usd_per_minute: Decimal | None = None
    minimum_seconds: Decimal | None = None


class PriceTable(BaseModel):
    """The price table that comes with the package.

    Attributes:
        ibm: The plans of IBM Quantum.
        braket: The devices of Amazon Braket.
        braket_any_qpu: The task fee that all QPUs of Amazon Braket share.
    """

    model_config = ConfigDict(frozen=True)

    ibm: tuple[IbmPrice, ...]
    braket: tuple[BraketPrice, ...]
    braket_any_qpu: BraketPrice

    @classmethod
    @cache
    def load(cls) -> PriceTable:
        """The table in `prices.toml`, read once."""
        table = tomllib.loads(resources.files(__package__).joinpath("prices.toml").read_text("utf-8"))
        braket = table["braket"]
        return cls(ibm=table["ibm"], braket=braket["device"], braket_any_qpu=braket["any_qpu"])

    def ibm_second(self, plan: str) -> IbmPrice | None:
        """The price of a plan, however it is spelt (`Pay-As-You-Go`, `PayGo`, `open plan`); None if not known."""
        wanted = _letters(plan).removesuffix("plan")
        return next((entry for entry in self.ibm if wanted in map(_letters, (entry.plan, *entry.names))), None)

    def braket_task(self, device: str) -> BraketPrice | None:
        """The price of a device, given by ARN or name (`Forte-1`, `IQM Garnet`); None if not known."""
        wanted = _letters(device.rsplit("/", 1)[-1])
        return next((entry for entry in self.braket if wanted in map(_letters, (entry.name, *entry.devices))), None)


def qpu_seconds(shots: int, rep_delay: float, circuit_duration: float, sub_jobs: int = 1) -> float:
    """QPU seconds IBM will bill: 2 s per sub-job and (rep_delay + circuit_duration) per shot.

    Args:
        shots: Executions of the circuit, all sub-jobs together.
        rep_delay: Pause before each execution, in seconds.
        circuit_duration: Length of the circuit, in seconds.
        sub_jobs: Pieces the provider cuts the work into.

    Source: IBM's guide to estimating job run time, https://quantum.cloud.ibm.com/docs/en/guides/estimate-job-run-time

    Raises:
        BackendError: a number is negative or not finite.
    """
    given = {"shots": shots, "rep_delay": rep_delay, "circuit_duration": circuit_duration, "sub_jobs": sub_jobs}
    for name, value in given.items():
        if not (math.isfinite(value) and value >= 0):
            raise BackendError(f"QPU time cannot be estimated: {name} is {value}; it must be a number of 0 or more")
    per_shot = Decimal(str(rep_delay)) + Decimal(str(circuit_duration))
    return float(SECONDS_PER_SUB_JOB * sub_jobs + per_shot * shots)


def ibm_estimate(*, shots: int, jobs: int, qpu_seconds: float, plan: str) -> CostEstimate:
    """What jobs will cost at IBM Quantum under a plan; shots and seconds are those of all jobs together."""
    price = PriceTable.load().ibm_second(plan)
    if price is None:
        known = ", ".join(entry.plan for entry in PriceTable.load().ibm)
        basis = f"no price known for IBM Quantum plan {plan!r}; known plans: {known}"
        return CostEstimate(shots, jobs, qpu_seconds, None, basis)
    seconds = Decimal(str(qpu_seconds))
    terms = [f"{exact_dollars(price.usd_per_second)} per QPU second, IBM Quantum plan {price.plan}"]
    if price.allowance_seconds is not None:
        window = f"{price.allowance_seconds / 60:f} minutes in any {price.allowance_days} days"
        terms = [f"IBM Quantum plan {price.plan}: free for {window}"]
        if seconds > price.allowance_seconds:
            terms.append("this needs more and will be stopped there")
    terms += [price.note] if price.note else []
    return CostEstimate(shots, jobs, qpu_seconds, seconds * price.usd_per_second, "; ".join([*terms, price.cited]))


def braket_estimate(*, tasks: int, shots: int, device: str, live: Any = None) -> CostEstimate:
    """What tasks will cost at Amazon Braket.

    A simulator bills time that is not known beforehand; the money is then that of the shortest time billed.

    Args:
        tasks: Number of tasks.
        shots: Executions of the circuit, all tasks together.
        device: ARN or name.
        live: What the device itself says, `service.deviceCost` in its capabilities: a price in US dollars and its unit,
            `shot`, `task` or `minute`. If positive it replaces the table's price for that unit. Defaults to none.
    """
    table = PriceTable.load()
    listed = table.braket_task(device)
    stated = _stated(live)
    if (listed and listed.usd_per_minute is not None) or "/quantum-simulator/" in device:
        return _simulator(tasks, shots, device, listed, stated.get("minute"))
    price = listed or table.braket_any_qpu
    per_task, per_shot = stated.get("task", price.usd_per_task), stated.get("shot", price.usd_per_shot)
    if per_task is None or per_shot is None or "minute" in stated:
        return CostEstimate(shots, tasks, None, None, f"no price per task and shot known for Braket device {device}")
    said = {unit: " as the device states" if unit in stated else "" for unit in ("task", "shot")}
    basis = f"{exact_dollars(per_task)} per task{said['task']} and {exact_dollars(per_shot)} per shot{said['shot']}"
    if stated and per_shot != price.usd_per_shot and price.usd_per_shot is not None:
        basis += f" (listed: {exact_dollars(price.usd_per_shot)})"
    money = per_task * tasks + per_shot * shots
    name = listed.name if listed else device
    return CostEstimate(shots, tasks, None, money, f"{basis}, {name} on Amazon Braket; {price.cited}")


def _simulator(tasks: int, shots: int, device: str, listed: BraketPrice | None, stated: Decimal | None) -> CostEstimate:
    """The estimate for a simulator: the shortest time billed, since how long it runs is not known beforehand."""
    if listed is None or listed.usd_per_minute is None or listed.minimum_seconds is None:
        return CostEstimate(shots, tasks, None, None, f"no price per minute known for Braket simulator {device}")
    per_minute = listed.usd_per_minute if stated is None else stated
    seconds = listed.minimum_seconds * tasks
    said = "" if stated is None else " as the device states"
    basis = (
        f"{exact_dollars(per_minute)} per minute{said} for the least time billed, {listed.minimum_seconds} s per task "
        f"(longer runs cost more), {listed.name} on Amazon Braket; {listed.cited}"
    )
    return CostEstimate(shots, tasks, float(seconds), per_minute * seconds / 60, basis)


def dollars(money: Decimal | None) -> str:
    """An amount for people, rounded up to the cent, so that it never looks cheaper than it is."""
    if money is None:
        return "price unknown"
    if money == 0:
        return "free"
    if money < CENT:
        return f"under ${CENT}"
    return f"${money.quantize(CENT, ROUND_CEILING)}"


def over_limit(estimate: CostEstimate, max_cost: Decimal | None, max_qpu_seconds: float | None) -> str | None:
    """One line on why an estimate breaks a user's limits and what to do, or None if it keeps them.

    What is not known cannot be held to a limit and breaks it; reaching a limit exactly does not.
    """
    if max_cost is not None:
        if estimate.money is None:
            instead = "drop --max-cost" if estimate.qpu_seconds is None else "give --max-qpu-seconds instead"
            limit = exact_dollars(max_cost)
            return f"the price is unknown, so --max-cost {limit} cannot be kept ({estimate.basis}); {instead}"
        if estimate.money > max_cost:
            cost, limit = dollars(estimate.money), exact_dollars(max_cost)
            return f"this will cost {cost}, over --max-cost {limit}; take fewer shots or raise --max-cost"
    if max_qpu_seconds is not None:
        limit = f"--max-qpu-seconds {max_qpu_seconds:.12g}"
        if estimate.qpu_seconds is None:
            instead = "drop --max-qpu-seconds" if estimate.money is None else "give --max-cost instead"
            return f"the QPU time is unknown, so {limit} cannot be kept ({estimate.basis}); {instead}"
        # Written this way round so that a limit or an estimate of nan refuses.
        if not estimate.qpu_seconds <= max_qpu_seconds:
            needs = f"this will take {estimate.qpu_seconds:.12g} QPU seconds, over {limit}"
            return f"{needs}; take fewer shots or raise --max-qpu-seconds"
    return None


def parse_money(text: str) -> Decimal:
    """An amount in US dollars as a user writes it: `10`, `10.50`, `$10`.

    Raises:
        BackendError: it is negative, not a number or in another form.
    """
    match = re.fullmatch(r"\$?([0-9]{1,12}(?:\.[0-9]{1,6})?)", text.strip())
    if match is None:
        raise BackendError(f"{text!r} is not an amount in US dollars of 0 or more; write it as 10, 10.50 or $10")
    return Decimal(match[1])


def _stated(live: Any) -> dict[str, Decimal]:
    """The device's own price by its unit, through the shortest text of the float: 0.00145, not 0.001449999…"""
    if live is None:
        return {}
    try:
        price = Decimal(str(live.price))
    except InvalidOperation:
        return {}
    return {live.unit: price} if price.is_finite() and price > 0 else {}


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def exact_dollars(money: Decimal) -> str:
    """An amount to its last digit, and at least to the cent."""
    return f"${money.quantize(CENT) if money == money.quantize(CENT) else money.normalize():f}"
