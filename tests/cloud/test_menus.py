"""Menus in the cloud: what is submitted is what was drawn, and what comes home is what the device measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
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

from .braket_double import BraketDouble
from .ibm_double import IbmDouble
from .providers import PROVIDERS, Service

Call = Callable[..., tuple[int, str, str]]
SHOTS = 1000

pytestmark = pytest.mark.usefixtures("menus")


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"HOME": tmp_path, "BELLQUEUE_LEDGER": tmp_path / "ledger.db", "BELLQUEUE_SETTLE": 1}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=PROVIDERS)
def service(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    if request.param == "Amazon Braket":
        pytest.importorskip("braket.aws", reason="needs amazon-braket-sdk")
        from bellqueue.backends.braket.session import sign_in

        sign_in.cache_clear()
    service = PROVIDERS[request.param]()
    with service.double:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        yield service


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    from bellqueue.runner.commands.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bellqueue", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        told = capfd.readouterr()
        return int(end.value.code or 0), told.out, told.err

    return run


def submitted(backend: str, call: Call, *more: object, **experiment: Any) -> tuple[int, str, str]:
    """Submit a menu, in blocks unless `experiment` says otherwise."""
    asked = {"shots": SHOTS, "block": 10, **experiment}
    Path("s.json").write_text(json.dumps(informed_scenario(**asked).record()))
    return call("submit", "s.json", "--backend", backend, "--seed", 3, "--max-cost", 1000, *(more or ("--out", "run")))


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


def test_a_menu_comes_home_as_it_was_drawn(service: Service, call: Call) -> None:
    """The double's own memory: angles are those of (k, x, y), outcomes those of trials.csv, nothing is lost."""
    code, out, err = submitted(service.backend, call)
    assert code == 0, err
    run, drawn = out.split()[0], settings_of_trials()
    code, out, err = call("fetch", "--wait", "--poll", 0.1)
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
    again = call("analyze", "run", "--json")
    assert json.loads(again[1])["measured"] == analysis["measured"]
    assert "certified" in call("runs", ".")[1]
    fetched = bq.fetch(run, progress=False)
    assert isinstance(fetched, MenuResult)
    assert fetched.folder == Path("run").absolute()
    assert service.jobs() == 1


def test_an_unfinished_menu_is_not_paid_for_twice(ibm: IbmDouble, call: Call) -> None:
    assert submitted("ibm:manila", call)[0] == 0
    code, _, err = submitted("ibm:manila", call, "--out", "other")
    assert code == 2
    assert "asks the same" in err
    assert len(ibm.accepted) == 1


def test_a_failed_menu_is_not_submitted_again_by_itself(ibm: IbmDouble, call: Call) -> None:
    ibm.outcome, ibm.reason = "failed", "a cable was loose"
    assert submitted("ibm:manila", call)[0] == 0
    code, _, err = call("fetch", "--wait", "--poll", 0.1)
    assert code == 2
    assert "a cable was loose" in err
    assert len(ibm.accepted) == 1


def test_a_cancelled_menu_is_taken_up_again(ibm: IbmDouble, call: Call) -> None:
    ibm.queue_polls = 10**9
    code, out, err = submitted("ibm:manila", call)
    assert code == 0, err
    run = out.split()[0]
    assert call("cancel", run)[0] == 0
    ibm.queue_polls = 0
    assert call("submit", "--resume", run, "--max-cost", 1000)[0] == 0
    assert call("fetch", run, "--wait", "--poll", 0.1)[0] == 0
    np.testing.assert_array_equal(rows()[:, :3], settings_of_trials())


def test_lost_jobs_are_lost_trials_of_their_settings(
    ibm: IbmDouble, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bellqueue.backends.ibm.adapter.ROWS", SHOTS // 2)  # two jobs
    ibm.queue_polls = 0
    assert submitted("ibm:manila", call, block=1)[0] == 0
    ibm.accepted[1].outcome = "failed"
    drawn = settings_of_trials()
    assert call("fetch")[0] == 2
    code, out, err = call("fetch", "--accept-loss", "--json")
    assert code == 0, err
    np.testing.assert_array_equal(rows()[:, :3], drawn[: SHOTS // 2])
    expected = np.zeros((ENTRIES, 2, 2), dtype=int)
    np.add.at(expected, tuple(drawn[SHOTS // 2 :].T), 1)
    assert json.loads(out)["measured"]["lost"] == expected.reshape(-1, 2).tolist()
    assert json.loads(out)["certificate"]["trials"] == SHOTS


def test_single_circuits_are_tasks_of_their_own(braket: BraketDouble, call: Call) -> None:
    """A simulator that takes one circuit to a task: eight of `fixed` settings of two entries."""
    code, _, err = submitted("braket:sv1", call, settings="fixed", block=1)
    assert code == 0, err
    assert "1000 shots in 8 jobs" in err
    drawn = settings_of_trials()
    code, _, err = call("fetch", "--wait", "--poll", 0.1)
    assert code == 0, err
    table = rows()
    np.testing.assert_array_equal(table[:, :3], drawn)
    assert len(braket.tasks) == 8
    measured = [each.measurements for task in braket.tasks.values() for each in task.executables]
    np.testing.assert_array_equal(table[:, 3:], np.concatenate(measured))


def test_several_pairs_to_a_shot_are_refused(ibm: IbmDouble, call: Call) -> None:
    code, out, err = submitted("ibm:manila,pairs=2", call)
    assert (code, out) == (2, "")
    assert "routers that know the past take one Bell pair to a shot; leave out pairs=" in err
    assert not ibm.accepted
