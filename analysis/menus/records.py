"""What is fixed, foreseen and found of a menu: the `menu` of a plan, and the record `bellqueue.menu-analysis/1`.

Tables over settings (k, x, y) have K·n_A rows, entry by entry, router A's types in each, and n_B columns.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from ...model.estimate import Estimate
from ...model.informed.measured import MeasuredPolicy
from ..certificate.diagnostics import Marginals, NoSignalling
from ..records.analysis_record import MeasuredCounts, Provenance
from ..records.comparison import AtLeast, ComparedRun
from ..records.context_record import WaitingTimes
from ..records.record import LEFT_OUT, FiniteRecord, Record
from .beyond_quantum import EntryBeyondQuantum

Table = list[list[float]]

KNOWS = (
    "Both routers know the two servers' past (how much work each has, or how long it has been idle) and their own "
    "request's type, but not the type of the other's present request. News of each pair is taken to reach both before "
    "the next one comes, however soon that is."
)
SHARES = "They share a Bell pair for each pair of requests and random bits, and do not communicate about the requests."
COMPARED = (
    "Compared with every classical router that does not communicate: any memory, clocks, shared randomness, and the "
    "same knowledge of the past."
)

# Where trials were lost: what the shares of outcomes are taken of, and what became of the others in all estimates.
WITH_OUTCOME = "of the trials with an outcome"
AT_WORST = "lost trials as the worst they may have been"

WITHOUT_POINT = "leave experiment.operating_point out, and the plan chooses one"


def counted_against(lost: int) -> str:
    """What estimates of W − κτ have counted against the routers."""
    return "every rounding and lost trial" if lost else "every rounding"


class MenuForecast(FiniteRecord):
    """What is predicted of a menu from the device's calibration.

    Attributes:
        split: P(a≠b | k,x,y), K·n_A rows of n_B.
        cost: W − κτ of the best policy with these outcomes, an upper limit but for the noise of the data (units of
            time).
        classical: V(κ), the least W − κτ of every classical router (units of time).
        waiting_time: W of the policy, simulated.
        baseline_throughput: Its τ.
        splitting_probability: Its p.
        waiting_time_reduction_relative: What it saves of the least W of every classical router at its τ.
        expected_limit: The upper limit of W − κτ that the run will certify on average (units of time).
        power: The probability of certifying asked for.
        predicted_power: The probability that the shots planned certify.
        trials: The least that certify with the power asked for, by scaling the noise; None where none do.
    """

    split: Table
    cost: float
    classical: float
    waiting_time: float
    baseline_throughput: float
    splitting_probability: float
    waiting_time_reduction_relative: float
    expected_limit: float
    power: float
    predicted_power: float
    trials: int | None

    @property
    def go(self) -> bool:
        """Whether the shots planned certify as surely as was asked."""
        return self.predicted_power >= self.power


class MenuPlan(FiniteRecord):
    """What a plan fixes of a menu before the data; its bases are the plan's `strategy`, one component for each entry.

    Attributes:
        kappa: κ, waiting time paid per unit of baseline throughput.
        tilts: What an outcome a≠b of setting (k, x, y) counts in the test of entry k, in logarithms: the limits of the
            outcome probabilities are one combination with these weights, and a box. K·n_A rows of n_B.
        centre: P(a≠b | k,x,y) that the tilts are taken from.
        forecast: What is predicted from the device's calibration; None if it predicts nothing.
    """

    kappa: Annotated[float, Field(gt=0)]
    tilts: Table
    centre: Table
    forecast: MenuForecast | None = None


class MenuCertificate(FiniteRecord):
    """Whether entangled routers that know the past beat every classical router.

    Attributes:
        certified: Whether `log10_p_value` is at most log₁₀ of the significance.
        log10_p_value: log₁₀ of the smallest α at which the upper limit lies below V(κ); 0 if there is none.
        significance: α.
        kappa: κ.
        classical: V(κ): W − κτ ≥ this for every classical router that does not communicate (units of time).
        cost: W − κτ of the policy: by the estimated probabilities, each lost trial taken as the outcome that the test
            of its entry pays less for, with its upper limit at the significance. `low` is the estimate: no lower limit
            is claimed.
        step, largest_workload: Step and end of the grid on which both were bounded (units of time).
        trials: N, lost trials included.
        assumption: What the limits rest on, in a sentence.
        method: Method of the limits, in words.
        longest_waiting_time: An upper limit of the policy's W at the significance, by which the share saved at least is
            taken; None where nothing is saved for certain.
    """

    certified: bool
    log10_p_value: float
    significance: float
    kappa: Annotated[float, Field(gt=0)]
    classical: float
    cost: Estimate
    step: float
    largest_workload: float
    trials: int
    assumption: str
    method: str
    longest_waiting_time: float | None = None


class MenuEntry(FiniteRecord):
    """One set of bases, and what was measured in it.

    Attributes:
        alpha, beta: Angles of A's and B's bases, in radians; as in a plan's `strategy`.
        share: Share of the pairs of requests that the policy routes by it, simulated.
        split: P(a≠b | x,y) in the trials with an outcome, with its simultaneous limits, which allow for lost ones, rows
            router A; null if never measured.
        ideal: The same of perfect Bell pairs.
        visibility: The share of the ideal correlators that was observed in the trials with an outcome, by least
            squares; null if not known.
    """

    alpha: list[float]
    beta: list[float]
    share: float
    split: list[list[Estimate | None]]
    ideal: Table
    visibility: float | None


class MenuAnalysis(Record):
    """Everything that an analysis of a menu says.

    Attributes:
        title: Title of the scenario.
        verdict: Sentences, the first with its size, its class and any alarm.
        knows, shares, compared: What the routers know, what they share, and what they were compared with.
        locality: What is known of a signal between the routers, in a sentence.
        warnings: Alarms that the verdict's first line carries.
        certificate: The test.
        waiting_time: W of the policy by the outcomes measured, lost trials as in `certificate.cost`, simulated on
            workloads that are not rounded, with 95 % limits of the simulation.
        baseline_throughput: Its τ, likewise.
        splitting_probability: Its p, likewise.
        classical_waiting_time: The least W of every classical router at that τ.
        waiting_time_reduction: Waiting time saved at equal throughput: by estimate, and at least, at the
            significance (units of time).
        waiting_time_reduction_relative: The same as a share of `classical_waiting_time`; at least, whatever W and τ the
            limits allow.
        throughput_gain: Throughput gained at equal W, likewise (per unit of time).
        map_share: Share of the pairs of requests that the policy routes by classical maps.
        entries: The sets of bases of the menu.
        no_signalling: Whether one router's outcomes depend on the other's type, in any entry.
        beyond_quantum: Whether the correlations of an entry are stronger than anything quantum; left out if there was
            nothing to compare, and of older records.
        marginals: How often each outcome came.
        measured: The raw counts.
        planned: What the plan fixed.
        scenario: The scenario with every default written out.
        provenance: Where the numbers come from.
        waiting_times: Their distribution with the outcomes measured, lost trials as in `certificate.cost`, and with the
            best classical routers that know the past; left out if they were not simulated.
    """

    schema_: Literal["bellqueue.menu-analysis/1"] = Field(default="bellqueue.menu-analysis/1", alias="schema")
    title: str
    verdict: list[str] = Field(min_length=1)
    knows: str = KNOWS
    shares: str = SHARES
    compared: str = COMPARED
    locality: str
    warnings: list[str]
    certificate: MenuCertificate
    waiting_time: Estimate
    baseline_throughput: Estimate
    splitting_probability: Estimate
    classical_waiting_time: float
    waiting_time_reduction: Estimate
    waiting_time_reduction_relative: Estimate
    throughput_gain: Estimate
    map_share: float
    entries: list[MenuEntry] = Field(min_length=1)
    no_signalling: NoSignalling
    beyond_quantum: EntryBeyondQuantum | None = LEFT_OUT
    marginals: Marginals
    measured: MeasuredCounts
    planned: MenuPlan
    scenario: dict[str, Any]
    provenance: Provenance
    waiting_times: WaitingTimes | None = Field(default=None, exclude_if=lambda value: value is None)

    # What the routers do, entangled and classical, as `certificate.policies` finds it; known to whoever analyzed.
    _routers: tuple[MeasuredPolicy, MeasuredPolicy] | None = PrivateAttr(None)

    @property
    def certified(self) -> bool:
        """Whether it is certified that the routers beat every classical router."""
        return self.certificate.certified

    @property
    def lost(self) -> int:
        """Trials without an outcome."""
        return sum(map(sum, self.measured.lost))

    def as_compared(self, name: str) -> ComparedRun:
        """What is compared with other analyses."""
        share = self.waiting_time_reduction_relative
        return ComparedRun(
            name=name,
            source=self.provenance.source,
            created=self.provenance.created,
            scenario_hash=self.provenance.scenario_hash,
            trials=self.certificate.trials,
            waiting_time=self.waiting_time,
            splitting_probability=self.splitting_probability,
            baseline_throughput=self.baseline_throughput,
            waiting_time_reduction_relative=None,
            every_classical_reduction_relative=AtLeast(share.estimate, share.low),
            chsh=None,
            log10_p_value=self.certificate.log10_p_value,
            certified_against="every-classical" if self.certified else None,
            warnings=self.warnings,
        )

    def to_json(self) -> str:
        """The record as JSON text, keys in the order above."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
