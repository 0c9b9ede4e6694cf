"""The page's colours: readable text and visible lines, light, dark and printed (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.report.page import report_html

STYLE = resources.files("bellqueue.analysis.report").joinpath("templates", "report.css").read_text("utf-8")
TEXTS = ("ink", "soft", "link", "good", "plain", "bad", "quantum")
LINES = ("ink", "axis", "quantum", "communication", "observed")
SCHEMES = ("light", "dark", "print")


def _palette(scheme: str) -> dict[str, str]:
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", blocks[SCHEMES.index(scheme)]))


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(first: str, second: str) -> float:
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert _contrast("#000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_is_readable(scheme: str) -> None:
    palette = _palette(scheme)
    for ground in ("page", "card"):
        for name in TEXTS:
            assert _contrast(palette[name], palette[ground]) >= 4.5, (name, ground)
    assert _contrast(palette["bad"], palette["badpage"]) >= 4.5
    assert _contrast(palette["ink"], palette["wash"]) >= 4.5
    assert _contrast(palette["soft"], palette["wash"]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_lines_and_marks_stand_out(scheme: str) -> None:
    palette = _palette(scheme)
    for name in LINES:
        assert _contrast(palette[name], palette["page"]) >= 3, name


def test_all_schemes_name_the_same_colours() -> None:
    light, dark, printed = (set(_palette(scheme)) for scheme in SCHEMES)
    assert light == dark == printed
    used = set(re.findall(r"var\(--([\w-]+)", STYLE))
    assert used <= light


def test_every_colour_of_a_figure_has_its_variable(complete: Analysis) -> None:
    html = report_html(complete)
    drawn = {(name, colour) for name, colour in re.findall(r' (fill|stroke)="(#[0-9a-f]{6})"', html)}
    assert len(drawn) > 6
    ruled = set(re.findall(r'\[(fill|stroke)="(#[0-9a-f]{6})"\] \{ \1: var\(--', STYLE))
    assert drawn <= ruled
