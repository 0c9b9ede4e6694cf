"""Odd but true inputs get a right answer or one line of refusal: no traceback, no warning of a library, no NaN."""

from __future__ import annotations

import copy
import io
import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import bellqueue as bq
from tests.runner.conftest import Run, check_refusal
from tests.scenarios import IBM_HANOI, default_record


def _odd(reward: Any = None, rate: float | None = None, types: Any = None, **experiment: Any) -> dict[str, Any]:
    """The default scenario with another reward, pair rate, types (probability and mean) or fields of [experiment]."""
    record = copy.deepcopy(default_record(shots=60, **experiment))
    record["baseline"]["reward"] |= {"setup_time": reward} if isinstance(reward, float) else {}
    if isinstance(reward, dict):
        record["baseline"]["reward"] = reward
    if types:
        record["traffic"]["type"] = [
            {"name": f"t{i}", "probability": share, "service": {"distribution": "deterministic", "mean": mean}}
            for i, (share, mean) in enumerate(types)
        ]
    record["traffic"] |= {} if rate is None else {"pair_rate": rate}
    return record


SQUARE = {"kind": "power", "exponent": 2}
HARDLY, NONE = "hardly any background work is done", "no trade-off: throughput is"
UNITS, NO_GAIN = "choose units in which service times are near 1", "no advantage of entanglement"
# Each with the words that plan and run refuse it with, or none; frontier and analyze refuse no lack of advantage.
NASTY: dict[str, tuple[dict[str, Any], str]] = {
    "all pairs split": (_odd(operating_point={"splitting_probability": 1}), ""),
    "no pair split": (_odd(operating_point={"splitting_probability": 0}), ""),
    "multiplier 1e300": (_odd(operating_point={"multiplier": 1e300}), ""),
    "set-up time 1e6": (_odd(reward=1e6), HARDLY),
    "set-up time 1e6, rare pairs": (_odd(reward=1e6, rate=0.0012), HARDLY),
    "set-up time 1e-300": (_odd(reward=1e-300), NONE),
    "pair rate 1e-300": (_odd(rate=1e-300), NONE),
    "pair rate 1e-12": (_odd(rate=1e-12), ""),
    "load near 1": (_odd(rate=0.39999), ""),
    "warmup 1e300": (_odd(reward={"kind": "warmup", "time": 1e300}), HARDLY),
    "warmup 1e-300": (_odd(reward={"kind": "warmup", "time": 1e-300}), NONE),
    "power 20, rare pairs": (_odd(reward={"kind": "power", "exponent": 20}, rate=1e-300), UNITS),
    "power near 1": (_odd(reward={"kind": "power", "exponent": 1.0000001}), ""),
    "steep table": (_odd(reward={"kind": "table", "points": [[0, 0], [1, 1e-300], [2, 1e308]]}), UNITS),
    "steeper table": (_odd(reward={"kind": "table", "points": [[0, 0], [1e-300, 1e300], [1, 1e305]]}), "overflow"),
    "huge means": (_odd(SQUARE, 1e-102, ((0.7, 1e100), (0.3, 6e100))), UNITS),
    "tiny means": (_odd(SQUARE, 1e98, ((0.7, 1e-100), (0.3, 6e-100))), ""),
    "tiny and usual means": (_odd(types=((0.7, 1e-200), (0.3, 1.0))), ""),
    "a load of 1e297": (_odd(types=((0.7, 1.0), (0.3, 1e300))), "load is 3e+297; it must be below 1"),
    "one type": (_odd(types=((1.0, 1.0),)), NO_GAIN),
    "a type that hardly occurs": (_odd(types=((1 - 1e-12, 1.0), (1e-12, 6.0))), NO_GAIN),
    "significance 1e-300": (_odd(significance=1e-300), ""),
    "significance 0.49": (_odd(significance=0.49), ""),
    "title of 300 letters": ({**_odd(), "title": "x" * 300}, "title is 'xxx"),
    "title of control characters": ({**_odd(), "title": "\u202e[red]\x1b[31m\n"}, ""),
}
COMMANDS = {
    "frontier": ["frontier", "s.json"],
    "plan": ["plan", "s.json", "--visibility", "0.95"],
    "run": ["run", "s.json", "--backend", "aer", "--seed", "1", "--json"],
    "analyze": ["analyze", "c.json", "--scenario", "s.json"],
}
QUICK = {"all pairs split", "significance 1e-300", "title of control characters", *(n for n in NASTY if NASTY[n][1])}

FLAT = {("pair rate 1e-12", "analyze")}  # no classical router is bounded there by more than 0


@pytest.mark.parametrize(
    ("name", "command"),
    [
        pytest.param(name, command, marks=[] if name in QUICK or (name, command) in FLAT else pytest.mark.slow)
        for name in NASTY
        for command in COMMANDS
    ],
)
def test_nasty_scenarios(name: str, command: str, call: Run, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    record, words = NASTY[name]
    types = len(record["traffic"]["type"])
    (tmp_path / "s.json").write_text(json.dumps(record))
    (tmp_path / "c.json").write_text(json.dumps([row[:types] for row in IBM_HANOI[:types]]))
    done = call(*COMMANDS[command])
    assert not [warning for warning in recwarn if issubclass(warning.category, RuntimeWarning)]
    if words and not (words == NO_GAIN and command in ("frontier", "analyze")):
        check_refusal(done, words)
    else:
        assert (done.returncode, done.stderr) == (0, "")
        assert not re.search(r"\bnan\b", done.stdout, re.IGNORECASE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "--power", "20"], "--power is '20'; it must be at most 0.999999"),
        (["plan", "--power", "much"], "--power is 'much'; it must be a number"),
        (["run", "--shots", "1.5"], "--shots is '1.5'; it must be a whole number"),
        (["analyze", "c.json", "--settings", "free"], "--settings: 'free' is not one of 'random', 'fixed'"),
    ],
)
def test_a_wrong_option_is_named_with_its_value(arguments: list[str], words: str, call: Run) -> None:
    check_refusal(call(*arguments), f"bellqueue: {words} (see --help)\n")


@pytest.mark.parametrize("wrong", [20, 0, 1, -1, float("nan"), "0.9", None, True])
def test_a_power_is_a_chance(wrong: Any) -> None:
    with pytest.raises(bq.BackendError, match="is out of range; it must lie between 0 and 1"):
        bq.plan("default", visibility=0.95, power=wrong, progress=False)


@pytest.mark.parametrize("stem", [b"b\xffd", b"x" * 250])
def test_files_of_any_name(stem: bytes, call: Run, tmp_path: Path) -> None:
    name, record = os.fsdecode(stem), _odd()
    del record["title"]
    (tmp_path / f"{name}.json").write_text(json.dumps(record))
    (tmp_path / f"{name}.csv").write_text("x,y,a,b,count\n0,0,0,0,9\n0,1,0,1,9\n1,0,0,1,9\n1,1,0,1,9\n")
    done = call("analyze", f"{name}.csv", "--scenario", f"{name}.json", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    analysis = json.loads(done.stdout)
    shown = stem.decode("ascii", "replace")
    assert analysis["title"] == shown[:200]
    assert analysis["provenance"]["source"] == f"{shown}.csv"
    assert analysis["measured"]["counts"][0][1] == [[0, 9], [0, 0]]


def test_what_is_no_regular_file_is_not_replaced(call: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.html")
    (tmp_path / "c.json").write_text(json.dumps(IBM_HANOI))
    done = call("analyze", "c.json", "--scenario", "default", "--report", "pipe.html")
    check_refusal(done, "pipe.html: is not a regular file; give the name of one, or of none yet\n")
    assert (tmp_path / "pipe.html").is_fifo()


def test_the_shell_and_python_say_the_same_of_own_data(
    call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [(x, y, a, b) for (x, y, a, b), count in np.ndenumerate(np.array(IBM_HANOI) // 500) for _ in range(count)]
    text = "Day;B;A;Y;X\n" + "".join(f"mo;{1 - 2 * b};{1 - 2 * a};{y};{x}\n" for x, y, a, b in rows)
    (tmp_path / "lost.csv").write_text("3 0\n0 1\n")
    (tmp_path / "rates.json").write_text("[[0.25, 0.25], [0.25, 0.25]]")
    options = ["--settings", "random", "--input-distribution", "rates.json", "--lost", "lost.csv", "--invert", "a"]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    done = call("analyze", "-", "--scenario", "default", *options, "--json")
    assert done.stderr == "bellqueue: columns that say nothing here are ignored: day\n"
    shell = json.loads(done.stdout)
    assert shell["provenance"]["command"] == " ".join(["bellqueue analyze - --scenario default", *options])
    assert shell["provenance"]["source"] == "standard input"
    columns = {name: [row[i] for row in rows] for i, name in enumerate("xyab")} | {"day": ["mo"] * len(rows)}
    python = bq.analyze(
        columns,
        "default",
        settings="random",
        input_distribution="uniform",
        lost=np.array([[3, 0], [0, 1]]),
        invert="a",
        progress=False,
    )
    assert caplog.messages == ["columns that say nothing here are ignored: day"]
    again = json.loads(python.to_json())
    assert again["measured"]["lost"] == [[3, 0], [0, 1]]
    assert again["measured"]["settings"] == "random"
    for part in ("measured", "certificate", "every_classical", "chsh", "warnings"):
        assert shell[part] == again[part]


def test_a_run_declares_its_settings_itself(call: Run, tmp_path: Path) -> None:
    for name in ("scenario.json", "plan.json", "trials.csv"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / name).write_text("")
    done = call("analyze", "run", "--scenario", "default", "--lost", "3")
    check_refusal(done, "run: a run says itself how its settings came about")
