"""The report against the standards: axe-core finds no barrier (WCAG 2.2 AA), the Nu HTML checker no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browsing import axe_results, html_complaints

from .conftest import CASES, Scheme, Show

# The checker cannot compare the hashes of a policy with the script; that the browser obeys them is tested in test_page.
BEYOND_THE_CHECKER = ".*violates Content Security Policy.*"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["phone", "desktop"])
@pytest.mark.parametrize("case", CASES)
def test_axe_finds_no_violation(show: Show, case: str, width: str, scheme: Scheme) -> None:
    page = show(case, width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    found = axe_results(page)
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
    # What axe leaves to people is the contrast of text in pictures (tests/analysis/test_palette.py) and of slim signs.
    assert {each["id"] for each in found["incomplete"]} <= {"color-contrast"}
    assert len(found["passes"]) > 20


def test_the_html_is_valid(reports: dict[str, Path]) -> None:
    assert html_complaints(list(reports.values()), BEYOND_THE_CHECKER) == []
