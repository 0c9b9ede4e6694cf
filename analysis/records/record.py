"""What every record shares."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from ...model.validation import Checked

# The default of a field that a written record leaves out if there is nothing to say.
LEFT_OUT: Any = Field(default=None, exclude_if=lambda value: value is None)


class Record(Checked):
    """What the program writes: read again as strictly, and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FiniteRecord(Record):
    """A record all of whose numbers are finite."""

    model_config = ConfigDict(allow_inf_nan=False)
