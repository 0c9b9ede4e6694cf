"""The scenario file: traffic, baseline reward and experiment, validated so that every complaint names its field."""

from __future__ import annotations

import math
import sys
import tomllib
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from ..errors import NoTradeOffError, ScenarioError
from ..hashing import canonical_json, text_hash
from ..queueing.pair_order import WithinPairOrder
from ..queueing.reward import PiecewiseLinearReward, PowerReward, Reward, WarmupReward
from ..queueing.service import Service
from ..queueing.workload import Workload
from ..validation import LARGEST, NUMBER, WHOLE, FileSection, Number, Positive, as_path, encodable, read_toml, validated
from .bounds import BoundsSpec
from .link import LinkSpec

SCHEMA = "bellqueue.scenario/1"
PROBABILITY_TOLERANCE = 1e-6  # decimals typed by hand; sums are then normalised exactly
MAX_TITLE = 200
MAX_TYPES = 64
MAX_BINS = 256
MAX_SHOTS = 100_000_000
MAX_ENTRIES = 8  # of a menu
MAX_BELL_PAIRS = 3  # for one request pair: six qubits, which every simulator here takes

Probability = Annotated[float, Field(ge=0, le=1), NUMBER]


def _newer(default: Any) -> Any:
    """A field that records leave out at its default, so that scenarios older than it keep their hash."""
    return Field(default=default, exclude_if=lambda value: value == default)


class ServiceSpec(FileSection):
    """Service time: `deterministic`, `exponential`, or `gamma`/`lognormal` with a squared coefficient of variation."""

    distribution: Literal["deterministic", "exponential", "gamma", "lognormal"]
    mean: Positive
    scv: Annotated[float, Field(gt=0, le=1e4), NUMBER] | None = None

    @model_validator(mode="after")
    def _scv_where_it_belongs(self) -> Self:
        if self.distribution in ("gamma", "lognormal") and self.scv is None:
            raise ValueError(f"distribution {self.distribution!r} needs scv, the squared coefficient of variation")
        if self.distribution in ("deterministic", "exponential") and self.scv is not None:
            raise ValueError(f"distribution {self.distribution!r} takes no scv; use gamma or lognormal")
        return self

    def service(self) -> Service:
        fixed = {"deterministic": 0.0, "exponential": 1.0}
        return Service(self.distribution, self.mean, fixed.get(self.distribution, self.scv or 0.0))


class SizesSpec(ServiceSpec):
    """A continuous size that the router knows, cut into `bins` of equal probability."""

    distribution: Literal["exponential", "gamma", "lognormal"]
    bins: Annotated[int, Field(ge=1, le=MAX_BINS), WHOLE] = 64


class TypeSpec(FileSection):
    """One request type."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    probability: Probability | None = None
    service: ServiceSpec


Types = Annotated[list[TypeSpec], Field(min_length=1, max_length=MAX_TYPES)]


class TrafficSpec(FileSection):
    """Arrivals: pairs at `pair_rate`, with types (or known sizes) for each router.

    `time_unit_seconds`, the unit of all times in seconds, turns latencies into distances; nothing else needs it.
    """

    pair_rate: Positive
    time_unit_seconds: Positive | None = None
    type: Types | None = None
    type_b: Types | None = None
    sizes: SizesSpec | None = None
    sizes_b: SizesSpec | None = None
    joint: list[list[Probability]] | None = None
    within_pair_order: WithinPairOrder = _newer("random")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.type is None) == (self.sizes is None):
            raise ValueError("give either [[traffic.type]] or traffic.sizes, and not both")
        if self.type_b is not None and self.sizes_b is not None:
            raise ValueError("give either [[traffic.type_b]] or traffic.sizes_b, not both")
        if self.joint is not None and (self.sizes is not None or self.sizes_b is not None):
            raise ValueError("joint is a table over types; it cannot be combined with sizes")
        for label, types in (("type", self.type), ("type_b", self.type_b)):
            if types is not None:
                self._check_types(label, types)
        if self.joint is not None:
            self._check_joint(self.joint)
        return self

    def _check_types(self, label: str, types: list[TypeSpec]) -> None:
        names = [spec.name for spec in types]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"{label}: the name {twice[0]!r} is used twice; names must differ")
        if self.joint is None:
            missing = [spec.name for spec in types if spec.probability is None]
            if missing:
                raise ValueError(f"{label} {missing[0]!r}: probability is missing (or give a joint table)")
        given = [spec.probability for spec in types if spec.probability is not None]
        total = math.fsum(given)
        if len(given) == len(types) and abs(total - 1) > PROBABILITY_TOLERANCE:
            raise ValueError(f"{label}: the probabilities sum to {total:.9g}; they must sum to 1")
        idle = [spec.name for spec in types if spec.probability == 0]
        if idle:
            raise ValueError(f"{label} {idle[0]!r}: probability is 0; leave the type out")

    def _check_joint(self, joint: list[list[float]]) -> None:
        types_a, types_b = self.type or [], self.type_b or self.type or []
        widths = {len(row) for row in joint}
        if len(joint) != len(types_a) or widths != {len(types_b)}:
            given = f"{len(joint)} rows of {sorted(widths)} entries"
            raise ValueError(
                f"joint has {given}; it must be {len(types_a)} rows (router A) of {len(types_b)} (router B)"
            )
        table = np.array(joint)
        if abs(table.sum() - 1) > PROBABILITY_TOLERANCE:
            raise ValueError(f"joint sums to {table.sum():.9g}; it must sum to 1")
        for label, types, marginal in (("type", types_a, table.sum(axis=1)), ("type_b", types_b, table.sum(axis=0))):
            for spec, share in zip(types, marginal.tolist(), strict=True):
                if share <= 0:
                    raise ValueError(f"joint gives {label} {spec.name!r} probability 0; leave the type out")
                if spec.probability is not None and abs(spec.probability - share) > PROBABILITY_TOLERANCE:
                    both = f"probability = {spec.probability:g}, but joint sums to {share:.9g} for it"
                    raise ValueError(f"{label} {spec.name!r} has {both}; drop one of the two")

    def workload(self, reward: Reward) -> Workload:
        """The queueing model of this traffic with a baseline reward, whatever its load."""
        names_a, services_a, marginal_a = _types(self.type, self.sizes)
        if self.type_b is None and self.sizes_b is None:
            names_b, services_b, marginal_b = names_a, services_a, marginal_a
        else:
            names_b, services_b, marginal_b = _types(self.type_b, self.sizes_b)
        if self.joint is None:
            joint = np.outer(marginal_a, marginal_b)
            product = True
        else:
            joint = np.array(self.joint) / np.sum(self.joint)
            outer = np.outer(joint.sum(axis=1), joint.sum(axis=0))
            product = bool(np.allclose(joint, outer, rtol=1e-12, atol=1e-15))
            joint = outer if product else joint
        order = self.within_pair_order
        return Workload(self.pair_rate, joint, services_a, services_b, names_a, names_b, reward, product, order)


class PowerSpec(FileSection):
    """T(t) = t^exponent."""

    kind: Literal["power"]
    exponent: Annotated[float, Field(ge=1, le=20), NUMBER]

    def reward(self) -> Reward:
        return PowerReward(self.exponent)


class SetupSpec(FileSection):
    """T(t) = max(t − setup_time, 0)."""

    kind: Literal["setup"]
    setup_time: Annotated[float, Field(ge=0), NUMBER]

    def reward(self) -> Reward:
        return PiecewiseLinearReward.setup(self.setup_time)


class WarmupSpec(FileSection):
    """T(t) = t − time·(1 − e^(−t/time))."""

    kind: Literal["warmup"]
    time: Positive

    def reward(self) -> Reward:
        return WarmupReward(self.time)


class TableSpec(FileSection):
    """Convex, piecewise-linear through `points` [[0, 0], [t, T(t)], …]; the last slope is continued."""

    kind: Literal["table"]
    points: Annotated[list[tuple[Number, Number]], Field(min_length=2, max_length=10_000)]

    @model_validator(mode="after")
    def _convex(self) -> Self:
        times, values = (np.array(column, dtype=float) for column in zip(*self.points, strict=True))
        if times[0] != 0 or values[0] != 0:
            raise ValueError(f"points start at {list(self.points[0])}; they must start at [0, 0]")
        if np.any(np.diff(times) <= 0):
            raise ValueError("points: the times must rise strictly")
        if np.any(values < 0):
            raise ValueError("points: a reward is negative; T(t) must be ≥ 0")
        with np.errstate(over="ignore"):
            slopes = np.diff(values) / np.diff(times)
        if not np.all(np.isfinite(slopes)):
            raise ValueError("points: a slope overflows; choose units in which times are near 1")
        bends = np.flatnonzero(np.diff(slopes) < -1e-9 * np.abs(slopes).max())
        if bends.size:
            where = times[bends[0] + 1]
            raise ValueError(f"points: the slope falls at t = {where:g}; the reward must be convex (slopes rising)")
        return self

    def reward(self) -> Reward:
        return PiecewiseLinearReward.through(tuple(self.points))


class BaselineSpec(FileSection):
    """The baseline task."""

    reward: Annotated[PowerSpec | SetupSpec | WarmupSpec | TableSpec, Field(discriminator="kind")]


class OperatingTarget(FileSection):
    """Exactly one of: a multiplier μ, a splitting probability, a mean waiting time."""

    multiplier: Annotated[float, Field(ge=0), NUMBER] | None = None
    splitting_probability: Probability | None = None
    waiting_time: Annotated[float, Field(ge=0), NUMBER] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1 or len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("give exactly one of multiplier, splitting_probability, waiting_time")
        return self


# The tags are no identifiers, so that complaints name only what the user wrote.
OperatingPointSpec = Annotated[
    Annotated[Literal["largest-advantage"], Tag("<word>")] | Annotated[OperatingTarget, Tag("<table>")],
    Discriminator(lambda value: "<word>" if isinstance(value, str) else "<table>"),
]


class ExperimentSpec(FileSection):
    """What is fixed before data are taken; of several `bell_pairs` `assumed_visibility` is that of the correlators."""

    against: Literal["every-classical", "memoryless"] = _newer("every-classical")
    operating_point: OperatingPointSpec = "largest-advantage"
    settings: Literal["random", "fixed"] = "random"
    block: Annotated[int, Field(ge=1), WHOLE] = 1
    shots: Annotated[int, Field(ge=1, le=MAX_SHOTS), WHOLE] = 40_000
    significance: Annotated[float, Field(gt=0, lt=0.5), NUMBER] = 1e-3
    assumed_visibility: Annotated[float, Field(gt=0, le=1), NUMBER] = 1.0
    stop: Literal["certified"] | None = None
    bell_pairs: Annotated[int, Field(ge=1, le=MAX_BELL_PAIRS), WHOLE] = _newer(1)
    routers: Literal["memoryless", "past-informed"] = _newer("memoryless")
    menu: Annotated[int, Field(ge=1, le=MAX_ENTRIES), WHOLE] = _newer(MAX_ENTRIES)

    @property
    def past_informed(self) -> bool:
        """Whether the routers know the servers' past, and measure a menu of sets of bases."""
        return self.routers == "past-informed"

    @model_validator(mode="after")
    def _block_fits(self) -> Self:
        if self.block > self.shots:
            raise ValueError(f"block = {self.block} is larger than shots = {self.shots}")
        if self.stop and (self.settings != "random" or self.block > 1):
            how = 'settings = "fixed"' if self.settings != "random" else f"block = {self.block}"
            raise ValueError(
                f'stop = "{self.stop}" needs a setting drawn afresh for every trial, and {how} has none: a device that '
                'knows the schedule could win at some moment; take settings = "random" and block = 1, or no stop'
            )
        return self

    @model_validator(mode="after")
    def _routers_fit(self) -> Self:
        if not self.past_informed:
            if "menu" in self.model_fields_set:
                raise ValueError(f'menu = {self.menu} is for routers = "past-informed"; add that, or leave menu out')
            return self
        target = self.operating_point
        elsewhere = isinstance(target, OperatingTarget) and target.multiplier is None
        for given, field, why in (
            (self.against == "memoryless", 'against = "memoryless"', "they are compared with every classical router"),
            (self.stop, f'stop = "{self.stop}"', "all their trials are analyzed together"),
            (self.bell_pairs > 1, f"bell_pairs = {self.bell_pairs}", "they use one for each pair of requests"),
            (elsewhere, "this operating_point", "theirs is a multiplier"),
        ):
            if given:
                raise ValueError(f"{field} is not for routers that know the past: {why}; leave it out")
        return self


class Scenario(FileSection):
    """Everything that defines an experiment, as a file (docs/scenario-file.md) or as a Python object."""

    title: Annotated[str, Field(min_length=1, max_length=MAX_TITLE)] = "Untitled"
    traffic: TrafficSpec
    baseline: BaselineSpec
    experiment: ExperimentSpec = ExperimentSpec()
    bounds: BoundsSpec | None = None
    link: LinkSpec | None = None

    @model_validator(mode="after")
    def _inside_the_model(self) -> Self:
        workload = self._workload
        if workload.load >= 1:
            cure = "lower traffic.pair_rate or the mean service times"
            raise ValueError(f"load is {workload.load:.6g}; it must be below 1, so {cure}")
        with np.errstate(all="ignore"):  # what overflows is refused
            edge = workload.baseline_throughput([0.0, 0.5, 1.0])
            most = max(workload.together_waiting_time, float(workload.weights.max()))
        if not np.all(np.isfinite(edge)) or not most <= LARGEST:
            raise ValueError("throughput or waiting time overflow; choose units in which service times are near 1")
        return self

    @model_validator(mode="after")
    def _link_in_units_of_time(self) -> Self:
        if self.link is None:
            return self
        if self.experiment.bell_pairs > 1:
            raise ValueError(
                f"experiment.bell_pairs is {self.experiment.bell_pairs}; with [link] each pair of requests uses one "
                "Bell pair, so make it 1"
            )
        if self.traffic.time_unit_seconds is None:
            for name in self.link.in_seconds():
                raise ValueError(
                    f"link.{name} is {getattr(self.link, name):g}, but the scenario does not say how long its unit of "
                    "time is; give traffic.time_unit_seconds"
                )
        return self

    @classmethod
    def load(cls, path: str | Path) -> Scenario:
        """Read a scenario from TOML, or from the JSON that a run keeps; without a title its file's name is the title.

        Raises:
            ScenarioError: the file cannot be read, or a field is wrong; the text names it.
        """
        source = as_path(path, "path", ScenarioError)
        data = read_toml(source, ScenarioError, "a scenario file", json_too=True)
        if not data:
            raise ScenarioError(f"{source}: is empty; a scenario has [traffic] and [baseline]")
        return cls.parse(
            {"title": encodable(source.stem)[:MAX_TITLE]} | data if isinstance(data, dict) else data, str(source)
        )

    @classmethod
    def parse(cls, data: dict[str, Any], source: str = "scenario") -> Scenario:
        """Validate a dict of the file's form; `source` is named in complaints.

        Raises:
            ScenarioError: a field is wrong.
        """
        if not isinstance(data, dict):
            raise ScenarioError(f"{source}: must be a table of sections, got {type(data).__name__}")
        content = dict(data)
        schema = content.pop("schema", SCHEMA)
        if schema != SCHEMA:
            raise ScenarioError(f"{source}: schema is {schema!r}; this version reads {SCHEMA!r}")
        return validated(cls, content, source, ScenarioError)

    @classmethod
    def default(cls) -> Scenario:
        """The embedded default scenario: light traffic, costly interruptions."""
        return cls.parse(tomllib.loads(resources.files(__package__).joinpath("default.toml").read_text("utf-8")))

    def with_experiment(self, **changes: Any) -> Scenario:
        """A copy with fields of [experiment] replaced, validated again; None leaves a field as it is."""
        given = {key: value for key, value in changes.items() if value is not None}
        if not given:
            return self
        data = self.model_dump(mode="json", exclude_none=True)
        data["experiment"].update(given)
        return Scenario.parse(data, "options")

    def record(self) -> dict[str, Any]:
        """The scenario as a JSON-ready dict with its `schema`."""
        return {"schema": SCHEMA, **self.model_dump(mode="json", exclude_none=True)}

    def content_hash(self) -> str:
        """SHA-256 of the canonical JSON record, hexadecimal."""
        return text_hash(canonical_json(self.record()))

    def workload(self) -> Workload:
        """The queueing model of this scenario.

        Raises:
            NoTradeOffError: interruptions cost the baseline nothing, so there is nothing to trade.
        """
        workload = self._workload
        with np.errstate(all="ignore"):
            ends = workload.baseline_throughput([0.0, 1.0])
            slopes = workload.reward.rate_slope(workload.pair_rate * np.array([0.5, 1.0]))
        if ends[0] < sys.float_info.min or (ends[0] > ends[1] and not np.all(slopes < 0)):
            raise NoTradeOffError(
                f"baseline.reward: no trade-off: hardly any background work is done (throughput {ends[0]:.3g}), for "
                "the times between requests are too short; lower traffic.pair_rate, or shorten the reward's times"
            )
        if not ends[0] > ends[1] * (1 + 1e-12):
            raise NoTradeOffError(
                f"baseline.reward: no trade-off: throughput is {ends[0]:.6g} whether pairs are split or not; "
                "choose a strictly convex reward (power with exponent > 1, setup with setup_time > 0, a warmup, or a "
                "bent table), whose times are not tiny beside those between requests"
            )
        return workload

    @cached_property
    def _workload(self) -> Workload:
        return self.traffic.workload(self.baseline.reward.reward())


def _types(
    types: list[TypeSpec] | None, sizes: SizesSpec | None
) -> tuple[tuple[str, ...], tuple[Service, ...], np.ndarray[Any, np.dtype[np.float64]]]:
    """Names, services and probabilities of one router's types."""
    if types is not None:
        given = np.array([spec.probability if spec.probability is not None else math.nan for spec in types])
        return (
            tuple(spec.name for spec in types),
            tuple(spec.service.service() for spec in types),
            given / given.sum(),
        )
    assert sizes is not None  # _consistent() has seen to it
    bins = sizes.service().bins(sizes.bins)
    names = tuple(f"size bin {index + 1} of {sizes.bins}" for index in range(sizes.bins))
    return names, bins, np.full(sizes.bins, 1 / sizes.bins)
