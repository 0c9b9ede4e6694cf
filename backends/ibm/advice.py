"""What a user of IBM Quantum should read before paying: what a long repetition delay costs, and what time is left."""

from __future__ import annotations

from typing import Any

from ..options import delay_text
from .session import ask


def dear_delay(shots: int, seconds: float, delay: float, shorter: float) -> str:
    """A line if waiting between shots costs more than all else and a shorter delay may be chosen, else "".

    Args:
        shots: Executions of the circuit.
        seconds: What they take in all.
        delay: Pause before each of them, in seconds.
        shorter: The pause that may be chosen instead.
    """
    waiting = shots * delay
    if delay <= shorter or waiting <= seconds - waiting:
        return ""
    instead = seconds - waiting + shots * shorter
    return (
        f"{waiting:.1f} s of the {seconds:.1f} s are this device's default repetition delay of {delay_text(delay)} per "
        f"shot; with rep_delay={delay_text(shorter)} after its name the run takes {instead:.1f} s, but qubits may be "
        "reset less well"
    )


def time_left(service: Any, seconds: float) -> tuple[list[str], str]:
    """Lines on the time that the active instance has left, and why jobs may have to wait for more, or "".

    Args:
        service: The client.
        seconds: Time on the device that the jobs take.

    Raises:
        BackendError: the service does not say.
    """
    usage = ask(service.usage, "asking for the instance's usage")
    left = usage.get("usage_remaining_seconds")
    if usage.get("usage_limit_reached"):
        return [], "this instance has used up its time; the jobs wait until IBM Quantum makes more available"
    if left is None:
        return [], ""
    if seconds > left:
        return [], f"this instance has {left:.0f} s left and this needs about {seconds:.0f} s; the rest waits"
    return [f"this instance has {left:.0f} s left"], ""
