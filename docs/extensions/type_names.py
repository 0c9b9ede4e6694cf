"""Names of types and type variables have no entry of their own: pages show them as text, without a warning."""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeVar, get_origin

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    app.connect("missing-reference", _as_text)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def names_a_type(target: str, module: str) -> bool:
    """Whether `target`, a dotted name or a name in `module`, is a type variable or stands for a composed type.

    Classes are neither: a reference to one that has no entry is a mistake in the documentation.
    """
    home, _, name = target.rpartition(".")
    try:
        found = getattr(import_module(home or module), name, None)
    except (ImportError, ValueError):  # no such module; no module given
        return False
    return isinstance(found, TypeVar) or found is Any or get_origin(found) is not None


def _as_text(
    app: Sphinx, environment: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    return content if names_a_type(node.get("reftarget", ""), node.get("py:module") or "") else None
