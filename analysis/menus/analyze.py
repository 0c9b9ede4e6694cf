"""The analysis of a menu's outcomes: limits of their probabilities → the best policy → certificate → verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, replace

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.estimate import Estimate, significant
from ...model.games.strategy import Measurements
from ...model.informed.entangled import simulate_policy
from ...model.informed.measured import Limits
from ...model.informed.menu import Menu
from ...model.informed.policy import occupancy
from ...model.progress import Watch, unwatched
from ...model.scenario.file import Scenario
from ...model.trials import Counts
from ..certificate.certificate import CONDITIONAL, EVERY_CLASSICAL, FRESH, LOOPHOLE
from ..certificate.diagnostics import (
    ALARM_P_VALUE,
    NoSignalling,
    marginals,
    no_signalling_test,
    no_signalling_warning,
    opposite_warning,
    trust_settings,
)
from ..certificate.samples import Sample
from ..records.analysis_record import MeasuredCounts, Provenance
from ..records.percent import at_least, confidence_text, estimate_of
from .beyond_quantum import beyond_quantum_warning, entries_beyond_quantum
from .certificate import fine_comparison, menu_test
from .design import PAIRS
from .limits import MenuCounts, menu_limits
from .records import MenuAnalysis, MenuCertificate, MenuEntry, MenuPlan, counted_against

Floats = NDArray[np.float64]

METHOD = (
    "one test of each entry's outcomes in the direction that the waiting depends on, declared before the data, and two "
    "of each setting (products of payments); robust value iteration over what they leave"
)


def analyze_menu(
    scenario: Scenario,
    menu: Menu,
    planned: MenuPlan,
    sample: Sample,
    provenance: Provenance,
    watch: Watch = unwatched,
) -> MenuAnalysis:
    """Analyze the outcomes of a menu.

    Args:
        scenario: Gives workload and significance.
        menu: The bases, their vectors in the frame of the plan's angles.
        planned: What the plan fixed of it.
        sample: Counts over the settings, shape (K·n_A, n_B, 2, 2), with the rule they followed.
        provenance: The origin of the counts.
        watch: Gets how far it is.

    Raises:
        DataError: the counts are not of that menu.
        NoBoundError: there is no bound on such routers for this workload, or it is beyond what is computed.
    """
    workload = scenario.workload()
    entries = len(menu)
    shape = entries * workload.shape[0], workload.shape[1]
    if sample.counts.shape != shape or menu.shape != workload.shape:
        raise DataError(
            f"counts are of {sample.counts.shape[0]}×{sample.counts.shape[1]} settings; a menu of {entries} for "
            f"{workload.shape[0]}×{workload.shape[1]} types has {shape[0]}×{shape[1]}"
        )
    if sample.sampling.stopped or sample.sampling.parallel > 1 or sample.inverted:
        raise DataError(
            "the limits of a menu hold for a number of trials fixed beforehand, one pair to a shot, and outcomes as "
            "they were measured; the run could stop early, measured several pairs in a shot, or was inverted"
        )
    measured = MeasuredCounts.of(sample)
    sample, warnings = trust_settings(sample)
    counts = MenuCounts.of(sample, entries)
    tilts, centre = (np.array(table).reshape(counts.split.shape) for table in (planned.tilts, planned.centre))
    significance = scenario.experiment.significance

    def limits(log_significance: float) -> Limits:
        return menu_limits(counts, tilts, centre, math.exp(log_significance), significance)

    split = counts.worst(tilts, centre)
    comparison, policy = fine_comparison(workload, planned.kappa, split, watch)
    test = menu_test(comparison, split, limits, math.log(significance), watch)
    classical = comparison.classical
    no_signalling = _no_signalling(sample.counts, entries)
    warnings += no_signalling_warning(no_signalling)
    beyond_quantum = entries_beyond_quantum(menu, tilts, sample)
    warnings += beyond_quantum_warning(beyond_quantum)
    warnings += opposite_warning(menu.correlators.reshape(shape), sample, significance)
    if sample.lost:
        warnings.append(f"{sample.lost} of {sample.trials} trials were lost and count as the worst they may have been")
    cost = Estimate(test.estimate, test.estimate, max(test.limit, test.estimate))
    saved, surely = classical - cost.estimate, classical - cost.high
    reduction = Estimate(saved, surely, saved)
    at_level = limits(math.log(significance))
    longest = None if surely <= 0 else comparison.waiting_time(at_level)
    certificate = MenuCertificate(
        certified=test.log_p_value <= math.log(significance),
        log10_p_value=test.log_p_value / math.log(10),
        significance=significance,
        kappa=planned.kappa,
        classical=classical,
        cost=cost,
        step=comparison.grid.step,
        largest_workload=comparison.grid.busy * comparison.grid.step,
        trials=sample.trials,
        assumption=FRESH if sample.random else CONDITIONAL,
        method=METHOD,
        longest_waiting_time=longest,
    )
    watch("simulating the queues", 0, None)
    routed = policy.simulated(split)
    simulated = simulate_policy(workload, routed, PAIRS)
    throughput = simulated.baseline_throughput.plain
    least = classical + planned.kappa * throughput.estimate
    shares = [each / least if least > 0 else 0.0 for each in astuple(reduction)]
    if longest is not None:
        # W' ≥ V + κτ ≥ W + what is saved, so that a share of W' needs an upper limit of W and none of τ.
        shares[1] = min(shares[1], reduction.low / (longest + reduction.low))
    share = Estimate(*shares)
    locality = provenance.locality or LOOPHOLE
    used = policy.entry_shares(occupancy(workload, routed), entries)
    analysis = MenuAnalysis(
        title=scenario.title,
        verdict=_verdict(certificate, share, reduction, warnings, locality, sample.lost),
        locality=locality,
        warnings=warnings,
        certificate=certificate,
        waiting_time=simulated.waiting_time.plain,
        baseline_throughput=throughput,
        splitting_probability=simulated.splitting_probability.plain,
        classical_waiting_time=least,
        waiting_time_reduction=reduction,
        waiting_time_reduction_relative=share,
        throughput_gain=Estimate(*(each / planned.kappa for each in astuple(reduction))),
        map_share=max(1 - float(used.sum()), 0.0),
        entries=_entries(menu, counts, at_level, used),
        no_signalling=no_signalling,
        beyond_quantum=beyond_quantum,
        marginals=marginals(sample.counts),
        measured=measured,
        planned=planned,
        scenario=scenario.record(),
        provenance=provenance,
    )
    analysis._routers = policy, comparison.classical_policy
    return analysis


def _entries(menu: Menu, counts: MenuCounts, limits: Limits, used: Floats) -> list[MenuEntry]:
    found = []
    known = counts.split + counts.together > 0
    ideal, measured = menu.correlators, (1 - 2 * counts.estimated) * known
    ends = np.stack([counts.estimated, limits.low, limits.high], axis=-1)
    for entry in range(len(menu)):
        alpha, beta = Measurements(menu.u[entry], menu.v[entry]).angles()
        split: list[list[Estimate | None]] = [
            [Estimate.enclosing(*ends[entry, x, y]) if known[entry, x, y] else None for y in range(menu.shape[1])]
            for x in range(menu.shape[0])
        ]
        weight = (ideal[entry] ** 2 * known[entry]).sum()
        found.append(
            MenuEntry(
                alpha=alpha.tolist(),
                beta=beta.tolist(),
                share=float(used[entry]),
                split=split,
                ideal=((1 - ideal[entry]) / 2).tolist(),
                visibility=float((measured[entry] * ideal[entry]).sum() / weight) if weight > 0 else None,
            )
        )
    return found


def _no_signalling(counts: Counts, entries: int) -> NoSignalling:
    """The test of the entry that looks worst, for as many tried: both routers know the entry, which may matter."""
    rows = counts.shape[0] // entries
    parts = [counts.table[rows * k : rows * (k + 1)] for k in range(entries)]
    tests = [no_signalling_test(Counts(part)) for part in parts if part.any()]
    worst = min(tests, key=lambda each: each.log10_p_value)
    both = min(0.0, worst.log10_p_value + math.log10(len(tests)))
    return replace(worst, p_value=float(10.0**both), log10_p_value=both, alarm=both < math.log10(ALARM_P_VALUE))


def _verdict(
    certificate: MenuCertificate,
    share: Estimate,
    reduction: Estimate,
    warnings: Sequence[str],
    locality: str,
    lost: int,
) -> list[str]:
    """Sentences; the first stands alone."""
    if certificate.certified:
        least = at_least(share) or f"at least {significant(reduction.low, 2, 'down')} units of time"
        sure = confidence_text(1 - certificate.significance)
        answer = (
            f"CERTIFIED: routers that know the past and share these Bell pairs wait less than {EVERY_CLASSICAL}: at "
            f"equal baseline throughput {least} ({sure} confidence; {estimate_of(share)})."
        )
    else:
        why = (
            f"by estimate they wait {reduction.estimate:.4g} units of time less, within what chance allows in "
            f"{certificate.trials} trials"
        )
        if reduction.estimate <= 0:
            why = (
                f"even by estimate, with {counted_against(lost)} counted against them, they may wait "
                f"{-reduction.estimate:.4g} units of time longer than the least of that class"
            )
        answer = f"NOT CERTIFIED to be better than {EVERY_CLASSICAL}: {why}."
    tested = (
        f"Upper limit of W − κτ against its least for every classical router: log10 p = "
        f"{certificate.log10_p_value:.4g} ({certificate.trials} trials, significance {certificate.significance:g}, "
        f"κ {certificate.kappa:.6g})."
    )
    return [" ".join([*(f"{warning}." for warning in warnings), answer]), tested, certificate.assumption, locality]
