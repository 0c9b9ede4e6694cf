"""`bellqueue doctor` finds what is broken, says how to mend it, and never tells a secret."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from bellqueue.runner.commands import doctor
from bellqueue.runner.experiment.provenance import installed_version

from ..scenarios import default_record
from .conftest import Run
from .recorded_runs import write_run

SECRET = "tok-7f3a90c1d2e4b5"


@pytest.fixture(autouse=True)
def _own_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine's user is looked at, and only the quick simulators are run."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BELLQUEUE_LEDGER", str(tmp_path / "home" / "ledger.db"))
    for name in ("QISKIT_IBM_TOKEN", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "BELLQUEUE_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    whole = doctor._simulator
    quick = ("aer", "link")
    monkeypatch.setattr(doctor, "_simulator", lambda name, *more: whole(name, *more) if name in quick else iter(()))


def _findings(call: Run, code: int = 0) -> dict[str, dict[str, str]]:
    done = call("doctor", "--json")
    assert done.returncode == code, done.stdout
    assert done.stderr == ""
    record: dict[str, Any] = json.loads(done.stdout)
    assert record["schema"] == "bellqueue.doctor/1"
    assert record["healthy"] is (code == 0)
    return {each["check"]: each for each in record["findings"]}


def test_all_is_well_here(call: Run, tmp_path: Path) -> None:
    found = _findings(call)
    assert {"bellqueue", "libraries", "credentials", "aer", "run folder", "disk", "ledger", "terminal"} <= set(found)
    assert f"numpy {metadata.version('numpy')}" in found["libraries"]["found"]
    for name in ("aer", "link"):
        assert found[name]["found"].startswith("100 trials, ")
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_a_line_each_and_a_last_word(call: Run) -> None:
    done = call("doctor")
    *lines, last = done.stdout.splitlines()
    assert last == "Nothing is broken."
    assert all(line[:6] in ("ok    ", "warn  ", "fail  ", "      ", "") for line in lines)


def test_a_file_of_keys_that_others_may_read_is_broken_and_told_without_the_keys(call: Run, tmp_path: Path) -> None:
    (tmp_path / "credentials.toml").write_text(f'[ibm]\ntoken = "{SECRET}"\n')
    (tmp_path / "credentials.toml").chmod(0o644)
    done = call("doctor")
    assert done.returncode == 1
    assert "fail  credentials: credentials.toml: others on this machine may read" in done.stdout
    assert "chmod 600 credentials.toml" in done.stdout
    assert done.stdout.splitlines()[-1] == "broken: credentials"
    (tmp_path / "credentials.toml").chmod(0o600)
    found = _findings(call)
    assert found["credentials"]["state"] == "ok"
    assert found["IBM Quantum"]["found"] == "key found in credentials.toml"
    assert SECRET not in done.stdout + json.dumps(found)


def test_places_that_cannot_be_written_to(call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bellqueue-runs").write_text("a file, where a folder belongs")
    monkeypatch.setenv("BELLQUEUE_LEDGER", str(tmp_path / "bellqueue-runs" / "ledger.db"))
    found = _findings(call, 1)
    for check, remedy in (("run folder", "--out"), ("ledger", "BELLQUEUE_LEDGER")):
        assert found[check]["state"] == "fail"
        assert remedy in found[check]["remedy"]


def test_a_ledger_that_is_none(call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("not a ledger")
    monkeypatch.setenv("BELLQUEUE_LEDGER", str(tmp_path / "notes.txt"))
    assert "is no ledger" in _findings(call, 1)["ledger"]["found"]


def test_versions_that_are_missing_or_too_old(call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "amazon-braket-sdk":
            raise metadata.PackageNotFoundError(name)
        return "1.4.0" if name == "qiskit" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    found = _findings(call, 1)
    assert found["qiskit"]["state"] == "fail"
    assert found["qiskit"]["remedy"] == 'pip install "qiskit>=2.4"'
    assert found["extra braket"]["state"] == "warn"
    assert 'pip install "bellqueue[braket]"' in found["extra braket"]["remedy"]


def test_online_without_a_key_says_that_nobody_was_asked(call: Run) -> None:
    asked, alone = call("doctor", "--online").stdout, call("doctor").stdout
    for provider in ("IBM Quantum", "Amazon Braket"):
        assert f"warn  {provider}: not asked online, because there is no key\n" in asked
        assert provider not in alone


def test_a_version_that_is_missing_or_a_release_candidate_breaks_no_check(
    call: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older packaging refuses to look at a version that is none."""
    versions = {"amazon-braket-sdk": None, "dask": "2099.1rc1", "pyarrow": "1.0"}
    monkeypatch.setattr(doctor, "installed_version", lambda name: versions.get(name, installed_version(name)))
    found = _findings(call)
    assert found["extra braket"]["found"] == "amazon-braket-sdk not installed"
    assert found["extra dask"]["state"] == "ok" or "distributed not installed" in found["extra dask"]["found"]
    assert found["extra parquet"]["state"] == "warn"


def test_a_folder_that_has_been_deleted_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    found = {each.check: each for each in doctor.examine()}
    assert (found["run folder"].state, found["run folder"].remedy) == ("fail", "go to another folder")
    assert found["terminal"].state == "ok"


def test_a_simulator_that_answers_with_coins_is_broken(call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    from bellqueue.backends.simulators.aer import AerBackend

    def coins(self: object, settings: Any, shots: Any, seed: int) -> Any:
        rng = np.random.default_rng(seed)
        return [rng.integers(0, 2, (count, 2), dtype=np.uint8) for count in shots]

    monkeypatch.setattr(AerBackend, "sample", coins)
    found = _findings(call, 1)
    assert found["aer"]["state"] == "fail"
    assert "a Bell pair gives more" in found["aer"]["found"]


def test_a_broken_library_breaks_its_check_alone(call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qiskit_aer", None)  # its import raises
    found = _findings(call, 1)
    assert found["aer"]["state"] == "fail"
    assert found["disk"]["state"] == found["terminal"]["state"] == "ok"


def test_a_terminal_without_greek(call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LETTERS", "\udfff")  # no encoding has it
    found = _findings(call)
    assert found["terminal"]["state"] == "warn"
    assert "PYTHONUTF8=1" in found["terminal"]["remedy"]


def test_what_a_kill_left_is_named_with_the_commands_that_rescue_the_trials(call: Run, tmp_path: Path) -> None:
    """The commands do what they say: the folder is whole again, and verified."""
    draft = tmp_path / "bellqueue-runs" / ".mine.x7y.partial"
    draft.parent.mkdir()
    write_run(draft, default_record(shots=500))
    (draft / "analysis.json").unlink()
    (tmp_path / ".report.html.4711.partial").touch()
    record = json.loads(call("doctor", "--json").stdout)
    file, run = (each for each in record["findings"] if each["check"] == "leftovers")
    assert file["remedy"] == "if none is at work: rm -r .report.html.4711.partial"
    assert run["found"] == "bellqueue-runs/.mine.x7y.partial, of a command that was killed or is at work"
    told, _, commands = run["remedy"].partition(": ")
    assert told == "it has the trials of a run"
    move, analyze, report = commands.split(" && ")
    assert move == "mv bellqueue-runs/.mine.x7y.partial bellqueue-runs/mine"
    (tmp_path / move.split()[1]).rename(tmp_path / move.split()[2])
    words, _, target = analyze.partition(" > ")
    (tmp_path / target).write_text(call(*words.split()[1:]).stdout)
    assert call(*report.split()[1:]).returncode == 0
    assert call("verify", "bellqueue-runs/mine").returncode == 0
    draft.mkdir()
    (draft / "jobs.json").write_text('{"run": "20260101-abc123"}')
    assert "bellqueue fetch 20260101-abc123" in call("doctor").stdout
