"""What all reports share: head, navigation, citation, downloads and provenance in one page that needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from markupsafe import Markup

from ...model.printable import command_line, printable, scrub
from ..menus.records import MenuAnalysis
from ..records.analysis_record import Analysis, Provenance
from ..records.context_record import WaitingTimes
from .citation import bibtex
from .downloads import Download
from .figures.drawing import svg_text
from .figures.waiting import waiting_figure
from .tables.context import waiting_section
from .templating import environment, source

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_AnyAnalysis = TypeVar("_AnyAnalysis", Analysis, MenuAnalysis)


@dataclass(frozen=True)
class Headline:
    """The first line of a report.

    Attributes:
        alarm: What must be read before anything else; may be empty.
        word: Certified or not.
        size: How much less a request waits at least, or, not certified, by estimate.
        rest: Size and class compared, after the word.
        reason: What it means, in a sentence.
    """

    alarm: str
    word: str
    size: str
    rest: str
    reason: str


def alarm_of(warnings: Sequence[str]) -> str:
    """The alarms of a headline, a sentence each."""
    return " ".join(f"{printable(warning)}." for warning in warnings)


def framed(
    template: str,
    analysis: _AnyAnalysis,
    contents: Sequence[tuple[str, str]],
    *,
    figures: Mapping[str, Callable[[_AnyAnalysis], Figure]],
    drawn: Mapping[str, str] | None,
    waiting: WaitingTimes | None,
    files: Sequence[Download],
    **parts: Any,
) -> str:
    """A template that extends the frame, filled in.

    Style and script are allowed by their hash alone, so that nothing else on the page can run.

    Args:
        template: Name of the template.
        analysis: What the page is about.
        contents: Anchor and name of each section.
        figures: How to draw the figures that a run's folder holds as well.
        drawn: `svg_text` of these figures, if at hand.
        waiting: Waiting times to show, if there are any.
        files: Files to download.
        parts: What the template needs beyond.
    """
    style, script = (source(f"report.{kind}") for kind in ("css", "js"))
    origin = analysis.provenance
    drawn = drawn or {name: svg_text(draw(analysis)) for name, draw in figures.items()}
    page = (
        environment()
        .get_template(template)
        .render(
            analysis=analysis,
            contents=contents,
            style=Markup(style),  # our own files, not to be escaped
            script=Markup(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
            drawn=drawn,
            waiting=svg_text(waiting_figure(waiting, analysis.title)) if waiting else None,
            waiting_values=waiting_section(waiting) if waiting else None,
            bibtex=bibtex(origin),
            files=files,
            packed=any(file.name in ("scenario.json.gz", "counts.json.gz") for file in files),
            provenance=_provenance(origin),
            calibration=_json(origin.calibration) if origin.calibration else "",
            scenario=_json(analysis.scenario),
            **parts,
        )
    )
    return scrub(page)


def reproduce(origin: Provenance, counts: bool) -> str:
    """The command that reproduces the numbers from the files in the page; empty if the page does not hold them.

    Args:
        origin: Where the numbers come from.
        counts: Whether the page holds the counts as a file to analyze.
    """
    if origin.backend is not None and origin.seed is not None:
        return command_line("run", "scenario.json", "--backend", origin.backend, "--seed", origin.seed)
    if origin.backend is None and counts:
        inverted = ["--invert", origin.inverted] if origin.inverted else []
        return command_line("analyze", "counts.json", "--scenario", "scenario.json", *inverted)
    return ""


def _hash(text: str) -> str:
    """The hash by which a content security policy allows a text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _provenance(origin: Provenance) -> list[tuple[str, str]]:
    """Name and value of everything known about where the numbers come from."""
    known = [
        ("Data", origin.source),
        ("Source as declared", origin.described),
        ("Outcomes inverted after the data", f"router {origin.inverted.upper()}'s" if origin.inverted else None),
        ("Created", origin.created),
        ("Backend", origin.backend),
        ("Device", origin.device),
        ("Qubits", None if origin.qubits is None else ", ".join(str(qubit) for qubit in origin.qubits)),
        ("Command recorded", origin.command),
        ("Seed", None if origin.seed is None else str(origin.seed)),
        ("bellqueue version", origin.bellqueue_version),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in sorted(origin.libraries.items())) or None),
        ("Scenario (SHA-256)", origin.scenario_hash),
        ("Content (SHA-256)", origin.content_hash),
    ]
    return [(name, value) for name, value in known if value is not None]


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)
