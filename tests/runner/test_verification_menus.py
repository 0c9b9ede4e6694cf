"""`bellqueue verify` for routers that know the past: what is changed in a run's folder is found and named."""

from __future__ import annotations

import json
import pkgutil
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.menus.design import MenuDesign
from bellqueue.analysis.menus.records import MenuAnalysis, MenuPlan
from bellqueue.analysis.menus.replay import with_waiting_times
from bellqueue.analysis.verification.menus.rounding import Rounding
from bellqueue.model.errors import DataError
from bellqueue.model.informed.menu import Menu
from bellqueue.model.progress import unwatched
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Trials
from bellqueue.runner.commands import verify_command
from bellqueue.runner.commands.verify_command import verify_path
from bellqueue.runner.experiment.execution import replay_run
from bellqueue.runner.experiment.folder import RunFolder
from bellqueue.runner.experiment.pipeline import analyze_run
from bellqueue.runner.experiment.plan_record import PlanRecord

import bellqueue as bq
from tests.scenarios import default_record

from .conftest import Run, check_refusal
from .recorded_runs import Change, edited, in_analysis, in_file, in_trials, write_folder, write_menu_run
from .test_verification import differing, row, unmade

ROUNDED = "certificate.certified, by rounding"
FRESH = "fresh analysis"

# Two sets of bases that serve the default scenario, the second a little worse, with tests for 20000 trials.
ANGLES = {"u": [[0.0, 1.67], [0.1, 1.7]], "v": [[-0.6, -2.27], [-0.5, -2.3]]}
SHARES = np.array([[0.22, 0.2], [0.2, 0.2], [0.05, 0.04], [0.04, 0.05]])
TILTS = [[-0.085, 0.067], [0.067, 0.071], [-0.08, 0.06], [0.06, 0.07]]


def design(kappa: float = 19.79) -> MenuDesign:
    menu = Menu(*(np.stack([np.cos(ANGLES[name]), np.sin(ANGLES[name])], axis=-1) for name in "uv"))
    centre = menu.split(0.95).reshape(-1, 2).tolist()
    return MenuDesign(menu, MenuPlan(kappa=kappa, tilts=TILTS, centre=centre), SHARES)


def scenario(**experiment: Any) -> Scenario:
    """The default one, for routers that know the past."""
    return Scenario.parse(default_record(**{"routers": "past-informed", "menu": 2, "shots": 20_000, **experiment}))


COARSE: dict[str, Any] = {
    "bellqueue.analysis.menus.certificate.LEVELS": (120,),
    "bellqueue.analysis.menus.analyze.PAIRS": 50_000,
    "bellqueue.model.informed.entangled._REPLICAS": 256,
    "bellqueue.analysis.verification.menus.rounding.LEVELS": 100,
}
UNPATCHED = {name: pkgutil.resolve_name(name) for name in COARSE}


@pytest.fixture(autouse=True, scope="module")
def _coarse() -> Iterator[None]:
    """Coarse grids and short simulations; what was analyzed once is not analyzed again."""
    known: dict[Any, Any] = {}

    def analyzed(own: Scenario, plan: PlanRecord, trials: Trials, *, frontiers: None) -> Any:
        key = own.content_hash(), plan.model_dump_json(), *(getattr(trials, name).tobytes() for name in "xyab")
        if key not in known:
            known[key] = analyze_run(own, plan, trials)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        for name, value in COARSE.items():
            patch.setattr(name, value)
        patch.setattr(verify_command, "analyze_run", analyzed)
        yield


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with lost trials, certified."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    write_menu_run(folder, scenario(), design(), visibility=0.96, lost=40)
    return folder


@pytest.fixture
def run(untouched: Path, tmp_path: Path) -> Path:
    """A copy of it to be changed."""
    shutil.copytree(untouched, tmp_path / "run")
    return tmp_path / "run"


def test_a_run_verifies_and_rounding_certifies_as_well(run: Path) -> None:
    found = verify_path(run)
    assert found.verified, found.summary
    assert not unmade(found)
    assert json.loads((run / "analysis.json").read_text())["certificate"]["certified"]
    assert row(found, ROUNDED).recomputed is True
    assert np.sum(json.loads((run / "analysis.json").read_text())["measured"]["lost"]) == 40


def test_its_record_alone_verifies_but_for_its_files(run: Path) -> None:
    found = verify_path(run / "analysis.json")
    assert found.verified, found.summary
    assert unmade(found) == {"provenance.content_hash", FRESH}


def boxed(run: Path, folder: Path, guesses: bool) -> MenuAnalysis:
    """A run whose outcomes are always those that the bases prefer, if A answers at all.

    Without a guess that is a PR box. If A answers only the type that it guessed, outcomes fixed beforehand do as well.
    """
    source = RunFolder.open(run)
    plan, known = source.plan(), source.trials((2, 2), 2)
    apart = np.array(design().plan.centre) > 0.5
    trials = Trials(known.x, known.y, known.a, known.a ^ apart[known.x, known.y], known.shape)
    if guesses:
        trials = trials[np.flatnonzero(known.x % 2 == np.random.default_rng(0).integers(2, size=len(known)))]
    write_folder(folder, scenario(), plan, trials)
    found = RunFolder.open(folder).analysis()
    assert isinstance(found, MenuAnalysis)
    return found


def test_a_classical_device_that_answers_only_what_it_guessed_saves_nothing_by_estimate(
    untouched: Path, tmp_path: Path
) -> None:
    """Half of its trials are lost; the others are those of a PR box."""
    folder = tmp_path / "run"
    found = boxed(untouched, folder, guesses=True)
    assert found.lost > 9500
    assert found.entries[0].visibility is not None
    assert found.entries[0].visibility > 1.2
    assert found.entries[0].split[0][1] is not None
    assert found.entries[0].split[0][1].estimate == 1
    assert max(saved.estimate for saved in (found.waiting_time_reduction, found.throughput_gain)) <= 0
    assert "even by estimate, with every rounding and lost trial counted against them" in found.verdict[0]
    assert found.beyond_quantum is not None
    assert not found.beyond_quantum.alarm
    verified = verify_path(folder)
    assert verified.verified, verified.summary
    edited(folder / "analysis.json", "certificate.cost.estimate", lambda w: w - 0.1)
    assert "certificate.cost.estimate" in differing(verify_path(folder / "analysis.json"))


def test_queues_are_simulated_with_lost_trials_as_the_worst(untouched: Path, tmp_path: Path) -> None:
    """Then that device is of no use, and the routers are the best classical ones; there is no outcome to replay."""
    found = boxed(untouched, tmp_path / "run", guesses=True)
    assert found.map_share == 1
    times = with_waiting_times(found).waiting_times
    assert times is not None
    menu, informed = times.routings
    assert menu.waiting_time.estimate == pytest.approx(informed.waiting_time.estimate, rel=0.01)
    with pytest.raises(DataError, match="follows classical maps wherever"):
        replay_run(RunFolder.open(tmp_path / "run"), None, 1, unwatched)


def test_a_pr_box_rings_in_the_first_line_and_verifies(untouched: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    found = boxed(untouched, folder, guesses=False)
    assert found.certified
    assert not found.no_signalling.alarm
    assert found.verdict[0].startswith("BEYOND-QUANTUM ALARM: the correlations are too strong (entry ")
    assert verify_path(folder).verified
    content = json.loads((folder / "analysis.json").read_text())
    del content["beyond_quantum"]  # as in an older record
    (folder / "analysis.json").write_text(json.dumps(content))
    assert row(verify_path(folder), "beyond_quantum").status == "not checked"


def test_a_device_that_swaps_0_and_1_at_one_router_gets_the_remedy(untouched: Path, tmp_path: Path) -> None:
    source, folder = RunFolder.open(untouched), tmp_path / "run"
    known = source.trials((2, 2), 2)
    write_folder(folder, scenario(), source.plan(), Trials(known.x, known.y, known.a, 1 - known.b, known.shape))
    found = RunFolder.open(folder).analysis()
    assert found.verdict[0].startswith("INVERTED OUTCOMES: all correlations have the opposite sign (visibility -0.9")
    assert "correct that and run again" in found.verdict[0]
    assert verify_path(folder).verified
    assert "INVERTED" not in RunFolder.open(untouched).analysis().verdict[0]


def test_a_run_with_fixed_settings_verifies(tmp_path: Path) -> None:
    """On pairs of visibility 0.5 nothing is certified, and nothing needs to be confirmed."""
    write_menu_run(tmp_path / "run", scenario(settings="fixed", shots=3001), design(), visibility=0.5)
    found = verify_path(tmp_path / "run")
    assert found.verified, found.summary
    assert row(found, "certificate.certified").recorded is False
    assert ROUNDED not in {each.what for each in found.rows}


def test_what_rounding_is_too_coarse_for_is_not_called_wrong(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bellqueue.analysis.verification.menus.rounding.LEVELS", 20)
    found = verify_path(run)
    assert found.verified, found.summary
    assert unmade(found) == {ROUNDED}
    assert "too coarse" in row(found, ROUNDED).method


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.01, 0.02])
def test_in_light_traffic_rounding_confirms_what_is_certified(rate: float, tmp_path: Path) -> None:
    """Nothing coarse: designed, analyzed and verified as a user does, at loads of 0.025 and 0.05."""
    record = default_record(routers="past-informed", shots=20_000)
    record["traffic"]["pair_rate"] = rate
    with pytest.MonkeyPatch.context() as patch:
        for name, value in UNPATCHED.items():
            patch.setattr(name, value)
        bq.run(Scenario.parse(record), "aer:visibility=0.95", seed=1, out=tmp_path / "run", progress=False)
        found = verify_path(tmp_path / "run")
    assert found.verified, found.summary
    assert row(found, ROUNDED).recomputed is True


@pytest.mark.slow
def test_service_times_that_vary_are_taken_as_recorded(tmp_path: Path) -> None:
    record = default_record(routers="past-informed", menu=2, shots=3000)
    record["traffic"]["type"][1]["service"]["distribution"] = "exponential"
    write_menu_run(tmp_path / "other", Scenario.parse(record), design(), visibility=0.96)
    found = verify_path(tmp_path / "other")
    assert found.verified, found.summary
    cost = {f"certificate.{name}" for name in ("classical", "cost.estimate", "cost.high", "log10_p_value", "certified")}
    assert unmade(found) - {ROUNDED} == cost
    assert "fixed service times" in row(found, "certificate.classical").method


# Numbers of analysis.json, and what each is changed to.
NUMBERS: dict[str, Any] = {
    "measured.counts[2][1][1][0]": lambda n: n + 1,
    "measured.lost[0][1]": lambda n: n + 1,
    "measured.block": 2,
    "certificate.trials": 20_001,
    "certificate.step": 0.1,
    "certificate.significance": 0.01,
    "certificate.cost.low": lambda w: w - 1e-6,
    "certificate.cost.estimate": lambda w: w - 0.1,
    "certificate.assumption": "None at all.",
    "waiting_time.high": lambda w: w + 1e-4,
    "splitting_probability.estimate": 0.5,
    "classical_waiting_time": lambda w: w + 1e-6,
    "waiting_time_reduction.low": lambda w: w + 1e-6,
    "waiting_time_reduction_relative.low": lambda w: w + 1e-6,
    "throughput_gain.high": lambda w: w + 1e-6,
    "map_share": 0.5,
    "entries[0].ideal[0][1]": lambda p: p + 1e-6,
    "entries[1].alpha[1]": lambda angle: angle + 1e-4,
    "entries[0].split[1][0].high": lambda p: p - 1e-7,
    "entries[1].split[0][0].estimate": lambda p: p - 1e-7,
    "entries[1].visibility": 0.99,
    "entries[1].share": 0.4,
    "no_signalling.log10_p_value_a": lambda p: p - 1e-6,
    "no_signalling.alarm": True,
    "beyond_quantum.score_share.low": lambda share: share + 1e-6,
    "beyond_quantum.alarm": True,
    "marginals.b[0]": 0.5,
    "planned.tilts[3][1]": 0.0,
    "provenance.content_hash": "0" * 64,
    "scenario.traffic.pair_rate": 0.03,
    "verdict[1]": "Nothing was tested.",
}


def test_every_number_that_is_changed_is_found(run: Path) -> None:
    for name, value in NUMBERS.items():
        edited(run / "analysis.json", name, value)
    # Angles have two rows.
    named, found = {*NUMBERS, "entries[1].alpha, beta[1][0]"}, differing(verify_path(run))
    assert named <= found
    # What is saved follows from the estimate, which is changed as well.
    assert found - named <= {f"{name}.{part}" for name in SAVED for part in ("estimate", "high")}


SAVED = "waiting_time_reduction", "waiting_time_reduction_relative", "throughput_gain"


def consistently_lower(folder: Path, by: float = 0.1) -> None:
    """A limit, and all that follows from it, as if the routers were proved to wait less."""
    record = json.loads((folder / "analysis.json").read_text())
    certificate = record["certificate"]
    certificate["cost"] = {name: value - by for name, value in certificate["cost"].items()}
    for name, factor in zip(SAVED, (1, 1 / record["classical_waiting_time"], 1 / certificate["kappa"]), strict=True):
        record[name] = {part: value + by * factor for part, value in record[name].items()}
    surely, longest = record[SAVED[0]]["low"], certificate["longest_waiting_time"]
    record[SAVED[1]]["low"] = min(surely / record["classical_waiting_time"], surely / (surely + longest))
    (folder / "analysis.json").write_text(json.dumps(record))


# What is changed, and rows that must then differ.
CHANGES: dict[str, tuple[Change, set[str]]] = {
    "V(κ) above": (in_analysis("certificate.classical", lambda v: v + 0.05), {"certificate.classical"}),
    "V(κ) below": (in_analysis("certificate.classical", lambda v: v - 0.05), {"certificate.classical"}),
    "κ": (in_analysis("certificate.kappa", 20.0), {"certificate.kappa"}),
    "limit": (in_analysis("certificate.cost.high", lambda w: w - 1e-4), {f"{name}.low" for name in SAVED}),
    "limit and what follows": (consistently_lower, {"certificate.cost.high", "certificate.cost.estimate"}),
    "p-value": (in_analysis("certificate.log10_p_value", lambda p: 3 * p), {"certificate.log10_p_value"}),
    "certified": (in_analysis("certificate.certified", False), {"certificate.certified"}),
    "verdict": (in_analysis("verdict[0]", "NOT CERTIFIED."), {"verdict[0]", "verdict[0]: warnings"}),
    "an outcome": (
        in_trials(lambda lines: [*lines[:-1], lines[-1][:-1] + str(1 - int(lines[-1][-1]))]),
        {"provenance.content_hash", "measured.counts"},
    ),
    "a setting": (
        in_trials(lambda lines: [*lines[:200], "0,0,0,0,0", *lines[201:]]),
        {"provenance.content_hash", "trials.csv: x, y"},
    ),
    "plan: seed": (in_file("plan.json", "seed", 2), {"plan.json: asked", "provenance.content_hash"}),
    "plan: tilts": (in_file("plan.json", "menu.tilts[0][0]", -0.2), {"planned.tilts[0][0]"}),
    "plan: angles": (in_file("plan.json", "strategy[0].beta[1]", -2.0), {"entries[0].ideal[0][1]"}),
    "plan: significance": (in_file("plan.json", "significance", 0.01), {"plan.json: significance"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed_is_found(name: str, run: Path, untouched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh analysis would find all of it; here it finds what the run's own did, whatever plan and trials say."""
    stored = RunFolder.open(untouched).analysis()
    monkeypatch.setattr(verify_command, "analyze_run", lambda *_, **__: stored)
    change, rows = CHANGES[name]
    change(run)
    found = differing(verify_path(run))
    assert all(any(each == what or each.startswith(f"{what}[") for each in found) for what in rows), found


@pytest.fixture
def unconfirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding says nothing, as of service times that vary."""
    monkeypatch.setattr(Rounding, "of", lambda *_: "only for fixed service times")


def of_another_version(folder: Path) -> None:
    edited(folder / "analysis.json", "provenance.bellqueue_version", "0.9.9")


@pytest.mark.usefixtures("unconfirmed")
def test_another_version_does_not_let_a_record_claim_what_was_not_found(tmp_path: Path, call: Run) -> None:
    """Everything that follows from the forged numbers fits; the data certify nothing."""
    write_menu_run(tmp_path / "run", scenario(settings="fixed", shots=3001), design(), visibility=0.5)
    place = tmp_path / "run" / "analysis.json"
    of_another_version(tmp_path / "run")
    assert verify_path(tmp_path / "run").verified
    record = json.loads(place.read_text())
    certificate = record["certificate"]
    classical = certificate["classical"] + 1
    least = classical + certificate["kappa"] * record["baseline_throughput"]["estimate"]
    cost = {"estimate": classical - 0.4, "low": classical - 0.4, "high": classical - 0.3}
    certificate |= {"certified": True, "log10_p_value": -200.0, "classical": classical, "cost": cost}
    certificate["longest_waiting_time"] = 0.05
    record["classical_waiting_time"] = least
    for name, factor in zip(SAVED, (1, 1 / least, 1 / certificate["kappa"]), strict=True):
        record[name] = {"estimate": 0.4 * factor, "low": 0.3 * factor, "high": 0.4 * factor}
    record["verdict"][0] = "CERTIFIED: at least 24.5 % (99.9 % confidence; estimate 32.6 %)."
    place.write_text(json.dumps(record))
    named = {"certified", "log10_p_value", "classical", "longest_waiting_time"}
    named = {f"certificate.{name}" for name in named} | {
        f"{name}.{part}" for name in SAVED for part in ("estimate", "low")
    }
    assert differing(verify_path(tmp_path / "run")) == named | {"verdict[0]"}
    done = call("verify", "run")
    assert done.returncode == 5
    assert len(done.stdout.splitlines()) <= 30
    alone = verify_path(place)
    assert alone.summary.startswith("INCOMPLETE: all ")
    assert alone.summary.endswith("could not be checked; give the run's folder.")
    assert {"certificate.log10_p_value", "certificate.certified"} <= unmade(alone)
    assert call("verify", "run/analysis.json").returncode == 5


@pytest.mark.usefixtures("unconfirmed")
@pytest.mark.parametrize(("share", "verified"), [(-0.5, True), (0.005, True), (0.03, False)])
def test_another_version_may_find_less_or_hardly_more(share: float, verified: bool, run: Path) -> None:
    """A share of what is saved, by which limit and estimate are lower and all that follows fits."""
    of_another_version(run)
    consistently_lower(run, share * json.loads((run / "analysis.json").read_text())[SAVED[0]]["estimate"])
    found = verify_path(run)
    assert found.verified == verified, found.summary
    more = {"certificate.cost.estimate", "certificate.cost.high"}
    more |= {f"{name}.{part}" for name in SAVED for part in ("estimate", "low")}
    assert differing(found) == (set() if verified else more)


@pytest.mark.parametrize(("share", "found"), [(0.9, set()), (1.2, {"waiting_time.estimate"})])
def test_another_version_may_have_simulated_otherwise(share: float, found: set[str], run: Path) -> None:
    """By how much of the width of its 95 % limits the simulated waiting time is lower."""
    of_another_version(run)
    width = json.loads((run / "analysis.json").read_text())["waiting_time"]
    edited(run / "analysis.json", "waiting_time.estimate", lambda w: w - share * (width["high"] - width["low"]))
    assert differing(verify_path(run)) == found


def test_a_record_alone_that_rounding_cannot_confirm_is_not_verified(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bellqueue.analysis.verification.menus.rounding.LEVELS", 20)
    found = verify_path(run / "analysis.json")
    assert (found.verified, found.lacking) == (False, [ROUNDED])


def test_a_limit_that_is_too_low_is_found_in_the_record_alone(run: Path) -> None:
    """Everything that follows fits, and there is no fresh analysis to compare with."""
    consistently_lower(run)
    found = verify_path(run / "analysis.json")
    assert differing(found) == {"certificate.cost.estimate", "certificate.cost.high"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (in_analysis("entries[0].alpha", [0.0]), "entries[0].alpha must be 2, for 2 sets of bases and 2×2"),
        (in_analysis("entries", lambda entries: entries[:1]), "has 2 sets of bases, and analysis.json 1"),
        (in_analysis("entries", []), "entries"),
        (
            in_file("plan.json", "input_distribution[3][1]", lambda r: r - 1e-8),
            "plan.json: input_distribution must hold probabilities that add up to 1; these add up to 0.99999999",
        ),
        (in_analysis("measured.counts[0][0]", [[1, 2]]), "measured.counts must be 4×2×2×2"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_in_a_line(
    change: Change, words: str, run: Path, call: Run, tmp_path: Path
) -> None:
    change(run)
    check_refusal(call("verify", "run"), words)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("measured.counts", [[[[0, 0], [0, 0]]] * 2] * 4, "some trials must have brought outcomes"),
        ("measured.counts[0][0][0][1]", -7, "must be 0 or more"),
        ("measured.input_distribution[0][0]", -0.1, "probabilities that add up to 1"),
        ("measured.input_distribution[0][0]", lambda r: r + 1e-8, "these add up to 1.00000001"),
        ("certificate.kappa", 0.0, "certificate.kappa is 0"),
        ("planned.centre[0][0]", 1.5, "centre must hold probabilities"),
        ("planned.tilts[0][0]", 1e300, "tilts must lie within ±100"),
    ],
)
def test_numbers_that_can_be_none_are_refused(place: str, value: Any, words: str, run: Path) -> None:
    edited(run / "analysis.json", place, value)
    with pytest.raises(DataError, match=words):
        verify_path(run / "analysis.json")


def test_files_of_two_kinds_of_runs_are_refused(run: Path) -> None:
    edited(run / "analysis.json", "schema", "bellqueue.analysis/1")
    with pytest.raises(DataError, match="analysis\\.json"):
        verify_path(run)


def test_the_command_shows_both_limits(run: Path, call: Run) -> None:
    done = call("verify", "run")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith("VERIFIED: all ")
    for words in ("W − κτ, classical at least", "W − κτ, these at most", "certified by rounding, too"):
        assert words in done.stdout
    assert len(done.stdout.splitlines()) <= 30
    assert "rounded up" in call("verify", "run", "--full").stdout
