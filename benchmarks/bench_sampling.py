"""What bellqueue adds to a simulator's own time: trials measured, recorded and analysed against the bare Aer call."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from bellqueue.analysis.replay.context import with_context
from bellqueue.backends import open_backend
from bellqueue.backends.calibration.prediction import predictor
from bellqueue.backends.simulators.aer import AerBackend
from bellqueue.circuits.qiskit_circuit import bell_circuit, bind, table_from_counts
from bellqueue.model.progress import unwatched
from bellqueue.model.scenario.file import Scenario
from bellqueue.runner.experiment.folder import write_trials
from bellqueue.runner.experiment.pipeline import (
    analyze_run,
    measure,
    plan_record,
    write_records,
    write_results,
)
from bellqueue.runner.experiment.preparation import PreparedPoint, prepare_point

from ._measure import Claim, DisagreementError, Say, Section, Table, duration, interleaved, timed, times

BARE, MEASURED, RUN = "Aer alone", "measured", "run"
BACKENDS = {"ideal": "aer", "visibility 0.95, readout error 0.01": "aer:visibility=0.95,readout=0.01"}
SEED = 1
APART = 5.0  # standard errors


@dataclass(frozen=True, eq=False)
class Subject:
    """One experiment on one simulator, ready to be measured again and again."""

    backend: AerBackend
    experiment: PreparedPoint

    @classmethod
    def of(cls, name: str, shots: int) -> Subject:
        """The default scenario on a backend."""
        backend = open_backend(name)
        assert isinstance(backend, AerBackend)
        scenario = Scenario.default().with_experiment(shots=shots)
        return cls(backend, prepare_point(scenario, SEED, predictor(backend)))

    def bare(self) -> np.ndarray[Any, Any]:
        """What somebody writes who only wants the counts: each circuit with its number of shots; counts[x, y, a, b]."""
        simulator, circuit = self.backend._simulator, bell_circuit()  # the very same simulator
        schedule = self.experiment.schedule
        counts = np.zeros((*schedule.shape, 2, 2), dtype=np.int64)
        for setting, shots in zip(schedule.settings, schedule.shots.tolist(), strict=True):
            job = simulator.run(circuit, parameter_binds=[bind(circuit, [setting])], shots=shots, seed_simulator=SEED)
            counts[setting.x, setting.y] += table_from_counts(job.result().get_counts())
        return counts

    def measured(self) -> np.ndarray[Any, Any]:
        """The trials in the order of execution, in memory; their counts."""
        return measure(self.experiment, self.backend, unwatched).counts().table

    def run(self) -> np.ndarray[Any, Any]:
        """What `bellqueue run` does for its trials: measure, record on disk, analyse; their counts.

        The scenario's frontiers are at hand, as they are from planning; see `fixed_costs` for what they took.
        """
        trials = measure(self.experiment, self.backend, unwatched)
        with tempfile.TemporaryDirectory() as folder:
            write_trials(Path(folder), trials)
        plan = plan_record(self.experiment, self.backend)
        analyze_run(self.experiment.scenario, plan, trials, frontiers=self.experiment.frontiers)
        return trials.counts().table


def check_correlators(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> float:
    """Standard errors between the correlators that are furthest apart.

    Raises:
        DisagreementError: more than APART.
    """
    found = []
    for counts in (first, second):
        trials = counts.sum(axis=(2, 3))
        together = (counts[:, :, 0, 0] + counts[:, :, 1, 1]) / trials
        found.append((together, together * (1 - together) / trials))
    (one, variance_one), (two, variance_two) = found
    worst = float((np.abs(one - two) / np.sqrt(variance_one + variance_two)).max())
    if worst > APART:
        raise DisagreementError(f"correlators of bellqueue and of Aer alone are {worst:.1f} standard errors apart")
    return worst


def fixed_costs(subject: Subject) -> dict[str, float]:
    """Seconds of the parts of `bellqueue run` that do not depend on the shots."""
    found: dict[str, float] = {}

    def part(name: str, call: Callable[[], Any]) -> Any:
        found[name], result = timed(call)
        return result

    scenario, backend = subject.experiment.scenario, subject.backend
    experiment = part("planning", partial(prepare_point, scenario, SEED, predictor(backend)))
    trials, plan = measure(experiment, backend, unwatched), plan_record(experiment, backend)
    analyse = partial(analyze_run, scenario, plan, trials, frontiers=experiment.frontiers)
    first = part("frontiers for the report", analyse)
    found["frontiers for the report"] -= timed(analyse)[0]
    first = part("simulation and sensitivity for the report", lambda: with_context(first, experiment.frontiers))

    def write() -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_records(Path(folder), scenario, plan)
            write_results(Path(folder), first)

    part("figures and report", write)
    return found


def run(full: bool, say: Say) -> Section:
    """Both simulators at two numbers of shots."""
    rows, ratios = [], {}
    for shots in (100_000, 1_000_000):
        for label, name in BACKENDS.items():
            say(f"{shots} shots, {label}")
            subject = Subject.of(name, shots)
            subject.run()  # the frontiers are solved once, and counted apart
            calls = {BARE: subject.bare, MEASURED: subject.measured, RUN: subject.run}
            timings = interleaved(calls, 11 if full else 5)
            worst = check_correlators(timings[RUN].answer, timings[BARE].answer)
            bare = timings[BARE].median
            ratios[shots, label] = timings[RUN].median / bare
            rows.append(
                (
                    f"{shots:,}".replace(",", " "),
                    label,
                    duration(bare),
                    f"{timings[MEASURED].median / bare:.2f}×",
                    f"{ratios[shots, label]:.2f}×",
                    f"{worst:.1f} standard errors",
                )
            )
    say("fixed costs")
    subject = Subject.of("aer", 10_000)
    bare = min(interleaved({BARE: Subject.of("aer", 1_000_000).bare}, 3)[BARE].seconds)
    fixed = fixed_costs(subject)
    tables = [
        Table(
            "The time that Aer takes alone for the same circuits and shots, and what bellqueue takes",
            ("shots", "Aer", "alone", "trials in order", "measured, recorded, analysed", "correlators agree within"),
            rows,
        ),
        Table(
            "What `bellqueue run` does once, whatever the shots (the default scenario)",
            ("part", "time", "over that of 1 000 000 shots in Aer alone"),
            [(name, duration(seconds), times(seconds / bare)) for name, seconds in fixed.items()],
        ),
    ]
    most = max(ratio for (shots, _), ratio in ratios.items() if shots == 1_000_000)
    claim = Claim(
        "a million shots are measured, recorded and analysed in at most 1.2 times what Aer takes alone",
        f"{most:.2f}× at most",
        most <= 1.2,
    )
    text = (
        "`bellqueue run` on `aer` against the bare calls of [Qiskit Aer](https://qiskit.github.io/qiskit-aer), one for "
        "each of the same circuits with its shots, which give counts. bellqueue lays the outcomes out in the order of "
        "execution, writes them to disk and analyses them. What does not depend on the shots stands apart below."
    )
    return Section("Sampling on a local simulator", text, tables, [claim], ("qiskit", "qiskit-aer", "numpy"))
