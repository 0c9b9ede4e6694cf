"""The plan of a run, `bellqueue.plan/1`: everything fixed before data are taken."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..analysis.record import Planned
from ..backends.protocol import Description
from ..circuits.plan import SamplingPlan
from ..model.errors import DataError
from ..model.operating import OperatingPoint
from ..model.strategy import Measurements, Strategy
from ..model.trials import Counts, Sampling


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


class MeasurementRecord(_Record):
    """One component of the strategy: its probability, and the angles of A's and B's bases in radians."""

    probability: float
    alpha: list[float]
    beta: list[float]


class BackendRecord(_Record):
    """The backend as it described itself before the run."""

    name: str
    kind: str
    device: str
    qubits: int
    pair: tuple[int, int] | None
    predicted_visibility: float | None
    calibration: dict[str, Any]

    @classmethod
    def of(cls, description: Description) -> BackendRecord:
        """Record a description."""
        return cls(**{name: getattr(description, name) for name in cls.model_fields})


class PlanRecord(_Record):
    """What was fixed before the data.

    Attributes:
        planned: The operating point, with the multiplier that certifies it.
        asked: Trials planned with each setting, rows router A.
        seed: Of the settings' order and of simulators.
    """

    schema_: Literal["bellqueue.plan/1"] = Field(default="bellqueue.plan/1", alias="schema")
    scenario_hash: str
    created: str
    strategy: Annotated[list[MeasurementRecord], Field(min_length=1)]
    planned: Planned
    settings: Literal["random", "fixed"]
    block: Annotated[int, Field(ge=1)]
    input_distribution: list[list[float]]
    asked: list[list[int]]
    shots: int
    significance: float
    seed: int
    backend: BackendRecord

    @classmethod
    def of(
        cls,
        point: OperatingPoint,
        plan: SamplingPlan,
        *,
        scenario_hash: str,
        created: str,
        significance: float,
        seed: int,
        description: Description,
    ) -> PlanRecord:
        """Record an operating point with its drawn settings."""
        asked = np.zeros(plan.shape, dtype=int)
        for setting, shots in zip(plan.settings, plan.shots.tolist(), strict=True):
            asked[setting.x, setting.y] += shots
        distribution = plan.sampling.distribution
        assert distribution is not None  # draw_plan is always given one
        components = zip(point.strategy.mixture, (part.angles() for part in point.strategy.components), strict=True)
        return cls(
            scenario_hash=scenario_hash,
            created=created,
            strategy=[
                MeasurementRecord(probability=weight, alpha=alpha.tolist(), beta=beta.tolist())
                for weight, (alpha, beta) in components
            ],
            planned=Planned.of(point),
            settings=plan.sampling.settings,
            block=plan.sampling.block,
            input_distribution=distribution.tolist(),
            asked=asked.tolist(),
            shots=len(plan.order),
            significance=significance,
            seed=seed,
            backend=BackendRecord.of(description),
        )

    def check(self, scenario_hash: str, shape: tuple[int, int]) -> None:
        """See that this plan was made for that scenario, with its numbers of types.

        Raises:
            DataError: it was not, or it has been changed since.
        """
        if self.scenario_hash != scenario_hash:
            raise DataError(
                "plan.json was made for another scenario than scenario.json, which has been changed since the run; "
                "restore it, or give the changed one with --scenario"
            )
        tables = (self.asked, self.input_distribution)
        angles = [angle for part in self.strategy for angle in ((part.alpha, shape[0]), (part.beta, shape[1]))]
        right = all([len(row) for row in table] == [shape[1]] * shape[0] for table in tables)
        if not right or any(len(angle) != count for angle, count in angles):
            raise DataError(f"plan.json: asked, input_distribution and angles must be for {shape[0]}×{shape[1]} types")

    def operating_point(self) -> OperatingPoint:
        """The operating point again, its vectors in the plane of the angles."""
        components = tuple(
            Measurements(*(np.column_stack([np.cos(angle), np.sin(angle)]) for angle in (part.alpha, part.beta)))
            for part in self.strategy
        )
        strategy = Strategy(components, tuple(part.probability for part in self.strategy))
        return OperatingPoint(strategy, **self.planned.model_dump())

    def sampling(self, counts: Counts) -> Sampling:
        """The rule the settings followed, with whatever the counts lack of the plan as lost trials.

        Raises:
            DataError: the counts hold trials that the plan never asked for.
        """
        lost = np.array(self.asked) - counts.settings
        if lost.min() < 0:
            x, y = (int(index) + 1 for index in np.argwhere(lost < 0)[0])
            raise DataError(
                f"trials: {counts.settings[x - 1, y - 1]} with types ({x}, {y}), but the plan asked for "
                f"{self.asked[x - 1][y - 1]}; these are not the trials of this plan"
            )
        return Sampling(self.settings, np.array(self.input_distribution), self.block, lost if lost.any() else None)
