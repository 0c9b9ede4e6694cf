"""The verdict in words: what was found, how large, against which class, with any alarm in its first line.

Two statements stay apart: what was tested of the outcomes (the p-value, whatever memory the device has), and how long
requests would wait under the average of the strategies measured (by formula; no queue was served).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...model.estimate import significant
from ..certificate.certificate import CLASS_COMPARED, EVERY_CLASSICAL, Certificate
from .analysis_record import Advantage
from .every_classical import AgainstEveryClassical
from .percent import at_least, confidence_text, estimate_of


def verdict(
    certificate: Certificate,
    advantage: Advantage,
    warnings: Sequence[str],
    locality: str,
    every_classical: AgainstEveryClassical | None,
    why_not: str | None,
) -> list[str]:
    """Sentences; the first stands alone, and the last says what is known of the locality loophole.

    Args:
        certificate, advantage: Test of, and advantage over, memoryless routers.
        warnings: Alarms.
        locality: What is known of the loophole.
        every_classical: The stronger verdict; None if there is no bound on every classical router.
        why_not: One sentence on why there is no bound.
    """
    first = " ".join(f"{warning}." for warning in warnings)
    rest: list[str] = []
    if every_classical and every_classical.certified:
        answer = f"CERTIFIED: less waiting than {EVERY_CLASSICAL}: {saved_text(every_classical, certificate)}."
        rest = [f"Against {CLASS_COMPARED}: {saved_text(advantage, certificate)}."]
    elif certificate.certified:
        why = weaker_because(every_classical, why_not, certificate.lost)
        answer = (
            f"CERTIFIED against memoryless classical routers only: {saved_text(advantage, certificate)}. Not certified "
            f"against every classical router: {why}."
        )
    else:
        answer = _not_certified(certificate)
    tested = _statistics(certificate, every_classical)
    rests = [certificate.assumption, certificate.confidence]
    return [f"{first} {answer}".strip(), *rest, tested, *rests, locality]


def saved_text(advantage: Advantage | AgainstEveryClassical, certificate: Certificate) -> str:
    """How much less waiting: the limit first, then the estimate, which flatters those who stop at a certificate."""
    share = advantage.waiting_time_reduction_relative
    claim = advantage if isinstance(advantage, AgainstEveryClassical) else certificate
    excess = claim.excess_at_least
    if excess is None:  # in older records
        excess = advantage.waiting_time_reduction.low
    if share.low <= 0 and excess <= 0:
        return f"at equal baseline throughput by how much is not certain yet ({estimate_of(share)})"
    least = at_least(share) or f"at least {significant(excess, 2, 'down')} units of time"
    sure = confidence_text(1 - certificate.significance)
    return f"at equal baseline throughput {least} ({sure} confidence; {estimate_of(share)})"


def weaker_because(every_classical: AgainstEveryClassical | None, why_not: str | None, lost: int) -> str:
    """Why only the weaker verdict holds, in a clause."""
    if every_classical is None:
        return why_not or "no bound on them is on record"
    if every_classical.excess.estimate <= 0:
        return "with memory they may wait as briefly, or less"
    if lost:
        return f"so small a margin over them is within what {allowed_by(lost)}"
    return "so small a margin over them can be chance"


def allowed_by(lost: int) -> str:
    """What may explain a margin that is not certified: its estimate leaves lost trials out, the test does not."""
    return "chance and the lost trials allow" if lost else "chance allows"


def _not_certified(certificate: Certificate) -> str:
    if certificate.quantum_bound.high <= certificate.classical_bound.high * (1 + 1e-9):
        why = "at this operating point entanglement offers no advantage to observe"
    elif certificate.excess.estimate <= 0:
        short = -certificate.excess.estimate
        why = f"the observed score lies {short:.4g} units of time below the classical bound"
    else:
        why = (
            f"the observed score lies {certificate.excess.estimate:.4g} units of time above the classical bound, "
            f"within what {allowed_by(certificate.lost)} in {certificate.trials} trials"
        )
    return f"NOT CERTIFIED to be better than {CLASS_COMPARED}: {why}."


def _statistics(certificate: Certificate, every_classical: AgainstEveryClassical | None) -> str:
    wider = ""
    if every_classical is not None:
        tried = f" (union bound over {every_classical.edges} multipliers)" if every_classical.edges > 1 else ""
        wider = f"against every classical router log10 p = {every_classical.log10_p_value:.4g}{tried}, "
    return (
        f"Test of local hidden variables: {wider}against memoryless ones log10 p = {certificate.log10_p_value:.4g} "
        f"({certificate.method}, {certificate.trials} trials, significance {certificate.significance:g}; multiplier "
        f"{certificate.multiplier:.6g}, {certificate.multiplier_origin})."
    )
