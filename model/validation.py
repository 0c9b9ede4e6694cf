"""What every reader of a user's file shares: safe reading, and one-line complaints from pydantic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import BellqueueError

REWARD_KINDS = ("power", "setup", "table")
Positive = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A table of a file that people write: no unknown keys, no infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False)


def read_text(path: Path, error: type[BellqueueError], max_bytes: int, what: str) -> str:
    """The UTF-8 text of a file.

    Raises:
        error: it is missing, a folder, unreadable, larger than `max_bytes` or not UTF-8.
    """
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise error(f"{path}: is a folder; give {what}")
        if not path.is_file():
            raise error(f"{path}: is not a regular file; give {what}")
        if size > max_bytes:
            raise error(f"{path}: is {size} bytes long; {what} has at most {max_bytes}")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error(f"{path}: no such file; give {what}") from None
    except UnicodeDecodeError as broken:
        raise error(f"{path}: not UTF-8 text (byte {broken.start}); save it as UTF-8") from None
    except (OSError, ValueError) as broken:
        raise error(f"{path}: cannot be read: {getattr(broken, 'strerror', None) or broken}") from None


def first_complaint(error: ValidationError) -> str:
    """One line: the field, what is allowed, what was given, and how many more complaints there are."""
    complaints = error.errors(include_url=False)
    first = complaints[0]
    field = _field(first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        text = f"{field}: unknown key; remove it or check its spelling"
    elif first["type"] == "missing":
        text = f"{field}: is missing"
    elif first["type"] == "value_error":
        text = str(first["msg"]).removeprefix("Value error, ")
        text = f"{field}: {text}" if first["loc"] else text
        if isinstance(first["input"], str | int | float):
            text += f", got {_shorten(first['input'])}"
    else:
        reason = first["msg"][0].lower() + first["msg"][1:]
        text = f"{field}: {reason}, got {_shorten(first['input'])}"
    more = len(complaints) - 1
    return text + (f" (and {more} more complaint{'s' if more > 1 else ''})" if more else "")


def _field(location: tuple[int | str, ...]) -> str:
    """traffic.type[1].service.mean, without the union tags, which no user wrote."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier() and not (text.endswith(".reward") and part in REWARD_KINDS):
            text += f".{part}"
    return text.lstrip(".")


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
