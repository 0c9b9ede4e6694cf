"""The fields of a scenario by name, and scenarios with fields replaced: what a sweep varies.

A name is a dotted path into the scenario (`baseline.reward.setup_time`; elements of a list by position, request types
also by name: `traffic.type.long.service.mean`), or one of the quantities that people think in: `load`, `visibility`,
and `probability.NAME`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from ..errors import ScenarioError
from ..queueing.reward import PowerReward
from ..validation import is_number
from .file import Scenario, TrafficSpec

Path = tuple[str | int, ...]

LOAD, VISIBILITY, PROBABILITY = "load", "visibility", "probability"
_TYPE_LISTS = ("type", "type_b")


def places(scenario: Scenario, name: str) -> tuple[Path, ...]:
    """The paths of a field in the scenario's record; `probability.NAME` may have one at each router.

    Raises:
        ScenarioError: there is no such field; the text names the nearest that exist.
    """
    found: tuple[Path, ...] = ()
    if name and not name.endswith("."):
        found = _derived(scenario, name) or tuple(filter(None, [_walk(scenario, name, ())]))
    if not found:
        nearest = difflib.get_close_matches(name, list(field_names(scenario)), n=3, cutoff=0.0)
        raise ScenarioError(f"field {name!r}: the scenario has no such field; nearest: {', '.join(nearest)}")
    if scenario.traffic.joint is not None and any(_is_share(path) for path in found):
        raise ScenarioError(
            f"field {name!r}: the scenario's traffic.joint fixes the probabilities; vary traffic.joint, or leave it out"
        )
    return found


def field_names(scenario: Scenario) -> Iterator[str]:
    """Every name that `places` knows in this scenario, but for the entries of tables of numbers."""
    yield from (LOAD, VISIBILITY)
    if scenario.traffic.joint is None:
        for types in (scenario.traffic.type or [], scenario.traffic.type_b or []):
            yield from (f"{PROBABILITY}.{spec.name}" for spec in types)
    yield from _leaves(scenario, "")


def scenario_with(scenario: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """The scenario with fields replaced, validated again.

    Plain fields first; then probabilities of types, the types not named keeping their ratios to each other; last the
    load, which sets the pair rate.

    Args:
        scenario: What else holds.
        changes: New value of each field by name; no two names may share a place.

    Raises:
        ScenarioError: a field does not exist, or the scenario is not valid with these values.
    """
    record = scenario.record()
    shares: dict[str, dict[int, Any]] = {}
    for name, value in changes.items():
        for path in places(scenario, name):
            if _is_share(path):
                shares.setdefault(str(path[1]), {})[int(path[2])] = value
            elif name != LOAD:
                _put(record, path, value)
    for types, given in shares.items():
        _set_shares(record["traffic"][types], given)
    if LOAD in changes:
        _set_load(record["traffic"], changes[LOAD])
    return Scenario.parse(record, "scenario")


def _derived(scenario: Scenario, name: str) -> tuple[Path, ...]:
    if name == LOAD:
        return (("traffic", "pair_rate"),)
    if name == VISIBILITY:
        return (("experiment", "assumed_visibility"),)
    start, _, type_name = name.partition(".")
    if start != PROBABILITY:
        return ()
    return tuple(
        ("traffic", label, index, "probability")
        for label in _TYPE_LISTS
        for index, spec in enumerate(getattr(scenario.traffic, label) or [])
        if spec.name == type_name
    )


def _is_share(path: Path) -> bool:
    """Whether it is the probability of a request type."""
    return len(path) == 4 and path[1] in _TYPE_LISTS and path[3] == "probability"


def _walk(value: Any, rest: str, path: Path) -> Path | None:
    """Follow a name from a value inwards; names of types may hold dots themselves."""
    if not rest:
        return path
    if isinstance(value, BaseModel):
        key, _, beyond = rest.partition(".")
        return _walk(getattr(value, key), beyond, (*path, key)) if key in type(value).model_fields else None
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            for label in (getattr(item, "name", None), str(index)):
                if label and (rest == label or rest.startswith(f"{label}.")):
                    found = _walk(item, rest[len(label) + 1 :], (*path, index))
                    if found:
                        return found
    return None


def _leaves(value: Any, name: str) -> Iterator[str]:
    """Names of the fields inside a value; of types by name, of other lists the list alone."""
    if isinstance(value, BaseModel):
        for key in type(value).model_fields:
            yield from _leaves(getattr(value, key), f"{name}.{key}" if name else key)
    elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
        for item in value:
            yield from _leaves(item, f"{name}.{getattr(item, 'name', '')}")
    else:
        yield name


def _put(record: Any, path: Path, value: Any) -> None:
    for part in path[:-1]:
        record = record[part]
    record[path[-1]] = value


def _set_shares(types: list[dict[str, Any]], given: Mapping[int, Any]) -> None:
    """Set the probabilities given; the other types share what is left as they did before."""
    others = [spec for index, spec in enumerate(types) if index not in given]
    for index, value in given.items():
        if not is_number(value):
            raise ScenarioError(f"probability of {types[index]['name']!r} is {value!r}; it must be a number")
        types[index]["probability"] = value
    left = 1 - math.fsum(given.values())
    if others and not 0 < left < 1:
        names = " and ".join(repr(types[index]["name"]) for index in given)
        raise ScenarioError(
            f"probability of {names} is {1 - left:.9g}; it must lie strictly between 0 and 1, for there are other types"
        )
    before = math.fsum(spec["probability"] for spec in others)
    for spec in others:
        spec["probability"] = left * (spec["probability"] / before)


def _set_load(traffic: dict[str, Any], load: Any) -> None:
    if not is_number(load) or not 0 < load < 1:
        raise ScenarioError(f"the load is {load!r}; it must lie strictly between 0 and 1")
    try:
        spec = TrafficSpec.model_validate(traffic)
    except ValidationError:
        return  # the whole scenario will fail likewise, with the names of its fields
    traffic["pair_rate"] = load / spec.workload(PowerReward(2.0)).mean_service_time
