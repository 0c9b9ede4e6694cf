"""Reports as tests read them, and what must hold of every one."""

from __future__ import annotations

import base64
import gzip
import re
from html.parser import HTMLParser

_VOID = {"meta", "br", "img", "link", "input", "hr"}


class ReadPage(HTMLParser):
    """Every tag with its attributes, the text, the headings, and whether tags close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.headings: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag in {"td", "th", "dt", "dd", "text"}:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in {"style", "script"}:
            return
        self.words.append(data)
        if any(re.fullmatch("h[1-6]", tag) for tag in self._open):
            self.headings[-1] += data


def unpacked(name: str, link: str) -> str:
    """The text of a file that a page offers to download."""
    head, _, body = link.partition(",")
    assert head.startswith("data:")
    assert head.endswith(";base64")
    data = base64.b64decode(body, validate=True)
    return (gzip.decompress(data) if name.endswith(".gz") else data).decode()


def assert_loads_nothing(html: str, page: ReadPage) -> None:
    """No request to anywhere, and nothing that runs but the page's own script."""
    assert "@import" not in html
    for tag, attributes in page.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        assert "style" not in attributes
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", value))
            if name in {"src", "href", "xlink:href", "srcset", "data", "action"}:
                drawn = tag == "image" and value.startswith("data:image/png;base64,")  # points of a figure, as pixels
                cited = tag == "a" and value.startswith("https://arxiv.org/abs/")
                inside = tag == "a" and value.startswith("data:") and "download" in attributes
                assert cited or inside or drawn or value.startswith("#")
    style, script = ("".join(re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)) for tag in ("style", "script"))
    assert "url(" not in style
    assert not re.search(
        r"fetch\(|XMLHttpRequest|import\b|WebSocket|sendBeacon|https?://(?!www\.w3\.org/2000/svg)", script
    )
