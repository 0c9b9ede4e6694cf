"""Wherever `bellqueue run` is killed and whatever a provider does to it, nothing is lost and nothing is paid for twice.

A death and a fault at one provider each; `make faults` runs and prints all cells of the two tables.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .matrix import BREAKS, CRASHES, Break, Crash, Workers

CELLS: dict[str, Break | Crash] = {each.name: each for each in (*CRASHES, *BREAKS)}


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(1, fresh=False) as ready:
        yield ready


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "provider"),
    [
        ("accepted and answered, id not stored", "IBM Quantum"),
        ("504 on POST, after acceptance", "Amazon Braket"),
    ],
)
def test_a_run_survives(cell: str, provider: str, workers: Workers) -> None:
    assert workers.run(CELLS[cell], provider).wrong == []
