"""The versions that pyproject.toml and constraints.txt promise fit each other and the oldest Python."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
OLDEST = "3.11.0"


def _pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_the_oldest_python_promised_is_the_one_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == f">={OLDEST.removesuffix('.0')}"


def test_every_package_installed_takes_the_oldest_python() -> None:
    installed, refused = 0, []
    for name, version in _pinned().items():
        try:
            found = distribution(name)
        except PackageNotFoundError:  # of the benchmarks, or of another system
            continue
        installed += 1
        assert found.version == version, f"{name} {found.version} is installed; constraints.txt says {version}"
        for needed in found.metadata.get_all("Requires-Python") or []:
            if not SpecifierSet(needed).contains(OLDEST):
                refused.append(f"{name} {version}: Python {needed}")
    assert installed > 80
    assert refused == []


def _declared() -> dict[str, Requirement]:
    """What users install: the dependencies, and those of the extras that are not for developers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    texts = project["dependencies"] + [text for name in ("braket", "dask", "parquet") for text in extras[name]]
    return {canonicalize_name(each.name): each for each in map(Requirement, texts)}


def _least(specifier: SpecifierSet) -> Version:
    """The lowest version that a specifier's bounds let through."""
    bounds = [each.version for each in specifier if each.operator in (">=", "==", "~=", ">")]
    return max(map(Version, bounds), default=Version("0"))


def _needed_beside() -> list[tuple[str, str, SpecifierSet]]:
    """(who, what, which versions): what the declared packages that are installed ask of one another."""
    declared = _declared()
    found: list[tuple[str, str, SpecifierSet]] = []
    for name in declared:
        try:
            texts = requires(name) or []
        except PackageNotFoundError:  # of an extra
            continue
        for each in map(Requirement, texts):
            applies = each.marker is None or each.marker.evaluate({"extra": ""})
            if applies and canonicalize_name(each.name) in declared:
                found.append((name, canonicalize_name(each.name), each.specifier))
    return found


def test_the_lowest_versions_declared_can_be_installed_together() -> None:
    """What a dependency asks of another is no more than what we ask of it ourselves."""
    declared, needed = _declared(), _needed_beside()
    assert ("qiskit-aer", "qiskit") in {(who, what) for who, what, _ in needed}
    too_low = [
        f"{what}: pyproject.toml says {declared[what].specifier}, {who} {specifier}"
        for who, what, specifier in needed
        if _least(declared[what].specifier) < _least(specifier)
    ]
    assert too_low == []


def test_the_exact_versions_are_among_those_declared() -> None:
    pinned: dict[str, str] = {canonicalize_name(name): version for name, version in _pinned().items()}
    assert [name for name, each in _declared().items() if not each.specifier.contains(pinned[name])] == []
