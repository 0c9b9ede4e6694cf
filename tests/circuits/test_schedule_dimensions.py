"""Plans of vectors in more dimensions: their settings, how they are stored, and that planar ones are stored as ever."""

from __future__ import annotations

import io

import numpy as np
import pytest
from bellqueue.circuits.schedule import Schedule, Setting, draw_schedule, settings_of
from bellqueue.model.errors import DataError
from bellqueue.model.games.strategy import Measurements, Strategy, vectors_of
from bellqueue.model.trials import Sampling
from hypothesis import given, settings
from hypothesis import strategies as st

EVEN = np.full((2, 3), 1 / 6)
FIELDS = {"x", "y", "alpha", "beta", "order", "shape", "rule", "block", "distribution"}


def _measurements(dimension: int, seed: int = 0) -> Measurements:
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=(2, dimension)), rng.normal(size=(3, dimension))
    return Measurements(*(each / np.linalg.norm(each, axis=1, keepdims=True) for each in (u, v)))


def _plan(strategy: Strategy, trials: int = 50) -> Schedule:
    return draw_schedule(strategy, Sampling("random", EVEN), EVEN, trials, np.random.default_rng(1))


def _ideal(setting: Setting) -> float:
    half = len(setting.angles) // 2
    u, v = (vectors_of(np.array([angles]))[0] for angles in (setting.angles[:half], setting.angles[half:]))
    return float(u @ v)


@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_a_plan_of_any_dimension_comes_back_as_it_was(dimension: int, seed: int) -> None:
    plan = _plan(Strategy((_measurements(dimension, seed),), (1.0,)))
    back = Schedule.from_bytes(plan.to_bytes())
    assert back.settings == plan.settings
    assert back.dimension == plan.dimension == dimension
    np.testing.assert_array_equal(back.order, plan.order)


def test_a_planar_plan_is_stored_with_the_fields_it_always_had() -> None:
    planar = np.load(io.BytesIO(_plan(Strategy((_measurements(2),), (1.0,))).to_bytes()))
    solid = np.load(io.BytesIO(_plan(Strategy((_measurements(3),), (1.0,))).to_bytes()))
    assert set(planar) == FIELDS
    assert set(solid) == FIELDS | {"more_alpha", "more_beta"}


def test_damaged_angles_are_told_in_one_line() -> None:
    whole = dict(np.load(io.BytesIO(_plan(Strategy((_measurements(4),), (1.0,))).to_bytes())))
    whole["more_beta"] = whole["more_beta"][:-1]
    buffer = io.BytesIO()
    np.savez(buffer, **whole)
    with pytest.raises(DataError, match="the stored settings of a run cannot be read"):
        Schedule.from_bytes(buffer.getvalue())


@pytest.mark.parametrize("dimension", [2, 3, 5])
def test_every_setting_holds_the_correlator_of_its_types(dimension: int) -> None:
    measurements = _measurements(dimension)
    for setting in settings_of(measurements, dimension):
        assert _ideal(setting) == pytest.approx(float(measurements.u[setting.x] @ measurements.v[setting.y]), abs=1e-12)


def test_all_components_of_a_mixture_fit_the_same_circuit() -> None:
    parts = _measurements(2), _measurements(5)
    plan = _plan(Strategy(parts, (0.5, 0.5)))
    assert {setting.dimension for setting in plan.settings} == {5}
    for number, part in enumerate(parts):
        for setting in plan.settings[6 * number : 6 * number + 6]:
            assert _ideal(setting) == pytest.approx(float(part.u[setting.x] @ part.v[setting.y]), abs=1e-12)
