"""The record of what a link between two routers achieves, `bellqueue.link/1`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from ...model.estimate import Estimate
from ...model.games.routing_game import Against
from ...model.link.assessment import LinkAssessment, LinkSaving
from ...model.link.criteria import Criterion
from ...model.link.operation import NOTHING
from .percent import less_or_more, percent_text
from .record import Record

OTHERS: dict[Against, str] = {
    "every-classical": "any classical routers that cannot talk to each other",
    "memoryless": "classical routers that cannot talk to each other and remember nothing",
}
# What it means that a criterion fails, in words that follow "but".
_FAILS = {
    "decision before light could bring a message": "its routers decide so late that light could bring a message",
    "a message takes longer than break-even": (
        "routers this close do better if they tell each other their requests first"
    ),
    "pairs faster than requests": "Bell pairs come no faster than requests",
    "fidelity when heralded": "new Bell pairs are too noisy",
    "mean visibility when used": "Bell pairs are too noisy when they are used",
    "trials while the surroundings stay the same": "the surroundings change before enough trials could certify it",
}


class LinkFigures(Record):
    """A link, in units of time.

    Attributes:
        name: Name of the published link; null for one described by hand.
        rate: Bell pairs heralded per unit of time.
        fidelity: Fidelity of a new pair to the Bell state.
        memory_time: Time after which 1/e of a pair's visibility is left.
        buffer: The most pairs kept.
        delay: Age of a pair when the routers hear of it, and the time that a message between them takes.
        distance_km: Distance between the routers; null if unknown.
        measurement_fidelity: Probability that a router reads the right outcome.
        detection_efficiency: Probability that a router gets an outcome at all.
        cutoff: Age from which a pair is discarded; null: only when it is no better than the fallback.
        decision_time: Time that a router takes to measure and decide; null if unknown.
        stationary_time: Time for which the surroundings stay the same; null if unknown.
    """

    name: str | None
    rate: float
    fidelity: float
    memory_time: float
    buffer: int
    delay: float
    distance_km: float | None
    measurement_fidelity: float
    detection_efficiency: float
    cutoff: float | None
    decision_time: float | None
    stationary_time: float | None


class LinkSavingRecord(Record):
    """What the link saves of the waiting time of a class of classical routers, at equal background work.

    Attributes:
        waiting_time_reduction_relative: The share saved, by formula; negative if they wait less.
        throughput_gain_relative: Background work beyond that of classical routers that wait as briefly, by formula;
            null if none of them do.
        simulated: The share of waiting time saved, by simulation, with 95 % limits.
        simulated_without_pairs: The same for classical routers that split as often at the same times: that much of
            `simulated` is due to heralded pairs serving as a clock, and not to entanglement.
    """

    waiting_time_reduction_relative: float
    throughput_gain_relative: float | None
    simulated: Estimate
    simulated_without_pairs: Estimate

    @classmethod
    def of(cls, saving: LinkSaving) -> LinkSavingRecord:
        """Record a saving."""
        return cls(
            waiting_time_reduction_relative=saving.waiting_time_reduction_relative,
            throughput_gain_relative=_finite(saving.throughput_gain_relative),
            simulated=saving.simulated.plain,
            simulated_without_pairs=saving.simulated_without_pairs.plain,
        )


class SimulatedLinkRecord(Record):
    """The same point simulated event by event, with 95 % limits.

    Attributes:
        pairs: Pairs of requests.
        availability: Share of them that use a Bell pair.
        mean_visibility_when_used: Mean visibility of these Bell pairs; null if none is used.
        splitting_probability: p.
        waiting_time: W, in units of time.
        baseline_throughput: τ, per unit of time.
    """

    pairs: int
    availability: Estimate
    mean_visibility_when_used: Estimate | None
    splitting_probability: Estimate
    waiting_time: Estimate
    baseline_throughput: Estimate


class LeastRecord(Record):
    """The smallest value of each figure with which the link still saves something, the others as they are.

    A figure is null if no value of it suffices.

    Attributes:
        rate: Bell pairs per unit of time; 0 if any rate suffices.
        fidelity: Fidelity of a new pair.
        memory_time: Memory time, in units of time.
        detection_efficiency, measurement_fidelity: Figures of each router.
        distance_km: Distance from which routers that talk do worse, and that from which the link saves nothing (null if
            there is none); null as well if the unit of time is unknown.
    """

    rate: float | None
    fidelity: float | None
    memory_time: float | None
    detection_efficiency: float | None
    measurement_fidelity: float | None
    distance_km: tuple[float, float | None] | None


class LinkProvenance(Record):
    """Where the numbers come from.

    Attributes:
        bellqueue_version: Version that computed them.
        created: Time of the computation, UTC.
        seed: Random seed of the simulation.
        scenario_hash: SHA-256 of the scenario with its link.
    """

    bellqueue_version: str
    created: str
    seed: int
    scenario_hash: str


class LinkRecord(Record):
    """Whether a link suffices: what it reaches by formula and by simulation, and what a deployment needs.

    Attributes:
        title: Title of the scenario.
        verdict: Whether it suffices, in words.
        suffices: Whether it saves waiting time beyond chance, and beyond what a clock alone saves, and passes every
            criterion that is known.
        against: The class of classical routers aimed at.
        link: Figures of the link.
        time_unit_seconds: The scenario's unit of time; null if unknown.
        availability: Share of request pairs that use a Bell pair, by formula.
        mean_visibility_when_used: Mean visibility of these Bell pairs, by formula; null if none is used.
        splitting_probability: p, by formula.
        waiting_time: W, in units of time, by formula.
        baseline_throughput: τ, per unit of time, by formula.
        multiplier: μ at which the Bell pairs are measured.
        least_visibility_used: Visibility below which routers fall back to a classical strategy; above 1 if they always
            do.
        memoryless: What is saved against memoryless classical routers.
        every_classical: What is saved against every classical router; null if there is no bound on them.
        reason_without_every_classical: Why there is no bound.
        simulated: The same point, simulated.
        criteria: What a deployment needs.
        least: The least hardware that saves something against the class aimed at.
        scenario: The scenario with its link.
        provenance: Where the numbers come from.
    """

    schema_: Literal["bellqueue.link/1"] = Field(default="bellqueue.link/1", alias="schema")
    title: str
    verdict: str
    suffices: bool
    against: Against
    link: LinkFigures
    time_unit_seconds: float | None
    availability: float
    mean_visibility_when_used: float | None
    splitting_probability: float
    waiting_time: float
    baseline_throughput: float
    multiplier: float
    least_visibility_used: float | None
    memoryless: LinkSavingRecord
    every_classical: LinkSavingRecord | None
    reason_without_every_classical: str | None
    simulated: SimulatedLinkRecord
    criteria: list[Criterion]
    least: LeastRecord
    scenario: dict[str, Any]
    provenance: LinkProvenance

    @property
    def saving(self) -> LinkSavingRecord:
        """What is saved against the class aimed at."""
        return self.every_classical if self.against == "every-classical" and self.every_classical else self.memoryless


def link_record(found: LinkAssessment, provenance: LinkProvenance) -> LinkRecord:
    """Record what was found out about a link."""
    link, point, simulated, least = found.link, found.point, found.simulated, found.least
    suffices, verdict = _verdict(found)
    described = found.scenario.link
    used = simulated.mean_visibility_when_used
    return LinkRecord(
        title=found.scenario.title,
        verdict=verdict,
        suffices=suffices,
        against=found.against,
        link=LinkFigures(
            name=described.name if described else None,
            **{name: getattr(link, name) for name in LinkFigures.model_fields if name != "name"},
        ),
        time_unit_seconds=found.scenario.traffic.time_unit_seconds,
        availability=point.availability,
        mean_visibility_when_used=_finite(point.mean_visibility_when_used),
        splitting_probability=point.splitting_probability,
        waiting_time=point.waiting_time,
        baseline_throughput=point.baseline_throughput,
        multiplier=point.multiplier,
        least_visibility_used=_finite(point.least_visibility_used),
        memoryless=LinkSavingRecord.of(found.memoryless),
        every_classical=None if found.every_classical is None else LinkSavingRecord.of(found.every_classical),
        reason_without_every_classical=found.reason_without_every_classical,
        simulated=SimulatedLinkRecord(
            pairs=simulated.queues.pairs,
            availability=simulated.availability.plain,
            mean_visibility_when_used=None if used is None else used.plain,
            splitting_probability=simulated.queues.splitting_probability.plain,
            waiting_time=simulated.queues.waiting_time.plain,
            baseline_throughput=simulated.queues.baseline_throughput.plain,
        ),
        criteria=list(found.criteria),
        least=LeastRecord(
            **{name: getattr(least, name) for name in LeastRecord.model_fields if name != "distance_km"},
            distance_km=None if least.distance_km is None else (least.distance_km[0], _finite(least.distance_km[1])),
        ),
        scenario=found.scenario.record(),
        provenance=provenance,
    )


def _verdict(found: LinkAssessment) -> tuple[bool, str]:
    """Whether the link suffices, and why. The simulation is the judge: the formula is an approximation."""
    against, others = found.against, OTHERS[found.against]
    aimed = (found.every_classical if against == "every-classical" else None) or found.memoryless
    formula, simulated = aimed.waiting_time_reduction_relative, aimed.simulated
    limits = f"95 % limits: {percent_text(simulated.low, 1, 'down')} to {percent_text(simulated.high, 1, 'up')}"
    clock = max(aimed.simulated_without_pairs.estimate, 0.0)  # saved by whoever knows when pairs arrive
    if against == "memoryless" and clock > 0.0005:
        limits += f", of which {percent_text(clock)} are due to the clock that arriving pairs are"
    failed = [_FAILS.get(each.name, each.name) for each in found.criteria if each.passed is False]
    if formula <= NOTHING or simulated.high <= clock:
        longer = f"requests wait {percent_text(-min(simulated.estimate, 0.0) or -formula)} longer than with {others}"
        if found.point.availability == 0:
            longer = "no Bell pair is good enough to be used, and classical routers do as well without"
        return False, f"This link does not suffice: {longer}. {' '.join(_ways(found))}".rstrip()
    less = f"requests wait {less_or_more(simulated.estimate)} than with {others} ({limits})"
    if failed:
        return False, f"This link does not suffice: {less}, but {', and '.join(failed)}."
    if simulated.low <= clock:
        return False, (
            f"This link may suffice: {less}. That can be chance in {found.simulated.queues.pairs} pairs of requests; "
            "simulate more with --pairs."
        )
    unknown = sum(each.passed is None for each in found.criteria)
    known = f" as far as it is described ({unknown} of {len(found.criteria)} criteria are unknown)" if unknown else ""
    return True, f"This link suffices{known}: {less}."


def _ways(found: LinkAssessment) -> Iterator[str]:
    """What would help a link that saves nothing."""
    elsewhere = found.operation.saving(found.link, found.against)
    if elsewhere > NOTHING:
        yield f"At its best operating point it saves {percent_text(elsewhere)}: leave out experiment.operating_point."
        return
    weakly = found.memoryless
    if found.against == "every-classical" and weakly.waiting_time_reduction_relative > NOTHING:
        saved = percent_text(weakly.waiting_time_reduction_relative)
        yield f"By formula it saves {saved} against those that remember nothing."
    names = {"rate": "rate", "fidelity": "fidelity", "memory_time": "memory"}
    enough = [word for field, word in names.items() if getattr(found.least, field) is not None]
    yield f"A better {' or a better '.join(enough)} alone would do." if enough else "No better figure alone would do."


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
