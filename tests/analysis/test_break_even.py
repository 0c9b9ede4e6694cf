"""The price of talking in a run's record, against the communication frontier worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from bellqueue.analysis.analyze import analyze
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling

from tests.analysis.conftest import provenance
from tests.known import known
from tests.scenarios import IBM_HANOI


def test_the_observed_point_of_ibm_hanoi(hanoi: Analysis) -> None:
    """Knowing both types one splits long–long (0.09 of the pairs) and then 0.415621 of the mixed ones (0.42).

    W_comm = W0 + (0.51 − 0.505621)·1.813158 + 0.49·0.510526 with W0 = 0.1210526; W observed = 0.497809.
    """
    talking = 0.1210526 + (0.51 - 0.505621) * 1.813158 + 0.49 * 0.510526
    found = known(hanoi.break_even)
    assert found.observed.estimate == pytest.approx(0.497809 - talking, abs=2e-5)
    assert found.observed.low < found.observed.estimate < found.observed.high
    assert found.ideal < found.observed.estimate
    assert found.observed_distance_km is None


def test_in_kilometres_of_fibre_where_the_unit_of_time_is_known() -> None:
    record = Scenario.default().record()
    record["traffic"]["time_unit_seconds"] = 1e-3
    sample = Sample(Counts(np.array(IBM_HANOI)), Sampling("fixed"))
    found = known(analyze(Scenario.parse(record), sample, provenance()).break_even)
    assert found.observed_distance_km == pytest.approx(found.observed.estimate * 1e-3 * 2e5)
