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
from bellqueue.circuits.qiskit_circuit import angle_parameters, bell_circuit
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.errors import BackendError
from bellqueue.model.trials import Sampling

from tests.backends.conftest import basis_state

SIGNS = np.array([[1, -1], [-1, 1]])
EACH_GATE = ("essex", "fractional", "manila", "sherbrooke", "torino")  # u3, rx, cx, ecr and cz: every kind of gates
UNFIT = {"armonk": "it has one qubit", "kyoto": "marked faulty"}  # kyoto: every ECR has error 1 in the snapshot


@pytest.fixture(scope="module")
def manila() -> Any:
    """The five-qubit snapshot of ibmq_manila."""
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    return FakeManilaV2()


@pytest.fixture(scope="module")
def torino() -> FakeBackend:
    """The snapshot of ibm_torino on the pair it chooses."""
    return FakeBackend("torino")


def _whole_device(device: Any, pair: tuple[int, int], alpha: float, beta: float) -> np.ndarray:
    """P(a, b) the usual way: the whole device's noise, density matrix, readout by the calibration's two directions."""
    from qiskit.transpiler import generate_preset_pass_manager
    from qiskit_aer import AerSimulator

    passes = generate_preset_pass_manager(
        optimization_level=3, backend=device, initial_layout=list(pair), seed_transpiler=0
    )
    circuit = passes.run(bell_circuit().remove_final_measurements(inplace=False))
    bound = circuit.assign_parameters(dict(zip(angle_parameters(circuit), (alpha, beta), strict=True)))
    bound.save_probabilities(list(pair))
    result = AerSimulator.from_backend(device, method="density_matrix").run(bound, shots=1).result()
    table = result.data(0)["probabilities"].reshape(2, 2).T
    readout = []
    for qubit in pair:
        values = device.properties().qubit_property(qubit)
        up, down = values["prob_meas1_prep0"][0], values["prob_meas0_prep1"][0]
        readout.append(np.array([[1 - up, up], [down, 1 - down]]))
    return np.asarray(readout[0].T @ table @ readout[1])


@pytest.mark.parametrize("pair", [(0, 1), (1, 0), (3, 4)])
def test_two_qubits_alone_equal_the_whole_device(manila: Any, pair: tuple[int, int]) -> None:
    model = FakeBackend(f"manila,pair={pair[0]}-{pair[1]}").model
    settings = [Setting(0, 0, 0.0, 0.3), Setting(0, 0, 1.2, -0.7)]
    for setting, table in zip(settings, model.probabilities(settings), strict=True):
        assert table == pytest.approx(_whole_device(manila, pair, setting.alpha, setting.beta), abs=1e-9)


def test_samples_follow_the_exact_probabilities(experiment: Any) -> None:
    """Within z ≤ 4 in every cell at 200,000 trials."""
    backend = FakeBackend("manila")
    plan = experiment.plan(200_000)
    counts = experiment.run(backend, plan).counts()
    exact = backend.model.probabilities(experiment.settings).reshape(2, 2, 2, 2)
    n = counts.settings[:, :, None, None]
    assert (np.abs(counts.table / n - exact) / np.sqrt(exact * (1 - exact) / n)).max() < 4


def test_the_choice_is_the_best_of_all_pairs(manila: Any) -> None:
    """Manila is a line of five; which qubit of a pair comes first matters less than 0.001 in S."""
    every = [PairModel(manila.target, pair) for pair in pair_calibrations(manila.target, manila.properties())]
    line = [(0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2), (3, 4), (4, 3)]
    assert sorted(model.calibration.pair for model in every) == line
    assert FakeBackend("manila").model.chsh == pytest.approx(max(model.chsh for model in every), abs=1e-3)


def test_uniting_both_directions_no_pair_is_named_twice(torino: FakeBackend) -> None:
    calibration = torino.describe().calibration
    pairs = [frozenset(row["pair"]) for row in (calibration, *calibration["next_best_pairs"])]
    assert len(set(pairs)) == len(pairs)


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


def test_the_predicted_visibility_is_that_of_the_exact_model(torino: FakeBackend) -> None:
    """Fitting E = V·cos(α−β) + const to a whole turn of angles gives the visibility described."""
    whole = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    turn = [Setting(0, 0, alpha, beta) for alpha in (0.2, 1.9) for beta in whole]
    correlators = np.einsum("nab,ab->n", torino.model.probabilities(turn), SIGNS)
    cosines = np.cos([setting.alpha - setting.beta for setting in turn])
    slope = np.polyfit(cosines, correlators, 1)[0]
    assert torino.describe().predicted_visibility == pytest.approx(slope, abs=1e-3)


def test_the_calibration_is_json_with_units_in_the_names(torino: FakeBackend) -> None:
    """Values of qubit 92 and gate cz92_99 as they stand in the snapshot's own file."""
    record = json.loads(json.dumps(dict(torino.describe().calibration)))
    assert record["last_update_date"] == "2025-02-26T15:26:08-05:00"
    assert record["two_qubit_gate"] == "cz"
    assert record["two_qubit_gate_duration_ns"] == pytest.approx(68)
    assert record["qubit_a"]["t1_us"] == pytest.approx(212.464, abs=1e-3)
    assert record["qubit_b"]["readout_1to0"] == pytest.approx(0.01171875)
    assert len(record["next_best_pairs"]) >= 3
    assert all(row["chsh"] <= record["predicted_chsh"] for row in record["next_best_pairs"])


@pytest.mark.parametrize("name", ["manila", "Manila", "fake_manila", "FakeManilaV2", "FakeManila", "ibmq_manila"])
def test_a_snapshot_goes_by_several_names(name: str) -> None:
    assert open_backend(f"fake:{name}").describe().name == "fake:manila"


@pytest.mark.filterwarnings("ignore:Properties of fake_nighthawk")
def test_every_snapshot_of_the_provider_has_a_name() -> None:
    provider = importlib.import_module("qiskit_ibm_runtime.fake_provider").FakeProviderForBackendV2()
    assert {backend.name for backend in provider.backends()} == {f"fake_{name}" for name in snapshot_names()}


@pytest.mark.parametrize(("flipped", "outcome"), [(0, (1, 0)), (1, (0, 1))])
@pytest.mark.parametrize("pair", ["3-4", "4-3"])
def test_bit_order(
    experiment: Any, monkeypatch: pytest.MonkeyPatch, pair: str, flipped: int, outcome: tuple[int, int]
) -> None:
    """With |10⟩ or |01⟩ in place of the Bell pair, A's bit is the first qubit's: in 9 of 10 trials, given the noise."""
    monkeypatch.setattr(
        "bellqueue.backends.calibration.noise_model.bell_circuit", lambda k, chained: basis_state(flipped)
    )
    backend = FakeBackend(f"manila,pair={pair}")
    settings = (Setting(0, 0, 0.0, 0.0),)
    plan = Schedule(settings, np.zeros(1000, dtype=np.int64), (1, 1), Sampling("fixed"))
    assert experiment.run(backend, plan).counts().table[0, 0][outcome] > 900
    assert backend.model.probabilities(settings)[0][outcome] > 0.9


def test_the_seed_fixes_the_trials(experiment: Any) -> None:
    plan = experiment.plan(2000)
    first, same, other = (experiment.run(FakeBackend("manila"), plan, seed) for seed in (1, 1, 2))
    assert first.a.tobytes() + first.b.tobytes() == same.a.tobytes() + same.b.tobytes()
    assert first.a.tobytes() != other.a.tobytes()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in EACH_GATE else pytest.mark.slow)
        for name in sorted(set(snapshot_names()) - UNFIT.keys())
    ],
)
def test_every_other_snapshot_runs(experiment: Any, name: str) -> None:
    backend = open_backend(f"fake:{name}")
    assert len(experiment.run(backend, experiment.plan(100))) == 100
    description = backend.describe()
    assert description.pair is not None
    assert description.predicted_visibility is not None
    assert 0.5 < description.predicted_visibility < 1
    json.dumps(dict(description.calibration))


@pytest.mark.parametrize(("name", "why"), UNFIT.items())
def test_a_snapshot_without_a_working_pair_says_why(name: str, why: str) -> None:
    with pytest.raises(BackendError, match=why) as caught:
        open_backend(f"fake:{name}")
    assert "\n" not in str(caught.value)


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
