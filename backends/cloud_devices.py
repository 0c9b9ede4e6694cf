"""The cloud devices that the user's accounts reach: status, queue, best pair, price."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from ..model.errors import BackendError
from .accounts.cost import PriceTable, exact_dollars
from .accounts.credentials import have_braket, have_ibm
from .protocol import plain
from .registry import PROVIDERS, BackendSummary

Say = Callable[[str], None]


def cloud_devices(say: Say) -> Iterator[BackendSummary]:
    """Every cloud device of every provider for which there are credentials.

    Args:
        say: Gets a line about each provider or device that does not answer.
    """

    def clean(line: str) -> None:
        say(plain(line))

    for provider, credentials, listed in (("ibm", have_ibm, _ibm), ("braket", have_braket, _braket)):
        try:
            if not credentials():
                yield _missing(provider, "no credentials; see credentials.example.toml")
            elif lacking := PROVIDERS[provider].lacking:
                yield _missing(provider, lacking)
            else:
                yield from listed(clean)
        except BackendError as error:
            clean(str(error))
            yield _missing(provider, "does not answer")


def _missing(provider: str, note: str) -> BackendSummary:
    return BackendSummary(f"{provider}:…", "hardware", None, False, note)


def _ibm(say: Say) -> Iterator[BackendSummary]:
    from .calibration.reading import pair_calibrations, unusable_pairs
    from .ibm.session import ask, plan_name, sign_in, silent_instances

    service = sign_in()
    found = ask(service.backends, "listing devices")
    for silent in silent_instances(service):
        say(silent)

    def look(device: Any, known: BackendSummary) -> BackendSummary:
        status = device.status()
        target, properties = device.target, device.properties()
        if odd := unusable_pairs(target, properties):
            say(f"ibm:{device.name}: {odd}")
        best = max(pair_calibrations(target, properties), key=lambda each: each.rough_visibility, default=None)
        return replace(
            known,
            qubits=int(device.num_qubits),
            available=bool(status.operational),
            status=str(status.status_msg) if status.operational else "offline",
            queue=str(status.pending_jobs),
            pair=best.pair if best else None,
            predicted_visibility=best.rough_visibility if best else None,
            price=_ibm_price(plan_name(service, device._instance)),
        )

    for device in found:
        known = BackendSummary(f"ibm:{device.name}", "hardware", None, False, "IBM Quantum", status="unknown")
        yield _described(known, partial(look, device, known), ask, say)


def _ibm_price(plan: str) -> str:
    price = PriceTable.load().ibm_second(plan)
    if price is None:
        return f"price unknown ({plan})"
    per_second = f"{exact_dollars(price.usd_per_second)}/s" if price.usd_per_second else "free"
    return f"{per_second} ({plan})"


def _braket(say: Say) -> Iterator[BackendSummary]:
    from .braket.adapter import BraketBackend
    from .braket.session import DeviceEntry, ask, devices

    def look(entry: DeviceEntry, known: BackendSummary) -> BackendSummary:
        backend = BraketBackend(entry.arn)
        described = backend.describe()
        if odd := backend.unusable:
            say(f"{known.name}: {odd}")
        return replace(
            known,
            qubits=described.qubits,
            queue=backend.queue(),
            pair=described.pair,
            predicted_visibility=described.predicted_visibility,
        )

    for entry in devices(say):
        known = BackendSummary(
            name=f"braket:{entry.arn.rsplit('/', 1)[-1].lower()}",
            kind="hardware" if entry.kind == "QPU" else "simulator",
            qubits=None,
            available=entry.status == "ONLINE",
            note=f"{entry.provider}, Amazon Braket",
            status=entry.status.lower(),
            price=_braket_price(PriceTable.load().braket_task(entry.arn)),
        )
        yield _described(known, partial(look, entry, known), ask, say)


def _described(known: BackendSummary, look: Callable[[], BackendSummary], ask: Any, say: Say) -> BackendSummary:
    """The device with all that can be found out; if that fails, what is known already, and a line that says why."""
    try:
        found: BackendSummary = ask(look, f"asking for {known.name}")
    except BackendError as error:
        say(str(error))
        return known
    return found


def _braket_price(listed: Any) -> str:
    if listed is None:
        return "price unknown"
    if listed.usd_per_minute is not None:
        return f"{exact_dollars(listed.usd_per_minute)}/min"
    shot = "price per shot unknown" if listed.usd_per_shot is None else f"{exact_dollars(listed.usd_per_shot)}/shot"
    return f"{exact_dollars(listed.usd_per_task)}/task + {shot}"
