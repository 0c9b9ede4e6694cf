"""For values that a test knows to be there, though their types allow None."""

from __future__ import annotations

from typing import TypeVar

Value = TypeVar("Value")


def known(value: Value | None) -> Value:
    """The value; the test fails if it is None."""
    assert value is not None
    return value
