"""Example adapter: an optical bench that turns two polarisers and counts coincidences.

Replace `coincidence` by what drives your instrument. The bench measures at once, so the class meets
`bellqueue.backends.LocalBackend`. A service whose jobs outlive the process meets `RemoteBackend` instead; it then gets
the ledger, the cost gate and `bellqueue fetch` for nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bellqueue.backends import Description
from bellqueue.circuits.schedule import Schedule
from bellqueue.model.errors import BackendError
from bellqueue.model.trials import Trials
from numpy.typing import NDArray

PIECE = 1000  # trials measured between two reports of progress


class BenchBackend:
    """`bench`, or `bench:visibility=0.93`."""

    def __init__(self, argument: str | None = None) -> None:
        """Read what follows the colon; None if there is none.

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

    def describe(self, dimension: int = 2) -> Description:
        """What is kept with every run; put here all that a reader of the paper will ask.

        Its `dimension` stays 2: the bench turns polarisers in a plane, and is never given anything else.
        """
        return Description(
            name=f"bench:visibility={self.visibility:g}",
            kind="hardware",
            device="optical bench",
            qubits=2,
            predicted_visibility=self.visibility,
            calibration={"fringe_visibility": self.visibility},
        )

    def measure(self, schedule: Schedule, seed: int, watch: Callable[[str, int, int], object]) -> Trials:
        """Every trial of the schedule, in its order: `random` settings are only worth it in that order.

        What the instrument missed must count as lost, never be left out silently.
        """
        rng = np.random.default_rng(seed)
        outcomes = []
        for done, index in enumerate(schedule.order):
            if done % PIECE == 0:
                watch("measuring on the bench", done, len(schedule.order))
            setting = schedule.settings[index]
            outcomes.append(self.coincidence(setting.alpha, setting.beta, rng))
        return schedule.in_order(np.array(outcomes))

    def coincidence(self, alpha: float, beta: float, rng: np.random.Generator) -> NDArray[np.uint8]:
        """One coincidence with the polarisers at alpha and beta (radians on the Bloch sphere): the outcomes (a, b).

        Here a random number stands for the instrument: E = visibility · cos(alpha − beta), unbiased outcomes.
        """
        a = rng.integers(2)
        together = rng.random() < (1 + self.visibility * np.cos(alpha - beta)) / 2
        return np.array([a, a if together else 1 - a], dtype=np.uint8)
