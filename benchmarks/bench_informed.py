"""How the time of the bound on every classical router grows with the step of its grid, the types and the load."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from bellqueue.model.games.every_classical import every_classical_curve
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.informed.bound import InformedBounds
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.file import Scenario

from ._measure import Claim, Say, Section, Table, duration, times

STEPS, TYPES, LOADS = (0.5, 0.25, 0.125, 0.0625), (2, 3, 4, 5, 6), (0.0125, 0.025, 0.05, 0.1)
KAPPA = 18.119816
LARGEST = 12.0  # workload, units of time
WHOLE = 1.0  # second of processor time that the default scenario's whole curve may take


def with_types(workload: Workload, count: int) -> Workload:
    """Evenly likely fixed sizes from 1 to 6 at both routers, at the same rate of arrivals."""
    services = tuple(Service("deterministic", float(mean), 0.0) for mean in np.linspace(1.0, 6.0, count))
    names = tuple(f"size {index}" for index in range(count))
    joint = np.full((count, count), 1 / count**2)
    return replace(workload, joint=joint, services_a=services, services_b=services, names_a=names, names_b=names)


def one(workload: Workload, step: float) -> float:
    """Seconds for V(κ) on one grid, the best of three."""
    taken = []
    for _ in range(3):
        begun = time.process_time()
        InformedBounds(workload, step=step, largest_workload=LARGEST).at(KAPPA)
        taken.append(time.process_time() - begun)
    return min(taken)


def rows(label: str, cases: Iterator[tuple[str, Workload, float]]) -> Table:
    """One row for each case, with its time over the one before."""
    found: list[tuple[str, str, str]] = []
    last = 0.0
    for name, workload, step in cases:
        taken = one(workload, step)
        found.append((name, duration(taken), times(taken / last) if last else ""))
        last = taken
    return Table(f"V(κ) at one κ: {label}", (label, "takes", "over the row above"), found)


def run(full: bool, say: Say) -> Section:
    """Steps, types, then whole curves at several loads."""
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
        begun = time.process_time()
        curve = every_classical_curve(there, points, float(saved.max())).proved
        taken = time.process_time() - begun
        default = taken if load == workload.load else default
        row = f"{load:g}", duration(taken), f"{curve.step:g}", f"{len(curve.bounds)}", f"{curve.error_estimate:.1g}"
        curves.append(row)
    tables.append(Table("The whole curve", ("load", "takes", "step chosen", "κ solved", "error estimate of W"), curves))
    claim = Claim("the default scenario's bound and curve within a second", duration(default), 0 < default <= WHOLE)
    text = "Processor time of the bound on every classical router that does not communicate; no other tool computes it."
    return Section("Every classical router", text, tables, [claim], ("numpy",))
