"""Whose outcome is whose in a result of Amazon Braket, whatever the order of its columns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bellqueue.backends.braket.results import outcomes
from bellqueue.model.errors import DataError


def _bundle(**result: Any) -> bytes:
    return json.dumps({"results.json": json.dumps(result)}).encode()


@pytest.mark.parametrize(("qubits", "expected"), [([2, 9], [[0, 1], [1, 1]]), ([9, 2], [[1, 0], [1, 1]])])
def test_a_is_the_smaller_qubit(qubits: list[int], expected: list[list[int]]) -> None:
    (found,), shots = outcomes(_bundle(measuredQubits=qubits, measurements=[[0, 1], [1, 1]]), 2)
    assert found.tolist() == expected
    assert shots == 2


@pytest.mark.parametrize("qubits", [[2], [2, 5, 9]])
def test_other_than_two_qubits_are_refused(qubits: list[int]) -> None:
    with pytest.raises(DataError, match="were measured instead of two"):
        outcomes(_bundle(measuredQubits=qubits, measurements=[[0] * len(qubits)]), 1)
