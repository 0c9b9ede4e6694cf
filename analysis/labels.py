"""Whether counts taken elsewhere fit the scenario better with other labels: inverted outcomes, types in another order.

A hint is no certificate: whoever follows it chooses after the data, and the p-value has to pay for the choice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np

from ..model.estimate import Estimate
from ..model.games.routing_game import BoundedGame
from ..model.trials import Counts
from .certificate.certificate import smallest_log_p_value
from .certificate.samples import Sample

MOST_TYPES = 3  # a side, of which all orders are tried
CLEARLY = 0.1  # visibility of the wrong sign below which it can be a bias of the readout as well


@dataclass(frozen=True)
class Labels:
    """Other labels of the same counts.

    Attributes:
        rows, columns: Place in the counts of each type of router A and of router B.
        inverted: Whether one router's outcomes are inverted as well.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    inverted: bool

    def applied(self, sample: Sample) -> Sample:
        """The sample with these labels."""
        places, sampling = np.ix_(self.rows, self.columns), sample.sampling
        counts = Counts(sample.counts.table[places])
        moved = replace(
            sampling,
            distribution=None if sampling.distribution is None else sampling.distribution[places],
            lost=None if sampling.lost is None else sampling.lost[places],
        )
        return replace(sample, counts=counts.inverted("b") if self.inverted else counts, sampling=moved)


def label_warning(
    games: Sequence[BoundedGame],
    sample: Sample,
    excess: Estimate,
    visibility: Estimate,
    significance: float,
    *,
    planned: bool,
) -> list[str]:
    """What to type if other labels would change the answer, in one sentence; nothing if the labels are plausible.

    Args:
        games: The games at the multipliers that the certificate tried.
        sample: The data.
        excess: Score less the bound of memoryless classical routers, as labeled.
        visibility: Share of the best score observed.
        significance: α.
        planned: Whether a plan fixed all labels before the data.
    """
    found = None
    if not planned and excess.estimate <= 0:
        found = _beyond_classical(games, sample, math.log(significance))
    clearly = visibility.high < 0 and visibility.estimate <= -CLEARLY
    if found is None and not clearly:
        return []
    if found is None or _in_order(found[0]):
        return [f"INVERTED OUTCOMES: {_inverted(sample, visibility.estimate, planned)}"]
    labels, log10_p, tried = found
    invert = "" if not labels.inverted else f" and without --invert {sample.inverted}"
    if labels.inverted and sample.inverted is None:
        invert = " and --invert b"
    return [
        f"TYPES IN ANOTHER ORDER: the counts name no types; with {_types(labels, games[0])} in a counts file{invert} "
        f"they would beat memoryless classical routers (log10 p = {log10_p:.1f}, multiplied by the {tried} ways to "
        "label them); write that only if they were measured so"
    ]


def _inverted(sample: Sample, visibility: float, planned: bool) -> str:
    opposite = f"all correlations have the opposite sign (visibility {visibility:.2f})"
    if planned:
        return f"{opposite}: the device or its adapter swaps 0 and 1 at one router; correct that and run again"
    if sample.inverted:
        return f"{opposite}; leave out --invert {sample.inverted}"
    return (
        f"{opposite}; --invert b inverts router B's outcomes, and multiplies the p-value by 2 for "
        "choosing so after the data"
    )


def _beyond_classical(
    games: Sequence[BoundedGame], sample: Sample, log_significance: float
) -> tuple[Labels, float, int] | None:
    """The best labels that certify, log₁₀ p times the ways to label, and these; inversion alone goes before others."""
    labels = list(_ways(sample))
    tested: list[tuple[bool, float, int, Labels]] = []
    for each in labels:
        relabeled = each.applied(sample)
        if np.any((relabeled.distribution <= 0) & (games[0].workload.joint > 0)):
            continue  # what was never measured would have to occur
        log_p = smallest_log_p_value(games, relabeled)[1] + math.log(len(labels) + 1)
        if log_p <= log_significance:
            tested.append((not _in_order(each), log_p, len(tested), each))
    if not tested:
        return None
    _, log_p, _, best = min(tested)
    return best, log_p / math.log(10), len(labels) + 1


def _ways(sample: Sample) -> Iterator[Labels]:
    """All other labels; types keep their order if they were named or are many."""
    shape = sample.counts.shape
    given = tuple(range(shape[0])), tuple(range(shape[1]))
    free = sample.types_assumed and max(shape) <= MOST_TYPES
    orders = product(permutations(given[0]), permutations(given[1])) if free else [given]
    for (rows, columns), inverted in product(orders, (False, True)):
        if inverted or (rows, columns) != given:
            yield Labels(rows, columns, inverted)


def _in_order(labels: Labels) -> bool:
    return all(order == tuple(range(len(order))) for order in (labels.rows, labels.columns))


def _types(labels: Labels, game: BoundedGame) -> str:
    """The fields of a counts file that name the types in that order."""
    workload = game.workload
    named = []
    for names, places in ((workload.names_a, labels.rows), (workload.names_b, labels.columns)):
        named.append([names[places.index(place)] for place in range(len(places))])
    of_a, of_b = (json.dumps(names, ensure_ascii=False) for names in named)
    return f'"types": {of_a}' + ("" if of_a == of_b else f', "types_b": {of_b}')
