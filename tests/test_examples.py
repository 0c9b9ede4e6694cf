"""The examples beside the notebook: what they simulate is what is known elsewhere, and their scenarios are valid."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
# Sizes 1 and 6 (0.7, 0.3) at λ = 0.02: an event-driven simulation elsewhere, and the closed forms of
# routers that split every pair, W0 = λ E[S²]/(2(1−ρ)) and τ = 2(1−ρ) e^(−λc).
REMEMBERING = (0.0974, 0.0003), (1.7192, 0.0002)
SPLITTING = (0.02 * 11.5 / (2 * 0.95), 0.0), (1.9 * math.exp(-0.1), 0.0)


@pytest.mark.parametrize("pairs", [100_000, pytest.param(2_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("threshold", "known"), [(3, REMEMBERING), (0, SPLITTING)])
def test_a_router_that_remembers_one_request_waits_as_long_as_is_known(
    threshold: int, known: tuple[tuple[float, float], ...], pairs: int
) -> None:
    found = _simulated("--threshold", str(threshold), "--pairs", str(pairs), "--seed", "5")
    for (mean, error), (value, uncertainty) in zip(found, known, strict=True):
        assert abs(mean - value) < 4 * math.hypot(error, uncertainty)
    if threshold:  # less than memoryless routers can, of the same throughput
        waiting, error = found[0]
        assert waiting + 4 * error < SPLITTING[0][0]


def test_the_same_seed_simulates_the_same() -> None:
    arguments = "--pairs", "1000", "--seed", "7"
    assert _simulated(*arguments) == _simulated(*arguments)


def _simulated(*arguments: str) -> list[tuple[float, float]]:
    """W and τ, each with its standard error, as the example prints them."""
    command = [sys.executable, str(EXAMPLES / "memory_router.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [(float(mean), float(error)) for mean, error in re.findall(r"([\d.]+) ± ([\d.]+)", done.stdout)]
