"""The map of a link: its edge is where the least hardware lies, and only known published links are on it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from bellqueue.analysis.report.figures.drawing import svg_text
from bellqueue.analysis.report.figures.link import link_figure, map_axes
from bellqueue.model.errors import ScenarioError
from bellqueue.model.link.assessment import LinkAssessment, assess
from bellqueue.model.link.least import PARAMETERS
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

from tests.model.link.links import with_link

SECONDS = 0.5


@pytest.fixture(scope="module")
def found() -> LinkAssessment:
    return assess(with_link({"name": "oxford-ions-2025"}, time_unit_seconds=SECONDS), pairs=10_000, seed=1)


@pytest.fixture(scope="module")
def figure(found: LinkAssessment) -> Figure:
    return link_figure(found, ("rate", "fidelity"))


def _texts(figure: Figure) -> set[str]:
    return {"".join(element.itertext()).strip() for element in ElementTree.fromstring(svg_text(figure)).iter()}


def test_the_edge_runs_through_the_least_figures(found: LinkAssessment, figure: Figure) -> None:
    edges = [
        each for each in figure.axes[0].collections if isinstance(each, ContourSet) and len(list(each.levels)) == 1
    ]
    ((edge,), *_) = [each.allsegs[0] for each in edges if len(each.allsegs[0]) == 1 and each.allsegs[0][0][0, 1] > 0.9]
    assert found.least.rate is not None
    assert found.least.fidelity is not None
    rate, fidelity = edge[np.argsort(edge[:, 0])].T
    own = found.link
    # Bisected by another function, from the same model; the grid is coarse.
    assert np.interp(own.rate / SECONDS, rate, fidelity) == pytest.approx(found.least.fidelity, abs=0.004)
    assert np.interp(-own.fidelity, -fidelity, rate) == pytest.approx(found.least.rate / SECONDS, rel=0.1)


def test_only_links_whose_figures_are_known_lie_on_it(figure: Figure) -> None:
    texts = _texts(figure)
    assert {"oxford-ions-2025", "ustc-ions-2026", "harvard-siv-2024", "Bell pairs per second"} <= texts
    assert not {"delft-nv-2018", "berlin-photons-2025", "micius-2017"} & texts  # no fidelity, or no rate


def test_without_the_unit_of_time_only_this_link_lies_on_it() -> None:
    alone = assess(with_link(), pairs=10_000, seed=1)
    texts = _texts(link_figure(alone, ("rate", "memory_time")))
    assert {"this link", "Bell pairs per unit of time", "Memory time (units of time)"} <= texts
    assert "published links" not in texts


def test_a_link_without_memory_or_advantage_is_drawn() -> None:
    hopeless = assess(with_link({"rate": 1.0, "fidelity": 0.25, "memory_time": 0.0}), pairs=10_000, seed=1)
    texts = " ".join(_texts(link_figure(hopeless, ("memory_time", "measurement_fidelity"))))
    assert "nothing here beats any classical routers" in texts


def test_a_link_at_an_unknown_distance_is_not_put_at_one() -> None:
    nowhere = assess(with_link(time_unit_seconds=SECONDS), pairs=10_000, seed=1)
    texts = _texts(link_figure(nowhere, ("distance_km", "fidelity")))
    assert {"published links", "munich-atoms-2022", "berlin-photons-2025", "Distance (km)"} <= texts
    assert "this link" not in texts


def test_nothing_is_shown_as_saved_where_nothing_is() -> None:
    light = assess(with_link(), pairs=10_000, seed=1)
    figure = link_figure(light, ("rate", "fidelity"))
    for each in figure.axes[0].collections:
        if isinstance(each, ContourSet):
            assert min(each.levels) > 0
    assert not any("$" in text for text in _texts(figure))  # ticks are numbers, not formulas


def test_every_pair_of_figures_makes_a_map_and_nothing_else_does() -> None:
    for name in set(PARAMETERS) - {"rate"}:
        assert map_axes(f"rate, {name}", 1.0) == ("rate", name)
    for wrong in ("rate", "rate,rate", "rate,fidelity,distance_km", "rate,colour", ""):
        with pytest.raises(ScenarioError, match="--over"):
            map_axes(wrong, 1.0)
