"""What is claimed is rounded so that it stays true: lower limits down, upper limits up, everywhere alike."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from bellqueue.analysis.certificate.beyond_quantum import TSIRELSON, BeyondQuantum, beyond_quantum_warning
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.records.percent import at_least, at_most, confidence_text, percent_text
from bellqueue.analysis.records.verdict import saved_text
from bellqueue.analysis.report.page import report_html
from bellqueue.analysis.report.tables.section import bound_text, estimate_cell
from bellqueue.model.estimate import Estimate, Toward, rounded, significant
from bellqueue.runner.api.results import Result
from bellqueue.runner.commands.screens.first_screen import analysis_lines
from hypothesis import given
from hypothesis import strategies as st

FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(value=FINITE, decimals=st.integers(0, 9), percent=st.booleans())
def test_limits_are_rounded_outward_and_estimates_to_nearest(value: float, decimals: int, percent: bool) -> None:
    exact, unit = Fraction(repr(value)) * (100 if percent else 1), Fraction(1, 10**decimals)
    down, near, up = (Fraction(rounded(value, decimals, each, percent=percent)) for each in ("down", "nearest", "up"))
    assert exact - unit < down <= exact <= up < exact + unit
    assert abs(near - exact) <= unit / 2


@given(value=FINITE.filter(bool), digits=st.integers(1, 8))
def test_significant_digits_are_rounded_outward(value: float, digits: int) -> None:
    exact = Fraction(repr(value))
    down, up = (Fraction(significant(value, digits, each)) for each in ("down", "up"))
    assert down <= exact <= up
    assert max(exact - down, up - exact) <= abs(exact) * Fraction(10) ** (1 - digits)


@given(ends=st.tuples(FINITE, FINITE).map(sorted), place=st.floats(0, 1), percent=st.booleans())
def test_a_cell_holds_its_interval(ends: list[float], place: float, percent: bool) -> None:
    low, high = ends
    cell = estimate_cell(Estimate(min(max(low + place * (high - low), low), high), low, high), percent=percent)
    if cell.limits:
        shown = [Fraction(end) for end in cell.limits.removesuffix(" %").split(" … ")]
        scale = 100 if percent else 1
        assert shown[0] <= Fraction(repr(low)) * scale
        assert shown[1] >= Fraction(repr(high)) * scale


@given(low=FINITE, width=st.floats(0, 1e-3))
def test_an_interval_of_a_bound_holds_it(low: float, width: float) -> None:
    high = low + width
    numbers = [Fraction(each) for each in re.findall(r"-?\d[\d.]*(?:e[+-]?\d+)?", bound_text(low, high))]
    shown = numbers if bound_text(low, high).startswith("[") else [numbers[0] - numbers[1], numbers[0] + numbers[1]]
    slack = Fraction(abs(low) + 1) / 10**14  # of fifteen digits
    assert shown[0] <= Fraction(low) + slack
    assert shown[1] >= Fraction(high) - slack


@pytest.mark.parametrize(
    ("value", "toward", "text"),
    [
        (0.0506, "down", "5.0 %"),
        (0.0506, "nearest", "5.1 %"),
        (0.0501, "up", "5.1 %"),
        (0.29, "down", "29.0 %"),  # though 100 × 0.29 is less than 29 as a float
        (0.07, "up", "7.0 %"),
        (-0.0002, "nearest", "0.0 %"),
        (-0.0002, "down", "-0.1 %"),
    ],
)
def test_a_share_in_percent(value: float, toward: Toward, text: str) -> None:
    assert percent_text(value, 1, toward) == text


def test_what_is_above_nothing_never_reads_as_nothing() -> None:
    assert at_least(Estimate(0.01, 0.00004, 0.02)) == "at least 0.004 %"
    assert at_least(Estimate(0.01, 0.0, 0.02)) == ""
    assert at_most(0.000121) == "0.013 %"


@pytest.mark.parametrize(
    ("significance", "text"),
    [(1e-3, "99.9 %"), (0.05, "95 %"), (0.07, "93 %"), (0.0015, "99.85 %"), (1e-13, "99.99999999999 %")],
)
def test_no_confidence_is_larger_than_it_is(significance: float, text: str) -> None:
    assert confidence_text(1 - significance) == text


def test_every_headline_says_the_same_and_no_more_than_the_limit(hanoi: Analysis) -> None:
    assert hanoi.every_classical
    share = Estimate(0.0712, 0.0506, 0.0899)
    wider = hanoi.every_classical.model_copy(update={"waiting_time_reduction_relative": share, "certified": True})
    analysis = hanoi.model_copy(update={"every_classical": wider})
    said = saved_text(wider, analysis.certificate)
    texts = {
        "verdict": said,
        "first screen": " ".join(analysis_lines(analysis, [])),
        "repr": repr(Result.of(analysis)),
        "report": report_html(analysis.model_copy(update={"verdict": [f"CERTIFIED: {said}."]})).replace("\xa0", " "),
    }
    for where, text in texts.items():
        assert "at least 5.0 %" in text, where
        assert "at least 5.1 %" not in text, where


def test_the_alarm_says_a_number_beyond_the_limit_and_no_larger_than_found() -> None:
    low = TSIRELSON + 0.00004  # 2.828467…
    test = BeyondQuantum(1.0, Estimate(1.01, 1.00049, 1.02), Estimate(2.84, low, 2.86), 1e-6, True)
    (said,) = beyond_quantum_warning(test)
    assert "at least 1.0004 times" in said
    assert "S at least 2.82846, where" in said
