"""From the name a user types to a backend, and the list of names there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from ..model.errors import BackendError
from .aer import AerBackend
from .braket_local import BraketLocalBackend
from .fake import FakeBackend, snapshot_names, snapshot_qubits
from .ibm import IbmBackend
from .local import suggestion
from .protocol import Backend

PROVIDERS: Mapping[str, Callable[[str | None], Backend]] = {
    "aer": AerBackend,
    "braket-local": BraketLocalBackend,
    "fake": FakeBackend,
    "ibm": IbmBackend,
}


@dataclass(frozen=True)
class BackendSummary:
    """One line of `bellqueue backends`.

    Attributes:
        name: What to type.
        kind: `simulator` or `hardware`.
        qubits: Number of qubits of the device, if cheaply known.
        available: Whether what it needs is installed.
        note: What it is, or what is missing.
    """

    name: str
    kind: Literal["simulator", "hardware"]
    qubits: int | None
    available: bool
    note: str


def open_backend(spec: str) -> Backend:
    """The backend a user names, `provider` or `provider:argument`.

    Raises:
        BackendError: the provider is unknown or not installed, or its argument is wrong.
    """
    provider, colon, argument = (part.strip() for part in spec.partition(":"))
    known = PROVIDERS.get(provider.lower())
    if known is None:
        snapshots = [f"fake:{name}" for name in snapshot_names()]
        raise BackendError(f"unknown backend {provider!r}{suggestion(provider, list(PROVIDERS), snapshots)}")
    return known(argument if colon else None)


def list_backends() -> list[BackendSummary]:
    """Every backend there is, without importing any quantum SDK."""
    return [*_simulators(), *_snapshots()]


def _simulators() -> Iterator[BackendSummary]:
    options = "options visibility=…, readout=… or readout_0to1=…, readout_1to0=…"
    for name, module, what, package in (
        ("aer", "qiskit_aer", "Qiskit Aer", "qiskit-aer"),
        ("braket-local", "braket", "Amazon Braket's local simulator", '"bellqueue[braket]"'),
    ):
        found = find_spec(module) is not None
        yield BackendSummary(name, "simulator", 2, found, f"{what}; {options}" if found else _install(package))


def _snapshots() -> Iterator[BackendSummary]:
    names = snapshot_names()
    found = find_spec("qiskit_aer") is not None
    if not names:
        yield BackendSummary("fake:…", "simulator", None, False, _install("qiskit-ibm-runtime qiskit-aer"))
    for name in names:
        note = f"snapshot of ibm_{name} with its noise" if found else _install("qiskit-aer")
        yield BackendSummary(f"fake:{name}", "simulator", snapshot_qubits(name), found, note)


def _install(package: str) -> str:
    return f"not installed: pip install {package}"
