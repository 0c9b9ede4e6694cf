"""Whatever a user gets wrong answers in one line that names the place, with exit code 2, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runner.conftest import Run, check_refusal
from tests.scenarios import IBM_HANOI, default_record, edited

TOML_HEAD = 'title = "x"\n[traffic]\npair_rate = 0.02\n'


def _edited(*path: Any, value: Any) -> Any:
    return edited(default_record(), *path, value=value)


TYPE = ("traffic", "type", 0)
REWARD = ("baseline", "reward")
POINT = ("experiment", "operating_point")
# What is wrong, and words its complaint must hold.
SCENARIOS: dict[str, tuple[dict[str, Any], str]] = {
    "title a list": (_edited("title", value=[]), "title is []; it must be text"),
    "empty title": (_edited("title", value=""), "title"),
    "unknown section": (_edited("trafic", value={}), "trafic: unknown key"),
    "unknown key": (_edited(*TYPE, "colour", value="red"), "traffic.type[0].colour: unknown key"),
    "no traffic": (_edited("traffic", value=...), "traffic: is missing"),
    "negative rate": (_edited("traffic", "pair_rate", value=-0.1), "traffic.pair_rate"),
    "zero rate": (_edited("traffic", "pair_rate", value=0), "traffic.pair_rate"),
    "rate a word": (_edited("traffic", "pair_rate", value="fast"), "traffic.pair_rate"),
    "load 1": (_edited("traffic", "pair_rate", value=0.4), "load is 1"),
    "load 50": (_edited("traffic", "pair_rate", value=20), "load is 50"),
    "no types": (_edited("traffic", "type", value=[]), "traffic.type"),
    "types missing": (_edited("traffic", "type", value=...), "[[traffic.type]] or traffic.sizes"),
    "same name twice": (_edited(*TYPE, "name", value="long"), "'long' is used twice"),
    "probabilities sum to 0.9": (_edited(*TYPE, "probability", value=0.6), "sum to 0.9"),
    "probability above 1": (_edited(*TYPE, "probability", value=1.7), "traffic.type[0].probability"),
    "probability 0": (_edited("traffic", "type", value=[{**default_record()["traffic"]["type"][0], "probability": 1},
        {**default_record()["traffic"]["type"][1], "probability": 0}]), "probability is 0"),
    "no probability": (_edited(*TYPE, "probability", value=...), "probability is missing"),
    "unknown distribution": (_edited(*TYPE, "service", "distribution", value="pareto"), "service.distribution"),
    "negative mean": (_edited(*TYPE, "service", "mean", value=-1), "traffic.type[0].service.mean"),
    "gamma without scv": (_edited(*TYPE, "service", value={"distribution": "gamma", "mean": 1}), "needs scv"),
    "scv on deterministic": (_edited(*TYPE, "service", "scv", value=1), "takes no scv"),
    "joint of wrong shape": (_edited("traffic", "joint", value=[[0.5, 0.5]]), "2 rows"),
    "ragged joint": (_edited("traffic", "joint", value=[[0.5], [0.25, 0.25]]), "joint"),
    "joint sums to 2": (_edited("traffic", "joint", value=[[0.5, 0.5], [0.5, 0.5]]), "joint sums to 2"),
    "joint against probabilities": (_edited("traffic", "joint", value=[[0.25, 0.25], [0.25, 0.25]]), "drop one"),
    "negative joint": (_edited("traffic", "joint", value=[[0.8, -0.1], [0.1, 0.2]]), "joint"),
    "unknown order": (_edited("traffic", "within_pair_order", value="longest-first"), "traffic.within_pair_order"),
    "sizes and types": (_edited("traffic", "sizes", value={"distribution": "exponential", "mean": 1}), "not both"),
    "unknown reward": (_edited(*REWARD, "kind", value="cubic"), "baseline.reward"),
    "concave power": (_edited(*REWARD, value={"kind": "power", "exponent": 0.5}), "exponent"),
    "linear power": (_edited(*REWARD, value={"kind": "power", "exponent": 1}), "no trade-off"),
    "no set-up": (_edited(*REWARD, "setup_time", value=0), "no trade-off"),
    "concave table": (_edited(*REWARD, value={"kind": "table", "points": [[0, 0], [1, 5], [2, 6]]}), "convex"),
    "table off origin": (_edited(*REWARD, value={"kind": "table", "points": [[0, 1], [1, 5]]}), "[0, 0]"),
    "unknown point": (_edited(*POINT, value="best"), "largest-advantage"),
    "two targets": (_edited(*POINT, value={"multiplier": 1, "waiting_time": 2}), "exactly one"),
    "target out of reach": (_edited(*POINT, value={"waiting_time": 0.01}), "out of reach"),
    "negative multiplier": (_edited(*POINT, value={"multiplier": -1}), "multiplier"),
    "no shots": (_edited("experiment", "shots", value=0), "experiment.shots"),
    "half a shot": (_edited("experiment", "shots", value=10.5), "experiment.shots"),
    "too many shots": (_edited("experiment", "shots", value=10**15), "experiment.shots"),
    "block over shots": (_edited("experiment", "block", value=10**6), "block"),
    "significance 2": (_edited("experiment", "significance", value=2), "experiment.significance"),
    "settings by hand": (_edited("experiment", "settings", value="manual"), "experiment.settings"),
    "gigantic bins": (
        _edited("traffic", value={"pair_rate": 1, "sizes": {"distribution": "exponential", "mean": 1, "bins": 10**9}}),
        "bins",
    ),
    "another schema": (_edited("schema", value="bellqueue.scenario/9"), "schema"),
}  # fmt: skip
SCENARIO_FILES: dict[str, tuple[str, bytes, str]] = {
    "not TOML": ("s.toml", b"title = = 3", "not valid TOML"),
    "truncated JSON": ("s.json", json.dumps(default_record())[:-9].encode(), "not valid JSON"),
    "a list": ("s.json", b"[1, 2]", "table of sections"),
    "not UTF-8": ("s.toml", b'title = "\xff\xfe"', "UTF-8"),
    "NaN rate": ("s.toml", TOML_HEAD.replace("0.02", "nan").encode(), "pair_rate"),
    "infinite rate": ("s.toml", TOML_HEAD.replace("0.02", "inf").encode(), "pair_rate"),
    "empty": ("s.toml", b"", "is empty"),
    "binary": ("s.toml", bytes(range(256)), "s.toml"),
    "deeply nested": ("s.json", b"[" * 100_000, "not valid JSON"),
    "too long": ("s.toml", b"# " + b"x" * 2_000_000, "at most"),
}


def _counts(**changes: Any) -> bytes:
    content = {"schema": "bellqueue.counts/1", "types": ["short", "long"], "settings": "fixed", "counts": IBM_HANOI}
    return json.dumps({key: value for key, value in {**content, **changes}.items() if value is not ...}).encode()


COUNTS: dict[str, tuple[str, bytes, str]] = {
    "empty file": ("c.json", b"", "c.json: is empty; give a counts JSON or a trials CSV"),
    "empty object": ("c.json", b"{}", "is missing"),
    "a list": ("c.json", b"[]", "counts has shape 0"),
    "truncated": ("c.json", _counts()[:-20], "not valid JSON"),
    "not UTF-8": ("c.json", b"\xff\xff{}", "UTF-8"),
    "counts twice": ("c.json", _counts()[:-1] + b', "counts": []}', "'counts' is there twice in one object"),
    "another schema": ("c.json", _counts(schema="bellqueue.counts/7"), "schema"),
    "unknown key": ("c.json", _counts(shots=3), "shots: unknown key"),
    "no counts": ("c.json", _counts(counts=...), "counts: is missing"),
    "empty counts": ("c.json", _counts(counts=[]), "shape"),
    "all zero": ("c.json", _counts(counts=[[[[0, 0]] * 2] * 2] * 2), "all zero"),
    "negative count": ("c.json", _counts(counts=[[[[-1, 0]] * 2] * 2] * 2), "counts[0][0][0][0]"),
    "half a count": ("c.json", _counts(counts=[[[[0.5, 0]] * 2] * 2] * 2), "counts[0][0][0][0]"),
    "a word": ("c.json", _counts(counts="many"), "counts"),
    "NaN": ("c.json", _counts().replace(b"20166", b"NaN"), "counts[0][0][0][0]"),
    "astronomical": ("c.json", _counts().replace(b"20166", b"1" + b"0" * 30), "counts[0][0][0][0]"),
    "wrong shape": ("c.json", _counts(counts=[[[[1, 1]] * 2] * 3] * 3, types=...), "3×3×2×2"),
    "three outcomes": ("c.json", _counts(counts=[[[[1, 1, 1]] * 3] * 2] * 2), "2×2×3×3"),
    "ragged": ("c.json", _counts(counts=[[[[1, 1], [1]]]]), "ragged"),
    "other types": ("c.json", _counts(types=["small", "large"]), "['small', 'large']"),
    "one type": ("c.json", _counts(types=["short"]), "types"),
    "settings by hand": ("c.json", _counts(settings="manual"), "settings"),
    "random, undeclared": ("c.json", _counts(settings="random"), "input_distribution"),
    "distribution of 2": ("c.json", _counts(settings="random", input_distribution=[[0.5, 0.5]] * 2), "sums to 2"),
    "distribution of a shape": ("c.json", _counts(settings="random", input_distribution=[[1.0]]), "1×1"),
    "distribution with 0": (
        "c.json", _counts(settings="random", input_distribution=[[0.0, 0.5], [0.25, 0.25]]), "probability 0",
    ),
    "duplicate braces": ("c.json", b"{" * 5000, "not valid JSON"),
    "CSV without header": ("t.csv", b"0,0,1,1\n", "line 1"),
    "CSV header alone": ("t.csv", b"x,y,a,b\n", "no trials"),
    "CSV of words": ("t.csv", b"x,y,a,b\n0,0,up,1\n", "up"),
    "CSV of three columns": ("t.csv", b"x,y,a,b\n0,0,1\n", "line 2"),
    "CSV ragged": ("t.csv", b"x,y,a,b\n0,0,1,1\n0,0,1\n", "line 3"),
    "CSV type 7": ("t.csv", b"x,y,a,b\n7,0,1,1\n", "x is 7"),
    "CSV outcome 2": ("t.csv", b"x,y,a,b\n0,0,2,1\n", "a is 2"),
    "CSV negative": ("t.csv", b"x,y,a,b\n0,-1,0,1\n", "y is -1"),
    "CSV beyond integers": ("t.csv", b"x,y,a,b\n99999999999999999999,0,0,1\n", "line 2"),
    "CSV claiming a billion types": ("t.csv", b"x,y,a,b\n1000000000,0,0,1\n", "x is 1000000000"),
    "binary": ("c.json", bytes(range(256)) * 4, "c.json"),
}  # fmt: skip


def _assert_one_line(done: Any, words: str, folder: Path, given: set[str]) -> None:
    check_refusal(done, words)
    assert {path.name for path in folder.iterdir()} == given  # no half-written folder


@pytest.mark.parametrize(
    ("command", "name"),
    [("run", name) for name in SCENARIOS]
    + [("frontier", name) for name in SCENARIOS if name != "target out of reach"],  # which only a run looks for
)
def test_wrong_scenarios(command: str, name: str, call: Run, tmp_path: Path) -> None:
    record, words = SCENARIOS[name]
    (tmp_path / "s.json").write_text(json.dumps(record))
    _assert_one_line(call(command, "s.json"), words, tmp_path, {"s.json"})


@pytest.mark.parametrize("name", SCENARIO_FILES)
def test_wrong_scenario_files(name: str, call: Run, tmp_path: Path) -> None:
    file, content, words = SCENARIO_FILES[name]
    (tmp_path / file).write_bytes(content)
    _assert_one_line(call("run", file), words, tmp_path, {file})


@pytest.mark.parametrize("name", COUNTS)
def test_wrong_counts(name: str, call: Run, tmp_path: Path) -> None:
    file, content, words = COUNTS[name]
    (tmp_path / file).write_bytes(content)
    (tmp_path / "s.json").write_text(json.dumps(default_record()))
    _assert_one_line(call("analyze", file, "--scenario", "s.json"), words, tmp_path, {file, "s.json"})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "missing.toml"], "no such file"),
        (["run", "folder"], "is a folder"),
        (["analyze", "missing.json"], "no such file"),
        (["analyze", "s.json"], "--scenario"),
        (["analyze", "missing.json", "--scenario", "s.json"], "no such file"),
        (["analyze", "folder"], "is not a run folder"),
        (["analyze", "folder", "--scenario", "s.json"], "is not a run folder"),
        (["replay", "missing"], "no such run folder"),
        (["replay", "s.json"], "is a file; give the folder"),
        (["report", "s.json"], "schema: unknown value 'bellqueue.scenario/1'"),
        (["sweep", "s.json"], "not valid TOML"),
        (["report", "folder"], "is not a run folder"),
        (["run", "s.json", "--backend", "are"], "aer"),
        (["run", "s.json", "--backend", "fake:tornio"], "torino"),
        (["run", "s.json", "--backend", "aer:visibility=2"], "visibility"),
        (["run", "s.json", "--backend", "aer:visibilty=1"], "visibility"),
        (["run", "s.json", "--backend", ""], "backend"),
        (["run", "s.json", "--shots", "0"], "shots"),
        (["run", "s.json", "--shots", "many"], "shots"),
        (["run", "s.json", "--seed", "-1"], "seed"),
        (["run", "s.json", "--out", "folder"], "exists already"),
        (["run", "s.json", "--out", "s.json/run"], "s.json"),
        (["frontier", "s.json", "--plot", "frontier.docx"], ".docx"),
        (["frontier", "s.json", "--plot", "nowhere/frontier.png"], "nowhere"),
        (["analyze", "c.json", "--scenario", "s.json", "--report", "."], "is a folder"),
        (["analyze", "c.json", "--scenario", "s.json", "--report", "nowhere/r.html"], "does not exist"),
        (["frobnicate"], "frobnicate"),
        (["run", "--bakend", "aer"], "--backend"),
        (["analyze"], "COUNTS_OR_RUN"),
    ],
)
def test_wrong_arguments(arguments: list[str], words: str, call: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "s.json").write_text(json.dumps(default_record(shots=200)))
    (tmp_path / "c.json").write_bytes(_counts())
    _assert_one_line(call(*arguments), words, tmp_path, {"folder", "s.json", "c.json"})
    assert not any((tmp_path / "folder").iterdir())


@pytest.mark.parametrize(
    ("closed", "unbuffered"),
    [
        ("stdout=None", ""),
        pytest.param("stdout='latin-1'", "1", marks=pytest.mark.slow),
        pytest.param("stdout=None", "1", marks=pytest.mark.slow),
        pytest.param("stdout='latin-1'", "", marks=pytest.mark.slow),
    ],
)
def test_a_poor_terminal_gets_the_answer_without_a_traceback(closed: str, unbuffered: str, tmp_path: Path) -> None:
    """Stdout closed by the shell, or one that cannot encode what is printed."""
    (tmp_path / "c.json").write_bytes(_counts())
    (tmp_path / "s.json").write_text(json.dumps(default_record()))
    prefix = "exec >&-; " if closed == "stdout=None" else "PYTHONIOENCODING=latin-1 "
    command = f"{prefix}{sys.executable} -m bellqueue analyze c.json --scenario s.json"
    shell = dict(os.environ) | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=shell, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
