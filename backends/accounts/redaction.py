"""Keeps secrets out of everything the process writes: known values and what looks like a token become `[redacted]`.

`install` covers log records (message, arguments, exception and stack text, whichever logger or handler), warnings,
and all text or bytes written through sys.stdout and sys.stderr, tracebacks included. It does not cover files opened by
someone else, attributes given to a log call as `extra`, and what C code writes to a file descriptor: pass such texts
through `redact` first. A secret that a console folds is covered if registered and written at once.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
import warnings
from base64 import b64encode
from collections.abc import Iterable, Iterator
from threading import Lock, RLock
from typing import Any, BinaryIO, TextIO, cast
from urllib.parse import quote, quote_plus

MASK = "[redacted]"
SHORTEST = 6  # shorter values occur in ordinary text

_VALUE = r"[\w.~+/=%-]{16,}"  # 16: longer than the words that follow such a name in a sentence
_NAMED = re.compile(
    r"(?<![a-z0-9])((?:bearer|api[-_]?key)\s+"
    r"|(?:api[-_]?key|(?:access|refresh|session|security)[-_]?token|secret[-_]?access[-_]?key)"
    r"""\\?["']?\s*[:=]\s*b?\\?["']?)""" + _VALUE,
    re.ASCII | re.IGNORECASE,
)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*")  # unsigned ones end in a dot
_FOLD = r"(?:[ \t\n│]|\x1b\[[0-9;]*m)*"  # what a console puts inside a long word: line ends, frames, colours
_LAST_WORD = re.compile(r"\S*\Z")

_lock = Lock()
_secrets: frozenset[str] = frozenset()
_forms: frozenset[str] = frozenset()
_known: re.Pattern[str] | None = None  # replaced as a whole, so readers need no lock


def register(secret: str | None) -> None:
    """Remember a value that must never be shown, and the forms it takes in URLs, JSON, reprs and base64.

    Args:
        secret: The value; ignored if it is None or shorter than 6 characters.
    """
    global _secrets, _forms, _known
    with _lock:
        if secret is None or len(secret) < SHORTEST or secret in _secrets:
            return
        _secrets |= {secret}
        _forms = _forms.union(form for form in _written_forms(secret) if len(form) >= SHORTEST)
        longest_first = sorted(_forms, key=lambda form: (-len(form), form))
        folded = [_FOLD.join(map(re.escape, form)) for form in sorted(_secrets, key=len, reverse=True)]
        _known = re.compile("|".join([*map(re.escape, longest_first), *folded]))


def redact(text: str) -> str:
    """The text with `[redacted]` for every registered value, JSON web token and value of a bearer or API-key header."""
    text = _NAMED.sub(rf"\1{MASK}", text)
    text = _JWT.sub(MASK, text)
    return _known.sub(MASK, text) if _known else text


def install() -> None:
    """Redact all logging, warnings, standard output and standard error from now on; again does no harm.

    Streams are looked at each time: one that was put in place since the last call is covered by the next.
    """
    with _lock:
        factory = logging.getLogRecordFactory()
        if not isinstance(factory, _RecordFactory):
            logging.setLogRecordFactory(_RecordFactory(factory))
        if not isinstance(warnings.showwarning, _ShowWarning):
            warnings.showwarning = _ShowWarning(warnings.showwarning)
        if sys.stdout is not None and not isinstance(sys.stdout, RedactedText):
            sys.stdout = cast(TextIO, RedactedText(sys.stdout))
        if sys.stderr is not None and not isinstance(sys.stderr, RedactedText):
            sys.stderr = cast(TextIO, RedactedText(sys.stderr))


def _written_forms(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    for quoted in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield quoted
        yield re.sub("%..", lambda code: code[0].lower(), quoted)
    raw = secret.encode("utf-8", "surrogateescape")
    for encoded in (b64encode(raw).decode(), *_inside_base64(raw)):
        yield encoded
        yield encoded.replace("+", "-").replace("/", "_")


def _inside_base64(raw: bytes) -> Iterator[str]:
    """What a value contributes to the base64 of a longer text such as `user:secret`, at each of three alignments."""
    for before in range(3):
        first = (8 * before + 5) // 6  # characters that also depend on what stands before the value
        whole = 8 * (before + len(raw)) // 6  # a last, partial character depends on what follows
        yield b64encode(b"\0" * before + raw).decode()[first:whole]


class _RecordFactory:
    """Makes log records as the factory before did, and takes the secrets out before any handler sees them.

    A filter would not do: a logger's filters do not see its children's records, a handler's only its own.
    """

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._before(*args, **kwargs)
        try:
            message = record.getMessage()
        except Exception:  # arguments that do not fit: logging reports that itself, on the redacted standard error
            return record
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0] is not None:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            clean = redact(text)
            if clean != text:  # the live exception would be formatted again by other formatters
                record.exc_info, record.exc_text = None, clean
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return record


class _ShowWarning:
    """Shows a warning as the function before did, without the secrets in its message."""

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = str(message)
        clean = redact(text)
        self._before(message if clean == text else clean, category, filename, lineno, file, line)


class RedactedText:
    """A text stream that redacts what is written to it; all else is the stream's own.

    The last word written is held back while it may be the beginning of a registered secret, until the next write or
    flush: a secret written in two pieces is caught unless the stream is flushed between them.

    Not derived from io.TextIOBase, whose destructor would close the stream underneath.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._held = ""
        self._guard = RLock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stream)

    @property
    def buffer(self) -> BinaryIO:
        """The bytes underneath, redacted as well."""
        self.flush()
        return cast(BinaryIO, _RedactedBytes(self._stream.buffer))

    def write(self, text: str) -> int:
        """Write the text redacted; returns the number of characters given."""
        if not isinstance(text, str):
            return self._stream.write(text)  # raises the stream's own TypeError
        with self._guard:
            clean = redact(self._held + text)
            self._held = _possible_beginning(clean)
            self._stream.write(clean[: len(clean) - len(self._held)])
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write one text after the other."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what was held back, and flush the stream."""
        with self._guard:
            held, self._held = self._held, ""
            if held:
                self._stream.write(held)
            self._stream.flush()

    def close(self) -> None:
        """Flush and close the stream."""
        if not self._stream.closed:
            self.flush()
        self._stream.close()


class _RedactedBytes:
    """A byte stream that redacts what is written to it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, data: Any) -> int:
        raw = bytes(data)
        self._stream.write(redact(raw.decode("latin-1")).encode("latin-1"))  # Latin-1 maps every byte to itself
        return len(raw)

    def writelines(self, lines: Iterable[Any]) -> None:
        for line in lines:
            self.write(line)


def _possible_beginning(text: str) -> str:
    """The longest end of the text's last word that begins, but is not yet, a registered secret."""
    match = _LAST_WORD.search(text)
    word = match[0] if match else ""
    forms = _forms
    longest = max(map(len, forms), default=0)
    for start in range(max(0, len(word) - longest), len(word)):
        end = word[start:]
        if any(form.startswith(end) for form in forms):
            return end
    return ""
