"""How every command shows an analysis: the first screen, all tables, or the record."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from textwrap import wrap

from rich.console import Console

from ....analysis.menus.records import MenuAnalysis
from ....analysis.records.printable import printable, signs
from ...experiment.folder import REPORT, AnyAnalysis
from .first_screen import WIDTH, analysis_lines
from .sections import analysis_table


def show_analysis(
    analysis: AnyAnalysis, full: bool, json: bool, *, folder: Path | None = None, report: Path | None = None
) -> None:
    """Print an analysis.

    Args:
        report: Where its report is; None: in the folder.
    """
    if json:
        sys.stdout.write(analysis.to_json())
        return
    report = report or (folder / REPORT if folder else None)
    if isinstance(analysis, MenuAnalysis):
        ends = [f"run folder: {folder}"] if folder else []
        ends += [f"report: {report}"] if report and report.is_file() else []
        print("\n".join(_menu_lines(analysis, full, ends)))
        return
    if full:
        Console().print(analysis_table(analysis))
        places = [f"run folder: {folder}"] if folder else []
        print("\n".join(["", *places, *([f"report:     {report}"] if report else [])]))
        return
    rest = "bellqueue analyze --full FOLDER (the report's folder)" if folder else "the same command with --full"
    ends = [*([f"report: {report}"] if report else []), f"all numbers: {rest}"]
    print("\n".join(analysis_lines(analysis, ends)))


def _menu_lines(analysis: MenuAnalysis, full: bool, ends: Sequence[str]) -> list[str]:
    """The first screen, or the verdict while there is none."""
    name = ".menu"
    if not full and find_spec(name, __package__):
        lines: list[str] = import_module(name, __package__).menu_lines(analysis, ends)
        return lines
    told = analysis.verdict if full else analysis.verdict[:1]
    return [*(part for each in told for part in wrap(signs(printable(each)), WIDTH)), "", *ends]
