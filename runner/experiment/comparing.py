"""Runs and counts opened to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...analysis.menus.records import MenuAnalysis
from ...analysis.records.analysis_record import Analysis
from ...analysis.records.comparison import Comparison
from ...model.errors import DataError
from ...model.progress import Watch
from ...model.scenario.file import Scenario
from ...model.validation import absent, read_text
from ...model.writing import refused_as
from .execution import analyze_data
from .folder import ANALYSIS, RECORD_BYTES, RunFolder, is_analysis, read_analysis


def compare_runs(
    sources: Sequence[Path | tuple[str, Analysis | MenuAnalysis]], scenario: Scenario | None, watch: Watch
) -> Comparison:
    """Put analyses beside each other.

    Args:
        sources: Folders of runs, analysis records, or counts and trials taken elsewhere; or analyses with their names.
        scenario: The scenario that counts taken elsewhere belong to.

    Raises:
        DataError: there are fewer than two, or one cannot be opened.
    """
    if len(sources) < 2:
        raise DataError("compare needs two or more runs; give their folders, or counts with --scenario")
    found = []
    for number, source in enumerate(sources):
        watch("reading the runs", number, len(sources))
        found.append(
            (source.name or str(source), _opened(source, scenario, watch)) if isinstance(source, Path) else source
        )
    return Comparison.of(found)


def _opened(source: Path, scenario: Scenario | None, watch: Watch) -> Analysis | MenuAnalysis:
    """The stored analysis of a run, or a fresh one of counts."""
    with refused_as(DataError, source):
        if not source.exists():
            otherwise = "give a run's folder, an analysis.json or counts with --scenario"
            raise DataError(absent(source, otherwise, folders=True))
    if source.is_dir():
        folder = RunFolder.open(source)
        return folder.analysis() if (source / ANALYSIS).is_file() else analyze_data(source, None, watch)
    if is_analysis(read_text(source, DataError, RECORD_BYTES, "an analysis or counts")):
        return read_analysis(source)
    return analyze_data(source, scenario, watch)
