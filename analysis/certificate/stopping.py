"""When to stop measuring: rules that look at a run between its rounds, and the rounds themselves.

A rule may look as often as it likes, because what it looks at holds at every moment at once: the p-value of the test
martingale and the limits of `confidence_sequence`. The p-value for a fixed number of trials holds only if that number
was fixed: after an early stop it must not be quoted. All of it needs fresh settings (`require_fresh`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from scipy.optimize import brentq
from scipy.special import ndtr

from ...model.errors import DataError, ScenarioError
from .tails import kullback_leibler


@dataclass(frozen=True)
class Progress:
    """What a rule sees of a run.

    Attributes:
        trials: N so far, lost ones included.
        budget: The most trials that may be taken, ≥ 1.
        log_p_value: ln of the anytime p-value so far.
        total: ΣU so far; lost trials add 0.
        bound: ω, the largest mean of U under the null, in (0, 1].
        reduction_width: Width of the time-uniform interval of the relative waiting-time reduction; infinite if unknown.
    """

    trials: int
    budget: int
    log_p_value: float
    total: float
    bound: float
    reduction_width: float = math.inf

    def __post_init__(self) -> None:
        if self.budget < 1 or not 0 <= self.trials <= self.budget:
            raise DataError(f"trials = {self.trials}, budget = {self.budget}; trials must lie in 0…budget, budget ≥ 1")
        if not 0 <= self.total <= self.trials * (1 + 1e-9):
            raise DataError(f"total = {self.total:g}; scores of {self.trials} trials sum to 0…{self.trials}")
        if not 0 < self.bound <= 1:
            raise DataError(f"bound = {self.bound:g}; the largest mean score under the null must lie in (0, 1]")


@dataclass(frozen=True)
class Decision:
    """Whether to stop now.

    Attributes:
        stop: Take no further trials.
        reason: Why, in a few words.
    """

    stop: bool
    reason: str


class StoppingRule(Protocol):
    """Decides between two rounds; must depend on nothing but the progress."""

    def decide(self, progress: Progress) -> Decision:
        """Whether to stop; always once the budget is used."""
        ...


@dataclass(frozen=True)
class FixedNumber:
    """All trials of the budget, whatever they show; then the p-value for a fixed number of trials holds as well."""

    def decide(self, progress: Progress) -> Decision:
        """Stop at the budget only."""
        return _used_up(progress) or Decision(False, "the number of trials is fixed")


@dataclass(frozen=True)
class WhenCertified:
    """As soon as the anytime p-value is at most α.

    Attributes:
        significance: α in (0, 1), fixed before the data.
    """

    significance: float

    def __post_init__(self) -> None:
        _probability("significance", self.significance)

    def decide(self, progress: Progress) -> Decision:
        """Stop once certified."""
        if progress.log_p_value <= math.log(self.significance):
            return Decision(True, f"certified: anytime p-value at most {self.significance:g}")
        return _used_up(progress) or Decision(False, "not certified yet")


@dataclass(frozen=True)
class WhenHopeless:
    """Once it is all but certain that the budget will not suffice to certify.

    Giving up never certifies anything, so that the chance need not be exact: that the final ΣU is large enough for the
    best of all bets, predicted from the trials so far by Jeffreys' prior and the normal approximation. It is on the
    hopeful side where U is 0 or 1, and at most too modest where U has a smaller variance than that.

    Attributes:
        significance: α in (0, 1).
        chance: Probability of certifying below which to give up, in (0, 1).
    """

    significance: float
    chance: float = 0.01

    def __post_init__(self) -> None:
        _probability("significance", self.significance)
        _probability("chance", self.chance)

    def decide(self, progress: Progress) -> Decision:
        """Stop once the predicted chance is below the one asked for."""
        if used_up := _used_up(progress):
            return used_up
        predicted = 1.0 if progress.log_p_value <= math.log(self.significance) else self.predicted_chance(progress)
        text = f"predicted chance of certifying within the budget {predicted:.2g}"
        return Decision(predicted < self.chance, text)

    def predicted_chance(self, progress: Progress) -> float:
        """The chance that the whole budget brings the ΣU it takes, given the trials so far."""
        needed = _needed_mean(progress.budget, progress.bound, math.log(self.significance))
        left = progress.budget - progress.trials
        missing = needed * progress.budget - progress.total
        if missing > left:
            return 0.0
        won, lost = progress.total + 0.5, max(progress.trials - progress.total, 0.0) + 0.5
        mean, seen = won / (won + lost), won + lost
        variance = left * mean * (1 - mean) * (seen + left) / (seen + 1)  # of the beta-binomial law
        if variance == 0:
            return float(missing <= 0)
        return float(ndtr((left * mean - missing) / math.sqrt(variance)))


@dataclass(frozen=True)
class WhenPrecise:
    """Once the relative waiting-time reduction is known closely enough.

    Attributes:
        width: Width of its time-uniform interval to be reached, above 0 (0.02: two percentage points).
    """

    width: float

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise ScenarioError(f"width = {self.width:g}; the width to be reached must be above 0")

    def decide(self, progress: Progress) -> Decision:
        """Stop once the interval is narrow enough."""
        text = f"interval of the relative reduction is {progress.reduction_width:.3g} wide"
        if progress.reduction_width <= self.width:
            return Decision(True, text)
        return _used_up(progress) or Decision(False, text)


@dataclass(frozen=True)
class FirstOf:
    """As soon as one of several rules says so.

    Attributes:
        rules: Asked in this order.
    """

    rules: tuple[StoppingRule, ...]

    def __post_init__(self) -> None:
        if not self.rules:
            raise ScenarioError("no stopping rule given; name at least one")

    def decide(self, progress: Progress) -> Decision:
        """The first decision to stop; else all reasons for going on."""
        decisions = [rule.decide(progress) for rule in self.rules]
        stops = [decision for decision in decisions if decision.stop]
        return stops[0] if stops else Decision(False, "; ".join(decision.reason for decision in decisions))


def rounds(budget: int, first: int, growth: float = 1.5) -> tuple[range, ...]:
    """Consecutive ranges of trials, each `growth` times longer than the one before; the last ends at the budget.

    Geometric rounds need few jobs, and a run that could have stopped inside a round takes at most about growth−1 times
    as many trials too many. What is left at the end joins the last round if it is less than half as long as that.

    Args:
        budget: All trials, ≥ 1.
        first: Trials of the first round, ≥ 1.
        growth: At least 1; 1 makes even rounds.

    Raises:
        ScenarioError: an argument out of range.
    """
    if budget < 1 or first < 1:
        raise ScenarioError(f"rounds: budget = {budget}, first = {first}; both must be at least 1")
    if not 1 <= growth < math.inf:
        raise ScenarioError(f"rounds: growth = {growth:g}; it must be at least 1 (1.5 to 2 serves well)")
    found: list[range] = []
    start, length = 0, float(first)
    while start < budget:
        stop = min(start + round(length), budget)
        if budget - stop < (stop - start) / 2:
            stop = budget
        found.append(range(start, stop))
        start, length = stop, min(length * growth, float(budget))
    return tuple(found)


def require_fresh(settings: str, block: int) -> None:
    """Refuse to stop early where no statistic would hold.

    Args:
        settings: `random` or `fixed`.
        block: Trials that share one drawn setting.

    Raises:
        ScenarioError: the settings are not fresh for every trial.
    """
    remedy = 'set experiment.settings = "random" and experiment.block = 1, or measure a fixed number of trials'
    if settings != "random":
        raise ScenarioError(
            f"experiment.settings = {settings}: a run cannot be stopped early, because a device that knows the "
            f"schedule wins early and the martingale would certify it; {remedy}"
        )
    if block > 1:
        raise ScenarioError(
            f"experiment.block = {block}: a run cannot be stopped early, because a device that remembers the setting "
            f"wins the rest of each block and the martingale would certify it; {remedy}"
        )


def _used_up(progress: Progress) -> Decision | None:
    if progress.trials < progress.budget:
        return None
    return Decision(True, f"the budget of {progress.budget} trials is used")


def _needed_mean(trials: int, bound: float, log_significance: float) -> float:
    """The mean u > ω at which N·KL(u‖ω) = ln(1/α), below which no bet on a U of 0 or 1 gets there; 2 if none."""
    if bound >= 1 or -trials * math.log(bound) < -log_significance:
        return 2.0
    return float(brentq(lambda mean: trials * kullback_leibler(mean, bound) + log_significance, bound, 1.0, xtol=1e-14))


def _probability(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ScenarioError(f"{name} = {value:g}; it must lie strictly between 0 and 1")
