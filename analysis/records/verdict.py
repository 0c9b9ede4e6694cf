"""The verdict in words: what was found, how large, against which class, with any alarm in its first line."""

from __future__ import annotations

from collections.abc import Sequence

from ..certificate.certificate import CLASS_COMPARED, Certificate
from .analysis_record import Advantage
from .percent import confidence_text


def verdict(certificate: Certificate, advantage: Advantage, warnings: Sequence[str], locality: str) -> list[str]:
    """Sentences; the first stands alone, and the last says what is known of the locality loophole."""
    first = " ".join(f"{warning}." for warning in warnings)
    answer = _certified(certificate, advantage) if certificate.certified else _not_certified(certificate)
    return [f"{first} {answer}".strip(), _statistics(certificate), certificate.assumption, locality]


def _certified(certificate: Certificate, advantage: Advantage) -> str:
    reduction, relative = advantage.waiting_time_reduction, advantage.waiting_time_reduction_relative
    return (
        f"CERTIFIED: better than {CLASS_COMPARED}: at equal baseline throughput a request waits "
        f"{reduction.estimate:.4g} units of time less ({100 * relative.estimate:.1f} %), "
        f"at least {reduction.low:.4g} with {confidence_text(1 - certificate.significance)} confidence."
    )


def _not_certified(certificate: Certificate) -> str:
    if certificate.quantum_bound.high <= certificate.classical_bound.high * (1 + 1e-9):
        why = "at this operating point entanglement offers no advantage to observe"
    elif certificate.excess.estimate <= 0:
        short = -certificate.excess.estimate
        why = f"the observed score lies {short:.4g} units of time below the classical bound"
    else:
        why = (
            f"the observed score lies {certificate.excess.estimate:.4g} units of time above the classical bound, "
            "within what chance allows for so few trials"
        )
    return f"NOT CERTIFIED to be better than {CLASS_COMPARED}: {why}."


def _statistics(certificate: Certificate) -> str:
    return (
        f"log10 p = {certificate.log10_p_value:.4g} ({certificate.method}, {certificate.trials} trials, "
        f"significance {certificate.significance:g}; multiplier {certificate.multiplier:.6g}, "
        f"{certificate.multiplier_origin})."
    )
