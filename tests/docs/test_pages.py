"""The built documentation: nothing from outside, every link, valid HTML, headings, and what axe finds in a browser."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser

from tests.browsing import axe_results, html_complaints
from tests.docs.pages import DOCS

pytestmark = pytest.mark.pages

BUILT = DOCS / "_build" / "html"
PAGES = sorted(path.relative_to(BUILT).as_posix() for path in BUILT.rglob("*.html"))
WRITTEN = [page for page in PAGES if "/" not in page]  # the others are modules, all made alike
MODULES = [
    f"api/bellqueue.{name}.html" for name in ("model", "model.games.frontiers", "analysis.records.analysis_record")
]
FETCHING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
# Advice, not errors: slashes that Docutils writes, headings of sections inside the theme's sections.
THE_THEMES = "Trailing slash on void elements.*|Consider using the “h1” element.*|Article lacks heading.*"
LARGEST = 1_500_000  # bytes
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def soups() -> dict[str, BeautifulSoup]:
    return {page: BeautifulSoup((BUILT / page).read_text("utf-8"), "html.parser") for page in PAGES}


def test_every_page_was_built() -> None:
    written = {path.stem for path in DOCS.glob("*.md")}
    assert written <= {Path(page).stem for page in WRITTEN}
    assert len(PAGES) > 100


def test_nothing_is_fetched_from_outside(soups: dict[str, BeautifulSoup]) -> None:
    for page, soup in soups.items():
        used = [element[FETCHING[element.name]] for element in soup(list(FETCHING)) if element.has_attr("src")]
        used += [link["href"] for link in soup("link") if link.get("rel") not in (["canonical"],)]
        used += re.findall(r"url\(([^)]*)\)|@import\s+['\"]([^'\"]*)", "".join(style.text for style in soup("style")))
        assert [address for address in used if urlsplit(str(address)).netloc] == [], page
    for sheet in BUILT.rglob("*.css"):
        outside = re.findall(r"(?:url\(|@import\s+)['\"]?(https?:)?//", sheet.read_text("utf-8"))
        assert outside == [], sheet


def test_every_link_leads_somewhere(soups: dict[str, BeautifulSoup]) -> None:
    anchors = {page: {str(element["id"]) for element in soup(id=True)} for page, soup in soups.items()}
    for page, soup in soups.items():
        for link in soup("a", href=True):
            parts = urlsplit(str(link["href"]))
            if parts.scheme or parts.netloc:
                assert parts.scheme == "https", f"{page}: {link['href']}"
                continue
            target = ((BUILT / page).parent / unquote(parts.path)).resolve() if parts.path else BUILT / page
            assert target.is_file(), f"{page}: {link['href']}"
            name = target.relative_to(BUILT.resolve()).as_posix() if parts.path else page
            if parts.fragment and name in anchors:
                assert unquote(parts.fragment) in anchors[name], f"{page}: {link['href']}"


def test_the_page_of_commands_shows_the_help_that_is_printed(soups: dict[str, BeautifulSoup]) -> None:
    shown = [block.get_text().strip() for block in soups["commands.html"]("pre")]
    shell = dict(os.environ) | {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1"}
    for command in ("run", "analyze", "frontier", "doctor"):
        words = [Path(sys.executable).with_name("bellqueue"), command, "--help"]
        printed = subprocess.run(words, env=shell, capture_output=True, text=True, check=True).stdout
        assert "\n".join(line.rstrip() for line in printed.strip().splitlines()) in shown


def test_html_is_valid_and_ids_are_unique(soups: dict[str, BeautifulSoup]) -> None:
    assert html_complaints([BUILT / page for page in soups], THE_THEMES) == []
    for page, soup in soups.items():
        repeated = [name for name, often in Counter(element["id"] for element in soup(id=True)).items() if often > 1]
        assert repeated == [], page


def test_pages_have_a_language_a_title_headings_in_order_and_a_way_past_the_menu(
    soups: dict[str, BeautifulSoup],
) -> None:
    titles = Counter(_text(soup.title) for soup in soups.values())
    assert [title for title, often in titles.items() if often > 1] == []
    for page, soup in soups.items():
        assert soup.html is not None
        assert soup.html.get("lang") == "en", page
        main = soup.find(role="main")
        assert isinstance(main, Tag), page
        levels = [int(heading.name[1]) for heading in main(re.compile("^h[1-6]$"))]
        assert levels[:1] == [1], page
        assert levels.count(1) == 1, page
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), page
        first = soup.find("a")
        assert isinstance(first, Tag)
        assert str(first["href"]).startswith("#"), page
        for image in soup("img"):
            assert len(str(image.get("alt", ""))) > 20, f"{page}: {image}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_axe_finds_nothing_nothing_sticks_out_and_pages_are_light(chromium: Browser, scheme: Any, size: Any) -> None:
    context = chromium.new_context(color_scheme=scheme, viewport=size, reduced_motion="reduce")
    requested: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    page, found = context.new_page(), []
    for name in [*WRITTEN, *MODULES]:
        before = len(requested)
        page.goto((BUILT / name).as_uri())
        weight = sum(Path(unquote(urlsplit(url).path)).stat().st_size for url in set(requested[before:]) if _local(url))
        if weight > LARGEST:
            found.append(f"{name} and what it loads are {weight} bytes")
        found += [f"{name}: {each['id']}: {each['nodes'][0]['html']}" for each in axe_results(page)["violations"]]
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > size["width"]:
            found.append(f"{name} is {wide} wide")
    context.close()
    assert not found, "\n".join(found)
    assert [url for url in requested if not _local(url) and not url.startswith("data:")] == []


def _local(url: str) -> bool:
    return url.startswith("file:")


def _text(element: Tag | None) -> str:
    assert element is not None
    return element.get_text()
