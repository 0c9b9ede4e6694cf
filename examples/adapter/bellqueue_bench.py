"""Example adapter: an optical bench that turns two polarisers and counts coincidences.

Replace `measure` by what drives your instrument. Jobs live in this process, so the class meets
`bellqueue.backends.LocalBackend`. A service whose jobs outlive the process meets `RemoteBackend` instead; it then gets
the ledger, the cost gate and `bellqueue fetch` for nothing.
"""

from __future__ import annotations

import numpy as np
from bellqueue.backends import Description, JobStatus
from bellqueue.circuits.schedule import Schedule
from bellqueue.model.errors import BackendError
from bellqueue.model.trials import Trials
from numpy.typing import NDArray

PIECE = 1000  # trials measured between two looks at the progress


class BenchBackend:
    """`bench`, or `bench:visibility=0.93`."""

    def __init__(self, argument: str | None = None) -> None:
        """Read what stands after the colon, or None.

        Raises:
            BackendError: it is not `visibility=` and a number from 0 to 1; one line that says what to type.
        """
        name, _, value = (argument or "visibility=1").partition("=")
        try:
            self.visibility = float(value)
        except ValueError:
            self.visibility = -1.0
        if name != "visibility" or not 0 <= self.visibility <= 1:
            raise BackendError(f"bench: {argument!r} is not an option; write bench:visibility=0.93, from 0 to 1")
        self._jobs: dict[str, tuple[str, Schedule, np.random.Generator, list[NDArray[np.uint8]]]] = {}

    def describe(self) -> Description:
        """What is kept with every run; put here all that a reader of the paper will ask."""
        return Description(
            name=f"bench:visibility={self.visibility:g}",
            kind="hardware",
            device="optical bench",
            qubits=2,
            predicted_visibility=self.visibility,
            calibration={"fringe_visibility": self.visibility},
        )

    def submit(self, plan: Schedule, key: str, seed: int | None) -> str:
        """Take a plan in under the submitter's key; the work is done in `poll`."""
        job = f"bench-{len(self._jobs) + 1}"
        self._jobs[job] = (key, plan, np.random.default_rng(seed), [])
        return job

    def poll(self, job: str) -> JobStatus:
        """Measure the next trials, in the order of the plan: `random` settings are only worth it in that order."""
        _, plan, rng, pieces = self._jobs[job]
        done = sum(map(len, pieces))
        for index in plan.order[done : done + PIECE]:
            setting = plan.settings[index]
            pieces.append(self.measure(setting.alpha, setting.beta, rng))
        done = sum(map(len, pieces))
        return JobStatus("done" if done == len(plan.order) else "running", done, len(plan.order))

    def fetch(self, job: str) -> Trials:
        """Every trial that was asked for. What the instrument missed must count as lost, never be left out silently."""
        _, plan, _, pieces = self._jobs[job]
        return plan.in_order(np.concatenate(pieces))

    def find(self, key: str) -> tuple[str, ...]:
        """Jobs under a key."""
        return tuple(job for job, entry in self._jobs.items() if entry[0] == key)

    def cancel(self, job: str) -> None:
        """Forget a job."""
        self._jobs.pop(job, None)

    def measure(self, alpha: float, beta: float, rng: np.random.Generator) -> NDArray[np.uint8]:
        """One coincidence with the polarisers at alpha and beta (radians on the Bloch sphere): outcomes, shape (1, 2).

        Here a random number stands for the instrument: E = visibility · cos(alpha − beta), unbiased outcomes.
        """
        a = rng.integers(2)
        together = rng.random() < (1 + self.visibility * np.cos(alpha - beta)) / 2
        return np.array([[a, a if together else 1 - a]], dtype=np.uint8)
