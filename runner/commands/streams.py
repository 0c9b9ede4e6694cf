"""Standard output and error as they come: of any encoding, closed by the shell, or read by a pipe that ends early."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO

from ...model.errors import OutputError

_STANDARD_OUTPUT = 1


def tolerate_streams() -> None:
    """From here on no letter that a terminal cannot show, and no reader who has gone, ends the program."""
    if _replaceable(sys.stdout):
        sys.stdout = _tolerant(sys.stdout, sys.stdout.isatty())
    if _replaceable(sys.stderr):
        sys.stderr = _tolerant(sys.stderr, True)


def flush_streams() -> None:
    """Write out what is still held back."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # None where the shell has closed it
            stream.flush()


class _PatientFile(io.FileIO):
    """A descriptor whose reader may go, as `head` does. What is written then is dropped, and the command continues.

    So the command does all its work, and its exit code is right. A full disk below standard output is reported once;
    one below standard error cannot be.
    """

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if isinstance(error, BrokenPipeError) or self.fileno() != _STANDARD_OUTPUT:
                return super().write(data)
            raise OutputError(
                f"standard output: cannot be written: {error.strerror}; make room, or send it elsewhere"
            ) from None


def _replaceable(stream: TextIO | None) -> bool:
    """Whether it is the interpreter's text stream on a descriptor, not one in memory, and has not been replaced yet."""
    if type(stream) is not io.TextIOWrapper:
        return False
    raw = getattr(stream.buffer, "raw", stream.buffer)  # no buffer between them under PYTHONUNBUFFERED
    return isinstance(raw, io.FileIO) and not isinstance(raw, _PatientFile)


def _tolerant(stream: TextIO, line_buffering: bool) -> TextIO:
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_PatientFile(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors="replace",  # question marks for Greek letters, not a traceback
        line_buffering=line_buffering,
    )
