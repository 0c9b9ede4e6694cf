"""What a run will show, how sure it is to certify, and what it will cost: known before anyone pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import pi, sqrt
from typing import Any

import numpy as np

from ...analysis.design.forecast import Forecast, foresee, plan_design
from ...analysis.design.forecast import forecast as forecast_run
from ...analysis.design.records import (
    BetterPair,
    CostRecord,
    DeviceRecord,
    FailedDevice,
    ForecastRecord,
    RankedDevice,
    RankingRecord,
    changes,
    verdict,
    warnings,
)
from ...analysis.menus.design import MenuDesign
from ...analysis.menus.forecast import MenuForecastRecord, PlannedEntry, menu_changes, menu_verdict
from ...analysis.records.bell_pairs import bell_pairs_at
from ...backends import BackendSummary, list_backends, open_backend
from ...backends.calibration.prediction import (
    Predict,
    predicted_behaviour,
    required_predictor,
    werner_probabilities,
)
from ...backends.protocol import Backend, Description, PlansItself, RemoteBackend, description_for
from ...circuits.schedule import Schedule, Setting, menu_strategy
from ...model.errors import BackendError, BellqueueError
from ...model.games.frontiers import Frontiers
from ...model.games.latency import fibre_distance_km
from ...model.games.operating_point import OperatingPoint
from ...model.progress import Watch
from ...model.scenario.file import MAX_SHOTS, Scenario
from ...model.validation import is_number, shorten
from ..defaults import backend_for
from ..experiment.preparation import (
    about_link,
    menu_for,
    operating_point,
    prepare_menu,
    prepare_point,
    refuse_for_menus,
)
from ..experiment.provenance import bellqueue_version, now

_CHSH = ((0.0, pi / 4), (0.0, -pi / 4), (pi / 2, pi / 4), (pi / 2, -pi / 4))


def check_visibility(visibility: float) -> None:
    """Refuse what is no visibility of a Bell pair.

    Raises:
        BackendError: it is not above 0 and at most 1.
    """
    if not (is_number(visibility) and 0 < visibility <= 1):
        raise BackendError(
            f"--visibility {shorten(visibility).removesuffix('.0')} is out of range; it must be above 0 and at most 1"
        )


def plan_scenario(
    scenario: Scenario,
    backend: str | None,
    visibility: float | None,
    all: bool,
    power: float,
    watch: Watch,
    say: Callable[[str], None],
) -> ForecastRecord | MenuForecastRecord | RankingRecord:
    """The forecast of a scenario on one backend or at one visibility, or the ranking of every backend at hand.

    Args:
        backend: As typed; None: the usual one (`backend_for`), unless `visibility` or `all` is given.
        visibility: Werner visibility, instead of a backend.

    Raises:
        BellqueueError: the arguments do not go together, the scenario has no operating point, or the backend has no
            calibration.
    """
    if (backend is not None) + (visibility is not None) + all > 1:
        raise BackendError("plan takes one of --backend, --visibility and --all; `bellqueue backends` lists backends")
    if visibility is not None:
        check_visibility(visibility)
    if not (is_number(power) and 0 < power < 1):
        told = shorten(power).removesuffix(".0")
        raise BackendError(f"--power {told} is out of range; it must lie between 0 and 1, for example 0.95")
    informed = scenario.experiment.past_informed
    if all and informed:
        raise BackendError("--all ranks devices for memoryless routers only; name one: --backend fake:torino")
    if all:
        watch("asking for devices", 0, None)
        return rank(scenario, _devices(scenario, say), power, watch)
    watch("reading the calibration and planning", 0, None)
    typed = backend_for(scenario, backend) if visibility is None else None
    opened = None if typed is None else open_backend(typed, scenario)
    if informed:
        return menu_forecast(scenario, opened, visibility, power, typed, watch)
    return forecast_record(scenario, opened, visibility, power, typed, say)


def forecast_record(
    scenario: Scenario,
    backend: Backend | None,
    visibility: float | None,
    power: float,
    typed: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> ForecastRecord:
    """The forecast of a scenario on a backend, or at a Werner visibility.

    Args:
        typed: The backend's name as typed, by which a pair was forced.

    Raises:
        BellqueueError: the scenario has no operating point, or the backend has no calibration.
    """
    frontiers = Frontiers.of(scenario)
    point = operating_point(scenario, frontiers, backend)
    predict, device = _device(backend, visibility, point.strategy.dimension)
    found = forecast_run(scenario, frontiers, point, partial(predicted_behaviour, predict), power)
    better = None if found.go else _better_pair(scenario, frontiers, point, device, power, typed, say)
    unit = scenario.traffic.time_unit_seconds
    distances = [
        None if unit is None or latency is None else fibre_distance_km(latency, unit)
        for latency in (found.latency_ideal, found.latency_predicted)
    ]
    needed = found.design.trials if found.design else None
    return ForecastRecord(
        **_about(scenario),
        verdict=verdict(found, device.name, scenario.experiment.significance),
        changes=[] if found.go else changes(found, better),
        warnings=[
            *about_link(scenario, backend),
            *warnings(scenario, found),
            *_several_pairs(scenario, frontiers, found, point, predict),
        ],
        device=device,
        settings=scenario.experiment.settings,
        block=scenario.experiment.block,
        forecast=found,
        distance_ideal_km=distances[0],
        distance_predicted_km=distances[1],
        better_pair=better,
        cost=_point_cost(scenario, frontiers, backend, found.shots, predict),
        cost_needed=None if needed is None else _point_cost(scenario, frontiers, backend, needed, predict),
    )


def _about(scenario: Scenario) -> dict[str, Any]:
    """The fields that all records of plans share."""
    return {
        "title": scenario.title,
        "bellqueue_version": bellqueue_version(),
        "created": now(),
        "scenario_hash": scenario.content_hash(),
        "significance": scenario.experiment.significance,
        "scenario": scenario.record(),
    }


def menu_forecast(
    scenario: Scenario, backend: Backend | None, visibility: float | None, power: float, typed: str | None, watch: Watch
) -> MenuForecastRecord:
    """The forecast of routers that know the past on a backend, or at a Werner visibility; see `forecast_record`.

    Raises:
        BellqueueError: there is no menu for the scenario, or the backend has no calibration or is not for them.
    """
    if backend is not None:
        refuse_for_menus(backend.describe().parallel, backend)
    predict, device = _device(backend, visibility, 2)
    asked, design = scenario.experiment, menu_for(scenario, predict, power, watch)
    found = design.plan.forecast
    assert found is not None  # a menu designed by a prediction has one
    return MenuForecastRecord(
        **_about(scenario),
        verdict=menu_verdict(found, asked.shots, device.name, asked.significance),
        changes=[]
        if found.go
        else menu_changes(found, device.visibility, _best_pair(typed, device, scenario), asked.operating_point),
        warnings=list(about_link(scenario, backend)),
        device=device,
        settings=asked.settings,
        block=asked.block,
        shots=asked.shots,
        menu=design.plan,
        entries=_entries(design),
        cost=_cost(scenario, backend, asked.shots, lambda each, _: prepare_menu(each, design, 0).schedule),
    )


def _entries(design: MenuDesign) -> list[PlannedEntry]:
    strategy = menu_strategy(design.menu, design.input_distribution)
    bases = (part.bases() for part in strategy.components)
    return [
        PlannedEntry(alpha=alpha[:, 0].tolist(), beta=beta[:, 0].tolist(), share=share)
        for share, (alpha, beta) in zip(strategy.mixture, bases, strict=True)
    ]


def _unforced(typed: str | None) -> str | None:
    """The backend as typed but for the pair of qubits that the user has forced; None if there is no such pair."""
    name, *options = (typed or "").split(",")
    others = [each for each in options if each.partition("=")[0].strip() != "pair"]
    return None if len(others) == len(options) else ",".join([name, *others])


def _best_pair(typed: str | None, device: DeviceRecord, scenario: Scenario) -> str | None:
    """The pair that the calibration would choose where the user has forced another, in a sentence."""
    if (name := _unforced(typed)) is None:
        return None
    best = open_backend(name, scenario).describe().pair
    if best is None or best == device.pair:
        return None
    return f"The device's best pair, {best[0]}–{best[1]} (--backend {name})."


def _several_pairs(
    scenario: Scenario, frontiers: Frontiers, found: Forecast, point: OperatingPoint, predict: Predict
) -> Iterator[str]:
    """What fewer Bell pairs than needed reach, and whether the noise of several costs more than they gain."""
    needed = bell_pairs_at(frontiers, frontiers.workload.splitting_probability(point.strategy.split()))
    if needed:
        yield needed.sentence()
    if point.strategy.bell_pairs == 1:
        return
    fewer = scenario.with_experiment(bell_pairs=1)
    with_one = Frontiers.of(fewer)
    alone = with_one.operating_point(fewer)
    behaviour = predicted_behaviour(predict, alone.strategy)
    saved = foresee(fewer.experiment, with_one, alone, behaviour, None).waiting_time_reduction
    together = found.expected.waiting_time_reduction.estimate
    if saved > together:
        yield (
            f"At the noise predicted one Bell pair alone saves {saved:.4g} units of time, {point.strategy.bell_pairs} "
            f"together {together:.4g}: set bell_pairs = 1 in [experiment]."
        )


def rank(scenario: Scenario, devices: Sequence[BackendSummary], power: float, watch: Watch) -> RankingRecord:
    """Every device's prediction, the soonest to certify first; those that fail keep their reason.

    Raises:
        ScenarioError: the scenario has no operating point.
    """
    frontiers = Frontiers.of(scenario)
    point = frontiers.operating_point(scenario)
    ranked, failed = [], []
    for done, summary in enumerate(devices):
        watch(summary.name, done, len(devices))
        try:
            if not summary.available:
                raise BackendError(summary.status or summary.note)
            ranked.append(_ranked(scenario, frontiers, point, summary.name, power))
        except BellqueueError as error:
            failed.append(FailedDevice(name=summary.name, reason=str(error)))
    ranked.sort(key=lambda each: (each.trials is None, each.trials or 0, -(each.device.visibility or 0.0)))
    return RankingRecord(
        **_about(scenario),
        power=power,
        shots=scenario.experiment.shots,
        ranked=ranked,
        failed=failed,
    )


def _ranked(scenario: Scenario, frontiers: Frontiers, point: OperatingPoint, name: str, power: float) -> RankedDevice:
    backend = open_backend(name, scenario)
    if isinstance(backend, PlansItself):
        point = backend.operating_point()
    predict, device = _device(backend, None, point.strategy.dimension)
    predicted = predicted_behaviour(predict, point.strategy)
    design = plan_design(scenario.experiment, frontiers, point, predicted, power)
    foreseen = foresee(scenario.experiment, frontiers, point, predicted, design)
    return RankedDevice(
        device=device.model_copy(update={"name": name}),
        against=design.against if design else point.against,
        waiting_time_reduction_relative=foreseen.waiting_time_reduction_relative,
        every_classical_reduction_relative=foreseen.every_classical_reduction_relative,
        trials=foreseen.trials,
        predicted_power=foreseen.predicted_power,
        cost=_point_cost(scenario, frontiers, backend, scenario.experiment.shots, predict),
    )


def _devices(scenario: Scenario, say: Callable[[str], None]) -> list[BackendSummary]:
    """The cloud devices of the accounts at hand, then the simulators with at least two qubits.

    Of links only the scenario's own, if it has one: published ones want figures that no source states.
    """
    from ...backends.cloud_devices import cloud_devices

    def wanted(each: BackendSummary) -> bool:
        if each.name.startswith("link"):
            return scenario.link is not None and each.name == "link"
        return each.qubits is None or each.qubits > 1

    return [*cloud_devices(say), *filter(wanted, list_backends())]


def _device(backend: Backend | None, visibility: float | None, dimension: int) -> tuple[Predict, DeviceRecord]:
    """The prediction, and what to say of the device where vectors of k dimensions are measured."""
    if backend is None:
        assert visibility is not None  # as in plan_scenario, one of the two is given
        predict: Predict = partial(werner_probabilities, visibility=visibility)
        told = Description(
            name=f"a pair of visibility {visibility:g}",
            kind="simulator",
            device="none",
            qubits=2,
            predicted_visibility=visibility,
        )
    else:
        predict, told = required_predictor(backend), description_for(backend, dimension)
    more = (0.0,) * (dimension - 2)
    settings = [Setting(0, 0, alpha, beta, more, more) for alpha, beta in _CHSH]
    e = np.einsum("nij,ij->n", predict(settings), [[1, -1], [-1, 1]])
    return predict, DeviceRecord(
        name=told.name,
        kind=told.kind,
        device=told.device,
        pair=told.pair,
        visibility=told.predicted_visibility,
        # The fallback of a link is for one game, and CHSH is another.
        chsh=None if isinstance(backend, PlansItself) else min(float(e[0] + e[1] + e[2] - e[3]), 2 * sqrt(2)),
    )


def _better_pair(
    scenario: Scenario,
    frontiers: Frontiers,
    point: OperatingPoint,
    device: DeviceRecord,
    power: float,
    typed: str | None,
    say: Callable[[str], None],
) -> BetterPair | None:
    """The pair that the device's calibration would choose, where the user has forced another."""
    if (name := _unforced(typed)) is None:
        return None
    try:
        best = _ranked(scenario, frontiers, point, name, power)
    except BellqueueError as error:
        say(f"the best pair of {name} is not known: {error}")
        return None
    if best.device.pair is None or best.device.pair == device.pair:
        return None
    return BetterPair(name=name, pair=best.device.pair, visibility=best.device.visibility, trials=best.trials)


def _point_cost(
    scenario: Scenario, frontiers: Frontiers, backend: Backend | None, shots: int, predict: Predict
) -> CostRecord | None:
    """What so many shots of memoryless routers will take."""

    def draw(asked: Scenario, parallel: int) -> Schedule:
        return prepare_point(asked, 0, predict, parallel, frontiers=frontiers).schedule

    return _cost(scenario, backend, shots, draw)


def _cost(
    scenario: Scenario, backend: Backend | None, shots: int, draw: Callable[[Scenario, int], Schedule]
) -> CostRecord | None:
    """What so many shots will take; None where nobody is paid, or more are asked than one run may have."""
    if not isinstance(backend, RemoteBackend) or shots > MAX_SHOTS:
        return None
    experiment = scenario.experiment
    parallel = backend.describe().parallel
    row = experiment.block * parallel  # the last one may not be shorter everywhere
    schedule = draw(scenario.with_experiment(shots=-(-shots // row) * row), parallel)
    estimate = backend.estimate(schedule)  # refuses what this device cannot measure: then there is nothing to plan
    return CostRecord(
        shots=estimate.shots,
        tasks=estimate.tasks,
        qpu_seconds=estimate.qpu_seconds,
        money_usd=None if estimate.money is None else str(estimate.money),
        basis="; ".join([estimate.basis, *estimate.notes]),
    )
