"""Menus in the cloud: what is submitted is what was drawn, and what comes home is what the device measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.backends.jobs.ledger import Ledger
from bellqueue.circuits.schedule import Schedule
from bellqueue.runner.api.results import MenuResult
from numpy.typing import NDArray

import bellqueue as bq
from tests.menus import ALPHA, BETA, ENTRIES, informed_scenario

from .account import Done, bellqueue
from .braket_double import BraketDouble
from .ibm_double import IbmDouble
from .providers import PROVIDERS, Service

SHOTS = 1000

pytestmark = pytest.mark.usefixtures("menus")


@pytest.fixture(params=PROVIDERS)
def service(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    if request.param == "Amazon Braket":
        pytest.importorskip("braket.aws", reason="needs amazon-braket-sdk")
    service = PROVIDERS[request.param]()
    with service.double:
        for name, value in service.double.environment().items():
            monkeypatch.setenv(name, value)
        yield service


def submitted(backend: str, *more: object, **experiment: Any) -> Done:
    """Submit a menu, in blocks unless `experiment` says otherwise."""
    asked = {"shots": SHOTS, "block": 10, **experiment}
    Path("s.json").write_text(json.dumps(informed_scenario(**asked).record()))
    return bellqueue(
        "submit", "s.json", "--backend", backend, "--seed", 3, "--max-cost", 1000, *(more or ("--out", "run"))
    )


def settings_of_trials() -> NDArray[np.int64]:
    """k, x, y of every trial drawn, as the ledger has them, shape (N, 3)."""
    with Ledger(Path("ledger.db")) as book:
        schedule = Schedule.from_bytes(book.runs()[0].sampling)
    rows = np.array([[*divmod(setting.x, 2), setting.y] for setting in schedule.settings])
    return np.asarray(rows[schedule.order])


def rows() -> NDArray[np.int64]:
    """k, x, y, a, b of every trial in the folder, shape (N, 5)."""
    header, *lines = Path("run/trials.csv").read_text().splitlines()
    assert header == "k,x,y,a,b"
    return np.array([line.split(",") for line in lines], dtype=np.int64)


def test_a_menu_comes_home_as_it_was_drawn(service: Service) -> None:
    """The double's own memory: angles are those of (k, x, y), outcomes those of trials.csv, nothing is lost."""
    code, out, err = submitted(service.backend)
    assert code == 0, err
    run, drawn = out.split()[0], settings_of_trials()
    code, out, err = bellqueue("fetch", "--wait", "--poll", 0.1)
    assert code == 0, err
    assert out.startswith("CERTIFIED")
    table = rows()
    np.testing.assert_array_equal(table[:, :3], drawn)
    measured = service.measured()
    entry, x, y = drawn.T
    np.testing.assert_allclose(np.cos(measured[:, :2]), np.cos([*zip(ALPHA[entry, x], BETA[entry, y], strict=True)]))
    np.testing.assert_array_equal(measured[:, 2:], table[:, 3:])
    analysis = json.loads(Path("run/analysis.json").read_text())
    assert np.sum(analysis["measured"]["lost"]) == 0
    assert len(analysis["entries"]) == ENTRIES
    again = bellqueue("analyze", "run", "--json")
    assert json.loads(again.out)["measured"] == analysis["measured"]
    assert "certified" in bellqueue("runs", ".").out
    fetched = bq.fetch(run, progress=False)
    assert isinstance(fetched, MenuResult)
    assert fetched.folder == Path("run").absolute()
    assert service.jobs() == 1


def test_an_unfinished_menu_is_not_paid_for_twice(ibm: IbmDouble) -> None:
    assert submitted("ibm:manila").code == 0
    code, _, err = submitted("ibm:manila", "--out", "other")
    assert code == 2
    assert "asks the same" in err
    assert len(ibm.accepted) == 1


def test_a_failed_menu_is_not_submitted_again_by_itself(ibm: IbmDouble) -> None:
    ibm.outcome, ibm.reason = "failed", "a cable was loose"
    assert submitted("ibm:manila").code == 0
    code, _, err = bellqueue("fetch", "--wait", "--poll", 0.1)
    assert code == 2
    assert "a cable was loose" in err
    assert len(ibm.accepted) == 1


def test_a_cancelled_menu_is_taken_up_again(ibm: IbmDouble) -> None:
    ibm.queue_polls = 10**9
    code, out, err = submitted("ibm:manila")
    assert code == 0, err
    run = out.split()[0]
    assert bellqueue("cancel", run).code == 0
    ibm.queue_polls = 0
    assert bellqueue("submit", "--resume", run, "--max-cost", 1000).code == 0
    assert bellqueue("fetch", run, "--wait", "--poll", 0.1).code == 0
    np.testing.assert_array_equal(rows()[:, :3], settings_of_trials())


def test_lost_jobs_are_lost_trials_of_their_settings(ibm: IbmDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bellqueue.backends.ibm.adapter.ROWS", SHOTS // 2)  # two jobs
    ibm.queue_polls = 0
    assert submitted("ibm:manila", block=1).code == 0
    ibm.accepted[1].outcome = "failed"
    drawn = settings_of_trials()
    assert bellqueue("fetch").code == 2
    code, out, err = bellqueue("fetch", "--accept-loss", "--json")
    assert code == 0, err
    np.testing.assert_array_equal(rows()[:, :3], drawn[: SHOTS // 2])
    expected = np.zeros((ENTRIES, 2, 2), dtype=int)
    np.add.at(expected, tuple(drawn[SHOTS // 2 :].T), 1)
    assert json.loads(out)["measured"]["lost"] == expected.reshape(-1, 2).tolist()
    assert json.loads(out)["certificate"]["trials"] == SHOTS


def test_single_circuits_are_tasks_of_their_own(braket: BraketDouble) -> None:
    """A simulator that takes one circuit to a task: eight of `fixed` settings of two entries."""
    code, _, err = submitted("braket:sv1", settings="fixed", block=1)
    assert code == 0, err
    assert "1000 shots in 8 jobs" in err
    drawn = settings_of_trials()
    code, _, err = bellqueue("fetch", "--wait", "--poll", 0.1)
    assert code == 0, err
    table = rows()
    np.testing.assert_array_equal(table[:, :3], drawn)
    assert len(braket.tasks) == 8
    measured = [each.measurements for task in braket.tasks.values() for each in task.executables]
    np.testing.assert_array_equal(table[:, 3:], np.concatenate(measured))


def test_several_pairs_to_a_shot_are_refused(ibm: IbmDouble) -> None:
    code, out, err = submitted("ibm:manila,pairs=2")
    assert (code, out) == (2, "")
    assert "routers that know the past take one Bell pair to a shot; leave out pairs=" in err
    assert not ibm.accepted
