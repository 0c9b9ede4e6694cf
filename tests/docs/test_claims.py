"""The commands on the pages print what is shown there; the figures of the claims are those known elsewhere."""

from __future__ import annotations

import itertools
import math
import re
import subprocess
from pathlib import Path

import pytest
from scipy.optimize import brentq

from tests.docs.pages import DOCS, Block, Shown, blocks, commands, missing_line, write_files
from tests.runner.conftest import Run, call

__all__ = ["call"]  # a fixture

PAGE = DOCS / "claims.md"
BLOCKS = list(blocks(PAGE))
EVERY_DAY = ("2.", "9.")  # claims that `make test` runs; `make test-slow` runs the others
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


@pytest.mark.parametrize(("name", "least"), [pytest.param("tutorial.md", 5, marks=pytest.mark.slow), ("plan.md", 2)])
def test_the_commands_of_other_pages_print_what_they_show(name: str, least: int, call: Run, tmp_path: Path) -> None:
    write_files(DOCS / name, tmp_path)
    steps = [shown for block in blocks(DOCS / name) if block.language == "console" for shown in commands(block)]
    assert len(steps) >= least
    for shown in steps:
        check(shown, call(*shown.words[1:]), 0)


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


def test_the_figures_are_those_of_the_closed_forms() -> None:
    # Default scenario, MODEL §1, by its sixteen deterministic pairs of routers.
    unavoidable, weights, shares = 0.1210526, [[0.5105263, 1.8131579], [1.8131579, 3.3789474]], [0.7, 0.3]
    points = []
    for a0, a1, b0, b1 in itertools.product((0, 1), repeat=4):
        cells = [(shares[x] * shares[y], weights[x][y], (a0, a1)[x] != (b0, b1)[y]) for x in (0, 1) for y in (0, 1)]
        kept = sum(share * weight for share, weight, split in cells if not split)
        points.append((sum(share for share, _, split in cells if split), unavoidable + kept))

    def classical(p: float) -> float:
        """The least W of a mixture of two of them."""
        mixed = [
            low[1] + (high[1] - low[1]) * (p - low[0]) / (high[0] - low[0])
            for low, high in itertools.product(points, points)
            if low[0] <= p < high[0]
        ]
        return min(mixed)

    p, waiting, throughput = (float(_figure("2.", name)) for name in ("probability p", "time W there", "τ there"))
    saved = classical(p) - waiting
    assert saved == pytest.approx(float(_figure("3.", "saved at equal throughput")), abs=6e-5)
    assert 100 * saved / classical(p) == pytest.approx(float(_figure("2.", "of waiting time")), abs=0.006)
    assert throughput == pytest.approx(1.9 * math.exp(-0.05 * (1 + p)), abs=6e-6)
    # The classical p that waits as briefly, and what it earns less.
    slower = brentq(lambda at: classical(at) - waiting, p, 0.999)
    assert 100 * math.expm1(0.05 * (slower - p)) == pytest.approx(float(_figure("3.", "waiting time   ")), abs=6e-4)
    # β_C + const at a multiplier: the most that W + μp of a pair of routers lies below that of keeping all together.
    multiplier = (classical(0.3) - unavoidable) / 0.7
    score = max(point[1] for point in points) - min(waits + multiplier * at for at, waits in points)
    assert score == pytest.approx(float(_figure("5.", "classical bound on the score")), abs=2e-6)


# MODEL §5, and the published counts' own values there.
@pytest.mark.parametrize(
    ("claim", "name", "value"),
    [
        ("2.", "without noise", 0.49650),
        ("2.", "classical  ", 0.57171),
        ("2.", "largest reduction of waiting time", 14.97),
        ("6.", "largest reduction of waiting time", 6.49),
        ("7.", "least visibility that helps", 0.7335),
        ("8.", "waiting time W", 0.497809),
    ],
)
def test_the_figures_are_those_of_the_reference_table(claim: str, name: str, value: float) -> None:
    digits = min(len(f"{value:g}".partition(".")[2]), len(_figure(claim, name).partition(".")[2]))
    assert float(_figure(claim, name)) == pytest.approx(value, abs=0.51 * 10.0**-digits)


def _shown(block: Block) -> list[tuple[str, ...]]:
    return [shown.words for shown in commands(block)] if block.language == "console" else []


def _figure(claim: str, name: str) -> str:
    """The first number after a name in a claim's outputs."""
    text = "\n".join(block.text for block in BLOCKS if block.language == "console" and block.heading.startswith(claim))
    found = re.search(re.escape(name) + r"[^\d\n-]*(-?\d+\.\d+)", text)
    assert found, f"{name!r} is not shown in claim {claim}"
    return found[1]
