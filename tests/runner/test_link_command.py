"""`bellqueue link` answers a network engineer on one screen, and a mistake with one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bellqueue.analysis.records.link_record import LinkRecord
from bellqueue.model.errors import BellqueueError, DataError, ScenarioError
from bellqueue.runner.api.results import LinkResult
from bellqueue.runner.commands.cli import app
from bellqueue.runner.commands.completion import link_names
from typer import Context
from typer.main import get_command

import bellqueue as bq
from tests.runner.conftest import Run, check_refusal
from tests.scenarios import default_record

IDEAL = "rate=1000,fidelity=1,memory_time=1000"
FAR = f"{IDEAL},distance_km=100,decision_time=0,stationary_time=1e9"  # all known, and all passed if a unit is 1 ms
SIMULATED = ("--pairs", 200_000, "--seed", 1)


def record(call: Run, *arguments: object) -> dict[str, Any]:
    done = call("link", *arguments, *SIMULATED, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_record_has_what_was_agreed_and_is_read_again(call: Run) -> None:
    found = record(call, "default", "--link", "rate=0.1,visibility=0.95,memory_time=100")
    assert found["schema"] == "bellqueue.link/1"
    names = (
        "availability",
        "mean_visibility_when_used",
        "splitting_probability",
        "waiting_time",
        "baseline_throughput",
    )
    for name in names:
        assert found["simulated"][name]["low"] <= found["simulated"][name]["estimate"]
        assert found[name] == pytest.approx(found["simulated"][name]["estimate"], rel=0.05)
    for each in found["criteria"]:
        assert set(each) == {"name", "value", "needed", "passed", "margin"}
    assert {"rate", "fidelity", "memory_time", "distance_km"} <= set(found["least"])
    assert found["provenance"]["seed"] == 1
    again = LinkRecord.model_validate(found)
    assert json.loads(again.model_dump_json(by_alias=True)) == found
    again_scenario = bq.Scenario.parse(found["scenario"])
    assert again_scenario.content_hash() == found["provenance"]["scenario_hash"]


def test_an_ideal_link_far_away_suffices_and_one_close_by_does_not(call: Run) -> None:
    far = record(call, "default", "--link", FAR, "--time-unit", 0.001)
    # As much as ideal Bell pairs on one chip save at best (docs/python.md).
    assert far["every_classical"]["waiting_time_reduction_relative"] == pytest.approx(0.100, abs=1e-3)
    assert far["suffices"]
    assert [each["passed"] for each in far["criteria"]] == [True] * 6
    saved = far["every_classical"]["simulated"]["estimate"]  # the simulation is the judge
    assert far["verdict"].startswith(
        f"This link suffices: requests wait {100 * saved:.1f} % less than with any classical"
    )
    near = record(call, "default", "--link", f"{FAR},distance_km=0.1", "--time-unit", 0.001)
    assert not near["suffices"]
    assert "tell each other their requests first" in near["verdict"]


def test_one_screen_of_eighty_columns_starts_with_the_verdict(call: Run) -> None:
    for link in (
        "oxford-ions-2025",
        "munich-atoms-2022,memory_seconds=0.01",
        FAR,
        "rate=1e9,fidelity=0.25,memory_time=0",
    ):
        done = call("link", "default", "--link", link, "--time-unit", 0.5, *SIMULATED)
        lines = done.stdout.splitlines()
        assert len(lines) <= 29, link  # with a map there is one more
        assert max(map(len, lines)) <= 80, link
        assert lines[0].startswith("This link ")
        assert "splitting" not in done.stdout
    full = call("link", "default", "--link", FAR, "--time-unit", 0.5, *SIMULATED, "--full").stdout
    assert "a message takes longer than break-even" in full


def test_a_script_can_ask_whether_it_suffices(call: Run) -> None:
    asked = ("link", "default", "--time-unit", 0.001, *SIMULATED, "--require-advantage")
    assert call(*asked, "--link", FAR).returncode == 0
    assert call(*asked, "--link", "oxford-ions-2025").returncode == 3


def test_a_link_is_named_in_four_ways_and_each_is_the_same(call: Run, tmp_path: Path) -> None:
    own = default_record() | {"link": {"rate": 2.0, "fidelity": 0.95, "memory_time": 5.0, "buffer": 2}}
    (tmp_path / "s.json").write_text(json.dumps(own))
    (tmp_path / "l.toml").write_text("[link]\nrate = 2.0\nfidelity = 0.95\nmemory_time = 9.0\nbuffer = 2\n")
    fields = "rate=2,fidelity=0.95,memory_time=5,buffer=2"
    ways = [
        ("s.json",),
        ("default", "--link", fields),
        ("default", "--link", "l.toml,memory_time=5"),
        ("default", "--link", "oxford-ions-2025," + fields, "--time-unit", 1e-3),
    ]
    found = [record(call, *way) for way in ways]
    assert [each["waiting_time"] for each in found[1:3]] == [found[0]["waiting_time"]] * 2
    assert found[3]["link"] | {"name": None, "distance_km": None, "delay": 0.0} == found[0]["link"]
    told = json.loads(bq.link(bq.Scenario.parse(own), pairs=200_000, seed=1).model_dump_json(by_alias=True))
    del told["provenance"], found[0]["provenance"]  # when
    assert told == found[0]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[link", "l.toml: not valid TOML: "),
        ("link = " + "[" * 10_000, "l.toml: not valid TOML: "),
        ("rate = 1", "l.toml: has no [link]; give the file of a link"),
    ],
)
def test_a_file_without_a_link_is_refused_in_a_line(call: Run, tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "l.toml").write_text(content)
    refused = call("link", "--link", "l.toml")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert complaint in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "the scenario has no [link]; describe it there, or name a published one with --link"),
        (("--link", "oxford-ion-2025", "--time-unit", 1), "'oxford-ion-2025'; did you mean oxford-ions-2025?"),
        (("--link", "bell"), "there is no published link 'bell'; `bellqueue link --list` lists all"),
        (("--link", "oxford-ions-2025"), "give --time-unit SECONDS"),
        (("--link", f"{IDEAL},distance_km=3"), "distance_km needs to know how many seconds a unit of time lasts"),
        (("--link", "munich-atoms-2022", "--time-unit", 1), "--link munich-atoms-2022,memory_seconds=1"),
        (("--link", "innsbruck-ions-2023"), "--link innsbruck-ions-2023,rate_per_second=1,memory_seconds=1"),
        (("--link", f"{IDEAL},rate=-1"), "rate is -1.0; it must be positive"),
        (("--link", f"{IDEAL},fidelity=0.2"), "fidelity is 0.2; it must be at least 0.25"),
        (("--link", "rate=1,fidelty=0.9"), "fidelty: unknown key; did you mean fidelity?"),
        (("--link", "rate=1,fidelity=good"), "'fidelity=good' must be a field and a number"),
        (("--link", "oxford-ions-2025,=3"), "'=3' must be a field and a number"),
        (("--link", "a" * 300), "name is 'aaa"),
        (("--link", "absent.toml"), "absent.toml: no such file"),
        (("--link", IDEAL, "--time-unit", 0), "--time-unit is 0.0; it must be a positive number of seconds"),
        (("--link", IDEAL, "--over", "rate"), "a map has two different figures, for example rate,fidelity"),
        (("--link", IDEAL, "--over", "rate,rat"), "'rat' is no figure of a link; did you mean rate?"),
        (("--link", IDEAL, "--over", "rate,distance_km"), "distance_km needs to know"),
        (("--link", IDEAL, "--out", "map.gif"), "map.gif: the name of a figure must end in .png"),
        (("--link", IDEAL, "--pairs", 10), "--pairs"),
    ],
)
def test_a_mistake_is_one_line(call: Run, arguments: tuple[object, ...], complaint: str) -> None:
    check_refusal(call("link", "default", *arguments), complaint)


def test_without_a_bound_only_memoryless_routers_are_compared_and_the_clock_is_named(call: Run, tmp_path: Path) -> None:
    scenario = default_record() | {"baseline": {"reward": {"kind": "power", "exponent": 2.0}}}
    scenario["traffic"]["pair_rate"] = 0.1
    scenario["link"] = {"rate": 0.1, "fidelity": 0.95, "memory_time": 100.0}
    (tmp_path / "s.json").write_text(json.dumps(scenario))
    found = record(call, "s.json")
    assert found["against"] == "memoryless"
    assert found["every_classical"] is None
    # docs/model.md §6: a clock alone saves 10 % there, of a link that is used more often.
    assert found["memoryless"]["simulated_without_pairs"]["estimate"] == pytest.approx(0.082, abs=0.03)
    screen = call("link", "s.json", *SIMULATED).stdout
    assert "are due to the clock" in " ".join(screen.split())
    assert "Only memoryless routers are compared: no such bound exists" in screen
    assert len(screen.splitlines()) < 30


def test_a_point_that_does_not_suit_the_link_is_named_as_the_reason(call: Run, tmp_path: Path) -> None:
    scenario = default_record() | {"link": {"rate": 1.0, "fidelity": 0.97, "memory_time": 100.0}}
    assert record(call, "default", "--link", "rate=1,fidelity=0.97,memory_time=100")["suffices"]
    scenario["experiment"] = {"operating_point": {"multiplier": 0.5}}  # below w of any pair of types: all are split
    (tmp_path / "s.json").write_text(json.dumps(scenario))
    found = record(call, "s.json")
    assert not found["suffices"]
    assert "leave out experiment.operating_point" in found["verdict"]


def test_a_link_around_half_the_earth_and_more_is_no_mistake(call: Run) -> None:
    found = record(call, "default", "--link", f"{IDEAL},distance_km=1e9", "--time-unit", 1)
    assert not found["suffices"]
    assert found["mean_visibility_when_used"] is None
    assert found["availability"] == 0


def test_the_published_links_are_listed_with_their_sources_and_proposed_by_the_shell(call: Run) -> None:
    shown = call("link").stdout
    assert call("link", "--list").stdout == shown
    listed = json.loads(call("link", "--list", "--json").stdout)
    assert len(listed) > 10
    for link in listed:
        (line,) = [line for line in shown.splitlines() if line.startswith(f"{link['name']} ")]
        assert line.endswith(link["source"])
        assert len(line) <= 80
    context = Context(get_command(app))
    assert [name for name, _ in link_names(context, "")] == [link["name"] for link in listed]


def test_python_draws_the_map_and_complains_as_the_command_does(tmp_path: Path) -> None:
    found = bq.link("default", {"rate": 1000, "fidelity": 1, "memory_time": 1000}, pairs=200_000, seed=1)
    assert repr(found).startswith("<Link of 'Light traffic, costly interruptions':\n This link suffices")
    assert "This link suffices" in found._repr_html_()
    found.save(tmp_path / "map.svg")
    assert "What links save: Light traffic" in (tmp_path / "map.svg").read_text("utf-8")
    with pytest.raises(BellqueueError, match="not of a record read again"):
        LinkResult.model_validate_json(found.model_dump_json(by_alias=True)).map()
    with pytest.raises(DataError, match="pairs is 1; it must be a whole number from 10000"):
        bq.link("default", {"rate": 1, "fidelity": 1, "memory_time": 1}, pairs=1)
    for link, told in ((3, "link is 3; it must be a name"), ([1], "must be a name"), ({"rate": "1"}, "rate is '1'")):
        with pytest.raises(ScenarioError, match=told):
            bq.link("default", link)  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match="--over: '3' is no figure"):
        bq.link("default", {"rate": 1, "fidelity": 1, "memory_time": 1}, over=3)  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match="time-unit is -1"):
        bq.link("default", "oxford-ions-2025", time_unit=-1)
