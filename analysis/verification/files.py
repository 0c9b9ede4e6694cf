"""The files of a run: hashes, what the plan took from the scenario, the settings its seed gives, and the counts."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.validation import check_distribution
from .evidence import Evidence
from .findings import Findings, Json

Integers = NDArray[np.int64]

SETTINGS_ALARM = "SETTINGS ALARM"
# The defaults of the file format.
_FIXED: Json = {"settings": "random", "block": 1, "shots": 40_000, "significance": 1e-3, "stop": None}
_MOST = 10**9  # settings to draw


@dataclass(frozen=True)
class RunFiles:
    """The valid files in a run's folder beside its analysis.

    Attributes:
        scenario, plan: Their JSON objects.
        plan_text, trials: The texts as they were written.
        calibration: What its file says; None if that is missing.
    """

    scenario: Json
    plan: Json
    plan_text: str
    trials: str
    calibration: Any


def experiment_of(scenario: Json) -> Json:
    """What a scenario fixes before the data."""
    return {**_FIXED, **scenario.get("experiment", {})}


def codes_of(trials: str, shape: tuple[int, int]) -> Integers:
    """((x·n_B + y)·2 + a)·2 + b of each line of a trials CSV, in order; of a menu's with k·n_A + x for x."""
    *entry, x, y, a, b = np.loadtxt(io.StringIO(trials), delimiter=",", skiprows=1, dtype=np.int64, ndmin=2).T
    row = shape[0] * entry[0] + x if entry else x
    return np.asarray(((row * shape[1] + y) * 2 + a) * 2 + b)


def check_data(
    findings: Findings, analysis: Json, files: RunFiles | None, shape: tuple[int, int], watch: Callable[[str], None]
) -> tuple[Evidence | None, Integers | None]:
    """Check hashes, plan and settings, and read the data.

    Returns:
        The counts, from the record if need be, None if it lacks them; and the trials in order, None without the files.
    """
    check_hashes(findings, analysis, files)
    codes = None
    if files:
        watch("reading the trials")
        codes = codes_of(files.trials, shape)
        evidence = _evidence_of_run(files.plan, codes)
        check_plan(findings, analysis, files)
        check_settings(findings, analysis, files.plan, codes)
    elif measured := analysis.get("measured"):
        evidence = _evidence_of_record(measured, analysis)
    else:
        return None, None
    if any(SETTINGS_ALARM in warning for warning in analysis["warnings"]):
        evidence = replace(evidence, drawn=None)  # the settings do not look like what was declared
    return evidence, codes


def _evidence_of_run(plan: Json, codes: Integers) -> Evidence:
    """The trials of a run under its plan; what the trials lack of it is lost."""
    asked = np.array(plan["asked"])
    counts = np.bincount(codes, minlength=4 * asked.size).reshape(*asked.shape, 2, 2)
    lost = np.maximum(asked - counts.sum(axis=(2, 3)), 0)
    return Evidence(counts, lost, _drawn_from(plan), plan.get("stop") is not None, plan.get("parallel", 1))


def _evidence_of_record(measured: Json, analysis: Json) -> Evidence:
    """The counts that an analysis holds, inverted as it says."""
    counts, lost = np.array(measured["counts"]), np.array(measured["lost"])
    if inverted := analysis["provenance"].get("inverted"):
        counts = np.flip(counts, axis=2 if inverted == "a" else 3)
    return Evidence(
        counts, lost, _drawn_from(measured), measured["stopped"], analysis["certificate"].get("parallel", 1)
    )


def _drawn_from(rule: Json) -> NDArray[np.float64] | None:
    """The distribution from which every trial had a setting of its own drawn, if that is so."""
    r, fresh = rule["input_distribution"], rule["settings"] == "random" and rule["block"] == 1
    if r is not None:
        check_distribution(r, "input_distribution")
    return np.array(r, dtype=float) if fresh and r is not None else None


def check_hashes(findings: Findings, analysis: Json, files: RunFiles | None) -> None:
    """The hashes of the scenario and of the data."""
    provenance, measured = analysis["provenance"], analysis.get("measured")
    canonical = json.dumps(files.scenario if files else analysis["scenario"], sort_keys=True, separators=(",", ":"))
    own = hashlib.sha256(canonical.encode()).hexdigest()
    method = "SHA-256 of the scenario, keys sorted and without spaces"
    findings.same("provenance.scenario_hash", provenance["scenario_hash"], own, method)
    if files:
        parts = [own, _without_spaces(files.plan_text), files.trials]
        of = "the scenario's hash, plan.json without spaces and trials.csv"
    elif measured and not analysis["planned"]:
        parts, of = [own, json.dumps(measured["counts"])], "the scenario's hash and the counts"
    else:
        why = "it covers files that are not in the record; give the run's folder"
        findings.unchecked("provenance.content_hash", provenance["content_hash"], why)
        return
    method = f"SHA-256 of {of}, each after its length"
    findings.same("provenance.content_hash", provenance["content_hash"], _hash_of_parts(parts), method)


def check_plan(findings: Findings, analysis: Json, files: RunFiles) -> None:
    """The plan against the scenario, and the copies of scenario and calibration against their files."""
    plan, experiment = files.plan, experiment_of(files.scenario)
    findings.same("scenario", analysis["scenario"], files.scenario, "scenario.json")
    taken = plan | ({"shots": plan.get("budget")} if plan.get("stop") else {})
    for name in _FIXED:
        findings.same(f"plan.json: {name}", taken.get(name), experiment[name], "scenario.json, experiment")
    if files.calibration is None:
        findings.unchecked("calibration.json", None, "the file is missing")
    else:
        findings.same("calibration.json", files.calibration, plan["backend"], "plan.json, backend")


def check_settings(findings: Findings, analysis: Json, plan: Json, codes: Integers) -> None:
    """The settings drawn again with the plan's seed: those asked for, and those of the trials in their order."""
    shape, parallel = np.shape(plan["asked"]), plan.get("parallel", 1)
    drawn = drawn_settings(plan, plan.get("budget") or plan["shots"])[: plan["shots"]]
    seen, later = (codes // 4).tolist(), iter(drawn.tolist())
    # Each search starts at the end of the one before: the settings come in the order drawn, some of them lost.
    in_order = plan["settings"] == "fixed" or all(setting in later for setting in seen)
    asked = {"asked": (plan["asked"], drawn)}
    for pair, table in enumerate(plan.get("asked_by_pair", [])):
        asked[f"asked_by_pair[{pair}]"] = table, drawn[pair::parallel]
    tables = {
        name: (table, np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape).tolist())
        for name, (table, places) in asked.items()
    }
    used = analysis["provenance"].get("libraries", {}).get("numpy", np.__version__)
    if used != np.__version__ and not (in_order and all(table == own for table, own in tables.values())):
        why = f"drawn with numpy {used}, whose draws may be others than those of numpy {np.__version__}"
        findings.unchecked("plan.json: asked", plan["shots"], why)
        findings.require(["plan.json: asked"], f"install numpy {used}")
        return
    kind = f"drawn again with the seed {plan['seed']}" if plan["settings"] == "random" else "largest remainders of r·N"
    for name, (table, own) in tables.items():
        findings.same(f"plan.json: {name}", table, own, kind)
    if plan["settings"] == "random":
        findings.claim("trials.csv: x, y", len(seen), len(seen) if in_order else "other settings", kind, in_order)


def drawn_settings(plan: Json, trials: int) -> Integers:
    """x·n_B + y of each trial that the plan asks for, in order.

    Each setting of each component of the strategy is one outcome of the draw, of a menu each with a share of its own;
    the generator is numpy's default one, seeded with [seed, 1].

    Raises:
        DataError: the plan's numbers are none to draw with.
    """
    r = np.array(plan["input_distribution"], dtype=float).ravel()
    weights = [1.0] if plan.get("menu") else [part["probability"] for part in plan["strategy"]]
    shares = np.array(weights)[:, None] * r[r > 0]
    places = np.tile(np.flatnonzero(r > 0), len(shares))
    if shares.size == 0 or shares.min() < 0 or shares.sum() <= 0 or not 0 <= trials <= _MOST or plan["seed"] < 0:
        raise DataError("plan.json: strategy, input_distribution, shots and seed give no settings to draw")
    law = shares.ravel() / shares.sum()
    pairs, block = plan.get("parallel", 1), min(plan["block"], max(trials, 1))
    if plan["settings"] == "fixed":
        exact = law * -(-trials // pairs)
        shots = exact.astype(np.int64)
        shots[np.argsort(shots - exact, kind="stable")[: -(-trials // pairs) - shots.sum()]] += 1
        return np.repeat(places, shots * pairs)[:trials]
    blocks = -(-trials // (block * pairs))
    drawn = np.random.default_rng([plan["seed"], 1]).choice(len(law), size=blocks * pairs, p=law)
    return np.asarray(places[np.repeat(drawn.reshape(blocks, pairs), block, axis=0).ravel()[:trials]])


def _hash_of_parts(parts: list[str]) -> str:
    """SHA-256 of some texts, each preceded by its length in bytes as eight big-endian bytes."""
    data = [part.encode() for part in parts]
    return hashlib.sha256(b"".join(len(each).to_bytes(8, "big") + each for each in data)).hexdigest()


def _without_spaces(text: str) -> str:
    """JSON text without the white space between its tokens, every number and string as it was written."""
    return "".join(re.findall(r'"(?:[^"\\]|\\.)*"|[^\s"]+', text))
