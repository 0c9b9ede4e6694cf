"""A stored analysis checked as a referee would, with nothing of what made it.

Derived independently, in exact or extended arithmetic: the game, its classical and quantum bounds, the observed point,
p-values, the settings that the plan's seed gives, the hashes of the files, and the verdict that follows. All other
fields are compared with a fresh analysis, which the caller makes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...model.errors import DataError
from .betting import Propose
from .certificate import (
    PARTS,
    WEIGHTS,
    Aim,
    check_bounds,
    check_complete,
    check_model,
    check_observed,
    check_p_values,
    check_verdict,
)
from .comparison import compare
from .evidence import Score, weighted
from .files import RunFiles, check_data, experiment_of
from .findings import Findings, Json, Verification
from .game import Game
from .informed import check_every_classical
from .strata import check_excess_limits, check_observed_limits

SECONDS = 60.0  # for the mixed-integer programme of a large game


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
        propose: Makes the bets of a run's tests again; None without its folder.
        seconds: Longest time for the classical bound of a large game.
        watch: Gets what is being done.

    Raises:
        DataError: the record's tables are not for the scenario's types.
    """
    findings, certificate = Findings(), analysis["certificate"]
    scenario = files.scenario if files else analysis["scenario"]
    game = Game.of(scenario, analysis["frontiers"]["weights"])
    evidence, codes = check_data(findings, analysis, files, game.shape, watch)
    check_model(findings, game, analysis["frontiers"])
    if game.knows_sizes and isinstance(fresh, str):
        findings.unchecked(WEIGHTS, None, "those of exact sizes are only compared with a fresh analysis")
    aims = {part: Aim.of(game, analysis[part]) for part in PARTS if analysis.get(part)}
    aim = aims["certificate"]
    watch("the bounds")
    bound = check_bounds(findings, game, certificate, aim, seconds)
    if "every_classical" in aims:
        watch("the bound on every classical router")
        check_every_classical(findings, game, analysis, scenario, aims["every_classical"].constant)
    watch("the p-values")
    significance = experiment_of(scenario)["significance"]
    log10_p: dict[str, float | None] = {}
    if evidence is None:
        correlators = np.array(analysis["correlators"]["measured"], dtype=float)
        if correlators.shape != game.shape:
            raise DataError(f"correlators.measured must be {game.shape[0]}×{game.shape[1]}, as the scenario has types")
        check_observed(findings, game, analysis, aim, lambda table: weighted(table, correlators))
        why = "the raw counts are not in this older record; give the run's folder"
        for part in aims:
            findings.unchecked(f"{part}.log10_p_value", analysis[part]["log10_p_value"], why)
    else:
        known = evidence
        check_observed(findings, game, analysis, aim, lambda table: Score(table, known).observed)
        level = significance / (2 if analysis["provenance"].get("inverted") else 1)
        for part, own in aims.items():
            claim = analysis[part]
            log10_p[part] = check_p_values(findings, analysis, own, evidence, codes, propose, part)
            if claim.get("excess_at_least") is None:
                continue  # older records had other limits
            if part == "certificate":
                check_observed_limits(findings, game, analysis["observed"], evidence, level)
            level_of = level / max(claim["edges"], 1)
            check_excess_limits(findings, part, claim, own.matrix, own.bound, evidence, level_of)
    check_verdict(findings, analysis, significance, log10_p)
    proof = analysis["frontiers"].get("classical_proof")
    open_ = "stopped after" in certificate["classical_bound"]["method"] or (proof and proof["gap_relative"] > 0)
    also = ["bounds beyond the bins of sizes and their weights"] if game.knows_sizes else []
    also += [] if analysis["planned"] else ["the multipliers tried"]
    watch("a fresh analysis")
    compare(findings, analysis, fresh, float(game.together), not bound.exact and bool(open_), also)
    check_complete(findings, analysis)
    return Verification.of(source, findings)
