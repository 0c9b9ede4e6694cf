"""The Braket Bell circuit: its correlator, and which bit is whose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("braket")
from bellqueue.circuits.braket_circuit import (
    bell_circuit,
    outcomes_from_measurements,
    probabilities_from_vector,
    table_from_counts,
)

SIGNS = np.array([[1, -1], [-1, 1]])


def _exact(circuit: Any) -> np.ndarray:
    from braket.devices import LocalSimulator

    return probabilities_from_vector(LocalSimulator().run(circuit.probability(), shots=0).result().values[0])


def test_the_correlator_is_the_cosine_of_the_difference_of_angles() -> None:
    for a in np.linspace(-3.5, 7.0, 6):
        for b in np.linspace(-3.0, 6.5, 6):
            table = _exact(bell_circuit(a, b))
            assert (table * SIGNS).sum() == pytest.approx(np.cos(a - b), abs=1e-10)
            assert table.sum(axis=1) == pytest.approx([0.5, 0.5], abs=1e-10)


def test_angles_left_open_are_parameters_named_alpha_and_beta() -> None:
    circuit = bell_circuit()
    assert {parameter.name for parameter in circuit.parameters} == {"alpha", "beta"}
    table = _exact(circuit.make_bound_circuit({"alpha": 0.3, "beta": 1.1}))
    assert (table * SIGNS).sum() == pytest.approx(np.cos(0.8), abs=1e-10)


def test_other_qubits_carry_the_same_circuit() -> None:
    assert (_exact(bell_circuit(0.3, 1.1, pair=(3, 7))) * SIGNS).sum() == pytest.approx(np.cos(0.8), abs=1e-10)


def test_descending_qubits_are_refused() -> None:
    with pytest.raises(ValueError, match="must ascend"):
        bell_circuit(pair=(7, 3))


@pytest.mark.parametrize(("flipped", "outcome"), [(0, (1, 0)), (1, (0, 1))])
def test_a_flipped_qubit_is_read_as_its_owners_outcome(flipped: int, outcome: tuple[int, int]) -> None:
    from braket.circuits import Circuit
    from braket.devices import LocalSimulator

    circuit = Circuit().i(0).i(1).x(flipped)
    result = LocalSimulator().run(circuit, shots=7).result()
    assert outcomes_from_measurements(result.measurements).tolist() == [list(outcome)] * 7
    table = table_from_counts(result.measurement_counts)
    assert table[outcome] == table.sum() == 7
    assert _exact(circuit)[outcome] == pytest.approx(1)
