"""What holds for every test against a provider's double."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from .braket_double import BraketDouble
from .ibm_double import IbmDouble


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


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IbmDouble]:
    """IBM Quantum with one device, an empty home and a folder of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with IbmDouble(("manila",), seed=11) as double:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        yield double
        assert not double.leaks


@pytest.fixture
def braket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[BraketDouble]:
    """Amazon Braket, an empty home and a folder of its own."""
    pytest.importorskip("braket.aws", reason="needs amazon-braket-sdk")
    from bellqueue.backends.braket.session import sign_in

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    sign_in.cache_clear()
    with BraketDouble() as double:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        yield double
    sign_in.cache_clear()
