"""How time grows with the number of types and of pairs: log-log slopes beside those that follow from the algorithms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from bellqueue.model.games.values.classical_value import classical_optimum
from bellqueue.model.games.values.enumeration import best_signs
from bellqueue.model.games.values.quantum_value import quantum_optimum
from bellqueue.model.games.values.xor_game import XorGame
from numpy.typing import NDArray

from ._measure import Claim, Say, Section, Table, duration, interleaved
from .bench_quantum import product_game
from .bench_simulation import bellqueue_run, scenarios

Floats = NDArray[np.float64]

FIGURE = Path(__file__).parent / "growth.png"
GAMES = 5  # random games of each size; the ascent takes more steps on some than on others
# Color and marker of each curve in the figure.
_STYLES = (("#0072B2", "o"), ("#009E73", "s"), ("#D55E00", "^"), ("#000000", "D"), ("#CC79A7", "v"))


@dataclass(frozen=True)
class Curve:
    """Times over sizes.

    Attributes:
        label: What grows.
        against: The name of its size.
        derived: The growth that follows from the algorithm.
        slope: Its slope in a log-log plot; if it is exponential, that of log₂ of the seconds per type over the size.
        exponential: Whether log time is linear in the size itself.
        call: Given a size, what is timed, once for each of some inputs.
        sizes: Sizes timed; a quick run leaves out the last one.
        fitted_from: The least size that the fit uses: below, fixed costs show.
    """

    label: str
    against: str
    derived: str
    slope: float
    call: Callable[[int], Sequence[Callable[[], object]]]
    sizes: tuple[int, ...]
    fitted_from: int
    exponential: bool = False


def curves() -> Iterator[Curve]:
    """All that are timed."""
    workload, split = next(iter(scenarios().values()))
    yield Curve(
        "quantum value, random G",
        "types",
        "O(n²k) a step, k ~ √n vectors: 2.5, and more steps",
        2.5,
        lambda n: [partial(quantum_optimum, XorGame(_random(n, seed))) for seed in range(GAMES)],
        (8, 16, 32, 64, 128, 256, 512, 1024),
        128,
    )
    yield Curve(
        "quantum value, product types",
        "types",
        "O(n) a step",
        1.0,
        lambda n: [partial(quantum_optimum, product_game(n))],
        (100, 1_000, 10_000, 100_000, 1_000_000),
        10_000,
    )
    yield Curve(
        "classical value, product types (thresholds)",
        "types",
        "O(n log n)",
        1.0,
        lambda n: [partial(classical_optimum, product_game(n))],
        (100, 1_000, 10_000, 100_000, 1_000_000),
        10_000,
    )
    yield Curve(
        "classical value, random G (enumeration)",
        "types",
        "O(n 2ⁿ)",
        1.0,
        lambda n: [partial(best_signs, _random(n, 0))],
        (14, 16, 18, 20, 22, 24, 26),
        18,
        exponential=True,
    )
    yield Curve(
        "simulation",
        "pairs",
        "O(pairs)",
        1.0,
        lambda pairs: [partial(bellqueue_run, workload, split, pairs, 1)],
        (1_000, 10_000, 100_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000),
        3_000_000,
    )


def _random(types: int, seed: int) -> Floats:
    return np.random.default_rng([types, seed]).normal(size=(types, types))


def medians(curve: Curve, sizes: Sequence[int], repeats: int) -> Floats:
    """Median seconds at each size, over its inputs."""
    found = []
    for size in sizes:
        calls = {str(number): call for number, call in enumerate(curve.call(size))}
        found.append(np.median([timing.median for timing in interleaved(calls, repeats, budget=20.0).values()]))
    return np.array(found)


def slope(curve: Curve, sizes: Sequence[int], seconds: Floats) -> float:
    """Fitted by least squares: of ln t over ln n, or of log₂(t/n) over n where growth is exponential."""
    size = np.array(sizes, dtype=float)
    used = size >= curve.fitted_from
    if curve.exponential:
        return float(np.polyfit(size[used], np.log2(seconds[used] / size[used]), 1)[0])
    return float(np.polyfit(np.log(size[used]), np.log(seconds[used]), 1)[0])


def draw(measured: Sequence[tuple[Curve, Sequence[int], Floats, float]], path: Path) -> None:
    """The curves with their fits: over types on the left, over pairs on the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.6), layout="constrained")
    panels = dict(zip(("types", "pairs"), figure.subplots(1, 2, width_ratios=(2, 1), sharey=True), strict=True))
    for (curve, sizes, seconds, fitted), (color, marker) in zip(measured, _STYLES, strict=True):
        ax = panels[curve.against]
        growth = f"time ∝ n·2^({fitted:.2f} n)" if curve.exponential else f"slope {fitted:.2f}"
        ax.plot(sizes, seconds, marker, color=color, markersize=5, label=f"{curve.label}: {growth}")
        size = np.array(sizes, dtype=float)
        used = size >= curve.fitted_from
        shape = np.log(size) + np.log(2) * fitted * size if curve.exponential else fitted * np.log(size)
        shift = np.mean(np.log(seconds[used]) - shape[used])
        ax.plot(size[used], np.exp(shape[used] + shift), "-", color=color, linewidth=1.2)
    for name, ax in panels.items():
        ax.set(xscale="log", yscale="log", xlabel=f"{name} a side" if name == "types" else f"{name} simulated")
        ax.grid(True, which="major", color="#dddddd", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.legend(loc="upper left", fontsize=7.5, framealpha=0.9)
    panels["types"].set_ylabel("median seconds, one thread")
    low, high = panels["types"].get_ylim()
    panels["types"].set_ylim(low, high * 30)  # room for the legends
    figure.savefig(path, dpi=140, metadata={"Software": ""})


def run(full: bool, say: Say) -> Section:
    """All curves, and the figure."""
    rows, measured = [], []
    for curve in curves():
        sizes = curve.sizes if full else curve.sizes[:-1]
        say(f"{curve.label}, {curve.against} {', '.join(map(str, sizes))}")
        seconds = medians(curve, sizes, 3)
        fitted = slope(curve, sizes, seconds)
        measured.append((curve, sizes, seconds, fitted))
        kind = "log₂(time/n) over n" if curve.exponential else "log time over log size"
        largest = f"{sizes[-1]} {curve.against}: {duration(float(seconds[-1]))}"
        rows.append((curve.label, curve.derived, kind, f"{curve.slope:g}", f"{fitted:.2f}", largest))
    draw(measured, FIGURE)
    simulation = measured[-1][3]
    claims = [
        Claim("simulation takes time in proportion to the pairs", f"slope {simulation:.2f}", abs(simulation - 1) < 0.1)
    ]
    headings = ("what", "derived", "slope of", "should be", "fitted", "largest")
    text = "![Time against size with fitted slopes, log-log](growth.png)"
    return Section("Growth", text, [Table("Slopes", headings, rows)], claims, ("numpy", "scipy"))
