"""Wherever `bellqueue run` is killed and whatever a provider does to it, nothing is lost and nothing is paid for twice.

A death at one provider and a fault at the other; `make faults` runs and prints all cells of the two tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from .matrix import BREAKS, CRASHES, Break, Crash, Outcome, Workers
from .providers import PROVIDERS

Place = tuple[Break | Crash, str]
HERE = (
    ("accepted and answered, id not stored", "IBM Quantum"),
    ("504 on POST, after acceptance", "Amazon Braket"),
)


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Mapping[Place, Future[Outcome]]]:
    """Every cell that was asked for, several under way at once."""
    here = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    chosen = [item.callspec.params for item in here]
    places = [(each["cell"], each["provider"]) for each in chosen]
    with Workers(fresh=False, most=len(places)) as workers, ThreadPoolExecutor(workers.number) as threads:
        yield {place: threads.submit(workers.run, *place) for place in places}
        threads.shutdown(cancel_futures=True)


@pytest.mark.parametrize(
    ("cell", "provider"),
    [
        pytest.param(each, provider, id=f"{each.name}-{provider}")
        for each in (*CRASHES, *BREAKS)
        for provider in PROVIDERS
        if (each.name, provider) in HERE
    ],
)
def test_a_run_survives(cell: Break | Crash, provider: str, outcomes: Mapping[Place, Future[Outcome]]) -> None:
    assert outcomes[cell, provider].result().wrong == []


def test_the_cells_named_here_exist() -> None:
    assert {name for name, _ in HERE} <= {each.name for each in (*CRASHES, *BREAKS)}
    assert {provider for _, provider in HERE} == set(PROVIDERS)
