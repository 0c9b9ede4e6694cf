"""The routing game of a scenario's record, by plain formulas in exact rational numbers (docs/model.md).

A number of the record stands for the decimal that was written. Where a router knows sizes its types are bins, whose
moments are integrals: their weights are then taken from the record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from ...model.errors import DataError
from ...model.validation import first_complaint
from .record import Lenient, Table

Row = tuple[Fraction, ...]
Matrix = tuple[Row, ...]

_PRODUCT = Fraction(1, 10**12)  # relative difference up to which a joint table counts as the product of its margins


class _Service(Lenient):
    distribution: Literal["deterministic", "exponential", "gamma", "lognormal"]
    mean: float = Field(gt=0)
    scv: float | None = None

    @property
    def moments(self) -> tuple[Fraction, Fraction]:
        fixed = {"deterministic": 0.0, "exponential": 1.0}
        mean = rational(self.mean)
        return mean, mean**2 * (1 + rational(fixed.get(self.distribution, self.scv or 0.0)))


class _Sizes(_Service):
    bins: int = Field(default=64, ge=1, le=4096)


class _Type(Lenient):
    name: str
    probability: float | None = None
    service: _Service


_Types = Annotated[list[_Type], Field(min_length=1)]


class _Traffic(Lenient):
    pair_rate: float = Field(gt=0)
    type: _Types | None = None
    type_b: _Types | None = None
    sizes: _Sizes | None = None
    sizes_b: _Sizes | None = None
    joint: Table | None = None
    within_pair_order: Literal["random", "shortest-first"] = "random"


class Experiment(Lenient):
    """What the scenario fixes before the data; the defaults are those of the file format."""

    settings: Literal["random", "fixed"] = "random"
    block: int = Field(default=1, ge=1)
    shots: int = Field(default=40_000, ge=1)
    significance: float = Field(default=1e-3, gt=0, lt=1)
    stop: str | None = None


class _Scenario(Lenient):
    traffic: _Traffic
    experiment: Experiment = Experiment()


@dataclass(frozen=True, eq=False)
class Router:
    """The requests that one router receives.

    Attributes:
        names: Types, or bins of sizes in rising order.
        means: Mean service time of each type; for bins only their order.
        shares: Probability of each type.
        moments: First and second moments of the service time of each type.
        knows_sizes: Whether the types are bins of sizes that the router knows exactly.
    """

    names: tuple[str, ...]
    means: Row
    shares: Row
    moments: tuple[Row, Row]
    knows_sizes: bool

    @classmethod
    def of(cls, types: list[_Type] | None, sizes: _Sizes | None) -> Router:
        """The requests of a scenario's types or sizes; one of them is given."""
        if types is not None:
            shares = tuple(rational(each.probability or 0.0) for each in types)
            total = sum(shares, Fraction(0)) or Fraction(1)
            first, second = zip(*(each.service.moments for each in types), strict=True)
            return cls(
                tuple(each.name for each in types), first, tuple(s / total for s in shares), (first, second), False
            )
        assert sizes is not None  # Game.of refuses a scenario with neither
        bins = sizes.bins
        names = tuple(f"size bin {number} of {bins}" for number in range(1, bins + 1))
        # Every bin is equally likely, so that giving each the moments of all sizes leaves the averages right.
        first, second = ((moment,) * bins for moment in sizes.moments)
        return cls(names, tuple(map(Fraction, range(bins))), (Fraction(1, bins),) * bins, (first, second), True)


@dataclass(frozen=True, eq=False)
class Game:
    """Everything that the score of a strategy follows from.

    Attributes:
        a, b: The two routers.
        joint: π(x, y).
        weights: w(x, y), the waiting that splitting a pair of these types saves.
        unavoidable: W0.
        load: ρ.
        ordered: Whether a threshold on the mean service time is the best reply to every strategy of the other router.
        experiment: What was fixed before the data.
    """

    a: Router
    b: Router
    joint: Matrix
    weights: Matrix
    unavoidable: Fraction
    load: Fraction
    ordered: bool
    experiment: Experiment

    @classmethod
    def of(cls, record: dict[str, object], recorded_weights: Table, source: str) -> Game:
        """The game of a scenario's record.

        Args:
            record: The scenario.
            recorded_weights: Of the analysis; used where routers know sizes.
            source: Name of the scenario's file.

        Raises:
            DataError: a field is missing or wrong, or the load is 1 or more.
        """
        try:
            scenario = _Scenario.model_validate(record)
        except ValidationError as error:
            raise DataError(f"{source}: scenario: {first_complaint(error)}") from None
        traffic = scenario.traffic
        if (traffic.type is None) == (traffic.sizes is None):
            raise DataError(f"{source}: scenario: traffic needs either type or sizes")
        a = b = Router.of(traffic.type, traffic.sizes)
        if traffic.type_b is not None or traffic.sizes_b is not None:
            b = Router.of(traffic.type_b, traffic.sizes_b)
        joint, product = _joint(traffic.joint, a, b, source)
        rate = rational(traffic.pair_rate)

        def average(order: int) -> Fraction:
            moment_a, moment_b = a.moments[order], b.moments[order]
            return _average(joint, lambda x, y: moment_a[x] + moment_b[y])

        load = rate * average(0) / 2
        if load >= 1:
            raise DataError(f"{source}: scenario: the load is {min(float(load), 1e9):.6g}; a queue needs one below 1")
        shortest = traffic.within_pair_order == "shortest-first"
        if a.knows_sizes or b.knows_sizes:
            if [len(row) for row in recorded_weights] != [len(b.names)] * len(a.names):
                raise DataError(f"frontiers.weights must have {len(a.names)}×{len(b.names)} entries, as there are bins")
            weights = tuple(tuple(map(Fraction, row)) for row in recorded_weights)
        else:
            crossing = rate / (2 * (1 - load))
            weights = tuple(
                tuple(crossing * m * n + (min(m, n) / 2 if shortest else (m + n) / 4) for n in b.means) for m in a.means
            )
        return cls(
            a, b, joint, weights, rate * average(1) / (4 * (1 - load)), load, product and not shortest,
            scenario.experiment,
        )  # fmt: skip

    @property
    def knows_sizes(self) -> bool:
        """Whether a router knows sizes, of which its types are only bins."""
        return self.a.knows_sizes or self.b.knows_sizes

    @property
    def shape(self) -> tuple[int, int]:
        """(n_A, n_B)."""
        return len(self.a.names), len(self.b.names)

    @cached_property
    def together(self) -> Fraction:
        """W0 + Σ π w, the mean waiting time when every pair stays together."""
        return self.unavoidable + _average(self.joint, lambda x, y: self.weights[x][y])

    def at(self, multiplier: float) -> Matrix:
        """G = −π(w−μ)/2, μ being the very double that was recorded."""
        exact = Fraction(multiplier)
        return tuple(
            tuple(p * (exact - w) / 2 for p, w in zip(shares, weights, strict=True))
            for shares, weights in zip(self.joint, self.weights, strict=True)
        )

    def constant(self, multiplier: float) -> float:
        """Σ π(w−μ)/2, which a score has beside Σ G c."""
        return float(self.together - self.unavoidable - Fraction(multiplier)) / 2

    def magnitude(self, multiplier: float) -> float:
        """Σ π(w+|μ|)/2: the size of the terms that G is a difference of; tolerances are relative to it."""
        return float(self.together - self.unavoidable + abs(Fraction(multiplier))) / 2


def rational(number: float) -> Fraction:
    """The decimal that a record's number was written as."""
    return Fraction(repr(float(number)))


def _average(joint: Matrix, value: Callable[[int, int], Fraction]) -> Fraction:
    """Σ π(x, y)·value(x, y)."""
    return sum((p * value(x, y) for x, row in enumerate(joint) for y, p in enumerate(row)), Fraction(0))


def _joint(table: Table | None, a: Router, b: Router, source: str) -> tuple[Matrix, bool]:
    """π, and whether it is a product."""
    if table is None:
        return _outer(a.shares, b.shares), True
    if [len(row) for row in table] != [len(b.names)] * len(a.names):
        raise DataError(f"{source}: scenario: traffic.joint must have {len(a.names)}×{len(b.names)} entries")
    exact = [[rational(entry) for entry in row] for row in table]
    total = sum(map(sum, exact), Fraction(0))
    if total <= 0:
        raise DataError(f"{source}: scenario: traffic.joint sums to {float(total):g}")
    joint = tuple(tuple(entry / total for entry in row) for row in exact)
    outer = _outer(
        tuple(sum(row, Fraction(0)) for row in joint),
        tuple(sum(column, Fraction(0)) for column in zip(*joint, strict=True)),
    )
    near = all(
        abs(entry - product) <= _PRODUCT * (product + _PRODUCT / 1000)
        for given, wanted in zip(joint, outer, strict=True)
        for entry, product in zip(given, wanted, strict=True)
    )
    return (outer, True) if near else (joint, False)


def _outer(rows: Row, columns: Row) -> Matrix:
    return tuple(tuple(first * second for second in columns) for first in rows)
