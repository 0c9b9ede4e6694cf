"""The cloud devices that the account at hand reaches: status, queue, best pair, price."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

from ..model.errors import BackendError
from .accounts.cost import PriceTable, exact_dollars
from .accounts.credentials import have_braket, have_ibm, ibm_credentials
from .jobs.provider_calls import Patience
from .summary import BackendSummary

Say = Callable[[str], None]


def reachable(say: Say) -> Iterator[BackendSummary]:
    """Every cloud device of every provider that there are credentials for.

    Args:
        say: Gets a line about each provider or device that does not answer.
    """
    for provider, module, credentials, listed in (
        ("ibm", "qiskit_ibm_runtime", have_ibm, _ibm),
        ("braket", "braket", have_braket, _braket),
    ):
        try:
            if not credentials():
                yield _missing(provider, "no credentials; see credentials.example.toml")
            elif find_spec(module) is None:
                yield _missing(provider, 'not installed: pip install "bellqueue[all]"')
            else:
                yield from listed(say)
        except BackendError as error:
            say(str(error))
            yield _missing(provider, "does not answer")


def _missing(provider: str, note: str) -> BackendSummary:
    return BackendSummary(f"{provider}:…", "hardware", None, False, note)


def _ibm(say: Say) -> Iterator[BackendSummary]:
    from .calibration.best_pair import pair_calibrations
    from .ibm.session import ask, plan_name, sign_in

    seconds = Patience.from_environment().answer
    service = sign_in(ibm_credentials(), seconds)
    found = ask(service.backends, seconds, "IBM Quantum, listing devices")
    price = PriceTable.load().ibm_second(plan := plan_name(service, seconds))
    rate = (
        "price unknown"
        if price is None
        else f"{exact_dollars(price.usd_per_second)}/s"
        if price.usd_per_second
        else "free"
    )

    def look(device: Any) -> BackendSummary:
        status = device.status()
        pairs = pair_calibrations(device.target, device.properties())
        best = max(pairs, key=lambda each: each.rough_visibility, default=None)
        return BackendSummary(
            name=f"ibm:{device.name}",
            kind="hardware",
            qubits=int(device.num_qubits),
            available=bool(status.operational),
            note="IBM Quantum",
            status=str(status.status_msg) if status.operational else "offline",
            queue=str(status.pending_jobs),
            pair=best.pair if best else None,
            predicted_visibility=best.rough_visibility if best else None,
            price=f"{rate} ({plan})",
        )

    for device in found:
        try:
            yield ask(partial(look, device), seconds, f"IBM Quantum, asking {device.name}")
        except BackendError as error:
            say(str(error))


def _braket(say: Say) -> Iterator[BackendSummary]:
    from .braket.adapter import BraketBackend
    from .braket.session import devices

    for entry in devices():
        name = entry.arn.rsplit("/", 1)[-1].lower()
        try:
            listed = PriceTable.load().braket_task(entry.arn)
            backend = BraketBackend(entry.arn)
            best = backend.best_pair()
            yield BackendSummary(
                name=f"braket:{name}",
                kind="hardware" if entry.kind == "QPU" else "simulator",
                qubits=backend.qubits(),
                available=entry.status == "ONLINE",
                note=f"{entry.provider}, Amazon Braket",
                status=entry.status.lower(),
                queue=backend.queue(),
                pair=best.pair if best else None,
                predicted_visibility=best.predicted_visibility if best else 1.0,
                price=_braket_price(listed),
            )
        except BackendError as error:
            say(str(error))


def _braket_price(listed: Any) -> str:
    if listed is None:
        return "price unknown"
    if listed.usd_per_minute is not None:
        return f"{exact_dollars(listed.usd_per_minute)}/min"
    shot = "price per shot unknown" if listed.usd_per_shot is None else f"{exact_dollars(listed.usd_per_shot)}/shot"
    return f"{exact_dollars(listed.usd_per_task)}/task + {shot}"
