"""The rounds of a run that may stop early, and what stopping early may and may not do to false alarms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from bellqueue.analysis.certificate.martingale import RunningMartingale
from bellqueue.analysis.certificate.stopping import rounds
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

CHSH = 0.75  # the best classical chance of winning the CHSH game


def _certified_at_a_look(scores: np.ndarray, first: int, alpha: float) -> bool:
    """Take rounds until the p-value is at most α at the end of one."""
    running = RunningMartingale(CHSH)
    for taken in rounds(len(scores), first):
        running.update(scores[taken.start : taken.stop])
        if running.log_p_value <= math.log(alpha):
            return True
    return False


@given(st.integers(1, 10**6), st.integers(1, 10**5), st.floats(1.2, 4))
def test_rounds_partition_the_budget(budget: int, first: int, growth: float) -> None:
    found = rounds(budget, first, growth)
    assert found[0].start == 0
    assert found[-1].stop == budget
    assert all(left.stop == right.start for left, right in itertools.pairwise(found))
    assert all(len(part) > 0 for part in found)


@given(st.integers(1, 10**6), st.integers(1, 1000), st.floats(1.2, 4))
def test_rounds_grow_and_leave_no_scrap(budget: int, first: int, growth: float) -> None:
    lengths = [len(part) for part in rounds(budget, first, growth)]
    for at, length in enumerate(lengths[:-1]):
        assert length == pytest.approx(first * growth**at, abs=0.51)
    if len(lengths) > 1:
        assert lengths[-1] >= lengths[-2] / 2
        assert lengths[-1] <= 1.5 * first * growth ** (len(lengths) - 1) + 1


def test_rounds_by_hand() -> None:
    assert rounds(1000, 100, 2) == (range(0, 100), range(100, 300), range(300, 700), range(700, 1000))
    assert rounds(800, 100, 2) == (range(0, 100), range(100, 300), range(300, 800))  # 100 left join the last
    assert rounds(300, 100, 1) == (range(0, 100), range(100, 200), range(200, 300))
    assert rounds(50, 100) == (range(0, 50),)


def test_stopping_when_certified_does_not_add_false_alarms() -> None:
    """2000 classical runs that would like to stop on a high: the chance drops to a coin's after a lucky start."""
    rng = np.random.default_rng(2)
    runs, trials, alpha = 2000, 300, 0.05
    scores, lead = np.empty((runs, trials)), np.zeros(runs)
    for at in range(trials):
        chance = np.where(lead > 3, 0.5, CHSH)
        scores[:, at] = rng.random(runs) < chance
        lead += scores[:, at] - CHSH
    stopped = sum(_certified_at_a_look(run, 10, alpha) for run in scores)
    ever = sum(RunningMartingale(CHSH).update(run)[-1] <= math.log(alpha) for run in scores)
    assert stopped == ever <= binom.ppf(0.9999, runs, alpha)


def test_why_blocks_are_refused() -> None:
    """A classical device that remembers the setting wins all but the first trial of a block, and seems certified."""
    rng = np.random.default_rng(3)
    scores = np.where(np.arange(300) % 10 == 0, rng.random(300) < CHSH, 1.0).astype(float)
    assert RunningMartingale(CHSH).update(scores)[-1] < math.log(1e-6)
