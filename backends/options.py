"""What a user types after the name of a provider: a device, and options such as pairs of qubits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from ..model.errors import BackendError
from ..model.suggestion import suggestion

Pair = tuple[int, int]


def parse_device(provider: str, argument: str | None, allowed: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The device and the options in `torino,pair=92-99`; the device is empty if none was given.

    Args:
        provider: What the user typed before the colon, for messages.
        argument: What follows it, or None.
        allowed: Names of options.

    Raises:
        BackendError: an option is unknown, doubled or without a value.
    """
    device, comma, options = (part.strip() for part in (argument or "").partition(","))
    return device, parse_options(f"{provider}:{device}", options, allowed) if comma else {}


def parse_options(provider: str, text: str, allowed: Sequence[str]) -> dict[str, str]:
    """`name=value` pairs separated by commas.

    Raises:
        BackendError: an option is unknown, doubled or without a value.
    """
    options: dict[str, str] = {}
    mark = "," if ":" in provider else ":"  # options follow a device, or else the provider itself
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (name and equals and value):
            raise BackendError(
                f"{provider}: option {part.strip()!r} is not name=value; write {provider}{mark}{allowed[0]}=…, "
                "several separated by commas, decimals with a point"
            )
        if name not in allowed:
            raise BackendError(f"{provider}: unknown option {name!r}{suggestion(name, allowed)}")
        if name in options:
            raise BackendError(f"{provider}: option {name} is given twice; give it once")
        options[name] = value
    return options


def parse_pair(name: str, text: str) -> Pair:
    """Two different qubits from `92-99`, A's first.

    Raises:
        BackendError: the text is not that.
    """
    found = re.fullmatch(r"(\d+)\s*[-–]\s*(\d+)", text)
    if not found or int(found[1]) == int(found[2]):
        raise BackendError(f"{name}: pair={text} is not two qubits; write pair=92-99, A's qubit first")
    return int(found[1]), int(found[2])


def parse_delay(name: str, text: str) -> float:
    """Seconds from a time with its unit: `250us`, `0.25ms`, `0.00025s`.

    Raises:
        BackendError: the text is not that.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(us|µs|ms|s)", text)
    if not found:
        raise BackendError(f"{name}: rep_delay={text} is not a time; write rep_delay=250us, or in ms or s")
    # Through microseconds, so that 0.25ms and 250us are the same number.
    return float(Decimal(found[1]) * {"ms": 1000, "s": 1_000_000}.get(found[2], 1)) * 1e-6


def delay_text(seconds: float) -> str:
    """The shortest way to type a time: `250us`, `4ms`."""
    return f"{seconds * 1e3:.6g}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.6g}us"


def parse_pairs(name: str, pair: str | None, pairs: str | None) -> tuple[int, tuple[Pair, ...]]:
    """How many pairs are measured in every shot, and which of them are forced.

    Args:
        name: The backend, for messages.
        pair: The option `pair`: `92-99`, or several joined by `+`; None if it was not given.
        pairs: The option `pairs`, a whole number. Defaults to the number of forced pairs, at least one.

    Raises:
        BackendError: an option is not that, or more pairs are forced than asked for.
    """
    forced = tuple(parse_pair(name, each.strip()) for each in pair.split("+")) if pair else ()
    if pairs is None:
        return max(1, len(forced)), forced
    if not re.fullmatch(r"[1-9]\d{0,3}", pairs):
        raise BackendError(f"{name}: pairs={pairs} is not a number of pairs; give a whole number of 1 or more")
    if len(forced) > int(pairs):
        raise BackendError(f"{name}: pairs={pairs}, but pair= names {len(forced)}; give pairs={len(forced)} or more")
    return int(pairs), forced
