"""One adapter per provider behind one small protocol, and the ledger; importing it imports no quantum SDK."""

from .protocol import Backend, Description, JobStatus, LocalBackend, RemoteBackend
from .registry import BackendSummary, list_backends, open_backend

__all__ = [
    "Backend",
    "BackendSummary",
    "Description",
    "JobStatus",
    "LocalBackend",
    "RemoteBackend",
    "list_backends",
    "open_backend",
]
