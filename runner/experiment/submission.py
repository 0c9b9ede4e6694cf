"""A run that outlives this process: estimated, approved, recorded, submitted, and at last made into a run folder."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ...analysis.analyze import expected_correlators
from ...analysis.certificate.stopping import Rounds, Standing, job_rounds
from ...backends.calibration.prediction import predictor
from ...backends.jobs.dispatch import Dispatch, Say
from ...backends.jobs.entries import JobEntry, RunEntry
from ...backends.jobs.ledger import BUSY, Ledger, default_ledger
from ...backends.protocol import Advising, CostEstimate, RemoteBackend
from ...backends.registry import open_backend
from ...circuits.schedule import Schedule
from ...model.errors import BackendError, BellqueueError, DataError, LedgerError
from ...model.games.frontiers import Frontiers
from ...model.hashing import content_hash
from ...model.printable import command_line
from ...model.progress import Watch, unwatched
from ...model.scenario.file import Scenario
from ...model.validation import validated
from ...model.writing import write_text
from .approval import Approve, refuse_equal
from .folder import (
    ANALYSIS,
    RUNS,
    AnyAnalysis,
    RunFolder,
    new_run_folder,
    refuse_existing,
    remove_drafts,
    slug,
    write_trials,
)
from .pipeline import analyze_run, plan_record, write_records, write_results
from .plan_record import PlanRecord
from .preparation import PreparedRun, about_link, prepare
from .provenance import now

JOBS, JOBS_SCHEMA = "jobs.json", "bellqueue.jobs/1"


def open_remote(name: str, scenario: Scenario, typed: str | None) -> RemoteBackend:
    """The hardware or cloud simulator of a name.

    Args:
        typed: The scenario as in `submit_run`, for the command that a refusal proposes.

    Raises:
        BackendError: there is none of that name, or it works in this process.
    """
    backend = open_backend(name, scenario)
    if not isinstance(backend, RemoteBackend):
        instead = runs_with("run", typed, name)
        raise BackendError(f"{name} works in this process and keeps no jobs; use: {instead}")
    return backend


def runs_with(command: str, typed: str | None, backend: str) -> str:
    """What to type to run or submit a scenario on a backend; for one made in Python, what to call."""
    return f"bq.{command}" if typed is None else command_line(command, *filter(None, [typed]), "--backend", backend)


def open_recorded(run: RunEntry) -> RemoteBackend:
    """The backend that a run was submitted to.

    Raises:
        LedgerError: it no longer keeps jobs.
    """
    backend = open_backend(run.backend)
    if not isinstance(backend, RemoteBackend):
        raise LedgerError(f"run {run.id}: backend {run.backend} is no longer one that keeps jobs; restore its adapter")
    return backend


def open_ledger(path: Path | None) -> Ledger:
    """The ledger at a path, which must exist; without a path the default one, which is created if it does not."""
    return Ledger(path or default_ledger(), begin=path is None)


@contextmanager
def explaining_interrupts(book: Ledger, run: str, say: Say) -> Iterator[None]:
    """If the user interrupts, say that the run continues at the provider and how to return to it."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"run {run} continues at the provider. Come back with: {book.command('fetch', run, '--wait')}")
        say(f"stop it there with: {book.command('cancel', run)}")
        raise


def submit_run(
    scenario: Scenario,
    typed: str | None,
    backend: RemoteBackend,
    seed: int | None,
    out: Path | None,
    ledger: Path | None,
    approve: Approve,
    watch: Watch,
    say: Say,
    again: bool = False,
) -> str:
    """Estimate, ask, record and submit a run.

    Args:
        typed: The scenario's file or name as typed in the command that submits it again; "" leaves it out, for the
            default scenario, and None is a scenario made in Python, which no command submits again.
        seed: Random seed for the settings; None: a fresh one.
        out: Folder for the run; None: a new one in `bellqueue-runs/`.
        ledger: Ledger that records it; None: the default one.
        approve: Decides about the cost.
        say: Gets a line about every hitch.
        again: Whether to submit also what an unfinished run has submitted already. Defaults to false.

    Returns:
        The run's id.

    Raises:
        BellqueueError: it cannot be planned, is not approved, or is refused.
    """
    Ledger(ledger or default_ledger()).close()  # what cannot be recorded is not even estimated
    watch("reading the calibration and planning", 0, None)
    entry, estimate = plan_run(scenario, typed, backend, seed, out, watch)
    refuse_existing(Path(entry.folder))
    if not again:
        with Ledger(ledger or default_ledger()) as book:
            refuse_equal(book, entry, seed)
    approve(entry.backend, estimate)
    with Ledger(ledger or default_ledger()) as book:
        book.add_run(entry)
        dispatch = Dispatch(book, entry, backend, say)
        _submit_parts(book, dispatch, entry, round_end(entry, recorded_plan(entry), ()), None, watch, say)
    return entry.id


def resume_run(name: str, ledger: Path | None, approve: Approve, watch: Watch, say: Say) -> str:
    """Submit the parts of a recorded run that have no job under way.

    Args:
        name: The run's id, or its beginning.

    Returns:
        The run's id; other arguments are as in `submit_run`.

    Raises:
        LedgerError: there is no such run, or it needs nothing.
        BackendError: it is not approved, or is refused.
    """
    with open_ledger(ledger) as book:
        entry = book.run(name)
        if entry.finished:
            raise LedgerError(f"run {entry.id} has finished; its folder is {entry.folder}")
        backend = open_recorded(entry)
        dispatch = Dispatch(book, entry, backend, say)
        dispatch.reconcile()  # what is in doubt may have to be paid for, too
        plan = recorded_plan(entry)
        end = round_end(entry, plan, book.jobs(entry.id))
        if entry.shots > end and not dispatch.missing(end):  # the round is complete: is another one needed?
            standing = standing_of(entry, plan, dispatch, end)
            if standing.stop:
                raise LedgerError(
                    f"run {entry.id}: {standing.reason}; no more is needed: {book.command('fetch', entry.id)}"
                )
            end = next_round_end(entry, plan, end)
        missing = [each for each in dispatch.missing(end) if isinstance(each, range) or not each.live]
        if not missing:
            raise LedgerError(f"run {entry.id}: every job is under way or done; {book.command('fetch', entry.id)}")
        parts = tuple(each if isinstance(each, range) else each.trials for each in missing)
        schedule = Schedule.from_bytes(entry.sampling)
        approve(entry.backend, _advised(backend, schedule.part(parts[0]), estimate_of(backend, schedule, parts)))
        if entry.closed:
            book.close_run(entry.id, False)
        _submit_parts(book, dispatch, entry, end, [entry.parts.index(part) for part in parts], watch, say)
    return entry.id


def _submit_parts(
    book: Ledger, dispatch: Dispatch, entry: RunEntry, end: int, parts: list[int] | None, watch: Watch, say: Say
) -> None:
    what, total = f"submitting to {entry.backend}", len(entry.parts)
    with explaining_interrupts(book, entry.id, say):
        dispatch.submit(lambda done: watch(what, done, total), end, parts)


def plan_run(
    scenario: Scenario,
    typed: str | None,
    backend: RemoteBackend,
    seed: int | None,
    folder: Path | None,
    watch: Watch = unwatched,
) -> tuple[RunEntry, CostEstimate]:
    """Everything about a run that is fixed before anything is submitted, and what it will cost; see `submit_run`."""
    experiment = prepare(scenario, seed, predictor(backend), backend.describe().parallel, watch=watch)
    plan = plan_record(experiment, backend)
    if scenario.experiment.stop and experiment.schedule.sampling.parallel > 1:
        raise BackendError("stopping early is worked out for one Bell pair to a shot; leave out pairs=…, or the stop")
    parts = _parts(experiment, backend)
    estimate = _advised(backend, experiment.schedule.part(parts[0]), estimate_of(backend, experiment.schedule, parts))
    estimate = replace(estimate, notes=(*about_link(scenario, backend), *estimate.notes))
    identity = f"{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}"
    provider = plan.backend.name.partition(":")[0]
    target = (folder or RUNS / f"{identity}-{slug(f'{provider}-{plan.backend.device}'.lower())}").absolute()
    texts = (json.dumps(scenario.record(), indent=2), plan.model_dump_json(by_alias=True, indent=2))
    sampling = experiment.schedule.to_bytes()
    entry = RunEntry(
        id=identity,
        created=now(),
        backend=plan.backend.name,
        scenario=texts[0],
        plan=texts[1],
        sampling=sampling,
        attachments=json.dumps(dict(plan.backend.attachments)),
        folder=str(target),
        command=_command(typed, plan) if typed is not None else "",
        content_hash=content_hash(*texts, sampling.hex()),
        parts=parts,
        shots=len(experiment.schedule.order),
        estimated_money=estimate.money,
        estimated_qpu_seconds=estimate.qpu_seconds,
        estimate_basis=estimate.basis,
    )
    return entry, estimate


def _command(typed: str, plan: PlanRecord) -> str:
    """The command that submits the same run."""
    words = ["submit", *([typed] if typed else []), "--backend", plan.backend.name]
    words += ["--shots", str(plan.budget or plan.shots), "--seed", str(plan.seed)]
    return command_line(*words, *(["--until-certified"] if plan.stop else []))


def recorded_plan(entry: RunEntry) -> PlanRecord:
    """What was fixed of a run before anything was submitted."""
    return validated(PlanRecord, entry.plan, f"the plan of run {entry.id} in the ledger", LedgerError)


def estimate_of(backend: RemoteBackend, schedule: Schedule, parts: Sequence[range]) -> CostEstimate:
    """What some parts of a schedule will take, each a job of its own."""
    if len(parts) == 1:
        return backend.estimate(schedule.part(parts[0]))
    if parts == tuple(backend.split(schedule)):
        return backend.estimate(schedule)
    each = [backend.estimate(schedule.part(part)) for part in parts]
    money = [one.money for one in each if one.money is not None]
    seconds = [one.qpu_seconds for one in each if one.qpu_seconds is not None]
    return CostEstimate(
        sum(one.shots for one in each),
        sum(one.tasks for one in each),
        sum(seconds) if len(seconds) == len(each) else None,
        sum(money, Decimal(0)) if len(money) == len(each) else None,
        each[0].basis,
        tuple(dict.fromkeys(note for one in each for note in one.notes)),
    )


def _advised(backend: RemoteBackend, part: Schedule, estimate: CostEstimate) -> CostEstimate:
    """The estimate with what the provider says about the account, if the backend asks for that."""
    return backend.advise(part, estimate) if isinstance(backend, Advising) else estimate


def _parts(experiment: PreparedRun, backend: RemoteBackend) -> tuple[range, ...]:
    """The trials of each job; where the run may stop early none reaches beyond a round."""
    whole = experiment.schedule
    if experiment.scenario.experiment.stop is None:
        return tuple(backend.split(whole))
    backend.split(whole)  # refuses what the backend cannot measure, before anything else
    return tuple(
        range(each.start + part.start, each.start + part.stop)
        for each in job_rounds(len(whole.order), whole.sampling.parallel)
        for part in backend.split(whole.part(each))
    )


def round_end(run: RunEntry, plan: PlanRecord, jobs: Sequence[JobEntry]) -> int:
    """The trial at which the round ends that was last begun; the whole budget where the run does not stop early."""
    if plan.stop is None:
        return run.shots
    begun = max((job.trials.start for job in jobs), default=0)
    return next(each.stop for each in job_rounds(run.shots, plan.parallel) if begun < each.stop)


def next_round_end(run: RunEntry, plan: PlanRecord, end: int) -> int:
    """The end of the round after the one that ends at `end`."""
    return next((each.stop for each in job_rounds(run.shots, plan.parallel) if each.stop > end), run.shots)


def standing_of(run: RunEntry, plan: PlanRecord, dispatch: Dispatch, end: int) -> Standing:
    """The state of a run that may stop early after the round that ends at `end`; missing trials count as lost."""
    trials = dispatch.trials(end)
    taken = plan.ended(Schedule.from_bytes(run.sampling).part(range(end)))
    frontiers = Frontiers.of(Scenario.parse(json.loads(run.scenario), f"run {run.id}"))
    planned = plan.planned_point()
    state = Rounds(
        frontiers,
        plan.sampling_rule(),
        planned.certificate_multiplier,
        plan.significance,
        run.shots,
        planned.against,
        expected_correlators(plan.operating_point(), planned.predicted),
    )
    return state.add(trials, taken.sampling(trials).lost)


def finish_run(
    ledger: Ledger,
    run: RunEntry,
    dispatch: Dispatch,
    *,
    accept_loss: bool = False,
    out: Path | None = None,
    end: int | None = None,
) -> AnyAnalysis:
    """Make the run's folder from the results in the ledger.

    Args:
        run: A run whose every part has its result, unless `accept_loss`.
        accept_loss: Whether parts without a result count as lost trials, that is as losses.
        out: The folder, instead of the one recorded.
        end: Trials taken, where the run stopped early; None: all.

    Raises:
        LedgerError: a part has no result.
        OutputError: the folder is taken.
    """
    if dispatch.missing(end) and not accept_loss:
        raise LedgerError(f"run {run.id} is not complete; `{ledger.command('status', run.id)}` says what is missing")
    target = out.absolute() if out else Path(run.folder)
    own = _is_folder_of(run, target)
    if own and (target / ANALYSIS).is_file():  # the last process was stopped between writing the folder and noting it
        ledger.finish(run.id, target)
        return RunFolder.open(target).analysis()
    scenario = Scenario.parse(json.loads(run.scenario), f"run {run.id}")
    plan = recorded_plan(run)
    if plan.stop:
        plan = plan.ended(Schedule.from_bytes(run.sampling).part(range(end or run.shots)))
    failure: BellqueueError | None = None
    with dispatch.hold(BUSY):
        beyond = [
            job.id for job in ledger.jobs(run.id) if job.state == "submitted" and job.trials.start >= (end or run.shots)
        ]
        if beyond:
            raise LedgerError(f"run {run.id}: another process has begun the next round ({beyond[0]}); fetch again")
        trials = dispatch.trials(end)
        remove_drafts(target)
        # A folder of this run without an analysis is one that failed: what the ledger has is written there again.
        with nullcontext(target) if own else new_run_folder(target) as folder:
            write_records(folder, scenario, plan)
            for name, text in json.loads(run.attachments).items():
                write_text(folder / name, text)
            write_text(folder / JOBS, json.dumps(jobs_record(ledger, run), indent=2) + "\n")
            write_trials(folder, trials, plan.entries)
            try:
                analysis = analyze_run(scenario, plan, trials, command=run.command or None)
                analysis = write_results(folder, analysis)
            except BellqueueError as error:  # the trials are worth keeping whatever became of their analysis
                failure = error
        if not failure:
            ledger.finish(run.id, target)
    if failure:
        raise DataError(f"{failure}; the trials are kept in {target}")
    return analysis


def _is_folder_of(run: RunEntry, target: Path) -> bool:
    """Whether a folder of this very run is there."""
    try:
        return bool(json.loads((target / JOBS).read_text("utf-8"))["content_hash"] == run.content_hash)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def jobs_record(ledger: Ledger, run: RunEntry) -> dict[str, Any]:
    """JSON-ready: what was estimated, submitted and used, `bellqueue.jobs/1`."""
    jobs = []
    for job in ledger.jobs(run.id):
        columns = asdict(job)
        columns["trials"] = [job.trials.start, job.trials.stop]
        columns["used_money"] = None if job.used_money is None else str(job.used_money)
        jobs.append({name: value for name, value in columns.items() if name != "run"})
    return {
        "schema": JOBS_SCHEMA,
        "run": run.id,
        "created": run.created,
        "backend": run.backend,
        "shots": run.shots,
        "content_hash": run.content_hash,
        "estimate": {
            "money_usd": None if run.estimated_money is None else str(run.estimated_money),
            "qpu_seconds": run.estimated_qpu_seconds,
            "basis": run.estimate_basis,
        },
        "jobs": jobs,
        **({"surplus": surplus} if (surplus := ledger.surplus(run.id)) else {}),
    }
