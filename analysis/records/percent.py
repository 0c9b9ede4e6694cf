"""Shares in percent, rounded so that nothing reads as more than it is: lower limits down, upper limits up."""

from __future__ import annotations

from ...model.estimate import Estimate, Toward, above, rounded, significant

SAME = 1e-9  # relative difference that counts as none


def percent_text(share: float, decimals: int = 1, toward: Toward = "nearest") -> str:
    """A share in percent, rounded in the direction."""
    return f"{rounded(share, decimals, toward, percent=True)} %"


def at_least(share: Estimate) -> str:
    """The lower limit of a share that is above 0, rounded down but never to 0; empty if it is not above 0."""
    return f"at least {above(share.low, 0.0, 1, percent=True)} %" if share.low > 0 else ""


def estimate_of(share: Estimate) -> str:
    """The estimate of a share, to stand after its limit: it flatters whoever stopped at a certificate."""
    return f"estimate {percent_text(share.estimate)}"


def at_most(share: float) -> str:
    """An upper limit, to two digits."""
    return f"{significant(100 * share, 2, 'up')} %"


def less_or_more(share: float) -> str:
    """How much less a request waits, or more."""
    return f"{percent_text(abs(share))} {'less' if share >= 0 else 'more'}"


def share_text(share: float) -> str:
    """A share of a whole, or "all"."""
    if share >= 1 - SAME:
        return "all"
    return "over 99.9 %" if share > 0.9995 else percent_text(share)


def chance_text(probability: float, toward: Toward = "nearest") -> str:
    """A probability in percent that never reads as certainty."""
    if probability > 0.9995:
        return "over 99.9 %"
    return "under 0.1 %" if probability < 0.0005 else percent_text(probability, 1, toward)


def confidence_text(share: float) -> str:
    """99.9 %, with every digit it has, so that it stays below 100."""
    if share >= 1:  # only in floating point
        return "over 99.9999999999 %"
    text = rounded(share, 12, "nearest" if share < 1 - 1e-14 else "down", percent=True)
    return f"{text.rstrip('0').rstrip('.')} %"
