"""`bellqueue rivals`: where entanglement stands against every rival, in one scenario or on a map."""

from __future__ import annotations

import json as json_module
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from ...analysis.records.analysis_record import Analysis
from ...model.errors import BellqueueError, OutputError, ScenarioError
from ...model.rivals.standing import Cell, scenario_at, standing_map, verdict
from ...model.scenario.file import Scenario
from ..commands.terminal import progress_bars
from ..experiment.folder import RunFolder, check_writable_file
from ..experiment.pipeline import analyse_folder
from .comparison import NUMERICAL, compare_rivals, finite
from .tables import comparison_tables, map_tables

MAP_SCHEMA = "bellqueue.standing-map/1"
LOADS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)

_FIGURES = (".png", ".svg", ".pdf")


def rivals_command(
    scenario: Scenario | None,
    run_folder: Path | None,
    map: bool,
    visibility: float | None,
    seed: int | None,
    plot: Path | None,
    json: bool,
    loads: str | None = None,
    shares: str | None = None,
) -> None:
    """Compare with every rival, or draw the map.

    Args:
        scenario: None: the run's, or the embedded default.
        run_folder: A run whose observed point to place beside the ideal one.
        map: Over load and share of long requests instead of this scenario alone.
        visibility: Werner visibility of a second point; None: the scenario's assumed one.
        seed: Of searches and simulations; None: 0, so that the same command says the same.
        plot: Where to draw the map.
        json: Print the record instead of the tables.
        loads, shares: The map's axes, numbers separated by commas; None: LOADS and SHARES.

    Raises:
        BellqueueError: options that do not go together, traffic that has no map, or no advantage to place.
    """
    folder = RunFolder.open(run_folder) if run_folder else None
    scenario = scenario or (folder.scenario() if folder else Scenario.default())
    visibility = scenario.experiment.assumed_visibility if visibility is None else visibility
    if not 0 < visibility <= 1:
        raise ScenarioError(f"--visibility is {visibility:g}; it must be above 0 and at most 1")
    seed = seed or 0
    if map:
        if folder:
            raise BellqueueError("--run places an observed point in one scenario; leave it out with --map")
        _map_command(scenario, visibility, seed, plot, json, loads, shares)
        return
    if plot or loads or shares:
        raise BellqueueError("--plot, --loads and --shares belong to the map; add --map")
    with progress_bars() as progress:
        observed = _observed(folder, scenario) if folder else None
        compared = compare_rivals(scenario, visibility, observed, seed, progress)
    if json:
        print(json_module.dumps(compared.record(), indent=2, allow_nan=False))
    else:
        Console().print(comparison_tables(compared))


def _map_command(
    scenario: Scenario,
    visibility: float,
    seed: int,
    plot: Path | None,
    json: bool,
    loads: str | None,
    shares: str | None,
) -> None:
    rows, columns = _axis("--loads", loads, LOADS), _axis("--shares", shares, SHARES)
    if plot:
        check_writable_file(plot)
        if plot.suffix.lower() not in _FIGURES:
            raise OutputError(f"{plot}: the name of a figure must end in {' or '.join(_FIGURES)}")
    scenario_at(scenario, rows[0], columns[0])  # refuses traffic that has no map before any bar appears
    workload = scenario.workload()
    own = workload.load, float(workload.marginal_a[1])
    cells: list[Cell] = []
    with progress_bars() as progress:
        step = progress.add_task("mapping load and share of long requests", total=len(rows) * len(columns))
        for cell in standing_map(scenario, rows, columns, visibility=visibility, seed=seed):
            cells.append(cell)
            progress.advance(step)
    if json:
        print(json_module.dumps(map_record(scenario.title, visibility, seed, own, cells), indent=2, allow_nan=False))
    else:
        Console().print(map_tables(scenario.title, visibility, seed, own, cells))
    if plot:
        from ...analysis.report.figures.standing import save, standing_figure

        save(standing_figure(scenario.title, cells, visibility, own), plot)
        if not json:
            print(f"figure: {plot}")


def map_record(
    title: str, visibility: float, seed: int, own: tuple[float, float], cells: Sequence[Cell]
) -> dict[str, Any]:
    """JSON-ready; what is infinite is null, and so is a point where there is no advantage."""
    content = {
        "title": title,
        "visibility": visibility,
        "seed": seed,
        "status": NUMERICAL,
        "own": {"load": own[0], "long_share": own[1]},
        "cells": [
            {**asdict(cell), "verdict": {"ideal": verdict(cell.ideal), "noisy": verdict(cell.noisy)}} for cell in cells
        ],
    }
    return {"schema": MAP_SCHEMA, **finite(content)}


def _axis(option: str, text: str | None, default: tuple[float, ...]) -> tuple[float, ...]:
    """Rising numbers between 0 and 1.

    Raises:
        ScenarioError: anything else is given.
    """
    if text is None:
        return default
    values = []
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            value = math.nan
        if not 0 < value < 1:
            raise ScenarioError(f"{option}: '{part}' is no number between 0 and 1; give some, separated by commas")
        values.append(value)
    return tuple(sorted(set(values)))


def _observed(folder: RunFolder, scenario: Scenario) -> Analysis:
    """The run's own analysis; against another scenario it is made anew."""
    own = folder.scenario().content_hash() == scenario.content_hash()
    return folder.analysis() if own else analyse_folder(folder, scenario)
