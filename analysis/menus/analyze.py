"""The analysis of a menu's outcomes: limits of their probabilities → the best policy → certificate → verdict."""

from __future__ import annotations

from ...model.informed.menu import Menu
from ...model.progress import Watch, unwatched
from ...model.scenario.file import Scenario
from ..certificate.samples import Sample
from ..records.analysis_record import Provenance
from .records import MenuAnalysis, MenuPlan


def analyze_menu(
    scenario: Scenario,
    menu: Menu,
    planned: MenuPlan,
    sample: Sample,
    provenance: Provenance,
    watch: Watch = unwatched,
) -> MenuAnalysis:
    """Analyze the outcomes of a menu.

    Args:
        scenario: Gives workload and significance.
        menu: The bases, their vectors in the frame of the plan's angles.
        planned: What the plan fixed of it.
        sample: Counts over the settings, shape (K·n_A, n_B, 2, 2), with the rule they followed.
        provenance: Where they come from.
        watch: Gets how far it is.

    Raises:
        DataError: the counts are not of that menu.
        NoBoundError: there is no bound on such routers for this workload, or it is beyond what is computed.
    """
    raise NotImplementedError
