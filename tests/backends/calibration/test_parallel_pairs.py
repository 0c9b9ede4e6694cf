"""Several pairs on one device: far apart by the snapshot's own coupling map, best first, and measured independently."""

from __future__ import annotations

import itertools
import json
import math
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from bellqueue.backends.calibration.best_pair import PairModel
from bellqueue.backends.calibration.parallel_pairs import (
    neighbours_of,
    parallel_circuit,
    parallel_pairs,
    parallel_record,
)
from bellqueue.backends.calibration.reading import pair_calibrations
from bellqueue.backends.options import parse_pairs
from bellqueue.backends.simulators.snapshot import Snapshot, snapshot_folder
from bellqueue.model.errors import BackendError

DEVICES = ("torino", "fez")


@pytest.fixture(scope="module", params=DEVICES)
def device(request: pytest.FixtureRequest) -> Any:
    return Snapshot(request.param)


@pytest.fixture(scope="module")
def manila() -> Any:
    """A chain of five qubits, 0-1-2-3-4."""
    return Snapshot("manila")


def chosen(device: Any, count: int, forced: Sequence[tuple[int, int]] = ()) -> tuple[PairModel, ...]:
    return parallel_pairs("ibm:test", device.target, device.properties(), count, forced)


def qubits_of(models: Sequence[PairModel]) -> list[tuple[int, int]]:
    return [model.calibration.pair for model in models]


def distances(device: Any) -> dict[int, dict[int, int]]:
    """Edges between any two qubits, by breadth-first search over the coupling map in the snapshot's configuration."""
    name = device.name.removeprefix("fake_")
    edges = json.loads((snapshot_folder() / name / f"conf_{name}.json").read_text("utf-8"))["coupling_map"]
    beside: dict[int, set[int]] = {}
    for first, second in edges:
        beside.setdefault(first, set()).add(second)
        beside.setdefault(second, set()).add(first)
    found = {}
    for start in beside:
        reached, waiting = {start: 0}, deque([start])
        while waiting:
            here = waiting.popleft()
            for there in beside[here] - reached.keys():
                reached[there] = reached[here] + 1
                waiting.append(there)
        found[start] = reached
    return found


def apart(first: tuple[int, int], second: tuple[int, int], far: dict[int, dict[int, int]]) -> int:
    return min(far[one][other] for one in first for other in second)


def test_pairs_are_two_edges_apart_and_each_is_the_best_that_is_left(device: Any) -> None:
    far = distances(device)
    found = [model.calibration for model in chosen(device, 4)]
    assert len({qubit for each in found for qubit in each.pair}) == 8
    for one, other in itertools.combinations(found, 2):
        assert apart(one.pair, other.pair, far) >= 2
    everything = list(pair_calibrations(device.target, device.properties()))
    for number, each in enumerate(found):
        left = [
            other.rough_visibility
            for other in everything
            if all(apart(other.pair, before.pair, far) >= 2 for before in found[:number])
        ]
        assert each.rough_visibility == max(left)


def test_neighbours_are_neighbours_in_both_directions() -> None:
    """Sherbrooke's two-qubit gate works in one direction only; each of its 144 couplings makes two neighbours."""
    neighbours = neighbours_of(Snapshot("sherbrooke").target)
    assert sum(map(len, neighbours.values())) == 2 * 144
    assert all(qubit in neighbours[other] for qubit, others in neighbours.items() for other in others)


def test_a_forced_pair_comes_first_in_the_order_given(device: Any) -> None:
    forced = qubits_of(chosen(device, 1))[0][::-1]
    pairs = qubits_of(chosen(device, 2, [forced]))
    assert pairs[0] == forced
    assert qubits_of(chosen(device, 2, pairs[::-1])) == pairs[::-1]


def test_forced_pairs_that_touch_are_refused(device: Any) -> None:
    far = distances(device)
    calibrations = pair_calibrations(device.target, device.properties())
    edges = sorted({(min(each.pair), max(each.pair)) for each in calibrations})
    touching = next((one, other) for one, other in itertools.combinations(edges, 2) if apart(one, other, far) == 1)
    with pytest.raises(BackendError, match="neighbours") as refusal:
        chosen(device, 2, touching)
    assert "\n" not in str(refusal.value)


def test_too_many_are_refused_and_the_number_told_is_reached(manila: Any) -> None:
    assert sorted(itertools.chain(*qubits_of(chosen(manila, 2)))) == [0, 1, 3, 4]
    with pytest.raises(BackendError, match="pairs=3, but only 2 pairs"):
        chosen(manila, 3)


def test_the_record_has_every_pair_and_the_means(manila: Any) -> None:
    models = chosen(manila, 2)
    record = json.loads(json.dumps(parallel_record("ibm_manila", manila.properties(), models)))
    assert [tuple(each["pair"]) for each in record["pairs"]] == qubits_of(models)
    for name in ("predicted_correlator_visibility", "predicted_chsh"):
        first, second = (each[name] for each in record["pairs"])
        assert record[name] == pytest.approx((first + second) / 2, rel=1e-12)
        assert first != second


def test_every_pair_of_the_circuit_has_its_own_angles_bits_and_nothing_of_the_others(manila: Any) -> None:
    """P(a, b) of each pair is that of |Φ+⟩ at its own angles, (1 ± cos(α−β))/4, and the joint law is the product."""
    from qiskit.quantum_info import Statevector

    models = chosen(manila, 2)
    circuit = parallel_circuit(models, 5, 2)
    wires = {
        circuit.find_bit(step.clbits[0]).index: circuit.find_bit(step.qubits[0]).index
        for step in circuit.get_instructions("measure")
    }
    assert [wires[bit] for bit in range(4)] == list(itertools.chain(*qubits_of(models)))
    angles = {"alpha_0": 0.3, "beta_0": 1.1, "alpha_1": 2.0, "beta_1": -0.4}
    bound = circuit.assign_parameters(angles).remove_final_measurements(inplace=False)
    joint = Statevector(bound).probabilities([wires[bit] for bit in range(4)]).reshape(2, 2, 2, 2)
    joint = joint.transpose(3, 2, 1, 0)  # Qiskit's first qubit is the last axis
    laws = [
        (1 + math.cos(angles[f"alpha_{pair}"] - angles[f"beta_{pair}"]) * np.array([[1, -1], [-1, 1]])) / 4
        for pair in range(2)
    ]
    np.testing.assert_allclose(joint, np.einsum("ab,cd->abcd", *laws), atol=1e-9)


def test_a_lone_pair_keeps_its_circuit(manila: Any) -> None:
    circuit = parallel_circuit(chosen(manila, 1), 5, 2)
    assert {parameter.name for parameter in circuit.parameters} == {"alpha", "beta"}
    assert "barrier" not in circuit.count_ops()


@pytest.mark.parametrize(
    ("pair", "pairs", "expected"),
    [
        (None, None, (1, ())),
        ("92-99", None, (1, ((92, 99),))),
        (None, "3", (3, ())),
        ("92-99", "3", (3, ((92, 99),))),
        ("92-99+12-13", None, (2, ((92, 99), (12, 13)))),
        ("92-99 + 12-13", "4", (4, ((92, 99), (12, 13)))),
    ],
)
def test_options_are_read(pair: str | None, pairs: str | None, expected: tuple[int, Any]) -> None:
    assert parse_pairs("ibm:fez", pair, pairs) == expected


@pytest.mark.parametrize(
    ("pair", "pairs", "told"),
    [
        (None, "0", "pairs=0 is not a number of pairs"),
        (None, "-2", "whole number of 1 or more"),
        (None, "2.5", "whole number of 1 or more"),
        (None, "two", "whole number of 1 or more"),
        ("1-2+4-5", "1", "pair= names 2; give pairs=2 or more"),
        ("1-2+", "2", "is not two qubits"),
    ],
)
def test_wrong_options_are_told_with_the_remedy(pair: str | None, pairs: str, told: str) -> None:
    with pytest.raises(BackendError, match=told):
        parse_pairs("ibm:fez", pair, pairs)
