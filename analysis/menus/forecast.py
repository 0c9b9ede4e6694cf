"""The record `bellqueue.menu-forecast/1`: what a run of routers that know the past will show, and its sentences."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ...model.scenario.file import OperatingTarget
from ..design.records import CostRecord, RunForecast, chance_to_certify, more_shots
from ..records.record import FiniteRecord
from .records import WITHOUT_POINT, MenuForecast, MenuPlan


class PlannedEntry(FiniteRecord):
    """One set of bases of a planned menu.

    Attributes:
        alpha, beta: Angles of A's and B's bases, in radians.
        share: Share of the trials.
    """

    alpha: list[float]
    beta: list[float]
    share: float


class MenuForecastRecord(RunForecast):
    """Everything `bellqueue plan` says of routers that know the past.

    Attributes:
        shots: Trials that the scenario asks for.
        menu: What the plan would fix of the menu, with its forecast.
        entries: The sets of bases.
        cost: Cost of the scenario's shots; None for simulators on this machine.
        scenario: The scenario with every default written out.
    """

    schema_: Literal["bellqueue.menu-forecast/1"] = Field(default="bellqueue.menu-forecast/1", alias="schema")
    shots: int
    menu: MenuPlan
    entries: list[PlannedEntry]
    cost: CostRecord | None
    scenario: dict[str, Any]

    @property
    def go(self) -> bool:
        """Whether the scenario's own shots certify as surely as was asked."""
        return self.menu.forecast is not None and self.menu.forecast.go


def menu_verdict(found: MenuForecast, shots: int, name: str, significance: float) -> str:
    """Go or no-go in one sentence."""
    asked = f"{100 * found.power:g} %"
    needed = f"no number of trials gives {asked}" if found.trials is None else f"{asked} takes {found.trials}"
    chance = chance_to_certify(shots, name, "every classical router", found.predicted_power, significance)
    return f"{'GO' if found.go else 'NO-GO'}: {chance}; {needed}."


def menu_changes(found: MenuForecast, visibility: float | None, better: str | None, target: object) -> list[str]:
    """What would turn a no-go into a go, each in a sentence.

    Args:
        found: The forecast.
        visibility: Visibility of the pairs; None if it is not known.
        better: A better pair of the same device, in a sentence; None if there is none.
        target: The operating point that the scenario asks for.
    """
    sentences = [] if better is None else [better]
    if isinstance(target, OperatingTarget):
        sentences.append(f"Another operating point: {WITHOUT_POINT}.")
    if found.trials is not None:
        sentences.append(more_shots(found.trials, found.power))
    elif visibility is None or visibility < 1:
        sentences.append("Less noise: a device with a higher visibility; --visibility tries one.")
    sentences.append("Lighter traffic: entanglement often gains more there; lower traffic.pair_rate.")
    return sentences
