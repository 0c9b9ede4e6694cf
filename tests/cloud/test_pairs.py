"""Several pairs in every shot, the unmodified client against the double: what is sent, and whose each bit is."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.backends.ibm.adapter import IbmBackend
from bellqueue.backends.jobs import provider_calls as asking
from bellqueue.backends.jobs.ledger import Ledger
from bellqueue.circuits.schedule import Schedule, Setting, draw_schedule
from bellqueue.model.errors import BackendError, DataError
from bellqueue.model.games.strategy import Measurements, Strategy
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Sampling
from bellqueue.runner.commands.cli import main
from bellqueue.runner.experiment.folder import RunFolder
from numpy.typing import NDArray

from .ibm_double import IbmDouble
from .ibm_program import decode_program

UNIFORM = np.full((2, 2), 0.25)


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IbmDouble]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BELLQUEUE_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.chdir(tmp_path)
    with IbmDouble(("manila", "torino"), seed=12) as double:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        yield double
        assert not double.leaks


def plan(shots: int, pairs: int, block: int = 1, rule: Any = "random") -> Schedule:
    """Settings of which three make a = b certain and the last a ≠ b, on ideal pairs."""
    angles = np.array([0.0, 0.0]), np.array([0.0, 0.0])
    vectors = [np.column_stack([np.cos(each), np.sin(each)]) for each in angles]
    drawn = draw_schedule(
        Strategy((Measurements(*vectors),), (1.0,)),
        Sampling(rule, UNIFORM, block, parallel=pairs),
        UNIFORM,
        shots * pairs,
        np.random.default_rng(3),
    )
    settings = tuple(Setting(i // 2, i % 2, 0.4 * i, 0.4 * i + (math.pi if i == 3 else 0.0)) for i in range(4))
    return Schedule(settings, drawn.order, (2, 2), drawn.sampling)


def finished(backend: IbmBackend, part: Schedule) -> str:
    job = backend.submit(part, "bellqueue-key")
    while backend.poll(job).state in ("queued", "running"):
        pass
    return job


def sent(double: IbmDouble) -> tuple[Any, NDArray[np.float64]]:
    """The circuit of the last job, and the values of its rows."""
    program = decode_program(double.accepted[-1].body["params"])
    (circuit,) = program.circuits.to_python()
    (item,) = program.items
    return circuit, item.circuit_arguments.to_numpy()


@pytest.mark.parametrize(
    ("device", "pairs", "shots", "block", "rule"),
    [
        ("manila", 2, 600, 1, "random"),
        ("torino", 3, 400, 20, "random"),
        pytest.param("torino", 4, 300, 1, "random", marks=pytest.mark.slow),
        ("torino", 5, 60, 1, "random"),  # ten bits, more than a byte
        ("torino", 3, 400, 1, "fixed"),
    ],
)
def test_every_trial_is_its_own_pairs_at_its_own_setting(
    double: IbmDouble, device: str, pairs: int, shots: int, block: int, rule: str
) -> None:
    """On ideal pairs a = b or a ≠ b is certain at every setting; pairs measure different ones in the same shot."""
    backend, whole = IbmBackend(f"{device},pairs={pairs}"), plan(shots, pairs, block, rule)
    assert backend.split(whole) == (range(shots * pairs),)
    found = backend.parse(backend.download(finished(backend, whole)), whole)
    different = whole.order == 3
    assert (rule == "fixed") == all(len(set(shot)) == 1 for shot in whole.order.reshape(-1, pairs).tolist())
    assert np.array_equal(found.a != found.b, different)
    (bits,) = double.accepted[0].outcomes[0].values()
    assert np.asarray(bits).shape[-1] == 2 * pairs
    by_pair = np.asarray(bits).reshape(shots, pairs, 2)
    for pair in range(pairs):
        own = found.of_pair(pair, pairs)
        assert np.array_equal(np.stack([own.a, own.b], axis=1), by_pair[:, pair])
        assert 0 < own.a.mean() < 1  # the outcomes themselves are chance, so that they tell the trials apart
    assert double.accepted[0].executions == shots


def test_bits_and_angles_belong_to_the_qubits_that_are_named(double: IbmDouble) -> None:
    """Classical bits 2j and 2j+1 read A's and B's qubit of pair j, and alpha_j turns A's only."""
    backend, whole = IbmBackend("manila,pair=1-0,pairs=2"), plan(50, 2)
    described = backend.describe()
    assert described.pair == described.pairs[0] == (1, 0)
    finished(backend, whole)
    circuit, rows = sent(double)
    place = {bit: index for index, bit in enumerate(circuit.qubits)}
    read = {
        circuit.find_bit(s.clbits[0]).index: place[s.qubits[0]] for s in circuit.data if s.operation.name == "measure"
    }
    assert [read[bit] for bit in range(4)] == [qubit for pair in described.pairs for qubit in pair]
    turned = {
        parameter.name: {place[step.qubits[0]] for step in circuit.data if _holds(step, parameter)}
        for parameter in circuit.parameters
    }
    for number, (a, b) in enumerate(described.pairs):
        assert turned[f"alpha_{number}"] == {a}
        assert turned[f"beta_{number}"] == {b}
    names = [parameter.name for parameter in circuit.parameters]
    for number in range(2):
        settings = [whole.settings[index] for index in whole.order[number::2]]
        for side in ("alpha", "beta"):
            column = rows[:, names.index(f"{side}_{number}")]
            np.testing.assert_allclose(column, [getattr(setting, side) for setting in settings], atol=1e-12)


def _holds(step: Any, parameter: Any) -> bool:
    return any(parameter in getattr(value, "parameters", ()) for value in step.operation.params)


def test_the_name_finds_the_same_pairs_again(double: IbmDouble) -> None:
    described = IbmBackend("torino,pairs=3").describe()
    assert described.parallel == 3
    assert described.name == "ibm:ibm_torino,pair=" + "+".join(f"{a}-{b}" for a, b in described.pairs) + ",pairs=3"
    again = IbmBackend(described.name.partition(":")[2]).describe()
    assert (again.name, again.pairs) == (described.name, described.pairs)
    own = [each["predicted_correlator_visibility"] for each in described.calibration["pairs"]]
    assert described.predicted_visibility == pytest.approx(sum(own) / 3, rel=1e-12)
    assert [tuple(each["pair"]) for each in described.calibration["pairs"]] == list(described.pairs)


def test_one_pair_is_as_ever(double: IbmDouble) -> None:
    plain, one = IbmBackend("manila").describe(), IbmBackend("manila,pairs=1").describe()
    assert plain == one
    assert (plain.parallel, plain.pairs) == (1, ())


def test_the_prediction_is_the_mean_over_the_pairs(double: IbmDouble) -> None:
    settings = plan(1, 1).settings
    each = [
        IbmBackend(f"manila,pair={a}-{b}").predict(settings) for a, b in IbmBackend("manila,pairs=2").describe().pairs
    ]
    np.testing.assert_allclose(IbmBackend("manila,pairs=2").predict(settings), np.mean(each, axis=0), atol=1e-9)


def test_the_device_is_paid_for_shots_and_not_for_trials(double: IbmDouble) -> None:
    two, one = IbmBackend("manila,pairs=2").estimate(plan(4000, 2)), IbmBackend("manila").estimate(plan(4000, 1))
    assert two.shots == one.shots == 4000
    assert two.qpu_seconds == pytest.approx(one.qpu_seconds, rel=1e-2)
    assert two.money is not None
    assert two.qpu_seconds is not None
    assert float(two.money) == pytest.approx(1.60 * two.qpu_seconds, rel=1e-9)


@pytest.mark.parametrize(
    ("given", "whole", "told"),
    [
        ("manila,pairs=2", plan(100, 3), "pairs=2 does not fit the schedule"),
        ("manila", plan(100, 2), "give the backend pairs=2"),
        ("manila,pairs=2", plan(100, 2).part(range(199)), "ask for 198 or 200"),
        ("manila,pairs=2", plan(100, 2, 10).part(range(190)), "ask for 180 or 200"),
    ],
)
def test_a_plan_that_does_not_fill_its_shots_is_refused(given: str, whole: Schedule, told: str) -> None:
    with pytest.raises(BackendError, match=told) as refusal:
        IbmBackend(given).split(whole)
    assert "\n" not in str(refusal.value)


def test_more_pairs_than_fit_are_refused_with_their_number(double: IbmDouble) -> None:
    with pytest.raises(BackendError, match="only 2 pairs"):
        IbmBackend("manila,pairs=3").describe()


def test_a_result_of_fewer_pairs_is_refused(double: IbmDouble) -> None:
    backend, whole = IbmBackend("manila,pairs=2"), plan(50, 2)
    raw = backend.download(finished(backend, whole))
    with pytest.raises(DataError, match="the job asked for"):
        backend.parse(raw, plan(50, 1))


def test_a_run_on_three_pairs_from_the_command_line_to_its_folder(
    double: IbmDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The folder's trials are the double's outcomes pair by pair, and an ideal device certifies on every pair."""
    monkeypatch.setattr(asking, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr("bellqueue.runner.experiment.fetching.FIRST_PAUSE", 0.01)
    words = ["bellqueue", "run", "--backend", "ibm:torino,pairs=3", "--shots", "6000", "--seed", "5", "--full"]
    monkeypatch.setattr(sys, "argv", [*words, "--max-cost", "1000", "--out", "run"])
    with contextlib.suppress(SystemExit):
        main()
    told = capfd.readouterr()
    folder = RunFolder.open(tmp_path / "run")
    assert "2000 shots in 1 job" in told.err
    record = folder.plan()
    assert record.parallel == 3
    assert record.shots == 6000
    assert [sum(map(sum, asked)) for asked in record.asked_by_pair] == [2000] * 3
    trials = folder.trials((2, 2))
    with Ledger(tmp_path / "ledger.db") as ledger:
        (run,) = ledger.runs()
        drawn = Schedule.from_bytes(run.sampling)
    (bits,) = double.accepted[0].outcomes[0].values()
    by_pair = np.asarray(bits).reshape(2000, 3, 2)
    for pair in range(3):
        own = trials.of_pair(pair, 3)
        assert np.array_equal(np.stack([own.a, own.b], axis=1), by_pair[:, pair])
        places = [(drawn.settings[index].x, drawn.settings[index].y) for index in drawn.order[pair::3]]
        assert list(zip(own.x.tolist(), own.y.tolist(), strict=True)) == places
    analysis = folder.analysis()
    assert isinstance(analysis, Analysis)
    assert analysis.certificate.certified
    assert analysis.parallel is not None
    assert analysis.parallel.shots == 2000
    assert [pair.qubits for pair in analysis.parallel.pairs] == list(record.backend.pairs)
    assert all(pair.log10_p_value < -3 for pair in analysis.parallel.pairs)
    assert not analysis.parallel.crosstalk.alarm
    assert analysis.provenance.qubits == [qubit for pair in record.backend.pairs for qubit in pair]
    assert json.loads((tmp_path / "run" / "jobs.json").read_text())["jobs"][0]["trials"] == [0, 6000]
    assert Scenario.load(tmp_path / "run" / "scenario.json").experiment.shots == 6000
    for first, _ in record.backend.pairs:
        assert f": {first}-" in told.out
