"""What ibm_hanoi measured, as a run: its queues in the replay, a drift put into it, and another scenario.

The published single shots are not kept here, their sixteen counts are: each setting's outcomes are laid out in a seeded
order, and the settings in another. What depends on the counts alone is therefore the device's. The order is ours: it
can show that a drift is found, not whether the device drifted. Where BELLQUEUE_TEST_DATA names a folder with the single
shots (`ibm_hanoi_q19_q20.trials.csv`, columns x,y,a,b in the order of execution), they are replayed, too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.backends.protocol import Description
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.trials import Sampling, Trials
from bellqueue.runner.experiment.pipeline import plan_record
from bellqueue.runner.experiment.preparation import prepare_point
from scipy.stats import binom

from tests.scenarios import IBM_HANOI, dense, heavy_scenario

from .conftest import Run
from .recorded_runs import Device, write_folder

COUNTS = np.array(IBM_HANOI)
WAITING, SPLITTING, CLASSICAL_WAITING = 0.497809, 0.505621, 0.566644  # MODEL §5, of these counts at pair rate 0.02
DEVICE = Description(name="ibm:hanoi", kind="hardware", device="ibm_hanoi", qubits=27, pair=(19, 20))


def write_run(folder: Path, seed: int, drift: float = 0.0) -> None:
    """The counts as a finished run; with drift the outcomes that miss the setting's majority come later on average."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.repeat(np.arange(4), COUNTS.sum(axis=(2, 3)).ravel()))
    outcomes = [_outcomes(COUNTS[place], drift, rng) for place in np.ndindex(2, 2)]
    _write(folder, seed, order, lambda plan: plan.trials(outcomes))


def write_single_shots(folder: Path, source: Path) -> None:
    """The published single shots as a finished run, in their own order."""
    rows = np.loadtxt(source, delimiter=",", skiprows=1, dtype=np.uint8)
    _write(folder, 1, 2 * rows[:, 0].astype(int) + rows[:, 1], lambda plan: plan.in_order(rows[:, 2:]))


def _write(folder: Path, seed: int, order: Any, measured: Callable[[Schedule], Trials]) -> None:
    shots = np.bincount(order, minlength=4).reshape(2, 2)
    scenario = dense(settings="fixed", shots=len(order), against="memoryless")
    experiment = prepare_point(scenario, seed)
    (part,) = experiment.point.strategy.components  # one pair of bases for every pair of types
    alpha, beta = (angle.tolist() for angle in part.angles())
    settings = tuple(Setting(x, y, alpha[x], beta[y]) for x in range(2) for y in range(2))
    plan = Schedule(settings, order, (2, 2), Sampling("fixed", shots / shots.sum()))
    record = plan_record(replace(experiment, schedule=plan), Device(DEVICE))
    write_folder(folder, scenario, record, measured(plan))


def _outcomes(table: Any, drift: float, rng: np.random.Generator) -> Any:
    """Outcomes (a, b) in order, shape (shots, 2), of exactly the counts table[a][b]."""
    outcomes = np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], table.ravel(), axis=0).astype(np.uint8)
    together = outcomes[:, 0] == outcomes[:, 1]
    minority = together != (np.mean(together) > 0.5)
    return outcomes[np.argsort(rng.random(len(outcomes)) + drift * minority)]


def replayed(call: Run, *arguments: object) -> Any:
    done = call("replay", "run", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_folder_holds_the_published_counts(tmp_path: Path) -> None:
    write_run(tmp_path / "run", 1)
    rows = np.loadtxt(tmp_path / "run" / "trials.csv", delimiter=",", skiprows=1, dtype=int)
    found, often = np.unique(rows, axis=0, return_counts=True)
    assert found.tolist() == [list(place) for place in np.ndindex(2, 2, 2, 2)]
    assert often.tolist() == COUNTS.ravel().tolist()
    assert 0.4 < np.mean(np.diff(rows[:, 0]) == 0) < 0.6  # the settings are mixed


@pytest.mark.parametrize("seeds", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_the_replay_waits_as_long_as_the_formula_says(seeds: int, call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "run", 1)
    records = [replayed(call, "--seed", seed) for seed in range(seeds)]
    for record in records:
        assert record["formula"]["waiting_time"] == pytest.approx(WAITING, abs=1e-6)
        assert record["formula"]["splitting_probability"] == pytest.approx(SPLITTING, abs=1e-6)
        assert record["classical_formula"]["waiting_time"] == pytest.approx(CLASSICAL_WAITING, abs=1e-6)
        assert record["pairs"] > 80_000  # nearly all outcomes of the most wanted setting, each once
        assert not record["cycled"]
        for name, expected in (("replayed", WAITING), ("classical", CLASSICAL_WAITING)):
            found = record[name]["waiting_time"]
            assert abs(found["estimate"] - expected) < 4.5 * found["standard_error"]
        assert record["waiting_time_reduction"]["low"] > 0
        assert record["order"]["drift"]["alarm"] is record["order"]["memory"]["alarm"] is False
    # 95 % intervals: fewer than three of five hold the true value in one case of a thousand; one alone says nothing.
    least = binom.ppf(2e-3, seeds, 0.95)
    held = [record["replayed"]["waiting_time"] for record in records]
    assert sum(found["low"] <= WAITING <= found["high"] for found in held) >= least
    reduced = [record["waiting_time_reduction"] for record in records]
    assert sum(found["low"] <= CLASSICAL_WAITING - WAITING <= found["high"] for found in reduced) >= least


@pytest.mark.skipif("BELLQUEUE_TEST_DATA" not in os.environ, reason="the published single shots are not kept here")
def test_the_single_shots_in_their_own_order_wait_as_long_as_the_formula_says(call: Run, tmp_path: Path) -> None:
    write_single_shots(tmp_path / "run", Path(os.environ["BELLQUEUE_TEST_DATA"], "ibm_hanoi_q19_q20.trials.csv"))
    records = [replayed(call, "--seed", seed) for seed in range(5)]
    for record in records:
        found, formula = record["replayed"]["waiting_time"], record["formula"]["waiting_time"]
        assert formula == pytest.approx(WAITING, abs=0.02)  # a fifth of the trials
        assert abs(found["estimate"] - formula) < 4.5 * found["standard_error"]
    held = 0
    for record in records:
        found = record["replayed"]["waiting_time"]
        held += found["low"] <= record["formula"]["waiting_time"] <= found["high"]
    assert held >= 3


@pytest.mark.slow
def test_a_drift_put_into_the_same_counts_is_found(call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "run", 1, drift=0.1)
    record = replayed(call, "--seed", 1)
    assert record["formula"]["waiting_time"] == pytest.approx(WAITING, abs=1e-6)
    drift = record["order"]["drift"]
    assert drift["alarm"]
    assert drift["log10_p_value"] < -20
    assert drift["change"] < -4 * drift["change_error"] < 0
    assert drift["course"][0] > 1 > drift["course"][-1]
    shown = " ".join(call("replay", "run", "--seed", 1, "--plot", "cdf.png").stdout.split())
    assert "drift: log10 p = \N{MINUS SIGN}" in shown
    assert "ALARM; from start to end the correlators changed by \N{MINUS SIGN}" in shown
    assert "figure: cdf.png" in shown
    assert (tmp_path / "cdf.png").read_bytes().startswith(b"\x89PNG")


def test_its_point_beats_the_class_in_light_traffic_and_not_in_heavy(call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "run", 1)
    (tmp_path / "heavy.json").write_text(json.dumps(heavy_scenario().record()))
    records = {}
    for name, arguments in (("light", ()), ("heavy", ("--scenario", "heavy.json"))):
        done = call("analyze", "run", *arguments, "--report", f"{name}.html", "--json")
        assert done.returncode == 0, done.stderr
        records[name] = json.loads(done.stdout)
        refused = "Not certified:" in " ".join((tmp_path / f"{name}.html").read_text().split())
        assert refused is (name == "heavy") is not records[name]["certificate"]["certified"]
    assert records["light"]["observed"]["waiting_time"]["estimate"] == pytest.approx(WAITING, abs=1e-6)
    assert records["light"]["advantage"]["waiting_time_reduction"]["low"] > 0
    # MODEL §5: W0 = 32.5 and the weights 1.5, 10.25, 68 of the pairs of types, each a quarter of all.
    together = COUNTS.trace(axis1=2, axis2=3) / COUNTS.sum(axis=(2, 3))
    waiting = 32.5 + float((together * [[1.5, 10.25], [10.25, 68]]).sum()) / 4
    assert records["heavy"]["observed"]["waiting_time"]["estimate"] == pytest.approx(waiting, rel=1e-9)
    assert records["heavy"]["advantage"]["waiting_time_reduction"]["high"] < 0
