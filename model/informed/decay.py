"""How fast the workloads of two servers die out, whatever the routers do (every-classical §7)."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq

from ..errors import NoBoundError
from ..queueing.service import Service
from ..queueing.workload import Workload

_SAFE = 1 - 1e-9  # of a decay rate found numerically
_EXACT = 1e-12  # of it, to which it is found


def decay_rate(workload: Workload) -> float:
    """θ > 0 with P(workload > x) ≤ e^(−θx) for either server just before an arrival, whatever the routers do.

    A server has never more work than one that gets both requests of every pair: a random walk with steps of the work of
    a pair less the time between pairs, so that Lundberg's inequality holds for any θ with E e^(θ·step) ≤ 1.

    Raises:
        NoBoundError: one server could not take all requests, or the service times have no exponential moments.
    """
    if 2 * workload.load >= 1:
        raise NoBoundError(
            f"not computed: the load is {workload.load:.4g}; an upper limit for routers that know the past is worked "
            "out below one half, where one server could take all requests"
        )
    ceiling = math.inf
    for service in {*workload.services_a, *workload.services_b}:
        if service.kind == "lognormal" or service.size_known:
            raise NoBoundError(
                f"not computed: an upper limit for routers that know the past needs service times with exponential "
                f"moments, which {service.kind} ones lack"
            )
        if service.kind != "deterministic":
            ceiling = min(ceiling, service.gamma_shape() / service.mean)

    def excess(theta: float) -> float:
        """ln E e^(θ·step): convex, 0 at 0, falling there."""
        a = np.array([_log_mgf(service, theta) for service in workload.services_a])
        b = np.array([_log_mgf(service, theta) for service in workload.services_b])
        terms = a[:, None] + b
        most = float(terms.max())
        mean = most + math.log(float((workload.joint * np.exp(terms - most)).sum()))
        return mean - math.log1p(theta / workload.pair_rate)

    low = 1e-9 / workload.mean_service_time
    high = low
    while high < ceiling / 2 and excess(high) < 0:
        low, high = high, 2 * high
    while high < ceiling * _SAFE and excess(high) < 0:
        low, high = high, (high + ceiling) / 2
    if excess(high) <= 0:
        return high * _SAFE
    if excess(low) >= 0:  # a hair below one half
        raise NoBoundError(
            f"not computed: the load is {workload.load:.10g}, too near one half, and workloads do not die out"
        )
    return float(brentq(excess, low, high, xtol=low * _EXACT)) * _SAFE


def overshoot(pair_rate: float, decay: float) -> float:
    """C with P(workload > x) ≤ C·e^(−θx) just after an arrival, where it is at most e^(−θx) just before one.

    A workload above x just after an arrival is still above x − c at the next one with probability 1 − e^(−λc).
    """
    patience = math.log1p(pair_rate / decay) / pair_rate  # the best c
    return math.exp(decay * patience) / -math.expm1(-pair_rate * patience)


def _log_mgf(service: Service, theta: float) -> float:
    """ln E e^(θS)."""
    if service.kind == "deterministic":
        return theta * service.mean
    shape = service.gamma_shape()
    return -shape * math.log1p(-theta * service.mean / shape)
