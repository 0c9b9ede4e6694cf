"""Chains of qubits for several Bell pairs: what is predicted for them, which is chosen, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bellqueue.backends.calibration.chain import best_chain
from bellqueue.backends.protocol import description_for
from bellqueue.backends.simulators.fake import FakeBackend
from bellqueue.model.errors import BackendError

from tests.backends.settings import SIGNS, settings_for


@pytest.fixture(scope="module")
def manila() -> FakeBackend:
    """The snapshot of a line of five qubits; it keeps the chains it has chosen."""
    return FakeBackend("manila")


def test_a_chain_says_what_is_predicted_for_it(manila: FakeBackend) -> None:
    """E of equal vectors along each axis; those that take both pairs lose more."""
    described = manila.describe(5)
    assert description_for(manila, 5) == described
    assert described.pair in {(1, 2), (2, 1), (2, 3), (3, 2)}  # all that are inside a line of five
    assert described.pairs[0] == described.pair
    record = json.loads(json.dumps(dict(described.calibration)))
    axes = record["predicted_visibility_of_axes"]
    assert len(axes) == 5
    assert min(axes[:2]) > max(axes[2:])
    assert described.predicted_visibility == pytest.approx(np.mean(axes))
    assert len(record["chain"]) == 3
    for axis in range(5):
        unit = np.eye(5)[axis : axis + 1]
        table = manila.predict(settings_for(unit, unit))[0]
        assert (table * SIGNS).sum() == pytest.approx(axes[axis], abs=1e-12)


def test_the_chosen_chain_is_the_best_of_all(manila: FakeBackend) -> None:
    """Each of Manila's four chains of four qubits, evaluated one by one."""
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    device = FakeManilaV2()
    every = [
        best_chain("fake:manila", device.target, device.properties(), 4, pair).visibility
        for pair in ((1, 2), (2, 1), (2, 3), (3, 2))
    ]
    assert manila.describe(4).predicted_visibility == pytest.approx(max(every))


def test_a_forced_pair_stands_in_the_middle_of_its_chain() -> None:
    described = FakeBackend("manila,pair=2-1").describe(4)
    assert described.pairs == ((2, 1), (3, 0))


@pytest.mark.parametrize(
    ("argument", "dimension", "words"),
    [
        ("manila", 7, "no chain of 6 working qubits for 3 Bell pairs"),
        ("manila,pair=0-1", 5, "no chain of 4 working qubits with qubits 0-1 in its middle"),
    ],
)
def test_a_device_without_such_a_chain_says_so_in_one_line(argument: str, dimension: int, words: str) -> None:
    with pytest.raises(BackendError, match=words) as refusal:
        FakeBackend(argument).describe(dimension)
    assert "\n" not in str(refusal.value)
    assert "bell_pairs = 1" in str(refusal.value)
