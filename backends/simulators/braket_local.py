"""Amazon Braket's local simulator: ideal Bell pairs, or with white noise and readout errors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...circuits.braket_circuit import bell_circuit, probabilities_from_vector, tsirelson_circuit
from ...circuits.schedule import Setting
from ...model.games.strategy import MAX_DIMENSION, bell_pairs_for
from ..calibration.prediction import werner_probabilities
from ..protocol import Description
from .local import Simulator, WernerNoise, parse_noise, require, shuffled_outcomes

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Outcomes = NDArray[np.uint8]


class BraketLocalBackend(Simulator):
    """`braket-local`, or `braket-local:visibility=0.95,readout=0.01`."""

    def __init__(self, argument: str | None = None) -> None:
        """Read the options; Braket itself is imported when the first job runs.

        Args:
            argument: What follows the colon, or None.

        Raises:
            BackendError: an option is wrong, or amazon-braket-sdk is not installed.
        """
        super().__init__()
        self.noise = parse_noise("braket-local", argument)
        require("braket-local", "braket", 'install it with: pip install "bellqueue[braket]"')

    def describe(self) -> Description:
        """The noise asked for and the visibility it leaves in a plane."""
        return self.describe_for(2)

    def describe_for(self, dimension: int) -> Description:
        """The same where vectors of k dimensions are measured."""
        return Description(
            name=self.noise.name("braket-local"),
            kind="simulator",
            device="braket_sv" if self.noise.ideal else "braket_dm",
            qubits=2 * bell_pairs_for(dimension),
            predicted_visibility=self.noise.visibility_of(dimension),
            calibration={**self.noise.record(), "amazon_braket_sdk": version("amazon-braket-sdk")},
            dimension=MAX_DIMENSION,
        )

    def sample(self, settings: Sequence[Setting], shots: Integers, seed: int) -> list[Outcomes]:
        """Measure each setting (see `Simulator.sample`)."""
        rng = np.random.default_rng(seed)
        return [
            shuffled_outcomes(rng.multinomial(wanted, probabilities.ravel()), int(wanted), rng)
            for wanted, probabilities in zip(shots, self.probabilities(settings), strict=True)
        ]

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b) as `probabilities` gives it, in closed form: the simulator takes a few milliseconds a setting."""
        return werner_probabilities(settings, self.noise.visibility, (self.noise.readout_0to1, self.noise.readout_1to0))

    def probabilities(self, settings: Sequence[Setting]) -> Floats:
        """Exact P(a, b) of raw outcomes, readout errors included, shape (len(settings), 2, 2).

        Braket's simulator draws its shots from numpy's global generator, which cannot be seeded for one job alone;
        asked for exact probabilities it draws nothing, and the sampling is ours.
        """
        tables = [probabilities_from_vector(self._run(setting)) for setting in settings]
        exact = np.clip(np.array(tables), 0.0, None)
        return np.asarray(exact / exact.sum(axis=(1, 2), keepdims=True))

    def _run(self, setting: Setting) -> Floats:
        plane = setting.dimension == 2
        circuit = bell_circuit(setting.alpha, setting.beta) if plane else tsirelson_circuit(setting.angles)
        circuit = add_noise(circuit, self.noise).probability(target=[0, 1])
        return np.asarray(self._simulator.run(circuit, shots=0).result().values[0])

    @cached_property
    def _simulator(self) -> Any:
        from braket.devices import LocalSimulator

        return LocalSimulator("braket_sv" if self.noise.ideal else "braket_dm")


def add_noise(circuit: Any, noise: WernerNoise) -> Any:
    """The circuit with white noise after every CNOT and readout errors at its end; changes `circuit`."""
    from braket.circuits import Gate, Noise

    if noise.visibility < 1:
        # Braket's ρ → (1−p)ρ + p/15·Σ(15 Paulis) equals vρ + (1−v)·1/4 for p = 15/16·(1−v).
        depolarising = Noise.TwoQubitDepolarizing(15 / 16 * (1 - noise.visibility))
        circuit.apply_gate_noise(depolarising, target_gates=Gate.CNot)
    readout = _readout(noise)
    return circuit if readout is None else circuit.apply_readout_noise(readout)


def _readout(noise: WernerNoise) -> Any:
    """The channel before the measurement that moves populations as the readout errors do, or None."""
    from braket.circuits import Noise

    up, down = noise.readout_0to1, noise.readout_1to0
    if up == down:
        return Noise.BitFlip(up) if up else None
    # Generalised amplitude damping takes 1 to 0 with probability γp and 0 to 1 with γ(1−p).
    return Noise.GeneralizedAmplitudeDamping(gamma=up + down, probability=down / (up + down))
