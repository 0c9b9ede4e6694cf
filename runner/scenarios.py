"""The scenario that a user names: a file, or `default` for the embedded one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..model.errors import ScenarioError
from ..model.suggestion import nearest

if TYPE_CHECKING:
    from ..model.scenario.file import Scenario

DEFAULT = "default"


def named_scenario(scenario: Scenario | str | Path) -> Scenario:
    """The scenario itself, that of a file, or the embedded default one.

    Raises:
        ScenarioError: it is something else, the file cannot be read or is wrong, or a file here is called `default`.
    """
    from ..model.scenario.file import Scenario

    if isinstance(scenario, Scenario):
        return scenario
    if not isinstance(scenario, str | Path):
        kind = type(scenario).__name__
        wanted = "a file, 'default' or a bq.Scenario (Scenario.parse reads a dict)"
        raise ScenarioError(f"scenario is a {kind}; give {wanted}")
    if str(scenario) != DEFAULT:
        if nearest(str(scenario), [DEFAULT]) and not Path(scenario).exists():
            raise ScenarioError(f"{scenario}: no such file; did you mean {DEFAULT}, the embedded scenario?")
        return Scenario.load(scenario)
    if Path(DEFAULT).exists():
        here = Path(DEFAULT).absolute()
        raise ScenarioError(f"{DEFAULT} is the embedded scenario, but {here} is called so, too; rename it")
    return Scenario.default()
