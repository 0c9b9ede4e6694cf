"""The report in a real browser: it fits, it is silent, it works without its script, in every colour scheme."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bellqueue.analysis.records.analysis_record import Analysis

from tests.analysis.conftest import HOSTILE

from .conftest import CASES, Scheme, Show

SHORT = ("complete", "alarmed", "six")


@pytest.mark.parametrize("width", ["phone", "desktop"])
@pytest.mark.parametrize("case", CASES)
def test_nothing_is_wider_than_the_screen(show: Show, case: str, width: str) -> None:
    page = show(case, width)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    beyond = page.evaluate(
        """[...document.querySelectorAll("main *, header *, nav *, footer *")].filter((element) =>
            !element.closest(".scroll, svg, details:not([open])") &&
            element.getBoundingClientRect().right > document.documentElement.clientWidth + 1
        ).map((element) => element.outerHTML.slice(0, 100))"""
    )
    assert beyond == []


@pytest.mark.parametrize("case", CASES)
def test_no_column_of_a_table_is_cut_on_a_phone(show: Show, case: str) -> None:
    page = show(case, "phone")
    cut = page.evaluate(
        """[...document.querySelectorAll("details")].forEach((each) => { each.open = true; }),
           [...document.querySelectorAll(".scroll")].filter((each) => each.scrollWidth > each.clientWidth + 1)
               .map((each) => each.getAttribute("aria-label"))"""
    )
    assert cut == []
    headings = page.locator("#result ~ .scroll td[data-label]").first
    assert ("measured" if case == "menu" else "observed") in page.evaluate(
        "(cell) => getComputedStyle(cell, '::before').content", headings.element_handle()
    )


@pytest.mark.parametrize("width", ["phone", "desktop"])
def test_copy_buttons_lie_in_the_box_of_what_they_copy(show: Show, width: str) -> None:
    page = show("complete", width)
    boxes = page.evaluate(
        """[...document.querySelectorAll(".copied")].map((box) => {
            const outer = box.getBoundingClientRect(), inner = box.querySelector("button").getBoundingClientRect();
            return [inner.left > outer.left, inner.right < outer.right, inner.top > outer.top,
                    inner.bottom < outer.bottom, parseFloat(getComputedStyle(box).borderTopWidth) > 0];
        })"""
    )
    assert boxes == [[True] * 5] * 3


@pytest.mark.parametrize("width", ["phone", "desktop"])
@pytest.mark.parametrize("case", SHORT)
def test_text_in_pictures_stays_inside_and_readable(show: Show, case: str, width: str) -> None:
    page = show(case, width)
    texts = page.evaluate(
        """[...document.querySelectorAll("svg[role=img] text")].map((text) => {
            const box = text.getBoundingClientRect(), frame = text.ownerSVGElement.getBoundingClientRect();
            const scale = frame.width / text.ownerSVGElement.viewBox.baseVal.width;
            const size = parseFloat(getComputedStyle(text).fontSize) * scale;
            return { words: text.textContent, size, left: box.left - frame.left, top: box.top - frame.top,
                     right: frame.right - box.right, bottom: frame.bottom - box.bottom };
        })"""
    )
    assert len(texts) > 50
    for text in texts:
        assert text["size"] >= 10.5, text
        assert min(text["left"], text["right"], text["top"], text["bottom"]) >= -2, text


@pytest.mark.parametrize("case", SHORT)
def test_words_in_the_idea_do_not_cover_each_other(show: Show, case: str) -> None:
    page = show(case, "phone")
    covered = page.evaluate(
        """(() => {
            const texts = [...document.querySelectorAll("#idea text")];
            const boxes = texts.map((text) => [text, text.getBoundingClientRect()]);
            const hit = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
                                  Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
            return boxes.flatMap(([one, a], at) => boxes.slice(at + 1).filter(([, b]) => hit(a, b))
                .map(([two]) => `${one.textContent} / ${two.textContent}`));
        })()"""
    )
    assert covered == []


@pytest.mark.parametrize("case", ["complete", "alarmed"])
def test_without_its_script_the_page_says_everything(show: Show, case: str) -> None:
    plain, scripted = show(case, script=False), show(case)
    for page in (plain, scripted):
        assert page.locator("h1").inner_text()
        assert page.locator("svg[role=img]").count() >= 6
    assert plain.locator("button").count() == 0
    assert scripted.locator("button").count() == 3
    plain.locator("summary").first.click()
    assert plain.locator("details").first.get_by_role("table").is_visible()


def test_everything_is_reached_with_the_keyboard(show: Show) -> None:
    page = show("complete")
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        what = page.evaluate(
            """(() => { const at = document.activeElement;
                const box = at.getBoundingClientRect();
                const what = [at.tagName, at.textContent.slice(0, 30) || at.id, box.width > 0];
                return at === document.body ? null : what; })()"""
        )
        if what is None:
            break
        assert what[2], what
        reached.add((what[0], what[1]))
    tags = {tag for tag, _ in reached}
    assert {"A", "SUMMARY", "BUTTON", "DIV"} <= tags
    assert ("A", "Skip to the experiment") in reached
    assert ("A", "analysis.json") in reached


def test_commands_are_copied(show: Show) -> None:
    page = show("complete")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the command").click()
    page.get_by_text("Copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "bellqueue run scenario.json --backend local --seed 7"


def test_without_a_clipboard_the_command_is_selected(show: Show) -> None:
    page = show("complete")
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', { value: undefined }); document.execCommand = () => false"
    )
    page.get_by_role("button", name="Copy the command").click()
    page.get_by_text("Selected: copy it with your keyboard.").wait_for()
    assert page.evaluate("getSelection().toString()") == "bellqueue run scenario.json --backend local --seed 7"


def test_the_record_downloads_from_inside_the_page(show: Show, complete: Analysis, tmp_path: Path) -> None:
    page = show("complete", script=False)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="analysis.json").click()
    assert waiting.value.suggested_filename == "analysis.json"
    waiting.value.save_as(tmp_path / "analysis.json")
    text = (tmp_path / "analysis.json").read_text("utf-8")
    assert json.loads(text) == json.loads(complete.to_json())


def test_other_peoples_text_stays_text(show: Show) -> None:
    page = show("hostile")
    assert HOSTILE in page.title()
    assert HOSTILE in page.locator(".eyebrow").inner_text()
    assert page.locator("script").count() == 1
    assert page.locator("img, b[onload]").count() == 0


def test_a_script_that_slips_in_does_not_run(show: Show, complaints: list[str]) -> None:
    page = show("complete")
    directive = page.evaluate(
        """() => new Promise((done) => {
            document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
        })"""
    )
    assert directive == "script-src-elem"
    assert page.evaluate("window.ran") is None
    assert len(complaints) == 1
    assert "Content Security Policy" in complaints.pop()


def _luminance(colour: str) -> float:
    red, green, blue = (int(each) / 255 for each in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("scheme", "media", "bright"), [("light", "screen", True), ("dark", "screen", False), ("dark", "print", True)]
)
def test_pictures_follow_the_colour_scheme_and_print_is_light(
    show: Show, scheme: Scheme, media: str, bright: bool
) -> None:
    page = show("complete", scheme=scheme, media=media)
    colours = page.evaluate(
        """[["body", "backgroundColor"], ["#result ~ figure path[stroke='#000000']", "stroke"], ["#idea text", "fill"],
            ["#result ~ figure text", "fill"]]
            .map(([where, what]) => getComputedStyle(document.querySelector(where))[what])"""
    )
    ground, classical, *texts = map(_luminance, colours)
    assert (ground > 0.9) == bright
    assert (classical < 0.2) == bright
    assert all((text < 0.2) == bright for text in texts)


def test_print_hides_what_paper_cannot_do_and_shows_what_was_folded(show: Show) -> None:
    page = show("complete", media="print")
    for hidden in ("nav", "button", ".onscreen"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator("details table").first.is_visible()
    assert len(page.pdf(format="A4")) > 20_000


def test_motion_stops_where_it_is_not_wanted(show: Show) -> None:
    page = show("complete")
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["phone", "desktop"])
@pytest.mark.parametrize("case", CASES)
def test_pictures_of_the_page_can_be_taken(
    show: Show, case: str, width: str, scheme: Scheme, screenshots: Path
) -> None:
    page: Any = show(case, width, scheme)
    target = screenshots / f"{case}-{width}-{scheme}.png"
    page.screenshot(path=target, full_page=True)
    assert target.stat().st_size > 50_000
