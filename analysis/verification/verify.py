"""A stored analysis checked as a referee would, with nothing of what made it.

Derived independently, in exact or extended arithmetic: the game, its classical and quantum bounds, the observed point,
p-values, the settings that the plan's seed gives, the hashes of the files, and the verdict that follows. All other
fields are compared with a fresh analysis, which the caller makes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...model.errors import BellqueueError, DataError
from .betting import Propose
from .certificate import Aim, check_bounds, check_model, check_observed, check_p_values, check_verdict
from .comparison import compare
from .evidence import Score, weighted
from .files import (
    RunFiles,
    check_hashes,
    check_plan,
    check_settings,
    codes_of,
    evidence_of_record,
    evidence_of_run,
    experiment_of,
)
from .findings import FRESH, P_VALUE, Findings, Json, Verification
from .game import Game
from .informed import check_every_classical
from .strata import check_excess_limits, check_observed_limits

SECONDS = 60.0  # for the mixed-integer programme of a large game
SETTINGS_ALARM = "SETTINGS ALARM"


def verify(
    source: str,
    analysis: Json,
    files: RunFiles | None,
    fresh: Callable[[], Json] | str,
    propose: Propose | None,
    seconds: float,
    watch: Callable[[str], None],
) -> Verification:
    """Check a valid analysis record.

    Args:
        source: What it is called.
        analysis: Its JSON object.
        files: The other files of the run's folder; without them the record has to do.
        fresh: Makes the JSON object of a fresh analysis of the same data; a text says why that cannot be.
        propose: Makes the bets of a run's tests again, told of trials only once it was asked; None without its folder.
        seconds: Longest time for the classical bound of a large game.
        watch: Gets what is being done.

    Raises:
        DataError: the record's tables are not for the scenario's types.
    """
    findings, certificate, measured = Findings(), analysis["certificate"], analysis.get("measured")
    scenario = files.scenario if files else analysis["scenario"]
    game = Game.of(scenario, analysis["frontiers"]["weights"])
    evidence = codes = log10_p = wider = None
    every = analysis.get("every_classical")
    check_hashes(findings, analysis, files)
    if files:
        watch("reading the trials")
        codes = codes_of(files.trials, game.shape)
        evidence = evidence_of_run(files.plan, codes)
        check_plan(findings, analysis, files)
        check_settings(findings, analysis, files.plan, codes)
    elif measured:
        evidence = evidence_of_record(measured, certificate.get("parallel", 1), analysis["provenance"].get("inverted"))
    check_model(findings, game, analysis["frontiers"])
    aim = Aim.of(game, certificate)
    watch("the bounds")
    bound = check_bounds(findings, game, certificate, aim, seconds)
    if every:
        watch("the bound on every classical router")
        check_every_classical(findings, game, analysis, scenario, Aim.of(game, every).constant)
    watch("the p-values")
    if evidence is None:
        correlators = np.array(analysis["correlators"]["measured"], dtype=float)
        if correlators.shape != game.shape:
            raise DataError(f"correlators.measured must be {game.shape[0]}×{game.shape[1]}, as the scenario has types")
        check_observed(findings, game, analysis, aim, lambda table: weighted(table, correlators))
        why = "the raw counts are not in this older record; give the run's folder"
        findings.unchecked(P_VALUE, certificate["log10_p_value"], why)
    else:
        if any(SETTINGS_ALARM in warning for warning in analysis["warnings"]):
            evidence = replace(evidence, drawn=None)  # the settings do not look like what was declared
        trusted = evidence
        check_observed(findings, game, analysis, aim, lambda table: Score(table, trusted).observed)
        log10_p = check_p_values(findings, analysis, aim, trusted, codes, propose)
        level = experiment_of(scenario)["significance"] / (2 if analysis["provenance"].get("inverted") else 1)
        if certificate.get("excess_at_least") is not None:  # older records had other limits
            check_observed_limits(findings, game, analysis["observed"], trusted, level)
            level_of = level / max(certificate["edges"], 1)
            check_excess_limits(findings, "certificate", certificate, aim.matrix, aim.bound, trusted, level_of)
        if every:
            strong = Aim.of(game, every)
            wider = check_p_values(findings, analysis, strong, trusted, codes, propose, "every_classical")
            if every.get("excess_at_least") is not None:
                level_of = level / max(every["edges"], 1)
                check_excess_limits(findings, "every_classical", every, strong.matrix, strong.bound, trusted, level_of)
    check_verdict(findings, analysis, experiment_of(scenario)["significance"], log10_p, wider)
    proof = analysis["frontiers"].get("classical_proof")
    open_ = "stopped after" in certificate["classical_bound"]["method"] or (proof and proof["gap_relative"] > 0)
    also = ["bounds beyond the bins of sizes and their weights"] if game.knows_sizes else []
    also += [] if analysis["planned"] else ["the multipliers tried"]
    watch("a fresh analysis")
    if isinstance(fresh, str):
        findings.unchecked(FRESH, None, fresh)
    else:
        try:
            compare(findings, analysis, fresh(), float(game.together), not bound.exact and bool(open_), also)
        except BellqueueError as error:
            findings.claim(FRESH, None, None, f"the files contradict each other: {error}", False)
    return Verification.of(source, findings.rows)
