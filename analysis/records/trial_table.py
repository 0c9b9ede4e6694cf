"""Trials and counts as people keep them: tables with a header, data frames, rows, and counts by name or bit string.

Whatever the form, a type is named or numbered from 0, an outcome is 0 or 1 or else +1 or -1, and a count is whole.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.queueing.workload import Workload
from ...model.suggestion import nearest
from ...model.validation import shorten

Integers = NDArray[np.int64]
Where = Callable[[str], str]  # where a word was found, for a complaint

MOST = 10**12  # of one count
COLUMNS = ("x", "y", "a", "b")
COUNT = ("count", "counts")
_LOST = {"", "nan", "na", "<na>", "nat", "none", "null"}
_WHOLE = re.compile(r"[+-]?\d{1,18}(\.0*)?")
_OUTCOME = re.compile(r"[+-]?[01]|[+-]")
_EXPECTED = "a table of trials has the columns x,y,a,b, and may have a count"


@dataclass(frozen=True, eq=False)
class TrialTable:
    """Columns of equal length by their names in lower case, and what a complaint calls a row."""

    columns: Mapping[str, Sequence[Any] | NDArray[Any]]
    row: Callable[[int], str]

    @property
    def ignored(self) -> list[str]:
        """Names of columns that say nothing here."""
        return [name for name in self.columns if name and name not in (*COLUMNS, *COUNT)]

    def counted(self, workload: Workload) -> tuple[Integers, Integers, bool]:
        """counts[x, y, a, b] and the trials without an outcome, [x, y]; and whether the types were named.

        Raises:
            DataError: a column is missing, or a row says what cannot be.
        """
        for name in COLUMNS:
            if name not in self.columns:
                raise DataError(f"{self.row(-1)}: the column {name} is missing; {_EXPECTED}")
        words = {name: _words(self.columns[name]) for name in COLUMNS}
        lengths = {name: len(places) for name, (_, places) in words.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"the columns differ in length: {lengths}")
        if not lengths["x"]:
            raise DataError("no trials below the header")

        def where(name: str) -> Where:
            known, places = words[name]
            return lambda word: f"{self.row(int(np.argmax(places == known.index(word))))}: {name}"

        x_places, x_named = type_places(words["x"][0], workload.names_a, where("x"))
        y_places, y_named = type_places(words["y"][0], workload.names_b, where("y"))
        both = {word: where(name) for name in "ba" for word in words[name][0]}
        bits = outcome_bits(both, lambda word: both[word](word))
        x, y, a, b = (
            np.array([table[word] for word in words[name][0]], dtype=np.int64)[words[name][1]]
            for name, table in zip(COLUMNS, (x_places, y_places, bits, bits), strict=True)
        )
        weights = self._weights(len(x))
        lost = (a < 0) | (b < 0)
        table, without = np.zeros((*workload.shape, 2, 2), dtype=np.int64), np.zeros(workload.shape, dtype=np.int64)
        kept = ~lost
        np.add.at(table, (x[kept], y[kept], a[kept], b[kept]), weights[kept])
        np.add.at(without, (x[lost], y[lost]), weights[lost])
        return table, without, x_named and y_named

    def _weights(self, rows: int) -> Integers:
        given = [name for name in COUNT if name in self.columns]
        if not given:
            return np.ones(rows, dtype=np.int64)
        if len(given) > 1:
            raise DataError("there are columns count and counts; keep one")
        words, places = _words(self.columns[given[0]])
        if len(places) != rows:
            raise DataError(f"the column {given[0]} has {len(places)} rows, the others {rows}")
        values = [
            whole_count(number_or_word(word), f"{self.row(int(np.argmax(places == index)))}: {given[0]}")
            for index, word in enumerate(words)
        ]
        weights = np.array(values, dtype=np.int64)[places]
        if float(weights.sum(dtype=float)) > MOST:
            raise DataError(f"the counts sum to more than {MOST}; is {given[0]} how often each row occurred?")
        return weights


def table_of_text(text: str) -> TrialTable:
    """A table with a header from text whose columns are separated by commas, semicolons or tabs.

    Blank lines and lines that begin with # are left out.

    Raises:
        DataError: the first line is no header, or a line has more or fewer columns.
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise DataError("is empty; give a counts JSON or a trials CSV")
    separator = max(";\t,", key=lines[0][1].count)  # of equals the first
    try:
        first, *rows = csv.reader((line for _, line in lines), delimiter=separator, skipinitialspace=True)
    except csv.Error as error:
        raise DataError(f"cannot be read as a table: {error}") from None
    header = [name.strip().lower() for name in first]
    if not set(COLUMNS) & set(header):
        shown = lines[0][1].strip()[:40]
        raise DataError(
            f"line {lines[0][0]} is {shown!r}; a trials CSV starts with 'x,y,a,b', a counts file is a JSON object"
        )
    for row, (number, line) in zip(rows, lines[1:], strict=False):
        if len(row) != len(header):
            raise DataError(f"line {number} is {line[:40]!r}; it must have {len(header)} columns, as the header has")
    columns = dict(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))
    if len(columns) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise DataError(f"line {lines[0][0]}: the column {twice!r} is there twice; keep one")
    return TrialTable(columns, lambda row: f"line {lines[row + 1][0]}")


def table_of(data: Any) -> TrialTable | None:
    """A table from a data frame, a structured array, a dict of columns, or a list of rows; None for anything else."""
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):
        named = {name: data[name] for name in data.columns}
    elif getattr(getattr(data, "dtype", None), "names", None):
        named = {name: data[name] for name in data.dtype.names}
    elif isinstance(data, Mapping):
        named = dict(data) if {str(name).strip().lower() for name in data} >= set(COLUMNS) else {}
    elif _is_rows(data):
        by_name = isinstance(data[0], Mapping)
        kinds = Mapping if by_name else (list, tuple, np.ndarray)
        other = next((index for index, row in enumerate(data) if not isinstance(row, kinds)), None)
        if other is not None:
            wanted = "it must name its columns, as the first row does" if by_name else "a trial is [x, y, a, b]"
            raise DataError(f"row {other} (the first is 0) is {shorten(data[other])}; {wanted}")
        if by_name:
            keys = dict.fromkeys(key for row in data for key in row)
            named = {key: [row.get(key) for row in data] for key in keys}
        elif uneven := next((index for index, row in enumerate(data) if len(row) != len(COLUMNS)), None):
            raise DataError(f"row {uneven} (the first is 0) has {len(data[uneven])} numbers; a trial is [x, y, a, b]")
        else:
            named = dict(zip(COLUMNS, data.T if hasattr(data, "T") else zip(*data, strict=True), strict=True))
    else:
        named = {}
    columns = {str(name).strip().lower(): column for name, column in named.items()}
    if len(columns) < len(named):
        raise DataError(f"columns differ only in case: {', '.join(map(str, named))}; keep one of each")
    return TrialTable(columns, lambda row: f"row {row} (the first is 0)" if row >= 0 else "trials") if columns else None


def _is_rows(data: Any) -> bool:
    """Whether it is a list of trials: rows of four, or dicts that name the columns."""
    if not (isinstance(data, list | tuple) and data) and not (isinstance(data, np.ndarray) and data.ndim and len(data)):
        return False
    first = data[0]
    if isinstance(first, Mapping):
        return {str(name).strip().lower() for name in first} >= set(COLUMNS)
    return (
        isinstance(first, list | tuple | np.ndarray)
        and len(first) == len(COLUMNS)
        and not any(isinstance(each, list | tuple | dict | np.ndarray) for each in first)
    )


def plain_counts(given: Any, names_a: Sequence[str], names_b: Sequence[str], bits: str) -> tuple[Integers, bool]:
    """counts[x, y, a, b] from nested lists or an array, the last two dimensions of which may be one of 4, or dicts.

    Args:
        given: At each place of types a list, or a dict by type (or by "x,y"); of outcomes likewise, by bit string.
        names_a, names_b: What the types are called, in the order of the result.
        bits: Which router's bit comes first in a bit string, "ab" or "ba".

    Returns:
        The counts, and whether dicts named the types.

    Raises:
        DataError: it is none of these, or a count is no whole number.
    """
    cells, named = _by_types(_plain(given), names_a, names_b)
    keys = [key for row in cells if isinstance(row, list) for cell in row if isinstance(cell, dict) for key in cell]
    seen = {part: f"counts: {key!r}" for key in keys for part in _parts(key)}
    codes = outcome_bits(seen, seen.__getitem__)
    nested = [[_square(cell, codes, bits) for cell in row] if isinstance(row, list) else row for row in cells]
    table, shape = np.array(nested, dtype=object), (len(names_a), len(names_b))
    if any(isinstance(each, list | tuple | dict) for each in table.flat):
        raise DataError(f"counts is ragged; for this scenario it must have shape {by((*shape, 2, 2))}")
    if table.shape == (*shape, 4):
        table = table.reshape(*shape, 2, 2)
    if table.shape != (*shape, 2, 2):
        raise DataError(
            f"counts has shape {by(table.shape)}; for this scenario it must have {by((*shape, 2, 2))} or "
            f"{by((*shape, 4))}"
        )
    whole = [
        whole_count(
            value, f"counts[{x}][{y}][{a}][{b}] (types {names_a[x]}, {names_b[y]}; outcomes {a}, {b})"
        )
        for (x, y, a, b), value in np.ndenumerate(table)
    ]  # fmt: skip
    return np.array(whole, dtype=np.int64).reshape(table.shape), named


def whole_count(value: Any, at: str) -> int:
    """A count as an integer: 5, 5.0 or a number of numpy.

    Raises:
        DataError: it is anything else, negative or astronomical; `at` names the place.
    """
    number: Any = value if isinstance(value, Real) and not isinstance(value, bool | np.bool_) else None
    if number is None or not 0 <= number <= MOST or number != int(number):
        raise DataError(
            f"{at} is {repr(value)[:40] if value != '' else 'empty'}; it must be a whole number from 0 to 10^12"
        )
    return int(number)


def type_places(words: Iterable[str], names: Sequence[str], where: Where) -> tuple[dict[str, int], bool]:
    """The place of each word among the types, and whether the words were names.

    Raises:
        DataError: a word is neither a name nor a number of a type, or could be both; `where` says where a word stands.
    """
    words = list(words)
    numbers = {word: int(float(word)) for word in words if _WHOLE.fullmatch(word)}
    by_name = {word: names.index(word) for word in words if word in names}
    inside = {word: number for word, number in numbers.items() if 0 <= number < len(names)}
    if len(by_name) == len(words):
        if len(inside) == len(words) and inside != by_name:
            raise DataError(
                f"{where(words[0])} is {words[0]}, a type's name in the scenario that could be its number as well; "
                "call the types by words in both"
            )
        return by_name, True
    if len(inside) == len(words):
        return inside, False
    odd = next((word for word in words if word not in inside and word not in by_name), None)
    if odd is None:
        raise DataError(
            f"{where(name := next(iter(by_name)))} is {name}, but others are numbers; name all types or none"
        )
    if odd.lower() in _LOST:
        raise DataError(f"{where(odd)} is empty; a trial needs its types, only outcomes may be missing")
    listed = ", ".join(f"{place} is {name}" for place, name in enumerate(names[:8])) + (", …" if names[8:] else "")
    if odd not in numbers:
        hint = f"; did you mean {near}?" if (near := nearest(odd, names)) else ""
        raise DataError(f"{where(odd)} is {shorten(odd)}; types are named, or numbered from 0 ({listed}){hint}")
    from_one = len(numbers) == len(words) and {*numbers.values()} == {*range(1, len(names) + 1)}
    remedy = "subtract 1 from all, or write the names" if from_one else "or write the names"
    raise DataError(f"{where(odd)} is {odd}; types are numbered from 0 ({listed}); {remedy}")


def outcome_bits(words: Iterable[str], where: Where) -> dict[str, int]:
    """The bit of each word for an outcome: of 0 and 1 itself, of +1 and -1 0 and 1; -1 if it says there is none.

    Raises:
        DataError: a word is no outcome, or both ways to write them are mixed.
    """
    words = list(words)
    found: dict[str, int] = {}
    for word in words:
        if word.lower() in _LOST:
            found[word] = -1
            continue
        number = {"+": "1", "-": "-1"}.get(word) or (str(int(float(word))) if _WHOLE.fullmatch(word) else "")
        if number not in ("0", "1", "-1"):
            remedy = "; write 0 and 1, not 1 and 2" if number == "2" else ""
            raise DataError(f"{where(word)} is {word[:40]}; outcomes are 0 and 1, or +1 and -1{remedy}")
        found[word] = int(number) if number != "-1" else 2
    signed = [word for word, bit in found.items() if bit == 2 or (bit == 1 and word.startswith("+"))]
    zero = next((word for word, bit in found.items() if bit == 0), None)
    if not signed:
        return found
    if zero is not None:
        raise DataError(
            f"{where(signed[0])} is {signed[0]}, but {where(zero)} is {zero}; write all outcomes as 0 and 1, or all as "
            "+1 and -1"
        )
    return {word: {1: 0, 2: 1}.get(bit, bit) for word, bit in found.items()}


def number_or_word(word: str) -> float | str:
    """The number that a word is, else the word."""
    try:
        return float(word)
    except ValueError:
        return word


def by(shape: Sequence[int]) -> str:
    """A shape for people."""
    return "×".join(map(str, shape))


def _plain(given: Any) -> Any:
    """Arrays as lists, wherever they are."""
    if hasattr(given, "tolist"):
        given = given.tolist()
    if isinstance(given, Mapping):
        return {key: _plain(value) for key, value in given.items()}
    return [_plain(each) for each in given] if isinstance(given, list | tuple) else given


def _by_types(given: Any, names_a: Sequence[str], names_b: Sequence[str]) -> tuple[list[Any], bool]:
    """Dicts by types as lists of lists, and whether they had names; what is not there was never counted."""
    named = []
    if isinstance(given, dict):
        pairs = {key: key if isinstance(key, tuple) else tuple(str(key).split(",")) for key in given}
        if given and not any(str(key) in names_a for key in given) and all(len(pair) == 2 for pair in pairs.values()):
            nested: dict[str, dict[str, Any]] = {}
            for key, (x, y) in pairs.items():
                row = nested.setdefault(_word(x), {})
                if _word(y) in row:
                    raise DataError(f"counts: the types {key!r} are there twice; keep one")
                row[_word(y)] = given[key]
            given = nested
        rows, by_name = _ordered(given, names_a, "A")
        named.append(by_name)
    elif isinstance(given, list):
        rows = given
    else:
        raise DataError(f"counts is {shorten(given)}; it must be a table counts[x][y][a][b]")
    inner = [_ordered(row, names_b, "B") if isinstance(row, dict) else (row, None) for row in rows]
    named += [by_name for _, by_name in inner if by_name is not None]
    return [row for row, _ in inner], bool(named) and all(named)


def _ordered(table: dict[Any, Any], names: Sequence[str], router: str) -> tuple[list[Any], bool]:
    words = {_word(key): value for key, value in table.items()}
    places, named = type_places(words, names, lambda _: f"counts: a type of router {router}")
    if len(set(places.values())) < len(table):
        raise DataError(f"counts: a type of router {router} is there twice; keep one")
    row: list[Any] = [{} for _ in names]
    for word, place in places.items():
        row[place] = words[word]
    return row, named


def _parts(key: Any) -> list[str]:
    """The outcomes of the two routers in a bit string, "01", "0 1", "+-", or in a pair."""
    text = ",".join(map(_word, key)) if isinstance(key, tuple) else str(key)
    parts = _OUTCOME.findall(text)
    if len(parts) != 2 or "".join(parts) != re.sub(r"[\s,|]", "", text):
        raise DataError(f"counts: {shorten(key)} names no outcomes of two routers; write '00', '01', '10' or '11'")
    return parts


def _square(cell: Any, codes: Mapping[str, int], bits: str) -> Any:
    """A dict by outcomes as [[n00, n01], [n10, n11]]; what is not there never occurred."""
    if not isinstance(cell, dict):
        return cell
    square: dict[tuple[int, int], Any] = {}
    for key, count in cell.items():
        a, b = (codes[part] for part in (_parts(key) if bits == "ab" else reversed(_parts(key))))
        if (a, b) in square:
            raise DataError(f"counts: the outcomes {key!r} are there twice; keep one")
        square[a, b] = count
    return [[square.get((a, b), 0) for b in (0, 1)] for a in (0, 1)]


def _words(column: Any) -> tuple[list[str], NDArray[np.intp]]:
    """The different words of a column, and the place of each row's among them."""
    values = column.to_numpy() if hasattr(column, "to_numpy") else column
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise DataError(f"a column is {shorten(values)}; it must be a list")
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iuf":
        different, places = np.unique(values, return_inverse=True)
        return [_word(value) for value in different.tolist()], places
    words = list(map(_word, values))
    known = {word: place for place, word in enumerate(dict.fromkeys(words))}
    return list(known), np.fromiter(map(known.__getitem__, words), dtype=np.intp, count=len(words))


def _word(value: Any) -> str:
    """What a value would be in a text; 5.0 is 5."""
    if isinstance(value, str):
        return value.strip()
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value) if whole else value)
