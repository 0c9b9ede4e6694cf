"""What holds for every test against a provider's double."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec

import pytest


@pytest.fixture(autouse=True)
def _sketched(sketched: None) -> None:
    """Figures and contexts are those of `tests/runner/`."""


@pytest.fixture(autouse=True)
def _kept(frontiers_kept: None) -> None:
    """The commands of a module solve each scenario once."""


@pytest.fixture(autouse=True, scope="session")
def _services_are_read_once() -> Iterator[None]:
    """Each AWS session parses the same large descriptions of services; here they share what one has read."""
    with pytest.MonkeyPatch.context() as patch:
        if find_spec("botocore"):
            from botocore import session

            patch.setattr(session, "create_loader", cache(session.create_loader))
        yield
