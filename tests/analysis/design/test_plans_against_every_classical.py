"""Plans that aim at every classical router are true: they certify as often as planned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.certificate.certificate import certify
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.design.forecast import plan_design
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling
from scipy.stats import binom

from tests.scenarios import default_record

RUNS, POWER = 300, 0.95


def scenario(rate: float, **changes: Any) -> Scenario:
    record = default_record()
    record["traffic"]["pair_rate"] = rate
    if "long" in changes:
        record["traffic"]["type"][0]["probability"] = 1 - changes["long"]
        record["traffic"]["type"][1]["probability"] = changes["long"]
    if "reward" in changes:
        record["baseline"]["reward"] = changes["reward"]
    record["experiment"]["significance"] = changes.get("significance", 1e-3)
    return Scenario.parse(record)


COMBINATIONS = [
    (scenario(0.01), 1.0),
    (scenario(0.01), 0.94),
    (scenario(0.005, significance=1e-6), 0.9),
    (scenario(0.005, long=0.5), 0.97),
    (scenario(0.01, reward={"kind": "warmup", "time": 5.0}), 0.96),
]


@pytest.mark.slow
@pytest.mark.parametrize(("planned", "visibility"), COMBINATIONS)
def test_it_certifies_as_often_as_planned(planned: Scenario, visibility: float) -> None:
    """One-sided 99 % over all five together; of every certified run memoryless routers are beaten as well."""
    frontiers, rng = Frontiers.of(planned), np.random.default_rng(11)
    point = frontiers.operating_point(planned)
    c = visibility * point.strategy.correlators
    design = plan_design(planned.experiment, frontiers, point, c, POWER)
    assert design is not None
    assert design.against == "every-classical"
    assert design.trials is not None
    r = np.array(design.input_distribution)
    together, split = r * (1 + c) / 4, r * (1 - c) / 4
    cells = np.stack([np.stack([together, split], -1), np.stack([split, together], -1)], -2)
    game = frontiers.game(design.certificate_multiplier)
    passed = 0
    for table in rng.multinomial(design.trials, cells.ravel(), size=RUNS).reshape(RUNS, *cells.shape):
        sample = Sample(Counts(table), Sampling("random", r))
        found = certify([game], sample, design.significance, against="every-classical")
        assert found.certified <= certify([game], sample, design.significance).certified
        passed += found.certified
    print(f"{design.trials} trials at visibility {visibility:g}: {passed} of {RUNS} certified")
    assert passed >= binom.ppf(0.01 / len(COMBINATIONS), RUNS, POWER)
