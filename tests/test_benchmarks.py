"""The benchmarks compare like with like: every peer gives our answer on tiny sizes, and disagreement stops them."""

from __future__ import annotations

import json
import math
from importlib import import_module
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from bellqueue.model.games.values.quantum_value import quantum_optimum

from benchmarks import _results
from benchmarks.__main__ import BENCHMARKS
from benchmarks._measure import Claim, DisagreementError, Section, Table, agree, interleaved, version_of
from benchmarks.bench_classical import HIGHS, TOQITO, correlated_workload, structured_games
from benchmarks.bench_classical import compare as compare_classical
from benchmarks.bench_quantum import compare as compare_quantum
from benchmarks.bench_quantum import peers, product_game
from benchmarks.bench_sampling import Subject, check_correlators
from benchmarks.bench_shots import designed, even, scenarios
from benchmarks.bench_simulation import OURS, bellqueue_run, distance, peak_memory, simulations
from benchmarks.bench_simulation import scenarios as simulated_scenarios
from benchmarks.xor_peers import has_toqito

TSIRELSON = np.array([[1.0, 1.0], [1.0, -1.0]])


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_can_be_run(name: str) -> None:
    assert callable(import_module(f"benchmarks.bench_{name}").run)


@pytest.mark.parametrize("peer", ["SCS", "Clarabel", "toqito"])
def test_peers_find_tsirelsons_bound(peer: str) -> None:
    if peer not in peers():
        pytest.skip(f"{peer} is not installed; make bench installs it")
    timings, apart = compare_quantum(TSIRELSON, [peer], 1)
    assert timings[peer].answer == pytest.approx(2 * math.sqrt(2), abs=1e-4)
    assert apart < 2e-5


def test_a_product_game_is_its_matrix() -> None:
    bound = quantum_optimum(product_game(6)).bound
    timings, _ = compare_quantum(product_game(6).matrix, [], 1)
    assert timings[OURS].answer.bound.high == pytest.approx(bound.high, rel=1e-8)


@pytest.mark.parametrize("peer", [HIGHS, TOQITO])
def test_peers_find_the_classical_value(peer: str) -> None:
    if peer == TOQITO and not has_toqito():
        pytest.skip("toqito is not installed; make bench installs it")
    assert compare_classical(TSIRELSON, (peer,), 1).ours.bound.high == pytest.approx(2)
    compare_classical(structured_games(5)["shorter first, any table"], (peer,), 1)


@pytest.mark.parametrize("width", [1.5, None])
def test_correlated_scenarios_have_half_load(width: float | None) -> None:
    workload = correlated_workload(7, width)
    assert workload.load == pytest.approx(0.5)
    assert workload.joint.sum() == pytest.approx(1)


@pytest.mark.parametrize("scenario", simulated_scenarios())
@pytest.mark.parametrize("peer", ["SimPy", "Ciw", "numba loop"])
def test_peers_simulate_the_same_system(peer: str, scenario: str) -> None:
    if peer not in simulations():
        pytest.skip(f"{peer} is not installed; make bench installs it")
    workload, split = simulated_scenarios()[scenario]
    pairs = 100_000 if peer == "numba loop" else 2_000
    ours = bellqueue_run(workload, split, 100_000, 1)
    distance(ours, simulations()[peer](workload, split, pairs, 1), peer)
    busier, _ = simulated_scenarios()["2 types, exponential"]
    if workload is not busier:
        with pytest.raises(DisagreementError):
            distance(bellqueue_run(busier, np.ones((2, 2)), 100_000, 1), ours, "another system")


def test_memory_is_measured_in_a_process_of_its_own() -> None:
    assert 2e7 < peak_memory(1000) < 2e9


def test_aer_alone_gives_the_same_correlators() -> None:
    subject = Subject.of("aer:visibility=0.9", 4000)
    bare, ours = subject.bare(), subject.run()
    assert bare.sum() == ours.sum() == 4000
    check_correlators(bare, ours)
    with pytest.raises(DisagreementError):
        check_correlators(bare, bare[:, :, ::-1])


def test_simulated_runs_have_the_power_computed() -> None:
    frontiers = scenarios()["default"]
    for visibility in (1.0, 0.9):
        _, ours = designed(frontiers, visibility)
        _, other = even(frontiers, visibility)
        assert other is not None
        assert ours.trials < other.trials
        for experiment in (ours, other):
            experiment.simulated_power(400, np.random.default_rng(2))


def test_candidates_take_turns_and_answers_are_kept() -> None:
    order: list[str] = []
    numbers = count()

    def call(name: str) -> int:
        order.append(name)
        return next(numbers)

    timings = interleaved({"a": lambda: call("a"), "b": lambda: call("b")}, repeats=3)
    assert {name: len(timing.seconds) for name, timing in timings.items()} == {"a": 3, "b": 3}
    turns = [name for name, before in zip(order, ["", *order[:-1]], strict=True) if name != before]
    assert turns[-6:] == ["a", "b"] * 3
    assert timings["b"].answer == len(order) - 1
    assert agree("value", 1.0, 1.1, 0.2) == pytest.approx(0.1)
    with pytest.raises(DisagreementError, match=r"value: 1 against 1\.1"):
        agree("value", 1.0, 1.1, 0.05)
    with pytest.raises(DisagreementError):
        agree("value", math.nan, 1.1, 0.05)


def test_the_tables_are_made_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{_results.BEGIN}\nstale\n{_results.END}\nafter\n", "utf-8")
    monkeypatch.setattr(_results, "README", readme)
    monkeypatch.setattr(_results, "RESULTS", tmp_path / "results.json")
    section = Section(
        "Title", "Text.", [Table("Above", ("a", "b"), [("1", "2|3")])], [Claim("fast", "9×", False)], ["numpy"]
    )
    _results.keep("first", section, full=True, clock="wall")
    _results.write_readme(["first", "missing"])
    text = readme.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "stale" not in text
    for line in ("| fast  | 9×       | **no** |", "| 1 | 2\\|3 |", f"numpy {version_of('numpy')}"):
        assert line in text
    assert json.loads((tmp_path / "results.json").read_text("utf-8"))["first"]["claims"][0]["holds"] is False


def test_the_readme_shows_the_results_kept() -> None:
    before = _results.README.read_text("utf-8")
    _results.write_readme(BENCHMARKS)
    assert _results.README.read_text("utf-8") == before
