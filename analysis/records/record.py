"""What every record shares."""

from __future__ import annotations

from pydantic import ConfigDict

from ...model.validation import Model


class Record(Model):
    """What the program writes: read again as strictly, and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FiniteRecord(Record):
    """A record all of whose numbers are finite."""

    model_config = ConfigDict(allow_inf_nan=False)
