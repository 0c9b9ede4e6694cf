"""One point of a sweep: whether entanglement helps in a scenario, where and by how much."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ..errors import BellqueueError, NoTradeOffError
from ..games.frontiers import Frontiers
from ..games.sensitivity import POINTS
from ..hashing import canonical_json, text_hash
from ..scenario.file import Scenario

COMPUTES = "bellqueue.sweep-point/2"  # changes whenever an Outcome would
MATTERS = ("assumed_visibility", "bell_pairs")  # of [experiment]: an outcome depends on no other field there


class Outcome(BaseModel):
    """What a sweep says of a point; docs/sweep.md describes each field. A field without a value is None."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    status: Literal["computed", "invalid", "failed"]
    reason: str | None = None
    pair_rate: float | None = None
    load: float | None = None
    visibility: float | None = None
    classical_gap_relative: float | None = None
    least_visibility: float | None = None
    entanglement_helps: bool | None = None
    waiting_time_reduction_relative: float | None = None
    splitting_probability: float | None = None
    waiting_time_classical: float | None = None
    waiting_time_quantum: float | None = None
    baseline_throughput: float | None = None
    throughput_gain_relative: float | None = None
    multiplier: float | None = None
    classical_bound_low: float | None = None
    classical_bound_high: float | None = None
    quantum_bound_low: float | None = None
    quantum_bound_high: float | None = None
    advantage_from: float | None = None
    advantage_to: float | None = None
    advantage_ranges: int | None = None
    every_classical_least_visibility: float | None = None
    beats_every_classical: bool | None = None
    every_classical_reduction_relative: float | None = None
    every_classical_error: float | None = None


@dataclass(frozen=True)
class PointTask:
    """What is computed at a point, and nothing that does not matter to it: equal tasks have equal outcomes.

    Attributes:
        content: Canonical JSON of a scenario without its title and those fields of [experiment] that do not matter.
    """

    content: str

    @classmethod
    def of(cls, scenario: Scenario) -> PointTask:
        """The task of a scenario."""
        record = scenario.record()
        record["traffic"].pop("time_unit_seconds", None)
        experiment = {name: value for name, value in record["experiment"].items() if name in MATTERS}
        content = {**record, "title": COMPUTES, "experiment": experiment}
        return cls(canonical_json(content))

    @property
    def identity(self) -> str:
        """SHA-256 of the content, hexadecimal."""
        return text_hash(self.content)

    def scenario(self) -> Scenario:
        """A scenario with this task."""
        return Scenario.parse(json.loads(self.content))


def outcome_of(task: PointTask) -> Outcome:
    """Solve the games of a point: about a second for a few types, up to minutes for many correlated ones.

    What cannot be computed is an outcome as well: "invalid" without a trade-off, "failed" if the arithmetic broke down.
    """
    scenario = task.scenario()
    visibility = scenario.experiment.assumed_visibility
    try:
        frontiers = Frontiers.of(scenario)
        return Outcome(status="computed", **_columns(frontiers, visibility))
    except NoTradeOffError as error:
        return Outcome(status="invalid", reason=str(error))
    except BellqueueError as error:
        return Outcome(status="failed", reason=str(error))
    except (ArithmeticError, ValueError) as error:
        return Outcome(status="failed", reason=" ".join(f"{type(error).__name__}: {error}".split()))


def _columns(frontiers: Frontiers, visibility: float) -> dict[str, Any]:
    workload, classical = frontiers.workload, frontiers.classical  # first: what it raises is no "None"
    least = frontiers.least_visibility()
    columns: dict[str, Any] = {
        "pair_rate": workload.pair_rate,
        "load": workload.load,
        "visibility": visibility,
        "classical_gap_relative": classical.gap,
        "least_visibility": least,
        "entanglement_helps": least is not None and visibility > least,
        "waiting_time_reduction_relative": 0.0,
        "advantage_ranges": 0,
    }
    if least is None:
        return columns
    columns |= _bounds(frontiers) | _every_classical(frontiers, visibility)
    ranges = frontiers.advantage_ranges()
    if ranges:
        columns |= {"advantage_from": ranges[0][0], "advantage_to": ranges[-1][1], "advantage_ranges": len(ranges)}
    best = frontiers.largest_reduction(visibility, frontiers.in_use.sampled(POINTS))
    if not best.helps:
        return columns
    p = best.splitting_probability
    waiting = frontiers.waiting_time(p, visibility)
    return columns | {
        "waiting_time_reduction_relative": best.waiting_time_reduction_relative,
        "splitting_probability": p,
        "waiting_time_classical": float(classical.waiting_time_at(p)),
        "waiting_time_quantum": waiting,
        "baseline_throughput": float(workload.baseline_throughput(p)),
        "throughput_gain_relative": float(frontiers.advantage_at(p, waiting).throughput_gain_relative),
    }


def _every_classical(frontiers: Frontiers, visibility: float) -> dict[str, Any]:
    """Whether entanglement also beats every classical router, and by how much; nothing if there is no bound."""
    if frontiers.reason_without_every_classical is not None:
        return {}
    least = frontiers.least_visibility("every-classical")
    helps = least is not None and visibility > least
    points = frontiers.in_use.sampled(POINTS)
    best = frontiers.largest_reduction(visibility, points, "every-classical") if helps else None
    return {
        "every_classical_least_visibility": least,
        "beats_every_classical": helps,
        "every_classical_reduction_relative": max(best.waiting_time_reduction_relative, 0.0) if best else 0.0,
        "every_classical_error": frontiers.every_classical.proved.error_estimate,
    }


def _bounds(frontiers: Frontiers) -> dict[str, float]:
    """The intervals of β_C and β_Q at the multiplier where they differ most: their ratio is the least visibility."""
    games = [(game.multiplier, game.bound("memoryless"), game.bound("quantum")) for game in frontiers.edge_games]
    differing = (game for game in games if game[1].high > 0)
    multiplier, classical, quantum = max(differing, key=lambda game: game[2].low / game[1].high)
    return {
        "multiplier": multiplier,
        "classical_bound_low": classical.low,
        "classical_bound_high": classical.high,
        "quantum_bound_low": quantum.low,
        "quantum_bound_high": quantum.high,
    }
