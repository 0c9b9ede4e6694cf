"""Wherever `bellqueue run` is killed, one `bellqueue fetch` makes the best of it, and nothing is paid for twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from .matrix import CRASHES, Crash, Outcome, Workers
from .providers import PROVIDERS

Place = tuple[Crash, str]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Mapping[Place, Future[Outcome]]]:
    """Every cell that was asked for, several under way at once."""
    chosen = [item.callspec.params for item in request.session.items if item.path == request.path]  # type: ignore[attr-defined]
    with Workers(fresh=False) as workers, ThreadPoolExecutor(workers.number) as threads:
        places = [(each["cell"], each["provider"]) for each in chosen]
        yield {place: threads.submit(workers.run, *place) for place in places}
        threads.shutdown(cancel_futures=True)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("cell", CRASHES, ids=lambda cell: cell.name)
def test_a_run_survives_being_killed(cell: Crash, provider: str, outcomes: Mapping[Place, Future[Outcome]]) -> None:
    assert outcomes[cell, provider].result().wrong == []
