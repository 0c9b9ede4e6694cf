"""The settings of a menu by the names of their types, for tables and figures."""

from __future__ import annotations

from dataclasses import dataclass

from ...model.estimate import Estimate
from ...model.printable import printable
from ...model.scenario.file import Scenario
from .records import MenuAnalysis


@dataclass(frozen=True)
class Setting:
    """One setting of a menu.

    Attributes:
        entry: Its number, from 1.
        type_a, type_b: Names of the types.
        measured: P(a≠b) with its limits; None if it was never measured.
        ideal: The same of perfect Bell pairs.
    """

    entry: int
    type_a: str
    type_b: str
    measured: Estimate | None
    ideal: float


def settings(analysis: MenuAnalysis) -> list[Setting]:
    """Every setting of the menu, entry by entry."""
    workload = Scenario.parse(analysis.scenario, analysis.title).workload()
    names_a, names_b = ([printable(name) for name in names] for names in (workload.names_a, workload.names_b))
    return [
        Setting(number, name_a, name_b, entry.split[x][y], entry.ideal[x][y])
        for number, entry in enumerate(analysis.entries, start=1)
        for x, name_a in enumerate(names_a)
        for y, name_b in enumerate(names_b)
    ]
