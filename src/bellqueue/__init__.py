"""bellqueue runs and certifies entanglement-assisted request routing on quantum hardware and simulators.

>>> import bellqueue as bq
>>> result = bq.run("default", backend="aer:visibility=0.95", shots=5000, seed=1)
>>> result.certified
True

| name | what it does |
|---|---|
| `Scenario` | traffic, background work and experiment; `Scenario.load("scenario.toml")` |
| `frontiers` | how well classical, entangled and communicating routers can do |
| `plan` | predicts whether a device will show the advantage, with how many shots, at what cost |
| `run` | runs the experiment on a simulator in this process |
| `submit`, `fetch` | run it on hardware, now and when the jobs have finished |
| `analyze` | analyzes counts taken elsewhere, or a run again |
| `link` | finds whether the link between two routers suffices |
| `compare` | puts runs of several devices, days or options beside each other |
| `sweep` | finds where entanglement helps as fields of a scenario vary |
| `plot` | draws what the others returned |

Every name is imported when it is first used, so that `import bellqueue` takes no time. All errors that bellqueue raises
on purpose derive from `BellqueueError` and say in one line what is wrong, where, and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model.errors import (
        BackendError,
        BellqueueError,
        DataError,
        LedgerError,
        NoBoundError,
        NoTradeOffError,
        OutputError,
        RefusedError,
        ScenarioError,
        SweepError,
        UnreachableError,
    )
    from .model.scenario.file import Scenario
    from .runner.api.functions import analyze, compare, frontiers, plan, plot, run, sweep
    from .runner.api.hardware import fetch, submit
    from .runner.api.linking import link

    __version__: str

__all__ = [
    "BackendError",
    "BellqueueError",
    "DataError",
    "LedgerError",
    "NoBoundError",
    "NoTradeOffError",
    "OutputError",
    "RefusedError",
    "Scenario",
    "ScenarioError",
    "SweepError",
    "UnreachableError",
    "__version__",
    "analyze",
    "compare",
    "fetch",
    "frontiers",
    "link",
    "plan",
    "plot",
    "run",
    "submit",
    "sweep",
]

_HOMES = {
    "Scenario": ".model.scenario.file",
    "fetch": ".runner.api.hardware",
    "link": ".runner.api.linking",
    "submit": ".runner.api.hardware",
}

if not TYPE_CHECKING:  # a type checker that saw this function would take any name for one of ours

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "__version__":
            value = import_module(".runner.experiment.provenance", __name__).bellqueue_version()
        else:
            home = ".model.errors" if name.endswith("Error") else _HOMES.get(name, ".runner.api.functions")
            value = getattr(import_module(home, __name__), name)
        globals()[name] = value  # the next use finds it without this function
        return value


def __dir__() -> list[str]:
    return __all__
