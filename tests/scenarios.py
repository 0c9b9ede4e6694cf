"""Scenarios that several tests share."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.file import Scenario

# Sixteen counts each, from the data published with arXiv:2503.18949 (ibm_hanoi qubits 19-20, ibm_geneva qubits
# 21-23), x, y = 0 being the short request and B's outcome bit inverted: counts[x][y][a][b].
IBM_HANOI = [
    [[[20166, 3666], [3609, 20159]], [[3294, 17323], [17337, 3246]]],
    [[[3800, 20559], [20530, 3711]], [[3244, 18105], [18115, 3136]]],
]
IBM_GENEVA = [
    [[[22181, 10622], [5607, 6890]], [[10719, 16272], [14045, 2164]]],
    [[[11943, 19023], [16843, 2391]], [[9946, 15574], [13836, 1944]]],
]


def default_record(**experiment: Any) -> dict[str, Any]:
    """The embedded default scenario as a dict, with fields of [experiment] replaced."""
    record = Scenario.default().record()
    record["experiment"].update(experiment)
    return record


def edited(record: Any, *path: Any, value: Any) -> Any:
    """A copy of a record with what is at a path replaced, or left out for `...`."""
    record = copy.deepcopy(record)
    place = record
    for part in path[:-1]:
        place = place[part]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return record


def dense(**experiment: Any) -> Scenario:
    """The default scenario as it was until pair rate 0.01: at 0.02, with fields of [experiment] replaced."""
    record = default_record(**experiment)
    record["traffic"]["pair_rate"] = 0.02
    return Scenario.parse(record)


def heavy_scenario() -> Scenario:
    """The heavy scenario of the reference table: pair rate 0.2, sizes 1 and 8 evenly, reward t²."""
    record = default_record()
    record["title"] = "Heavy traffic"
    record["traffic"] = {
        "pair_rate": 0.2,
        "type": [
            {"name": name, "probability": 0.5, "service": {"distribution": "deterministic", "mean": mean}}
            for name, mean in (("short", 1.0), ("long", 8.0))
        ],
    }
    record["baseline"] = {"reward": {"kind": "power", "exponent": 2.0}}
    return Scenario.parse(record)


def random_scenario(rng: np.random.Generator, most: int = 8, joint: bool | None = None) -> Scenario:
    """2 to `most` types a side, often unequal, with random services, load 0.05–0.9, and product or joint types."""
    counts = rng.integers(2, most + 1, size=2)
    routers = [_types(rng, int(count)) for count in counts]
    traffic: dict[str, Any] = {"pair_rate": 1.0, "type": routers[0], "type_b": routers[1]}
    if joint if joint is not None else rng.random() < 0.5:
        table = rng.dirichlet(np.ones(counts.prod())).reshape(counts)
        traffic["joint"] = (table / table.sum()).tolist()
        for spec in routers[0] + routers[1]:
            del spec["probability"]
    record = {**default_record(), "traffic": traffic, "baseline": {"reward": {"kind": "power", "exponent": 2.0}}}
    traffic["pair_rate"] = 1e-6
    load = Scenario.parse(record).workload().load
    traffic["pair_rate"] = float(1e-6 / load * rng.uniform(0.05, 0.9))
    return Scenario.parse(record)


def split_of(correlators: Any) -> Any:
    """s = (1−c)/2."""
    return (1 - np.asarray(correlators)) / 2


def brute_force_hull(workload: Workload) -> list[tuple[float, float]]:
    """Corners (p, W) of the lower hull of every deterministic strategy pair, found by listing them all."""
    signs_a, signs_b = (1 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1) for n in workload.shape)
    joint, weighted = workload.joint, workload.joint * workload.weights
    p = (1 - signs_a @ joint @ signs_b.T) / 2
    saved = (weighted.sum() - signs_a @ weighted @ signs_b.T) / 2
    points = sorted(set(zip(p.ravel().round(12).tolist(), (-saved).ravel().round(12).tolist(), strict=True)))
    hull: list[tuple[float, float]] = []
    for point in points:
        while len(hull) > 1 and _turn(hull[-2], hull[-1], point) <= 1e-11:
            hull.pop()
        if hull and point[1] >= hull[-1][1] and len(hull) > 0 and point[0] >= hull[-1][0]:
            continue
        hull.append(point)
    return [(p, workload.together_waiting_time + minus) for p, minus in hull]


def _turn(first: tuple[float, float], second: tuple[float, float], third: tuple[float, float]) -> float:
    return (second[0] - first[0]) * (third[1] - first[1]) - (second[1] - first[1]) * (third[0] - first[0])


def _types(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    probability = rng.dirichlet(np.full(count, 2.0))
    specs = []
    for index in range(count):
        kind = str(rng.choice(["deterministic", "exponential", "gamma", "lognormal"]))
        service: dict[str, Any] = {"distribution": kind, "mean": float(np.exp(rng.normal()))}
        if kind in ("gamma", "lognormal"):
            service["scv"] = float(rng.uniform(0.2, 3.0))
        specs.append({"name": f"type {index}", "probability": float(probability[index]), "service": service})
    return specs


def two_pairs_scenario(**experiment: Any) -> Scenario:
    """examples/two_bell_pairs.toml: 4×7 correlated types of rank 4, with fields of [experiment] replaced."""
    place = Path(__file__).parent.parent / "examples" / "two_bell_pairs.toml"
    return Scenario.load(place).with_experiment(**experiment)
