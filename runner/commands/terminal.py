"""What every command shows: progress on stderr, an analysis on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ...backends.accounts import redaction

_UNLIMITED = 10_000  # columns


class Bar:
    """A bar on stderr, silent where stderr is no terminal; called as a `Watch`."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._step = progress, progress.add_task("", total=None)

    def __call__(self, what: str, done: int, total: int | None) -> None:
        self._progress.start()  # no matter if it has been started
        if done == 0:
            self._progress.reset(self._step)  # the time remaining follows from this task's own speed
        self._progress.tasks[0].total = total  # `update` cannot take a total away
        self._progress.update(self._step, description=what, completed=done)

    def hide(self) -> None:
        """Erase it until the next call, because a person is asked something."""
        self._progress.stop()


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A bar that is gone when the block ends."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress)


def print_whole(shown: RenderableType) -> None:
    """Print a table whole, wider than the terminal if need be: half a number is a wrong one."""
    console = Console()
    Console(width=max(console.width, console.measure(shown).maximum)).print(shown)


def print_unwrapped(shown: RenderableType) -> None:
    """Print a table with one line for each row, however long; a terminal breaks lines by itself."""
    Console(width=_UNLIMITED).print(shown)


def say(line: str) -> None:
    """A line about a hitch, on stderr."""
    print(f"bellqueue: {redaction.redact(line)}", file=sys.stderr)
