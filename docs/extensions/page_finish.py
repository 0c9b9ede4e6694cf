"""Repairs to the theme's pages: the keyboard reaches whatever scrolls, and landmarks have names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

# No pattern matches its own result, so that a build writes only pages that changed.
_MENDED = [
    (re.compile(r"<pre>"), '<pre tabindex="0">'),
    (re.compile(r'(<div class="table-wrapper [^"]*")>'), r'\1 tabindex="0">'),
    (re.compile(r'<p class="caption" role="heading">'), '<p class="caption" role="heading" aria-level="2">'),
    (re.compile(r'<aside class="sidebar-drawer">'), '<aside class="sidebar-drawer" aria-label="All pages">'),
    (re.compile(r'<aside class="toc-drawer">'), '<aside class="toc-drawer" aria-label="On this page">'),
    (
        re.compile(r'(?<!</h1>\n)<noscript>\n<div class="admonition'),
        '<h1>Search</h1>\n<noscript>\n<div class="admonition',
    ),
]


def finish(app: Sphinx, error: Exception | None) -> None:
    """Mend the pages written."""
    if error is None and app.builder.format == "html":
        for page in Path(app.outdir).rglob("*.html"):
            text = mended = page.read_text("utf-8")
            for old, new in _MENDED:
                mended = old.sub(new, mended)
            if mended != text:
                page.write_text(mended, "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
