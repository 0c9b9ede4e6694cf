"""What holds for every test."""

from __future__ import annotations

import os

# Small matrices everywhere: threads of the linear algebra only fight each other, the more the busier the machine is.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tests.browsing import chromium  # after the environment is set

__all__ = ["chromium"]  # a fixture
