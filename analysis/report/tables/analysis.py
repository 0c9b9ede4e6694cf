"""The numbers of an analysis as sections of text."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from ....model.estimate import rounded, significant
from ...certificate.certificate import Certificate
from ...certificate.several_pairs import ParallelPairs
from ...records.analysis_record import Advantage, Analysis, BreakEven, Predicted
from ...records.every_classical import AgainstEveryClassical
from ...records.percent import chance_text, confidence_text
from .frontiers import MAX_MATRIX, bell_pairs_section
from .section import (
    NONE,
    Cell,
    Section,
    bound_text,
    certain_decimals,
    estimate_cell,
    number_text,
    share_beside,
    two_columns,
)

LATENCY = (
    "One way, in units of time. Where a message takes longer than this, entanglement waits less also than routers that "
    "hold both requests of every pair until they have told each other their types."
)


def analysis_sections(analysis: Analysis) -> list[Section]:
    """The key numbers: comparison, advantage, certificate, diagnostics, and pairs where there are any."""
    sections = [comparison_section(analysis), *advantage_sections(analysis)]
    if analysis.bell_pairs:
        sections.append(bell_pairs_section(analysis.bell_pairs))
    if analysis.break_even:
        sections.append(latency_section(analysis.break_even))
    sections += [certificate_section(analysis.certificate, analysis.every_classical), diagnostics_section(analysis)]
    if analysis.parallel:
        sections.append(pairs_section(analysis.parallel, analysis.certificate))
    return sections


def comparison_section(analysis: Analysis) -> Section:
    """Observed beside the classical and quantum frontiers, and beside the plan if there was one."""
    planned = analysis.planned
    foreseen = (planned.predicted or planned) if planned else None
    heading = ("predicted" if planned.predicted else "planned",) if planned else ()
    observed, classical, quantum = analysis.observed, analysis.classical, analysis.quantum
    waiting, throughput = "waiting_time_at_equal_throughput", "baseline_throughput_at_equal_waiting_time"
    rows = (
        ("waiting time W", "waiting_time", waiting, waiting_decimals(analysis)),
        ("throughput τ", "baseline_throughput", throughput, None),
        ("splitting p", "splitting_probability", None, None),
    )
    return Section(
        "Observed against the frontiers",
        ("", "observed", "memoryless", "quantum", *heading),
        tuple(
            (
                name,
                (
                    estimate_cell(getattr(observed, own), decimals=digits),
                    *(
                        estimate_cell(getattr(of, compared), decimals=digits) if compared else Cell(NONE)
                        for of in (classical, quantum)
                    ),
                    *(
                        (Cell(number_text(getattr(foreseen, own), getattr(observed, own), decimals=digits)),)
                        if foreseen
                        else ()
                    ),
                ),
            )
            for name, own, compared, digits in rows
        ),
        "Memoryless classical routers and quantum ones: least W at the observed throughput, and most throughput at the "
        "observed W. "
        f"{_levels(analysis.certificate, together=True)} Times in units of time. "
        f"{analysis.frontiers.caveats}".rstrip(),
    )


def waiting_decimals(analysis: Analysis) -> int:
    """Decimals for mean waiting times and for what is saved of them, so that the rounded differences add up."""
    observed, wider = analysis.observed.waiting_time, analysis.every_classical
    pairs = [(analysis.classical.waiting_time_at_equal_throughput, analysis.advantage.waiting_time_reduction)]
    if wider:
        pairs.append((wider.waiting_time_at_equal_throughput, wider.waiting_time_reduction))
    least = max(certain_decimals(each) or 0 for each in (observed, *(each for pair in pairs for each in pair)))

    def add_up(decimals: int) -> bool:
        texts = [[rounded(each.estimate, decimals) for each in (*pair, observed)] for pair in pairs]
        return all(Decimal(classical) - Decimal(saved) == Decimal(own) for classical, saved, own in texts)

    return next(filter(add_up, range(least, least + 5)), least)


def advantage_sections(analysis: Analysis) -> list[Section]:
    """How much better than either class of classical routers, and beside it what the calibration had promised."""
    wider, predicted = analysis.every_classical, analysis.planned and analysis.planned.predicted
    title = "Advantage over memoryless classical routers"
    levels, digits = _levels(analysis.certificate, together=True), waiting_decimals(analysis)
    own = (
        _foreseen(analysis, predicted) if predicted else two_columns(title, _gains(analysis.advantage, digits), levels)
    )
    if wider is None:
        return [own]
    least = (
        "least waiting time W of any, at the observed throughput",
        estimate_cell(wider.waiting_time_at_equal_throughput, decimals=digits),
    )
    rows = [least, *_gains(wider, digits)]
    if predicted and predicted.every_classical_reduction_relative is not None:
        share = wider.waiting_time_reduction_relative
        told = share_beside(predicted.every_classical_reduction_relative, share)
        rows.insert(3, ("    as predicted from the calibration", Cell(told)))
    return [two_columns("Advantage over every classical router without communication", tuple(rows), levels), own]


def _levels(certificate: Certificate, *, together: bool) -> str:
    """What the limits of a table hold at."""
    sure = confidence_text(1 - certificate.significance)
    if together:
        return f"Intervals are two-sided and hold all together with {sure} confidence."
    if certificate.excess_at_least is None:  # an older record
        return f"Each end of an interval holds by itself with {sure} confidence."
    return f"Each interval is two-sided and holds by itself with {sure} confidence."


def _gains(gain: Advantage | AgainstEveryClassical, decimals: int) -> list[tuple[str, Cell]]:
    saved = estimate_cell(gain.waiting_time_reduction, decimals=decimals)
    return [
        ("waiting time saved at equal throughput (units of time)", saved),
        ("the same, as a share", estimate_cell(gain.waiting_time_reduction_relative, percent=True)),
        ("throughput gained at equal waiting time", estimate_cell(gain.throughput_gain_relative, percent=True)),
    ]


def latency_section(found: BreakEven) -> Section:
    """The price of talking: how long a message may take before entanglement does better."""
    rows = [
        ("observed", estimate_cell(found.observed)),
        ("quantum frontier at the same throughput", Cell(f"{found.ideal:.4g}")),
    ]
    if found.observed_distance_km is not None and found.ideal_distance_km is not None:
        rows.append(("observed, as kilometres of fibre", Cell(f"{found.observed_distance_km:.4g}")))
        rows.append(("quantum frontier, as kilometres of fibre", Cell(f"{found.ideal_distance_km:.4g}")))
    title = "Break-even one-way latency against routers that hold both requests until they agree"
    return replace(two_columns(title, tuple(rows)), note=LATENCY)


def _foreseen(analysis: Analysis, predicted: Predicted) -> Section:
    """Observed beside predicted."""
    gain, certificate = analysis.advantage, analysis.certificate
    share, reduction = gain.waiting_time_reduction_relative, gain.waiting_time_reduction
    digits = waiting_decimals(analysis)
    promised = number_text(predicted.waiting_time_reduction, reduction, decimals=digits)
    throughput = gain.throughput_gain_relative
    rows = [
        ("waiting time saved at equal throughput (units of time)", estimate_cell(reduction, decimals=digits), promised),
        (
            "    the same, as a share",
            estimate_cell(share, percent=True),
            share_beside(predicted.waiting_time_reduction_relative, share),
        ),
        (
            "throughput gained at equal waiting time",
            estimate_cell(throughput, percent=True),
            share_beside(predicted.throughput_gain_relative, throughput),
        ),
        ("visibility", Cell(f"{analysis.visibility.estimate:.4f}"), f"{predicted.visibility:.4f}"),
    ]
    told = "certified" if certificate.certified else "not certified"
    rows.append(("chance to certify", Cell(told), chance_text(predicted.predicted_power)))
    if predicted.power is not None:
        needed = "no number certifies" if predicted.trials is None else f"{predicted.trials} needed"
        rows.append((f"trials; to certify with {100 * predicted.power:g} %", Cell(f"{certificate.trials} run"), needed))
    if predicted.information_limit_ratio is not None:
        rows.append(
            ("    over ln(1/α)/rate of this test", Cell(NONE), f"{predicted.information_limit_ratio:.2f} times")
        )
    return Section(
        "Advantage over memoryless classical routers",
        ("", "observed", "predicted"),
        tuple((name, (observed, Cell(value))) for name, observed, value in rows),
        f"Predicted from the device's calibration, before the data were taken. {_levels(certificate, together=True)}",
    )


def certificate_section(certificate: Certificate, wider: AgainstEveryClassical | None = None) -> Section:
    """The test of the null hypothesis, with its bounds as intervals, against either class of classical routers."""
    classical, quantum = certificate.classical_bound, certificate.quantum_bound
    rows = [
        ("result", Cell("certified" if certificate.certified else "not certified")),
        ("log10 p", Cell(f"{certificate.log10_p_value + 0.0:.4g}", f"significance {certificate.significance:g}")),
        ("method", Cell(certificate.method)),
        ("multiplier μ", Cell(f"{certificate.multiplier:.6g}", certificate.multiplier_origin)),
        ("score observed (units of time)", Cell(number_text(certificate.score, certificate.excess))),
        ("memoryless classical bound on the score", Cell(bound_text(classical.low, classical.high), classical.method)),
        ("quantum bound on the score", Cell(bound_text(quantum.low, quantum.high), quantum.method)),
        ("excess Δ = score − memoryless bound", estimate_cell(certificate.excess)),
        ("trials, lost ones included", Cell(f"{certificate.trials}", f"{certificate.lost} lost")),
    ]
    levels = _levels(certificate, together=False)
    if certificate.excess_at_least is not None:
        rows.insert(
            -1, ("    at least (one-sided)", Cell(number_text(certificate.excess_at_least, certificate.excess, "down")))
        )
    if certificate.log10_anytime_p_value is not None:
        how = certificate.anytime_method or "test martingale"
        anytime = Cell(f"{certificate.log10_anytime_p_value + 0.0:.4g}", how)
        rows.insert(2, ("log10 p, valid whenever one looks", anytime))
    if certificate.log10_p_value_pooled is not None:
        pooled = Cell(f"{certificate.log10_p_value_pooled + 0.0:.4g}", "if all pairs were independent trials")
        rows.insert(2, ("log10 p, pairs pooled", pooled))
    if certificate.log10_p_value_any_crosstalk is not None:  # in older records
        shots = Cell(f"{certificate.log10_p_value_any_crosstalk + 0.0:.4g}", f"shots of {certificate.parallel} pairs")
        rows.insert(2, ("log10 p, whatever passes between pairs", shots))
    if wider is None:
        return two_columns("Certificate", rows, levels)
    told = "certified" if wider.certified else "not certified"
    stronger = [
        ("against every classical router", Cell(told)),
        ("    log10 p", Cell(f"{wider.log10_p_value + 0.0:.4g}", wider.method)),
        (
            "    bound β_E on the score",
            Cell(significant(wider.score_bound, 6, "up"), f"p₀ = {wider.splitting_probability:.4g}"),
        ),
        ("    from W − κτ at least V(κ)", Cell(significant(wider.bound, 6, "down"), f"κ = {wider.kappa:.6g}")),
        ("    excess = score − β_E", estimate_cell(wider.excess)),
    ]
    if wider.excess_at_least is not None:
        stronger.append(("    at least (one-sided)", Cell(number_text(wider.excess_at_least, wider.excess, "down"))))
    if wider.log10_anytime_p_value is not None:
        how = wider.anytime_method or "test martingale"
        anytime = Cell(f"{wider.log10_anytime_p_value + 0.0:.4g}", how)
        stronger.insert(2, ("    log10 p, valid whenever one looks", anytime))
    rows[0] = ("against memoryless routers", rows[0][1])
    return two_columns("Certificate", [*stronger, *rows], levels)


def diagnostics_section(analysis: Analysis) -> Section:
    """Checks that stand beside the certificate and never change it."""
    test = analysis.no_signalling
    alarm = "ALARM" if test.alarm else "no alarm"
    rows = [
        ("no-signalling test, log10 p", Cell(f"{test.log10_p_value + 0.0:.4g}", alarm)),
        (_visibility_name(analysis), estimate_cell(analysis.visibility)),
    ]
    if analysis.beyond_quantum:
        beyond = analysis.beyond_quantum
        told = "ALARM" if beyond.alarm else "no alarm"
        rows.append(("score over the quantum bound", Cell(f"{beyond.score_share.estimate:.4f}", told)))
    predicted = analysis.provenance.predicted_visibility
    if predicted is not None:
        rows.append(("visibility predicted from the calibration", Cell(f"{predicted:.4f}")))
    if analysis.parallel:
        crosstalk = analysis.parallel.crosstalk
        told = f"{'ALARM' if crosstalk.alarm else 'no alarm'}, worst: pair {crosstalk.source} on {crosstalk.target}"
        rows.append(("crosstalk test between pairs, log10 p", Cell(f"{crosstalk.log10_p_value + 0.0:.4g}", told)))
    if analysis.chsh:
        rows.append(("CHSH S (classical at most 2, quantum at most 2.828)", estimate_cell(analysis.chsh)))
    for router, values in (("A", analysis.marginals.a), ("B", analysis.marginals.b)):
        told = ", ".join(f"{value:.4f}" for value in values)
        if len(values) > MAX_MATRIX:
            told = f"{min(values):.4f} … {max(values):.4f}"
        rows.append((f"P(outcome 0) at router {router}, by type", Cell(told)))
    return two_columns("Diagnostics", rows, _levels(analysis.certificate, together=False))


def _visibility_name(analysis: Analysis) -> str:
    """What the share of the ideal score is; the bases of foreign counts may not be the best, and it says less."""
    name = "visibility" if analysis.planned else "least visibility"
    return f"{name}, against {analysis.visibility.relative_to}"


def pairs_section(parallel: ParallelPairs, certificate: Certificate) -> Section:
    """Each of the pairs measured in every shot."""
    fresh = (certificate.log10_p_value_any_crosstalk, certificate.log10_p_value_pooled) != (None, None)
    rests = "holds by itself whatever the other pairs do" if fresh else "rests on the certificate's assumption"
    chsh = any(pair.chsh for pair in parallel.pairs)
    rows = tuple(
        (
            f"{number}" + (f": {pair.qubits[0]}-{pair.qubits[1]}" if pair.qubits else ""),
            (
                estimate_cell(pair.visibility),
                estimate_cell(pair.waiting_time),
                Cell(number_text(pair.splitting_probability.estimate, pair.splitting_probability)),
                *((Cell(number_text(pair.chsh.estimate, pair.chsh) if pair.chsh else NONE),) if chsh else ()),
                Cell(f"{pair.log10_p_value + 0.0:.4g}"),
            ),
        )
        for number, pair in enumerate(parallel.pairs, start=1)
    )
    return Section(
        f"The {len(parallel.pairs)} pairs of each shot",
        ("pair", "visibility", "W", "p", *(("CHSH S",) if chsh else ()), "log10 p"),
        rows,
        f"{parallel.shots} shots, {parallel.pairs[0].lost} of them lost. {_levels(certificate, together=False)} "
        f"Each p-value {rests}; "
        f"the best of all, log10 p = {parallel.log10_p_value_best_pair + 0.0:.4g} (Bonferroni), too.",
    )
