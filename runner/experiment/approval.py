"""What is checked between a plan and its submission: its cost, and what has been submitted already."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from ...backends.accounts.cost import dollars, over_limit
from ...backends.jobs.entries import RunEntry
from ...backends.jobs.ledger import Ledger
from ...backends.protocol import CostEstimate
from ...model.errors import BackendError, LedgerError
from .plan_record import PlanRecord

Approve = Callable[[str, CostEstimate], None]
"""Gets a backend's name and what its jobs will take; raises BackendError unless that may be spent."""


def refuse_unapproved(
    estimate: CostEstimate, max_cost: Decimal | None, max_qpu_seconds: float | None, asked: bool
) -> None:
    """Refuse what goes beyond a limit, or has none when nobody is asked.

    Raises:
        BackendError: nothing has been submitted.
    """
    refusal = over_limit(estimate, max_cost, max_qpu_seconds)
    if refusal:
        raise BackendError(f"nothing was submitted: {refusal}")
    if not asked and max_cost is None and max_qpu_seconds is None and estimate.money != 0:
        raise BackendError(
            f"nothing was submitted: the estimate is {dollars(estimate.money)} and nobody can be asked without a "
            "terminal; give --max-cost or --max-qpu-seconds"
        )


def refuse_beside_resume(*given: object) -> None:
    """Refuse what a run that is resumed has in the ledger.

    Raises:
        BackendError: something was given.
    """
    if any(given):
        raise BackendError(
            "--resume takes scenario, backend, shots, seed and folder from the ledger; give none of them"
        )


def refuse_equal(book: Ledger, entry: RunEntry, seed: int | None) -> None:
    """Refuse to pay a second time for what an unfinished run has at the provider, or may have.

    Args:
        entry: The run that is to be submitted.
        seed: Its seed, if one was given: with another it is another run.

    Raises:
        LedgerError: there is such a run.
    """
    device = PlanRecord.model_validate_json(entry.plan).backend.device
    for other in book.runs():
        if not other.waiting or other.scenario != entry.scenario or _provider(other) != _provider(entry):
            continue
        plan = PlanRecord.model_validate_json(other.plan)
        paid = any(job.live or job.state == "lost" for job in book.jobs(other.id))
        if paid and plan.backend.device == device and seed in (None, plan.seed):
            raise LedgerError(
                f"run {other.id} of {other.created[:16].replace('T', ' ')} asks the same of {device} and is not "
                f"finished: {book.command('fetch', other.id)} downloads it, "
                f"{book.command('submit', '--resume', other.id)} submits what it lacks; to pay for another "
                "one beside it, add --again"
            )


def _provider(run: RunEntry) -> str:
    return run.backend.partition(":")[0]
