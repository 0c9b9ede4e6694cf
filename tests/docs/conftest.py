"""What holds for every test of the pages."""

from __future__ import annotations

import threading

import pytest
from bellqueue.runner.commands import terminal


@pytest.fixture(autouse=True)
def _solved_once(solved_once: None, frontiers_kept: None) -> None:
    """Examples and claims ask for the same few frontiers again and again."""


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress comes after a second, which a busy machine takes for anything."""
    monkeypatch.setattr(terminal, "QUIET", threading.TIMEOUT_MAX)
