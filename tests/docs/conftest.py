"""What holds for every test of the pages."""

from __future__ import annotations

import pytest

from tests.runner.conftest import _quiet, call

__all__ = ["_quiet", "call"]  # fixtures


@pytest.fixture(autouse=True)
def _solved_once(solved_once: None, frontiers_kept: None) -> None:
    """Examples and claims ask for the same few frontiers again and again."""
