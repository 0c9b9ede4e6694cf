"""From the name a user types to a backend, and the list of names there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

from ..model.errors import BackendError
from ..model.suggestion import suggestion
from .braket.adapter import BraketBackend
from .ibm.adapter import IbmBackend
from .protocol import LocalBackend, RemoteBackend
from .simulators.aer import AerBackend
from .simulators.braket_local import BraketLocalBackend
from .simulators.fake import FakeBackend, snapshot_names, snapshot_qubits
from .summary import BackendSummary

Factory = Callable[[str | None], LocalBackend | RemoteBackend]
GROUP = "bellqueue.backends"  # entry points by which other packages add adapters
PROVIDERS: Mapping[str, Factory] = {
    "aer": AerBackend,
    "braket": BraketBackend,
    "braket-local": BraketLocalBackend,
    "fake": FakeBackend,
    "ibm": IbmBackend,
}


def open_backend(spec: str) -> LocalBackend | RemoteBackend:
    """The backend a user names, `provider` or `provider:argument`.

    Raises:
        BackendError: the provider is unknown or not installed, or its argument is wrong.
    """
    provider, colon, argument = (part.strip() for part in spec.partition(":"))
    known = PROVIDERS.get(provider.lower())
    added = _added()
    if known is None and provider.lower() in added:
        known = _load(added[provider.lower()])
    if known is None:
        snapshots = [f"fake:{name}" for name in snapshot_names()]
        hint = suggestion(provider, [*PROVIDERS, *added], snapshots, "bellqueue backends")
        raise BackendError(f"unknown backend {provider!r}{hint}")
    backend = known(argument if colon else None)
    if not isinstance(backend, (LocalBackend, RemoteBackend)):
        raise BackendError(
            f"{provider}: its adapter makes a {type(backend).__name__}, which is neither a LocalBackend nor a "
            "RemoteBackend (bellqueue.backends.protocol); ask who made it"
        )
    return backend


def list_backends() -> list[BackendSummary]:
    """Every backend there is, without importing any quantum SDK."""
    return [*_simulators(), *_third_parties(), *_snapshots()]


def _added() -> dict[str, EntryPoint]:
    """Adapters that other installed packages bring, by provider; our own names cannot be taken over."""
    return {each.name: each for each in entry_points(group=GROUP) if each.name not in PROVIDERS}


def _load(entry: EntryPoint) -> Factory:
    try:
        loaded: Factory = entry.load()
    except (ImportError, AttributeError) as error:
        raise BackendError(f"{entry.name}: the adapter {entry.value} cannot be loaded: {error}; reinstall it") from None
    return loaded


def _third_parties() -> Iterator[BackendSummary]:
    for name, entry in sorted(_added().items()):
        package = entry.dist.name if entry.dist else entry.value
        yield BackendSummary(name, "hardware", None, True, f"adapter of the package {package}")


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
