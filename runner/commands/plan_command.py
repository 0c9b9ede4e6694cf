"""`bellqueue plan`: go or no-go before anyone pays."""

from __future__ import annotations

from ...analysis.design.records import RankingRecord
from ...model.scenario.file import Scenario
from ..design.planning import plan_scenario
from .screens.first_screen import forecast_lines
from .screens.plan import forecast_table, ranking_table
from .terminal import print_whole, progress_bar, say


def plan_command(
    scenario: Scenario, backend: str | None, visibility: float | None, power: float, all: bool, full: bool, json: bool
) -> None:
    """Forecast a scenario on one backend or at one visibility, or rank every backend at hand, and show it."""
    with progress_bar() as watch:
        record = plan_scenario(scenario, backend, visibility, all, power, watch, say)
    if json:
        print(record.model_dump_json(by_alias=True, indent=2))
    elif isinstance(record, RankingRecord):
        print_whole(ranking_table(record))
    elif full:
        print_whole(forecast_table(record))
    else:
        print("\n".join(forecast_lines(record, ["all numbers: the same command with --full"])))
