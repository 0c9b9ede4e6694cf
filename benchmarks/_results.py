"""results.json, which holds what each benchmark found last, and the tables of README.md made from it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ._measure import Section, Table

FOLDER = Path(__file__).parent
RESULTS, README = FOLDER / "results.json", FOLDER / "README.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def keep(name: str, section: Section, full: bool, clock: str) -> None:
    """Put a section in the place of the one measured before."""
    results = _read()
    results[name] = {
        "full": full,
        "clock": clock,
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        **section.record(),
    }
    _write(RESULTS, json.dumps(results, indent=1, ensure_ascii=False, default=_plain) + "\n")


def write_readme(order: Sequence[str]) -> None:
    """The claims and tables between the two markers, in that order."""
    results = _read()
    known = [results[name] for name in order if name in results]
    sections = "\n\n".join(map(_section, known))
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    _write(README, f"{before}{BEGIN}\n\n{_claims(known)}\n\n{sections}\n\n{END}{after}")


def machine() -> str:
    """The processor, its cores in use, and Python."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not Linux: the name that Python knows has to do
        pass
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _claims(sections: Sequence[dict[str, Any]]) -> str:
    rows = [
        (claim["text"], claim["measured"], "yes" if claim["holds"] else "**no**")
        for section in sections
        for claim in section["claims"]
    ]
    title = "What is claimed, what was measured, and whether it holds"
    return Table(title, ("claim", "measured", "holds"), rows).markdown()


def _section(section: dict[str, Any]) -> str:
    parts = [f"### {section['title']}", section["text"]]
    parts += [Table(**table).markdown() for table in section["tables"]]
    versions = ", ".join(f"{name} {version}" for name, version in section["versions"].items())
    mode = "Full" if section["full"] else "Quick"
    clock = "" if section["clock"] == "wall" else ", processor time"
    measured = f"{mode} run{clock} of {section['measured']} on {section['machine']}"
    parts.append(f"*{measured}{'; ' + versions if versions else ''}.*")
    return "\n\n".join(parts)


def _plain(value: Any) -> Any:
    """A number or truth value of numpy's as Python's own."""
    return value.item()


def _read() -> dict[str, Any]:
    return dict(json.loads(RESULTS.read_text("utf-8"))) if RESULTS.exists() else {}


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    draft = path.with_name(f".{path.name}.partial")
    draft.write_text(text, "utf-8")
    draft.replace(path)
