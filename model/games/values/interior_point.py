"""The semidefinite programme of an XOR game by an interior-point method, for games on which the ascent stalls.

The ascent of `quantum_value` may crawl along a saddle, as rare types make many; Newton's steps along the central path
pass it by. They take O(n³) each, so that the method is for small games.

Source: Helmberg, Rendl, Vanderbei & Wolkowicz, SIAM J. Optim. 6, 342 (1996), for programmes with a fixed diagonal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 100  # at most; twenty to forty do
_SHRINK = 0.8  # of a step that leaves the cone
_INSIDE = 0.95  # of the longest step that stays in it
_LEAST_STEP = 1e-3  # below which rounding has the last word


def central_point(matrix: Floats, gap: float) -> tuple[Floats, Floats]:
    """Nearly optimal vectors and multipliers of max Σ G ⟨u_x, v_y⟩; what they prove is for the caller to compute.

    Args:
        matrix: G, shape (n_A, n_B), without a row or column of zeros.
        gap: Difference of the two values at which to stop.

    Returns:
        Unit vectors, u above v, shape (n, n), and the multipliers, λ above κ, all positive, shape (n,); n = n_A + n_B.
    """
    rows, count = len(matrix), sum(matrix.shape)
    half = np.zeros((count, count))
    half[:rows, rows:] = matrix / 2
    half += half.T
    sums = np.abs(half).sum(axis=1)
    gram, y = np.eye(count), sums + sums.max()  # strictly inside, and near the central path whatever the scales
    distance = 0.5
    for _ in range(_STEPS):
        width = float(y.sum() - np.sum(half * gram))
        if width <= gap:
            break
        mu = distance * width / count
        scale = np.sqrt(y)  # makes the diagonal 1, since rare types are smaller by many powers of ten
        outer = np.outer(scale, scale)
        slack = np.eye(count) - half / outer
        inverse = np.linalg.inv(slack)
        inverse = (inverse + inverse.T) / 2
        # Newton's direction: the multipliers first, such that the diagonal of the Gram matrix stays 1.
        rise = scale * np.linalg.solve(inverse * gram, mu * inverse.diagonal() / scale - scale)
        turn = (mu * inverse - (inverse * (rise / scale)) @ gram * scale) / outer - gram
        turn = (turn + turn.T) / 2
        np.fill_diagonal(turn, 0.0)
        primal, dual = _longest(gram, turn), _longest(slack, np.diag(rise / y))
        gram, y = gram + primal * turn, y + dual * rise
        if max(primal, dual) < _LEAST_STEP:
            break
        distance = 0.1 if primal + dual > 1.6 else 0.5  # bolder after nearly full steps
    values, axes = np.linalg.eigh(gram)
    vectors = axes * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)), 2 * y


def _longest(point: Floats, change: Floats) -> float:
    """How far along a change a positive definite matrix may go and stay one, at most 1."""
    step = 1.0
    while step > _LEAST_STEP:
        try:
            np.linalg.cholesky(point + step * change)
        except np.linalg.LinAlgError:
            step *= _SHRINK
        else:
            return step if step == 1.0 else _INSIDE * step
    return 0.0
