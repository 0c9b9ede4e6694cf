"""P(a, b) for any measurement bases, predicted from a backend's calibration before anything is measured."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import pi
from typing import Protocol, runtime_checkable

import numpy as np

from ...circuits.schedule import Setting, settings_of
from ...model.errors import BackendError
from ...model.games.strategy import Strategy, vectors_of
from ...model.trials import Floats
from ..protocol import Backend, description_for

SIGNS = np.array([[1, -1], [-1, 1]])  # +1 for a = b

Predict = Callable[[Sequence[Setting]], Floats]


@runtime_checkable
class Predicting(Protocol):
    """A backend that predicts more than one visibility."""

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b) of raw outcomes by the calibration, shape (len(settings), 2, 2)."""
        ...


def predictor(backend: Backend) -> Predict | None:
    """The backend's own prediction, else that of Werner pairs of its predicted visibility; None if it has neither.

    What it returns raises a BackendError for settings that the backend has no circuit for.
    """
    if isinstance(backend, Predicting):
        own: Predict = backend.predict
    else:
        visibility = backend.describe().predicted_visibility
        if visibility is None:
            return None
        own = partial(werner_probabilities, visibility=visibility)

    def predict(settings: Sequence[Setting]) -> Floats:
        if settings[0].dimension > 2:
            description_for(backend, settings[0].dimension)
        return own(settings)

    return predict


def required_predictor(backend: Backend) -> Predict:
    """The same, for callers that need a prediction.

    Raises:
        BackendError: nothing can be predicted from the backend's calibration.
    """
    predict = predictor(backend)
    if predict is None:
        raise BackendError(
            f"{backend.describe().name} states no visibility, so nothing can be predicted; "
            "give the one you expect instead of the backend: --visibility 0.95"
        )
    return predict


def predicted_behaviour(predict: Predict, strategy: Strategy) -> Floats:
    """P(a,b|x,y) of a strategy, mixtures averaged, shape (n_A, n_B, 2, 2).

    Raises:
        BackendError: the backend has no circuit for them, or the prediction has another shape than it should.
    """
    shape, dimension = strategy.correlators.shape, strategy.dimension
    total = np.zeros((*shape, 2, 2))
    for weight, part in zip(strategy.mixture, strategy.components, strict=True):
        settings = settings_of(part, dimension)
        table = np.asarray(predict(settings), dtype=float)
        if table.shape != (len(settings), 2, 2):
            wanted = (len(settings), 2, 2)
            raise BackendError(f"the backend's prediction has shape {table.shape}, not {wanted}; ask who made it")
        total += weight * table.reshape(total.shape)
    return total


def werner_probabilities(
    settings: Sequence[Setting], visibility: float, readout: tuple[float, float] = (0.0, 0.0)
) -> Floats:
    """P(a, b) of Werner pairs with the same readout errors on both qubits, shape (len(settings), 2, 2).

    Every Bell pair is v|Φ+⟩⟨Φ+| + (1−v)·1/4, so that a component of the vectors whose observable is no identity on q of
    them keeps v^q: the first two components v, the next two v², … (MODEL §3).

    Args:
        settings: Pairs of bases, all of one dimension.
        visibility: v.
        readout: P(read 1 | 0) and P(read 0 | 1).
    """
    dimension = settings[0].dimension
    if dimension == 2:
        correlators = visibility * np.cos([setting.alpha - setting.beta for setting in settings])
    else:
        u, v = (vectors_of(half) for half in np.split(np.array([setting.angles for setting in settings]), 2, axis=1))
        touched = np.minimum(np.arange(dimension) // 2 + 1, dimension // 2)
        correlators = (u * v) @ visibility**touched
    true = (1 + correlators[:, None, None] * SIGNS) / 4
    read = readout_matrix(*readout)
    return np.asarray(np.einsum("nab,ai,bj->nij", true, read, read))


def readout_matrix(readout_0to1: float, readout_1to0: float) -> Floats:
    """P(read j | i) of a qubit, shape (2, 2)."""
    return np.array([[1 - readout_0to1, readout_0to1], [readout_1to0, 1 - readout_1to0]])


def correlators_of(probabilities: Floats) -> Floats:
    """E = P(a = b) − P(a ≠ b) of each setting, shape (n,), from P(a, b), shape (n, 2, 2)."""
    return np.asarray(np.einsum("nab,ab->n", probabilities, SIGNS))


@dataclass(frozen=True, eq=False)
class AngleResponse:
    """P(a, b) at all angles, from nine settings; on one Bell pair out of the plane from 81.

    Where each angle enters the circuit by one rotation, whose noise does not depend on it, P(a, b) is a trigonometric
    polynomial of degree 1 in every angle.

    Attributes:
        coefficients: Coefficients of (1, cos α, sin α) ⊗ (1, cos β, sin β), shape (9, 2, 2), or of the product over all
            angles.
    """

    coefficients: Floats

    @classmethod
    def of(cls, exact: Predict, dimension: int = 2) -> AngleResponse:
        """The response of vectors of k dimensions, from the exact P(a, b) at 3^(2k−2) settings."""
        settings = _evenly(dimension)
        coefficients = np.linalg.solve(_basis(settings), exact(settings).reshape(len(settings), 4))
        return cls(np.asarray(coefficients, dtype=np.float64).reshape(-1, 2, 2))

    def probabilities(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b), shape (len(settings), 2, 2)."""
        return np.asarray(np.clip(np.tensordot(_basis(settings), self.coefficients, axes=1), 0.0, 1.0))


def _evenly(dimension: int) -> tuple[Setting, ...]:
    """Three thirds of a turn for every angle, in all combinations."""
    own = dimension - 1  # of each router
    return tuple(
        Setting.of(0, 0, angles[:own], angles[own:])
        for angles in itertools.product((0.0, 2 * pi / 3, 4 * pi / 3), repeat=2 * own)
    )


def _basis(settings: Sequence[Setting]) -> Floats:
    """All products of 1, cos or sin of every angle at each setting, shape (len(settings), 3^(2k−2))."""
    functions = np.ones((len(settings), 1))
    for angles in np.array([setting.angles for setting in settings]).T:
        own = np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], axis=1)
        functions = np.einsum("ni,nj->nij", functions, own).reshape(len(settings), -1)
    return functions
