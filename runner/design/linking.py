"""What a link is good for: the scenario with the link that a user names, assessed."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from os.path import isfile  # unlike Path.is_file it takes a name of any length
from pathlib import Path
from typing import Any

from ...analysis.records.link_record import LinkProvenance, LinkRecord, link_record
from ...model.errors import DataError, ScenarioError
from ...model.link.assessment import LinkAssessment, assess
from ...model.link.published import published_figures
from ...model.link.simulation import PAIRS
from ...model.progress import Watch
from ...model.scenario.file import Scenario
from ...model.scenario.link import LinkSpec
from ...model.validation import is_number, read_toml, shorten, validated
from ..experiment.provenance import bellqueue_version, now

LEAST_PAIRS, MOST_PAIRS = 10_000, 10**9
_NEEDED = (("rate_per_second", "rate"), ("fidelity", "visibility"), ("memory_seconds", "memory_time"))


def assess_link(
    scenario: Scenario, pairs: int | None, seed: int | None, watch: Watch
) -> tuple[LinkRecord, LinkAssessment]:
    """Whether the scenario's link suffices, as a record and as what maps are drawn from.

    Args:
        scenario: A scenario with a link.
        pairs: Pairs of requests to simulate; None: two million.
        seed: Random seed of the simulation; None: a fresh one, which the record holds.

    Raises:
        ScenarioError: the link is not known well enough, a target is out of its reach, or the routers know the past.
        DataError: there are too few pairs, or too many.
    """
    count = PAIRS if pairs is None else pairs
    if not (is_number(count) and LEAST_PAIRS <= count <= MOST_PAIRS and count == int(count)):
        raise DataError(f"pairs is {shorten(count)}; it must be a whole number from {LEAST_PAIRS} to {MOST_PAIRS}")
    if scenario.experiment.past_informed:
        raise ScenarioError("links are assessed for memoryless routers only; leave routers out of [experiment]")
    own = secrets.randbits(63) if seed is None else seed
    found = assess(scenario, int(count), own, watch)
    provenance = LinkProvenance(
        bellqueue_version=bellqueue_version(), created=now(), seed=own, scenario_hash=scenario.content_hash()
    )
    return link_record(found, provenance), found


def linked_scenario(
    scenario: Scenario, link: str | Path | Mapping[str, Any] | None, time_unit: float | None
) -> Scenario:
    """The scenario with another link, and with the unit of time in seconds.

    Args:
        link: A published link or a TOML file with a [link], each perhaps with `,field=value` after it, or only
            `field=value,…`, or these fields; None: the scenario's own.
        time_unit: Seconds in a unit of time; None: the scenario's own.

    Raises:
        ScenarioError: there is no such link, there is none at all, or a figure is wrong or missing.
    """
    data = scenario.model_dump(mode="json", exclude_none=True)
    if time_unit is not None:
        if not (is_number(time_unit) and 0 < time_unit < math.inf):
            raise ScenarioError(f"--time-unit is {shorten(time_unit)}; it must be a positive number of seconds")
        data["traffic"]["time_unit_seconds"] = time_unit
    if isinstance(link, Mapping):
        data["link"] = dict(link)
    elif isinstance(link, str | Path):
        data["link"] = _fields(str(link))
    elif link is not None:
        raise ScenarioError(f"link is {shorten(link)}; it must be a name, a file or a dict of figures")
    elif scenario.link is None:
        raise ScenarioError(
            "the scenario has no [link]; describe it there, or name a published one with --link "
            "(bellqueue link --list shows them)"
        )
    _check(validated(LinkSpec, data["link"], "link", ScenarioError), "time_unit_seconds" in data["traffic"])
    return Scenario.parse(data, "options")


def _fields(text: str) -> dict[str, Any]:
    """The fields of [link] that a text means: a name, a file, or fields with their values."""
    first, *others = [text] if isfile(text) else text.split(",")
    fields: dict[str, Any] = {}
    if "=" in first:
        others.insert(0, first)
    else:
        fields |= _of_file(Path(first)) if first.endswith(".toml") or isfile(first) else {"name": first}
    for each in others:
        field, _, value = (part.strip() for part in each.partition("="))
        try:
            fields[field] = float(value if field else "")
        except ValueError:
            raise ScenarioError(
                f"link: {each.strip()!r} must be a field and a number, for example memory_seconds=1"
            ) from None
    return fields


def _of_file(path: Path) -> dict[str, Any]:
    content = read_toml(path, ScenarioError, "a TOML file with a [link]")
    if not isinstance(content.get("link"), dict):
        raise ScenarioError(f"{path}: has no [link]; give the file of a link or of a scenario that has one")
    return dict(content["link"])


def _check(spec: LinkSpec, unit_known: bool) -> None:
    """Say what to type if a published link leaves a figure open, or if seconds mean nothing."""
    figures = set(spec.model_dump(exclude_none=True)) | set(published_figures(spec.name) if spec.name else ())
    missing = [pair[0] for pair in _NEEDED if not figures & set(pair)]
    if missing:
        added = "".join(f",{name}=1" for name in missing)
        raise ScenarioError(
            f"link: the source of {spec.name} does not say {' or '.join(missing)}; add what you know or assume, for "
            f"example --link {spec.name}{added}"
        )
    seconds = list(spec.in_seconds()) or ([spec.name] if spec.name else [])
    if seconds and not unit_known:
        raise ScenarioError(
            f"link: {seconds[0]} needs to know how many seconds a unit of time lasts; give --time-unit SECONDS "
            "(time_unit in Python), or traffic.time_unit_seconds in the scenario"
        )
