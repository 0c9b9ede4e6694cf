"""The classical value of a routing game once more: β_C = max Σ G a_x b_y over signs (MODEL §2), by three methods.

- Every signing of the smaller side is tried, the best of them judged in exact rational numbers.
- A game of independent types with more types than that: both routers cut their types at a mean service time, since for
  given a the sign of Σ_x G a_x changes at most once along the other router's means. All pairs of cuts are tried, in
  exact rational numbers.
- Else a mixed-integer programme, solved by HiGHS, which proves a bound of its own also where time runs out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from .model import Matrix, Model

Floats = NDArray[np.float64]
Rationals = NDArray[Any]  # of Fractions

MAX_STEPS = 2**28  # signings of the smaller side times types of the other: about 23 types a side, seconds
_CHUNK = 2**21  # sums held at a time, 16 MB
_EPS = float(np.finfo(float).eps)
_STARTS, _ROUNDS = 500, 50  # of the search beside it
_MILP_SCALE = 1e4  # Σ|G| for HiGHS, whose absolute gap is 1e-6
_MILP_TOLERANCE = 1e-8  # of Σ|G|: what its tolerances may take from a bound


@dataclass(frozen=True, eq=False)
class Value:
    """β_C, without the routing constant.

    Attributes:
        low: Attained by `signs`, in exact arithmetic.
        high: Proved.
        method: How, in words.
        closed: Whether low and high differ by no more than rounding.
        signs: Row signs a; the columns answer with the sign of Σ_x G a_x.
        tolerance: What `high` may be off by where it comes from a solver's own tolerances.
    """

    low: Fraction
    high: float
    method: str
    closed: bool
    signs: tuple[int, ...]
    tolerance: float = 0.0


def enumeration_steps(shape: tuple[int, int]) -> int:
    """Signings of the smaller side times types of the other."""
    return max(shape) << (min(shape) - 1)


def classical_value(model: Model, multiplier: float | Fraction, seconds: float) -> Value:
    """β_C at that multiplier.

    Args:
        model: Gives G.
        multiplier: μ.
        seconds: Longest time for the mixed-integer programme, where it comes to that.
    """
    exact, _ = model.game(multiplier)
    if enumeration_steps(model.shape) <= MAX_STEPS:
        return _by_rows(exact, _enumerated)
    if model.product:
        return _swept(exact, model)
    return _by_rows(exact, lambda game, matrix: _programmed(game, matrix, seconds))


def answers(exact: Matrix, signs: tuple[int, ...]) -> tuple[int, ...]:
    """The best column signs for given row signs."""
    return tuple(1 if total >= 0 else -1 for total in _sums(exact, signs))


def score(exact: Matrix, signs: tuple[int, ...]) -> Fraction:
    """Σ_y |Σ_x G a_x|: what row signs score with the best answer of the columns."""
    return sum(map(abs, _sums(exact, signs)), Fraction(0))


def cut_sums(matrix: Rationals) -> Rationals:
    """Σ M s_x t_y for every cut i of the rows and j of the columns (−1 before the cut), shape (n_A+1, n_B+1)."""
    before = np.full((matrix.shape[0] + 1, matrix.shape[1] + 1), Fraction(0), dtype=object)
    before[1:, 1:] = matrix.cumsum(axis=0).cumsum(axis=1)
    return np.asarray(before[-1, -1] - 2 * before[:, -1:] - 2 * before[-1:, :] + 4 * before)


def by_means(matrix: Matrix, model: Model) -> Rationals:
    """A matrix over the types with the types of each router in the order of their mean service times."""
    rows, columns = mean_orders(model)
    table = np.empty(model.shape, dtype=object)
    table[:] = matrix
    return np.asarray(table[np.ix_(rows, columns)])


def mean_orders(model: Model) -> tuple[list[int], list[int]]:
    """The types of each router by mean service time."""
    rows, columns = model.shape
    return sorted(range(rows), key=model.mean_a.__getitem__), sorted(range(columns), key=model.mean_b.__getitem__)


def cut_signs(order: list[int], cut: int) -> tuple[int, ...]:
    """−1 for the first `cut` types in that order, by type."""
    signs = [1] * len(order)
    for place in order[:cut]:
        signs[place] = -1
    return tuple(signs)


def _sums(exact: Matrix, signs: tuple[int, ...]) -> list[Fraction]:
    rows = [row if sign > 0 else tuple(-entry for entry in row) for row, sign in zip(exact, signs, strict=True)]
    return [sum(column, Fraction(0)) for column in zip(*rows, strict=True)]


def _by_rows(exact: Matrix, solve: Callable[[Matrix, Floats], Value]) -> Value:
    """Solve with the smaller side as rows, and give the signs of the game's own rows."""
    turned = len(exact) > len(exact[0])
    game = tuple(zip(*exact, strict=True)) if turned else exact
    found = solve(game, np.array([[float(entry) for entry in row] for row in game]))
    return replace(found, signs=answers(game, found.signs)) if turned else found


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
    signs = tuple(map(int, (1, *_signs(found[0], inner - 1), *_signs(found[1], count - inner))))
    rounding = 2 * _EPS * (count + width) * float(np.abs(matrix).sum())
    method = f"all {2 ** (count - 1)} signings of {count} types, the best in exact rationals"
    value = score(exact, signs)
    return Value(value, float(value) + rounding, method, True, signs)


def _signs(code: int, count: int) -> Floats:
    return np.asarray(1.0 - 2.0 * (code >> np.arange(count) & 1), dtype=float)


def _swept(exact: Matrix, model: Model) -> Value:
    """All pairs of cuts on the mean service times of a game of independent types."""
    values = cut_sums(by_means(exact, model))
    largest = max(values.flat, key=abs)
    cut = int(np.argwhere(values == largest)[0, 0])
    method = f"all {values.size} pairs of cuts on the mean service times, in exact rationals"
    return Value(abs(largest), float(abs(largest)), method, True, cut_signs(mean_orders(model)[0], cut))


def _programmed(exact: Matrix, matrix: Floats, seconds: float) -> Value:
    """max Σ_y g_y with g_y ≤ |Σ_x G a_x|: one binary for each row's sign and one for the sign of each column's sum."""
    count, width = matrix.shape
    total = float(np.abs(matrix).sum())
    if total == 0:
        return Value(Fraction(0), 0.0, "the game is zero", True, (1,) * count)
    scale = _MILP_SCALE / total
    game = matrix * scale
    reach, sums = np.abs(game).sum(axis=0), game.sum(axis=0)
    # Σ_x G a_x = 2 Gᵀs − sums for a = 2s − 1; t_y = 1 allows g_y up to this, t_y = 0 up to minus this.
    unit = sparse.identity(width)
    plus = sparse.hstack([sparse.csr_matrix(-2 * game.T), 2 * sparse.diags(reach), unit])
    minus = sparse.hstack([sparse.csr_matrix(2 * game.T), -2 * sparse.diags(reach), unit])
    least = np.concatenate([np.zeros(count + width), -reach])
    least[0] = 1.0
    found = milp(
        np.concatenate([np.zeros(count + width), -np.ones(width)]),
        constraints=[LinearConstraint(plus, -np.inf, 2 * reach - sums), LinearConstraint(minus, -np.inf, sums)],
        integrality=np.concatenate([np.ones(count + width), np.zeros(width)]),
        bounds=Bounds(least, np.concatenate([np.ones(count + width), reach])),
        options={"time_limit": seconds, "mip_rel_gap": 1e-10},
    )
    candidates: list[Floats] = [_climbed(matrix)]
    if found.x is not None:
        candidates.append(np.where(found.x[:count] > 0.5, 1.0, -1.0))
    best = max(candidates, key=lambda each: float(np.abs(each @ matrix).sum()))
    signs = tuple(int(sign) for sign in best)
    proved = found.mip_dual_bound
    high = total if proved is None or not np.isfinite(proved) else min(total, -float(proved) / scale)
    closed = found.status == 0
    ended = "solved" if closed else f"bound proved in {seconds:g} s"
    method = f"mixed-integer programme of HiGHS, {ended}"
    low = score(exact, signs)
    return Value(low, max(high, float(low)), method, closed, signs, _MILP_TOLERANCE * total)


def _climbed(matrix: Floats) -> Floats:
    """Row signs that answer best to the columns' and these to them, the best of many random starts."""
    rows = np.where(np.random.default_rng(0).random((_STARTS, len(matrix))) < 0.5, -1.0, 1.0)
    for _ in range(_ROUNDS):
        rows = np.where(np.where(rows @ matrix >= 0, 1.0, -1.0) @ matrix.T >= 0, 1.0, -1.0)
    return np.asarray(rows[int(np.abs(rows @ matrix).sum(axis=1).argmax())])
