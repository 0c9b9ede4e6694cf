"""No terminal is so narrow that a word or a number is cut, as long as the words themselves fit."""

from __future__ import annotations

import io

import pytest
from bellqueue.analysis.records.frontier_record import frontier_record
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.runner.commands.screens.sections import Fitting, frontier_table
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table

from tests.scenarios import dense


def _shown(what: RenderableType, width: int) -> str:
    buffer = io.StringIO()
    Console(file=buffer, width=width).print(what)
    return buffer.getvalue()


def _table() -> Table:
    table = Table("", "observed", "classical", "communication", title="Numbers", box=box.SIMPLE_HEAD)
    for column in table.columns:
        column.overflow = "fold"
    table.add_row("waiting time", "0.425632", "0.361922\n0.36…0.37", "0.293573")
    return table


@pytest.mark.parametrize("width", range(24, 81, 4))
def test_words_and_numbers_stay_whole(width: int) -> None:
    text = _shown(Fitting(_table()), width)
    assert {"waiting", "time", "0.425632", "0.361922", "0.36…0.37", "0.293573"} <= set(text.split())
    assert {"observed", "classical", "communication"} <= {word.rstrip(":") for word in text.split()}
    assert max(map(len, text.splitlines())) <= width


def test_where_there_is_room_it_is_the_table_itself() -> None:
    assert _shown(Fitting(_table()), 80) == _shown(_table(), 80)


def test_a_frontier_at_forty_columns() -> None:
    record = frontier_record("x", Frontiers.of(dense()))
    lines = [line.strip() for line in _shown(frontier_table(record), 40).splitlines()]
    # MODEL §5: the vertex of the classical frontier at λ = 0.02, w as given there.
    at = lines.index("splitting probability p: 0.3")
    assert lines[at + 1 : at + 4] == ["waiting time W: 0.751974", "throughput τ: 1.78043", "multiplier μ: 0.901316"]
