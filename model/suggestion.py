"""The nearest valid name to one that was mistyped, and the tail of the message about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

LISTED = 12  # names that a message still lists one by one


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name most like the given one, whatever its case; None if none is like it."""
    spelled = {each.lower(): each for each in valid}
    near = get_close_matches(name.lower(), spelled, n=1, cutoff=0.5)  # areo is aer
    return spelled[near[0]] if near else None


def suggestion(name: str, valid: Sequence[str], also: Sequence[str] = (), listing: str = "") -> str:
    """The tail of a message about an unknown name: the nearest valid one, and the list if it is short.

    Args:
        name: What was given.
        valid: The names allowed.
        also: Names to look among for the nearest, but not to list.
        listing: The command that lists the names where they are too many for a line.
    """
    near = nearest(name, [*valid, *also])
    listed = ""
    if 0 < len(valid) <= LISTED:
        listed = f"valid: {', '.join(valid)}"
    elif listing:
        listed = f"`{listing}` lists all {len(valid)}"
    if near is None:
        return f"; {listed}" if listed else ""
    return f"; did you mean {near}?" + (f" ({listed})" if listed else "")
