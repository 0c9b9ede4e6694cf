"""Vectors of more than two dimensions on every backend: correlators, noise, predictions, bit order, refusals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from bellqueue.backends import open_backend
from bellqueue.backends.calibration.chain import best_chain
from bellqueue.backends.calibration.prediction import predicted_behaviour, predictor
from bellqueue.backends.protocol import Description, description_for
from bellqueue.backends.simulators.aer import AerBackend
from bellqueue.backends.simulators.braket_local import BraketLocalBackend
from bellqueue.backends.simulators.fake import FakeBackend
from bellqueue.backends.simulators.simulator import Simulator
from bellqueue.circuits.qiskit_circuit import angle_parameters, bell_circuit
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.errors import BackendError
from bellqueue.model.games.strategy import Floats, Measurements, Strategy, hyperspherical_angles
from bellqueue.model.trials import Sampling

SIGNS = np.array([[1, -1], [-1, 1]])
# How many Bell pairs the observable of each component acts on, read off MODEL §3: Z₁, X₁, Y₁Z₂, Y₁X₂, Y₁Y₂Z₃, ….
TOUCHED = {
    2: [1, 1],
    3: [1, 1, 1],
    4: [1, 1, 2, 2],
    5: [1, 1, 2, 2, 2],
    6: [1, 1, 2, 2, 3, 3],
    7: [1, 1, 2, 2, 3, 3, 3],
}
NOISE = "visibility=0.9,readout_0to1=0.02,readout_1to0=0.07"


@pytest.fixture(scope="module")
def manila() -> FakeBackend:
    """The snapshot of a line of five qubits; it keeps the chains it has chosen."""
    return FakeBackend("manila")


def _vectors(dimension: int, count: int, seed: int = 1) -> tuple[Floats, Floats]:
    drawn = np.random.default_rng(seed).normal(size=(2, count, dimension))
    u, v = drawn / np.linalg.norm(drawn, axis=2, keepdims=True)
    return u, v


def _settings(u: Floats, v: Floats) -> list[Setting]:
    rows = zip(hyperspherical_angles(u).tolist(), hyperspherical_angles(v).tolist(), strict=True)
    return [Setting(0, y, a[0], b[0], tuple(a[1:]), tuple(b[1:])) for y, (a, b) in enumerate(rows)]


def _tables(outcomes: Sequence[np.ndarray]) -> np.ndarray:
    codes = [np.bincount(2 * each[:, 0] + each[:, 1], minlength=4).reshape(2, 2) for each in outcomes]
    return np.array(codes)


@pytest.mark.parametrize("spec", ["aer", f"aer:{NOISE}", "braket-local", f"braket-local:{NOISE}"])
@pytest.mark.parametrize("dimension", [3, pytest.param(5, marks=pytest.mark.slow), 7])
def test_correlators_follow_the_closed_form(spec: str, dimension: int) -> None:
    """E = (1−ε₀−ε₁)²·Σ v^q_i u_i v_i + (ε₁−ε₀)² and marginals (1±(ε₁−ε₀))/2, within z ≤ 4 at 100,000 trials."""
    backend = open_backend(spec)
    assert isinstance(backend, Simulator)
    u, v = _vectors(dimension, 4)
    visibility, lost, offset = (0.9, 0.91, 0.05) if NOISE in spec else (1.0, 1.0, 0.0)
    expected = lost**2 * (u * v) @ visibility ** np.array(TOUCHED[dimension]) + offset**2
    shots = 100_000
    tables = _tables(backend.sample(_settings(u, v), np.full(4, shots), 7)) / shots
    correlators = np.einsum("nij,ij->n", tables, SIGNS)
    assert (np.abs(correlators - expected) / np.sqrt((1 - expected**2) / shots)).max() < 4
    for axis in (1, 2):
        assert np.abs(tables.sum(axis=axis)[:, 0] - (1 + offset) / 2).max() < 4 * np.sqrt(0.25 / shots)


@pytest.mark.parametrize("options", [NOISE, "readout=0.03", None])
@pytest.mark.parametrize("dimension", [3, 4, 5, 6, 7])
def test_both_local_simulators_predict_what_brakets_density_matrix_gives(dimension: int, options: str | None) -> None:
    settings = _settings(*_vectors(dimension, 3))
    exact = BraketLocalBackend(options).probabilities(settings)
    for backend in (AerBackend(options), BraketLocalBackend(options)):
        assert backend.predict(settings) == pytest.approx(exact, abs=1e-7)  # Braket rounds its probabilities


def _whole_device(device: Any, chain: Sequence[int], setting: Setting) -> np.ndarray:
    """P(a, b) the usual way: all qubits of the device with their noise, and readout in both directions."""
    from qiskit.transpiler import generate_preset_pass_manager
    from qiskit_aer import AerSimulator

    passes = generate_preset_pass_manager(
        optimization_level=3, backend=device, initial_layout=list(chain), seed_transpiler=0
    )
    circuit = passes.run(bell_circuit(setting.dimension, chained=True).remove_final_measurements(inplace=False))
    bound = circuit.assign_parameters(dict(zip(angle_parameters(circuit), setting.angles, strict=True)))
    bound.save_probabilities(list(chain[:2]))
    result = AerSimulator.from_backend(device, method="density_matrix").run(bound, shots=1).result()
    table = result.data(0)["probabilities"].reshape(2, 2).T
    readout = []
    for qubit in chain[:2]:
        values = device.properties().qubit_property(qubit)
        up, down = values["prob_meas1_prep0"][0], values["prob_meas0_prep1"][0]
        readout.append(np.array([[1 - up, up], [down, 1 - down]]))
    return np.asarray(readout[0].T @ table @ readout[1])


@pytest.mark.parametrize("dimension", [3, 4, pytest.param(5, marks=pytest.mark.slow)])
def test_the_chosen_qubits_alone_equal_the_whole_device(manila: FakeBackend, dimension: int) -> None:
    """What is predicted is the exact model, and its samples follow it (z ≤ 4)."""
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    backend, device = manila, FakeManilaV2()
    described = backend.describe(dimension)
    chain = [qubit for pair in described.pairs or [described.pair] for qubit in pair or ()]
    assert len(chain) == 2 * max(1, dimension // 2)
    u, v = _vectors(dimension, 3, seed=5)
    settings = _settings(u, v)
    exact = np.array([_whole_device(device, chain, setting) for setting in settings])
    assert backend.predict(settings) == pytest.approx(exact, abs=1e-9)
    shots = 50_000
    seen = _tables(backend.sample(settings, np.full(3, shots), 2)) / shots
    assert (np.abs(seen - exact) / np.sqrt(exact * (1 - exact) / shots)).max() < 4


def test_a_chain_says_what_is_predicted_for_it(manila: FakeBackend) -> None:
    """E of equal vectors along each axis; those that take both pairs lose more."""
    described = manila.describe(5)
    assert description_for(manila, 5) == described
    assert described.pair in {(1, 2), (2, 1), (2, 3), (3, 2)}  # all that are inside a line of five
    assert described.pairs[0] == described.pair
    record = json.loads(json.dumps(dict(described.calibration)))
    axes = record["predicted_visibility_of_axes"]
    assert len(axes) == 5
    assert min(axes[:2]) > max(axes[2:])
    assert described.predicted_visibility == pytest.approx(np.mean(axes))
    assert len(record["chain"]) == 3
    for axis in range(5):
        unit = np.eye(5)[axis : axis + 1]
        table = manila.predict(_settings(unit, unit))[0]
        assert (table * SIGNS).sum() == pytest.approx(axes[axis], abs=1e-12)


def test_the_chosen_chain_is_the_best_of_all(manila: FakeBackend) -> None:
    """Each of Manila's four chains of four qubits, evaluated one by one."""
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    device = FakeManilaV2()
    every = [
        best_chain("fake:manila", device.target, device.properties(), 4, pair).visibility
        for pair in ((1, 2), (2, 1), (2, 3), (3, 2))
    ]
    assert manila.describe(4).predicted_visibility == pytest.approx(max(every))


def test_a_forced_pair_stands_in_the_middle_of_its_chain() -> None:
    described = FakeBackend("manila,pair=2-1").describe(4)
    assert described.pairs == ((2, 1), (3, 0))


@pytest.mark.parametrize(
    ("argument", "dimension", "words"),
    [
        ("manila", 7, "no chain of 6 working qubits for 3 Bell pairs"),
        ("manila,pair=0-1", 5, "no chain of 4 working qubits with qubits 0-1 in its middle"),
    ],
)
def test_a_device_without_such_a_chain_says_so_in_one_line(argument: str, dimension: int, words: str) -> None:
    with pytest.raises(BackendError, match=words) as refusal:
        FakeBackend(argument).describe(dimension)
    assert "\n" not in str(refusal.value)
    assert "bell_pairs = 1" in str(refusal.value)


def _certain(dimension: int) -> Setting:
    return Setting(0, 0, 0.0, 0.0, (0.0,) * (dimension - 2), (0.0,) * (dimension - 2))


def _basis_state(flipped: int, dimension: int) -> Any:
    """|10…⟩ (0 flipped) or |01…⟩ on as many qubits as the dimension takes, with all its parameters on a third one."""
    from bellqueue.circuits.tsirelson import angle_names
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

    circuit = QuantumCircuit(4, 2)
    circuit.x(flipped)
    for name in angle_names(dimension):
        circuit.ry(Parameter(name), 2)
    circuit.measure([0, 1], [0, 1])
    return circuit


@pytest.mark.parametrize(("flipped", "outcome"), [(0, (1, 0)), (1, (0, 1))])
def test_bit_order(monkeypatch: pytest.MonkeyPatch, flipped: int, outcome: tuple[int, int]) -> None:
    """With |10…⟩ or |01…⟩ in place of the Bell pairs, A's bit is that of its first qubit; of a snapshot in 4 of 5."""
    monkeypatch.setattr("bellqueue.backends.simulators.aer.bell_circuit", lambda k: _basis_state(flipped, k))
    monkeypatch.setattr(
        "bellqueue.backends.calibration.noise_model.bell_circuit",
        lambda k, chained: _basis_state(flipped, k) if chained else bell_circuit(k),
    )
    for spec, least in (("aer", 500), ("aer:visibility=0.9", 500), ("fake:manila", 400)):
        backend = open_backend(spec)
        assert isinstance(backend, Simulator)
        (outcomes,) = backend.sample([_certain(5)], np.array([500]), 1)
        assert (outcomes == outcome).all(axis=1).sum() >= least
    assert isinstance(backend, FakeBackend)
    assert backend.predict([_certain(5)])[0][outcome] > 0.8


@pytest.mark.parametrize(("flipped", "outcome"), [(0, (1, 0)), (1, (0, 1))])
def test_bit_order_of_braket(monkeypatch: pytest.MonkeyPatch, flipped: int, outcome: tuple[int, int]) -> None:
    circuits = pytest.importorskip("braket.circuits")
    prepared = circuits.Circuit().i(0).i(1).i(2).i(3).x(flipped)
    monkeypatch.setattr("bellqueue.backends.simulators.braket_local.bell_circuit", lambda angles: prepared.copy())
    assert BraketLocalBackend().probabilities([_certain(5)])[0][outcome] == pytest.approx(1)


class _Bench(Simulator):
    """An adapter of someone else's, that knows planar bases alone."""

    def describe(self, dimension: int = 2) -> Description:
        return Description(name="bench", kind="hardware", device="optical bench", qubits=2, predicted_visibility=0.9)

    def sample(
        self, settings: Sequence[Setting], shots: np.ndarray, seed: int
    ) -> list[np.ndarray]:  # pragma: no cover - it is never asked
        raise AssertionError("measured what it has no circuit for")


@pytest.mark.parametrize(
    ("dimension", "words"),
    [
        (3, "bases that do not lie in a plane, and this backend measures one Bell pair in a plane only"),
        (5, "2 Bell pairs"),
    ],
)
def test_what_a_backend_has_no_circuit_for_is_refused_in_one_line(dimension: int, words: str) -> None:
    """Before anything is predicted, planned or measured; a plane is taken as ever."""
    strategy = Strategy((Measurements(np.eye(dimension), np.eye(dimension)),), (1.0,))
    predict = predictor(_Bench())
    assert predict is not None
    for refused in (lambda: predicted_behaviour(predict, strategy), lambda: description_for(_Bench(), dimension)):
        with pytest.raises(BackendError, match=words) as refusal:
            refused()
        assert str(refusal.value).startswith("bench: ")
        assert "\n" not in str(refusal.value)
    assert description_for(_Bench(), 2).name == "bench"
    assert predict([Setting(0, 0, 0.0, 0.0)])[0] == pytest.approx(np.array([[0.475, 0.025], [0.025, 0.475]]))


def test_no_backend_but_the_simulators_says_that_it_measures_several_pairs(manila: FakeBackend) -> None:
    """Adapters of other packages, which know nothing of it, are planar by default."""
    assert Description(name="x", kind="hardware", device="x", qubits=2).dimension == 2
    assert AerBackend().describe().dimension == BraketLocalBackend().describe().dimension == 7
    assert manila.describe().dimension == 7
    assert AerBackend("visibility=0.9").describe(5).predicted_visibility is None
    assert AerBackend("visibility=0.9").describe(3).predicted_visibility == pytest.approx(0.9)
    assert [AerBackend().describe(dimension).qubits for dimension in (2, 3, 4, 7)] == [2, 2, 4, 6]


def test_a_schedule_of_several_dimensions_is_measured_in_its_order(experiment: Any) -> None:
    """Equal vectors always agree, opposite ones never: in the order of the plan."""
    u, _ = _vectors(5, 2)
    settings = tuple(_settings(u, np.array([u[0], -u[1]])))
    plan = Schedule(settings, np.arange(3000) % 2, (1, 2), Sampling("fixed"))
    assert experiment.run(open_backend("aer"), plan).counts().correlators.tolist() == [[1.0, -1.0]]
