"""Progress where no terminal is: in a notebook, or told to a function of the user's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from rich.progress import Progress, TaskID

from .terminal import progress_bars

Tell = Callable[[str, int, int | None], object]  # what is being done, how much of it is, and of how much


class ToldProgress(Progress):
    """Bars that are not drawn: what they would show is told to a function."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(disable=True)
        self._tell = tell

    def add_task(self, *arguments: Any, **fields: Any) -> TaskID:
        """Begin a task, and tell of it."""
        task = super().add_task(*arguments, **fields)
        self._say(task)
        return task

    def update(self, task_id: TaskID, **fields: Any) -> None:
        """Change a task, and tell of it."""
        super().update(task_id, **fields)
        self._say(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Count on, and tell of it."""
        super().advance(task_id, advance)
        self._say(task_id)

    def _say(self, task_id: TaskID) -> None:
        task = next(each for each in self.tasks if each.id == task_id)
        self._tell(task.description, int(task.completed), None if task.total is None else int(task.total))


@contextmanager
def shown_progress(wanted: bool | Tell) -> Iterator[Progress]:
    """Bars in a terminal or a notebook, nothing, or a function that is told.

    Args:
        wanted: True, False, or the function.
    """
    if callable(wanted):
        yield ToldProgress(wanted)
    elif not wanted:
        yield Progress(disable=True)
    elif (bar := _notebook_bar()) is not None:
        try:
            yield ToldProgress(bar.tell)
        finally:
            bar.clear()
    else:
        with progress_bars() as progress:
            yield progress


class _NotebookBar:
    """The browser's own progress bar, in the output of the cell; gone when done."""

    def __init__(self, display: Any) -> None:
        self._handle = display(_bundle("", ""), raw=True, display_id=True)

    def tell(self, what: str, done: int, total: int | None) -> None:
        value = "" if total is None else f' value="{done}" max="{total}"'
        text = what if total is None else f"{what} {done} of {total}"
        self._handle.update(_bundle(text, f"<progress{value}></progress> {escape(text)}"), raw=True)

    def clear(self) -> None:
        self._handle.update(_bundle("", ""), raw=True)


def _bundle(text: str, html: str) -> dict[str, str]:
    return {"text/plain": text, "text/html": html}


def _notebook_bar() -> _NotebookBar | None:
    """A bar where this is the kernel of a notebook."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython import get_ipython
    from IPython.display import display

    return _NotebookBar(display) if hasattr(get_ipython(), "kernel") else None
