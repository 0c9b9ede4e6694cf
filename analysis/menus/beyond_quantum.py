"""The alarm of a menu's correlators that nothing quantum gives: the score of an entry beyond β_Q (MODEL §4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.estimate import Estimate
from ...model.games.values.quantum_value import quantum_optimum
from ...model.games.values.xor_game import XorGame
from ...model.informed.menu import Menu
from ..certificate.beyond_quantum import times_the_limit, too_strong
from ..certificate.diagnostics import ALARM_P_VALUE
from ..certificate.estimates import estimate_functional
from ..certificate.samples import Sample

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EntryBeyondQuantum:
    """Are the correlations of an entry stronger than entanglement can make them?

    Attributes:
        entry: Number of the entry in which they look strongest, from 1.
        score_share: Σ G c there over the upper end of β_Q; above 1 nothing quantum scores. The estimate is of the
            trials with an outcome; for the lower limit lost ones are losses.
        significance: Level of each one-sided limit: ALARM_P_VALUE over the number of entries with outcomes.
        alarm: Whether the lower limit lies beyond what is quantum.
    """

    entry: int
    score_share: Estimate
    significance: float
    alarm: bool


def entries_beyond_quantum(menu: Menu, tilts: Floats, sample: Sample) -> EntryBeyondQuantum | None:
    """Compare the lower limit of each entry's score with the quantum bound of its game.

    The game of an entry weighs the correlators as its test does, or by the ideal ones if that weighs none: no outcome
    has a say in it. As in `beyond_quantum_test`, a device on the quantum bound rings with probability at most
    ALARM_P_VALUE if its trials are independent.

    Args:
        menu: The bases planned.
        tilts: t of the test of each entry, shape (K, n_A, n_B).
        sample: Counts over the settings, shape (K·n_A, n_B, 2, 2).

    Returns:
        The entry whose lower limit is the largest share of its bound; None if no entry has both outcomes and weights.
    """
    drawn, measured = (table.reshape(tilts.shape) for table in (sample.distribution, sample.counts.settings))
    entries = np.flatnonzero(measured.any(axis=(1, 2))).tolist()
    significance = ALARM_P_VALUE / max(len(entries), 1)
    shares: list[tuple[Estimate, int]] = []
    for entry in entries:
        game = XorGame(_weights(tilts[entry], menu.correlators[entry], drawn[entry]))
        if game.is_zero:
            continue
        functional = np.zeros_like(tilts)
        functional[entry] = game.matrix / quantum_optimum(game).bound.high
        share = estimate_functional(functional.reshape(sample.counts.shape), 0.0, sample, math.log(significance))
        shares.append((share, entry))
    if not shares:
        return None
    share, entry = max(shares, key=lambda found: found[0].low)
    return EntryBeyondQuantum(entry + 1, share, significance, share.low > 1)


def _weights(tilts: Floats, ideal: Floats, drawn: Floats) -> Floats:
    """What each correlator counts, of the sign in which the ideal ones score above 0, shape (n_A, n_B)."""
    weights = (tilts if tilts.any() else ideal) * drawn
    return -weights if float((weights * ideal).sum()) < 0 else weights


def beyond_quantum_warning(test: EntryBeyondQuantum | None) -> list[str]:
    """The alarm in words, if it rings."""
    if test is None or not test.alarm:
        return []
    return [too_strong(f"entry {test.entry} of the menu scores {times_the_limit(test.score_share)}")]
