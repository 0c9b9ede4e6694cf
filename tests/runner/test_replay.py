"""The replay against closed forms and a plain event loop, what drift does to it, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bellqueue.analysis.replay.replay import (
    Effort,
    distribution_of,
    order_effect,
    percentile,
    percentile_difference,
    spread,
)
from bellqueue.model.progress import unwatched
from bellqueue.model.queueing.reward import PowerReward
from bellqueue.model.queueing.routing import ReplayRouting, SplittingRouting
from bellqueue.model.queueing.service import Service
from bellqueue.model.queueing.simulation import compare, simulate
from bellqueue.model.queueing.waiting import RELATIVE_ERROR
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Trials
from numpy.typing import NDArray

from tests.model.event_loop import Recorder, event_loop
from tests.runner.conftest import Run, check_refusal
from tests.runner.recorded_runs import write_run
from tests.scenarios import dense, heavy_scenario

CORRELATORS = np.array([[0.8, -0.6], [-0.7, -0.75]])


def recorded(seed: int, count: int, visibility: NDArray[np.float64] | float = 0.9) -> Trials:
    rng = np.random.default_rng([seed, 5])
    x, y = np.divmod(rng.integers(0, 4, count), 2)
    a = rng.integers(0, 2, count)
    return Trials(x, y, a, a ^ (rng.random(count) < (1 - CORRELATORS[x, y] * visibility) / 2), (2, 2))


def test_percentiles_of_single_server_queues_lie_in_their_intervals() -> None:
    # Pairs always split and exponential service: two M/M/1 queues, P(wait > t) = ρ exp(−(1−ρ)t) with mean service 1.
    service = (Service("exponential", 1.0, 1.0),)
    workload = Workload(0.6, np.ones((1, 1)), service, service, ("only",), ("only",), PowerReward(2.0), True)
    covered = 0
    for seed in range(20):
        routing = SplittingRouting(np.ones((1, 1)))
        run = distribution_of(simulate(workload, routing, 60_000, np.random.default_rng(seed), distribution=True))
        for tail in (0.5, 0.05, 0.01):
            found = percentile(run, 1 - tail)
            exact = float(np.log(0.6 / tail) / 0.4)
            assert abs(found.estimate - exact) < 4.5 * found.standard_error
            covered += found.low <= exact <= found.high
    assert covered >= 50  # of 60; at 95 % fewer come in one case of ten thousand


def test_a_replay_of_few_pairs_is_a_plain_event_loop() -> None:
    workload = heavy_scenario().workload()
    recorder = Recorder(ReplayRouting(spread(recorded(1, 4_000), workload.joint, 600)))
    run = simulate(workload, recorder, 600, np.random.default_rng(3), batches=2, warm_up=0, distribution=True)
    waits = np.sort(event_loop(recorder.blocks, recorder.a, recorder.b).waits)
    assert run.waiting_time.estimate == pytest.approx(waits.mean(), rel=1e-9)
    times, shares, _ = distribution_of(run).points()
    for time, share in zip(times.tolist(), shares.tolist(), strict=True):
        assert np.mean(waits <= time * (1 - 2 * RELATIVE_ERROR)) <= share <= np.mean(waits <= time * 1.01 + 1e-9)
    for probability in (0.5, 0.95, 0.99):
        exact = np.quantile(waits, probability, method="inverted_cdf")
        assert percentile(distribution_of(run), probability).estimate == pytest.approx(exact, rel=RELATIVE_ERROR)


def test_common_arrivals_narrow_every_difference() -> None:
    workload = heavy_scenario().workload()
    routings = [SplittingRouting(np.full((2, 2), share)) for share in (0.5, 0.6)]
    both = compare(workload, routings, 200_000, np.random.default_rng(2), distribution=True)
    first, second = (distribution_of(result) for result in both.results)
    for probability in (0.5, 0.95):
        apart = percentile_difference(first, second, probability)
        ends = percentile(first, probability), percentile(second, probability)
        assert apart.estimate == pytest.approx(ends[0].estimate - ends[1].estimate)
        assert apart.standard_error < 0.5 * np.hypot(ends[0].standard_error, ends[1].standard_error)
    errors = [result.waiting_time.standard_error for result in both.results]
    assert both.waiting_time_difference(0, 1).standard_error < 0.5 * np.hypot(errors[0], errors[1])


def test_trials_are_spread_so_that_the_traffic_sees_the_whole_run() -> None:
    # One pair of types is recorded as often as the others but needed five times less: its trials still span the run.
    workload = Scenario.default().workload()
    trials = recorded(4, 40_000)
    kept = spread(trials, workload.joint, 20_000)
    rare = np.flatnonzero((trials.x == 1) & (trials.y == 1))
    count = int(kept.counts().settings[1, 1])
    assert 1_800 < count < 2_100  # 0.09 of 20000, and a reserve
    evenly = rare[np.arange(count) * rare.size // count]
    both = (kept.x == 1) & (kept.y == 1)
    assert np.array_equal(kept.a[both], trials.a[evenly])
    assert np.array_equal(kept.b[both], trials.b[evenly])


def test_a_decaying_device_is_replayed_at_its_average() -> None:
    # From perfect to useless: the first trials of the rare pairs alone would route far better than the device did.
    workload = Scenario.default().workload()
    trials = recorded(5, 200_000, np.linspace(1.0, 0.0, 200_000))
    split = (1 - trials.counts().correlators) / 2
    run = simulate(workload, ReplayRouting(spread(trials, workload.joint, 100_000)), 90_000, np.random.default_rng(1))
    assert abs(run.waiting_time.estimate - workload.waiting_time(split)) < 4 * run.waiting_time.standard_error
    early = ReplayRouting(trials[:100_000], True)
    first = simulate(workload, early, 90_000, np.random.default_rng(1))
    assert first.waiting_time.estimate < workload.waiting_time(split) - 4 * first.waiting_time.standard_error


@pytest.mark.slow
def test_the_order_of_independent_trials_does_nothing_to_waiting() -> None:
    workload = heavy_scenario().workload()
    quiet = Effort(unwatched, 1)
    found = [order_effect(workload, recorded(seed, 2_400), 1_000, seed, quiet).waiting_time for seed in range(40)]
    covered = sum(effect.low <= 0 <= effect.high for effect in found)
    assert covered >= 33  # of 40, at 95 % each: fewer come in less than one case of a thousand
    assert np.ptp([effect.estimate for effect in found]) > 0


def test_the_order_is_compared_over_the_very_same_outcomes() -> None:
    # All outcomes of a setting alike: then no order differs from another, and nor may their waiting times.
    workload = heavy_scenario().workload()
    trials = recorded(7, 3_000)
    alike = Trials(trials.x, trials.y, np.zeros_like(trials.a), trials.x ^ trials.y, (2, 2))
    effect = order_effect(workload, alike, 1_000, 3, Effort(unwatched, 1)).waiting_time
    assert effect.estimate == pytest.approx(0, abs=1e-9)
    assert effect.standard_error == pytest.approx(0, abs=1e-9)


@pytest.mark.in_full
def test_the_record_holds_distributions_intervals_and_tests(call: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "run", dense(shots=20_000).record(), 2)
    done = call("replay", "run", "--seed", 4, "--json", "--plot", "cdf.svg")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    for name in ("replayed", "classical", "communication"):
        curve = record[name]["waiting_time_distribution"]
        times, shares = np.array(curve["waiting_time"]), np.array(curve["probability"])
        assert times[0] == 0
        assert shares[-1] == 1
        assert np.all(np.diff(shares) >= 0)
        for percent in (50, 95, 99):
            found = record[name][f"waiting_time_p{percent}"]
            assert found["low"] <= found["estimate"] <= found["high"]
            assert np.interp(found["estimate"], times, shares) >= percent / 100 - 0.005
        both = sum(server["estimate"] for server in record[name]["server_baseline_throughput"])
        assert both == pytest.approx(record[name]["baseline_throughput"]["estimate"], rel=1e-9)
        assert len(record[name]["load"]) == 2
    for difference, name in (
        ("waiting_time_reduction", "waiting_time"),
        ("baseline_throughput_gain", "baseline_throughput"),
    ):
        alone = np.hypot(record["replayed"][name]["standard_error"], record["classical"][name]["standard_error"])
        assert record[difference]["standard_error"] < 0.8 * alone
    assert record["order"]["remark"] is None
    assert not record["order"]["drift"]["alarm"]
    assert not record["order"]["memory"]["alarm"]
    assert record["order"]["effect"]["shuffles"] == 20
    drawing = (tmp_path / "cdf.svg").read_text()
    for label in ("replayed trials", "best memoryless classical at equal throughput", "best with communication"):
        assert label in drawing


def test_fixed_settings_say_what_their_order_cannot_tell(call: Run, tmp_path: Path) -> None:
    record = Scenario.default().record()
    record["experiment"].update(settings="fixed", shots=4_000)
    (tmp_path / "s.json").write_text(json.dumps(record))
    call("run", "s.json", "--backend", "aer", "--seed", 1, "--out", "run")
    first = call("replay", "run", "--seed", 1).stdout
    assert call("replay", "run", "--seed", 1).stdout == first
    shown = " ".join(first.split())
    assert "cannot be told from the settings' own difference" in shown


@pytest.mark.parametrize(("place", "words"), [("nowhere/cdf.png", "nowhere"), ("cdf.docx", "must end in .png")])
def test_a_place_where_no_figure_can_be_is_refused_before_the_simulation(
    place: str, words: str, call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "run", dense(shots=500).record())
    monkeypatch.delattr("bellqueue.runner.experiment.execution.replay_trials")
    check_refusal(call("replay", "run", "--plot", place), words)
