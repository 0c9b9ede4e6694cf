"""CONTRIBUTING.md names what is there: every path exists, and every room has its row."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT
from tests.test_architecture import ALLOWED, ROOMS

TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PATH = re.compile(r"`(\.?[\w.-]+/[\w./-]*|[\w-]+\.(?:py|txt|toml|md))`")


def _named_paths() -> set[str]:
    """Everything in backquotes that looks like a path, and the targets of links within the checkout."""
    made = {"docs/_build"}
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", TEXT)
    return {path.rstrip("/") for path in [*PATH.findall(TEXT), *linked]} - made


def test_every_path_exists() -> None:
    paths = _named_paths()
    assert len(paths) > 40
    # A module named without its folder is one that the same paragraph names in full.
    names = {path.rpartition("/")[2] for path in paths if "/" in path}
    assert {path for path in paths if not (ROOT / path).exists() and path not in names} == set()


def test_every_room_and_folder_has_a_row() -> None:
    first_cells = {line.split("|")[1] for line in TEXT.splitlines() if line.startswith("| `")}
    rows = {name.rstrip("/") for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)}
    rooms = {f"{folder}/{room}".rstrip("/") for folder, within in ROOMS.items() for room in within}
    assert rows == rooms | set(ALLOWED) | {"tests"}


def test_rooms_are_listed_from_the_bottom_up() -> None:
    listed = re.findall(r"`((?:\w+/)+)`", "".join(line for line in TEXT.splitlines() if line.startswith("| `")))
    places = {name.rstrip("/"): place for place, name in enumerate(listed)}
    for folder, within in ROOMS.items():
        rooms = [places[f"{folder}/{room}"] for room in within if room]
        assert rooms == sorted(rooms)


def test_the_names_in_it_are_in_the_files_named_with_them() -> None:
    for name, path in re.findall(r"`(\w+)`\s+\(`([\w/]+\.py)`\)", TEXT):
        assert re.search(rf"^( *class | *def |){name}\b", (ROOT / path).read_text("utf-8"), re.MULTILINE), (
            f"{name}, {path}"
        )
