"""Local jobs: order of trials, pieces of work, seeds, and what asking too early or too much gives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from bellqueue.backends.protocol import Description
from bellqueue.backends.simulators.local import Simulator, WernerNoise, parse_noise, shuffled_outcomes
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.errors import BackendError
from bellqueue.model.trials import Sampling


class Coins(Simulator):
    """Two fair coins; a setting of angle alpha > 0 always gives (1, 0) instead."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def describe(self) -> Description:
        return Description("coins", "simulator", "coins", 2)

    def sample(self, settings: Sequence[Setting], shots: np.ndarray, seed: int) -> list[np.ndarray]:
        self.calls.append(len(settings))
        assert shots.min() > 0
        rng = np.random.default_rng(seed)
        coins = [rng.integers(0, 2, size=(wanted, 2), dtype=np.uint8) for wanted in shots]
        return [np.full_like(c, [1, 0]) if s.alpha else c for s, c in zip(settings, coins, strict=True)]


def _plan(order: Sequence[int] | np.ndarray, settings: int, certain: Sequence[int] = ()) -> Schedule:
    bases = tuple(Setting(0, y, float(y in certain), 0.0) for y in range(settings))
    return Schedule(bases, np.array(order, dtype=np.int64), (1, settings), Sampling("random"))


def _finish(backend: Simulator, job: str) -> None:
    while not backend.poll(job).finished:
        pass


def test_trials_come_in_the_order_of_the_plan() -> None:
    order = np.random.default_rng(3).integers(0, 5, size=500)
    backend = Coins()
    job = backend.submit(_plan(order, 6, certain=(1, 4)), "key", 1)
    _finish(backend, job)
    trials = backend.fetch(job)
    assert trials.y.tolist() == order.tolist()
    certain = np.isin(order, (1, 4))
    assert (trials.a[certain] == 1).all()
    assert (trials.b[certain] == 0).all()
    assert 0.4 < trials.a[~certain].mean() < 0.6


def test_each_poll_does_a_piece_and_tells_how_far_it_is() -> None:
    backend = Coins()
    job = backend.submit(_plan([0, 1, 1, 2, 2, 2], 3), "key", 1)
    assert not backend.calls
    seen = [backend.poll(job) for _ in range(3)]
    assert [(status.state, status.done, status.total) for status in seen] == [
        ("running", 1, 6),
        ("running", 3, 6),
        ("done", 6, 6),
    ]
    assert backend.poll(job).finished
    assert len(backend.calls) == 3


def test_many_settings_take_few_calls() -> None:
    backend = Coins()
    job = backend.submit(_plan(np.arange(4096) % 4000, 4096), "key", 1)
    _finish(backend, job)
    assert sum(backend.calls) == 4000
    assert len(backend.calls) <= 40


def test_the_seed_fixes_the_trials() -> None:
    backend = Coins()
    plan = _plan(np.zeros(200, dtype=int), 1)
    runs = []
    for key, seed in (("a", 7), ("b", 7), ("c", 8), ("d", None), ("e", None)):
        job = backend.submit(plan, key, seed)
        _finish(backend, job)
        trials = backend.fetch(job)
        runs.append(trials.a.tobytes() + trials.b.tobytes())
    assert runs[0] == runs[1]
    assert len(set(runs)) == 4


def test_pieces_of_one_job_have_seeds_of_their_own() -> None:
    backend = Coins()
    job = backend.submit(_plan(np.repeat([0, 1], 100), 2), "key", 7)
    _finish(backend, job)
    trials = backend.fetch(job)
    assert trials.a[:100].tobytes() != trials.a[100:].tobytes()


def test_jobs_are_found_by_their_key() -> None:
    backend = Coins()
    first, again, other = (backend.submit(_plan([0], 1), key, 1) for key in ("one", "one", "two"))
    assert backend.find("one") == (first, again)
    assert backend.find("two") == (other,)
    assert backend.find("three") == ()


def test_a_cancelled_job_runs_no_further() -> None:
    backend = Coins()
    job = backend.submit(_plan([0, 1, 2], 3), "key", 1)
    backend.poll(job)
    backend.cancel(job)
    status = backend.poll(job)
    assert (status.state, status.done, status.finished, len(backend.calls)) == ("cancelled", 1, True, 1)
    with pytest.raises(BackendError, match="cancelled after 1 of 3"):
        backend.fetch(job)


def test_cancelling_a_finished_job_changes_nothing() -> None:
    backend = Coins()
    job = backend.submit(_plan([0], 1), "key", 1)
    _finish(backend, job)
    backend.cancel(job)
    assert backend.poll(job).state == "done"
    assert len(backend.fetch(job)) == 1


def test_an_unfinished_job_has_no_trials_yet() -> None:
    backend = Coins()
    job = backend.submit(_plan([0, 1], 2), "key", 1)
    backend.poll(job)
    with pytest.raises(BackendError, match="1 of 2 trials; poll it"):
        backend.fetch(job)


@pytest.mark.parametrize("method", ["poll", "fetch", "cancel"])
def test_an_unknown_job_is_refused(method: str) -> None:
    with pytest.raises(BackendError, match="unknown to coins"):
        getattr(Coins(), method)("local-of-yesterday")


def test_a_plan_without_trials_and_a_negative_seed_are_refused() -> None:
    with pytest.raises(BackendError, match="no trials"):
        Coins().submit(_plan([], 1), "key", 1)
    with pytest.raises(BackendError, match="seed is -1"):
        Coins().submit(_plan([0], 1), "key", -1)


def test_shuffled_outcomes_keep_the_counts() -> None:
    table = np.array([[3, 5], [7, 11]])
    outcomes = shuffled_outcomes(table, 26, np.random.default_rng(0))
    back = np.zeros((2, 2), dtype=int)
    np.add.at(back, (outcomes[:, 0], outcomes[:, 1]), 1)
    assert back.tolist() == table.tolist()


def test_shuffled_outcomes_are_a_fair_choice() -> None:
    """Of 10 trials with 4 ones, the first of 5 chosen is a one with probability 0.4: z ≤ 4 over 4000 draws."""
    rng = np.random.default_rng(1)
    ones = sum(int(shuffled_outcomes(np.array([[6, 0], [0, 4]]), 5, rng)[0, 0]) for _ in range(4000))
    assert abs(ones / 4000 - 0.4) < 4 * np.sqrt(0.24 / 4000)


def test_noise_scales_and_shifts_correlators_as_readout_matrices_do() -> None:
    noise = parse_noise("aer", "visibility=0.9,readout_0to1=0.02,readout_1to0=0.1")
    readout = np.array([[0.98, 0.02], [0.1, 0.9]])
    for cosine in (-1.0, -0.3, 0.0, 0.8):
        c = 0.9 * cosine
        state = np.array([[1 + c, 1 - c], [1 - c, 1 + c]]) / 4
        read = readout.T @ state @ readout
        expected = read[0, 0] + read[1, 1] - read[0, 1] - read[1, 0]
        assert noise.predicted_visibility * cosine + noise.correlator_offset == pytest.approx(expected, abs=1e-15)


def test_symmetric_readout_is_both_directions() -> None:
    assert parse_noise("aer", "readout=0.03") == WernerNoise(1.0, 0.03, 0.03)
    assert parse_noise("aer", "readout_1to0=0.03") == WernerNoise(1.0, 0.0, 0.03)
    assert parse_noise("aer", "visibility=1,readout=0").ideal


def test_importing_backends_imports_no_quantum_sdk() -> None:
    code = (
        "import sys; from bellqueue.backends import list_backends, open_backend; "
        "import bellqueue.circuits.qiskit_circuit, bellqueue.circuits.braket_circuit; list_backends(); "
        "open_backend('aer'); "
        "print(sorted({name.split('.')[0] for name in sys.modules} & "
        "{'qiskit', 'qiskit_aer', 'qiskit_ibm_runtime', 'braket', 'boto3'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
