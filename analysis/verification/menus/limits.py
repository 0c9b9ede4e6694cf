"""What the trials of a menu say, from its plan alone: limits of the outcome probabilities, and signals between routers.

The limits invert the tests of every-classical §7 in decimals of 40 digits. A test pays e^(t(x − m)) for the outcome
x = [a≠b] of each of its settings and 1 for any other trial. With probability 1 − δ the mean payment M, linear in the
probabilities, has N ln M ≥ ln(all payments) − ln 1/δ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, localcontext

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from ..evidence import Evidence
from ..findings import Json
from ..tails import DIGITS

Floats = NDArray[np.float64]

# Fixed in the program before any data: the share of the error for the tests of entries; the largest stake of a test of
# one setting, and how far inside of 0 and 1 it takes the probability that it is chosen for.
_SHARE, _MOST_STAKE, _INSIDE = 0.9, 5.0, 0.02
_LEAST_EXPECTED = 5.0  # in each cell of a table, for the law of χ²


@dataclass(frozen=True, eq=False)
class Limits:
    """Where P(a≠b | k,x,y) lies: low ≤ P ≤ high, shape (K, n_A, n_B), and Σ normal·P ≤ bound in each entry."""

    low: Floats
    high: Floats
    normal: Floats
    bound: Floats

    def worst(self, slopes: Floats) -> Floats:
        """The largest Σ slopes·P of each entry, slopes of shape (n_A, n_B, states); shape (K, states).

        It begins at the worst corner of the box. Where that lies beyond the half-space, the probabilities go over to
        their other ends, those first that give up least for what they bring it back (a continuous knapsack).
        """
        steep, found = slopes.reshape(-1, slopes.shape[-1]), []
        for low, high, normal, bound in zip(self.low, self.high, self.normal, self.bound, strict=True):
            least, most, weight = (each.reshape(-1, 1) for each in (low, high, normal))
            corner = np.where(steep > 0, most, least)
            way = 2 * corner - least - most
            room = np.maximum(weight * way, 0.0)
            price = np.divide(steep * way, room, out=np.full_like(room, math.inf), where=room > 0)
            order = np.argsort(price, axis=0)
            room, price = (np.take_along_axis(each, order, axis=0) for each in (room, price))
            beyond = (weight * corner).sum(axis=0) - bound
            used = np.clip(beyond - (np.cumsum(room, axis=0) - room), 0.0, room)
            given_up = np.where(used > 0, used * np.where(room > 0, price, 0.0), 0.0)
            found.append((steep * corner).sum(axis=0) - given_up.sum(axis=0))
        return np.array(found)


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The outcomes of a menu with its plan, tables of shape (K, n_A, n_B).

    Attributes:
        split, together, lost: Trials with a ≠ b, with a = b, and without an outcome.
        drawn: r(k,x,y).
        tilts: t of the test of each entry.
        centre: m.
        significance: α declared.
    """

    split: NDArray[np.int64]
    together: NDArray[np.int64]
    lost: NDArray[np.int64]
    drawn: Floats
    tilts: Floats
    centre: Floats
    significance: float

    @classmethod
    def of(cls, evidence: Evidence, menu: Json, significance: float, shape: tuple[int, int, int]) -> Outcomes:
        """Of counts whose rows are the types of router A in each entry."""
        counts = evidence.counts
        split = counts[:, :, 0, 1] + counts[:, :, 1, 0]
        counted = [np.reshape(table, shape) for table in (split, evidence.measured - split, evidence.lost)]
        planned = evidence.distribution, menu["tilts"], menu["centre"]
        drawn, tilts, centre = (np.reshape(np.array(table, dtype=float), shape) for table in planned)
        return cls(counted[0], counted[1], counted[2], drawn, tilts, centre, significance)

    @property
    def trials(self) -> int:
        """N, lost ones included."""
        return int((self.split + self.together + self.lost).sum())

    @property
    def estimated(self) -> Floats:
        """P(a≠b | k,x,y) in the trials with an outcome; ½ where there is none."""
        measured = self.split + self.together
        return np.where(measured > 0, self.split / np.maximum(measured, 1), 0.5)

    @property
    def worst(self) -> Floats:
        """P(a≠b | k,x,y) with each lost trial as the outcome that is paid less, or expected less if both pay alike."""
        alike = self.tilts == 0
        apart = np.where(alike, self.centre, self.tilts * (1 - self.centre))
        same = np.where(alike, 1 - self.centre, -self.tilts * self.centre)
        split = self.split + np.where(apart < same, self.lost, 0)
        counted = self.split + self.together + np.where(apart != same, self.lost, 0)
        return np.asarray(np.where(counted > 0, split / np.maximum(counted, 1), 0.5))

    @property
    def exact(self) -> Limits:
        """As if the probabilities were those observed, lost trials at their worst."""
        return Limits(self.worst, self.worst, np.zeros_like(self.drawn), np.zeros(len(self.drawn)))

    def limits(self, log_significance: float) -> Limits:
        """Limits that hold together at that ln of a significance."""
        with localcontext() as context:
            context.prec = DIGITS
            entries, cells, error = len(self.drawn), self.drawn.size, Decimal(log_significance)
            of_plane = (entries / Decimal(repr(_SHARE))).ln() - error
            in_box = 2 * cells / (1 - Decimal(repr(_SHARE)))
            declared = float((in_box / Decimal(self.significance)).ln())
            low, high = np.zeros_like(self.drawn), np.ones_like(self.drawn)
            normal, bound = np.zeros_like(self.drawn), np.zeros(entries)
            for place in zip(*np.nonzero(self.drawn), strict=True):
                inside = min(max(float(self.centre[place]), _INSIDE), 1 - _INSIDE)
                stake = math.sqrt(2 * declared / (self.trials * float(self.drawn[place]) * inside * (1 - inside)))
                for sign, side in ((1, low), (-1, high)):
                    tilt = sign * Decimal(min(stake, _MOST_STAKE))
                    slopes, rest = self._test([(place, tilt)], in_box.ln() - error)
                    side[place] = min(max(rest / slopes[0], Decimal(0)), Decimal(1))
            for entry in range(entries):
                places = [(entry, x, y) for x, y in np.ndindex(*self.drawn.shape[1:])]
                slopes, rest = self._test([(each, Decimal(float(self.tilts[each]))) for each in places], of_plane)
                normal[entry], bound[entry] = np.reshape([float(-each) for each in slopes], normal[entry].shape), -rest
        return Limits(np.minimum(low, high), np.maximum(low, high), normal, bound)

    def _test(self, tilts: list[tuple[tuple[int, ...], Decimal]], error: Decimal) -> tuple[list[Decimal], Decimal]:
        """The slopes of M in the probabilities, and what they must add up to at least."""
        paid, mean, slopes = Decimal(0), Decimal(1), []
        for place, tilt in tilts:
            share, centre = Decimal(float(self.drawn[place])), Decimal(float(self.centre[place]))
            apart, same = tilt * (1 - centre), -tilt * centre
            split, together, lost = (int(table[place]) for table in (self.split, self.together, self.lost))
            paid += split * apart + together * same + lost * min(apart, same)
            mean += share * (same.exp() - 1)
            slopes.append(share * (apart.exp() - same.exp()))
        return slopes, ((paid - error) / self.trials).exp() - mean


def signalling(counts: NDArray[np.int64], entries: int) -> tuple[float, float]:
    """log₁₀ p of A's outcomes against y and of B's against x, in the entry that looks worst.

    Args:
        counts: counts[k·n_A + x, y, a, b].
        entries: K.
    """
    tables = [table for table in counts.reshape(entries, -1, *counts.shape[1:]) if table.any()]
    tests = [(_dependence(table.sum(axis=3)), _dependence(table.sum(axis=2).swapaxes(0, 1))) for table in tables]
    return min(tests, key=min)


def _dependence(tables: NDArray[np.int64]) -> float:
    """log₁₀ p of Pearson's χ² over tables [own type, the other's type, outcome], small ones left out."""
    total, freedom = 0.0, 0
    for whole in tables:
        table = whole[whole.any(axis=1)][:, whole.any(axis=0)].astype(float)
        if min(table.shape) < 2:
            continue
        expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
        if expected.min() >= _LEAST_EXPECTED:
            total += float((table**2 / expected).sum() - table.sum())
            freedom += (table.shape[0] - 1) * (table.shape[1] - 1)
    return _log_chi2_tail(max(total, 0.0) / 2, freedom) / math.log(10)


def _log_chi2_tail(half: float, freedom: int) -> float:
    """ln Q(f/2, χ²/2) by Q(a+1, z) = Q(a, z) + z^a e^(−z)/Γ(a+1), from Q(1, z) = e^(−z) or Q(½, z) = erfc √z."""
    if not freedom or half == 0:
        return 0.0
    odd = freedom % 2
    terms = [math.log(2) + float(log_ndtr(-math.sqrt(2 * half))) if odd else -half]
    powers = [own / 2 for own in range(1 if odd else 2, freedom - 1, 2)]
    terms += [power * math.log(half) - half - math.lgamma(power + 1) for power in powers]
    top = max(terms)
    return min(0.0, top + math.log(math.fsum(math.exp(term - top) for term in terms)))
