"""The `[link]` of a scenario file: the link over which two routers at a distance share Bell pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from ..validation import NUMBER, WHOLE, FileSection, Positive

MAX_BUFFER = 256  # places; more change nothing that could be seen

NotNegative = Annotated[float, Field(ge=0), NUMBER]
Visibility = Annotated[float, Field(ge=0, le=1), NUMBER]

ALTERNATIVES = (
    ("rate", "rate_per_second"),
    ("fidelity", "visibility"),
    ("memory_time", "memory_seconds"),
    ("stationary_time", "stationary_seconds"),
    ("decision_time", "decision_seconds"),
)
# What is turned into units of time by traffic.time_unit_seconds.
_IN_SECONDS = ("rate_per_second", "memory_seconds", "distance_km", "stationary_seconds", "decision_seconds")


class LinkSpec(FileSection):
    """Either every figure of a link, or the `name` of a published one, whose figures the other fields replace."""

    name: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    rate: Positive | None = None
    rate_per_second: Positive | None = None
    fidelity: Annotated[float, Field(ge=0.25, le=1), NUMBER] | None = None
    visibility: Visibility | None = None
    memory_time: NotNegative | None = None
    memory_seconds: NotNegative | None = None
    buffer: Annotated[int, Field(ge=1, le=MAX_BUFFER), WHOLE] = 1
    distance_km: NotNegative | None = None
    measurement_fidelity: Annotated[float, Field(ge=0.5, le=1), NUMBER] = 1.0
    detection_efficiency: Annotated[float, Field(gt=0, le=1), NUMBER] = 1.0
    cutoff: Positive | None = None
    stationary_time: Positive | None = None
    stationary_seconds: Positive | None = None
    decision_time: NotNegative | None = None
    decision_seconds: NotNegative | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        for pair in ALTERNATIVES:
            given = [name for name in pair if getattr(self, name) is not None]
            if len(given) > 1:
                values = " and ".join(f"{name} = {getattr(self, name):g}" for name in given)
                raise ValueError(f"{values} say the same thing twice; drop one of the two")
            if not given and self.name is None and pair in ALTERNATIVES[:3]:
                raise ValueError(f"{pair[0]} is missing; give {pair[0]} or {pair[1]}, or the name of a published link")
        return self

    def in_seconds(self) -> Iterator[str]:
        """The fields given that only `traffic.time_unit_seconds` can turn into units of time."""
        return (name for name in _IN_SECONDS if getattr(self, name) is not None)
