"""The alarm of a menu's correlations that nothing quantum gives: PR boxes ring it, perfect pairs hardly ever do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bellqueue.analysis.certificate.diagnostics import ALARM_P_VALUE
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.menus.beyond_quantum import EntryBeyondQuantum, beyond_quantum_warning, entries_beyond_quantum
from bellqueue.analysis.menus.records import MenuAnalysis
from bellqueue.analysis.report.tables.menu import menu_diagnostics_section
from bellqueue.model.trials import Sampling
from numpy.typing import NDArray
from scipy.stats import binom

from tests.analysis.certificate.test_beyond_quantum import drawn
from tests.analysis.menus.analyses import menu_analysis
from tests.menus import ALPHA, BETA, MENU, SHARES

Floats = NDArray[np.float64]

# These bases are the best of the game that weighs each correlator by 1/sin of the angle between them, with its sign:
# turning one of them changes the score only in second order.
APART = np.abs(ALPHA[:, :, None] - BETA[:, None, :])
GAMES = np.sign(np.cos(APART)) / np.sin(APART)
IDEAL = np.cos(APART)
TILTS = -GAMES / SHARES.reshape(GAMES.shape)  # which pay for pairs that the game wants apart


def measured_with(
    correlators: Floats,
    trials: int,
    rng: np.random.Generator,
    tilts: Floats = TILTS,
    lost: Floats | float = 0.0,
    fixed: bool = False,
) -> EntryBeyondQuantum | None:
    """The test of outcomes with these correlators, a share of each setting's trials being lost."""
    asked = rng.multinomial(trials, SHARES.ravel()).reshape(SHARES.shape)
    gone = np.round(asked * np.reshape(np.broadcast_to(lost, GAMES.shape), SHARES.shape)).astype(np.int64)
    counts = drawn(correlators.reshape(SHARES.shape), asked - gone, rng)
    sampling = Sampling("fixed", lost=gone) if fixed else Sampling("random", SHARES, lost=gone)
    return entries_beyond_quantum(MENU, tilts, Sample(counts, sampling))


def rings(found: EntryBeyondQuantum | None) -> bool:
    assert found
    return found.alarm


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_pr_box_in_any_entry_rings(fixed: bool, sign: int) -> None:
    """Its score is Σ|G| against Σ G c of the best bases, which are the entry's own; whichever sign the tilts have."""
    for entry in (0, 1):
        box = IDEAL.copy()
        box[entry] = np.sign(IDEAL[entry])
        found = measured_with(box, 4000, np.random.default_rng(entry), sign * TILTS, fixed=fixed)
        assert found
        assert found.alarm
        assert found.entry == entry + 1
        (said,) = beyond_quantum_warning(found)
        assert said.startswith(f"BEYOND-QUANTUM ALARM: the correlations are too strong (entry {entry + 1} of the menu")


def test_the_share_is_of_the_best_that_bases_reach() -> None:
    exactly = measured_with(np.sign(IDEAL), 4000, np.random.default_rng(1))
    assert exactly
    best = (np.abs(GAMES).sum(axis=(1, 2)) / (GAMES * IDEAL).sum(axis=(1, 2))).max()
    assert exactly.score_share.estimate == pytest.approx(best, rel=1e-6)
    assert exactly.significance == pytest.approx(ALARM_P_VALUE / 2)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("trials", [400, 20_000])
def test_perfect_pairs_at_the_planned_bases_ring_at_most_once_in_a_thousand(fixed: bool, trials: int) -> None:
    """Both entries on their quantum bounds, in 400 experiments."""
    rng = np.random.default_rng([trials, fixed])
    alarms = sum(rings(measured_with(IDEAL, trials, rng, fixed=fixed)) for _ in range(400))
    assert alarms <= binom.ppf(0.999, 400, ALARM_P_VALUE)


def test_a_box_that_loses_half_of_its_trials_does_not_ring() -> None:
    """Classical devices can do that: A answers only one of the two types, chosen beforehand."""
    found = measured_with(np.sign(IDEAL), 20_000, np.random.default_rng(2), lost=0.5)
    assert found
    assert found.score_share.estimate > 1.2
    assert found.score_share.low < 0.1
    assert not found.alarm


def test_an_entry_that_its_test_leaves_out_is_weighed_by_the_ideal_correlators() -> None:
    """Those of entry 1 are all ±√½: its game is CHSH, of which a PR box scores √2 times the most."""
    tilts = np.where(np.arange(2)[:, None, None] == 0, 0.0, TILTS)
    box = np.stack([np.sign(IDEAL[0]), np.zeros((2, 2))])
    sampling = Sampling("random", np.full(SHARES.shape, 1 / 8))
    rng = np.random.default_rng(4)
    sample = Sample(drawn(box.reshape(SHARES.shape), np.full(SHARES.shape, 500), rng), sampling)
    found = entries_beyond_quantum(MENU, tilts, sample)
    assert found
    assert (found.entry, found.alarm) == (1, True)
    assert found.score_share.estimate == pytest.approx(math.sqrt(2))


def test_the_record_keeps_it_the_table_shows_it_and_older_records_open_without_it() -> None:
    older = menu_analysis()
    assert older.beyond_quantum is None
    assert "beyond_quantum" not in older.to_json()
    found = measured_with(np.sign(IDEAL), 4000, np.random.default_rng(1))
    analysis = menu_analysis(beyond_quantum=found)
    assert MenuAnalysis.model_validate_json(analysis.to_json()).beyond_quantum == found
    rows = {name: cells[0] for name, cells in menu_diagnostics_section(analysis).rows}
    assert found
    assert rows["score over the quantum bound"].limits == f"ALARM, highest: entry {found.entry}"
    assert "score over the quantum bound" not in dict(menu_diagnostics_section(older).rows)
