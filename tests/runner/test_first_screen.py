"""What `run`, `analyze` and `plan` print first fits on one screen and needs no paper to be understood."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.runner.commands.screens.first_screen import analysis_lines, forecast_lines

import bellqueue as bq
from tests.analysis.certificate.test_beyond_quantum import CHSH, box
from tests.runner.conftest import Run
from tests.runner.recorded_runs import write_run
from tests.scenarios import IBM_GENEVA, IBM_HANOI, default_record, dense

JARGON = re.compile(
    r"multiplier|\bscore\b|\bKL\b|union bound|low-rank|splitting|throughput|martingale|μ|τ|\bp-value", re.I
)
ENDS = ["report: bellqueue-runs/20261128T013949-fake-torino-cb531901/report.html", "all numbers: with --full"]


def recorded(folder: Path, parallel: int = 1, lost: int = 0, shots: int = 2000, **experiment: object) -> Analysis:
    write_run(folder / "run", default_record(shots=shots, **experiment), parallel=parallel, lost=lost)
    return bq.analyze(folder / "run")


ANALYSES: dict[str, Callable[[Path], Analysis]] = {
    "simulator": lambda _: bq.run("default", "aer:visibility=0.95", shots=2000, seed=1),
    "a link": lambda _: bq.run("default", "link:rate=0.1,fidelity=0.96,memory_time=100,buffer=3", shots=2000, seed=1),
    "too few trials": lambda _: bq.run("default", "aer:visibility=0.95", shots=40, seed=1),
    "too much noise": lambda _: bq.run("default", "aer:visibility=0.5", shots=2000, seed=1),
    "foreign counts": lambda _: bq.analyze(IBM_HANOI, "default"),
    "beaten by routers that remember": lambda _: bq.analyze(IBM_HANOI, dense()),
    "signalling": lambda _: bq.analyze(IBM_GENEVA, dense()),
    "pairs side by side": lambda folder: recorded(folder, parallel=4),
    "lost trials": lambda folder: recorded(folder, lost=100),
    "stopped early": lambda folder: recorded(folder, stop="certified", shots=4000),
}


def check(lines: list[str]) -> None:
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if JARGON.search(line)]


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_fits_on_one_screen_in_plain_words(name: str, tmp_path: Path) -> None:
    analysis = ANALYSES[name](tmp_path)
    lines = analysis_lines(analysis, ENDS)
    check(lines)
    wider = analysis.every_classical
    strong = wider is not None and wider.certified
    weak = "CERTIFIED against memoryless classical routers only: "
    verdict = "CERTIFIED: " if strong else weak if analysis.certificate.certified else "NOT CERTIFIED: "
    assert lines[0].startswith(verdict if not analysis.warnings else analysis.warnings[0][:20])
    assert any(line.startswith(verdict) for line in lines)
    assert lines[-2:] == ENDS
    text = " ".join(" ".join(lines).split())
    if analysis.certificate.certified:
        saved = (wider if wider and strong else analysis.advantage).waiting_time_reduction_relative
        least = (
            f"at least {math.floor(1000 * saved.low) / 10:.1f} % less than with "
            if saved.low > 0
            else "less than with "
        )
        assert f"with the same background work done, requests wait {least}" in text
        assert ("by how much is not certain yet" in text) is (saved.low <= 0)
        assert f"estimate {100 * saved.estimate:.1f} %)" in text
        assert ("any classical routers that cannot talk to each other" in text) is strong
    assert "a signal between them is not ruled out" in text or "a signal is not ruled out" in text


def test_the_numbers_of_a_published_measurement() -> None:
    text = "\n".join(analysis_lines(bq.analyze(IBM_HANOI, dense()), []))
    # W, the least classical W at the same throughput and p of these sixteen counts at pair rate 0.02 (MODEL §5); the
    # least Σ n KL(c′‖c) of MODEL §4 by sequential quadratic programming, twice over as two multipliers were tried.
    assert re.search(r"mean waiting time \(units of time\) +0\.4978 ", text)
    assert re.search(r"with memoryless classical routers +0\.5666 ", text)
    assert re.search(r"pairs sent to different servers +50\.\d+ %", text)
    assert re.search(r"chance with memoryless classical routers +under 1 in 10\^1725 \(asked: 0\.1 %\)", text)
    assert "No plan was declared" in " ".join(text.split())  # wherever the line breaks


def test_who_waits_more_is_compared_with_the_wait_of_the_others(tmp_path: Path) -> None:
    text = " ".join(" ".join(analysis_lines(ANALYSES["too much noise"](tmp_path), [])).split())
    names = r"mean waiting time \(units of time\)", "with memoryless classical routers", "routers: requests wait"
    own, others, more = (float(found[1]) for name in names if (found := re.search(rf"{name} ([\d.]+)", text)))
    assert f"requests wait {more} % more." in text
    assert more / 100 == pytest.approx(own / others - 1, abs=0.001)  # all rounded
    assert abs(more / 100 - (1 - others / own)) > 0.003  # by how much those who wait less do so is another number


@pytest.mark.parametrize(
    ("arguments", "go"),
    [
        ({"visibility": 0.95}, True),
        ({"visibility": 0.76}, False),
        ({"visibility": 0.5}, False),
        ({"backend": "fake:torino,pair=0-1"}, False),
        ({"backend": "aer"}, True),
    ],
)
def test_a_forecast_fits_on_one_screen_and_its_verdict_is_first_and_last(arguments: dict[str, str], go: bool) -> None:
    lines = forecast_lines(bq.plan("default", **arguments), ["all numbers: with --full"])  # type: ignore[call-overload]
    check(lines)
    word = "GO" if go else "NO-GO"
    assert lines[0].startswith(f"{word}: ")
    assert re.match(rf"{word}[.:]", lines[-1])


@pytest.mark.parametrize(
    ("lost", "correlators", "words"),
    [
        # Half of the trials: A may answer only the type that it guessed, which no chance explains.
        (1000, 1.0, "Requests waited 38 % less, but that is within what chance and the lost trials allow."),
        (0, 0.52, "Requests waited 0.6 % less, but that can be chance in 4000 trials."),
        (40, 0.68, "so small a margin over them is within what chance and the lost trials allow."),
        (0, 0.62, "so small a margin over them can be chance."),
    ],
)
def test_a_margin_is_put_down_to_chance_alone_only_if_nothing_was_lost(
    lost: int, correlators: float, words: str
) -> None:
    """The margin is of the trials with an outcome, the test of all."""
    counts = box(1000, correlators * CHSH)
    found = bq.analyze({"counts": counts, "lost": np.full((2, 2), lost)}, "default", progress=False)
    assert words in " ".join(" ".join(analysis_lines(found, ENDS)).split())
    assert "chance" in found.verdict[0]
    assert ("the lost trials allow" in found.verdict[0]) is (lost > 0)


def test_the_command_prints_one_screen_and_with_full_what_there_is(call: Run) -> None:
    shown = call("run", "--backend", "aer", "--shots", 2000, "--seed", 1, "--out", "run").stdout.splitlines()
    check(shown)
    assert shown[-2] == "report: run/report.html"
    full = call("analyze", "run", "--full").stdout
    for title in ("Observed against the frontiers", "Certificate", "Diagnostics", "multiplier μ"):
        assert title in full


def test_help_groups_the_commands_and_cuts_none(call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = call("--help").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines[1:] if "..." in line]
    headings = [line for line in lines if re.fullmatch(r"\w[\w ]+:", line)]
    assert headings == [
        "Options:",
        "Plan and run:",
        "Runs on hardware:",
        "Your own data and stored runs:",
        "Explore the model:",
        "Backends and installation:",
    ]
