"""From a scenario to what a backend measures: the operating point, or the menu, and the settings drawn for it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np

from ...analysis.design.forecast import foresee, plan_design
from ...analysis.menus.design import Floats, MenuDesign, design_menu
from ...analysis.records.analysis_record import Predicted
from ...backends.calibration.prediction import Predict, predicted_behaviour
from ...backends.protocol import Backend, PlansItself
from ...circuits.schedule import Schedule, draw_schedule, menu_strategy
from ...model.errors import BackendError, ScenarioError
from ...model.games.frontiers import Frontiers
from ...model.games.operating_point import OperatingPoint
from ...model.games.strategy import Strategy
from ...model.informed.menu import Menu
from ...model.progress import Watch, unwatched
from ...model.queueing.workload import Workload
from ...model.scenario.file import Scenario
from ...model.trials import Sampling
from ..defaults import DEFAULT_POWER

FRESH_SEEDS = 100  # tried until one measures every pair of types


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A scenario with the settings drawn for it, ready for a backend.

    Attributes:
        seed: Reproduces the settings' order and a simulator's outcomes.
    """

    scenario: Scenario
    schedule: Schedule
    seed: int


@dataclass(frozen=True, eq=False)
class PreparedPoint(_Prepared):
    """A run at an operating point.

    Attributes:
        predicted: What is predicted from the device's calibration, if anything.
    """

    frontiers: Frontiers
    point: OperatingPoint
    predicted: Predicted | None = None


@dataclass(frozen=True, eq=False)
class PreparedMenu(_Prepared):
    """A run of routers that know the past, which measures a menu."""

    menu: MenuDesign


PreparedRun = PreparedPoint | PreparedMenu


def prepare(
    scenario: Scenario,
    seed: int | None = None,
    predict: Predict | None = None,
    parallel: int = 1,
    backend: Backend | None = None,
    watch: Watch = unwatched,
) -> PreparedRun:
    """Find the operating point, or the menu, and draw the settings.

    Args:
        scenario: What is asked.
        seed: Seed of the settings' order; None: a fresh one from the system.
        predict: P(a, b) of settings by the device's calibration. With it the certificate's multiplier and fresh
            settings are those that certify soonest at that noise; the strategy stays the scenario's. A menu is chosen
            by it.
        parallel: Pairs the backend measures in every shot (`Description.parallel`).
        backend: Where to measure, if it may plan itself.
        watch: Gets how far the choice of a menu is.

    Raises:
        ScenarioError: the scenario has no such operating point, or its shots or the seed leave a pair of types without
            any trial.
        BackendError, DataError: the backend has no circuit for it, or what `predict` gives are no probabilities.
    """
    if not scenario.experiment.past_informed:
        return prepare_point(scenario, seed, predict, parallel, backend)
    refuse_for_menus(parallel, backend)
    return prepare_menu(scenario, menu_for(scenario, predict, DEFAULT_POWER, watch), seed)


def prepare_point(
    scenario: Scenario,
    seed: int | None = None,
    predict: Predict | None = None,
    parallel: int = 1,
    backend: Backend | None = None,
    frontiers: Frontiers | None = None,
) -> PreparedPoint:
    """See `prepare`, for memoryless routers, whose `frontiers` may be at hand."""
    frontiers = frontiers or Frontiers.of(scenario)
    point = operating_point(scenario, frontiers, backend)
    asked = scenario.experiment
    distribution = frontiers.game(point.certificate_multiplier).input_distribution
    predicted = None
    if predict is not None:
        behaviour = predicted_behaviour(predict, point.strategy)
        design = plan_design(asked, frontiers, point, behaviour)
        predicted = foresee(asked, frontiers, point, behaviour, design)
        if design is not None:
            chosen = {"certificate_multiplier": design.certificate_multiplier, "against": design.against}
            point = point.model_copy(update=chosen)
            distribution = np.array(design.input_distribution)
    schedule, own = _drawn(scenario, point.strategy, distribution, parallel, seed, frontiers.workload)
    return PreparedPoint(scenario, schedule, own, frontiers, point, predicted)


def prepare_menu(scenario: Scenario, design: MenuDesign, seed: int | None = None) -> PreparedMenu:
    """Draw the settings of a menu.

    Raises:
        ScenarioError: the shots or the seed leave a setting of the menu without any trial.
    """
    strategy = menu_strategy(design.menu, design.input_distribution)
    schedule, own = _drawn(scenario, strategy, design.input_distribution, 1, seed, scenario.workload())
    return PreparedMenu(scenario, schedule, own, design)


def menu_for(scenario: Scenario, predict: Predict | None, power: float, watch: Watch) -> MenuDesign:
    """The menu that certifies soonest by a device's prediction; arguments as in `prepare` and `design_menu`.

    Raises:
        ScenarioError: there is none, or no bound on such routers.
        BackendError: the backend has no circuit for it.
    """

    def split(menu: Menu) -> Floats:
        """P(a≠b | k,x,y), shape (K, n_A, n_B)."""
        assert predict is not None  # it is asked only then
        entries = menu_strategy(menu, np.ones((len(menu) * menu.shape[0], menu.shape[1]))).components
        tables = [predicted_behaviour(predict, Strategy((entry,), (1.0,))) for entry in entries]
        return np.array([table[:, :, 0, 1] + table[:, :, 1, 0] for table in tables])

    watch("choosing the sets of bases", 0, None)
    return design_menu(scenario, None if predict is None else split, power, watch)


def refuse_for_menus(parallel: int, backend: Backend | None) -> None:
    """Refuse backends on which routers that know the past have not been worked out.

    Raises:
        BackendError: it simulates a link, or measures several pairs in every shot.
    """
    if isinstance(backend, PlansItself):
        raise BackendError(
            f"{backend.describe().name}: links are for memoryless routers; for routers that know the past leave out "
            "[link] and give a device or another simulator, for example --backend aer"
        )
    if parallel > 1:
        raise BackendError("routers that know the past take one Bell pair to a shot; leave out pairs=…")


def operating_point(scenario: Scenario, frontiers: Frontiers, backend: Backend | None) -> OperatingPoint:
    """The scenario's operating point, or that of a backend which plans itself.

    Raises:
        ScenarioError: there is no such point.
    """
    return backend.operating_point() if isinstance(backend, PlansItself) else frontiers.operating_point(scenario)


def about_link(scenario: Scenario, backend: Backend | None) -> tuple[str, ...]:
    """What to know of the link that the backend simulates, or of the scenario's if it does not; nothing without one."""
    if isinstance(backend, PlansItself):
        return (backend.describe().locality,)
    if scenario.link is None:
        return ()
    return ("The scenario's [link] plays no part here: every request gets a fresh Bell pair.",)


def _drawn(
    scenario: Scenario, strategy: Strategy, distribution: Floats, parallel: int, seed: int | None, workload: Workload
) -> tuple[Schedule, int]:
    """The settings in their order, with the seed that they were drawn by.

    What conditions on the settings realised (`fixed`, blocks) holds for any settings chosen without the outcomes, so a
    fresh seed is one that measures every pair of types. Settings drawn for each trial are left as they came: to choose
    among them would change the law they must have, and if one is lacking the certificate allows for it.
    """
    asked = scenario.experiment
    sampling = Sampling(asked.settings, distribution, asked.block, parallel=parallel)
    for _ in range(FRESH_SEEDS if seed is None and asked.settings == "random" else 1):
        own = secrets.randbits(63) if seed is None else seed
        rng = np.random.default_rng([own, 1])
        schedule = draw_schedule(strategy, sampling, distribution, asked.shots, rng)
        if sampling.fresh or not schedule.unmeasured:
            return schedule, own
    raise ScenarioError(_lacking(scenario, workload, schedule, seed))


def _lacking(scenario: Scenario, workload: Workload, schedule: Schedule, seed: int | None) -> str:
    """Why a schedule is refused that leaves pairs of types without any trial."""
    asked = scenario.experiment
    row, y = schedule.unmeasured[0]
    entry, x = divmod(row, len(workload.names_a))
    types = f"types ({workload.names_a[x]}, {workload.names_b[y]})"
    if asked.past_informed:
        types = f"entry {entry + 1} of the menu with {types}"
    if asked.settings == "fixed":
        return f"{scenario.title}: experiment.shots = {asked.shots} gives no trial to {types}; ask for more shots"
    draws, by = -(-asked.shots // (asked.block * schedule.sampling.parallel)), ""
    if seed is not None:
        by = f" with seed {seed}"
    return (
        f"{scenario.title}: experiment.shots = {asked.shots} in blocks of {asked.block} are {draws} draws of settings, "
        f"and{by} none is of {types}; {'leave out the seed or give another, ' if by else ''}"
        "ask for more shots or a smaller block"
    )
