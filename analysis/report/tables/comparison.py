"""Several analyses beside each other, as a section of text."""

from __future__ import annotations

from ....model.estimate import Estimate, significant
from ...records.comparison import Comparison
from .section import NONE, Cell, Section, estimate_cell, section


def comparison_table(comparison: Comparison) -> Section:
    """A row for each run: trials, waiting time, splitting probability, what is saved, CHSH S, verdict."""
    strong = all(run.every_classical_reduction_relative for run in comparison.runs)
    rows = []
    for run in comparison.runs:
        saved = run.every_classical_reduction_relative if strong else run.waiting_time_reduction_relative
        cells = (
            f"{run.trials}",
            estimate_cell(run.waiting_time).value,
            estimate_cell(run.splitting_probability).value,
            _saved(saved) if saved else NONE,
            estimate_cell(run.chsh).value if run.chsh else NONE,
            run.verdict,
        )
        rows.append((run.name, cells))
    compared = "every classical router" if strong else "memoryless classical routers"
    note = f"Saved: waiting time at equal throughput, against {compared}. Limits at each run's own significance."
    if not comparison.same_scenario:
        note += " The scenarios differ: waiting times do not compare."
    return section("Runs compared", ("run", "shots", "W", "p", "saved", "CHSH S", "verdict"), rows, note)


def _saved(share: Estimate) -> Cell:
    """A share with its limits; alone, where nothing is proved, to two digits."""
    cell = estimate_cell(share, percent=True)
    return cell if cell.limits else Cell(f"{significant(100 * share.estimate, 2)} %")
