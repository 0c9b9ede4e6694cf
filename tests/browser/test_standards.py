"""The report against the standards: axe-core finds no barrier (WCAG 2.2 AA), the Nu HTML checker no error."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest

from .conftest import CASES, Scheme, Show, missing

CHECKER = Path(__file__).parents[2] / ".browser-tools" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
# The checker cannot compare the hashes of a policy with the script; that the browser obeys them is tested in test_page.
BEYOND_THE_CHECKER = ".*violates Content Security Policy.*"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["phone", "desktop"])
@pytest.mark.parametrize("case", CASES)
def test_axe_finds_no_violation(show: Show, case: str, width: str, scheme: Scheme) -> None:
    page = show(case, width, scheme)
    try:
        source = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    except ModuleNotFoundError:
        missing("the Python package axe-playwright-python", "make test-browser")
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    page.evaluate(source)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations', 'incomplete'] })")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
    # What axe leaves to people is the contrast of text in pictures (tests/analysis/test_palette.py) and of slim signs.
    assert {each["id"] for each in found["incomplete"]} <= {"color-contrast"}
    assert len(found["passes"]) > 20


def test_the_html_is_valid(reports: dict[str, Path]) -> None:
    java = shutil.which("java")
    if java is None:
        missing("Java", "apt-get install default-jre-headless")
    if not CHECKER.is_file():
        missing("the Nu HTML checker", "make test-browser installs it with npm")
    command = [str(java), "-jar", str(CHECKER), "--format", "json", "--filterpattern", BEYOND_THE_CHECKER]
    done = subprocess.run([*command, *map(str, reports.values())], capture_output=True, text=True, check=False)
    messages = json.loads(done.stderr)["messages"]
    assert [(each["url"][-20:], each["message"], each.get("extract", "")) for each in messages] == []
