"""One line of the list of backends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class BackendSummary:
    """One line of `bellqueue backends`.

    Attributes:
        name: What to type.
        kind: `simulator` or `hardware`.
        qubits: Number of qubits of the device, if cheaply known.
        available: Whether what it needs is installed and, of a cloud device, whether it is up.
        note: What it is, or what is missing.
        status: The provider's word for the state of a cloud device.
        queue: Jobs waiting there; text, because providers say `>2000` too.
        pair: The best pair of qubits by today's calibration.
        predicted_visibility: What that pair promises.
        price: What it costs, in words.
    """

    name: str
    kind: Literal["simulator", "hardware"]
    qubits: int | None
    available: bool
    note: str
    status: str | None = None
    queue: str | None = None
    pair: tuple[int, int] | None = None
    predicted_visibility: float | None = None
    price: str | None = None
