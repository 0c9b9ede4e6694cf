"""A stored analysis once more, from the record alone and by other methods, as a referee would do it.

None of the modules that made the numbers is used here: model, games, bounds, tails and limits are derived again in the
modules `recheck_…` from docs/model.md, in exact or extended arithmetic where that is feasible.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .certificate import Game, check_certified, check_classical_bound, check_model, check_p_value, check_quantum_bound
from .comparison import (
    check_advantage,
    check_estimates_alone,
    check_excess,
    check_observed,
    check_words,
    observed_limits,
)
from .diagnostics import check_diagnostics, check_pairs, check_visibility, settings_alarm
from .files import (
    asked_of_pairs,
    check_asked,
    check_counts,
    check_files,
    check_ideal,
    check_record_alone,
    check_settings,
    evidence_of_record,
    evidence_of_run,
    trial_codes,
)
from .findings import OUTSIDE, Findings, Verification
from .frontier import Hull
from .model import Model
from .proof import check_frontier
from .record import RunFiles, StoredAnalysis, StoredPlan, json_object, parsed
from .statistics import Evidence

Integers = NDArray[np.int64]

SECONDS = 60.0  # for the mixed-integer programme of a large game
_LEFT_OUT = {
    "quantum, frontiers.quantum": "the curve that an ideal Bell pair reaches",
    "frontiers.communication, break_even": "routers that talk",
    "frontiers: least visibility, largest advantage": "searched for along the quantum frontier",
    "bell_pairs, frontiers.bell_pairs": "what fewer Bell pairs reach, found numerically",
    "planned.predicted": "a forecast from the calibration",
    "context": "simulated, or of other circumstances",
    "certificate: confidence, multiplier_origin": "sentences",
    "provenance: source, command, versions": "words that say where the numbers were made",
}


def verify(
    analysis: str,
    source: str,
    files: RunFiles | None = None,
    seconds: float = SECONDS,
    watch: Callable[[str], None] = lambda _: None,
) -> Verification:
    """Recheck an analysis.

    Args:
        analysis: The text of analysis.json.
        source: What it is called.
        files: The other files of the run's folder; without them the record has to do.
        seconds: Longest time for the bound of a large game, and for those of its frontier.
        watch: Gets what is being done.

    Raises:
        DataError: a file cannot be read as what it is; the text names it.
    """
    stored = parsed(analysis, StoredAnalysis, "analysis.json")
    findings = Findings()
    plan, codes = None, None
    scenario = stored.scenario if files is None else json_object(files.scenario, "scenario.json")
    model = Model.of(scenario, "analysis.json" if files is None else "scenario.json")
    evidence: Evidence | None = None
    if files is not None:
        watch("reading the trials")
        plan = parsed(files.plan, StoredPlan, "plan.json")
        codes = trial_codes(files.trials, model.shape, "trials.csv")
        evidence = evidence_of_run(plan, codes, model.shape)
        check_files(findings, files, stored, plan, model.experiment)
        check_asked(findings, plan, codes, model.shape)
        check_settings(findings, stored, plan, codes)
        check_ideal(findings, stored, plan)
    else:
        check_record_alone(findings, stored)
        if stored.measured is not None:
            evidence = evidence_of_record(stored.measured, stored.certificate.parallel, model.shape)
    check_model(findings, model, stored)
    watch("the classical frontier")
    hull = check_frontier(findings, model, stored, seconds)
    game = Game.of(model, stored)
    watch("the classical bound")
    check_classical_bound(findings, game, stored.certificate.classical_bound, seconds)
    watch("the quantum bound")
    check_quantum_bound(findings, game, stored.certificate.quantum_bound)
    watch("p-value and limits")
    if evidence is None:
        _without_counts(findings, game, stored)
    else:
        by_pair = asked_of_pairs(plan, model.shape) if plan else []
        origin = "trials.csv" if files else "measured.counts"
        _with_counts(findings, game, evidence, stored, hull, codes, by_pair, origin, watch)
    for what, why in _LEFT_OUT.items():
        findings.unchecked(what, None, OUTSIDE + why)
    return Verification.of(source, findings.rows)


def _with_counts(
    findings: Findings,
    game: Game,
    declared: Evidence,
    stored: StoredAnalysis,
    hull: Hull | None,
    codes: Integers | None,
    asked_by_pair: Sequence[Integers],
    origin: str,
    watch: Callable[[str], None],
) -> None:
    model = game.model
    check_counts(findings, stored, declared, model, origin)
    findings.same("certificate.parallel", stored.certificate.parallel, declared.parallel, "plan.json")
    alarms = settings_alarm(declared)
    evidence = declared.conditional() if alarms else declared
    observed = observed_limits(model, evidence, math.log(stored.certificate.significance / 6))
    check_observed(findings, model, stored, *observed)
    log10_p = check_p_value(findings, game, evidence, stored, hull, codes, watch)
    check_certified(findings, stored, model, log10_p)
    check_excess(findings, game, evidence, stored)
    if hull is not None:
        check_advantage(findings, game, evidence, stored, hull, observed)
    check_visibility(findings, game, evidence, stored)
    alarms += check_diagnostics(findings, evidence, stored)
    alarms += check_pairs(findings, game, evidence, stored, codes, asked_by_pair)
    check_words(findings, stored, alarms, int(evidence.lost.sum()))


def _without_counts(findings: Findings, game: Game, stored: StoredAnalysis) -> None:
    why = "the raw counts are not in this older record; give the run's folder"
    check_estimates_alone(findings, game, stored)
    for what, recorded in (
        ("certificate.log10_p_value", stored.certificate.log10_p_value),
        ("certificate.excess.low", stored.certificate.excess.low),
        ("no_signalling", stored.no_signalling.log10_p_value),
        ("measured", None),
    ):
        findings.unchecked(what, recorded, why)
    check_certified(findings, stored, game.model, None)
    alarms = [warning.split(":")[0] for warning in stored.warnings if "ALARM" in warning]
    check_words(findings, stored, alarms, stored.certificate.lost)
