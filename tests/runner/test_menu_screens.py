"""What commands print of routers that know the past."""

from __future__ import annotations

import numpy as np
from bellqueue.analysis.menus.replay import replay_menu
from bellqueue.analysis.report.figures.waiting import menu_replay_figure
from bellqueue.model.trials import Sampling
from bellqueue.runner.commands.screens.replay import menu_replay_table
from rich.console import Console

from tests.model.informed.recorded_menus import measured, policies, two_entries
from tests.model.informed.workloads import light


def test_a_replay_says_what_its_record_says() -> None:
    menu, workload = two_entries(), light(0.05)
    policy, classical, _ = policies(workload, menu.split(0.97), 4.963)
    trials, fixed = measured(menu, 8_000, 3, 0.97), Sampling("fixed")
    replay = replay_menu("Made up", workload, 4.963, policy, classical, trials, fixed, 4_000, 3)
    console = Console(width=80)
    with console.capture() as screen:
        console.print(menu_replay_table(replay))
    shown, record = " ".join(screen.get().split()), replay.record()
    assert "4000 simulated pairs routed by the recorded outcomes of the menu, recorded outcomes used more" in shown
    assert f"{record['recorded']['waiting_time']['estimate']:.5g}" in shown
    assert f"by {record['cost_reduction']['estimate']:.4g} (" in shown
    shares = [f"{100 * share:.1f} %" for share in [*record["entry_shares"], 1 - sum(record["entry_shares"])]]
    assert f"by entry of the menu: {shares[0]}, {shares[1]}; by classical maps: {shares[2]}." in shown
    assert "each setting was measured in a stretch of its own" in shown
    labels = menu_replay_figure(replay).legends[0].get_texts()
    assert [label.get_text().split("\n")[0] for label in labels] == [
        "replayed outcomes of the menu",
        "best classical routers that know the past",
        "independent outcomes of the probabilities measured",
    ]
    assert np.isfinite(record["waiting_time_p99_reduction"]["estimate"])
