"""How many Bell pairs the best entangled strategy needs for each pair of requests, and what fewer reach (MODEL §2)."""

from __future__ import annotations

from ...model.games.frontiers import Frontiers
from .percent import SAME, share_text
from .record import Record


class BellPairs(Record):
    """An operating point whose best entangled strategy needs more than one Bell pair for each pair of requests.

    What fewer Bell pairs reach was found by a search: nothing proves that they reach no more.

    Attributes:
        needed: Bell pairs of the best strategy.
        dimension: Rank of its correlators.
        used: Bell pairs that the scenario allows.
        splitting_probability: p, the same for all.
        waiting_time_classical, waiting_time_one_pair, waiting_time_used, waiting_time_best: Least W at that p.
        share_one_pair, share_used: Share of the best strategy's advantage in waiting time; None if it has none.
    """

    needed: int
    dimension: int
    used: int
    splitting_probability: float
    waiting_time_classical: float
    waiting_time_one_pair: float
    waiting_time_used: float
    waiting_time_best: float
    share_one_pair: float | None
    share_used: float | None

    def sentence(self) -> str:
        """What one Bell pair alone reaches, and those in use if there are more."""
        text = (
            f"The best entangled strategy needs {self.needed} Bell pairs for each pair of requests "
            f"(rank {self.dimension})"
        )
        if self.share_one_pair is None or self.share_used is None:
            return f"{text}, but is no better than classical routers here."
        text += f"; one alone reaches {share_text(self.share_one_pair)} of its advantage"
        if self.used > 1:
            text += f", the {self.used} in use {share_text(self.share_used)}"
        return f"{text}, as far as a search found."


def bell_pairs_at(frontiers: Frontiers, splitting_probability: float | None = None) -> BellPairs | None:
    """What fewer Bell pairs reach if the least W at p needs more than one; None if one is enough.

    Args:
        frontiers: Frontiers of the scenario.
        splitting_probability: p. Defaults to the point of the curves where one Bell pair falls shortest.
    """
    if frontiers.one_pair is frontiers.quantum:
        return None
    if splitting_probability is None:
        best_curve, one_curve = frontiers.quantum.curve, frontiers.one_pair.curve
        shortfall = one_curve.waiting_time - best_curve.waiting_time_at(one_curve.splitting_probability)
        splitting_probability = float(one_curve.splitting_probability[shortfall.argmax()])
    p = min(max(splitting_probability, 0.0), 1.0)
    best, one, used = (each.waiting_time_at(p) for each in (frontiers.quantum, frontiers.one_pair, frontiers.in_use))
    if one - best <= SAME * best:
        return None
    strategy = frontiers.quantum.at_splitting_probability(p)
    classical = float(frontiers.classical.waiting_time_at(p))
    gain = classical - best
    helps = gain > SAME * classical
    return BellPairs(
        needed=strategy.bell_pairs,
        dimension=strategy.dimension,
        used=frontiers.bell_pairs,
        splitting_probability=p,
        waiting_time_classical=classical,
        waiting_time_one_pair=one,
        waiting_time_used=used,
        waiting_time_best=best,
        share_one_pair=(classical - one) / gain if helps else None,
        share_used=(classical - used) / gain if helps else None,
    )
