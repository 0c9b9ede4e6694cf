"""A sweep: a scenario whose fields run over lists or grids, read from a file, and the points of its grid."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from ..errors import ScenarioError, SweepError
from ..hashing import canonical_json, text_hash
from ..scenario.fields import places, scenario_with
from ..scenario.file import Scenario
from ..validation import WHOLE, FileSection, Number, as_path, read_toml, validated
from .point import COMPUTES, MATTERS, PointTask

SCHEMA = "bellqueue.sweep/1"
MAX_AXES = 8
MAX_VALUES = 10_000
MAX_POINTS = 100_000
_DIGITS = 12  # significant digits of the values of a grid: 0.15, not 0.15000000000000002

Scale = Literal["linear", "log"]


class AxisSpec(FileSection):
    """One [[axis]]: a field and its values, listed or from … to …, `count` of them evenly spaced on `scale`."""

    field: Annotated[str, Field(min_length=1, max_length=300)]
    values: Annotated[list[Any], Field(min_length=1, max_length=MAX_VALUES)] | None = None
    start: Annotated[Number | None, Field(alias="from")] = None
    to: Number | None = None
    count: Annotated[int, Field(ge=2, le=MAX_VALUES), WHOLE] | None = None
    scale: Scale = "linear"
    group: Annotated[str, Field(min_length=1, max_length=80)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        grid = {"from": self.start, "to": self.to, "count": self.count}
        if self.values is not None:
            if any(value is not None for value in grid.values()):
                raise ValueError("give either values, or from, to and count, and not both")
            try:
                json.dumps(self.values, allow_nan=False)
            except (ValueError, TypeError):
                raise ValueError("values must be finite numbers, words, or lists and tables of them") from None
            return self
        missing = [name for name, value in grid.items() if value is None]
        if missing:
            raise ValueError(f"give values, or from, to and count; {' and '.join(missing)} missing")
        if self.scale == "log" and min(self.start or 0, self.to or 0) <= 0:
            raise ValueError(f'scale = "log" needs from and to above 0, got {self.start:g} and {self.to:g}')
        return self

    def axis(self) -> Axis:
        """The axis with its values laid out."""
        if self.values is not None:
            return Axis(self.field, tuple(self.values), self.scale, self.group)
        assert self.start is not None  # _one_way() has seen to it
        assert self.to is not None
        assert self.count is not None
        space = np.geomspace if self.scale == "log" else np.linspace
        grid = (float(f"{value:.{_DIGITS}g}") for value in space(self.start, self.to, self.count).tolist())
        return Axis(self.field, tuple(grid), self.scale, self.group)


class _SweepFile(FileSection):
    title: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    scenario: Any = None
    axis: Annotated[list[AxisSpec], Field(min_length=1, max_length=MAX_AXES)]

    @model_validator(mode="after")
    def _a_scenario(self) -> Self:
        if self.scenario is not None and not isinstance(self.scenario, str | dict):
            raise ValueError(f"scenario must be a table or the name of a scenario file, got {self.scenario!r}")
        return self


@dataclass(frozen=True)
class Axis:
    """A field and the values it takes.

    Attributes:
        field: Its name, see `fields`.
        values: JSON values, at least one; what a field does not allow becomes invalid points.
        scale: Scale on which it is drawn.
        group: Axes of one group advance together.
    """

    field: str
    values: tuple[Any, ...]
    scale: Scale = "linear"
    group: str | None = None


@dataclass(frozen=True)
class GridPoint:
    """A point of the grid.

    Attributes:
        values: One for each axis.
        scenario_hash: Content hash of the scenario there; None where the values allow none.
        task: What is to be computed of it; None likewise.
        reason: Why the values allow none.
    """

    values: tuple[Any, ...]
    scenario_hash: str | None = None
    task: PointTask | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Sweep:
    """A scenario and the axes along which its fields vary; the full grid of them, groups of axes taken as one.

    Attributes:
        title: Title for people.
        scenario: Values of all fields that no axis varies.
        axes: Axes, of which the last one runs fastest.
    """

    title: str
    scenario: Scenario
    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        if self.scenario.experiment.past_informed:
            raise SweepError(
                "the scenario's routers know the past, and sweeps are for memoryless ones; leave routers out of "
                "[experiment]"
            )
        taken: dict[tuple[str | int, ...], str] = {}
        for axis in self.axes:
            for path in places(self.scenario, axis.field):
                for other, name in taken.items():
                    shorter = min(len(path), len(other))
                    if path[:shorter] == other[:shorter]:
                        raise SweepError(f"axes {name!r} and {axis.field!r} set the same field; drop one of them")
                taken[path] = axis.field
        for axes in self.dimensions:
            lengths = {len(axis.values) for axis in axes}
            if len(lengths) > 1:
                given = ", ".join(f"{axis.field} {len(axis.values)}" for axis in axes)
                raise SweepError(f"axes of group {axes[0].group!r} must have equally many values, got {given}")
        if self.size > MAX_POINTS:
            shape = " × ".join(map(str, self.shape))
            raise SweepError(f"the grid has {shape} points; at most {MAX_POINTS} are computed in one sweep")

    @classmethod
    def load(cls, path: str | Path) -> Sweep:
        """Read a sweep from TOML.

        Raises:
            SweepError: the file, or the scenario it names, cannot be read, or a field is wrong.
        """
        source = as_path(path, "path", SweepError)
        return cls.parse(read_toml(source, SweepError, "a sweep file"), str(source), source.parent)

    @classmethod
    def parse(cls, data: dict[str, Any], source: str = "sweep", folder: Path | None = None) -> Sweep:
        """Validate a dict of the file's form.

        Args:
            data: The content.
            source: Name of the file in complaints.
            folder: Folder to which the path of a scenario file is relative. Defaults to the present one.

        Raises:
            SweepError: a field is wrong.
        """
        content = dict(data)
        schema = content.pop("schema", SCHEMA)
        if schema != SCHEMA:
            raise SweepError(f"{source}: schema is {schema!r}; this version reads {SCHEMA!r}")
        if "traffic" in content and "axis" not in content:
            raise SweepError(
                f"{source}: is a scenario; a sweep file names one, scenario = {source!r}, and has an [[axis]]"
            )
        file = validated(_SweepFile, content, source, SweepError)
        try:
            scenario = _scenario(file.scenario, folder or Path())
            return cls(file.title or scenario.title, scenario, tuple(spec.axis() for spec in file.axis))
        except (ScenarioError, SweepError) as error:
            raise SweepError(f"{source}: {error}") from None

    @property
    def idle_axes(self) -> list[Axis]:
        """The axes on whose fields no outcome depends, for example `experiment.shots`."""
        return [axis for axis in self.axes if all(map(_is_idle, places(self.scenario, axis.field)))]

    @cached_property
    def dimensions(self) -> tuple[tuple[Axis, ...], ...]:
        """The axes in groups that advance together, in the order of each group's first axis."""
        groups: dict[object, list[Axis]] = {}
        for index, axis in enumerate(self.axes):
            groups.setdefault(index if axis.group is None else axis.group, []).append(axis)
        return tuple(tuple(axes) for axes in groups.values())

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each dimension."""
        return tuple(len(axes[0].values) for axes in self.dimensions)

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

    def points(self) -> Iterator[GridPoint]:
        """The points of the grid, the last dimension running fastest."""
        for indices in itertools.product(*map(range, self.shape)):
            at = {
                axis.field: axis.values[index]
                for axes, index in zip(self.dimensions, indices, strict=True)
                for axis in axes
            }
            values = tuple(at[axis.field] for axis in self.axes)
            try:
                scenario = scenario_with(self.scenario, at)
            except ScenarioError as error:
                yield GridPoint(values, reason=str(error).removeprefix("scenario: "))
            else:
                yield GridPoint(values, scenario.content_hash(), PointTask.of(scenario))

    def record(self) -> dict[str, Any]:
        """The sweep as a JSON-ready dict: every value written out."""
        axes = [{**asdict(axis), "values": list(axis.values)} for axis in self.axes]
        return {"schema": SCHEMA, "title": self.title, "scenario": self.scenario.record(), "axis": axes}

    def content_hash(self) -> str:
        """SHA-256 of the canonical JSON record and of what is computed at its points, hexadecimal."""
        return text_hash(canonical_json({"computes": COMPUTES, "sweep": self.record()}))


def _is_idle(path: tuple[str | int, ...]) -> bool:
    if path[0] == "experiment":
        return len(path) > 1 and path[1] not in MATTERS
    return path[0] == "title" or path == ("traffic", "time_unit_seconds")


def value_text(value: Any) -> str:
    """A value of an axis for people: of a table what it holds, without the names."""
    if isinstance(value, dict):
        return " ".join(value_text(each) for each in value.values())
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _scenario(given: str | dict[str, Any] | None, folder: Path) -> Scenario:
    if given is None:
        return Scenario.default()
    return Scenario.load(folder / given) if isinstance(given, str) else Scenario.parse(given)
