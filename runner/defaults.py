"""Defaults and limits that the command line and the functions of Python share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..model.scenario.file import Scenario

DEFAULT_BACKEND = "fake:torino"
DEFAULT_POWER = 0.95
POLL_SECONDS, LEAST_POLL_SECONDS = 30.0, 0.1
MOST_WORKERS = 1024


def backend_for(scenario: Scenario, typed: str | None) -> str:
    """The backend typed, else the link of a scenario that has one, else DEFAULT_BACKEND."""
    if typed is not None:
        return typed
    return "link" if scenario.link else DEFAULT_BACKEND
