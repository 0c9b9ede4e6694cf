"""What an experiment will show before it is run: its point, its chance to certify, its promise, and go or no-go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError, ScenarioError
from ...model.estimate import Estimate
from ...model.games.frontiers import Frontiers
from ...model.games.latency import break_even_latency
from ...model.games.operating_point import OperatingPoint
from ...model.games.routing_game import Against
from ...model.games.strategy import Strategy
from ...model.scenario.file import ExperimentSpec, Scenario
from ..records.analysis_record import Advantage, PointEstimate, Predicted
from .design import DEFAULT_POWER, Design, best_design, evaluate_design
from .information import Information, information
from .power import FixedLaw, ScoreLaw, answers, conditional_correlators
from .promise import Behaviour, Promise, promise_at

Floats = NDArray[np.float64]

Landing = tuple[tuple[float, float], Floats, Floats]  # (p, W) predicted, and draws of the estimates of p and of W

_DRAWS = 20_000  # of the estimates of p and W, to find where 95 % of runs will land
_MOST_PAIRS = 4096  # of types up to which the best design is searched; beyond, it would take minutes
_CLOSE = 5e-4  # to which a visibility is found


class ExpectedPoint(Advantage, PointEstimate):
    """What a run should estimate, each with the limits between which 95 % of such runs will land.

    The estimates of p and W are taken as normal with their covariance for the trials and settings planned (the delta
    method); what follows from them is worked out for 20,000 seeded draws. The limits are of the estimates, not those
    that the certificate's significance will give, which are wider.
    """


@dataclass(frozen=True)
class Remedies:
    """What would turn a no-go into a go; None where it would not.

    Attributes:
        least_visibility: White noise that leaves less than this lets no number of trials certify this strategy.
        least_visibility_anywhere: The same for any strategy of the scenario.
        sufficient_visibility: Least visibility at which the scenario's own trials certify with the power asked for.
        trials: Trials that certify at the predicted noise.
        multiplier, multiplier_trials: Another operating point, and the trials it takes at the predicted noise.
        memoryless_trials: Trials that certify against memoryless classical routers, if the run aims at every one.
    """

    least_visibility: float | None
    least_visibility_anywhere: float | None
    sufficient_visibility: float | None
    trials: int | None
    multiplier: float | None
    multiplier_trials: int | None
    memoryless_trials: int | None = None


@dataclass(frozen=True)
class Forecast:
    """All that is known of an experiment before it is run.

    Attributes:
        go: Whether the scenario's own trials certify with at least the power asked for.
        power: The probability of certifying asked for.
        shots: The scenario's own trials.
        predicted_power: The probability that they certify.
        visibility: The share of the ideal score that the prediction leaves.
        expected: What the run should estimate, compared with memoryless classical routers.
        against: The class of classical routers that the run will be planned to beat.
        why_memoryless: One sentence on why that is not every classical router, where the scenario asks for it.
        every_classical: What the run should estimate, compared with every classical router; None without a bound.
        design: The multiplier and settings that the run will use; None where it cannot certify at all.
        information_limit_ratio: The design's trials over ln(1/α)/rate, the rate being that of its own test.
        information: What a trial of the design is worth to a test of the score, and to one of local correlators.
        naive_trials: The same strategy with all settings evenly and the multiplier of its noiseless point.
        free_trials, free_multiplier: The same if the strategy were also chosen for the earliest certification.
        promise: What entanglement buys at equal waiting time or throughput.
        latency_ideal, latency_predicted: One-way latencies (units of time) beyond which entanglement beats routers
            that hold both requests of every pair until they have talked; the second is None where the point predicted
            waits longer than classical routers that need not talk.
        remedies: What would turn a no-go into a go; None for a go.
    """

    go: bool
    power: float
    shots: int
    predicted_power: float
    visibility: float
    expected: ExpectedPoint
    against: Against
    why_memoryless: str | None
    every_classical: Advantage | None
    design: Design | None
    information_limit_ratio: float | None
    naive_trials: int | None
    free_trials: int | None
    free_multiplier: float | None
    promise: Promise
    latency_ideal: float
    latency_predicted: float | None
    remedies: Remedies | None
    information: Information | None = None


def forecast(
    scenario: Scenario, frontiers: Frontiers, point: OperatingPoint, behaviour: Behaviour, power: float = DEFAULT_POWER
) -> Forecast:
    """Forecast a run of a scenario's operating point.

    Args:
        behaviour: P(a,b|x,y) of any strategy at the device's noise, shape (n_A, n_B, 2, 2).

    Raises:
        DataError: the prediction is none.
    """
    experiment = scenario.experiment
    predicted = behaviour(point.strategy)
    design = plan_design(experiment, frontiers, point, predicted, power)
    foreseen = foresee(experiment, frontiers, point, predicted, design)
    against = design.against if design else point.against
    point = point.model_copy(update={"against": against})
    free = _free_design(experiment, frontiers, behaviour, power, against)
    multiplier = design.certificate_multiplier if design else point.certificate_multiplier
    game = frontiers.game(multiplier)
    distribution = np.array(design.input_distribution) if design else game.input_distribution
    worth = None
    if design and design.trials:
        correlators = conditional_correlators(predicted, frontiers.workload.shape)
        worth = information(game, correlators, distribution, against)
    landing = landing_of(frontiers, predicted, distribution, experiment.shots)
    expected = expected_point(frontiers, landing)
    bounded = frontiers.reason_without_every_classical is None
    p, waiting = expected.splitting_probability.estimate, expected.waiting_time.estimate
    ideal = point.strategy.split()
    p_ideal, ideal_waiting = frontiers.workload.splitting_probability(ideal), frontiers.workload.waiting_time(ideal)
    go = foreseen.predicted_power >= power
    remedies = None
    if not go:
        weaker = None
        if against == "every-classical":
            weaker = _memoryless_design(experiment, frontiers, point, predicted, power)
        remedies = Remedies(
            least_visibility=strategy_visibility(frontiers, point.strategy, against),
            least_visibility_anywhere=frontiers.least_visibility(against),
            sufficient_visibility=sufficient_visibility(experiment, frontiers, point, power),
            trials=design.trials if design else None,
            multiplier=free.strategy_multiplier if free else None,
            multiplier_trials=free.trials if free else None,
            memoryless_trials=weaker.trials if weaker else None,
        )
    return Forecast(
        go=go,
        power=power,
        shots=experiment.shots,
        predicted_power=foreseen.predicted_power,
        visibility=foreseen.visibility,
        expected=expected,
        against=against,
        why_memoryless=why_memoryless(experiment, frontiers, point.strategy, against),
        every_classical=_expected_advantage(frontiers, landing, "every-classical") if bounded else None,
        design=design if design and design.trials else None,
        information_limit_ratio=foreseen.information_limit_ratio,
        naive_trials=_naive_trials(experiment, frontiers, point, predicted, power),
        free_trials=free.trials if free else None,
        free_multiplier=free.strategy_multiplier if free else None,
        promise=promise_at(experiment.operating_point, frontiers, behaviour, p, waiting),
        latency_ideal=break_even_latency(frontiers, p_ideal, ideal_waiting),
        latency_predicted=break_even_latency(frontiers, p, waiting) if foreseen.waiting_time_reduction > 0 else None,
        remedies=remedies,
        information=worth,
    )


def plan_design(
    experiment: ExperimentSpec,
    frontiers: Frontiers,
    point: OperatingPoint,
    predicted: Floats,
    power: float = DEFAULT_POWER,
) -> Design | None:
    """The multiplier and the distribution of settings that a run of this strategy should take; None if any would do.

    They aim at the class that the operating point was chosen for, and at memoryless routers where no number of trials
    certifies against every classical router at the predicted noise.

    Fresh settings: what certifies in the fewest trials at the predicted noise, or, where nothing does or there are more
    than 4096 pairs of types, the point's own multiplier. Settings that are fixed or shared by blocks always keep that;
    their trials are counted with the tail that certifies without fresh settings.

    Raises:
        DataError: the prediction is none.
    """
    if point.against == "every-classical":
        design = _aimed_design(experiment, frontiers, point, predicted, power)
        if design and design.trials:
            return design
    return _memoryless_design(experiment, frontiers, point, predicted, power)


def _memoryless_design(
    experiment: ExperimentSpec, frontiers: Frontiers, point: OperatingPoint, predicted: Floats, power: float
) -> Design | None:
    if point.against != "memoryless":
        p = frontiers.workload.splitting_probability(point.strategy.split(point.assumed_visibility))
        multiplier = frontiers.classical_multiplier(p, point.multiplier)
        point = point.model_copy(update={"against": "memoryless", "certificate_multiplier": multiplier})
    return _aimed_design(experiment, frontiers, point, predicted, power)


def _aimed_design(
    experiment: ExperimentSpec, frontiers: Frontiers, point: OperatingPoint, predicted: Floats, power: float
) -> Design | None:
    levels, against = (experiment.significance, power), point.against
    fresh = experiment.settings == "random" and experiment.block == 1
    if fresh and frontiers.workload.joint.size <= _MOST_PAIRS:
        try:
            return best_design(frontiers, predicted, *levels, against)
        except ScenarioError:
            pass  # nothing certifies at that noise: the run keeps what is best without noise
    game = frontiers.game(point.certificate_multiplier)
    if not game.multiplier > 0 or game.is_zero:
        return None
    return evaluate_design(game, predicted, game.input_distribution, *levels, against=against, fresh=fresh)


def foresee(
    experiment: ExperimentSpec, frontiers: Frontiers, point: OperatingPoint, predicted: Floats, design: Design | None
) -> Predicted:
    """What a run of a design should show, for its record."""
    workload = frontiers.workload
    split = (1 - conditional_correlators(predicted, workload.shape)) / 2
    p, waiting = workload.splitting_probability(split), workload.waiting_time(split)
    reduction, relative, gain = (float(each) for each in frontiers.advantage_at(p, waiting))
    wider = None
    if frontiers.reason_without_every_classical is None:
        wider = float(frontiers.advantage_at(p, waiting, "every-classical").waiting_time_reduction_relative)
    certifies, ratio, visibility = 0.0, None, 0.0
    if design is not None:
        law = _law(frontiers, design, predicted)
        certifies = law.power(experiment.shots, experiment.significance)
        limit = design.information_limit_trials
        ratio = design.trials / limit if design.trials and limit else None
        game = frontiers.game(design.certificate_multiplier).matrix
        together, apart = answers(predicted, workload.shape)
        ideal = float((game * point.strategy.correlators).sum())
        visibility = float((game * (together - apart)).sum()) / ideal if ideal > 0 else 0.0
    return Predicted(
        visibility=visibility,
        splitting_probability=p,
        waiting_time=waiting,
        baseline_throughput=float(workload.baseline_throughput(p)),
        waiting_time_reduction=reduction,
        waiting_time_reduction_relative=relative,
        throughput_gain_relative=gain,
        power=design.power if design else None,
        trials=design.trials if design else None,
        predicted_power=certifies,
        information_limit_ratio=ratio,
        every_classical_reduction_relative=wider,
    )


def why_memoryless(
    experiment: ExperimentSpec, frontiers: Frontiers, strategy: Strategy, against: Against
) -> str | None:
    """Why a run that should beat every classical router aims at memoryless ones, in a sentence; None if it does not."""
    if against == experiment.against or experiment.against == "memoryless":
        return None
    reason = frontiers.reason_without_every_classical
    if reason:
        return f"The run aims at memoryless classical routers only; for every classical router: {reason}."
    least = strategy_visibility(frontiers, strategy, "every-classical")
    why = "no entangled pair, however good, is proved to beat every classical router"
    if least is not None:
        why = f"to beat every classical router takes a visibility above {least:.4f}"
    return f"The run aims at memoryless classical routers only: {why} at this operating point."


def expected_point(frontiers: Frontiers, landing: Landing) -> ExpectedPoint:
    """Where the estimates of a run will land, and what they save against memoryless classical routers."""
    centre, p, waiting = landing
    tau = frontiers.workload.baseline_throughput
    return ExpectedPoint(
        splitting_probability=_spread(centre[0], p),
        waiting_time=_spread(centre[1], waiting),
        baseline_throughput=_spread(float(tau(centre[0])), tau(p)),
        **vars(_expected_advantage(frontiers, landing, "memoryless")),
    )


def _expected_advantage(frontiers: Frontiers, landing: Landing, against: Against) -> Advantage:
    """What a run should be seen to save against a class."""
    centre, p, waiting = landing
    own, drawn = frontiers.advantage_at(*centre, against), frontiers.advantage_at(p, waiting, against)
    saved, share, gain = (_spread(float(value), values) for value, values in zip(own, drawn, strict=True))
    return Advantage(waiting_time_reduction=saved, waiting_time_reduction_relative=share, throughput_gain_relative=gain)


def landing_of(frontiers: Frontiers, predicted: Floats, distribution: Floats, shots: int) -> Landing:
    """Where the estimates of p and W will land.

    Args:
        predicted: P(a,b|x,y), shape (n_A, n_B, 2, 2), or correlators, shape (n_A, n_B).
        distribution: r(x,y), shape (n_A, n_B).
        shots: Trials of a run.
    """
    workload = frontiers.workload
    c = conditional_correlators(predicted, workload.shape)
    centre = workload.splitting_probability((1 - c) / 2), workload.waiting_time((1 - c) / 2)
    # dp/dc and dW/dc of each setting; the estimate of c from n trials has variance (1 − c²)/n.
    slopes = np.stack([-workload.joint / 2, workload.joint * workload.weights / 2])
    seen = shots * np.where(distribution > 0, distribution, np.inf)
    covariance = np.einsum("ixy,jxy,xy->ij", slopes, slopes, (1 - c**2) / seen)
    # By hand rather than by multivariate_normal: along a certain direction the covariance may be all but singular.
    values, vectors = np.linalg.eigh(covariance)
    normal = np.random.default_rng(0).standard_normal((_DRAWS, 2))
    p, waiting = (np.array(centre) + normal * np.sqrt(np.maximum(values, 0.0)) @ vectors.T).T
    return centre, np.clip(p, 0.0, 1.0), waiting


def _spread(value: float, drawn: Floats) -> Estimate:
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return Estimate.enclosing(float(value), low, high)


def strategy_visibility(frontiers: Frontiers, strategy: Strategy, against: Against = "memoryless") -> float | None:
    """The Werner visibility above which enough trials certify a strategy against a class; None if no state does.

    The least β/Σ G c over μ: between two edges of the class's frontier both are linear in μ and the ratio is monotone,
    so the least is at an edge.
    """
    rival, ratios = frontiers.rival(against), []
    for multiplier in rival.multipliers.tolist():
        game = frontiers.game(multiplier)
        score = float((game.matrix * strategy.correlators).sum())
        if multiplier > 0 and score > 0:
            ratios.append(game.line(rival.least(multiplier)) / score)
    least = min(ratios, default=1.0)
    return least if least < 1 - 1e-12 else None


def sufficient_visibility(
    experiment: ExperimentSpec, frontiers: Frontiers, point: OperatingPoint, power: float = DEFAULT_POWER
) -> float | None:
    """The Werner visibility from which on the scenario's own trials certify with that power; None if none does."""

    def enough(visibility: float) -> bool:
        table = visibility * point.strategy.correlators
        design = plan_design(experiment, frontiers, point, table, power)
        return foresee(experiment, frontiers, point, table, design).predicted_power >= power

    low, high = strategy_visibility(frontiers, point.strategy, point.against), 1.0
    if low is None or not enough(high):
        return None
    while high - low > _CLOSE:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _law(frontiers: Frontiers, design: Design, predicted: Floats) -> ScoreLaw | FixedLaw:
    game, distribution = frontiers.game(design.certificate_multiplier), np.array(design.input_distribution)
    kind = FixedLaw if design.method == "stratified Chernoff" else ScoreLaw
    return kind.at(game, distribution, predicted, design.against)


def _free_design(
    experiment: ExperimentSpec, frontiers: Frontiers, behaviour: Behaviour, power: float, against: Against
) -> Design | None:
    if frontiers.workload.joint.size > _MOST_PAIRS:
        return None

    def at(multiplier: float) -> Floats:
        return behaviour(frontiers.in_use.at_multiplier(multiplier))

    try:
        return best_design(frontiers, at, experiment.significance, power, against)
    except ScenarioError:
        return None


def _naive_trials(
    experiment: ExperimentSpec, frontiers: Frontiers, point: OperatingPoint, predicted: Floats, power: float
) -> int | None:
    """Those of someone who ignores the noise: all settings evenly, the classical edge at the noiseless point."""
    p = frontiers.workload.splitting_probability(point.strategy.split())
    game = frontiers.game(frontiers.classical_multiplier(p, point.multiplier, point.against))
    occurring = frontiers.workload.joint > 0
    levels = experiment.significance, power
    try:
        return evaluate_design(game, predicted, occurring / occurring.sum(), *levels, against=point.against).trials
    except DataError:  # a game without weight, as with a single type
        return None
