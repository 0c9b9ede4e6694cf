"""Vectors of any dimension: their span, their angles, and the Bell pairs they take."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.model.games.strategy import (
    Floats,
    Measurements,
    Strategy,
    bell_pairs_for,
    dimension_of,
    hyperspherical_angles,
    vectors_of,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group


def unit_vectors(rng: np.random.Generator, count: int, dimension: int) -> Floats:
    """Random unit rows, some of them axes, so that angles at their limits occur."""
    rows = rng.normal(size=(count, dimension))
    rows[0] = np.eye(dimension)[rng.integers(dimension)] * rng.choice([-1, 1])
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_angles_are_the_vectors_in_hyperspherical_coordinates(dimension: int, seed: int) -> None:
    """Against the definition, term by term."""
    vectors = unit_vectors(np.random.default_rng(seed), 5, dimension)
    angles = hyperspherical_angles(vectors)
    assert angles.shape == (5, dimension - 1)
    assert ((angles[:, :-1] >= 0) & (angles[:, :-1] <= np.pi)).all()
    for vector, own in zip(vectors, angles, strict=True):
        expected = [np.prod(np.sin(own[:index])) * np.cos(own[index]) for index in range(dimension - 1)]
        assert vector == pytest.approx([*expected, np.prod(np.sin(own))], abs=1e-12)
    assert vectors_of(angles) == pytest.approx(vectors, abs=1e-12)


@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_vectors_are_reduced_to_what_they_span(span: int, more: int, seed: int) -> None:
    """Turned into a larger space at random they come back with the same correlators, the longest axis first."""
    rng = np.random.default_rng(seed)
    u, v = (unit_vectors(rng, 6, span) for _ in range(2))
    turn = ortho_group.rvs(span + more, random_state=rng) if span + more > 1 else np.eye(1)
    wide = Measurements(u @ turn[:span], v @ turn[:span])
    reduced = wide.reduced()
    assert reduced.dimension == np.linalg.matrix_rank(np.vstack([u, v]), tol=1e-6)
    assert reduced.correlators == pytest.approx(u @ v.T, abs=1e-10)
    lengths = (np.vstack([reduced.u, reduced.v]) ** 2).sum(axis=0)
    assert (np.diff(lengths) <= 1e-9).all()


@given(st.integers(1, 5), st.integers(0, 2), st.integers(0, 2**32 - 1))
def test_bases_give_the_correlators_in_any_dimension_that_holds_them(span: int, more: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    measurements = Measurements(*(unit_vectors(rng, 4, span) for _ in range(2)))
    dimension = max(2, span) + more
    alpha, beta = measurements.bases(dimension)
    assert alpha.shape == beta.shape == (4, dimension - 1)
    assert vectors_of(alpha) @ vectors_of(beta).T == pytest.approx(measurements.u @ measurements.v.T, abs=1e-10)


def test_in_a_plane_the_bases_are_the_angles() -> None:
    measurements = Measurements(*(unit_vectors(np.random.default_rng(4), 3, 2) for _ in range(2)))
    alpha, beta = measurements.angles()
    np.testing.assert_array_equal(measurements.bases()[0], alpha[:, None])
    np.testing.assert_array_equal(measurements.bases(2)[1], beta[:, None])
    np.testing.assert_array_equal(measurements.bases(4)[0], np.column_stack([alpha, np.zeros((3, 2))]))
    assert alpha[0] == 0
    assert np.cos(alpha[:, None] - beta) == pytest.approx(measurements.u @ measurements.v.T, abs=1e-12)


def test_too_few_dimensions_are_refused() -> None:
    measurements = Measurements(np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match="span 3 dimensions, not 2"):
        measurements.bases(2)
    with pytest.raises(ValueError, match="more than a plane"):
        measurements.angles()


def test_a_mixture_takes_the_bell_pairs_of_its_largest_component() -> None:
    """Tsirelson: ⌊k/2⌋ pairs for k dimensions, one for a line."""
    line, five = Measurements(np.ones((2, 1)), np.ones((2, 1))), Measurements(np.eye(5), np.eye(5))
    assert [bell_pairs_for(dimension) for dimension in range(1, 8)] == [1, 1, 1, 2, 2, 3, 3]
    assert [dimension_of(pairs) for pairs in (1, 2, 3)] == [3, 5, 7]
    assert Strategy((line,), (1.0,)).dimension == 2
    assert Strategy((line,), (1.0,)).bell_pairs == 1
    mixture = Strategy((line, five), (0.5, 0.5))
    assert (mixture.dimension, mixture.bell_pairs) == (5, 2)
