"""Wherever `bellqueue run` is killed and whatever a provider does to it, nothing is lost and nothing is paid for twice.

A few cells of the two tables, most of them slow; `make faults` runs and prints all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from .matrix import BREAKS, CRASHES, Break, Crash, Outcome, Workers
from .providers import PROVIDERS

Place = tuple[Break | Crash, str]
HERE = (
    "after the intent, before the POST",
    "accepted and answered, id not stored",
    "storing the result, before the commit",
    "504 on POST, after acceptance",
    "POST drops, before acceptance",
    "result cut off, once",
)


EVERY_DAY = ("accepted and answered, id not stored", "504 on POST, after acceptance")


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Mapping[Place, Future[Outcome]]]:
    """Every cell that was asked for, several under way at once."""
    here = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    chosen = [item.callspec.params for item in here]
    with Workers(fresh=False) as workers, ThreadPoolExecutor(workers.number) as threads:
        places = [(each["cell"], each["provider"]) for each in chosen]
        yield {place: threads.submit(workers.run, *place) for place in places}
        threads.shutdown(cancel_futures=True)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(each, id=each.name, marks=() if each.name in EVERY_DAY else pytest.mark.slow)
        for each in (*CRASHES, *BREAKS)
        if each.name in HERE
    ],
)
def test_a_run_survives(cell: Break | Crash, provider: str, outcomes: Mapping[Place, Future[Outcome]]) -> None:
    assert outcomes[cell, provider].result().wrong == []


def test_the_cells_named_here_exist() -> None:
    assert set(EVERY_DAY) < set(HERE) <= {each.name for each in (*CRASHES, *BREAKS)}
