"""How every benchmark measures: ours and its peers by turns in one run, medians, and results that a table is made of.

A run that interleaves its candidates lets whatever else the machine does fall on all of them alike, so that ratios hold
where bare times do not. (pytest-benchmark times one candidate after the other, and knows no ratios.)
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

SHORTEST = 0.01  # seconds that one timing lasts at least: faster calls are repeated within it
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
WARM_UP = 1.0  # seconds from which a first call counts, instead of only warming up
Say = Callable[[str], None]

_clock = time.perf_counter


def measure_by(clock: str) -> None:
    """Choose a clock of CLOCKS; the processor's own does not count what other processes take on a busy machine."""
    global _clock
    _clock = CLOCKS[clock]


class DisagreementError(AssertionError):
    """Two candidates gave answers further apart than their tolerances allow, so that their times mean nothing."""


@dataclass(frozen=True)
class Timing:
    """Seconds of each call of one candidate, in order, and what the last one returned."""

    seconds: tuple[float, ...]
    answer: Any

    @property
    def median(self) -> float:
        """Median of the seconds."""
        return statistics.median(self.seconds)


def interleaved(
    candidates: Mapping[str, Callable[[], Any]], repeats: int = 5, budget: float = 60.0
) -> dict[str, Timing]:
    """Time each candidate `repeats` times, taking turns; a dear one fewer times, but at least once.

    Args:
        candidates: Name → call.
        repeats: Rounds.
        budget: Seconds of each candidate beyond which it takes part in no further round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    answers: dict[str, Any] = {}
    calls: dict[str, int] = {}
    for name, call in candidates.items():
        taken, answers[name] = timed(call)
        if taken >= WARM_UP:
            seconds[name].append(taken)
            calls[name] = 1
        else:
            calls[name] = math.ceil(SHORTEST / max(timed(call)[0], 1e-7))
    for _ in range(repeats):
        for name, call in candidates.items():
            done = seconds[name]
            if len(done) < repeats and (not done or sum(done) + done[-1] <= budget):
                taken, answers[name] = timed(call, calls[name])
                done.append(taken)
    return {name: Timing(tuple(seconds[name]), answers[name]) for name in candidates}


def timed(call: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Seconds of one call, averaged over some, and the last one's answer."""
    begun = _clock()
    for _ in range(repeats):
        answer = call()
    return (_clock() - begun) / repeats, answer


def agree(what: str, found: float, expected: float, tolerance: float) -> float:
    """How far apart two answers are.

    Raises:
        DisagreementError: further than `tolerance`.
    """
    apart = abs(found - expected)
    if not apart <= tolerance:
        raise DisagreementError(f"{what}: {found:.10g} against {expected:.10g}, more than {tolerance:g} apart")
    return apart


@dataclass(frozen=True)
class Table:
    """Rows of text under headings, and a title above them."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As Markdown, with columns padded so that it also reads as text."""
        cells = [[cell.replace("|", "\\|") for cell in row] for row in (self.headings, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in cells]
        lines = [f"| {' | '.join(row)} |" for row in padded]
        rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        return "\n".join([f"{self.title}:", "", lines[0], rule, *lines[1:]])


@dataclass(frozen=True)
class Claim:
    """A sentence about speed, what was measured of it, and whether it holds."""

    text: str
    measured: str
    holds: bool


@dataclass(frozen=True)
class Section:
    """What one benchmark found.

    Attributes:
        title: Heading.
        text: What is compared, and how.
        tables: The figures.
        claims: What they support; a claim that this run could not test is left out.
        packages: Distributions whose versions belong beside the figures.
    """

    title: str
    text: str
    tables: Sequence[Table]
    claims: Sequence[Claim] = ()
    packages: Sequence[str] = ()

    def record(self) -> dict[str, Any]:
        """The section as a JSON-ready dict, with the versions of its packages that are installed."""
        versions = {name: version for name in self.packages if (version := version_of(name))}
        return {**asdict(self), "versions": versions}


def version_of(package: str) -> str | None:
    """The version installed, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def times(ratio: float) -> str:
    """A ratio for a table: 0.93×, 4.2×, 37×, 9600×."""
    if not math.isfinite(ratio):
        return "–"
    if ratio < 9.95:
        return f"{ratio:.2g}×" if ratio < 0.995 else f"{ratio:.1f}×"
    return f"{float(f'{ratio:.2g}'):.0f}×"


def duration(seconds: float) -> str:
    """Seconds for a table: 35 µs, 2.1 ms, 4.7 s."""
    size, unit = next((each for each in ((1.0, "s"), (1e-3, "ms")) if seconds >= each[0]), (1e-6, "µs"))
    value = seconds / size
    return f"{value:.0f} {unit}" if value >= 9.95 else f"{value:.1f} {unit}"
