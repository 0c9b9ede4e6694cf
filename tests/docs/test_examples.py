"""The examples with `>>>` on the pages, in the README and in docstrings give what is written below them."""

from __future__ import annotations

import doctest
import importlib
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bellqueue.model.scenario.file import Scenario
from bellqueue.runner.sweep import computing

from tests.docs.pages import DOCS, ROOT, blocks
from tests.sketching import coarsen

PACKAGES = ("src", "model", "circuits", "backends", "analysis", "runner")


PAGES = [path for path in [*sorted(DOCS.glob("*.md")), ROOT / "README.md"] if ">>> " in path.read_text("utf-8")]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_examples_of_a_page(page: Path) -> None:
    code = "\n".join(block.text for block in blocks(page) if block.language == "python" and ">>> " in block.text)
    test = doctest.DocTestParser().get_doctest(code, {}, page.name, str(page), 0)
    assert test.examples
    _check(test)


@pytest.mark.parametrize("page", [*sorted(DOCS.glob("*.md")), ROOT / "README.md"], ids=lambda path: path.name)
def test_the_scenarios_of_a_page_are_valid(page: Path) -> None:
    found = [tomllib.loads(block.text) for block in blocks(page) if block.language == "toml"]
    for data in found:
        if "traffic" in data and "title" in data:
            Scenario.parse(data, page.name)


def test_the_examples_of_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    coarsen(monkeypatch.setattr)
    monkeypatch.setattr(computing, "local_pool", ThreadPoolExecutor)  # tests/runner/test_sweep.py has real processes
    for folder in PACKAGES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if ">>> " in path.read_text("utf-8"):
                inside = path.relative_to(ROOT / folder / "bellqueue" if folder == "src" else ROOT).with_suffix("")
                module = importlib.import_module(".".join(["bellqueue", *inside.parts]).removesuffix(".__init__"))
                for test in doctest.DocTestFinder().find(module):
                    _check(test)


def _check(test: doctest.DocTest) -> None:
    told: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=told.append)
    assert not told, "".join(told)
