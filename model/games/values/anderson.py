"""Anderson acceleration of a fixed-point map (Walker & Ni, SIAM J. Numer. Anal. 49, 2011)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def fixed_point(
    step: Callable[[Floats], Floats],
    start: Floats,
    project: Callable[[Floats], Floats],
    *,
    tolerance: float = 1e-13,
    max_steps: int = 2000,
    memory: int = 6,
    plain_steps: int = 5,
) -> Floats:
    """A point where step(x) = x to `tolerance` (largest entry), or the last iterate after `max_steps`.

    Args:
        step: The map; input and output of the shape of `start`.
        start: First iterate.
        project: Brings an extrapolated iterate back to the feasible set.
        tolerance: Largest entry of step(x) − x at which to stop.
        max_steps: Calls of `step` at most.
        memory: Earlier differences kept.
        plain_steps: Unaccelerated steps first, so that the ascent picks its basin.
    """
    point = start
    differences: deque[tuple[Floats, Floats]] = deque(maxlen=memory)
    previous: tuple[Floats, Floats] | None = None
    for count in range(max_steps):
        image = step(point)
        residual = (image - point).ravel()
        if np.abs(residual).max() < tolerance:
            return image
        if previous is not None:
            differences.append((point.ravel() - previous[0], residual - previous[1]))
        previous = (point.ravel(), residual)
        if count < plain_steps or not differences:
            point = image
            continue
        moves, changes = (np.column_stack(part) for part in zip(*differences, strict=True))
        mix = np.linalg.lstsq(changes, residual, rcond=1e-12)[0]
        point = project((previous[0] + residual - (moves + changes) @ mix).reshape(start.shape))
    return point
