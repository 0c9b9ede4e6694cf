"""The replay of a menu: against independent outcomes, classical routers and their bound, and what order does to it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from bellqueue.analysis.menus.history import IndependentOutcomes, PastInformedRouting, RecordedOutcomes
from bellqueue.analysis.menus.replay import MenuReplay, replay_menu
from bellqueue.model.errors import DataError
from bellqueue.model.informed.bound import InformedBounds
from bellqueue.model.informed.measured import MAPS
from bellqueue.model.informed.simulation import Decide, Servers, Types, simulate_router
from bellqueue.model.queueing.simulation import compare
from bellqueue.model.trials import Sampling, Trials

from tests.analysis.menus.analyses import KAPPA, assert_alike, light_scenario, made_up_plan
from tests.known import known
from tests.model.informed.recorded_menus import Floats, measured, policies, two_entries
from tests.model.informed.workloads import light

MENU = two_entries()
SCENARIO, PLAN = light_scenario(), made_up_plan(MENU)
WORKLOAD = SCENARIO.workload()
POLICY, CLASSICAL, BOUND = policies(WORKLOAD, MENU.split(0.97), KAPPA)
SAMPLING = Sampling("random", np.full((4, 2), 1 / 8))
SPLIT = MENU.split(0.97).reshape(4, 2)


def replayed(trials: Trials, pairs: int | None = None) -> MenuReplay:
    return replay_menu(SCENARIO, PLAN, trials, SAMPLING, pairs, 3, routers=(POLICY, CLASSICAL))


@pytest.fixture(scope="module")
def usual() -> MenuReplay:
    return replayed(measured(MENU, 200_000, 1, 0.97))


def test_outcomes_of_known_probabilities_are_like_independent_ones(usual: MenuReplay) -> None:
    recorded, classical, independent = usual.comparison.results
    assert recorded.pairs > 60_000
    assert not usual.cycled
    assert_alike(recorded, independent)
    assert recorded.splitting_probability.low > classical.splitting_probability.high
    assert not known(usual.drift).alarm
    assert not known(usual.memory).alarm
    assert usual.remark is None


def test_classical_routers_cost_more_than_their_bound_and_recorded_outcomes_less_than_they(usual: MenuReplay) -> None:
    classical = usual.comparison.results[1]
    costs = classical.waiting_time_batches - KAPPA * classical.baseline_throughput_batches
    bound = InformedBounds(WORKLOAD, 1e-3, step=0.125, largest_workload=24.0).at(KAPPA).value
    assert costs.mean() > bound - 4 * costs.std(ddof=1) / np.sqrt(costs.size)
    assert bound >= BOUND
    assert usual.comparison.cost_difference(1, 0, KAPPA).low > 0


def test_the_shares_are_those_of_the_states_that_the_routers_come_to(usual: MenuReplay) -> None:
    """Counted in the other simulation, of many histories at once."""
    found = np.zeros(3)

    class Tally:
        def start(self, replicas: int) -> Decide:
            decide = POLICY.simulated(MENU.split(0.97)).start(replicas)
            grid = POLICY.grid

            def tallied(x: Types, y: Types, gap: Floats, levels: Floats) -> tuple[Servers, Servers]:
                row, column = np.clip(np.ceil(levels / grid.step).astype(int), -grid.idle, grid.busy) + grid.idle
                found[:] += np.bincount(POLICY.entries[row, column] + 1, minlength=3)
                return decide(x, y, gap, levels)

            return tallied

    simulate_router(WORKLOAD, Tally(), 200_000, np.random.default_rng(1), replicas=1000, warm_up=0)
    assert usual.entry_shares == pytest.approx(found[1:] / found.sum(), abs=0.01)
    assert min(usual.entry_shares) > 0.01


def test_a_decaying_device_is_replayed_at_its_average_and_raises_an_alarm() -> None:
    """Its first outcomes alone, recorded in the other order or not, route better or worse."""
    fading = measured(MENU, 200_000, 2, np.linspace(1.0, 0.0, 200_000))
    replay = replayed(fading)
    recorded, _, independent = replay.comparison.results
    assert_alike(recorded, independent, "waiting_time", "splitting_probability")
    assert known(replay.drift).alarm
    backwards = fading[np.arange(len(fading))[::-1]]
    runs = compare(
        WORKLOAD,
        [
            *(PastInformedRouting(POLICY, (2, 2), RecordedOutcomes(each)) for each in (fading, backwards)),
            PastInformedRouting(POLICY, (2, 2), IndependentOutcomes((1 - fading.counts().correlators) / 2)),
        ],
        20_000,
        np.random.default_rng(4),
    )
    assert runs.cost_difference(0, 2, KAPPA).high < 0
    assert runs.cost_difference(1, 2, KAPPA).low > 0


def test_outcomes_that_come_in_long_runs_leave_waits_alone_and_free_background_work() -> None:
    """W is linear in the share of pairs that are split, and τ strictly convex: the closed forms at 0, ½ and 1."""
    workload, count = light(0.22), 200_000
    always = replace(POLICY, entries=np.zeros_like(POLICY.entries))
    x, y = np.divmod(np.random.default_rng(5).choice(4, count, p=workload.joint.ravel()), 2)
    apart = np.arange(count) // 1000 % 2  # all pairs of a thousand, then none
    runs = Trials(x, y, np.zeros_like(x), apart, (4, 2))
    both = compare(
        workload,
        [
            PastInformedRouting(always, (2, 2), outcomes)
            for outcomes in (RecordedOutcomes(runs), IndependentOutcomes(np.full((4, 2), 0.5)))
        ],
        100_000,
        np.random.default_rng(6),
        batches=25,  # of two runs each
    )
    none, half, every = workload.baseline_throughput(np.array([0.0, 0.5, 1.0])).tolist()
    for result, throughput in zip(both.results, ((none + every) / 2, half), strict=True):
        for found, exact in (
            (result.waiting_time, workload.waiting_time(np.full((2, 2), 0.5))),
            (result.baseline_throughput, throughput),
        ):
            assert abs(found.estimate - exact) < 4 * found.standard_error
    assert both.baseline_throughput_difference(0, 1).low > 0


def test_more_pairs_than_the_outcomes_serve_use_them_again() -> None:
    trials = measured(MENU, 4_000, 3)
    assert replayed(trials).comparison.results[0].pairs < 2_500
    again = replayed(trials, 5_000)
    assert again.cycled
    assert again.comparison.results[0].pairs == 5_000


def test_the_record_is_of_its_schema_and_finite(usual: MenuReplay) -> None:
    record = json.loads(json.dumps(usual.record(), allow_nan=False))
    assert record["schema"] == "bellqueue.menu-replay/1"
    ends = record["classical"], record["recorded"]
    for gain, name in (("waiting_time_reduction", "waiting_time"), ("waiting_time_p95_reduction", "waiting_time_p95")):
        assert record[gain]["estimate"] == pytest.approx(ends[0][name]["estimate"] - ends[1][name]["estimate"])
    saved = record["waiting_time_reduction"]["estimate"] + KAPPA * record["baseline_throughput_gain"]["estimate"]
    assert record["cost_reduction"]["estimate"] == pytest.approx(saved)


@pytest.mark.parametrize(
    ("trials", "entries", "said"),
    [
        (measured(MENU, 4_000, 3), MAPS, "follows classical maps wherever"),
        (measured(MENU, 100, 3), 1, "give --pairs 100 or more"),
        (measured(MENU, 4_000, 3)[:3], 1, r"no trial has k = 1, x = 0, y = 0, types \(short, short\) in"),
    ],
)
def test_what_cannot_be_replayed_is_said_in_one_line(trials: Trials, entries: int, said: str) -> None:
    policy = replace(POLICY, entries=np.full_like(POLICY.entries, entries))
    with pytest.raises(DataError, match=said) as refused:
        replay_menu(SCENARIO, PLAN, trials, SAMPLING, None, 3, routers=(policy, CLASSICAL))
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_without_routers_given_the_best_for_the_outcomes_measured_are_found(usual: MenuReplay) -> None:
    """On a grid fine enough they are no worse than those of the coarse grid, but for chance."""
    found = replay_menu(SCENARIO, PLAN, measured(MENU, 200_000, 1, 0.97), SAMPLING, 30_000, 3)
    costs = [
        each.waiting_time_batches - KAPPA * each.baseline_throughput_batches
        for replay in (found, usual)
        for each in replay.comparison.results[:2]
    ]
    for fine, coarse in zip(costs[:2], costs[2:], strict=True):
        error = np.hypot(fine.std(ddof=1), coarse.std(ddof=1)) / np.sqrt(fine.size)
        assert fine.mean() < coarse.mean() + 4 * error
    assert found.comparison.cost_difference(1, 0, KAPPA).low > 0
    assert not found.cycled
