"""Reading counts and trials that people bring: `bellqueue.counts/1` JSON, or a trials CSV `x,y,a,b`."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...model.errors import DataError
from ...model.queueing.workload import Workload
from ...model.trials import Counts, Sampling, Trials, match_types
from ...model.validation import first_complaint, read_text
from ..certificate.samples import Sample

SCHEMA = "bellqueue.counts/1"
MAX_BYTES = 1_000_000_000
DISTRIBUTION_TOLERANCE = 1e-6
_HEADER = "x,y,a,b"
_PART = 2**13  # lines put together at a time: they stay in the processor's cache
_LINE = re.compile(r"\s*-?\d{1,18}(\s*,\s*-?\d{1,18}){3}\s*")

Count = Annotated[int, Field(strict=True, ge=0, le=10**12)]
Share = Annotated[float, Field(ge=0, le=1)]


class CountsFile(BaseModel):
    """The JSON form: counts[x][y][a][b], and how the settings came about.

    Attributes:
        counts: counts[x][y][a][b]: how often outcomes a, b came for types x, y of routers A and B.
        types: Names of router A's types, in the order of the counts; null: the scenario's order.
        types_b: Names of router B's types; null: those of A.
        settings: Whether the types of each trial were drawn at random or fixed beforehand.
        input_distribution: Probability of each pair of types if they were drawn, rows router A; null: of fixed
            settings.
        block: Trials in a row that share their drawn types.
        lost: Trials of each pair of types that brought no outcome, rows router A; null: none.
        source: Where the counts come from, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    schema_: Literal["bellqueue.counts/1"] = Field(alias="schema")
    counts: list[list[list[list[Count]]]]
    types: list[str] | None = None
    types_b: list[str] | None = None
    settings: Literal["fixed", "random"] = "fixed"
    input_distribution: list[list[Share]] | None = None
    block: Annotated[int, Field(ge=1)] = 1
    lost: list[list[Count]] | None = None
    source: str | None = None


def read_counts(path: Path, workload: Workload) -> Sample:
    """Counts JSON or trials CSV, its types brought into the workload's order.

    Raises:
        DataError: the file cannot be read as one of the two, or does not belong to the workload.
    """
    text = read_text(path, DataError, MAX_BYTES, "a counts JSON or a trials CSV")
    try:
        if text.lstrip()[:1] in ("{", "["):
            return _from_json(text, workload)
        return Sample(parse_trials(text, workload.shape).counts(), Sampling("fixed"), types_assumed=True)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def parse_trials(text: str, shape: tuple[int, int]) -> Trials:
    """Trials from CSV text with the header `x,y,a,b`, 0-based types, in the order of execution.

    Raises:
        DataError: the header or a line is wrong.
    """
    header, _, body = text.partition("\n")
    if header.strip().replace(" ", "") != _HEADER:
        shown = header.strip()[:40]
        raise DataError(f"line 1 is {shown!r}; a trials CSV starts with {_HEADER!r}, a counts file is a JSON object")
    if not body.strip():
        raise DataError("no trials below the header")
    try:
        table: NDArray[np.int64] = np.loadtxt(io.StringIO(body), delimiter=",", dtype=np.int64, ndmin=2)
    except (ValueError, OverflowError):
        raise DataError(_first_bad_line(body)) from None
    if table.shape[1] != 4:
        raise DataError(_first_bad_line(body))
    x, y, a, b = table.T
    return Trials(x, y, a, b, shape)


def _first_bad_line(body: str) -> str:
    for number, line in enumerate(body.splitlines(), start=2):
        if line.strip() and not _LINE.fullmatch(line):
            return f"line {number} is {line[:40]!r}; it must be four whole numbers {_HEADER}"
    return f"the lines must be four whole numbers {_HEADER}"


def format_trials(trials: Trials) -> str:
    """The CSV text that `parse_trials` reads."""
    lines = [
        f"{x},{y},{a},{b}\n"
        for x in range(trials.shape[0])
        for y in range(trials.shape[1])
        for a in (0, 1)
        for b in (0, 1)
    ]
    codes = trials.codes()
    if max(trials.shape) > 10:
        return f"{_HEADER}\n" + "".join(map(lines.__getitem__, codes.tolist()))
    # Types of one digit make lines of eight bytes, which move as numbers.
    numbers = np.frombuffer("".join(lines).encode(), dtype=np.uint64)
    parts = (codes[start : start + _PART] for start in range(0, len(codes), _PART))
    return "".join([f"{_HEADER}\n", *(str(numbers.take(part).data, "ascii") for part in parts)])


def _from_json(text: str, workload: Workload) -> Sample:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not valid JSON: {error}") from None
    return sample_of(data, workload)


def sample_of(data: object, workload: Workload) -> Sample:
    """The content of a counts file, its types brought into the workload's order.

    Args:
        data: What the JSON says, or the same from elsewhere.
        workload: What the counts belong to.

    Raises:
        DataError: a field is wrong, or the counts do not belong to the workload.
    """
    try:
        content = CountsFile.model_validate(data)
    except ValidationError as error:
        raise DataError(first_complaint(error, CountsFile)) from None
    shape = workload.shape
    counts = _table(content.counts, "counts", (*shape, 2, 2)).astype(np.int64)
    rows, columns = _order(content, workload)
    distribution = None
    if content.input_distribution is not None:
        distribution = _table(content.input_distribution, "input_distribution", shape)[np.ix_(rows, columns)]
        if abs(distribution.sum() - 1) > DISTRIBUTION_TOLERANCE:
            raise DataError(f"input_distribution sums to {distribution.sum():.9g}; it must sum to 1")
        distribution = distribution / distribution.sum()
    elif content.settings == "random":
        raise DataError("settings are 'random' but input_distribution is missing; declare it, or say 'fixed'")
    lost = None
    if content.lost is not None:
        lost = _table(content.lost, "lost", shape).astype(np.int64)[np.ix_(rows, columns)]
    sampling = Sampling(content.settings, distribution, content.block, lost)
    assumed = content.types is None and content.types_b is None
    return Sample(Counts(counts[np.ix_(rows, columns)]), sampling, types_assumed=assumed)


def _table(nested: object, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    try:
        table = np.array(nested, dtype=float)
    except ValueError:
        raise DataError(f"{name} is ragged; for this scenario it must have shape {_by(shape)}") from None
    if table.shape != shape:
        raise DataError(f"{name} has shape {_by(table.shape)}; for this scenario it must have {_by(shape)}")
    return table


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _order(content: CountsFile, workload: Workload) -> tuple[list[int], list[int]]:
    """Positions of the workload's types in the file, by name where it has names, else by order."""
    rows, columns = list(range(workload.shape[0])), list(range(workload.shape[1]))
    if content.types is not None:
        rows = match_types(content.types, workload.names_a, "A")
    names_b = content.types_b or content.types
    if names_b is not None:
        columns = match_types(names_b, workload.names_b, "B")
    return rows, columns
