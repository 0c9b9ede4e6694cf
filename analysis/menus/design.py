"""The menu that certifies soonest on a device: its bases, κ, the settings' distribution, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.informed.menu import Menu
from ...model.progress import Watch, unwatched
from ...model.scenario.file import Scenario
from .records import MenuPlan

Floats = NDArray[np.float64]
PredictMenu = Callable[[Menu], Floats]


@dataclass(frozen=True, eq=False)
class MenuDesign:
    """A menu, and what a plan fixes of it.

    Attributes:
        menu: The bases.
        plan: What the plan keeps beside them.
        input_distribution: r(k,x,y) of the settings, K·n_A rows of n_B.
    """

    menu: Menu
    plan: MenuPlan
    input_distribution: Floats


def design_menu(
    scenario: Scenario, predict: PredictMenu | None, power: float = 0.95, watch: Watch = unwatched
) -> MenuDesign:
    """Choose menu, κ and settings of a scenario whose routers know the past.

    Args:
        scenario: What is asked.
        predict: P(a≠b | k,x,y) of a menu by the device's calibration, shape (K, n_A, n_B). None: Werner pairs of the
            visibility that the scenario assumes, and no forecast is kept.
        power: The probability of certifying that the forecast asks for.
        watch: Gets how far it is.

    Raises:
        NoBoundError: there is no bound on such routers for this workload, or it is beyond what is computed.
        ScenarioError: no game gains anything from entanglement at that noise.
    """
    raise NotImplementedError
