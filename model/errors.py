"""Every error that bellqueue raises on purpose; an `except BellqueueError` catches them all."""

from __future__ import annotations

from .printable import printable


class BellqueueError(Exception):
    """Base of all errors a user can mend; its text is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class ScenarioError(BellqueueError):
    """The scenario is malformed, inconsistent or outside the model, for example at a load of 1 or more."""


class NoTradeOffError(ScenarioError):
    """Baseline throughput does not fall strictly with the splitting probability."""


class NoBoundError(ScenarioError):
    """There is no bound on every classical router that does not communicate, or it is too expensive to compute."""


class SweepError(BellqueueError):
    """The sweep file is malformed, its folder is another sweep's or damaged, or there is nothing left to compute on."""


class DataError(BellqueueError):
    """Counts or trials are malformed, or do not belong to the scenario."""


class BackendError(BellqueueError):
    """The backend does not exist, is not installed, or refuses its options."""


class UnreachableError(BackendError):
    """The provider gave no usable answer (connection lost or stalled, 5xx, 429 on reading); it may have acted."""


class RefusedError(BackendError):
    """The provider refused (wrong credentials, no permission, an invalid request) and created nothing."""


class LedgerError(BellqueueError):
    """The ledger cannot be opened or read, or what it holds forbids what was asked."""


class OutputError(BellqueueError):
    """A result cannot be written: the place is taken or not writable."""
