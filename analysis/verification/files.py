"""The files of a run against each other: hashes, what the plan fixed, the settings its seed gives, and the counts."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from .findings import Findings
from .model import Experiment, Model
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
from .statistics import Evidence

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


def asked_of_pairs(plan: StoredPlan, shape: tuple[int, int]) -> list[Integers]:
    """Trials of each pair of a shot with each setting.

    Raises:
        DataError: the plan's tables are not for these types.
    """
    return [_table(asked, f"asked_by_pair[{number}]", shape) for number, asked in enumerate(plan.asked_by_pair)]


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
    findings.same("planned", analysis.planned, plan.planned, f"plan.json, {_JSON}")
    declared = plan.planned.get("certificate_multiplier")
    findings.same("certificate.multiplier", analysis.certificate.multiplier, declared, "plan.json, fixed before data")
    _check_provenance(findings, analysis, plan)
    for name in ("settings", "block", "significance", "stop"):
        wanted = getattr(experiment, name)
        findings.same(f"plan.json: {name}", getattr(plan, name), wanted, "scenario.json, experiment")
    taken = plan.shots if plan.stop is None else plan.budget
    findings.same("plan.json: shots", taken, experiment.shots, "scenario.json, experiment")
    findings.same(
        "plan.json: asked", sum(map(sum, plan.asked)), plan.shots, "all settings together against shots, plan.json"
    )
    calibration = analysis.provenance.calibration
    findings.same("provenance.calibration", calibration, plan.backend.calibration, f"plan.json, {_JSON}")
    if files.calibration is None:
        findings.unchecked("calibration.json", None, "the file is missing")
    else:
        stored = json_object(files.calibration, "calibration.json")
        backend = json_object(files.plan, "plan.json")["backend"]
        findings.same("calibration.json", stored, backend, f"plan.json, backend, {_JSON}")


def _check_provenance(findings: Findings, analysis: StoredAnalysis, plan: StoredPlan) -> None:
    """Where the record says that it comes from."""
    record, backend = analysis.provenance, plan.backend
    pairs = backend.pairs or ([backend.pair] if backend.pair else [])
    told = {
        "seed": plan.seed,
        "created": plan.created,
        "backend": backend.name,
        "device": backend.device,
        "predicted_visibility": backend.predicted_visibility,
        "qubits": [qubit for pair in pairs for qubit in pair] or None,
    }
    for name, wanted in told.items():
        findings.same(f"provenance.{name}", getattr(record, name), wanted, "plan.json")


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


def check_counts(findings: Findings, analysis: StoredAnalysis, evidence: Evidence, model: Model, origin: str) -> None:
    """What the record says was measured, against the counts."""
    certificate, correlators = analysis.certificate, analysis.correlators
    if analysis.measured is not None and origin == "trials.csv":
        findings.same("measured.counts", analysis.measured.counts, evidence.counts.tolist(), "trials.csv counted")
        method = "asked of plan.json less the trials of trials.csv"
        findings.same("measured.lost", analysis.measured.lost, evidence.lost.tolist(), method)
        declared = None if evidence.declared is None else evidence.declared.tolist()
        for name, wanted in (
            ("settings", "random" if evidence.random else "fixed"),
            ("block", evidence.block),
            ("stopped", evidence.stopped),
            ("input_distribution", declared),
        ):
            findings.same(f"measured.{name}", getattr(analysis.measured, name), wanted, "plan.json")
    elif origin == "trials.csv":
        findings.unchecked("measured", None, "this older record holds no counts; those of trials.csv are used")
    findings.same("correlators.trials", correlators.trials, evidence.measured.tolist(), f"{origin} counted")
    measured = evidence.correlators
    method = f"(same − different)/n of {origin}"
    findings.table("correlators.measured", correlators.measured, measured.tolist(), method, scale=1.0)
    error = np.sqrt(1 - measured**2) / np.sqrt(np.maximum(evidence.measured, 1))
    findings.table("correlators.standard_error", correlators.standard_error, error.tolist(), "√((1−c²)/n)")
    findings.same("certificate.trials", certificate.trials, evidence.trials, "counted and lost trials")
    findings.same("certificate.lost", certificate.lost, int(evidence.lost.sum()), "lost trials of every setting")
    shares = evidence.counts.sum(axis=(1, 3)), evidence.counts.sum(axis=(0, 2))
    for router, table in zip("ab", shares, strict=True):
        zero = [row[0] / max(sum(row), 1) for row in table.tolist()]
        findings.table(f"marginals.{router}", getattr(analysis.marginals, router), zero, "share of outcome 0, counted")
    findings.same("title", analysis.title, model.title, "scenario")
    findings.same("frontiers.title", analysis.frontiers.title, model.title, "scenario")
    names = list(model.names_a), list(model.names_b)
    findings.same("frontiers.types_a", analysis.frontiers.types_a, names[0], "scenario")
    findings.same("frontiers.types_b", analysis.frontiers.types_b, names[1], "scenario")


def check_asked(findings: Findings, plan: StoredPlan, codes: Integers, shape: tuple[int, int]) -> None:
    """No setting has more trials than the plan asked for."""
    spare = _table(plan.asked, "asked", shape) - counted(codes, shape).sum(axis=(2, 3))
    x, y = (int(index) for index in np.unravel_index(int(spare.argmin()), shape))
    text = f"asked {plan.asked[x][y]}", f"counted {plan.asked[x][y] - int(spare[x, y])}"
    findings.claim(f"trials.csv: setting [{x}][{y}]", *text, "no setting has more trials than asked", spare.min() >= 0)


def check_ideal(findings: Findings, analysis: StoredAnalysis, plan: StoredPlan) -> None:
    """The correlators planned, from the angles."""
    ideal = np.zeros((len(plan.asked), len(plan.asked[0])))
    for part in plan.strategy:
        u, v = _vectors(part.alpha, part.more_alpha), _vectors(part.beta, part.more_beta)
        if (len(u), len(v)) != ideal.shape or u.shape[1] != v.shape[1]:
            raise DataError(f"plan.json: strategy: angles must be for {ideal.shape[0]}×{ideal.shape[1]} types")
        ideal += part.probability * (u @ v.T)
    told = analysis.correlators.ideal or []
    findings.table("correlators.ideal", told, ideal.tolist(), "⟨u,v⟩ of the angles of plan.json", scale=1.0)


def _vectors(first: list[float], more: list[list[float]] | None) -> NDArray[np.float64]:
    """Unit vectors, shape (n, k), from hyperspherical angles: each turns what is left of 1 into the next axis."""
    rest = more or [[] for _ in first]
    if len(rest) != len(first) or len({len(angles) for angles in rest}) > 1:
        raise DataError("plan.json: strategy: every basis must have as many angles as the others of its router")
    vectors = []
    for angle, others in zip(first, rest, strict=True):
        vector = [1.0]
        for each in (angle, *others):
            left = vector.pop()
            vector += [left * math.cos(each), left * math.sin(each)]
        vectors.append(vector)
    return np.array(vectors).reshape(len(first), -1)


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
