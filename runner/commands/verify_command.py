"""`bellqueue verify`: a stored analysis checked from its files, and what came of it."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Column, Table
from rich.text import Text

from ...analysis.analyze import analyze
from ...analysis.certificate.samples import Sample
from ...analysis.certificate.several_pairs import crosstalk_warning
from ...analysis.records.analysis_record import Analysis
from ...analysis.records.counts_file import MAX_BYTES
from ...analysis.records.verdict import verdict
from ...analysis.replay.context import with_context
from ...analysis.verification.comparison import Fresh
from ...analysis.verification.findings import EXACTLY, FRESH, Row, Shown, Verification
from ...analysis.verification.record import RunFiles
from ...analysis.verification.verify import SECONDS, verify
from ...model.errors import BellqueueError, DataError
from ...model.games.frontiers import Frontiers
from ...model.games.operating_point import OperatingPoint
from ...model.games.strategy import Measurements, Strategy
from ...model.scenario.file import Scenario
from ...model.trials import Counts, Sampling, Trials
from ...model.validation import read_text
from ..experiment.folder import ANALYSIS, CALIBRATION, PLAN, RECORD_BYTES, SCENARIO, TRIALS, RunFolder, read_analysis
from ..experiment.pipeline import analyze_run
from ..experiment.provenance import bellqueue_version, library_versions
from .terminal import progress_bar

_STYLES = {"OK": "green", "DIFFERS": "bold red", "not checked": "yellow"}
_LIMITS = ("estimate", "low", "high")
_SIDES = ("recorded", "recomputed")
_WIDTH = 15  # of a number with eight digits and an exponent
_MOST = 8  # rows that differ, and reasons, on the first screen
# The rows of the first screen, in plain words.
_WORDS = {
    "provenance.content_hash": "files unchanged (SHA-256)",
    "trials.csv: x, y": "settings as the seed draws them",
    "certificate.trials": "trials",
    "certificate.classical_bound.high": "classical routers score at most",
    "certificate.quantum_bound.high": "entangled routers score at most",
    "certificate.score": "these routers scored",
    "certificate.excess.low": "lead over classical, at least",
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
    folder = run.is_dir()
    source, files = (run / ANALYSIS, _run_files(run)) if folder else (run, None)
    text = _text(source, RECORD_BYTES)
    try:
        return verify(
            text,
            str(run),
            files,
            lambda: fresh_of_folder(run, text) if folder else fresh_of_record(run),
            seconds,
            watch,
        )
    except DataError as error:
        raise DataError(f"{run}: {str(error).removeprefix(f'{run}: ')}") from None


def fresh_of_folder(folder: Path, stored: str) -> Fresh:
    """The analysis of a run's files once more.

    Raises:
        DataError: a file is damaged, or the plan is not for the scenario's types.
    """
    run = RunFolder.open(folder)
    scenario, plan = run.scenario(), run.plan()
    shape = scenario.workload().shape
    plan.check(plan.scenario_hash, shape)
    trials = run.trials(shape)
    try:
        plan.check(scenario.content_hash(), shape)
        frontiers = Frontiers.of(scenario)
        analysis = analyze_run(scenario, plan, trials, frontiers=frontiers)
    except BellqueueError as error:
        return Fresh(None, str(error), contradicted=True)
    return Fresh(json.loads(_with_context(analysis, frontiers, json.loads(stored).get("context")).to_json()))


def fresh_of_record(record: Path) -> Fresh:
    """The analysis of the counts in a record once more; what needs the order of the trials is taken from the record."""
    try:
        stored = read_analysis(record)
    except DataError as error:
        return Fresh(None, str(error), contradicted=True)
    planned, measured = stored.planned, stored.measured
    if measured is None:
        return Fresh(None, "the raw counts are not in this older record; give the run's folder")
    if planned is not None and stored.context is None:
        return Fresh(None, "the measurement bases are not in this older record; give the run's folder")
    parallel = stored.certificate.parallel
    if measured.stopped and parallel > 1:
        return Fresh(None, "of several Bell pairs in a run that could stop early the order matters; give its folder")
    counts, lost = Counts(np.array(measured.counts)), np.array(measured.lost)
    declared = measured.input_distribution
    sampling = Sampling(
        measured.settings,
        None if declared is None else np.array(declared),
        measured.block,
        lost=lost if lost.any() else None,
        parallel=parallel,
        stopped=measured.stopped,
    )
    provenance = stored.provenance.model_copy(
        update={"bellqueue_version": bellqueue_version(), "libraries": library_versions()}
    )
    try:
        scenario = Scenario.parse(stored.scenario)
        frontiers = Frontiers.of(scenario)
        analysis = analyze(
            scenario,
            Sample(counts, sampling),
            provenance,
            point=_point(stored),
            predicted=planned.predicted if planned else None,
            trials=_in_any_order(counts) if measured.stopped else None,
            frontiers=frontiers,
        )
    except BellqueueError as error:
        return Fresh(None, str(error), contradicted=True)
    without = {"parallel"} if stored.parallel else set()
    context = stored.context.model_dump() if stored.context else None
    analysis = _with_context(_with_order(analysis, stored), frontiers, context)
    return Fresh(json.loads(analysis.to_json()), without=frozenset(without))


def _with_context(analysis: Analysis, frontiers: Frontiers, stored: dict[str, Any] | None) -> Analysis:
    """As much of its context as was stored: none in older records, all in a run's folder."""
    if stored is None:
        return analysis.model_copy(update={"context": None})
    return with_context(analysis, frontiers) if stored.get("by_visibility") else analysis


def _point(stored: Analysis) -> OperatingPoint | None:
    """The operating point planned, with a strategy of the correlators planned."""
    if stored.planned is None or stored.context is None:
        return None
    parts = [
        (each.probability, Measurements(*(np.array([np.cos(angles), np.sin(angles)]).T for angles in both)))
        for each in stored.context.bases
        for both in [(each.alpha, each.beta)]
    ]
    if not parts:  # vectors beyond a plane are not in the record; an analysis looks at their correlators alone
        ideal = np.array(stored.correlators.ideal)
        parts = [(1.0, Measurements(ideal, np.eye(ideal.shape[1])))]
    shares, measurements = zip(*parts, strict=True)
    return stored.planned.with_strategy(Strategy(measurements, shares))


def _in_any_order(counts: Counts) -> Trials:
    """Trials with those counts, for what does not depend on their order."""
    x, y, a, b = (np.repeat(index.ravel(), counts.table.ravel()) for index in np.indices(counts.table.shape))
    return Trials(x, y, a, b, counts.shape)


def _with_order(analysis: Analysis, stored: Analysis) -> Analysis:
    """What rests on the order of the trials as recorded, and the verdict that follows."""
    certificate = replace(analysis.certificate, log10_anytime_p_value=stored.certificate.log10_anytime_p_value)
    if stored.measured and stored.measured.stopped:
        log10_p = stored.certificate.log10_p_value
        certified = log10_p <= math.log10(certificate.significance)
        certificate = replace(certificate, log10_p_value=log10_p, certified=certified)
    warnings = analysis.warnings + (crosstalk_warning(stored.parallel.crosstalk) if stored.parallel else [])
    words = verdict(certificate, analysis.advantage, warnings, analysis.locality)
    changes = {"certificate": certificate, "warnings": warnings, "verdict": words, "parallel": stored.parallel}
    return analysis.model_copy(update=changes)


def verification_screen(found: Verification, run: Path) -> Group:
    """The numbers that matter, what differs, and what was not checked."""
    rows = {row.what: row for row in found.rows}
    parts: list[RenderableType] = []
    differing = [row for row in found.rows if row.status == "DIFFERS"]
    if differing:
        parts += [_line(row.what, *_sides(row), "DIFFERS") for row in differing[:_MOST]]
        if len(differing) > _MOST:
            parts.append(Text(f"and {len(differing) - _MOST} more"))
    else:
        parts.append(_line("derived independently", *_SIDES, ""))
        parts += [
            _line(words, *_sides(rows[what]), rows[what].status) for what, words in _WORDS.items() if what in rows
        ]
    parts.append(Text())
    fresh = rows.get(FRESH)
    if fresh is not None and fresh.status == "OK":
        parts.append(Text(f"{fresh.method} ({fresh.recorded}, {fresh.recomputed})."))
    skipped = [row for row in found.rows if row.status == "not checked"]
    parts += [Text(f"not checked: {row.what}: {row.method}", style="dim") for row in skipped[:3]]
    parts.append(Text(f"Every row with its method: bellqueue verify {run} --full", style="dim"))
    return Group(*parts)


def verification_table(rows: Sequence[Row]) -> Group:
    """What was looked at, what differs first; an estimate with its limits in one place, the method below it."""
    parts: list[RenderableType] = [_line("what", *_SIDES, ""), Rule(style="dim")]
    ordered = sorted(rows, key=lambda row: row.status != "DIFFERS")
    for name, group in itertools.groupby(ordered, key=lambda row: (_stem(row.what), row.method, row.status)):
        together = list(group)
        first = together[0]
        recorded, recomputed = ("\n".join(_number(getattr(row, side)) for row in together) for side in _SIDES)
        parts.append(_line(first.what if len(together) == 1 else name[0], recorded, recomputed, first.status))
        plain = first.status == "not checked" or first.tolerance == EXACTLY
        how = first.method if plain else f"{first.method}, ±{first.tolerance}"
        parts.append(Padding(Text(how, style="dim"), (0, 0, 0, 4)))
    return Group(*parts)


def _line(what: str, recorded: str, recomputed: str, status: str) -> Table:
    """One row; the numbers of all stand below each other."""
    grid = Table.grid(Column(ratio=1, overflow="fold"), padding=(0, 2, 0, 0), expand=True)
    for width in (_WIDTH, _WIDTH, len("not checked")):
        grid.add_column(width=width, overflow="crop", no_wrap=True)
    grid.add_row(Text(what), recorded, recomputed, Text(status, style=_STYLES.get(status, "")))
    return grid


def _sides(row: Row) -> tuple[str, str]:
    return _number(row.recorded), _number(row.recomputed)


def _stem(what: str) -> str:
    """The name that an estimate shares with its limits."""
    stem, _, last = what.rpartition(".")
    return stem if last in _LIMITS else what


def _number(value: Shown) -> str:
    if value is None:
        return "–"
    return f"{value:.8g}" if isinstance(value, float) else str(value)[:_WIDTH]


def _run_files(folder: Path) -> RunFiles:
    """The files of a run's folder beside its analysis.

    Raises:
        DataError: one of them is missing or cannot be read.
    """
    scenario, plan, trials = (_text(folder / name, MAX_BYTES) for name in (SCENARIO, PLAN, TRIALS))
    calibration = folder / CALIBRATION
    return RunFiles(scenario, plan, trials, _text(calibration, RECORD_BYTES) if calibration.exists() else None)


def _text(path: Path, most: int) -> str:
    return read_text(path, DataError, most, "a run's folder, or an analysis record")
