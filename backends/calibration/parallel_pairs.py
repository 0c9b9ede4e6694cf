"""Several Bell pairs of one device at once: far enough apart that none touches another, and their common circuit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...circuits.tsirelson import angle_names
from ...model.errors import BackendError
from ..options import Pair
from .best_pair import PairModel
from .reading import PairCalibration, forced_calibration, ranked_calibrations

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target


def parallel_pairs(
    name: str, target: Target, properties: Any, count: int, forced: Sequence[Pair] = ()
) -> tuple[PairModel, ...]:
    """Pairs of which no qubit is a neighbour of another pair's, chosen greedily by their predicted visibility.

    The forced ones come first, in the order given; then whichever is best (`PairCalibration.rough_visibility`) of
    those that touch none of the pairs before. A neighbour counts whether or not its gate works.

    Raises:
        BackendError: fewer than k pairs are found this way, or the forced ones touch or do not work.
    """
    neighbours = neighbours_of(target)
    chosen: list[PairCalibration] = []
    for pair in forced:
        touched = next((each.pair for each in chosen if not are_separated(each.pair, pair, neighbours)), None)
        if touched:
            told = f"pair={touched[0]}-{touched[1]} and {pair[0]}-{pair[1]}"
            raise BackendError(f"{name}: {told} share a qubit or are neighbours; force pairs at least two edges apart")
        chosen.append(forced_calibration(name, target, properties, pair))
    for calibration in ranked_calibrations(name, target, properties):
        if len(chosen) >= count:
            break
        if all(are_separated(each.pair, calibration.pair, neighbours) for each in chosen):
            chosen.append(calibration)
    if len(chosen) < count:
        found = f"only {len(chosen)} pair{'s' if len(chosen) != 1 else ''}"
        raise BackendError(f"{name}: pairs={count}, but {found} at least two edges apart were found; ask for fewer")
    return tuple(PairModel(target, calibration) for calibration in chosen)


def neighbours_of(target: Target) -> Mapping[int, frozenset[int]]:
    """The qubits that share an edge of the coupling map with each qubit, in either direction."""
    coupling = target.build_coupling_map().graph.to_undirected(multigraph=False)
    return {qubit: frozenset(coupling.neighbors(qubit)) for qubit in range(target.num_qubits)}


def are_separated(first: Pair, second: Pair, neighbours: Mapping[int, frozenset[int]]) -> bool:
    """Whether two pairs share no qubit, and no qubit of one is a neighbour of the other's."""
    return not any(qubit in second or neighbours.get(qubit, frozenset()) & set(second) for qubit in first)


def parallel_circuit(models: Sequence[PairModel], qubits: int, dimension: int = 2) -> QuantumCircuit:
    """The circuits of all pairs on the device's own qubits, all measured at the same moment.

    A lone pair keeps its parameters alpha and beta (and alpha2 and beta2 if bases do not lie in a plane); of
    several, pair j has alpha_j and beta_j. Classical bits 2j and 2j+1 are A's and B's of pair j.

    Args:
        dimension: k, of the vectors measured: 2 or 3.
    """
    from qiskit import QuantumCircuit

    wide = QuantumCircuit(qubits, 2 * len(models), name="bell")
    if len(models) == 1:
        return wide.compose(models[0].circuit(dimension), qubits=models[0].calibration.pair, clbits=[0, 1])
    for number, model in enumerate(models):
        bare = model.circuit(dimension).remove_final_measurements(inplace=False)
        wide.compose(_renamed(bare, number), qubits=model.calibration.pair, inplace=True)
    used = [qubit for model in models for qubit in model.calibration.pair]
    wide.barrier(used)  # no pair is read out while another one's gates still run
    wide.measure(used, range(len(used)))
    return wide


def parameter_names(count: int, dimension: int = 2) -> tuple[str, ...]:
    """Names of the parameters of `parallel_circuit`: A's and B's of each pair in turn."""
    names = angle_names(dimension)
    return names if count == 1 else tuple(f"{name}_{number}" for number in range(count) for name in names)


def parallel_record(device: str, properties: Any, models: Sequence[PairModel]) -> dict[str, Any]:
    """JSON-ready: every pair with its calibration and what is predicted for it, and their means."""
    return {
        "device": device,
        "last_update_date": properties.last_update_date.isoformat(),
        "parallel": len(models),
        "predicted_correlator_visibility": float(np.mean([model.visibility for model in models])),
        "predicted_chsh": float(np.mean([model.chsh for model in models])),
        "pairs": [model.record() for model in models],
    }


def _renamed(circuit: QuantumCircuit, number: int) -> QuantumCircuit:
    """The circuit with the number of its pair in the names of its parameters."""
    from qiskit.circuit import Parameter

    return circuit.assign_parameters(
        {parameter: Parameter(f"{parameter.name}_{number}") for parameter in circuit.parameters}
    )
