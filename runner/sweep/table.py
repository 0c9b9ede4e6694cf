"""The table of a sweep: a row for each point in the order of the grid, as CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from ...model.errors import SweepError
from ...model.sweep.grid import GridPoint, Sweep
from ...model.sweep.point import Outcome

_STATUS = ("status", "reason", "scenario_hash")  # the other columns are the fields of an Outcome, in their order
_AXIS = "axis."

Row = tuple[GridPoint, Outcome]


def column_names(sweep: Sweep) -> list[str]:
    """One for each axis, `axis.FIELD`; then the same for every sweep."""
    measured = [name for name in Outcome.model_fields if name not in _STATUS]
    return [*(f"{_AXIS}{axis.field}" for axis in sweep.axes), *_STATUS, *measured]


def csv_text(sweep: Sweep, rows: Sequence[Row]) -> str:
    """Comma-separated, numbers as short as they can be read back exactly, an empty cell where there is no value."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(column_names(sweep))
    for row in rows:
        writer.writerow([_text(value) for value in _cells(row)])
    return buffer.getvalue()


def parquet_bytes(sweep: Sweep, rows: Sequence[Row]) -> bytes:
    """The same columns as Parquet: numbers as float64, words as strings, null where there is no value.

    Raises:
        SweepError: pyarrow is not installed.
    """
    require_parquet()
    import pyarrow
    from pyarrow import parquet

    columns = list(zip(*(_cells(row) for row in rows), strict=True))
    kinds = {str: pyarrow.string(), float: pyarrow.float64(), bool: pyarrow.bool_(), int: pyarrow.int64()}
    arrays: list[Any] = []
    names = column_names(sweep)
    for name, column in zip(names, columns, strict=True):
        of_axis = name.startswith(_AXIS)
        kind = _kind_of_axis(column) if of_axis else _kind_of_column(name)
        values = [_text(value) for value in column] if of_axis and kind is str else column
        arrays.append(pyarrow.array(values, kinds[kind]))
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays, names=names), buffer)
    return buffer.getvalue()


def require_parquet() -> None:
    """Raises SweepError where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise SweepError('--format parquet needs pyarrow; install it with: pip install "bellqueue[parquet]"') from None


def _cells(row: Row) -> list[Any]:
    point, outcome = row
    content = {**outcome.model_dump(), "scenario_hash": point.scenario_hash}
    measured = [value for name, value in content.items() if name not in _STATUS]
    return [*point.values, *(content[name] for name in _STATUS), *measured]


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)  # numbers by repr, true, false; tables as JSON


def _kind_of_axis(values: Sequence[Any]) -> type:
    if all(isinstance(value, bool) for value in values):
        return bool
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return float if numbers else str


def _kind_of_column(name: str) -> type:
    if name in _STATUS:
        return str
    return {"entanglement_helps": bool, "beats_every_classical": bool, "advantage_ranges": int}.get(name, float)
