"""What every reader of a user's file shares: safe reading, and one-line complaints from pydantic."""

from __future__ import annotations

import re
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import BellqueueError
from .suggestion import nearest, suggestion

QUOTE = "'"  # round each name that pydantic expected
REWARD_KINDS = ("power", "setup", "warmup", "table")
Positive = Annotated[float, Field(gt=0)]


# What pydantic keeps of its first version, and proposes in every notebook.
_DEPRECATED = {"model_fields", "model_computed_fields"} | {
    name for name, kept in vars(BaseModel).items() if hasattr(getattr(kept, "__func__", kept), "__deprecated__")
}


class Model(BaseModel):
    """A model that lists its names without those that pydantic deprecates."""

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in _DEPRECATED]


class FileSection(Model):
    """A table of a file that people write: no unknown keys, no infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False)


def valid(text: str) -> str:
    """The text with whatever is no valid UTF-8 replaced, as the name of a file may hold it."""
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


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
        raise error(f"{path}: no such file; {nearest_beside(path) or f'give {what}'}") from None
    except UnicodeDecodeError as broken:
        raise error(f"{path}: not UTF-8 text (byte {broken.start}); save it as UTF-8") from None
    except (OSError, ValueError) as broken:
        raise error(f"{path}: cannot be read: {getattr(broken, 'strerror', None) or broken}") from None


def nearest_beside(path: Path) -> str:
    """Of a path that does not exist, a question after what is there with the nearest name; or nothing."""
    try:
        # Alike must be what the name begins with: files of one kind end alike.
        near = nearest(path.name, [each.name for each in path.parent.iterdir() if nearest(path.stem, [each.stem])])
    except OSError:  # the folder does not exist either, or is not ours to read
        near = None
    return f"did you mean {path.with_name(near)}?" if near else ""


def first_complaint(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """One line: the field, what is allowed, what was given, and how many more complaints there are.

    An unknown key comes first: what is missing elsewhere may be the same key, mistyped.

    Args:
        error: What pydantic found.
        model: What was validated; with it a complaint about an unknown key names the nearest that is known.
    """
    complaints = error.errors(include_url=False)
    first = next((each for each in complaints if each["type"] == "extra_forbidden"), complaints[0])
    first = next((each for each in complaints if each["loc"] == ("schema",)), first)  # another kind of file altogether
    field = _field(first["loc"]) or "the file"
    context = first.get("ctx", {})
    if first["type"] == "extra_forbidden":
        known = suggestion(str(first["loc"][-1]), _keys(model, first["loc"][:-1]))
        text = f"{field}: unknown key{known or '; remove it or check its spelling'}"
    elif first["type"] == "literal_error" and isinstance(first["input"], str):
        text = f"{field}: unknown value {_shorten(first['input'])}{_suggested(first['input'], context['expected'])}"
    elif first["type"] == "union_tag_invalid":
        place, tag = f"{field}.{context['discriminator'].strip(QUOTE)}", context["tag"]
        text = f"{place}: unknown value {_shorten(tag)}{_suggested(tag, context['expected_tags'])}"
    elif first["type"] == "union_tag_not_found":
        text = f"{field}.{context['discriminator'].strip(QUOTE)}: is missing"
    elif first["type"] == "missing":
        text = f"{field}: is missing{_only_value(model, first['loc'])}"
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


def _only_value(model: type[BaseModel] | None, location: tuple[int | str, ...]) -> str:
    """What a field at the top must be, where nothing else is allowed."""
    for field in (model.model_fields if model else {}).values():
        if location == (field.alias,) and get_origin(field.annotation) is Literal:
            return f"; it must be {get_args(field.annotation)[0]!r}"
    return ""


def _field(location: tuple[int | str, ...]) -> str:
    """traffic.type[1].service.mean, without the union tags, which no user wrote."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier() and not (text.endswith(".reward") and part in REWARD_KINDS):
            text += f".{part}"
    return text.lstrip(".")


def _suggested(given: str, expected: str) -> str:
    return suggestion(given, re.findall(f"{QUOTE}([^{QUOTE}]*){QUOTE}", expected))


def _keys(model: type[BaseModel] | None, location: tuple[int | str, ...]) -> list[str]:
    """The keys allowed at a place in what a model describes."""
    kinds: list[Any] = [model]
    for part in location:
        kinds = _inside(kinds, part)
    named = [item for kind in kinds if _is_model(kind) for item in kind.model_fields.items()]
    return list(dict.fromkeys(field.alias or name for name, field in named))


def _inside(kinds: list[Any], part: int | str) -> list[Any]:
    """What may stand at an element, a field or behind the tag of a union, given what may stand around it."""
    if isinstance(part, int):
        return [each for kind in kinds for item in get_args(kind) for each in _alternatives(item)]
    models = [kind for kind in kinds if _is_model(kind)]
    fields = [kind.model_fields[part] for kind in models if part in kind.model_fields]
    if fields:
        return [each for field in fields for each in _alternatives(field.annotation)]
    return [kind for kind in models if _has_tag(kind, part)] or kinds


def _has_tag(kind: type[BaseModel], tag: str) -> bool:
    return any(tag in get_args(field.annotation) for field in kind.model_fields.values())


def _alternatives(annotation: Any) -> list[Any]:
    """The members of a union, without annotations."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [each for member in get_args(annotation) for each in _alternatives(member)]
    return [annotation]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
