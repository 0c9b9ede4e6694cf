"""How far a task is, passed down as a callback to whatever takes long."""

from __future__ import annotations

from collections.abc import Callable

Watch = Callable[[str, int, int | None], None]
"""Gets what is being done, how much of it is done, and how much there is, or None where that is not known."""


def unwatched(what: str, done: int, total: int | None) -> None:
    """Ignore how far it is."""
