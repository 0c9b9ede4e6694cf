"""The functions of a notebook say what the commands say, and show themselves."""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import json
import subprocess
import sys
import types
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.records.frontier_record import FrontierRecord
from bellqueue.analysis.records.printable import signs
from bellqueue.model import errors
from bellqueue.model.errors import (
    BackendError,
    BellqueueError,
    DataError,
    LedgerError,
    OutputError,
    ScenarioError,
    SweepError,
)
from bellqueue.model.sweep.grid import Sweep
from bellqueue.model.trials import Trials
from bellqueue.runner.api import results, showing
from bellqueue.runner.commands.cli import app
from typer.main import get_group

import bellqueue as bq
from tests.runner.conftest import Run
from tests.scenarios import IBM_GENEVA, IBM_HANOI, default_record, dense
from tests.sketching import coarsen

LOADS = Sweep.parse({"axis": [{"field": "load", "values": [0.05]}]})


@pytest.fixture(autouse=True, scope="module")
def _coarse() -> Iterator[None]:
    """For what the module shares, too."""
    with pytest.MonkeyPatch.context() as patch:
        coarsen(patch.setattr)
        yield


@pytest.fixture(scope="module")
def hanoi() -> results.Result:
    return bq.analyze(IBM_HANOI, dense())


@pytest.fixture(scope="module")
def geneva() -> results.Result:
    return bq.analyze(IBM_GENEVA, dense())


@pytest.fixture(scope="module")
def light() -> results.FrontierResult:
    return bq.frontiers("default")


def page_of(shown: Any) -> ElementTree.Element:
    """What a notebook shows, in which every element that is opened must be closed."""
    return ElementTree.fromstring(f"<div>{shown._repr_html_().replace('<br>', '<br/>')}</div>")


def text_of(shown: Any) -> str:
    return "".join(page_of(shown).itertext())


FUNCTIONS = ("analyze", "compare", "fetch", "frontiers", "link", "plan", "plot", "run", "submit", "sweep")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_examples(name: str) -> None:  # which tests/docs/test_examples.py finds to be true
    function = getattr(bq, name)
    (test,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={})
    assert "Examples:" in function.__doc__
    assert test.examples


def test_the_package_is_imported_without_anything_heavy() -> None:
    script = (
        "import sys, bellqueue as bq\n"
        "heavy = {'numpy', 'scipy', 'matplotlib', 'pydantic', 'rich', 'typer', 'qiskit', 'qiskit_aer', 'braket'}\n"
        "[getattr(bq, name) for name in dir(bq) if name not in ('Scenario',)]\n"
        "assert not heavy & set(sys.modules)\n"
        "assert dir(bq) == bq.__all__\n"
        "from bellqueue import *\n"
        "assert Scenario.default().title and callable(plot) and __version__\n"
        "assert not {'qiskit', 'qiskit_aer', 'braket', 'matplotlib', 'rich', 'typer'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=900)


def test_the_front_door_names_all_errors_and_functions() -> None:
    raised = [name for name, value in vars(errors).items() if isinstance(value, type)]
    assert sorted(bq.__all__) == sorted([*FUNCTIONS, *raised, "Scenario", "__version__"])
    assert bq.BellqueueError is BellqueueError
    with pytest.raises(AttributeError, match="has no attribute 'rnu'"):
        bq.rnu  # type: ignore[attr-defined]  # noqa: B018  # mypy complains, as it should


# What only one of the two has: a screen's own options, and what a notebook does by itself.
SCREENS = {"json", "full", "require_advantage", "require_go", "help"}
ONLY_COMMAND = {
    "run": {"max_cost", "max_qpu_seconds", "yes", "poll", "ledger", "again"},  # of hardware, which Python submits to
    "submit": {"yes"},
    "analyze": {"report"},
    "frontier": {"plot"},
    "compare": {"out", "csv"},
    "link": {"out", "list"},
}
NAMED_OTHERWISE = {("fetch", "run"): "runs"}


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "plot"])
def test_functions_and_commands_share_their_parameters_and_defaults(name: str) -> None:
    command = {"frontiers": "frontier"}.get(name, name)
    options = {option.name: option for option in get_group(app).commands[command].params}
    parameters = dict(inspect.signature(getattr(bq, name)).parameters)
    del parameters["progress"]
    renamed = {NAMED_OTHERWISE.get((name, own), own): parameter for own, parameter in parameters.items()}
    assert set(renamed) | SCREENS | ONLY_COMMAND.get(command, set()) >= set(options)
    assert set(renamed) <= set(options)
    for own, parameter in renamed.items():
        option = options[own]
        if parameter.default is inspect.Parameter.empty:
            assert option.required or (name, own) == ("fetch", "runs")  # the command fetches all that are under way
        else:
            embedded = own == "scenario" and parameter.default == "default"
            expected = None if embedded else parameter.default
            assert not option.required
            assert option.default == expected or (not option.default and not expected), (name, own)


def test_no_repr_shows_a_number_of_numpy(hanoi: results.Result, light: results.FrontierResult) -> None:
    planned = bq.plan(visibility=0.95)
    measured = bq.run("default", "aer:visibility=0.9", shots=500, seed=1)
    for shown in (hanoi, light, planned, measured):
        for name in type(shown).model_fields:
            assert "np." not in repr(getattr(shown, name)), (type(shown).__name__, name)


def test_a_notebook_proposes_nothing_that_pydantic_deprecates(hanoi: results.Result) -> None:
    for shown in (hanoi, hanoi.observed, hanoi.frontiers, bq.Scenario.default()):
        proposed = dir(shown)
        assert not {"dict", "json", "copy", "parse_obj", "model_fields"} & set(proposed)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for name in (name for name in proposed if not name.startswith("_")):
                getattr(shown, name, None)
    assert {"certificate", "to_dataframe", "trials", "save_report"} <= set(dir(hanoi))


def test_the_certificate_has_its_p_value_and_its_logarithm(hanoi: results.Result) -> None:
    certificate = hanoi.certificate
    assert certificate.p_value == 0.0  # smaller than any float
    assert certificate.log10_p_value < -400
    likely = dataclasses.replace(certificate, log10_p_value=-2.0)
    assert likely.p_value == pytest.approx(0.01)
    assert hanoi.every_classical
    assert hanoi.every_classical.model_copy(update={"log10_p_value": -3.0}).p_value == pytest.approx(1e-3)


def test_a_published_measurement(hanoi: results.Result) -> None:
    # MODEL §5, of these sixteen counts at pair rate 0.02.
    assert hanoi.observed.waiting_time.estimate == pytest.approx(0.497809, abs=1e-6)
    assert hanoi.observed.splitting_probability.estimate == pytest.approx(0.505621, abs=1e-6)
    assert hanoi.classical.waiting_time_at_equal_throughput.estimate == pytest.approx(0.566644, abs=1e-6)
    assert hanoi.certified
    assert hanoi.certificate.edges == 2  # nothing was declared: the union bound over both edges
    assert "Conditional" in hanoi.certificate.assumption
    assert hanoi.trials is None
    assert hanoi.folder is None


@pytest.mark.in_full
def test_counts_in_every_form_give_what_the_command_gives(hanoi: results.Result, call: Run, tmp_path: Path) -> None:
    content = {"schema": "bellqueue.counts/1", "counts": IBM_HANOI}
    (tmp_path / "c.json").write_text(json.dumps(content))
    (tmp_path / "s.json").write_text(json.dumps(dense().record()))
    told = json.loads(call("analyze", "c.json", "--scenario", "s.json", "--json").stdout)
    found = json.loads(hanoi.to_json())
    assert found["provenance"]["content_hash"] == told["provenance"]["content_hash"]
    del found["provenance"], told["provenance"]  # when, and from what file
    assert found == told
    for data in (tmp_path / "c.json", np.array(IBM_HANOI), {"counts": IBM_HANOI}):
        assert bq.analyze(data, dense()).certificate == hanoi.certificate


def test_declared_types_are_matched_by_name(hanoi: results.Result) -> None:
    swapped = np.array(IBM_HANOI)[::-1, ::-1].tolist()
    found = bq.analyze({"types": ["long", "short"], "counts": swapped}, dense())
    assert found.observed == hanoi.observed


def test_a_run_is_the_command_s_run(call: Run, tmp_path: Path) -> None:
    done = call("run", "--backend", "aer:visibility=0.9", "--shots", 2000, "--seed", 5, "--out", "told")
    assert done.returncode == 0, done.stderr
    kept = bq.run("default", "aer:visibility=0.9", shots=2000, seed=5, out=tmp_path / "kept")
    shots, seed = np.array([2000, 5])  # numpy's own integers
    loose = bq.run(bq.Scenario.default(), "aer:visibility=0.9", shots=shots, seed=seed)
    assert kept.folder == tmp_path / "kept"
    assert {path.name for path in kept.folder.iterdir()} == {path.name for path in (tmp_path / "told").iterdir()}
    assert (kept.folder / "trials.csv").read_bytes() == (tmp_path / "told" / "trials.csv").read_bytes()
    assert loose.folder is None
    assert isinstance(loose.trials, Trials)
    assert loose.certificate == kept.certificate
    command = "bellqueue run default --backend aer:visibility=0.9 --shots 2000 --seed 5"
    assert kept.provenance.command == command
    assert loose.provenance.command is None  # no command knows a scenario that has no name
    again = bq.analyze(kept.folder)
    assert again.certificate == kept.certificate
    assert again.frontiers.classical == kept.frontiers.classical
    with pytest.raises(OutputError, match="exists already"):
        bq.run("default", shots=10, out=tmp_path / "kept")


def test_frontiers_are_the_record_of_the_command(light: results.FrontierResult, call: Run, tmp_path: Path) -> None:
    assert isinstance(light, FrontierRecord)
    assert [point.splitting_probability for point in light.classical] == [0, pytest.approx(0.3), 1]
    assert light.classical[-1].waiting_time == pytest.approx(0.115 / 1.95, abs=1e-12)  # W0 by hand
    # A power reward has no bound on every classical router, whose step may depend on the time it was given.
    scenario = default_record() | {"baseline": {"reward": {"kind": "power", "exponent": 2.0}}}
    (tmp_path / "s.json").write_text(json.dumps(scenario))
    told = json.loads(call("frontier", "s.json", "--json").stdout)
    assert json.loads(bq.frontiers(tmp_path / "s.json").model_dump_json(by_alias=True)) == told


def test_progress_is_told_and_silence_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[str, int, int | None]] = []
    bq.run("default", "aer", shots=300, seed=1, progress=lambda *step: told.append(step))
    assert told[0] == ("preparing", 0, None)
    measured = [done for what, done, total in told if what == "measuring on aer" and total == 300]
    assert measured == sorted(measured)
    assert measured[-1] == 300
    assert told[-1][0] == "analyzing"
    bq.run("default", "aer", shots=300, seed=1, progress=False)
    with showing.shown(True) as watch:  # no terminal and no notebook
        watch("waiting", 0, 3)
    assert capfd.readouterr() == ("", "")


def test_the_plain_form_says_the_answer_in_three_lines(hanoi: results.Result, geneva: results.Result) -> None:
    first, second, third = repr(hanoi).splitlines()
    told = "waiting time 0.4978 against 0.5666 memoryless classical at equal throughput,"
    assert first == f"<Result CERTIFIED: {told}"
    assert second == " at least 11.5 % less, estimate 12.1 %,"
    assert hanoi.certified_against == "memoryless"
    assert third.endswith("180000 trials>")
    assert str(hanoi) == repr(hanoi)
    assert repr(geneva).startswith("<Result NOT CERTIFIED: waiting time 0.5914 against 0.5383 memoryless classical")
    assert "NO-SIGNALLING ALARM" in repr(geneva)


def test_the_page_of_a_notebook_is_small_whole_and_says_the_verdict(
    hanoi: results.Result, geneva: results.Result, light: results.FrontierResult
) -> None:
    page, text = hanoi._repr_html_(), text_of(hanoi)
    for sentence in hanoi.verdict:
        assert signs(sentence) in text
    assert "0.5666" in text
    assert len(page) < 4000
    assert "background" not in page  # legible on light and on dark pages: text is of the page's own colour
    assert " color:" not in page
    assert "largest reduction" in text_of(light)
    assert text_of(geneva).startswith("NO-SIGNALLING ALARM")


def test_what_others_have_named_is_escaped() -> None:
    record = default_record()
    record["title"] = record["traffic"]["type"][0]["name"] = "<script>alert(1)</script>\x07"
    scenario = bq.Scenario.parse(record)
    found = bq.analyze(IBM_HANOI, scenario)
    for shown in (found, found.frontiers):
        assert "script" not in {each.tag for each in page_of(shown).iter()}
        assert "\x07" not in text_of(shown) + repr(shown)


@pytest.mark.in_full
def test_figures_show_themselves(hanoi: results.Result) -> None:
    for shown, panels in ((hanoi, 2), (hanoi.frontiers, 2)):
        figure = bq.plot(shown)
        assert len(figure.axes) == panels
        png, size = figure._repr_png_()  # type: ignore[attr-defined]
        assert png.startswith(b"\x89PNG")
        width, height = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
        assert (width, height) == (2 * size["width"], 2 * size["height"])  # sharp on screens of double density
    assert any("observed" in str(text.get_text()) for text in bq.plot(hanoi).legends[0].get_texts())


def test_a_report_is_written(hanoi: results.Result, tmp_path: Path) -> None:
    hanoi.save_report(tmp_path / "hanoi.html")
    page = (tmp_path / "hanoi.html").read_text()
    assert "Certified against memoryless classical routers only:" in page
    assert "at least 11.5\N{NO-BREAK SPACE}% less waiting" in page


def test_tables_need_pandas_and_say_so(hanoi: results.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)  # its import raises
    for shown in (hanoi, hanoi.frontiers):
        with pytest.raises(BellqueueError, match=r"pip install pandas$"):
            shown.to_dataframe()


def test_tables_hold_the_numbers(hanoi: results.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = types.ModuleType("pandas")
    stand_in.DataFrame = list  # type: ignore[attr-defined]  # the rows as they are given
    monkeypatch.setitem(sys.modules, "pandas", stand_in)
    rows: Any = hanoi.to_dataframe()
    waiting = {row["of"]: row["estimate"] for row in rows if row["quantity"] == "waiting_time"}
    assert waiting["observed"] == pytest.approx(0.497809, abs=1e-6)
    assert waiting["classical"] == pytest.approx(0.566644, abs=1e-6)
    assert all(row["low"] <= row["estimate"] <= row["high"] for row in rows)
    points: Any = hanoi.frontiers.to_dataframe()
    assert {row["frontier"] for row in points} == {"classical", "quantum", "communication"}
    for name in ("classical", "quantum", "communication"):
        end = max((row for row in points if row["frontier"] == name), key=lambda row: row["splitting_probability"])
        assert end["splitting_probability"] == pytest.approx(1)
        assert end["waiting_time"] == pytest.approx(0.1210526, abs=1e-6)  # W0 (MODEL §5), whoever splits all


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        (lambda: bq.run("default", backend="ibm:fez"), BackendError, "submit default --backend ibm:fez"),
        (lambda: bq.run("default", backend="braket:garnet"), BackendError, "bq.submit or bellqueue submit default"),
        (lambda: bq.run("default", backend="areo"), BackendError, "did you mean aer?"),
        (lambda: bq.run("default", shots=0), ScenarioError, "experiment.shots"),
        (lambda: bq.run("default", shots=2.5), ScenarioError, "experiment.shots"),  # type: ignore[arg-type]
        (lambda: bq.run("default", shots=10, seed=-1), DataError, "seed is -1"),
        (lambda: bq.run("default", shots=10, seed=1.5), DataError, "seed is 1.5"),  # type: ignore[arg-type]
        (lambda: bq.run("nowhere.toml"), ScenarioError, "no such file"),
        (lambda: bq.frontiers("defualt"), ScenarioError, "did you mean default"),
        (lambda: bq.analyze(IBM_HANOI), DataError, "name the scenario"),
        (lambda: bq.analyze("nowhere.json", "default"), DataError, "no such file"),
        (lambda: bq.analyze([[1, 2], [3, 4]], "default"), DataError, "counts has shape 2×2; for this scenario it must"),
        (lambda: bq.analyze(np.zeros((2, 2, 2, 2), int), "default"), DataError, "all zero"),
        (lambda: bq.analyze(np.full((2, 2, 2, 2), 0.5), "default"), DataError, "counts[0][0][0][0]"),
        (lambda: bq.analyze(np.full((3, 3, 2, 2), 5), "default"), DataError, "3×3×2×2"),
        (lambda: bq.analyze({"count": IBM_HANOI}, "default"), DataError, "did you mean counts?"),
        (lambda: bq.analyze(7, "default"), DataError, "counts"),
        (lambda: bq.submit(backend="ibm:fez", resume="20261128"), BackendError, "--resume takes scenario, backend"),
        (lambda: bq.submit("mine.toml", resume="20261128"), BackendError, "give none of them"),
        (lambda: bq.fetch("20261128", poll=0), DataError, "--poll is 0; it must be a number of seconds, at least 0.1"),
        (lambda: bq.fetch("20261128", poll=float("nan")), DataError, "--poll is nan"),
        (lambda: bq.sweep(LOADS, workers=-1), SweepError, "--workers is -1; it must be a whole number from 1 to 1024"),
        (lambda: bq.sweep(LOADS, workers=0), SweepError, "--workers is 0"),
        (lambda: bq.sweep(LOADS, workers=1.5), SweepError, "--workers is 1.5"),  # type: ignore[arg-type]
        (lambda: bq.sweep(LOADS, format="xls"), SweepError, "--format is 'xls'; it must be csv or parquet"),  # type: ignore[arg-type]
        (lambda: bq.compare("run"), DataError, "compare needs a list of two or more"),
        (lambda: bq.compare(Path("run")), DataError, "and not a single one"),  # type: ignore[arg-type]
        (lambda: bq.compare(bq.analyze(IBM_HANOI, "default")), DataError, "and not a single one"),  # type: ignore[arg-type]
        (lambda: bq.plot([1, 2]), DataError, "not a list"),  # type: ignore[list-item]
        (lambda: bq.plot(bq.frontiers("default"), 5), OutputError, "path is 5; it must be the path"),  # type: ignore[arg-type]
        (lambda: bq.analyze(IBM_HANOI, "default").save_report(None), OutputError, "path is None"),  # type: ignore[arg-type]
        (lambda: bq.run("default", "aer", out=5), OutputError, "out is 5; it must be the path"),  # type: ignore[arg-type]
        (lambda: bq.run("default", "aer", out="a\0b"), OutputError, r"out is 'a\x00b'; it must be the path"),
        (lambda: bq.sweep(LOADS, 5), OutputError, "out is 5; it must be the path"),  # type: ignore[arg-type]
        (lambda: bq.Scenario.load(5), ScenarioError, "path is 5; it must be the path"),  # type: ignore[arg-type]
        (lambda: bq.run("default", 5), BackendError, "backend is 5; it must be text, for example 'aer'"),  # type: ignore[arg-type]
        (lambda: bq.plan("default", object()), BackendError, "it must be text, for example 'aer'"),  # type: ignore[call-overload]
        (lambda: bq.submit("default", 5), BackendError, "backend is 5; it must be text"),  # type: ignore[arg-type]
        (lambda: bq.submit(max_qpu_seconds="60"), BackendError, "--max-qpu-seconds is '60'; it must be a number"),  # type: ignore[arg-type]
        (lambda: bq.fetch(None), LedgerError, "run is None; it must be text"),  # type: ignore[arg-type]
        (lambda: bq.fetch("20261128", ledger=5), LedgerError, "ledger is 5; it must be the path"),  # type: ignore[arg-type]
        (lambda: bq.run("default", "aer", shots=10, seed=True), DataError, "seed is True; it must be a whole number"),
        (lambda: bq.run("default", "aer", shots=10, seed=10**5000), DataError, "seed is a number of very many digits"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(
    wrong: Any, kind: type[BellqueueError], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BELLQUEUE_LEDGER", str(tmp_path / "ledger.db"))
    with pytest.raises(kind) as refused:
        wrong()
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_results_are_records(hanoi: results.Result) -> None:
    assert isinstance(hanoi, Analysis)
    assert Analysis.model_validate_json(hanoi.to_json()).certificate == hanoi.certificate
