"""One adapter per provider behind one small protocol; importing it imports no quantum SDK."""

from .protocol import Backend, Description, JobStatus
from .registry import BackendSummary, list_backends, open_backend

__all__ = ["Backend", "BackendSummary", "Description", "JobStatus", "list_backends", "open_backend"]
