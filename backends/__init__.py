"""One adapter per provider behind one small protocol, and the ledger; importing it imports no quantum SDK."""

from .protocol import Backend, Description, JobStatus, LocalBackend, RemoteBackend
from .registry import list_backends, open_backend
from .summary import BackendSummary

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
