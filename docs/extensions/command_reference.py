"""`{commands}`: every command with its help, word for word as the command line prints it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_WIDTH = "80"
_PROGRAM = "import sys; sys.argv[0] = 'bellqueue'; from bellqueue.runner.commands.cli import main; main()"


def command_names() -> Iterator[str]:
    """The commands in the order of `bellqueue --help`."""
    from bellqueue.runner.commands.cli import app
    from typer.main import get_group

    yield from get_group(app).commands


def help_text(command: str) -> str:
    """What `bellqueue COMMAND --help` prints into a terminal of 80 columns.

    A process of its own prints it, since Sphinx has changed the signatures of the functions in this one.
    """
    shell = dict(os.environ) | {"COLUMNS": _WIDTH, "TERMINAL_WIDTH": _WIDTH, "NO_COLOR": "1"}
    words = [sys.executable, "-c", _PROGRAM, command, "--help"]
    shown = subprocess.run(words, env=shell, capture_output=True, text=True, check=True).stdout
    return "\n".join(line.rstrip() for line in shown.strip().splitlines())


class Commands(SphinxDirective):
    """One section for each command."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        return [self._section(name) for name in command_names()]

    def _section(self, command: str) -> nodes.section:
        title = f"bellqueue {command}"
        section = nodes.section(ids=[nodes.make_id(title)], names=[title])
        heading = nodes.title()
        heading += nodes.literal(text=title)
        section += heading
        text = help_text(command)
        section += nodes.literal_block(text, text, language="text")
        self.state.document.note_implicit_target(section, section)
        return section


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
