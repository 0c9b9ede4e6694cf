"""The records `bellqueue.forecast/1` and `bellqueue.ranking/1`, and the sentences of a forecast."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ...model.estimate import rounded
from ...model.games.routing_game import Against
from ...model.scenario.file import MAX_SHOTS, Scenario
from ..records.percent import chance_text
from ..records.record import FiniteRecord
from .forecast import Forecast

_WORTH_IT = 0.9  # of the trials: an operating point that saves less is not proposed


class CostRecord(FiniteRecord):
    """What some shots will take at the provider.

    Attributes:
        shots: Number of shots.
        tasks: Jobs they are submitted in.
        qpu_seconds: Seconds on the device; null if unknown.
        money_usd: US dollars, a decimal as text; null if the price is unknown.
        basis: What the estimate rests on, in words.
    """

    shots: int
    tasks: int
    qpu_seconds: float | None
    money_usd: str | None
    basis: str


class DeviceRecord(FiniteRecord):
    """The device that the run would use, and what its calibration predicts.

    Attributes:
        kind: Simulator or hardware.
        device: The provider's name for it; "none" for a visibility.
        pair: Qubits of the pair, A's first; null if there is none.
        name: What to type, or the visibility given instead.
        visibility: Werner visibility predicted.
        chsh: S at the usual angles, by the full prediction; null for a link.
    """

    name: str
    kind: Literal["simulator", "hardware"]
    device: str
    pair: tuple[int, int] | None
    visibility: float | None
    chsh: float | None


class BetterPair(FiniteRecord):
    """The best pair of the device, if another was forced.

    Attributes:
        name: What to type.
        pair: Its qubits, A's first.
        visibility: Predicted for it; null if unknown.
        trials: Least number that certifies there with the power asked for; null if no number does.
    """

    name: str
    pair: tuple[int, int]
    visibility: float | None
    trials: int | None


class RunForecast(FiniteRecord):
    """What `bellqueue plan` says first of a run on one device, whatever its routers know.

    Attributes:
        title: Title of the scenario.
        bellqueue_version: Version that made the forecast.
        created: Time of the forecast, UTC.
        scenario_hash: SHA-256 of the scenario.
        verdict: Go or no-go in one sentence.
        changes: Sentences on what would turn a no-go into a go.
        warnings: Sentences on what the plan will not keep or use of the scenario.
        device: The device that the run would use.
        significance: α, the largest p-value that certifies.
        settings: Whether settings are drawn afresh (random) or their numbers are fixed beforehand.
        block: Trials in a row that share their drawn settings.
    """

    schema_: str = Field(alias="schema")
    title: str
    bellqueue_version: str
    created: str
    scenario_hash: str
    verdict: str
    changes: list[str]
    warnings: list[str]
    device: DeviceRecord
    significance: float
    settings: Literal["random", "fixed"]
    block: int


class ForecastRecord(RunForecast):
    """Everything `bellqueue plan` says of one scenario on one device.

    Attributes:
        forecast: All numbers.
        distance_ideal_km, distance_predicted_km: The break-even latencies as fibre; None without time_unit_seconds.
        better_pair: The best pair of the same device, if another was forced.
        cost: Cost of the scenario's own shots; None for simulators on this machine.
        cost_needed: Cost of the trials that certify.
        scenario: The scenario with every default written out.
    """

    schema_: Literal["bellqueue.forecast/1"] = Field(default="bellqueue.forecast/1", alias="schema")
    forecast: Forecast
    distance_ideal_km: float | None
    distance_predicted_km: float | None
    better_pair: BetterPair | None
    cost: CostRecord | None
    cost_needed: CostRecord | None
    scenario: dict[str, Any]

    @property
    def go(self) -> bool:
        """Whether the scenario's own shots certify as surely as was asked."""
        return self.forecast.go


class RankedDevice(FiniteRecord):
    """One device of a ranking.

    Attributes:
        against: The class of classical routers that trials and power are for.
        waiting_time_reduction_relative: Share saved against memoryless classical routers.
        every_classical_reduction_relative: Share saved against every classical router; None if there is no bound.
        trials: Least number that certifies with the power asked for; None if no number does.
        predicted_power: The probability that the scenario's own shots certify.
    """

    device: DeviceRecord
    against: Against
    waiting_time_reduction_relative: float
    every_classical_reduction_relative: float | None
    trials: int | None
    predicted_power: float
    cost: CostRecord | None


class FailedDevice(FiniteRecord):
    """A device that could not be ranked, and why."""

    name: str
    reason: str


class RankingRecord(FiniteRecord):
    """Every device at hand, the soonest to certify first."""

    schema_: Literal["bellqueue.ranking/1"] = Field(default="bellqueue.ranking/1", alias="schema")
    title: str
    bellqueue_version: str
    created: str
    scenario_hash: str
    significance: float
    power: float
    shots: int
    ranked: list[RankedDevice]
    failed: list[FailedDevice]
    scenario: dict[str, Any]

    @property
    def able(self) -> int:
        """On how many backends the scenario's own shots certify as surely as was asked."""
        return sum(each.predicted_power >= self.power for each in self.ranked)

    @property
    def go(self) -> bool:
        """Whether there is a backend on which they do."""
        return self.able > 0


def verdict(found: Forecast, name: str, significance: float) -> str:
    """Go or no-go in one sentence."""
    beaten = "every classical router" if found.against == "every-classical" else "memoryless classical routers"
    chance = chance_to_certify(found.shots, name, beaten, found.predicted_power, significance)
    asked, needed = f"{100 * found.power:g} % takes", found.design.trials if found.design else None
    if found.go:
        return f"GO: {chance}." if needed is None else f"GO: {chance}; {asked} {needed}."
    if needed is not None:
        return f"NO-GO: {chance}, and {asked} {needed}."
    least = found.remedies.least_visibility if found.remedies else None
    if least is None:
        return "NO-GO: at this operating point no entangled pair, however good, beats the classical routers."
    if found.visibility > least:
        return f"NO-GO: at the noise predicted for {name} no number of trials certifies this operating point."
    return (
        f"NO-GO: no number of trials on {name} certifies this operating point: it needs a visibility above "
        f"{least:.4f}, and {found.visibility:.4f} is predicted."
    )


def chance_to_certify(shots: int, name: str, beaten: str, power: float, significance: float) -> str:
    """How surely so many trials on a device certify an advantage over a class, as part of a sentence."""
    claim = f"{shots} trials on {name} certify against {beaten}"
    return f"{claim} with probability {chance_text(power)} at significance {significance:g}"


def changes(found: Forecast, better: BetterPair | None) -> list[str]:
    """What would turn a no-go into a go, each in a sentence."""
    remedies = found.remedies
    if remedies is None:
        return []
    asked = f"certify with probability {100 * found.power:g} %"
    sentences = []
    if better is not None and better.trials is not None:
        a, b = better.pair
        visibility = "" if better.visibility is None else f", visibility {better.visibility:.4f}"
        sentences.append(
            f"The device's best pair, {a}–{b}{visibility}: {better.trials} trials {asked} (--backend {better.name})."
        )
    if remedies.trials is not None:
        sentences.append(more_shots(remedies.trials, found.power))
    if remedies.memoryless_trials is not None:
        sentences.append(
            f"A weaker claim: against memoryless classical routers only, {remedies.memoryless_trials} trials {asked} "
            '(against = "memoryless" in [experiment]).'
        )
    if remedies.sufficient_visibility is not None:
        enough = rounded(remedies.sufficient_visibility, 3, "up")
        sentences.append(f"Less noise: from visibility {enough} on, {found.shots} trials {asked}.")
    elif remedies.least_visibility is not None:
        sentences.append(f"Less noise is not enough: even without any, {found.shots} trials do not {asked}.")
    if remedies.multiplier is not None and remedies.multiplier_trials is not None:
        if remedies.trials is None or remedies.multiplier_trials < _WORTH_IT * remedies.trials:
            sentences.append(
                f"Another operating point: with operating_point = {{ multiplier = {remedies.multiplier:.6g} }} in "
                f"[experiment] {remedies.multiplier_trials} trials {asked}."
            )
    elif remedies.least_visibility_anywhere is None:
        sentences.append("Other traffic: in this scenario entanglement helps at no operating point.")
    else:
        sentences.append(
            "Another operating point does not help: in this scenario none is certified below visibility "
            f"{remedies.least_visibility_anywhere:.4f}."
        )
    return sentences


def more_shots(trials: int, power: float) -> str:
    """How many trials turn a no-go into a go, in a sentence."""
    how = f"run with --shots {trials}" if trials <= MAX_SHOTS else "more than one run may have"
    return f"More shots: {trials} trials certify with probability {100 * power:g} % ({how})."


def warnings(scenario: Scenario, found: Forecast) -> list[str]:
    """Where the plan will not keep what the scenario asks, or its numbers rest on less."""
    sentences = []
    promise, expected = found.promise, found.expected
    planned = expected.waiting_time if promise.kind == "waiting_time" else expected.splitting_probability
    what = "waiting time" if promise.kind == "waiting_time" else "splitting probability"
    if promise.promised and abs(planned.estimate - promise.value) > 1e-3 * abs(promise.value):
        sentences.append(
            f"At the noise predicted the strategy, planned for visibility {scenario.experiment.assumed_visibility:g}, "
            f"has {what} {planned.estimate:.4g}, not {promise.value:.4g}; set assumed_visibility = "
            f"{found.visibility:.3f} in [experiment] to plan for this noise."
        )
    experiment = scenario.experiment
    if experiment.settings == "fixed" or experiment.block > 1:
        how = "fixed" if experiment.settings == "fixed" else f"shared by blocks of {experiment.block} trials"
        sentences.append(
            f"Settings are {how}: the certificate will hold for independent trials only and by a weaker bound; fresh "
            'settings (settings = "random", block = 1) take fewer trials.'
        )
    if experiment.stop is not None:
        sentences.append("The numbers of trials are those of a run that does not stop early, which takes another test.")
    return sentences
