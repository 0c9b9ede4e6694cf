"""The plan of a run, `bellqueue.plan/1`: everything fixed before data are taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ...analysis.menus.records import MenuPlan
from ...analysis.records.analysis_record import Planned
from ...analysis.records.record import FiniteRecord
from ...backends.protocol import Description
from ...circuits.schedule import Schedule, menu_strategy
from ...model.errors import DataError
from ...model.games.operating_point import OperatingPoint
from ...model.games.strategy import Measurements, Strategy, vectors_of
from ...model.informed.menu import Menu
from ...model.trials import Sampling, Trials
from ...model.validation import check_distribution
from .preparation import PreparedPoint, PreparedRun
from .provenance import now


class MeasurementRecord(FiniteRecord):
    """One component of the strategy: its probability, and the angles of A's and B's bases in radians.

    Attributes:
        probability: Probability of this component; those of a strategy add up to 1.
        alpha, beta: Angle of A's and B's basis for each of their types, in radians.
        more_alpha, more_beta: The other k−2 angles of each basis, in radians, where its vectors have k > 2 dimensions
            (MODEL §3); left out of planar ones.
    """

    probability: float
    alpha: list[float]
    beta: list[float]
    more_alpha: list[list[float]] | None = Field(default=None, exclude_if=lambda value: value is None)
    more_beta: list[list[float]] | None = Field(default=None, exclude_if=lambda value: value is None)

    @classmethod
    def of(cls, probability: float, measurements: Measurements, dimension: int) -> MeasurementRecord:
        """Record one component of a strategy whose circuit has k dimensions."""
        columns = {}
        for name, angles in zip(("alpha", "beta"), measurements.bases(dimension), strict=True):
            columns[name] = angles[:, 0].tolist()
            if dimension > 2:
                columns[f"more_{name}"] = angles[:, 1:].tolist()
        return cls(probability=probability, **columns)

    def fits(self, shape: tuple[int, int]) -> bool:
        """Whether it has angles for n_A×n_B types, of every basis as many."""
        routers = zip((self.alpha, self.beta), (self.more_alpha, self.more_beta), shape, strict=True)
        widths = set()
        for first, more, count in routers:
            if len(first) != count or (more is not None and len(more) != count):
                return False
            widths |= {len(row) for row in more or [[]]}
        return len(widths) == 1

    def measurements(self) -> Measurements:
        """The component again, its vectors in the frame of the angles."""
        alpha, beta = (
            np.column_stack([first, *np.transpose(more or np.empty((len(first), 0)))])
            for first, more in ((self.alpha, self.more_alpha), (self.beta, self.more_beta))
        )
        return Measurements(vectors_of(alpha), vectors_of(beta))


class PlanRecord(FiniteRecord):
    """What was fixed before the data.

    Attributes:
        scenario_hash: SHA-256 of the scenario.
        created: Time when the plan was fixed, UTC.
        strategy: The components of the measurement strategy; of a menu its entries, `probability` being their share of
            the trials.
        settings: Whether the types are drawn afresh (random) or their numbers are fixed beforehand.
        input_distribution: Probability of each pair of types in a trial, rows router A.
        significance: α, the largest p-value that certifies.
        backend: The device's description of itself.
        planned: The operating point, with the multiplier that certifies it; left out of a menu's plan.
        asked: Trials planned with each setting, rows router A. Tables of a menu have K·n_A rows, entry by entry, router
            A's types in each.
        block: Shots that share their drawn settings.
        shots: Trials planned; with several pairs to a shot the device executes fewer.
        parallel: Pairs measured in every shot.
        asked_by_pair: `asked` of each pair; empty if there is one.
        stop: The rule by which the run may end early; None: it takes all its trials.
        budget: The most trials that a run might have taken which ended early, or could have.
        seed: Random seed of the settings' order and of simulators.
        menu: What is fixed of a menu besides its bases; left out of other plans.
    """

    schema_: Literal["bellqueue.plan/1"] = Field(default="bellqueue.plan/1", alias="schema")
    scenario_hash: str
    created: str
    strategy: Annotated[list[MeasurementRecord], Field(min_length=1)]
    planned: Planned | None = Field(default=None, exclude_if=lambda value: value is None)
    settings: Literal["random", "fixed"]
    block: Annotated[int, Field(ge=1)]
    input_distribution: list[list[float]]
    asked: list[list[int]]
    shots: int
    significance: float
    seed: int
    backend: Description
    parallel: Annotated[int, Field(ge=1)] = 1
    asked_by_pair: list[list[list[int]]] = Field(default_factory=list)
    stop: Literal["certified"] | None = None
    budget: Annotated[int, Field(ge=1)] | None = None
    menu: MenuPlan | None = Field(default=None, exclude_if=lambda value: value is None)

    @model_validator(mode="after")
    def _a_point_or_a_menu(self) -> Self:
        if (self.planned is None) == (self.menu is None):
            raise ValueError(
                "it has neither planned nor menu" if self.menu is None else "it has planned and menu; keep one"
            )
        return self

    @classmethod
    def of(cls, experiment: PreparedRun, description: Description) -> PlanRecord:
        """Record what is fixed of an experiment, with the device's description of itself."""
        schedule, asked_for = experiment.schedule, experiment.scenario.experiment
        sampling, asked = schedule.sampling, _asked(schedule)
        planned, menu = None, None
        assert sampling.distribution is not None  # draw_schedule is always given one
        if isinstance(experiment, PreparedPoint):
            strategy = experiment.point.strategy
            planned = Planned.of(experiment.point, experiment.predicted)
        else:
            strategy = menu_strategy(experiment.menu.menu, sampling.distribution)
            menu = experiment.menu.plan
        components = zip(strategy.mixture, strategy.components, strict=True)
        return cls(
            scenario_hash=experiment.scenario.content_hash(),
            created=now(),
            strategy=[MeasurementRecord.of(weight, part, schedule.dimension) for weight, part in components],
            planned=planned,
            settings=sampling.settings,
            block=sampling.block,
            input_distribution=sampling.distribution.tolist(),
            asked=asked.sum(axis=0).tolist(),
            shots=len(schedule.order),
            significance=asked_for.significance,
            seed=experiment.seed,
            backend=description,
            parallel=sampling.parallel,
            asked_by_pair=asked.tolist() if sampling.parallel > 1 else [],
            stop=asked_for.stop,
            budget=len(schedule.order) if asked_for.stop else None,
            menu=menu,
        )

    @property
    def entries(self) -> int | None:
        """K, the entries of its menu; None if it has none."""
        return None if self.menu is None else len(self.strategy)

    def ended(self, taken: Schedule) -> PlanRecord:
        """The same where only the first part of the plan was taken, because the rule said enough."""
        asked = _asked(taken)
        changes = {"asked": asked.sum(axis=0).tolist(), "shots": len(taken.order)}
        return self.model_copy(update=changes | ({"asked_by_pair": asked.tolist()} if self.parallel > 1 else {}))

    def check(self, scenario_hash: str, shape: tuple[int, int]) -> None:
        """See that this plan was made for that scenario, with its numbers of types.

        Raises:
            DataError: it was not, or it has been changed since.
        """
        if self.scenario_hash != scenario_hash:
            other = "" if self.menu else ", or give the changed one with --scenario"
            raise DataError(
                "plan.json was made for another scenario than scenario.json, which has been changed since the run; "
                f"restore it{other}"
            )
        tables: list[Sequence[Sequence[float]]] = [self.asked, self.input_distribution, *self.asked_by_pair]
        tables += [] if self.menu is None else [self.menu.tilts, self.menu.centre]
        rows = shape[0] * (self.entries or 1)
        right = all([len(row) for row in table] == [shape[1]] * rows for table in tables)
        if not right or not all(part.fits(shape) for part in self.strategy):
            named, of = "asked, input_distribution", ""
            if self.menu is not None:
                named, of = f"{named}, menu", f" in each of {self.entries} entries"
            raise DataError(f"plan.json: {named} and angles must be for {shape[0]}×{shape[1]} types{of}")
        check_distribution(self.input_distribution, "plan.json: input_distribution")
        if len(self.asked_by_pair) != (self.parallel if self.parallel > 1 else 0):
            raise DataError(f"plan.json: asked_by_pair has {len(self.asked_by_pair)} tables for {self.parallel} pairs")

    def operating_point(self) -> OperatingPoint:
        """The operating point again, its vectors in the frame of the angles.

        Raises:
            DataError: it has a menu instead.
        """
        components = tuple(part.measurements() for part in self.strategy)
        return self.planned_point().with_strategy(
            Strategy(components, tuple(part.probability for part in self.strategy))
        )

    def planned_point(self) -> Planned:
        """What it fixed of its operating point.

        Raises:
            DataError: it has a menu instead.
        """
        if self.planned is None:
            raise DataError("plan.json: is the plan of a menu, for routers that know the past, and has no such point")
        return self.planned

    def bases(self) -> Menu:
        """The bases of its menu, their vectors in the frame of the angles."""
        parts = [part.measurements() for part in self.strategy]
        return Menu(np.stack([part.u for part in parts]), np.stack([part.v for part in parts]))

    def sampling(self, trials: Trials) -> Sampling:
        """The rule the settings followed, with whatever the trials lack of the plan as lost ones.

        Raises:
            DataError: there are trials that the plan never asked for.
        """
        lost = _lost(self.asked, trials, "", self.entries)
        each = [
            _lost(asked, trials.of_pair(pair, self.parallel), f" of pair {pair + 1}", None)
            for pair, asked in enumerate(self.asked_by_pair)
        ]
        by_pair = np.array(each) if each and lost.any() else None
        return replace(self.sampling_rule(), lost=lost if lost.any() else None, lost_by_pair=by_pair)

    def sampling_rule(self) -> Sampling:
        """How the settings were drawn, none of their trials being lost."""
        distribution = np.array(self.input_distribution)
        stopped = self.stop is not None
        return Sampling(self.settings, distribution, self.block, parallel=self.parallel, stopped=stopped)


def _asked(schedule: Schedule) -> NDArray[np.int64]:
    """Trials that a schedule asks of each pair with each setting, shape (k, n_A, n_B)."""
    parallel = schedule.sampling.parallel
    places = np.array([setting.x * schedule.shape[1] + setting.y for setting in schedule.settings])[schedule.order]
    each = [np.bincount(places[pair::parallel], minlength=math.prod(schedule.shape)) for pair in range(parallel)]
    return np.array(each).reshape(parallel, *schedule.shape)


def _lost(asked: list[list[int]], trials: Trials, whose: str, entries: int | None) -> NDArray[np.int64]:
    """What the trials lack of those asked for, shape (n_A, n_B)."""
    found = trials.counts().settings
    lost: NDArray[np.int64] = np.array(asked) - found
    if lost.min() < 0:
        x, y = (int(index) for index in np.argwhere(lost < 0)[0])
        setting = _setting_name(x, y, trials.shape[0], entries)
        raise DataError(
            f"trials.csv has {found[x, y]} rows{whose} with {setting}, but the plan asked for {asked[x][y]}; "
            "restore the trials of this plan"
        )
    return lost


def _setting_name(x: int, y: int, rows: int, entries: int | None) -> str:
    """A setting as the columns of trials.csv name it, which count from 0; of a menu with its entry."""
    if entries is None:
        return f"x = {x}, y = {y}"
    entry, own = divmod(x, rows // entries)
    return f"k = {entry}, x = {own}, y = {y}"
