"""What the shell proposes if a name is typed: backends, links, run folders, counts files, runs of the ledger.

Each takes typer's context and the word begun. Where nothing fits the shell proposes files.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ...backends.jobs.entries import RunEntry

_BEFORE_COLON = "BELLQUEUE_BEFORE_COLON"


def join_at_colons() -> None:
    """Read the word begun as bash does, for which a colon is a word: of `fake:to` it completes only `to`.

    Its words come in the environment; what is before the colon is taken out of them and kept there.
    """
    words, at = os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"])
    if words[at:] == [":"]:  # nothing has been typed after it yet
        words.append("")
        at += 1
    if at >= 2 and words[at - 1] == ":":
        os.environ[_BEFORE_COLON] = words[at - 2] + ":"
        del words[at - 2 : at]
        os.environ.update(COMP_WORDS="\n".join(words), COMP_CWORD=str(at - 2))


def backend_names(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """What `--backend` takes, as far as no provider must be asked."""
    from ...backends import list_backends

    simulators = [(each.name, each.note) for each in list_backends() if each.available]
    return _after_colon([*simulators, *_hardware(context)])


def hardware_names(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Hardware, as far as no provider must be asked: what runs have been submitted to before."""
    return _after_colon(_hardware(context))


def run_folders(context: typer.Context, incomplete: str) -> list[str]:
    """Folders of runs where they are put by default, the latest first."""
    from ..experiment.folder import RUNS

    return sorted((str(path) for path in RUNS.glob("*") if (path / "plan.json").is_file()), reverse=True)


def data_to_analyze(context: typer.Context, incomplete: str) -> list[str]:
    """Counts and trials in this folder, then folders of runs."""
    here = Path()
    files = [str(path) for path in sorted([*here.glob("*.json"), *here.glob("*.csv")])]
    return [*files, *run_folders(context, incomplete)]


def link_names(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Published links."""
    from ...model.link.published import published_links

    return [(name, f"{link['platform']}, {link['source']}") for name, link in published_links().items()]


def ledger_runs(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Runs of the ledger, the latest first."""
    return [(run.id, f"{run.backend}, {run.created[:16]}") for run in reversed(_runs(context))]


def _hardware(context: typer.Context) -> list[tuple[str, str]]:
    used = dict.fromkeys(run.backend for run in reversed(_runs(context)))
    return [("ibm:least-busy", "the device with the shortest queue"), *((name, "used before") for name in used)]


def _runs(context: typer.Context) -> Sequence[RunEntry]:
    from ...backends.jobs.ledger import Ledger, default_ledger
    from ...model.errors import LedgerError

    try:
        with Ledger(context.params.get("ledger") or default_ledger(), begin=False) as ledger:
            return ledger.runs()
    except LedgerError:  # none yet, or one that the command itself will complain about
        return ()


def _after_colon(names: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of the names that go on after the colon typed, what comes after it."""
    typed = os.environ.get(_BEFORE_COLON, "")
    return [(name.removeprefix(typed), note) for name, note in names if name.startswith(typed)]
