"""Progress for whoever calls from Python: the browser's bar in a notebook, one line in a terminal, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, TextIO

from ...model.progress import Watch, unwatched

_ERASE = "\r\033[K"  # to the beginning of the line, and nothing after it


@contextmanager
def shown(progress: bool | Watch) -> Iterator[Watch]:
    """The callback that shows progress as wanted; what it has shown is gone when the block ends.

    Args:
        progress: True for the display that fits, False for none, or a callback of the user's.
    """
    if callable(progress):
        yield progress
    elif not progress:
        yield unwatched
    elif (display := _notebook_display()) is not None:
        handle = display(_bundle("", ""), raw=True, display_id=True)
        try:
            yield lambda what, done, total: handle.update(_bar(what, done, total), raw=True)
        finally:
            handle.update(_bundle("", ""), raw=True)
    elif sys.stderr is not None and sys.stderr.isatty():
        stream: TextIO = sys.stderr
        try:
            yield lambda what, done, total: print(_ERASE + _line(what, done, total), end="", file=stream, flush=True)
        finally:
            print(_ERASE, end="", file=stream, flush=True)
    else:
        yield unwatched


def _line(what: str, done: int, total: int | None) -> str:
    return what if total is None else f"{what} {done} of {total}"


def _bar(what: str, done: int, total: int | None) -> dict[str, str]:
    value = "" if total is None or done >= total else f' value="{done}" max="{total}"'
    text = _line(what, done, total)
    return _bundle(text, f"<progress{value}></progress> {escape(text)}")


def _bundle(text: str, html: str) -> dict[str, str]:
    return {"text/plain": text, "text/html": html}


def _notebook_display() -> Any | None:
    """IPython's `display` if this is the kernel of a notebook."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython import get_ipython
    from IPython.display import display

    return display if hasattr(get_ipython(), "kernel") else None
