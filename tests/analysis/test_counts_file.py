"""The trials CSV is the plain one, line by line, however many digits a type has."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.analysis.records.counts_file import format_trials, parse_trials
from bellqueue.model.trials import Trials


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (10, 3), (3, 11), (120, 4)])
@pytest.mark.parametrize("count", [1, 20_000])
def test_trials_are_written_line_by_line_and_read_back(shape: tuple[int, int], count: int) -> None:
    rng = np.random.default_rng(count)
    x, y, a, b = (rng.integers(size, size=count) for size in (*shape, 2, 2))
    text = format_trials(Trials(x, y, a, b, shape))
    assert text == "x,y,a,b\n" + "".join(f"{i},{j},{c},{d}\n" for i, j, c, d in zip(x, y, a, b, strict=True))
    again = parse_trials(text, shape)
    for column, name in ((x, "x"), (y, "y"), (a, "a"), (b, "b")):
        assert np.array_equal(getattr(again, name), column)
