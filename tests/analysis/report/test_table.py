"""The terminal's tables: verdict first, every key number, 80 columns, no markup from other people's text."""

from __future__ import annotations

import io
from typing import Any

import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.records.frontier_record import FrontierRecord
from bellqueue.analysis.records.printable import signs
from bellqueue.analysis.report.tables.section import Cell, bound_text, estimate_cell
from bellqueue.model.estimate import Estimate
from bellqueue.runner.commands.screens.sections import analysis_table, frontier_table
from rich.console import Console, RenderableType

# The class that each case's verdict names. Of 64 types no bound on every classical router is computed.
CLASSES = {
    "hanoi": "CERTIFIED against memoryless classical routers only",
    "geneva": "NOT CERTIFIED to be better than every memoryless, label-symmetric classical strategy",
    "planned": "CERTIFIED: less waiting than every classical strategy without communication",
    "hostile": "CERTIFIED: less waiting than every classical strategy without communication",
    "many_types": "CERTIFIED against memoryless classical routers only",
}
CASES = tuple(CLASSES)


def _shown(renderable: RenderableType, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("case", CASES)
def test_no_line_is_longer_than_the_terminal_and_nothing_is_coloured(case: str, request: pytest.FixtureRequest) -> None:
    analysis: Analysis = request.getfixturevalue(case)
    for text in (_shown(analysis_table(analysis)), _shown(frontier_table(analysis.frontiers))):
        assert max(len(line) for line in text.splitlines()) <= 80
        assert "\x1b" not in text


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_comes_first_and_the_loophole_is_told(case: str, request: pytest.FixtureRequest) -> None:
    analysis: Analysis = request.getfixturevalue(case)
    shown = _words(_shown(analysis_table(analysis)))
    assert shown.startswith(_words(signs(analysis.verdict[0])))
    assert CLASSES[case] in shown
    assert _words(analysis.locality) in shown
    assert _words(analysis.certificate.assumption) in shown


def test_the_published_numbers_are_shown(hanoi: Analysis) -> None:
    shown = _shown(analysis_table(hanoi))
    # MODEL §5; log10 p is found another way in test_certificate.
    for number in ("0.4978", "0.5666", "1.76222", "0.5056", "−1725", "0.901316", "180000"):
        assert number in shown
    assert "planned" not in shown
    assert "ALARM" not in shown


@pytest.mark.parametrize(("case", "words"), [("geneva", "(ALARM)"), ("hanoi", "(no alarm)")])
def test_a_signal_is_an_alarm_in_its_row(case: str, words: str, request: pytest.FixtureRequest) -> None:
    lines = _shown(analysis_table(request.getfixturevalue(case)), 100).splitlines()
    assert any("no-signalling test" in line and words in line for line in lines)


def test_planned_stands_beside_observed(planned: Analysis) -> None:
    shown = _shown(analysis_table(planned), 100)
    row = next(line for line in shown.splitlines() if line.strip().startswith("waiting time W"))
    assert planned.planned
    for value in (planned.observed.waiting_time.estimate, planned.planned.waiting_time):
        assert any(f"{value:.{decimals}f}" in row.split() for decimals in range(3, 9))
    assert "0.9710" in shown


def test_the_frontier_table_shows_the_reference_values(hanoi: Analysis) -> None:
    shown = _words(_shown(frontier_table(hanoi.frontiers)))
    # MODEL §5; log10 p is found another way in test_certificate.
    for told in ("0.05", "0.121053", "0.510526, 1.81316", "1.81316, 3.37895", "(0, 0.3) and (0.3, 1)", "14.97 %"):
        assert told in shown


def test_a_scenario_without_advantage_says_so(hanoi: Analysis) -> None:
    nothing: dict[str, Any] = {
        "advantage_ranges": [],
        "least_visibility": None,
        "largest_advantage": None,
        "largest_reduction_relative": None,
    }
    record: FrontierRecord = hanoi.frontiers.model_copy(update=nothing)
    assert "no range" in _shown(frontier_table(record))


def test_many_vertices_are_counted_not_listed(many_types: Analysis) -> None:
    shown = _shown(frontier_table(many_types.frontiers))
    assert f"{len(many_types.frontiers.classical) - 12} more vertices" in shown
    assert "64×64 types" in shown


def test_names_are_no_markup(hostile: Analysis) -> None:
    shown = _shown(frontier_table(hostile.frontiers), width=200)
    assert "[bold]" in shown
    assert "\N{REPLACEMENT CHARACTER}[31m" in shown


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (Estimate(0.49781, 0.49063, 0.50502), Cell("0.4978", "0.4906 … 0.5051")),
        (Estimate(43.2625, 41.0, 45.0), Cell("43.3", "41.0 … 45.0")),
        (Estimate(12345.6, 12000.0, 12700.0), Cell("12346", "12000 … 12700")),
        (Estimate(0.25, 0.25, 0.25), Cell("0.25")),
    ],
)
def test_digits_follow_the_interval(value: Estimate, cell: Cell) -> None:
    assert estimate_cell(value) == cell


def test_a_bound_is_never_a_bare_number() -> None:
    assert bound_text(0.41447368421, 0.41447368422) == "0.414473684215 ± 6e-12"
    assert bound_text(0.41, 0.42) == "[0.41, 0.42]"
    assert bound_text(-1e-13, 1e-13) == "[-1e-13, 1e-13]"
