"""One adapter per provider behind two small protocols, and the ledger; importing it imports no quantum SDK."""

from .protocol import Description, JobStatus, LocalBackend, RemoteBackend
from .registry import BackendSummary, list_backends, open_backend

__all__ = [
    "BackendSummary",
    "Description",
    "JobStatus",
    "LocalBackend",
    "RemoteBackend",
    "list_backends",
    "open_backend",
]
