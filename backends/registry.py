"""From the name a user types to a backend, and the list of names there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Literal

from ..model.errors import BackendError
from ..model.link.published import REQUIRED, published_figures, published_links
from ..model.scenario.file import Scenario
from ..model.suggestion import suggestion
from ..model.validation import as_text
from .braket.adapter import BraketBackend
from .ibm.adapter import IbmBackend
from .protocol import ForScenario, LocalBackend, RemoteBackend, plain
from .simulators.aer import AerBackend
from .simulators.braket_local import BraketLocalBackend
from .simulators.fake import FakeBackend, snapshot_names, snapshot_qubits
from .simulators.link import LinkBackend, SimulatedLink
from .simulators.werner import WernerSimulator


@dataclass(frozen=True)
class BackendSummary:
    """One line of `bellqueue backends`.

    Attributes:
        name: What to type.
        kind: `simulator` or `hardware`.
        qubits: Number of qubits of the device, if cheaply known.
        available: Whether what it needs is installed and, of a cloud device, whether it is up.
        note: What it is, or what is missing.
        status: The provider's word for the state of a cloud device.
        queue: Jobs waiting there; text, because some providers say `>2000`.
        pair: Best pair of qubits by today's calibration.
        predicted_visibility: Visibility predicted for that pair.
        price: Its price, in words.
    """

    name: str
    kind: Literal["simulator", "hardware"]
    qubits: int | None
    available: bool
    note: str
    status: str | None = None
    queue: str | None = None
    pair: tuple[int, int] | None = None
    predicted_visibility: float | None = None
    price: str | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            if isinstance(text := getattr(self, each.name), str):
                object.__setattr__(self, each.name, plain(text))


Factory = Callable[[str | None], LocalBackend | RemoteBackend | ForScenario]
GROUP = "bellqueue.backends"  # entry points by which other packages add adapters


@dataclass(frozen=True)
class Adapter:
    """A provider of ours.

    Attributes:
        make: Function that makes a backend from what follows the colon.
        packages: What pip must install for it.
        modules: The modules of these packages that it imports.
    """

    make: Factory
    packages: str
    modules: tuple[str, ...]

    @property
    def lacking(self) -> str | None:
        """What is not installed and how to install it; None if everything is. Imports nothing."""
        missing = next((module for module in self.modules if find_spec(module) is None), None)
        return f"{missing} is not installed: pip install {self.packages}" if missing else None


PROVIDERS: Mapping[str, Adapter] = {
    "aer": Adapter(AerBackend, "qiskit-aer", ("qiskit_aer",)),
    "braket": Adapter(BraketBackend, '"bellqueue[braket]"', ("braket",)),
    "braket-local": Adapter(BraketLocalBackend, '"bellqueue[braket]"', ("braket",)),
    "fake": Adapter(FakeBackend, "qiskit-ibm-runtime qiskit-aer", ("qiskit_ibm_runtime", "qiskit_aer")),
    "ibm": Adapter(IbmBackend, "qiskit-ibm-runtime qiskit-aer", ("qiskit_ibm_runtime", "qiskit_aer")),
    "link": Adapter(LinkBackend, "bellqueue", ()),
}


def open_backend(spec: str, scenario: Scenario | None = None) -> LocalBackend | RemoteBackend:
    """The backend a user names, `provider` or `provider:argument`.

    Args:
        spec: The name.
        scenario: What the backend is to measure, which some backends must know. If it has a [link], the pairs of
            our simulators come over that link.

    Raises:
        BackendError: the provider is unknown or not installed, its argument is wrong, or it needs the scenario.
    """
    as_text(spec, "backend", BackendError, "aer")
    provider, colon, argument = (part.strip() for part in spec.partition(":"))
    name, added = provider.lower(), _added()
    if name in PROVIDERS:
        if lacking := PROVIDERS[name].lacking:
            raise BackendError(f"{name} cannot be used: {lacking}")
        make = PROVIDERS[name].make
    elif name in added:
        make = _load(added[name])
    else:
        snapshots = [f"fake:{snapshot}" for snapshot in snapshot_names()]
        hint = suggestion(provider, [*PROVIDERS, *added], snapshots, "bellqueue backends")
        raise BackendError(f"unknown backend {provider!r}{hint}")
    backend = make(argument if colon else None)
    if isinstance(backend, ForScenario):
        if scenario is None:
            raise BackendError(
                f"{name} serves the requests of a scenario; use: bellqueue run SCENARIO --backend {name}"
            )
        return backend.serving(scenario)
    if scenario and scenario.link and isinstance(backend, (WernerSimulator, FakeBackend)):
        return SimulatedLink(backend.name, scenario, backend)
    if not isinstance(backend, (LocalBackend, RemoteBackend)):
        raise BackendError(
            f"{provider}: its adapter makes a {type(backend).__name__}, which is neither a LocalBackend nor a "
            "RemoteBackend (bellqueue.backends.protocol); ask who made it"
        )
    return backend


def list_backends() -> list[BackendSummary]:
    """Every backend there is, without importing any quantum SDK."""
    return [*_simulators(), *_links(), *_third_parties(), *_snapshots()]


def _added() -> dict[str, EntryPoint]:
    """Adapters of other installed packages, by provider; they cannot take over our own names."""
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
    for name, what in (("aer", "Qiskit Aer"), ("braket-local", "Amazon Braket's local simulator")):
        lacking = PROVIDERS[name].lacking
        yield BackendSummary(name, "simulator", 2, lacking is None, lacking or f"{what}; {options}")


def _links() -> Iterator[BackendSummary]:
    options = "options are fields of [link], and time_unit_seconds"
    yield BackendSummary("link", "simulator", 2, True, f"the scenario's own [link], simulated; {options}")
    for name, link in published_links().items():
        unknown = [field for field in REQUIRED if field not in published_figures(name)]
        wants = f"; give {', '.join(unknown)}" if unknown else ""
        yield BackendSummary(f"link:{name}", "simulator", 2, True, f"published link, {link['platform']}{wants}")


def _snapshots() -> Iterator[BackendSummary]:
    names, lacking = snapshot_names(), PROVIDERS["fake"].lacking
    if not names:
        yield BackendSummary("fake:…", "simulator", None, False, lacking or "no snapshots in qiskit-ibm-runtime")
    for name in names:
        note = lacking or f"snapshot of ibm_{name} with its noise"
        yield BackendSummary(f"fake:{name}", "simulator", snapshot_qubits(name), lacking is None, note)
