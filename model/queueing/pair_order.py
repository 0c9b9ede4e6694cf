"""The order in which two requests sent together join their queue, and how long they wait for each other (MODEL §1)."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .service import Service, moments

Floats = NDArray[np.float64]
WithinPairOrder = Literal["random", "shortest-first"]

_RELATIVE, _ABSOLUTE = 1e-14, 2.0**-60  # tolerances of a quadrature, the latter in units of the smaller mean
_SUPPORT = np.array([2.0**-53, 1 - 2.0**-53])  # outside of these quantiles a survival function is 0 or 1


def partner_waiting_time(
    services_a: tuple[Service, ...], services_b: tuple[Service, ...], order: WithinPairOrder
) -> Floats:
    """How long the two requests of a pair sent together wait for each other, in sum and on average, (n_A, n_B).

    The first makes the second wait for its whole service time. By a fair coin that is (m_x+n_y)/2. Shortest first it is
    E[min(K, L)], where K and L are what is known of the two on arrival, the size or else the mean of the type; no order
    that rests on K and L alone waits less.
    """
    if order == "shortest-first":
        return _shortest_first(services_a, services_b)
    return np.add.outer(moments(services_a, 1), moments(services_b, 1)) / 2


@lru_cache(maxsize=16)
def _shortest_first(services_a: tuple[Service, ...], services_b: tuple[Service, ...]) -> Floats:
    least = np.minimum.outer(moments(services_a, 1), moments(services_b, 1))
    for x, y in np.argwhere(overlapping(services_a, services_b)).tolist():
        least[x, y] = mean_of_the_smaller(_known(services_a[x]), _known(services_b[y]))
    least.flags.writeable = False  # callers share it
    return least


def overlapping(services_a: tuple[Service, ...], services_b: tuple[Service, ...]) -> NDArray[np.bool_]:
    """Whether what is known of two requests leaves open which is the smaller, shape (n_A, n_B)."""
    ends_a, ends_b = (np.array([_ends(_known(each)) for each in services]) for services in (services_a, services_b))
    below, above = np.less.outer(ends_a[:, 0], ends_b[:, 1]), np.greater.outer(ends_a[:, 1], ends_b[:, 0])
    return np.asarray(below & above)


def mean_of_the_smaller(first: Service, second: Service) -> float:
    """E[min(S, T)] = ∫ P(S>t) P(T>t) dt of independent service times, by tanh-sinh quadrature to rounding."""

    def both_longer(time: Floats) -> Floats:
        return first.survival(time) * second.survival(time)

    ends = np.array([_ends(first), _ends(second)])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].min())
    bends = np.concatenate([ends[:, 0], *(service.quantile(_SUPPORT) for service in (first, second))])
    edges = [low, *np.unique(bends[(bends > low) & (bends < high)]).tolist(), high]
    negligible = _ABSOLUTE * min(first.moment(1), second.moment(1))
    from scipy.integrate import tanhsinh  # slow to import, and only shortest-first pairs need it

    total = low
    for start, end in itertools.pairwise(edges):
        total += float(tanhsinh(both_longer, start, end, atol=negligible, rtol=_RELATIVE).integral)
    return total


def _known(service: Service) -> Service:
    """What is known of a request on arrival, as a service time: its size if that is known, else a fixed mean."""
    return service if service.size_known else Service("deterministic", service.moment(1))


def _ends(service: Service) -> tuple[float, float]:
    """The least and the largest service time."""
    low, high = service.quantile(np.array([service.lower, service.upper])).tolist()
    return low, high
