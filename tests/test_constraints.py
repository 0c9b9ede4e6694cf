"""The exact versions of constraints.txt install on every Python that pyproject.toml promises."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.specifiers import SpecifierSet

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
