"""`bellqueue verify`: a stored analysis checked from its files, and what came of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Column, Table
from rich.text import Text

from ...analysis.records.analysis_record import Analysis
from ...analysis.records.counts_file import MAX_BYTES, sample_of
from ...analysis.records.counts_file import SCHEMA as COUNTS_SCHEMA
from ...analysis.replay.context import with_context
from ...analysis.verification.comparison import Fresh
from ...analysis.verification.files import RunFiles
from ...analysis.verification.findings import EXACTLY, FRESH, Row, Shown, Verification
from ...analysis.verification.verify import SECONDS, verify
from ...model.errors import BellqueueError, DataError, ScenarioError
from ...model.games.frontiers import Frontiers
from ...model.scenario.file import Scenario
from ...model.validation import first_complaint, read_text
from ..experiment.folder import ANALYSIS, CALIBRATION, PLAN, RECORD_BYTES, SCENARIO, TRIALS, RunFolder
from ..experiment.pipeline import analyze_foreign, analyze_run
from .terminal import progress_bar

Json = dict[str, Any]

_STYLES = {"OK": "green", "DIFFERS": "bold red", "not checked": "yellow"}
_SIDES = ("recorded", "recomputed")
_WIDTH = 15  # of a number with eight digits and an exponent
_MOST = 8  # rows that differ, and reasons, on the first screen
# The rows of the first screen, in plain words.
_WORDS = {
    "provenance.content_hash": "files unchanged (SHA-256)",
    "trials.csv: x, y": "settings as the seed draws them",
    "certificate.classical_bound.high": "classical routers score at most",
    "certificate.quantum_bound.high": "entangled routers score at most",
    "certificate.score": "these routers scored",
    "certificate.log10_p_value": "log10 of the p-value",
    "certificate.certified": "certified",
}


def verify_command(run: Path, seconds: float, as_json: bool, full: bool) -> bool:
    """Verify and show; returns whether all that was checked agrees.

    Args:
        run: A run's folder, or an analysis record.
        seconds: Longest time for the bound of a large game.
        as_json: Print the record `bellqueue.verification/1` instead of a table.
        full: Show every row with its method.

    Raises:
        DataError: a file is missing or cannot be read as what it is.
    """
    with progress_bar() as watch:
        found = verify_path(run, seconds, lambda what: watch(f"verifying: {what}", 0, None))
    if as_json:
        print(found.model_dump_json(by_alias=True, indent=2))
    else:
        summary = Text(found.summary, style="bold")
        body = verification_table(found.rows) if full else verification_screen(found, run)
        Console().print(summary, "", body, "", summary, sep="\n")
    return found.verified


def verify_path(run: Path, seconds: float = SECONDS, watch: Callable[[str], None] = lambda _: None) -> Verification:
    """The verification of a run's folder, or of an analysis record alone.

    Raises:
        DataError: a file is missing or cannot be read as what it is.
    """
    try:
        record, complaint = _record(run / ANALYSIS if run.is_dir() else run)
        if run.is_dir():
            files, fresh = _files(run), _analyze_folder(RunFolder.open(run), record)
        else:
            files, fresh = None, _analyze_record(record, complaint)
        return verify(str(run), record, files, fresh, seconds, watch)
    except (DataError, ScenarioError) as error:
        text = str(error)
        raise DataError(text if text.startswith(str(run)) else f"{run}: {text}") from None


def _analyze_folder(run: RunFolder, record: Json) -> Callable[[], Fresh]:
    """Analyzes the run's files as `bellqueue analyze` does."""
    scenario, plan = run.scenario(), run.plan()
    shape = scenario.workload().shape
    plan.check(plan.scenario_hash, shape)
    trials = run.trials(shape)

    def analysis(frontiers: Frontiers) -> Analysis:
        plan.check(scenario.content_hash(), shape)
        return analyze_run(scenario, plan, trials, frontiers=frontiers)

    return lambda: _fresh(scenario, analysis, record)


def _analyze_record(record: Json, complaint: str) -> Callable[[], Fresh]:
    """Analyzes the counts in a record as `bellqueue analyze` does; the record of a run does not hold enough for that."""
    scenario, measured, provenance = Scenario.parse(record["scenario"]), record.get("measured"), record["provenance"]
    if not measured:
        return lambda: Fresh(None, "the raw counts are not in this older record; give the run's folder")
    rule = {name: value for name, value in measured.items() if name != "stopped"}
    sample = sample_of({"schema": COUNTS_SCHEMA, **rule}, scenario.workload())
    if complaint:
        return lambda: Fresh(None, complaint, contradicted=True)
    if record["planned"]:
        return lambda: Fresh(None, "it needs plan.json and the trials in their order; give the run's folder")

    def analysis(frontiers: Frontiers) -> Analysis:
        found = analyze_foreign(provenance["source"], sample, scenario, frontiers=frontiers)
        made = found.provenance.model_copy(update={"created": provenance["created"]})
        return found.model_copy(update={"provenance": made})

    return lambda: _fresh(scenario, analysis, record)


def _fresh(scenario: Scenario, analysis: Callable[[Frontiers], Analysis], record: Json) -> Fresh:
    """A fresh analysis with as much of its context as was stored: none in older records."""
    try:
        frontiers = Frontiers.of(scenario)
        found, context = analysis(frontiers), record.get("context")
    except BellqueueError as error:
        return Fresh(None, str(error), contradicted=True)
    if context is None:
        found = found.model_copy(update={"context": None})
    elif context.get("by_visibility"):
        found = with_context(found, frontiers)
    return Fresh(json.loads(found.to_json()))


def _record(path: Path) -> tuple[Json, str]:
    """The JSON object of an analysis, and how its values contradict each other.

    Raises:
        DataError: it is no analysis.
    """
    record: Json = _json(path)
    try:
        Analysis.model_validate(record)
    except ValidationError as error:
        if {each["type"] for each in error.errors()} == {"value_error"}:
            return record, first_complaint(error)
        raise DataError(f"{path}: {first_complaint(error, Analysis)}") from None
    return record, ""


def verification_screen(found: Verification, run: Path) -> Group:
    """The numbers that matter, what differs, and what was not checked."""
    rows = {row.what: row for row in found.rows}
    differing = [row for row in found.rows if row.status == "DIFFERS"]
    if differing:
        parts: list[RenderableType] = [_line(row, row.what) for row in differing[:_MOST]]
        if len(differing) > _MOST:
            parts.append(Text(f"and {len(differing) - _MOST} more"))
    else:
        parts = [_grid("derived independently", *_SIDES, "")]
        parts += [_line(rows[what], words) for what, words in _WORDS.items() if what in rows]
    parts.append(Text())
    if rows[FRESH].status == "OK":
        parts.append(Text(f"{rows[FRESH].method}."))
    skipped = [row for row in found.rows if row.status == "not checked"]
    parts += [Text(f"not checked: {row.what}: {row.method}", style="dim") for row in skipped[:3]]
    parts.append(Text(f"Every row with its method: bellqueue verify {run} --full", style="dim"))
    return Group(*parts)


def verification_table(rows: Sequence[Row]) -> Group:
    """Every row with its method below it, what differs first."""
    parts: list[RenderableType] = [_grid("what", *_SIDES, ""), Rule(style="dim")]
    for row in sorted(rows, key=lambda row: row.status != "DIFFERS"):
        plain = row.status == "not checked" or row.tolerance == EXACTLY
        how = row.method if plain else f"{row.method}, ±{row.tolerance}"
        parts += [_line(row, row.what), Padding(Text(how, style="dim"), (0, 0, 0, 4))]
    return Group(*parts)


def _line(row: Row, what: str) -> Table:
    return _grid(what, _number(row.recorded), _number(row.recomputed), row.status)


def _grid(what: str, recorded: str, recomputed: str, status: str) -> Table:
    """One line; the columns of all stand below each other."""
    grid = Table.grid(Column(ratio=1, overflow="fold"), padding=(0, 2, 0, 0), expand=True)
    for width in (_WIDTH, _WIDTH, len("not checked")):
        grid.add_column(width=width, overflow="crop", no_wrap=True)
    grid.add_row(Text(what), recorded, recomputed, Text(status, style=_STYLES.get(status, "")))
    return grid


def _number(value: Shown) -> str:
    if value is None:
        return "–"
    return f"{value:.8g}" if isinstance(value, float) else str(value)[:_WIDTH]


def _files(folder: Path) -> RunFiles:
    """The files of a run's folder beside its analysis."""
    plan, trials = (read_text(folder / name, DataError, MAX_BYTES, "a run's folder") for name in (PLAN, TRIALS))
    calibration = _json(folder / CALIBRATION) if (folder / CALIBRATION).exists() else None
    return RunFiles(_json(folder / SCENARIO), json.loads(plan), plan, trials, calibration)


def _json(path: Path) -> Any:
    """What a JSON file says.

    Raises:
        DataError: it is none, or holds a number that is not finite.
    """
    text = read_text(path, DataError, RECORD_BYTES, "the record of a run")
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not valid JSON: {error}") from None


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a finite number")
    return number
