"""A run that outlives this process: estimated, approved, recorded, submitted, and at last made into a run folder."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..analysis.record import Analysis
from ..backends.cost import dollars, over_limit
from ..backends.dispatch import Dispatch
from ..backends.entries import RunEntry
from ..backends.ledger import Ledger
from ..backends.prediction import predictor
from ..backends.protocol import CostEstimate, RemoteBackend
from ..model.errors import BackendError, BellqueueError, DataError, LedgerError
from ..model.rivals import RivalCurve
from ..model.scenario import Scenario
from .folder import RunFolder, new_run_folder, remove_drafts, write_text, write_trials
from .pipeline import analyse_run, plan_record, prepare, write_records, write_results
from .plan_record import PlanRecord
from .provenance import content_hash, now

JOBS, JOBS_SCHEMA = "jobs.json", "bellqueue.jobs/1"


def plan_run(
    scenario: Scenario, backend: RemoteBackend, seed: int | None, folder: Path | None, runs: Path, command: str
) -> tuple[RunEntry, CostEstimate]:
    """Everything about a run that is fixed before anything is submitted, and what it will cost.

    Args:
        scenario: What is asked.
        backend: Where it will be measured; its calibration is read now.
        seed: Of the settings' order; None: a fresh one.
        folder: The run's folder; None: a new one under `runs`.
        runs: Where run folders go.
        command: What was typed.

    Raises:
        BellqueueError: the scenario has no operating point, or the backend cannot measure it.
    """
    experiment = prepare(scenario, seed, predictor(backend), backend.describe().parallel)
    plan = plan_record(experiment, backend)
    parts, estimate = tuple(backend.split(experiment.plan)), backend.estimate(experiment.plan)
    identity = f"{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}"
    provider = plan.backend.name.partition(":")[0]
    slug = "".join(letter if letter.isalnum() else "-" for letter in f"{provider}-{plan.backend.device}".lower())
    target = (folder or runs / f"{identity}-{slug}").absolute()
    texts = (json.dumps(scenario.record(), indent=2), plan.model_dump_json(by_alias=True, indent=2))
    sampling = experiment.plan.to_bytes()
    entry = RunEntry(
        id=identity,
        created=now(),
        backend=plan.backend.name,
        scenario=texts[0],
        plan=texts[1],
        sampling=sampling,
        attachments=json.dumps(dict(backend.describe().attachments)),
        folder=str(target),
        command=command,
        content_hash=content_hash(*texts, sampling.hex()),
        parts=parts,
        shots=len(experiment.plan.order),
        estimated_money=estimate.money,
        estimated_qpu_seconds=estimate.qpu_seconds,
        estimate_basis=estimate.basis,
    )
    return entry, estimate


def refuse_unapproved(
    estimate: CostEstimate, max_cost: Decimal | None, max_qpu_seconds: float | None, terminal: bool
) -> None:
    """Refuse what goes beyond a limit, or has none where nobody can be asked.

    Raises:
        BackendError: then nothing has been submitted.
    """
    refusal = over_limit(estimate, max_cost, max_qpu_seconds)
    if refusal:
        raise BackendError(f"nothing was submitted: {refusal}")
    if not terminal and max_cost is None and max_qpu_seconds is None and estimate.money != 0:
        raise BackendError(
            f"nothing was submitted: the estimate is {dollars(estimate.money)} and nobody can be asked without a "
            "terminal; give --max-cost or --max-qpu-seconds"
        )


def asks() -> bool:
    """Whether a person can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()


def finish_run(
    ledger: Ledger,
    run: RunEntry,
    dispatch: Dispatch,
    *,
    wider_rivals: Sequence[RivalCurve] = (),
    accept_loss: bool = False,
    out: Path | None = None,
) -> Analysis:
    """Make the run's folder from the results in the ledger.

    Args:
        ledger: Holds the run.
        run: A run whose every part has its result, unless `accept_loss`.
        dispatch: The run with its backend.
        wider_rivals: To draw beside the certificate.
        accept_loss: Whether parts without a result count as lost trials, that is as losses.
        out: The folder, instead of the one recorded.

    Raises:
        LedgerError: a part has no result.
        OutputError: the folder is taken.
    """
    if dispatch.missing() and not accept_loss:
        raise LedgerError(f"run {run.id} is not complete; `bellqueue status {run.id}` says what is missing")
    target = out.absolute() if out else Path(run.folder)
    if _is_folder_of(run, target):  # the last process was stopped between writing the folder and noting it
        ledger.finish(run.id, target)
        return RunFolder.open(target).analysis()
    scenario = Scenario.parse(json.loads(run.scenario), f"run {run.id}")
    plan = PlanRecord.model_validate_json(run.plan)
    trials = dispatch.trials()
    failure: BellqueueError | None = None
    with ledger.hold(run.id):
        remove_drafts(target)
        with new_run_folder(target) as folder:
            write_records(folder, scenario, plan)
            for name, text in json.loads(run.attachments).items():
                write_text(folder / name, text)
            write_text(folder / JOBS, json.dumps(jobs_record(ledger, run), indent=2) + "\n")
            write_trials(folder, trials)
            try:
                analysis = analyse_run(scenario, plan, trials, wider_rivals=wider_rivals, command=run.command)
                write_results(folder, analysis)
            except BellqueueError as error:  # the trials are worth keeping whatever became of their analysis
                failure = error
        ledger.finish(run.id, target)
    if failure:
        raise DataError(f"{failure}; the trials are kept in {target}")
    return analysis


def _is_folder_of(run: RunEntry, target: Path) -> bool:
    """Whether a complete folder of this very run stands there."""
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
    }
