"""The commands on the pages print what is shown there; the figures of the claims are those known elsewhere."""

from __future__ import annotations

import itertools
import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq, minimize

from tests.docs.pages import DOCS, Block, Shown, blocks, commands, missing_line, write_files
from tests.runner.conftest import Run

PAGE = DOCS / "claims.md"
BLOCKS = list(blocks(PAGE))
EVERY_DAY = "2."  # the claim that `make test` runs; `make test-slow` runs the others
CLAIMS = list(dict.fromkeys(block.heading for block in BLOCKS if block.language == "console"))


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize(
    "claim", [pytest.param(claim, marks=() if claim.startswith(EVERY_DAY) else pytest.mark.slow) for claim in CLAIMS]
)
def test_the_commands_print_what_the_page_shows(claim: str, call: Run, tmp_path: Path) -> None:
    write_files(PAGE, tmp_path)
    ran: dict[tuple[str, ...], subprocess.CompletedProcess[str]] = {}
    for block in BLOCKS:
        if block.language == "console" and block.heading == claim:
            for shown in commands(block):
                if shown.words not in ran:
                    ran[shown.words] = call(*shown.words[1:])
                check(shown, ran[shown.words], 2 if claim.startswith("1.") else 0)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        pytest.param("tutorial.md", 5, marks=pytest.mark.slow),
        ("plan.md", 2),
        ("links.md", 3),
        pytest.param("past-informed.md", 3, marks=pytest.mark.slow),
    ],
)
def test_the_commands_of_other_pages_print_what_they_show(name: str, least: int, call: Run, tmp_path: Path) -> None:
    write_files(DOCS / name, tmp_path)
    steps = [shown for block in blocks(DOCS / name) if block.language == "console" for shown in commands(block)]
    assert len(steps) >= least
    for shown in steps:
        check(shown, call(*shown.words[1:]), 0)


def test_every_verdict_that_a_page_shows_belongs_to_a_command_that_is_run() -> None:
    """A fence without a language is run by nobody: numbers in it stay when the program's change."""
    verdicts = re.compile(r"^ *((NOT )?CERTIFIED|NO-GO|GO|VERIFIED): ", re.MULTILINE)
    for page in DOCS.glob("*.md"):
        run = [block.text for block in blocks(page) if block.language == "console"]
        assert len(verdicts.findall(page.read_text("utf-8"))) == len(verdicts.findall("\n".join(run))), page.name


def test_a_wrong_figure_a_missing_line_and_a_cut_off_end_are_noticed() -> None:
    output = "first  1.25\n\nsecond 2.50\nthird\n"
    for lines, missing in (
        (("first 1.25", None), None),
        (("first 1.26", None), "first 1.26"),
        ((None, "third"), None),
        (("first ...5", None), None),
        (("first 1.25", "third"), "third"),
        (("first 1.25", "second 2.50"), "(the output goes on: 'third')"),
        ((None, "second 2.50", None, "first 1.25"), "first 1.25"),
    ):
        assert missing_line(Shown(("bellqueue",), lines), output) == missing


def check(shown: Shown, done: subprocess.CompletedProcess[str], code: int) -> None:
    """Whether a command ended as it should and printed the lines shown, in their order."""
    assert shown.words[0] == "bellqueue"
    assert done.returncode == code, done.stderr
    missing = missing_line(shown, done.stdout + done.stderr)
    assert missing is None, f"{' '.join(shown.words)}: {missing!r} is not in:\n{done.stdout}{done.stderr}"


def test_every_claim_has_a_command_and_every_file_is_used() -> None:
    sections = [line[3:] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("## ")]
    assert sections == CLAIMS
    words = {word for block in BLOCKS for shown in _shown(block) for word in shown}
    assert {block.file_name for block in BLOCKS if block.language in ("toml", "json")} <= words


# Default scenario, MODEL §1.
LOAD, UNAVOIDABLE, SHARES, SETUP = 0.025, 0.0589744, (0.7, 0.3), 5.0
WEIGHTS = ((0.5051282, 1.7807692), (1.7807692, 3.1846154))
PAIR_RATE, EARNED = 0.01, 2 * (1 - LOAD)


def _routers(unavoidable: float, weights: tuple[tuple[float, ...], ...]) -> list[tuple[float, float]]:
    """(p, W) of the sixteen deterministic pairs of routers."""
    points = []
    for a0, a1, b0, b1 in itertools.product((0, 1), repeat=4):
        cells = [(SHARES[x] * SHARES[y], weights[x][y], (a0, a1)[x] != (b0, b1)[y]) for x in (0, 1) for y in (0, 1)]
        kept = sum(share * weight for share, weight, split in cells if not split)
        points.append((sum(share for share, _, split in cells if split), unavoidable + kept))
    return points


def _classical(points: list[tuple[float, float]], p: float) -> float:
    """The least W of a mixture of two of them."""
    mixed = [
        low[1] + (high[1] - low[1]) * (p - low[0]) / (high[0] - low[0])
        for low, high in itertools.product(points, points)
        if low[0] <= p < high[0]
    ]
    return min(mixed)


def _throughput(p: float) -> float:
    return EARNED * math.exp(-PAIR_RATE * (1 + p) / 2 * SETUP)


def test_the_figures_are_those_of_the_closed_forms() -> None:
    points = _routers(UNAVOIDABLE, WEIGHTS)
    p, waiting, throughput = (float(_figure("2.", name)) for name in ("probability p", "time W there", "τ there"))
    share = 1 - waiting / _classical(points, p)
    assert 100 * share == pytest.approx(float(_figure("2.", "against memoryless routers")), abs=0.006)
    assert throughput == pytest.approx(_throughput(p), abs=6e-6)
    # The point of claim 3 is that of the largest reduction against every classical router, in claim 2.
    p, waiting = float(_figure("2.", "probability p", last=True)), float(_figure("3.", "without noise"))
    saved = _classical(points, p) - waiting
    assert saved == pytest.approx(float(_figure("3.", "waiting time saved")), abs=6e-5)
    assert 100 * saved / _classical(points, p) == pytest.approx(float(_figure("3.", "as a share")), abs=0.006)
    # The classical p that waits as briefly, and what it earns less.
    slower = brentq(lambda at: _classical(points, at) - waiting, p, 0.999)
    assert 100 * (_throughput(p) / _throughput(slower) - 1) == pytest.approx(
        float(_figure("3.", "waiting time   ")), abs=6e-4
    )
    # β_C + const at a multiplier: the most that W + μp of a pair of routers lies below that of keeping all together.
    multiplier = float(_figure("5.", "multiplier μ"))
    score = max(point[1] for point in points) - min(waits + multiplier * at for at, waits in points)
    assert score == pytest.approx(float(_figure("5.", "memoryless classical bound")), abs=3e-6)


# Two lines W ≥ V + κτ of every classical router, solved elsewhere at step 0.0625 (every-classical §2). Policies that
# know the past come within this of the envelope of such lines when they are simulated (§4).
LINES = ((18.119816, -33.567798), (19.166991, -35.544323))
WITHIN = 0.002


def test_the_figures_about_every_classical_router_lie_between_a_line_that_is_proved_and_simulated_policies() -> None:
    points = [
        (
            float(_figure("2.", "probability p", last=True)),
            float(_figure("3.", "without noise")),
            "2.",
            "every classical router",
        ),
        (0.505621, 0.428740, "8.", "the same, as a share"),  # the published counts, MODEL §5
    ]
    for p, waiting, claim, name in points:
        least = max(bound + kappa * _throughput(p) for kappa, bound in LINES)
        low, high = (100 * (1 - waiting / value) for value in (least, least + WITHIN))
        assert low - 0.006 < float(_figure(claim, name)) < high


def test_the_throughput_under_a_limit_is_that_of_the_best_angles_and_of_the_sixteen_pairs() -> None:
    pair_rate, load, exponent, limit, sizes = 0.36, 0.9, 3, 23.0, (1.0, 6.0)
    joined = pair_rate / (2 * (1 - load))
    weights = tuple(tuple(joined * m * n + (m + n) / 4 for n in sizes) for m in sizes)
    unavoidable = pair_rate * 11.5 / (2 * (1 - load))
    joint = np.outer(SHARES, SHARES)

    def split(angles: np.ndarray) -> np.ndarray:
        """P(a ≠ b) of types x, y for bases at these angles, router A's first one being 0."""
        return np.asarray((1 - np.cos(np.subtract.outer([0.0, angles[0]], angles[1:]))) / 2)

    def waits(angles: np.ndarray) -> float:
        return float(unavoidable + np.sum(joint * (1 - split(angles)) * weights))

    bound = {"type": "ineq", "fun": lambda angles: limit - waits(angles)}
    starts = np.random.default_rng(1).uniform(-np.pi, np.pi, (20, 3))
    tried = [minimize(lambda at: float(np.sum(joint * split(at))), start, constraints=bound) for start in starts]
    entangled = min(found.fun for found in tried if found.success and waits(found.x) < limit + 1e-6)
    classical = brentq(lambda at: _classical(_routers(unavoidable, weights), at) - limit, 0.01, 0.999)
    for name, p in (("without noise", entangled), ("classical  ", classical)):
        assert float(_figure("10.", name)) == pytest.approx(p, abs=6e-6)
        earned = 2 * (1 - load) * math.gamma(1 + exponent) * (pair_rate * (1 + p) / 2) ** (1 - exponent)
        assert float(_figure("10.", name, number=1)) == pytest.approx(earned, abs=1e-4)
    gain = 100 * (((1 + classical) / (1 + entangled)) ** (exponent - 1) - 1)
    assert float(_figure("10.", "without noise", number=2)) == pytest.approx(gain, abs=0.006)


# MODEL §5, and the published counts' own values there.
@pytest.mark.parametrize(
    ("claim", "name", "value"),
    [
        ("2.", "without noise", 0.427857),
        ("2.", "classical  ", 0.502885),
        ("9.", "against memoryless routers", 14.97),
        ("6.", "largest reduction against memoryless", 6.49),
        ("7.", "least visibility that helps", 0.7241),
        ("8.", "waiting time W", 0.428740),
    ],
)
def test_the_figures_are_those_of_the_reference_table(claim: str, name: str, value: float) -> None:
    digits = min(len(f"{value:g}".partition(".")[2]), len(_figure(claim, name).partition(".")[2]))
    assert float(_figure(claim, name)) == pytest.approx(value, abs=0.51 * 10.0**-digits)


def _shown(block: Block) -> list[tuple[str, ...]]:
    return [shown.words for shown in commands(block)] if block.language == "console" else []


def _figure(claim: str, name: str, number: int = 0, last: bool = False) -> str:
    """A number with decimals after a name in a claim's outputs: the first, or another of the same line."""
    text = "\n".join(block.text for block in BLOCKS if block.language == "console" and block.heading.startswith(claim))
    found = re.findall(re.escape(name) + r"([^\n]*\d\.\d[^\n]*)", text)
    assert found, f"{name!r} is not shown in claim {claim}"
    numbers: list[str] = re.findall(r"-?\d+\.\d+", found[-1 if last else 0])
    return numbers[number]
