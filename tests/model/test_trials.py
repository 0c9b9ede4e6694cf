"""The canonical record: counting, merging, and refusal of what cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.model.errors import DataError
from bellqueue.model.trials import Counts, Trials, match_types


def _trials(rng: np.random.Generator, size: int) -> Trials:
    x, y = rng.integers(3, size=size), rng.integers(2, size=size)
    return Trials(x, y, rng.integers(2, size=size), rng.integers(2, size=size), (3, 2))


def test_counts_of_joined_trials_are_the_sum_of_their_counts() -> None:
    rng = np.random.default_rng(1)
    first, second = _trials(rng, 200), _trials(rng, 90)
    joined = (first + second).counts()
    assert np.array_equal(joined.table, (first.counts() + second.counts()).table)
    for x, y, a, b in np.ndindex(3, 2, 2, 2):  # one by one, as the table is defined
        here = (first.x == x) & (first.y == y) & (first.a == a) & (first.b == b)
        assert first.counts().table[x, y, a, b] == here.sum()


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (8, 8), (9, 8), (128, 128), (200, 130)])
def test_counts_hold_every_trial_however_many_types_there_are(shape: tuple[int, int]) -> None:
    """The numbers that stand for a trial need one byte, two or four."""
    rng = np.random.default_rng(3)
    x, y, a, b = (np.append(rng.integers(size, size=300), size - 1) for size in (*shape, 2, 2))
    table = np.zeros((*shape, 2, 2), dtype=int)
    np.add.at(table, (x, y, a, b), 1)
    narrow = Trials(x.astype(np.int16), y.astype(np.int16), a.astype(np.uint8), b.astype(np.uint8), shape)
    assert np.array_equal(Trials(x, y, a, b, shape).counts().table, table)
    assert np.array_equal(narrow.counts().table, table)


def test_correlators_are_agreement_less_disagreement() -> None:
    table = np.zeros((1, 2, 2, 2), dtype=int)
    table[0, 0] = [[30, 5], [5, 60]]
    found = Counts(table).correlators
    assert found[0, 0] == pytest.approx((90 - 10) / 100)
    assert np.isnan(found[0, 1])


def test_records_of_different_types_do_not_mix() -> None:
    rng = np.random.default_rng(2)
    first = _trials(rng, 10)
    with pytest.raises(DataError, match="cannot be merged"):
        first.counts() + Counts(np.ones((2, 2, 2, 2), dtype=int))
    with pytest.raises(DataError, match="columns x, y, a, b differ in length"):
        Trials(first.x, first.y[1:], first.a, first.b, (3, 2))


def test_types_are_matched_by_name_or_refused() -> None:
    assert match_types(["long", "short"], ["short", "long"], "A") == [1, 0]
    with pytest.raises(DataError, match=r"router B are .*did you mean 'short' instead of 'shrt'"):
        match_types(["shrt", "long"], ["short", "long"], "B")
    with pytest.raises(DataError, match=r"the scenario has \['short', 'long'\]: rename them"):
        match_types(["0", "1"], ["short", "long"], "A")
