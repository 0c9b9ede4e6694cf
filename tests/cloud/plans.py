"""Schedules to be measured at a double, and what came of them."""

from __future__ import annotations

import math

import numpy as np
from bellqueue.backends.protocol import RemoteBackend
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.trials import Sampling, Trials
from numpy.typing import NDArray

ANGLES = ((0.0, math.pi / 4), (0.0, -math.pi / 4), (math.pi / 2, math.pi / 4), (math.pi / 2, 3.0))
UNIFORM = np.full((2, 2), 0.25)


def plan(trials: int, rule: str = "random", block: int = 1) -> Schedule:
    """Four settings, drawn afresh for every block or one after the other: a half, a quarter and twice an eighth."""
    settings = tuple(Setting(i // 2, i % 2, *angles) for i, angles in enumerate(ANGLES))
    if rule == "fixed":
        counts = [trials // 2, trials // 4, trials // 8]
        order = np.repeat(np.arange(4), [*counts, trials - sum(counts)])
        return Schedule(settings, order, (2, 2), Sampling("fixed", UNIFORM))
    drawn = np.random.default_rng(4).integers(4, size=trials // block)
    return Schedule(settings, np.repeat(drawn, block), (2, 2), Sampling("random", UNIFORM, block))


def finished(backend: RemoteBackend, part: Schedule, key: str = "bellqueue-key") -> str:
    """The job of a part that was submitted and has ended."""
    job = backend.submit(part, key)
    while backend.poll(job).state in ("queued", "running"):
        pass
    return job


def measured(backend: RemoteBackend, part: Schedule, key: str = "bellqueue-key") -> Trials:
    """The trials of a part that was submitted, awaited and downloaded."""
    return backend.parse(backend.download(finished(backend, part, key)), part)


def outcomes(trials: Trials) -> NDArray[np.int64]:
    """(a, b) of each trial, shape (N, 2)."""
    return np.stack([trials.a, trials.b], axis=1)


def assert_ideal(trials: Trials) -> None:
    """The correlators are cos(alpha − beta) within five standard deviations."""
    counts = trials.counts()
    for (alpha, beta), observed, shots in zip(ANGLES, counts.correlators.ravel(), counts.settings.ravel(), strict=True):
        ideal = math.cos(alpha - beta)
        assert abs(observed - ideal) < 5 * math.sqrt((1 - ideal**2) / shots) + 1e-9
