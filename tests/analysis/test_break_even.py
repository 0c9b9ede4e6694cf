"""The price of talking in a run's record, against the communication frontier worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.analysis.functional import Sample
from bellqueue.analysis.record import Analysis, Provenance
from bellqueue.analysis.result import analyse
from bellqueue.model.scenario import Scenario
from bellqueue.model.trials import Counts, Sampling

HANOI = np.array(
    [
        [[[20166, 3666], [3609, 20159]], [[3294, 17323], [17337, 3246]]],
        [[[3800, 20559], [20530, 3711]], [[3244, 18105], [18115, 3136]]],
    ]
)


def _analysis(time_unit_seconds: float | None) -> Analysis:
    scenario = Scenario.default()
    data = scenario.model_dump(mode="json", exclude_none=True)
    if time_unit_seconds:
        data["traffic"]["time_unit_seconds"] = time_unit_seconds
    scenario = Scenario.parse(data)
    provenance = Provenance(
        bellqueue_version="test",
        created="2026-01-01T00:00:00+00:00",
        source="ibm_hanoi",
        scenario_hash=scenario.content_hash(),
        content_hash="0",
    )
    return analyse(scenario, Sample(Counts(HANOI), Sampling("fixed")), provenance)


def test_the_observed_point_of_ibm_hanoi() -> None:
    """Knowing both types one splits long–long (0.09 of the pairs) and then 0.415621 of the mixed ones (0.42).

    W_comm = W0 + (0.51 − 0.505621)·1.813158 + 0.49·0.510526 with W0 = 0.1210526; W observed = 0.497809.
    """
    talking = 0.1210526 + (0.51 - 0.505621) * 1.813158 + 0.49 * 0.510526
    found = _analysis(None).break_even
    assert found is not None
    assert found.observed.estimate == pytest.approx(0.497809 - talking, abs=2e-5)
    assert found.observed.low < found.observed.estimate < found.observed.high
    assert found.ideal < found.observed.estimate
    assert found.observed_distance_km is None


def test_in_kilometres_of_fibre_where_the_unit_of_time_is_known() -> None:
    found = _analysis(1e-3).break_even
    assert found is not None
    assert found.observed_distance_km == pytest.approx(found.observed.estimate * 1e-3 * 2e5)
