"""The least hardware that still wins: one figure of the link varied at a time, the others as they are."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import ScenarioError
from ..games.latency import LIGHT_IN_FIBRE, break_even_latency
from ..games.routing_game import Against
from ..suggestion import suggestion
from .link import Link, visibility_of
from .operation import NOTHING, LinkOperation

Floats = NDArray[np.float64]

# The figures that can be varied, and between which values.
PARAMETERS = {
    "rate": (0.0, math.inf),
    "fidelity": (0.25, 1.0),
    "memory_time": (0.0, math.inf),
    "detection_efficiency": (0.0, 1.0),
    "measurement_fidelity": (0.5, 1.0),
    "distance_km": (0.0, math.inf),
}
_SMALL, _LARGE = 1e-6, 1e9  # limits of the search, in times between requests or in requests per unit of time
_CLOSE = 1e-9  # relative
_STEPS = 41  # of a figure on a map


@dataclass(frozen=True)
class LeastHardware:
    """The smallest value of each figure with which the link still beats a class; None where no value does.

    Attributes:
        against: The class of classical routers.
        rate: Pairs per unit of time; 0 if any rate wins something.
        fidelity: Fidelity of new pairs.
        memory_time: Memory time in units of time; 0 if any does.
        detection_efficiency, measurement_fidelity: Probabilities at each router.
        distance_km: The distances from which a message takes longer than break-even, to that at which pairs are too
            old when they are heralded, or infinity; None if none wins, or the unit of time is not known.
    """

    against: Against
    rate: float | None
    fidelity: float | None
    memory_time: float | None
    detection_efficiency: float | None
    measurement_fidelity: float | None
    distance_km: tuple[float, float] | None


def varied(link: Link, parameter: str, value: float, time_unit_seconds: float | None = None) -> Link:
    """The link with one figure replaced.

    Args:
        link: The link.
        parameter: One of `PARAMETERS`.
        value: Its value.
        time_unit_seconds: The unit of time in seconds, for distances.

    Raises:
        ScenarioError: there is no such figure, it cannot have that value, or the unit of time is not known.
    """
    if parameter not in PARAMETERS:
        near = suggestion(parameter, list(PARAMETERS))
        raise ScenarioError(f"link.{parameter}: a link has no such figure that could be varied{near}")
    low, high = PARAMETERS[parameter]
    if not low <= value <= high:
        raise ScenarioError(f"link.{parameter} is {value:g}; it must lie between {low:g} and {high:g}")
    if parameter == "fidelity":
        return replace(link, visibility=visibility_of(value))
    if parameter == "distance_km":
        if time_unit_seconds is None:
            raise ScenarioError(
                "link.distance_km cannot be varied, for the scenario does not say how long its unit of time is; "
                "give traffic.time_unit_seconds"
            )
        return replace(link, distance_km=value, delay=value / LIGHT_IN_FIBRE / time_unit_seconds)
    changes: dict[str, float] = {parameter: value}
    return replace(link, **changes)  # type: ignore[arg-type]


def usual_values(link: Link, parameter: str) -> Floats:
    """Values of a figure for a map: shares of 1 evenly up to 1, others over four decades around the link's own."""
    lowest = {"fidelity": 0.7, "detection_efficiency": 0.8, "measurement_fidelity": 0.9}
    if parameter in lowest:
        return np.linspace(lowest[parameter], 1.0, _STEPS)
    own = getattr(link, parameter, None)  # `varied` complains of a figure that does not exist
    middle = own if own and math.isfinite(own) else 1.0
    return np.geomspace(middle / 100, middle * 100, _STEPS)


def least_hardware(
    operation: LinkOperation, link: Link, against: Against, time_unit_seconds: float | None = None
) -> LeastHardware:
    """The least value of each figure; savings rise with all of them but the distance.

    Raises:
        NoBoundError: there is no bound on every classical router.
    """
    rate = operation.workload.pair_rate

    def wins(parameter: str) -> Callable[[float], bool]:
        return lambda value: operation.saving(varied(link, parameter, value, time_unit_seconds), against) > NOTHING

    def late(distance: float) -> bool:
        there = varied(link, "distance_km", distance, time_unit_seconds)
        point = operation.best(there, against)
        return there.delay > break_even_latency(operation.frontiers, point.splitting_probability, point.waiting_time)

    # km that a message travels between two pairs of requests
    reach = None if time_unit_seconds is None else LIGHT_IN_FIBRE * time_unit_seconds / rate
    return LeastHardware(
        against=against,
        rate=_smallest(wins("rate"), rate * _SMALL, rate * _LARGE),
        fidelity=_smallest(wins("fidelity"), 0.25, 1.0),
        memory_time=_smallest(wins("memory_time"), _SMALL / rate, _LARGE / rate),
        detection_efficiency=_smallest(wins("detection_efficiency"), _SMALL, 1.0),
        measurement_fidelity=_smallest(wins("measurement_fidelity"), 0.5, 1.0),
        distance_km=None if reach is None else _distances(wins("distance_km"), late, reach * _SMALL, reach * _LARGE),
    )


def _smallest(wins: Callable[[float], bool], low: float, high: float) -> float | None:
    """The value at which `wins` turns true, by bisection on a logarithmic scale; 0 if it is true at the lower end."""
    if not wins(high):
        return None
    if wins(low):
        return 0.0
    while high - low > _CLOSE * high:
        product = low * high
        # A product that underflows loses the place between its factors, and the search would never end.
        middle = math.sqrt(product) if product > sys.float_info.min else math.sqrt(low) * math.sqrt(high)
        low, high = (low, middle) if wins(middle) else (middle, high)
    return high


def _distances(
    wins: Callable[[float], bool], late: Callable[[float], bool], low: float, high: float
) -> tuple[float, float] | None:
    """The distance at which a message takes longer than break-even, and that at which the link stops winning."""
    if not wins(0.0):
        return None
    lost = _smallest(lambda distance: not wins(distance), low, high)
    near = _smallest(late, low, high if lost is None else lost)
    far = math.inf if lost is None else lost
    return None if near is None or near >= far else (near, far)
