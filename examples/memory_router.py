"""Two classical routers that remember one request of their own wait less than the best that remember nothing.

Sizes 1 (probability 0.7) and 6 (0.3), 0.02 pairs per unit of time (load 0.05), set-up time 5. Router A usually sends
its request to server 1, router B to server 0. A router uses the other server if its previous request was long, went to
its usual server, and came less than `--threshold` ago. The routers share no randomness and never talk.

The simulation goes from arrival to arrival and uses nothing of bellqueue:

    python examples/memory_router.py --threshold 3
    python examples/memory_router.py --threshold 0        # no memory: every pair is split
"""

from __future__ import annotations

import argparse
import math
from typing import NamedTuple

import numpy as np

PAIR_RATE = 0.02
SHORT, LONG, PROBABILITY_OF_LONG = 1.0, 6.0, 0.3
SETUP_TIME = 5.0  # of every uninterrupted period, which earns nothing
BATCHES = 100  # consecutive parts of the run; their means are nearly independent


class Estimate(NamedTuple):
    """A mean with its standard error."""

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:.5f} ± {self.error:.5f}"


def simulate(threshold: float, pairs: int, seed: int) -> tuple[Estimate, Estimate]:
    """Mean waiting time of a request, and background work done by both servers per unit of time.

    Args:
        threshold: Age up to which a router reacts to its own previous long request; 0 for no memory.
        pairs: Pairs of requests, at least one for each of 100 batches.
        seed: Random seed of the arrivals, the sizes and the order within a pair.
    """
    rng = np.random.default_rng(seed)
    free = [0.0, 0.0]  # when each server has done, or had done, all its work
    usual = 1, 0  # server of router A, of router B
    wary = [False, False]  # whether the router's previous request was long and went to its usual server
    now, results = 0.0, []
    for size in np.diff(np.linspace(0, pairs, BATCHES + 1).astype(int)).tolist():
        gaps = rng.exponential(1 / PAIR_RATE, size).tolist()
        longs = (rng.random((size, 2)) < PROBABILITY_OF_LONG).tolist()
        a_first = (rng.random(size) < 0.5).tolist()
        began, waited, earned = now, 0.0, 0.0
        for gap, long, first in zip(gaps, longs, a_first, strict=True):
            now += gap
            recent = gap < threshold
            for router in (0, 1) if first else (1, 0):
                change = recent and wary[router]
                server = 1 - usual[router] if change else usual[router]
                wary[router] = long[router] and not change
                idle = now - free[server]
                if idle >= 0:
                    earned += max(idle - SETUP_TIME, 0.0)
                    free[server] = now
                else:
                    waited -= idle
                free[server] += LONG if long[router] else SHORT
        results.append((waited / (2 * size), earned / (now - began)))
    waiting, throughput = np.array(results).T
    return _estimate(waiting), _estimate(throughput)


def _estimate(values: np.ndarray) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threshold", type=float, default=3.0, help="age up to which a long request counts (0: never)")
    parser.add_argument("--pairs", type=int, default=2_000_000, help=f"at least {BATCHES}")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.pairs < BATCHES:
        parser.error(f"--pairs must be at least {BATCHES}")
    waiting, throughput = simulate(arguments.threshold, arguments.pairs, arguments.seed)
    print(f"mean waiting time W       {waiting}")
    print(f"baseline throughput τ     {throughput}")


if __name__ == "__main__":
    main()
