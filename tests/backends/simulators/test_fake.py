"""Device snapshots: the reduced noise model, the choice of the pair, and every snapshot shipped."""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np
import pytest
from bellqueue.backends import open_backend
from bellqueue.backends.calibration.best_pair import PairModel
from bellqueue.backends.calibration.noise_model import native_passes, reduced_target
from bellqueue.backends.calibration.reading import pair_calibrations, ranked_calibrations
from bellqueue.backends.simulators.fake import FakeBackend, snapshot_names
from bellqueue.backends.simulators.snapshot import Snapshot
from bellqueue.circuits.qiskit_circuit import bell_circuit

from tests.backends.settings import chsh_plan, measured, settings_for, shares, vectors, whole_device

EACH_GATE = ("essex", "fractional", "manila", "sherbrooke", "torino")  # u3, rx, cx, ecr and cz: every kind of gates
UNFIT = {"armonk", "kyoto"}  # one qubit; every ECR has error 1 in the snapshot


@pytest.fixture(scope="module")
def manila() -> Any:
    """The five-qubit snapshot of ibmq_manila."""
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    return FakeManilaV2()


@pytest.fixture(scope="module")
def torino() -> FakeBackend:
    """The snapshot of ibm_torino on the pair it chooses."""
    return FakeBackend("torino")


@pytest.mark.parametrize(
    ("argument", "dimension"),
    [
        ("manila,pair=1-0", 2),
        ("manila", 3),
        *(pytest.param(f"manila,pair={pair}", 2, marks=pytest.mark.slow) for pair in ("0-1", "3-4")),
        *(pytest.param("manila", dimension, marks=pytest.mark.slow) for dimension in (4, 5)),
    ],
)
def test_the_chosen_qubits_alone_equal_the_whole_device(manila: Any, argument: str, dimension: int) -> None:
    """What is predicted is the exact model, and its samples follow it: z ≤ 4 in every cell."""
    backend = FakeBackend(argument)
    described = backend.describe(dimension)
    qubits = [qubit for pair in described.pairs or [described.pair] for qubit in pair or ()]
    assert len(qubits) == 2 * max(1, dimension // 2)
    settings, shots = settings_for(*vectors(dimension, 3, seed=5)), 50_000
    exact = np.array([whole_device(manila, qubits, setting) for setting in settings])
    assert backend.predict(settings) == pytest.approx(exact, abs=1e-9)
    found = shares(backend.sample(settings, np.full(3, shots), 2))
    assert (np.abs(found - exact) / np.sqrt(exact * (1 - exact) / shots)).max() < 4


def test_the_choice_is_the_best_of_all_pairs(manila: Any) -> None:
    """Manila is a line of five; which qubit of a pair comes first matters less than 0.001 in S."""
    every = [PairModel(manila.target, pair) for pair in pair_calibrations(manila.target, manila.properties())]
    line = [(0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2), (3, 4), (4, 3)]
    assert sorted(model.calibration.pair for model in every) == line
    assert FakeBackend("manila").model.chsh == pytest.approx(max(model.chsh for model in every), abs=1e-3)


def test_torino_runs_on_its_good_pair(torino: FakeBackend) -> None:
    """The figure agreed beforehand is S ≈ 2.70 on 92–99; the trivial layout 0–1 reads one qubit wrong in 17 %."""
    description = torino.describe()
    assert description.pair == (92, 99)
    assert description.qubits == 133
    assert description.calibration["predicted_chsh"] == pytest.approx(2.70, abs=0.01)


def test_a_pair_can_be_forced() -> None:
    description = FakeBackend("FakeTorino,pair=0-1").describe()
    assert description.name == "fake:torino,pair=0-1"
    assert description.pair == (0, 1)
    assert description.calibration["qubit_a"]["readout_0to1"] == pytest.approx(0.1685, abs=1e-4)
    assert description.calibration["predicted_chsh"] == pytest.approx(1.79, abs=0.02)


def test_the_calibration_is_json_with_units_in_the_names(torino: FakeBackend) -> None:
    """Values of qubit 92 and gate cz92_99 as they stand in the snapshot's own file."""
    record = json.loads(json.dumps(dict(torino.describe().calibration)))
    assert record["last_update_date"] == "2025-02-26T15:26:08-05:00"
    assert record["two_qubit_gate"] == "cz"
    assert record["two_qubit_gate_duration_ns"] == pytest.approx(68)
    assert record["qubit_a"]["t1_us"] == pytest.approx(212.464, abs=1e-3)
    assert record["qubit_b"]["readout_1to0"] == pytest.approx(0.01171875)
    assert len({frozenset(row["pair"]) for row in (record, *record["next_best_pairs"])}) == 4  # in one direction only
    assert all(row["chsh"] <= record["predicted_chsh"] for row in record["next_best_pairs"])


@pytest.mark.parametrize("name", ["manila", "Manila", "fake_manila", "FakeManilaV2", "FakeManila", "ibmq_manila"])
def test_a_snapshot_goes_by_several_names(name: str) -> None:
    assert open_backend(f"fake:{name}").describe().name == "fake:manila"


@pytest.mark.filterwarnings("ignore:Properties of fake_nighthawk")
def test_every_snapshot_of_the_provider_has_a_name() -> None:
    provider = importlib.import_module("qiskit_ibm_runtime.fake_provider").FakeProviderForBackendV2()
    assert {backend.name for backend in provider.backends()} == {f"fake_{name}" for name in snapshot_names()}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in EACH_GATE else pytest.mark.slow)
        for name in sorted(set(snapshot_names()) - UNFIT)
    ],
)
def test_every_other_snapshot_runs(name: str) -> None:
    backend = open_backend(f"fake:{name}")
    assert len(measured(backend, chsh_plan(100))) == 100
    description = backend.describe()
    assert description.pair is not None
    assert description.predicted_visibility is not None
    assert 0.5 < description.predicted_visibility < 1
    json.dumps(dict(description.calibration))


def _of_the_library(name: str) -> Any:
    """The snapshot as qiskit-ibm-runtime itself reads it."""
    from qiskit_ibm_runtime.fake_provider.fake_backend import FakeBackendV2

    module = importlib.import_module(f"qiskit_ibm_runtime.fake_provider.backends.{name}.fake_{name}")
    made_here = (
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, FakeBackendV2) and item.__module__ == module.__name__
    )
    return next(made_here)()


@pytest.mark.filterwarnings("ignore:Properties of fake_nighthawk")
@pytest.mark.parametrize(
    "name",
    [each if each in ("kyiv", "torino") else pytest.param(each, marks=pytest.mark.slow) for each in snapshot_names()],
)
def test_a_snapshot_says_what_the_library_reads_from_it(name: str) -> None:
    ours, theirs = Snapshot(name), _of_the_library(name)
    assert ours.target.dt == theirs.target.dt
    assert ours.properties().last_update_date == theirs.properties().last_update_date
    read, expected = (
        {(each.pair, each.gate): each.record() for each in pair_calibrations(device.target, device.properties())}
        for device in (ours, theirs)
    )
    assert read == expected
    if not expected:
        return
    best = ranked_calibrations(name, ours.target, ours.properties())[0]
    reduced, whole = (
        reduced_target(device.target, best.pair, {frozenset(best.pair): best.gate}) for device in (ours, theirs)
    )
    assert set(reduced.operation_names) == set(whole.operation_names)
    for gate in whole.operation_names:
        known, wanted = (
            {qubits: (each.error, each.duration) for qubits, each in target[gate].items()}
            for target in (reduced, whole)
        )
        assert known == wanted


@pytest.mark.parametrize(
    "name",
    [
        each if each == "kyiv" else pytest.param(each, marks=pytest.mark.slow)
        for each in ("essex", "kyiv", "fez", "manila")
    ],
)
@pytest.mark.parametrize("dimension", [2, 3])
def test_a_pair_s_circuit_has_no_more_gates_that_err_than_the_preset_makes(name: str, dimension: int) -> None:
    from qiskit.transpiler import generate_preset_pass_manager

    snapshot = Snapshot(name)
    best = ranked_calibrations(name, snapshot.target, snapshot.properties())[0]
    target = reduced_target(snapshot.target, best.pair, {frozenset(best.pair): best.gate})
    preset = generate_preset_pass_manager(3, target=target, initial_layout=[0, 1], seed_transpiler=0)
    ours, theirs = (passes.run(bell_circuit(dimension)) for passes in (native_passes(target), preset))
    erring = [gate for gate in target.operation_names if gate not in ("rz", "measure")]
    counts, most = ([circuit.count_ops().get(gate, 0) for gate in erring] for circuit in (ours, theirs))
    assert sum(counts) <= sum(most)
    assert counts[erring.index(best.gate)] == 1
    assert set(ours.count_ops()) <= set(target.operation_names)
