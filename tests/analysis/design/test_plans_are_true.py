"""Plans are true: planned experiments certify as often as planned, and nobody at random plans a shorter one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from bellqueue.analysis.certificate.bets import score_bet
from bellqueue.analysis.certificate.certificate import certify
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.design.design import Design, evaluate_design
from bellqueue.analysis.design.forecast import plan_design
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.operating_point import OperatingPoint
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling
from numpy.typing import NDArray
from scipy.stats import binom

from tests.scenarios import heavy_scenario, random_scenario

Floats = NDArray[np.float64]

COMBINATIONS, RUNS, POWER, ALTERNATIVES = 30, 300, 0.95, 50
pytestmark = pytest.mark.slow


def _combinations() -> Iterator[tuple[Frontiers, OperatingPoint, Floats, Design]]:
    """Scenarios in which entanglement helps, each at noise between what it can just bear and none at all.

    The noise is white with uneven readout errors, drawn anew for each.
    """
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
        design = plan_design(experiment, frontiers, point, behaviour, POWER)
        if design is None or design.trials is None or design.trials > 10**8:
            continue  # the noise drawn is too much for this strategy
        found += 1
        yield frontiers, point, behaviour, design


def _noisy(correlators: Floats, rng: np.random.Generator, least: float) -> Floats:
    """P(a,b|x,y) of a Werner state read with errors."""
    visibility = rng.uniform(least + 0.3 * (1 - least), 1)
    up, down = rng.uniform(0, 0.005, 2)
    read = np.array([[1 - up, up], [down, 1 - down]])
    true = (1 + visibility * correlators[..., None, None] * np.array([[1, -1], [-1, 1]])) / 4
    return np.asarray(np.einsum("xyab,ai,bj->xyij", true, read, read))


def _certified(frontiers: Frontiers, design: Design, behaviour: Floats, rng: np.random.Generator) -> int:
    """How many of RUNS experiments of the planned trials the certificate passes."""
    r = np.array(design.input_distribution)
    cells = r[..., None, None] * behaviour
    assert design.trials is not None
    drawn = rng.multinomial(design.trials, (cells / cells.sum()).ravel(), size=RUNS).reshape(RUNS, *behaviour.shape)
    game = frontiers.game(design.certificate_multiplier)
    if design.method == "betting":  # without mending the bet on the way, which can only help a wrong prediction
        together, split = (
            (behaviour * [[1, 0], [0, 1]]).sum(axis=(2, 3)),
            (behaviour * [[0, 1], [1, 0]]).sum(axis=(2, 3)),
        )
        bet = score_bet(game.matrix, game.bound(design.against).high, together - split, r)
        equal = drawn[..., 0, 0] + drawn[..., 1, 1]
        other = drawn[..., 0, 1] + drawn[..., 1, 0]
        grown = (np.stack([equal, other], axis=-1) * np.log(bet.factors)).sum(axis=(1, 2, 3))
        return int((grown >= -math.log(design.significance)).sum())
    return sum(
        certify(
            [game],
            Sample(Counts(table), Sampling("random", r)),
            design.significance,
            against=design.against,
        ).certified
        for table in drawn
    )


def test_plans_are_true() -> None:
    """All thirty at once with 99 % confidence; and fifty other multipliers and settings hardly need fewer trials.

    With r ∝ |G| the exact binomial tail is the best test of ΣU; bets that know the settings may gain a little more.
    """
    rng = np.random.default_rng(7)
    allowed = binom.ppf(0.01 / COMBINATIONS, RUNS, POWER)
    for index, (frontiers, point, behaviour, design) in enumerate(_combinations()):
        passed = _certified(frontiers, design, behaviour, rng)
        weights, edges = frontiers.workload.weights, frontiers.rival(design.against).multipliers
        others = []
        for turn in range(ALTERNATIVES):
            between = rng.uniform(weights.min(), weights.max())
            multiplier = float((point.certificate_multiplier, rng.choice(edges), between)[turn % 3])
            r = frontiers.game(multiplier).input_distribution
            if turn % 2:
                r = rng.dirichlet(50 * r.ravel() + 1e-3).reshape(r.shape)
            if np.any((r <= 0) & (frontiers.game(multiplier).matrix != 0)):
                continue
            game = frontiers.game(multiplier)
            other = evaluate_design(game, behaviour, r, design.significance, POWER, against=design.against)
            others.append(other.trials)
        needed = [trials for trials in others if trials is not None]
        assert design.trials is not None
        assert design.information_limit_trials is not None
        print(
            f"{index + 1:2}: {frontiers.workload.shape} α = {design.significance:.1e} {design.method}, "
            f"{design.against}: {design.trials} "
            f"trials, {design.trials / design.information_limit_trials:.2f} of the information limit, "
            f"{passed} of {RUNS} certified, best of {len(others)} others {min(needed, default=None)}"
        )
        assert passed >= allowed, index
        assert min(needed, default=design.trials) >= 0.8 * design.trials, index
