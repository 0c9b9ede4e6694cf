"""The code's docstrings are plain text with `names` and formulas such as |Φ⁺⟩; here they become reStructuredText."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel
from sphinx.application import Sphinx

_NAME = re.compile(r"`+([^`]+)`+")
_SPECIAL = re.compile(r"[\\*|]|(?<=\w)_(?=\W|$)|(?<=: \w)\.(?=\s|$)")  # the last: "p." at the start would begin a list
_TREE = re.compile(r"[├└]──")
_SEVERAL = re.compile(r"^( +)(\w+(?:, \w+)+): ")  # x, y: of a section of attributes; two errors, of one that raises


def _apart(entry: re.Match[str]) -> str:
    """Several names of one entry as one name, or, of errors, as an entry for each."""
    indent, names = entry[1], entry[2].split(", ")
    if not names[0][0].isupper():
        return f"{indent}{'/'.join(names)}: "
    others = "".join(f"{indent}{name}: as {names[-1]}.\n" for name in names[:-1])
    return f"{others}{indent}{names[-1]}: "


def _escaped(line: str) -> str:
    """A line with its names as literals, and nothing else that means more than it says."""
    line = _SEVERAL.sub(_apart, line)
    parts = _NAME.split(line)  # text, name, text, …
    escaped = [f"``{part}``" if at % 2 else _SPECIAL.sub(r"\\\g<0>", part) for at, part in enumerate(parts)]
    return "".join(escaped)


def _paragraphs(lines: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [paragraph for paragraph in found if paragraph]


def escape(_app: Sphinx, what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place, before its sections are read; drawings of trees stay as they are drawn."""
    # In an attribute's first line napoleon takes the text before a colon for the type, so that line is left blank.
    text = ["\\"] if what in ("attribute", "property", "data") else []
    for paragraph in _paragraphs(lines):
        drawn = any(_TREE.search(line) for line in paragraph)
        text += ["::", "", *(f"    {line}" for line in paragraph)] if drawn else map(_escaped, paragraph)
        text.append("")
    lines[:] = "\n".join(text).split("\n")


def without_signature(
    _app: Sphinx, what: str, name: str, documented: Any, _options: Any, _signature: str, _returned: str
) -> tuple[str, str] | None:
    """Records and commands are written as files and options, which have pages of their own; no call to show."""
    record = what == "class" and isinstance(documented, type) and issubclass(documented, BaseModel)
    command = what == "function" and name.startswith("bellqueue.runner.commands.cli.")
    return ("", "") if record or command else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx; napoleon listens at priority 500."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", escape, priority=400)
    app.connect("autodoc-process-signature", without_signature)
    return {"parallel_read_safe": True}
