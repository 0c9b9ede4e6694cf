"""Where entanglement stands in one scenario: the operating points among the rivals, by supporting lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.progress import Progress
from scipy.optimize import minimize_scalar

from ...analysis.records.analysis_record import Analysis
from ...model.errors import ScenarioError
from ...model.estimate import Estimate
from ...model.games.operating_point import Frontiers
from ...model.rivals.numerical import RivalCurve, asymmetric_curve, clock_curve
from ...model.rivals.quantum_search import STARTS, Mixture, search_mixtures
from ...model.rivals.standing import Margin, Standing, Verdict, standing_at, verdict
from ...model.scenario.file import Scenario

SCHEMA = "bellqueue.rivals/1"
NUMERICAL = "numerical, not part of the certificate"

_CLASS = "memoryless, label-symmetric classical"
Corner = tuple[float, float]  # (p, W)

_VERDICTS: tuple[Verdict, ...] = ("none", "within the class only", "against all")
_SAME = 1e-6  # difference of scores, as a share of the waiting time, below which two searches found the same


@dataclass(frozen=True)
class Rival:
    """One rival beside an operating point; limits are of the simulation and, at an observed point, of its W and τ.

    Attributes:
        label: Which rival.
        method: How it was found.
        waiting_time: The least it needs at the point's baseline throughput; infinite where it reaches no such τ.
        reduction: How much less entanglement waits (units of time); negative where it waits longer.
        reduction_relative: The same as a share of the rival's waiting time.
        least_score: The least W − κτ found; minus infinity where its throughput has no bound.
        unbounded: Whether that is so.
        stands: Whether entanglement waits less, the limits allowed for.
    """

    label: str
    method: str
    waiting_time: Estimate
    reduction: Estimate
    reduction_relative: Estimate
    least_score: Estimate
    unbounded: bool
    stands: bool


@dataclass(frozen=True)
class Point:
    """An operating point and its rivals.

    Attributes:
        name: "ideal", the visibility assumed, or "observed".
        visibility: Werner visibility, assumed or observed.
        splitting_probability, waiting_time, baseline_throughput: p, W and τ, with limits where observed.
        kappa: κ, the slope dW/dτ of the quantum frontier at that visibility and p.
        score: W − κτ.
        verdict: Whether the advantage stands against all rivals, within the certified class only, or not at all.
        rivals: The certified class first.
    """

    name: str
    visibility: float
    splitting_probability: Estimate
    waiting_time: Estimate
    baseline_throughput: Estimate
    kappa: float
    score: Estimate
    verdict: Verdict
    rivals: tuple[Rival, ...]


@dataclass(frozen=True)
class WiderQuantum:
    """The search beyond label-symmetric entanglement, on the supporting line of the first point.

    Attributes:
        kappa: κ.
        starts: Random starts, for the quantum and for the classical search alike.
        score, waiting_time, baseline_throughput: Of the best strategy found.
        entanglement, shares, bias: What it is, see `Mixture`.
        symmetric_score: Least W − κτ of a Bell pair with label-symmetric outputs.
        classical_score: Least W − κτ of the asymmetric classical routers found.
        finding: What that says, in a sentence.
    """

    kappa: float
    starts: int
    score: float
    waiting_time: float
    baseline_throughput: float
    entanglement: tuple[float, ...]
    shares: tuple[float, ...]
    bias: float
    symmetric_score: float
    classical_score: float
    finding: str


@dataclass(frozen=True)
class Comparison:
    """Where entanglement stands in one scenario.

    Attributes:
        title: Of the scenario.
        load: ρ.
        seed: Of searches and simulations.
        points: The operating points: ideal, at the visibility assumed, observed.
        absent: Why there is no such point, in sentences.
        wider_quantum: The search beyond symmetric strategies; None where throughput has no bound.
        status: What the figures are not.
    """

    title: str
    load: float
    seed: int
    points: tuple[Point, ...]
    absent: tuple[str, ...]
    wider_quantum: WiderQuantum | None
    status: str = NUMERICAL

    def record(self) -> dict[str, Any]:
        """JSON-ready; what is infinite is null."""
        return {"schema": SCHEMA, **finite(asdict(self))}


def compare_rivals(
    scenario: Scenario, visibility: float, observed: Analysis | None, seed: int, progress: Progress
) -> Comparison:
    """Place the ideal point, that of the visibility and the observed one among the rivals.

    Raises:
        ScenarioError: there is no point to place.
    """
    frontiers = Frontiers.of(scenario)
    settled: list[tuple[str, float, Estimate, Estimate, Sequence[Corner], Sequence[Corner]]] = []
    absent: list[str] = []
    for each in dict.fromkeys((1.0, visibility)):
        name = "ideal" if each == 1 else f"visibility {each:g}"
        try:
            point = frontiers.operating_point(scenario.with_experiment(assumed_visibility=each))
        except ScenarioError as error:
            absent.append(f"{name}: {error}")
            continue
        at = (point.splitting_probability, point.waiting_time)
        settled.append((name, each, _exactly(at[0]), _exactly(at[1]), [at], [at]))
    if observed:
        p, waiting = observed.observed.splitting_probability, observed.observed.waiting_time
        corners = [(each.splitting_probability, each.waiting_time) for each in observed.confidence_region]
        worst, best = [corners[0], corners[3]], corners[1:3]  # those with the smallest excess, and with the largest
        settled.append(("observed", observed.visibility.estimate, p, waiting, worst, best))
    if not settled:
        raise ScenarioError(absent[0])
    searched = _Searched(frontiers, *_curves(frontiers, seed, progress), seed, progress)
    points = [_point(searched, *each) for each in settled]
    return Comparison(
        scenario.title,
        frontiers.workload.load,
        seed,
        tuple(points),
        tuple(absent),
        _wider_quantum(searched, points[0]),
    )


@dataclass(frozen=True, eq=False)
class _Searched:
    """What the points of a comparison share.

    Attributes:
        frontiers: The exact class and the symmetric quantum frontier.
        asymmetric, clock: The numerical rivals.
        seed: Of the searches.
        progress: Where to show them.
    """

    frontiers: Frontiers
    asymmetric: RivalCurve
    clock: RivalCurve
    seed: int
    progress: Progress

    def search(self, kappa: float, entangled: bool) -> Mixture | None:
        """Mixtures on a supporting line."""
        kind = "entangled strategies of any kind" if entangled else "asymmetric classical routers"
        step = self.progress.add_task(f"searching {kind}", total=STARTS)
        return search_mixtures(
            self.frontiers.workload,
            kappa,
            entangled=entangled,
            seed=self.seed,
            watch=lambda done: self.progress.update(step, completed=done),
        )

    def certified_score(self, kappa: float) -> float:
        """Least W − κτ of the certified class: at a vertex, since W is linear and τ convex between vertices."""
        curve = self.frontiers.classical
        throughput = self.frontiers.workload.baseline_throughput(curve.splitting_probability)
        return float((curve.waiting_time - kappa * throughput).min())

    def asymmetric_score(self, kappa: float) -> float:
        """Least W − κτ of asymmetric classical routers, the class among them."""
        mixture = self.search(kappa, False)
        scores = [self.asymmetric.least(kappa).estimate, self.certified_score(kappa)]
        return min([*scores, mixture.score] if mixture else scores)

    def symmetric_score(self, kappa: float) -> float:
        """Least W − κτ of a Bell pair with label-symmetric outputs."""
        workload, curve = self.frontiers.workload, self.frontiers.in_use.curve
        throughput = workload.baseline_throughput(curve.splitting_probability)
        top = int((curve.waiting_time - kappa * throughput).argmin())
        p = curve.splitting_probability
        found = minimize_scalar(
            lambda at: self.frontiers.waiting_time(at) - kappa * float(workload.baseline_throughput(at)),
            bounds=(p[max(top - 1, 0)], p[min(top + 1, len(p) - 1)]),
            method="bounded",
            options={"xatol": 1e-9},
        )
        return min(float(found.fun), float(curve.waiting_time[top] - kappa * throughput[top]))


def _curves(frontiers: Frontiers, seed: int, progress: Progress) -> tuple[RivalCurve, RivalCurve]:
    step = progress.add_task("searching the wider classical rivals", total=2)
    asymmetric = asymmetric_curve(frontiers.workload, seed=seed)
    progress.advance(step)
    clock = clock_curve(frontiers.workload, seed=seed)
    progress.advance(step)
    return asymmetric, clock


def _point(
    searched: _Searched,
    name: str,
    visibility: float,
    p: Estimate,
    waiting: Estimate,
    least: Sequence[Corner],
    most: Sequence[Corner],
) -> Point:
    """Place a point (p, W), known to lie among the corners `least` (of the smallest advantage) and `most`."""
    workload = searched.frontiers.workload
    throughput = Estimate(*workload.baseline_throughput([p.estimate, p.high, p.low]).tolist())
    kappa = _slope(searched.frontiers, p.estimate, 1.0 if name == "observed" else visibility)

    def stand(corners: Sequence[Corner]) -> list[Standing]:
        curves = searched.asymmetric, searched.clock
        inside = [(min(max(at, 0.0), 1.0), waits) for at, waits in corners]
        return [standing_at(searched.frontiers, visibility, at, waits, *curves) for at, waits in inside]

    (estimate,), worst, best = stand([(p.estimate, waiting.estimate)]), stand(least), stand(most)
    asymmetric = searched.asymmetric
    scores = (
        _exactly(searched.certified_score(kappa)),
        _exactly(searched.asymmetric_score(kappa)),
        _plain(searched.clock.least(kappa)),
    )
    labels = _CLASS, asymmetric.label, searched.clock.label
    kinds: tuple[Callable[[Standing], Margin], ...] = (
        lambda standing: standing.certified,
        lambda standing: standing.asymmetric,
        lambda standing: standing.shared_clock,
    )
    return Point(
        name,
        visibility,
        p,
        waiting,
        throughput,
        kappa,
        Estimate(
            waiting.estimate - kappa * throughput.estimate,
            waiting.low - kappa * throughput.high,
            waiting.high - kappa * throughput.low,
        ),
        min((verdict(each) for each in worst), key=_VERDICTS.index),
        tuple(
            _rival(label, score, of(estimate), [of(each) for each in worst], [of(each) for each in best])
            for label, score, of in zip(labels, scores, kinds, strict=True)
        ),
    )


def _rival(label: str, score: Estimate, here: Margin, worst: Sequence[Margin], best: Sequence[Margin]) -> Rival:
    """From the margins at the estimate and at the least and most favourable corners of its limits."""
    waits = [each.waiting_time + side * each.reach for each in (*worst, *best) for side in (-1, 1)]
    return Rival(
        label,
        here.method,
        Estimate(here.waiting_time, min(waits), max(waits)),
        Estimate(
            _saved(here),
            min(_saved(each) - each.reach for each in worst),
            max(_saved(each) + each.reach for each in best),
        ),
        Estimate(here.relative, min(each.low for each in worst), max(each.high for each in best)),
        score,
        here.unbounded,
        all(each.stands for each in worst),
    )


def _least_saved(margin: Margin) -> float:
    return _saved(margin) - margin.reach


def _saved(margin: Margin) -> float:
    """Waiting time saved, of 1 − W/waiting_time."""
    return margin.waiting_time * margin.relative


def _slope(frontiers: Frontiers, splitting_probability: float, visibility: float) -> float:
    """κ = dW/dτ along the quantum frontier of that visibility at p."""
    ideal = min(max(0.5 + (splitting_probability - 0.5) / visibility, 0.0), 1.0)
    step = 1e-5
    low, high = max(splitting_probability - step, 0.0), min(splitting_probability + step, 1.0)
    fall = frontiers.workload.baseline_throughput([low, high])
    return frontiers.in_use.multiplier_at(ideal) * (high - low) / float(fall[0] - fall[1])


def _wider_quantum(searched: _Searched, point: Point) -> WiderQuantum | None:
    """The search on the supporting line of a point whose classical rivals are known."""
    kappa = point.kappa
    found = searched.search(kappa, True)
    if found is None:
        return None
    symmetric, classical = searched.symmetric_score(kappa), point.rivals[1].least_score.estimate
    margin = _SAME * found.waiting_time
    if found.score < min(symmetric, classical) - margin:
        finding = (
            "entanglement that favours servers does better than the symmetric Bell pair and than every rival found"
        )
    elif classical < symmetric - margin:
        finding = (
            "asymmetric classical routers do better than the symmetric Bell pair, and no entanglement adds to them"
        )
    else:
        finding = "nothing lower than the symmetric Bell pair was found"
    return WiderQuantum(
        kappa,
        found.starts,
        found.score,
        found.waiting_time,
        found.baseline_throughput,
        found.entanglement,
        found.shares,
        found.bias,
        symmetric,
        classical,
        finding,
    )


def finite(value: Any) -> Any:
    """The value with None for every float that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _exactly(value: float) -> Estimate:
    return Estimate(value, value, value)


def _plain(value: Any) -> Estimate:
    return Estimate(value.estimate, value.low, value.high)
