"""Measuring in rounds: when it stops, what it may then say, and what of it is refused."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.certificate.martingale import LOG_SHARES, ODDS
from bellqueue.analysis.certificate.stopping import Rounds, Standing, job_rounds, measure_in_rounds
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Sampling, Trials
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import logsumexp

from tests.scenarios import default_record, heavy_scenario

from .conftest import Run, check_refusal

ALPHA = 1e-3
FRONTIERS = Frontiers(Scenario.default().workload())
MULTIPLIER = float(FRONTIERS.classical.multipliers[-1])
SAMPLING = Sampling("random", FRONTIERS.game(MULTIPLIER).input_distribution)
BELL = FRONTIERS.one_pair.at_multiplier(MULTIPLIER).correlators
CLASSICAL = np.array([[1.0, -1.0], [-1.0, 1.0]])  # one bit of each router, told by its type: mixed pairs are split


class Device:
    """Settings drawn afresh and outcomes of given correlators; keeps which trials and seeds it was asked for."""

    def __init__(self, correlators: NDArray[np.float64]) -> None:
        self.correlators = correlators
        self.parts: list[range] = []
        self.seeds: list[int] = []

    def measure(self, part: range, seed: int) -> Trials:
        self.parts.append(part)
        self.seeds.append(seed)
        assert SAMPLING.distribution is not None
        rng = np.random.default_rng(seed)
        x, y = np.divmod(rng.choice(4, len(part), p=SAMPLING.distribution.ravel()), 2)
        a = rng.integers(0, 2, len(part))
        return Trials(x, y, a, a ^ (rng.random(len(part)) < (1 - self.correlators[x, y]) / 2), (2, 2))


def measured(correlators: NDArray[np.float64], budget: int, seed: int) -> tuple[Device, list[Standing], Trials]:
    """The device, where things stood after every round, and all trials."""
    device, standings = Device(correlators), list[Standing]()
    state = Rounds(FRONTIERS, SAMPLING, MULTIPLIER, ALPHA, budget)
    trials = measure_in_rounds(state, budget, seed, device.measure, standings.append)
    return device, standings, trials


def beyond_bound(trials: Trials) -> bool:
    """Whether these wins in that many trials refute the classical bound, by the stakes as they are now."""
    game = FRONTIERS.game(MULTIPLIER)
    won = int(np.sum((trials.a == trials.b) == (game.matrix[trials.x, trials.y] > 0)))
    chance = (1 + game.bound("memoryless").high / np.abs(game.matrix).sum()) / 2
    stakes = LOG_SHARES + won * np.log1p(ODDS) - len(trials) * np.log1p(ODDS * chance)
    return float(logsumexp(stakes)) > -math.log(ALPHA)


@pytest.mark.parametrize("seed", range(5))
def test_it_stops_after_the_first_round_that_refutes_local_correlators_and_the_bound(seed: int) -> None:
    device, standings, trials = measured(0.95 * BELL, 20_000, seed)
    shown = [
        standing.log10_p_value <= np.log10(ALPHA) and beyond_bound(trials[: standing.trials]) for standing in standings
    ]
    assert shown == [False] * (len(standings) - 1) + [True]
    assert [standing.stop for standing in standings] == [standing.certified for standing in standings] == shown
    assert len(trials) == standings[-1].trials == device.parts[-1].stop < 20_000
    assert f"{len(trials)} of at most 20000 trials" in standings[-1].line()


def test_certainty_that_has_passed_by_the_end_of_the_round_does_not_stop_it() -> None:
    """100 wins, then losses until the stake is down again: p keeps its best moment, the lower limit does not."""
    state = Rounds(FRONTIERS, SAMPLING, MULTIPLIER, ALPHA, 2_000)
    game = FRONTIERS.game(MULTIPLIER).matrix
    x, y = np.divmod(np.arange(250) % 4, 2)

    def played(won: NDArray[np.bool_]) -> Trials:
        kind = x[: won.size], y[: won.size]
        return Trials(*kind, np.zeros(won.size, dtype=int), np.where(won == (game[kind] > 0), 0, 1), (2, 2))

    passed = state.add(played(np.arange(250) < 100))
    assert passed.log10_p_value <= np.log10(ALPHA)
    assert not beyond_bound(state.trials)
    assert not passed.stop
    for _ in range(3):
        again = state.add(played(np.ones(250, dtype=bool)))
    assert beyond_bound(state.trials)
    assert again.certified


@pytest.mark.parametrize("budget", [1, 150, 200, 201, 3_000])
def test_the_budget_is_never_exceeded(budget: int) -> None:
    device, standings, trials = measured(CLASSICAL, budget, 3)
    assert len(trials) == budget
    assert [part.start for part in device.parts] == [0, *(part.stop for part in device.parts[:-1])]
    assert standings[-1].reason == f"the budget of {budget} trials is used"
    assert not any(standing.stop for standing in standings[:-1])
    assert all(standing.trials <= standing.budget == budget for standing in standings)


def test_every_round_has_a_seed_of_its_own() -> None:
    first, second = (measured(CLASSICAL, 20_000, seed)[0] for seed in (1, 2))
    assert len(first.seeds) > 5
    assert len({*first.seeds, *second.seeds}) == 2 * len(first.seeds)
    assert measured(CLASSICAL, 20_000, 1)[0].seeds == first.seeds


def test_what_is_said_depends_on_the_trials_alone_not_on_the_rounds() -> None:
    trials = Device(0.9 * BELL).measure(range(3_000), 7)
    ends = []
    for cuts in ([0, 3_000], [0, 1, 700, 3_000]):
        state = Rounds(FRONTIERS, SAMPLING, MULTIPLIER, ALPHA, 3_000)
        for start, stop in itertools.pairwise(cuts):
            standing = state.add(trials[start:stop])
        ends.append(standing)
    assert ends[0].log10_p_value == ends[1].log10_p_value < -1
    assert ends[0] == ends[1]


@given(st.integers(1, 10**6), st.integers(1, 60))
def test_job_rounds_partition_the_budget_in_whole_shots(shots: int, parallel: int) -> None:
    found = job_rounds(shots * parallel, parallel)
    assert found[0].start == 0
    assert found[-1].stop == shots * parallel
    assert all(left.stop == right.start for left, right in itertools.pairwise(found))
    assert all(len(part) > 0 and len(part) % parallel == 0 for part in found)
    # Each about twice the last: a hundred million trials are fewer than twenty jobs.
    assert len(found) <= 2 + np.log2(max(shots * parallel / 1000, 1) + parallel)


# --- The command line -----------------------------------------------------------------------------------------------


def write_scenario(path: Path, **experiment: Any) -> None:
    path.write_text(json.dumps(default_record(**experiment)))


def test_a_run_until_certified_takes_less_than_its_budget(call: Run, tmp_path: Path) -> None:
    done = call(
        "run", "--until-certified", "--backend", "fake:torino", "--seed", 1, "--json", "--out", "run"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    certificate = record["certificate"]
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    rows = (tmp_path / "run" / "trials.csv").read_text().splitlines()
    assert certificate["trials"] == len(rows) - 1 == plan["shots"] == np.sum(plan["asked"])
    assert plan["budget"] == Scenario.default().experiment.shots > certificate["trials"]
    assert certificate["method"] == certificate["anytime_method"] == "prediction-based ratios"
    assert certificate["certified"]
    assert certificate["log10_p_value"] <= np.log10(certificate["significance"])
    assert certificate["excess_at_least"] > 0
    again = call("analyze", "run", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["certificate"] == certificate
    assert json.loads(again.stdout)["advantage"] == record["advantage"]
    (tmp_path / "other.json").write_text(json.dumps(heavy_scenario().record()))
    words = "stopped as soon as its own scenario was certified", "measure a run without stop"
    check_refusal(call("analyze", "run", "--scenario", "other.json"), *words)


@pytest.mark.parametrize(
    ("experiment", "arguments", "words"),
    [
        ({"settings": "fixed"}, ["--until-certified"], ["settings", "knows the schedule"]),
        ({"block": 5}, ["--until-certified"], ["block", "knows the schedule"]),
        ({"settings": "fixed", "stop": "certified"}, [], ["settings", "knows the schedule"]),
        ({"block": 2, "stop": "certified"}, [], ["block", "knows the schedule"]),
        ({"stop": "lucky"}, [], ["experiment.stop", "certified"]),
    ],
    ids=["fixed", "blocks", "fixed in the file", "blocks in the file", "no such rule"],
)
def test_stopping_without_fresh_settings_is_refused_with_the_reason(
    experiment: dict[str, Any], arguments: list[str], words: list[str], call: Run, tmp_path: Path
) -> None:
    write_scenario(tmp_path / "s.json", **experiment)
    check_refusal(call("run", "s.json", "--seed", 1, "--out", "run", *arguments), *words)
    assert not (tmp_path / "run").exists()
