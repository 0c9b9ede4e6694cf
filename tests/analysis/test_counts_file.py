"""Own data: the same trials in every form that people keep them in, and complaints that name the place."""

from __future__ import annotations

import io
import itertools
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.records.counts_file import Declared, format_trials, parse_trials, read_counts, sample_of
from bellqueue.model.errors import DataError
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Trials

from tests.scenarios import default_record

WORKLOAD = Scenario.default().workload()
NAMES = WORKLOAD.names_a  # short, long
CELLS = list(itertools.product((0, 1), repeat=4))
TABLE = np.arange(3, 35, 2).reshape(2, 2, 2, 2)  # counts[x, y, a, b], all different
ROWS = [cell for cell in CELLS for _ in range(TABLE[cell])]


class Frame:
    """As much of a data frame as any library's has."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self._columns, self.columns = columns, list(columns)

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]


def _columns(rows: Any = ROWS) -> dict[str, Any]:
    return dict(zip("xyab", zip(*rows, strict=True), strict=True))


def _bits(x: int, y: int) -> dict[str, int]:
    return {f"{a}{b}": int(TABLE[x, y, a, b]) for a in (0, 1) for b in (0, 1)}


def _mapped(x: Any, y: Any, a: Any, b: Any) -> dict[str, Any]:
    """Columns with a count whose words are given for 0 and 1."""
    chosen = [(x[i], y[j], a[k], b[m]) for i, j, k, m in CELLS]
    return {**_columns(chosen), "count": TABLE.ravel()}


def _text(separator: str = ",", end: str = "\n", head: str = "x,y,a,b,count", **words: Any) -> str:
    columns = _mapped(**{name: words.get(name, (0, 1)) for name in "xyab"})
    order = [name.strip().lower() for name in head.split(",")]
    lines = [head, *(",".join(str(columns[name][row]) for name in order) for row in range(16))]
    return end.join(line.replace(",", separator) for line in lines)


BY_NAME = {NAMES[x]: {NAMES[y]: _bits(x, y) for y in (1, 0)} for x in (1, 0)}
FORMS: dict[str, Any] = {
    "array": TABLE,
    "floats": TABLE.astype(float),
    "array of four": TABLE.reshape(2, 2, 4),
    "lists": TABLE.tolist(),
    "lists of four": TABLE.reshape(2, 2, 4).tolist(),
    "lists of arrays": list(TABLE),
    "bit strings": [[_bits(x, y) for y in (0, 1)] for x in (0, 1)],
    "bit strings of B first": {
        "bits": "ba",
        "counts": [[{key[::-1]: n for key, n in _bits(x, y).items()} for y in (0, 1)] for x in (0, 1)],
    },
    "signs": [[{(1 - 2 * a, 1 - 2 * b): TABLE[x, y, a, b] for a in (0, 1) for b in (0, 1)} for y in (0, 1)]
        for x in (0, 1)],
    "by name": BY_NAME,
    "by name, in a file": {"schema": "bellqueue.counts/1", "counts": BY_NAME},
    "by pair": {(x, y): _bits(x, y) for x in (0, 1) for y in (0, 1)},
    "by pair of names": {f"{NAMES[x]},{NAMES[y]}": _bits(x, y) for x in (0, 1) for y in (0, 1)},
    "types in another order": {"types": ["long", "short"], "counts": TABLE[::-1, ::-1]},
    "rows": ROWS,
    "array of rows": np.array(ROWS),
    "dicts": [dict(zip("xyab", row, strict=True)) for row in ROWS],
    "columns": _columns(),
    "frame": Frame({"B": np.array(ROWS)[:, 3], **{name: column for name, column in _columns().items() if name != "b"}}),
    "structured array": np.array(ROWS, dtype=[(name, int) for name in "xyab"]),
    "counted columns": _mapped((0, 1), (0, 1), (0, 1), (0, 1)),
    "names and signs": _mapped(NAMES, NAMES, (1, -1), ("+1", "-1")),
    "floats as outcomes": _mapped((0.0, 1.0), (0, 1), (0.0, 1.0), ("0", "1.0")),
}  # fmt: skip
TEXTS = {
    "csv": _text(),
    "any order and case": _text(head=" Count,B,Y,A,X"),
    "semicolons": _text(";"),
    "tabs, byte order mark, CRLF": "\ufeff" + _text("\t", "\r\n"),
    "comments and blank lines": "# measured in May\n\n" + _text(end="\n# next\n\n"),
    "names and signs": _text(x=NAMES, y=NAMES, a=("+1", -1), b=("+", "-")),
    "quoted names": _text(x=('"short"', '"long"')),
    "without a count": "x,y,a,b\n" + "".join(f"{x},{y},{a},{b}\n" for x, y, a, b in ROWS),
    "json": json.dumps(TABLE.tolist()),
    "json of rows": json.dumps(ROWS),
    "json by name": json.dumps(BY_NAME),
}


def _counts(sample: Sample) -> Any:
    assert sample.sampling.lost is None
    return sample.counts.table.tolist()


@pytest.mark.parametrize("form", FORMS)
def test_the_same_counts_come_from_every_form(form: str) -> None:
    assert _counts(sample_of(FORMS[form], WORKLOAD)) == TABLE.tolist()


@pytest.mark.parametrize("form", TEXTS)
def test_the_same_counts_come_from_every_text(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").write_text(TEXTS[form], "utf-8", newline="")
    assert _counts(read_counts(tmp_path / "data", WORKLOAD)) == TABLE.tolist()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(TEXTS[form].encode())))
    assert _counts(read_counts(Path("-"), WORKLOAD)) == TABLE.tolist()


@pytest.mark.parametrize("form", ["by name", "names and signs", "types in another order"])
def test_types_that_are_named_are_not_assumed(form: str) -> None:
    assert not sample_of(FORMS[form], WORKLOAD).types_assumed
    assert sample_of(FORMS["lists"], WORKLOAD).types_assumed


def test_what_a_dict_does_not_name_never_occurred() -> None:
    sample = sample_of({"short,long": {"01": 3}, "long,long": {"11": np.int16(4)}}, WORKLOAD)
    expected = np.zeros((2, 2, 2, 2), dtype=int)
    expected[0, 1, 0, 1], expected[1, 1, 1, 1] = 3, 4
    assert _counts(sample) == expected.tolist()


@pytest.mark.parametrize("nothing", ["", "nan", "NA", None, float("nan")])
def test_a_trial_without_an_outcome_is_lost(nothing: Any) -> None:
    rows = [(0, 0, 0, 0), (0, 1, nothing, 1), (1, 1, nothing, nothing), (1, 1, 1, nothing)]
    for data in ([list(row) for row in rows], Frame(_columns(rows))):
        sample = sample_of(data, WORKLOAD)
        assert sample.sampling.lost is not None
        assert sample.sampling.lost.tolist() == [[0, 1], [0, 2]]
        assert sample.counts.total == 1
    with pytest.raises(DataError, match="lost is in the data already"):
        sample_of(rows, WORKLOAD, Declared(lost=3))


def test_columns_that_say_nothing_are_named_once() -> None:
    said: list[str] = []
    sample_of({**_columns(), "day": ["Monday"] * len(ROWS), "shot": range(len(ROWS))}, WORKLOAD, say=said.append)
    assert said == ["columns that say nothing here are ignored: day, shot"]


QUARTERS = [[0.25, 0.25], [0.25, 0.25]]


@pytest.mark.parametrize("distribution", ["uniform", QUARTERS, np.array(QUARTERS), "table.json", "table.csv"])
@pytest.mark.parametrize("lost", [2, "2", [[2, 2], [2, 2]], np.full((2, 2), 2.0), "lost.csv"])
def test_what_is_declared_beside_the_data(
    distribution: Any, lost: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.json").write_text(json.dumps(QUARTERS))
    Path("table.csv").write_text("# rows are A's\n0.25, 0.25\n\n0.25;0.25\n")
    Path("lost.csv").write_text("2 2\n2\t2\n")
    sampling = sample_of(TABLE, WORKLOAD, Declared("random", distribution, lost)).sampling
    assert sampling.fresh
    assert sampling.distribution is not None
    assert sampling.distribution.tolist() == QUARTERS
    assert sampling.lost is not None
    assert sampling.lost.tolist() == [[2, 2], [2, 2]]


def _with(value: Any) -> Any:
    table = TABLE.tolist()
    table[0][1][1][0] = value
    return table


PLACE = "counts[0][1][1][0] (types short, long; outcomes 1, 0) is "
WRONG: list[tuple[Any, dict[str, Any], str]] = [
    *((_with(value), {}, f"{PLACE}{value!r}; it must be a whole number")
      for value in (5.5, float("nan"), float("inf"), True, -1, None, "5")),
    (_with(10**400), {}, f"{PLACE}1000000000000"),
    (_with([1]), {}, "counts is ragged"),
    (TABLE[:, :1], {}, "counts has shape 2×1×2×2; for this scenario it must have 2×2×2×2 or 2×2×4"),
    (5, {}, "counts is 5; it must be a table"),
    ([[{"010": 3}, {}], [{}, {}]], {}, "'010' names no outcomes of two routers"),
    ([[{"00": 3, "0 0": 4}, {}], [{}, {}]], {}, "the outcomes '0 0' are there twice"),
    ([[{"00": 3, "0-": 4}, {}], [{}, {}]], {}, "write all outcomes as 0 and 1, or all as +1 and -1"),
    ({"shrt": BY_NAME["short"]}, {}, "router A is 'shrt'; types are named, or numbered from 0 (0 is short, 1 is long); "
     "did you mean short?"),
    ({0: BY_NAME["short"], "0": BY_NAME["short"]}, {}, "a type of router A is there twice"),
    ({(1, 1): [1, 2, 3, 4], (2, 2): [1, 2, 3, 4]}, {}, "is 2; types are numbered from 0"),
    ({"cuonts": TABLE}, {}, "cuonts: unknown key; did you mean counts?"),
    ([[0, 0, 1, 1], [0, 1, 2, 1]], {}, "row 1 (the first is 0): a is 2; outcomes are 0 and 1, or +1 and -1; write"),
    ([[0, 0, 1, 1], [0, 1, 0, -1]], {}, "row 1 (the first is 0): b is -1, but row 1 (the first is 0): a is 0; write"),
    ([[0, 0, True, 1]], {}, "a is True; outcomes are"),
    ([[0, None, 1, 1]], {}, "y is empty; a trial needs its types"),
    ([[0, 0, 1, 1], ["long", 0, 1, 1]], {}, "x is long, but others are numbers"),
    ([[0, 0, 1, 1], [0, 0, 1]], {}, "row 1 (the first is 0) has 3 numbers"),
    ([[0, 0, 1, 1], 5], {}, "row 1 (the first is 0) is 5; a trial is [x, y, a, b]"),
    ([dict(zip("xyab", ROWS[0], strict=True)), [0, 0, 1]], {}, "row 1 (the first is 0) is [0, 0, 1]; it must name its"),
    ({**_columns(), "a": 5}, {}, "a column is 5; it must be a list"),
    ({**_columns(), "a": [0]}, {}, "the columns differ in length"),
    ({**_columns(), "X": [0]}, {}, "columns differ only in case"),
    ({**_columns(), "count": [1.5] * len(ROWS)}, {}, "row 0 (the first is 0): count is 1.5; it must be a whole number"),
    (Frame({"x": [0], "y": [0], "a": [1]}), {}, "the column b is missing"),
    (TABLE, {"lost": 1.5}, "lost is 1.5; it must be a whole number"),
    (TABLE, {"lost": True}, "lost is True; it must be a whole number"),
    (TABLE, {"lost": "-3"}, "lost is -3.0; it must be a whole number"),
    (TABLE, {"lost": [[1, 2], [3, -4]]}, "lost[1][1] is -4; it must be a whole number"),
    (TABLE, {"lost": [[1, 2]]}, "lost has shape 1×2; for this scenario it must have 2×2"),
    (TABLE, {"lost": "nowhere.csv"}, "nowhere.csv: no such file"),
    (TABLE, {"settings": "random"}, "input_distribution is missing; give the table or 'uniform'"),
    (TABLE, {"settings": "sometimes"}, "settings: unknown value 'sometimes'"),
    (TABLE, {"input_distribution": "uniform"}, "the settings must then be 'random'"),
    (TABLE, {"settings": "random", "input_distribution": [["x", 1], [0, 0]]}, "input_distribution[0][0] is 'x'; it"),
    ({"counts": TABLE, "settings": "fixed"}, {"settings": "random"}, "settings is in the data already"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "declared", "words"), WRONG, ids=[words[:40] for *_, words in WRONG])
def test_a_complaint_names_the_place(data: Any, declared: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError) as caught:
        sample_of(data, WORKLOAD, Declared(**declared))
    assert words in str(caught.value)


WRONG_TEXTS = {
    "x,y,a,b\n0,0,1,1\n\n# note\n1,2,0,0\n": "line 5: y is 2; types are numbered from 0 (0 is short, 1 is long)",
    "x,y,a,b\n1,1,0,0\n2,2,0,0\n1,2,0,0\n": "line 3: x is 2; types are numbered from 0 (0 is short, 1 is long); sub",
    "x,y,a,b\nshort,lnog,0,0\n": "line 2: y is 'lnog'; types are named, or numbered from 0 (0 is short, 1 is long); d",
    "x,y,a,b\n0,0,0,1\n0,0,-1,1\n": "line 3: a is -1, but line 2: a is 0; write all outcomes as 0 and 1",
    "x,y,a,b,x\n0,0,0,1,1\n": "line 1: the column 'x' is there twice",
    "x,y,a\n0,0,0\n": "line 1: the column b is missing",
    "x;y;a;b\n0,0,0,1\n": "line 2 is '0,0,0,1'; it must have 4 columns",
    'x,y,a,b\n0,0,"1,1\n0,0,1,1\n': "line 2 is",
    "x,y,a,b,count\n0,0,0,1,\n": "line 2: count is empty",
    "x,y,a,b,count\n0,0,0,1,1e30\n": "line 2: count is 1e+30",
    "# nothing\n\n": "is empty",
    "x,y,a,b\n# nothing\n": "no trials below the header",
    "k,x,y,a,b\n0,0,0,0,0\n": "these are the trials of routers that know the past; give the folder of their run",
    '{"counts": {"short": {"short": {"00": 1, "00": 2}}}}': "'00' is there twice in one object",
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("text", WRONG_TEXTS)
def test_a_complaint_names_the_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        read_counts(tmp_path / "t.csv", WORKLOAD)
    assert str(caught.value).startswith(f"{tmp_path / 't.csv'}: {WRONG_TEXTS[text]}")


def test_nothing_but_blanks_below_the_header_is_no_trial() -> None:
    with pytest.raises(DataError, match=r"^no trials below the header$"):
        parse_trials("x,y,a,b\n \n", WORKLOAD.shape)


def test_names_that_could_be_numbers_are_refused() -> None:
    record = default_record()
    for spec, name in zip(record["traffic"]["type"], ("1", "0"), strict=True):
        spec["name"] = name
    with pytest.raises(DataError, match="could be its number as well"):
        sample_of(ROWS, Scenario.parse(record).workload())


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (10, 3), (3, 11), (120, 4)])
@pytest.mark.parametrize("count", [1, 20_000])
def test_trials_are_written_line_by_line_and_read_back(shape: tuple[int, int], count: int) -> None:
    rng = np.random.default_rng(count)
    x, y, a, b = (rng.integers(size, size=count) for size in (*shape, 2, 2))
    text = format_trials(Trials(x, y, a, b, shape))
    assert text == "x,y,a,b\n" + "".join(f"{i},{j},{c},{d}\n" for i, j, c, d in zip(x, y, a, b, strict=True))
    again = parse_trials(text, shape)
    for column, name in ((x, "x"), (y, "y"), (a, "a"), (b, "b")):
        assert np.array_equal(getattr(again, name), column)


def test_trials_of_a_menu_say_which_entry_each_belongs_to() -> None:
    """Trial (k, x, y) of 3 entries and 2×4 types is that of types 2k + x and y."""
    rng = np.random.default_rng(3)
    k, x, y, a, b = (rng.integers(size, size=5000) for size in (3, 2, 4, 2, 2))
    text = format_trials(Trials(2 * k + x, y, a, b, (6, 4)), 3)
    lines = (f"{h},{i},{j},{c},{d}\n" for h, i, j, c, d in zip(k, x, y, a, b, strict=True))
    assert text == "k,x,y,a,b\n" + "".join(lines)
    again = parse_trials(text, (2, 4), 3)
    assert again.shape == (6, 4)
    assert np.array_equal(again.x, 2 * k + x)
    assert np.array_equal(again.b, b)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x,y,a,b\n0,0,0,0\n", "line 1 is 'x,y,a,b'; a trials CSV starts with 'k,x,y,a,b'"),
        ("k,x,y,a,b\n0,0,0,0\n", "line 2 is '0,0,0,0'; it must be five whole numbers k,x,y,a,b"),
        ("k,x,y,a,b\n0,0,0,0,0\n3,0,0,0,0\n", "line 3: k is 3; it must lie in 0…2"),
        ("k,x,y,a,b\n0,2,0,0,0\n", "line 2: x is 2; it must lie in 0…1"),  # and is not row 0 of entry 1
        ("k,x,y,a,b\n-1,2,0,0,0\n", "line 2: k is -1"),
        ("k,x,y,a,b\n0,0,4,0,0\n", "y is 4 in trial 1; it must lie in 0…3"),
    ],
)
def test_trials_that_are_not_of_the_menu_are_refused(text: str, words: str) -> None:
    with pytest.raises(DataError, match=re.escape(words)):
        parse_trials(text, (2, 4), 3)
