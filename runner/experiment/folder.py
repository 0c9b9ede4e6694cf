"""A run's folder: written beside its place and moved there whole, so that it is complete or not there."""

from __future__ import annotations

import errno
import glob
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...analysis.menus.records import MenuAnalysis
from ...analysis.records.analysis_record import Analysis
from ...analysis.records.counts_file import MAX_BYTES, format_trials, parse_trials
from ...model.errors import BellqueueError, DataError, OutputError, ScenarioError
from ...model.printable import command_line, printable, quoted
from ...model.scenario.file import Scenario
from ...model.trials import Trials
from ...model.validation import absent, read_text, validated
from ...model.writing import refused_as, write_text
from .plan_record import PlanRecord

RUNS = Path("bellqueue-runs")  # where runs are put if no folder is named
SCENARIO, PLAN, CALIBRATION = "scenario.json", "plan.json", "calibration.json"
TRIALS, ANALYSIS, REPORT = "trials.csv", "analysis.json", "report.html"
RECORD_BYTES = 100_000_000

AnyAnalysis = Analysis | MenuAnalysis


@dataclass(frozen=True)
class RunFolder:
    """A finished run on disk."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run.

        Raises:
            DataError: the folder is missing or is not a run.
        """
        with refused_as(DataError, path):
            if path.is_file():
                raise DataError(f"{path}: is a file; give the folder of `bellqueue run`")
            if not path.is_dir():
                raise DataError(absent(path, "give the folder that `bellqueue run` wrote", (), folders=True))
        for name in (SCENARIO, PLAN, TRIALS):
            if (path / name).exists() and not (path / name).is_file():
                raise DataError(f"{path / name}: is not a regular file; restore the run's own")
            if not (path / name).is_file():
                raise DataError(f"{path}: is not a run folder, {name} is missing; give the folder of `bellqueue run`")
        return cls(path)

    def scenario(self) -> Scenario:
        """What was asked."""
        return Scenario.load(self.path / SCENARIO)

    def plan(self) -> PlanRecord:
        """What was fixed before the data."""
        source = self.path / PLAN
        text = read_text(source, DataError, RECORD_BYTES, "the record of a run")
        return validated(PlanRecord, text, source, DataError)

    def trials(self, shape: tuple[int, int], entries: int | None = None) -> Trials:
        """The raw trials in the order of execution, of n_A and n_B types; of a menu give its number of entries."""
        source = self.path / TRIALS
        try:
            return parse_trials(read_text(source, DataError, MAX_BYTES, "a trials CSV"), shape, entries)
        except DataError as error:
            raise DataError(f"{source}: {str(error).removeprefix(f'{source}: ')}") from None

    def analysis(self) -> AnyAnalysis:
        """The stored analysis.

        Raises:
            DataError: it cannot be read, or is that of another run.
        """
        source = self.path / ANALYSIS
        analysis = _any_analysis(source)
        if not of_one_run(self.plan().model_dump(), analysis.model_dump(by_alias=True)):
            again = f"{command_line('analyze', self.path, '--json')} > {quoted(str(source))}"
            raise DataError(f"{source}: belongs to another run than {PLAN} beside it; make it again: {again}")
        return analysis


def naming(place: Path, error: BellqueueError) -> DataError:
    """The error of what lies there; its text names the place, if it does not yet."""
    text, name = str(error), printable(str(place))
    return DataError(text if text.startswith(name) else f"{name}: {text}")


def read_analysis(source: Path) -> AnyAnalysis:
    """An analysis record by itself, as a report holds it.

    Raises:
        DataError: the file cannot be read as one.
    """
    analysis = _any_analysis(source)
    try:
        Scenario.parse(analysis.scenario)
    except ScenarioError as error:
        raise DataError(f"{source}: {error}") from None
    return analysis


def _any_analysis(source: Path) -> AnyAnalysis:
    text = read_text(source, DataError, RECORD_BYTES, "the record of a run")
    kind: type[AnyAnalysis] = MenuAnalysis if is_record(_content(text), MenuAnalysis) else Analysis
    return validated(kind, text, source, DataError)


def is_analysis(text: str) -> bool:
    """Whether a JSON text says that it is an analysis."""
    content = _content(text)
    return is_record(content, Analysis) or is_record(content, MenuAnalysis)


def is_record(content: object, kind: type[AnyAnalysis]) -> bool:
    """Whether the content of a JSON file says that it is a record of that kind."""
    return isinstance(content, dict) and content.get("schema") == kind.model_fields["schema_"].default


def of_one_run(plan: Mapping[str, Any], analysis: Mapping[str, Any]) -> bool:
    """Whether a plan and an analysis, as JSON has them, are of one kind of run, one scenario and one time.

    What either lacks is not compared.
    """
    if (plan.get("menu") is not None) != is_record(analysis, MenuAnalysis):
        return False
    origin = analysis.get("provenance", {})
    pairs = [(plan.get(name), origin.get(name)) for name in ("scenario_hash", "created")]
    return all(planned == found for planned, found in pairs if planned and found)


def _content(text: str) -> object:
    """What a JSON text says; nothing if it is none."""
    try:
        content: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content


@contextmanager
def new_run_folder(target: Path, otherwise: Callable[[], Path | None] = lambda: None) -> Iterator[Path]:
    """A folder to fill; moved to `target` when the block ends well, removed when it does not.

    Args:
        target: Its final place.
        otherwise: Names another place if something has come to `target` meanwhile. If it names none, the filled folder
            is kept beside `target`, and the error says where.

    Raises:
        OutputError: something is at `target`, or it cannot be written there.
    """
    if _taken(target):
        target = otherwise() or target
    refuse_existing(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror}; choose another --out") from None
    try:
        yield draft
        draft.chmod(0o755)
        while not _moved(draft, target):
            place = otherwise() or target
            if place == target:
                kept = free_place(target)
                draft.rename(kept)
                raise OutputError(f"{target}: something came there during the run, which is kept in {kept}")
            target = place
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror or error}; choose another --out") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _moved(draft: Path, target: Path) -> bool:
    """Whether the folder could be moved there, where nothing was."""
    if _taken(target):
        return False
    try:
        draft.rename(target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):  # another process was faster
            return False
        raise
    return True


def slug(text: str) -> str:
    """A text as part of a folder's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in text)


def free_place(wanted: Path) -> Path:
    """That place, or the first with a number after its name that nothing has yet."""
    place, number = wanted, 2
    while _taken(place):
        place, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1
    return place


def _taken(place: Path) -> bool:
    with refused_as(OutputError, place, "; choose another --out"):
        return place.exists() or place.is_symlink()


def remove_drafts(target: Path) -> None:
    """Remove what processes that were killed left of a folder; the caller knows that no other is writing it."""
    for draft in target.parent.glob(f".{glob.escape(target.name)}.*.partial"):
        shutil.rmtree(draft, ignore_errors=True)


def leftovers(place: Path) -> list[Path]:
    """Half-made folders and files there, of processes that were killed or are at work."""
    return sorted(place.glob(".*.partial"))


def write_trials(folder: Path, trials: Trials, entries: int | None = None) -> None:
    """The raw trials of a run, those of a menu with the entry of each."""
    write_text(folder / TRIALS, format_trials(trials, entries))


def refuse_existing(target: Path) -> None:
    if _taken(target):
        raise OutputError(f"{target}: exists already and no run is overwritten; choose another --out")
