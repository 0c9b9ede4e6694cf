"""Each room imports only what the design allows, no circle ties two, and what must be light stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What each top-level folder may import, and within a folder its rooms from the bottom up: each may import those before
# it. "" are the modules that lie in the folder itself; a room that is not listed is an error.
ALLOWED = {
    "model": set(),
    "circuits": {"model"},
    "backends": {"circuits", "model"},
    "analysis": {"model"},
    "runner": {"analysis", "backends", "circuits", "model"},
}
ROOMS = {
    "model": ("", "queueing", "scenario", "games/values", "informed", "games", "link", "sweep"),
    "circuits": ("",),
    "backends": ("", "calibration", "simulators", "accounts", "jobs", "ibm", "braket"),
    "analysis": (
        "certificate",
        "records",
        "design",
        "replay",
        "menus",
        "report/figures",
        "report/tables",
        "report",
        "verification",
        "verification/menus",
        "",
    ),
    "runner": ("", "experiment", "design", "sweep", "api", "commands/screens", "commands"),
}
MOST_FILES = 14
# The list of all backends and the devices of the cloud join what the rooms hold.
JOINTS = {f"backends/{name}.py" for name in ("__init__", "registry", "cloud_devices")}
SDKS = {"qiskit", "qiskit_aer", "qiskit_ibm_runtime", "braket", "boto3"}


def _files() -> list[Path]:
    return sorted(path for folder in ALLOWED for path in (ROOT / folder).rglob("*.py"))


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(path: Path) -> tuple[str, str]:
    """The top-level folder, and the room in it."""
    folder, *rooms = path.relative_to(ROOT).parent.parts
    return folder, "/".join(rooms)


def _imports(path: Path, *, lazy: bool) -> Iterator[tuple[str, bool]]:
    """(dotted name from the root of the package, whether it is one of ours) of the imports in a file.

    With `lazy` also those inside functions and under TYPE_CHECKING.
    """
    package = list(path.relative_to(ROOT).parent.parts)
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree) if lazy else tree.body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or "", False
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], *((node.module or "").split(".") if node.module else ())]
            for alias in node.names:
                target = [*base, alias.name]
                yield ".".join(target if _path(target) else base), True


def _path(parts: list[str]) -> Path | None:
    """The file of a module or package of ours."""
    for path in (ROOT.joinpath(*parts).with_suffix(".py"), ROOT.joinpath(*parts, "__init__.py")):
        if path.is_file():
            return path
    return None


@pytest.mark.parametrize("folder", ALLOWED)
def test_folders_import_only_what_the_design_allows(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        for name, ours in _imports(path, lazy=True):
            top = name.split(".")[0]
            if ours:
                assert top in ALLOWED[folder] | {folder}, f"{path} imports {name}"
            else:
                assert top != "bellqueue", f"{path}: between folders use relative imports"
                assert folder not in ("model", "analysis", "runner") or top not in SDKS, f"{path} imports {name}"


def test_rooms_import_only_those_below() -> None:
    for path in _files():
        folder, room = _room(path)
        if path.relative_to(ROOT).as_posix() in JOINTS:
            continue
        for name, ours in _imports(path, lazy=True):
            target = _path(name.split(".")) if ours else None
            if target and _room(target)[0] == folder:
                order = ROOMS[folder]
                assert order.index(_room(target)[1]) <= order.index(room), f"{path} imports {name}"


def test_no_circle_of_imports() -> None:
    graph: dict[str, set[str]] = {}
    for path in _files():
        targets = (_path(name.split(".")) for name, ours in _imports(path, lazy=True) if ours)
        graph[_name(path)] = {_name(target) for target in targets if target} - {_name(path)}
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_every_room_is_listed_and_small() -> None:
    rooms: dict[tuple[str, str], int] = {}
    for path in _files():
        rooms[_room(path)] = rooms.get(_room(path), 0) + 1
    assert set(rooms) == {(folder, room) for folder, names in ROOMS.items() for room in names} | {
        (folder, "") for folder in ROOMS
    }
    assert {room: count for room, count in rooms.items() if count > MOST_FILES} == {}


def test_every_package_is_in_the_wheel() -> None:
    listed = (ROOT / "pyproject.toml").read_text("utf-8")
    for path in _files():
        package = ".".join(path.relative_to(ROOT).parent.parts)
        assert f'"bellqueue.{package}",' in listed, f"{package} is missing from the packages of pyproject.toml"


def test_the_verification_uses_nothing_that_made_the_numbers() -> None:
    """Its modules import each other, the errors and the complaints about malformed records, and nothing else."""
    for path in (ROOT / "analysis" / "verification").rglob("*.py"):
        for name, ours in _imports(path, lazy=True):
            if ours:
                assert name in {"model.errors", "model.validation"} or name.startswith("analysis.verification"), path


def _modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_model_analysis_and_backends_import_no_quantum_sdk() -> None:
    loaded = _modules_after(
        "import bellqueue.model, bellqueue.analysis.analyze, bellqueue.backends as backends\n"
        "import bellqueue.circuits.qiskit_circuit, bellqueue.circuits.braket_circuit\n"
        "backends.list_backends()\n"
        "backends.open_backend('aer')"
    )
    assert not loaded & SDKS


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import contextlib, io, sys\n"
        "sys.argv = ['bellqueue', '--help']\n"
        "from bellqueue.runner.commands.cli import main\n"
        "try:\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n"
        "        main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
    )
    assert not _modules_after(code) & (SDKS | {"numpy", "scipy", "matplotlib"})
