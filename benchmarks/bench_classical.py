"""The classical value of XOR games: enumeration and branch and bound against brute force and against HiGHS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from bellqueue.model.games.values.classical_value import ClassicalOptimum, classical_optimum
from bellqueue.model.games.values.xor_game import XorGame
from bellqueue.model.queueing.reward import PowerReward
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.workload import Workload
from numpy.typing import NDArray

from ._measure import Claim, DisagreementError, Say, Section, Table, agree, duration, interleaved, times
from .bench_quantum import random_game
from .xor_peers import Interval, has_toqito, milp_value, toqito_classical_value

Floats = NDArray[np.float64]

OURS, HIGHS, TOQITO = "bellqueue", "HiGHS", "toqito"
GROWTH = {HIGHS: 3.0, TOQITO: 16.0}  # about, of a peer's time from one size to the next
STRUCTURED = (32, 36, 40)
NO_STRUCTURE = "none: random G"
RELATIVE = 1e-6  # HiGHS keeps its constraints to 1e-7 or so
MINUTE = 60.0
LOAD = 0.5


def correlated_workload(types: int, width: float | None) -> Workload:
    """Types ordered by size with a joint table that is no product, at load LOAD.

    Args:
        types: Number of types at each router.
        width: Sizes of a pair are alike, π ∝ exp(−(i−j)²/width²) times the marginals; None: any table (Dirichlet).
    """
    rng = np.random.default_rng(types)
    sizes = [np.sort(np.exp(rng.normal(size=types))) for _ in range(2)]
    joint = np.outer(rng.dirichlet(np.full(types, 2.0)), rng.dirichlet(np.full(types, 2.0)))
    if width is None:
        joint = rng.dirichlet(np.ones(types**2)).reshape(types, types)
    else:
        joint *= np.exp(-(np.subtract.outer(np.arange(types), np.arange(types)) ** 2) / width**2)
    joint /= joint.sum()
    services_a, services_b = (tuple(Service("deterministic", float(size)) for size in side) for side in sizes)
    names = tuple(map(str, range(types)))
    rate = 2 * LOAD / float(joint.sum(axis=1) @ sizes[0] + joint.sum(axis=0) @ sizes[1])
    return Workload(rate, joint, services_a, services_b, names, names, PowerReward(2.0), False)


def structured_games(types: int) -> dict[str, Floats]:
    """Games of routers whose requests are correlated, at the multiplier that parts the pairs evenly."""
    games = {}
    for width, name in (
        (1.5, "sizes alike within 1.5 types"),
        (6.0, "sizes alike within 6 types"),
        (None, "any table"),
    ):
        workload = correlated_workload(types, width)
        # In a queue that serves the shorter request first a pair costs mostly what its shorter request takes.
        shorter_first = 0.1 * workload.weights + np.minimum.outer(workload.mean_a, workload.mean_b)
        for order, weights in (("first come", workload.weights), ("shorter first", shorter_first)):
            by_weight = np.argsort(weights, axis=None)
            half = int(np.searchsorted(workload.joint.flat[by_weight].cumsum(), 0.5))
            games[f"{order}, {name}"] = -workload.joint * (weights - weights.flat[by_weight[half]]) / 2
    return games


@dataclass(frozen=True)
class Comparison:
    """Seconds of each that took part, the answer of ours, and the intervals of ours and of HiGHS."""

    seconds: dict[str, float]
    ours: ClassicalOptimum
    intervals: list[Interval]


def compare(matrix: Floats, names: tuple[str, ...], repeats: int, limit: float = MINUTE) -> Comparison:
    """Time ours and some peers on one game.

    Raises:
        DisagreementError: a peer's value is not ours, or its interval and ours have no common point.
    """
    candidates: dict[str, Callable[[], object]] = {OURS: lambda: classical_optimum(XorGame(matrix), seconds=limit)}
    if TOQITO in names:
        candidates[TOQITO] = partial(toqito_classical_value, matrix)
    if HIGHS in names:
        candidates[HIGHS] = partial(milp_value, matrix, limit)
    timings = interleaved(candidates, repeats)
    ours: ClassicalOptimum = timings[OURS].answer
    scale = RELATIVE * float(np.abs(matrix).sum())
    what = f"β_C of {len(matrix)} types"
    if TOQITO in timings:
        agree(f"{what} by toqito", timings[TOQITO].answer, ours.bound.low, scale)
    intervals = [Interval(ours.bound.low, ours.bound.high, ours.finished)]
    if HIGHS in timings:
        intervals.append(timings[HIGHS].answer)
        check_intervals(f"{what} by HiGHS", intervals[0], intervals[1], scale)
    return Comparison({name: timing.median for name, timing in timings.items()}, ours, intervals)


def check_intervals(what: str, ours: Interval, theirs: Interval, tolerance: float) -> None:
    """See that two intervals are compatible, whether or not either search finished.

    Raises:
        DisagreementError: they are not.
    """
    if theirs.low > ours.high + tolerance or theirs.high < ours.low - tolerance:
        both = f"[{theirs.low:.10g}, {theirs.high:.10g}] against [{ours.low:.10g}, {ours.high:.10g}]"
        raise DisagreementError(f"{what}: {both}")


def run(full: bool, say: Say) -> Section:
    """Random and structured games."""
    random, claims = _random(100.0 if full else 5.0, say)
    structured, claim = _structured(full, say)
    text = (
        "`classical_optimum` against [toqito](https://toqito.readthedocs.io), which tries all strategies, and against "
        "the mixed-integer programme in [HiGHS](https://highs.dev) through `scipy.optimize.milp`. Up to 24 types of "
        "the smaller side all strategies are enumerated, beyond that branch and bound proves the value."
    )
    return Section(
        "Classical value of XOR games", text, [random, structured], [*claims, claim], ("numpy", "scipy", "toqito")
    )


def _random(limit: float, say: Say) -> tuple[Table, list[Claim]]:
    names = [HIGHS, *([TOQITO] if has_toqito() else [])]
    last = dict.fromkeys(names, 0.0)
    rows, seconds, ratios = [], {}, {}
    for types in range(4, 25, 2):
        tried = tuple(name for name in names if last[name] * GROWTH[name] <= limit)
        say(f"{types} types: {', '.join([OURS, *tried])}")
        found = compare(random_game(types), tried, 3, limit)
        last = {name: found.seconds.get(name, np.inf) for name in names}
        seconds[types] = found.seconds[OURS]
        ratios[types] = {name: last[name] / seconds[types] for name in names}
        shown = [times(ratios[types][name]) for name in names]
        rows.append((str(types), duration(seconds[types]), found.ours.bound.method, *shown))
    headings = ("types a side", "bellqueue", "its method", *(f"{name} takes" for name in names))
    largest = max(types for types in ratios if np.isfinite(ratios[types][HIGHS]))
    claims = [
        Claim(
            "exact classical value of 24×24 random types within a second",
            f"{duration(seconds[24])}, {times(seconds[24] / (seconds[largest] * ratios[largest][HIGHS]))} the time of "
            f"HiGHS for {largest} types",
            seconds[24] < 1,
        )
    ]
    return Table("Random G", headings, rows), claims


def _structured(full: bool, say: Say) -> tuple[Table, Claim]:
    limit = MINUTE if full else 10.0
    rows, slowest, still_open = [], 0.0, 0
    for types in STRUCTURED if full else STRUCTURED[:1]:
        for name, matrix in (structured_games(types) | {NO_STRUCTURE: random_game(types)}).items():
            say(f"{types} types, {name}")
            found = compare(matrix, (HIGHS,), 1, limit)
            if name != NO_STRUCTURE:
                slowest = max(slowest, found.seconds[OURS])
                still_open += not found.ours.finished
            ratio = times(found.seconds[HIGHS] / found.seconds[OURS])
            ours, theirs = map(_state, found.intervals)
            rows.append((str(types), name, duration(found.seconds[OURS]), ours, ratio, theirs))
    headings = ("types a side", "scenario", "bellqueue", "and is", "HiGHS takes", "and is")
    text = (
        f"classical value of correlated scenarios of {rows[0][0]} to {rows[-1][0]} types a side proved within a minute"
    )
    measured = f"{duration(slowest)} at most" + (f", {still_open} still open" if still_open else "")
    title = f"Scenarios with correlated types, after {limit:g} s at most"
    return Table(title, headings, rows), Claim(text, measured, not still_open)


def _state(interval: Interval) -> str:
    return "proved" if interval.finished else f"open by {(interval.high - interval.low) / interval.high:.1%}"
