"""Amazon Braket's local simulator: ideal Bell pairs, or with white noise and readout errors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ...circuits.braket_circuit import bell_circuit
from ...circuits.schedule import Setting
from ...model.trials import Floats, Integers
from .simulator import Outcomes, shuffled_outcomes
from .werner import WernerNoise, WernerSimulator


class BraketLocalBackend(WernerSimulator):
    """`braket-local`, or `braket-local:visibility=0.95,readout=0.01`."""

    _provider, _package = "braket-local", "amazon-braket-sdk"

    @property
    def _device(self) -> str:
        return "braket_sv" if self.noise.ideal else "braket_dm"

    def sample(self, settings: Sequence[Setting], shots: Integers, seed: int) -> list[Outcomes]:
        """Measure each setting (see `Simulator.sample`)."""
        rng = np.random.default_rng(seed)
        return [
            shuffled_outcomes(rng.multinomial(wanted, probabilities.ravel()), int(wanted), rng)
            for wanted, probabilities in zip(shots, self.probabilities(settings), strict=True)
        ]

    def probabilities(self, settings: Sequence[Setting]) -> Floats:
        """Exact P(a, b) of raw outcomes, readout errors included, shape (len(settings), 2, 2).

        Braket's simulator draws its shots from numpy's global generator, which cannot be seeded for one job alone;
        asked for exact probabilities it draws nothing, and the sampling is ours.
        """
        # The first qubit, A's, is the most significant bit of Braket's probabilities.
        tables = [np.reshape(self._run(setting), (2, 2)) for setting in settings]
        exact = np.clip(np.array(tables), 0.0, None)
        return np.asarray(exact / exact.sum(axis=(1, 2), keepdims=True))

    def _run(self, setting: Setting) -> Any:
        circuit = add_noise(bell_circuit(setting.angles), self.noise).probability(target=[0, 1])
        return self._simulator.run(circuit, shots=0).result().values[0]

    @cached_property
    def _simulator(self) -> Any:
        from braket.devices import LocalSimulator

        return LocalSimulator(self._device)


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

    up, down = noise.readout
    if up == down:
        return Noise.BitFlip(up) if up else None
    # Generalised amplitude damping takes 1 to 0 with probability γp and 0 to 1 with γ(1−p).
    return Noise.GeneralizedAmplitudeDamping(gamma=up + down, probability=down / (up + down))
