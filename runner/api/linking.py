"""`bq.link`: whether the link between two routers suffices, as the command `link` finds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...model.progress import Watch
from ..scenarios import named_scenario
from .functions import whole_seed
from .showing import shown

if TYPE_CHECKING:
    from ...model.scenario.file import Scenario
    from .results import LinkResult


def link(
    scenario: Scenario | str | Path = "default",
    link: str | Path | Mapping[str, Any] | None = None,
    *,
    time_unit: float | None = None,
    over: str = "rate,fidelity",
    pairs: int | None = None,
    seed: int | None = None,
    progress: bool | Watch = True,
) -> LinkResult:
    """Whether the link between two routers suffices, what it saves, and the least hardware that would.

    Args:
        scenario: A scenario, its file, or "default".
        link: A published link, such as "oxford-ions-2025", or a TOML file with a [link], each with figures after it if
            you like, such as "munich-atoms-2022,memory_seconds=1"; or figures alone, also as a dict. Defaults to the
            scenario's own.
        time_unit: Seconds in a unit of time. Defaults to the scenario's own.
        over: The two figures of its map: of rate, fidelity, memory_time, distance_km, detection_efficiency and
            measurement_fidelity. Defaults to "rate,fidelity".
        pairs: Pairs of requests to simulate. Defaults to two million.
        seed: Random seed of the simulation. Defaults to a fresh one, which the result's provenance holds.
        progress: Whether to show how far it is, or a callback `watch(what, done, total)`. Defaults to True.

    Raises:
        ScenarioError: the scenario or its link is wrong, or not known well enough.
        DataError: there are too few pairs, or too many.

    Examples:
        >>> import bellqueue as bq
        >>> found = bq.link("default", "oxford-ions-2025", time_unit=1, pairs=50_000, seed=1)
        >>> round(found.availability, 4), found.suffices
        (0.9987, False)
        >>> [each.name for each in found.criteria if each.passed is False]
        ['a message takes longer than break-even']
        >>> found.save("map.png")  # doctest: +SKIP
    """
    from ...analysis.report.figures.link import map_axes
    from ..design.linking import assess_link, linked_scenario
    from .results import LinkResult

    asked = linked_scenario(named_scenario(scenario), link, time_unit)
    axes = map_axes(over, asked.traffic.time_unit_seconds)
    own = whole_seed(seed)
    with shown(progress) as watch:
        return LinkResult.of_assessment(*assess_link(asked, pairs, own, watch), axes)
