"""The shell's side of the command line: completion, pipes that end early, and what is proposed for a mistyped word."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.backends.jobs.ledger import Ledger

from tests.scenarios import default_record

from .conftest import Run, check_refusal
from .test_runs import entry

BELLQUEUE = Path(sys.executable).with_name("bellqueue")


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a shell in a folder with one run, one counts file and a ledger of two runs."""
    (tmp_path / "bellqueue-runs" / "first").mkdir(parents=True)
    (tmp_path / "bellqueue-runs" / "first" / "plan.json").write_text("{}")
    (tmp_path / "bellqueue-runs" / ".half.partial").mkdir()
    (tmp_path / "counts.json").write_text("{}")
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.add_run(entry("r-early", "fez", "1", 1.0))
        ledger.add_run(entry("r-late", "fez", "1", 1.0))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bellqueue").symlink_to(BELLQUEUE)
    return {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "BELLQUEUE_LEDGER": str(tmp_path / "ledger.db"),
        "HOME": str(tmp_path),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",  # with it the shell is named, not looked for
    }


def _sh(script: str, folder: Path, environment: dict[str, str], shell: Sequence[str] = ("bash", "--norc")) -> str:
    done = subprocess.run(
        [*shell, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    progress = [line for line in done.stderr.splitlines() if line.startswith("bellqueue: ")]  # of a busy machine
    assert done.stderr.splitlines() == progress
    return done.stdout


def _completed(words: Sequence[Sequence[str]], folder: Path, environment: dict[str, str]) -> list[list[str]]:
    """What bash is proposed for the last word of each line, by the script that --show-completion prints."""
    script = 'eval "$(bellqueue --show-completion bash)"; propose() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
    script += 'COMPREPLY=(); _bellqueue_completion bellqueue; printf "%s\\n" "${COMPREPLY[@]}"; echo ---; }\n'
    script += "\n".join(f"propose bellqueue {' '.join(repr(word) for word in line)}" for line in words)
    return [part.split() for part in _sh(script, folder, environment).split("---\n")[:-1]]


def test_bash_is_proposed_what_is_there(shell: dict[str, str], tmp_path: Path) -> None:
    commands, fetch, colon, analyze = _completed(
        [["fron"], ["fetch", ""], ["plan", "--backend", "fake", ":", "tori"], ["analyze", ""]], tmp_path, shell
    )
    assert commands == ["frontier"]
    assert fetch == ["r-late", "r-early"]
    assert colon == ["torino"]  # bash has fake: already
    assert analyze == ["counts.json", "bellqueue-runs/first"]


@pytest.mark.slow
def test_bash_is_proposed_the_backends_and_runs_that_fit_the_command(shell: dict[str, str], tmp_path: Path) -> None:
    backend, bare, hardware, report = _completed(
        [["run", "--backend", ""], ["run", "--backend", "ibm", ":"], ["submit", "--backend", ""], ["report", ""]],
        tmp_path,
        shell,
    )
    assert {"aer", "fake:torino", "ibm:fez"} <= set(backend)
    assert bare == ["least-busy", "fez"]
    assert hardware == ["ibm:least-busy", "ibm:fez"]
    assert report == ["bellqueue-runs/first"]


def test_zsh_is_proposed_the_same(shell: dict[str, str], tmp_path: Path) -> None:
    typed = {"_BELLQUEUE_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "bellqueue run --backend fake:tori"}
    assert _sh("bellqueue", tmp_path, shell | typed).count("torino") == 2  # the name, and ibm_torino in its note
    script = _sh("bellqueue --show-completion zsh", tmp_path, shell)
    assert script.startswith("#compdef bellqueue")
    if shutil.which("zsh"):
        path = tmp_path / "completion.zsh"
        path.write_text(script)
        _sh(f"autoload -U compinit; compinit -u; source {path}", tmp_path, shell, ("zsh", "-f"))


def test_completion_needs_no_ledger_and_begins_none(shell: dict[str, str], tmp_path: Path) -> None:
    missing = tmp_path / "none" / "ledger.db"
    ((),) = [tuple(each) for each in _completed([["fetch", ""]], tmp_path, shell | {"BELLQUEUE_LEDGER": str(missing)})]
    assert not missing.parent.exists()


@pytest.mark.parametrize(
    ("unbuffered", "form", "first"),
    [
        ("", "", ["name", "qubits"]),
        pytest.param("", "--json", ["["], marks=pytest.mark.slow),
        pytest.param("1", "", ["name", "qubits"], marks=pytest.mark.slow),
        pytest.param("1", "--json", ["["], marks=pytest.mark.slow),
    ],
)
def test_a_reader_who_goes_changes_no_exit_code(unbuffered: str, form: str, first: list[str], tmp_path: Path) -> None:
    counts = np.full((2, 2, 2, 2), 25)  # outcomes of coins
    (tmp_path / "c.json").write_text(json.dumps({"schema": "bellqueue.counts/1", "counts": counts.tolist()}))
    analyze = f"{BELLQUEUE} analyze c.json --scenario default --require-advantage --report r.html"
    script = f"{BELLQUEUE} backends --offline {form} | head -1; a=${{PIPESTATUS[0]}}\n"
    script += f"{analyze} | true; echo $a ${{PIPESTATUS[0]}}"
    line, codes = _sh(script, tmp_path, dict(os.environ) | {"PYTHONUNBUFFERED": unbuffered}).splitlines()
    assert line.split()[:2] == first
    assert codes == "0 3"  # not certified is not certified, whoever reads
    assert (tmp_path / "r.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["anlyze"], "unknown command 'anlyze'; did you mean analyze?"),
        (["run", "--sots", "3"], "unknown option --sots; did you mean --shots?"),
        (["frontier", "--jsn"], "unknown option --jsn; did you mean --json? (valid: --informed"),
        (["run", "sceanrio.json"], "no such file; did you mean scenario.json?"),
        (["run", "--backend", "brakt-local"], "did you mean braket-local?"),
        (["report", "runs/frist"], "no such run folder; did you mean runs/first?"),
        (["frontier", "defualt"], "did you mean default, the embedded scenario?"),
        (["fetch", "r-erly"], "did you mean r-early?"),
        (["--verison"], "unknown option --verison; did you mean --version?"),
    ],
)
def test_the_nearest_is_proposed(
    arguments: list[str], words: str, call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELLQUEUE_LEDGER", str(tmp_path / "ledger.db"))
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.add_run(entry("r-early", "fez", "1", 1.0))
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "scenario.json").write_text(json.dumps(default_record()))
    check_refusal(call(*arguments), words)


def test_default_is_the_embedded_scenario_unless_a_file_is_called_so(
    call: Run, tmp_path: Path, known_frontiers: dict[str, Any]
) -> None:
    known_frontiers.clear()
    named = call("frontier", "default", "--json")
    assert json.loads(named.stdout)["title"] == "Light traffic, costly interruptions"
    (tmp_path / "default").write_text(json.dumps(default_record()))
    check_refusal(call("frontier", "default"), "is called so, too")
    known_frontiers.clear()  # points solved after others may differ in their last digits
    assert call("frontier", "--json").stdout == named.stdout  # no file was named
