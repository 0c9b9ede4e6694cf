"""What the double of IBM Quantum does with an executor program: check it, simulate it with Aer, encode its result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import qiskit_aer  # noqa: F401  (Aer crashes if the thread that was the first to import it has ended)
from numpy.typing import NDArray

Bits = NDArray[np.bool_]


class Sent(NamedTuple):
    """What an executor job is to do.

    Attributes:
        circuit: Its only circuit.
        rows: Values of the circuit's parameters, shape (rows, parameters).
        shots: Shots of each row.
        program: All of it, as the client's schema has it.
    """

    circuit: Any
    rows: NDArray[np.float64]
    shots: int
    program: Any


def decode_program(params: Mapping[str, Any]) -> Sent:
    """The quantum program in the parameters of an executor job, version 2.0.

    Raises:
        ValueError: it is not one, or has several circuits.
    """
    from ibm_quantum_schemas.executor.version_2_0 import ParamsModel  # type: ignore[import-untyped]

    program = ParamsModel.model_validate(params).quantum_program
    (circuit,), (item,) = program.circuits.to_python(), program.items
    if item.item_type != "circuit":
        raise NotImplementedError(f"items of type {item.item_type}, which twirling makes")
    return Sent(circuit, item.circuit_arguments.to_numpy(), program.shots, program)


def not_supported(circuit: Any, configuration: Mapping[str, Any]) -> Iterator[str]:
    """What in a circuit the device has no instruction for, in the service's words."""
    sites = {gate["name"]: gate.get("coupling_map") for gate in configuration["gates"]}
    for step in circuit.data:
        name = step.operation.name
        qubits = [circuit.find_bit(qubit).index for qubit in step.qubits]
        if name in ("barrier", "delay", "measure", "reset"):
            continue
        if name not in configuration["basis_gates"] or (sites.get(name) and qubits not in sites[name]):
            yield f"The instruction {name} on qubits {tuple(qubits)} is not supported by the target system."


def simulate(circuit: Any, rows: NDArray[np.float64], shots: int, noise: Any, rng: np.random.Generator) -> Bits:
    """Run a circuit for each row of parameters.

    Args:
        circuit: A circuit on a device's qubits.
        rows: Values of `circuit.parameters`, shape (…, parameters).
        shots: Of each row.
        noise: A NoiseModel or None.
        rng: Source of the simulator's seed and of the order of equal rows' shots.

    Returns:
        Classical bits, shape (…, shots, bits of the circuit), in the circuit's order.
    """
    from qiskit_aer import AerSimulator

    number = math.prod(rows.shape[:-1])
    flat = rows.reshape(number, rows.shape[-1]) if rows.shape[-1] else np.zeros((number, 1))
    settings, which = np.unique(flat, axis=0, return_inverse=True)
    which = which.ravel()  # numpy 2.0 gives it as many dimensions as the array
    needed = np.bincount(which) * shots
    binds = {parameter: settings[:, column].tolist() for column, parameter in enumerate(circuit.parameters)}
    simulator = AerSimulator(method="density_matrix" if noise else "statevector", noise_model=noise)
    run = simulator.run(
        on_active_qubits(circuit),
        parameter_binds=[binds] if binds else None,
        shots=int(needed.max()),
        seed_simulator=int(rng.integers(2**31)),
    ).result()
    if not run.success:
        raise RuntimeError(f"Aer: {run.status}")
    drawn = []
    for setting, wanted in enumerate(needed):
        counts = run.data(setting)["counts"]
        words = np.repeat([int(word, 16) for word in counts], list(counts.values()))
        drawn.append(rng.permutation(words)[:wanted])
    words_of_rows = np.empty((number, shots), dtype=np.int64)
    words_of_rows[np.argsort(which, kind="stable")] = np.concatenate(drawn).reshape(number, shots)
    bits = (words_of_rows[..., None] >> np.arange(circuit.num_clbits)) & 1
    return bits.astype(np.bool_).reshape(*rows.shape[:-1], shots, circuit.num_clbits)


def on_active_qubits(circuit: Any) -> Any:
    """The same circuit without the qubits nothing is done to: a whole device's state does not fit into memory."""
    from qiskit import QuantumCircuit

    steps = [step for step in circuit.data if step.operation.name not in ("barrier", "delay")]
    qubits = sorted({circuit.find_bit(qubit).index for step in steps for qubit in step.qubits})
    place = {circuit.qubits[index]: position for position, index in enumerate(qubits)}
    small = QuantumCircuit(len(qubits), circuit.num_clbits)
    for step in steps:
        small.append(
            step.operation,
            [place[qubit] for qubit in step.qubits],
            [circuit.find_bit(bit).index for bit in step.clbits],
        )
    return small


def encode_result(bits: Bits, sent: Sent) -> bytes:
    """The result document of an executor program, version 2.0, with the bits of the circuit's only register."""
    from ibm_quantum_schemas.common import CompressedTensorModel  # type: ignore[import-untyped]
    from ibm_quantum_schemas.executor.version_2_0 import (
        ItemMetadataModel,
        MetadataModel,
        QuantumProgramResultItemModel,
        QuantumProgramResultModel,
    )

    (register,) = sent.circuit.cregs
    item = QuantumProgramResultItemModel(
        results={register.name: CompressedTensorModel.from_numpy(bits)},
        metadata=ItemMetadataModel(),
    )
    result = QuantumProgramResultModel(
        data=[item],
        metadata=MetadataModel(chunk_timing=[]),
        passthrough_data=sent.program.passthrough_data,
        semantic_role=sent.program.semantic_role,
    )
    text: str = result.model_dump_json()
    return text.encode()
