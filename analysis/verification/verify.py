"""A stored analysis checked as a referee would, with nothing of what made it.

Derived independently, in exact or extended arithmetic: the game, its classical and quantum bounds, p-values, the excess
certified, the settings that the plan's seed gives, the hashes of the files, and the verdict that follows. All other
fields are compared with a fresh analysis, which the caller makes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .certificate import (
    Aim,
    check_classical_bound,
    check_estimates,
    check_model,
    check_quantum_bound,
    check_tails,
    check_verdict,
)
from .comparison import Fresh, compare
from .evidence import Evidence, Score, weighted
from .files import (
    check_asked,
    check_counts,
    check_files,
    check_record_alone,
    check_settings,
    evidence_of_record,
    evidence_of_run,
    trial_codes,
)
from .findings import P_VALUE, Findings, Verification
from .game import Game
from .record import RunFiles, StoredAnalysis, StoredPlan, json_object, parsed

SECONDS = 60.0  # for the mixed-integer programme of a large game
_SETTINGS_ALARM = "SETTINGS ALARM"


def verify(
    analysis: str,
    source: str,
    files: RunFiles | None = None,
    fresh: Callable[[], Fresh] = lambda: Fresh(None, "no fresh analysis was made"),
    seconds: float = SECONDS,
    watch: Callable[[str], None] = lambda _: None,
) -> Verification:
    """Check an analysis.

    Args:
        analysis: The text of analysis.json.
        source: What it is called.
        files: The other files of the run's folder; without them the record has to do.
        fresh: Makes a fresh analysis of the same data; called once everything could be read.
        seconds: Longest time for the classical bound of a large game.
        watch: Gets what is being done.

    Raises:
        DataError: a file cannot be read as what it is; the text names it.
    """
    stored = parsed(analysis, StoredAnalysis, "analysis.json")
    findings = Findings()
    scenario = stored.scenario if files is None else json_object(files.scenario, "scenario.json")
    game = Game.of(scenario, stored.frontiers.weights, "analysis.json" if files is None else "scenario.json")
    evidence: Evidence | None = None
    codes = None
    if files is not None:
        watch("reading the trials")
        plan = parsed(files.plan, StoredPlan, "plan.json")
        codes = trial_codes(files.trials, game.shape, "trials.csv")
        evidence = evidence_of_run(plan, codes, game.shape)
        check_files(findings, files, stored, plan, game.experiment)
        check_asked(findings, plan, codes, game.shape)
        check_settings(findings, stored, plan, codes)
    else:
        check_record_alone(findings, stored)
        if stored.measured is not None:
            evidence = evidence_of_record(stored.measured, stored.certificate.parallel, game.shape)
    check_model(findings, game, stored)
    aim = Aim.of(game, stored.certificate.multiplier, stored.certificate.classical_bound)
    watch("the classical bound")
    bound = check_classical_bound(findings, game, stored, aim, seconds)
    watch("the quantum bound")
    check_quantum_bound(findings, game, stored, aim)
    watch("p-value and limits")
    log10_p = None
    if evidence is None:
        why = "the raw counts are not in this older record; give the run's folder"
        findings.unchecked(P_VALUE, stored.certificate.log10_p_value, why)
        findings.unchecked("certificate.excess.low", stored.certificate.excess.low, why)
        findings.unchecked("measured", None, why)
        correlators = np.array(stored.correlators.measured)
        check_estimates(findings, game, stored, aim, lambda weights: weighted(weights, correlators))
    else:
        check_counts(findings, stored, evidence, "trials.csv" if files else "measured.counts")
        if any(_SETTINGS_ALARM in warning for warning in stored.warnings):
            evidence = evidence.conditional()  # nothing may rest on a declaration that the settings do not look like
        trusted = evidence
        check_estimates(findings, game, stored, aim, lambda weights: Score(weights, trusted).observed)
        log10_p = check_tails(findings, aim, evidence, stored, codes, watch)
    check_verdict(findings, stored, game.experiment.significance, log10_p)
    watch("a fresh analysis")
    proof = stored.frontiers.classical_proof
    open_ = "stopped after" in stored.certificate.classical_bound.method or (proof and proof.gap_relative > 0)
    cut_off = not bound.exact and bool(open_)
    also = ["bounds beyond the bins of sizes and their weights"] if game.knows_sizes else []
    also += [] if stored.planned else ["the multipliers tried"]
    compare(findings, json_object(analysis, "analysis.json"), fresh(), float(game.together), cut_off, also)
    return Verification.of(source, findings.rows)
