"""Several analyses beside each other, as a section of text."""

from __future__ import annotations

from ....model.estimate import Estimate, significant
from ....model.games.routing_game import Against
from ...records.comparison import AtLeast, Comparison
from .menu import proved
from .section import NONE, Cell, Section, estimate_cell, section

CLASSES: dict[Against, str] = {
    "every-classical": "every classical router",
    "memoryless": "memoryless classical routers",
}


def comparison_table(comparison: Comparison) -> Section:
    """A row for each run: trials, waiting time, splitting probability, what is saved, CHSH S, verdict."""
    rows = []
    for run, saved in zip(comparison.runs, saved_cells(comparison), strict=True):
        cells = (
            f"{run.trials}",
            estimate_cell(run.waiting_time).value,
            estimate_cell(run.splitting_probability).value,
            saved,
            estimate_cell(run.chsh).value if run.chsh else NONE,
            run.verdict,
        )
        rows.append((run.name, cells))
    compared = CLASSES[comparison.against]
    note = f"Saved: waiting time at equal throughput, against {compared}. Limits at each run's own significance."
    if not comparison.same_scenario:
        note += " The scenarios differ: waiting times do not compare."
    return section("Runs compared", ("run", "shots", "W", "p", "saved", "CHSH S", "verdict"), rows, note)


def saved_cells(comparison: Comparison) -> list[Cell]:
    """What each run saves against the class that all are compared with."""
    return [_saved_cell(each) for each in comparison.saved]


def _saved_cell(saved: Estimate | AtLeast | None) -> Cell:
    """A share with its limits; alone, where nothing is proved, to two digits."""
    if saved is None:
        return Cell(NONE)
    cell = proved(saved, percent=True) if isinstance(saved, AtLeast) else estimate_cell(saved, percent=True)
    return cell if cell.limits else Cell(f"{significant(100 * saved.estimate, 2)} %")
