"""The report of routers that know the past: what it says, holds and draws; and what it never does."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.menus.records import MenuAnalysis
from bellqueue.analysis.menus.replay import with_waiting_times
from bellqueue.analysis.report.figures.menu import MAX_ROWS, menu_certificate_figure, outcomes_figure
from bellqueue.analysis.report.menu_page import MENU_FIGURES, menu_report_html
from bellqueue.analysis.report.tables.menu import menu_sections
from bellqueue.model.estimate import Estimate

from tests.analysis.conftest import HOSTILE, HOSTILE_TYPES
from tests.analysis.menus.analyses import BOUND, KAPPA, NO_GAIN, coarse_routers, lossy, menu_analysis
from tests.analysis.report.read_pages import ReadPage, assert_loads_nothing, unpacked

SINGLE = menu_analysis(False, entries=1)
UNMEASURED = SINGLE.model_copy(
    update={"entries": [SINGLE.entries[0].model_copy(update={"split": [[None, None]] * 2, "visibility": None})]}
)
CASES = {
    "certified": with_waiting_times(menu_analysis(), coarse_routers(menu_analysis())),
    "not": menu_analysis(False),
    "none": menu_analysis(False, **NO_GAIN),
    "lossy": menu_analysis(False, measured=lossy(), **NO_GAIN),
    "unmeasured": UNMEASURED.model_copy(update={"planned": SINGLE.planned.model_copy(update={"forecast": None})}),
    "many": menu_analysis(entries=MAX_ROWS // 4 + 1, warnings=["ALARM & more"]),
    "hostile": menu_analysis(title=HOSTILE, types=HOSTILE_TYPES, warnings=[HOSTILE]),
}


@pytest.fixture(scope="module")
def pages() -> dict[str, tuple[str, ReadPage]]:
    made = {name: menu_report_html(analysis) for name, analysis in CASES.items()}
    return {name: (html, ReadPage(html)) for name, html in made.items()}


Pages = dict[str, tuple[str, ReadPage]]


def downloaded(page: ReadPage) -> dict[str, str]:
    """The files inside a page, by name."""
    links = [attributes for tag, attributes in page.tags if tag == "a" and "download" in attributes]
    return {each["download"]: unpacked(each["download"], each["href"]) for each in links}


@pytest.mark.parametrize("case", CASES)
def test_the_page_loads_nothing_and_says_what_was_known_shared_and_compared(pages: Pages, case: str) -> None:
    html, page = pages[case]
    assert_loads_nothing(html, page)
    analysis = CASES[case]
    for sentence in (analysis.knows, analysis.shares, analysis.compared, analysis.locality):
        assert sentence in page.text
    assert not re.search(r"stacked|\btilts?\b|\bNone\b|\bnan\b", page.text)


def test_the_first_heading_is_the_verdict_its_lower_limit_rounded_down(pages: Pages) -> None:
    """0.0241/0.6236 is 3.86 %."""
    heading = pages["certified"][1].headings[0]
    assert heading == "Certified: at least 3.8\N{NO-BREAK SPACE}% less waiting than every classical router"
    assert pages["not"][1].headings[0].startswith("Not certified: 4.7\N{NO-BREAK SPACE}% less waiting than the best")
    assert pages["none"][1].headings[0] == "Not certified: no waiting saved"
    assert pages["many"][1].headings[0].startswith("ALARM & more. Certified")
    assert HOSTILE in pages["hostile"][1].headings[0]


def test_what_shares_are_of_and_what_became_of_lost_trials_is_said_if_there_are_any(pages: Pages) -> None:
    for name, (html, page) in pages.items():
        told = " ".join(page.text.split())
        assert (told.count("of the trials with an outcome") >= 4) == (name == "lossy")
        assert (told.count("lost trials as the worst they may have been") >= 3) == (name == "lossy")
        assert ("with every rounding and lost trial counted against" in html) == (name == "lossy")
    assert "of the trials with an outcome" not in pages["certified"][1].text


def test_waiting_times_are_shown_if_there_are_any(pages: Pages) -> None:
    shown = {name: "How long single requests wait" in page.headings for name, (_, page) in pages.items()}
    assert shown == {name: name == "certified" for name in CASES}
    assert "these waits do not show who is better" in " ".join(pages["certified"][1].text.split())


@pytest.mark.parametrize("case", ["certified", "hostile", "many"])
def test_the_page_holds_counts_and_the_record(pages: Pages, case: str) -> None:
    files = downloaded(pages[case][1])
    assert MenuAnalysis.model_validate_json(files["analysis.json"]).to_json() == CASES[case].to_json()
    rows = list(csv.DictReader(io.StringIO(files["counts.csv"])))
    assert sum(int(row["count"]) for row in rows) == 4000
    entries = CASES[case].entries
    assert len(rows) == 16 * len(entries)
    split = list(csv.DictReader(io.StringIO(files["outcomes.csv"])))
    assert [float(row["ideal"]) for row in split] == pytest.approx(
        [ideal for entry in entries for row in entry.ideal for ideal in row]
    )


@pytest.mark.parametrize(("case", "below"), [("certified", True), ("not", False)])
def test_the_line_of_the_limit_lies_below_that_of_classical_routers_if_certified(case: str, below: bool) -> None:
    (ax,) = menu_certificate_figure(CASES[case]).axes
    lines = {str(line.get_label()): line.get_xydata() for line in ax.get_lines()}
    bound, limit = (
        lines[name] for name in ("best that any classical routers may do", "these routers at most (99.9 %)")
    )
    for tau, waiting in np.asarray(bound):
        assert waiting - KAPPA * tau == pytest.approx(BOUND)
    assert (np.asarray(limit)[:, 1] < np.asarray(bound)[:, 1]).all() == below
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    ((x, y),) = np.asarray(lines["predicted"])
    assert left <= x <= right
    assert bottom <= y <= top


def test_every_setting_has_a_row_until_there_are_too_many() -> None:
    (ax,) = outcomes_figure(CASES["certified"]).axes
    assert [label.get_text() for label in ax.get_yticklabels()][:5] == [
        "1: short · short", "1: short · long", "1: long · short", "1: long · long", "2: short · short",
    ]  # fmt: skip
    (against,) = outcomes_figure(CASES["many"]).axes
    assert "perfect" in against.get_xlabel()
    assert set(MENU_FIGURES) == {"certificate", "outcomes"}


def cells(analysis: MenuAnalysis) -> dict[str, Any]:
    """Cells of all tables by the name of their row."""
    return {name.strip(): row for section in menu_sections(analysis) for name, row in section.rows}


def test_limits_are_rounded_outward_and_every_probability_is_there() -> None:
    share = Estimate(0.05, 0.04999, 0.05)
    analysis = menu_analysis(waiting_time_reduction_relative=share, classical_waiting_time=0.53289)
    found = cells(analysis)
    assert found["the same, as a share"][0].limits == "at least 4.99 %"
    assert found["of classical routers, at least"][0].value == "0.5328"
    assert found["W − κτ of the policy, at most"][0].value == "-6.641"
    assert [found[f"{entry}: short, short"][1].value for entry in (1, 2)] == ["0.1464", "0.0670"]
    assert found["1"][0].value == "32.0 %"
    assert cells(UNMEASURED)["1: short, short"][0].value == "not measured"
