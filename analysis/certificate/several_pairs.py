"""Several Bell pairs in every shot: each by itself, all together without pooling, and a test of crosstalk (MODEL §4).

A pair's own p-value holds whatever the other pairs do: its settings are drawn afresh, independently of theirs, and
what they do is at most one more hidden variable. What must not pass is a setting to the partner within the pair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ...model.estimate import Estimate
from ...model.games.routing_game import BoundedGame
from ...model.trials import Trials
from .certificate import Certificate, smallest_log_p_value
from .diagnostics import ALARM_P_VALUE, chsh, log10_independence
from .estimates import observed_point, observed_visibility
from .samples import Sample

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TESTS_PER_COUPLE = 3  # A's outcome, B's outcome, and whether they agree


@dataclass(frozen=True)
class PairResult:
    """One pair by itself; each interval holds by itself, at the certificate's significance.

    Attributes:
        qubits: A's and B's, if known.
        trials: Its trials, lost ones included.
        lost: Trials without an outcome, counted as losses.
        splitting_probability, waiting_time: Were all requests routed by this pair.
        visibility: The share of the ideal score that was observed.
        chsh: CHSH S; None unless 2×2 settings were measured.
        log10_p_value: log₁₀ of its own p-value; with fresh settings valid whatever the other pairs do.
    """

    qubits: tuple[int, int] | None
    trials: int
    lost: int
    splitting_probability: Estimate
    waiting_time: Estimate
    visibility: Estimate
    chsh: Estimate | None
    log10_p_value: float


@dataclass(frozen=True)
class Crosstalk:
    """Do the outcomes of one pair depend on the settings of another?

    Attributes:
        p_value: The p-value of all couples of pairs and all tests together (Bonferroni); 0 if it underflows.
        log10_p_value: Its log₁₀.
        source, target: The couple that looks worst, 1-based: the outcomes of `target` against the settings of `source`.
        alarm: Whether p is below ALARM_P_VALUE.
    """

    p_value: float
    log10_p_value: float
    source: int
    target: int
    alarm: bool


@dataclass(frozen=True)
class ParallelPairs:
    """The pairs of a run that measured several in every shot.

    Attributes:
        shots: Executions, lost ones included.
        pairs: Each by itself.
        log10_p_value_best_pair: The smallest of their p-values times their number (Bonferroni); with fresh settings
            valid whatever passes between the pairs, like each of them.
        crosstalk: The test of what passes between them.
    """

    shots: int
    pairs: tuple[PairResult, ...]
    log10_p_value_best_pair: float
    crosstalk: Crosstalk


def analyze_pairs(
    games: Sequence[BoundedGame],
    sample: Sample,
    trials: Trials,
    certificate: Certificate,
    ideal: Floats | None,
    qubits: Sequence[int] | None,
) -> ParallelPairs:
    """Every pair by itself.

    Args:
        games: What the certificate was given.
        sample: The data of all pairs.
        trials: The same in the order of execution.
        certificate: The certificate of all pairs together.
        ideal: Correlators planned, shape (n_A, n_B); None if nobody planned any.
        qubits: A's and B's of each pair in turn, if known.

    Raises:
        DataError: the trials do not fill their shots.
    """
    each_side = math.log(certificate.significance / 2)
    chosen = next(game for game in games if game.multiplier == certificate.multiplier)
    known = list(zip(qubits[::2], qubits[1::2], strict=False)) if qubits else []
    found = []
    for number, own in enumerate(pair_samples(sample, trials)):
        splitting, waiting = observed_point(chosen.workload, own, each_side)
        log_p = smallest_log_p_value(games, own)[1]
        found.append(
            PairResult(
                qubits=known[number] if number < len(known) else None,
                trials=own.trials,
                lost=own.lost,
                splitting_probability=splitting,
                waiting_time=waiting,
                visibility=observed_visibility(chosen, own, ideal, each_side)[0],
                chsh=chsh(own, each_side, ideal),
                log10_p_value=min(0.0, log_p) / math.log(10),
            )
        )
    best = min(each.log10_p_value for each in found) + math.log10(len(found))
    return ParallelPairs(
        shots=sample.trials // len(found),
        pairs=tuple(found),
        log10_p_value_best_pair=min(0.0, best),
        crosstalk=crosstalk_test(trials, len(found)),
    )


def pair_samples(sample: Sample, trials: Trials) -> tuple[Sample, ...]:
    """The data of each pair, with its lost trials.

    Args:
        sample: The data of all pairs.
        trials: The same in the order of execution.

    Raises:
        DataError: the trials do not fill their shots.
    """
    sampling = sample.sampling
    parallel, lost = sampling.parallel, sampling.lost_by_pair
    if len(trials) % parallel:
        raise DataError(
            f"{len(trials)} trials do not fill shots of {parallel} pairs; restore the trials as they were measured"
        )
    return tuple(
        Sample(
            trials.of_pair(number, parallel).counts(),
            replace(sampling, parallel=1, lost=None if lost is None else lost[number], lost_by_pair=None),
        )
        for number in range(parallel)
    )


def crosstalk_test(trials: Trials, parallel: int) -> Crosstalk:
    """Pearson χ² of every pair's outcomes, for every own setting, against the settings of every other pair.

    Three tests for each couple: A's outcome, B's outcome, and whether the two agree. What depends on the settings of
    two other pairs together, and on neither by itself, is not found.

    Args:
        trials: Trials in the order of execution, all shots complete.
        parallel: k ≥ 2.
    """
    pairs = [trials.of_pair(number, parallel) for number in range(parallel)]
    settings = [pair.x.astype(np.int64) * trials.shape[1] + pair.y for pair in pairs]
    number = trials.shape[0] * trials.shape[1]
    found = []
    for source, target in permutations(range(parallel), 2):
        pair, other = pairs[target], settings[source]
        for own, types, outcome in (
            (pair.x, trials.shape[0], pair.a),
            (pair.y, trials.shape[1], pair.b),
            (settings[target], number, pair.a ^ pair.b),
        ):
            if types * number * 2 <= len(other):  # else most cells would be empty
                code = (own.astype(np.int64) * number + other) * 2 + outcome
                tables = np.bincount(code, minlength=types * number * 2).reshape(types, number, 2)
                found.append((log10_independence(tables), source + 1, target + 1))
    log10_p, source, target = min(found, default=(0.0, 1, 2))
    total = min(0.0, log10_p + math.log10(TESTS_PER_COUPLE * parallel * (parallel - 1)))
    return Crosstalk(float(10.0**total), total, source, target, total < math.log10(ALARM_P_VALUE))


def crosstalk_warning(test: Crosstalk) -> list[str]:
    """The alarm in words, if it rings."""
    if not test.alarm:
        return []
    return [
        f"CROSSTALK ALARM: the outcomes of pair {test.target} depend on the settings of pair {test.source} "
        f"(log10 p = {test.log10_p_value:.1f}), so the p-value of all pairs pooled does not hold; "
        "the verdict's, of whole shots, does"
    ]
