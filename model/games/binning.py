"""What bins of known sizes leave out where the routing game has no two factors: a bound for any strategy of the sizes.

Let g(s,t) = −(w(s,t) − μ)/2 be the game per pair of sizes and ḡ its mean over a cell of bins. Strategies a(s), b(t)
with values in [−1, 1] (or vectors of length at most 1) score

    Σ_cells π E[(g − ḡ) a b] + Σ_cells π ḡ E[a] E[b] ≤ Σ_cells π E|g − ḡ| + β(bins),

the two sizes being independent. With d = E|s − s̄| of each bin, E|st − s̄t̄| ≤ E[t]·d_A + E[s]·d_B; and the smaller of two
sizes deviates from its mean by d of the lower bin, or by at most 2(d_A + d_B) where the bins overlap. It falls with the
number of bins as one over it, and does not depend on μ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..queueing.pair_order import overlapping
from ..queueing.service import Service
from ..queueing.workload import Workload
from .values.xor_game import Bound

Floats = NDArray[np.float64]


def binning_error(workload: Workload) -> float:
    """By how much a strategy of the sizes can score more than every strategy of the bins, at any μ (units of time)."""
    deviation_a, deviation_b = (_deviations(services) for services in (workload.services_a, workload.services_b))
    product = np.outer(deviation_a, workload.mean_b) + np.outer(workload.mean_a, deviation_b)
    cells = workload.crossing * product + _of_the_smaller(workload, deviation_a, deviation_b) / 2
    return float((workload.joint * cells).sum()) / 2


def widened(bound: Bound, error: float) -> Bound:
    """The interval that holds whatever exact sizes add as well."""
    return Bound(bound.low, bound.high + error, f"{bound.method}, and the error of the bins")


def _of_the_smaller(workload: Workload, deviation_a: Floats, deviation_b: Floats) -> Floats:
    """A bound on E|min(s,t) − E min(s,t)| of each pair of bins, shape (n_A, n_B)."""
    smaller_a = np.less_equal.outer(workload.mean_a, workload.mean_b)
    apart = np.where(smaller_a, deviation_a[:, None], deviation_b)
    both = 2 * np.add.outer(deviation_a, deviation_b)
    return np.where(overlapping(workload.services_a, workload.services_b), both, apart)


def _deviations(services: tuple[Service, ...]) -> Floats:
    return np.array([service.mean_deviation() if service.size_known else 0.0 for service in services])
