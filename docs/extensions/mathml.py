"""Formulas as MathML, which browsers and screen readers know by themselves: no script and no font to fetch."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.writers.html5 import HTML5Translator

_TAG = re.compile(r"\\tag\{(\w+)\}")


def _mathml(latex: str, display: str) -> str:
    try:
        return str(convert(latex, display=display))
    except Exception as error:  # whatever the converter stumbles over is the formula's fault, and the build's end
        raise ExtensionError(f"not a formula: {latex!r}: {error!r}") from error


def visit_inline(writer: HTML5Translator, node: nodes.Element) -> None:
    """A formula within a line."""
    writer.body.append(_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_block(writer: HTML5Translator, node: nodes.Element) -> None:
    """A formula by itself, with its tag, if any, at the right; a wide one scrolls, also by keyboard."""
    latex = node.astext()
    tag = _TAG.search(latex)
    writer.body.append(writer.starttag(node, "div", CLASS="math formula", tabindex="0"))
    writer.body.append(_mathml(_TAG.sub("", latex), "block"))
    if tag:
        writer.body.append(f'<span class="formula-number">({tag[1]})</span>')
    writer.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
