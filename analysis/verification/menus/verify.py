"""A stored analysis of routers that know the past, checked with nothing of what made it.

Derived independently: the files and settings, the counts, the limits of the outcome probabilities in decimals of 40
digits, V(κ) and W − κτ by rounding, and what follows from these numbers. The rest is compared with a fresh analysis.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....model.errors import DataError
from ..certificate import ROUNDED, check_complete, check_verdict
from ..comparison import SEARCH, Claim, compare
from ..evidence import Evidence
from ..files import RunFiles, check_data, experiment_of
from ..findings import ONE_SIDED, P_VALUE, RELATIVE, Findings, Json, Verification
from ..game import Game
from .limits import Limits, Outcomes, signalling
from .rounding import Rounding

_ALARM = -3.0  # log₁₀ p of a signal
_MOST_TILT = 100.0  # beyond any that a plan fixes
# What a search or a simulation found. W − κτ is a difference of larger numbers.
_SEARCHED = dict.fromkeys(
    (
        *("certificate", "waiting_time", "baseline_throughput", "splitting_probability", "classical_waiting_time"),
        *("waiting_time_reduction", "waiting_time_reduction_relative", "throughput_gain", "map_share", "entries"),
    ),
    SEARCH,
)
_SAVED, _GAINS = "waiting_time_reduction.estimate", ("waiting_time_reduction_relative", "throughput_gain")
_CLAIMS = {
    "certificate.certified": Claim(1),
    "certificate.log10_p_value": Claim(-1),
    "certificate.classical": Claim(1, _SAVED),
    **{f"certificate.{name}": Claim(-1, _SAVED) for name in ("cost.estimate", "cost.high", "longest_waiting_time")},
    **{f"waiting_time.{end}": Claim(-1, _SAVED, "waiting_time") for end in ("estimate", "high")},
    **{f"waiting_time_reduction.{end}": Claim(1, _SAVED) for end in ("estimate", "low")},
    **{f"{name}.{end}": Claim(1, f"{name}.estimate") for name in _GAINS for end in ("estimate", "low")},
    **{
        f"baseline_throughput.{end}": Claim(1, "throughput_gain.estimate", "baseline_throughput")
        for end in ("estimate", "low")
    },
}
_COMPARED = (
    "waiting time, throughput and shares as simulated, the size of V(κ), of the limits and of the p-value within the "
    "bounds above, marginals, visibility, all sentences"
)


def verify_menu(
    source: str, analysis: Json, files: RunFiles | None, fresh: Callable[[], Json] | str, watch: Callable[[str], None]
) -> Verification:
    """Check a valid record `bellqueue.menu-analysis/1`; arguments as in `verify`.

    Raises:
        DataError: the record's tables are not for the scenario's types and its entries.
    """
    findings, certificate = Findings(), analysis["certificate"]
    scenario = files.scenario if files else analysis["scenario"]
    if "sizes" in scenario["traffic"] or "sizes_b" in scenario["traffic"]:
        raise DataError("scenario: routers that know the past and exact sizes are not analyzed")
    game, menu = Game.of(scenario, []), files.plan["menu"] if files else analysis["planned"]
    shape = len(analysis["entries"]), *game.shape
    _check_tables(analysis, menu, shape)
    evidence, _ = check_data(findings, analysis, files, game.shape, watch)
    assert evidence is not None  # a valid record of a menu holds its counts
    if files:
        findings.same("planned", analysis["planned"], menu, "plan.json, menu")
    findings.same("certificate.kappa", certificate["kappa"], menu["kappa"], "as planned")
    significance = experiment_of(scenario)["significance"]
    if not evidence.counts.any() or min(evidence.counts.min(), evidence.lost.min()) < 0:
        raise DataError("measured: counts and lost must be 0 or more, and some trials must have brought outcomes")
    outcomes = Outcomes.of(evidence, menu, significance, shape)
    _check_numbers(outcomes)
    _check_counts(findings, analysis, evidence, shape[0])
    _check_entries(findings, analysis, outcomes, files.plan["strategy"] if files else analysis["entries"])
    watch("V(κ) by rounding")
    _check_values(findings, certificate, outcomes, Rounding.of(game, scenario, menu["kappa"]), watch)
    _check_what_follows(findings, analysis)
    check_verdict(findings, analysis, significance, {})
    watch("a fresh analysis")
    scale = float(game.together)
    compare(findings, analysis, fresh, scale, searched=_SEARCHED, claims=_CLAIMS, derived=_COMPARED)
    check_complete(findings, analysis)
    return Verification.of(source, findings)


def _check_tables(analysis: Json, menu: Json, shape: tuple[int, int, int]) -> None:
    """Refuse tables that are for other numbers of types or entries."""
    rows, measured = (shape[0] * shape[1], shape[2]), analysis["measured"]
    tables: dict[str, tuple[Any, tuple[int, ...]]] = {
        f"planned.{name}": (menu[name], rows) for name in ("tilts", "centre")
    }
    tables |= {"measured.counts": (measured["counts"], (*rows, 2, 2)), "measured.lost": (measured["lost"], rows)}
    if measured["input_distribution"] is not None:
        tables["measured.input_distribution"] = measured["input_distribution"], rows
    for index, entry in enumerate(analysis["entries"]):
        sizes = {"alpha": shape[1:2], "beta": shape[2:], "split": shape[1:], "ideal": shape[1:]}
        tables |= {f"entries[{index}].{name}": (entry[name], size) for name, size in sizes.items()}
    for what, (table, size) in tables.items():
        try:
            found = np.array(table, dtype=object).shape
        except ValueError:
            found = ()
        if found != size:
            raise DataError(
                f"{what} must be {'×'.join(map(str, size))}, for {shape[0]} sets of bases and "
                f"{shape[1]}×{shape[2]} types"
            )


def _check_numbers(outcomes: Outcomes) -> None:
    """Refuse what cannot be the plan of a test."""
    centred = outcomes.centre.min() >= 0 and outcomes.centre.max() <= 1
    for holds, complaint in (
        (centred, "menu: centre must hold probabilities"),
        (abs(outcomes.tilts).max() <= _MOST_TILT, f"menu: tilts must lie within ±{_MOST_TILT:g}"),
    ):
        if not holds:
            raise DataError(complaint)


def _check_counts(findings: Findings, analysis: Json, evidence: Evidence, entries: int) -> None:
    """The counts, and whether one router's outcomes depend on the other's type."""
    measured, found = analysis["measured"], analysis["no_signalling"]
    findings.same("measured.counts", measured["counts"], evidence.counts.tolist(), "trials.csv")
    findings.same("measured.lost", measured["lost"], evidence.lost.tolist(), "asked for by plan.json, less trials.csv")
    findings.same("certificate.trials", analysis["certificate"]["trials"], evidence.trials, "trials.csv and lost ones")
    of_a, of_b = signalling(evidence.counts, entries)
    tested = sum(part.any() for part in evidence.counts.reshape(entries, -1))
    both = min(0.0, min(of_a, of_b) + math.log10(2 * tested))
    method = "χ² of the entry that looks worst, its tail by recursion over the degrees of freedom"
    named = {"_a": of_a, "_b": of_b, "": both}
    for name, value in named.items():
        what = f"log10_p_value{name}"
        findings.number(f"no_signalling.{what}", found[what], value, method, RELATIVE)
    findings.same("no_signalling.alarm", found["alarm"], both < _ALARM, f"p below 10^{_ALARM:g}")


def _check_entries(findings: Findings, analysis: Json, outcomes: Outcomes, strategy: list[Json]) -> None:
    """Outcomes of the bases planned on perfect pairs, and what was measured with its limits."""
    limits = outcomes.limits(math.log(outcomes.significance))
    for k, (entry, part) in enumerate(zip(analysis["entries"], strategy, strict=True)):
        correlators = _vectors(part, "alpha") @ _vectors(part, "beta").T
        ideal, method = (1 - correlators) / 2, "(1 − c)/2 of the angles in plan.json"
        findings.same(f"entries[{k}].ideal", entry["ideal"], ideal.tolist(), method, RELATIVE)
        own = np.cos(np.subtract.outer(entry["alpha"], entry["beta"]))
        method = "the ideal outcomes at these angles are those of the plan"
        findings.same(f"entries[{k}].alpha, beta", ((1 - own) / 2).tolist(), ideal.tolist(), method, RELATIVE)
        estimated, low, high = (table[k] for table in (outcomes.estimated, limits.low, limits.high))
        known = (outcomes.split + outcomes.together)[k] > 0
        wanted: list[list[Json | None]] = [
            [
                {
                    "estimate": float(estimated[x, y]),
                    "low": float(min(low[x, y], estimated[x, y])),
                    "high": float(max(high[x, y], estimated[x, y])),
                }
                if known[x, y]
                else None
                for y in range(known.shape[1])
            ]
            for x in range(len(known))
        ]
        method = "share of the trials with an outcome; limits from the plan's tests in 40 digits"
        findings.same(f"entries[{k}].split", entry["split"], wanted, method, RELATIVE)


def _vectors(part: Json, router: str) -> NDArray[np.float64]:
    """The unit vectors of hyperspherical angles: cos φ₁, sin φ₁ cos φ₂, …, and the product of all sines."""
    rows = []
    for first, more in zip(part[router], part.get(f"more_{router}") or [[]] * len(part[router]), strict=True):
        left, row = 1.0, []
        for angle in (first, *more):
            row.append(left * math.cos(angle))
            left *= math.sin(angle)
        rows.append([*row, left])
    return np.array(rows)


def _check_values(
    findings: Findings,
    certificate: Json,
    outcomes: Outcomes,
    rounding: Rounding | str,
    watch: Callable[[str], None],
) -> None:
    """V(κ), the limits of W − κτ and the p-value against what rounding proves, and whether that certifies as well."""
    classical, cost, log10_p = certificate["classical"], certificate["cost"], certificate["log10_p_value"]
    if isinstance(rounding, str):
        why = f"{rounding}; taken as recorded"
        for what, value in (("classical", classical), ("cost.estimate", cost["estimate"]), ("cost.high", cost["high"])):
            findings.unchecked(f"certificate.{what}", value, why)
        findings.unchecked(P_VALUE, log10_p, why)
        findings.unchecked(ROUNDED, certificate["certified"], why)
        return
    on = f"on a grid of step {rounding.up.step:.4g}"
    at_significance = outcomes.limits(math.log(outcomes.significance))
    least, most = rounding.least(), rounding.most()
    slack = RELATIVE * abs(most)
    method = f"of the best classical routers everything rounded down {on} has {least:.9g}, rounded up {most:.9g}"
    between = least - slack <= classical <= most + slack
    findings.claim("certificate.classical", classical, (least + most) / 2, method, between, f"{(most - least) / 2:.1e}")

    def not_below(what: str, recorded: float, limits: Limits, of: str) -> float:
        """Check one of the upper limits, and return what rounding up makes of it."""
        watch(f"W − κτ {of}")
        lowest, highest = rounding.least(limits), rounding.most(limits)
        method = (
            f"of routers that measure, {of}, everything rounded down {on} has {lowest:.9g}, rounded up {highest:.9g}"
        )
        findings.claim(what, recorded, (lowest + highest) / 2, method, recorded >= lowest - slack, ONE_SIDED)
        return highest

    observed = "by the outcomes observed, lost trials at worst"
    not_below("certificate.cost.estimate", cost["estimate"], outcomes.exact, observed)
    upper = not_below("certificate.cost.high", cost["high"], at_significance, "by the worst outcomes within the limits")
    if log10_p < 0:
        lowest = rounding.least(outcomes.limits(log10_p * math.log(10)))
        method = f"with the limits at this significance everything rounded down {on} does not exceed V(κ)"
        findings.claim(P_VALUE, log10_p, None, f"{method}: {lowest:.9g}", lowest <= classical + slack, ONE_SIDED)
    else:
        findings.claim(P_VALUE, log10_p, None, "nothing is claimed", log10_p == 0)
    told = (
        f"{on}: at most {upper:.9g} at the significance, rounded up, and classical at least {least:.9g}, rounded down"
    )
    if not certificate["certified"]:
        return
    if upper + slack < least:
        findings.claim(ROUNDED, True, True, told, True)
    else:
        findings.unchecked(ROUNDED, True, f"rounding is too coarse to confirm it {told}")


def _check_what_follows(findings: Findings, analysis: Json) -> None:
    """What is saved, by the recorded V(κ), W − κτ and τ."""
    certificate, kappa = analysis["certificate"], analysis["certificate"]["kappa"]
    classical, cost = certificate["classical"], certificate["cost"]
    near = RELATIVE * abs(classical)  # of which what is saved is a small difference
    findings.number("certificate.cost.low", cost["low"], cost["estimate"], "no lower limit is claimed", near)
    least = classical + kappa * analysis["baseline_throughput"]["estimate"]
    findings.number("classical_waiting_time", analysis["classical_waiting_time"], least, "V(κ) + κτ", near)
    saved = {"estimate": classical - cost["estimate"], "low": classical - cost["high"]}
    saved["high"] = saved["estimate"]
    of = {
        "waiting_time_reduction": (1.0, "V(κ) − (W − κτ)"),
        "waiting_time_reduction_relative": (1 / least if least > 0 else 0.0, "the same, of the classical waiting time"),
        "throughput_gain": (1 / kappa if kappa else math.inf, "the same, over κ"),
    }
    for name, (factor, method) in of.items():
        for part, value in saved.items():
            again, longest = factor * value, analysis["certificate"]["longest_waiting_time"]
            if (name, part) == ("waiting_time_reduction_relative", "low") and longest is not None:
                again = min(again, value / (longest + value))
            findings.number(f"{name}.{part}", analysis[name][part], again, method, factor * near)
