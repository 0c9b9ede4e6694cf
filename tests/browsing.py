"""A real browser for the report and the documentation, and what checks their pages: axe-core and the Nu HTML checker.

Where one of them is missing the tests are skipped, unless they are required (BELLQUEUE_BROWSER=required).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REQUIRED = os.environ.get("BELLQUEUE_BROWSER") == "required"
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing of the browser's own may ask the network, and it must start as root and without a display.
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
TOOLS = Path(__file__).parents[1] / ".browser-tools" / "node_modules"
AXE = TOOLS / "axe-core" / "axe.min.js"
CHECKER = TOOLS / "vnu-jar" / "build" / "dist" / "vnu.jar"


def missing(what: str, remedy: str) -> NoReturn:
    """Skip, or fail where the tests are required."""
    told = f"{what} is missing: {remedy}"
    if REQUIRED:
        pytest.fail(told)
    pytest.skip(told)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's browser, driven by Playwright; one for all tests of a process."""
    from playwright.sync_api import sync_playwright

    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        missing("Chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


def axe_results(page: Any) -> dict[str, Any]:
    """What axe-core says of the page shown: its `violations`, `incomplete` and `passes`."""
    if not AXE.is_file():
        missing("axe-core", "make test-browser installs it with npm")
    page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations', 'incomplete'] })")
    return found


def html_complaints(pages: Sequence[Path], beyond: str = "") -> list[tuple[str, str, str]]:
    """Errors and warnings of the Nu HTML checker: end of the address, message, extract.

    Args:
        pages: Files of HTML.
        beyond: A regular expression of whole messages that are left out.
    """
    java = shutil.which("java")
    if java is None:
        missing("Java", "apt-get install default-jre-headless")
    if not CHECKER.is_file():
        missing("the Nu HTML checker", "make test-browser installs it with npm")
    command = [java, "-jar", str(CHECKER), "--format", "json", *(["--filterpattern", beyond] if beyond else [])]
    done = subprocess.run([*command, *map(str, pages)], capture_output=True, text=True, check=False)
    return [
        (each["url"][-40:], each["message"], each.get("extract", "")) for each in json.loads(done.stderr)["messages"]
    ]
