"""The command line, the pipeline that joins the rest, and the functions for a notebook.

>>> from bellqueue.runner import Scenario, frontiers, run, analyze, plot

They are imported when first asked for, so that the command line starts without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..model.scenario.file import Scenario
    from .notebook import analyze, frontiers, plot, run

__all__ = ["Scenario", "analyze", "frontiers", "plot", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import notebook

    return getattr(notebook, name)


def __dir__() -> list[str]:
    return __all__
