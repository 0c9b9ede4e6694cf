"""An analysis of a menu, made up for tests of what is shown of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from bellqueue.analysis.certificate.certificate import FRESH, LOOPHOLE
from bellqueue.analysis.certificate.diagnostics import marginals, no_signalling_test
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.menus.records import MenuAnalysis, MenuCertificate, MenuEntry, MenuForecast, MenuPlan
from bellqueue.analysis.menus.replay import Routers
from bellqueue.analysis.records.analysis_record import MeasuredCounts
from bellqueue.model.estimate import Estimate
from bellqueue.model.informed.menu import Menu
from bellqueue.model.informed.simulation import SimulatedRouter
from bellqueue.model.queueing.simulation import SimulationResult
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling

from tests.analysis.conftest import provenance
from tests.model.informed.recorded_menus import measured, policies, two_entries

KAPPA, BOUND = 4.963, -6.6170
NO_GAIN: dict[str, Any] = {  # classical maps everywhere
    "waiting_time_reduction_relative": Estimate(-0.033, -0.034, -0.033), "map_share": 1.0,
}  # fmt: skip


def light_scenario(types: tuple[str, str] = ("short", "long")) -> Scenario:
    """The default scenario with five times the traffic, the types having these names."""
    record = Scenario.default().record()
    record["traffic"]["pair_rate"] = 0.05
    for kind, name in zip(record["traffic"]["type"], types, strict=True):
        kind["name"] = name
    return Scenario.parse(record)


def lossy(entries: int = 2) -> MeasuredCounts:
    """Counts of a menu of two types at either router, 20 of each 1000 trials lost in each entry."""
    shape, lost = (2 * entries, 2), np.zeros((2 * entries, 2), dtype=np.int64)
    lost[::2, 0] = 20
    counts = Counts(np.full((*shape, 2, 2), 62) - np.multiply.outer(lost, np.full((2, 2), 0.25)).astype(np.int64))
    return MeasuredCounts.of(Sample(counts, Sampling("random", np.full(shape, 1 / (4 * entries)), lost=lost)))


def made_up_plan(menu: Menu, forecast: MenuForecast | None = None) -> MenuPlan:
    """Tests in the directions of the bases themselves."""
    tilts, centre = (table.reshape(-1, menu.shape[1]).tolist() for table in (menu.correlators, menu.split()))
    return MenuPlan(kappa=KAPPA, tilts=tilts, centre=centre, forecast=forecast)


def menu_analysis(
    certified: bool = True,
    *,
    entries: int = 2,
    title: str = "",
    types: tuple[str, str] = ("short", "long"),
    **changed: Any,
) -> MenuAnalysis:
    """Of a menu of as many entries, two of which differ; the numbers fit each other but follow from no data."""
    scenario = light_scenario(types)
    base = two_entries()
    places = np.arange(entries) % 2
    menu = Menu(base.u[places], base.v[places])
    counts = measured(menu, 4000, 3, 0.95).counts()
    split = (1 - counts.correlators).reshape(entries, 2, 2) / 2
    ends = (0.0296, 0.0241) if certified else (0.0296, -0.0123)  # saved: by estimate, at least
    waiting, throughput = 0.59504, 1.45891
    least = BOUND + KAPPA * throughput
    forecast = MenuForecast(
        split=menu.split(0.95).reshape(-1, 2).tolist(), cost=BOUND - 0.03, classical=BOUND, waiting_time=0.596,
        baseline_throughput=1.459, splitting_probability=0.46, waiting_time_reduction_relative=0.0512,
        expected_limit=BOUND - 0.02, power=0.95, predicted_power=0.981, trials=3100,
    )  # fmt: skip
    found: dict[str, Any] = {
        "title": title or "Made up",
        "verdict": ["CERTIFIED." if certified else "NOT CERTIFIED.", "Tested.", FRESH, LOOPHOLE],
        "locality": LOOPHOLE,
        "warnings": [],
        "certificate": MenuCertificate(
            certified=certified, log10_p_value=-7.31 if certified else -1.2, significance=1e-3, kappa=KAPPA,
            classical=BOUND, cost=Estimate(BOUND - ends[0], BOUND - ends[0], BOUND - ends[1]), step=0.25,
            largest_workload=40.0, trials=4000, assumption=FRESH, method="products of payments",
        ),
        "waiting_time": Estimate(waiting, waiting - 0.0011, waiting + 0.0011),
        "baseline_throughput": Estimate(throughput, throughput - 0.0002, throughput + 0.0002),
        "splitting_probability": Estimate(0.4637, 0.4630, 0.4644),
        "classical_waiting_time": least,
        "waiting_time_reduction": Estimate(ends[0], ends[1], ends[0]),
        "waiting_time_reduction_relative": Estimate(ends[0] / least, ends[1] / least, ends[0] / least),
        "throughput_gain": Estimate(*(each / KAPPA for each in (ends[0], ends[1], ends[0]))),
        "map_share": 0.361,
        "entries": [
            MenuEntry(
                alpha=np.arctan2(u[:, 1], u[:, 0]).tolist(), beta=np.arctan2(v[:, 1], v[:, 0]).tolist(),
                share=0.639 / entries, visibility=0.94 + 0.01 * number / entries, ideal=ideal.tolist(),
                split=[[Estimate(p, max(p - 0.04, 0.0), min(p + 0.04, 1.0)) for p in row] for row in rows.tolist()],
            )
            for number, (u, v, ideal, rows) in enumerate(zip(menu.u, menu.v, menu.split(), split, strict=True))
        ],
        "no_signalling": no_signalling_test(counts),
        "marginals": marginals(counts),
        "measured": MeasuredCounts.of(Sample(counts, Sampling("random", np.full(counts.shape, 1 / (4 * entries))))),
        "planned": made_up_plan(menu, forecast),
        "scenario": scenario.record(),
        "provenance": provenance(),
    }  # fmt: skip
    return MenuAnalysis(**found | changed)


Simulated = SimulationResult | SimulatedRouter


def assert_alike(first: Simulated, second: Simulated, *names: str) -> None:
    """Both simulations found the same but for chance. Defaults to W, p and τ."""
    for name in names or ("waiting_time", "splitting_probability", "baseline_throughput"):
        one, other = getattr(first, name), getattr(second, name)
        assert abs(one.estimate - other.estimate) < 4 * np.hypot(one.standard_error, other.standard_error), name


def coarse_routers(analysis: MenuAnalysis) -> Routers:
    """Policies for an analysis, on a coarse grid."""
    workload = Scenario.parse(analysis.scenario, analysis.title).workload()
    return policies(workload, np.array([entry.ideal for entry in analysis.entries]), KAPPA)[:2]
