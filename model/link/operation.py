"""What routers reach over a link by formula: measurements on a pair worth using, else the best classical fallback.

At a multiplier μ both are optimal separately: the measurements that reach β_Q, the classical maps that reach β_C, and a
pair is used where that scores more. Correlators then average to q·c_Q + k·c_C with q = η²(2f−1)²·E[V; used] and
k = 1 − availability·(1 − (1−η)²); p and W are linear in them. As μ falls from the largest weight to the least, p rises:
one path along which the best point for a class of classical routers is looked for.

p is exact. Whether a pair is there depends on the time since the last request, and so does the wait: W and τ(p), which
take decisions to be independent of arrival times, are approximations that the simulation judges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from ..errors import ScenarioError
from ..games.frontiers import Frontiers, share_saved
from ..games.routing_game import Against
from ..scenario.file import OperatingTarget, Scenario
from .link import Link, availability, least_visibility_used, mean_visibility_when_used, used_visibility

Floats = NDArray[np.float64]

NOTHING = 1e-12  # of the waiting time: what rounding leaves of no saving
_MULTIPLIERS = 193  # along the path, spread over its pieces
_SHARES = 129  # of the mixtures of classical maps along the path
_FINE = 1e-4  # of a step of the path


@dataclass(frozen=True)
class ClassicalMaps:
    """Signs a_x and b_y that the routers fall back to, and the probability of this choice."""

    probability: float
    a: Floats
    b: Floats


@dataclass(frozen=True, eq=False)
class LinkPoint:
    """How routers use a link, and what they reach by formula.

    Attributes:
        link: The link.
        multiplier: μ, waiting time paid per unit of splitting probability.
        correlators: c(x,y) of the measurements on an ideal pair, shape (n_A, n_B).
        fallback: Classical maps used without a pair, one drawn by shared randomness for each pair of requests.
        window: Time after its heralding for which a pair is used.
        least_visibility_used: V_min.
        availability: Share of request pairs that use a Bell pair.
        mean_visibility_when_used: Mean visibility of these Bell pairs; NaN if none is used.
        splitting_probability, waiting_time, baseline_throughput: p, W and τ(p).
    """

    link: Link
    multiplier: float
    correlators: Floats
    fallback: tuple[ClassicalMaps, ...]
    window: float
    least_visibility_used: float
    availability: float
    mean_visibility_when_used: float
    splitting_probability: float
    waiting_time: float
    baseline_throughput: float

    @property
    def fallback_correlators(self) -> Floats:
        """c(x,y) of the fallback, shape (n_A, n_B)."""
        return np.asarray(sum(each.probability * np.outer(each.a, each.b) for each in self.fallback))


@dataclass(frozen=True, eq=False)
class _Choices:
    """Places on the path, all arrays of shape (n,).

    Attributes:
        multiplier: μ.
        vertex: Position among the vertices of the classical frontier, a fraction on an edge.
        entangled_p, entangled_w: p and W of the measurements on ideal pairs.
        fallback_p, fallback_w: p and W of the fallback.
    """

    multiplier: Floats
    vertex: Floats
    entangled_p: Floats
    entangled_w: Floats
    fallback_p: Floats
    fallback_w: Floats


class LinkOperation:
    """What the routers of a workload reach over any link; the games are solved once for all links.

    Args:
        frontiers: Frontiers of the workload.
    """

    def __init__(self, frontiers: Frontiers) -> None:
        self.frontiers = frontiers
        self.workload = frontiers.workload
        self._maps = frontiers.classical.strategies

    def point(self, link: Link, scenario: Scenario) -> LinkPoint:
        """The operating point that the scenario's [experiment] asks for.

        Raises:
            ScenarioError: the target is out of reach of this link.
        """
        target = scenario.experiment.operating_point
        if not isinstance(target, OperatingTarget):
            against = self.frontiers.aim(scenario.experiment.against)
            if against == "every-classical" and self.saving(link, against) <= NOTHING:
                against = "memoryless"
            return self.best(link, against)
        if target.multiplier is not None:
            return self.at_multiplier(link, target.multiplier)
        name = "splitting_probability" if target.splitting_probability is not None else "waiting_time"
        return self._at(link, self._place_of(link, name, float(getattr(target, name))))

    def at_multiplier(self, link: Link, multiplier: float) -> LinkPoint:
        """The point where waiting time plus μ times the splitting probability is least."""
        falling = self._path.multiplier
        return self._at(link, float(np.interp(-multiplier, -falling, np.arange(falling.size))))

    def without_pairs(self, point: LinkPoint) -> LinkPoint:
        """Classical routers that split as often at the same times: what the clock alone gains, without entanglement.

        Routers over a link are not memoryless, for a pair is there more often after a long gap. Whenever they would use
        a pair these play what waits least among memoryless classical strategies that split as often then.
        """
        link, table = point.link, np.zeros_like(point.correlators)
        if point.availability > 0:
            kept = link.read_out * point.mean_visibility_when_used * point.correlators
            lost = link.neither_detects * point.fallback_correlators
            p = self.workload.splitting_probability((1 - kept - lost) / 2)
            table = self._maps.correlators_at(p)
        perfect = replace(
            link, visibility=1.0, memory_time=math.inf, measurement_fidelity=1.0, detection_efficiency=1.0
        )
        split = (1 - point.availability * table - (1 - point.availability) * point.fallback_correlators) / 2
        p = self.workload.splitting_probability(split)
        return replace(
            point,
            link=perfect,
            correlators=table,
            splitting_probability=p,
            waiting_time=self.workload.waiting_time(split),
            baseline_throughput=float(self.workload.baseline_throughput(p)),
        )

    def best(self, link: Link, against: Against) -> LinkPoint:
        """The point that waits the largest share less than a class at equal throughput.

        If no pair helps, it is the fallback at the point that is best for a perfect link.

        Raises:
            NoBoundError: there is no bound on every classical router.
        """
        savings = self._savings(self._reached(link, self._path), against)
        if savings.max() <= NOTHING:
            perfect = Link(math.inf, 1.0, math.inf)
            savings = self._savings(self._reached(perfect, self._path), against)
            return self._at(link, float(savings.argmax()))
        top = int(savings.argmax())

        def loss(place: float) -> float:
            return -float(self._savings(self._reached(link, self._between(place)), against)[0])

        around = max(top - 1, 0), min(top + 1, savings.size - 1)
        found = minimize_scalar(loss, bounds=around, method="bounded", options={"xatol": _FINE})
        return self._at(link, float(found.x) if -found.fun > savings[top] else float(top))

    def saving(self, link: Link, against: Against) -> float:
        """The largest share of a class's waiting time that the link saves at equal throughput; at most 0 if none.

        Only the places known are tried, which costs up to about 1e-5; `best` looks between them.

        Raises:
            NoBoundError: there is no bound on every classical router.
        """
        return float(self._savings(self._reached(link, self._path), against).max())

    def least_heralded_visibility(self, link: Link, against: Against) -> float:
        """What a pair that is always there needs to beat a class; above 1 if none does.

        Raises:
            NoBoundError: there is no bound on every classical router.
        """
        path, middle = self._path, self.workload.uncorrelated_waiting_time
        rival = self.frontiers.rival(against)
        level = np.array([rival.least(multiplier) for multiplier in path.multiplier.tolist()])
        entangled, fallback = self._scores(path)
        needed = middle + path.multiplier / 2 - level - link.neither_detects * fallback
        gain = link.read_out * entangled
        # At the ends measurements are classical maps, and meet them within rounding.
        inside = entangled - fallback > 1e-9 * self.workload.together_waiting_time
        return float(np.min(needed[inside] / gain[inside], initial=math.inf)) if link.read_out > 0 else math.inf

    @cached_property
    def _path(self) -> _Choices:
        """Places from p = 0 to p = 1: at each vertex of the classical frontier μ falls, on each edge its ends mix."""
        weights = self.workload.weights[self.workload.joint > 0]
        top, bottom = float(weights.max()), float(weights.min())
        p, slopes = self._maps.splitting_probability, np.clip(self._maps.multipliers, bottom, top)
        ends = np.concatenate([[top], slopes, [bottom]])
        places: list[tuple[float, float]] = []  # μ and the position among the vertices
        for vertex in range(p.size):
            falls = ends[vertex] - ends[vertex + 1]
            count = 2 + math.ceil(_MULTIPLIERS * falls / (top - bottom)) if falls > 0 else 1
            places += [(each, float(vertex)) for each in np.linspace(ends[vertex], ends[vertex + 1], count).tolist()]
            if vertex + 1 < p.size:
                count = 1 + math.ceil(_SHARES * float(p[vertex + 1] - p[vertex]))
                inner = np.linspace(vertex, vertex + 1, count + 1)[1:-1].tolist()
                places += [(float(slopes[vertex]), each) for each in inner]
        return self._choices(*np.array(places).T)

    def _choices(self, multiplier: Floats, vertex: Floats) -> _Choices:
        points = self.frontiers.one_pair.points_at(multiplier.tolist())
        known = np.arange(self._maps.splitting_probability.size)
        return _Choices(
            multiplier,
            vertex,
            points.splitting_probability,
            points.waiting_time,
            np.interp(vertex, known, self._maps.splitting_probability),
            np.interp(vertex, known, self._maps.waiting_time),
        )

    def _between(self, place: float) -> _Choices:
        """One place between two neighbors on the path, which have μ or the vertex in common."""
        at = np.arange(self._path.multiplier.size)
        return self._choices(*(np.interp([place], at, known) for known in (self._path.multiplier, self._path.vertex)))

    def _scores(self, choices: _Choices) -> tuple[Floats, Floats]:
        """Σ G c of the measurements on ideal pairs, and of the fallback."""
        middle, multiplier = self.workload.uncorrelated_waiting_time, choices.multiplier
        entangled = middle - choices.entangled_w + multiplier * (0.5 - choices.entangled_p)
        return entangled, middle - choices.fallback_w + multiplier * (0.5 - choices.fallback_p)

    def _least(self, link: Link, choices: _Choices) -> Floats:
        entangled, fallback = self._scores(choices)
        return least_visibility_used(link, fallback, entangled)

    def _reached(self, link: Link, choices: _Choices) -> tuple[Floats, Floats]:
        """p and W at places on the path."""
        least, rate = self._least(link, choices), self.workload.pair_rate
        middle = self.workload.uncorrelated_waiting_time
        entangled = link.read_out * used_visibility(link, rate, least)
        fallback = 1 - availability(link, rate, least) * (1 - link.neither_detects)
        p = 0.5 + entangled * (choices.entangled_p - 0.5) + fallback * (choices.fallback_p - 0.5)
        waiting = middle + entangled * (choices.entangled_w - middle) + fallback * (choices.fallback_w - middle)
        return p, waiting

    def _savings(self, reached: tuple[Floats, Floats], against: Against) -> Floats:
        p, waiting = reached
        rival = self.frontiers.rival(against).waiting_time_at(p)
        return share_saved(self.workload, rival, rival - waiting)

    def _place_of(self, link: Link, name: str, target: float) -> float:
        """Where on the path p, which rises along it, or W, which falls, is the target."""
        at = ("splitting_probability", "waiting_time").index(name)
        values = self._reached(link, self._path)[at]
        low, high = float(values.min()), float(values.max())
        if not low - NOTHING <= target <= high + NOTHING:
            raise ScenarioError(
                f"experiment.operating_point.{name} = {target:g} is out of reach of this link, which reaches from "
                f"{low:.6g} to {high:.6g}"
            )
        beyond = np.flatnonzero(values >= target if at == 0 else values <= target)
        after = int(beyond[0]) if beyond.size else values.size - 1
        if after == 0 or values[after] == target:
            return float(after)

        def excess(place: float) -> float:
            return float(self._reached(link, self._between(place))[at][0]) - target

        ends = excess(after - 1), excess(after)
        return float(brentq(excess, after - 1, after, xtol=_FINE)) if ends[0] * ends[1] < 0 else float(after)

    def _at(self, link: Link, place: float) -> LinkPoint:
        choices = self._between(place)
        p, waiting = (float(each[0]) for each in self._reached(link, choices))
        least, rate = self._least(link, choices), self.workload.pair_rate
        multiplier = float(choices.multiplier[0])
        return LinkPoint(
            link=link,
            multiplier=multiplier,
            correlators=self.frontiers.one_pair.at_multiplier(multiplier).correlators,
            fallback=self._fallback(float(choices.vertex[0])),
            window=float(link.window(least)[0]),
            least_visibility_used=float(least[0]),
            availability=float(availability(link, rate, least)[0]),
            mean_visibility_when_used=float(mean_visibility_when_used(link, rate, least)[0]),
            splitting_probability=p,
            waiting_time=waiting,
            baseline_throughput=float(self.workload.baseline_throughput(p)),
        )

    def _fallback(self, vertex: float) -> tuple[ClassicalMaps, ...]:
        below = math.floor(vertex)
        shares = {below: 1 - (vertex - below), below + 1: vertex - below}
        return tuple(
            ClassicalMaps(share, *_signs(self._maps.correlators(index))) for index, share in shares.items() if share > 0
        )


def _signs(correlators: Floats) -> tuple[Floats, Floats]:
    """a_x and b_y with a_x b_y = c(x,y), up to a common sign."""
    return correlators[:, 0].copy(), correlators[0] * correlators[0, 0]
