"""Shares in percent, rounded so that less than all never reads as all."""

from __future__ import annotations

SAME = 1e-9  # relative difference that counts as none


def share_text(share: float) -> str:
    """A share of a whole, or "all"."""
    if share >= 1 - SAME:
        return "all"
    return "over 99.9 %" if share > 0.9995 else f"{100 * share:.1f} %"


def chance_text(probability: float) -> str:
    """A probability that never reads as certainty."""
    if probability > 0.9995:
        return "over 99.9 %"
    return "under 0.1 %" if probability < 0.0005 else f"{100 * probability:.1f} %"


def confidence_text(share: float) -> str:
    """99.9 %, with as many digits as it takes to stay below 100."""
    if share >= 1:  # only in floating point
        return "over 99.9999999999 %"
    digits = 0
    while round(100 * share, digits) >= 100:
        digits += 1
    text = f"{100 * share:.{max(digits, 1)}f}".rstrip("0").rstrip(".")
    return f"{text} %"
