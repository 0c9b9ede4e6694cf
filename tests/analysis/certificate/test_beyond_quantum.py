"""The alarm of correlations that nothing quantum gives: PR boxes ring it, devices on the bound hardly do."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from bellqueue.analysis.certificate.beyond_quantum import BeyondQuantum, beyond_quantum_test
from bellqueue.analysis.certificate.diagnostics import ALARM_P_VALUE
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.report.tables.analysis import diagnostics_section
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import BoundedGame
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling
from numpy.typing import NDArray
from scipy.stats import binom

import bellqueue as bq
from tests.scenarios import IBM_HANOI

Floats = NDArray[np.float64]

DEFAULT = Scenario.default()
FRONTIERS = Frontiers(DEFAULT.workload())
CHSH = np.array([[1.0, -1.0], [-1.0, -1.0]])  # the signs that pay in the default scenario
EXPERIMENTS = pytest.mark.parametrize("experiments", [300, pytest.param(2000, marks=pytest.mark.slow)])


def counts_of(together: NDArray[np.int64], split: NDArray[np.int64]) -> NDArray[np.int64]:
    """counts[x, y, a, b] with marginals as even as whole numbers allow."""
    rows = [[together // 2, split // 2], [split - split // 2, together - together // 2]]
    return np.moveaxis(np.array(rows), (0, 1), (2, 3))


def box(trials: int, correlators: Floats = CHSH) -> NDArray[np.int64]:
    """A box without noise: `trials` of each setting."""
    together = np.round(trials * (1 + correlators) / 2).astype(np.int64)
    return counts_of(together, trials - together)


def drawn(correlators: Floats, asked: NDArray[np.int64], rng: np.random.Generator) -> Counts:
    together = rng.binomial(asked, (1 + correlators) / 2)
    return Counts(counts_of(together, asked - together))


@pytest.mark.parametrize("trials", [100, 1000])
def test_a_pr_box_rings_in_the_first_line(trials: int) -> None:
    found = bq.analyze(box(trials), "default", progress=False)
    first = found.verdict[0]
    assert found.chsh
    assert found.chsh.estimate == 4
    assert not found.no_signalling.alarm
    assert found.beyond_quantum
    assert found.beyond_quantum.alarm
    assert first.startswith("BEYOND-QUANTUM ALARM: the correlations are too strong (")
    assert "CHSH S at least " in first
    assert "signal between the routers" in first
    assert first.index("CERTIFIED") > first.index("mistake")
    assert repr(found).count("BEYOND-QUANTUM ALARM") == 1
    rows = {name: cells[0] for name, cells in diagnostics_section(found).rows}
    assert rows["no-signalling test, log10 p"].limits == "no alarm"
    assert rows["score over the quantum bound"].limits == "ALARM"


def test_the_share_is_that_of_the_quantum_optimum() -> None:
    """All correlators ±1 as the game wants them: Σ|G| over β_Q."""
    found = bq.analyze(box(1000), "default", progress=False).beyond_quantum
    assert found
    game = FRONTIERS.game(found.multiplier)
    assert (np.sign(game.matrix) == CHSH).all()
    best = float((game.matrix * FRONTIERS.quantum.at_multiplier(found.multiplier).correlators).sum())
    assert found.score_share.estimate == pytest.approx(np.abs(game.matrix).sum() / best, rel=1e-9)
    edges, slopes, chsh = 2, 3, 1
    assert found.significance == pytest.approx(1e-3 / (edges + slopes + chsh))


def test_boxes_between_quantum_and_pr_ring_once_the_trials_suffice() -> None:
    """Isotropic boxes of S = 3: the alarm is a statement about limits, not about estimates."""
    few, many = (bq.analyze(box(n, 0.75 * CHSH), "default", progress=False).beyond_quantum for n in (24, 4000))
    assert few
    assert many
    assert few.score_share.estimate == pytest.approx(many.score_share.estimate)
    assert few.score_share.estimate > 1
    assert not few.alarm
    assert many.alarm


def test_real_counts_and_perfect_pairs_do_not_ring() -> None:
    for counts in (np.array(IBM_HANOI), box(20_000, CHSH / math.sqrt(2))):
        found = bq.analyze(counts, "default", progress=False)
        assert found.beyond_quantum
        assert not found.beyond_quantum.alarm
        assert found.warnings == []


def allowed(experiments: int) -> int:
    """Alarms at the level claimed, within binomial error."""
    return int(binom.ppf(0.999, experiments, ALARM_P_VALUE))


@EXPERIMENTS
@pytest.mark.parametrize(
    ("device", "settings"),
    [
        ("on the quantum bound", "random"),
        ("at CHSH 2√2", "fixed"),
        pytest.param("on the quantum bound", "fixed", marks=pytest.mark.slow),
        pytest.param("at CHSH 2√2", "random", marks=pytest.mark.slow),
    ],
)
def test_a_perfect_device_rings_at_most_once_in_a_thousand(device: str, settings: str, experiments: int) -> None:
    """Experiments at exactly β_Q, or S = 2√2, with a declared multiplier."""
    point = FRONTIERS.operating_point(DEFAULT)
    game = FRONTIERS.game(point.certificate_multiplier)
    r = game.input_distribution if device == "on the quantum bound" else np.full((2, 2), 0.25)
    ideal = FRONTIERS.quantum.at_multiplier(point.certificate_multiplier).correlators
    c = ideal if device == "on the quantum bound" else CHSH / math.sqrt(2)
    alarms = 0
    for seed in range(experiments):
        rng = np.random.default_rng([seed, len(settings)])
        asked = rng.multinomial(400, r.ravel()).reshape(r.shape)
        sampling = Sampling("random", r) if settings == "random" else Sampling("fixed")
        alarms += rings(beyond_quantum_test([game], 1, Sample(drawn(c, asked, rng), sampling)))
    assert alarms <= allowed(experiments)


@EXPERIMENTS
def test_choosing_the_multiplier_after_the_data_is_paid_for(experiments: int) -> None:
    """The edge with the largest share is tested, as an analysis of foreign counts may come to do."""
    edges = [FRONTIERS.game(float(multiplier)) for multiplier in FRONTIERS.classical.multipliers]
    c = FRONTIERS.quantum.at_multiplier(edges[-1].multiplier).correlators
    alarms = 0
    for seed in range(experiments):
        rng = np.random.default_rng(seed)
        asked = rng.multinomial(400, np.full(4, 0.25)).reshape(2, 2)
        sample = Sample(drawn(c, asked, rng), Sampling("fixed"))
        chosen = max(edges, key=lambda game: share(game, sample))
        alarms += rings(beyond_quantum_test([chosen], len(edges), sample))
    assert alarms <= allowed(experiments)


def share(game: BoundedGame, sample: Sample) -> float:
    return float((game.matrix * sample.counts.correlators).sum()) / game.bound("quantum").high


def rings(found: BeyondQuantum | None) -> bool:
    assert found
    return found.alarm


def test_the_record_keeps_it_and_older_records_open_without_it() -> None:
    found = bq.analyze(box(1000), "default", progress=False)
    assert Analysis.model_validate_json(found.to_json()).beyond_quantum == found.beyond_quantum
    content = json.loads(found.to_json())
    del content["beyond_quantum"]
    older = Analysis.model_validate(content)
    assert older.beyond_quantum is None
    assert json.loads(older.to_json()) == content
