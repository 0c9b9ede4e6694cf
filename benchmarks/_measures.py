"""What every simulation measures, from sums over batches of pairs, so that all of them are estimated alike."""

from __future__ import annotations

import numpy as np
from bellqueue.model.queueing.simulation import SimulatedEstimate
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BATCHES = 32
MEASURES = ("waiting_time", "splitting_probability", "baseline_throughput")


def estimates(
    waited: Floats, splits: Floats, pairs: Floats, reward: Floats, elapsed: Floats
) -> dict[str, SimulatedEstimate]:
    """The three measures, given for each batch what both requests waited, pairs split, pairs, reward and time passed.

    All have shape (BATCHES,).
    """
    return {
        "waiting_time": SimulatedEstimate.of(waited / (2 * pairs)),
        "splitting_probability": SimulatedEstimate.of(splits / pairs),
        "baseline_throughput": SimulatedEstimate.of(reward / elapsed),
    }
