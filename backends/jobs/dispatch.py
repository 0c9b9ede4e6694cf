"""Sees a recorded run through: submits its parts, finds jobs in doubt, downloads, and puts the trials together."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from operator import add

from ...circuits.schedule import Schedule
from ...model.errors import BackendError, DataError, LedgerError, RefusedError, UnreachableError
from ...model.trials import Trials
from ..protocol import JobStatus, NamingOwner, RemoteBackend
from .entries import JobEntry, RunEntry
from .ledger import Ledger
from .provider_calls import Patience, read

Say = Callable[[str], None]
NAMED = 4  # jobs at most in one line
DOWNLOADS = 3  # of one result that cannot be parsed, before it is left for another day
LOOK_AGAIN = 1.0  # seconds between two looks for a job in doubt


class Dispatch:
    """One run of the ledger and the backend it belongs to.

    Every public method but `trials` works on the run alone (`Ledger.hold`) and may be called again after any
    interruption, from any process: it begins where the ledger says the last one ended.
    """

    def __init__(self, ledger: Ledger, run: RunEntry, backend: RemoteBackend, say: Say) -> None:
        """Join a run with its backend.

        Args:
            ledger: Where the run is recorded.
            run: The run.
            backend: What its `backend` names.
            say: Gets a line about every hitch that a user should know of.
        """
        self._ledger, self._run, self._backend, self._say = ledger, run, backend, say
        self._schedule = Schedule.from_bytes(run.sampling)
        self._patience = Patience.from_environment()

    @contextmanager
    def hold(self, patience: float = 0.0) -> Iterator[None]:
        """Work on the run alone, and say so if another process must be waited for (`Ledger.hold`)."""
        with self._ledger.hold(self._run.id, patience, self._say):
            yield

    def reconcile(self) -> None:
        """Find out what became of every submission that is in doubt; submits nothing."""
        with self.hold():
            self._reconcile()

    def submit(
        self,
        watch: Callable[[int], None] = lambda done: None,
        end: int | None = None,
        parts: Collection[int] | None = None,
        patience: float = 0.0,
    ) -> None:
        """Submit every part that has no job on its way, after finding the jobs whose fate is in doubt.

        Args:
            watch: Gets the number of parts that have a job.
            end: Only the parts whose trials begin before this one. Defaults to all.
            parts: Only these parts, because no others were approved. Defaults to all.
            patience: Seconds to wait for another process that works on the run.

        Raises:
            LedgerError: the run has been finished meanwhile.
            RefusedError: the provider will not take a part; the parts before it are on their way.
            UnreachableError: it is not known whether a part was taken, or it was not.
        """
        with self.hold(patience):
            if self._ledger.run(self._run.id).finished:
                raise LedgerError(f"run {self._run.id} has been finished meanwhile; nothing was submitted")
            self._reconcile()
            live = {job.part for job in self._jobs() if job.live}
            for part, trials in enumerate(self._run.parts):
                wanted = (end is None or trials.start < end) and (parts is None or part in parts)
                if part not in live and wanted:
                    self._submit_part(part, trials)
                if part in live or wanted:
                    watch(part + 1)

    def advance(
        self, watch: Callable[[str, JobStatus], None] = lambda key, status: None, patience: float = 0.0
    ) -> dict[str, str]:
        """Ask once how far every job is, and download what is done.

        Args:
            watch: Gets the key of each job and its status.
            patience: Seconds to wait for another process that works on the run.

        Returns:
            What is wrong, by key, with the jobs that the provider does not know or whose results cannot be read. All
            others have been seen to.

        Raises:
            UnreachableError, RefusedError: the provider cannot be asked.
        """
        with self.hold(patience):
            self._reconcile()
            stuck: dict[str, str] = {}
            for job in self._jobs():
                if job.state == "submitted" and job.id:
                    try:
                        watch(job.key, self._advance_job(job, job.id))
                    except (UnreachableError, RefusedError):
                        raise
                    except (DataError, BackendError) as error:
                        stuck[job.key] = str(error)
                elif job.state == "stored" and job.id and not job.usage_known:
                    self._ask_usage(job, job.id)
            return stuck

    def cancel(self) -> None:
        """Ask the provider to stop every job that has not finished.

        Raises:
            BackendError: the provider cannot be asked.
        """
        with self.hold(self._patience.answer):
            self._reconcile()
            for job in self._jobs():
                if job.state == "submitted" and job.id:
                    try:
                        read(partial(self._backend.cancel, job.id), self._say)
                        self._ledger.note(self._run.id, job.key, "asked the provider to cancel")
                        self._advance_job(job, job.id)
                    except (UnreachableError, RefusedError):
                        raise
                    except (DataError, BackendError) as error:
                        self._say(str(error))

    def missing(self, end: int | None = None) -> tuple[JobEntry | range, ...]:
        """For each part without a stored result its last attempt, or its trials if there was none.

        Args:
            end: Only the parts whose trials begin before this one. Defaults to all.
        """
        last: dict[int, JobEntry] = {}
        for job in self._jobs():
            if not (job.part in last and last[job.part].live):
                last[job.part] = job
        parts = [(part, each) for part, each in enumerate(self._run.parts) if end is None or each.start < end]
        found = [last.get(part, trials) for part, trials in parts]
        return tuple(each for each in found if isinstance(each, range) or each.state != "stored")

    def trials(self, end: int | None = None) -> Trials:
        """The trials of every part whose result is stored, in order.

        Args:
            end: Only the parts whose trials begin before this one. Defaults to all.

        Raises:
            LedgerError: no result is stored, or one is damaged.
            DataError: a stored result cannot be read.
        """
        stored = [job for job in self._jobs() if job.state == "stored" and (end is None or job.trials.start < end)]
        pieces = []
        for job in stored:
            raw = self._ledger.result(job.key)
            if raw is None:
                raise LedgerError(f"run {self._run.id}: the result of job {job.key} is gone from {self._ledger.path}")
            pieces.append(self._backend.parse(raw, self._schedule.part(job.trials)))
        if not pieces:
            raise LedgerError(f"run {self._run.id} has no results yet")
        return reduce(add, pieces)

    def _jobs(self) -> Sequence[JobEntry]:
        return self._ledger.jobs(self._run.id)

    def _submit_part(self, part: int, trials: range) -> None:
        name = f"part {part + 1} of {len(self._run.parts)}"
        try:
            job = self._intent(part, trials)
        except LedgerError as error:
            raise LedgerError(f"{name} was not submitted: {error}; {self._remedy()}") from error
        try:
            identity = self._backend.submit(self._schedule.part(trials), job.key)
        except UnreachableError as error:
            self._say(f"{error}; looking whether the job was accepted")
            try:
                self._ledger.note(self._run.id, job.key, f"no usable answer to the submission: {error}")
                self._find(job, self._patience.settle)
            except (UnreachableError, LedgerError) as again:
                raise type(again)(
                    f"{again}; whether {name} was accepted is not known yet: {self._fetching} finds out"
                ) from None
            if not self._has_live(part):
                raise UnreachableError(f"no job of {name} has appeared: {error}; {self._remedy()}") from None
        except BackendError as error:
            # Refused, or stopped before the provider was asked: nothing can have been created.
            self._ledger.settle(job.key, "refused", str(error))
            kind = RefusedError if isinstance(error, RefusedError) else BackendError
            raise kind(f"{name} was not submitted: {error}; {self._remedy()}") from error
        else:
            try:
                self._ledger.accepted(job.key, identity)
            except LedgerError as error:
                raise LedgerError(
                    f"the provider accepted {name} as job {identity}, but {error}; {self._under_way(part)}make room, "
                    f"then it is found by: {self._fetching}"
                ) from error

    def _intent(self, part: int, trials: range) -> JobEntry:
        """Write down the attempt that is about to be submitted."""
        if getattr(self._backend, "idempotent", False):
            for job in reversed(self._jobs()):
                if job.part == part and job.state == "lost":  # its key makes one job, even if the first turns up late
                    return self._ledger.renew(job.key)
        content = hashlib.sha256(f"{self._run.content_hash} {trials.start} {trials.stop}".encode()).hexdigest()
        return self._ledger.intend(self._run.id, part, trials, content)

    def _has_live(self, part: int) -> bool:
        return any(job.part == part and job.live for job in self._jobs())

    def _reconcile(self) -> None:
        """Find the jobs that were intended but never got an id here."""
        for job in self._jobs():
            if job.state in ("intended", "lost", "refused"):
                self._find(job, self._patience.settle - job.age if job.state == "intended" else 0.0)

    def _find(self, job: JobEntry, patience: float) -> None:
        """Look for a job in doubt by its key, for up to `patience` seconds."""
        deadline = time.monotonic() + patience
        identities = self._listed(job)
        if not identities and patience > LOOK_AGAIN:
            self._say(f"part {job.part + 1}: looking for its job at the provider for up to {patience:.0f} s")
        while not identities and time.monotonic() < deadline:
            time.sleep(min(LOOK_AGAIN, self._patience.settle))
            identities = self._listed(job)
        if not identities:
            if job.state == "intended":
                self._ledger.settle(job.key, "lost", "the provider lists no job of it")
                self._say(f"part {job.part + 1}: the provider lists no job of it")
            return
        if job.state != "intended" and self._has_live(job.part):
            surplus = identities
        else:
            first = self._best(identities)
            self._ledger.accepted(job.key, first)
            surplus = tuple(each for each in identities if each != first)
        known = self._ledger.surplus(self._run.id)
        for other in surplus:
            if other not in known:
                self._ledger.note_surplus(self._run.id, job.key, other)
                self._say(f"the provider has a surplus job {other} for part {job.part + 1}; cancel it there")

    def _listed(self, job: JobEntry) -> tuple[str, ...]:
        """The provider's jobs under a job's key, each once, without those that the ledger counts as others'."""
        taken = {other.id for other in self._jobs() if other.key != job.key}
        found = read(lambda: self._backend.find(job.key), self._say)
        return tuple(each for each in dict.fromkeys(found) if each not in taken)

    def _best(self, identities: Sequence[str]) -> str:
        """Of some jobs under one key the first that may still bring its trials; if none may, the first."""
        if len(identities) == 1:
            return identities[0]
        alive = (each for each in identities if self._poll(each).state not in ("failed", "cancelled"))
        return next(alive, identities[0])

    def _poll(self, identity: str) -> JobStatus:
        return read(lambda: self._backend.poll(identity), self._say)

    def _advance_job(self, job: JobEntry, identity: str) -> JobStatus:
        status = self._poll(identity)
        if status.state in ("failed", "cancelled") and self._ledger.surplus(self._run.id):
            # A second job under the key, noted as surplus until now, may still bring the trials.
            best = self._best((identity, *(each for each in self._listed(job) if each != identity)))
            if best != identity:
                self._ledger.accepted(job.key, best)
                self._say(f"part {job.part + 1}: job {identity} {status.state}; {best} of the same key takes its place")
                return self._advance_job(job, best)
        if status.state == "done":
            self._fetch(job, identity, status.message)
            self._ask_usage(job, identity)
        elif status.state in ("failed", "cancelled"):
            self._ledger.settle(job.key, status.state, status.message)
        else:
            self._ledger.settle(job.key, "submitted", f"{status.state} {status.message}".strip())
        return status

    def _fetch(self, job: JobEntry, identity: str, message: str) -> None:
        """Download a result, store it with the provider's words, and only then see whether it can be read.

        Raises:
            DataError: it cannot, several times over.
        """
        for _ in range(DOWNLOADS):
            raw = read(lambda: self._backend.download(identity), self._say)
            self._ledger.store(job.key, raw)
            try:
                self._refuse_others(raw, job, identity)
                self._backend.parse(raw, self._schedule.part(job.trials))
            except DataError as error:
                self._ledger.unreadable(job.key, raw, str(error))
                problem = str(error)
            else:
                self._ledger.readable(job.key, raw)
                self._ledger.settle(job.key, "stored", message)
                return
        self._ledger.settle(job.key, "submitted", f"done, but its result cannot be read: {problem}")
        raise DataError(f"job {identity}: {problem}; what came is kept, and the next fetch asks again")

    def _refuse_others(self, raw: bytes, job: JobEntry, identity: str) -> None:
        """Refuse a result that names another job than the one it was asked for.

        Raises:
            DataError: it does.
        """
        owner = self._backend.owner(raw) if isinstance(self._backend, NamingOwner) else None
        if owner not in (None, job.key, identity) and not identity.endswith(f"/{owner}"):
            raise DataError(f"the result is that of {owner}")

    def _ask_usage(self, job: JobEntry, identity: str) -> None:
        try:
            usage = self._backend.usage(identity)
            if not usage.known:
                return
        except Exception as error:  # whatever shape the answer has, the trials matter more; the next fetch asks again
            why = str(error) if isinstance(error, BackendError) else f"{type(error).__name__}: {error}"
            self._ledger.note(self._run.id, job.key, f"usage not known yet: {why}")
            return
        self._ledger.used(job.key, usage.qpu_seconds, usage.money)

    def _under_way(self, but: int | None = None) -> str:
        """The jobs that the provider has, before the rest of a message; empty if there are none."""
        jobs = [f"part {job.part + 1} ({job.id})" for job in self._jobs() if job.live and job.id and job.part != but]
        more = f" and {len(jobs) - NAMED} more" if len(jobs) > NAMED else ""
        return f"under way or done: {', '.join(jobs[:NAMED])}{more}: {self._fetching}; " if jobs else ""

    @property
    def _fetching(self) -> str:
        return self._ledger.command("fetch", self._run.id)

    def _remedy(self) -> str:
        resume = self._ledger.command("submit", "--resume", self._run.id)
        return f"{self._under_way()}submit what is missing with: {resume}"
