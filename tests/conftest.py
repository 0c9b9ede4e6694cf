"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

# Small matrices everywhere: threads of the linear algebra only fight each other, the more the busier the machine is.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest  # after the environment is set
from hypothesis import HealthCheck, settings

from tests.browsing import chromium
from tests.menus import menus
from tests.sharing import Shared, SharedBounds
from tests.sketching import build_commands_once, keep_frontiers, sketch, solve_once

__all__ = ["chromium", "menus"]  # fixtures

# A busy machine makes no example wrong, and whoever changes nothing gets the same examples again.
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
# Many others, for whoever looks for what nobody thought of.
settings.register_profile("search", settings.get_profile("same"), derandomize=False, max_examples=4000)
settings.load_profile("same")


@pytest.fixture
def solved_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of commands, which use the same few scenarios: frontiers do not solve a game that was solved before.

    Not for those marked `in_full`.
    """
    if request.node.get_closest_marker("in_full") is None:
        solve_once(monkeypatch.setattr)


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """For what several files of tests need and no test changes."""
    folder = tmp_path_factory.getbasetemp()
    return Shared(folder.parent if hasattr(request.config, "workerinput") else folder)


@pytest.fixture(scope="module")
def known_frontiers() -> dict[str, Any]:
    """What `frontiers_kept` keeps: of one module, so that no test depends on the modules that ran before."""
    return {}


@pytest.fixture
def frontiers_kept(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, known_frontiers: dict[str, Any]
) -> None:
    """For tests of commands: those of a module that ask for the same frontiers share them, save those `in_full`."""
    if request.node.get_closest_marker("in_full") is None:
        keep_frontiers(monkeypatch.setattr, known_frontiers)


@pytest.fixture(autouse=True, scope="session")
def _commands_are_built_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        build_commands_once(patch.setattr)
        yield


@pytest.fixture(autouse=True, scope="session")
def _bounds_are_kept(shared: Shared) -> Iterator[None]:
    """Bounds on every classical router once found are found again, not only those of the last few workloads."""
    from bellqueue.model.games import every_classical

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(every_classical, "_KEPT", 10_000)
        patch.setattr(every_classical, "_known", SharedBounds(shared))
        yield


@pytest.fixture
def coarse_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that do not look at the bound on every classical router: a tenth of the work for it."""
    from bellqueue.model.games import every_classical

    monkeypatch.setattr(every_classical, "SECONDS", 1.0)


@pytest.fixture
def sketched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, solved_once: None) -> None:
    """Contexts of few points and pairs, figures without ink, coarse bounds: nine tenths of what a short run costs.

    Tests marked `in_full`, and commands in processes of their own, make both as the product does.
    """
    if request.node.get_closest_marker("in_full") is None:
        sketch(monkeypatch.setattr)
