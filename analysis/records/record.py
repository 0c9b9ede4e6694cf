"""What every record shares."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict

from ...model.validation import Model, valid

# Text that may hold the name of a file, which need not be valid UTF-8; JSON must be.
PathText = Annotated[str, BeforeValidator(lambda text: valid(text) if isinstance(text, str) else text)]


class Record(Model):
    """What the program writes: read again as strictly, and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FiniteRecord(Record):
    """A record all of whose numbers are finite."""

    model_config = ConfigDict(allow_inf_nan=False)
