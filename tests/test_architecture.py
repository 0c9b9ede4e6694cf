"""Each folder imports only what the design allows, and what must be light stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "model": {"model"},
    "circuits": {"circuits", "model"},
    "backends": {"backends", "circuits", "model"},
    "analysis": {"analysis", "model"},
    "runner": {"runner", "analysis", "backends", "circuits", "model"},
}
SDKS = {"qiskit", "qiskit_aer", "qiskit_ibm_runtime", "braket", "boto3"}


def _imports(path: Path) -> set[tuple[str, bool]]:
    """(top-level name or own folder, whether it is one of ours) of every import in a file, wherever it stands."""
    found: set[tuple[str, bool]] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {(alias.name.split(".")[0], False) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(((node.module or "").split(".")[0], False))
        elif isinstance(node, ast.ImportFrom):
            # Above the file's own folder by one level less than the dots; at the root, the next name is the folder.
            above = path.relative_to(ROOT).parts[: -node.level]
            found |= {(above[0] if above else (node.module or alias.name).split(".")[0], True) for alias in node.names}
    return found


@pytest.mark.parametrize("folder", ALLOWED)
def test_folders_import_only_what_the_design_allows(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    for path in files:
        ours = {name for name, own in _imports(path) if own}
        others = {name for name, own in _imports(path) if not own}
        assert ours <= ALLOWED[folder], path
        assert "bellqueue" not in others, f"{path}: between folders use relative imports"
        if folder in ("model", "analysis", "runner"):
            assert not others & SDKS, path


def test_the_verification_uses_nothing_that_made_the_numbers() -> None:
    """Its modules import each other, the errors and the complaints about malformed records, and so do these."""
    files = [ROOT / "analysis" / "verification.py", *sorted((ROOT / "analysis").glob("recheck_*.py"))]
    assert len(files) > 10
    ours = {path.stem for path in files}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                assert node.module in ours, path
            elif isinstance(node, ast.ImportFrom) and node.level:
                assert (node.level, node.module) in {(2, "model.errors"), (2, "model.validation")}, path
    script = (
        "import bellqueue.analysis.verification, sys; print(*(n for n in sys.modules if n.startswith('bellqueue')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    allowed = {
        "bellqueue",
        "bellqueue.analysis",
        "bellqueue.model",
        "bellqueue.model.errors",
        "bellqueue.model.suggestion",  # nearest names, for complaints
        "bellqueue.model.validation",
    }
    assert set(done.stdout.split()) <= allowed | {f"bellqueue.analysis.{name}" for name in ours}


def _modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_model_analysis_and_backends_import_no_quantum_sdk() -> None:
    loaded = _modules_after("import bellqueue.model, bellqueue.analysis.result, bellqueue.backends, bellqueue.circuits")
    assert not loaded & SDKS


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import contextlib, io, sys\n"
        "sys.argv = ['bellqueue', '--help']\n"
        "from bellqueue.runner.cli import main\n"
        "try:\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n"
        "        main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
    )
    assert not _modules_after(code) & (SDKS | {"numpy", "scipy", "matplotlib"})
