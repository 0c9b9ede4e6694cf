"""The best pair of qubits of a device by its calibration, and the exact noise model of that pair alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np

from ...circuits.schedule import Setting
from ...model.trials import Floats
from ..options import Pair
from .noise_model import QubitsModel
from .prediction import AngleResponse, correlators_of
from .reading import PairCalibration, forced_calibration, ranked_calibrations

if TYPE_CHECKING:
    from qiskit.transpiler import Target

CANDIDATES = 4  # pairs evaluated exactly: on every snapshot shipped the best is among the first by prediction

# E over these settings gives the visibility by projection on cos(α−β); the first two of each α make CHSH.
_PROBES = tuple(
    Setting(0, 0, alpha, beta) for alpha in (0, pi / 2) for beta in (pi / 4, -pi / 4, 3 * pi / 4, -3 * pi / 4)
)


class PairModel(QubitsModel):
    """Two qubits of a device as a simulator of their own, qubit 0 being A's.

    Attributes:
        calibration: The errors of the pair.
    """

    def __init__(self, target: Target, calibration: PairCalibration) -> None:
        super().__init__(target, calibration.pair, [calibration])
        self.calibration = calibration
        self._responses: dict[int, AngleResponse] = {}

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """The same from the simulation of a few settings, which is kept."""
        dimension = settings[0].dimension
        if dimension not in self._responses:
            self._responses[dimension] = AngleResponse.of(self.probabilities, dimension)
        return self._responses[dimension].probabilities(settings)

    @cached_property
    def visibility(self) -> float:
        """Werner visibility: E projected on cos(α−β)."""
        cosines = np.cos([setting.alpha - setting.beta for setting in _PROBES])
        return float(self._probe_correlators @ cosines / (cosines @ cosines))

    @cached_property
    def chsh(self) -> float:
        """S at α = 0, π/2 and β = ±π/4, at most 2√2."""
        e = self._probe_correlators.reshape(2, 4)
        return float(e[0, 0] + e[0, 1] + e[1, 0] - e[1, 1])

    def record(self) -> dict[str, Any]:
        """JSON-ready: the calibration, and what the exact noise model predicts."""
        return {
            **self.calibration.record(),
            "predicted_correlator_visibility": self.visibility,
            "predicted_chsh": self.chsh,
        }

    @cached_property
    def _probe_correlators(self) -> Floats:
        return correlators_of(self.probabilities(_PROBES))


def best_pairs(name: str, target: Target, properties: Any, forced: Pair | None = None) -> tuple[PairModel, ...]:
    """The most promising pairs of a device with their exact noise models, best CHSH S first.

    Args:
        forced: The pair to use, A's qubit first; then it is the only one.

    Raises:
        BackendError: no pair of qubits, or not the forced one, has working gates and a known readout error.
    """
    if forced is not None:
        return (PairModel(target, forced_calibration(name, target, properties, forced)),)
    ranked = ranked_calibrations(name, target, properties)
    models = [PairModel(target, calibration) for calibration in ranked[:CANDIDATES]]
    return tuple(sorted(models, key=lambda model: -model.chsh))


def calibration_record(device: str, properties: Any, models: Sequence[PairModel]) -> dict[str, Any]:
    """JSON-ready: the pair chosen, what is predicted for it, and the next best."""
    best, *others = models
    return {
        "device": device,
        "last_update_date": properties.last_update_date.isoformat(),
        **best.record(),
        "next_best_pairs": [
            {"pair": list(model.calibration.pair), "correlator_visibility": model.visibility, "chsh": model.chsh}
            for model in others
        ],
    }
