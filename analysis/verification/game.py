"""The routing game of a scenario's record, by plain formulas in exact rational numbers (docs/model.md).

A number of the record stands for the decimal that was written. If a router knows sizes, its types are bins, whose
moments are integrals: their weights are then taken from the record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from ...model.errors import DataError
from .findings import Json

Row = tuple[Fraction, ...]
Matrix = tuple[Row, ...]

_PRODUCT = Fraction(1, 10**12)  # relative difference up to which a joint table counts as the product of its margins
_FIXED_SCV = {"deterministic": 0.0, "exponential": 1.0}
_BINS = 64  # of sizes, if the scenario does not say


@dataclass(frozen=True, eq=False)
class Router:
    """The requests that one router receives.

    Attributes:
        shares: Probability of each type.
        moments: First and second moments of the service time of each type; bins of sizes, all alike, are in order.
    """

    shares: Row
    moments: tuple[Row, Row]

    @classmethod
    def of(cls, traffic: Json, suffix: str) -> Router | None:
        """The requests that a scenario describes under `type` or `sizes` with that suffix; None if there are none."""
        if types := traffic.get(f"type{suffix}"):
            first, second = zip(*(_moments(each["service"]) for each in types), strict=True)
            return cls(_normalized([rational(each.get("probability") or 0.0) for each in types]), (first, second))
        if sizes := traffic.get(f"sizes{suffix}"):
            bins = sizes.get("bins", _BINS)
            # Every bin is equally likely, so that giving each the moments of all sizes leaves the averages right.
            first, second = ((moment,) * bins for moment in _moments(sizes))
            return cls((Fraction(1, bins),) * bins, (first, second))
        return None


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
        knows_sizes: Whether a router knows sizes, of which its types are only bins.
    """

    a: Router
    b: Router
    joint: Matrix
    weights: Matrix
    unavoidable: Fraction
    load: Fraction
    ordered: bool
    knows_sizes: bool

    @classmethod
    def of(cls, scenario: Json, recorded_weights: list[list[float]]) -> Game:
        """The game of a scenario's record.

        Args:
            scenario: A valid record.
            recorded_weights: Weights in the analysis; used if routers know sizes.

        Raises:
            DataError: the recorded weights are not for the bins of sizes.
        """
        traffic = scenario["traffic"]
        a = Router.of(traffic, "")
        assert a is not None  # a valid scenario has types or sizes
        b = Router.of(traffic, "_b") or a
        joint = tuple(tuple(first * second for second in b.shares) for first in a.shares)
        product = True
        if table := traffic.get("joint"):
            width, flat = len(b.shares), _normalized([rational(entry) for row in table for entry in row])
            joint = tuple(flat[start : start + width] for start in range(0, len(flat), width))
            product = _is_product(joint)
        rate = rational(traffic["pair_rate"])

        def average(order: int) -> Fraction:
            return _average(joint, lambda x, y: a.moments[order][x] + b.moments[order][y])

        load = rate * average(0) / 2
        shortest = traffic.get("within_pair_order") == "shortest-first"
        knows_sizes = "sizes" in traffic or "sizes_b" in traffic
        if knows_sizes:
            if [len(row) for row in recorded_weights] != [len(b.shares)] * len(a.shares):
                raise DataError(
                    f"frontiers.weights must have {len(a.shares)}×{len(b.shares)} entries, one for each bin"
                )
            weights = tuple(tuple(map(Fraction, row)) for row in recorded_weights)
        else:
            crossing = rate / (2 * (1 - load))
            weights = tuple(
                tuple(crossing * m * n + (min(m, n) / 2 if shortest else (m + n) / 4) for n in b.moments[0])
                for m in a.moments[0]
            )
        unavoidable = rate * average(1) / (4 * (1 - load))
        return cls(a, b, joint, weights, unavoidable, load, product and not shortest, knows_sizes)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_A, n_B)."""
        return len(self.a.shares), len(self.b.shares)

    @cached_property
    def saved(self) -> Fraction:
        """Σ π w."""
        return _average(self.joint, lambda x, y: self.weights[x][y])

    @property
    def together(self) -> Fraction:
        """W0 + Σ π w, the mean waiting time if every pair stays together."""
        return self.unavoidable + self.saved

    def at(self, multiplier: float) -> Matrix:
        """G = −π(w−μ)/2, μ being the very double that was recorded."""
        exact = Fraction(multiplier)
        return tuple(
            tuple(p * (exact - w) / 2 for p, w in zip(shares, weights, strict=True))
            for shares, weights in zip(self.joint, self.weights, strict=True)
        )


def rational(number: float) -> Fraction:
    """The decimal that a record's number was written as."""
    return Fraction(repr(float(number)))


def _moments(service: Json) -> tuple[Fraction, Fraction]:
    """First and second moment of a service time with that mean and squared coefficient of variation."""
    mean = rational(service["mean"])
    return mean, mean**2 * (1 + rational(_FIXED_SCV.get(service["distribution"], service.get("scv") or 0.0)))


def _normalized(shares: Sequence[Fraction]) -> Row:
    total = sum(shares, Fraction(0)) or Fraction(1)
    return tuple(share / total for share in shares)


def _average(joint: Matrix, value: Callable[[int, int], Fraction]) -> Fraction:
    """Σ π(x, y)·value(x, y)."""
    return sum((p * value(x, y) for x, row in enumerate(joint) for y, p in enumerate(row)), Fraction(0))


def _is_product(joint: Matrix) -> bool:
    """Whether π is the product of its margins, up to the rounding of whoever wrote it."""
    columns = [sum(column, Fraction(0)) for column in zip(*joint, strict=True)]
    return all(
        abs(entry - sum(row) * column) <= _PRODUCT * (sum(row) * column + _PRODUCT / 1000)
        for row in joint
        for entry, column in zip(row, columns, strict=True)
    )
