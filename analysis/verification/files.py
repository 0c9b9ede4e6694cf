"""The files of a run against each other: hashes, what the plan fixed, the settings its seed gives, and the counts."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from .evidence import Evidence
from .findings import RELATIVE, Findings
from .game import Experiment
from .record import (
    Measured,
    RunFiles,
    StoredAnalysis,
    StoredPlan,
    hash_of_parts,
    json_object,
    scenario_hash,
    without_spaces,
)

Integers = NDArray[np.int64]

_HEADER = "x,y,a,b"
_JSON = "compared as JSON"


def trial_codes(text: str, shape: tuple[int, int], source: str) -> Integers:
    """((x·n_B + y)·2 + a)·2 + b of each line of a trials CSV, in order.

    Raises:
        DataError: a line is none of those that trials of these types can have; `source` names the file.
    """
    lines = io.StringIO(text)
    if lines.readline().strip() != _HEADER:
        raise DataError(f"{source}: line 1 must be {_HEADER!r}")
    places = product(range(shape[0]), range(shape[1]), range(2), range(2))
    code_of = {f"{x},{y},{a},{b}": code for code, (x, y, a, b) in enumerate(places)}
    at = 1

    def codes() -> Iterator[int]:
        nonlocal at
        for line in lines:
            at += 1
            yield code_of[line.rstrip()]

    try:
        found = np.fromiter(codes(), dtype=np.int64)
    except KeyError as line:
        raise DataError(f"{source}: line {at} is {str(line)[:40]}; no trial of {shape[0]}×{shape[1]} types") from None
    if not len(found):
        raise DataError(f"{source}: no trials below the header")
    return found


def counted(codes: Integers, shape: tuple[int, int]) -> Integers:
    """counts[x, y, a, b]."""
    return np.bincount(codes, minlength=shape[0] * shape[1] * 4).reshape(*shape, 2, 2)


def evidence_of_run(plan: StoredPlan, codes: Integers, shape: tuple[int, int]) -> Evidence:
    """The trials of a run under its plan; what the trials lack of it is lost.

    Raises:
        DataError: the plan's tables are not for these types.
    """
    counts = counted(codes, shape)
    lost = _table(plan.asked, "asked", shape) - counts.sum(axis=(2, 3))
    declared = np.array(_table(plan.input_distribution, "input_distribution", shape), dtype=float)
    return Evidence(
        counts=counts,
        lost=np.maximum(lost, 0),
        declared=declared,
        random=plan.settings == "random",
        block=plan.block,
        stopped=plan.stop is not None,
        parallel=plan.parallel,
    )


def evidence_of_record(measured: Measured, parallel: int, shape: tuple[int, int]) -> Evidence:
    """The counts that an analysis holds.

    Raises:
        DataError: they are not for the scenario's types.
    """
    counts = np.array(measured.counts, dtype=object)
    if counts.shape != (*shape, 2, 2):
        raise DataError(f"measured.counts must be {shape[0]}×{shape[1]}×2×2, as the scenario has types")
    declared = measured.input_distribution
    return Evidence(
        counts=counts.astype(np.int64),
        lost=_table(measured.lost, "measured.lost", shape),
        declared=None if declared is None else _table(declared, "measured.input_distribution", shape),
        random=measured.settings == "random",
        block=measured.block,
        stopped=measured.stopped,
        parallel=parallel,
    )


def check_files(
    findings: Findings, files: RunFiles, analysis: StoredAnalysis, plan: StoredPlan, experiment: Experiment
) -> None:
    """Hashes, and each file against the others."""
    scenario = json_object(files.scenario, "scenario.json")
    found = scenario_hash(scenario)
    method = "SHA-256 of scenario.json, keys sorted and without spaces"
    findings.same("scenario", analysis.scenario, scenario, f"scenario.json, {_JSON}")
    findings.same("provenance.scenario_hash", analysis.provenance.scenario_hash, found, method)
    findings.same("plan.json: scenario_hash", plan.scenario_hash, found, method)
    content = hash_of_parts([found, without_spaces(files.plan), files.trials])
    method = "SHA-256 of the scenario's hash, plan.json without spaces and trials.csv, each after its length"
    findings.same("provenance.content_hash", analysis.provenance.content_hash, content, method)
    declared = plan.planned.get("certificate_multiplier")
    findings.same("certificate.multiplier", analysis.certificate.multiplier, declared, "plan.json, fixed before data")
    for name in ("settings", "block", "significance", "stop"):
        wanted = getattr(experiment, name)
        findings.same(f"plan.json: {name}", getattr(plan, name), wanted, "scenario.json, experiment")
    taken = plan.shots if plan.stop is None else plan.budget
    findings.same("plan.json: shots", taken, experiment.shots, "scenario.json, experiment")
    findings.same(
        "plan.json: asked", sum(map(sum, plan.asked)), plan.shots, "all settings together against shots, plan.json"
    )
    if files.calibration is None:
        findings.unchecked("calibration.json", None, "the file is missing")
    else:
        stored = json_object(files.calibration, "calibration.json")
        findings.same("calibration.json", stored, plan.backend, f"plan.json, backend, {_JSON}")


def check_record_alone(findings: Findings, analysis: StoredAnalysis) -> None:
    """The hashes that the record alone gives."""
    found = scenario_hash(analysis.scenario)
    method = "SHA-256 of the scenario, keys sorted and without spaces"
    findings.same("provenance.scenario_hash", analysis.provenance.scenario_hash, found, method)
    stored = analysis.provenance.content_hash
    if analysis.planned is not None:
        why = "it covers plan.json and trials.csv; give the run's folder"
        findings.unchecked("provenance.content_hash", stored, why)
        declared = analysis.planned.get("certificate_multiplier")
        findings.same("certificate.multiplier", analysis.certificate.multiplier, declared, "planned")
    elif analysis.measured is not None:
        content = hash_of_parts([found, json.dumps(analysis.measured.counts)])
        method = "SHA-256 of the scenario's hash and the counts, each after its length"
        findings.same("provenance.content_hash", stored, content, method)
    else:
        findings.unchecked("provenance.content_hash", stored, "it covers the counts, which this older record lacks")


def check_settings(findings: Findings, analysis: StoredAnalysis, plan: StoredPlan, codes: Integers) -> None:
    """The settings drawn again with the plan's seed: those asked for, and those of the trials in their order."""
    shape = (len(plan.asked), len(plan.asked[0]))
    drawn = drawn_settings(plan, plan.budget or plan.shots)[: plan.shots]
    kind = f"drawn again with the seed {plan.seed}" if plan.settings == "random" else "largest remainders of r·N"
    used = analysis.provenance.libraries.get("numpy", np.__version__)
    tables = [("plan.json: asked", plan.asked, _per_setting(drawn, shape))]
    for number, table in enumerate(plan.asked_by_pair):
        own = _per_setting(drawn[number :: plan.parallel], shape)
        tables.append((f"plan.json: asked_by_pair[{number}]", table, own))
    seen, later = codes // 4, iter(drawn.tolist())
    # Each search goes on where the last one ended: the settings come in the order drawn, some of them lost.
    in_order = plan.settings == "fixed" or all(setting in later for setting in seen.tolist())
    if used != np.__version__ and not (in_order and all(recorded == own for _, recorded, own in tables)):
        why = f"drawn with numpy {used}, whose draws may be others than those of numpy {np.__version__}"
        findings.unchecked("plan.json: asked", plan.shots, why)
        return
    for what, recorded, own in tables:
        findings.same(what, recorded, own, kind)
    if plan.settings == "random":
        found = f"{len(seen)} in order" if in_order else _first_apart(seen, drawn)
        findings.claim("trials.csv: x, y", f"{len(seen)} settings", found, kind, in_order)


def drawn_settings(plan: StoredPlan, trials: int) -> Integers:
    """x·n_B + y of each trial that the plan asks for, in order.

    Each setting of each component of the strategy is one outcome of the draw; the generator is numpy's default one,
    seeded with [seed, 1].

    Raises:
        DataError: there is no setting to draw.
    """
    places, shares = [], []
    for part in plan.strategy:
        for place, r in enumerate(np.array(plan.input_distribution, dtype=float).ravel().tolist()):
            if r > 0:
                places.append(place)
                shares.append(part.probability * r)
    if not sum(shares) > 0:
        raise DataError("plan.json: strategy and input_distribution give no setting to draw")
    law = np.array(shares) / np.sum(shares)
    pairs, block = plan.parallel, plan.block
    if plan.settings == "fixed":
        whole = -(-trials // pairs)
        exact = law * whole
        shots = [int(share) for share in exact]
        by_remainder = sorted(range(len(law)), key=lambda place: shots[place] - exact[place])
        for place in by_remainder[: whole - sum(shots)]:
            shots[place] += 1
        order = [place for place, count in enumerate(shots) for _ in range(count * pairs)]
        return np.array(places)[order[:trials]]
    blocks = -(-trials // (block * pairs))
    drawn = np.random.default_rng([plan.seed, 1]).choice(len(law), size=blocks * pairs, p=law)
    shots_of_block = np.repeat(drawn.reshape(blocks, pairs), block, axis=0)
    return np.array(places)[shots_of_block.ravel()[:trials]]


def check_counts(findings: Findings, analysis: StoredAnalysis, evidence: Evidence, origin: str) -> None:
    """What the record says was measured, against the counts."""
    certificate, correlators = analysis.certificate, analysis.correlators
    findings.same("correlators.trials", correlators.trials, evidence.measured.tolist(), f"{origin} counted")
    method = f"(same − different)/n of {origin}"
    measured = evidence.correlators.tolist()
    findings.same("correlators.measured", correlators.measured, measured, method, absolute=RELATIVE)
    findings.same("certificate.trials", certificate.trials, evidence.trials, "counted and lost trials")
    findings.same("certificate.lost", certificate.lost, int(evidence.lost.sum()), "lost trials of every setting")


def check_asked(findings: Findings, plan: StoredPlan, codes: Integers, shape: tuple[int, int]) -> None:
    """No setting has more trials than the plan asked for."""
    spare = _table(plan.asked, "asked", shape) - counted(codes, shape).sum(axis=(2, 3))
    x, y = (int(index) for index in np.unravel_index(int(spare.argmin()), shape))
    text = f"asked {plan.asked[x][y]}", f"counted {plan.asked[x][y] - int(spare[x, y])}"
    findings.claim(f"trials.csv: setting [{x}][{y}]", *text, "no setting has more trials than asked", spare.min() >= 0)


def _per_setting(drawn: Integers, shape: tuple[int, int]) -> list[list[int]]:
    found: list[list[int]] = np.bincount(drawn, minlength=shape[0] * shape[1]).reshape(shape).tolist()
    return found


def _first_apart(seen: Integers, drawn: Integers) -> str:
    count = min(len(seen), len(drawn))
    apart = np.flatnonzero(seen[:count] != drawn[:count])
    return f"not in trial {int(apart[0]) + 1 if apart.size else count + 1}"


def _table(nested: Any, name: str, shape: tuple[int, int]) -> Any:
    """An array of that shape.

    Raises:
        DataError: it has another.
    """
    if [len(row) for row in nested] != [shape[1]] * shape[0]:
        raise DataError(f"{name} must have {shape[0]}×{shape[1]} entries, as the scenario has types")
    return np.array(nested)
