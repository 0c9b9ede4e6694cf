"""The price of talking: how long a message between the routers may take before entanglement does better.

Routers that exchange their types hold both requests of a pair until the message arrives, a one-way latency d, and then
follow the communication frontier. All pairs reach the servers d later than they would have: Poisson arrivals shifted
by a constant are the same Poisson arrivals, so that batches, loads, idle periods and τ(p) are as before, and each
request waits d longer. At equal p, and so at equal baseline throughput, communication waits W_comm(p) + d.

This bounds no other way of talking. If one router sends its request at once and the other holds its own only if its
type leaves the decision open, far fewer requests wait: simulated at p = 0.51 of the default scenario, 0.11 d per
request, so that such routers break even with entanglement at almost nine times the latency given here.
"""

from __future__ import annotations

from .frontiers import Frontiers

LIGHT_IN_FIBRE = 2e5  # km/s, the speed of light over the refractive index of glass, 1.5


def break_even_latency(frontiers: Frontiers, splitting_probability: float, waiting_time: float) -> float:
    """The one-way latency (units of time) beyond which a point (p, W) beats communication at equal throughput.

    The communicating routers hold both requests of every pair until the message arrives (see above).

    Args:
        frontiers: Frontiers of the workload.
        splitting_probability: p of the point, ideal or observed.
        waiting_time: Its W. If it is no longer than W_comm(p), as an estimate may turn out, the latency is 0.

    Raises:
        ValueError: p is no probability.
    """
    if not 0 <= splitting_probability <= 1:
        raise ValueError(f"splitting probability is {splitting_probability:g}; it must lie between 0 and 1")
    return max(waiting_time - float(frontiers.communication.waiting_time_at(splitting_probability)), 0.0)


def fibre_distance_km(latency: float, time_unit_seconds: float) -> float:
    """How far apart the routers are if a message through fibre takes `latency` units of time, one way, in km."""
    return latency * time_unit_seconds * LIGHT_IN_FIBRE
