"""Published links by name, from the table that ships with the package."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from ..errors import ScenarioError
from ..suggestion import suggestion

_FIGURES = {
    "pairs_per_second": "rate_per_second",
    "fidelity": "fidelity",
    "memory_seconds": "memory_seconds",
    "distance_km": "distance_km",
}

REQUIRED = ("rate_per_second", "fidelity", "memory_seconds")  # without which nothing can be said of a link


@cache
def published_links() -> dict[str, dict[str, Any]]:
    """The published links by name, as in the table; figures that no source states are missing."""
    table = resources.files(__package__).joinpath("links.toml").read_text("utf-8")
    return {link["name"]: link for link in tomllib.loads(table)["link"]}


def published_figures(name: str) -> dict[str, float]:
    """The known figures of a published link, as fields of [link].

    Raises:
        ScenarioError: there is no such link.
    """
    known = published_links()
    if name not in known:
        near = suggestion(name, list(known), listing="bellqueue link --list")
        raise ScenarioError(f"link.name: there is no published link {name!r}{near}")
    return {field: known[name][figure] for figure, field in _FIGURES.items() if figure in known[name]}
