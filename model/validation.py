"""What every reader of a user's file shares: safe reading, strict numbers, and one-line complaints."""

from __future__ import annotations

import json
import math
import os
import re
import sys
import tomllib
from collections.abc import Collection, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
)

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticKnownError

from .errors import BellqueueError, DataError, ScenarioError
from .printable import quoted
from .suggestion import nearest, suggestion

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)

QUOTE = "'"  # round each name that pydantic expected
LARGEST = 1e15  # of waiting times and multipliers, in units of time
ROUNDED_SHARE = 1e-12  # by which rounding may change a probability of a table
MAX_FILE_BYTES = 1_000_000  # of a file that people write
TABLES = (".json", ".csv", ".tsv", ".txt", ".dat", "")  # how names of counts, trials and tables end
_COMPRESSED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd"}
REWARD_KINDS = ("power", "setup", "warmup", "table")

Kind = TypeVar("Kind", bound=BaseModel)


# What pydantic keeps of its first version, and proposes in every notebook.
_DEPRECATED = {"model_fields", "model_computed_fields"} | {
    name for name, kept in vars(BaseModel).items() if hasattr(getattr(kept, "__func__", kept), "__deprecated__")
}


def is_number(value: Any) -> bool:
    """Whether it is a real number, and neither a boolean nor text."""
    return isinstance(value, Real) and not isinstance(value, bool)


def as_path(value: Any, name: str, error: type[BellqueueError]) -> Path:
    """What was given in Python as the path of a file or folder.

    Raises:
        error: it is none.
    """
    if not isinstance(value, str | os.PathLike) or "\0" in str(value):
        raise error(f"{name} is {shorten(value)}; it must be the path of a file or folder")
    return Path(value)


def as_text(value: Any, name: str, error: type[BellqueueError], example: str) -> str:
    """What was given in Python as text.

    Raises:
        error: it is none.
    """
    if not isinstance(value, str):
        raise error(f"{name} is {shorten(value)}; it must be text, for example {example!r}")
    return value


def check_distribution(table: Sequence[Sequence[float]], what: str) -> None:
    """See that the shares in a table are a distribution, up to what rounding each of them leaves of their sum.

    Raises:
        DataError: they are none. Limits that rest on them would be wrong by as much as the sum is.
    """
    shares = [share for row in table for share in row]
    total = math.fsum(shares)
    if min(shares, default=-1.0) < 0 or not abs(total - 1) <= ROUNDED_SHARE * len(shares):
        raise DataError(f"{what} must hold probabilities that add up to 1; these add up to {total:.15g}")


def _strict(complaint: Literal["float_type", "int_type"]) -> BeforeValidator:
    """Refuse what is no number, and make those of other libraries, numpy's for example, Python's own."""

    def checked(value: Any) -> Any:
        if not is_number(value):
            raise PydanticKnownError(complaint)
        if isinstance(value, int | float):
            return value
        return int(value) if isinstance(value, Integral) else float(value)

    return BeforeValidator(checked)


def encodable(text: Any) -> Any:
    """Text that may hold the name of a file as records can hold it: what is no valid UTF-8 in it is replaced."""
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text) if isinstance(text, str) else text


# Strict, for a quoted number or `true` in a file is a slip; 5.0 is a whole number. They go last in Annotated[…]: what
# comes after them would be missing from the JSON schema.
NUMBER, WHOLE = _strict("float_type"), _strict("int_type")
Number = Annotated[float, NUMBER]
Positive = Annotated[float, Field(gt=0), NUMBER]


@dataclass_transform(kw_only_default=True, field_specifiers=(Field,))
class _OneLine(ModelMetaclass):
    if not TYPE_CHECKING:  # a type checker reads the fields, and not this

        def __call__(cls, *args: Any, **fields: Any) -> Any:  # noqa: N805
            try:
                return super().__call__(*args, **fields)
            except ValidationError as error:
                raise cls.complaint(f"{cls.__name__}: {first_complaint(error, cls)}") from None


class Checked(BaseModel, metaclass=_OneLine):
    """Made in Python it complains as files do; pydantic does not come this way when it reads nested tables.

    Attributes:
        complaint: What a wrong field raises.
    """

    complaint: ClassVar[type[BellqueueError]] = DataError

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in _DEPRECATED]


class FileSection(Checked):
    """A table of a file that people write: no unknown keys, no infinities."""

    complaint = ScenarioError
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def __setattr__(self, name: str, value: Any) -> None:
        raise ScenarioError(f"{type(self).__name__}.{name} cannot be changed; make another {type(self).__name__}")


def validated(kind: type[Kind], data: object, source: object, error: type[BellqueueError]) -> Kind:
    """What a file or record says, as its class.

    Args:
        kind: The class.
        data: The content, or its JSON text.
        source: What a complaint begins with; "" if it is nothing.
        error: What a complaint is raised as.

    Raises:
        error: a field is wrong.
    """
    try:
        return kind.model_validate_json(data) if isinstance(data, str | bytes) else kind.model_validate(data)
    except ValidationError as found:
        raise error((f"{source}: " if source else "") + first_complaint(found, kind)) from None


def read_text(
    path: Path, error: type[BellqueueError], max_bytes: int, what: str, endings: Collection[str] = TABLES
) -> str:
    """The UTF-8 text of a file; where there is none, the nearest with one of the endings is proposed.

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
        raise error(absent(path, f"give {what}", endings)) from None
    except UnicodeDecodeError as broken:
        raise error(f"{path}: {no_text(broken, path)}") from None
    except (OSError, ValueError) as broken:
        raise error(f"{path}: cannot be read: {getattr(broken, 'strerror', None) or broken}") from None


def read_toml(path: Path, error: type[BellqueueError], what: str, *, json_too: bool = False) -> Any:
    """The content of a TOML file that people write; with `json_too` a file that ends in .json is JSON.

    Raises:
        error: it cannot be read, or is not of that form.
    """
    text = read_text(path, error, MAX_FILE_BYTES, what, (".toml", ".json") if json_too else (".toml",))
    form, parse = ("JSON", json.loads) if json_too and path.suffix == ".json" else ("TOML", tomllib.loads)
    try:
        return parse(text)
    except (ValueError, RecursionError) as broken:
        raise error(f"{path}: {invalid(form, broken)}") from None


def invalid(form: str, broken: Exception) -> str:
    """What is wrong with a text that is no JSON or TOML."""
    if "set_int_max_str_digits" in str(broken):  # Python's remedy is one for programmers
        return f"not valid {form}: a number in it has more than {sys.get_int_max_str_digits()} digits; correct it"
    return f"not valid {form}: {broken}"


def no_text(broken: UnicodeDecodeError, path: Path | None = None) -> str:
    """What is wrong with a file, or with standard input, that is no UTF-8 text."""
    for magic, form in _COMPRESSED.items():
        if broken.object.startswith(magic):
            how = f": gunzip {quoted(str(path))}" if form == "gzip" and path else ""
            return f"is compressed ({form}); unpack it first{how}"
    return f"not UTF-8 text (byte {broken.start}); save it as UTF-8"


def absent(path: Path, otherwise: str, endings: Collection[str] = TABLES, folders: bool = False) -> str:
    """The complaint about a path where nothing is, with the nearest name of a file or folder that may be meant.

    Args:
        otherwise: What to do if no name is near.
        endings: How the names of the files that are wanted end.
        folders: Whether a folder is wanted, too.
    """
    if path.is_symlink():
        return f"{path}: is a link to {os.readlink(path)}, where nothing is; {otherwise}"
    what = "file or folder" if folders and endings else "run folder" if folders else "file"
    return f"{path}: no such {what}; {nearest_beside(path, endings, folders) or otherwise}"


def nearest_beside(path: Path, endings: Collection[str], folders: bool = False) -> str:
    """A question whether a path that does not exist means the nearest name beside it; empty if none is near."""
    try:
        # Alike must be what the name begins with: files of one kind end alike.
        alike = [each for each in path.parent.iterdir() if nearest(path.stem, [each.stem])]
        wanted = [each.name for each in alike if (folders if each.is_dir() else each.suffix.lower() in endings)]
        near = nearest(path.name, wanted)
    except OSError:  # the folder does not exist either, or is not ours to read
        near = None
    return f"did you mean {path.with_name(near)}?" if near else ""


def first_complaint(error: ValidationError, model: type[BaseModel] | None = None, whole: str = "the file") -> str:
    """One line: the field, what is allowed, what was given, and how many more complaints there are.

    An unknown key comes first: what is missing elsewhere may be the same key, mistyped.

    Args:
        error: What pydantic found.
        model: What was validated; with it a complaint about an unknown key names the nearest that is known.
        whole: What to call what was validated.
    """
    complaints = error.errors(include_url=False)
    first = next((each for each in complaints if each["type"] == "extra_forbidden"), complaints[0])
    first = next((each for each in complaints if each["loc"] == ("schema",)), first)  # another kind of file altogether
    field, context, given = _field(first["loc"]) or whole, first.get("ctx", {}), first["input"]
    if first["type"] == "extra_forbidden":
        known = suggestion(str(first["loc"][-1]), _keys(model, first["loc"][:-1]))
        text = f"{field}: unknown key{known or '; remove it or check its spelling'}"
    elif first["type"] == "literal_error" and isinstance(given, str):
        text = f"{field}: unknown value {shorten(given)}{_suggested(given, context['expected'])}"
    elif first["type"] == "union_tag_invalid":
        place, tag = f"{field}.{context['discriminator'].strip(QUOTE)}", context["tag"]
        text = f"{place}: unknown value {shorten(tag)}{_suggested(tag, context['expected_tags'])}"
    elif first["type"] == "union_tag_not_found" and isinstance(given, Mapping):
        text = f"{field}.{context['discriminator'].strip(QUOTE)}: is missing"
    elif first["type"] == "missing":
        text = f"{field}: is missing{_only_value(model, first['loc'])}"
    elif first["type"] in ("value_error", "assertion_error"):
        text = str(context["error"])
        text = f"{field}: {text}" if first["loc"] else text
        if isinstance(given, str | int | float) and shorten(given) not in text:
            text += f", got {shorten(given)}"
    elif first["type"] == "json_invalid":
        text = f"not valid JSON: {context['error']}"
    else:
        text = f"{field} is {shorten(given)}; {_requirement(first['type'], context)}"
    more = len(complaints) - 1
    return text + (f" (and {more} more complaint{'s' if more > 1 else ''})" if more else "")


# What a value must be, by the kinds of complaint that pydantic has; {} are its limits.
_REQUIREMENTS = {
    ("float_type", "float_parsing"): "it must be a number",
    ("finite_number",): "it must be a finite number",
    ("int_type", "int_parsing", "int_from_float", "int_parsing_size"): "it must be a whole number",
    ("bool_type", "bool_parsing"): "it must be true or false",
    ("string_type",): "it must be text in quotes",
    ("string_unicode",): "it must be text of whole letters",
    ("string_too_short",): "it must have at least {min_length} letters",
    ("string_too_long",): "it must have at most {max_length} letters",
    ("string_pattern_mismatch",): "it must look like {pattern}",
    ("greater_than",): "it must be above {gt}",
    ("greater_than_equal",): "it must be at least {ge}",
    ("less_than",): "it must be below {lt}",
    ("less_than_equal",): "it must be at most {le}",
    ("list_type", "tuple_type", "iterable_type"): "it must be a list",
    ("too_short",): "it must have at least {min_length} elements",
    ("too_long",): "it must have at most {max_length} elements",
    ("model_type", "model_attributes_type", "dict_type", "dataclass_type", "union_tag_not_found"): "it must be a table",
    ("none_required",): "leave it out",
    ("literal_error",): "it must be {expected}",
}


def _requirement(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "greater_than" and context["gt"] == 0:
        return "it must be positive"
    if context.get("min_length") == 1:
        return "it must not be empty"
    limits = {key: f"{limit:.15g}" if isinstance(limit, int | float) else limit for key, limit in context.items()}
    found = next((text for kinds, text in _REQUIREMENTS.items() if kind in kinds), "nothing of that kind belongs there")
    return found.format(**limits)


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
    """What an element, a field or the tag of a union may hold, given what may hold it."""
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


def shorten(value: object) -> str:
    """A value as it is typed, cut if it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python writes out no number of thousands of digits
        text = "a number of very many digits"
    return text if len(text) <= 60 else text[:57] + "…"
