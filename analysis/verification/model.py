"""The queueing model of a scenario's record once more, by plain formulas in exact rational numbers (MODEL §1).

A number of the record stands for the decimal that was written. Only the moments of sizes cut into bins are no
rationals: they come from quadrature (`recheck_sizes`), exact to rounding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...model.errors import DataError
from ...model.validation import first_complaint
from .order import Known, binning_error, smaller_means
from .sizes import SizeLaw

Row = tuple[Fraction, ...]
Matrix = tuple[Row, ...]

_PRODUCT = Fraction(1, 10**12)  # relative difference up to which a joint table counts as the product of its margins


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class _Service(_Lenient):
    distribution: Literal["deterministic", "exponential", "gamma", "lognormal"]
    mean: float = Field(gt=0)
    scv: float | None = None

    @property
    def variation(self) -> Fraction:
        fixed = {"deterministic": Fraction(0), "exponential": Fraction(1)}
        return fixed[self.distribution] if self.distribution in fixed else rational(self.scv or 0.0)

    @property
    def moments(self) -> tuple[Fraction, Fraction]:
        mean = rational(self.mean)
        return mean, mean**2 * (1 + self.variation)


class _Sizes(_Service):
    bins: int = Field(default=64, ge=1, le=4096)

    @property
    def law(self) -> SizeLaw:
        return SizeLaw.of(self.distribution, self.mean, float(self.variation))


class _Type(_Lenient):
    name: str
    probability: float | None = None
    service: _Service


_Types = Annotated[list[_Type], Field(min_length=1)]


class _Traffic(_Lenient):
    pair_rate: float = Field(gt=0)
    type: _Types | None = None
    type_b: _Types | None = None
    sizes: _Sizes | None = None
    sizes_b: _Sizes | None = None
    joint: list[list[float]] | None = None
    within_pair_order: Literal["random", "shortest-first"] = "random"


class _Baseline(_Lenient):
    reward: dict[str, Any]


class Experiment(_Lenient):
    """What the scenario fixes before the data; the defaults are those of the file format."""

    settings: Literal["random", "fixed"] = "random"
    block: int = Field(default=1, ge=1)
    shots: int = Field(default=40_000, ge=1)
    significance: float = Field(default=1e-3, gt=0, lt=1)
    stop: str | None = None


class _Scenario(_Lenient):
    title: str
    traffic: _Traffic
    baseline: _Baseline
    experiment: Experiment = Experiment()


@dataclass(frozen=True, eq=False)
class Model:
    """Everything that a strategy's performance follows from.

    Attributes:
        names_a, names_b: Types of the two routers.
        rate: λ.
        joint: π(x, y).
        known_a, known_b: Mean service times of the types, and the law of the sizes where a router knows them.
        second_a, second_b: Second moments of the service times.
        partner: What a pair together costs in waiting for one's own partner, rows router A.
        product: Whether π is the product of its margins, and G of rank 2, no order within a pair resting on sizes.
        title: Of the scenario.
        reward: The record of T(t).
        experiment: What was fixed before the data.
        within_pair_order: In which order a pair sent together joins its queue.
    """

    names_a: tuple[str, ...]
    names_b: tuple[str, ...]
    rate: Fraction
    joint: Matrix
    known_a: Known
    known_b: Known
    second_a: Row
    second_b: Row
    partner: Matrix
    product: bool
    title: str
    reward: dict[str, Any]
    experiment: Experiment
    within_pair_order: str

    @classmethod
    def of(cls, record: dict[str, Any], source: str) -> Model:
        """The model of a scenario's record.

        Raises:
            DataError: a field is missing or wrong, or the load is 1 or more; `source` names the file.
        """
        try:
            scenario = _Scenario.model_validate(record)
        except ValidationError as error:
            raise DataError(f"{source}: scenario: {first_complaint(error)}") from None
        traffic = scenario.traffic
        if (traffic.type is None) == (traffic.sizes is None):
            raise DataError(f"{source}: scenario: traffic needs either type or sizes")
        names_a, known_a, second_a, margin_a = _router(traffic.type, traffic.sizes)
        names_b, known_b, second_b, margin_b = names_a, known_a, second_a, margin_a
        if traffic.type_b is not None or traffic.sizes_b is not None:
            names_b, known_b, second_b, margin_b = _router(traffic.type_b, traffic.sizes_b)
        joint, product = _joint(traffic.joint, margin_a, margin_b, source)
        shortest = traffic.within_pair_order == "shortest-first"
        if shortest:
            waits = smaller_means(known_a, known_b)
        else:
            waits = tuple(tuple((m + n) / 2 for n in known_b.means) for m in known_a.means)
        model = cls(
            names_a,
            names_b,
            rational(traffic.pair_rate),
            joint,
            known_a,
            known_b,
            second_a,
            second_b,
            tuple(tuple(wait / 2 for wait in row) for row in waits),
            product and not shortest,
            scenario.title,
            scenario.baseline.reward,
            scenario.experiment,
            traffic.within_pair_order,
        )
        if model.load >= 1:
            load = float(min(model.load, Fraction(10**9)))
            raise DataError(f"{source}: scenario: the load is {load:.6g}; a queue needs one below 1")
        return model

    @property
    def mean_a(self) -> Row:
        """m_x."""
        return self.known_a.means

    @property
    def mean_b(self) -> Row:
        """n_y."""
        return self.known_b.means

    @property
    def knows_sizes(self) -> bool:
        """Whether a router knows sizes, of which its types are only bins."""
        return self.known_a.law is not None or self.known_b.law is not None

    @cached_property
    def crossing(self) -> Fraction:
        """λ/(2(1−ρ))."""
        return self.rate / (2 * (1 - self.load))

    @cached_property
    def binning_error(self) -> float:
        """What strategies of exact sizes can score beyond those of bins, where the game is not of rank 2."""
        if self.product or not self.knows_sizes:
            return 0.0
        return binning_error(self.joint, float(self.crossing), self.known_a, self.known_b)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_A, n_B)."""
        return len(self.mean_a), len(self.mean_b)

    @cached_property
    def load(self) -> Fraction:
        """ρ = λ Σ π (m + n)/2."""
        return self.rate * self._average(lambda x, y: self.mean_a[x] + self.mean_b[y]) / 2

    @cached_property
    def unavoidable(self) -> Fraction:
        """W0 = λ Σ π (m2 + n2)/(4(1−ρ))."""
        return self.rate * self._average(lambda x, y: self.second_a[x] + self.second_b[y]) / (4 * (1 - self.load))

    @cached_property
    def weights(self) -> Matrix:
        """w(x, y) = λ m n/(2(1−ρ)), by Pollaczek and Khinchine for batches of two, plus the partner's share."""
        return tuple(
            tuple(self.crossing * m * n + partner for n, partner in zip(self.mean_b, row, strict=True))
            for m, row in zip(self.mean_a, self.partner, strict=True)
        )

    @cached_property
    def together(self) -> Fraction:
        """W0 + Σ π w, the mean waiting time when every pair stays together."""
        return self.unavoidable + self._average(lambda x, y: self.weights[x][y])

    def game(self, multiplier: float | Fraction) -> tuple[Matrix, Fraction]:
        """G = −π(w−μ)/2 and the `constant`, μ being the very double that was recorded."""
        exact = Fraction(multiplier)
        matrix = tuple(
            tuple(p * (exact - w) / 2 for p, w in zip(shares, weights, strict=True))
            for shares, weights in zip(self.joint, self.weights, strict=True)
        )
        return matrix, self.constant(exact)

    def constant(self, multiplier: float | Fraction) -> Fraction:
        """const = Σ π(w−μ)/2."""
        return (self.together - self.unavoidable - Fraction(multiplier)) / 2

    @cached_property
    def margins(self) -> tuple[list[float], list[float]]:
        """π_A and π_B."""
        columns = zip(*self.joint, strict=True)
        return [float(sum(row)) for row in self.joint], [float(sum(column)) for column in columns]

    def magnitude(self, multiplier: float) -> float:
        """Σ π(w+|μ|)/2: the size of the terms that G is a difference of; tolerances are relative to it."""
        return float(self.together - self.unavoidable + abs(Fraction(multiplier))) / 2

    def throughput(self, splitting_probability: float) -> float:
        """τ(p) = 2(1−ρ)·Λ·E[T(I)], I ~ Exp(Λ), Λ = λ(1+p)/2."""
        return 2 * float(1 - self.load) * self._reward_rate(float(self.rate) * (1 + splitting_probability) / 2)

    def _reward_rate(self, interruptions: float) -> float:
        """Λ·E[T(I)]: Γ(1+k) Λ^(1−k), e^(−Λc), 1/(1+Λθ), or the sum over the bends of a table."""
        kind = self.reward.get("kind")
        try:
            if kind == "power":
                exponent = float(self.reward["exponent"])
                return math.gamma(1 + exponent) * float(interruptions ** (1 - exponent))
            if kind == "setup":
                return math.exp(-interruptions * float(self.reward["setup_time"]))
            if kind == "warmup":
                return 1 / (1 + interruptions * float(self.reward["time"]))
            points = [(float(time), float(value)) for time, value in self.reward["points"]]
        except (KeyError, TypeError, ValueError):
            raise DataError(f"scenario: baseline.reward is {self.reward}; no such reward is known") from None
        total, before = 0.0, 0.0
        for (start, low), (stop, high) in itertools.pairwise(points):
            slope = (high - low) / (stop - start)
            total += (slope - before) * math.exp(-interruptions * start)
            before = slope
        return total

    def _average(self, value: Callable[[int, int], Fraction]) -> Fraction:
        """Σ π(x, y)·value(x, y)."""
        rows, columns = self.shape
        return sum((self.joint[x][y] * value(x, y) for x in range(rows) for y in range(columns)), Fraction(0))


def rational(number: float) -> Fraction:
    """The decimal that a record's number was written as."""
    return Fraction(repr(float(number)))


def _router(types: list[_Type] | None, sizes: _Sizes | None) -> tuple[tuple[str, ...], Known, Row, Row]:
    """Names, what is known, second moments and probabilities of one router's types."""
    if types is not None:
        shares = [rational(each.probability or 0.0) for each in types]
        total = sum(shares, Fraction(0)) or Fraction(1)
        means, seconds = zip(*(each.service.moments for each in types), strict=True)
        return tuple(each.name for each in types), Known(means, None), seconds, tuple(s / total for s in shares)
    assert sizes is not None  # one of the two is always given
    names = tuple(f"size bin {number} of {sizes.bins}" for number in range(1, sizes.bins + 1))
    law = sizes.law
    means, seconds = zip(*((Fraction(m), Fraction(m2)) for m, m2 in law.bin_moments(sizes.bins)), strict=True)
    return names, Known(means, law), seconds, (Fraction(1, sizes.bins),) * sizes.bins


def _joint(table: list[list[float]] | None, margin_a: Row, margin_b: Row, source: str) -> tuple[Matrix, bool]:
    """π, and whether it is a product."""
    if table is None:
        return _outer(margin_a, margin_b), True
    if [len(row) for row in table] != [len(margin_b)] * len(margin_a):
        raise DataError(f"{source}: scenario: traffic.joint must have {len(margin_a)}×{len(margin_b)} entries")
    exact = [[rational(entry) for entry in row] for row in table]
    total = _total(exact)
    if total <= 0:
        raise DataError(f"{source}: scenario: traffic.joint sums to {float(total):g}")
    joint = tuple(tuple(entry / total for entry in row) for row in exact)
    rows = tuple(sum(row, Fraction(0)) for row in joint)
    columns = tuple(sum(column, Fraction(0)) for column in zip(*joint, strict=True))
    outer = _outer(rows, columns)
    near = all(
        abs(entry - product) <= _PRODUCT * (product + _PRODUCT / 1000)
        for given, wanted in zip(joint, outer, strict=True)
        for entry, product in zip(given, wanted, strict=True)
    )
    return (outer, True) if near else (joint, False)


def _total(table: Iterable[Iterable[Fraction]]) -> Fraction:
    return sum((entry for row in table for entry in row), Fraction(0))


def _outer(rows: Row, columns: Row) -> Matrix:
    return tuple(tuple(first * second for second in columns) for first in rows)
