"""What holds for every test against a provider's double."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _sketched(sketched: None) -> None:
    """Figures and contexts are those of `tests/runner/`."""
