"""A simulated link as a backend: its trials follow formulas, limits and other simulators, and plans foretell them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from bellqueue.analysis.certificate.certificate import smallest_log_p_value
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.backends import open_backend
from bellqueue.backends.calibration.prediction import predicted_behaviour, predictor, required_predictor
from bellqueue.backends.protocol import Backend
from bellqueue.backends.simulators import link as module
from bellqueue.backends.simulators.link import SimulatedLink
from bellqueue.circuits.schedule import Schedule, draw_schedule, settings_of
from bellqueue.model.errors import BackendError
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import BoundedGame
from bellqueue.model.link.link import mean_visibility_when_used
from bellqueue.model.progress import unwatched
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling, Trials
from bellqueue.runner.experiment.preparation import prepare_point
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binom

import bellqueue as bq
from tests.model.link.links import LINK, with_link

Floats = NDArray[np.float64]

LINKS = {
    "short memory": "link:rate=0.1,visibility=0.95,memory_time=100",
    "slow": "link:rate=0.01,visibility=1,memory_time=1000",
    "buffer": "link:rate=0.02,fidelity=0.98,memory_time=300,buffer=3",
    "detectors": "link:rate=0.1,visibility=1,memory_time=2000,measurement_fidelity=0.99,detection_efficiency=0.97",
    "far": "link:rate=2,visibility=1,memory_time=5,distance_km=20,time_unit_seconds=0.001",
    "cut off": "link:rate=0.2,visibility=0.97,memory_time=500,cutoff=4",
}


def opened(name: str, scenario: Scenario | None = None) -> SimulatedLink:
    backend = open_backend(name, scenario or Scenario.default())
    assert isinstance(backend, SimulatedLink)
    return backend


def schedule_for(backend: SimulatedLink, trials: int, distribution: Floats | None = None) -> Schedule:
    strategy = backend.operating_point().strategy
    even = np.full(strategy.correlators.shape, 1 / strategy.correlators.size)
    r = even if distribution is None else distribution
    return draw_schedule(strategy, Sampling("random", r), r, trials, np.random.default_rng(2))


@cache
def measured(name: str, trials: int = 200_000) -> tuple[SimulatedLink, Trials]:
    backend = opened(name)
    return backend, backend.measure(schedule_for(backend, trials), 7, unwatched)


def predicted(backend: Backend, link: SimulatedLink) -> Floats:
    """What a backend predicts for the link's strategy, shape (n_A, n_B, 2, 2)."""
    return predicted_behaviour(required_predictor(backend), link.operating_point().strategy)


def deviations(trials: Trials, probabilities: Floats) -> Floats:
    """Of each share of outcomes from what is expected, in standard errors; shape (n_A, n_B, 2, 2)."""
    counts = trials.counts()
    shares = counts.table / counts.settings[..., None, None]
    error = np.sqrt(probabilities * (1 - probabilities) / counts.settings[..., None, None])
    return np.asarray(np.abs(shares - probabilities) / np.maximum(error, 1e-9))


@pytest.mark.parametrize("name", LINKS)
def test_trials_follow_the_prediction(name: str) -> None:
    backend, trials = measured(LINKS[name])
    probabilities = predicted(backend, backend)
    assert np.allclose(probabilities.sum(axis=(2, 3)), 1)
    assert deviations(trials, probabilities).max() < 4
    # Werner pairs of the visibility told would score as much.
    game = backend.frontiers.game(backend.point.multiplier).matrix
    score = np.einsum("xy,xyab,ab", game, probabilities, [[1, -1], [-1, 1]])
    ideal = (game * backend.point.correlators).sum()
    assert backend.describe().predicted_visibility == pytest.approx(score / ideal)


@pytest.mark.parametrize("name", ["short memory", "slow"])
def test_correlators_meet_the_closed_forms(name: str) -> None:
    """Those of one place in memory, with the value of every classical map by enumeration."""
    backend, trials = measured(LINKS[name])
    point, game = backend.operating_point(), backend.frontiers.game(backend.point.multiplier).matrix
    signs = list(itertools.product((1, -1), repeat=2))
    maps = [np.outer(a, b) for a in signs for b in signs]
    best = max(maps, key=lambda table: float((game * table).sum()))
    ideal = point.strategy.correlators
    rate, visibility, memory = {"short memory": (0.1, 0.95, 100.0), "slow": (0.01, 1.0, 1000.0)}[name]
    window = memory * math.log(visibility * float((game * ideal).sum()) / float((game * best).sum()))
    both = rate + 0.01
    used = rate / both * (1 - math.exp(-both * window))
    left = visibility * rate / (both + 1 / memory) * (1 - math.exp(-(both + 1 / memory) * window))
    expected = left * ideal + (1 - used) * best
    counts = trials.counts()
    assert np.abs((counts.correlators - expected) / np.sqrt((1 - expected**2) / counts.settings)).max() < 4


def test_pairs_without_end_are_werner_pairs() -> None:
    backend, trials = measured("link:rate=1e9,visibility=0.9,memory_time=1e12")
    assert deviations(trials, predicted(open_backend("aer:visibility=0.9"), backend)).max() < 4
    assert backend.describe().predicted_visibility == pytest.approx(0.9, abs=1e-6)


def test_without_pairs_every_trial_is_the_classical_fallback() -> None:
    backend = opened("link:rate=1e-12,visibility=1,memory_time=1e6", with_operating_point(0.9))
    trials = backend.measure(schedule_for(backend, 1000), 1, unwatched)
    correlators = trials.counts().correlators
    game = backend.frontiers.game(0.9).matrix
    signs = list(itertools.product((1, -1), repeat=2))
    assert np.array_equal(np.abs(correlators), np.ones((2, 2)))
    assert (game * correlators).sum() == pytest.approx(max(a @ game @ np.array(b) for a in signs for b in signs))


def with_operating_point(multiplier: float) -> Scenario:
    return Scenario.default().with_experiment(operating_point={"multiplier": multiplier})


def test_a_seed_gives_the_same_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = opened(LINKS["buffer"])
    schedule = schedule_for(backend, 1000)
    first, again, other = (backend.measure(schedule, seed, unwatched) for seed in (1, 1, 2))
    assert np.array_equal(first.a, again.a)
    assert np.array_equal(first.b, again.b)
    assert not np.array_equal(first.a, other.a)
    monkeypatch.setattr(module, "PIECE", 300)
    told: list[tuple[int, int | None]] = []
    pieces = backend.measure(schedule, 1, lambda what, done, total: told.append((done, total)))
    assert told == [(300, 1000), (600, 1000), (900, 1000), (1000, 1000)]
    assert np.array_equal(pieces.a[:300], backend.measure(schedule.part(range(300)), 1, unwatched).a)


@pytest.mark.parametrize("device", ["aer:visibility=0.96,readout=0.005", "fake:torino"])
def test_the_scenarios_link_brings_the_pairs_of_any_simulator(device: str) -> None:
    # The device's visibility counts, and a pair is 50 units old when it is heralded.
    figures = {"rate": 0.05, "visibility": 0.5, "memory_time": 1000.0, "distance_km": 10_000.0}
    scenario = with_link(figures, time_unit_seconds=0.001)
    backend = opened(device, scenario)
    assert backend.name == backend.describe().name == device
    trials = backend.measure(schedule_for(backend, 160_000), 3, unwatched)
    assert deviations(trials, predicted(backend, backend)).max() < 4
    caveat = backend.describe().locality
    assert caveat.startswith(f"The link is simulated with pairs of {device}, so ")


def test_werner_pairs_of_another_simulator_are_those_of_the_link() -> None:
    figures = {"rate": 0.05, "memory_time": 300.0}
    other = opened("aer:visibility=0.96", with_link(figures | {"visibility": 0.5}))
    own = opened("link", with_link(figures | {"visibility": 0.96}))
    settings = settings_of(own.operating_point().strategy.components[0], 2)
    assert np.allclose(other.predict(settings), own.predict(settings), atol=1e-12)


def test_runs_certify_as_often_as_planned() -> None:
    """A link that has pairs for four requests in ten, of which about six runs in ten certify."""
    runs, trials = 300, 3000
    name, scenario = "link:rate=0.01,visibility=0.95,memory_time=1000", Scenario.default()
    planned = bq.plan(scenario.with_experiment(shots=trials), name)
    backend = opened(name)
    experiment = prepare_point(scenario.with_experiment(shots=runs * trials), 1, predictor(backend), backend=backend)
    taken = backend.measure(experiment.schedule, 5, unwatched)
    game = experiment.frontiers.game(experiment.point.certificate_multiplier)
    logs = log_p_values(game, taken, runs, experiment.schedule.sampling)
    certified, power = np.mean(logs <= math.log(1e-3)), planned.forecast.predicted_power
    assert 0.4 < power < 0.8
    assert abs(certified - power) < 4 * math.sqrt(power * (1 - power) / runs)
    assert any("41.3 % of requests get a Bell pair" in warning for warning in planned.warnings)


def log_p_values(game: BoundedGame, trials: Trials, runs: int, sampling: Sampling) -> Floats:
    """Of the runs that the trials are cut into, against memoryless routers."""
    places = ((trials.x * 2 + trials.y) * 2 + trials.a) * 2 + trials.b
    tables = [np.bincount(run, minlength=16).reshape(2, 2, 2, 2) for run in places.reshape(runs, -1)]
    return np.array(
        [smallest_log_p_value([game], Sample(Counts(table), sampling), "memoryless")[1] for table in tables]
    )


def test_a_good_link_certifies_and_a_poor_one_does_not() -> None:
    good = bq.run("default", backend="link:rate=1,visibility=0.95,memory_time=1000", seed=1, shots=5000)
    assert good.every_classical
    assert good.every_classical.certified or good.certificate.certified
    poor = bq.run("default", backend="link:rate=0.001,visibility=0.9,memory_time=100", seed=1, shots=5000)
    assert not poor.certificate.certified


def test_a_seldom_link_is_planned_against_memoryless_routers() -> None:
    assert opened("link:rate=0.01,visibility=0.95,memory_time=1000").operating_point().against == "memoryless"
    assert opened("link:rate=1,visibility=0.99,memory_time=1000").operating_point().against == "every-classical"


@pytest.mark.slow
def test_a_link_exactly_not_enough_is_certified_no_more_often_than_alpha() -> None:
    """Routers use pairs past the time at which the fallback is better, and lose by old ones what new ones gain."""
    runs, trials, alpha = 2000, 300, 0.05
    multiplier = float(Frontiers.of(Scenario.default()).classical.multipliers[-1])
    backend = opened("link:rate=0.02,visibility=0.8,memory_time=300,buffer=4", with_operating_point(multiplier))
    link, point = backend.point.link, backend.point
    enough = point.least_visibility_used

    def gained(least: float) -> float:
        return float(mean_visibility_when_used(link, 0.01, least)) - enough

    least = brentq(gained, 0.05, enough)
    backend.point = replace(point, window=float(link.window(least)), least_visibility_used=least)
    game = backend.frontiers.game(multiplier)
    r = game.input_distribution
    taken = backend.measure(schedule_for(backend, runs * trials, r), 5, unwatched)
    certified = np.sum(log_p_values(game, taken, runs, Sampling("random", r)) <= math.log(alpha))
    assert certified <= binom.ppf(0.9999, runs, alpha)
    assert certified > 0.3 * alpha * runs  # it is at the edge, not far below


@pytest.mark.parametrize(
    ("name", "link", "told"),
    [
        ("link", None, "link: the scenario has no [link]; add one, or name a published link: link:"),
        ("link:scenario,rate=3", None, "link:scenario,rate=3: the scenario has no [link]"),
        ("link:oxford-ions-2025", None, "give traffic.time_unit_seconds"),
        ("link:harvard-siv-2024,time_unit_seconds=1", None, "has no such figure; add what you know or assume"),
        ("link:rate=0.1", None, "fidelity is missing; give fidelity or visibility"),
        ("link:rate=0,fidelity=1,memory_time=1", None, "link.rate is 0.0; it must be positive"),
        ("link:rate=1,fidelity=x,memory_time=1", None, "fidelity=x is not a number"),
        ("link:rate=1,fidelity=nan,memory_time=1", None, "link.fidelity"),
        ("link:rate=1,fidelity=1,memory_time=1,buffer=1.5", None, "buffer=1.5 is not a whole number"),
        ("link:scenario,memory_seconds=1", LINK, "give traffic.time_unit_seconds"),
    ],
)
def test_a_link_that_is_not_known_well_enough_gets_one_line(name: str, link: dict[str, float], told: str) -> None:
    with pytest.raises(BackendError) as caught:
        open_backend(name, with_link(link) if link else Scenario.default())
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(name.partition(":")[0])


def test_options_replace_what_the_link_says() -> None:
    own = with_link(LINK)
    assert opened("link", own).point.link.fidelity == pytest.approx(0.96)
    changed = opened(" link : scenario , visibility = 0.9 , rate=0.2", own)
    assert changed.name == "link:scenario,visibility=0.9,rate=0.2"
    assert (changed.point.link.visibility, changed.point.link.rate, changed.point.link.memory_time) == (0.9, 0.2, 1000)
    published = opened("Link:Oxford-ions-2025,time_unit_seconds=10", own).point.link
    assert (published.rate, published.memory_time) == pytest.approx((97.0, 1.0))
