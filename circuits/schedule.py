"""The schedule: which setting each trial measures, drawn before anything runs."""

from __future__ import annotations

import hashlib
import io
import itertools
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from ..model.errors import DataError
from ..model.games.strategy import Measurements, Strategy
from ..model.informed.menu import Menu
from ..model.trials import Floats, Integers, Sampling, Trials

_COLUMNS = ("x", "y", "alpha", "beta")
_MORE = ("more_alpha", "more_beta")
_REST = ("order", "shape", "rule", "block", "distribution")
# What numpy's and Python's readers of archives raise over damaged bytes.
_UNREADABLE = (ValueError, KeyError, TypeError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Setting:
    """One pair of measurement bases.

    Attributes:
        x, y: Types of the two requests (0-based).
        alpha, beta: Angles of A's and B's basis in radians; in a plane the ideal correlator is cos(alpha − beta).
        more_alpha, more_beta: The other k−2 angles of each if the vectors have k > 2 dimensions (hyperspherical,
            see `hyperspherical_angles`); a backend measures them only if its description says so.
    """

    x: int
    y: int
    alpha: float
    beta: float
    more_alpha: tuple[float, ...] = ()
    more_beta: tuple[float, ...] = ()

    @classmethod
    def of(cls, x: int, y: int, a: Sequence[float], b: Sequence[float]) -> Setting:
        """The setting of two types with all k−1 angles of A's basis and of B's."""
        return cls(x, y, a[0], b[0], tuple(a[1:]), tuple(b[1:]))

    @property
    def dimension(self) -> int:
        """k, of the vectors."""
        return 2 + len(self.more_alpha)

    @property
    def angles(self) -> tuple[float, ...]:
        """All of A's and then all of B's, 2(k−1) of them."""
        return (self.alpha, *self.more_alpha, self.beta, *self.more_beta)


@dataclass(frozen=True, eq=False)
class Schedule:
    """The settings of an experiment and the order in which trials measure them.

    With k pairs to a shot (`sampling.parallel`), trial i is measured in shot i // k on pair i % k.

    Attributes:
        settings: Every distinct pair of bases.
        order: Index into `settings` of each trial, in the order of execution, shape (N,).
        shape: (n_A, n_B), the numbers of types.
        sampling: How the order came about.
    """

    settings: tuple[Setting, ...]
    order: Integers
    shape: tuple[int, int]
    sampling: Sampling

    @property
    def dimension(self) -> int:
        """k, of the vectors: the same in all settings."""
        return self.settings[0].dimension

    @property
    def shots(self) -> Integers:
        """Trials per setting, shape (len(settings),)."""
        return np.bincount(self.order, minlength=len(self.settings))

    @property
    def digest(self) -> str:
        """SHA-256 of the angles of every trial, in order; a result that carries it belongs to this schedule."""
        angles = np.array([setting.angles for setting in self.settings])
        return hashlib.sha256(angles[self.order].tobytes()).hexdigest()

    @property
    def unmeasured(self) -> tuple[tuple[int, int], ...]:
        """The types (x, y) that have a setting but no trial."""
        types = [(setting.x, setting.y) for setting in self.settings]
        measured = {types[index] for index in np.flatnonzero(self.shots)}
        return tuple(dict.fromkeys(each for each in types if each not in measured))

    def part(self, trials: range) -> Schedule:
        """The same settings over some consecutive trials only."""
        return replace(self, order=self.order[trials.start : trials.stop])

    def runs(self, longest: int) -> tuple[tuple[int, int], ...]:
        """(setting, trials) of each stretch of one setting, in order.

        Stretches of `random` settings are the blocks that were drawn, even if two neighbours drew the same;
        those of `fixed` settings are as long as they can be. None is longer than `longest`.
        """
        count = len(self.order)
        starts = {0, *(np.flatnonzero(np.diff(self.order)) + 1).tolist()}
        if self.sampling.settings == "random":
            starts |= set(range(0, count, self.sampling.block))
        return tuple(
            (int(self.order[start]), min(longest, stop - first))
            for start, stop in itertools.pairwise([*sorted(starts), count])
            for first in range(start, stop, longest)
        )

    def to_bytes(self) -> bytes:
        """Everything of the schedule, compressed (numpy's npz format); `from_bytes` reads it."""
        # What older schedules lack is left out where it says nothing new, so that they keep their bytes and runs their
        # hashes: more angles of a plane, and one pair to a shot.
        columns = _COLUMNS + (_MORE if self.dimension > 2 else ())
        table: dict[str, Any] = {
            name: np.array([getattr(setting, name) for setting in self.settings]) for name in columns
        }
        sampling = self.sampling
        distribution = np.zeros((0, 0)) if sampling.distribution is None else sampling.distribution
        if sampling.parallel > 1:
            table["parallel"] = np.array(sampling.parallel)
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            **table,
            order=self.order,
            shape=np.array(self.shape),
            rule=np.array(sampling.settings),
            block=np.array(sampling.block),
            distribution=distribution,
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Schedule:
        """The schedule that `to_bytes` wrote.

        Raises:
            DataError: these are not the bytes of a schedule.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                optional = sorted(set(stored.files) - {*_COLUMNS, *_REST})
                if optional not in ([], [*_MORE], ["parallel"], [*_MORE, "parallel"]):  # damage may change a name
                    raise ValueError(f"entries {optional} beside those of every schedule")
                columns = [stored[name].tolist() for name in _COLUMNS]
                if _MORE[0] in stored:
                    columns += [[tuple(angles) for angles in stored[name].tolist()] for name in _MORE]
                settings = tuple(Setting(*row) for row in zip(*columns, strict=True))
                rule = cast(Literal["random", "fixed"], str(stored["rule"]))
                distribution = stored["distribution"] if stored["distribution"].size else None
                parallel = int(stored["parallel"]) if "parallel" in stored else 1
                sampling = Sampling(rule, distribution, int(stored["block"]), parallel=parallel)
                rows, columns_b = stored["shape"].tolist()
                return cls(settings, stored["order"], (rows, columns_b), sampling)
        except _UNREADABLE as error:
            raise DataError(f"the stored settings of a run cannot be read: {error}") from None

    def trials(self, outcomes: list[NDArray[np.uint8]]) -> Trials:
        """The canonical record, given the outcomes (a, b) of each setting in their order.

        Args:
            outcomes: For each setting an array of shape (shots, 2).

        Raises:
            ValueError: a setting has more or fewer outcomes than trials.
        """
        outcomes = list(outcomes)
        if [len(measured) for measured in outcomes] != self.shots.tolist():
            raise ValueError("every setting must have as many outcomes as trials")  # else they would go to others
        bits = np.empty((len(self.order), 2), dtype=np.uint8)
        # One byte for each trial, if settings are few: numpy then sorts by radix, much faster.
        narrow = self.order.astype(np.min_scalar_type(len(self.settings) - 1))
        bits[np.argsort(narrow, kind="stable")] = np.concatenate(outcomes)
        return self.in_order(bits)

    def in_order(self, bits: NDArray[np.uint8]) -> Trials:
        """The canonical record, given the outcomes (a, b) of each trial in order, shape (N, 2)."""
        x, y = types_of(self.settings).astype(np.int16).take(self.order, axis=1)
        return Trials(x, y, bits[:, 0], bits[:, 1], self.shape)


def types_of(settings: Sequence[Setting]) -> Integers:
    """The types x and y of each setting, shape (2, len(settings))."""
    return np.array([(setting.x, setting.y) for setting in settings]).T


def draw_schedule(
    strategy: Strategy, sampling: Sampling, distribution: Floats, trials: int, rng: np.random.Generator
) -> Schedule:
    """Draw the settings of `trials` trials from r(x,y).

    `random` settings are drawn afresh for each trial (or block of trials); `fixed` ones come in one run per setting,
    with shots in proportion to r. If the strategy is a mixture, its component is part of the drawn setting. Each
    entry of a menu (`menu_strategy`) has rows of its own: setting (k, x, y) is that of types k·n_A + x and y.

    With k pairs to a shot, every pair has a `random` setting of its own, drawn afresh for each shot (or block of
    shots); of `fixed` ones all pairs of a shot measure the same. The last shot, or block of shots, may be incomplete.

    Args:
        strategy: The measurements.
        sampling: `random` or `fixed`, the block length in shots, and the pairs to a shot.
        distribution: r(x,y), shape (n_A, n_B), or r(k,x,y) of a menu, shape (K·n_A, n_B).
        trials: N.
        rng: Draws the order.
    """
    settings: list[Setting] = []
    probability: list[float] = []
    dimension = strategy.dimension
    stacked = len(distribution) > len(strategy.components[0].u)
    for entry, (weight, part) in enumerate(zip(strategy.mixture, strategy.components, strict=True)):
        first = entry * len(part.u) if stacked else 0
        for setting in settings_of(part, dimension):
            if (share := float(distribution[first + setting.x, setting.y])) > 0:
                settings.append(replace(setting, x=first + setting.x))
                probability.append(share if stacked else weight * share)
    shares = np.array(probability) / np.sum(probability)
    pairs = sampling.parallel
    if sampling.settings == "random":
        blocks = -(-trials // (sampling.block * pairs))
        drawn = rng.choice(len(settings), size=blocks * pairs, p=shares).reshape(blocks, 1, pairs)
        order = np.repeat(drawn, sampling.block, axis=1).ravel()[:trials]
    else:
        shots = _apportion(shares, -(-trials // pairs))
        order = np.repeat(np.arange(len(settings)), shots * pairs)[:trials]
    return Schedule(tuple(settings), order.astype(np.int64), distribution.shape, sampling)


def menu_strategy(menu: Menu, distribution: Floats) -> Strategy:
    """The entries of a menu as the components of a strategy, each with its share of the trials.

    Args:
        menu: K sets of bases.
        distribution: r(k,x,y), K·n_A rows of n_B.
    """
    shares = distribution.reshape(len(menu), -1).sum(axis=1)
    entries = tuple(Measurements(u, v) for u, v in zip(menu.u, menu.v, strict=True))
    return Strategy(entries, tuple((shares / shares.sum()).tolist()))


def settings_of(measurements: Measurements, dimension: int) -> tuple[Setting, ...]:
    """The setting of every pair of types, router A's in rows.

    Args:
        measurements: One component of a strategy.
        dimension: k of the circuit, the strategy's.
    """
    alpha, beta = (angles.tolist() for angles in measurements.bases(dimension))
    return tuple(
        Setting.of(x, y, angles_a, angles_b) for x, angles_a in enumerate(alpha) for y, angles_b in enumerate(beta)
    )


def _apportion(shares: Floats, total: int) -> Integers:
    """Whole numbers that sum to `total`, each within 1 of its share (largest remainders)."""
    exact = shares * total
    whole = np.floor(exact).astype(np.int64)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole
