"""The figures on the page about where entanglement helps are those that the program finds."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import Against
from bellqueue.model.scenario.file import Scenario

from tests.docs.pages import DOCS
from tests.docs.test_reference import rows

PAGE = "where-it-helps.md"
MAP = {row[0]: row[1:] for row in rows(PAGE, "The map")}
LOADS = np.geomspace(0.005, 0.5, 9).round(15)  # of examples/sweep.toml; the one in the middle is just 0.05
QUICK = ("0.005", "0.05", "0.5")


@cache
def _default_at(load: float) -> Frontiers:
    record = Scenario.default().record()
    record["traffic"]["pair_rate"] = load / 2.5  # both routers' requests take 2.5 on average
    return Frontiers.of(Scenario.parse(record))


@pytest.mark.parametrize("load", [pytest.param(load, marks=[] if load in QUICK else pytest.mark.slow) for load in MAP])
def test_a_row_of_the_map(load: str) -> None:
    shown = MAP[load]
    frontiers = _default_at(float(LOADS[np.abs(LOADS - float(load)).argmin()]))
    classes: tuple[Against, ...] = "memoryless", "every-classical"
    for against, visibility, share in zip(classes, shown[:2], shown[2:], strict=True):
        least = frontiers.least_visibility(against)
        assert visibility == ("none" if least is None else f"{least:.3f}")
        best = frontiers.largest_reduction(against=against)
        assert share == (f"{100 * best.waiting_time_reduction_relative:.1f} %" if best.helps else "none")


def test_the_bound_covers_the_router_with_a_memory() -> None:
    text = (DOCS / PAGE).read_text("utf-8")
    frontiers = _default_at(0.05)
    bound = float(frontiers.every_classical.proved.waiting_time_at(1.9 * math.exp(-0.1)))
    assert f"W ≥ {bound:.4f}." in text
    remembering = next(row for row in rows(PAGE, "A classical router with a memory") if "remembered" in row[0])
    assert bound < float(remembering[1].split()[0]) < frontiers.workload.all_split_waiting_time


@pytest.mark.slow
def test_the_strong_claim_ends_where_the_page_says() -> None:
    ends = {load: _default_at(load).least_visibility("every-classical") for load in (0.0425, 0.045, 0.05, 0.0525)}
    assert ends.pop(0.0525) is None
    found = {load: least for load, least in ends.items() if least is not None}
    assert found[0.0425] < 0.956 < found[0.045] < found[0.05] < 1
