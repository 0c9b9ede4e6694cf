"""The templates of the report: where they are, and how they are filled in."""

from __future__ import annotations

from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined

from ..records.printable import signs


def environment() -> Environment:
    """Templates that escape whatever fills them, and fail if anything is missing."""
    filled = Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filled.filters["signs"] = signs
    filled.filters["unbroken"] = lambda text: text.replace(" %", "\N{NO-BREAK SPACE}%")
    return filled


def source(name: str) -> str:
    """The text of a file beside the templates."""
    return resources.files(__package__).joinpath("templates", name).read_text("utf-8")
