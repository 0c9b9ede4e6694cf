"""An operating point: the strategy to run, and what is fixed and predicted of it before data are taken."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from ..validation import Model
from .routing_game import Against
from .strategy import Strategy


class PlannedPoint(Model):
    """What is fixed and predicted of an operating point before data are taken; records keep it.

    Attributes:
        splitting_probability: p predicted at the visibility assumed.
        waiting_time: W predicted at that visibility.
        baseline_throughput: τ(p).
        multiplier: μ of the quantum frontier where the strategy lies.
        certificate_multiplier: μ of the classical edge at p, at which the advantage is certified.
        against: The class of classical routers that p and this multiplier were chosen for.
        assumed_visibility: Werner visibility the prediction assumes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    splitting_probability: float
    waiting_time: float
    baseline_throughput: float
    multiplier: float
    certificate_multiplier: Annotated[float, Field(ge=0, le=1e15)]
    assumed_visibility: float
    # Left out where it is the only class of older plans, so that these keep their hash.
    against: Against = Field(default="memoryless", exclude_if=lambda value: value == "memoryless")


class OperatingPoint(PlannedPoint):
    """A planned point, and the strategy to run: measurement vectors for the Bell pairs of one pair of requests."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    strategy: Strategy
