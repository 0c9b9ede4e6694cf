"""What was measured: trials in the order of execution or their counts, and the rule that drew their settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .errors import DataError
from .suggestion import nearest

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Router = Literal["a", "b"]


@dataclass(frozen=True, eq=False)
class Counts:
    """How often outcomes (a, b) came for requests (x, y).

    Attributes:
        table: counts[x, y, a, b], shape (n_A, n_B, 2, 2), integers ≥ 0, at least one above 0.
    """

    table: Integers

    def __post_init__(self) -> None:
        if self.table.ndim != 4 or self.table.shape[2:] != (2, 2):
            raise DataError(
                f"counts have shape {self.table.shape}; they must be counts[x][y][a][b] with a, b in (0, 1)"
            )
        if self.table.min() < 0:
            raise DataError(f"counts hold {self.table.min()}; no count may be negative")
        if not self.table.any():
            raise DataError("counts are all zero; there is nothing to analyze")

    @property
    def shape(self) -> tuple[int, int]:
        """(n_A, n_B)."""
        return self.table.shape[0], self.table.shape[1]

    @property
    def total(self) -> int:
        """N, the number of trials."""
        return int(self.table.sum())

    @property
    def settings(self) -> Integers:
        """n_xy: trials with each pair of types, shape (n_A, n_B)."""
        return np.asarray(self.table.sum(axis=(2, 3)))

    @property
    def together(self) -> Integers:
        """Trials with a = b for each pair of types, shape (n_A, n_B)."""
        return np.asarray(self.table[:, :, 0, 0] + self.table[:, :, 1, 1])

    @property
    def correlators(self) -> Floats:
        """c(x,y) = P(a=b) − P(a≠b), shape (n_A, n_B); NaN where never measured."""
        trials = self.settings
        safe = np.where(trials == 0, 1, trials)
        return np.where(trials == 0, np.nan, 2 * self.together / safe - 1)

    def inverted(self, router: Router) -> Counts:
        """The same trials with 0 and 1 swapped in the outcomes of one router."""
        return Counts(np.flip(self.table, axis=2 if router == "a" else 3))

    def __add__(self, other: Counts) -> Counts:
        if self.table.shape != other.table.shape:
            raise DataError(f"counts of shape {self.table.shape} and {other.table.shape} cannot be merged")
        return Counts(self.table + other.table)


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials in the order of execution.

    Attributes:
        x, y: Types of the two requests (0-based), shape (N,).
        a, b: Raw outcome bits, shape (N,).
        shape: (n_A, n_B), the numbers of types.
    """

    x: NDArray[np.integer]
    y: NDArray[np.integer]
    a: NDArray[np.integer]
    b: NDArray[np.integer]
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        columns = {"x": self.x, "y": self.y, "a": self.a, "b": self.b}
        if len({len(column) for column in columns.values()}) != 1:
            raise DataError("trials: the columns x, y, a, b differ in length")
        if not len(self.x):
            raise DataError("trials are empty; there is nothing to analyze")
        for (name, column), limit in zip(columns.items(), (*self.shape, 2, 2), strict=True):
            if column.min() < 0 or column.max() >= limit:
                wrong = np.flatnonzero((column < 0) | (column >= limit))
                at, value = int(wrong[0]), int(column[wrong[0]])
                raise DataError(f"trials: {name} is {value} in trial {at + 1}; it must lie in 0…{limit - 1}")

    def __len__(self) -> int:
        return len(self.x)

    def codes(self) -> NDArray[np.unsignedinteger]:
        """((x·n_B + y)·2 + a)·2 + b of each trial, shape (N,), in as few bytes as hold them: what counts a table."""
        kind = np.min_scalar_type(self.shape[0] * self.shape[1] * 4 - 1)
        code = self.x.astype(kind)
        for size, column in ((self.shape[1], self.y), (2, self.a), (2, self.b)):
            code *= kind.type(size)
            code += column.astype(kind)
        return code

    def counts(self) -> Counts:
        """The same trials without their order."""
        table = np.bincount(self.codes(), minlength=self.shape[0] * self.shape[1] * 4)
        return Counts(table.reshape(*self.shape, 2, 2))

    def by_setting(self) -> list[Integers]:
        """The places of the trials of each setting x·n_B + y, in the order of execution."""
        setting = self.x.astype(np.int64) * self.shape[1] + self.y
        count = np.bincount(setting, minlength=self.shape[0] * self.shape[1])
        return np.split(np.argsort(setting, kind="stable"), np.cumsum(count)[:-1])

    def __getitem__(self, places: slice | Integers) -> Trials:
        """The trials at some places, in that order."""
        return Trials(self.x[places], self.y[places], self.a[places], self.b[places], self.shape)

    def of_pair(self, pair: int, parallel: int) -> Trials:
        """Every `parallel`-th trial from `pair` (0-based) on: what one of the pairs measured, in order."""
        return self[pair::parallel]

    def __add__(self, other: Trials) -> Trials:
        if self.shape != other.shape:
            raise DataError(f"trials over {self.shape} and {other.shape} types cannot be joined")
        columns = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in "xyab"}
        return Trials(**columns, shape=self.shape)


@dataclass(frozen=True, eq=False)
class Sampling:
    """How the settings came about, which decides the assumption a p-value rests on (MODEL §4).

    Attributes:
        settings: `random` (drawn afresh from `distribution`, executed in that order) or `fixed`.
        distribution: The declared r(x,y), shape (n_A, n_B), or None if none was declared.
        block: Trials that share one drawn setting.
        lost: Trials that were declared but brought no outcome, shape (n_A, n_B); they count as losses. None: none.
        parallel: k, trials that share one shot, each on a pair of its own with its own drawn setting: trial i belongs
            to shot i // k and pair i % k.
        lost_by_pair: `lost` of each pair, shape (k, n_A, n_B). None: none were lost, or k = 1.
        stopped: Whether the number of trials could depend on their outcomes, so that only what holds at every moment
            may be said of them.
    """

    settings: Literal["random", "fixed"]
    distribution: Floats | None = None
    block: int = 1
    lost: Integers | None = None
    parallel: int = 1
    lost_by_pair: Integers | None = None
    stopped: bool = False

    @property
    def fresh(self) -> bool:
        """Whether every trial had its own setting, drawn from a declared distribution."""
        return self.settings == "random" and self.distribution is not None and self.block == 1


def match_types(given: Sequence[str], expected: Sequence[str], router: str) -> list[int]:
    """Position in `given` of each expected type name.

    Raises:
        DataError: a name is missing, unknown or repeated.
    """
    if sorted(given) != sorted(expected):
        missing = [name for name in expected if name not in given]
        near = {name: nearest(name, missing) for name in given if name not in expected}
        meant = [f"{right!r} instead of {name!r}" for name, right in near.items() if right]
        hint = f"did you mean {' and '.join(meant)}? Rename" if meant else "rename"
        raise DataError(
            f"types of router {router} are {list(given)}; the scenario has {list(expected)}: "
            f"{hint} them, or analyze with the scenario they were measured for"
        )
    return [list(given).index(name) for name in expected]
