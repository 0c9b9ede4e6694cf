"""The idea as a picture: pairs of requests, two routers that share a Bell pair, two queues with a baseline task each.

All its words and numbers are the scenario's own. It is drawn 360 pixels wide, so that a phone shows it at full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from ...model.printable import printable
from ...model.queueing.service import Service
from ...model.scenario.file import BaselineSpec, Scenario
from ..records.analysis_record import Analysis
from ..records.context_record import Context
from ..records.printable import folded, short
from .templating import environment

_MOST = 3  # types of a router that are listed one by one
_NAME, _LINES, _REWARD = 14, 3, 46  # letters that fit their places, and lines for a name
_ROW, _LINE = 36, 15  # pixels of a type with a name of one line, and of each further line


@dataclass(frozen=True)
class _Type:
    """A request type as text."""

    name: str
    share: str
    service: str  # empty if the router knows the size itself
    angle: float | None  # of its basis in degrees; None if it was not planned

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
    """The types of a router that are listed."""

    types: Sequence[_Type]
    more: int  # left out before the last

    @property
    def tops(self) -> list[int]:
        """Height of the first line of each type, and at last where the types end."""
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
    """What the picture says."""

    arrivals: str
    routers: Sequence[_Router]  # A and B
    pairs: int  # Bell pairs for each pair of requests
    mixed: float | None  # probability of the bases shown, if another set takes turns with them
    busy: str
    outcomes: Sequence[str]  # worth of the baseline task, price of a split if it was planned, share of pairs split

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
    scenario = Scenario.parse(analysis.scenario, analysis.title)
    workload, context = scenario.workload(), analysis.context or Context()
    bases = max(context.bases, key=lambda each: each.probability, default=None)
    routers = []
    for names, services, shares, angles in (
        (workload.names_a, workload.services_a, workload.joint.sum(axis=1), bases.alpha if bases else None),
        (workload.names_b, workload.services_b, workload.joint.sum(axis=0), bases.beta if bases else None),
    ):
        degrees = [None] * len(names) if angles is None else np.degrees(angles).tolist()
        types = [
            _Type(printable(name), f"{100 * share:.3g} %", _service(service), angle)
            for name, share, service, angle in zip(names, shares, services, degrees, strict=True)
        ]
        listed = types if len(types) <= _MOST else [*types[: _MOST - 1], types[-1]]
        routers.append(_Router(listed, len(types) - len(listed)))
    planned, observed = analysis.planned, analysis.observed.splitting_probability.estimate
    return _Idea(
        arrivals=f"Pairs of requests: {workload.pair_rate:.4g} per unit of time",
        routers=routers,
        pairs=scenario.experiment.bell_pairs,
        mixed=bases.probability if bases and bases.probability < 1 else None,
        busy=f"busy {100 * analysis.frontiers.load:.3g} %",
        outcomes=[
            short(_worth(scenario.baseline), _REWARD),
            *([f"price μ of a split: {planned.certificate_multiplier:.4g} units of time"] if planned else []),
            f"observed: {100 * observed:.3g} % of pairs split",
        ],
    )


def _service(service: Service) -> str:
    """A service time in a few words; none where the router knows the size itself."""
    if service.size_known:
        return ""
    return f"takes {service.mean:.4g}" if service.kind == "deterministic" else f"takes ≈ {service.mean:.4g}"


def _worth(baseline: BaselineSpec) -> str:
    """What an undisturbed period of the baseline task is worth."""
    reward = baseline.reward
    if reward.kind == "setup":
        return f"an interruption costs {reward.setup_time:.4g} units of time"
    if reward.kind == "warmup":
        return f"the task warms up over {reward.time:.4g} units of time"
    if reward.kind == "power":
        return f"a period t undisturbed is worth t^{reward.exponent:.4g}"
    return "long undisturbed periods are worth more"
