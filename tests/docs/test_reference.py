"""The reference pages say what the program takes: fields, values, defaults, schemas and exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bellqueue.model.scenario import file as scenario
from bellqueue.model.validation import MAX_FILE_BYTES
from bellqueue.runner.commands import options

from docs.extensions.record_reference import default_text, definitions, described, type_text
from tests.docs.pages import DOCS, ROOT

# The page's words for the classes behind the file.
SECTIONS = {
    "Scenario": "Top level",
    "TrafficSpec": "[traffic]",
    "TypeSpec": "[[traffic.type]]",
    "ServiceSpec": "service",
    "SizesSpec": "sizes",
    "BaselineSpec": "[baseline]",
    "PowerSpec": "reward: power",
    "SetupSpec": "reward: setup",
    "WarmupSpec": "reward: warmup",
    "TableSpec": "reward: table",
    "ExperimentSpec": "[experiment]",
    "OperatingTarget": "operating point: target",
    "BoundsSpec": "[bounds]",
    "LinkSpec": "[link]",
}
DEFINITIONS = dict(definitions("bellqueue.model.scenario.file:Scenario"))


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, its header left out."""
    text = (DOCS / page).read_text("utf-8")
    _, _, section = text.partition(f"## {heading}\n")
    assert section, f"docs/{page} has no section {heading!r}"
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_every_part_of_a_scenario_has_a_section() -> None:
    assert set(DEFINITIONS) == set(SECTIONS)


@pytest.mark.parametrize("name", SECTIONS)
def test_the_scenario_page_has_every_field_with_its_values_and_its_default(name: str) -> None:
    schema = DEFINITIONS[name]
    required = schema.get("required", [])
    expected = []
    for field, of in schema["properties"].items():
        value = type_text(of).removesuffix(" or null")
        for part, section in SECTIONS.items():
            value = value.replace(part, section.split(": ")[-1])
        expected.append([field, value, default_text(field, of, required)])
    assert [row[:3] for row in rows("scenario-file.md", SECTIONS[name])] == expected


def test_the_limits_in_words_are_the_programs() -> None:
    text = (DOCS / "scenario-file.md").read_text("utf-8")
    assert MAX_FILE_BYTES == 1_000_000
    assert "at most 1 MB" in text
    assert f"at most {scenario.MAX_TYPES};" in text


def test_every_schema_is_on_the_page_of_records() -> None:
    sources = [path.read_text("utf-8") for folder in _packages() for path in (ROOT / folder).rglob("*.py")]
    found = set(re.findall(r'"(bellqueue\.[a-z-]+/\d+)"', "\n".join(sources)))
    text = (DOCS / "records.md").read_text("utf-8")
    assert len(found) > 10
    assert {schema for schema in found if f"`{schema}`" not in text} == set()


def test_every_field_of_a_record_has_a_meaning() -> None:
    targets = re.findall(r"^```\{record\} (\S+)$", (DOCS / "records.md").read_text("utf-8"), re.MULTILINE)
    assert len(targets) >= 5
    found = [
        (name, field, told.get(field, ""))
        for target in targets
        for name, schema, told in described(target)
        for field in schema.get("properties", {})
    ]
    assert len(found) > 300
    assert [(name, field) for name, field, meaning in found if len(meaning) < 2] == []


def test_every_exit_code_is_on_the_page_of_commands() -> None:
    codes = {value for name, value in vars(options).items() if name.isupper() and isinstance(value, int)}
    assert {2, 3, 4, 130} <= codes
    assert codes <= {int(row[0]) for row in rows("commands.md", "Exit codes")}


def test_every_variable_of_ours_is_on_the_page_of_commands() -> None:
    sources = [path.read_text("utf-8") for folder in _packages() for path in (ROOT / folder).rglob("*.py")]
    found = set(re.findall(r'"(BELLQUEUE_[A-Z]+)"', "\n".join(sources)))
    assert found == {row[0] for row in rows("commands.md", "Environment")}


def _packages() -> list[str]:
    return [str(Path(folder)) for folder in ("src", "model", "circuits", "backends", "analysis", "runner")]
