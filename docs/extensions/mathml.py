"""Formulas as MathML, which browsers and screen readers know by themselves: no script and no font to fetch."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator


def _mathml(latex: str, display: str) -> str:
    try:
        return convert(latex, display=display)
    except Exception as error:  # whatever the converter stumbles over is the formula's fault, and the build's end
        raise ExtensionError(f"not a formula: {latex!r}: {error!r}") from error


def visit_inline(writer: HTML5Translator, node: nodes.Element) -> None:
    """A formula within a line."""
    writer.body.append(_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_block(writer: HTML5Translator, node: nodes.Element) -> None:
    """A formula by itself, with its number where it has one; a wide one scrolls and can be reached by keyboard."""
    number = get_node_equation_number(writer, node) if node["number"] else ""
    attributes = {"ids": [f"equation-{node['label']}"]} if node["number"] and node["label"] else {}
    writer.body.append(writer.starttag(node, "div", CLASS="math formula", **attributes))
    writer.body.append(_mathml(node.astext(), "block"))
    if number:
        writer.body.append(f'<span class="formula-number">({number})</span>')
    writer.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
