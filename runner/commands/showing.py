"""How every command shows an analysis: the first screen, all tables, or the record."""

from __future__ import annotations

from pathlib import Path

from ...analysis.menus.records import MenuAnalysis
from ...model.printable import command_line
from ..experiment.folder import REPORT, AnyAnalysis
from .screens.first_screen import analysis_lines
from .screens.menu import menu_lines
from .screens.sections import analysis_table
from .terminal import Screen, print_lines, print_record


def show_analysis(
    analysis: AnyAnalysis, full: bool, json: bool, *, folder: Path | None = None, report: Path | None = None
) -> None:
    """Print an analysis.

    Args:
        report: Where its report is; None: in the folder.
    """
    if json:
        print_record(analysis.to_json())
        return
    report = report or (folder / REPORT if folder else None)
    if full:
        Screen().print(analysis_table(analysis))
        places = [f"run folder: {folder}"] if folder else []
        print_lines("", *places, *([f"report:     {report}"] if report else []))
        return
    rest = command_line("analyze", folder, "--full") if folder else "the same command with --full"
    ends = [*([f"report: {report}"] if report else []), f"all numbers: {rest}"]
    lines = menu_lines(analysis, ends) if isinstance(analysis, MenuAnalysis) else analysis_lines(analysis, ends)
    print_lines(*lines)
