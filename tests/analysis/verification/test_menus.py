"""What `verify` derives of routers that know the past, against published numbers, linear programs and closed forms."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.verification.game import Game
from bellqueue.analysis.verification.informed import Rounded
from bellqueue.analysis.verification.menus import rounding
from bellqueue.analysis.verification.menus.limits import Limits, Outcomes, signalling
from bellqueue.analysis.verification.menus.rounding import Rounding
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.stats import chi2, chi2_contingency

from tests.scenarios import default_record

KAPPA = 19.166991


def process(step: float, up: bool = False) -> Rounded:
    return Rounded(Game.of(default_record(), []), default_record(), step, round(40 / step), up)


@pytest.mark.parametrize(("step", "value"), [(0.5, -35.550603), (0.25, -35.546966)])
def test_rounding_down_finds_the_published_values(step: float, value: float) -> None:
    """The table of every-classical §2."""
    low, high, _ = process(step).value(KAPPA)
    assert low == pytest.approx(value, abs=5e-6)
    assert low <= high < low + 1e-5


def test_one_set_of_bases_saves_nearly_what_all_would() -> None:
    """Routers with bases for every state reach −35.6112 on this grid (every-classical §6), classical ones −35.5506."""
    alpha, beta = np.array([0.0, 1.66]), np.array([-0.6, -2.26])
    split = (1 - np.cos(np.subtract.outer(alpha, beta)))[None] / 2
    exact = Limits(split, split, np.zeros_like(split), np.zeros(1))
    low, high, _ = process(0.5).value(KAPPA, exact.worst)
    assert -35.6112 < low <= high < -35.5506 - 0.95 * 0.0606
    loose = Limits(split - 0.02, split + 0.02, np.zeros_like(split), np.zeros(1))
    assert low + 0.01 < process(0.5).value(KAPPA, loose.worst)[0] < -35.5506


def test_what_a_simulated_policy_reaches_lies_between_rounding_down_and_up() -> None:
    """−33.5677 ± 0.0003 at κ = 18.1203, simulated event by event (every-classical §3)."""
    made = Rounding.of(Game.of(default_record(), []), default_record(), 18.1203)
    assert isinstance(made, Rounding)
    least, most = made.least(), made.most()
    assert least < -33.5677 < most
    assert most - least < 0.01


def test_both_errors_fall_with_the_step() -> None:
    gaps = [process(step, up=True).value(KAPPA)[1] - process(step).value(KAPPA)[0] for step in (1.0, 0.5, 0.25)]
    assert gaps[0] > 1.8 * gaps[1] > 3.2 * gaps[2] > 0


def test_what_is_not_served_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    record = default_record()
    record["traffic"]["type"][1]["service"]["distribution"] = "exponential"
    assert "fixed service times" in str(Rounding.of(Game.of(record, []), record, 1.0))
    record = default_record()
    record["traffic"]["pair_rate"] = 0.25
    assert "the load is too high" in str(Rounding.of(Game.of(record, []), record, 1.0))
    record["traffic"]["pair_rate"] = 0.19
    monkeypatch.setattr(rounding, "LEVELS", 10)
    assert "too coarse at this load" in str(Rounding.of(Game.of(record, []), record, 1.0))


@given(st.integers(0, 10**6))
def test_the_worst_outcomes_are_those_of_a_linear_program(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, normal, slopes = rng.uniform(0, 0.6, (1, 2, 3)), rng.normal(size=(1, 2, 3)), rng.normal(size=(2, 3, 1))
    high = low + rng.uniform(0, 0.4, low.shape)
    normal[rng.random(normal.shape) < 0.2] = 0.0
    least, most = (choose(normal * low, normal * high).sum() for choose in (np.minimum, np.maximum))
    bound = rng.uniform(least, most + 0.1, 1)
    found = Limits(low, high, normal, bound).worst(slopes)[0, 0]
    box = list(zip(low.ravel(), high.ravel(), strict=True))
    best = linprog(-slopes.ravel(), A_ub=normal.reshape(1, -1), b_ub=bound + 1e-12, bounds=box)
    assert found == pytest.approx(-best.fun, abs=1e-7)


def outcomes(split: Any, trials: int, drawn: Any, tilts: Any, lost: Any = 0) -> Outcomes:
    """Of one entry, in which a ≠ b was expected half of the time."""
    shape = (1, *np.shape(drawn))
    table, share = np.reshape(split, shape), np.reshape(drawn, shape)
    gone = np.broadcast_to(np.asarray(lost), shape)
    together = np.asarray(np.round(share * trials).astype(int) - table - gone)
    return Outcomes(table, together, gone, share, np.reshape(tilts, shape), np.full(shape, 0.5), 0.01)


def test_limits_are_where_the_mean_payment_explains_what_was_paid() -> None:
    """N ln M(P) = ln(payments) − ln(1/δ) at the limits, with M from the definition."""
    drawn = np.array([[0.5, 0.2], [0.2, 0.1]])
    found = outcomes([[300, 90], [70, 30]], 1000, drawn, [[0.1, -0.2], [0.05, 0.0]], lost=5)
    limits = found.limits(math.log(0.01))

    def excess(tilts: NDArray[np.float64], split: NDArray[np.float64], share_of_error: float) -> float:
        paid = (found.split * tilts / 2 - found.together * tilts / 2 - found.lost * abs(tilts) / 2).sum()
        mean = (drawn * ((1 - split) * np.exp(-tilts / 2) + split * np.exp(tilts / 2))).sum()
        return float(1000 * np.log(mean) - paid + math.log(1 / (share_of_error * 0.01)))

    stakes = np.sqrt(2 * math.log(8 / 0.001) / (1000 * drawn / 4))
    for place in np.ndindex(2, 2):
        for side, sign in ((limits.low, 1), (limits.high, -1)):
            tilts = np.zeros((1, 2, 2))
            tilts[0][place] = sign * stakes[place]
            assert excess(tilts, side, 0.1 / 8) == pytest.approx(0, abs=1e-9)
    on_plane = np.full((1, 2, 2), 0.5)
    on_plane[0, 0, 0] += (limits.bound[0] - (limits.normal * 0.5).sum()) / limits.normal[0, 0, 0]
    assert excess(found.tilts, on_plane, 0.9) == pytest.approx(0, abs=1e-9)


def test_a_setting_never_drawn_is_not_limited() -> None:
    found = outcomes([[300, 0]], 600, [[1.0, 0.0]], [[0.1, 0.1]])
    limits = found.limits(math.log(0.01))
    assert (limits.low[0, 0, 1], limits.high[0, 0, 1]) == (0, 1)
    assert found.estimated[0, 0, 1] == 0.5


def test_lost_trials_are_estimated_as_what_is_paid_less_or_expected_less() -> None:
    """Of 10 trials 3 came out split and 2 were lost."""
    found = replace(
        outcomes([[3, 3, 3], [3, 3, 3]], 60, np.full((2, 3), 1 / 6), [[0.7, -0.7, 0.0], [0.0, 0.0, 0.7]], lost=2),
        centre=np.array([[[0.2, 0.8, 0.9], [0.1, 0.5, 0.5]]]),
    )
    np.testing.assert_array_equal(found.exact.low, [[[0.3, 0.5, 0.3], [0.5, 0.375, 0.3]]])
    np.testing.assert_array_equal(found.exact.low, found.exact.high)


@pytest.mark.parametrize("types", [(2, 2), (3, 2), (2, 3)])
@pytest.mark.parametrize("signal", [0.0, 0.1])
def test_signals_are_found_as_by_scipy(types: tuple[int, int], signal: float) -> None:
    rng = np.random.default_rng(5)
    share = np.array([0.25 + signal, 0.25, 0.25, 0.25 - signal])
    counts = np.array(
        [[rng.multinomial(900, share if y else share[::-1]) for y in range(types[1])] for _ in range(types[0])]
    )
    counts = counts.reshape(*types, 2, 2)
    of_a, of_b = signalling(counts, 1)
    for found, tables in ((of_a, counts.sum(axis=3)), (of_b, counts.sum(axis=2).swapaxes(0, 1))):
        tests = [chi2_contingency(table, correction=False) for table in tables]
        statistic, freedom = sum(test.statistic for test in tests), sum(test.dof for test in tests)
        assert found == pytest.approx(float(chi2.logsf(statistic, freedom)) / math.log(10), abs=1e-9)
