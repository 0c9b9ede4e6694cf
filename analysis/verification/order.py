"""The smaller of two requests, for pairs that join their queue shorter request first (MODEL §1), by quadrature.

What is known of a request is the mean of its type, or its size where the router knows sizes.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .sizes import SizeLaw

Floats = NDArray[np.float64]
Row = tuple[Fraction, ...]


@dataclass(frozen=True, eq=False)
class Known:
    """What a router knows of its requests.

    Attributes:
        means: Mean service time of each type, or of each bin.
        law: Of the sizes, where it knows them; its types are then the bins.
    """

    means: Row
    law: SizeLaw | None

    @property
    def ends(self) -> list[tuple[float, float]]:
        """ln of the least and of the largest that is known of a request of each type."""
        if self.law is None:
            return [(math.log(mean), math.log(mean)) for mean in self.means]
        return list(itertools.pairwise(self.law.edges(len(self.means))))


def smaller_means(first: Known, second: Known) -> tuple[Row, ...]:
    """E[min(K, L) | x, y], rows router A."""
    ends_a, ends_b = first.ends, second.ends
    return tuple(
        tuple(
            _smaller(first, x, second, y) if _overlap(ends_a[x], ends_b[y]) else min(first.means[x], second.means[y])
            for y in range(len(ends_b))
        )
        for x in range(len(ends_a))
    )


def binning_error(joint: tuple[Row, ...], crossing: float, first: Known, second: Known) -> float:
    """By how much strategies of the sizes can score more than those of their bins, at any μ, shorter request first.

    Σ π E|g − ḡ| for the game g per pair of sizes and its mean ḡ over a pair of bins. With d = E|s − s̄| of each bin,
    E|st − s̄t̄| ≤ E[t]·d_A + E[s]·d_B, and the smaller of two deviates from its mean by d of the lower bin, or by
    2(d_A + d_B) where they overlap.
    """
    deviation_a, deviation_b = _deviations(first), _deviations(second)
    total = 0.0
    for x, ends_a in enumerate(first.ends):
        for y, ends_b in enumerate(second.ends):
            product = deviation_a[x] * float(second.means[y]) + float(first.means[x]) * deviation_b[y]
            smaller = deviation_a[x] if ends_a[1] <= ends_b[0] else deviation_b[y]
            if _overlap(ends_a, ends_b):
                smaller = 2 * (deviation_a[x] + deviation_b[y])
            total += float(joint[x][y]) * (crossing * product + smaller / 2)
    return total / 2


def _overlap(first: tuple[float, float], second: tuple[float, float]) -> bool:
    return first[0] < second[1] and first[1] > second[0]


def _smaller(first: Known, x: int, second: Known, y: int) -> Fraction:
    """E[min(K, L)] of two that overlap."""
    if first.law is None:
        first, x, second, y = second, y, first, x
    assert first.law is not None  # two types never overlap
    low, high = first.ends[x]
    if second.law is None:
        point = np.array([float(second.means[y])])
        return Fraction(float(_capped(first.law, (low, high), len(first.means), point)[0]))
    other = second.ends[y]
    inner = sorted({low, *(end for end in other if low < end < high), high})
    total = 0.0
    for start, stop in itertools.pairwise(inner):
        logs, probability = first.law.panels(1, start, stop)
        capped = _capped(second.law, other, len(second.means), np.exp(logs))
        total += float((probability * capped).sum()) * len(first.means)
    return Fraction(total)


def _capped(law: SizeLaw, ends: tuple[float, float], bins: int, points: Floats) -> Floats:
    """E[min(S, r) | bin] of each r."""
    inside = np.clip(np.log(points), *ends)
    beyond, work = law.above(np.array([*ends, *inside]))
    return np.asarray(bins * (work[0] - work[2:] + points * (beyond[2:] - beyond[1])))


def _deviations(known: Known) -> list[float]:
    """E|S − E[S]| of each bin; 0 for types."""
    if known.law is None:
        return [0.0] * len(known.means)
    bins, found = len(known.means), []
    for (_, high), mean in zip(known.ends, map(float, known.means), strict=True):
        if mean == 0:
            found.append(0.0)
            continue
        beyond, work = known.law.above(np.array([math.log(mean), high]))
        found.append(2 * bins * float(work[0] - work[1] - mean * (beyond[0] - beyond[1])))
    return found
