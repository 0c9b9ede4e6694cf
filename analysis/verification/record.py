"""What `verify` reads of a run's files: leniently, as a stranger would who knows the format and not the program."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ...model.errors import DataError
from ...model.validation import first_complaint

Count = Annotated[int, Field(ge=0, le=10**9)]
Share = Annotated[float, Field(ge=0, le=1 + 1e-9)]
Table = list[list[float]]
# JSON has no NaN: what was never measured is null.
MaybeMeasured = Annotated[
    float, Field(allow_inf_nan=True), BeforeValidator(lambda value: math.nan if value is None else value)
]


class Lenient(BaseModel):
    """A record of which only these fields matter."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Limits(Lenient):
    estimate: float
    low: float


class Interval(Lenient):
    low: float
    high: float
    method: str


class Observed(Lenient):
    splitting_probability: Limits
    waiting_time: Limits


class Certificate(Lenient):
    multiplier: Annotated[float, Field(gt=0, le=1e15)]
    score: float
    classical_bound: Interval
    quantum_bound: Interval
    excess: Limits
    log10_p_value: float
    log10_anytime_p_value: float | None
    method: str
    assumption: str
    trials: int
    lost: int
    edges: Annotated[int, Field(ge=1)]
    significance: Annotated[float, Field(gt=0, lt=1)]
    certified: bool
    parallel: Annotated[int, Field(ge=1)] = 1
    log10_p_value_any_crosstalk: float | None = None


class Correlators(Lenient):
    measured: list[list[MaybeMeasured]]
    ideal: Table | None
    trials: list[list[Count]]


class ClassicalProof(Lenient):
    gap_relative: float


class Frontiers(Lenient):
    load: float
    unavoidable_waiting_time: float
    weights: Table
    classical_proof: ClassicalProof | None = None


class Measured(Lenient):
    """The counts with the rule their settings followed, as declared."""

    counts: list[list[list[list[Count]]]]
    lost: list[list[Count]]
    settings: Literal["random", "fixed"]
    input_distribution: list[list[Share]] | None
    block: Annotated[int, Field(ge=1)]
    stopped: bool


class Provenance(Lenient):
    libraries: dict[str, str] = {}
    scenario_hash: str
    content_hash: str


class StoredAnalysis(Lenient):
    """The analysis record, as far as it is derived again."""

    schema_: Literal["bellqueue.analysis/1"] = Field(alias="schema")
    verdict: Annotated[list[str], Field(min_length=2)]
    warnings: list[str]
    observed: Observed
    certificate: Certificate
    correlators: Correlators
    planned: dict[str, Any] | None
    frontiers: Frontiers
    scenario: dict[str, Any]
    provenance: Provenance
    measured: Measured | None = None


class Measurement(Lenient):
    probability: Share
    alpha: list[float]
    beta: list[float]
    more_alpha: Table | None = None
    more_beta: Table | None = None


class StoredPlan(Lenient):
    """The plan record, as far as it is derived again."""

    schema_: Literal["bellqueue.plan/1"] = Field(alias="schema")
    scenario_hash: str
    strategy: Annotated[list[Measurement], Field(min_length=1)]
    planned: dict[str, Any]
    settings: Literal["random", "fixed"]
    block: Annotated[int, Field(ge=1)]
    input_distribution: list[list[Share]]
    asked: list[list[Count]]
    shots: Count
    significance: float
    seed: Annotated[int, Field(ge=0)]
    backend: dict[str, Any]
    parallel: Annotated[int, Field(ge=1)] = 1
    asked_by_pair: list[list[list[Count]]] = []
    stop: str | None = None
    budget: Count | None = None


@dataclass(frozen=True)
class RunFiles:
    """The texts of the files in a run's folder beside its analysis; `calibration` is None where the file is missing."""

    scenario: str
    plan: str
    trials: str
    calibration: str | None


Record = TypeVar("Record", bound=Lenient)


def parsed(text: str, kind: type[Record], source: str) -> Record:
    """A record of that kind.

    Raises:
        DataError: the text is no such record; `source` names its file.
    """
    try:
        return kind.model_validate(json_object(text, source))
    except ValidationError as error:
        raise DataError(f"{source}: {first_complaint(error)}") from None


def json_object(text: str, source: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DataError: the text is not one.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise DataError(f"{source}: must be a JSON object, got {type(data).__name__}")
    return data


def scenario_hash(scenario: dict[str, Any]) -> str:
    """SHA-256 of the scenario's canonical JSON: keys sorted, no spaces, ASCII."""
    canonical = json.dumps(scenario, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def hash_of_parts(parts: Iterable[str]) -> str:
    """SHA-256 of some texts, each preceded by its length in bytes as eight big-endian bytes."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def without_spaces(text: str) -> str:
    """JSON text without the white space between its tokens, every number and string as it was written."""
    return "".join(re.findall(r'"(?:[^"\\]|\\.)*"|[^\s"]+', text))
