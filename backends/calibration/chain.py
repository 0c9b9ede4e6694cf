"""Several Bell pairs for one pair of requests on a device: the best chain of qubits, and its exact noise model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from ...circuits.schedule import Setting
from ...model.errors import BackendError
from ...model.games.strategy import bell_pairs_for, hyperspherical_angles
from ..options import Pair
from .noise_model import QubitsModel
from .prediction import correlators_of
from .reading import PairCalibration, pair_calibrations

if TYPE_CHECKING:
    from qiskit.transpiler import Target

CANDIDATES = 4  # chains evaluated exactly


class ChainModel(QubitsModel):
    """A chain of a device's qubits, A_m–…–A_1–B_1–…–B_m, as a simulator of their own.

    Attributes:
        dimension: k, of the vectors its circuit measures.
    """

    def __init__(
        self, target: Target, couples: Mapping[frozenset[int], PairCalibration], path: Sequence[int], dimension: int
    ) -> None:
        """Simulate the chain.

        Args:
            target: The device's gates.
            couples: The calibration of neighbours.
            path: The qubits from A_m's end to B_m's.
            dimension: k.
        """
        pairs = len(path) // 2
        left, right = path[:pairs][::-1], path[pairs:]
        qubits = [qubit for pair in zip(left, right, strict=True) for qubit in pair]
        super().__init__(target, qubits, [couples[frozenset(couple)] for couple in pairwise(path)])
        self.dimension = dimension

    @cached_property
    def visibilities(self) -> tuple[float, ...]:
        """E of equal vectors along every axis, k of them; 1 without noise."""
        axes = hyperspherical_angles(np.eye(self.dimension)).tolist()
        settings = [Setting.of(0, 0, angles, angles) for angles in axes]
        return tuple(correlators_of(self.probabilities(settings)).tolist())

    @property
    def visibility(self) -> float:
        """Mean of `visibilities`."""
        return float(np.mean(self.visibilities))

    def record(self, device: str, properties: Any) -> dict[str, Any]:
        """JSON-ready: the chain, its calibration and what is predicted for it."""
        return {
            "device": device,
            "last_update_date": properties.last_update_date.isoformat(),
            "bell_pairs": [list(pair) for pair in self.pairs],
            "chain": [each.record() for each in self.couples],
            "two_qubit_gates": sum(1 for step in self.circuit(self.dimension).data if len(step.qubits) == 2),
            "predicted_correlator_visibility": self.visibility,
            "predicted_visibility_of_axes": list(self.visibilities),
        }


def best_chain(name: str, target: Target, properties: Any, dimension: int, forced: Pair | None = None) -> ChainModel:
    """The chain with the largest mean visibility by the exact noise model, among the most promising.

    Args:
        dimension: k ≥ 4, of the vectors.
        forced: A's and B's measured qubits, if the user chose them.

    Raises:
        BackendError: there is no such chain of working qubits.
    """
    pairs = bell_pairs_for(dimension)
    couples: dict[frozenset[int], PairCalibration] = {}
    for each in pair_calibrations(target, properties):
        key = frozenset(each.pair)
        if key not in couples or each.gate_error < couples[key].gate_error:
            couples[key] = each
    found = [path for path in _chains(couples, 2 * pairs) if forced is None or path[pairs - 1 : pairs + 1] == forced]
    if not found:
        through = f" with qubits {forced[0]}-{forced[1]} in its middle" if forced else ""
        raise BackendError(
            f"{name}: no chain of {2 * pairs} working qubits{through} for {pairs} Bell pairs; choose another snapshot, "
            "or set bell_pairs = 1 in [experiment]"
        )
    found.sort(key=lambda path: (_rough_loss(couples, path), path))
    models = [ChainModel(target, couples, path, dimension) for path in found[:CANDIDATES]]
    return max(models, key=lambda model: model.visibility)


def _chains(couples: Iterable[frozenset[int]], length: int) -> Iterator[tuple[int, ...]]:
    """Every path over so many different qubits, in both directions."""
    neighbours: dict[int, list[int]] = {}
    for first, second in (sorted(couple) for couple in couples):
        neighbours.setdefault(first, []).append(second)
        neighbours.setdefault(second, []).append(first)
    paths: list[tuple[int, ...]] = [(qubit,) for qubit in sorted(neighbours)]
    while paths:
        path = paths.pop()
        if len(path) == length:
            yield path
        else:
            paths += [(*path, qubit) for qubit in neighbours[path[-1]] if qubit not in path]


def _rough_loss(couples: Mapping[frozenset[int], PairCalibration], path: Sequence[int]) -> float:
    """−log of a product of losses, to rank chains by: every gate as often as it occurs, and the readout in the middle.

    Between A_j and A_{j+1}, each of the m−j outer pairs takes two gates to pass, and a rotation takes two more.
    """
    pairs = len(path) // 2
    loss = 0.0
    for place, couple in enumerate(pairwise(path)):
        calibration = couples[frozenset(couple)]
        inner = abs(place - (pairs - 1))  # 0 between A_1 and B_1, j between the j-th and the next qubit of a router
        times = pairs if inner == 0 else 2 * (pairs - inner) + 2
        loss -= times * log(max(1 - calibration.gate_error * 4 / 3, 1e-12))
        if inner == 0:
            loss -= sum(log(1 - each.readout_0to1 - each.readout_1to0) for each in (calibration.a, calibration.b))
    return loss
