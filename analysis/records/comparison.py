"""The record of several analyses beside each other, `bellqueue.comparison/1`: devices, days or options."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from pydantic import Field

from ...model.estimate import Estimate
from ...model.games.routing_game import Against
from ...model.printable import printable
from .record import Record


@dataclass(frozen=True)
class AtLeast:
    """An estimate with its lower limit.

    Attributes:
        estimate: Point estimate.
        low: Lower limit.
        high: None: no upper limit is claimed.
    """

    estimate: float
    low: float
    high: None = None


class ComparedRun(Record):
    """One analysis of a comparison; limits at its own significance.

    Attributes:
        name: Name of the folder, file or source.
        source: What was analyzed, as its record says.
        created: Time of the run or of the analysis, UTC.
        scenario_hash: SHA-256 of the scenario: only runs of the same scenario compare.
        trials: Number of trials, lost ones included.
        waiting_time: Mean waiting time W observed, in units of time.
        splitting_probability: Share p of the pairs sent to different servers.
        baseline_throughput: Background work done per unit of time, τ.
        waiting_time_reduction_relative: Share of the waiting time of memoryless classical routers saved at equal
            throughput; null for routers that know the past, which are compared with every classical router alone.
        every_classical_reduction_relative: The same against every classical router; null if there is no bound on them.
            For routers that know the past `high` is null: no upper limit is claimed.
        chsh: CHSH S; null unless each router has two types.
        log10_p_value: Base-10 logarithm of the p-value against memoryless classical routers; for routers that know the
            past, against every classical router.
        certified_against: The widest class of classical routers that the advantage is certified against; null if none.
        warnings: Alarms.
    """

    name: str
    source: str
    created: str
    scenario_hash: str
    trials: int
    waiting_time: Estimate
    splitting_probability: Estimate
    baseline_throughput: Estimate
    waiting_time_reduction_relative: Estimate | None
    every_classical_reduction_relative: Estimate | AtLeast | None
    chsh: Estimate | None
    log10_p_value: float
    certified_against: Against | None
    warnings: list[str]

    @property
    def verdict(self) -> str:
        """Certified or not, against whom, and any alarm, in a few words."""
        against = {"every-classical": "certified", "memoryless": "certified, memoryless only", None: "not certified"}
        return against[self.certified_against] + (", ALARM" if self.warnings else "")


class Comparable(Protocol):
    """An analysis, of whichever kind."""

    def as_compared(self, name: str) -> ComparedRun:
        """What is compared with other analyses."""
        ...


class Comparison(Record):
    """Several analyses beside each other.

    Attributes:
        runs: The analyses, in the order asked for.
    """

    schema_: Literal["bellqueue.comparison/1"] = Field(default="bellqueue.comparison/1", alias="schema")
    runs: list[ComparedRun] = Field(min_length=1)

    @classmethod
    def of(cls, analyses: Sequence[tuple[str, Comparable]]) -> Comparison:
        """Compare analyses, each with a name; a name that occurs again gets a number."""
        often: Counter[str] = Counter()
        runs = []
        for given, analysis in analyses:
            name = printable(given)
            often[name] += 1
            name = f"{name} ({often[name]})" if often[name] > 1 else name
            runs.append(analysis.as_compared(name))
        return cls(runs=runs)

    @property
    def same_scenario(self) -> bool:
        """Whether all are of one scenario."""
        return len({each.scenario_hash for each in self.runs}) == 1

    @property
    def against(self) -> Against:
        """The widest class of classical routers that all are compared with."""
        return "every-classical" if all(run.every_classical_reduction_relative for run in self.runs) else "memoryless"

    @property
    def saved(self) -> list[Estimate | AtLeast | None]:
        """The share of the waiting time of that class that each saves; None of a run not compared with it."""
        if self.against == "every-classical":
            return [run.every_classical_reduction_relative for run in self.runs]
        return [run.waiting_time_reduction_relative for run in self.runs]

    def to_csv(self) -> str:
        """A row for each run; an estimate takes three columns, the last two named `_low` and `_high`."""
        text, rows = io.StringIO(), self.flat()
        table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        return text.getvalue()

    def flat(self) -> list[dict[str, Any]]:
        """The rows of the CSV."""
        rows = []
        for run in self.runs:
            row: dict[str, Any] = {}
            for name, field in ComparedRun.model_fields.items():
                value = getattr(run, name)
                if Estimate in (field.annotation, *get_args(field.annotation)):
                    ends = (value.estimate, value.low, value.high) if value else (None, None, None)
                    row |= dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
                else:
                    row[name] = "; ".join(value) if isinstance(value, list) else value
            rows.append(row)
        return rows
