"""One history of routers that know the past: which outcome routes which pair, checked by a plain event loop."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from bellqueue.analysis.menus.history import IndependentOutcomes, PastInformedRouting, RecordedOutcomes
from bellqueue.model.informed.grid import Grid
from bellqueue.model.informed.measured import MAPS, MeasuredPolicy
from bellqueue.model.informed.policy import PastInformedPolicy
from bellqueue.model.informed.simulation import simulate_router
from bellqueue.model.queueing.arrivals import Traffic
from bellqueue.model.queueing.simulation import simulate
from bellqueue.model.queueing.workload import Workload
from bellqueue.model.trials import Trials

from tests.analysis.menus.analyses import assert_alike
from tests.model.informed.workloads import unequal

GRID = Grid.covering(0.5, 3.0, 6.0)
ENTRIES = 3
WORKLOAD = unequal(7, 0.15)


def arbitrary(workload: Workload) -> MeasuredPolicy:
    """Anything at all at each state, in a third of them maps."""
    rng = np.random.default_rng(3)
    n_a, n_b = workload.shape
    size = (GRID.size, GRID.size)
    return MeasuredPolicy(
        GRID, rng.integers(2**n_a, size=size), rng.integers(2**n_b, size=size), rng.integers(MAPS, ENTRIES, size=size)
    )


def random_trials(workload: Workload, count: int) -> Trials:
    rng = np.random.default_rng(4)
    rows, columns = ENTRIES * workload.shape[0], workload.shape[1]
    x, y, a, b = (rng.integers(most, size=count) for most in (rows, columns, 2, 2))
    return Trials(x, y, a, b, (rows, columns))


@pytest.mark.parametrize("seed", [2, 5, 7])
def test_every_pair_takes_the_next_outcome_of_the_setting_that_its_state_names(seed: int) -> None:
    """Nothing is skipped, nothing used twice, and the first setting without another outcome ends the run."""
    workload = unequal(seed, 0.15)
    policy, trials = arbitrary(workload), random_trials(workload, 3000)
    arrivals = Traffic(workload, 5).draw(5000)
    history = PastInformedRouting(policy, workload.shape, RecordedOutcomes(trials)).start(np.random.default_rng(6))
    a, b = history(arrivals)
    assert 500 < a.size < 5000
    left = {
        (x, y): np.stack([trials.a, trials.b], axis=1)[(trials.x == x) & (trials.y == y)].tolist()
        for x, y in np.ndindex(*trials.shape)
    }
    levels, flips = [0.0, 0.0], []
    for pair in range(a.size + 1):
        x, y, gap = int(arrivals.x[pair]), int(arrivals.y[pair]), float(arrivals.gaps[pair])
        levels = [level - gap for level in levels]
        row, column = (min(max(math.ceil(level / GRID.step), -GRID.idle), GRID.busy) + GRID.idle for level in levels)
        entry = int(policy.entries[row, column])
        setting = entry * workload.shape[0] + x, y
        if pair == a.size:
            assert entry != MAPS
            assert not left[setting]
            break
        decided = int(a[pair]), int(b[pair])
        if entry == MAPS:
            assert decided == (policy.a[row, column] >> x & 1, policy.b[row, column] >> y & 1)
        else:
            outcome = left[setting].pop(0)
            flips.append(decided[0] ^ outcome[0])
            assert decided[1] ^ outcome[1] == flips[-1]
        for server, size in zip(decided, (arrivals.service_a[pair], arrivals.service_b[pair]), strict=True):
            levels[server] = max(levels[server], 0.0) + float(size)
    assert abs(np.mean(flips) - 0.5) < 4 * 0.5 / np.sqrt(len(flips))


def test_outcomes_that_begin_again_never_run_out() -> None:
    policy, trials = arbitrary(WORKLOAD), random_trials(WORKLOAD, 200)
    routing = PastInformedRouting(policy, WORKLOAD.shape, RecordedOutcomes(trials, again=True))
    history = routing.start(np.random.default_rng(6))
    assert history(Traffic(WORKLOAD, 5).draw(3000))[0].size == 3000
    assert routing.capacity is None


def test_the_length_of_the_blocks_does_not_matter() -> None:
    policy, trials = arbitrary(WORKLOAD), random_trials(WORKLOAD, 2000)
    runs = [
        simulate(
            WORKLOAD, PastInformedRouting(policy, WORKLOAD.shape, outcomes), 4000, np.random.default_rng(2), block=block
        )
        for outcomes in (RecordedOutcomes(trials), IndependentOutcomes(np.full(trials.shape, 0.3)))
        for block in (97, 8192)
    ]
    assert runs[0].pairs < 4000 == runs[2].pairs
    for short, long in (runs[:2], runs[2:]):
        assert short.pairs == long.pairs
        assert short.waiting_time.estimate == pytest.approx(long.waiting_time.estimate, rel=1e-12)


@pytest.mark.parametrize("seed", [2, 7])
def test_one_long_history_is_like_many_short_ones(seed: int) -> None:
    """The other simulation advances thousands of histories at once and shares no code with this one."""
    workload = unequal(seed, 0.15)
    policy = arbitrary(workload)
    split = np.random.default_rng(9).random((ENTRIES, *workload.shape))
    flat = split.reshape(-1, workload.shape[1])
    maps = replace(policy, entries=np.full_like(policy.entries, MAPS))
    for routing, router in (
        (PastInformedRouting(policy, workload.shape, IndependentOutcomes(flat)), policy.simulated(split)),
        (PastInformedRouting(maps, workload.shape), PastInformedPolicy(GRID, policy.a, policy.b, up=True)),
    ):
        one = simulate(workload, routing, 60_000, np.random.default_rng(1))
        many = simulate_router(workload, router, 200_000, np.random.default_rng(2), replicas=1000, warm_up=100)
        assert_alike(one, many)
