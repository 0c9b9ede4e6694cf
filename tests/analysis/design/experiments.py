"""What the tests of plans share: devices, and experiments that are drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np
from bellqueue.analysis.certificate.certificate import certify
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.design.design import Design
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling
from numpy.typing import NDArray

from tests.scenarios import default_record

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SIGNS = np.array([[1, -1], [-1, 1]])


def single_type(**experiment: Any) -> Scenario:
    """A scenario in which there is nothing to choose, with fields of [experiment] replaced."""
    record = default_record(**experiment)
    service = {"distribution": "deterministic", "mean": 1.0}
    record["traffic"]["type"] = [{"name": "only", "probability": 1.0, "service": service}]
    return Scenario.parse(record)


def unbiased(correlators: Floats, lost: float = 0.0) -> Floats:
    """P(a,b|x,y) of those correlators with even marginals, when a share of the trials is lost."""
    return np.asarray((1 - lost) * (1 + correlators[..., None, None] * SIGNS) / 4)


def drawn(design: Design, behaviour: Floats, trials: int, runs: int, rng: np.random.Generator) -> Integers:
    """The counts of planned experiments, shape (runs, n_A, n_B, 5): outcomes 2a + b, then the trials lost."""
    r = np.array(design.input_distribution)
    cells = np.append(behaviour.reshape(-1, 4), 1 - behaviour.sum(axis=(2, 3)).reshape(-1, 1), axis=1)
    cells = r.reshape(-1, 1) * np.clip(cells, 0.0, 1.0)
    return rng.multinomial(trials, (cells / cells.sum()).ravel(), size=runs).reshape(runs, *r.shape, 5)


def outcomes(table: Integers) -> Counts:
    """Those of `drawn` that were not lost."""
    return Counts(table[..., :4].reshape(*table.shape[:2], 2, 2))


def passes(frontiers: Frontiers, design: Design, table: Integers) -> bool:
    """Whether the certificate passes the counts of an experiment; if so, memoryless routers are beaten as well."""
    sample = Sample(outcomes(table), Sampling("random", np.array(design.input_distribution), 1, table[..., 4]))
    games = [frontiers.game(design.certificate_multiplier)]
    certified = certify(games, sample, design.significance, against=design.against).certified
    if certified and design.against != "memoryless":
        assert certify(games, sample, design.significance).certified
    return certified
