"""Records that the tests of figures, table and report share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.analyze import analyze
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.records.analysis_record import Analysis, Provenance
from bellqueue.analysis.replay.context import with_context
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling

from tests.scenarios import IBM_GENEVA, IBM_HANOI, default_record, dense

HOSTILE = "<script>alert(1)</script>"
HOSTILE_TYPES = ('</svg><img src="http://example.invalid/x">', '$\\frac{$ _"]]> [bold]\x1b[31m')


def provenance(**changes: Any) -> Provenance:
    """Where a record of these tests comes from."""
    known = {
        "bellqueue_version": "0.0.test",
        "created": "2026-01-01T00:00:00+00:00",
        "source": "counts of the tests",
        "scenario_hash": "1" * 64,
        "content_hash": "2" * 64,
    }
    return Provenance.model_validate(known | changes)


def published(counts: Sequence[Any]) -> Analysis:
    """The analysis of sixteen published counts at pair rate 0.02; nobody declared a multiplier."""
    return analyze(dense(), Sample(Counts(np.array(counts)), Sampling("fixed")), provenance())


def simulated(scenario: Scenario, trials: int, visibility: float = 0.97, **changes: Any) -> Analysis:
    """A planned run on a Werner state: settings drawn from the plan's distribution, unbiased outcomes."""
    frontiers = Frontiers(scenario.workload())
    plan = frontiers.operating_point(scenario)
    r = frontiers.game(plan.certificate_multiplier).input_distribution
    rng = np.random.default_rng(20260101)
    asked = rng.multinomial(trials, r.ravel()).reshape(r.shape)
    together = rng.binomial(asked, (1 + visibility * plan.strategy.correlators) / 2)
    both_0, only_a = rng.binomial(together, 0.5), rng.binomial(asked - together, 0.5)
    rows = [[both_0, asked - together - only_a], [only_a, together - both_0]]
    counts = Counts(np.moveaxis(np.array(rows), (0, 1), (2, 3)))
    return analyze(
        scenario, Sample(counts, Sampling("random", r)), provenance(**changes), point=plan, frontiers=frontiers
    )


@pytest.fixture(scope="session")
def hanoi() -> Analysis:
    """Certified against memoryless routers, unplanned."""
    return published(IBM_HANOI)


@pytest.fixture(scope="session")
def geneva() -> Analysis:
    """Not certified, with a no-signalling alarm."""
    return published(IBM_GENEVA)


@pytest.fixture(scope="session")
def planned() -> Analysis:
    """Certified against every classical router, planned, with full provenance."""
    return simulated(
        Scenario.default(),
        40_000,
        backend="local",
        device="Werner state",
        qubits=[3, 4],
        seed=7,
        predicted_visibility=0.971,
        command="bellqueue run scenario.toml --seed 7",
        libraries={"numpy": "2.0"},
        calibration={"depolarising": 0.03},
    )


@pytest.fixture(scope="session")
def complete(planned: Analysis) -> Analysis:
    """`planned` with everything that the report says beyond the certificate."""
    return with_context(planned)


@pytest.fixture(scope="session")
def hostile() -> Analysis:
    """Other people's text wherever a record holds text."""
    record = default_record()
    record["title"] = HOSTILE
    for spec, name in zip(record["traffic"]["type"], HOSTILE_TYPES, strict=True):
        spec["name"] = name
    text = f'"><b onload="x">{HOSTILE}'
    fields: dict[str, Any] = dict.fromkeys(("source", "command", "backend", "device", "created"), text)
    return simulated(Scenario.parse(record), 4_000, libraries={text: text}, calibration={text: [text]}, **fields)


@pytest.fixture(scope="session")
def many_types() -> Analysis:
    """64 types at each router."""
    record = default_record()
    sizes = {"distribution": "exponential", "mean": 1.0, "bins": 64}
    record["traffic"] = {"pair_rate": 0.1, "sizes": sizes}
    return simulated(Scenario.parse(record), 1_000_000)
