"""Strategies out of the plane in the cloud: one pair in all bases on IBM; what cannot be measured costs nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bellqueue.backends.ibm.adapter import IbmBackend
from bellqueue.backends.jobs.ledger import Ledger
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.games.strategy import hyperspherical_angles
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Sampling

from .account import bellqueue
from .braket_double import BraketDouble
from .ibm_double import IbmDouble
from .plans import UNIFORM, measured

EXAMPLE = Path(__file__).parents[2] / "examples" / "two_bell_pairs.toml"


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
    return Schedule(settings, order, (2, 2), Sampling("random", UNIFORM, parallel=pairs))


@pytest.mark.parametrize("pairs", [1, 2])
def test_one_pair_is_measured_in_all_bases_on_ibm(ibm: IbmDouble, pairs: int) -> None:
    """On ideal pairs a = b or a ≠ b is certain in every setting; each of several pairs has its own."""
    backend, whole = IbmBackend(f"manila,pairs={pairs}"), solid_plan(200, pairs)
    assert backend.split(whole) == (range(200 * pairs),)
    found = measured(backend, whole)
    assert np.array_equal(found.a != found.b, whole.order == 3)
    assert 0 < found.a.mean() < 1
    assert len(ibm.accepted[0].sent.circuit.parameters) == 4 * pairs
    described = backend.describe(3)
    assert "alpha2" in described.attachments["circuit.qasm"]
    assert "alpha2" not in backend.describe().attachments["circuit.qasm"]
    assert backend.predict(whole.settings)[3].trace() < 0.2 < 0.8 < backend.predict(whole.settings)[0].trace()


def test_a_strategy_out_of_the_plane_is_submitted_and_fetched(ibm: IbmDouble) -> None:
    """The plan's angles survive the ledger: the fetched run's correlators are those of its own plan."""
    Path("s.json").write_text(json.dumps(Scenario.load(EXAMPLE).with_experiment(bell_pairs=1).record()))
    asked = ("--backend", "ibm:manila", "--shots", 4000, "--seed", 3, "--max-cost", 1000)
    submitted = bellqueue("submit", "s.json", *asked, "--out", "run")
    assert submitted.code == 0, submitted.err
    assert bellqueue("fetch", "--wait").code == 0
    analysis = json.loads(Path("run/analysis.json").read_text())
    plan = json.loads(Path("run/plan.json").read_text())
    assert np.array(plan["strategy"][0]["more_alpha"]).shape == (4, 1)
    record = analysis["correlators"]
    found, ideal = (np.array(record[name], dtype=float) for name in ("measured", "ideal"))
    error = np.sqrt((1 - ideal**2) / np.maximum(record["trials"], 1)) + 1e-9
    seen = np.array(record["trials"]) > 0
    assert (np.abs(found - ideal)[seen] / error[seen]).max() < 4.5
    assert analysis["bell_pairs"]["used"] == 1


def refused(backend: str, scenario: object) -> str:
    """What `bellqueue submit` says of a scenario, which it must not take."""
    done = bellqueue("submit", scenario, "--backend", backend, "--seed", 1, "--max-cost", 9999)
    assert done.code == 2
    with Ledger(Path("ledger.db")) as book:
        assert list(book.runs()) == []
    return " ".join(done.err.split())


def test_several_pairs_are_refused_by_ibm_before_anything_is_recorded(ibm: IbmDouble) -> None:
    told = refused("ibm:manila", EXAMPLE)
    assert "needs 2 Bell pairs for each pair of requests" in told
    assert "bell_pairs = 1" in told
    assert not ibm.accepted


@pytest.mark.parametrize(("bell_pairs", "words"), [(1, "bases that do not lie in a plane"), (2, "needs 2 Bell pairs")])
def test_braket_refuses_all_but_planar_bases_before_anything_is_recorded(
    braket: BraketDouble, bell_pairs: int, words: str
) -> None:
    Path("s.toml").write_text(EXAMPLE.read_text().replace("bell_pairs = 2 ", f"bell_pairs = {bell_pairs} "))
    assert words in refused("braket:sv1", "s.toml")
    assert braket.count("POST", "/quantum-task$") == 0
