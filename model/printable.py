"""Text that others chose made fit for a terminal: names of files, titles, messages of providers, commands to type."""

from __future__ import annotations

import os
import re
import shlex

_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_BREAK = re.compile("[\t\n]")


def printable(text: str) -> str:
    """The text on one line, without characters that XML and terminals cannot hold or that reorder what is read."""
    return scrub(" ".join(text.split()))


def scrub(text: str) -> str:
    """The text with control characters, lone surrogates and changes of direction replaced; line breaks stay."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """The same with its spaces kept, for what is set in columns."""
    return scrub(_BREAK.sub(" ", text))


def command_line(*words: object) -> str:
    """A command of bellqueue as it can be typed, quoted for the shell where need be; always one line of plain text."""
    return " ".join(map(quoted, ("bellqueue", *map(str, words))))


def quoted(word: str) -> str:
    """A word quoted for the shell if need be; one line of plain text."""
    if not (_UNPRINTABLE.search(word) or _BREAK.search(word)):
        return shlex.quote(word)
    # $'…' of bash, zsh and POSIX 2024 spells what no terminal shows.
    return "$'" + "".join(_spelled(letter) for letter in word) + "'"


def _spelled(letter: str) -> str:
    if letter in "\\'":
        return f"\\{letter}"
    odd = _UNPRINTABLE.match(letter) or _BREAK.match(letter)
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(letter)) if odd else letter
