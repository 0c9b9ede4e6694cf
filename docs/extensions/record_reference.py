"""`{record} module:Class`: the fields of a JSON record and of all records inside it, from the class that writes it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_type_hints

from docutils import nodes
from pydantic import TypeAdapter
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_FIELDS = re.compile(r"^ {4}([\w, ]+): (.*(?:\n {6,}.*)*)", re.MULTILINE)
_KINDS = {"integer": "whole number", "boolean": "true or false"}
_LIMITS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}


def definitions(target: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and JSON schema of a class, `module:Class`, and of every one that its fields hold."""
    module, _, name = target.partition(":")
    kind = getattr(importlib.import_module(module), name)
    schema = TypeAdapter(kind).json_schema(by_alias=True)
    inner = schema.pop("$defs", {})
    yield name, schema
    yield from inner.items()


def meanings(description: str) -> dict[str, str]:
    """What a docstring's section of attributes says of each."""
    _, _, attributes = description.partition("Attributes:")
    found: dict[str, str] = {}
    for names, text in _FIELDS.findall(attributes):
        for name in names.split(","):
            found[name.strip()] = " ".join(text.split())
    return found


def described(target: str) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """Name, JSON schema and meanings of a class and of every one that its fields hold, inherited fields included."""
    module, _, name = target.partition(":")
    classes = {kind.__name__: kind for kind in _classes(getattr(importlib.import_module(module), name), set())}
    for name, schema in definitions(target):
        found = {"schema": "Name and version of this form."}
        for kind in reversed(classes[name].__mro__ if name in classes else ()):
            found |= meanings(inspect.cleandoc(kind.__doc__ or ""))
        yield name, schema, found


def _classes(kind: Any, known: set[type]) -> set[type]:
    """The class and those of its fields, and of theirs."""
    for part in get_args(kind):
        _classes(part, known)
    if isinstance(kind, type) and kind not in known and hasattr(kind, "__annotations__"):
        known.add(kind)
        if hasattr(kind, "model_fields"):
            hints = [field.annotation for field in kind.model_fields.values()]
        else:
            hints = list(get_type_hints(kind).values()) if dataclasses.is_dataclass(kind) else []
        for hint in hints:
            _classes(hint, known)
    return known


def type_text(schema: dict[str, Any]) -> str:
    """A JSON schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return repr(schema["const"]).replace("'", '"')
    if "enum" in schema:
        return " or ".join(f'"{value}"' for value in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(type_text(each) for each in schema[several]))
    kind = schema.get("type")
    if kind == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(type_text(each) for each in schema['prefixItems'])}]"
        return f"list of {type_text(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_text(schema['additionalProperties'])}"
    limits = [text.format(_number(schema[key])) for key, text in _LIMITS.items() if key in schema]
    words = _KINDS.get(str(kind), str(kind)) if kind else "anything"
    return f"{words} {', '.join(limits)}" if limits else words


def default_text(name: str, schema: dict[str, Any], required: list[str]) -> str:
    """What a field is if it is left out."""
    if name in required:
        return "required"
    default = schema.get("default")
    return "see there" if isinstance(default, dict) else json.dumps(default).strip('"')


def _number(value: float) -> str:
    return f"{value:g}" if value < 1e6 else f"{value:.0f}"


class Record(SphinxDirective):
    """A table for each class of a record."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The tables, each under its class's name."""
        found: list[nodes.Node] = []
        for name, schema, meaning in described(self.arguments[0]):
            if "properties" in schema:
                found += self._described(name, schema, meaning)
        return found

    def _described(self, name: str, schema: dict[str, Any], meaning: dict[str, str]) -> list[nodes.Node]:
        description = schema.get("description", "")
        first = nodes.paragraph()
        first += nodes.strong(text=name)
        summary = " ".join(description.partition("\n\n")[0].split())
        first += nodes.Text(f" – {summary}" if summary else "")
        required = schema.get("required", [])
        rows = [
            (field, type_text(of), default_text(field, of, required), meaning.get(field, ""))
            for field, of in schema["properties"].items()
        ]
        return [first, _table(("field", "type", "left out", "meaning"), rows)]


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> nodes.table:
    table = nodes.table()
    group = nodes.tgroup(cols=len(header))
    table += group
    group += [nodes.colspec(colwidth=1) for _ in header]
    head, body = nodes.thead(), nodes.tbody()
    head += _row(header, literal=False)
    body += [_row(row, literal=True) for row in rows]
    group += [head, body]
    return table


def _row(cells: tuple[str, ...], literal: bool) -> nodes.row:
    row = nodes.row()
    for at, text in enumerate(cells):
        entry, paragraph = nodes.entry(), nodes.paragraph()
        paragraph += nodes.literal(text=text) if literal and at == 0 else nodes.Text(text)
        entry += paragraph
        row += entry
    return row


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("record", Record)
    return {"parallel_read_safe": True}
