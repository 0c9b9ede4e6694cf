"""Snapshots of IBM devices: the best qubits by calibration, simulated with the noise of those qubits."""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...circuits.schedule import Setting
from ...model.errors import BackendError
from ...model.games.strategy import MAX_DIMENSION
from ...model.suggestion import suggestion
from ..calibration.best_pair import best_pairs, calibration_record, parse_pair
from ..calibration.chain import ChainModel, best_chain
from ..calibration.prediction import AngleResponse
from ..protocol import Description
from .aer import sample_aer
from .local import Simulator, parse_options, require

if TYPE_CHECKING:
    from qiskit.transpiler import Target

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Outcomes = NDArray[np.uint8]


class FakeBackend(Simulator):
    """`fake:torino` and every other snapshot that qiskit-ibm-runtime ships; `fake:torino,pair=92-99` forces a pair."""

    def __init__(self, argument: str | None = None) -> None:
        """Choose the pair.

        Args:
            argument: What follows the colon: the snapshot's name, then options, separated by commas.

        Raises:
            BackendError: the name or an option is wrong, the snapshot cannot make a Bell pair, or a package is missing.
        """
        super().__init__()
        for module in ("qiskit_ibm_runtime", "qiskit_aer"):
            require("fake", module, "install it with: pip install qiskit-ibm-runtime qiskit-aer")
        given, comma, options = (argument or "").partition(",")
        self.snapshot = _snapshot_name(given)
        self.name = f"fake:{self.snapshot}"
        self._forced = forced = (
            parse_pair(self.name, parse_options(self.name, options, ("pair",))["pair"]) if comma else None
        )
        device = _load(self.snapshot)
        self._target: Target = device.target
        self._properties = device.properties()
        self._models = best_pairs(self.name, self._target, self._properties, forced)
        self.model = self._models[0]
        self._responses: dict[int, AngleResponse] = {}
        self._chains: dict[int, ChainModel] = {}
        if forced:
            self.name += f",pair={forced[0]}-{forced[1]}"

    def describe(self) -> Description:
        """The pair chosen, its calibration and what that promises."""
        best = self.model
        return Description(
            name=self.name,
            kind="simulator",
            device=f"fake_{self.snapshot}",
            qubits=int(self._target.num_qubits),
            pair=best.calibration.pair,
            predicted_visibility=best.visibility,
            calibration={
                **calibration_record(f"fake_{self.snapshot}", self._properties, self._models),
                **_versions(),
            },
            dimension=MAX_DIMENSION,
        )

    def describe_for(self, dimension: int) -> Description:
        """The same where vectors of k dimensions are measured; from 4 on they take a chain of qubits.

        Raises:
            BackendError: the device has no such chain.
        """
        description = self.describe()
        if dimension < 4:
            return description
        chain = self._chain(dimension)
        return replace(
            description,
            pair=chain.pairs[0],
            predicted_visibility=chain.visibility,
            calibration={**chain.record(description.device, self._properties), **_versions()},
            pairs=chain.pairs,
        )

    def sample(self, settings: Sequence[Setting], shots: Integers, seed: int) -> list[Outcomes]:
        """Measure each setting (see `Simulator.sample`)."""
        dimension = settings[0].dimension
        if dimension < 4:
            return sample_aer(self.model.simulator, self.model.circuit_of(dimension), settings, shots, seed)
        chain = self._chain(dimension)
        return sample_aer(chain.simulator, chain.circuit, settings, shots, seed)

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b) of raw outcomes by the noise model of the qubits, shape (len(settings), 2, 2)."""
        dimension = settings[0].dimension
        if dimension >= 4:
            return self._chain(dimension).probabilities(settings)
        if dimension not in self._responses:
            self._responses[dimension] = AngleResponse.of(self.model.probabilities, dimension)
        return self._responses[dimension].probabilities(settings)

    def _chain(self, dimension: int) -> ChainModel:
        if dimension not in self._chains:
            self._chains[dimension] = best_chain(self.name, self._target, self._properties, dimension, self._forced)
        return self._chains[dimension]


def _versions() -> dict[str, str]:
    return {"qiskit_ibm_runtime": version("qiskit-ibm-runtime"), "qiskit_aer": version("qiskit-aer")}


def snapshot_names() -> tuple[str, ...]:
    """The snapshots installed, found without importing them; empty if qiskit-ibm-runtime is missing."""
    return tuple(sorted(path.parent.name for path in _folder().glob("*/conf_*.json")))


def snapshot_qubits(name: str) -> int | None:
    """Number of qubits of an installed snapshot, found in its configuration without parsing it; None if not there."""
    text = next(_folder().joinpath(name).glob("conf_*.json")).read_text(encoding="utf-8")
    found = re.search(r'"n_qubits"\s*:\s*(\d+)', text)
    return int(found.group(1)) if found else None


def _folder() -> Path:
    spec = find_spec("qiskit_ibm_runtime")
    places = spec.submodule_search_locations if spec else None
    return Path(places[0] if places else "/nonexistent", "fake_provider", "backends")


def _snapshot_name(given: str) -> str:
    """The snapshot meant by `torino`, `fake_torino`, `FakeTorino`, `FakeManilaV2` or `ibm_torino`."""
    names = snapshot_names()
    plain = re.sub(r"^(fake|ibmq?_)_?|_?(v2|backend)$", "", given.strip().lower())
    if plain in names:
        return plain
    if not plain:
        raise BackendError(f"fake needs a snapshot, fake:torino say; `bellqueue backends` lists all {len(names)}")
    hint = suggestion(plain, names, listing="bellqueue backends")
    raise BackendError(f"fake: no snapshot is called {given!r}{hint}")


def _load(snapshot: str) -> Any:
    """The FakeBackendV2 of a snapshot."""
    from qiskit_ibm_runtime.fake_provider.fake_backend import FakeBackendV2

    module = importlib.import_module(f"qiskit_ibm_runtime.fake_provider.backends.{snapshot}.fake_{snapshot}")
    made_here = (
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, FakeBackendV2) and item.__module__ == module.__name__
    )
    with warnings.catch_warnings():
        # FakeNighthawk warns that its errors are invented: the user asked for it by name.
        warnings.simplefilter("ignore", UserWarning)
        return next(made_here)()
