"""The quantum value of XOR games: low-rank ascent with a dual certificate against semidefinite programming."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from bellqueue.model.games.values.quantum_value import QuantumOptimum, quantum_optimum
from bellqueue.model.games.values.xor_game import XorGame
from numpy.typing import NDArray

from ._measure import Claim, Say, Section, Table, Timing, agree, duration, interleaved, times, version_of
from .xor_peers import SDP_SOLVERS, TOLERANCE, has_toqito, sdp_value, toqito_quantum_value

Floats = NDArray[np.float64]

OURS = "bellqueue"
SIZES = (2, 4, 8, 16, 32, 64, 128, 256)
PRODUCT_SIZES = (10, 100, 1_000, 10_000, 100_000)
DENSE = 1_000  # types up to which a product game is solved by its matrix, too
GROWTH = 8.0  # least factor of a peer's time when the types are doubled (matrices of twice the size: cubic)


def random_game(types: int) -> Floats:
    """Gaussian G with Σ|G| = 1, shape (types, types)."""
    matrix = np.random.default_rng(types).normal(size=(types, types))
    return np.asarray(matrix / np.abs(matrix).sum())


def product_game(types: int) -> XorGame:
    """A game of independent types, as a router's: lognormal mean sizes, each type equally likely."""
    sizes = np.sort(np.exp(np.random.default_rng(types).normal(size=types)))
    sides = np.column_stack([np.ones(types), sizes]) / types
    return XorGame.of_factors(sides, -np.array([[-2.0, 0.25], [0.25, 0.1]]) / 2, sides)


def peers() -> dict[str, Callable[[Floats], float]]:
    """Those that are installed."""
    found: dict[str, Callable[[Floats], float]] = {}
    if version_of("cvxpy"):
        for solver, package in SDP_SOLVERS.items():
            if version_of(package):
                found[solver] = partial(sdp_value, solver=solver)
    if has_toqito():
        found["toqito"] = toqito_quantum_value
    return found


def relative_gap(optimum: QuantumOptimum) -> float:
    """Width of the certified interval over its upper end."""
    return (optimum.bound.high - optimum.bound.low) / optimum.bound.high


def compare(matrix: Floats, names: Sequence[str], repeats: int) -> tuple[dict[str, Timing], float]:
    """Time ours and some peers on one game.

    Returns:
        The timings, and how far the peers' values are from ours at most, over Σ|G|.

    Raises:
        DisagreementError: further than a peer's tolerance.
    """
    game = XorGame(matrix)
    candidates: dict[str, Callable[[], object]] = {OURS: lambda: quantum_optimum(game)}
    candidates |= {name: partial(call, matrix) for name, call in peers().items() if name in names}
    timings = interleaved(candidates, repeats)
    bound, scale = timings[OURS].answer.bound, float(np.abs(matrix).sum())
    middle = (bound.low + bound.high) / 2
    apart = [
        agree(f"β_Q of {len(matrix)} types by {name}", timings[name].answer, middle, TOLERANCE[name] * scale) / scale
        for name in timings
        if name != OURS
    ]
    return timings, max(apart, default=0.0)


def run(full: bool, say: Say) -> Section:
    """General and product games."""
    limit, repeats = (100.0, 5) if full else (10.0, 3)
    general, claims = _general(limit, repeats, say)
    text = (
        "`quantum_optimum` against the semidefinite programme in [cvxpy](https://www.cvxpy.org) with "
        "[SCS](https://www.cvxgrp.org/scs) and [Clarabel](https://clarabel.org), and against "
        "[toqito](https://toqito.readthedocs.io), at their default tolerances. Ours comes with an interval that holds "
        "the value, rounding included; its width is the gap. A dash: not tried, since it would take more than "
        f"{limit:g} s by its time at half the size."
    )
    packages = ("numpy", "scipy", "cvxpy", *SDP_SOLVERS.values(), "toqito")
    return Section("Quantum value of XOR games", text, [general, _product(repeats, say)], claims, packages)


def _general(limit: float, repeats: int, say: Say) -> tuple[Table, list[Claim]]:
    names = list(peers())
    last: dict[str, float] = dict.fromkeys(names, 0.0)
    rows, ratios, gaps, seconds = [], {}, {}, {}
    for types in SIZES:
        tried = [name for name in names if GROWTH * last[name] <= limit]
        say(f"{types} types: {', '.join([OURS, *tried])}")
        timings, apart = compare(random_game(types), tried, repeats)
        ours = timings[OURS].median
        last = {name: timings[name].median if name in tried else np.inf for name in names}
        ratios[types] = {name: last[name] / ours for name in names}
        gaps[types], seconds[types] = relative_gap(timings[OURS].answer), ours
        shown = [times(ratios[types][name]) for name in names]
        agreement = f"{apart:.0e}" if tried else "–"
        rows.append((str(types), duration(ours), f"{gaps[types]:.0e}", *shown, agreement))
    taken = [f"{name} takes" for name in names]
    headings = ("types a side", "bellqueue", "its relative gap", *taken, "values agree within")
    claims = []
    for name, least in (("SCS", 20), ("Clarabel", 500)):
        if np.isfinite(ratios[64].get(name, np.inf)):
            text = f"quantum value of 64×64 random types to a relative gap of 1e-7, {least} times as fast as {name}"
            measured = f"{times(ratios[64][name])}, gap {gaps[64]:.0e}"
            claims.append(Claim(text, measured, ratios[64][name] >= least and gaps[64] <= 1e-7))
    if "SCS" in names:
        largest = max(types for types in SIZES if np.isfinite(ratios[types]["SCS"]))
        share = seconds[256] / (seconds[largest] * ratios[largest]["SCS"])
        text = "quantum value of 256×256 random types within a second"
        measured = f"{duration(seconds[256])}, {times(share)} the time of SCS for {largest} types; gap {gaps[256]:.0e}"
        claims.append(Claim(text, measured, seconds[256] < 1))
    return Table("Random G", headings, rows), claims


def _product(repeats: int, say: Say) -> Table:
    """Ours on product games: with the factors, and on the same matrix without them."""
    rows = []
    for types in PRODUCT_SIZES:
        game = product_game(types)
        candidates = {"factors": partial(quantum_optimum, game)}
        if types <= DENSE:
            candidates["matrix"] = partial(quantum_optimum, XorGame(game.matrix))
        say(f"{types} types, product")
        timings = interleaved(candidates, repeats)
        best = timings["factors"]
        slower = times(timings["matrix"].median / best.median) if "matrix" in timings else "–"
        rows.append((str(types), duration(best.median), f"{relative_gap(best.answer):.0e}", slower))
    headings = ("types a side", "bellqueue", "its relative gap", "the same without the factors takes")
    return Table("Product games (independent types)", headings, rows)
