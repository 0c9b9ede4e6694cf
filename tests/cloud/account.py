"""Someone with an account at the double of IBM Quantum, and what the commands answer."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from bellqueue.backends.jobs import provider_calls
from bellqueue.runner.commands.cli import main

from .ibm_double import IbmDouble

SHOTS = 400


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def run(self) -> str:
        """The id of the run that was submitted."""
        assert self.code == 0, self.err
        return self.out.splitlines()[0]


def bellqueue(*arguments: object, terminal: Any = None) -> Done:
    """`bellqueue ARGUMENTS` in this process's folder; without `terminal`, a stream, nobody can be asked."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(provider_calls, "FIRST_PAUSE", 0.01)
        patch.setattr("bellqueue.runner.experiment.fetching.FIRST_PAUSE", 0.01)
        patch.setattr(sys, "argv", ["bellqueue", *map(str, arguments)])
        patch.setattr(sys, "stdin", terminal or io.StringIO())
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(terminal or err))
        with pytest.raises(SystemExit) as end:
            main()
    return Done(int(end.value.code or 0), out.getvalue(), err.getvalue())


class Account:
    """Someone with an account at the double, a folder and a ledger of their own."""

    def __init__(self, double: IbmDouble, folder: Path) -> None:
        self.double, self.folder = double, folder
        self.ledger = folder / "ledger.db"

    def call(self, *arguments: object, terminal: Any = None) -> Done:
        """`bellqueue ARGUMENTS` in the folder."""
        with pytest.MonkeyPatch.context() as patch:
            for name in (name for name in os.environ if name.startswith(("BELLQUEUE_", "QISKIT_", "XDG_"))):
                patch.delenv(name)
            for name, value in self.double.environment().items():
                patch.setenv(name, value)
            patch.setenv("HOME", str(self.folder))
            patch.setenv("BELLQUEUE_LEDGER", str(self.ledger))
            patch.setenv("BELLQUEUE_SETTLE", "0.05")
            patch.setenv("COLUMNS", "300")
            patch.chdir(self.folder)
            return bellqueue(*arguments, terminal=terminal)

    def submit(self, *arguments: object, shots: int = SHOTS, limit: object = 1000) -> Done:
        """Submit a run to Manila."""
        return self.call(
            "submit", "--backend", "ibm:manila", "--shots", shots, "--seed", 3, "--max-cost", limit, *arguments
        )

    def record(self, run: str) -> Any:
        """What `runs RUN --json` says."""
        (record,) = json.loads(self.call("runs", run, "--json").out)
        return record


@contextlib.contextmanager
def account_in(folder: Path) -> Iterator[Account]:
    with IbmDouble(["manila", "fez"]) as double:
        yield Account(double, folder)
