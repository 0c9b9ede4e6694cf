"""The classical value of a routing game, β_C = max Σ G a_x b_y over signs, by one of three methods.

- Every signing of the smaller side is tried, the best of them judged in exact rational numbers.
- A game of independent types with more types than that: both routers cut their types at a mean service time, since for
  given a the sign of Σ_x G a_x changes at most once along the other router's means. All pairs of cuts are tried, in
  exact rational numbers.
- Else a mixed-integer programme, solved by HiGHS, which proves a bound of its own also where time runs out.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from .game import Game, Matrix

Floats = NDArray[np.float64]

MAX_STEPS = 2**28  # signings of the smaller side times types of the other: about 23 types a side, seconds
_CHUNK = 2**21  # sums held at a time, 16 MB
_EPS = float(np.finfo(float).eps)
_STARTS, _ROUNDS = 500, 50  # of the search beside it
_MILP_SCALE = 1e4  # Σ|G| for HiGHS, whose absolute gap is 1e-6
_MILP_TOLERANCE = 1e-8  # of Σ|G|: what its tolerances may take from a bound


@dataclass(frozen=True)
class Value:
    """The best score of a class of strategies, without the routing constant.

    Attributes:
        low: Reached by a strategy; of classical ones in exact arithmetic.
        high: Proved.
        method: How, in words.
        exact: Whether all strategies were tried, so that low and high differ by no more than rounding.
        tolerance: What `high` may be off by where it comes from a solver's own tolerances.
    """

    low: Fraction | float
    high: float
    method: str
    exact: bool
    tolerance: float = 0.0


def classical_value(game: Game, multiplier: float, seconds: float) -> Value:
    """β_C at that multiplier.

    Args:
        game: Gives G.
        multiplier: μ.
        seconds: Longest time for the mixed-integer programme, where it comes to that.
    """
    exact = game.at(multiplier)
    if max(game.shape) << (min(game.shape) - 1) > MAX_STEPS and game.ordered:
        return _swept(exact, game)
    if len(exact) > len(exact[0]):
        exact = tuple(zip(*exact, strict=True))
    matrix = np.array(exact, dtype=float)
    if max(game.shape) << (min(game.shape) - 1) <= MAX_STEPS:
        return _enumerated(exact, matrix)
    return _programmed(exact, matrix, seconds)


def best_of_signings(matrix: Floats) -> float:
    """max Σ M a_x b_y over all signs, rounded up; all signings of the rows are tried."""
    return _enumerated(tuple(tuple(map(Fraction, row)) for row in matrix.tolist()), matrix).high


def _score(exact: Matrix, signs: Floats) -> Fraction:
    """Σ_y |Σ_x G a_x|: what row signs score with the best answer of the columns."""
    rows = [row if sign > 0 else tuple(-entry for entry in row) for row, sign in zip(exact, signs, strict=True)]
    return sum((abs(sum(column, Fraction(0))) for column in zip(*rows, strict=True)), Fraction(0))


def _enumerated(exact: Matrix, matrix: Floats) -> Value:
    """All signings of the rows, the first row positive: sums by doubling, in chunks over the last rows' signs."""
    count, width = matrix.shape
    inner = 1
    while inner < count and (width << inner) <= _CHUNK:
        inner += 1
    sums = matrix[:1]
    for row in matrix[1:inner]:
        sums = np.concatenate([sums + row, sums - row])  # the sign of this row is the next higher bit of the place
    best, found = -np.inf, (0, 0)
    for code in range(2 ** (count - inner)):
        values = np.abs(sums + _signs(code, count - inner) @ matrix[inner:]).sum(axis=1)
        place = int(values.argmax())
        if values[place] > best:
            best, found = float(values[place]), (place, code)
    signs = np.concatenate([[1.0], _signs(found[0], inner - 1), _signs(found[1], count - inner)])
    rounding = 2 * _EPS * (count + width) * float(np.abs(matrix).sum())
    method = f"all {2 ** (count - 1)} signings of {count} types, the best in exact rationals"
    value = _score(exact, signs)
    return Value(value, float(value) + rounding, method, True)


def _signs(code: int, count: int) -> Floats:
    return np.asarray(1.0 - 2.0 * (code >> np.arange(count) & 1), dtype=float)


def _swept(exact: Matrix, game: Game) -> Value:
    """All pairs of cuts on the mean service times of a game of independent types.

    Σ G s_x t_y with signs −1 before the cut follows from the sums of G over all leading blocks.
    """
    rows, columns = (sorted(range(len(each.shares)), key=each.moments[0].__getitem__) for each in (game.a, game.b))
    table = np.empty(game.shape, dtype=object)
    table[:] = exact
    before = np.full((len(rows) + 1, len(columns) + 1), Fraction(0), dtype=object)
    before[1:, 1:] = table[np.ix_(rows, columns)].cumsum(axis=0).cumsum(axis=1)
    values = before[-1, -1] - 2 * before[:, -1:] - 2 * before[-1:, :] + 4 * before
    largest = max(map(abs, values.flat))
    method = f"all {values.size} pairs of cuts on the mean service times, in exact rationals"
    return Value(largest, float(largest), method, True)


def _programmed(exact: Matrix, matrix: Floats, seconds: float) -> Value:
    """max Σ_y g_y with g_y ≤ |Σ_x G a_x|: one binary for each row's sign and one for the sign of each column's sum."""
    count, width = matrix.shape
    total = float(np.abs(matrix).sum())
    if total == 0:
        return Value(Fraction(0), 0.0, "the game is zero", True)
    scale = _MILP_SCALE / total
    game = matrix * scale
    reach, sums = np.abs(game).sum(axis=0), game.sum(axis=0)
    # Σ_x G a_x = 2 Gᵀs − sums for a = 2s − 1; t_y = 1 allows g_y up to this, t_y = 0 up to minus this.
    unit = sparse.identity(width)
    plus = sparse.hstack([sparse.csr_matrix(-2 * game.T), 2 * sparse.diags(reach), unit])
    minus = sparse.hstack([sparse.csr_matrix(2 * game.T), -2 * sparse.diags(reach), unit])
    least = np.concatenate([np.zeros(count + width), -reach])
    least[0] = 1.0  # turning all signs changes nothing
    found = milp(
        np.concatenate([np.zeros(count + width), -np.ones(width)]),
        constraints=[LinearConstraint(plus, -np.inf, 2 * reach - sums), LinearConstraint(minus, -np.inf, sums)],
        integrality=np.concatenate([np.ones(count + width), np.zeros(width)]),
        bounds=Bounds(least, np.concatenate([np.ones(count + width), reach])),
        options={"time_limit": seconds, "mip_rel_gap": 1e-10},
    )
    candidates = [_climbed(matrix)]
    if found.x is not None:
        candidates.append(np.where(found.x[:count] > 0.5, 1.0, -1.0))
    low = _score(exact, max(candidates, key=lambda each: float(np.abs(each @ matrix).sum())))
    proved = found.mip_dual_bound
    high = total if proved is None or not np.isfinite(proved) else min(total, -float(proved) / scale)
    ended = "solved" if found.status == 0 else f"bound proved in {seconds:g} s"
    method = f"mixed-integer programme of HiGHS, {ended}"
    return Value(low, max(high, float(low)), method, False, _MILP_TOLERANCE * total)


def _climbed(matrix: Floats) -> Floats:
    """Row signs that answer best to the columns' and these to them, the best of many random starts."""
    rows = np.where(np.random.default_rng(0).random((_STARTS, len(matrix))) < 0.5, -1.0, 1.0)
    for _ in range(_ROUNDS):
        rows = np.where(np.where(rows @ matrix >= 0, 1.0, -1.0) @ matrix.T >= 0, 1.0, -1.0)
    return np.asarray(rows[int(np.abs(rows @ matrix).sum(axis=1).argmax())])
