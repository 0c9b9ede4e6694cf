"""What the simulators of Werner pairs share: the noise a user may type, and the prediction that follows from it."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import ClassVar

from ...circuits.schedule import Setting
from ...model.errors import BackendError
from ...model.games.strategy import MAX_DIMENSION, bell_pairs_for
from ...model.trials import Floats
from ..calibration.prediction import werner_probabilities
from ..options import parse_options
from ..protocol import Description
from .simulator import Simulator

READOUT = ("readout", "readout_0to1", "readout_1to0")


@dataclass(frozen=True)
class WernerNoise:
    """White noise on the Bell pair and errors of readout, the same on both qubits.

    Attributes:
        visibility: v of the Werner state v|Φ+⟩⟨Φ+| + (1−v)·1/4.
        readout_0to1, readout_1to0: P(read 1 | 0) and P(read 0 | 1).
    """

    visibility: float = 1.0
    readout_0to1: float = 0.0
    readout_1to0: float = 0.0

    @property
    def readout(self) -> tuple[float, float]:
        """P(read 1 | 0) and P(read 0 | 1)."""
        return self.readout_0to1, self.readout_1to0

    @property
    def predicted_visibility(self) -> float:
        """dE/dcos(α−β) = v·(1 − P(1|0) − P(0|1))²."""
        return self.visibility * (1 - self.readout_0to1 - self.readout_1to0) ** 2

    @property
    def correlator_offset(self) -> float:
        """What uneven readout adds to every correlator: (P(0|1) − P(1|0))²."""
        return (self.readout_1to0 - self.readout_0to1) ** 2

    @property
    def ideal(self) -> bool:
        """Whether there is no noise at all."""
        return self == WernerNoise()

    def record(self) -> dict[str, float]:
        """JSON-ready: the parameters and what follows from them."""
        follows = {"predicted_visibility": self.predicted_visibility, "correlator_offset": self.correlator_offset}
        return {**asdict(self), **follows}


class WernerSimulator(Simulator):
    """A simulator of Werner pairs with readout errors, ideal by default.

    A subclass says what a user types before the colon and which package simulates, by the name that pip knows.
    """

    _provider: ClassVar[str]
    _package: ClassVar[str]

    def __init__(self, argument: str | None = None) -> None:
        """Read the options; the package itself is imported when the first schedule is measured.

        Args:
            argument: What follows the colon, or None.

        Raises:
            BackendError: an option is wrong.
        """
        given = {} if argument is None else parse_options(self._provider, argument, ("visibility", *READOUT))
        self.noise = _noise(self._provider, given)
        typed = ",".join(f"{name}={value}" for name, value in given.items())
        self.name = f"{self._provider}:{typed}" if typed else self._provider

    @property
    @abstractmethod
    def _device(self) -> str:
        """The simulator's own name."""

    def describe(self, dimension: int = 2) -> Description:
        """The noise asked for and the visibility it leaves.

        On several Bell pairs a component that takes q of them to measure keeps v^q of its correlation
        (`werner_probabilities`): with white noise no one visibility is then predicted.
        """
        noise = self.noise
        return Description(
            name=self.name,
            kind="simulator",
            device=self._device,
            qubits=2 * bell_pairs_for(dimension),
            predicted_visibility=noise.predicted_visibility if dimension < 4 or noise.visibility == 1 else None,
            calibration={**noise.record(), self._package.replace("-", "_"): version(self._package)},
            dimension=MAX_DIMENSION,
        )

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b) of raw outcomes in closed form, shape (len(settings), 2, 2)."""
        return werner_probabilities(settings, self.noise.visibility, self.noise.readout)


def _noise(provider: str, given: Mapping[str, str]) -> WernerNoise:
    """Noise from the options `visibility` and `readout`, or `readout_0to1` and `readout_1to0`; ideal without them.

    Raises:
        BackendError: an option is not a number or out of range, or two contradict each other.
    """
    if "readout" in given and len(given.keys() & set(READOUT)) > 1:
        raise BackendError(f"{provider}: readout sets both directions; give it, or readout_0to1 and readout_1to0")
    both = given.get("readout", "0")
    up, down = (
        _number(provider, name if name in given else "readout", given.get(name, both), 0.5) for name in READOUT[1:]
    )
    return WernerNoise(_number(provider, "visibility", given.get("visibility", "1"), 1.0), up, down)


def _number(provider: str, name: str, text: str, limit: float) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BackendError(f"{provider}: {name}={text} is not a number; give one in 0…{limit:g}") from None
    if not (math.isfinite(value) and 0 <= value <= limit):
        raise BackendError(f"{provider}: {name}={text} is out of range; it must lie in 0…{limit:g}")
    return value
