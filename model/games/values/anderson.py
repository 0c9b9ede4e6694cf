"""Anderson acceleration of a fixed-point map (Walker & Ni, SIAM J. Numer. Anal. 49, 2011)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MEMORY = 6  # earlier differences kept
_PLAIN_STEPS = 5  # unaccelerated steps first, so that an ascent picks its basin


def fixed_point(
    step: Callable[[Floats], Floats],
    start: Floats,
    project: Callable[[Floats], Floats],
    *,
    tolerance: float = 1e-13,
    max_steps: int = 2000,
) -> Floats:
    """A point where step(x) = x to `tolerance` (largest entry), or the last iterate after `max_steps`.

    Args:
        step: The map; input and output of the shape of `start`.
        start: First iterate.
        project: Brings an extrapolated iterate back to the feasible set.
        tolerance: Largest entry of step(x) − x at which to stop.
        max_steps: Largest number of calls of `step`.
    """
    point = start
    differences: deque[tuple[Floats, Floats]] = deque(maxlen=_MEMORY)
    previous: tuple[Floats, Floats] | None = None
    for count in range(max_steps):
        image = step(point)
        residual = (image - point).ravel()
        if np.abs(residual).max() < tolerance:
            return image
        if previous is not None:
            differences.append((point.ravel() - previous[0], residual - previous[1]))
        previous = (point.ravel(), residual)
        if count < _PLAIN_STEPS or not differences:
            point = image
            continue
        moves, changes = (np.column_stack(part) for part in zip(*differences, strict=True))
        mix = np.linalg.lstsq(changes, residual, rcond=1e-12)[0]  # of earlier steps, to cancel most of the residual
        point = project((previous[0] + residual - (moves + changes) @ mix).reshape(start.shape))
    return point


def fixed_points(
    step: Callable[[Floats, NDArray[np.int64]], Floats],
    start: Floats,
    project: Callable[[Floats], Floats],
    tolerance: Floats,
    max_steps: int,
) -> Floats:
    """Fixed points of many maps of one shape at once, each found as by `fixed_point`, whatever the others are.

    Args:
        step: Images of the points of the maps with these numbers, both of shape (some, …).
        start: First iterates, shape (k, …).
        project: Brings extrapolated iterates back to the feasible set.
        tolerance: Largest entry of step(x) − x at which each map stops, shape (k,).
        max_steps: Largest number of steps of each map.
    """
    found, width = np.array(start), math.prod(start.shape[1:])
    left = np.arange(len(start))
    point, previous = found, None
    differences: deque[tuple[Floats, Floats]] = deque(maxlen=_MEMORY)
    for count in range(max_steps):
        image = step(point, left)
        residual = (image - point).reshape(len(left), width)
        found[left] = image
        open_ = np.abs(residual).max(axis=1) >= tolerance[left]
        if not open_.any():
            break
        if previous is not None:
            differences.append((point.reshape(len(left), width) - previous[0], residual - previous[1]))
        left, image, residual, point = left[open_], image[open_], residual[open_], point[open_]
        differences = deque(((moves[open_], changes[open_]) for moves, changes in differences), maxlen=_MEMORY)
        flat = point.reshape(len(left), width)
        previous = flat, residual
        if count < _PLAIN_STEPS or not differences:
            point = image
            continue
        moves, changes = (np.stack(part, axis=-1) for part in zip(*differences, strict=True))
        mix = np.linalg.pinv(changes, rcond=1e-12) @ residual[..., None]
        point = project((flat + residual - ((moves + changes) @ mix)[..., 0]).reshape(image.shape))
    return found
