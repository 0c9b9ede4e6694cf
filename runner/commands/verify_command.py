"""`bellqueue verify`: a stored analysis checked from its files, and what came of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Column, Table
from rich.text import Text

from ...analysis.analyze import expected_correlators
from ...analysis.certificate.bets import RunningBets, bettor_against, bettor_on_score
from ...analysis.certificate.certificate import first_guess
from ...analysis.menus.records import MenuAnalysis
from ...analysis.menus.replay import with_waiting_times
from ...analysis.records.analysis_record import Analysis
from ...analysis.records.counts_file import MAX_BYTES, sample_of
from ...analysis.records.counts_file import SCHEMA as COUNTS_SCHEMA
from ...analysis.replay.context import with_context
from ...analysis.verification.betting import Bets, Part, Propose
from ...analysis.verification.certificate import ROUNDED
from ...analysis.verification.files import RunFiles
from ...analysis.verification.findings import EXACTLY, FRESH, ONE_SIDED, Json, Row, Shown, Verification, listed
from ...analysis.verification.menus.verify import verify_menu
from ...analysis.verification.verify import SECONDS, verify
from ...model.errors import DataError, ScenarioError
from ...model.games.frontiers import Frontiers
from ...model.games.routing_game import Against
from ...model.printable import command_line
from ...model.scenario.file import Scenario
from ...model.trials import Trials
from ...model.validation import first_complaint, invalid, read_text
from ..experiment.folder import (
    ANALYSIS,
    CALIBRATION,
    PLAN,
    RECORD_BYTES,
    SCENARIO,
    TRIALS,
    RunFolder,
    is_record,
    naming,
)
from ..experiment.pipeline import analyze_foreign, analyze_run
from .terminal import Screen, print_lines, print_record

_STYLES = {"OK": "green", "DIFFERS": "bold red", "not checked": "yellow"}
_SIDES = ("recorded", "recomputed")
_WIDTH = 15  # of a number with eight digits and an exponent
_MOST = 6  # rows that differ on the first screen
# The rows of the first screen, in plain words.
_WORDS = {
    "provenance.content_hash": "files unchanged (SHA-256)",
    "trials.csv: x, y": "settings as the seed draws them",
    "certificate.classical_bound.high": "classical routers score at most",
    "certificate.quantum_bound.high": "entangled routers score at most",
    "certificate.score": "these routers scored",
    "certificate.classical": "W − κτ, classical at least",
    "certificate.cost.high": "W − κτ, these at most",
    "certificate.log10_p_value": "log10 of the p-value",
    "certificate.certified": "certified",
    ROUNDED: "certified by rounding, too",
}


def show_verification(found: Verification, run: Path, as_json: bool, full: bool) -> None:
    """Print the record `bellqueue.verification/1`, every row with its method, or the first screen."""
    if as_json:
        print_record(found.model_dump_json(by_alias=True, indent=2))
    else:
        summary = Text(found.summary, style="bold")
        Screen().print(summary, "", verification_table(found.rows) if full else verification_screen(found), sep="\n")
        if not full:  # not by rich, which breaks lines that are to be typed
            print_lines(f"Every row with its method: {command_line('verify', run, '--full')}")
        Screen().print("", summary, sep="\n")


def verify_path(run: Path, seconds: float = SECONDS, watch: Callable[[str], None] = lambda _: None) -> Verification:
    """The verification of a run's folder, or of an analysis record alone.

    Raises:
        DataError: a file is missing or cannot be read as what it is.
    """
    try:
        files: RunFiles | None = None
        fresh: Callable[[], Json] | str
        record, complaint = _record(run / ANALYSIS if run.is_dir() else run)
        propose: Propose | None = None
        if run.is_dir():
            folder = RunFolder.open(run)
            fresh = _analyze_folder(folder, record)
            files, propose = _files(run), partial(_bets, folder, record)
        else:
            fresh = _analyze_record(record, complaint)
        if is_record(record, MenuAnalysis):
            return verify_menu(str(run), record, files, fresh, watch)
        return verify(str(run), record, files, fresh, propose, seconds, watch)
    except (DataError, ScenarioError) as error:
        raise naming(run, error) from None


def _bets(run: RunFolder, record: Json, part: Part, on_score: bool) -> Bets:
    """The bets on a part of the record, made again as its analysis makes them.

    They are on its score, or against all that its null hypothesis allows.
    """
    plan = run.plan()
    against: Against = "memoryless" if part == "certificate" else "every-classical"
    game = Frontiers.of(run.scenario()).game(record[part]["multiplier"])
    expected = expected_correlators(plan.operating_point(), plan.planned_point().predicted)
    bettor = bettor_on_score(game, against) if on_score else bettor_against(game, against)[0]
    running = RunningBets(bettor, first_guess(game, expected), np.array(plan.input_distribution))
    shape = game.workload.shape
    while True:
        codes = yield running.bet.factors, running.until
        x, y, a, b = np.unravel_index(codes, (*shape, 2, 2))
        running.update(Trials(x, y, a, b, shape))


def _analyze_folder(run: RunFolder, record: Json) -> Callable[[], Json]:
    """Analyzes the run's files as `bellqueue analyze` does."""
    scenario, plan = run.scenario(), run.plan()
    shape = scenario.workload().shape
    plan.check(plan.scenario_hash, shape)
    if (plan.menu is not None) != is_record(record, MenuAnalysis):
        raise DataError(f"{run.path / PLAN}: is of other routers than {ANALYSIS}; restore the files of one run")
    if plan.menu is not None and plan.entries != len(record["entries"]):
        raise DataError(f"{run.path / PLAN}: has {plan.entries} sets of bases, and {ANALYSIS} {len(record['entries'])}")
    trials = run.trials(shape, plan.entries)

    def fresh() -> Json:
        plan.check(scenario.content_hash(), shape)
        frontiers = None if plan.menu else Frontiers.of(scenario)
        found = analyze_run(scenario, plan, trials, frontiers=frontiers)
        if frontiers is not None and isinstance(found, Analysis):
            return _comparable(found, frontiers, record)
        assert isinstance(found, MenuAnalysis)
        if record.get("waiting_times"):
            found = with_waiting_times(found)
        return dict(json.loads(found.to_json()))

    return fresh


def _analyze_record(record: Json, complaint: str) -> Callable[[], Json] | str:
    """Analyzes the counts in a record as `bellqueue analyze` does, or says why they are not enough for that."""
    if is_record(record, MenuAnalysis):
        Scenario.parse(record["scenario"])  # refuses what is none
        return "it needs plan.json and the trials; give the run's folder"
    if not (measured := record.get("measured")):
        return "the raw counts are not in this older record; give the run's folder"
    scenario, rule = Scenario.parse(record["scenario"]), {key: measured[key] for key in measured if key != "stopped"}
    sample = sample_of({"schema": COUNTS_SCHEMA, **rule}, scenario.workload())
    if record["planned"] and not complaint:
        return "it needs plan.json and the trials in their order; give the run's folder"

    origin = record["provenance"]
    said = {"types_assumed": origin.get("types_assumed", False), "source": origin.get("described")}
    sample = replace(sample.invert(origin.get("inverted")), **said)

    def fresh() -> Json:
        if complaint:
            raise DataError(complaint)
        frontiers = Frontiers.of(scenario)
        found = analyze_foreign(record["provenance"]["source"], sample, scenario, frontiers=frontiers)
        again = _comparable(found, frontiers, record)
        again["provenance"]["created"] = record["provenance"]["created"]
        return again

    return fresh


def _comparable(analysis: Analysis, frontiers: Frontiers, record: Json) -> Json:
    """The JSON object of an analysis, with as much of its context as was stored: none in older records."""
    context = record.get("context")
    if context is None:
        analysis = analysis.model_copy(update={"context": None})
    elif context.get("by_visibility"):
        analysis = with_context(analysis, frontiers)
    return dict(json.loads(analysis.to_json()))


def _record(path: Path) -> tuple[Json, str]:
    """The JSON object of an analysis, and how its values contradict each other.

    Raises:
        DataError: it is no analysis.
    """
    record: Json = _json(path)
    kind: type[Analysis | MenuAnalysis] = MenuAnalysis if is_record(record, MenuAnalysis) else Analysis
    try:
        kind.model_validate(record)
    except ValidationError as error:
        if {each["type"] for each in error.errors()} == {"value_error"}:
            return record, first_complaint(error)
        raise DataError(f"{path}: {first_complaint(error, kind)}") from None
    return record, ""


def verification_screen(found: Verification) -> Group:
    """The numbers that matter, or what differs, and what was not checked."""
    rows = {row.what: row for row in found.rows}
    differing = [row for row in found.rows if row.status == "DIFFERS"]
    names = {row.what for row in differing}
    first = differing[:_MOST] or [rows[what] for what in _WORDS if what in rows]
    parts: list[RenderableType] = [_line("what" if differing else "derived independently", *_SIDES, "")]
    for row in first:
        what = row.what if differing else _WORDS[row.what]
        parts.append(_line(what, row.recorded, row.recomputed, row.status))
    parts.append(f"and {len(differing) - _MOST} more\n" if len(differing) > _MOST else "")
    if rows[FRESH].status == "OK":
        parts.append(f"{rows[FRESH].method}.")
    skipped: dict[str, list[str]] = {}
    for row in found.rows:
        if row.status == "not checked" and row.what not in names:
            skipped.setdefault(row.method, []).append(row.what)
    first_named = sorted(skipped.items(), key=lambda item: not any(what in found.lacking for what in item[1]))
    reasons = [f"not checked: {listed(what)}: {why}" for why, what in first_named]
    parts += [Text(reason, style="dim") for reason in reasons[:3]]
    return Group(*parts)


def verification_table(rows: Sequence[Row]) -> Group:
    """Every row with its method below it, what differs first."""
    parts: list[RenderableType] = [_line("what", *_SIDES, ""), Rule(style="dim")]
    for row in sorted(rows, key=lambda row: row.status != "DIFFERS"):
        plain = row.status == "not checked" or row.tolerance in (EXACTLY, ONE_SIDED)
        how = row.method if plain else f"{row.method}, ±{row.tolerance}"
        line = _line(row.what, row.recorded, row.recomputed, row.status)
        parts += [line, Padding(Text(how, style="dim"), (0, 0, 0, 4))]
    return Group(*parts)


def _line(what: str, recorded: Shown, recomputed: Shown, status: str) -> Table:
    """One line, whose columns are as wide as those of all others."""
    grid = Table.grid(Column(ratio=1, overflow="fold"), padding=(0, 2, 0, 0), expand=True)
    for width in (_WIDTH, _WIDTH, len("not checked")):
        grid.add_column(width=width, overflow="crop", no_wrap=True)
    grid.add_row(Text(what), _number(recorded), _number(recomputed), Text(status, style=_STYLES.get(status, "")))
    return grid


def _number(value: Shown) -> str:
    if value is None:
        return "–"
    return f"{value + 0.0:.8g}" if isinstance(value, float) else str(value)[:_WIDTH]


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
        raise DataError(f"{path}: {invalid('JSON', error)}") from None


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a finite number")
    return number
