"""The terminal of every command: progress and remarks on stderr, tables printed whole on stdout."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.segment import Segment

from ...analysis.records.printable import signs
from ...backends.accounts import redaction
from ...model.printable import one_line, scrub
from ...model.progress import Watch

QUIET, BEAT = 1.0, 15.0  # seconds before the first plain line, and between two about the same step

_UNLIMITED = 10_000  # columns


class Screen(Console):
    """rich's console, which writes no control characters but its own: names of files may hold others."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """What is shown, in pieces of one style."""
        for piece in super().render(renderable, options):
            yield piece if piece.control else piece._replace(text=scrub(piece.text))


class Bar:
    """A bar on stderr; called as a `Watch`. Where stderr is no terminal it is silent."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._step = progress, progress.add_task("starting", total=None)

    def __call__(self, what: str, done: int, total: int | None) -> None:
        self._progress.start()  # no matter if it has been started
        if done == 0:
            self._progress.reset(self._step)  # the time remaining follows from this task's own speed
        ahead = total if total is None or done < total else None  # what comes after the last count is not counted
        self._progress.tasks[0].total = ahead  # `update` cannot take a total away
        self._progress.update(self._step, description=signs(what), completed=done if ahead else 0)

    def hide(self) -> None:
        """Erase it until the next call, because a person is asked something."""
        self._progress.stop()


class Lines:
    """Steps as plain lines on stderr, for logs; called as a `Watch`.

    The first comes after a second, so that quick commands print nothing; then each new step, and every so often how far
    it is.
    """

    def __init__(self) -> None:
        self._what, self._line, self._printed = "", "starting", ""
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._begun = False
        threading.Thread(target=self._beat, daemon=True).start()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        with self._lock:
            self._line = signs(what if total is None else f"{what}: {done} of {total}")
            if what != self._what and self._begun:
                self._print()
            self._what = what

    def due(self) -> None:
        """Print what is being done, and from here on each new step."""
        with self._lock:
            self._begun = True
            self._print()

    def end(self) -> None:
        """Print nothing from here on."""
        with self._lock:
            self._ended.set()

    def _beat(self) -> None:
        pause = QUIET
        while not self._ended.wait(pause):
            self.due()
            pause = BEAT

    def _print(self) -> None:
        if self._line != self._printed and not self._ended.is_set():
            say(self._line)
            self._printed = self._line


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A bar that is gone when the block ends."""
    console = Screen(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress)


@contextmanager
def progress_shown() -> Iterator[Watch]:
    """The bar, or plain lines if stderr is no terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        with progress_bar() as bar:
            yield bar
        return
    lines = Lines()
    try:
        yield lines
    finally:
        lines.end()


def print_whole(shown: RenderableType) -> None:
    """Print a table whole, wider than the terminal if need be: half a number is a wrong one."""
    console = Screen()
    Screen(width=max(console.width, console.measure(shown).maximum)).print(shown)


def print_unwrapped(shown: RenderableType) -> None:
    """Print a table with one line for each row, however long; a terminal breaks lines by itself."""
    Screen(width=_UNLIMITED).print(shown)


def print_lines(*lines: str, error: bool = False, flush: bool = False) -> None:
    """Print lines as they are, each on one line, without control characters of others."""
    print("\n".join(map(one_line, lines)), file=sys.stderr if error else sys.stdout, flush=flush)


def print_record(text: str) -> None:
    """Print JSON or CSV: to the last byte as programs read it."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def say(line: str) -> None:
    """A line about a hitch, on stderr."""
    print_lines(f"bellqueue: {redaction.redact(line)}", error=True)
