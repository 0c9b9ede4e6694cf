"""Snapshots of IBM devices: the best qubits by calibration, simulated with the noise of those qubits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from ...circuits.schedule import Setting
from ...model.errors import BackendError
from ...model.games.strategy import MAX_DIMENSION
from ...model.suggestion import suggestion
from ...model.trials import Floats, Integers
from ..calibration.best_pair import PairModel, best_pairs, calibration_record
from ..calibration.chain import ChainModel, best_chain
from ..options import parse_device, parse_pair
from ..protocol import Description
from .aer import sample_aer
from .simulator import Outcomes, Simulator
from .snapshot import Snapshot, snapshot_folder

if TYPE_CHECKING:
    from qiskit.transpiler import Target


class FakeBackend(Simulator):
    """`fake:torino` and every other snapshot that qiskit-ibm-runtime ships; `fake:torino,pair=92-99` forces a pair."""

    def __init__(self, argument: str | None = None) -> None:
        """Choose the pair.

        Args:
            argument: What follows the colon: the snapshot's name, then options, separated by commas.

        Raises:
            BackendError: the name or an option is wrong, or the snapshot cannot make a Bell pair.
        """
        given, options = parse_device("fake", argument, ("pair",))
        self.snapshot = _snapshot_name(given)
        self.name = f"fake:{self.snapshot}"
        self._forced = parse_pair(self.name, options["pair"]) if options else None
        device = Snapshot(self.snapshot)
        self._target: Target = device.target
        self._properties = device.properties()
        self._models = best_pairs(self.name, self._target, self._properties, self._forced)
        self.model = self._models[0]
        self._chains: dict[int, ChainModel] = {}
        if self._forced:
            self.name += f",pair={self._forced[0]}-{self._forced[1]}"

    def describe(self, dimension: int = 2) -> Description:
        """The qubits chosen, their calibration and what is predicted for them: a pair, or from k = 4 on a chain.

        Raises:
            BackendError: the device has no such chain.
        """
        device, model = f"fake_{self.snapshot}", self._model(dimension)
        if isinstance(model, ChainModel):
            record = model.record(device, self._properties)
        else:
            record = calibration_record(device, self._properties, self._models)
        versions = {name.replace("-", "_"): version(name) for name in ("qiskit-ibm-runtime", "qiskit-aer")}
        return Description(
            name=self.name,
            kind="simulator",
            device=device,
            qubits=int(self._target.num_qubits),
            pair=model.pairs[0],
            predicted_visibility=model.visibility,
            calibration={**record, **versions},
            pairs=model.pairs if len(model.pairs) > 1 else (),
            dimension=MAX_DIMENSION,
        )

    def sample(self, settings: Sequence[Setting], shots: Integers, seed: int) -> list[Outcomes]:
        """Measure each setting (see `Simulator.sample`)."""
        dimension = settings[0].dimension
        model = self._model(dimension)
        return sample_aer(model.simulator, model.circuit(dimension), settings, shots, seed)

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b) of raw outcomes by the noise model of the qubits, shape (len(settings), 2, 2)."""
        return self._model(settings[0].dimension).predict(settings)

    def _model(self, dimension: int) -> PairModel | ChainModel:
        """The qubits on which vectors of k dimensions are measured."""
        if dimension < 4:
            return self.model
        if dimension not in self._chains:
            self._chains[dimension] = best_chain(self.name, self._target, self._properties, dimension, self._forced)
        return self._chains[dimension]


def snapshot_names() -> tuple[str, ...]:
    """The snapshots installed, found without importing them; empty if qiskit-ibm-runtime is missing."""
    return tuple(sorted(path.parent.name for path in snapshot_folder().glob("*/conf_*.json")))


def snapshot_qubits(name: str) -> int | None:
    """Number of qubits of an installed snapshot, found in its configuration without parsing it; None if not there."""
    text = next(snapshot_folder().joinpath(name).glob("conf_*.json")).read_text(encoding="utf-8")
    found = re.search(r'"n_qubits"\s*:\s*(\d+)', text)
    return int(found.group(1)) if found else None


def _snapshot_name(given: str) -> str:
    """The snapshot meant by `torino`, `fake_torino`, `FakeTorino`, `FakeManilaV2` or `ibm_torino`."""
    names = snapshot_names()
    plain = re.sub(r"^(fake|ibmq?_)_?|_?(v2|backend)$", "", given.strip().lower())
    if plain in names:
        return plain
    if not plain:
        raise BackendError(
            f"fake needs a snapshot, for example fake:torino; `bellqueue backends` lists all {len(names)}"
        )
    hint = suggestion(plain, names, listing="bellqueue backends")
    raise BackendError(f"fake: no snapshot is called {given!r}{hint}")
