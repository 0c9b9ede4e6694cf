"""What a backend predicts is what it samples from: its exact simulation is the judge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from bellqueue.backends.calibration.prediction import (
    predicted_behaviour,
    predictor,
    required_predictor,
    werner_probabilities,
)
from bellqueue.backends.protocol import Description, description_for
from bellqueue.backends.simulators.fake import FakeBackend
from bellqueue.backends.simulators.simulator import Simulator
from bellqueue.circuits.schedule import Setting
from bellqueue.model.errors import BackendError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.strategy import Measurements, Strategy
from bellqueue.model.scenario.file import Scenario
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from tests.backends.settings import SIGNS

SNAPSHOTS = "athens", "belem", "essex", "lima", "manila", "yorktown", "casablanca", "nairobi", "guadalupe", "hanoi"


def _settings(count: int, seed: int = 1) -> list[Setting]:
    angles = np.random.default_rng(seed).uniform(-np.pi, np.pi, (count, 2)).tolist()
    return [Setting(0, 0, alpha, beta) for alpha, beta in angles]


class _Silent(Simulator):
    """An adapter that knows planar bases alone and predicts nothing of its own, but may state a visibility."""

    def __init__(self, visibility: float | None) -> None:
        self.visibility = visibility

    def describe(self, dimension: int = 2) -> Description:
        visibility = self.visibility
        return Description(name="bench:1", kind="simulator", device="bench", qubits=2, predicted_visibility=visibility)

    def sample(
        self, settings: Sequence[Setting], shots: NDArray[np.int64], seed: int
    ) -> list[NDArray[np.uint8]]:  # pragma: no cover - nothing is measured here
        raise NotImplementedError


@pytest.mark.slow
def test_observed_correlators_are_the_predicted_ones_on_ten_devices() -> None:
    """The default scenario's four settings on each; standard errors are those of the prediction itself.

    Of forty numbers one beyond 3 standard errors comes in a tenth of all experiments, so all forty are judged together:
    at most two may be beyond 3 (three come in one of five thousand), none beyond what holds for all at once at 99.9 %.
    """
    strategy = Frontiers(Scenario.default().workload()).one_pair.at_splitting_probability(0.5)
    shots, deviations = 20_000, []
    for seed, snapshot in enumerate(SNAPSHOTS):
        backend = FakeBackend(snapshot)
        predicted = np.einsum("xyij,ij->xy", predicted_behaviour(backend.predict, strategy), SIGNS)
        (alpha, beta), (_,) = strategy.components[0].angles(), strategy.mixture
        settings = [Setting(x, y, float(alpha[x]), float(beta[y])) for x in range(2) for y in range(2)]
        outcomes = backend.sample(settings, np.full(4, shots), seed)
        observed = np.array([1 - 2 * np.mean(pair[:, 0] ^ pair[:, 1]) for pair in outcomes]).reshape(2, 2)
        deviations.append((observed - predicted) / np.sqrt((1 - predicted**2) / shots))
    beyond = np.abs(np.ravel(deviations))
    assert beyond.size == 40
    assert np.count_nonzero(beyond > 3) <= 2
    assert beyond.max() < norm.isf(0.001 / 2 / 40)
    assert chi2.ppf(0.0005, 40) < (beyond**2).sum() < chi2.isf(0.0005, 40)


@pytest.mark.parametrize("snapshot", ["torino", "essex", "fractional"])
def test_nine_settings_tell_all_of_a_snapshots_noise(snapshot: str) -> None:
    """cz and sx, cx and u3, rx: whichever gates a device has, the noise does not depend on the angles."""
    backend = FakeBackend(snapshot)
    settings = _settings(25)
    assert backend.predict(settings) == pytest.approx(backend.model.probabilities(settings), abs=1e-12)


def test_a_snapshots_prediction_has_the_visibility_it_describes() -> None:
    """E projected on cos(α−β) over evenly spaced angles."""
    backend = FakeBackend("torino,pair=0-1")
    settings = [Setting(0, 0, alpha, beta) for alpha in np.arange(8) * np.pi / 4 for beta in np.arange(8) * np.pi / 4]
    correlators = np.einsum("nij,ij->n", backend.predict(settings), SIGNS)
    cosines = np.cos([setting.alpha - setting.beta for setting in settings])
    assert correlators @ cosines / (cosines @ cosines) == pytest.approx(
        backend.describe().predicted_visibility, abs=2e-3
    )


def test_a_backend_that_only_states_a_visibility_is_a_werner_pair() -> None:
    settings = _settings(5)
    table = required_predictor(_Silent(0.8))(settings)
    assert np.einsum("nij,ij->n", table, SIGNS) == pytest.approx([0.8 * np.cos(s.alpha - s.beta) for s in settings])
    assert table.sum(axis=(1, 2)) == pytest.approx(np.ones(5))
    assert table.sum(axis=2) == pytest.approx(np.full((5, 2), 0.5))


def test_a_backend_that_states_nothing_is_refused_with_what_to_type() -> None:
    assert predictor(_Silent(None)) is None
    with pytest.raises(BackendError, match=r"bench:1 states no visibility.*--visibility 0\.95"):
        required_predictor(_Silent(None))


def test_a_mixture_is_averaged() -> None:
    """On a flat piece of the frontier the strategy is a mixture, and its correlators those of the mixture."""
    record = Scenario.default().record()
    for spec in record["traffic"]["type"]:
        spec["service"]["mean"] = 1.0  # one size: the frontier is a straight line
    strategy = Frontiers(Scenario.parse(record).workload()).one_pair.at_splitting_probability(0.37)
    assert len(strategy.mixture) == 2
    table = predicted_behaviour(lambda settings: werner_probabilities(settings, 0.9), strategy)
    assert np.einsum("xyij,ij->xy", table, SIGNS) == pytest.approx(0.9 * strategy.correlators)


def test_a_prediction_of_the_wrong_shape_is_refused() -> None:
    strategy = Frontiers(Scenario.default().workload()).one_pair.at_splitting_probability(0.5)
    with pytest.raises(BackendError, match=r"shape \(3, 2, 2\), not \(4, 2, 2\)"):
        predicted_behaviour(lambda settings: np.full((3, 2, 2), 0.25), strategy)


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
    backend = _Silent(0.9)
    predict = required_predictor(backend)
    for refused in (lambda: predicted_behaviour(predict, strategy), lambda: description_for(backend, dimension)):
        with pytest.raises(BackendError, match=words) as refusal:
            refused()
        assert str(refusal.value).startswith("bench:1: ")
        assert "\n" not in str(refusal.value)
    assert description_for(backend, 2).dimension == 2
    assert predict([Setting(0, 0, 0.0, 0.0)])[0] == pytest.approx(np.array([[0.475, 0.025], [0.025, 0.475]]))
