"""Replay of a menu: recorded outcomes route the simulated queues of routers that know the past."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.hashing import content_hash
from ...model.informed.measured import Limits, MeasuredPolicy
from ...model.informed.policy import occupancy
from ...model.progress import Watch, unwatched
from ...model.queueing.simulation import CommonArrivals, compare
from ...model.scenario.file import Scenario
from ...model.trials import Counts, Sampling, Trials
from ..records.context_record import RoutingName, WaitingTimes
from ..replay.context import simulated_waiting, wanted_pairs
from ..replay.drift import DriftTest, MemoryTest, drift_test, memory_test, order_remark
from ..replay.replay import LEAST_PAIRS, Effort, advantage_record, order_record, result_record, spread
from .certificate import policies
from .history import IndependentOutcomes, PastInformedRouting, RecordedOutcomes
from .records import MenuAnalysis

Floats = NDArray[np.float64]
Routers = tuple[MeasuredPolicy, MeasuredPolicy]

SCHEMA = "bellqueue.menu-replay/1"
_MOST_PAIRS = 1_000_000  # pairs of one history that a report waits for: about a second for each routing
ROUTINGS = ("recorded", "classical", "independent")


@dataclass(frozen=True, eq=False)
class MenuReplay:
    """Recorded outcomes of a menu in the queueing system, beside other routings of the very same arrivals.

    Attributes:
        title: Of the scenario.
        comparison: The recorded outcomes in their order, the best classical routers that know the past, and independent
            outcomes of the probabilities measured.
        kappa: κ, for which both policies are the best found.
        entry_shares: Of the pairs that the policy routes by each entry of the menu; the rest follow classical maps.
        drift, memory: Of the trials, over all settings; None if there are too few to tell.
        remark: What the order of the trials cannot tell; None if nothing.
        cycled: Whether recorded outcomes were used more than once.
        seed: Of the simulation.
    """

    title: str
    comparison: CommonArrivals
    kappa: float
    entry_shares: tuple[float, ...]
    drift: DriftTest | None
    memory: MemoryTest | None
    remark: str | None
    cycled: bool
    seed: int

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        both = self.comparison
        return {
            "schema": SCHEMA,
            "pairs": both.results[0].pairs,
            "warm_up": both.results[0].warm_up,
            "cycled": self.cycled,
            "seed": self.seed,
            "kappa": self.kappa,
            "entry_shares": list(self.entry_shares),
            **{name: result_record(result) for name, result in zip(ROUTINGS, both.results, strict=True)},
            **advantage_record(both),
            "cost_reduction": asdict(both.cost_difference(1, 0, self.kappa)),
            "order": {
                **order_record(self.remark, self.drift, self.memory),
                "effect": {"waiting_time": asdict(both.waiting_time_difference(0, 2))},
            },
        }


def replay_menu(
    scenario: Scenario,
    kappa: float,
    trials: Trials,
    sampling: Sampling,
    pairs: int | None,
    seed: int,
    watch: Watch = unwatched,
    routers: Routers | None = None,
) -> MenuReplay:
    """Simulate recorded outcomes of a menu, independent ones, and classical routers over the same arrivals.

    There is one history, since recorded outcomes have one order: each pair of requests that the policy sends to setting
    (k, x, y) takes the next outcome of that setting.

    Args:
        scenario: Gives the workload.
        kappa: κ, waiting time paid per unit of baseline throughput.
        trials: In the order of execution, over K·n_A types of router A, entry by entry.
        sampling: How their settings came about.
        pairs: Pairs to measure; None: as many as the trials serve once. More than that reuses recorded outcomes.
        seed: Of the simulation.
        watch: Gets how far it is, in pairs times routings.
        routers: What entangled routers do with the menu, and what classical ones do. Defaults to those that an analysis
            of the trials is about.

    Raises:
        DataError: a setting has no recorded outcome, nothing is to be measured, or there are too few trials.
        NoBoundError: routers were not given, and there is no bound on such routers.
    """
    workload = scenario.workload()
    shape = workload.shape
    counts = trials.counts()
    split = (1 - np.nan_to_num(counts.correlators)) / 2
    of_entries = split.reshape(-1, *shape)
    if routers is None:
        watch("finding the best routers that know the past", 0, None)
        routers = policies(workload, kappa, Limits.exact(of_entries))
    policy, classical = routers
    independent = PastInformedRouting(policy, shape, IndependentOutcomes(split))
    occurs = occupancy(workload, policy.simulated(of_entries))
    shares = policy.entry_shares(occurs, len(of_entries))
    # The types of a pair do not depend on the state it finds.
    usage = np.multiply.outer(shares, workload.joint).reshape(split.shape)
    if not usage.any():
        raise DataError("the policy follows classical maps wherever it comes to: there is no outcome to replay")
    lacking = np.argwhere((usage > 0) & (counts.settings == 0))
    if lacking.size:
        entry, x = divmod(int(lacking[0, 0]), shape[0])
        types = f"{workload.names_a[x]}, {workload.names_b[lacking[0, 1]]}"
        raise DataError(f"entry {entry + 1} of the menu was never measured with types ({types}); record more trials")
    served = int(np.min(counts.settings[usage > 0] / usage[usage > 0]))
    wanted = served if pairs is None else pairs
    if wanted < LEAST_PAIRS:
        raise DataError(f"the trials serve {wanted} pairs; give --pairs {LEAST_PAIRS} or more")
    total = wanted + wanted // 20
    cycle = pairs is not None and pairs > served * 0.9
    recorded = RecordedOutcomes(trials if cycle else spread(trials, usage, min(total, served)), cycle)
    effort = Effort(watch, len(ROUTINGS) * total)
    comparison = compare(
        workload,
        [
            PastInformedRouting(policy, shape, recorded),
            PastInformedRouting(classical, shape),
            independent,
        ],
        wanted,
        np.random.default_rng(seed),
        distribution=True,
        progress=effort.step(len(ROUTINGS), total),
    )
    return MenuReplay(
        scenario.title,
        comparison,
        kappa,
        tuple(shares.tolist()),
        drift_test(trials, sampling.parallel, seed),
        memory_test(trials, sampling.parallel),
        order_remark(sampling),
        cycle,
        seed,
    )


def with_waiting_times(analysis: MenuAnalysis, routers: Routers | None = None) -> MenuAnalysis:
    """The analysis with simulated waiting times, which takes a few seconds; itself if it has them already.

    Args:
        analysis: As the data gave it.
        routers: As in `replay_menu`; an analysis just made has found them already.

    Returns:
        Without them if the queues grow too long for so short a simulation.
    """
    workload = Scenario.parse(analysis.scenario, analysis.title).workload()
    pairs = wanted_pairs(workload.load)
    if analysis.waiting_times or pairs > _MOST_PAIRS:
        return analysis
    counts = Counts(np.array(analysis.measured.counts))
    split = (1 - np.nan_to_num(counts.correlators)) / 2
    exact = Limits.exact(split.reshape(-1, *workload.shape))
    policy, classical = routers or analysis._routers or policies(workload, analysis.certificate.kappa, exact)
    seed = int(content_hash(analysis.provenance.scenario_hash, analysis.measured.model_dump_json())[:12], 16)
    menu = PastInformedRouting(policy, workload.shape, IndependentOutcomes(split))
    routings = [menu, PastInformedRouting(classical, workload.shape)]
    results = compare(workload, routings, pairs, np.random.default_rng(seed), distribution=True).results
    names: tuple[RoutingName, RoutingName] = ("menu", "informed")
    waiting = WaitingTimes(
        pairs=pairs,
        seed=seed,
        routings=[
            simulated_waiting(name, result.splitting_probability.estimate, None, result)
            for name, result in zip(names, results, strict=True)
        ],
    )
    return analysis.model_copy(update={"waiting_times": waiting})
