"""A stored analysis checked as a referee would, with nothing of what made it.

Derived independently, in exact or extended arithmetic: the game, its classical and quantum bounds, the observed point,
p-values, the settings that the plan's seed gives, the hashes of the files, and the verdict that follows. All other
fields are compared with a fresh analysis, which the caller makes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...model.errors import DataError
from .certificate import Aim, check_bounds, check_model, check_observed, check_p_values, check_verdict
from .comparison import Fresh, compare
from .evidence import Score, weighted
from .files import (
    RunFiles,
    check_hashes,
    check_plan,
    check_settings,
    codes_of,
    evidence_of_record,
    evidence_of_run,
    significance_of,
)
from .findings import P_VALUE, Findings, Verification
from .game import Game

SECONDS = 60.0  # for the mixed-integer programme of a large game
_SETTINGS_ALARM = "SETTINGS ALARM"


def verify(
    source: str,
    analysis: dict[str, Any],
    files: RunFiles | None,
    fresh: Callable[[], Fresh],
    seconds: float,
    watch: Callable[[str], None],
) -> Verification:
    """Check a valid analysis record.

    Args:
        source: What it is called.
        analysis: Its JSON object.
        files: The other files of the run's folder; without them the record has to do.
        fresh: Makes a fresh analysis of the same data.
        seconds: Longest time for the classical bound of a large game.
        watch: Gets what is being done.

    Raises:
        DataError: the record's tables are not for the scenario's types.
    """
    findings, certificate, measured = Findings(), analysis["certificate"], analysis.get("measured")
    scenario = files.scenario if files else analysis["scenario"]
    game = Game.of(scenario, analysis["frontiers"]["weights"])
    evidence = codes = None
    check_hashes(findings, analysis, files)
    if files:
        watch("reading the trials")
        codes = codes_of(files.trials, game.shape[1])
        evidence = evidence_of_run(files.plan, codes)
        check_plan(findings, analysis, files)
        check_settings(findings, analysis, files.plan, codes)
    elif measured:
        evidence = evidence_of_record(measured, certificate.get("parallel", 1))
    check_model(findings, game, analysis["frontiers"])
    aim = Aim.of(game, certificate)
    watch("the bounds")
    bound = check_bounds(findings, game, certificate, aim, seconds)
    watch("the p-values")
    if evidence is None:
        correlators = np.array(analysis["correlators"]["measured"], dtype=float)
        if correlators.shape != game.shape:
            raise DataError(f"correlators.measured must be {game.shape[0]}×{game.shape[1]}, as the scenario has types")
        check_observed(findings, game, analysis, aim, lambda table: weighted(table, correlators))
        why = "the raw counts are not in this older record; give the run's folder"
        findings.unchecked(P_VALUE, certificate["log10_p_value"], why)
        log10_p = None
    else:
        if any(_SETTINGS_ALARM in warning for warning in analysis["warnings"]):
            evidence = replace(
                evidence, declared=None
            )  # nothing may rest on a declaration that the settings do not look like
        trusted = evidence
        check_observed(findings, game, analysis, aim, lambda table: Score(table, trusted).observed)
        log10_p = check_p_values(findings, certificate, analysis["planned"] is not None, aim, trusted, codes)
    check_verdict(findings, analysis, significance_of(scenario), log10_p)
    watch("a fresh analysis")
    proof = analysis["frontiers"].get("classical_proof")
    open_ = "stopped after" in certificate["classical_bound"]["method"] or (proof and proof["gap_relative"] > 0)
    also = ["bounds beyond the bins of sizes and their weights"] if game.knows_sizes else []
    also += [] if analysis["planned"] else ["the multipliers tried"]
    scale = float(game.unavoidable + game.saved)
    compare(findings, analysis, fresh(), scale, not bound.exact and bool(open_), also)
    return Verification.of(source, findings.rows)
