"""What commands print of routers that know the past."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.analysis.menus.records import MenuAnalysis
from bellqueue.analysis.menus.replay import replay_menu
from bellqueue.analysis.report.figures.waiting import replay_figure
from bellqueue.model.trials import Sampling
from bellqueue.runner.commands.screens.menu import menu_lines
from bellqueue.runner.commands.screens.replay import replay_table
from bellqueue.runner.commands.screens.sections import analysis_table
from rich.console import Console

from tests.analysis.conftest import HOSTILE, HOSTILE_TYPES
from tests.analysis.menus.analyses import KAPPA, NO_GAIN, light_scenario, lossy, made_up_plan, menu_analysis
from tests.model.informed.recorded_menus import measured, policies, two_entries


def test_a_replay_says_what_its_record_says() -> None:
    menu, scenario = two_entries(), light_scenario()
    routers = policies(scenario.workload(), menu.split(0.97), KAPPA)[:2]
    trials, fixed = measured(menu, 8_000, 3, 0.97), Sampling("fixed", lost=np.array([[7, 0], [0, 0], [0, 0], [0, 2]]))
    replay = replay_menu(scenario, made_up_plan(menu), trials, fixed, 4_000, 3, routers=routers)
    console = Console(width=80)
    with console.capture() as screen:
        console.print(replay_table(replay))
    shown, record = " ".join(screen.get().split()), replay.record()
    assert "4000 simulated pairs routed by the recorded outcomes of the menu, recorded outcomes used more" in shown
    assert f"{record['recorded']['waiting_time']['estimate']:.5g}" in shown
    assert f"by {record['cost_reduction']['estimate']:.4g} (" in shown
    shares = [f"{100 * share:.1f} %" for share in [*record["entry_shares"], 1 - sum(record["entry_shares"])]]
    assert f"by entry of the menu: {shares[0]}, {shares[1]}; by classical maps: {shares[2]}." in shown
    assert "each setting was measured in a stretch of its own" in shown
    assert record["lost"] == 9
    assert "the 9 trials that were lost route no pair" in shown
    labels = replay_figure(replay).legends[0].get_texts()
    assert [label.get_text().split("\n")[0] for label in labels] == [
        "replayed outcomes of the menu",
        "best classical routers that know the past",
        "independent outcomes of the probabilities measured",
    ]
    assert np.isfinite(record["waiting_time_p99_reduction"]["estimate"])


@pytest.mark.parametrize(
    ("analysis", "said"),
    [
        (menu_analysis(), ["CERTIFIED: with the same background work done, requests wait at least 3.8 % less than"]),
        (menu_analysis(False), ["NOT CERTIFIED: this does not show", "They waited 4.7 % less, but that can be chance"]),
        (menu_analysis(False, **NO_GAIN), ["Even by estimate they save nothing", "none: classical maps do better"]),
        (
            menu_analysis(False, measured=lossy(), **NO_GAIN),
            ["with every rounding and lost trial counted against them", "visibility of trials with an outcome", "40 l"],
        ),
        (menu_analysis(entries=8, warnings=["ALARM " + "about things " * 9]), ["ALARM about", "in 8 sets of bases"]),
        (menu_analysis(title=HOSTILE + " long" * 40, types=HOSTILE_TYPES), ["CERTIFIED", "none lost"]),
    ],
)  # fmt: skip
def test_the_first_screen_fits_and_says_what_matters(analysis: MenuAnalysis, said: list[str]) -> None:
    lines = menu_lines(analysis, ["report: run/report.html", "all numbers: --full"])
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    shown = " ".join(" ".join(lines).split())
    assert all(each in shown for each in said)
    assert "chance with any classical routers" in shown
    assert "Both routers know both servers' past" in shown
    assert "\x1b" not in shown
    assert lines[-1] == "all numbers: --full"


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("types", [("short", "long"), HOSTILE_TYPES])
def test_the_full_tables_fit_the_terminal_and_hold_every_setting(width: int, types: tuple[str, str]) -> None:
    console = Console(width=width)
    with console.capture() as screen:
        console.print(analysis_table(menu_analysis(entries=8, types=types)))
    shown = [line.rstrip() for line in screen.get().splitlines()]
    assert max(map(len, shown)) <= width
    assert sum(" 8: " in f" {line}" for line in shown) == 4
    assert "\x1b" not in "".join(shown)
