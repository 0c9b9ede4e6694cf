"""The distribution of waiting times, in bounded memory: every wait counts, rounded to its leading binary digits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DIGITS = 7  # binary digits kept after the leading one: 2^7 values in each octave
RELATIVE_ERROR = 2.0 ** -(DIGITS + 1)  # of the wait that a count is filed under
POINTS = 400  # of a plot
_OCTAVES = 32  # kept on either side of the scale

_MANTISSA = 52  # bits of a double's fraction
_BIAS = 1023  # of its exponent
_DROPPED = _MANTISSA - DIGITS


class WaitingHistogram:
    """Counts waits in bins that are the doubles of DIGITS binary digits, so that whole numbers up to 256 stay exact.

    The bits of a positive double, read as an integer, rise with it: half a unit of the last digit kept is added and
    the digits dropped are shifted out. Waits below 2^-32 scales count as none, those above 2^32 as that long.

    Args:
        scale: A typical time, in the unit of the waits.
        batches: Batches that are counted apart.
    """

    def __init__(self, scale: float, batches: int) -> None:
        exponent = math.frexp(scale)[1]
        least = min(max(exponent - _OCTAVES, 1 - _BIAS), _BIAS - 2 * _OCTAVES)
        self._least_bits = (least + _BIAS) << _MANTISSA
        # Bin 0 holds no wait at all, bin 1 the least.
        self._offset = np.int64((1 << _DROPPED) + (1 << (_DROPPED - 1)) - self._least_bits)
        self._counts = np.zeros((batches, 2 * _OCTAVES * 2**DIGITS + 1), dtype=np.int64)

    def add(self, batch: int, *waits: Floats) -> None:
        """Count waits, arrays of shape (k,), none negative, towards a batch."""
        bins = np.concatenate([some.view(np.int64) for some in waits])
        bins += self._offset
        bins >>= _DROPPED
        np.clip(bins, 0, self._counts.shape[1] - 1, out=bins)
        counts = np.bincount(bins)
        self._counts[batch, : counts.size] += counts

    def distribution(self) -> WaitingDistribution:
        """What has been counted so far; every batch must hold a wait."""
        occupied = np.append(0, 1 + np.flatnonzero(self._counts.sum(axis=0)[1:]))
        waiting = (((occupied - 1) << _DROPPED) + self._least_bits).view(np.float64)
        waiting[0] = 0.0
        return WaitingDistribution(waiting, self._counts[:, occupied])


@dataclass(frozen=True, eq=False)
class WaitingDistribution:
    """An empirical distribution of waiting times; each wait is known to within RELATIVE_ERROR.

    Attributes:
        waiting_time: 0 and every rounded wait that occurred, rising, shape (k,).
        counts: How often, batch by batch, shape (batches, k).
    """

    waiting_time: Floats
    counts: Integers

    @cached_property
    def cumulative(self) -> Floats:
        """P(wait ≤ t) at each `waiting_time`, shape (k,): P at 0 is the share that did not wait."""
        total = np.cumsum(self.counts.sum(axis=0))
        return np.asarray(total / total[-1])

    @cached_property
    def standard_error(self) -> Floats:
        """Standard error of `cumulative`, from the spread between at least two batches, shape (k,)."""
        shares = np.cumsum(self.counts, axis=1) / self.counts.sum(axis=1, keepdims=True)
        return np.asarray(shares.std(axis=0, ddof=1) / np.sqrt(len(shares)))

    def probability_at_most(self, waiting_time: ArrayLike) -> Floats:
        """P(wait ≤ t) at any t ≥ 0, same shape; t counts as precise to RELATIVE_ERROR, as the waits are."""
        wanted = np.asarray(waiting_time, dtype=float)
        position = np.searchsorted(self.waiting_time, wanted * (1 + RELATIVE_ERROR), side="right")
        return np.asarray(self.cumulative[np.maximum(position, 1) - 1])

    def quantile(self, probability: ArrayLike) -> Floats:
        """The least wait t with P(wait ≤ t) at least `probability`, from 0 to 1, same shape."""
        position = np.searchsorted(self.cumulative, np.asarray(probability, dtype=float), side="left")
        return np.asarray(self.waiting_time[np.minimum(position, self.waiting_time.size - 1)])

    def points(self) -> tuple[Floats, Floats, Floats]:
        """t, P(wait ≤ t) and its standard error at no more than POINTS waits, for a plot, shape (j,) each.

        The first is t = 0 and the last the longest wait; between them every n-th bin that is occupied.
        """
        places = np.unique(np.linspace(0, self.waiting_time.size - 1, POINTS).round().astype(np.int64))
        return self.waiting_time[places], self.cumulative[places], self.standard_error[places]
