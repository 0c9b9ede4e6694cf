"""Versions and times that say where a result comes from."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib import metadata

LIBRARIES = ("numpy", "scipy", "qiskit", "qiskit-aer", "qiskit-ibm-runtime", "amazon-braket-sdk")


def installed_version(package: str) -> str | None:
    """The version of a package, or None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def bellqueue_version() -> str:
    """The installed version, or `unknown` when run from sources that were never installed."""
    return installed_version("bellqueue") or "unknown"


def library_versions() -> dict[str, str]:
    """Python and every installed library that a result depends on."""
    libraries = {name: version for name in LIBRARIES if (version := installed_version(name))}
    return {"python": platform.python_version(), **libraries}


def numerical_versions() -> dict[str, str]:
    """What the numbers of the model depend on: bellqueue itself, numpy and scipy."""
    return {"bellqueue": bellqueue_version(), **{name: metadata.version(name) for name in ("numpy", "scipy")}}


def now() -> str:
    """The present moment, UTC, to the second (ISO 8601)."""
    return datetime.now(UTC).replace(microsecond=0).isoformat()
