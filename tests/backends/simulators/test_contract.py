"""What holds for every simulator: closed forms of correlators and marginals, predictions, bit order and seeds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bellqueue.backends import open_backend
from bellqueue.backends.calibration.prediction import Predicting
from bellqueue.backends.simulators.aer import AerBackend
from bellqueue.backends.simulators.braket_local import BraketLocalBackend
from bellqueue.backends.simulators.simulator import Simulator
from bellqueue.circuits.qiskit_circuit import bell_circuit
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.errors import BackendError
from bellqueue.model.trials import Sampling

from tests.backends.settings import SIGNS, basis_state, chsh_plan, measured, settings_for, shares, vectors

UNEVEN = "visibility=0.8,readout_0to1=0.02,readout_1to0=0.1"
# Visibility v, 1 − ε₀ − ε₁ and ε₁ − ε₀, where ε₀ = P(read 1 | 0) and ε₁ = P(read 0 | 1).
NOISES = {
    None: (1.0, 1.0, 0.0),
    "visibility=0.9": (0.9, 1.0, 0.0),
    "visibility=0": (0.0, 1.0, 0.0),
    "readout=0.03": (1.0, 0.94, 0.0),
    "readout_0to1=0.05": (1.0, 0.95, -0.05),
    "visibility=0.95,readout=0.01": (0.95, 0.98, 0.0),
    UNEVEN: (0.8, 0.88, 0.08),
}
# How many Bell pairs the observable of each component acts on, read off MODEL §3: Z₁, X₁, Y₁Z₂, Y₁X₂, Y₁Y₂Z₃, ….
TOUCHED = {
    2: [1, 1],
    3: [1, 1, 1],
    4: [1, 1, 2, 2],
    5: [1, 1, 2, 2, 2],
    6: [1, 1, 2, 2, 3, 3],
    7: [1, 1, 2, 2, 3, 3, 3],
}
BASIS_STATES = [(0, (1, 0)), (1, (0, 1))]


@pytest.fixture(autouse=True)
def _needs_braket(request: pytest.FixtureRequest) -> None:
    if "braket" in request.node.name:
        pytest.importorskip("braket")


def closed_form(noise: str | None, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """E = (1−ε₀−ε₁)²·Σ v^q_i u_i v_i + (ε₁−ε₀)² and marginals (1±(ε₁−ε₀))/2 as P(a, b), shape (n, 2, 2)."""
    visibility, lost, offset = NOISES[noise]
    correlators = lost**2 * (u * v) @ visibility ** np.array(TOUCHED[u.shape[1]]) + offset**2
    zeros = np.array([[1, 0], [0, -1]])  # what uneven readout adds to both marginals
    return np.asarray((1 + correlators[:, None, None] * SIGNS + 2 * offset * zeros) / 4)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("dimension", TOUCHED)
def test_brakets_density_matrix_and_both_predictions_are_the_closed_form(dimension: int, noise: str | None) -> None:
    u, v = vectors(dimension, 3)
    settings, expected = settings_for(u, v), closed_form(noise, u, v)
    aer, braket = AerBackend(noise), BraketLocalBackend(noise)
    assert braket.probabilities(settings) == pytest.approx(expected, abs=1e-10)
    for backend in (aer, braket):
        assert backend.predict(settings) == pytest.approx(expected, abs=1e-12)
        visibility, lost, offset = NOISES[noise]
        description = backend.describe()
        assert description.predicted_visibility == pytest.approx(visibility * lost**2, abs=1e-15)
        assert description.calibration["correlator_offset"] == pytest.approx(offset**2, abs=1e-15)


@pytest.mark.parametrize(
    ("provider", "noise", "dimension"),
    [
        *(("aer", noise, 2) for noise in NOISES),
        *(("braket-local", noise, 2) for noise in (None, UNEVEN)),
        *(
            (provider, noise, dimension)
            for provider in ("aer", "braket-local")
            for noise in (None, UNEVEN)
            for dimension in (3, 7)
        ),
        *(pytest.param(provider, UNEVEN, 5, marks=pytest.mark.slow) for provider in ("aer", "braket-local")),
    ],
)
def test_samples_follow_the_closed_form(provider: str, noise: str | None, dimension: int) -> None:
    """Every share of outcomes within z ≤ 4 at 100,000 trials."""
    backend, shots = open_backend(f"{provider}:{noise}" if noise else provider), 100_000
    assert isinstance(backend, Simulator)
    u, v = vectors(dimension, 4)
    expected = closed_form(noise, u, v)
    found = shares(backend.sample(settings_for(u, v), np.full(4, shots), 7))
    assert (np.abs(found - expected) / np.sqrt(expected * (1 - expected) / shots)).max() < 4


def test_readout_of_each_basis_state_is_as_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    circuits = pytest.importorskip("braket.circuits")
    backend = BraketLocalBackend("readout_0to1=0.05,readout_1to0=0.2")
    prepared = circuits.Circuit().i(0).x(1)
    monkeypatch.setattr("bellqueue.backends.simulators.braket_local.bell_circuit", lambda angles: prepared.copy())
    table = backend.probabilities([Setting(0, 0, 0.0, 0.0)])[0]
    assert table == pytest.approx(np.outer([0.95, 0.05], [0.2, 0.8]), abs=1e-10)


@pytest.mark.parametrize(("flipped", "outcome"), BASIS_STATES)
@pytest.mark.parametrize(
    ("spec", "dimension", "least"),
    [
        *((spec, dimension, 500) for spec in ("aer", "aer:visibility=0.9", "braket-local") for dimension in (2, 5)),
        # Given the noise, in 9 of 10 trials on a pair and in 4 of 5 on a chain.
        ("fake:manila,pair=3-4", 2, 450),
        ("fake:manila,pair=4-3", 2, 450),
        pytest.param("fake:manila", 5, 400, marks=pytest.mark.slow),
    ],
)
def test_the_first_qubits_bit_is_as_and_the_seconds_is_bs(
    monkeypatch: pytest.MonkeyPatch, spec: str, dimension: int, least: int, flipped: int, outcome: tuple[int, int]
) -> None:
    """With |10…⟩ or |01…⟩ in place of the Bell pairs."""
    if spec == "braket-local":
        circuits = pytest.importorskip("braket.circuits")
        prepared = circuits.Circuit().i(range(2 * max(1, dimension // 2))).x(flipped)
        monkeypatch.setattr("bellqueue.backends.simulators.braket_local.bell_circuit", lambda angles: prepared.copy())
    else:

        def circuit(k: int, chained: bool = False) -> object:
            return basis_state(flipped, k) if k == dimension else bell_circuit(k, chained)

        for module in ("simulators.aer", "calibration.noise_model"):
            monkeypatch.setattr(f"bellqueue.backends.{module}.bell_circuit", circuit)
    backend = open_backend(spec)
    assert isinstance(backend, Simulator)
    setting = Setting.of(0, 0, [0.0] * (dimension - 1), [0.0] * (dimension - 1))
    (outcomes,) = backend.sample([setting], np.array([500]), 1)
    assert (outcomes == outcome).all(axis=1).sum() >= least
    if spec.startswith("fake"):
        assert isinstance(backend, Predicting)
        assert backend.predict([setting])[0][outcome] > least / 500


@pytest.mark.parametrize("spec", ["aer:visibility=0.9,readout=0.02", "braket-local", "fake:manila"])
def test_the_seed_fixes_the_trials_and_the_plan_their_order(spec: str) -> None:
    plan = chsh_plan(2000)
    first, same, other = (measured(open_backend(spec), plan, seed) for seed in (1, 1, 2))
    assert first.a.tobytes() + first.b.tobytes() == same.a.tobytes() + same.b.tobytes()
    assert first.a.tobytes() != other.a.tobytes()
    assert (2 * first.x + first.y).tolist() == plan.order.tolist()


@pytest.mark.parametrize("dimension", [2, 5])
def test_equal_vectors_always_agree_and_opposite_ones_never(dimension: int) -> None:
    """In the order of the plan."""
    u, _ = vectors(dimension, 2)
    settings = tuple(settings_for(u, np.array([u[0], -u[1]])))
    plan = Schedule(settings, np.arange(3000) % 2, (1, 2), Sampling("fixed"))
    assert measured(AerBackend(), plan).counts().correlators.tolist() == [[1.0, -1.0]]


def test_outcomes_of_one_setting_are_not_sorted() -> None:
    """Neighbouring trials are independent: a lag-1 correlation within z ≤ 4."""
    a = 2.0 * measured(AerBackend(), chsh_plan(50_000)).a - 1
    assert abs(np.mean(a[1:] * a[:-1])) < 4 / np.sqrt(50_000)


def test_settings_measured_in_one_call_are_independent() -> None:
    """64 settings share calls of the simulator; the same shot of two of them must not go together: z ≤ 4."""
    settings = tuple(Setting(0, y, 0.0, 0.0) for y in range(64))
    plan = Schedule(settings, np.repeat(np.arange(64), 1000), (1, 64), Sampling("fixed"))
    means = (2.0 * measured(AerBackend(), plan, 3).a - 1).reshape(64, 1000).mean(axis=1) * np.sqrt(1000)
    assert abs(np.mean(means**2) - 1) < 4 * np.sqrt(2 / 64)


@pytest.mark.parametrize("spec", [f"aer:{UNEVEN}", "braket-local", "fake:manila"])
def test_a_simulator_is_called_what_was_typed_and_knows_several_pairs(spec: str) -> None:
    description = open_backend(spec).describe()
    assert description.name == spec
    assert description.dimension == 7
    json.dumps(description.calibration)


def test_white_noise_leaves_several_pairs_no_one_visibility() -> None:
    noisy = AerBackend("visibility=0.9")
    assert noisy.describe(5).predicted_visibility is None
    assert noisy.describe(3).predicted_visibility == pytest.approx(0.9)
    assert [AerBackend().describe(dimension).qubits for dimension in (2, 3, 4, 7)] == [2, 2, 4, 6]


@pytest.mark.parametrize("name", ["aer", "braket-local", "fake:manila", "ibm:fez", "braket:garnet"])
def test_every_adapter_of_ours_predicts_by_itself(name: str) -> None:
    assert isinstance(open_backend(name), Predicting)


def test_the_message_says_how_to_install_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bellqueue.backends.registry.find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r'pip install "bellqueue\[braket\]"'):
        open_backend("braket-local")
