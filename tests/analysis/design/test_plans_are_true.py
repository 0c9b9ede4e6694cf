"""Plans are true: planned experiments certify as often as planned, and nobody at random plans a shorter one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.certificate.bets import score_bet
from bellqueue.analysis.design.design import Design, evaluate_design
from bellqueue.analysis.design.forecast import plan_design
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.operating_point import OperatingPoint
from bellqueue.model.scenario.file import Scenario
from numpy.typing import NDArray
from scipy.stats import binom

from tests.analysis.design.experiments import SIGNS, drawn, passes, unbiased
from tests.known import known
from tests.scenarios import default_record, heavy_scenario, random_scenario

Floats = NDArray[np.float64]

COMBINATIONS, RUNS, POWER, ALTERNATIVES = 30, 300, 0.95, 50
pytestmark = pytest.mark.slow


def _light(rate: float, significance: float = 1e-3, long: float = 0.3, **baseline: Any) -> Scenario:
    record = default_record(significance=significance)
    record["traffic"]["pair_rate"] = rate
    for spec, probability in zip(record["traffic"]["type"], (1 - long, long), strict=True):
        spec["probability"] = probability
    record["baseline"] |= baseline
    return Scenario.parse(record)


AGAINST_EVERY_CLASSICAL = [
    (_light(0.01), 1.0),
    (_light(0.01), 0.94),
    (_light(0.005, significance=1e-6), 0.9),
    (_light(0.005, long=0.5), 0.97),
    (_light(0.01, reward={"kind": "warmup", "time": 5.0}), 0.96),
]


def _combinations() -> Iterator[tuple[Frontiers, OperatingPoint, Floats, Design]]:
    """Scenarios in which entanglement helps: some at a known visibility, planned against every classical router.

    The others are each at noise between what it can just bear and none at all, white with uneven readout errors.
    """
    for planned, visibility in AGAINST_EVERY_CLASSICAL:
        frontiers = Frontiers.of(planned)
        point = frontiers.operating_point(planned)
        behaviour = unbiased(visibility * point.strategy.correlators)
        design = known(plan_design(planned.experiment, frontiers, point, behaviour, POWER))
        assert design.against == "every-classical"
        yield frontiers, point, behaviour, design
    rng = np.random.default_rng(20261123)
    fixed = [Scenario.default(), heavy_scenario()]
    found = 0
    while found < COMBINATIONS:
        scenario = fixed[found] if found < len(fixed) else random_scenario(rng, 4)
        frontiers = Frontiers(scenario.workload())
        if not frontiers.advantage_ranges():
            continue
        point = frontiers.operating_point(scenario)
        least = frontiers.least_visibility(point.against)
        if least is None or least > 0.97:
            continue
        behaviour = _noisy(point.strategy.correlators, rng, least)
        experiment = scenario.with_experiment(significance=float(10 ** -rng.uniform(2, 6))).experiment
        found_design = plan_design(experiment, frontiers, point, behaviour, POWER)
        if found_design is None or found_design.trials is None or found_design.trials > 10**8:
            continue  # the noise drawn is too much for this strategy
        found += 1
        yield frontiers, point, behaviour, found_design


def _noisy(correlators: Floats, rng: np.random.Generator, least: float) -> Floats:
    """P(a,b|x,y) of a Werner state read with errors."""
    visibility = rng.uniform(least + 0.3 * (1 - least), 1)
    up, down = rng.uniform(0, 0.005, 2)
    read = np.array([[1 - up, up], [down, 1 - down]])
    return np.asarray(np.einsum("xyab,ai,bj->xyij", unbiased(visibility * correlators), read, read))


def _certified(frontiers: Frontiers, design: Design, behaviour: Floats, rng: np.random.Generator) -> int:
    """How many of RUNS experiments of the planned trials the certificate passes."""
    tables = drawn(design, behaviour, known(design.trials), RUNS, rng)
    if design.method != "betting":
        return sum(passes(frontiers, design, table) for table in tables)
    # Without mending the bet on the way, which can only help a wrong prediction.
    game, r = frontiers.game(design.certificate_multiplier), np.array(design.input_distribution)
    bet = score_bet(game.matrix, game.bound(design.against).high, (behaviour * SIGNS).sum(axis=(2, 3)), r)
    together, apart = tables[..., 0] + tables[..., 3], tables[..., 1] + tables[..., 2]
    grown = (np.stack([together, apart], axis=-1) * np.log(bet.factors)).sum(axis=(1, 2, 3))
    return int((grown >= -math.log(design.significance)).sum())


def test_plans_are_true() -> None:
    """All at once with 99 % confidence; and fifty other multipliers and settings hardly need fewer trials.

    With r ∝ |G| the exact binomial tail is the best test of ΣU; bets that know the settings may gain a little more.
    """
    rng = np.random.default_rng(7)
    allowed = binom.ppf(0.01 / (len(AGAINST_EVERY_CLASSICAL) + COMBINATIONS), RUNS, POWER)
    for index, (frontiers, point, behaviour, design) in enumerate(_combinations()):
        passed, trials = _certified(frontiers, design, behaviour, rng), known(design.trials)
        weights, edges = frontiers.workload.weights, frontiers.rival(design.against).multipliers
        others = []
        for turn in range(ALTERNATIVES):
            between = rng.uniform(weights.min(), weights.max())
            game = frontiers.game(float((point.certificate_multiplier, rng.choice(edges), between)[turn % 3]))
            r = game.input_distribution
            if turn % 2:
                r = rng.dirichlet(50 * r.ravel() + 1e-3).reshape(r.shape)
            if not np.any((r <= 0) & (game.matrix != 0)):
                other = evaluate_design(game, behaviour, r, design.significance, POWER, against=design.against)
                others.append(other.trials)
        best = min((each for each in others if each is not None), default=trials)
        print(
            f"{index + 1:2}: {frontiers.workload.shape} α = {design.significance:.1e} {design.method}, "
            f"{design.against}: {trials} trials, {trials / known(design.information_limit_trials):.2f} of the "
            f"information limit, {passed} of {RUNS} certified, best of {len(others)} others {best}"
        )
        assert passed >= allowed, index
        assert best >= 0.8 * trials, index
