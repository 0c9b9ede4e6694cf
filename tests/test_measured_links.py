"""Published Bell tests between separated nodes: the examples are what was published, and are judged as they deserve."""

from __future__ import annotations

import json
import math
import shutil
import tomllib
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.records.counts_file import read_counts
from bellqueue.model.scenario.file import Scenario
from bellqueue.runner.commands.screens.first_screen import analysis_lines
from numpy.typing import NDArray
from scipy.stats import binom, chi2_contingency, norm

import bellqueue as bq
from tests.docs.pages import DOCS, blocks, commands, missing_line
from tests.runner.conftest import Run, call
from tests.scenarios import default_record, edited

__all__ = ["call"]  # a fixture

EXAMPLES = Path(__file__).parent.parent / "examples"
MUNICH, DELFT, NIST, INNSBRUCK = "munich_2022.json", "delft_2015.csv", "nist_2015.json", "innsbruck_1998.json"
# Trials and CHSH S as published, with the digits given: Zhang et al., Nature 607, 687 (2022); Hensen et al., Nature
# 526, 682 (2015); R. D. Gill, arXiv:2209.00702v4 (N of the NIST test; its S lies just above 2); Weihs et al., PRL 81,
# 5039 (1998), of which Gill has 14573 coincidences.
PUBLISHED = {
    MUNICH: (1649, "2.578"),
    DELFT: (245, "2.42"),
    NIST: (173_149_423, "2.000"),
    INNSBRUCK: (14_573, "2.73"),
}
# Gill's tables for settings 11, 12, 21, 22 in the labels of the experiments: ++, +-, -+, -- (or click, no click).
GILL = {
    DELFT: [[23, 3, 4, 23], [33, 11, 5, 30], [22, 10, 6, 24], [4, 20, 21, 6]],
    NIST: [
        [6378, 3282, 3189, 43897356],
        [6794, 2821, 23243, 43276943],
        [6486, 21334, 2843, 43338281],
        [106, 27539, 30040, 42502788],
    ],
    INNSBRUCK: [[1683, 418, 361, 1578], [1100, 269, 156, 1386], [1728, 313, 351, 1978], [179, 1636, 1143, 294]],
}
SHARES, SIZES, SETUP = np.array([0.7, 0.3]), np.array([1.0, 6.0]), 5.0  # the default scenario
JOINT = np.outer(SHARES, SHARES)
SIGNIFICANCE = 1e-3
# Against memoryless routers, and against every classical router.
VERDICTS = {
    (MUNICH, 0.01): (True, False),
    (MUNICH, 0.02): (True, False),
    (MUNICH, 0.005): (True, True),
    (DELFT, 0.01): (False, False),
    (NIST, 0.01): (False, False),
    (INNSBRUCK, 0.01): (True, True),
}

Floats = NDArray[np.float64]


def _counts(name: str) -> NDArray[np.int64]:
    return read_counts(EXAMPLES / name, Scenario.default().workload()).counts.table


def _scenario(rate: float) -> Scenario:
    return Scenario.parse(edited(default_record(), "traffic", "pair_rate", value=rate))


def _screen(found: Any) -> str:
    """What is printed first, in one line."""
    return " ".join("\n".join(analysis_lines(found, [])).split())


def _correlators(counts: NDArray[np.int64]) -> Floats:
    same = counts[..., 0, 0] + counts[..., 1, 1]
    return np.asarray(2 * same / counts.sum(axis=(2, 3)) - 1)


class Direct:
    """The queueing formulas of MODEL §1 and the memoryless frontier by trying every deterministic strategy."""

    def __init__(self, rate: float) -> None:
        load = rate * SHARES @ SIZES
        self.least = rate * (SHARES @ SIZES**2) / (2 * (1 - load))  # W of routers that always split
        self.weights = rate * np.outer(SIZES, SIZES) / (2 * (1 - load)) + np.add.outer(SIZES, SIZES) / 4
        signs = [np.outer(a, b).astype(float) for a in product((1, -1), repeat=2) for b in product((1, -1), repeat=2)]
        self.local = [self.point(sign) for sign in signs]
        self.signs = signs

    def point(self, correlators: Floats) -> tuple[float, float]:
        """(p, W) of the correlators."""
        split = (1 - correlators) / 2
        return float((JOINT * split).sum()), float(self.least + (JOINT * (1 - split) * self.weights).sum())

    def memoryless(self, p: float) -> float:
        """The least W of memoryless classical routers that split a share p: the lower hull of their points."""
        return min(
            w1 + (w2 - w1) * (p - p1) / (p2 - p1)
            for (p1, w1), (p2, w2) in product(self.local, repeat=2)
            if p1 <= p <= p2 and p1 < p2
        )

    def excess(self, counts: NDArray[np.int64]) -> tuple[float, float, float]:
        """Score above the memoryless bound, the standard error if coins decide, and Hoeffding's bound on the chance.

        Of the multipliers at the edges of the frontier the one with the largest excess, and the chance times their
        number: valid, if weaker than the program's.
        """
        correlators, trials = _correlators(counts), counts.sum(axis=(2, 3))
        corners = sorted(set(self.local))
        slopes = {
            round((w1 - w2) / (p2 - p1), 12)
            for (p1, w1), (p2, w2) in product(corners, repeat=2)
            if p1 < p2 and all(w >= w1 + (w2 - w1) * (p - p1) / (p2 - p1) - 1e-12 for p, w in corners)
        }
        found = []
        for slope in slopes:
            game = -JOINT * (self.weights - slope) / 2
            above = float((game * correlators).sum() - max((game * sign).sum() for sign in self.signs))
            error = float(np.sqrt((game**2 / trials).sum()))
            chance = float(np.exp(-(max(above / error, 0.0) ** 2) / 2)) * len(slopes)
            found.append((above, error, chance))
        return max(found)


@pytest.fixture(scope="module")
def analyses() -> dict[tuple[str, float], Any]:
    return {(name, rate): bq.analyze(EXAMPLES / name, _scenario(rate)) for name, rate in VERDICTS}


@pytest.mark.parametrize("name", PUBLISHED)
def test_totals_and_chsh_are_those_published(name: str) -> None:
    counts, (trials, published) = _counts(name), PUBLISHED[name]
    assert counts.sum() == trials
    (e00, e01), (e10, e11) = _correlators(counts)
    chsh = e00 - e01 - e10 - e11
    assert f"{chsh:.{len(published) - 2}f}" == published
    assert chsh > 2


@pytest.mark.parametrize("name", GILL)
def test_counts_are_those_published_with_the_labels_exchanged_as_the_file_says(name: str) -> None:
    published = np.array(GILL[name]).reshape(2, 2, 2, 2)
    assert np.array_equal(_counts(name), published[::-1, ::-1, :, ::-1])
    text = " ".join((EXAMPLES / name).read_text("utf-8").replace("\n# ", " ").split())
    assert "ettings of both sides exchanged" in text
    assert "second outcome inverted" in text


def test_the_trials_of_delft_win_as_often_as_published() -> None:
    # 196 wins of 245 and p = 0.039 where every local strategy wins at most three in four: Nature 526, 682.
    wins = np.array([[[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [[[0, 1], [1, 0]], [[0, 1], [1, 0]]]])
    won = int((_counts(DELFT) * wins).sum())
    assert won == 196
    assert round(float(binom.sf(won - 1, 245, 0.75)), 3) == 0.039


@pytest.mark.parametrize(("name", "rate"), VERDICTS)
def test_waiting_times_and_verdicts_follow_from_the_counts(
    name: str, rate: float, analyses: dict[tuple[str, float], Any]
) -> None:
    found, counts, direct = analyses[name, rate], _counts(name), Direct(rate)
    p, waiting = direct.point(_correlators(counts))
    least = direct.memoryless(p)
    assert found.observed.splitting_probability.estimate == pytest.approx(p, rel=1e-12)
    assert found.observed.waiting_time.estimate == pytest.approx(waiting, rel=1e-12)
    assert found.advantage.waiting_time_reduction_relative.estimate == pytest.approx(1 - waiting / least, rel=1e-6)
    above, error, chance = direct.excess(counts)
    assert found.certificate.excess.estimate == pytest.approx(above, rel=1e-9)
    memoryless, every = VERDICTS[name, rate]
    assert found.certificate.certified is memoryless
    assert bool(chance < SIGNIFICANCE) is memoryless
    assert found.every_classical.certified is every
    # Classical routers may toss coins. With fewer standard errors than this, no test of the score can rule them out.
    limit = norm.isf(SIGNIFICANCE)
    assert bool(above > limit * error) is memoryless
    assert bool(found.every_classical.excess.estimate > limit * error) is every


def test_munich_is_what_was_computed_elsewhere(analyses: dict[tuple[str, float], Any]) -> None:
    # An implementation of its own of MODEL §1 and §2 gave these for the sixteen counts at pair rate 0.01.
    found = analyses[MUNICH, 0.01]
    assert round(found.observed.splitting_probability.estimate, 4) == 0.5146
    assert round(found.observed.waiting_time.estimate, 4) == 0.4390
    assert round(100 * found.advantage.waiting_time_reduction_relative.estimate, 1) == 10.4


@pytest.mark.parametrize("name", PUBLISHED)
def test_only_the_coincidences_kept_in_1998_ring_the_no_signalling_alarm(
    name: str, analyses: dict[tuple[str, float], Any]
) -> None:
    counts, found = _counts(name), analyses[name, 0.01]
    tables = [*counts.sum(axis=3), *counts.sum(axis=2).swapaxes(0, 1)]  # one router's outcomes by the other's setting
    log10_p = float(np.log10(min(4 * chi2_contingency(table, correction=False).pvalue for table in tables)))
    signals = name == INNSBRUCK
    assert (log10_p < -10) is signals
    assert (log10_p < -3) is signals
    assert found.no_signalling.alarm is signals
    assert found.verdict[0].startswith("NO-SIGNALLING ALARM") is signals


def test_photons_that_were_not_seen_are_lost_trials_if_they_are_declared_so() -> None:
    counts = _counts(NIST)
    clicks = np.array([table[0] for table in GILL[NIST]]).reshape(2, 2)[::-1, ::-1]
    both = np.zeros_like(counts)
    both[..., 0, 1] = clicks
    found = bq.analyze({"counts": both, "lost": counts.sum(axis=(2, 3)) - clicks}, "default")
    assert found.certificate.trials == 173_149_423
    assert found.certificate.lost == 173_149_423 - (6378 + 6794 + 6486 + 106)
    assert not found.certificate.certified
    assert found.certificate.excess.estimate < 0
    assert "173149423, 173129659 declared lost" in _screen(found)


def test_the_source_that_a_file_names_is_shown_and_kept(
    call: Run, tmp_path: Path, analyses: dict[tuple[str, float], Any]
) -> None:
    told = _screen(analyses[INNSBRUCK, 0.01])
    assert "Source as declared: Entangled photons 400 m apart; only coincidences were kept" in told
    assert "14573, none declared lost" in told
    assert "described" not in json.loads(analyses[DELFT, 0.01].to_json())["provenance"]  # CSV has no such field
    source = json.loads((EXAMPLES / INNSBRUCK).read_text("utf-8"))["source"]
    (tmp_path / "analysis.json").write_text(analyses[INNSBRUCK, 0.01].to_json())
    assert json.loads((tmp_path / "analysis.json").read_text())["provenance"]["described"] == source
    verified = call("verify", "analysis.json")
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize("source", [None, "", " \n"])
def test_a_source_that_says_nothing_is_left_out(source: str | None) -> None:
    found = bq.analyze({"counts": _counts(DELFT), "source": source}, "default")
    assert "described" not in json.loads(found.to_json())["provenance"]
    assert "Source" not in _screen(found)


def test_the_margin_of_many_trials_is_not_called_one_of_few(analyses: dict[tuple[str, float], Any]) -> None:
    told = _screen(analyses[NIST, 0.01])
    assert "Requests waited 0.01 % less, but that can be chance in 173149423 trials." in told
    assert "few trials" not in " ".join(analyses[NIST, 0.01].verdict)


def test_the_page_shows_what_the_command_prints_and_the_table_what_was_found(
    call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, analyses: dict[tuple[str, float], Any]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    page = DOCS / "measured-links.md"
    (shown,) = (shown for block in blocks(page) if block.language == "console" for shown in commands(block))
    assert missing_line(shown, call(*shown.words[1:]).stdout) is None
    rows = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| [")]
    for row, name in zip(rows, PUBLISHED, strict=True):
        found = analyses[name, 0.01]
        every = found.every_classical
        strongest = every if every.certified else found.advantage
        saved = strongest.waiting_time_reduction_relative
        share = f"{100 * saved.estimate:.2f} %" if saved.estimate < 0.001 else f"{100 * saved.estimate:.1f} %"
        assert f"estimate {share}" in row
        if saved.low > 0:
            assert f"at least {math.floor(1000 * saved.low) / 10:.1f} % saved" in row
        assert f"{PUBLISHED[name][0]:_}".replace("_", " " if PUBLISHED[name][0] >= 10_000 else "") in row
    lighter = analyses[MUNICH, 0.005].every_classical
    assert f"estimate {100 * lighter.waiting_time_reduction_relative.estimate:.1f} %; how much" in page.read_text(
        "utf-8"
    )
    assert 3 * 10**lighter.log10_p_value < SIGNIFICANCE  # as the page says


def test_published_links_are_named_once_and_hold_figures_that_can_be() -> None:
    links = tomllib.loads(resources.files("bellqueue.model.link").joinpath("links.toml").read_text("utf-8"))["link"]
    assert len({link["name"] for link in links}) == len(links)
    ranges = {
        "distance_km": (0, 2000),
        "pairs_per_second": (0, 1e6),
        "fidelity": (0.5, 1),
        "chsh_s": (2, 8**0.5),
        "memory_seconds": (0, 3600),
    }
    for link in links:
        assert link["name"].endswith(f"-{link['year']}")
        assert link["source"]
        assert link["platform"]
        assert set(link) <= {"name", "platform", "year", "source", *ranges}
        for figure, (low, high) in ranges.items():
            assert low < link.get(figure, (low + high) / 2) < high, link
    known = {link["name"]: link for link in links}
    # Storz et al., Nature 617, 265: S = 2.0747 ± 0.0033 over 30 m; arXiv:2602.09596: 1.2 million pairs in 624 hours.
    assert (known["zurich-transmons-2023"]["chsh_s"], known["zurich-transmons-2023"]["distance_km"]) == (2.0747, 0.03)
    assert known["ustc-atoms-2026"]["pairs_per_second"] == pytest.approx(1.2e6 / (624 * 3600), abs=0.005)
