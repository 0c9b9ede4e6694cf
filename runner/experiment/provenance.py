"""Versions and times that say where a result comes from."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib import metadata

LIBRARIES = ("numpy", "scipy", "qiskit", "qiskit-aer", "qiskit-ibm-runtime", "amazon-braket-sdk")


def bellqueue_version() -> str:
    """The installed version, or `unknown` when run from sources that were never installed."""
    try:
        return metadata.version("bellqueue")
    except metadata.PackageNotFoundError:
        return "unknown"


def library_versions() -> dict[str, str]:
    """Python and every installed library that a result depends on."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def numerical_versions() -> dict[str, str]:
    """What the numbers of the model depend on: bellqueue itself, numpy and scipy."""
    versions = library_versions()
    return {"bellqueue": bellqueue_version(), **{name: versions[name] for name in ("numpy", "scipy")}}


def now() -> str:
    """The present moment, UTC, to the second (ISO 8601)."""
    return datetime.now(UTC).replace(microsecond=0).isoformat()
