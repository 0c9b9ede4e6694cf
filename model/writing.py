"""Files that are written whole or not at all, and the places where one can be written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import BellqueueError, OutputError


@contextmanager
def refused_as(kind: type[BellqueueError], path: Path, remedy: str = "") -> Iterator[None]:
    """The system's own complaint about a path, a name too long for instance, in one line of ours."""
    try:
        yield
    except OSError as error:
        raise kind(f"{path}: {error.strerror or error}{remedy}") from None


def check_writable_file(path: Path) -> None:
    """Refuse a place where no file can be written, before any work is done for it.

    Raises:
        OutputError: it is a folder or a device, or its folder does not exist.
    """
    with refused_as(OutputError, path):
        if path.is_dir():
            raise OutputError(f"{path}: is a folder; give the name of a file in it")
        if path.exists() and not path.is_file():  # a file would take the place of the device
            raise OutputError(f"{path}: is not a regular file; give the name of one, or of none yet")
        if not path.parent.is_dir():
            raise OutputError(f"{path}: the folder {path.parent} does not exist; create it first")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: under another name first, synced, then renamed.

    Raises:
        OutputError: it cannot be written.
    """
    check_writable_file(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)
