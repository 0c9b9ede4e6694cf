"""The functions of `import bellqueue as bq` for hardware: what is submitted outlives this process."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...model.errors import BackendError, DataError, LedgerError, OutputError
from ...model.progress import Watch
from ..defaults import LEAST_POLL_SECONDS, POLL_SECONDS
from ..scenarios import named_scenario
from .functions import log, typed, whole_seed
from .showing import shown

if TYPE_CHECKING:
    from ...backends.protocol import CostEstimate
    from ...model.scenario.file import Scenario
    from .results import Result


def submit(
    scenario: Scenario | str | Path = "default",
    backend: str | None = None,
    shots: int | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    *,
    max_cost: Decimal | float | str | None = None,
    max_qpu_seconds: float | None = None,
    until_certified: bool = False,
    again: bool = False,
    resume: str | None = None,
    ledger: str | Path | None = None,
    progress: bool | Watch = True,
) -> str:
    """Submit a run to hardware and return its id at once; `fetch` downloads the results, tomorrow if need be.

    Nobody is asked: bellqueue estimates the cost first and submits nothing unless it lies within a limit that you give.
    What the provider says about it, a used-up instance or a spending limit for example, is logged.

    Args:
        scenario: A scenario, its file, or "default".
        backend: Hardware or a cloud simulator: "ibm:fez", "braket:garnet", …
        shots: Trials. Defaults to the scenario's.
        seed: Random seed for the settings. Defaults to a fresh one.
        out: Folder for the run, which must not exist yet. Defaults to one in bellqueue-runs/.
        max_cost: Submit nothing beyond this many US dollars.
        max_qpu_seconds: Submit nothing beyond this time on the device.
        until_certified: Whether to stop as soon as the advantage is certified. Defaults to False.
        again: Whether to submit although an unfinished run asks the same of the same device. Defaults to False.
        resume: Id of a recorded run, whose missing parts are submitted instead of a new run; limits, ledger and
            progress are all that may be given beside it.
        ledger: File that records submitted runs. Defaults to ledger.db in your data folder, or BELLQUEUE_LEDGER.
        progress: Whether to show how far it is, or a callback `watch(what, done, total)`. Defaults to True.

    Returns:
        The run's id.

    Raises:
        ScenarioError: the scenario, or the number of shots, is wrong.
        BackendError: the backend is unknown, works in this process or refuses, or a limit is missing or too low.
        LedgerError: the ledger cannot be written, the run to resume needs nothing, or an unfinished run asks the same.

    Examples:
        >>> import bellqueue as bq
        >>> run_id = bq.submit("default", "ibm:fez", max_qpu_seconds=60)  # doctest: +SKIP
        >>> bq.submit("default", "aer")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        BackendError: aer works in this process and keeps no jobs; use: bellqueue run default --backend aer
    """
    from ...backends.accounts.cost import parse_money
    from ...model.validation import as_path, is_number, shorten
    from ..experiment.approval import refuse_beside_resume, refuse_unapproved
    from ..experiment.submission import open_remote, resume_run, submit_run

    most = None if max_cost is None else parse_money(str(max_cost))

    def approve(_: str, estimate: CostEstimate) -> None:
        for note in (*estimate.notes, *([estimate.doubt] if estimate.doubt else [])):
            log.warning(note)
        refuse_unapproved(estimate, most, max_qpu_seconds, asked=False)

    if not (max_qpu_seconds is None or is_number(max_qpu_seconds)):
        raise BackendError(f"--max-qpu-seconds is {shorten(max_qpu_seconds)}; it must be a number of seconds")
    place = None if ledger is None else as_path(ledger, "ledger", LedgerError)
    with shown(progress) as watch:
        if resume is not None:
            refuse_beside_resume(
                scenario != "default", backend, shots is not None, seed is not None, out, until_certified
            )
            return resume_run(resume, place, approve, watch, log.warning)
        if backend is None:
            raise BackendError("submit needs a backend, for example ibm:fez or braket:garnet")
        asked = named_scenario(scenario).with_experiment(shots=shots, stop="certified" if until_certified else None)
        remote = open_remote(backend, asked, typed(scenario))
        folder = None if out is None else as_path(out, "out", OutputError)
        source = typed(scenario)
        return submit_run(asked, source, remote, whole_seed(seed), folder, place, approve, watch, log.warning, again)


def fetch(
    run: str,
    *,
    wait: bool = False,
    poll: float = POLL_SECONDS,
    out: str | Path | None = None,
    accept_loss: bool = False,
    ledger: str | Path | None = None,
    progress: bool | Watch = True,
) -> Result | Any | None:
    """Download the results of a submitted run, analyze them and write the run's folder.

    Args:
        run: The run's id, or its beginning.
        wait: Whether to wait until the jobs have finished, for days if need be. Defaults to False.
        poll: Maximum time between status polls, in seconds. Defaults to 30.
        out: Folder for the run, instead of the one recorded.
        accept_loss: Whether to analyze although jobs failed; their trials count as losses. Defaults to False.
        ledger: File that records submitted runs. Defaults to ledger.db in your data folder, or BELLQUEUE_LEDGER.
        progress: Whether to show how far it is, or a callback `watch(what, done, total)`. Defaults to True.

    Returns:
        The result, or None while jobs are under way; of routers that know the past a `MenuResult`.

    Raises:
        LedgerError: there is no such run, or nothing more will come of it.
        BackendError: the provider does not answer or refuses.
        DataError: `poll` is too short.

    Examples:
        >>> import bellqueue as bq
        >>> result = bq.fetch("20261128-4f1a2b", wait=True)  # doctest: +SKIP
        >>> bq.fetch("nowhere", ledger="no-ledger.db")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        LedgerError: no-ledger.db: no such ledger
    """
    from ...model.validation import as_path, is_number, shorten
    from ..experiment.fetching import fetch_run
    from ..experiment.submission import open_ledger
    from .results import result_of

    if not (is_number(poll) and LEAST_POLL_SECONDS <= poll < inf):
        raise DataError(f"--poll is {shorten(poll)}; it must be a number of seconds, at least {LEAST_POLL_SECONDS}")
    folder = None if out is None else as_path(out, "out", OutputError)
    place = None if ledger is None else as_path(ledger, "ledger", LedgerError)
    with open_ledger(place) as book, shown(progress) as watch:
        entry = book.run(run)
        analysis = fetch_run(book, entry, wait, poll, accept_loss, folder, False, watch, log.warning)
        return None if analysis is None else result_of(analysis, folder=Path(book.run(entry.id).folder))
