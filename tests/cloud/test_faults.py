"""Whatever a provider does to `bellqueue run`, there is one job at the most, a plain line, and no trial is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from .matrix import BREAKS, Break, Outcome, Workers
from .providers import PROVIDERS

Place = tuple[Break, str]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Mapping[Place, Future[Outcome]]]:
    """Every cell that was asked for, several under way at once."""
    chosen = [item.callspec.params for item in request.session.items if item.path == request.path]  # type: ignore[attr-defined]
    with Workers(fresh=False) as workers, ThreadPoolExecutor(workers.number) as threads:
        places = [(each["cell"], each["provider"]) for each in chosen]
        yield {place: threads.submit(workers.run, *place) for place in places}
        threads.shutdown(cancel_futures=True)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("cell", BREAKS, ids=lambda cell: cell.name)
def test_a_run_survives_a_fault(cell: Break, provider: str, outcomes: Mapping[Place, Future[Outcome]]) -> None:
    assert outcomes[cell, provider].result().wrong == []
