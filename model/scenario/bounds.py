"""The `[bounds]` of a scenario file: how far a classical frontier is to be proved."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..validation import NUMBER, FileSection

SEARCH_SECONDS = 60.0  # of branch and bound, for one game or one frontier


class BoundsSpec(FileSection):
    """How far the classical frontier is to be proved where that takes branch and bound.

    `relative_gap` is the share of the waiting time that may stay unproved, `time_limit` the seconds for one frontier.
    What is unproved then widens the interval, to the disadvantage of the claim.
    """

    relative_gap: Annotated[float, Field(ge=0, le=0.5), NUMBER] = 0.0
    time_limit: Annotated[float, Field(ge=0, le=1e6), NUMBER] = SEARCH_SECONDS
