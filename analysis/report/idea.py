"""The idea as a picture: pairs of requests, two routers that share a Bell pair, two queues with a baseline task each.

All its words and numbers are the scenario's own. It is drawn 360 pixels wide, so that a phone shows it at full size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ..records.analysis_record import Analysis
from ..records.printable import folded, printable, short
from .templating import environment

_MOST = 3  # types of a router that are listed one by one
_NAME, _LINES, _REWARD = 14, 3, 46  # letters that fit their places, and lines for a name
_ROW, _LINE = 36, 15  # pixels of a type with a name of one line, and of each further line


@dataclass(frozen=True)
class _Type:
    """A request type as text.

    Attributes:
        name, share, service: As the scenario has them; no service time where the router knows the size itself.
        angle: Of its basis in degrees; None where it was not planned.
    """

    name: str
    share: str
    service: str
    angle: float | None

    @property
    def lines(self) -> list[str]:
        """The name on as many lines as it takes, up to three."""
        return folded(self.name, _NAME, _LINES)

    @property
    def degrees(self) -> str:
        return "" if self.angle is None else f"{self.angle + 0.0:.1f}°".replace("-", "−")

    def __str__(self) -> str:
        parts = [self.share, self.service, f"measured in a basis turned by {self.degrees}" if self.degrees else ""]
        return f"{self.name} ({', '.join(part for part in parts if part)})"


@dataclass(frozen=True)
class _Router:
    """The types of a router that are listed, and how many are left out before the last."""

    types: Sequence[_Type]
    more: int

    @property
    def tops(self) -> list[int]:
        """Where the first line of each type stands, and then where the types end."""
        tops = [112]
        for number, each in enumerate(self.types, start=1):
            gap = 20 if self.more and number == len(self.types) - 1 else 0  # room for how many are left out
            tops.append(tops[-1] + _ROW + _LINE * (len(each.lines) - 1) + gap)
        return tops

    @property
    def bottom(self) -> int:
        return self.tops[-1] + 6


@dataclass(frozen=True)
class _Idea:
    """What the picture says.

    Attributes:
        arrivals: How often pairs come.
        routers: A and B.
        pairs: Bell pairs for each pair of requests.
        mixed: The probability of the bases shown, if another set takes turns with them.
        busy: The load.
        outcomes: What the baseline task is worth, the price of a split if it was planned, the share of pairs split.
    """

    arrivals: str
    routers: Sequence[_Router]
    pairs: int
    mixed: float | None
    busy: str
    outcomes: Sequence[str]

    @property
    def bottom(self) -> int:
        """Lower edge of both routers."""
        return max(router.bottom for router in self.routers)

    @property
    def description(self) -> str:
        """The picture in words."""
        routers = []
        for name, router in zip("AB", self.routers, strict=True):
            rest = f" and {router.more} more" if router.more else ""
            seen = ", ".join(map(str, router.types))
            routers.append(f"Router {name} sees only the type of its own request: {seen}{rest}.")
        mixed = f" The bases shown are used with probability {self.mixed:.3g}, else another set." if self.mixed else ""
        many = "a Bell pair" if self.pairs == 1 else f"{self.pairs} Bell pairs"
        return (
            f"{self.arrivals}, one request of each pair at each router. {' '.join(routers)}{mixed} The routers "
            f"exchange no messages; they share {many} for each pair of requests, and the outcome at each is the server "
            f"it chooses. Each server is {self.busy} of the time and runs a baseline task while it is idle. If a pair "
            "is sent to the same server, one request waits for the other; if it is split, both baseline tasks are "
            "interrupted: "
            f"{'; '.join(self.outcomes)}."
        )


def idea_figure(analysis: Analysis) -> Markup:
    """The picture as an <svg>, with title and description."""
    return Markup(environment().get_template("idea.svg.j2").render(idea=_idea(analysis)))


def _idea(analysis: Analysis) -> _Idea:
    traffic: dict[str, Any] = analysis.scenario.get("traffic", {})
    known = analysis.context.bases if analysis.context else []
    bases = max(known, key=lambda each: each.probability, default=None)
    routers = []
    for side, (names, shares) in enumerate(
        zip((analysis.frontiers.types_a, analysis.frontiers.types_b), _marginals(traffic), strict=True)
    ):
        angles = None if bases is None else (bases.alpha, bases.beta)[side]
        types = _types(traffic, side, names, shares, angles)
        listed = types if len(types) <= _MOST else [*types[: _MOST - 1], types[-1]]
        routers.append(_Router(listed, len(types) - len(listed)))
    planned, observed = analysis.planned, analysis.observed.splitting_probability.estimate
    return _Idea(
        arrivals=f"Pairs of requests: {traffic.get('pair_rate', 0):.4g} per unit of time",
        routers=routers,
        pairs=int(analysis.scenario.get("experiment", {}).get("bell_pairs", 1)),
        mixed=bases.probability if bases and bases.probability < 1 else None,
        busy=f"busy {100 * analysis.frontiers.load:.3g} %",
        outcomes=[
            short(_reward(analysis.scenario.get("baseline", {}).get("reward", {})), _REWARD),
            *([f"price μ of a split: {planned.certificate_multiplier:.4g} units of time"] if planned else []),
            f"observed: {100 * observed:.3g} % of pairs split",
        ],
    )


def _types(
    traffic: dict[str, Any], side: int, names: Sequence[str], shares: Sequence[float], angles: Sequence[float] | None
) -> list[_Type]:
    """Every type of a router; where it knows exact sizes they are bins of one distribution."""
    specs = traffic.get("type" if side == 0 or not _own(traffic) else "type_b")
    services = [_service(spec["service"]) for spec in specs] if specs else [""] * len(names)
    return [
        _Type(printable(name), f"{100 * share:.3g} %", service, None if angles is None else math.degrees(angles[index]))
        for index, (name, share, service) in enumerate(zip(names, shares, services, strict=True))
    ]


def _own(traffic: dict[str, Any]) -> bool:
    """Whether router B has types or sizes of its own."""
    return traffic.get("type_b") is not None or traffic.get("sizes_b") is not None


def _marginals(traffic: dict[str, Any]) -> tuple[list[float], list[float]]:
    """The probability of each type at each router."""
    joint = traffic.get("joint")
    if joint:
        total = sum(map(sum, joint))
        return [sum(row) / total for row in joint], [sum(column) / total for column in zip(*joint, strict=True)]

    def shares(types: str, sizes: str) -> list[float]:
        if traffic.get(types):
            return [float(spec["probability"]) for spec in traffic[types]]
        bins = int(traffic.get(sizes, {}).get("bins", 1))
        return [1 / bins] * bins

    first = shares("type", "sizes")
    return first, shares("type_b", "sizes_b") if _own(traffic) else first


def _service(spec: dict[str, Any]) -> str:
    """A service time in a few words."""
    mean = f"{spec.get('mean', 0):.4g}"
    return f"takes {mean}" if spec.get("distribution") == "deterministic" else f"takes ≈ {mean}"


def _reward(reward: dict[str, Any]) -> str:
    """What an undisturbed period of the baseline task is worth."""
    if reward.get("kind") == "setup":
        return f"an interruption costs {reward['setup_time']:.4g} units of time"
    if reward.get("kind") == "warmup":
        return f"the task warms up over {reward['time']:.4g} units of time"
    if reward.get("kind") == "power":
        return f"a period t undisturbed is worth t^{reward['exponent']:.4g}"
    return "long undisturbed periods are worth more"
