"""What the benchmarks about numbers of trials share: types of requests, Werner states, and the best plan for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from bellqueue.analysis.design.design import Design, best_design
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.games.routing_game import BoundedGame
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POWER = 0.95


def types_of(shares: Mapping[float, float], distribution: str = "deterministic") -> list[dict[str, Any]]:
    """Request types as a scenario file has them, from the share of each mean service time."""
    return [
        {"name": f"{mean:g}", "probability": share, "service": {"distribution": distribution, "mean": mean}}
        for mean, share in shares.items()
    ]


def werner(frontiers: Frontiers, visibility: float) -> Callable[[float], Floats]:
    """Correlators of a Werner state of that visibility, for the strategy at each multiplier."""
    return lambda multiplier: np.asarray(visibility * frontiers.one_pair.at_multiplier(multiplier).correlators)


@dataclass(frozen=True, eq=False)
class Plan:
    """An experiment that certifies with probability POWER.

    Attributes:
        design: The design.
        trials: N.
        game: The game at the multiplier of the certificate.
        distribution: r, shape (n_A, n_B).
        correlators: Correlators of the noisy device, same shape.
    """

    design: Design
    trials: int
    game: BoundedGame
    distribution: Floats
    correlators: Floats

    @classmethod
    def best(cls, frontiers: Frontiers, visibility: float, significance: float) -> Plan:
        """The plan that certifies soonest with a Werner state.

        Raises:
            ScenarioError: none certifies.
        """
        predicted = werner(frontiers, visibility)
        design = best_design(frontiers, predicted, significance, POWER)
        assert design.trials is not None  # best_design raises where there is none
        assert design.strategy_multiplier is not None  # the prediction was a function
        game, distribution = frontiers.game(design.certificate_multiplier), np.array(design.input_distribution)
        return cls(design, design.trials, game, distribution, predicted(design.strategy_multiplier))
