"""Replay of a menu: recorded outcomes route the simulated queues of routers that know the past."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.informed.measured import MeasuredPolicy
from ...model.informed.policy import occupancy
from ...model.progress import Watch, unwatched
from ...model.queueing.routing import Routing
from ...model.queueing.simulation import compare
from ...model.scenario.file import Scenario
from ...model.trials import Counts, Sampling, Trials
from ..certificate.samples import Sample
from ..records.context_record import RoutingName
from ..replay.context import waiting_times, wanted_pairs
from ..replay.drift import drift_test, memory_test, order_remark
from ..replay.replay import Effort, ReplayedRun, advantage_record, lost_trials, spread, supply, with_warm_up
from .certificate import policies
from .history import IndependentOutcomes, PastInformedRouting, RecordedOutcomes
from .limits import MenuCounts
from .records import MenuAnalysis, MenuPlan

Floats = NDArray[np.float64]
Routers = tuple[MeasuredPolicy, MeasuredPolicy]

_MOST_PAIRS = 1_000_000  # pairs of one history that a report waits for: about a second for each routing


@dataclass(frozen=True, eq=False)
class MenuReplay(ReplayedRun):
    """Recorded outcomes of a menu beside classical routers that know the past and independent outcomes.

    The independent outcomes have the probabilities measured, lost trials left out; both policies are the best found
    for κ, lost trials counted as the worst.

    Attributes:
        kappa: κ, waiting time paid per unit of baseline throughput.
        entry_shares: Share of the pairs that the policy routes by each entry of the menu; the rest follow classical
            maps.
    """

    kappa: float
    entry_shares: tuple[float, ...]

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        both = self.comparison
        return {
            **self.head("bellqueue.menu-replay/1"),
            "kappa": self.kappa,
            "entry_shares": list(self.entry_shares),
            **self.results(("recorded", "classical", "independent")),
            **advantage_record(both),
            "cost_reduction": asdict(both.cost_difference(1, 0, self.kappa)),
            "order": self.order({"waiting_time": asdict(both.waiting_time_difference(0, 2))}),
        }


def replay_menu(
    scenario: Scenario,
    planned: MenuPlan,
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
        planned: What the plan fixed of the menu.
        trials: Trials in the order of execution, over K·n_A types of router A, entry by entry.
        sampling: How their settings came about.
        pairs: Pairs to measure; None: as many as the trials serve once. More than that reuses recorded outcomes.
        seed: Seed of the simulation.
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
    split = _split(counts)
    of_entries = split.reshape(-1, *shape)
    if routers is None:
        watch("finding the best routers that know the past", 0, None)
        routers = policies(workload, planned.kappa, _worst(Sample(counts, sampling), planned, shape))
    policy, classical = routers
    occurs = occupancy(workload, policy.simulated(of_entries))
    shares = policy.entry_shares(occurs, len(of_entries))
    # The types of a pair do not depend on the state it finds.
    usage = np.multiply.outer(shares, workload.joint).reshape(split.shape)
    if not usage.any():
        raise DataError("the policy follows classical maps wherever it comes to: there is no outcome to replay")
    lacking = np.argwhere((usage > 0) & (counts.settings == 0))
    if lacking.size:
        (entry, x), y = divmod(int(lacking[0, 0]), shape[0]), int(lacking[0, 1])
        types = f"types ({workload.names_a[x]}, {workload.names_b[y]})"
        raise DataError(f"no trial has k = {entry}, x = {x}, y = {y}, {types} in that set of bases; record more trials")
    served, wanted, cycled = supply(counts, usage, pairs)
    total = with_warm_up(wanted)
    recorded = RecordedOutcomes(trials if cycled else spread(trials, usage, min(total, served)), cycled)
    routings = [
        PastInformedRouting(policy, shape, recorded),
        PastInformedRouting(classical, shape),
        PastInformedRouting(policy, shape, IndependentOutcomes(split)),
    ]
    effort = Effort(watch, len(routings) * total)
    comparison = compare(
        workload,
        routings,
        wanted,
        np.random.default_rng(seed),
        distribution=True,
        progress=effort.step(len(routings), wanted),
    )
    return MenuReplay(
        scenario.title,
        comparison,
        drift_test(trials, sampling.parallel, seed),
        memory_test(trials, sampling.parallel),
        order_remark(sampling),
        lost_trials(sampling),
        cycled,
        seed,
        planned.kappa,
        tuple(shares.tolist()),
    )


def with_waiting_times(analysis: MenuAnalysis, routers: Routers | None = None) -> MenuAnalysis:
    """The analysis with simulated waiting times, which takes a few seconds; itself if it has them already.

    Args:
        analysis: The analysis as the data gave it.
        routers: As in `replay_menu`; an analysis just made has found them already.

    Returns:
        The analysis without them if the queues grow too long for so short a simulation.
    """
    workload = Scenario.parse(analysis.scenario, analysis.title).workload()
    pairs = wanted_pairs(workload.load)
    if analysis.waiting_times or pairs > _MOST_PAIRS:
        return analysis
    measured = analysis.measured
    sample = Sample(Counts(np.array(measured.counts)), Sampling("fixed", lost=np.array(measured.lost)))
    of_entries = _worst(sample, analysis.planned, workload.shape)
    split = of_entries.reshape(-1, workload.shape[1])
    policy, classical = routers or analysis._routers or policies(workload, analysis.certificate.kappa, of_entries)
    routings: dict[RoutingName, Routing] = {
        "menu": PastInformedRouting(policy, workload.shape, IndependentOutcomes(split)),
        "informed": PastInformedRouting(classical, workload.shape),
    }
    data = analysis.provenance.scenario_hash, analysis.measured.model_dump_json()
    return analysis.model_copy(update={"waiting_times": waiting_times(workload, routings, pairs, data)})


def _worst(sample: Sample, planned: MenuPlan, shape: tuple[int, int]) -> Floats:
    """P(a≠b | k,x,y) as an analysis estimates it, shape (K, n_A, n_B)."""
    tilts, centre = (np.reshape(table, (-1, *shape)) for table in (planned.tilts, planned.centre))
    return MenuCounts.of(sample, len(tilts)).worst(tilts, centre)


def _split(counts: Counts) -> Floats:
    """P(a≠b | k,x,y) observed, shape (K·n_A, n_B); ½ where never measured."""
    return np.asarray((1 - np.nan_to_num(counts.correlators)) / 2)
