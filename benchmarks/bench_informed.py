"""How the time of the bound on every classical router, and of entangled routers that know as much, grows.

With the step of the grid, the types and the load.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from bellqueue.analysis.informed import informed_record
from bellqueue.model.games.every_classical import every_classical_curve
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.informed.accrual import throughput_slope
from bellqueue.model.informed.bound import InformedBounds
from bellqueue.model.informed.entangled import EntangledProcess, entangled_optima
from bellqueue.model.informed.process import Block, Costs
from bellqueue.model.progress import unwatched
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.file import Scenario

from ._measure import Claim, Say, Section, Table, duration, interleaved, measure_by, timed, times

STEPS, TYPES, LOADS = (0.5, 0.25, 0.125, 0.0625), (2, 3, 4, 5, 6), (0.0125, 0.025, 0.05, 0.1)
KAPPA = 18.119816
LARGEST = 12.0  # workload, units of time
WHOLE = 1.0  # second of processor time that the default scenario's whole curve may take
INFORMED = 5.0  # seconds that everything about routers that know the past may take there
BUSY = {0.025: 24.0, 0.05: 24.0, 0.1: 24.0, 0.2: 36.0, 0.4: 60.0}  # load: largest workload


def with_types(workload: Workload, count: int) -> Workload:
    """Evenly likely fixed sizes from 1 to 6 at both routers, at the same rate of arrivals."""
    services = tuple(Service("deterministic", float(mean), 0.0) for mean in np.linspace(1.0, 6.0, count))
    names = tuple(f"size {index}" for index in range(count))
    joint = np.full((count, count), 1 / count**2)
    return replace(workload, joint=joint, services_a=services, services_b=services, names_a=names, names_b=names)


def one(workload: Workload, step: float) -> float:
    """Seconds for V(κ) on one grid, the best of three."""
    return min(
        timed(lambda: InformedBounds(workload, step=step, largest_workload=LARGEST).at(KAPPA))[0] for _ in range(3)
    )


def rows(label: str, cases: Iterator[tuple[str, Workload, float]]) -> Table:
    """One row for each case, with its time over the one before."""
    found: list[tuple[str, str, str]] = []
    last = 0.0
    for name, workload, step in cases:
        taken = one(workload, step)
        found.append((name, duration(taken), times(taken / last) if last else ""))
        last = taken
    return Table(f"V(κ) at one κ: {label}", (label, "takes", "over the row above"), found)


class EveryGame(EntangledProcess):
    """The process that solves each state's game, even where no measurement can win."""

    def _least(self, costs: Costs, block: Block) -> np.ndarray:
        least = super(EntangledProcess, self)._least(costs, block)
        return np.asarray(np.minimum(least, self.measured(costs, block)[0]))


def entangled(workload: Workload, step: float, largest: float) -> tuple[str, ...]:
    """Classical and entangled routers by turns, and one step of value iteration with and without the games skipped."""
    kappa = Frontiers(workload).in_use.multiplier_at(0.5) / -throughput_slope(workload, 0.5)

    def solved() -> InformedBounds:
        bounds = InformedBounds(workload, step=step, largest_workload=largest)
        bounds.at(kappa)
        return bounds

    known = solved()
    grid, potential = known.levels[1].process.grid, known.levels[1].potential
    timings = interleaved(
        {
            "classical": solved,
            "entangled": lambda: next(iter(entangled_optima(known, [kappa], 1.0, 3))),
            "step": lambda: EntangledProcess(workload, grid, 1.0, 3).step(potential, kappa),
            "every game": lambda: EveryGame(workload, grid, 1.0, 3).step(potential, kappa),
        }
    )
    classical, ours, one_step, every = (timing.median for timing in timings.values())
    np.testing.assert_allclose(timings["step"].answer, timings["every game"].answer, atol=1e-9)
    found = timings["entangled"].answer
    over = times(ours / classical), times(every / one_step)
    return f"{grid.size}²", duration(classical), *over, f"{found.classical - found.entangled:.4f}"


def informed_tables(workload: Workload, full: bool, say: Say) -> list[Table]:
    """Entangled routers that know the past: over loads, steps and types."""
    headings = "states", "classical takes", "entangled over it", "every game over those open", "saved of W − κτ"
    by_load, by_step, by_types = [], [], []
    for load in list(BUSY) if full else list(BUSY)[:3]:
        say(f"past known, load {load:g}")
        there = replace(workload, pair_rate=workload.pair_rate * load / workload.load)
        by_load.append((f"{load:g}", *entangled(there, 0.5, BUSY[load])))
    for step in STEPS if full else STEPS[:2]:
        say(f"past known, step {step:g}")
        by_step.append((f"{step:g}", *entangled(workload, step, LARGEST)))
    for count in TYPES[: 4 if full else 2]:
        say(f"past known, {count} types")
        by_types.append((f"{count}", *entangled(with_types(workload, count), 0.5, LARGEST)))
    names = ("load", by_load), ("step (units of time)", by_step), ("types at each router", by_types)
    return [Table(f"Entangled routers that know the past: {name}", (name, *headings), rows) for name, rows in names]


def run(full: bool, say: Say) -> Section:
    """Steps, types, then whole curves at several loads."""
    measure_by("processor")  # as the text says
    workload = Scenario.default().workload()
    say("steps and types")
    steps = STEPS if full else STEPS[:3]
    tables = [
        rows("step (units of time)", ((f"{step:g}", workload, step) for step in steps)),
        rows(
            "types at each router",
            ((f"{count}", with_types(workload, count), 0.25) for count in TYPES[: 5 if full else 3]),
        ),
    ]
    curves: list[tuple[str, str, str, str, str]] = []
    default = 0.0
    for load in LOADS if full else LOADS[:2]:
        say(f"load {load:g}")
        there = replace(workload, pair_rate=workload.pair_rate * load / workload.load)
        frontiers = Frontiers(there)
        points = frontiers.in_use.sampled(33)
        saved = frontiers.classical.waiting_time_at(points.splitting_probability) - points.waiting_time
        taken, found = timed(partial(every_classical_curve, there, points, float(saved.max())))
        curve = found.proved
        default = taken if load == workload.load else default
        row = f"{load:g}", duration(taken), f"{curve.step:g}", f"{len(curve.bounds)}", f"{curve.error_estimate:.1g}"
        curves.append(row)
    tables.append(Table("The whole curve", ("load", "takes", "step chosen", "κ solved", "error estimate of W"), curves))
    tables += informed_tables(workload, full, say)
    say("routers that know the past, whole")
    frontiers = Frontiers.of(Scenario.default())
    known, _ = timed(lambda: informed_record(frontiers, 1.0, unwatched))
    claims = [
        Claim("the default scenario's bound and curve within a second", duration(default), 0 < default <= WHOLE),
        Claim("routers that know the past, and at eight loads, in 5 seconds", duration(known), known <= INFORMED),
    ]
    text = (
        "Processor time of the bound on every classical router that does not communicate, and of entangled routers "
        "that know the servers' past as its routers do; no other tool computes them. `every game` solves the game of "
        "each state, where ours leaves those that no measurement can win."
    )
    return Section("Every classical router", text, tables, claims, ("numpy",))
