"""What every command shows: progress on stderr, an analysis on stdout, a report in a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ...analysis.records.analysis_record import Analysis
from ...backends.accounts import redaction
from ..experiment.folder import write_text


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Bars on stderr, gone when done, silent where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


def print_whole(shown: RenderableType) -> None:
    """Print a table whole, wider than the terminal if need be: half a number is a wrong one."""
    console = Console()
    Console(width=max(console.width, console.measure(shown).maximum)).print(shown)


def say(line: str) -> None:
    """A line about a hitch, on stderr."""
    print(f"bellqueue: {redaction.redact(line)}", file=sys.stderr)


def show_analysis(analysis: Analysis, json: bool) -> None:
    """The verdict with its table, or the record."""
    from .sections import analysis_table

    if json:
        sys.stdout.write(analysis.to_json())
    else:
        Console().print(analysis_table(analysis))


def write_report(target: Path, analysis: Analysis) -> None:
    """The HTML report of an analysis."""
    from ...analysis.replay.context import with_context
    from ...analysis.report.page import report_html

    write_text(target, report_html(with_context(analysis)))
