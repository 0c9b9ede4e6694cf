"""Every error that bellqueue raises on purpose.

BellqueueError                 one line for the user: what, where, what to do
├── ScenarioError              a scenario file or object that cannot be meant
│   ├── NoTradeOffError        a baseline reward under which interruptions cost nothing
│   └── NoBoundError           a scenario without a bound on every classical router, or beyond what is computed
├── SweepError                 a sweep that cannot be meant, a folder of another one, or workers that are gone
├── DataError                  counts, trials or a run folder that cannot be read as such
├── BackendError               a backend that is unknown, not installed or given wrong options
│   ├── UnreachableError       the provider did not answer usably; whether it acted is not known
│   └── RefusedError           the provider said no, and did nothing
├── LedgerError                the record of submitted jobs cannot be read, or does not allow what was asked
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


class NoBoundError(ScenarioError):
    """There is no bound on every classical router that does not communicate, or it is beyond what is computed."""


class SweepError(BellqueueError):
    """The sweep file is malformed, its folder is another sweep's or damaged, or there is nothing left to compute on."""


class DataError(BellqueueError):
    """Counts or trials are malformed, or do not belong to the scenario."""


class BackendError(BellqueueError):
    """The backend does not exist, is not installed, or refuses its options."""


class UnreachableError(BackendError):
    """The provider gave no usable answer: a dropped or stalled connection, a 5xx, a 429 on reading."""


class RefusedError(BackendError):
    """The provider refused: wrong credentials, no permission, a request it will not take. Nothing was created."""


class LedgerError(BellqueueError):
    """The ledger cannot be opened or read, or what it holds forbids what was asked."""


class OutputError(BellqueueError):
    """A result cannot be written: the place is taken or not writable."""
