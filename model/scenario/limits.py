"""When to stop proving a classical frontier."""

from __future__ import annotations

from dataclasses import dataclass

MAX_BELL_PAIRS = 3  # for one request pair: six qubits, which every simulator here takes
SEARCH_SECONDS = 60.0  # of branch and bound, for one game or one frontier


@dataclass(frozen=True)
class Limits:
    """When to stop proving a classical frontier.

    Attributes:
        relative_gap: Between the strategies found and what is proved of W, as a share of W; 0 asks for all of it.
        seconds: Of branch and bound, for all games of one frontier together; faster methods know no limit.
    """

    relative_gap: float = 0.0
    seconds: float = SEARCH_SECONDS
