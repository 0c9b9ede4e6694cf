"""Simultaneous limits of a menu's outcome probabilities from tests declared before the data (every-classical §7).

A test of entry k pays f(x) = e^(t(x − m)) for an outcome x = [a≠b] of setting c, and 1 for any trial of another entry.
Given the past, its mean is M(P) = Σ_c r_c Σ_x P_c(x) f_c(x), linear in the probabilities P of that trial. The product
of all payments over Π M is then a supermartingale, and Π M(P_i) ≤ M(P̄)^N for the average P̄ (concavity of the
logarithm). So, with probability 1 − δ, N ln M(P̄) ≥ ln of the payments − ln 1/δ: a half-space that holds P̄, whatever
memory the device has. One such test for each entry follows what the certificate depends on, and two for each setting
make a box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.informed.measured import Limits
from ..certificate.samples import Sample

Floats = NDArray[np.float64]

PLANE_SHARE = 0.9  # of the error allowed, for what the certificate depends on; the rest for the box
_INSIDE = 0.02  # P is taken to lie that far inside of 0 and 1 where stakes are chosen


@dataclass(frozen=True, eq=False)
class MenuCounts:
    """Outcomes of a menu, all tables of shape (K, n_A, n_B).

    Attributes:
        split, together: Trials with a ≠ b, and with a = b.
        lost: Trials without an outcome; each may have been either.
        distribution: r(k,x,y) from which settings were drawn, or the shares realised.
    """

    split: Floats
    together: Floats
    lost: Floats
    distribution: Floats

    @classmethod
    def of(cls, sample: Sample, entries: int) -> MenuCounts:
        """The counts of a sample whose settings are over K·n_A × n_B types."""
        counts = sample.counts
        shape = entries, counts.shape[0] // entries, counts.shape[1]
        tables = counts.settings - counts.together, counts.together, sample.asked - counts.settings, sample.distribution
        return cls(*(np.asarray(table, dtype=float).reshape(shape) for table in tables))

    @classmethod
    def expected(cls, split: Floats, distribution: Floats, trials: float) -> MenuCounts:
        """What N trials give on average with P(a≠b | k,x,y) = `split`."""
        asked = trials * distribution
        return cls(asked * split, asked * (1 - split), np.zeros_like(split), distribution)

    @property
    def trials(self) -> float:
        """N, lost trials included."""
        return float((self.split + self.together + self.lost).sum())

    @property
    def estimated(self) -> Floats:
        """Share of a≠b in the trials with an outcome, shape (K, n_A, n_B); ½ where never measured."""
        return _share(self.split, self.together)

    def worst(self, tilts: Floats, centre: Floats) -> Floats:
        """P(a≠b | k,x,y), each lost trial counted as the outcome that the test of its entry pays less for.

        A test without a tilt pays both alike: there it counts as what was less expected. Without lost trials this is
        `estimated`. A device that chooses what it answers gains nothing by it, as it does not by the limits.

        Args:
            tilts: t of the test of each entry, shape (K, n_A, n_B).
            centre: m, the probabilities expected before the data, same shape.
        """
        wins = np.where(tilts != 0, tilts, centre - 0.5)  # above 0 if a≠b is what a trial should show
        return _share(self.split + self.lost * (wins < 0), self.together + self.lost * (wins > 0))


def _share(split: Floats, together: Floats) -> Floats:
    trials = split + together
    return np.where(trials > 0, split / np.maximum(trials, 1), 0.5)


def menu_limits(counts: MenuCounts, tilts: Floats, centre: Floats, significance: float, declared: float) -> Limits:
    """Limits that hold together with probability 1 − `significance` at least.

    Args:
        counts: What was measured.
        tilts: t of the test of each entry, shape (K, n_A, n_B).
        centre: m, the probabilities expected before the data, same shape.
        significance: Significance of these limits.
        declared: The significance that the stakes of the box are chosen for; the data must not decide it.
    """
    entries, cells = len(tilts), tilts.size
    delta = math.log(entries / (PLANE_SHARE * significance))
    side = math.log(2 * cells / ((1 - PLANE_SHARE) * significance))
    normal, bound = np.zeros_like(tilts), np.zeros(entries)
    for entry in range(entries):
        own = np.zeros_like(tilts)
        own[entry] = tilts[entry]
        slopes, bound[entry] = _half_space(counts, own, centre, delta)
        normal[entry] = slopes[entry]
    # The stake that tells most about a single probability if it is as expected, were payments normal.
    safe = np.clip(centre, _INSIDE, 1 - _INSIDE)
    with np.errstate(divide="ignore"):
        log_tests = math.log(2 * cells / ((1 - PLANE_SHARE) * declared))
        stakes = np.sqrt(2 * log_tests / (counts.trials * counts.distribution * safe * (1 - safe)))
    low, high = np.zeros_like(tilts), np.ones_like(tilts)
    for place in zip(*np.nonzero(counts.distribution), strict=True):
        for sign in (1.0, -1.0):
            tilt = np.zeros_like(tilts)
            tilt[place] = sign * min(float(stakes[place]), 5.0)
            slopes, limit = _half_space(counts, tilt, centre, side)
            # slopes·P ≤ limit, and the slope has the sign opposite to the tilt's.
            if sign > 0:
                low[place] = max(limit / slopes[place], 0.0)
            else:
                high[place] = min(limit / slopes[place], 1.0)
    return Limits(np.minimum(low, high), np.maximum(low, high), normal, bound)


def _half_space(counts: MenuCounts, tilt: Floats, centre: Floats, delta: float) -> tuple[Floats, float]:
    """Normal and bound, Σ normal·P ≤ bound, of the half-space that a test leaves; delta is ln 1/δ."""
    paid = counts.split * tilt * (1 - centre) - counts.together * tilt * centre
    paid += counts.lost * np.minimum(tilt * (1 - centre), -tilt * centre)
    together, split = np.exp(-tilt * centre), np.exp(tilt * (1 - centre))
    least = math.exp((float(paid.sum()) - delta) / counts.trials)
    return -counts.distribution * (split - together), float((counts.distribution * together).sum()) - least
