"""How every command shows an analysis: the first screen, all tables, or the record."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from ....analysis.menus.records import MenuAnalysis
from ....model.printable import command_line
from ...experiment.folder import REPORT, AnyAnalysis
from .first_screen import analysis_lines
from .menu import menu_lines
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
    if full:
        Console().print(analysis_table(analysis))
        places = [f"run folder: {folder}"] if folder else []
        print("\n".join(["", *places, *([f"report:     {report}"] if report else [])]))
        return
    rest = command_line("analyze", folder, "--full") if folder else "the same command with --full"
    ends = [*([f"report: {report}"] if report else []), f"all numbers: {rest}"]
    lines = menu_lines(analysis, ends) if isinstance(analysis, MenuAnalysis) else analysis_lines(analysis, ends)
    print("\n".join(lines))
