"""The idea as a picture: pairs of requests, two routers that share a Bell pair, two queues with a baseline task each.

All its words and numbers are the scenario's own. It is drawn 360 pixels wide, so that a phone shows it at full size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ...records.analysis_record import Analysis
from ...records.printable import printable
from .chart import TEXT, WIDTH, text
from .svg import element, fitted, joined, picture, text_width

_MOST = 6  # types of a router that are listed one by one
_TWO_LINES = 3  # … and with a line of their own for service time and basis
_BOX = 164.0  # pixels, the width of a router
_LINE = 16.0
_ROUTERS = (4.0, WIDTH - 4 - _BOX)  # left edges
_SERVERS = (20.0, WIDTH - 20 - 132)
_SERVER = 132.0
_DIAL = 62.0  # from the right edge, so that −180.0° fits beside it


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


@dataclass(frozen=True)
class _Story:
    """What the picture says.

    Attributes:
        arrivals: How often pairs come.
        routers: The types of each.
        more: How many types of each router are left out between its last two listed.
        pairs: Bell pairs for each pair of requests.
        mixed: The probability of the bases shown, where another set takes turns with them.
        load: ρ.
        reward: What the baseline task is worth.
        price: Of a split, where it was planned.
        split: The share of pairs split, observed.
    """

    arrivals: str
    routers: tuple[Sequence[_Type], Sequence[_Type]]
    more: tuple[int, int]
    pairs: int
    mixed: float | None
    load: float
    reward: str
    price: str
    split: str


def idea_figure(analysis: Analysis) -> Markup:
    """The picture as an <svg>, with title and description."""
    story = _story(analysis)
    parts: list[Markup] = [
        text(WIDTH / 2, 13, story.arrivals, anchor="middle", class_="strong"),
        text(WIDTH / 2, 29, "one request of each pair at each router", anchor="middle", class_="soft"),
    ]
    bottom = 0.0
    for left, name, types, more in zip(_ROUTERS, "AB", story.routers, story.more, strict=True):
        parts.append(_arrow(left + _BOX / 2, 36, 52))
        drawn, end = _router(left, 56, f"Router {name}", types, more)
        parts.append(drawn)
        bottom = max(bottom, end)
    parts.append(_boxes(_ROUTERS, 56, _BOX, bottom - 56))
    parts.append(_bell_pair(bottom, story))
    servers = bottom + 128
    parts.append(_decisions(bottom + 34, servers))
    for number, left in enumerate(_SERVERS):
        parts.append(_server(left, servers, f"Server {number}", story))
    end = servers + 106
    parts += _outcomes(end, story)
    described = _description(story)
    return picture("idea", (WIDTH, end + 112), "The idea: two routers, a Bell pair, two queues", described, *parts)


def _router(left: float, top: float, name: str, types: Sequence[_Type], more: int) -> tuple[Markup, float]:
    """Name and types of a router, and where they end."""
    right, y = left + _BOX - 10, top + 2 * _LINE + 2
    parts = [
        text(left + 10, top + 18, name, class_="strong"),
        text(left + 10, y, f"sees only its own {'type' if types[0].service else 'size'}", class_="soft"),
    ]
    two_lines = len(types) <= _TWO_LINES
    y += 2 if two_lines else 6
    for index, each in enumerate(types):
        if more and index == len(types) - 1:
            y += _LINE
            parts.append(text(left + _BOX / 2, y, f"… {more} more types …", anchor="middle", class_="soft"))
        y += _LINE + (4 if two_lines else 0)
        told = each.share if two_lines or each.angle is None else _degrees(each.angle)
        indent = 10.0 if two_lines else 26.0
        parts.append(text(left + indent, y, fitted(each.name, _BOX - indent - 52, TEXT)))
        parts.append(text(right, y, told, anchor="end"))
        if two_lines:
            y += _LINE
            room = _BOX - 20 - (_DIAL + 8 if each.angle is not None else 0)
            parts.append(text(left + 10, y, fitted(each.service, room, TEXT), class_="soft"))
        if each.angle is not None:
            parts.append(_dial(right - _DIAL if two_lines else left + 16, y - 4, each.angle))
            if two_lines:
                parts.append(text(right, y, _degrees(each.angle), anchor="end", class_="quantum-text"))
    return joined(parts), y + 26


def _boxes(lefts: Sequence[float], top: float, width: float, height: float) -> Markup:
    """Frames of equal height round what stands in them."""
    frame = {"y": top, "width": width, "height": height, "rx": 6, "class_": "frame"}
    return joined([element("rect", x=left, **frame) for left in lefts])


def _dial(x: float, y: float, angle: float) -> Markup:
    """A little circle with the direction of a basis, turned from upright by that many degrees."""
    turn = math.radians(angle)
    tip = f"{x + 6 * math.sin(turn):.1f} {y - 6 * math.cos(turn):.1f}"
    circle = element("circle", cx=float(x), cy=float(y), r=6.0, class_="dial")
    return joined([circle, element("path", d=f"M{x:.1f} {y:.1f}L{tip}", class_="needle")])


def _bell_pair(bottom: float, story: _Story) -> Markup:
    """Two qubits, one at each router, and what joins them."""
    y = bottom
    ends = _ROUTERS[0] + _BOX / 2, _ROUTERS[1] + _BOX / 2
    step = (ends[1] - ends[0]) / 16
    wave = f"M{ends[0]:.1f} {y:.1f}" + "".join(
        f"q{step / 2:.1f} {-9 if index % 2 else 9} {step:.1f} 0" for index in range(16)
    )
    many = "Bell pair" if story.pairs == 1 else f"{story.pairs} Bell pairs"
    parts = [element("path", d=wave, class_="wave")]
    parts += [element("circle", cx=end, cy=y, r=7.0, class_="qubit") for end in ends]
    parts.append(text(WIDTH / 2, y + 24, many, anchor="middle", class_="quantum-text strong"))
    parts.append(text(WIDTH / 2, y + 39, "no messages", anchor="middle", class_="soft"))
    return joined(parts)


def _decisions(top: float, bottom: float) -> Markup:
    """From either router to either server, by the outcome measured."""
    starts = [left + _BOX / 2 for left in _ROUTERS]
    ends = [left + _SERVER / 2 for left in _SERVERS]
    parts = []
    for start in starts:
        parts.append(element("path", d=f"M{start:.1f} {top - 26:.1f}V{top:.1f}", class_="flow"))
        for end in ends:
            parts.append(element("path", d=f"M{start:.1f} {top:.1f}L{end:.1f} {bottom - 11:.1f}", class_="flow"))
    for end in ends:
        parts.append(element("path", d=f"M{end - 5:.1f} {bottom - 12:.1f}l5 8l5 -8Z", class_="tip"))
    middle = (top + bottom - 11) / 2
    parts.append(element("rect", x=WIDTH / 2 - 54, y=middle - 18, width=108.0, height=36.0, class_="clear"))
    parts.append(text(WIDTH / 2, middle - 3, "outcome 0 or 1:", anchor="middle"))
    parts.append(text(WIDTH / 2, middle + 12, "server 0 or 1", anchor="middle"))
    return joined(parts)


def _server(left: float, top: float, name: str, story: _Story) -> Markup:
    """A queue, its server, and the baseline task behind it."""
    frame = {"width": _SERVER, "rx": 6}
    parts = [element("rect", x=left, y=top, height=54.0, class_="frame", **frame)]
    parts.append(text(left + 10, top + 20, name, class_="strong"))
    busy = f"busy {100 * story.load:.3g} %"
    parts.append(text(left + 10, top + 40, busy, class_="soft"))
    for index in range(3):
        box = {"x": left + _SERVER - 58 + 15 * index, "y": top + 12, "width": 12.0, "height": 12.0, "rx": 2}
        parts.append(element("rect", class_="request", **box))
    if text_width(busy, TEXT) + text_width("queue", TEXT) < _SERVER - 28:
        parts.append(text(left + _SERVER - 10, top + 40, "queue", anchor="end", class_="soft"))
    parts.append(element("rect", x=left, y=top + 60, height=38.0, class_="baseline", **frame))
    parts.append(text(left + _SERVER / 2, top + 76, "baseline task", anchor="middle"))
    parts.append(text(left + _SERVER / 2, top + 91, "while it is idle", anchor="middle", class_="soft"))
    return joined(parts)


def _outcomes(top: float, story: _Story) -> list[Markup]:
    """What either decision costs."""
    lines = [
        ("Together", "same server: one waits for the other"),
        ("Split", "both baseline tasks are interrupted"),
    ]
    parts = []
    y = top + 20
    for name, told in lines:
        parts.append(text(8.0, y, name, class_="strong"))
        parts.append(text(76.0, y, told))
        y += _LINE + 2
    parts.append(text(76.0, y, fitted(story.reward, WIDTH - 80, TEXT), class_="soft"))
    y += _LINE + 2
    if story.price:
        parts.append(text(76.0, y, story.price, class_="soft"))
        y += _LINE + 2
    parts.append(text(76.0, y, story.split, class_="soft"))
    return parts


def _arrow(x: float, top: float, bottom: float) -> Markup:
    return joined(
        [
            element("path", d=f"M{x:.1f} {top:.1f}V{bottom - 6:.1f}", class_="flow"),
            element("path", d=f"M{x - 5:.1f} {bottom - 8:.1f}l5 8l5 -8Z", class_="tip"),
        ]
    )


def _story(analysis: Analysis) -> _Story:
    traffic: dict[str, Any] = analysis.scenario.get("traffic", {})
    known = analysis.context.bases if analysis.context else []
    bases = max(known, key=lambda each: each.probability, default=None)
    shares = _marginals(traffic)
    routers, more = [], []
    for side, names in enumerate((analysis.frontiers.types_a, analysis.frontiers.types_b)):
        angles = None if bases is None else (bases.alpha, bases.beta)[side]
        types = _types(traffic, side, names, shares[side], angles)
        left_out = max(len(types) - _MOST, 0)
        if left_out:
            kept = [*types[: _TWO_LINES - 1], types[-1]]
            left_out = len(types) - len(kept)
            types = kept
        routers.append(types)
        more.append(left_out)
    planned, observed = analysis.planned, analysis.observed.splitting_probability.estimate
    return _Story(
        arrivals=f"Pairs of requests: {traffic.get('pair_rate', 0):.4g} per unit of time",
        routers=(routers[0], routers[1]),
        more=(more[0], more[1]),
        pairs=int(analysis.scenario.get("experiment", {}).get("bell_pairs", 1)),
        mixed=bases.probability if bases and bases.probability < 1 else None,
        load=analysis.frontiers.load,
        reward=_reward(analysis.scenario.get("baseline", {}).get("reward", {})),
        price=f"price μ of a split: {planned.certificate_multiplier:.4g} units of time" if planned else "",
        split=f"observed: {100 * observed:.3g} % of pairs split",
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
    if reward.get("kind") == "power":
        return f"a period t undisturbed is worth t^{reward['exponent']:.4g}"
    return "long undisturbed periods are worth more"


def _degrees(angle: float) -> str:
    return f"{angle + 0.0:.1f}°".replace("-", "−")


def _description(story: _Story) -> str:
    """The picture in words."""

    def told(each: _Type) -> str:
        basis = "" if each.angle is None else f", measured in a basis turned by {_degrees(each.angle)}"
        return f"{each.name} ({each.share}{', ' if each.service else ''}{each.service}{basis})"

    routers = []
    for name, types, more in zip("AB", story.routers, story.more, strict=True):
        rest = f" and {more} more" if more else ""
        routers.append(f"Router {name} sees only the type of its own request: {', '.join(map(told, types))}{rest}.")
    mixed = f" The bases shown are used with probability {story.mixed:.3g}, else another set." if story.mixed else ""
    many = "a Bell pair" if story.pairs == 1 else f"{story.pairs} Bell pairs"
    return (
        f"{story.arrivals}, one request of each pair at each router. {' '.join(routers)}{mixed} The routers exchange "
        f"no messages; they share {many} for each pair of requests, and each one's outcome is the server it chooses. "
        f"Each server is busy {100 * story.load:.3g} % of the time and runs a baseline task while it is idle; "
        f"{story.reward}. Of a pair sent to the same server one waits for the other, a pair that is split interrupts "
        f"both baseline tasks. {story.price + '; ' if story.price else ''}{story.split}."
    )
