"""`bellqueue link`: whether the link between two routers suffices, and the published links."""

from __future__ import annotations

from json import dumps
from pathlib import Path

from rich.console import Console

from ...analysis.report.figures.drawing import save
from ...model.link.published import published_links
from ...model.scenario.file import Scenario
from ..api.linking import link as assess_link
from ..experiment.folder import check_figure_file
from .screens.link import link_lines, link_tables, published_lines
from .terminal import progress_shown


def list_links(json: bool) -> None:
    """Print the published links."""
    if json:
        print(dumps(list(published_links().values()), indent=2))
    else:
        print("\n".join(published_lines(published_links())))


def link_command(
    scenario: Scenario,
    link: str | None,
    time_unit: float | None,
    over: str,
    pairs: int | None,
    seed: int | None,
    out: Path | None,
    full: bool,
    json: bool,
) -> bool:
    """Assess a link, draw its map if asked, print what was found, and return whether it suffices."""
    if out:
        check_figure_file(out)
    with progress_shown() as watch:
        found = assess_link(scenario, link, time_unit=time_unit, over=over, pairs=pairs, seed=seed, progress=watch)
    if out:
        save(found.map(), out)
    if json:
        print(found.model_dump_json(by_alias=True, indent=2))
    elif full:
        Console().print(link_tables(found))
    else:
        more = f"seed {found.provenance.seed}; all tables: --full"
        print("\n".join(link_lines(found, [more if out else f"{more}; a map: --out map.png"])))
    if out and not json:
        print(f"map: {out}")
    return found.suffices
