"""The pages as they stand in docs/: their fenced blocks, the files they ask to be written, the commands they show."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_NAMED = re.compile(r"`([\w.-]+\.\w+)`")
_OMITTED = "..."


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the heading above it, the paragraph just before it."""

    language: str
    text: str
    heading: str
    before: str

    @property
    def file_name(self) -> str | None:
        """The file that a reader is to write it to: named by its first line, or last before it."""
        first = self.text.partition("\n")[0]
        if first.startswith("# ") and " " not in first[2:]:
            return first[2:]
        named = _NAMED.findall(self.before)
        return named[-1] if named else None


@dataclass(frozen=True)
class Shown:
    """A command with the lines that a page shows of its output; `None` stands for lines left out, `...` for words."""

    words: tuple[str, ...]
    lines: tuple[str | None, ...]


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    for match in _FENCE.finditer(text):
        above = text[: match.start()]
        headings = _HEADING.findall(_FENCE.sub("", above))
        before = above.rstrip().rpartition("\n\n")[2]
        yield Block(match[2], textwrap.dedent(match[3]), headings[-1] if headings else "", before)


def commands(block: Block) -> Iterator[Shown]:
    """The `$ command` lines of a console block, each with what is shown below it."""
    words: tuple[str, ...] = ()
    lines: list[str | None] = []
    for line in [*block.text.splitlines(), "$ "]:
        if not line.startswith("$ "):
            lines.append(None if line.strip() == _OMITTED else line)
            continue
        if words:
            yield Shown(words, tuple(lines))
        words, lines = tuple(shlex.split(line[2:], comments=True)), []


def write_files(page: Path, folder: Path) -> None:
    """Write every file that a page asks its reader to write."""
    for block in blocks(page):
        if block.language in ("toml", "json") and block.file_name:
            (folder / block.file_name).write_text(block.text, "utf-8")


def missing_line(shown: Shown, output: str) -> str | None:
    """The first line shown that the output does not have where it should; None if all is as shown.

    Lines without an omission between them must follow each other, empty lines aside.
    """
    actual = [_plain(line) for line in output.splitlines() if line.strip()]
    at, free = 0, False
    for line in shown.lines:
        if line is None:
            free = True
        elif line.strip():
            wanted = _plain(line)
            form = re.compile(".*".join(map(re.escape, wanted.split(_OMITTED))))
            found = next((i for i in range(at, len(actual)) if form.fullmatch(actual[i])), None)
            if found is None or (found > at and not free):
                return line
            at, free = found + 1, False
    return None if free or at == len(actual) else f"(the output goes on: {actual[at]!r})"


def _plain(line: str) -> str:
    return " ".join(line.split())
