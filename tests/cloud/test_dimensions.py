"""Strategies out of the plane in the cloud: one pair in all bases on IBM; what cannot be measured costs nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.backends.ibm.adapter import IbmBackend
from bellqueue.backends.jobs.ledger import Ledger
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.games.strategy import hyperspherical_angles
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Sampling
from bellqueue.runner.commands.cli import main

from .braket_double import BraketDouble
from .ibm_double import IbmDouble
from .ibm_program import decode_program

EXAMPLE = Path(__file__).parents[2] / "examples" / "two_bell_pairs.toml"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BELLQUEUE_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch, place: Path) -> Iterator[IbmDouble]:
    with IbmDouble(("manila",), seed=5) as double:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        yield double
        assert not double.leaks


def solid_plan(shots: int, pairs: int) -> Schedule:
    """Random bases of one qubit, the same at both routers, but opposite ones in the last setting."""
    vectors = np.random.default_rng(2).normal(size=(4, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    others = vectors * [[1], [1], [1], [-1]]
    settings = tuple(
        Setting(i // 2, i % 2, a[0], b[0], (a[1],), (b[1],))
        for i, (a, b) in enumerate(
            zip(hyperspherical_angles(vectors).tolist(), hyperspherical_angles(others).tolist(), strict=True)
        )
    )
    order = np.random.default_rng(3).integers(0, 4, shots * pairs)
    return Schedule(settings, order, (2, 2), Sampling("random", np.full((2, 2), 0.25), parallel=pairs))


@pytest.mark.parametrize("pairs", [1, 2])
def test_one_pair_is_measured_in_all_bases_on_ibm(double: IbmDouble, pairs: int) -> None:
    """On ideal pairs a = b or a ≠ b is certain in every setting; each of several pairs has its own."""
    backend, whole = IbmBackend(f"manila,pairs={pairs}"), solid_plan(200, pairs)
    assert backend.split(whole) == (range(200 * pairs),)
    job = backend.submit(whole, "key")
    while backend.poll(job).state in ("queued", "running"):
        pass
    found = backend.parse(backend.download(job), whole)
    assert np.array_equal(found.a != found.b, whole.order == 3)
    assert 0 < found.a.mean() < 1
    program = decode_program(double.accepted[0].body["params"])
    (circuit,) = program.circuits.to_python()
    assert len(circuit.parameters) == 4 * pairs
    described = backend.describe(3)
    assert "alpha2" in described.attachments["circuit.qasm"]
    assert "alpha2" not in backend.describe().attachments["circuit.qasm"]
    assert backend.predict(whole.settings)[3].trace() < 0.2 < 0.8 < backend.predict(whole.settings)[0].trace()


def test_a_strategy_out_of_the_plane_is_submitted_and_fetched(
    double: IbmDouble, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan's angles survive the ledger: the fetched run's correlators are those of its own plan."""

    def call(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["bellqueue", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    scenario = Scenario.load(EXAMPLE).with_experiment(bell_pairs=1)
    Path("s.json").write_text(json.dumps(scenario.record()))
    submitted = call(
        "submit",
        "s.json",
        "--backend",
        "ibm:manila",
        "--shots",
        4000,
        "--seed",
        3,
        "--max-cost",
        1000,
        "--out",
        "run",
    )
    assert submitted == 0, capsys.readouterr().err
    assert call("fetch", "--wait") == 0
    analysis = json.loads(Path("run/analysis.json").read_text())
    plan = json.loads(Path("run/plan.json").read_text())
    assert np.array(plan["strategy"][0]["more_alpha"]).shape == (4, 1)
    record = analysis["correlators"]
    measured, ideal, error = (np.array(record[name], dtype=float) for name in ("measured", "ideal", "standard_error"))
    error = np.sqrt((1 - ideal**2) / np.maximum(record["trials"], 1)) + 1e-9
    seen = np.array(record["trials"]) > 0
    assert (np.abs(measured - ideal)[seen] / error[seen]).max() < 4.5
    assert analysis["bell_pairs"]["used"] == 1


def _refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], backend: str, *words: Any) -> str:
    """What `bellqueue submit` says of the example, which it must not take."""
    monkeypatch.setattr(
        sys,
        "argv",
        ["bellqueue", "submit", *map(str, words), "--backend", backend, "--seed", "1", "--max-cost", "9999"],
    )
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    with Ledger(Path("ledger.db")) as book:
        assert list(book.runs()) == []
    return capsys.readouterr().err


def test_several_pairs_are_refused_by_ibm_before_anything_is_recorded(
    double: IbmDouble, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = _refused(monkeypatch, capsys, "ibm:manila", EXAMPLE)
    assert "needs 2 Bell pairs for each pair of requests" in " ".join(told.split())
    assert "bell_pairs = 1" in told
    assert not double.accepted


@pytest.mark.parametrize(("bell_pairs", "words"), [(1, "bases that do not lie in a plane"), (2, "needs 2 Bell pairs")])
def test_braket_refuses_all_but_planar_bases_before_anything_is_recorded(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bell_pairs: int, words: str
) -> None:
    pytest.importorskip("braket.aws", reason="needs amazon-braket-sdk")
    from bellqueue.backends.braket.session import sign_in

    text = EXAMPLE.read_text().replace("bell_pairs = 2 ", f"bell_pairs = {bell_pairs} ")
    Path("s.toml").write_text(text)
    sign_in.cache_clear()
    with BraketDouble(seed=1) as double:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        told = _refused(monkeypatch, capsys, "braket:sv1", "s.toml")
        assert words in " ".join(told.split())
        assert double.posts == 0
    sign_in.cache_clear()
