"""Pairs simulated per second: bellqueue's vectorised recursions against SimPy, Ciw and a compiled loop."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path

import numpy as np
from bellqueue.model.queueing.routing import SplittingRouting
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.simulation import SimulatedEstimate, simulate
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.file import Scenario

from ._measure import Claim, DisagreementError, Say, Section, Table, interleaved, times, version_of
from ._measures import BATCHES, MEASURES, Floats

Run = Callable[[Workload, Floats, int, int], dict[str, SimulatedEstimate]]

OURS = "bellqueue"
PACKAGES = {"SimPy": "simpy", "Ciw": "ciw", "numba loop": "numba"}
APART = 4.0  # standard errors within which two means agree
MEMORY_LIMIT = 1e9  # bytes


def bellqueue_run(workload: Workload, split: Floats, pairs: int, seed: int) -> dict[str, SimulatedEstimate]:
    """The three measures from `simulate`."""
    result = simulate(workload, SplittingRouting(split), pairs, np.random.default_rng(seed), batches=BATCHES)
    return {name: getattr(result, name) for name in MEASURES}


def simulations() -> dict[str, Run]:
    """Ours, and those of the peers that are installed."""
    installed = {name: package for name, package in PACKAGES.items() if version_of(package)}
    peers = {name: import_module(f".{package}_model", __package__).run for name, package in installed.items()}
    return {OURS: bellqueue_run, **peers}


def scenarios() -> dict[str, tuple[Workload, Floats]]:
    """Workloads with a strategy s(x,y): the default scenario, random service times, and many types."""
    default = Scenario.default().workload()
    split = np.array([[0.2, 0.8], [0.8, 0.9]])
    many = 16
    rng = np.random.default_rng(16)
    sizes = np.sort(np.exp(rng.normal(size=many)))
    shares, drawn = rng.dirichlet(np.ones(many)), rng.uniform(size=(many, many))
    return {
        "default: 2 types, deterministic": (default, split),
        "2 types, exponential": (_workload(default, np.array([1.0, 6.0]), np.array([0.7, 0.3]), "exponential"), split),
        "16 types, deterministic": (_workload(default, sizes, shares, "deterministic"), drawn),
        "16 types, exponential": (_workload(default, sizes, shares, "exponential"), drawn),
    }


def _workload(like: Workload, sizes: Floats, shares: Floats, kind: str) -> Workload:
    """Mean sizes and shares, the same at both routers, at eight times the load of another workload."""
    services = tuple(
        Service("exponential", float(size), 1.0) if kind == "exponential" else Service("deterministic", float(size))
        for size in sizes
    )
    names = tuple(map(str, range(len(sizes))))
    rate = 8 * like.load / float(shares @ sizes)
    return Workload(rate, np.outer(shares, shares), services, services, names, names, like.reward, True)


def compare(
    workload: Workload, split: Floats, pairs: Mapping[str, int], repeats: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Pairs per second of each simulation named, and how far the worst of its means is from ours.

    Args:
        workload: What is simulated.
        split: s(x,y).
        pairs: How many each simulates.
        repeats: Rounds; every call has a seed of its own.

    Returns:
        Pairs per second, and standard errors apart.

    Raises:
        DisagreementError: a mean is further than APART standard errors from ours.
    """
    runs = {name: run for name, run in simulations().items() if name in pairs}

    def fresh(name: str) -> Callable[[], dict[str, SimulatedEstimate]]:
        seeds = count(1)
        return lambda: runs[name](workload, split, pairs[name], next(seeds))

    timings = interleaved({name: fresh(name) for name in runs}, repeats)
    rates = {name: pairs[name] / timing.median for name, timing in timings.items()}
    ours = timings[OURS].answer
    distances = {name: distance(ours, timing.answer, name) for name, timing in timings.items() if name != OURS}
    return rates, distances


def distance(ours: Mapping[str, SimulatedEstimate], theirs: Mapping[str, SimulatedEstimate], name: str) -> float:
    """Standard errors between the two means that are furthest apart.

    Raises:
        DisagreementError: more than APART.
    """
    worst = 0.0
    for measure in MEASURES:
        one, other = ours[measure], theirs[measure]
        apart = abs(one.estimate - other.estimate) / float(np.hypot(one.standard_error, other.standard_error))
        if apart > APART:
            told = f"{one.estimate:.6g} against {other.estimate:.6g}"
            raise DisagreementError(f"{measure} of {name}: {told}, {apart:.1f} standard errors apart")
        worst = max(worst, apart)
    return worst


def peak_memory(pairs: int) -> float:
    """Most memory resident, in bytes, of a process of its own that simulates so many pairs of the default scenario."""
    script = (
        "import sys\n"
        "from benchmarks.bench_simulation import bellqueue_run, own_peak, scenarios\n"
        "workload, split = next(iter(scenarios().values()))\n"
        "bellqueue_run(workload, split, int(sys.argv[1]), 1)\n"
        "print(own_peak())\n"
    )
    command = [sys.executable, "-c", script, str(pairs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    return float(done.stdout)


def own_peak() -> int:
    """Most memory that this process has had resident, in bytes.

    Linux hands the peak of the process that started this one on to `getrusage`, so there its own record is read.
    """
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run(full: bool, say: Say) -> Section:
    """Every scenario, and the memory of a long run."""
    pairs = {OURS: 2_000_000, "numba loop": 2_000_000, "SimPy": 50_000 if full else 20_000, "Ciw": 20_000}
    repeats = 9 if full else 5
    rows, ratios = [], {}
    peers = [name for name in PACKAGES if name in simulations()]
    for scenario, (workload, split) in scenarios().items():
        say(scenario)
        rates, distances = compare(workload, split, pairs, repeats)
        ratios[scenario] = {name: rates[OURS] / rates[name] for name in peers}
        shown = [times(ratios[scenario][name]) for name in peers]
        worst = f"{max(distances.values(), default=0.0):.1f} standard errors"
        rows.append((scenario, f"{rates[OURS] / 1e6:.1f} million", *shown, worst))
    long = 100_000_000 if full else 10_000_000
    say(f"memory of {long:,} pairs")
    memory = peak_memory(long)
    small = peak_memory(100_000)
    headings = ("scenario", "pairs per second", *(f"× {name}" for name in peers), "means agree within")
    tables = [
        Table("Pairs per second, and how many times as many as each peer", headings, rows),
        Table(
            "Peak resident memory of a process that simulates the default scenario",
            ("pairs", "memory", "of which for 100 000 pairs"),
            [(f"{long:.0e}".replace("e+0", "e"), f"{memory / 1e6:.0f} MB", f"{small / 1e6:.0f} MB")],
        ),
    ]
    claim = partial(_claim, next(iter(ratios.values())), ratios)
    claims = [claim(name, least) for name, least in (("SimPy", 200), ("Ciw", 400)) if name in peers]
    if "numba loop" in peers:
        lowest = min(found["numba loop"] for found in ratios.values())
        text = "no slower than a compiled loop (numba, its own generator) in any scenario of the table"
        claims.append(Claim(text, f"{times(lowest)} or more", lowest >= 1))
    if full:
        claims.append(Claim("1e8 pairs in less than 1 GB", f"{memory / 1e6:.0f} MB", memory < MEMORY_LIMIT))
    text = (
        "`simulate` against the same system in [SimPy](https://simpy.readthedocs.io) (a process for each request), "
        "[Ciw](https://ciw.readthedocs.io) (pairs as batches, custom routing) and a plain loop compiled by numba. Each "
        "measures mean waiting time, splitting probability and baseline throughput from 32 batches."
    )
    return Section("Simulation", text, tables, claims, ("numpy", "scipy", *(PACKAGES[name] for name in peers)))


def _claim(default: Mapping[str, float], ratios: Mapping[str, Mapping[str, float]], name: str, least: float) -> Claim:
    everywhere = min(found[name] for found in ratios.values())
    measured = f"{times(default[name])} in the default scenario, {times(everywhere)} or more in all"
    return Claim(f"{least:g} times as many pairs per second as {name}", measured, everywhere >= least)
