"""The commands against IBM Quantum's double: what is submitted, what it may cost, and what comes home."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import signal
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from bellqueue.backends.ibm import adapter as ibm
from bellqueue.backends.jobs.ledger import Ledger
from bellqueue.circuits.schedule import Schedule
from bellqueue.model.errors import DataError
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Trials
from bellqueue.runner.experiment.folder import RunFolder
from bellqueue.runner.experiment.pipeline import analyze_run

from ..scenarios import default_record
from ..sketching import sketch
from .account import SHOTS, Account, Done, account_in
from .faults import Fault
from .plans import outcomes

NEVER = 10**9
UNKNOWN = "20260101-abc123"
LINK = "link:rate=1,fidelity=1,memory_time=1000"


class Finished(NamedTuple):
    """A run that was submitted, waited for and fetched, and what each command said."""

    account: Account
    run: str
    folder: Path
    submitted: Done
    waiting: Done
    status: Done
    fetched: Done


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch, account_in(folder) as account:
        sketch(patch.setattr)
        account.double.queue_polls = 2
        submitted = account.submit("--out", "run")
        run = submitted.run
        waiting = account.call("fetch", run)
        status = account.call("status")
        fetched = account.call("fetch")
        yield Finished(account, run, folder / "run", submitted, waiting, status, fetched)


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_of(account: Account, job: int = 0) -> tuple[Any, int]:
    """(angles (alpha, beta) of each row, shots of each row) that the double was sent."""
    circuit, rows, shots, _ = account.double.accepted[job].sent
    names = [parameter.name for parameter in circuit.parameters]
    return rows[:, [names.index("alpha"), names.index("beta")]], shots


def planned(account: Account, run: str) -> Schedule:
    """The settings in the ledger."""
    with Ledger(account.ledger) as ledger:
        return Schedule.from_bytes(ledger.run(run).sampling)


def scenario_file(account: Account, **experiment: object) -> Path:
    """The default scenario with another [experiment]."""
    record = default_record(**experiment)
    path = account.folder / "scenario.json"
    path.write_text(json.dumps(record))
    return path


# --- there and back ---------------------------------------------------------------------------------------------


def test_a_run_is_submitted_asked_for_and_brought_home(finished: Finished) -> None:
    assert finished.submitted.out == f"{finished.run}\nfetch it with: bellqueue fetch {finished.run}\n"
    assert "400 shots in 1 job" in finished.submitted.err
    assert re.search(r"estimated cost \$\d+\.\d\d", finished.submitted.err)
    assert (finished.waiting.code, finished.waiting.out) == (4, "")
    assert finished.waiting.err == f"bellqueue: run {finished.run}, part 1: running; fetch again later\n"
    assert finished.run in finished.status.out
    assert finished.account.double.accepted[0].id in finished.status.out
    assert finished.fetched.code == 0, finished.fetched.err
    assert str(finished.folder / "report.html") in finished.fetched.out
    assert len(finished.account.double.accepted) == 1
    table = finished.account.call("runs").out
    assert finished.run in table
    assert "finished" in table
    assert json.loads(finished.account.call("runs", finished.run, "--json").out)[0]["folder"] == str(finished.folder)
    assert {"scenario.json", "plan.json", "trials.csv", "analysis.json", "jobs.json", "report.html"} <= set(
        files(finished.folder)
    )


def test_fetching_again_changes_nothing_and_asks_nobody(finished: Finished) -> None:
    before, requests = files(finished.folder), len(finished.account.double.requests)
    again = finished.account.call("fetch", finished.run)
    assert again == finished.fetched
    assert files(finished.folder) == before
    assert len(finished.account.double.requests) == requests
    assert finished.account.call("fetch").code == 0  # nothing waits


def test_the_used_time_and_money_are_told(finished: Finished) -> None:
    """The double charges 2 s and a repetition delay per shot, in whole seconds; a second costs $1.60."""
    seconds = finished.account.double._seconds(finished.account.double.accepted[0])
    (job,) = finished.account.record(finished.run)["jobs"]
    assert job["used_qpu_seconds"] == seconds
    assert Decimal(job["used_money"]) == Decimal("1.60") * seconds
    assert f"${Decimal('1.60') * seconds}, {seconds:.1f} s" in finished.account.call("runs").out


def test_the_settings_reach_the_device_in_the_drawn_order(finished: Finished) -> None:
    plan = planned(finished.account, finished.run)
    angles, shots = rows_of(finished.account)
    expected = [[plan.settings[index].alpha, plan.settings[index].beta] for index in plan.order]
    assert shots == 1
    np.testing.assert_allclose(angles, expected, rtol=0, atol=1e-12)
    assert len(set(map(tuple, expected))) == 4
    assert finished.account.double.accepted[0].executions == SHOTS


def test_the_analysis_is_that_of_the_outcomes_the_double_drew(finished: Finished) -> None:
    """Trials put together by hand from the double's own memory give the same counts and certificate."""
    plan = planned(finished.account, finished.run)
    bits = finished.account.double.accepted[0].bits
    types = np.array([[plan.settings[index].x, plan.settings[index].y] for index in plan.order])
    trials = Trials(types[:, 0], types[:, 1], bits[:, 0, 0].astype(int), bits[:, 0, 1].astype(int), (2, 2))
    folder = RunFolder.open(finished.folder)
    counts = np.zeros((2, 2, 2, 2), dtype=int)
    for x, y, (a, b) in zip(trials.x, trials.y, bits[:, 0].astype(int), strict=True):
        counts[x, y, a, b] += 1
    np.testing.assert_array_equal(folder.trials((2, 2)).counts().table, counts)
    direct = json.loads(analyze_run(folder.scenario(), folder.plan(), trials).to_json())
    command = finished.account.call("analyze", finished.folder, "--json")
    assert command.code == 0, command.err
    for analysis in (json.loads(command.out), json.loads((finished.folder / "analysis.json").read_text())):
        for part in ("certificate", "observed", "correlators", "no_signalling"):
            assert analysis[part] == direct[part]
    assert direct["certificate"]["trials"] == SHOTS
    assert direct["certificate"]["lost"] == 0
    assert direct["certificate"]["assumption"].startswith("Settings were drawn afresh")


def test_the_command_in_the_record_repeats_the_run(finished: Finished) -> None:
    """The same settings in the same number, on the same pair of qubits."""
    command = json.loads((finished.folder / "analysis.json").read_text())["provenance"]["command"]
    assert f"--shots {SHOTS}" in command
    assert "--seed 3" in command
    assert re.search(r"--backend ibm:ibm_manila,pair=\d-\d", command)


def test_nothing_written_holds_a_secret(finished: Finished) -> None:
    double = finished.account.double
    secrets = [double.api_key, *double._tokens]
    assert len(secrets) > 1
    with Ledger(finished.account.ledger):  # open, so that the write-ahead log is there as well
        written = files(finished.account.folder)
    assert {finished.account.ledger.name, "run/jobs.json"} <= set(written)
    for name, content in written.items():
        for secret in secrets:
            assert secret.encode() not in content, name
    assert not double.leaks


def test_run_does_it_all_at_once(account: Account) -> None:
    account.double.queue_polls = 3
    done = account.call("run", "--backend", "ibm:manila", "--shots", 100, "--max-cost", 1000, "--json", "--poll", 0.1)
    assert done.code == 0, done.err
    assert json.loads(done.out)["certificate"]["trials"] == 100
    assert len(account.double.accepted) == 1


# --- blocks -----------------------------------------------------------------------------------------------------


def test_blocks_are_rows_of_many_shots_and_the_record_says_what_that_assumes(account: Account) -> None:
    scenario = scenario_file(account, block=100)
    run = account.submit(scenario, "--out", "run", shots=2000).run
    plan = planned(account, run)
    angles, shots = rows_of(account)
    assert (len(angles), shots) == (20, 100)
    expected = [[plan.settings[index].alpha, plan.settings[index].beta] for index in plan.order[::100]]
    np.testing.assert_allclose(angles, expected, rtol=0, atol=1e-12)
    account.call("status")
    assert account.call("fetch", run).code == 0
    analysis = json.loads((account.folder / "run" / "analysis.json").read_text())
    assert analysis["certificate"]["trials"] == 2000
    assert analysis["certificate"]["log10_anytime_p_value"] is None  # that one needs fresh settings
    assert analysis["certificate"]["assumption"].startswith("Conditional on the settings realised")
    assert json.loads((account.folder / "run" / "plan.json").read_text())["block"] == 100
    trials = RunFolder.open(account.folder / "run").trials((2, 2))
    np.testing.assert_array_equal(outcomes(trials), account.double.accepted[0].bits.reshape(2000, 2))


def test_shots_that_do_not_fill_the_blocks_are_refused_in_one_line(account: Account) -> None:
    done = account.submit(scenario_file(account, block=100), shots=2050)
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("bellqueue: shots = 2050 is no multiple of block = 100")
    assert "ask for 2000 or 2100" in done.err
    assert account.double.accepted == []


# --- what it may cost -------------------------------------------------------------------------------------------


def assert_nothing_submitted(account: Account, done: Done) -> None:
    """One line of refusal, no job, no run."""
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1].startswith("bellqueue: nothing was submitted")
    assert "Traceback" not in done.err
    assert account.double.accepted == []
    assert account.double.count("POST", "/jobs$") == 0
    assert json.loads(account.call("runs", "--json").out) == []


def test_the_estimate_shown_is_the_least_limit_that_lets_a_run_pass(account: Account) -> None:
    first = account.submit(limit=0)
    assert_nothing_submitted(account, first)
    shown = re.search(r"estimated cost \$(\d+\.\d\d)", first.err)
    assert shown
    cost = Decimal(shown[1])
    # 2 s, and a repetition delay and a circuit of a few microseconds per shot, at $1.60 a second
    assert Decimal("3.20") < cost < Decimal("3.60")
    assert_nothing_submitted(account, account.submit(limit=cost - Decimal("0.01")))
    assert account.submit(limit=cost).code == 0
    assert len(account.double.accepted) == 1


def test_the_limit_on_time_holds_to_the_last_digit(account: Account) -> None:
    def submit(limit: float) -> Done:
        return account.call(
            *("submit", "--backend", "ibm:manila", "--shots", SHOTS, "--seed", 3, "--again"),
            *("--max-qpu-seconds", repr(limit)),
        )

    assert_nothing_submitted(account, submit(2.0))
    seconds = account.record(submit(1000.0).run)["estimate"]["qpu_seconds"]
    assert submit(math.nextafter(seconds, 0)).code == 2
    assert len(account.double.accepted) == 1
    assert submit(seconds).code == 0
    assert len(account.double.accepted) == 2


@pytest.mark.parametrize("options", [(), ("--yes",)])
def test_without_a_limit_and_a_terminal_nothing_that_costs_is_submitted(
    account: Account, options: tuple[str, ...]
) -> None:
    done = account.call("submit", "--backend", "ibm:manila", "--shots", SHOTS, *options)
    assert_nothing_submitted(account, done)
    assert "give --max-cost or --max-qpu-seconds" in done.err


def test_what_is_free_needs_no_limit(account: Account) -> None:
    account.double.plan = "open"
    done = account.call("submit", "--backend", "ibm:manila", "--shots", SHOTS)
    assert done.code == 0
    assert "estimated cost free" in done.err


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
@pytest.mark.parametrize(("answer", "options", "jobs"), [("n", (), 0), ("y", (), 1), ("", ("--yes",), 1)])
def test_at_a_terminal_the_user_is_asked(account: Account, answer: str, options: tuple[str, ...], jobs: int) -> None:
    ours, theirs = os.openpty()
    with open(theirs, "r+b", buffering=0) as raw, io.TextIOWrapper(raw, write_through=True) as terminal:
        threading.Thread(target=_drain, args=(ours, answer), daemon=True).start()
        done = account.call("submit", "--backend", "ibm:manila", "--shots", SHOTS, *options, terminal=terminal)
    assert done.code == (0 if jobs else 2)
    assert len(account.double.accepted) == jobs
    assert len(json.loads(account.call("runs", "--json").out)) == jobs


def _drain(terminal: int, answer: str) -> None:
    """Read what is shown, and answer the question when it comes."""
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while piece := os.read(terminal, 1000):
            shown += piece
            if answer and b"Submit?" in shown:
                os.write(terminal, f"{answer}\n".encode())
                answer = ""
    os.close(terminal)


# --- names and options ------------------------------------------------------------------------------------------


def test_an_unknown_device_lists_those_of_the_account(account: Account) -> None:
    done = account.call("submit", "--backend", "ibm:nowhere", "--max-cost", 1000)
    assert (done.code, done.out) == (2, "")
    assert done.err == "bellqueue: ibm:nowhere is not among the devices of this account; valid: fez, manila\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("submit --backend aer:visibility=0.9", "use: bellqueue run --backend aer:visibility=0.9"),
        (f"submit scenario.json --backend {LINK}", f"use: bellqueue run scenario.json --backend {LINK}"),
        ("submit --backend ibm:manila --max-cost=ten", "'ten' is not an amount in US dollars"),
        ("submit --backend ibm:manila --max-cost=", "'' is not an amount in US dollars"),
        *(
            (f"submit --resume {UNKNOWN} {option}", "--resume takes scenario, backend, shots, seed and folder from the")
            for option in ("--backend ibm:manila", "--shots 5", "--seed 0", "--out run", "scenario.json")
        ),
        *(
            (f"{command} {UNKNOWN}", f"no run '{UNKNOWN}'")
            for command in ("fetch", "status", "cancel", "runs", "submit --resume")
        ),
    ],
)
def test_a_mistake_is_refused_in_one_line_before_anyone_is_asked(account: Account, words: str, told: str) -> None:
    scenario_file(account)
    done = account.call(*words.split())
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert told in done.err
    assert account.double.requests == []


def test_a_place_that_is_taken_is_refused_before_anything_is_paid(account: Account) -> None:
    (account.folder / "taken").mkdir()
    done = account.submit("--out", "taken")
    assert done.code == 2
    assert "taken: exists already" in done.err
    assert account.double.accepted == []


# --- what goes wrong --------------------------------------------------------------------------------------------


def test_a_cancelled_run_is_stopped_and_may_be_sent_again(account: Account) -> None:
    account.double.queue_polls = NEVER
    run = account.submit("--out", "run").run
    cancelled = account.call("cancel", run)
    assert cancelled.code == 0, cancelled.err
    assert "cancelled" in cancelled.out
    assert account.double.accepted[0].status == "Cancelled"
    fetched = account.call("fetch", run)
    assert (fetched.code, fetched.out) == (2, "")
    assert "1 of 1 jobs brought nothing (cancelled" in fetched.err
    assert f"submit again with: bellqueue submit --resume {run}" in fetched.err
    assert "--accept-loss" not in fetched.err  # there is nothing it could count
    assert not (account.folder / "run").exists()
    refused = account.call("submit", "--resume", run)
    assert "nothing was submitted" in refused.err
    assert len(account.double.accepted) == 1
    assert account.call("submit", "--resume", run, "--max-cost", 1000).run == run
    assert len(account.double.accepted) == 2
    np.testing.assert_array_equal(rows_of(account, 0)[0], rows_of(account, 1)[0])


def test_a_refused_run_is_not_called_finished(account: Account) -> None:
    account.double.fail("POST", "/jobs$", Fault.status(400))
    refused = account.submit()
    assert refused.code == 2
    assert account.double.accepted == []
    status = account.call("status")
    assert "refused" in status.out
    assert "finished at the provider" not in status.out


def test_a_part_in_doubt_is_not_sent_again_without_being_asked_for(account: Account) -> None:
    """The connection broke at the submission and stayed down; that the job does not exist is found out only later."""
    account.double.fail("POST", "/jobs$", Fault("drop", "before"))
    account.double.fail("GET", "/jobs$", Fault.status(503), times=None)
    assert account.submit().code == 6
    account.double.heal()
    (record,) = json.loads(account.call("runs", "--json").out)
    assert [job["state"] for job in record["jobs"]] == ["intended"]
    resumed = account.call("submit", "--resume", record["run"])
    assert account.double.accepted == []
    assert resumed.code == 2
    assert "nothing was submitted" in resumed.err
    assert account.call("submit", "--resume", record["run"], "--max-cost", 1000).code == 0
    assert len(account.double.accepted) == 1


def test_lost_parts_count_as_losses_when_the_user_says_so_and_are_then_not_bought_again(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ibm, "ROWS", SHOTS // 2)  # two jobs
    account.double.queue_polls = 0
    run = account.submit("--out", "run").run
    assert len(account.double.accepted) == 2
    account.double.accepted[1].outcome = "failed"
    failed = account.call("fetch", run)
    assert failed.code == 2
    assert "1 of 2 jobs brought nothing (failed: " in failed.err
    assert "asked for by the test" in failed.err  # the provider's reason
    assert f"bellqueue submit --resume {run}" in failed.err
    assert f"bellqueue fetch {run} --accept-loss" in failed.err
    accepted = account.call("fetch", run, "--accept-loss", "--json")
    assert accepted.code == 0, accepted.err
    certificate = json.loads(accepted.out)["certificate"]
    assert (certificate["trials"], certificate["lost"]) == (SHOTS, SHOTS // 2)
    resumed = account.call("submit", "--resume", run, "--max-cost", 1000)
    assert len(account.double.accepted) == 2
    assert resumed.code == 2
    assert "finished" in resumed.err


def test_usage_worked_out_after_the_fetch_is_still_learnt(account: Account) -> None:
    account.double.queue_polls = 0
    account.double.usage_known = False
    run = account.submit(shots=100).run
    assert account.call("fetch", run).code == 0
    assert account.record(run)["jobs"][0]["used_qpu_seconds"] is None
    account.double.usage_known = True
    account.call("fetch", run)
    assert account.record(run)["jobs"][0]["used_qpu_seconds"] == 3  # 2 s and 100 repetition delays, rounded up


def test_settings_that_would_never_be_measured_are_refused_before_anything_is_paid(account: Account) -> None:
    done = account.submit(scenario_file(account, block=100), shots=300)
    assert (done.code, account.double.accepted) == (2, [])
    assert "experiment.shots = 300 in blocks of 100 are 3 draws of settings" in done.err


def test_a_refusal_in_the_middle_is_resumed_and_not_paid_for_again(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ibm, "ROWS", SHOTS // 4)  # four jobs
    account.double.fail("POST", "/jobs$", Fault.status(429), after=2)
    refused = account.submit()
    (record,) = json.loads(account.call("runs", "--json").out)
    run = record["run"]
    assert refused.code == 2
    assert "part 3 of 4 was not submitted" in refused.err
    again = account.submit()
    assert (again.code, len(account.double.accepted)) == (2, 2)
    assert f"run {run} of " in again.err
    assert "to pay for another one beside it, add --again" in again.err
    assert account.call("submit", "--backend", "ibm:manila", "--shots", SHOTS, "--max-cost", 1000).code == 2  # any seed
    assert account.call("submit", "--resume", run, "--max-cost", 1000).run == run
    assert len(account.double.accepted) == 4
    assert account.call("fetch", run, "--wait", "--poll", 0.1).code == 0
    assert account.submit().run != run  # that one has finished


def test_a_run_without_any_outcome_is_closed_when_its_loss_is_accepted(account: Account) -> None:
    account.double.queue_polls = 0
    run = account.submit(shots=100).run
    account.double.fail("GET", "/results$", Fault("truncate"), times=None)
    fetched = account.call("fetch", run)
    assert fetched.code == 2
    assert "or count it as lost: --accept-loss" in fetched.err
    closed = account.call("fetch", run, "--accept-loss")
    assert closed.code == 2
    assert f"run {run}: no trial has an outcome, so there is nothing to analyze; the run is closed" in closed.err
    assert account.call("fetch").code == 0  # it is asked for no more
    account.double.heal()
    assert account.call("fetch", run).code == 0  # unless by name


def test_a_folder_without_an_analysis_is_completed_by_the_next_fetch(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = account.submit("--out", "run", shots=100).run

    def fails(*_: object, **__: object) -> None:
        raise DataError("the analysis has a defect")

    with monkeypatch.context() as patch:
        patch.setattr("bellqueue.runner.experiment.submission.analyze_run", fails)
        broken = account.call("fetch", run, "--wait", "--poll", 0.1)
    assert broken.code == 2
    assert "the analysis has a defect; the trials are kept in" in broken.err
    before = files(account.folder / "run")
    assert "trials.csv" in before
    assert "analysis.json" not in before
    assert account.call("fetch", run).code == 0
    after = files(account.folder / "run")
    assert "analysis.json" in after
    assert after["trials.csv"] == before["trials.csv"]


def test_jobs_that_are_not_counted_are_listed_beside_the_run(account: Account) -> None:
    run = account.submit(shots=100).run
    with Ledger(account.ledger) as ledger:
        ledger.note_surplus(run, ledger.jobs(run)[0].key, "job-twin")
    assert "1 submitted, 1 surplus" in account.call("runs").out
    assert account.record(run)["surplus"] == ["job-twin"]


def test_a_network_that_is_down_has_an_exit_code_of_its_own(account: Account) -> None:
    run = account.submit(shots=100).run
    account.double.fail("GET", r"/jobs/[^/]+$", Fault.status(503), times=None)
    assert account.call("fetch", run).code == 6
    assert account.call("fetch", run, run).code == 6


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_command_asked_to_end_tidies_up_like_one_that_is_interrupted(
    account: Account, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    run = account.submit("--out", "run", shots=100).run
    monkeypatch.setattr("bellqueue.runner.experiment.submission.write_trials", lambda *_: signal.raise_signal(number))
    before = signal.signal(number, signal.SIG_DFL)  # whoever started the tests may have had it ignored, as nohup does
    try:
        fetched = account.call("fetch", run, "--wait", "--poll", 0.1)
    finally:
        signal.signal(number, before)
    assert fetched.code == 130
    assert f"Come back with: bellqueue fetch {run} --wait" in fetched.err
    assert not [path for path in account.folder.iterdir() if "run" in path.name]


def test_a_waiting_fetch_outlasts_another_process_at_the_same_run(account: Account) -> None:
    run = account.submit(shots=100).run
    held, done = threading.Event(), threading.Event()

    def other() -> None:
        with Ledger(account.ledger) as ledger, ledger.hold(run):  # older locks are let go only where they were taken
            held.set()
            done.wait()

    threading.Thread(target=other, daemon=True).start()
    held.wait()
    threading.Timer(0.5, done.set).start()
    fetched = account.call("fetch", run, "--wait", "--poll", 0.1)
    assert fetched.code == 0, fetched.err


def test_one_run_that_cannot_be_written_does_not_hold_up_the_others(account: Account) -> None:
    account.double.queue_polls = 0
    first, second = (account.submit("--again", "--out", name, shots=100).run for name in ("first", "second"))
    (account.folder / "first").write_text("in the way")
    fetched = account.call("fetch", first, second)
    assert fetched.code == 2
    assert "first: exists already" in fetched.err
    assert (account.folder / "second" / "analysis.json").is_file()
    assert (account.folder / "first").read_text() == "in the way"
    elsewhere = account.call("fetch", first, "--out", "elsewhere")
    assert elsewhere.code == 0, elsewhere.err
    assert Scenario.load(account.folder / "elsewhere" / "scenario.json").experiment.shots == 100


def test_an_empty_ledger_says_what_to_do(account: Account) -> None:
    assert "`bellqueue submit` begins one" in account.call("runs").out
    assert account.call("status").code == 0
    fetched = account.call("fetch")
    assert (fetched.code, len(fetched.err.splitlines())) == (0, 1)
