"""Replay: recorded trials route the pairs of the discrete-event simulation."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ..model.errors import DataError
from ..model.frontier import classical_frontier
from ..model.routing import ReplayRouting, SplittingRouting
from ..model.simulation import Comparison, Estimate, SimulationResult, compare
from .folder import RunFolder

SCHEMA = "bellqueue.replay/1"
LEAST_PAIRS = 100  # below it the batches of the intervals are empty
Floats = NDArray[np.float64]
Watch = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Replay:
    """Recorded trials in the queueing system, beside the formulas and the best classical strategy.

    Attributes:
        comparison: The replay first, then the best classical strategy at equal throughput, on the same arrivals.
        formula_waiting_time, formula_splitting_probability, formula_baseline_throughput: From the measured correlators.
        cycled: Whether recorded outcomes were used more than once.
        seed: Of the simulation.
    """

    comparison: Comparison
    formula_waiting_time: float
    formula_splitting_probability: float
    formula_baseline_throughput: float
    cycled: bool
    seed: int

    @property
    def replayed(self) -> SimulationResult:
        """The recorded trials."""
        return self.comparison.results[0]

    @property
    def classical(self) -> SimulationResult:
        """The best classical strategy at the splitting probability observed."""
        return self.comparison.results[1]

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "schema": SCHEMA,
            "pairs": self.replayed.pairs,
            "warm_up": self.replayed.warm_up,
            "cycled": self.cycled,
            "seed": self.seed,
            "replayed": _result(self.replayed),
            "classical": _result(self.classical),
            "formula": {
                "splitting_probability": self.formula_splitting_probability,
                "waiting_time": self.formula_waiting_time,
                "baseline_throughput": self.formula_baseline_throughput,
            },
            "waiting_time_reduction": asdict(self.comparison.waiting_time_difference(1, 0)),
        }


def replay_run(folder: RunFolder, pairs: int | None, seed: int | None, watch: Watch) -> Replay:
    """Simulate a run's trials and the best classical strategy over the same arrivals.

    Args:
        folder: The run.
        pairs: Pairs to measure; None: as many as the trials serve once. More than that reuses recorded outcomes.
        seed: Of the simulation; None: a fresh one.
        watch: Told (pairs in all, pairs done).

    Raises:
        DataError: a pair of types has no recorded outcome.
    """
    workload = folder.scenario().workload()
    trials = folder.trials(workload.shape)
    counts = trials.counts()
    split = np.where(workload.joint > 0, (1 - counts.correlators) / 2, 0.0)
    if np.isnan(split).any():
        raise DataError(f"{folder.path}: some pair of types was never measured; record more trials to replay them")
    p = workload.splitting_probability(split)
    classical = classical_frontier(workload)
    served = int(np.min(counts.settings[workload.joint > 0] / workload.joint[workload.joint > 0]))
    wanted = served if pairs is None else pairs
    if wanted < LEAST_PAIRS:
        raise DataError(f"{folder.path}: its trials serve {wanted} pairs; give --pairs {LEAST_PAIRS} or more")
    routing = ReplayRouting(trials, cycle=pairs is not None and pairs > served * 0.9)
    rival = SplittingRouting((1 - _mixture(classical.splitting_probability, classical.correlators, p)) / 2)
    seed = secrets.randbits(63) if seed is None else seed
    total = wanted + wanted // 20
    comparison = compare(
        workload, [routing, rival], wanted, np.random.default_rng(seed), progress=lambda done: watch(total, done)
    )
    return Replay(
        comparison,
        workload.waiting_time(split),
        p,
        float(workload.baseline_throughput(p)),
        routing.cycle,
        seed,
    )


def replay_table(replay: Replay) -> Table:
    """The replay beside the formulas and the classical simulation."""
    table = Table("", "replayed trials", "best classical", "formula", box=None, pad_edge=False, title_justify="left")
    reused = ", recorded outcomes used more than once" if replay.cycled else ""
    table.title = (
        f"{replay.replayed.pairs} simulated pairs routed by the recorded trials{reused}, and by the best classical "
        "strategy of the class at equal throughput on the same arrivals"
    )
    table.caption = (
        "Each figure with its 95 % confidence interval by batch means below; times in units of time. The formula takes "
        f"the measured correlators. Seed {replay.seed}."
    )
    table.caption_justify = "left"
    pair = replay.replayed, replay.classical
    formulas = {
        "splitting probability": replay.formula_splitting_probability,
        "waiting time": replay.formula_waiting_time,
        "baseline throughput": replay.formula_baseline_throughput,
    }
    for name, formula in formulas.items():
        first, second = (_interval(getattr(result, name.replace(" ", "_"))) for result in pair)
        table.add_row(f"mean {name}" if name == "waiting time" else name, first, second, f"{formula:.6g}")
    for percent, name in ((50, "median"), (95, "95th percentile of"), (99, "99th percentile of")):
        first, second = (_interval(getattr(result, f"waiting_time_p{percent}")) for result in pair)
        table.add_row(f"{name} waiting time", first, second, "")
    for server in (0, 1):
        first, second = (_interval(result.load[server]) for result in pair)
        table.add_row(f"load of server {server}", first, second, "")
    table.add_row("replayed trials wait less by", _interval(replay.comparison.waiting_time_difference(1, 0)), "", "")
    return table


def _mixture(vertices: Floats, correlators: Floats, splitting_probability: float) -> Floats:
    """Correlators of the mixture of the two vertices round p."""
    right = int(np.clip(np.searchsorted(vertices, splitting_probability), 1, len(vertices) - 1))
    share = (splitting_probability - vertices[right - 1]) / (vertices[right] - vertices[right - 1])
    return np.asarray((1 - share) * correlators[right - 1] + share * correlators[right])


def _interval(value: Estimate) -> str:
    return f"{value.estimate:.5g}\n{value.low:.5g}…{value.high:.5g}"


def _result(result: SimulationResult) -> dict[str, Any]:
    points = ("splitting_probability", "waiting_time", "baseline_throughput")
    names = (*points, "waiting_time_p50", "waiting_time_p95", "waiting_time_p99")
    record: dict[str, Any] = {name: asdict(getattr(result, name)) for name in names}
    record["load"] = [asdict(load) for load in result.load]
    return record
