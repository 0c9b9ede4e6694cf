"""The scenario that a user names: a file, or `default` for the embedded one."""

from __future__ import annotations

from pathlib import Path

from ..model.errors import ScenarioError
from ..model.scenario.file import Scenario
from ..model.suggestion import nearest

DEFAULT = "default"


def named_scenario(name: str | Path) -> Scenario:
    """The scenario of a file, or the embedded default one.

    Raises:
        ScenarioError: the file cannot be read or is wrong, or `default` is also the name of a file here.
    """
    if str(name) != DEFAULT:
        if nearest(str(name), [DEFAULT]) and not Path(name).exists():
            raise ScenarioError(f"{name}: no such file; did you mean {DEFAULT}, the embedded scenario?")
        return Scenario.load(name)
    if Path(DEFAULT).exists():
        here = Path(DEFAULT).absolute()
        raise ScenarioError(f"{DEFAULT} is the embedded scenario, but {here} is called so, too; rename it")
    return Scenario.default()
