"""What a backend's calibration promises for any measurement bases: P(a,b), before anything is measured."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..circuits.plan import Setting
from ..model.errors import BackendError
from ..model.strategy import Strategy
from .protocol import Backend

Floats = NDArray[np.float64]
Predict = Callable[[Sequence[Setting]], Floats]

_NINE = tuple(Setting(0, 0, 2 * pi / 3 * i, 2 * pi / 3 * j) for i, j in itertools.product(range(3), repeat=2))


@runtime_checkable
class Predicting(Protocol):
    """A backend that predicts more than one visibility."""

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b) of raw outcomes by the calibration, shape (len(settings), 2, 2)."""
        ...


def predictor(backend: Backend) -> Predict | None:
    """The backend's own prediction, else that of a Werner pair of its predicted visibility; None if it has neither."""
    if isinstance(backend, Predicting):
        return backend.predict
    visibility = backend.describe().predicted_visibility
    return None if visibility is None else lambda settings: werner_probabilities(settings, visibility)


def predicted_probabilities(backend: Backend, settings: Sequence[Setting]) -> Floats:
    """P(a, b) of raw outcomes by the calibration, shape (len(settings), 2, 2).

    Raises:
        BackendError: the backend's calibration promises nothing.
    """
    predict = predictor(backend)
    if predict is None:
        raise BackendError(
            f"{backend.describe().name} states no visibility, so nothing can be predicted; "
            "give the one you expect instead of the backend: --visibility 0.95"
        )
    return predict(settings)


def predicted_behaviour(predict: Predict, strategy: Strategy) -> Floats:
    """P(a,b|x,y) of a strategy, mixtures averaged, shape (n_A, n_B, 2, 2).

    Args:
        predict: P(a, b) of settings.
        strategy: Measurements in a plane.

    Raises:
        BackendError: the prediction has another shape than it should.
    """
    shape = strategy.correlators.shape
    total = np.zeros((*shape, 2, 2))
    for weight, part in zip(strategy.mixture, strategy.components, strict=True):
        alpha, beta = (angle.tolist() for angle in part.angles())
        settings = [Setting(x, y, alpha[x], beta[y]) for x, y in itertools.product(*map(range, shape))]
        table = np.asarray(predict(settings), dtype=float)
        if table.shape != (len(settings), 2, 2):
            wanted = (len(settings), 2, 2)
            raise BackendError(f"the backend's prediction has shape {table.shape}, not {wanted}; ask who made it")
        total += weight * table.reshape(total.shape)
    return total


def werner_probabilities(
    settings: Sequence[Setting], visibility: float, readout: tuple[float, float] = (0.0, 0.0)
) -> Floats:
    """P(a, b) of v|Φ+⟩⟨Φ+| + (1−v)·1/4 with the same readout errors on both qubits, shape (len(settings), 2, 2).

    Args:
        settings: Pairs of bases.
        visibility: v.
        readout: P(read 1 | 0) and P(read 0 | 1).
    """
    cosines = np.cos([setting.alpha - setting.beta for setting in settings])
    true = (1 + visibility * cosines[:, None, None] * np.array([[1, -1], [-1, 1]])) / 4
    up, down = readout
    read = np.array([[1 - up, up], [down, 1 - down]])
    return np.asarray(np.einsum("nab,ai,bj->nij", true, read, read))


@dataclass(frozen=True, eq=False)
class AngleResponse:
    """P(a, b) at all angles, from nine settings.

    Where each angle enters the circuit by one rotation, whose noise does not depend on it, P(a, b) is a trigonometric
    polynomial of degree 1 in either angle.

    Attributes:
        coefficients: Of (1, cos α, sin α) ⊗ (1, cos β, sin β), shape (9, 2, 2).
    """

    coefficients: Floats

    @classmethod
    def of(cls, exact: Predict) -> AngleResponse:
        """From P(a, b) at nine settings."""
        coefficients = np.linalg.solve(_basis(_NINE), exact(_NINE).reshape(9, 4))
        return cls(np.asarray(coefficients, dtype=np.float64).reshape(9, 2, 2))

    def probabilities(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b), shape (len(settings), 2, 2)."""
        return np.asarray(np.clip(np.tensordot(_basis(settings), self.coefficients, axes=1), 0.0, 1.0))


def _basis(settings: Sequence[Setting]) -> Floats:
    """The nine functions at each setting, shape (len(settings), 9)."""
    alpha, beta = (np.array([getattr(setting, name) for setting in settings]) for name in ("alpha", "beta"))
    left, right = (np.stack([np.ones_like(each), np.cos(each), np.sin(each)], axis=1) for each in (alpha, beta))
    return np.asarray(np.einsum("ni,nj->nij", left, right).reshape(-1, 9))
