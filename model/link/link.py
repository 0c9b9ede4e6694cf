"""A link that heralds Bell pairs, in the scenario's units of time, and how often and how well it serves requests.

Pairs are heralded as a Poisson stream of rate R with Werner visibility V₀, of which V(t) = V₀e^(−t/T) is left at age t;
the routers hear of a pair at age d. The memory has B places: a new pair replaces the oldest if it is full, a request
takes the freshest. Requests come at rate λ and take no pair whose visibility is below V_min, so none that was heralded
longer than L = T ln(V₀/V_min) − d ago.

A pair heralded h ago is the freshest left if all that came after it have been taken, and is still there if never more
than B − 1 of them waited at once: with n the number of fresher pairs waiting, a walk on 0 … B−1 that births (rate R)
and deaths (rate λ) kill at either end went from 0 to 0. Its generator is tridiagonal with eigenvalues −γ_k,
γ_k = R + λ − 2√(Rλ) cos(kπ/(B+1)), and so the pair taken has age d + h with density
R Σ_k w_k e^(−γ_k h), w_k = 2/(B+1) sin²(kπ/(B+1)), k = 1 … B. Integrated over 0 < h < L, for B = 1:

    availability = R/(R+λ) (1 − e^(−(R+λ)L)),
    E[V; used] = V₀e^(−d/T) R/(R+λ+1/T) (1 − e^(−(R+λ+1/T)L)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScenarioError
from ..games.latency import LIGHT_IN_FIBRE
from ..scenario.file import Scenario
from ..scenario.link import LinkSpec
from .published import published_figures

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Link:
    """A link between the two routers, in units of time.

    Attributes:
        rate: R, pairs heralded per unit of time; may be infinite.
        visibility: V₀, of the Werner state that a new pair is in.
        memory_time: T, after which 1/e of the visibility is left; may be infinite.
        buffer: B, pairs kept at most.
        delay: d, age of a pair when the routers hear of it, and the time that a message between them takes.
        measurement_fidelity: Probability that a router reads the outcome it should.
        detection_efficiency: Probability that a router gets an outcome at all.
        cutoff: Age from which a pair is not used; None: only that at which it is no better than the fallback.
        distance_km: Between the routers; None if it is not known, and the delay then 0.
        decision_time: What a router takes to measure and decide, if it is known.
        stationary_time: How long the surroundings stay the same, if it is known.
    """

    rate: float
    visibility: float
    memory_time: float
    buffer: int = 1
    delay: float = 0.0
    measurement_fidelity: float = 1.0
    detection_efficiency: float = 1.0
    cutoff: float | None = None
    distance_km: float | None = None
    decision_time: float | None = None
    stationary_time: float | None = None

    @classmethod
    def of(cls, scenario: Scenario) -> Link:
        """The scenario's link.

        Raises:
            ScenarioError: it has none, names one that is not known, or one whose source leaves a figure open.
        """
        if scenario.link is None:
            raise ScenarioError("link: is missing; describe the link under [link]")
        given = _with_published(scenario.link)
        unit = scenario.traffic.time_unit_seconds
        if unit is None and scenario.link.name is not None:
            for name in given.in_seconds():
                raise ScenarioError(
                    f"link.name is {scenario.link.name!r}, whose {name} is {getattr(given, name):g}, but the scenario "
                    "does not say how long its unit of time is; give traffic.time_unit_seconds"
                )
        second = 1 / unit if unit else math.nan  # in units of time; without it no field is in seconds
        distance = given.distance_km
        found = cls(
            rate=_either(given.rate, given.rate_per_second, 1 / second),
            visibility=_either(given.visibility, given.fidelity and visibility_of(given.fidelity), 1.0),
            memory_time=_either(given.memory_time, given.memory_seconds, second),
            buffer=given.buffer,
            delay=0.0 if distance is None else distance / LIGHT_IN_FIBRE * second,
            measurement_fidelity=given.measurement_fidelity,
            detection_efficiency=given.detection_efficiency,
            cutoff=given.cutoff,
            distance_km=distance,
            decision_time=_optional(given.decision_time, given.decision_seconds, second),
            stationary_time=_optional(given.stationary_time, given.stationary_seconds, second),
        )
        known = (found.rate, found.memory_time, found.delay, found.decision_time or 0.0, found.stationary_time or 0.0)
        if not all(map(math.isfinite, known)):
            raise ScenarioError("link: a figure overflows in units of time; choose traffic.time_unit_seconds near 1")
        return found

    @property
    def fidelity(self) -> float:
        """F = (3V₀ + 1)/4, of a new pair to the Bell state."""
        return fidelity_of(self.visibility)

    @property
    def heralded_visibility(self) -> float:
        """What is left of V₀ when the routers hear of the pair."""
        return float(self.visibilities_at(np.zeros(())))

    @property
    def read_out(self) -> float:
        """η²(2f−1)²: what detection losses and wrong outcomes leave of the correlator of a pair."""
        return (self.detection_efficiency * (2 * self.measurement_fidelity - 1)) ** 2

    @property
    def neither_detects(self) -> float:
        """(1−η)²: the share of pairs used that end as if both routers had fallen back.

        A router without an outcome falls back alone; the other's outcome is a fair coin then, and nothing correlates.
        """
        return (1 - self.detection_efficiency) ** 2

    def visibilities_at(self, since_heralded: Floats) -> Floats:
        """V of pairs heralded so long ago, same shape."""
        if math.isinf(self.memory_time):
            return np.full(since_heralded.shape, self.visibility)
        if self.memory_time == 0:
            return np.where(since_heralded + self.delay > 0, 0.0, self.visibility)
        return np.asarray(self.visibility * np.exp(-(since_heralded + self.delay) / self.memory_time))

    def window(self, least: ArrayLike) -> Floats:
        """L: for so long after it was heralded a pair has at least that visibility and is not cut off; same shape."""
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = np.log(self.visibility) - np.log(np.asarray(least, dtype=float))
            lasting = self.memory_time * excess
        lasting = np.where(excess > 0, np.where(np.isnan(lasting), 0.0, lasting), 0.0)
        ended = math.inf if self.cutoff is None else self.cutoff
        return np.asarray(np.maximum(np.minimum(lasting, ended) - self.delay, 0.0))


def least_visibility_used(link: Link, fallback: ArrayLike, entangled: ArrayLike) -> Floats:
    """V_min: the visibility from which using a pair scores more than falling back, same shape; above 1 if none does.

    Using a pair scores η²(2f−1)²·V·β_Q + (1−η)²·β_C, and falling back β_C, whichever class of classical routers the
    system is compared with.

    Args:
        link: The link.
        fallback: β_C, what the classical fallback scores.
        entangled: β_Q, what the measurements score on ideal pairs.
    """
    gain = link.read_out * np.asarray(entangled, dtype=float)
    lost = np.asarray(fallback, dtype=float) * (1 - link.neither_detects)
    return np.asarray(np.divide(lost, gain, out=np.full(np.broadcast(lost, gain).shape, math.inf), where=gain > 0))


def availability(link: Link, pair_rate: float, least: ArrayLike) -> Floats:
    """The share of request pairs that find a Bell pair of at least that visibility.

    Args:
        link: The link.
        pair_rate: λ, request pairs per unit of time.
        least: V_min, any shape.
    """
    return _taken(link, pair_rate, least, 0.0)


def used_visibility(link: Link, pair_rate: float, least: ArrayLike) -> Floats:
    """E[V; used]: the mean over all request pairs of the visibility used, 0 for those that fall back; as above."""
    if link.memory_time == 0:
        return np.zeros(np.shape(least))
    return link.heralded_visibility * _taken(link, pair_rate, least, 1 / link.memory_time)


def mean_visibility_when_used(link: Link, pair_rate: float, least: ArrayLike) -> Floats:
    """The mean visibility of the Bell pairs that request pairs use; NaN if none uses any; as above."""
    share, used = availability(link, pair_rate, least), used_visibility(link, pair_rate, least)
    return np.asarray(np.divide(used, share, out=np.full(share.shape, math.nan), where=share > 0))


def _taken(link: Link, pair_rate: float, least: ArrayLike, decay: float) -> Floats:
    """∫ R Σ_k w_k e^(−γ_k h) e^(−decay·h) dh over the window."""
    window = link.window(least)
    if math.isinf(link.rate):
        return np.where(window > 0, 1.0, 0.0)
    angles = np.arange(1, link.buffer + 1) * math.pi / (link.buffer + 1)
    weights = 2 / (link.buffer + 1) * np.sin(angles) ** 2
    # (√R − √λ)² + 4√(Rλ) sin²(angle/2), which does not cancel where R is near λ.
    apart = (math.sqrt(link.rate) - math.sqrt(pair_rate)) ** 2
    decays = apart + 4 * math.sqrt(link.rate * pair_rate) * np.sin(angles / 2) ** 2 + decay
    with np.errstate(over="ignore"):  # an exponential of −∞ is 0
        return np.asarray(-np.expm1(-decays * window[..., None]) @ (link.rate * weights / decays))


def _with_published(link: LinkSpec) -> LinkSpec:
    """The link with the figures of the published one that it names, except those that it gives itself."""
    if link.name is None:
        return link
    own = link.model_dump(exclude_none=True, exclude={"name"})
    published = published_figures(link.name)
    figures = {field: value for field, value in published.items() if _OTHER.get(field, field) not in own} | own
    missing = [field for field, other in _OTHER.items() if field not in figures and other not in figures]
    if missing:
        names, verb = " and ".join(f"link.{field}" for field in missing), "is" if len(missing) == 1 else "are"
        raise ScenarioError(
            f"{names} {verb} missing: the source of {link.name!r} has no such figure; add what you know or assume"
        )
    return LinkSpec.model_validate(figures)


# Fields of a published link, and those that say the same in units of time or as a visibility.
_OTHER = {"rate_per_second": "rate", "fidelity": "visibility", "memory_seconds": "memory_time"}


def _optional(in_units: float | None, in_seconds: float | None, second: float) -> float | None:
    return in_units if in_seconds is None else in_seconds * second


def _either(in_units: float | None, in_seconds: float | None, second: float) -> Any:
    value = _optional(in_units, in_seconds, second)
    assert value is not None  # LinkSpec has seen to it
    return value


def fidelity_of(visibility: float) -> float:
    """F of a Werner pair of that visibility, (3V + 1)/4."""
    return (3 * visibility + 1) / 4


def visibility_of(fidelity: float) -> float:
    """V of a Werner pair of that fidelity, (4F − 1)/3."""
    return (4 * fidelity - 1) / 3
