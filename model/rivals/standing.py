"""Where the advantage stands, as a map over load and share of long requests: against every rival, some, or none.

The certified class is solved exactly. The asymmetric and shared-clock rivals of MODEL §1 are numerical: searched and
simulated, with no guarantee that nothing better exists. A point stands against a rival if it lies below the rival's
lower hull in the (throughput, waiting time) plane, which is where some supporting line W − κτ separates the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import ScenarioError
from ..games.operating_point import Frontiers
from ..queueing.simulation import t_quantile
from ..scenario.fields import LOAD, PROBABILITY, scenario_with
from ..scenario.file import Scenario
from ..sweep.point import largest_advantage
from .numerical import RivalCurve, asymmetric_curve, clock_curve

Verdict = Literal["against all", "within the class only", "none"]

SLOPES = 16  # supporting lines for the asymmetric rival: W to a part in a thousand on maps of two fixed sizes
CLOCK_PAIRS = 20_000  # simulated for each shared-clock router of a cell …
CLOSER = 16  # … and so many times more where that leaves the verdict open

_TIED = 1e-9  # relative difference of scores W − κτ at which two rival points lie on one supporting line


@dataclass(frozen=True)
class Margin:
    """How an operating point stands against one kind of rival at its own baseline throughput.

    Attributes:
        method: How the rival was found; "exact" for the certified class.
        waiting_time: Least W that the rival reaches there, time-sharing allowed; infinite where it reaches no such τ.
        relative: 1 − W/waiting_time, the share of the rival's waiting time that entanglement saves; negative where
            the rival waits less.
        low, high: The same against the rival's 95 % confidence limits; equal to `relative` where the routers that
            matter were not simulated. The least of many simulated routers is biased towards the rival.
        unbounded: Whether the rival's τ has no bound, so that it waits as little as it ever can at any τ.
        reach: Half the width of the 95 % interval of the rival's waiting time; 0 where nothing was simulated.
    """

    method: str
    waiting_time: float
    relative: float
    low: float
    high: float
    unbounded: bool = False
    reach: float = 0.0

    @property
    def stands(self) -> bool:
        """Whether entanglement waits less, the rival's simulation error allowed for."""
        return self.low > 0

    @property
    def undecided(self) -> bool:
        """Whether the simulation error leaves open which of the two waits less."""
        return self.low <= 0 < self.high


@dataclass(frozen=True)
class Standing:
    """One Bell pair at an operating point, and its rivals; on the map that of the largest relative advantage.

    Attributes:
        visibility: Werner visibility.
        splitting_probability: p.
        waiting_time: W.
        baseline_throughput: τ(p), at which the rivals are compared.
        certified: Against the memoryless, label-symmetric classical class.
        asymmetric: Against asymmetric memoryless classical routers, time-shared; the class is among them.
        shared_clock: Against classical routers with a shared clock.
    """

    visibility: float
    splitting_probability: float
    waiting_time: float
    baseline_throughput: float
    certified: Margin
    asymmetric: Margin
    shared_clock: Margin


@dataclass(frozen=True)
class Cell:
    """One cell of the map.

    Attributes:
        load: ρ.
        long_share: Probability of the last type.
        pair_rate: λ that gives this load.
        least_visibility: Above it one Bell pair beats the certified class somewhere; None if no state does.
        ideal: At visibility 1; None where there is no advantage.
        noisy: At the visibility asked for; None where there is no advantage.
    """

    load: float
    long_share: float
    pair_rate: float
    least_visibility: float | None
    ideal: Standing | None
    noisy: Standing | None


def verdict(standing: Standing | None) -> Verdict:
    """Whether the advantage stands against all rivals, within the certified class only, or not at all."""
    if standing is None or not standing.certified.stands:
        return "none"
    return "against all" if standing.asymmetric.stands and standing.shared_clock.stands else "within the class only"


def standing_at(
    frontiers: Frontiers,
    visibility: float,
    splitting_probability: float,
    waiting_time: float,
    asymmetric: RivalCurve,
    clock: RivalCurve,
) -> Standing:
    """How an operating point (p, W), of whatever origin, stands against the rivals at its baseline throughput."""
    throughput = float(frontiers.workload.baseline_throughput(splitting_probability))
    reached = float(frontiers.classical.waiting_time_at(splitting_probability))
    certified = _against(waiting_time, reached, 0.0, "exact")
    favoured = _margin(asymmetric, waiting_time, throughput)
    if favoured.waiting_time > reached:  # the class is among them, whatever the search has missed
        favoured = _against(waiting_time, reached, 0.0, asymmetric.method)
    shared = _margin(clock, waiting_time, throughput)
    return Standing(visibility, splitting_probability, waiting_time, throughput, certified, favoured, shared)


def standing_map(
    scenario: Scenario,
    loads: Sequence[float],
    long_shares: Sequence[float],
    *,
    visibility: float,
    seed: int,
    slopes: int = SLOPES,
    clock_pairs: int = CLOCK_PAIRS,
) -> Iterator[Cell]:
    """The cells of a map, one by one: all shares at the first load, then at the next.

    A cell takes about 0.7 s, or 2 s where the shared clock has to be simulated more closely.

    Args:
        scenario: Two types, the same at both routers and independent; its pair rate and probabilities are replaced.
        loads: Loads ρ, each between 0 and 1.
        long_shares: Probabilities of the last type, each between 0 and 1.
        visibility: Werner visibility of the noisy standing, above 0 and at most 1.
        seed: Of the searches and simulations, the same in every cell so that neighbours share their noise.
        slopes: Supporting lines for the asymmetric rival.
        clock_pairs: Pairs of requests simulated for each shared-clock router; CLOSER times as many where neither
            the class nor the asymmetric rival nor these decide the verdict.

    Raises:
        ScenarioError: the scenario or an axis is none of the above, or the reward offers no trade-off.
    """
    if not 0 < visibility <= 1:
        raise ScenarioError(f"visibility is {visibility:g}; it must be above 0 and at most 1")
    for load in loads:
        for share in long_shares:
            yield _cell(scenario_at(scenario, load, share), load, share, visibility, seed, slopes, clock_pairs)


def scenario_at(scenario: Scenario, load: float, long_share: float) -> Scenario:
    """The scenario with another load, by its pair rate, and another probability of the last of its two types.

    Raises:
        ScenarioError: the types are not two, the same at both routers and independent; or a value is not between 0
            and 1.
    """
    traffic = scenario.traffic
    if traffic.type is None or len(traffic.type) != 2 or traffic.type_b or traffic.sizes_b or traffic.joint:
        raise ScenarioError(
            "traffic: a map over load and share of long requests needs exactly two types in [[traffic.type]], and no "
            "type_b, sizes or joint; describe the traffic so"
        )
    if not 0 < long_share < 1:
        raise ScenarioError(f"the share of long requests is {long_share:g}; it must lie strictly between 0 and 1")
    return scenario_with(scenario, {LOAD: load, f"{PROBABILITY}.{traffic.type[1].name}": long_share})


def _cell(
    scenario: Scenario, load: float, share: float, visibility: float, seed: int, slopes: int, clock_pairs: int
) -> Cell:
    workload = scenario.workload()
    frontiers = Frontiers(workload, scenario.limits())
    found = {each: largest_advantage(frontiers, each) for each in {1.0, visibility}}
    points = {each: best.splitting_probability for each, best in found.items() if best}
    standings: dict[float, Standing] = {}
    if points:
        asymmetric = asymmetric_curve(workload, slopes=slopes, seed=seed)
        for pairs in (clock_pairs, CLOSER * clock_pairs):
            clock = clock_curve(workload, pairs=pairs, seed=seed)
            standings = {
                each: standing_at(frontiers, each, p, frontiers.waiting_time(p, each), asymmetric, clock)
                for each, p in points.items()
            }
            if not any(each.asymmetric.stands and each.shared_clock.undecided for each in standings.values()):
                break
    return Cell(
        load,
        share,
        workload.pair_rate,
        frontiers.least_visibility(),
        standings.get(1.0),
        standings.get(visibility),
    )


def _margin(curve: RivalCurve, waiting: float, throughput: float) -> Margin:
    """Against the hull of a rival, with the error of the points on its supporting line at that throughput."""
    rival = float(curve.waiting_time_at(throughput))
    corner_throughput, corner_waiting = curve.hull
    edge = int(np.searchsorted(corner_throughput, throughput))
    inside = not curve.unbounded and 0 < edge < len(corner_throughput)
    kappa = 0.0
    if inside:
        rise = corner_waiting[edge] - corner_waiting[edge - 1]
        kappa = float(rise / (corner_throughput[edge] - corner_throughput[edge - 1]))
    scores = [point.score(kappa) for point in curve.points]
    least = min(score for score, _ in scores)
    error = max(error for score, error in scores if score <= least + _TIED * (rival + kappa * throughput))
    reach = t_quantile(curve.freedom) * error if error else 0.0
    return _against(waiting, rival, reach, curve.method, curve.unbounded)


def _against(waiting: float, rival: float, reach: float, method: str, unbounded: bool = False) -> Margin:
    """The margin against a rival's W, known to within `reach`."""
    low = 1 - waiting / (rival - reach) if rival > reach else -np.inf
    return Margin(method, rival, 1 - waiting / rival, low, 1 - waiting / (rival + reach), unbounded, reach)
