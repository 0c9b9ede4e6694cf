"""The numbers of an analysis as sections of text."""

from __future__ import annotations

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
    Row,
    Section,
    alarm_text,
    bound_text,
    certain_decimals,
    certified_text,
    estimate_cell,
    log10_text,
    number_text,
    section,
    share_beside,
    two_columns,
)

_MEMORYLESS = "Advantage over memoryless classical routers"
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
    foreseen = planned and (planned.predicted or planned)
    heading = ("predicted" if planned.predicted else "planned",) if planned else ()
    observed, digits = analysis.observed, waiting_decimals(analysis)
    rows = []
    for name, own, compared, decimals in (
        ("waiting time W", "waiting_time", "waiting_time_at_equal_throughput", digits),
        ("throughput τ", "baseline_throughput", "baseline_throughput_at_equal_waiting_time", None),
        ("splitting p", "splitting_probability", None, None),
    ):
        cells: list[Cell | str] = [estimate_cell(getattr(observed, own), decimals=decimals)]
        for frontier in (analysis.classical, analysis.quantum):
            cells.append(estimate_cell(getattr(frontier, compared), decimals=decimals) if compared else NONE)
        if foreseen:
            cells.append(number_text(getattr(foreseen, own), getattr(observed, own), decimals=decimals))
        rows.append((name, cells))
    return section(
        "Observed against the frontiers",
        ("", "observed", "memoryless", "quantum", *heading),
        rows,
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
    """How much better than either class of classical routers, and beside it what the calibration had predicted."""
    wider, predicted = analysis.every_classical, analysis.planned and analysis.planned.predicted
    levels, digits = _levels(analysis.certificate, together=True), waiting_decimals(analysis)
    gains = _gains(analysis.advantage, digits)
    own = _foreseen(analysis, predicted) if predicted else two_columns(_MEMORYLESS, gains, levels)
    if wider is None:
        return [own]
    least = estimate_cell(wider.waiting_time_at_equal_throughput, decimals=digits)
    rows: list[Row] = [("least waiting time W of any, at the observed throughput", least), *_gains(wider, digits)]
    if predicted and predicted.every_classical_reduction_relative is not None:
        share = share_beside(predicted.every_classical_reduction_relative, wider.waiting_time_reduction_relative)
        rows.insert(3, ("    as predicted from the calibration", share))
    return [two_columns("Advantage over every classical router without communication", rows, levels), own]


def _levels(certificate: Certificate, *, together: bool) -> str:
    """The confidence at which the limits of a table hold."""
    sure = confidence_text(1 - certificate.significance)
    if together:
        return f"Intervals are two-sided and hold all together with {sure} confidence."
    if certificate.excess_at_least is None:  # an older record
        return f"Each end of an interval holds by itself with {sure} confidence."
    return f"Each interval is two-sided and holds by itself with {sure} confidence."


def _gains(gain: Advantage | AgainstEveryClassical, decimals: int) -> list[tuple[str, Cell]]:
    """Time, share and throughput gained."""
    saved = estimate_cell(gain.waiting_time_reduction, decimals=decimals)
    return [
        ("waiting time saved at equal throughput (units of time)", saved),
        ("the same, as a share", estimate_cell(gain.waiting_time_reduction_relative, percent=True)),
        ("throughput gained at equal waiting time", estimate_cell(gain.throughput_gain_relative, percent=True)),
    ]


def latency_section(found: BreakEven) -> Section:
    """The price of talking: how long a message may take before entanglement does better."""
    rows: list[Row] = [
        ("observed", estimate_cell(found.observed)),
        ("quantum frontier at the same throughput", f"{found.ideal:.4g}"),
    ]
    if found.observed_distance_km is not None and found.ideal_distance_km is not None:
        rows.append(("observed, as kilometres of fibre", f"{found.observed_distance_km:.4g}"))
        rows.append(("quantum frontier, as kilometres of fibre", f"{found.ideal_distance_km:.4g}"))
    title = "Break-even one-way latency against routers that hold both requests until they agree"
    return two_columns(title, rows, LATENCY)


def _foreseen(analysis: Analysis, predicted: Predicted) -> Section:
    """Observed beside predicted."""
    gain, certificate, digits = analysis.advantage, analysis.certificate, waiting_decimals(analysis)
    (time, saved), (share, saved_share), (throughput, gained) = _gains(gain, digits)
    rows: list[tuple[str, list[Cell | str]]] = [
        (time, [saved, number_text(predicted.waiting_time_reduction, gain.waiting_time_reduction, decimals=digits)]),
        (
            f"    {share}",
            [
                saved_share,
                share_beside(predicted.waiting_time_reduction_relative, gain.waiting_time_reduction_relative),
            ],
        ),
        (throughput, [gained, share_beside(predicted.throughput_gain_relative, gain.throughput_gain_relative)]),
        ("visibility", [f"{analysis.visibility.estimate:.4f}", f"{predicted.visibility:.4f}"]),
        ("chance to certify", [certified_text(certificate.certified), chance_text(predicted.predicted_power)]),
    ]
    if predicted.power is not None:
        needed = "no number certifies" if predicted.trials is None else f"{predicted.trials} needed"
        rows.append((f"trials; to certify with {100 * predicted.power:g} %", [f"{certificate.trials} run", needed]))
    if predicted.information_limit_ratio is not None:
        rows.append(("    over ln(1/α)/rate of this test", [NONE, f"{predicted.information_limit_ratio:.2f} times"]))
    return section(
        _MEMORYLESS,
        ("", "observed", "predicted"),
        rows,
        f"Predicted from the device's calibration, before the data were taken. {_levels(certificate, together=True)}",
    )


def certificate_section(certificate: Certificate, wider: AgainstEveryClassical | None = None) -> Section:
    """The test of the null hypothesis, with its bounds as intervals, against either class of classical routers."""
    classical, quantum = certificate.classical_bound, certificate.quantum_bound
    how = certificate.anytime_method or "test martingale"
    other_p_values = (
        (
            "whatever passes between pairs",
            certificate.log10_p_value_any_crosstalk,
            f"shots of {certificate.parallel} pairs",
        ),
        ("pairs pooled", certificate.log10_p_value_pooled, "if all pairs were independent trials"),
        ("valid whenever one looks", certificate.log10_anytime_p_value, how),
    )
    significance = f"significance {certificate.significance:g}"
    rows: list[Row] = [
        ("against memoryless routers" if wider else "result", certified_text(certificate.certified)),
        ("log10 p", Cell(log10_text(certificate.log10_p_value), significance)),
        *((f"log10 p, {name}", Cell(log10_text(p), why)) for name, p, why in other_p_values if p is not None),
        ("method", certificate.method),
        ("multiplier μ", Cell(f"{certificate.multiplier:.6g}", certificate.multiplier_origin)),
        ("score observed (units of time)", number_text(certificate.score, certificate.excess)),
        ("memoryless classical bound on the score", Cell(bound_text(classical.low, classical.high), classical.method)),
        ("quantum bound on the score", Cell(bound_text(quantum.low, quantum.high), quantum.method)),
        ("excess Δ = score − memoryless bound", estimate_cell(certificate.excess)),
        *_at_least(certificate),
        ("trials, lost ones included", Cell(f"{certificate.trials}", f"{certificate.lost} lost")),
    ]
    if wider:
        stronger: list[Row] = [
            ("against every classical router", certified_text(wider.certified)),
            ("    log10 p", Cell(log10_text(wider.log10_p_value), wider.method)),
        ]
        if wider.log10_anytime_p_value is not None:
            anytime = Cell(log10_text(wider.log10_anytime_p_value), wider.anytime_method or "test martingale")
            stronger.append(("    log10 p, valid whenever one looks", anytime))
        score_bound, touching = significant(wider.score_bound, 6, "up"), f"p₀ = {wider.splitting_probability:.4g}"
        stronger += [
            ("    bound β_E on the score", Cell(score_bound, touching)),
            ("    from W − κτ at least V(κ)", Cell(significant(wider.bound, 6, "down"), f"κ = {wider.kappa:.6g}")),
            ("    excess = score − β_E", estimate_cell(wider.excess)),
            *_at_least(wider),
        ]
        rows = stronger + rows
    return two_columns("Certificate", rows, _levels(certificate, together=False))


def _at_least(claim: Certificate | AgainstEveryClassical) -> list[Row]:
    """The one-sided limit of the excess, which older records lack."""
    if claim.excess_at_least is None:
        return []
    return [("    at least (one-sided)", number_text(claim.excess_at_least, claim.excess, "down"))]


def diagnostics_section(analysis: Analysis) -> Section:
    """Checks beside the certificate, which never change it."""
    test = analysis.no_signalling
    rows: list[Row] = [
        ("no-signalling test, log10 p", Cell(log10_text(test.log10_p_value), alarm_text(test.alarm))),
        (_visibility_name(analysis), estimate_cell(analysis.visibility)),
    ]
    if beyond := analysis.beyond_quantum:
        share = f"{beyond.score_share.estimate:.4f}"
        rows.append(("score over the quantum bound", Cell(share, alarm_text(beyond.alarm))))
    predicted = analysis.provenance.predicted_visibility
    if predicted is not None:
        rows.append(("visibility predicted from the calibration", f"{predicted:.4f}"))
    if analysis.parallel:
        crosstalk = analysis.parallel.crosstalk
        worst = f"{alarm_text(crosstalk.alarm)}, worst: pair {crosstalk.source} on {crosstalk.target}"
        rows.append(("crosstalk test between pairs, log10 p", Cell(log10_text(crosstalk.log10_p_value), worst)))
    if analysis.chsh:
        rows.append(("CHSH S (classical at most 2, quantum at most 2.828)", estimate_cell(analysis.chsh)))
    for router, values in (("A", analysis.marginals.a), ("B", analysis.marginals.b)):
        each = ", ".join(f"{value:.4f}" for value in values)
        shown = each if len(values) <= MAX_MATRIX else f"{min(values):.4f} … {max(values):.4f}"
        rows.append((f"P(outcome 0) at router {router}, by type", shown))
    return two_columns("Diagnostics", rows, _levels(analysis.certificate, together=False))


def _visibility_name(analysis: Analysis) -> str:
    """What to call the share of the ideal score: the bases of foreign counts may not be the best, so it proves less."""
    name = "visibility" if analysis.planned else "least visibility"
    return f"{name}, against {analysis.visibility.relative_to}"


def pairs_section(parallel: ParallelPairs, certificate: Certificate) -> Section:
    """Each of the pairs measured in every shot."""
    fresh = (certificate.log10_p_value_any_crosstalk, certificate.log10_p_value_pooled) != (None, None)
    rests = "holds by itself whatever the other pairs do" if fresh else "rests on the certificate's assumption"
    chsh = any(pair.chsh for pair in parallel.pairs)
    rows = []
    for number, pair in enumerate(parallel.pairs, start=1):
        cells: list[Cell | str] = [
            estimate_cell(pair.visibility),
            estimate_cell(pair.waiting_time),
            number_text(pair.splitting_probability.estimate, pair.splitting_probability),
        ]
        if chsh:
            cells.append(number_text(pair.chsh.estimate, pair.chsh) if pair.chsh else NONE)
        qubits = f": {pair.qubits[0]}-{pair.qubits[1]}" if pair.qubits else ""
        rows.append((f"{number}{qubits}", [*cells, log10_text(pair.log10_p_value)]))
    return section(
        f"The {len(parallel.pairs)} pairs of each shot",
        ("pair", "visibility", "W", "p", *(("CHSH S",) if chsh else ()), "log10 p"),
        rows,
        f"{parallel.shots} shots, {parallel.pairs[0].lost} of them lost. {_levels(certificate, together=False)} "
        f"Each p-value {rests}; "
        f"the best of all, log10 p = {log10_text(parallel.log10_p_value_best_pair)} (Bonferroni), too.",
    )
