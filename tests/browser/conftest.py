"""The reports that the browser is shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from bellqueue.analysis.menus.replay import with_waiting_times
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.replay.context import with_context
from bellqueue.analysis.report.menu_page import menu_report_html
from bellqueue.analysis.report.page import report_html
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario

from tests.analysis.conftest import complete, hostile, many_types, planned, published, simulated
from tests.analysis.menus.analyses import coarse_routers, menu_analysis
from tests.scenarios import IBM_GENEVA, default_record

__all__ = ["complete", "hostile", "many_types", "planned"]  # fixtures of other folders

CASES = ("complete", "refused", "alarmed", "early", "six", "hostile", "many", "menu")
WIDTHS = {"phone": 390, "desktop": 1200}

Scheme = Literal["light", "dark"]
Show = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs the browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def _described(scenario: Scenario, analysis: Analysis) -> Analysis:
    return with_context(analysis, Frontiers.of(scenario))


@pytest.fixture(scope="session")
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Report files by case."""
    six = default_record()
    six["title"] = "Six kinds of request"
    six["traffic"]["type"] = [
        {"name": name, "probability": share, "service": {"distribution": "exponential", "mean": mean}}
        for name, share, mean in (
            ("thumbnail", 0.3, 0.5), ("web page", 0.2, 1.0), ("search", 0.2, 2.0), ("report", 0.1, 3.0),
            ("video upload", 0.1, 5.0), ("batch training of a large model", 0.1, 9.0),
        )
    ]  # fmt: skip
    default, of_six = Scenario.default(), Scenario.parse(six)
    records = {
        "complete": request.getfixturevalue("complete"),
        "refused": _described(default, simulated(default, 20_000, visibility=0.6)),
        "alarmed": _described(default, published(IBM_GENEVA)),
        "early": _described(default, simulated(default, 1_000)),
        "six": _described(of_six, simulated(of_six, 50_000)),
        "hostile": request.getfixturevalue("hostile"),
        "many": request.getfixturevalue("many_types"),
    }
    folder = tmp_path_factory.mktemp("reports")
    paths = {}
    for name, analysis in records.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(report_html(analysis), encoding="utf-8")
    paths["menu"] = folder / "menu.html"
    paths["menu"].write_text(
        menu_report_html(with_waiting_times(menu_analysis(), coarse_routers(menu_analysis()))), encoding="utf-8"
    )
    return paths


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: a folder of the user's, if BELLQUEUE_SCREENSHOTS names one."""
    wanted = os.environ.get("BELLQUEUE_SCREENSHOTS")
    target = Path(wanted) if wanted else tmp_path_factory.mktemp("screenshots")
    target.mkdir(parents=True, exist_ok=True)
    return target


@pytest.fixture
def complaints() -> list[str]:
    """What the browser had to say of the page, and every request that would have left it; empty at the test's end."""
    return []


@pytest.fixture
def show(chromium: Any, reports: dict[str, Path], complaints: list[str]) -> Iterator[Show]:
    """Opens a report; whatever there is to complain of fails the test at its end."""
    contexts: list[Any] = []

    def opened(
        case: str, width: str = "desktop", scheme: Scheme = "light", script: bool = True, media: str = "screen"
    ) -> Any:
        context = chromium.new_context(
            viewport={"width": WIDTHS[width], "height": 850},
            color_scheme=scheme,
            java_script_enabled=script,
            accept_downloads=True,
        )
        contexts.append(context)
        own = reports[case].as_uri()

        def watch(route: Any) -> None:
            if route.request.url.partition("#")[0] == own:
                route.continue_()
            else:
                complaints.append(f"request to {route.request.url[:80]}")
                route.abort()

        def closed(dialog: Any) -> None:
            complaints.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        context.route("**/*", watch)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", closed)
        page.emulate_media(media=media, color_scheme=scheme)
        page.goto(own)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
