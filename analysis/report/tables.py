"""The numbers of an analysis as rows of text, and the tables a terminal shows them in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...model.estimate import Estimate
from ..certificate.certificate import Certificate
from ..certificate.several_pairs import ParallelPairs
from ..records.analysis_record import Analysis, BreakEven, Predicted, Visibility
from ..records.bell_pairs import bell_pairs_section
from ..records.frontier_record import FrontierRecord
from ..records.section import NONE as NONE
from ..records.section import Cell as Cell
from ..records.section import Section as Section
from .figures.drawing import printable
from .table_layout import Fitting

RIVALS_AHEAD = "Wider classical rivals, found numerically and outside the class compared, wait no longer"
LATENCY = (
    "One way, in units of time. Where a message takes longer than this, entanglement waits less also than routers that "
    "hold both requests of every pair until they have told each other their types."
)
MAX_VERTICES = 12  # vertices of the classical frontier listed in the terminal; the JSON record has them all
MAX_MATRIX = 6  # types per router up to which weights are shown one by one


def analysis_table(analysis: Analysis) -> RenderableType:
    """The verdict in words, then the tables of numbers; legible at 80 columns and without colour."""
    first, *rest = (printable(sentence) for sentence in analysis.verdict)
    origin = Text(printable(f"Scenario: {analysis.title}. Data: {analysis.provenance.source}."))
    parts: list[RenderableType] = [Text(first, style="bold"), Text(), origin, Text()]
    if analysis.rivals_ahead:
        parts[1:1] = [Text(), Text(f"{RIVALS_AHEAD}: see the last table.", style="bold")]
    for section in analysis_sections(analysis):
        parts += _shown(section)
    return Group(*parts, *(Text(sentence) for sentence in rest[1:]))


def frontier_table(record: FrontierRecord) -> RenderableType:
    """Where entanglement helps in a scenario, and the exact vertices of its classical frontier."""
    parts: list[RenderableType] = [Text(printable(record.title), style="bold"), Text()]
    for section in frontier_sections(record):
        parts += _shown(section)
    return Group(*parts)


def analysis_sections(analysis: Analysis) -> list[Section]:
    """The key numbers: comparison, advantage, certificate, diagnostics, and pairs and rivals where there are any."""
    sections = [
        comparison_section(analysis),
        advantage_section(analysis),
        certificate_section(analysis.certificate),
        diagnostics_section(analysis),
    ]
    if analysis.break_even:
        sections.insert(2, latency_section(analysis.break_even))
    if analysis.bell_pairs:
        sections.insert(2, bell_pairs_section(analysis.bell_pairs))
    if analysis.parallel:
        sections.append(pairs_section(analysis.parallel, analysis.certificate))
    return sections + ([rivals_section(analysis)] if analysis.frontiers.wider_rivals else [])


def comparison_section(analysis: Analysis) -> Section:
    """Observed beside the classical and quantum frontiers, and beside the plan if there was one."""
    planned = analysis.planned
    foreseen = (planned.predicted or planned) if planned else None
    heading = ("predicted" if planned.predicted else "planned",) if planned else ()
    observed, classical, quantum = analysis.observed, analysis.classical, analysis.quantum
    waiting, throughput = "waiting_time_at_equal_throughput", "baseline_throughput_at_equal_waiting_time"
    rows = (
        ("waiting time W", "waiting_time", waiting),
        ("throughput τ", "baseline_throughput", throughput),
        ("splitting p", "splitting_probability", None),
    )
    return Section(
        "Observed against the frontiers",
        ("", "observed", "classical", "quantum", *heading),
        tuple(
            (
                name,
                (
                    estimate_cell(getattr(observed, own)),
                    estimate_cell(getattr(classical, compared)) if compared else Cell(NONE),
                    estimate_cell(getattr(quantum, compared)) if compared else Cell(NONE),
                    *((Cell(_number(getattr(foreseen, own), getattr(observed, own))),) if foreseen else ()),
                ),
            )
            for name, own, compared in rows
        ),
        "Classical, quantum: least W at the observed throughput, and most throughput at the observed W. "
        f"Limits hold together at significance {analysis.certificate.significance:g}; times in units of time. "
        f"{analysis.frontiers.classical_caveat}".rstrip(),
    )


def advantage_section(analysis: Analysis) -> Section:
    """How much better than the classical frontier, and beside it what the calibration had promised."""
    gain = analysis.advantage
    if analysis.planned and analysis.planned.predicted:
        return _foreseen(analysis, analysis.planned.predicted)
    rows = (
        ("waiting time saved at equal throughput (units of time)", estimate_cell(gain.waiting_time_reduction)),
        ("the same, as a share", estimate_cell(gain.waiting_time_reduction_relative, percent=True)),
        ("throughput gained at equal waiting time", estimate_cell(gain.throughput_gain_relative, percent=True)),
    )
    return _two_columns("Advantage over the classical frontier", rows)


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
    return replace(_two_columns(title, tuple(rows)), note=LATENCY)


def _foreseen(analysis: Analysis, predicted: Predicted) -> Section:
    """Observed beside predicted."""
    gain, certificate = analysis.advantage, analysis.certificate
    share, reduction = gain.waiting_time_reduction_relative, gain.waiting_time_reduction
    promised = _number(predicted.waiting_time_reduction, reduction)
    throughput = gain.throughput_gain_relative
    rows = [
        ("waiting time saved at equal throughput (units of time)", estimate_cell(reduction), promised),
        (
            "    the same, as a share",
            estimate_cell(share, percent=True),
            _percent(predicted.waiting_time_reduction_relative, share),
        ),
        (
            "throughput gained at equal waiting time",
            estimate_cell(throughput, percent=True),
            _percent(predicted.throughput_gain_relative, throughput),
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
            ("    over the information limit ln(1/α)/KL", Cell(NONE), f"{predicted.information_limit_ratio:.2f} times")
        )
    return Section(
        "Advantage over the classical frontier",
        ("", "observed", "predicted"),
        tuple((name, (observed, Cell(value))) for name, observed, value in rows),
        "Predicted from the device's calibration, before the data were taken.",
    )


def certificate_section(certificate: Certificate) -> Section:
    """The test of the null hypothesis, with its bounds as intervals."""
    classical, quantum = certificate.classical_bound, certificate.quantum_bound
    rows = [
        ("result", Cell("certified" if certificate.certified else "not certified")),
        ("log10 p", Cell(f"{certificate.log10_p_value + 0.0:.4g}", f"significance {certificate.significance:g}")),
        ("method", Cell(certificate.method)),
        ("multiplier μ", Cell(f"{certificate.multiplier:.6g}", certificate.multiplier_origin)),
        ("score observed (units of time)", Cell(_number(certificate.score, certificate.excess))),
        ("classical bound on the score", Cell(bound_text(classical.low, classical.high), classical.method)),
        ("quantum bound on the score", Cell(bound_text(quantum.low, quantum.high), quantum.method)),
        ("excess Δ = score − classical bound", estimate_cell(certificate.excess)),
        ("trials, lost ones included", Cell(f"{certificate.trials}", f"{certificate.lost} lost")),
    ]
    if certificate.log10_anytime_p_value is not None:
        anytime = Cell(f"{certificate.log10_anytime_p_value + 0.0:.4g}", "test martingale")
        rows.insert(2, ("log10 p, valid whenever one looks", anytime))
    if certificate.log10_p_value_any_crosstalk is not None:
        shots = Cell(f"{certificate.log10_p_value_any_crosstalk + 0.0:.4g}", f"shots of {certificate.parallel} pairs")
        rows.insert(2, ("log10 p, whatever passes between pairs", shots))
    return _two_columns("Certificate", rows)


def diagnostics_section(analysis: Analysis) -> Section:
    """Checks that stand beside the certificate and never change it."""
    test = analysis.no_signalling
    alarm = "ALARM" if test.alarm else "no alarm"
    rows = [
        ("no-signalling test, log10 p", Cell(f"{test.log10_p_value + 0.0:.4g}", alarm)),
        (_visibility_name(analysis), estimate_cell(analysis.visibility)),
    ]
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
    return _two_columns("Diagnostics", rows)


def _visibility_name(analysis: Analysis) -> str:
    """What the share of the ideal score is; the bases of foreign counts may not be the best, and it says less."""
    name = "visibility" if analysis.planned else "least visibility"
    return f"{name}, against {analysis.visibility.relative_to}"


def pairs_section(parallel: ParallelPairs, certificate: Certificate) -> Section:
    """Each of the pairs measured in every shot."""
    fresh = certificate.log10_p_value_any_crosstalk is not None
    rests = "holds by itself whatever the other pairs do" if fresh else "rests on the certificate's assumption"
    chsh = any(pair.chsh for pair in parallel.pairs)
    rows = tuple(
        (
            f"{number}" + (f": {pair.qubits[0]}-{pair.qubits[1]}" if pair.qubits else ""),
            (
                estimate_cell(pair.visibility),
                estimate_cell(pair.waiting_time),
                Cell(_number(pair.splitting_probability.estimate, pair.splitting_probability)),
                *((Cell(_number(pair.chsh.estimate, pair.chsh) if pair.chsh else NONE),) if chsh else ()),
                Cell(f"{pair.log10_p_value + 0.0:.4g}"),
            ),
        )
        for number, pair in enumerate(parallel.pairs, start=1)
    )
    return Section(
        f"The {len(parallel.pairs)} pairs of each shot",
        ("pair", "visibility", "W", "p", *(("CHSH S",) if chsh else ()), "log10 p"),
        rows,
        f"{parallel.shots} shots, {parallel.pairs[0].lost} of them lost. Each p-value {rests}; "
        f"the best of all, log10 p = {parallel.log10_p_value_best_pair + 0.0:.4g} (Bonferroni), too.",
    )


def rivals_section(analysis: Analysis) -> Section:
    """Wider rivals at the observed throughput: found numerically, no part of the certificate."""
    return Section(
        "Wider rivals (numerical, not part of the certificate)",
        ("", "W at equal throughput", "method"),
        tuple(
            (printable(rival.label), (_needed(rival.waiting_time_at_equal_throughput), Cell(printable(rival.method))))
            for rival in analysis.frontiers.wider_rivals
        ),
    )


def frontier_sections(record: FrontierRecord) -> list[Section]:
    """What a scenario's frontiers say, and the first vertices of the classical one."""
    best = record.largest_advantage
    ranges = " and ".join(f"({low:.4g}, {high:.4g})" for low, high in record.advantage_ranges)
    rows = [
        ("load per server ρ", Cell(f"{record.load:.4g}")),
        ("order of a pair sent together", Cell(record.within_pair_order)),
        ("unavoidable waiting time W0", Cell(f"{record.unavoidable_waiting_time:.6g}")),
        *_weights(record),
        ("entanglement helps for p in", Cell(ranges or "no range")),
    ]
    if best and record.largest_reduction_relative is not None:
        rows += [
            ("largest reduction of waiting time", Cell(f"{100 * record.largest_reduction_relative:.2f} %")),
            ("    at splitting probability p", Cell(f"{best.splitting_probability:.6g}")),
            ("    waiting time W there", Cell(f"{best.waiting_time:.6g}")),
            ("    baseline throughput τ there", Cell(f"{best.baseline_throughput:.6g}")),
        ]
    if record.least_visibility is not None:
        rows.append(("least visibility that helps", Cell(f"{record.least_visibility:.4f}")))
    for rival in record.wider_rivals:
        needed = _needed(rival.waiting_time_at_equal_throughput)
        label = f"numerical: {printable(rival.label)}, W at that throughput"
        rows.append((label, Cell(needed.value, printable(rival.method))))
    several = [bell_pairs_section(record.bell_pairs)] if record.bell_pairs else []
    return [_two_columns("Frontiers", rows), *several, _vertices(record)]


def estimate_cell(value: Estimate | Visibility, *, percent: bool = False) -> Cell:
    """An estimate with its limits, to two digits of the limits' half-width."""
    scale = 100.0 if percent else 1.0
    scaled = Estimate(scale * value.estimate, scale * value.low, scale * value.high)
    unit = " %" if percent else ""
    low, high = _number(scaled.low, scaled), _number(scaled.high, scaled)
    return Cell(_number(scaled.estimate, scaled) + unit, f"{low} … {high}{unit}" if low != high else "")


def chance_text(probability: float) -> str:
    """A probability in percent that never reads as certainty."""
    if probability > 0.9995:
        return "over 99.9 %"
    return "under 0.1 %" if probability < 0.0005 else f"{100 * probability:.1f} %"


def bound_text(low: float, high: float) -> str:
    """An interval that holds a bound: its ends, or its middle and half-width where they all but agree."""
    half = (high - low) / 2
    if half > 1e-5 * max(abs(low), abs(high)):
        return f"[{low:.6g}, {high:.6g}]"
    return f"{(low + high) / 2:.6g} ± {half:.1g}"


def _needed(waiting_time: Estimate | None) -> Cell:
    return Cell(NONE) if waiting_time is None else estimate_cell(waiting_time)


def _number(value: float, interval: Estimate) -> str:
    """With as many decimals as the interval leaves certain."""
    if math.isnan(value):
        return NONE
    half = (interval.high - interval.low) / 2
    if not (math.isfinite(half) and half > 0) or abs(value) >= 1e9:
        return f"{value:.6g}"
    decimals = min(max(0, 1 - math.floor(math.log10(half))), 12)
    return f"{value:.{decimals}f}"


def _percent(value: float, beside: Estimate) -> str:
    """A share with as many digits as the observed one has."""
    return f"{_number(100 * value, Estimate(*(100 * each for each in (beside.estimate, beside.low, beside.high))))} %"


def _weights(record: FrontierRecord) -> list[tuple[str, Cell]]:
    """The weights w(x,y), one row for each type of router A, or their range where there are many."""
    rows = record.weights
    if max(len(rows), len(rows[0])) > MAX_MATRIX:
        flat = [weight for row in rows for weight in row]
        told = f"{min(flat):.6g} … {max(flat):.6g} ({len(rows)}×{len(rows[0])} types)"
        return [("weights w (units of time)", Cell(told))]
    return [
        (f"weights w, A: {printable(name)}", Cell(", ".join(f"{weight:.6g}" for weight in row)))
        for name, row in zip(record.types_a, rows, strict=True)
    ]


def _vertices(record: FrontierRecord) -> Section:
    rows = tuple(
        (
            f"{point.splitting_probability:.6g}",
            (
                Cell(f"{point.waiting_time:.6g}"),
                Cell(f"{point.baseline_throughput:.6g}"),
                Cell(NONE if point.multiplier is None else f"{point.multiplier:.6g}"),
            ),
        )
        for point in record.classical[:MAX_VERTICES]
    )
    columns = ("splitting probability p", "waiting time W", "throughput τ", "multiplier μ")
    hidden = len(record.classical) - MAX_VERTICES
    note = f"{hidden} more vertices are in the JSON record. " if hidden > 0 else ""
    kind = "proved lower bound" if record.classical_caveat else "exact"
    return Section(f"Vertices of the classical frontier ({kind})", columns, rows, note + record.classical_caveat)


def _two_columns(title: str, rows: Sequence[tuple[str, Cell]]) -> Section:
    return Section(title, ("", "value"), tuple((name, (cell,)) for name, cell in rows))


def _shown(section: Section) -> list[RenderableType]:
    """As rich shows it; Text objects throughout, so that brackets in names are no markup."""
    pairs = section.columns == ("", "value")
    table = Table(title=Text(section.title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.show_header = not pairs
    for column in section.columns:
        table.add_column(Text(column), overflow="fold")
    for name, cells in section.rows:
        table.add_row(Text(name), *(Text(_in_pair(cell) if pairs else _in_column(cell)) for cell in cells))
    return [Fitting(table), *([Text(section.note)] if section.note else []), Text()]


def _in_pair(cell: Cell) -> str:
    return f"{cell.value}  ({cell.limits})" if cell.limits else cell.value


def _in_column(cell: Cell) -> str:
    """Limits under the estimate and set tight: four such columns fit into 80 characters."""
    return f"{cell.value}\n{cell.limits.replace(' … ', '…')}" if cell.limits else cell.value
