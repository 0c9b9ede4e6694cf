"""What designs and analyzes menus in tests of everything around them: no bounds, plausible values."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.analysis.certificate.diagnostics import marginals, no_signalling_test
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.menus.design import MenuDesign, PredictMenu
from bellqueue.analysis.menus.records import MenuAnalysis, MenuCertificate, MenuEntry, MenuForecast, MenuPlan
from bellqueue.analysis.records.analysis_record import MeasuredCounts, Provenance
from bellqueue.model.estimate import Estimate
from bellqueue.model.informed.menu import Menu
from bellqueue.model.progress import Watch, unwatched
from bellqueue.model.scenario.file import Scenario

from tests.scenarios import default_record

ENTRIES = 2
# CHSH and the same with B's bases turned by 20 degrees.
ALPHA = np.array([[0.0, np.pi / 2]] * ENTRIES)
BETA = np.array([[np.pi / 4, -np.pi / 4], [np.pi / 4 + np.pi / 9, -np.pi / 4 + np.pi / 9]])
SHARES = np.array([[0.15, 0.2], [0.1, 0.05], [0.125, 0.125], [0.2, 0.05]])
MENU = Menu(*(np.stack([np.cos(angles), np.sin(angles)], axis=-1) for angles in (ALPHA, BETA)))


def informed_scenario(**experiment: object) -> Scenario:
    """The default scenario with routers that know the past."""
    return Scenario.parse(default_record(**{"routers": "past-informed", "menu": ENTRIES, "shots": 2000, **experiment}))


def design_menu(
    scenario: Scenario, predict: PredictMenu | None, power: float = 0.95, watch: Watch = unwatched
) -> MenuDesign:
    """Always the same menu, a forecast by whether the shots are more than 1000 and the pairs good."""
    rows = MENU.split(0.95) if predict is None else predict(MENU)
    assert rows.shape == (ENTRIES, 2, 2)
    split = rows.reshape(-1, 2)
    good = float(np.abs(2 * rows - 1).max()) > 0.6
    go = good and scenario.experiment.shots > 1000
    forecast = MenuForecast(
        split=split.tolist(),
        cost=-35.61,
        classical=-35.55,
        waiting_time=0.7,
        baseline_throughput=0.9,
        splitting_probability=0.6,
        waiting_time_reduction_relative=0.08,
        expected_limit=-35.58 if go else -35.5,
        power=power,
        predicted_power=0.99 if go else 0.2,
        trials=1500 if good else None,
    )
    plan = MenuPlan(
        kappa=40.0,
        tilts=(1 - 2 * split).tolist(),
        centre=split.tolist(),
        forecast=None if predict is None else forecast,
    )
    return MenuDesign(MENU, plan, SHARES)


def analyze_menu(
    scenario: Scenario,
    menu: Menu,
    planned: MenuPlan,
    sample: Sample,
    provenance: Provenance,
    watch: Watch = unwatched,
) -> MenuAnalysis:
    """Certified where B's answers follow the bases as on pairs of visibility 0.7; the numbers of queues are made up."""
    table = sample.counts.table.reshape(len(menu), *menu.shape, 2, 2)
    trials = np.maximum(table.sum(axis=(3, 4)), 1)
    split = (table[..., 0, 1] + table[..., 1, 0]) / trials
    ideal = menu.split()
    visibility = float(((1 - 2 * split) * (1 - 2 * ideal)).sum() / ((1 - 2 * ideal) ** 2).sum())
    certified = visibility > 0.7 and sample.lost < sample.trials / 10
    saved = Estimate(0.05, 0.02, 0.08)
    word = "CERTIFIED" if certified else "NOT CERTIFIED"
    return MenuAnalysis(
        title=scenario.title,
        verdict=[f"{word}: less waiting than every classical router.", "Both routers know the past."],
        locality="Both qubits are on one device.",
        warnings=[],
        certificate=MenuCertificate(
            certified=certified,
            log10_p_value=-5.0 if certified else 0.0,
            significance=scenario.experiment.significance,
            kappa=planned.kappa,
            classical=-35.55,
            cost=Estimate(-35.6, -35.6, -35.58),
            step=0.5,
            largest_workload=40.0,
            trials=sample.trials,
            assumption="Types were drawn afresh.",
            method="a fake",
        ),
        waiting_time=saved,
        baseline_throughput=saved,
        splitting_probability=saved,
        classical_waiting_time=0.75,
        waiting_time_reduction=saved,
        waiting_time_reduction_relative=saved,
        throughput_gain=saved,
        map_share=0.25,
        entries=[
            MenuEntry(
                alpha=np.arctan2(u[:, 1], u[:, 0]).tolist(),
                beta=np.arctan2(v[:, 1], v[:, 0]).tolist(),
                share=1 / len(menu),
                split=[[Estimate(each, each, each) for each in row] for row in found.tolist()],
                ideal=perfect.tolist(),
                visibility=visibility,
            )
            for u, v, found, perfect in zip(menu.u, menu.v, split, ideal, strict=True)
        ],
        no_signalling=no_signalling_test(sample.counts),
        marginals=marginals(sample.counts),
        measured=MeasuredCounts.of(sample),
        planned=planned,
        scenario=scenario.record(),
        provenance=provenance,
    )


def fake(patch: pytest.MonkeyPatch) -> None:
    """Menus are designed and analyzed as here."""
    patch.setattr("bellqueue.runner.experiment.preparation.design_menu", design_menu)
    patch.setattr("bellqueue.runner.experiment.pipeline.analyze_menu", analyze_menu)
    patch.setattr("bellqueue.runner.experiment.pipeline.with_waiting_times", lambda analysis: analysis)


@pytest.fixture
def menus(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what surrounds the mathematics of menus."""
    fake(monkeypatch)
