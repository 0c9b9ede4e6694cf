"""What `run`, `analyze`, `fetch` and `plan` print first: the answer in words that need no paper, on one screen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from textwrap import shorten, wrap

from ....analysis.certificate.certificate import CLASS_COMPARED, FOREIGN_LOOPHOLE, FRESH, LOOPHOLE
from ....analysis.design.records import ForecastRecord
from ....analysis.records.analysis_record import Analysis
from ....analysis.records.percent import at_least, chance_text, confidence_text, estimate_of, less_or_more, percent_text
from ....analysis.records.printable import signs
from ....analysis.records.verdict import allowed_by, weaker_because
from ....analysis.report.tables.analysis import waiting_decimals
from ....analysis.report.tables.section import estimate_cell
from ....model.estimate import Estimate, rounded
from ....model.printable import printable
from ....model.scenario.file import MAX_SHOTS
from .wording import cost_row, go_or_not, pair_text, predicted_for, qubits_text

WIDTH, MOST_LINES = 80, 30
_NAMES = 40  # columns for what a number is
# In plain words.
EVERY_CLASSICAL = "any classical routers that cannot talk to each other, whatever they remember"
DRAWN_AFRESH = "Request types were drawn afresh for every trial, so the chances allow for device drift."
ALL_ALIKE = "Valid if all trials are independent and the device behaves alike throughout."
LOCALITY = {
    LOOPHOLE: "Both qubits are on one device: a signal between them is not ruled out.",
    FOREIGN_LOOPHOLE: "Counts do not show how far apart the qubits were: a signal is not ruled out.",
}
_CLASSES = {CLASS_COMPARED: "classical routers that cannot talk to each other, remember nothing and favor no server"}

Row = tuple[str, str]


def analysis_lines(analysis: Analysis, ends: Sequence[str]) -> list[str]:
    """The verdict, the numbers that matter, what it rests on, and where to read on."""
    limits = f"(in brackets: limits with {confidence_text(1 - analysis.certificate.significance)} confidence together)"
    return screen(
        [*analysis.warnings, _verdict(analysis)],
        f"{analysis.title}; {analysis.provenance.source}",
        [*(line(*row) for row in _measured(analysis)), limits],
        [*_rests(analysis), *([analysis.bell_pairs.sentence()] if analysis.bell_pairs else [])],
        ends,
    )


def forecast_lines(record: ForecastRecord, ends: Sequence[str], typed: str = "") -> list[str]:
    """Go or no-go, the numbers that matter, what would change it, and go or no-go again (`go_or_not`)."""
    why_memoryless = record.forecast.why_memoryless
    return screen(
        [record.verdict],
        record.title,
        [*(line(*row) for row in _predicted(record)), "(in brackets: where 95 % of such runs will lie)"],
        [
            predicted_for(record.device),
            *([why_memoryless] if why_memoryless else []),
            *_remedies(record),
            *record.warnings,
        ],
        [*ends, go_or_not(record, typed)],
    )


def screen(
    first: Sequence[str], about: str, rows: Sequence[str], notes: Sequence[str], ends: Sequence[str]
) -> list[str]:
    """The parts with empty lines between them; what does not fit on one screen is left to `--full`."""
    head = [part for sentence in first for part in wrap(signs(printable(sentence)), WIDTH)]
    head += ["", shorten(printable(about), WIDTH, placeholder=" …"), ""]
    tail: list[str] = []
    room = MOST_LINES - len(head) - len(rows) - len(ends) - 2
    for number, note in enumerate(notes):
        lines = wrap(signs(printable(note)), WIDTH, subsequent_indent="  ")
        left = len(notes) - number
        if len(lines) > room - len(tail) - (left > 1):
            tail.append(f"{left} more notes with --full." if left > 1 else "One more note with --full.")
            break
        tail += lines
    return [*head, *rows, "", *tail, "", *ends]


def line(name: str, value: str) -> str:
    """A number with what it is."""
    return f"{name:{_NAMES}}  {signs(value)}"


def _verdict(analysis: Analysis) -> str:
    certificate = analysis.certificate
    others = _CLASSES.get(analysis.class_compared, analysis.class_compared)
    saved, wider = analysis.advantage.waiting_time_reduction_relative, analysis.every_classical
    significance = certificate.significance
    if wider and wider.certified:
        return f"CERTIFIED: {waiting_less(wider.waiting_time_reduction_relative, EVERY_CLASSICAL, significance)}"
    if certificate.certified:
        why = weaker_because(wider, analysis.frontiers.reason_without_every_classical, certificate.lost)
        return (
            f"CERTIFIED against memoryless classical routers only: {waiting_less(saved, others, significance)} Not "
            f"certified against every classical router: {why}."
        )
    start = f"NOT CERTIFIED: this does not show that requests wait less than with {others}."
    if certificate.quantum_bound.high <= certificate.classical_bound.high * (1 + 1e-9):
        return f"{start} In this scenario entanglement has no advantage to show."
    if certificate.excess.estimate <= 0:
        more = f": requests wait {less_or_more(saved.estimate)}" if saved.estimate < 0 else ""
        return f"{start} The measured decisions are no better than those of classical routers{more}."
    less = estimate_cell(saved, percent=True).value
    if certificate.lost:
        return f"{start} Requests waited {less} less, but that is within what {allowed_by(certificate.lost)}."
    return f"{start} Requests waited {less} less, but that can be chance in {certificate.trials} trials."


def waiting_less(share: Estimate, others: str, significance: float) -> str:
    """How much less requests wait than with others, in a sentence that names the condition first."""
    same = "with the same background work done, requests wait"
    if share.low > 0:
        sure = f"{confidence_text(1 - significance)} confidence"
        return f"{same} {at_least(share)} less than with {others} ({sure}; {estimate_of(share)})."
    return f"{same} less than with {others}, by how much is not certain yet ({estimate_of(share)})."


def _measured(analysis: Analysis) -> Iterator[Row]:
    certificate, observed, classical = analysis.certificate, analysis.observed, analysis.classical
    predicted, digits = analysis.planned.predicted if analysis.planned else None, waiting_decimals(analysis)
    yield "mean waiting time (units of time)", shown(observed.waiting_time, decimals=digits)
    wider, foreseen = analysis.every_classical, predicted and predicted.every_classical_reduction_relative
    if wider:
        yield "  with any classical routers, at least", shown(wider.waiting_time_at_equal_throughput, decimals=digits)
        yield "    saved", _proved(wider.waiting_time_reduction_relative)
        if foreseen and foreseen > 0:
            yield "    saved, as the calibration predicted", percent_text(foreseen)
    yield "  with memoryless classical routers", shown(classical.waiting_time_at_equal_throughput, decimals=digits)
    yield "    saved", shown(analysis.advantage.waiting_time_reduction_relative, percent=True)
    if predicted and foreseen is None:
        yield "    saved, as the calibration predicted", percent_text(predicted.waiting_time_reduction_relative)
    yield "background work done (per unit of time)", shown(observed.baseline_throughput)
    yield "pairs sent to different servers", shown(observed.splitting_probability, percent=True)
    every = analysis.frontiers.every_classical
    needed = every.least_visibility if wider and every else analysis.frontiers.least_visibility
    enough = "" if needed is None else f" (above {needed:.3f} can help)"
    visibility = analysis.visibility.estimate
    quality = rounded(visibility, 3) if analysis.planned else f"at least {rounded(visibility, 3, 'down')}"
    yield "Bell pair visibility (1 is perfect)", quality + enough
    if wider:
        yield "chance with any classical routers", rarity(wider.log10_p_value, certificate.significance)
    yield "chance with memoryless classical routers", rarity(certificate.log10_p_value, certificate.significance)
    shots = f" ({certificate.parallel} in every shot)" if certificate.parallel > 1 else ""
    declared = "" if analysis.planned else "declared "  # nobody else knows what was left out of counts taken elsewhere
    yield "trials", f"{certificate.trials}{shots}, {certificate.lost or 'none'} {declared}lost"
    if analysis.break_even and analysis.break_even.observed.estimate > 0:
        yield _beats_talking(analysis.break_even.observed.estimate, analysis.break_even.observed_distance_km)


def _rests(analysis: Analysis) -> Iterator[str]:
    certificate = analysis.certificate
    if certificate.assumption.startswith(FRESH):
        rests = DRAWN_AFRESH
        if not (analysis.measured and analysis.measured.stopped):
            rests += " The limits are for independent trials of one strategy."
    else:
        rests = ALL_ALIKE
    if certificate.edges > 1:
        rests += " No plan was declared, and the chance above allows for that."
    if router := analysis.provenance.inverted:
        rests += (
            f" Router {router.upper()}'s outcomes were inverted after the data; the chance allows for that as well."
        )
    if certificate.parallel > 1:
        rests += " No Bell pair may depend on the settings of another."
    if analysis.measured and analysis.measured.stopped:
        rests += " The run could stop early, and all numbers allow for that."
    if analysis.provenance.locality:
        first, stop, more = analysis.provenance.locality.partition(". ")
        yield from filter(None, [first + stop.strip(), rests, more])
        return
    yield rests
    yield LOCALITY.get(analysis.locality, LOCALITY[LOOPHOLE])
    if analysis.provenance.described:
        yield shorten(f"Source as declared: {analysis.provenance.described}", 2 * WIDTH - 10, placeholder=" …")


def _predicted(record: ForecastRecord) -> Iterator[Row]:
    found = record.forecast
    expected, classical = found.expected, found.promise.classical.waiting_time
    yield f"chance that {found.shots} trials certify", chance_text(found.predicted_power)
    needed = found.design.trials if found.design else None
    yield f"trials for a chance of {100 * found.power:g} %", "no number is enough" if needed is None else f"{needed}"
    yield "mean waiting time (units of time)", shown(expected.waiting_time)
    if found.every_classical:
        saved = found.every_classical.waiting_time_reduction_relative
        yield "  saved against any classical routers", _proved(saved)
    if found.promise.kind != "waiting_time" and classical is not None:
        yield "  with memoryless classical routers", f"{classical:.4g}"
    yield "  saved against memoryless ones", shown(expected.waiting_time_reduction_relative, percent=True)
    yield "background work done (per unit of time)", shown(expected.baseline_throughput)
    yield "pairs sent to different servers", shown(expected.splitting_probability, percent=True)
    yield "Bell pair visibility (1 is perfect)", f"{found.visibility:.3f}{qubits_text(record.device)}"
    if record.cost is not None:
        yield cost_row(record.cost)
    if found.latency_predicted is not None:
        yield _beats_talking(found.latency_predicted, record.distance_predicted_km)


def _remedies(record: ForecastRecord) -> Iterator[str]:
    """What would turn a no-go into a go."""
    better, remedies = record.better_pair, record.forecast.remedies
    if remedies is None:
        return
    if better is not None and better.trials is not None:
        yield f"It would be a go with qubits {pair_text(better.pair)}: --backend {better.name}"
    if remedies.trials is not None and remedies.trials <= MAX_SHOTS:
        yield f"It would be a go with more trials: --shots {remedies.trials}"
    if remedies.memoryless_trials is not None and remedies.memoryless_trials <= record.forecast.shots:
        yield 'It would be a go against memoryless routers only: against = "memoryless" in [experiment]'
    if remedies.sufficient_visibility is not None:
        enough = rounded(remedies.sufficient_visibility, 3, "up")
        yield f"It would be a go with less noise: Bell pair visibility {enough} or better."
    if remedies.multiplier_trials is not None and (remedies.trials or math.inf) > remedies.multiplier_trials:
        yield f"It would be a go at another operating point with {remedies.multiplier_trials} trials; --full shows it."
    elif remedies.least_visibility_anywhere is None:
        yield "In this scenario entanglement never helps; try other traffic."


def _beats_talking(latency: float, distance: float | None) -> Row:
    """Beyond which time or distance routers that first tell each other their requests wait longer."""
    beyond = f"if a message takes over {latency:.3g}" if distance is None else f"beyond {distance:.3g} km of fiber"
    return "better than routers that first talk", beyond


def _proved(saved: Estimate) -> str:
    """What is saved of a proved lower limit: below it nothing is known."""
    return shown(saved, percent=True) if saved.estimate > 0 else "nothing is proved"


def shown(value: Estimate, *, percent: bool = False, decimals: int | None = None) -> str:
    """An estimate with its limits in brackets."""
    cell = estimate_cell(value, percent=percent, decimals=decimals)
    return f"{cell.value}  ({cell.limits})" if cell.limits else cell.value


def rarity(log10_p: float, significance: float) -> str:
    """A p-value as a chance, and what had been asked for."""
    if log10_p > -4:
        return f"{chance_text(10.0**log10_p, 'up')} (asked: {100 * significance:.3g} %)"
    return f"under 1 in 10^{math.floor(-log10_p)} (asked: {100 * significance:.3g} %)"
