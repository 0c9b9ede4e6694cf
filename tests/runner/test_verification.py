"""`bellqueue verify`: runs as the pipeline writes them verify; whatever is changed afterwards is found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.verification.findings import FRESH, Findings, Row, Verification
from bellqueue.analysis.verification.informed import Rounded
from bellqueue.model.errors import DataError
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling
from bellqueue.runner.commands.verify_command import verification_screen, verify_path
from bellqueue.runner.experiment.folder import RunFolder
from bellqueue.runner.experiment.pipeline import analyze_foreign, analyze_run
from rich.console import Console

from tests.scenarios import IBM_GENEVA, IBM_HANOI, default_record, heavy_scenario, random_scenario
from tests.sketching import keep_frontiers

from .conftest import Run, check_refusal
from .recorded_runs import Change, edited, in_analysis, in_file, in_trials, write_run


@pytest.fixture(autouse=True, scope="module")
def _solved_once(known_frontiers: dict[str, Any]) -> Iterator[None]:
    """Dozens of these tests look at the same scenario: its frontiers and grid take most of the time of each."""
    values: dict[Any, Any] = {}
    iterate = Rounded.value

    def value(process: Rounded, kappa: float, *others: Any) -> Any:
        game = process.game
        key = game.joint, game.a.moments, game.b.moments, str(process.scenario), process.step, process.busy, kappa
        if key not in values:
            values[key] = iterate(process, kappa, *others)
        return values[key]

    with pytest.MonkeyPatch.context() as patch:
        keep_frontiers(patch.setattr, known_frontiers)
        patch.setattr(Rounded, "value", value)
        yield


def of_folder(folder: Path) -> Verification:
    return verify_path(folder)


def of_record(folder: Path) -> Verification:
    return verify_path(folder / "analysis.json")


def of_text(analysis: str, folder: Path) -> Verification:
    (folder / "record.json").write_text(analysis)
    return verify_path(folder / "record.json")


def unmade(found: Verification) -> set[str]:
    return {row.what for row in found.rows if row.status == "not checked"}


def differing(found: Verification) -> set[str]:
    return {row.what for row in found.rows if row.status == "DIFFERS"}


def row(found: Verification, what: str) -> Row:
    return next(row for row in found.rows if row.what == what)


def traffic(record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**record, "traffic": {"pair_rate": 0.05, **changes}}


def types_of(count: int, joint: bool = False) -> dict[str, Any]:
    """A scenario with that many types a side, from a seed."""
    rng = np.random.default_rng(count)
    types = [
        {"name": f"type {i}", "service": {"distribution": "exponential", "mean": float(rng.uniform(0.2, 6.0))}}
        for i in range(count)
    ]
    if joint:
        table = rng.dirichlet(np.full(count**2, 2.0)).reshape(count, count)
        return {"pair_rate": 0.02, "type": types, "joint": (table / table.sum()).tolist()}
    shares = rng.dirichlet(np.full(count, 4.0))
    for spec, share in zip(types, (shares / shares.sum()).tolist(), strict=True):
        spec["probability"] = share
    return {"pair_rate": 0.02, "type": types}


AT_HALF = {"operating_point": {"splitting_probability": 0.5}}
# The scenario's record, and how the run was taken.
RUNS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "fresh settings": (default_record(shots=4000), {"context": True}),
    "fixed settings": (default_record(shots=4001, settings="fixed"), {}),
    "blocks": (default_record(shots=4001, block=7), {}),
    "stopped early": (default_record(shots=20_000, stop="certified"), {}),
    "budget used up": (default_record(shots=1000, stop="certified"), {"visibility": 0.6}),
    "lost trials": (default_record(shots=4000), {"lost": 90}),
    "stopped, with losses": (default_record(shots=20_000, stop="certified"), {"lost": 30}),
    "three pairs": (default_record(shots=6000), {"parallel": 3, "lost": 50}),
    "two pairs, fixed": (default_record(shots=4000, settings="fixed"), {"parallel": 2}),
    "a mixture of two strategies": (
        default_record(shots=4000, **{"operating_point": {"splitting_probability": 0.3}}),
        {},
    ),
    "no advantage": (default_record(shots=2000), {"visibility": 0.3}),
    "heavy traffic": (heavy_scenario().with_experiment(shots=4000).record(), {}),
    "a joint table": (traffic(default_record(shots=5000, **AT_HALF), **types_of(3, joint=True)), {}),
    "twenty types": (traffic(default_record(shots=5000), **types_of(20)), {}),
    "sizes": (
        traffic(default_record(shots=5000), sizes={"distribution": "gamma", "mean": 2.0, "scv": 3.0, "bins": 16}),
        {"visibility": 1.0},
    ),
}


# Service times that vary: the value iteration of verify has fixed ones only, and says so.
BEYOND = {"a joint table": {"every_classical.bound"}}


@pytest.mark.parametrize("name", RUNS)
def test_runs_verify(name: str, tmp_path: Path) -> None:
    record, taken = RUNS[name]
    write_run(tmp_path / "run", record, **taken)
    found = of_folder(tmp_path / "run")
    assert found.verified, found.summary
    assert found.summary.startswith("VERIFIED: all ")
    assert unmade(found) == BEYOND.get(name, set())
    alone = of_record(tmp_path / "run")
    # A run's record alone holds neither its plan nor the order of its trials.
    parts = "certificate", "every_classical"
    in_order = {f"{part}.{name}" for part in parts for name in ("log10_anytime_p_value", "log10_p_value", "certified")}
    in_order |= {"frontiers.weights"} if name == "sizes" else set()
    assert unmade(alone) <= {"provenance.content_hash", "fresh analysis", *in_order, *BEYOND.get(name, ())}
    ordered = record["experiment"].get("stop") is not None or name in (
        "three pairs",
        "a joint table",
        "twenty types",
        "sizes",
    )
    assert ("certificate.log10_p_value" in unmade(alone)) == ordered
    # What is certified is verified only if the p-value does not need their order; what claims nothing always is.
    stored = json.loads((tmp_path / "run" / "analysis.json").read_text())
    claimed = any((stored[part] or {}).get("certified") for part in parts)
    assert not differing(alone)
    assert alone.verified == (not ordered or not claimed), alone.summary


def test_runs_of_the_command_line_verify(call: Run, tmp_path: Path) -> None:
    for backend in ("aer:visibility=0.97", "fake:torino"):
        folder = backend[:4]
        call("run", "--backend", backend, "--shots", 3000, "--seed", 2, "--out", folder)
        done = call("verify", folder, "--full")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert done.stdout.startswith("VERIFIED: all ")
        assert "binomial tail summed term by term" in done.stdout
        record = json.loads(call("verify", f"{folder}/analysis.json", "--json").stdout)
        assert record["schema"] == "bellqueue.verification/1"
        assert record["verified"]
        assert {each["status"] for each in record["rows"]} == {"OK", "not checked"}


@pytest.mark.parametrize("counts", [IBM_HANOI, IBM_GENEVA], ids=["hanoi", "geneva"])
@pytest.mark.parametrize("lost", [0, 500])
def test_published_counts_verify_from_the_record_alone(counts: Any, lost: int, tmp_path: Path) -> None:
    sampling = Sampling("fixed", lost=np.full((2, 2), lost) if lost else None)
    analysis = analyze_foreign("counts", Sample(Counts(np.array(counts)), sampling), Scenario.default())
    found = of_text(analysis.to_json(), tmp_path)
    assert found.verified, found.summary
    assert not unmade(found)
    assert row(found, "certificate.log10_p_value").method.endswith("times the 2 multipliers tried")


def test_settings_that_were_not_drawn_as_declared_lose_their_declaration_here_too(tmp_path: Path) -> None:
    sampling = Sampling("random", np.array([[0.1, 0.2], [0.3, 0.4]]))
    analysis = analyze_foreign("counts", Sample(Counts(np.array(IBM_HANOI)), sampling), Scenario.default())
    assert "SETTINGS ALARM" in analysis.verdict[0]
    found = of_text(analysis.to_json(), tmp_path)
    assert found.verified, found.summary
    assert "KL" in row(found, "certificate.log10_p_value").method  # no binomial tail without the declaration


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_foreign_counts_of_any_scenario_verify(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    scenario = random_scenario(rng, most=6)
    counts = rng.integers(1, 400, (*scenario.workload().shape, 2, 2))
    analysis = analyze_foreign("counts", Sample(Counts(counts), Sampling("fixed")), scenario)
    found = of_text(analysis.to_json(), tmp_path)
    assert found.verified, found.summary
    assert not unmade(found)


# --- What is changed afterwards ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with lost trials, certified."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    write_run(folder, default_record(shots=4000), lost=60)
    return folder


@pytest.fixture
def run(untouched: Path, tmp_path: Path) -> Path:
    """A copy of it to be changed."""
    shutil.copytree(untouched, tmp_path / "run")
    return tmp_path / "run"


def outcome_flipped(lines: list[str]) -> list[str]:
    return [*lines[:100], lines[100][:-1] + ("1" if lines[100][-1] == "0" else "0"), *lines[101:]]


def setting_flipped(lines: list[str]) -> list[str]:
    return [*lines[:100], ("1" if lines[100][0] == "0" else "0") + lines[100][1:], *lines[101:]]


# Numbers of analysis.json on which no other row rests, and what each is changed to.
NUMBERS: dict[str, Any] = {
    "measured.counts[0][1][1][0]": lambda n: n + 1,
    "measured.lost[1][1]": 0,
    "measured.stopped": True,
    "correlators.trials[1][0]": 5,
    "correlators.measured[0][0]": lambda c: c + 1e-8,
    "correlators.standard_error[1][1]": 0.5,
    "certificate.classical_bound.low": lambda b: b * (1 + 1e-6),
    "certificate.quantum_bound.low": lambda b: b + 1e-7,
    "certificate.quantum_bound.high": lambda b: b - 1e-7,
    "certificate.log10_anytime_p_value": lambda p: p - 1e-4,
    "certificate.log10_p_value_pooled": -3.0,
    "certificate.method": "Chernoff–KL",
    "certificate.assumption": "None at all.",
    "certificate.score": lambda b: b + 1e-8,
    "certificate.excess.estimate": lambda b: b + 1e-8,
    "certificate.excess.high": lambda b: b - 1e-8,
    "observed.waiting_time.estimate": lambda w: w - 1e-8,
    "observed.waiting_time.low": lambda w: w + 1e-8,
    "observed.splitting_probability.high": 0.7,
    "observed.baseline_throughput.estimate": 1.75,
    "advantage.waiting_time_reduction_relative.low": lambda share: share + 1e-8,
    "advantage.throughput_gain_relative.estimate": lambda share: share + 1e-8,
    "advantage.throughput_gain_relative.high": 0.2,
    "classical.waiting_time_at_equal_throughput.estimate": 0.6,
    "classical.baseline_throughput_at_equal_waiting_time.low": 1.7,
    "frontiers.classical[1].waiting_time": 0.8,
    "frontiers.classical[1].splitting_probability": 0.31,
    "frontiers.classical[2].baseline_throughput": 1.7,
    "frontiers.weights[1][1]": 3.3789,
    "frontiers.load": 0.0500001,
    "frontiers.unavoidable_waiting_time": 0.12,
    "frontiers.types_b[1]": "longer",
    "confidence_region[2].waiting_time": 0.1,
    "frontiers.classical[0].multiplier": 2.3,
    "title": "Another title",
    "provenance.qubits[1]": 2,
    "no_signalling.p_value": 0.9,
    "no_signalling.log10_p_value_a": -0.1,
    "no_signalling.alarm": True,
    "marginals.b[0]": 0.5,
    "chsh.estimate": 2.8,
    "visibility.low": 0.99,
    "provenance.scenario_hash": "0" * 64,
    "provenance.content_hash": "0" * 64,
    "provenance.seed": 7,
    "provenance.calibration.a": 1,
    "scenario.traffic.pair_rate": 0.03,
    "planned.certificate_multiplier": 0.8,
}


def test_every_number_that_is_changed_is_found_and_nothing_else(run: Path) -> None:
    for name, value in NUMBERS.items():
        edited(run / "analysis.json", name, value)
    assert differing(of_folder(run)) == set(NUMBERS)


# What is changed, and rows that must then differ.
CHANGES: dict[str, tuple[Change, set[str]]] = {
    "μ": (in_analysis("certificate.multiplier", 0.8), {"certificate.multiplier", "certificate.log10_p_value"}),
    "β_C low, below": (
        in_analysis("certificate.classical_bound.low", lambda b: b * (1 - 1e-6)),
        {"certificate.classical_bound.low"},
    ),
    "β_C high, below": (
        in_analysis("certificate.classical_bound.high", lambda b: b * (1 - 1e-6)),
        {"certificate.classical_bound.high", "certificate.log10_p_value"},
    ),
    "β_C high, above": (
        in_analysis("certificate.classical_bound.high", lambda b: b * (1 + 1e-6)),
        {"certificate.classical_bound.high", "certificate.log10_p_value"},
    ),
    "log10 p": (in_analysis("certificate.log10_p_value", lambda p: p - 1e-5), {"certificate.log10_p_value"}),
    "bound on every classical router": (
        in_analysis("every_classical.bound", lambda bound: bound + 0.01),
        {"every_classical.bound", "every_classical.score_bound"},
    ),
    "score bound of every classical router": (
        in_analysis("every_classical.score_bound", lambda bound: bound - 1e-4),
        {"every_classical.score_bound", "every_classical.log10_p_value"},
    ),
    "place of the bound on every classical router": (
        in_analysis("every_classical.splitting_probability", lambda p: p - 0.05),
        {"every_classical.splitting_probability", "every_classical.score_bound"},
    ),
    "log10 p against every classical router": (
        in_analysis("every_classical.log10_p_value", lambda p: p - 1e-5),
        {"every_classical.log10_p_value"},
    ),
    "certified against every classical router": (
        in_analysis("every_classical.certified", lambda certified: not certified),
        {"every_classical.certified", "verdict[0]"},
    ),
    "no p at any time": (in_analysis("certificate.log10_anytime_p_value", None), {"certificate.log10_anytime_p_value"}),
    "certified": (in_analysis("certificate.certified", False), {"certificate.certified", "verdict[0]"}),
    "significance": (in_analysis("certificate.significance", 0.01), {"certificate.significance"}),
    "edges": (in_analysis("certificate.edges", 2), {"certificate.edges"}),
    "number of trials": (in_analysis("certificate.trials", 3940), {"certificate.trials"}),
    "number of lost trials": (in_analysis("certificate.lost", 0), {"certificate.lost"}),
    "limit of the excess": (in_analysis("certificate.excess.low", 0.04), {"certificate.excess.low"}),
    "least excess": (
        in_analysis("every_classical.excess_at_least", lambda least: least + 1e-3),
        {"every_classical.excess_at_least"},
    ),
    "how the bets are made": (
        in_analysis("certificate.anytime_method", "betting"),
        {"certificate.anytime_method", "certificate.log10_anytime_p_value"},
    ),
    "no CHSH": (in_analysis("chsh", None), {"chsh"}),
    "ideal": (in_analysis("correlators.ideal[0][0]", 0.2), {"correlators.ideal[0][0]"}),
    "lost trials kept quiet": (in_analysis("warnings", []), {"warnings"}),
    "an alarm that does not ring": (in_analysis("warnings", ["NO-SIGNALLING ALARM: 60 lost"]), {"warnings[0]"}),
    "verdict": (in_analysis("verdict[0]", lambda text: text.replace("CERTIFIED", "NOT CERTIFIED")), {"verdict[0]"}),
    "reduction in the verdict": (
        in_analysis("verdict[0]", lambda text: text.replace("; estimate ", "; estimate 9")),
        {"verdict[0]"},
    ),
    "p in the verdict": (
        in_analysis("verdict[1]", lambda text: text.replace("log10 p = -", "log10 p = -9")),
        {"verdict[1]"},
    ),
    "scenario": (
        in_file("scenario.json", "traffic.pair_rate", 0.021),
        {"scenario.traffic.pair_rate", "provenance.scenario_hash", "frontiers.load", "frontiers.weights[0][0]"},
    ),
    "significance of the scenario": (
        in_file("scenario.json", "experiment.significance", 1e-5),
        {"scenario.experiment.significance", "plan.json: significance", "certificate.significance"},
    ),
    "seed of the plan": (
        in_file("plan.json", "seed", 7),
        {"plan.json: asked[0][0]", "trials.csv: x, y", "provenance.seed"},
    ),
    "lost trials taken from the plan": (
        in_file("plan.json", "asked[0][0]", lambda n: n - 60),
        {"plan.json: asked[0][0]", "fresh analysis", "certificate.log10_p_value"},
    ),
    "distribution of the plan": (
        in_file("plan.json", "input_distribution", [[0.25, 0.25], [0.25, 0.25]]),
        {"measured.input_distribution[0][0]", "provenance.content_hash", "certificate.method"},
    ),
    "an outcome": (in_trials(outcome_flipped), {"provenance.content_hash", "certificate.log10_p_value"}),
    "a setting": (in_trials(setting_flipped), {"trials.csv: x, y", "provenance.content_hash"}),
    "a trial dropped": (in_trials(lambda lines: lines[:-1]), {"certificate.lost", "warnings[0]"}),
    "trials added": (in_trials(lambda lines: [*lines, *[lines[-1]] * 100]), {"trials.csv: x, y"}),
    "trials in another order": (in_trials(lambda lines: [lines[0], *lines[:0:-1]]), {"trials.csv: x, y"}),
    "calibration": (
        lambda folder: edited(folder / "calibration.json", "device", "another"),
        {"calibration.json.device"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed_is_found_and_named(name: str, run: Path) -> None:
    change, named = CHANGES[name]
    change(run)
    found = of_folder(run)
    assert not found.verified
    assert found.summary.startswith("DIFFERS: ")
    assert named <= differing(found)


def test_the_untouched_run_verifies(untouched: Path) -> None:
    assert of_folder(untouched).verified


OF_PAIRS: dict[str, Any] = {
    "certificate.log10_p_value_pooled": lambda p: p - 0.1,
    "parallel.pairs[1].log10_p_value": lambda p: p - 0.1,
    "parallel.pairs[1].waiting_time.low": 0.1,
    "parallel.pairs[1].lost": 0,
    "parallel.log10_p_value_best_pair": lambda p: p - 0.1,
    "parallel.pairs[1].chsh.high": 2.9,
    "parallel.pairs[1].visibility.estimate": 1.0,
    "parallel.pairs[1].qubits[0]": 1,
    "parallel.crosstalk.log10_p_value": -1.5,
    "parallel.crosstalk.alarm": True,
}


def test_what_is_changed_of_several_pairs_is_found_and_named(tmp_path: Path) -> None:
    write_run(tmp_path / "run", default_record(shots=4000), parallel=2, lost=40)
    for name, value in OF_PAIRS.items():
        edited(tmp_path / "run" / "analysis.json", name, value)
    assert set(OF_PAIRS) <= differing(of_folder(tmp_path / "run"))
    edited(tmp_path / "run" / "analysis.json", "parallel", None)
    assert "parallel" in differing(of_folder(tmp_path / "run"))


def test_a_better_edge_kept_quiet_is_found(tmp_path: Path) -> None:
    """Foreign counts: the union bound over fewer edges, or at another edge than the best."""
    sample = Sample(Counts(np.array(IBM_HANOI)), Sampling("fixed"))
    record = json.loads(analyze_foreign("counts", sample, Scenario.default()).to_json())
    record["certificate"]["edges"] = 1
    assert "certificate.edges" in differing(of_text(json.dumps(record), tmp_path))
    record["certificate"] |= {"edges": 2, "multiplier": record["frontiers"]["classical"][0]["multiplier"]}
    assert "certificate.multiplier" in differing(of_text(json.dumps(record), tmp_path))
    record["measured"]["counts"][0][0][0][0] += 1
    assert "provenance.content_hash" in differing(of_text(json.dumps(record), tmp_path))


def test_an_older_record_without_counts_says_what_it_cannot_tell(run: Path) -> None:
    record = json.loads((run / "analysis.json").read_text())
    del record["measured"]
    (run / "analysis.json").write_text(json.dumps(record))
    assert unmade(of_folder(run)) == {"measured"}
    alone = of_record(run)
    assert alone.summary.startswith("INCOMPLETE: all ")
    assert alone.summary.endswith("certificate.log10_p_value could not be checked; give the run's folder.")
    assert {"certificate.log10_p_value", "fresh analysis"} <= unmade(alone)
    edited(run / "analysis.json", "observed.waiting_time.estimate", 0.1)
    assert differing(of_record(run)) == {"observed.waiting_time.estimate"}


def test_an_older_stopped_record_alone_cannot_promise_more_than_its_last_moment(tmp_path: Path) -> None:
    """Before there were bets, the stakes were a fixed mixture, whose last value needs no order."""
    write_run(tmp_path / "run", default_record(shots=20_000, stop="certified"))
    edited(tmp_path / "run" / "analysis.json", "certificate.log10_anytime_p_value", -0.1)
    for part in ("certificate", "every_classical"):
        for name in ("anytime_method", "excess_at_least"):
            edited(tmp_path / "run" / "analysis.json", f"{part}.{name}", None)
    assert "certificate.log10_anytime_p_value" in differing(of_record(tmp_path / "run"))


def test_draws_of_another_numpy_are_not_held_against_a_run_that_is_not_verified_either(run: Path, call: Run) -> None:
    """Whoever wrote the record chose the version; the draws are the same here, or nothing says what they were."""
    edited(run / "analysis.json", "provenance.libraries.numpy", "1.0")
    assert of_folder(run).verified
    edited(run / "plan.json", "seed", 7)
    folder = RunFolder.open(run)
    analysis = analyze_run(folder.scenario(), folder.plan(), folder.trials((2, 2), None))
    (run / "analysis.json").write_text(analysis.to_json())
    assert differing(of_folder(run)) == {"plan.json: asked[0][0]", "trials.csv: x, y"}
    edited(run / "analysis.json", "provenance.libraries.numpy", "1.0")
    found = of_folder(run)
    assert not differing(found)
    assert (found.verified, found.lacking) == (False, ["plan.json: asked"])
    done = call("verify", "run")
    assert done.returncode == 5
    assert "but plan.json: asked could not be checked; install numpy 1.0." in " ".join(done.stdout.split())


def test_a_bound_taken_as_recorded_certifies_nothing_without_a_fresh_analysis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "run", default_record(shots=20_000), visibility=1.0)
    assert of_record(tmp_path / "run").verified
    monkeypatch.setattr("bellqueue.analysis.verification.informed.served", lambda *_: False)
    assert of_folder(tmp_path / "run").verified
    alone = of_record(tmp_path / "run")
    assert (alone.verified, alone.lacking) == (False, ["every_classical.bound"])


def test_what_makes_it_incomplete_is_among_the_reasons_shown() -> None:
    findings = Findings()
    for what in ("first", "second", "third", "p-value"):
        findings.unchecked(what, None, f"why not the {what}")
    findings.claim(FRESH, None, None, "compared", True)
    findings.require(["p-value", FRESH], "give the run's folder")
    found = Verification.of("run", findings)
    assert found.lacking == ["p-value"]
    console = Console(width=80, record=True, file=StringIO())
    console.print(verification_screen(found))
    shown = console.export_text()
    assert shown.index("why not the p-value") < shown.index("why not the first")
    assert "why not the third" not in shown


def test_a_run_without_its_calibration_verifies_but_for_that(run: Path) -> None:
    (run / "calibration.json").unlink()
    found = of_folder(run)
    assert found.verified
    assert unmade(found) == {"calibration.json"}


@pytest.mark.parametrize("changed", [False, True])
def test_the_first_screen_has_the_verdict_first_and_last(changed: bool, run: Path, call: Run) -> None:
    if changed:
        edited(run / "plan.json", "seed", 7)
        edited(run / "analysis.json", "certificate.multiplier", 0.8)
    lines = call("verify", "run").stdout.splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    verdict = lines[: lines.index("")]
    assert verdict[0].startswith("DIFFERS: " if changed else "VERIFIED: ")
    assert lines[-len(verdict) :] == verdict
    text = " ".join(lines)
    assert "compared with a fresh analysis, not derived independently: frontier curves" in text
    assert ("classical routers score at most" in text) is not changed
    assert len(call("verify", "run", "--full").stdout.splitlines()) > 60


def test_exit_codes_and_lines_for_people(run: Path, call: Run) -> None:
    assert call("verify", "run").returncode == 0
    edited(run / "analysis.json", "certificate.log10_p_value", -50.0)
    done = call("verify", "run", "--full")
    assert done.returncode == 5
    first = " ".join(done.stdout.split())
    assert first.startswith("DIFFERS: certificate.log10_p_value (1 of ")
    assert done.stdout.index("-50") < done.stdout.index("SHA-256 of the scenario")  # what differs comes first
    done = call("verify", "run", "--json")
    assert (done.returncode, done.stderr) == (5, "")
    assert not json.loads(done.stdout)["verified"]


UNREADABLE: dict[str, tuple[Change, str]] = {
    "no record": (lambda folder: (folder / "analysis.json").unlink(), "analysis.json"),
    "no trials": (lambda folder: (folder / "trials.csv").unlink(), "trials.csv"),
    "a torn record": (lambda folder: (folder / "analysis.json").write_text("{"), "analysis.json: not valid JSON"),
    "a list": (lambda folder: (folder / "plan.json").write_text("[]"), "the file is []; it must be a table"),
    "another schema": (in_analysis("schema", "bellqueue.counts/1"), "analysis.json: schema"),
    "no certificate": (in_analysis("certificate", None), "analysis.json: certificate"),
    "a word for a number": (in_analysis("certificate.score", "high"), "certificate.score"),
    "a trial of no type": (in_trials(lambda lines: [*lines, "7,0,0,0"]), "trials.csv: trials: x is 7 in trial 3941"),
    "no header": (in_trials(lambda lines: lines[1:]), "trials.csv: line 1"),
    "nothing but a header": (in_trials(lambda lines: lines[:1]), "no trials"),
    "a load of one": (in_file("scenario.json", "traffic.pair_rate", 0.5), "load is 1.25"),
    "a plan for other types": (
        in_file("plan.json", "asked", [[4000]]),
        "run: plan.json: asked, input_distribution and",
    ),
    "shares that add up to more than 1": (
        in_file("plan.json", "input_distribution[0][0]", lambda share: share + 1e-8),
        "plan.json: input_distribution must hold probabilities that add up to 1; these add up to 1.00000001",
    ),
    "angles for other types": (in_file("plan.json", "strategy[0].alpha", [0.0]), "angles must be for 2×2 types"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_answers_in_one_line(name: str, run: Path, call: Run) -> None:
    change, words = UNREADABLE[name]
    change(run)
    check_refusal(call("verify", "run"), words)


def test_a_record_for_other_types_is_refused(untouched: Path, tmp_path: Path) -> None:
    record = json.loads((untouched / "analysis.json").read_text())
    record["measured"]["counts"] = [record["measured"]["counts"][0]]
    with pytest.raises(DataError, match="2×2×2×2"):
        of_text(json.dumps(record), tmp_path)
