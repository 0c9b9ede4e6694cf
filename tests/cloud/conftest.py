"""What holds for every test against a provider's double."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from bellqueue.backends.braket.session import sign_in

from .account import Account, account_in
from .braket_double import SECRET_KEY, BraketDouble
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


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty home, a folder and a ledger of the test's own, and no keys but those that it gives."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "QISKIT_", "BELLQUEUE_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": tmp_path, "BELLQUEUE_LEDGER": tmp_path / "ledger.db", "BELLQUEUE_SETTLE": 1}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(tmp_path)
    sign_in.cache_clear()
    yield tmp_path
    sign_in.cache_clear()


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch, place: Path) -> Iterator[IbmDouble]:
    """IBM Quantum with the five qubits of Manila."""
    with IbmDouble() as double:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        yield double
        assert not double.leaks


@pytest.fixture
def braket(monkeypatch: pytest.MonkeyPatch, place: Path) -> Iterator[BraketDouble]:
    """Amazon Braket."""
    pytest.importorskip("braket.aws", reason="needs amazon-braket-sdk")
    with BraketDouble(seed=11) as double:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        yield double
        sent = [f"{request.path} {request.headers} {request.body!r}" for request in double.requests]
        assert not [text for text in sent if SECRET_KEY in text]


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """An account at IBM Quantum with Manila and the 156 qubits of Fez, and commands that use it."""
    with account_in(tmp_path) as opened:
        yield opened
