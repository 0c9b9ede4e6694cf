"""Several pairs in every shot, the unmodified client against the double: what is sent, and whose each bit is."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.backends.ibm.adapter import IbmBackend
from bellqueue.backends.jobs.ledger import Ledger
from bellqueue.circuits.schedule import Schedule, Setting, draw_schedule
from bellqueue.model.errors import BackendError, DataError
from bellqueue.model.games.strategy import Measurements, Strategy
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Sampling
from bellqueue.runner.experiment.folder import RunFolder

from .account import bellqueue
from .ibm_double import IbmDouble
from .plans import UNIFORM, finished, measured, outcomes


@pytest.fixture
def ibm(ibm: IbmDouble) -> IbmDouble:
    """IBM Quantum with the 133 qubits of Torino as well."""
    ibm.devices["ibm_torino"] = "torino"
    return ibm


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
    ibm: IbmDouble, device: str, pairs: int, shots: int, block: int, rule: str
) -> None:
    """On ideal pairs a = b or a ≠ b is certain at every setting; pairs measure different ones in the same shot."""
    backend, whole = IbmBackend(f"{device},pairs={pairs}"), plan(shots, pairs, block, rule)
    assert backend.split(whole) == (range(shots * pairs),)
    found = measured(backend, whole)
    different = whole.order == 3
    assert (rule == "fixed") == all(len(set(shot)) == 1 for shot in whole.order.reshape(-1, pairs).tolist())
    assert np.array_equal(found.a != found.b, different)
    assert ibm.accepted[0].bits.shape[-1] == 2 * pairs
    by_pair = ibm.accepted[0].bits.reshape(shots, pairs, 2)
    for pair in range(pairs):
        own = found.of_pair(pair, pairs)
        assert np.array_equal(outcomes(own), by_pair[:, pair])
        assert 0 < own.a.mean() < 1  # the outcomes themselves are chance, so that they tell the trials apart
    assert ibm.accepted[0].executions == shots


def test_bits_and_angles_belong_to_the_qubits_that_are_named(ibm: IbmDouble) -> None:
    """Classical bits 2j and 2j+1 read A's and B's qubit of pair j, and alpha_j turns A's only."""
    backend, whole = IbmBackend("manila,pair=1-0,pairs=2"), plan(50, 2)
    described = backend.describe()
    assert described.pair == described.pairs[0] == (1, 0)
    finished(backend, whole)
    circuit, rows, *_ = ibm.accepted[-1].sent
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


def test_the_name_finds_the_same_pairs_again(ibm: IbmDouble) -> None:
    described = IbmBackend("torino,pairs=3").describe()
    assert described.parallel == 3
    assert described.name == "ibm:ibm_torino,pair=" + "+".join(f"{a}-{b}" for a, b in described.pairs) + ",pairs=3"
    again = IbmBackend(described.name.partition(":")[2]).describe()
    assert (again.name, again.pairs) == (described.name, described.pairs)
    own = [each["predicted_correlator_visibility"] for each in described.calibration["pairs"]]
    assert described.predicted_visibility == pytest.approx(sum(own) / 3, rel=1e-12)
    assert [tuple(each["pair"]) for each in described.calibration["pairs"]] == list(described.pairs)


def test_one_pair_is_as_ever(ibm: IbmDouble) -> None:
    plain, one = IbmBackend("manila").describe(), IbmBackend("manila,pairs=1").describe()
    assert plain == one
    assert (plain.parallel, plain.pairs) == (1, ())


def test_the_prediction_is_the_mean_over_the_pairs(ibm: IbmDouble) -> None:
    settings = plan(1, 1).settings
    each = [
        IbmBackend(f"manila,pair={a}-{b}").predict(settings) for a, b in IbmBackend("manila,pairs=2").describe().pairs
    ]
    np.testing.assert_allclose(IbmBackend("manila,pairs=2").predict(settings), np.mean(each, axis=0), atol=1e-9)


def test_the_device_is_paid_for_shots_and_not_for_trials(ibm: IbmDouble) -> None:
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


def test_more_pairs_than_fit_are_refused_with_their_number(ibm: IbmDouble) -> None:
    with pytest.raises(BackendError, match="only 2 pairs"):
        IbmBackend("manila,pairs=3").describe()


def test_a_result_of_fewer_pairs_is_refused(ibm: IbmDouble) -> None:
    backend, whole = IbmBackend("manila,pairs=2"), plan(50, 2)
    raw = backend.download(finished(backend, whole))
    with pytest.raises(DataError, match="the job asked for"):
        backend.parse(raw, plan(50, 1))


def test_a_run_on_three_pairs_from_the_command_line_to_its_folder(ibm: IbmDouble, place: Path) -> None:
    """The folder's trials are the double's outcomes pair by pair, and an ideal device certifies on every pair."""
    asked = ("--backend", "ibm:torino,pairs=3", "--shots", 6000, "--seed", 5, "--max-cost", 1000)
    done = bellqueue("run", *asked, "--full", "--out", "run")
    folder = RunFolder.open(place / "run")
    assert "2000 shots in 1 job" in done.err
    record = folder.plan()
    assert record.parallel == 3
    assert record.shots == 6000
    assert [sum(map(sum, asked)) for asked in record.asked_by_pair] == [2000] * 3
    trials = folder.trials((2, 2))
    with Ledger(place / "ledger.db") as ledger:
        (run,) = ledger.runs()
        drawn = Schedule.from_bytes(run.sampling)
    by_pair = ibm.accepted[0].bits.reshape(2000, 3, 2)
    for pair in range(3):
        own = trials.of_pair(pair, 3)
        assert np.array_equal(outcomes(own), by_pair[:, pair])
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
    assert json.loads((place / "run" / "jobs.json").read_text())["jobs"][0]["trials"] == [0, 6000]
    assert Scenario.load(place / "run" / "scenario.json").experiment.shots == 6000
    for first, _ in record.backend.pairs:
        assert f": {first}-" in done.out
