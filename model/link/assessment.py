"""Whether a link suffices: what it reaches by formula and by simulation, what it must pass, and the least that does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from ..games.frontiers import Frontiers, wait_to_share
from ..games.routing_game import Against
from ..progress import Watch, unwatched
from ..queueing.simulation import SimulatedEstimate, SimulationResult
from ..scenario.file import Scenario
from .criteria import Criterion, criteria
from .least import LeastHardware, least_hardware, usual_values, varied
from .link import Link
from .operation import LinkOperation, LinkPoint
from .simulation import PAIRS, SimulatedLink, simulate_link

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LinkSaving:
    """What a link saves of the waiting time of a class of classical routers, at equal baseline throughput.

    Attributes:
        waiting_time_reduction_relative: As a share of theirs, by formula; negative where they wait less.
        throughput_gain_relative: Background work beyond that of classical routers that wait as briefly, by formula.
        simulated: The share of waiting time saved, by simulation.
        simulated_without_pairs: What classical routers save that split as often at the same times: memoryless routers
            have no clock, and so much of `simulated` is not due to entanglement. Against every classical router it is
            never above 0 but by chance.
    """

    waiting_time_reduction_relative: float
    throughput_gain_relative: float
    simulated: SimulatedEstimate
    simulated_without_pairs: SimulatedEstimate


@dataclass(frozen=True, eq=False)
class LinkMap:
    """The largest share of waiting time that links save over a grid of two of their figures.

    Attributes:
        parameter_x, parameter_y: The figures.
        x, y: Their values, shapes (n,) and (m,).
        against: The class of classical routers.
        saving: Shape (m, n); negative or 0 where nothing is saved.
    """

    parameter_x: str
    parameter_y: str
    x: Floats
    y: Floats
    against: Against
    saving: Floats


@dataclass(frozen=True, eq=False)
class LinkAssessment:
    """What is known about a link for the traffic of a scenario.

    Attributes:
        scenario: The scenario.
        link: Its link.
        against: The class of classical routers aimed at.
        point: How the routers use the link, and what they reach by formula.
        memoryless, every_classical: Savings against the two classes; None where there is no bound on the second.
        reason_without_every_classical: Why there is none.
        simulated: The same point, simulated.
        criteria: What a deployment must pass.
        least: The least hardware that still beats the class aimed at.
        operation: What other links reach.
    """

    scenario: Scenario
    link: Link
    against: Against
    point: LinkPoint
    memoryless: LinkSaving
    every_classical: LinkSaving | None
    reason_without_every_classical: str | None
    simulated: SimulatedLink
    criteria: tuple[Criterion, ...]
    least: LeastHardware
    operation: LinkOperation

    def map(
        self,
        parameter_x: str,
        parameter_y: str,
        x: ArrayLike | None = None,
        y: ArrayLike | None = None,
        against: Against | None = None,
    ) -> LinkMap:
        """What links save over a grid of two figures, the others those of this link.

        Args:
            parameter_x, parameter_y: Two of `least.PARAMETERS`.
            x, y: Their values, n and m of them. Default to 41 each, around those of this link.
            against: The class of classical routers. Defaults to the one aimed at.

        Raises:
            ScenarioError: there is no such figure.
            NoBoundError: there is no bound on every classical router.
        """
        against, unit = against or self.against, self.scenario.traffic.time_unit_seconds
        along, up = (
            usual_values(self.link, name) if values is None else np.asarray(values, dtype=float)
            for name, values in ((parameter_x, x), (parameter_y, y))
        )
        rows = [varied(self.link, parameter_y, value, unit) for value in up.tolist()]
        saving = [
            [self.operation.saving(varied(row, parameter_x, value, unit), against) for value in along.tolist()]
            for row in rows
        ]
        return LinkMap(parameter_x, parameter_y, along, up, against, np.array(saving))


def assess(scenario: Scenario, pairs: int = PAIRS, seed: int | None = None, watch: Watch = unwatched) -> LinkAssessment:
    """Find out whether the scenario's link suffices.

    Args:
        scenario: A scenario with a [link].
        pairs: Pairs of requests to simulate. Defaults to two million.
        seed: Random seed of the simulation. Defaults to a fresh one.
        watch: Gets how far it is.

    Raises:
        ScenarioError: the scenario has no link, one that is not known well enough, or a target out of its reach.
        NoTradeOffError: interruptions cost the baseline nothing.
    """
    link = Link.of(scenario)
    frontiers = Frontiers.of(scenario)
    operation = LinkOperation(frontiers)
    watch("finding the operating point", 0, None)
    against = frontiers.aim(scenario.experiment.against)
    point = operation.point(link, scenario)
    served = pairs // 20 + pairs
    simulated = simulate_link(
        frontiers.workload,
        point,
        operation.without_pairs(point),
        np.random.default_rng(seed),
        pairs,
        lambda done: watch("simulating pairs of requests", done, served),
    )
    watch("finding the least hardware", 0, None)
    unit = scenario.traffic.time_unit_seconds
    reason = frontiers.reason_without_every_classical
    return LinkAssessment(
        scenario=scenario,
        link=link,
        against=against,
        point=point,
        memoryless=_saving(frontiers, point, simulated, "memoryless"),
        every_classical=None if reason else _saving(frontiers, point, simulated, "every-classical"),
        reason_without_every_classical=reason,
        simulated=simulated,
        criteria=criteria(operation, point, against, scenario.experiment.significance, unit),
        least=least_hardware(operation, link, against, unit),
        operation=operation,
    )


def _saving(frontiers: Frontiers, point: LinkPoint, simulated: SimulatedLink, against: Against) -> LinkSaving:
    formula = frontiers.advantage_at(point.splitting_probability, point.waiting_time, against)
    return LinkSaving(
        float(formula.waiting_time_reduction_relative),
        float(formula.throughput_gain_relative),
        simulated_saving(frontiers, simulated.queues, against),
        simulated_saving(frontiers, simulated.without_pairs, against),
    )


def simulated_saving(frontiers: Frontiers, queues: SimulationResult, against: Against) -> SimulatedEstimate:
    """1 − W/W_rival(τ) at the τ simulated, linear in both over the batches."""
    workload, rival = frontiers.workload, frontiers.rival(against)

    def rival_waiting_time(throughput: float) -> float:
        most, least = (float(workload.baseline_throughput(p)) for p in (0.0, 1.0))
        wanted = min(max(throughput, least), most)
        p = brentq(lambda each: float(workload.baseline_throughput(each)) - wanted, 0.0, 1.0)
        return float(rival.waiting_time_at(p))

    throughput, error = queues.baseline_throughput.estimate, queues.baseline_throughput.standard_error
    step = max(error, 1e-6 * throughput)
    level = rival_waiting_time(throughput)
    slope = (rival_waiting_time(throughput + step) - rival_waiting_time(throughput - step)) / (2 * step)
    least = float(wait_to_share(workload, level))
    own, work = queues.waiting_time.estimate, queues.baseline_throughput_batches - throughput
    batches = (level - own) / least - (queues.waiting_time_batches - own - slope * own / least * work) / least
    return SimulatedEstimate.of(batches)
