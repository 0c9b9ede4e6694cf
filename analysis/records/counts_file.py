"""Reading counts and trials that people bring: `bellqueue.counts/1` JSON, tables of trials, and both from Python."""

from __future__ import annotations

import io
import json
import math
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ...model.errors import DataError
from ...model.queueing.workload import Workload
from ...model.trials import Counts, Sampling, Trials, match_types
from ...model.validation import NUMBER, WHOLE, invalid, no_text, read_text, validated
from ..certificate.samples import Sample
from .trial_table import TrialTable, by, number_or_word, plain_counts, table_of, table_of_text, whole_count

SCHEMA = "bellqueue.counts/1"
MAX_BYTES = 1_000_000_000
DISTRIBUTION_TOLERANCE = 1e-6
STANDARD_INPUT = Path("-")
_HEADER, _MENU_HEADER = "x,y,a,b", "k,x,y,a,b"
_PART = 2**13  # lines put together at a time: they stay in the processor's cache

Count = Annotated[int, Field(ge=0, le=10**12), WHOLE]
Share = Annotated[float, Field(ge=0, le=1), NUMBER]
Say = Callable[[str], None]


class CountsFile(BaseModel):
    """The JSON form: counts[x][y][a][b], and how the settings came about.

    Attributes:
        counts: counts[x][y][a][b]: how often outcomes a, b came for types x, y of routers A and B. Or by the types'
            names, and by outcomes: {"short": {"long": {"00": 5, "01": 7}}}.
        bits: Whose bit is the first in "01"; router A's is the first in "ab".
        types: Names of router A's types, in the order of the counts; null: the scenario's order.
        types_b: Names of router B's types; null: those of A.
        settings: Whether the types of each trial were drawn at random or fixed beforehand.
        input_distribution: Probability of each pair of types if they were drawn, rows router A, or "uniform"; null: of
            fixed settings.
        block: Trials in a row that share their drawn types.
        lost: Trials of each pair of types that brought no outcome, rows router A; a number is that of every pair of
            types; null: none.
        source: Where the counts come from, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    schema_: Literal["bellqueue.counts/1"] = Field(alias="schema")
    counts: list[list[list[list[Count]]]]
    bits: Literal["ab", "ba"] = "ab"
    types: list[str] | None = None
    types_b: list[str] | None = None
    settings: Literal["fixed", "random"] = "fixed"
    input_distribution: list[list[Share]] | None = None
    block: Annotated[int, Field(ge=1), WHOLE] = 1
    lost: list[list[Count]] | None = None
    source: str | None = None


@dataclass(frozen=True)
class Declared:
    """What is said of data beside them; None says nothing, and what the data say themselves cannot be changed.

    Attributes:
        settings: How the settings came about, "random" or "fixed".
        input_distribution: Their probabilities, by types: "uniform", a table, or the path of one.
        lost: Trials without an outcome: for every pair of types, or a table by types, or its path.
    """

    settings: str | None = None
    input_distribution: Any = None
    lost: Any = None


NOTHING = Declared()


def read_counts(path: Path, workload: Workload, declared: Declared = NOTHING, say: Say | None = None) -> Sample:
    """Counts JSON or a table of trials, its types brought into the workload's order; `-` is standard input.

    Raises:
        DataError: the file cannot be read as one of the two, or does not belong to the workload.
    """
    name, text = _text(path)
    try:
        if text.lstrip()[:1] in ("{", "["):
            return sample_of(_json(text), workload, declared, say)
        return sample_of(_trials(text, workload), workload, declared, say)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None


def _text(path: Path) -> tuple[str, str]:
    """What the data are called, and their text."""
    if path != STANDARD_INPUT:
        return str(path), read_text(path, DataError, MAX_BYTES, "a counts JSON or a trials CSV")
    try:
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise DataError(f"standard input is longer than {MAX_BYTES} bytes")
        return "standard input", content.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        raise DataError(f"standard input: {no_text(broken)}") from None
    except (OSError, AttributeError):  # closed by the shell
        raise DataError("standard input cannot be read; give a file") from None


def _trials(text: str, workload: Workload) -> TrialTable | Counts:
    """The trials of a CSV; as the program writes them, a million takes a moment."""
    if text.partition("\n")[0].strip().replace(" ", "") == _MENU_HEADER:
        raise DataError("these are the trials of routers that know the past; give the folder of their run")
    if not any(name.isdigit() for name in (*workload.names_a, *workload.names_b)):
        try:
            return parse_trials(text, workload.shape).counts()
        except DataError:
            pass  # another form, or a mistake for which the table knows its line
    return table_of_text(text)


def parse_trials(text: str, shape: tuple[int, int], entries: int | None = None) -> Trials:
    """Trials from CSV text with the header `x,y,a,b`, 0-based types, in the order of execution.

    Args:
        text: The file's.
        shape: (n_A, n_B), the numbers of types.
        entries: K, of a menu: the first column is then k, 0-based, and trial (k, x, y) has types k·n_A + x and y of
            K·n_A and n_B. None: there is no menu.

    Raises:
        DataError: the header or a line is wrong.
    """
    first, _, body = text.partition("\n")
    expected = _HEADER if entries is None else _MENU_HEADER
    if first.strip().replace(" ", "") != expected:
        raise DataError(
            f"line 1 is {first.strip()[:40]!r}; a trials CSV starts with {expected!r}, a counts file is a JSON object"
        )
    if not body.strip():  # numpy would complain of lines with nothing but spaces
        raise DataError("no trials below the header")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that there is nothing, which is refused below
            table: NDArray[np.int64] = np.loadtxt(io.StringIO(body), delimiter=",", dtype=np.int64, ndmin=2)
    except (ValueError, OverflowError):
        raise DataError(_first_bad_line(body, expected)) from None
    if not table.size:
        raise DataError("no trials below the header")
    if table.shape[1] != len(expected.split(",")):
        raise DataError(_first_bad_line(body, expected))
    *entry, x, y, a, b = table.T
    if entries is None:
        return Trials(x, y, a, b, shape)
    for name, column, limit in (("k", entry[0], entries), ("x", x, shape[0])):
        if len(wrong := np.flatnonzero((column < 0) | (column >= limit))):
            raise DataError(f"line {wrong[0] + 2}: {name} is {column[wrong[0]]}; it must lie in 0…{limit - 1}")
    return Trials(entry[0] * shape[0] + x, y, a, b, (entries * shape[0], shape[1]))


def _first_bad_line(body: str, header: str) -> str:
    commas = header.count(",")
    line_form = re.compile(rf"\s*-?\d{{1,18}}(\s*,\s*-?\d{{1,18}}){{{commas}}}\s*")
    wanted = f"{'five' if header == _MENU_HEADER else 'four'} whole numbers {header}"
    for number, line in enumerate(body.splitlines(), start=2):
        if line.strip() and not line_form.fullmatch(line):
            return f"line {number} is {line[:40]!r}; it must be {wanted}"
    return f"the lines must be {wanted}"


def format_trials(trials: Trials, entries: int | None = None) -> str:
    """The CSV text that `parse_trials` reads; of the trials of a menu with K entries each line begins with k."""
    own = trials.shape[0] // (entries or 1)
    lines = [
        f"{x},{y},{a},{b}\n" if entries is None else f"{x // own},{x % own},{y},{a},{b}\n"
        for x in range(trials.shape[0])
        for y in range(trials.shape[1])
        for a in (0, 1)
        for b in (0, 1)
    ]
    codes = trials.codes()
    if entries is not None or max(trials.shape) > 10:
        return f"{_HEADER if entries is None else _MENU_HEADER}\n" + "".join(map(lines.__getitem__, codes.tolist()))
    # Types of one digit make lines of eight bytes, which move as numbers.
    numbers = np.frombuffer("".join(lines).encode(), dtype=np.uint64)
    parts = (codes[start : start + _PART] for start in range(0, len(codes), _PART))
    return "".join([f"{_HEADER}\n", *(str(numbers.take(part).data, "ascii") for part in parts)])


def _json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise DataError(invalid("JSON", error)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a JSON text; one that says a thing twice would lose half of it."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise DataError(f"{next(key for key in keys if keys.count(key) > 1)!r} is there twice in one object; keep one")
    return found


def sample_of(data: Any, workload: Workload, declared: Declared = NOTHING, say: Say | None = None) -> Sample:
    """Counts or trials in any of their forms, their types brought into the workload's order.

    Args:
        data: What a counts file says, counts alone, or trials: a data frame, a dict of columns, or rows.
        workload: What they belong to.
        declared: What is said of them beside.
        say: Gets a line if something in the data is ignored.

    Raises:
        DataError: a field is wrong, or the counts do not belong to the workload.
    """
    content = _content(data, workload, say)
    for name, value in vars(declared).items():
        if value is None:
            continue
        said = content.get(name)
        if said is not None and not (isinstance(said, str) and said == value):
            raise DataError(f"{name} is in the data already; leave out one of the two")
        content[name] = value if name == "settings" else _from_file(value, name)
    if "counts" in content:
        types, types_b = content.get("types"), content.get("types_b")
        names_a, names_b = _names(types, workload.names_a), _names(types_b or types, workload.names_b)
        table, by_name = plain_counts(content["counts"], names_a, names_b, content.get("bits", "ab"))
        content["counts"] = table.tolist()
        if by_name and not (types or types_b):
            content |= {"types": list(names_a), "types_b": list(names_b)}
    for name in ("input_distribution", "lost"):
        if content.get(name) is not None:
            content[name] = _by_pairs(content[name], name, workload.shape)
    if declared.input_distribution is not None and content.get("settings", "fixed") != "random":
        raise DataError("input_distribution says how random settings were drawn; the settings must then be 'random'")
    return _sample(validated(CountsFile, content, "", DataError), workload)


def _names(given: Any, own: Sequence[str]) -> Sequence[str]:
    """The names given if they are as many as the scenario's own; what is wrong with others is found later."""
    if isinstance(given, list) and len(given) == len(own) and all(isinstance(name, str) for name in given):
        return given
    return own


def _content(data: Any, workload: Workload, say: Say | None) -> dict[str, Any]:
    """The fields of a counts file that say what the data say."""
    if isinstance(data, Counts):
        return {"schema": SCHEMA, "counts": data.table}
    table = data if isinstance(data, TrialTable) else table_of(data)
    if table is not None:
        counts, lost, named = table.counted(workload)
        if table.ignored and say:
            say(f"columns that say nothing here are ignored: {', '.join(table.ignored)}")
        names = {"types": list(workload.names_a), "types_b": list(workload.names_b)} if named else {}
        return {"schema": SCHEMA, "counts": counts, **names, **({"lost": lost.tolist()} if lost.any() else {})}
    fields = {field.alias or name for name, field in CountsFile.model_fields.items()}
    bare = not isinstance(data, Mapping) or (
        len(data) > 0
        and not fields & set(map(str, data))
        and all(isinstance(key, tuple) or isinstance(value, Mapping) for key, value in data.items())
    )
    return {"schema": SCHEMA, **({"counts": data} if bare else data)}


def _from_file(value: Any, name: str) -> Any:
    """What a value beside the data says: a number or word itself, of a path what the file there holds."""
    if not isinstance(value, str | Path) or value == "uniform":
        return value
    if name == "lost" and isinstance(number := number_or_word(str(value)), float):
        return number
    content = read_text(Path(value), DataError, MAX_BYTES, f"a table of {name} by types")
    try:
        if content.lstrip()[:1] == "[":
            return _json(content)
        lines = [line.strip() for line in content.splitlines() if line.strip() and not line.startswith("#")]
        return [[number_or_word(word) for word in re.split(r"\s*[\s,;]\s*", line)] for line in lines]
    except DataError as error:
        raise DataError(f"{value}: {error}") from None


def _by_pairs(given: Any, name: str, shape: tuple[int, int]) -> Any:
    """A table by types, if it was one word or number for all pairs."""
    given = given.tolist() if hasattr(given, "tolist") else given
    if name == "input_distribution":
        return np.full(shape, 1 / math.prod(shape)).tolist() if given == "uniform" else given
    if not isinstance(given, list | tuple):
        return np.full(shape, whole_count(given, name)).tolist()
    return [
        [whole_count(each, f"{name}[{x}][{y}]") for y, each in enumerate(row)] if isinstance(row, list | tuple) else row
        for x, row in enumerate(given)
    ]


def _sample(content: CountsFile, workload: Workload) -> Sample:
    shape = workload.shape
    counts = np.array(content.counts, dtype=np.int64)
    # Where the workload's types are in the file: by name if it has names, else in the same order.
    places = np.ix_(
        _places(content.types, workload.names_a, "A"), _places(content.types_b or content.types, workload.names_b, "B")
    )
    distribution = None
    if content.input_distribution is not None:
        distribution = _table(content.input_distribution, "input_distribution", shape)[places]
        if abs(distribution.sum() - 1) > DISTRIBUTION_TOLERANCE:
            raise DataError(f"input_distribution sums to {distribution.sum():.9g}; it must sum to 1")
        distribution = distribution / distribution.sum()
    elif content.settings == "random":
        raise DataError(
            "settings are 'random' but input_distribution is missing; give the table or 'uniform', or say 'fixed'"
        )
    lost = None
    if content.lost is not None:
        lost = _table(content.lost, "lost", shape).astype(np.int64)[places]
    sampling = Sampling(content.settings, distribution, content.block, lost)
    assumed = content.types is None and content.types_b is None
    table = Counts(counts[places])
    return Sample(table, sampling, types_assumed=assumed, source=(content.source or "").strip() or None)


def _table(nested: object, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    try:
        table = np.array(nested, dtype=float)
    except ValueError:
        raise DataError(f"{name} is ragged; for this scenario it must have shape {by(shape)}") from None
    if table.shape != shape:
        raise DataError(f"{name} has shape {by(table.shape)}; for this scenario it must have {by(shape)}")
    return table


def _places(names: Sequence[str] | None, own: Sequence[str], router: str) -> list[int]:
    return list(range(len(own))) if names is None else match_types(names, own, router)
