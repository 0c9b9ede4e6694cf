"""The Braket Bell circuit in a plane: its correlator, its parameters, and which bit is whose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("braket")
from bellqueue.circuits.braket_circuit import bell_circuit

SIGNS = np.array([[1, -1], [-1, 1]])


def _exact(circuit: Any) -> np.ndarray:
    """P(a, b) with the smaller qubit first, as Braket orders them."""
    from braket.devices import LocalSimulator

    return np.reshape(LocalSimulator().run(circuit.probability(), shots=0).result().values[0], (2, 2))


def test_the_correlator_is_the_cosine_of_the_difference_of_angles() -> None:
    for a in np.linspace(-3.5, 7.0, 6):
        for b in np.linspace(-3.0, 6.5, 6):
            table = _exact(bell_circuit((a, b)))
            assert (table * SIGNS).sum() == pytest.approx(np.cos(a - b), abs=1e-10)
            assert table.sum(axis=1) == pytest.approx([0.5, 0.5], abs=1e-10)


def test_angles_may_stay_parameters() -> None:
    from braket.circuits import FreeParameter

    circuit = bell_circuit((FreeParameter("alpha"), FreeParameter("beta")))
    assert {parameter.name for parameter in circuit.parameters} == {"alpha", "beta"}
    table = _exact(circuit.make_bound_circuit({"alpha": 0.3, "beta": 1.1}))
    assert (table * SIGNS).sum() == pytest.approx(np.cos(0.8), abs=1e-10)


@pytest.mark.parametrize(("side", "rotated"), [(0, "q[0]"), (1, "q[1]")])
def test_each_router_turns_its_own_qubit(side: int, rotated: str) -> None:
    """With the other's angle 0, the one rotation by a negative angle is on the router's own qubit."""
    from braket.circuits.serialization import IRType

    angles = [0.0, 0.0]
    angles[side] = 0.5
    assert f"ry(-0.5) {rotated};" in bell_circuit(angles).to_ir(IRType.OPENQASM).source
