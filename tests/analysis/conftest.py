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
from tests.sharing import Shared
from tests.sketching import leave_out_the_ink, solving_once

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


@solving_once()
def published(counts: Sequence[Any]) -> Analysis:
    """The analysis of sixteen published counts at pair rate 0.02; nobody declared a multiplier."""
    return analyze(dense(), Sample(Counts(np.array(counts)), Sampling("fixed")), provenance())


@solving_once()
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


@pytest.fixture(autouse=True)
def _solved_once(solved_once: None) -> None:
    """These tests are about what is made of games that are solved, not about solving them."""


@pytest.fixture
def without_ink(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of reports that do not look at figures."""
    leave_out_the_ink(monkeypatch.setattr)


@pytest.fixture(scope="session")
def hanoi(shared: Shared) -> Analysis:
    """Certified against memoryless routers, unplanned."""
    return shared("hanoi", lambda: published(IBM_HANOI))


@pytest.fixture(scope="session")
def geneva(shared: Shared) -> Analysis:
    """Not certified, with a no-signalling alarm."""
    return shared("geneva", lambda: published(IBM_GENEVA))


@pytest.fixture(scope="session")
def planned(shared: Shared) -> Analysis:
    """Certified against every classical router, planned, with full provenance."""
    return shared(
        "planned",
        lambda: simulated(
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
        ),
    )


@pytest.fixture(scope="session")
def complete(shared: Shared, planned: Analysis) -> Analysis:
    """`planned` with everything that the report says beyond the certificate."""
    return shared("complete", lambda: solving_once()(with_context)(planned))


@pytest.fixture(scope="session")
def hostile(shared: Shared) -> Analysis:
    """Other people's text wherever a record holds text."""
    record = default_record()
    record["title"] = HOSTILE
    for spec, name in zip(record["traffic"]["type"], HOSTILE_TYPES, strict=True):
        spec["name"] = name
    text = f'"><b onload="x">{HOSTILE}'
    fields: dict[str, Any] = dict.fromkeys(("source", "command", "backend", "device", "created"), text)
    fields |= {"libraries": {text: text}, "calibration": {text: [text]}}
    return shared("hostile", lambda: simulated(Scenario.parse(record), 4_000, **fields))


@pytest.fixture(scope="session")
def many_types(shared: Shared) -> Analysis:
    """64 types at each router."""
    record = default_record()
    sizes = {"distribution": "exponential", "mean": 1.0, "bins": 64}
    record["traffic"] = {"pair_rate": 0.1, "sizes": sizes}
    return shared("many types", lambda: simulated(Scenario.parse(record), 1_000_000))
