"""Every error that bellqueue raises on purpose.

BellqueueError                 one line for the user: what, where, what to do
├── ScenarioError              a scenario file or object that cannot be meant
│   └── NoTradeOffError        a baseline reward under which interruptions cost nothing
├── DataError                  counts, trials or a run folder that cannot be read as such
├── BackendError               a backend that is unknown, not installed or given wrong options
└── OutputError                a result that cannot be written where it was asked for
"""

from __future__ import annotations


class BellqueueError(Exception):
    """Base of all errors a user can mend; its text is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class ScenarioError(BellqueueError):
    """The scenario is malformed, inconsistent or outside the model (load ≥ 1, say)."""


class NoTradeOffError(ScenarioError):
    """Baseline throughput does not fall strictly with the splitting probability."""


class DataError(BellqueueError):
    """Counts or trials are malformed, or do not belong to the scenario."""


class BackendError(BellqueueError):
    """The backend does not exist, is not installed, or refuses its options."""


class OutputError(BellqueueError):
    """A result cannot be written: the place is taken or not writable."""
